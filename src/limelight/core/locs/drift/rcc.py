"""Drift by redundant cross-correlation of pictures of the movie's segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from scipy import fft

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column, movie_length
from limelight.core.locs.drift._peak import fit_peak
from limelight.core.locs.drift._segments import segments
from limelight.core.locs.drift.curve import Drift, interpolate
from limelight.core.pool import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rcc", "robust_positions"]

_LEAST = 50
_HALF = 4  # bins around the largest value that are fitted
_AGREE = 0.5  # px by which a pair may differ from the positions that all pairs give
_MAX_BYTES = 2 * 2**30
_MAX_BINS = 2**22  # of a picture


@njit(nogil=True, cache=True)
def _deposit(image, y, x, zoom, top, left):  # type: ignore[no-untyped-def]
    """Share each molecule among the four nearest bins, which keeps its place exactly."""
    height, width = image.shape
    for n in range(len(x)):
        v, u = (y[n] - top) * zoom, (x[n] - left) * zoom
        i, j = int(np.floor(v)), int(np.floor(u))
        if i < 0 or j < 0 or i >= height - 1 or j >= width - 1:
            continue
        b, a = np.float32(v - i), np.float32(u - j)
        one = np.float32(1)
        image[i, j] += (one - b) * (one - a)
        image[i, j + 1] += (one - b) * a
        image[i + 1, j] += b * (one - a)
        image[i + 1, j + 1] += b * a


def rcc(
    table: Table,
    segment_frames: int = 500,
    max_shift: float = 5.0,
    bin_size: float = 0.5,
    *,
    threads: int | None = None,
) -> Drift:
    """Measure the drift by redundant cross-correlation.

    The movie is cut into segments, the pictures of all pairs of segments are correlated, and the
    segments' positions follow from all shifts by robust least squares (Wang et al., Opt. Express
    22, 15982, 2014).

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules.
    segment_frames : int
        Frames per segment, about.  Shorter follows faster drift, longer has more molecules.
    max_shift : float
        Largest displacement between two segments that is looked for, px.
    bin_size : float
        Pixel of the pictures, in camera pixels; made larger for a field of more than about
        1000 px, and where memory would not do.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Drift
        The curve (``dx``, ``dy``, px).

    Raises
    ------
    ParameterError
        If there are too few frames or molecules, a column is missing or not finite, or a setting
        is out of range.
    """
    locs = as_locs(table)
    for name, value in (("max_shift", max_shift), ("bin_size", bin_size)):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"rcc: {name} must be more than 0 px, not {value}.")
    frame = frame_column(locs, "rcc", least=2 * _LEAST)
    x, y = checked(locs, "rcc", "x", "y")
    frames = movie_length(locs, frame)
    segment, time = segments(frame, frames, segment_frames, _LEAST, "rcc")
    count = len(time)

    top, left = float(y.min()), float(x.min())
    extent = np.array([float(y.max()) - top, float(x.max()) - left])
    while True:
        zoom = 1.0 / bin_size
        # A border of the largest shift keeps the opposite sides of the field apart.
        shape = [fft.next_fast_len(int(e * zoom + max_shift * zoom) + 3, real=True) for e in extent]
        bins = shape[0] * shape[1]
        if bins <= _MAX_BINS and 4 * count * bins <= _MAX_BYTES:
            break
        bin_size *= 1.25
    spectra = _spectra(segment, count, y, x, zoom, top, left, (shape[0], shape[1]), threads)

    reach = int(np.ceil(max_shift * zoom))
    window = _Window(shape[0], shape[1], reach)

    def one(i: int) -> list[tuple[float, float, bool]]:
        return [window.shift(spectra[i], spectra[j]) for j in range(i + 1, count)]

    rows = each(one, range(count - 1), threads)
    first, second = np.triu_indices(count, 1)
    found = np.array([pair for row in rows for pair in row])
    good = found[:, 2] > 0
    return _solved(frames, time, first, second, found / zoom, good, segment_frames, max_shift)


def _spectra(
    segment: NDArray[np.int64],
    count: int,
    y: NDArray[Any],
    x: NDArray[Any],
    zoom: float,
    top: float,
    left: float,
    shape: tuple[int, int],
    threads: int | None,
) -> NDArray[np.complex64]:
    """Return the Fourier transforms of all segments' pictures."""
    order = np.argsort(segment, kind="stable")
    edge = np.searchsorted(segment[order], np.arange(count + 1))
    spectra = np.empty((count, shape[0], shape[1] // 2 + 1), np.complex64)
    filled = [int(np.ceil((float(v.max()) - o) * zoom)) + 1 for v, o in ((y, top), (x, left))]

    def one(s: int) -> None:
        rows = order[edge[s] : edge[s + 1]]
        image = np.zeros(shape, np.float32)
        _deposit(image, y[rows], x[rows], zoom, top, left)
        # Without its mean the field's own outline, which does not drift, has no correlation.
        field = image[: filled[0], : filled[1]]
        field -= field.mean()
        spectra[s] = fft.rfft2(image)

    each(one, range(count), threads)
    return spectra


@njit(nogil=True, cache=True)
def _window_kernel(a, b, cos_y, sin_y, cos_x, sin_x):  # type: ignore[no-untyped-def]
    """Return the cross-correlation for small shifts only, straight from two spectra.

    ``cos_y``, ``sin_y`` (shifts >= 0, rows) and ``cos_x``, ``sin_x`` (all shifts, columns) are
    the inverse transform's phases.  A whole inverse transform would compute all shifts, most of
    which nobody looks at.
    """
    height, width = a.shape
    half, wide = len(cos_y), len(cos_x)
    even, odd = np.zeros((half, 2, width), np.float32), np.zeros((half, 2, width), np.float32)
    real, imag = np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(height):
        for j in range(width):
            p, q = a[i, j], b[i, j]
            real[j] = p.real * q.real + p.imag * q.imag
            imag[j] = p.real * q.imag - p.imag * q.real
        for r in range(half):
            c, s = cos_y[r, i], sin_y[r, i]
            er, ei, dr, di = even[r, 0], even[r, 1], odd[r, 0], odd[r, 1]
            for j in range(width):
                er[j] += c * real[j]
                ei[j] += c * imag[j]
                dr[j] += s * real[j]
                di[j] += s * imag[j]
    values = np.empty((2 * half - 1, wide), np.float64)
    for r in range(half):
        for k in range(wide):
            up, down = 0.0, 0.0
            for j in range(width):
                c, s = cos_x[k, j], sin_x[k, j]
                # exp(+-i y) (real + i imag) exp(i x), its real part
                up += c * (even[r, 0, j] - odd[r, 1, j]) - s * (even[r, 1, j] + odd[r, 0, j])
                down += c * (even[r, 0, j] + odd[r, 1, j]) - s * (even[r, 1, j] - odd[r, 0, j])
            values[half - 1 + r, k] = up
            values[half - 1 - r, k] = down
    return values


class _Window:
    """The part of a correlation around no shift."""

    def __init__(self, height: int, width: int, reach: int) -> None:
        # Beyond the reach there is a border for the patch that is fitted.
        self.reach = max(min(reach, (min(height, width) - 1) // 2 - _HALF), 1)
        shifts = np.arange(self.reach + _HALF + 1)
        y = 2 * np.pi * np.outer(shifts, np.arange(height)) / height
        kx = np.arange(width // 2 + 1)
        x = 2 * np.pi * np.outer(np.concatenate([-shifts[:0:-1], shifts]), kx) / width
        # The other half of the plane mirrors this one.
        double = np.where((kx == 0) | (2 * kx == width), 1.0, 2.0)
        self.phases = [
            np.ascontiguousarray(v, np.float32)
            for v in (np.cos(y), np.sin(y), np.cos(x) * double, np.sin(x) * double)
        ]

    def shift(
        self, a: NDArray[np.complex64], b: NDArray[np.complex64]
    ) -> tuple[float, float, bool]:
        """Return by how many bins (y, x) the second picture lies further than the first."""
        values = _window_kernel(a, b, *self.phases)
        inner = values[_HALF:-_HALF, _HALF:-_HALF]
        i, j = np.unravel_index(int(inner.argmax()), inner.shape)
        side = 2 * _HALF + 1
        y, x, good = fit_peak(np.ascontiguousarray(values[i : i + side, j : j + side]))
        # A largest value at the very border is no peak.
        good = good and 0 < i < inner.shape[0] - 1 and 0 < j < inner.shape[1] - 1
        return i + y - _HALF - self.reach, j + x - _HALF - self.reach, bool(good)


def robust_positions(
    count: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    shift: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find positions from differences, some of which are wrong.

    Iteratively reweighted least squares with Tukey's biweight, started from Huber's weights.

    Parameters
    ----------
    count : int
        Number of positions.
    first, second : 1D array of int64 (pairs,)
        Indices of each pair.
    shift : 2D array of float64 (pairs, axes)
        Position of the second less that of the first.
    weight : 1D array of float64 (pairs,)
        0 leaves a pair out.

    Returns
    -------
    positions : 2D array of float64 (count, axes)
        With mean 0.
    residual : 1D array of float64 (pairs,)
        Length of what does not fit, per pair.
    """
    w = weight.astype(np.float64)
    positions: NDArray[np.float64] = np.zeros((count, shift.shape[1]))
    residual = np.zeros(len(shift))
    for step in range(30):
        laplacian = np.zeros((count, count))
        right = np.zeros((count, shift.shape[1]))
        np.add.at(laplacian, (first, first), w)
        np.add.at(laplacian, (second, second), w)
        np.add.at(laplacian, (first, second), -w)
        np.add.at(laplacian, (second, first), -w)
        np.add.at(right, second, w[:, None] * shift)
        np.add.at(right, first, -w[:, None] * shift)
        # Ones added to the matrix set the mean to 0; a segment without a pair stays there too.
        laplacian += 1.0 / count
        laplacian[np.diag_indices(count)] += 1e-9
        new = np.linalg.solve(laplacian, right).astype(np.float64)
        residual = np.sqrt(np.sum((new[second] - new[first] - shift) ** 2, axis=1))
        moved = float(np.abs(new - positions).max())
        positions = new
        if step > 5 and moved < 1e-6:
            break
        used = weight > 0
        scale = max(1.4826 * float(np.median(residual[used])) if used.any() else 0.0, 1e-6)
        u = residual / (scale * (1.345 if step < 5 else 4.685))
        robust = (
            np.minimum(1.0, 1.0 / np.maximum(u, 1e-12))
            if step < 5
            else (np.clip(1 - u**2, 0, 1) ** 2 + 1e-6)
        )
        w = weight * robust
    return positions - positions.mean(axis=0), residual


def _solved(
    frames: int,
    time: NDArray[np.float64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    found: NDArray[np.float64],
    good: NDArray[np.bool_],
    segment_frames: int,
    max_shift: float,
) -> Drift:
    """Turn shifts of pairs into the curve, and say how well they agree."""
    count = len(time)
    linked = np.zeros(count, bool)
    linked[first[good]] = linked[second[good]] = True
    if good.sum() < count - 1 or not linked.all():
        raise ParameterError(
            f"rcc: only {int(good.sum())} of {len(good)} pairs of segments have a common peak "
            f"within {max_shift:g} px. Choose more segment_frames or a larger max_shift, or use "
            "fiducials."
        )
    positions, residual = robust_positions(count, first, second, found[:, :2], good.astype(float))
    agree = good & (residual < _AGREE)
    notes = []
    if agree.sum() < 0.7 * len(good):
        notes.append(
            f"Only {agree.sum() / len(good):.0%} of the pairs of segments agree within {_AGREE} "
            "px; choose more segment_frames, and do not trust this curve."
        )
    free = 2 * (agree.sum() - (count - 1))
    spread = np.sqrt(np.sum(residual[agree] ** 2) / free) if free > 0 else np.nan
    return Drift(
        interpolate(time, positions[:, 1], frames),
        interpolate(time, positions[:, 0], frames),
        method="RCC",
        settings={"Segment frames": int(segment_frames), "Max. shift (px)": float(max_shift)},
        time=time,
        error_px=float(spread / np.sqrt(max(count / 2, 1))),
        notes=tuple(notes),
    )
