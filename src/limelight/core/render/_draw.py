"""Draw a window of the grid, one band of rows per call, bands side by side in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.render._blur import blur_rows, finer_taps, padded_width, taps
from limelight.core.render._paint import (
    draw_crowd,
    draw_gaussians,
    draw_points,
    draw_tilted,
    profiles,
)
from limelight.core.render._pool import bands, each
from limelight.core.render.picture import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.render._index import Molecules

__all__ = [
    "ALL",
    "CONVOLVE_UP_TO",
    "NONE",
    "blur",
    "counted",
    "crowd",
    "equal_gaussians",
    "gaussians",
    "histogram",
    "tilted_gaussians",
]

Counts = Callable[[Window], "NDArray[np.float32]"]
FINER = 2
NARROW = 1.1
EXACT = np.empty((0, 16), np.float32)
NONE = np.empty(0, np.float32)
ALL = np.empty(0, np.uint8)
CONVOLVE_UP_TO = 24.0
"""A blur of more drawn pixels than this is drawn molecule by molecule: the histogram's pixels are
then so fine that nobody can tell, and the molecules in a window so few that it is quicker."""

_BAND_PIXELS = 2**18
_FEW_PIXELS = 2**14


def _bands(window: Window, threads: int) -> list[tuple[int, int]]:
    """Return bands of rows; small enough for the cache, and enough of them for the threads."""
    pixels = window.shape[0] * window.shape[1]
    if pixels < _FEW_PIXELS:
        return [(0, window.shape[0])]
    return bands(window.shape[0], max(4 * threads, pixels // _BAND_PIXELS), 16)


def histogram(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
    dtype: type[Any] = np.float32,
) -> NDArray[Any]:
    """Return the sum of the molecules' weights in each pixel."""
    image = np.zeros(window.shape, dtype)

    def draw(band: tuple[int, int]) -> None:
        runs = molecules.runs(window.viewport(*band), 2.0 / window.zoom, False)
        box = (band[0], 0, band[1], window.shape[1])
        draw_points(
            *(image, box, molecules.y, molecules.x, weight, fails, *runs),
            *(window.origin, window.zoom, window.first),
        )

    each(draw, _bands(window, threads), threads)
    return image


def gaussians(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
    least: float = 0.5,
    same: tuple[float, float] | None = None,
    exact: bool = True,
) -> NDArray[np.float32]:
    """Return the sum of a Gaussian for each molecule.

    Parameters
    ----------
    least : float
        Smallest standard deviation, drawn pixels.
    same : tuple of float (y, x), optional
        Standard deviations of all of them, camera pixels; else each has its own.
    exact : bool
        Draw each where it is; otherwise narrow ones are taken from a table, at most 1/64 of a
        drawn pixel beside.
    """
    image = np.zeros(window.shape, np.float32)
    table = EXACT if exact else profiles(least)
    if same is None:
        sy, sx = molecules.sy, molecules.sx
        wide = least
    else:
        sy, sx = (np.full(len(molecules), s, np.float32) for s in same)
        wide = max(least, max(same) * window.zoom)

    def draw(band: tuple[int, int]) -> None:
        slack = (2.0 + 3.0 * wide) / window.zoom
        runs = molecules.runs(window.viewport(*band), slack, same is None)
        box = (band[0], 0, band[1], window.shape[1])
        draw_gaussians(
            *(image, box, molecules.y, molecules.x, sy, sx, weight, fails, *runs),
            *(window.origin, window.zoom, window.first, least, table),
        )

    each(draw, _bands(window, threads), threads)
    return image


def blur(
    counts: Counts,
    window: Window,
    threads: int,
    sigma: tuple[float, float],
) -> NDArray[np.float32]:
    """Return the histogram, blurred; ``sigma`` (y, x) in drawn pixels."""
    image = np.zeros(window.shape, np.float32)
    taps_y, taps_x = (taps(s) for s in sigma)
    ry, rx = len(taps_y) // 2, len(taps_x) // 2

    def draw(band: tuple[int, int]) -> None:
        r0, r1 = band
        part = Window(
            window.zoom,
            (window.first[0] + r0 - ry, window.first[1] - rx),
            (r1 - r0 + 2 * ry, padded_width(window.shape[1], rx)),
            window.origin,
        )
        blur_rows(counts(part), image, r0, taps_y, taps_x, 1)

    each(draw, _bands(window, threads), threads)
    return image


