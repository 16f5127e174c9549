"""Beads registered to a fraction of a voxel, and averaged without being blurred.

Shifting beads by interpolation before they are averaged would smooth them.  Here the average is a
spline whose shifted samples come nearest to all beads at once (least squares, solved with conjugate
gradients), so that beads at different places within their pixels even add resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.job import Job, Progress, run
from limelight.core.pool import each
from limelight.core.psf.spline import SplinePSF, basis, coefficients_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["AveragedBeads", "average_beads", "average_job"]

_ROUNDS = 3
_DESCENTS = 12  # conjugate gradient steps per round: the start is good
_ALIGNMENTS = 8
_LATERAL = 1e-4  # share of a smoothness term that ties down what no bead sees


@dataclass(frozen=True, eq=False)
class AveragedBeads:
    """The average of some beads.

    Parameters
    ----------
    model : SplinePSF
        Their average as a spline; ``model.volume()`` is the averaged image.
    shift : 2D array (n, 3)
        Place of each bead from its box's centre, along z, y, x, voxels.
    amplitude : 1D array (n,)
        Light of each bead in the slice of the focus, in the unit of the stack.
    background : 1D array (n,)
        Level of each bead.
    similarity : 1D array (n,)
        Correlation of each bead with the average, 1 at most.
    used : 1D array of bool (n,)
        Beads that the average is made of.
    """

    model: SplinePSF
    shift: Floats
    amplitude: Floats
    background: Floats
    similarity: Floats
    used: NDArray[np.bool_]


class _Shift:
    """From coefficients to samples of the spline at a shifted place, and back.

    All samples lie at the same place in their cells, so that each axis is a sum of four shifted
    copies.  Samples that the spline does not reach are 0.
    """

    def __init__(self, shape: tuple[int, ...], shift: Floats) -> None:
        self.shape = shape
        self._axes: list[tuple[int, int, int, Floats, Floats]] = []
        for n, s in zip(shape, shift.tolist(), strict=True):
            first = min(max(math.ceil(s - 1e-6), 0), n)
            last = max(min(math.floor(n - 1 + s + 1e-6), n - 1), first - 1)
            cell = math.floor(-s)
            weights, slopes = basis(-s - cell)
            self._axes.append((first, last + 1, cell, weights, slopes))

    @property
    def slices(self) -> slice:
        """Slices along z that the spline reaches."""
        return slice(*self._axes[0][:2])

    def samples(self, solid: Floats, slope: int = -1) -> Floats:
        """Return the samples, or their slope along an axis."""
        for axis, (first, stop, cell, weights, slopes) in enumerate(self._axes):
            n = self.shape[axis]
            source = np.moveaxis(solid, axis, 0)
            target = np.zeros((n, *source.shape[1:]))
            for k, w in enumerate(slopes if slope == axis else weights):
                low, high = first, stop
                if low + cell + k < 0:
                    low = -cell - k
                if high + cell + k > n + 2:
                    high = n + 2 - cell - k
                target[low:high] += w * source[low + cell + k : high + cell + k]
            solid = np.moveaxis(target, 0, axis)
        return solid

    def spread(self, volume: Floats) -> Floats:
        """Return what the transposed operation makes of samples: coefficients."""
        for axis, (first, stop, cell, weights, _) in enumerate(self._axes):
            n = self.shape[axis]
            source = np.moveaxis(volume, axis, 0)
            target = np.zeros((n + 2, *source.shape[1:]))
            for k, w in enumerate(weights):
                low, high = first, stop
                if low + cell + k < 0:
                    low = -cell - k
                if high + cell + k > n + 2:
                    high = n + 2 - cell - k
                target[low + cell + k : high + cell + k] += w * source[low:high]
            volume = np.moveaxis(target, 0, axis)
        return volume


def _third(solid: Floats, axis: int) -> Floats:
    """D^T D of the third differences along an axis."""
    rough = np.diff(solid, 3, axis)
    around = [(3, 3) if k == axis else (0, 0) for k in range(3)]
    return -np.diff(np.pad(rough, around), 3, axis)


def _least_squares(terms: Floats, data: Floats) -> Floats:
    """Solve for the factors of a few terms (n, V); by einsum, as BLAS would start threads."""
    matrix = np.einsum("pv,qv->pq", terms, terms)
    size = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    right = np.einsum("pv,v->p", terms, data) / size
    found: Floats = np.linalg.lstsq(matrix / np.outer(size, size), right, rcond=1e-10)[0] / size
    return found


def _first_shift(reference: Floats, bead: Floats) -> Floats:
    """Shift of a bead from another, from the peak of their correlation, to about a tenth."""
    shape, axes = [2 * n for n in bead.shape], (0, 1, 2)
    a = np.fft.rfftn(bead - np.median(bead), shape, axes)
    b = np.fft.rfftn(reference - np.median(reference), shape, axes)
    correlation = np.fft.irfftn(a * b.conj(), shape, axes)
    for axis, limit in enumerate((bead.shape[0] // 2, 3, 3)):
        n = shape[axis]
        distance = np.minimum(np.arange(n), n - np.arange(n))
        keep = np.reshape(distance <= limit, [-1 if k == axis else 1 for k in range(3)])
        correlation = np.where(keep, correlation, -np.inf)
    peak = np.array(np.unravel_index(int(np.argmax(correlation)), correlation.shape))
    found = np.empty(3)
    for axis in range(3):
        n = shape[axis]
        at = [tuple((peak + (np.arange(3) == axis) * d) % shape) for d in (-1, 0, 1)]
        low, middle, high = (float(correlation[p]) for p in at)
        bend = low - 2 * middle + high
        fine = 0.5 * (low - high) / bend if math.isfinite(bend) and bend < 0 else 0.0
        found[axis] = (peak[axis] + n // 2) % n - n // 2 + fine
    return found


def _align(
    solid: Floats, bead: Floats, shift: Floats, rounds: int = _ALIGNMENTS
) -> tuple[Floats, float, float, float]:
    """Fit place, light and level of a bead with the average; return them and the correlation."""
    place = shift.copy()
    limit = np.array([0.45 * bead.shape[0], 4.0, 4.0])
    amplitude = level = similarity = 0.0
    settled = False
    for turn in range(rounds + 1):
        moved = _Shift(bead.shape, place)
        model = moved.samples(solid)
        there = moved.slices
        data, shape = bead[there].ravel(), model[there].ravel()
        terms = np.stack([shape, np.ones_like(shape)])
        amplitude, level = _least_squares(terms, data)
        similarity = float(np.corrcoef(shape, data)[0, 1]) if shape.std() > 0 else 0.0
        if settled or turn == rounds or amplitude <= 0:
            break
        gradients = [-amplitude * moved.samples(solid, a) for a in range(3)]
        system = np.stack([*(g[there].ravel() for g in gradients), *terms])
        left = data - amplitude * shape - level
        move = _least_squares(system, left)[:3]
        largest = float(np.abs(move).max())
        place = np.clip(place + move * min(1.0, 1.0 / max(largest, 1e-12)), -limit, limit)
        settled = largest < 1e-3
    return place, float(amplitude), float(level), similarity


def _align_one(
    solid: Floats, beads: Sequence[Floats], shifts: Floats, k: int
) -> tuple[Floats, float, float, float]:
    return _align(solid, beads[k], shifts[k])


def _solve(
    beads: Sequence[Floats],
    shifts: Floats,
    amplitudes: Floats,
    levels: Floats,
    start: Floats,
    smooth: float,
    threads: int | None,
) -> Floats:
    """Coefficients whose shifted samples come nearest to all beads."""
    moved = [_Shift(b.shape, s) for b, s in zip(beads, shifts, strict=True)]
    total = float(np.sum(amplitudes**2))

    def normal(solid: Floats) -> Floats:
        parts = each(
            lambda k: amplitudes[k] ** 2 * moved[k].spread(moved[k].samples(solid)),
            range(len(beads)),
            threads,
        )
        found = np.sum(parts, axis=0)
        found += total * (smooth * _third(solid, 0))
        for axis in (1, 2):
            found += total * _LATERAL * _third(solid, axis)
        return np.asarray(found)

    right = np.sum(
        each(
            lambda k: amplitudes[k] * moved[k].spread(beads[k] - levels[k]),
            range(len(beads)),
            threads,
        ),
        axis=0,
    )
    solid = start.copy()
    left = right - normal(solid)
    direction, power = left.copy(), float(np.vdot(left, left))
    goal = 1e-10 * float(np.vdot(right, right))
    for _ in range(_DESCENTS):
        if power <= goal:
            break
        image = normal(direction)
        length = power / float(np.vdot(direction, image))
        solid += length * direction
        left -= length * image
        new = float(np.vdot(left, left))
        direction = left + new / power * direction
        power = new
    return solid


def average_beads(cuts: Sequence[NDArray[np.float64]], **values: Any) -> AveragedBeads:
    """Register beads and average them: `average_job` without its progress."""
    return run(average_job(cuts, **values))


def average_job(
    cuts: Sequence[NDArray[np.float64]],
    *,
    pixel_nm: float,
    step_nm: float,
    smooth_nm: float = 25.0,
    similarity: float = 0.9,
    about: Mapping[str, object] | None = None,
    threads: int | None = None,
) -> Job[AveragedBeads]:
    """Register beads and average them.

    Parameters
    ----------
    cuts : sequence of 3D array (Z, box, box)
        One box of all slices around each bead, any unit; all of the same shape.
    pixel_nm, step_nm : float
        Size of a pixel and distance of the slices, nm.
    smooth_nm : float
        Structure along z that is shorter than about six times this is noise, and is smoothed away.
    similarity : float
        Beads that correlate less than this with the average of all are left out.
    about : mapping, optional
        Kept with the model.
    threads : int, optional
        Number of threads; all cores if not given.

    Yields
    ------
    Progress
        Rounds of averaging and registration that are done.

    Returns
    -------
    AveragedBeads
        z is 0 in the middle of the sharp slices, x and y are 0 in the middle of the light there.

    Raises
    ------
    ParameterError
        If there is no bead, or a shape or a number is of no use.
    """
    from scipy import ndimage

    if not cuts:
        raise ParameterError("There is no bead to average. Look why all of them were rejected.")
    beads = [np.asarray(c, np.float64) for c in cuts]
    shape = beads[0].shape
    if any(b.shape != shape for b in beads) or len(shape) != 3 or min(shape) < 7:
        raise ParameterError(
            f"Beads must be boxes of one shape, at least 7 slices and 7 pixels, not {shape}."
        )
    if not (pixel_nm > 0 and step_nm > 0 and smooth_nm >= 0):
        raise ParameterError("Averaging needs the size of a pixel and the step in nm, above 0.")
    smooth = max((smooth_nm / step_nm) ** 6, 1e-6)
    brightest = int(np.argmax([np.percentile(b, 99.5) - np.median(b) for b in beads]))
    reference = beads[brightest]
    shifts = np.stack(each(lambda b: _first_shift(reference, b), beads, threads))
    shifts -= np.median(shifts, axis=0)
    levels = np.array([_level(b) for b in beads])
    amplitudes = np.array([float((b - v).sum()) for b, v in zip(beads, levels, strict=True)])
    amplitudes = np.maximum(amplitudes, 1e-6 * np.abs(amplitudes).max())
    amplitudes /= np.median(amplitudes)
    used = np.ones(len(beads), np.bool_)
    start = coefficients_of((reference - levels[brightest]) / amplitudes[brightest])
    start = ndimage.shift(start, -shifts[brightest], order=1, mode="nearest")
    likeness = np.ones(len(beads))
    for turn in range(_ROUNDS):
        chosen = np.flatnonzero(used)
        start = _solve(
            [beads[k] for k in chosen],
            shifts[chosen],
            amplitudes[chosen],
            levels[chosen],
            start,
            smooth,
            threads,
        )
        found = each(partial(_align_one, start, beads, shifts), range(len(beads)), threads)
        shifts = np.stack([f[0] for f in found])
        amplitudes = np.maximum(np.array([f[1] for f in found]), 1e-9)
        levels = np.array([f[2] for f in found])
        likeness = np.array([f[3] for f in found])
        used = likeness >= similarity
        if not used.any():
            used[int(np.argmax(likeness))] = True
        yield Progress(turn + 1, _ROUNDS + 1, f"{int(used.sum())} beads registered")
    chosen = np.flatnonzero(used)
    final = _solve(
        [beads[k] for k in chosen],
        shifts[chosen],
        amplitudes[chosen],
        levels[chosen],
        start,
        smooth,
        threads,
    )
    model = _centred(final, pixel_nm, step_nm, dict(about or {}) | {"beads": len(chosen)})
    return AveragedBeads(model, shifts, amplitudes, levels, likeness, used)


def _level(bead: Floats) -> float:
    rim = np.concatenate([bead[:, 0], bead[:, -1], bead[:, :, 0], bead[:, :, -1]], axis=1)
    return float(np.median(np.percentile(rim, 25, axis=1)))


def _centred(
    solid: Floats, pixel_nm: float, step_nm: float, about: Mapping[str, object]
) -> SplinePSF:
    """Find origin and level of the average, and make the model."""
    shape = tuple(n - 2 for n in solid.shape)
    whole = _Shift(shape, np.zeros(3))
    volume = whole.samples(solid)
    sharp = np.sum(volume**2, axis=(1, 2)) - np.sum(volume, axis=(1, 2)) ** 2 / volume[0].size
    weight = np.maximum(sharp - np.percentile(sharp, 20), 0)
    focus = float(weight @ np.arange(shape[0]) / weight.sum()) if weight.any() else shape[0] / 2
    near = volume[max(round(focus) - 1, 0) : round(focus) + 2].mean(axis=0)
    rim = np.concatenate([near[0], near[-1], near[1:-1, 0], near[1:-1, -1]])
    offset = float(np.percentile(rim, 25))
    light = np.maximum(near - offset - 0.1 * (near.max() - offset), 0)
    y, x = (float(np.sum(light * g) / light.sum()) for g in np.indices(light.shape))
    # B-splines add up to one: a level of the volume is a level of its coefficients
    kept = np.asarray(solid - offset)
    slice_ = min(max(round(focus), 0), shape[0] - 1)
    total = float(volume[slice_].sum() - offset * volume[slice_].size)
    if not total > 0:
        raise ParameterError("The beads have no light above their background.")
    return SplinePSF(
        (kept / total).astype(np.float32), pixel_nm, step_nm, (focus, y, x), dict(about)
    )
