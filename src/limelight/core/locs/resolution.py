"""Fourier ring correlation: down to which size two halves of the data show the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit
from scipy import fft

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["FRC", "frc"]

_THRESHOLD = 1.0 / 7.0
_MAX_SIDE = 6144
_LEAST = 100
_BLOCKS = 40
_SLICES = 16  # fixed, so that the result does not depend on the number of threads


@dataclass(frozen=True, eq=False)
class FRC:
    """Fourier ring correlation of two halves of a table.

    Parameters
    ----------
    resolution_nm : float
        The inverse of the frequency at which the smoothed curve first falls below 1/7; NaN where
        it never does or was never above.
    resolution_error_nm : float
        Standard deviation over the random halvings, NaN for a single one.
    reliable : bool
        Whether there is a value to trust; `notes` says why not.
    notes : tuple of str
        What a person should know.
    frequency_per_nm : 1D array
        Spatial frequency of each ring, 1/nm.
    correlation, smooth : 1D array
        Correlation of each ring, mean over the halvings, and the smoothed curve.
    pixel_size_nm : float
        Pixel of the two pictures, nm.
    """

    resolution_nm: float
    resolution_error_nm: float
    reliable: bool
    notes: tuple[str, ...]
    frequency_per_nm: NDArray[np.float64] = field(repr=False)
    correlation: NDArray[np.float64] = field(repr=False)
    smooth: NDArray[np.float64] = field(repr=False)
    pixel_size_nm: float
    threshold: float = _THRESHOLD


@njit(nogil=True, cache=True)
def _draw_kernel(images, y, x, half, zoom, top, left, wy, wx):  # type: ignore[no-untyped-def]
    """Count molecules per pixel of two pictures, weighted by the window."""
    height, width = len(wy), len(wx)
    for n in range(len(x)):
        i, j = int((y[n] - top) * zoom), int((x[n] - left) * zoom)
        if 0 <= i < height and 0 <= j < width:
            images[half[n], i, j] += wy[i] * wx[j]


@njit(nogil=True, cache=True)
def _rings_kernel(a, b, first, size, rings):  # type: ignore[no-untyped-def]
    """Sum over rings of a half plane of rows: Re(a b*), |a|^2, |b|^2 and the samples."""
    sums = np.zeros((4, rings), np.float64)
    rows, columns = a.shape
    for i in range(rows):
        row = first + i
        ky = row if row <= size // 2 else row - size
        for kx in range(columns):
            ring = int(np.sqrt(np.float64(ky * ky + kx * kx)) + 0.5)
            if ring >= rings:
                continue
            # The other half plane mirrors this one, except for its border columns.
            w = 1.0 if kx == 0 or 2 * kx == size else 2.0
            p, q = a[i, kx], b[i, kx]
            sums[0, ring] += w * (p.real * q.real + p.imag * q.imag)
            sums[1, ring] += w * (p.real * p.real + p.imag * p.imag)
            sums[2, ring] += w * (q.real * q.real + q.imag * q.imag)
            sums[3, ring] += w
    return sums


def _tukey(length: int) -> NDArray[np.float32]:
    """Return a window that falls off with a cosine over an eighth at both ends."""
    t = (np.arange(length) + 0.5) / length
    rise = np.clip(np.minimum(t, 1 - t) * 8.0, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * rise)).astype(np.float32)


def _loess(
    values: NDArray[np.float64], weights: NDArray[np.float64], span: int
) -> NDArray[np.float64]:
    """Smooth by local straight lines, weighted by tricube and by the samples of each ring."""
    t = np.arange(-span, span + 1) / (span + 1.0)
    tricube = (1 - np.abs(t) ** 3) ** 3

    def local(power: int, what: NDArray[np.float64]) -> NDArray[np.float64]:
        kernel = tricube * t**power
        result: NDArray[np.float64] = np.convolve(what, kernel[::-1], mode="full")[span:-span]
        return result

    s0, s1, s2 = (local(p, weights) for p in (0, 1, 2))
    t0, t1 = (local(p, weights * values) for p in (0, 1))
    determinant = s0 * s2 - s1 * s1
    straight = determinant > 1e-9 * s0 * s0
    safe = np.where(straight, determinant, 1.0)
    return np.where(straight, (s2 * t0 - s1 * t1) / safe, t0 / np.maximum(s0, 1e-300))


def _crossing(frequency: NDArray[np.float64], curve: NDArray[np.float64]) -> float:
    """Return the frequency where the curve first falls below the threshold, NaN if nowhere."""
    above = curve >= _THRESHOLD
    falls = np.flatnonzero(above[:-1] & ~above[1:])
    if len(falls) == 0:
        return float("nan")
    i = int(falls[0])
    part = (curve[i] - _THRESHOLD) / (curve[i] - curve[i + 1])
    return float(frequency[i] + part * (frequency[i + 1] - frequency[i]))


def _pixel_size(locs: Localizations, extent_px: float) -> float:
    """Choose half the stated precision, but not more pixels than can be handled, nm."""
    least = extent_px * locs.pixel_size_nm / _MAX_SIDE
    if "lpx" in locs and "lpy" in locs:
        stated = np.concatenate([locs["lpx"], locs["lpy"]])
        stated = stated[np.isfinite(stated) & (stated > 0)]
        if len(stated):
            return max(0.5 * float(np.median(stated)) * locs.pixel_size_nm, least)
    return max(locs.pixel_size_nm / 20.0, least)


def _halve(
    frame: NDArray[np.int64], split: str, block_frames: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return 0 or 1 for each molecule: which half it goes to."""
    if split == "molecules":
        half = np.zeros(len(frame), np.uint8)
        half[rng.permutation(len(frame))[: len(frame) // 2]] = 1
        return half
    block = (frame - frame.min()) // block_frames
    count = int(block.max()) + 1
    of_block = np.zeros(count, np.uint8)
    of_block[rng.permutation(count)[: count // 2]] = 1
    of_molecule: NDArray[np.uint8] = of_block[block]
    return of_molecule


def frc(
    table: Table,
    pixel_size_nm: float | None = None,
    split: Literal["blocks", "molecules"] = "blocks",
    *,
    block_frames: int | None = None,
    viewport: tuple[float, float, float, float] | None = None,
    repeats: int = 1,
    seed: int = 0,
    threads: int | None = None,
) -> FRC:
    """Measure the resolution of the whole data set by Fourier ring correlation.

    The molecules are halved at random, two pictures are drawn, and their Fourier transforms
    correlated ring by ring; the resolution is where the smoothed correlation falls below 1/7
    (Nieuwenhuizen et al., Nat. Methods 10, 557, 2013).

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules, drift corrected.
    pixel_size_nm : float, optional
        Pixel of the pictures, nm; half the median precision by default (at most 6144 pixels
        across).
    split : {"blocks", "molecules"}
        Halve by blocks of successive frames, so that a molecule that shines over several frames
        is in one half only; or molecule by molecule, which makes such molecules look like
        resolution.
    block_frames : int, optional
        Frames per block; a fortieth of the movie by default.
    viewport : tuple of float, optional
        y0, x0, y1, x1 in camera pixels; everything by default.
    repeats : int
        Number of random halvings; with two or more the error is known.
    seed : int
        Of the halvings.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    FRC
        Resolution and curve.

    Raises
    ------
    ParameterError
        If there are too few molecules or frames, a column is missing or not finite, or a setting
        is out of range.
    """
    locs = as_locs(table)
    if split not in ("blocks", "molecules"):
        raise ParameterError(f"frc: split must be 'blocks' or 'molecules', not {split!r}.")
    if repeats < 1:
        raise ParameterError(f"frc: repeats must be at least 1, not {repeats}.")
    if pixel_size_nm is not None and not (np.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise ParameterError(f"frc: pixel_size_nm must be more than 0 nm, not {pixel_size_nm}.")
    if block_frames is not None and block_frames < 1:
        raise ParameterError(f"frc: block_frames must be at least 1, not {block_frames}.")
    frame = frame_column(locs, "frc", least=_LEAST)
    x, y = checked(locs, "frc", "x", "y")
    y0, x0, y1, x1 = viewport or (y.min(), x.min(), y.max(), x.max())
    inside = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    if np.count_nonzero(inside) < _LEAST:
        raise ParameterError(
            f"frc: only {np.count_nonzero(inside)} molecules are in the viewport; at least "
            f"{_LEAST} are needed. Choose a larger one."
        )
    frame, x, y = frame[inside], x[inside], y[inside]
    length = int(frame.max() - frame.min()) + 1
    if block_frames is None:
        block_frames = max(length // _BLOCKS, 1)
    if split == "blocks" and length <= block_frames:
        raise ParameterError(
            f"frc: the molecules are in {length} frames, fewer than two blocks of {block_frames}. "
            "Choose fewer block_frames, or split='molecules'."
        )

    extent = max(float(y1 - y0), float(x1 - x0), 1e-3)
    pixel = pixel_size_nm or _pixel_size(locs, extent)
    zoom = locs.pixel_size_nm / pixel
    height, width = (int(np.ceil(float(e) * zoom)) + 1 for e in (y1 - y0, x1 - x0))
    size = fft.next_fast_len(max(height, width), real=True)
    size += size % 2
    size = fft.next_fast_len(size, real=True)
    if size > 2 * _MAX_SIDE:
        raise ParameterError(
            f"frc: a picture of {size} x {size} pixels is too large. Choose a pixel_size_nm of at "
            f"least {extent * locs.pixel_size_nm / _MAX_SIDE:.3g} nm, or a smaller viewport."
        )
    rng = np.random.default_rng(seed)
    curves = []
    samples = np.ones(1)
    for _ in range(repeats):
        half = _halve(frame, split, block_frames, rng)
        images = np.zeros((2, size, size), np.float32)
        wy, wx = _tukey(height), _tukey(width)
        _draw_kernel(images, y, x, half, zoom, float(y0), float(x0), wy, wx)
        curve, samples = _correlate(images, threads)
        curves.append(curve)
    frequency = np.arange(len(samples)) / (size * pixel)
    span = max(int(np.ceil(len(samples) / 40)), 3)
    smooth = [_loess(curve, samples, span) for curve in curves]
    cuts = [_crossing(frequency, curve) for curve in smooth]
    mean, mean_smooth = np.mean(curves, axis=0), np.mean(smooth, axis=0)
    cut = _crossing(frequency, mean_smooth)
    notes = []
    if not np.isfinite(cut):
        if np.all(mean_smooth[1:] >= _THRESHOLD):
            notes.append(
                f"The curve never falls below 1/7: the resolution is better than two pixels "
                f"({2 * pixel:.3g} nm). Choose a smaller pixel_size_nm."
            )
        else:
            notes.append("The halves do not correlate: there are too few molecules, or they drift.")
    if split == "molecules":
        notes.append(
            "Halved molecule by molecule: molecules seen in several frames are in both halves, "
            "which makes the value too small unless they were linked."
        )
    else:
        notes.append(
            f"Halved by blocks of {block_frames} frames: molecules that return in another block "
            "still correlate with themselves, which makes the value smaller."
        )
    errors = [1 / c for c in cuts if np.isfinite(c)]
    return FRC(
        1 / cut if np.isfinite(cut) else float("nan"),
        float(np.std(errors, ddof=1)) if len(errors) > 1 else float("nan"),
        bool(np.isfinite(cut)),
        tuple(notes),
        frequency,
        mean,
        mean_smooth,
        float(pixel),
    )


def _correlate(
    images: NDArray[np.float32], threads: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the correlation of each ring, and the number of its samples."""
    size = images.shape[1]
    a, b = (fft.rfft2(image, workers=thread_count(threads)) for image in images)
    rings = size // 2 + 1

    def part(run: tuple[int, int]) -> Any:
        return _rings_kernel(a[slice(*run)], b[slice(*run)], run[0], size, rings)

    cross, one, two, samples = sum(each(part, runs(size, _SLICES), threads))
    power = np.sqrt(one * two)
    return np.divide(cross, power, out=np.zeros(rings), where=power > 0), samples