def equal_gaussians(
    counts: Counts, window: Window, threads: int, sigma: float, finer: int = FINER
) -> NDArray[np.float32]:
    """Return nearly what `gaussians` of one width return, from a histogram.

    Parameters
    ----------
    counts : callable
        Returns the histogram of a window.
    sigma : float
        Standard deviation, drawn pixels.
    finer : int
        Pixels of the histogram per drawn pixel, an even number.
    """
    image = np.empty(window.shape, np.float32)
    weights = finer_taps(sigma, finer)
    radius = len(weights) // 2 - finer // 2
    wide = window.shape[1] * finer

    def draw(band: tuple[int, int]) -> None:
        r0, r1 = band
        part = Window(
            window.zoom * finer,
            ((window.first[0] + r0) * finer - radius, window.first[1] * finer - radius),
            ((r1 - r0) * finer + 2 * radius, padded_width(wide, radius + 1)),
            window.origin,
        )
        fine = np.zeros((r1 - r0, wide), np.float32)
        blur_rows(counts(part), fine, 0, weights, weights, finer)
        image[r0:r1] = fine[:, ::finer]

    each(draw, _bands(window, threads), threads)
    return image


def tilted_gaussians(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32],
    fails: NDArray[np.uint8],
    tilt: NDArray[np.float32],
    least: float = 0.5,
) -> NDArray[np.float32]:
    """Return the sum of a Gaussian for each molecule, whose errors along y and x correlate."""
    image = np.zeros(window.shape, np.float32)

    def draw(band: tuple[int, int]) -> None:
        slack = (2.0 + 3.0 * least) / window.zoom
        runs = molecules.runs(window.viewport(*band), slack, True)
        box = (band[0], 0, band[1], window.shape[1])
        draw_tilted(
            *(image, box, molecules.y, molecules.x, molecules.sy, molecules.sx, tilt),
            *(weight, fails, *runs, window.origin, window.zoom, window.first),
        )

    each(draw, _bands(window, threads), threads)
    return image


def crowd(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
    least: float = 0.5,
) -> NDArray[np.float32]:
    """Return nearly what `gaussians` returns; quicker where many have nearly the least width."""
    image = np.zeros(window.shape, np.float32)
    table = profiles(least)
    weights = finer_taps(least, FINER)
    radius = len(weights) // 2 - FINER // 2
    wide = window.shape[1] * FINER

    def draw(band: tuple[int, int]) -> None:
        r0, r1 = band
        slack = (3.0 + 3.0 * least) / window.zoom
        runs = molecules.runs(window.viewport(r0, r1), slack, True)
        counts = np.zeros(
            ((r1 - r0) * FINER + 2 * radius, padded_width(wide, radius + 1)), np.float32
        )
        draw_crowd(
            *(image, (r0, 0, r1, window.shape[1]), counts, FINER, radius),
            *(molecules.y, molecules.x, molecules.sy, molecules.sx, weight, fails, *runs),
            *(window.origin, window.zoom, window.first, least, table, NARROW * least),
        )
        fine = np.zeros((r1 - r0, wide), np.float32)
        blur_rows(counts, fine, 0, weights, weights, FINER)
        image[r0:r1] += fine[:, ::FINER]

    each(draw, _bands(window, threads), threads)
    return image


def counted(
    molecules: Molecules,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
) -> Counts:
    """Return a function that returns the histogram of a window."""

    def counts(window: Window) -> NDArray[np.float32]:
        return histogram(molecules, window, 1, weight, fails)

    return counts


def held(image: NDArray[np.float32], window: Window, margin: int) -> Counts:
    """Return a function that cuts from an image, which has a margin around a window."""

    def counts(part: Window) -> NDArray[np.float32]:
        return cut(
            image,
            [a - b + margin for a, b in zip(part.first, window.first, strict=True)],
            part.shape,
        )

    return counts


def cut(image: NDArray[Any], first: Sequence[int], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return part of an image, zero where it is beyond the image."""
    part = np.zeros(shape, np.float32)
    low = [max(f, 0) for f in first]
    high = [min(f + n, have) for f, n, have in zip(first, shape, image.shape, strict=True)]
    if low[0] < high[0] and low[1] < high[1]:
        inner = image[low[0] : high[0], low[1] : high[1]]
        rows, columns = (slice(a - f, b - f) for a, b, f in zip(low, high, first, strict=True))
        part[rows, columns] = inner
    return part


def margin(sigma: tuple[float, float]) -> int:
    """Return how far a blur reaches, drawn pixels."""
    return max(len(taps(s)) // 2 for s in sigma)


def blurred(
    molecules: Molecules,
    window: Window,
    threads: int,
    sigma: tuple[float, float],
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
) -> NDArray[np.float32]:
    """Return all molecules blurred alike, by ``sigma`` (y, x) drawn pixels."""
    if max(sigma) > CONVOLVE_UP_TO:
        y, x = (s / window.zoom for s in sigma)
        return gaussians(molecules, window, threads, weight, fails, same=(y, x))
    return blur(counted(molecules, weight, fails), window, threads, sigma)
