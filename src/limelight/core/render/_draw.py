"""Draw a window of the grid, one band of rows per call, bands side by side in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.pool import each, runs
from limelight.core.render._blur import blur_rows, enlarge, finer_taps, padded_width, taps
from limelight.core.render._paint import (
    draw_crowd,
    draw_gaussians,
    draw_points,
    draw_tilted,
    profiles,
)
from limelight.core.render.picture import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.render._index import Molecules

__all__ = [
    "ALL",
    "EXACT",
    "NONE",
    "WIDE",
    "blur",
    "blurred",
    "coarsening",
    "counted",
    "crowd",
    "crowds",
    "equal_gaussians",
    "gaussians",
    "gaussians_by_scale",
    "held",
    "histogram",
    "tilted_gaussians",
]

Counts = Callable[[Window], "NDArray[np.float32]"]
FINER = 2
NARROW = 1.1
EXACT = np.empty((0, 16), np.float32)
NONE = np.empty(0, np.float32)
ALL = np.empty(0, np.uint8)
WIDE = 8.0
"""Gaussians this wide are drawn on larger pixels, unless they are to be exact (drawn pixels)."""

_BLURRED = 24.0  # a wider blur is made of a histogram of larger pixels
_SPLINE = 1 / 3  # variance that enlarging adds

_BAND_PIXELS = 2**18
_FEW_PIXELS = 2**14


def _bands(window: Window, threads: int) -> list[tuple[int, int]]:
    """Return bands of rows; small enough for the cache, and enough of them for the threads."""
    pixels = window.shape[0] * window.shape[1]
    if pixels < _FEW_PIXELS:
        return [(0, window.shape[0])]
    return runs(window.shape[0], max(4 * threads, pixels // _BAND_PIXELS), 16)


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
    exact: bool = True,
) -> NDArray[np.float32]:
    """Return the sum of a Gaussian for each molecule.

    Parameters
    ----------
    least : float
        Smallest standard deviation, drawn pixels.
    exact : bool
        Draw each where it is; otherwise narrow ones are taken from a table, at most 1/64 of a
        drawn pixel beside.
    """
    return two_gaussians(molecules, window, threads, weight, fails, least, exact=exact)[0]


def two_gaussians(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
    least: float = 0.5,
    second: NDArray[np.float32] | None = None,
    *,
    exact: bool = True,
    widths: tuple[float, float] = (0.0, np.inf),
    less: float = 0.0,
) -> list[NDArray[np.float32]]:
    """Return what `gaussians` returns, and with a second weight its image too.

    Parameters
    ----------
    widths : tuple of float (low, high)
        Only those whose smaller standard deviation is in this range, drawn pixels.
    less : float
        Taken off their variances, drawn pixels squared.
    """
    images = [np.zeros(window.shape, np.float32) for _ in range(1 + (second is not None))]
    table = EXACT if exact else profiles(least)

    def draw(band: tuple[int, int]) -> None:
        runs = molecules.runs(window.viewport(*band), (2.0 + 3.0 * least) / window.zoom, True)
        box = (band[0], 0, band[1], window.shape[1])
        draw_gaussians(
            *(images[0], box, molecules.y, molecules.x, molecules.sy, molecules.sx, weight, fails),
            *(*runs, window.origin, window.zoom, window.first, least, table, widths, less),
            *(images[1] if second is not None else None, second),
        )

    each(draw, _bands(window, threads), threads)
    return images


def gaussians_by_scale(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32],
    fails: NDArray[np.uint8],
    least: float,
    widest: float,
    second: NDArray[np.float32] | None = None,
) -> list[NDArray[np.float32]]:
    """Return nearly what `two_gaussians` returns, for windows where they are many pixels wide.

    Those of a standard deviation of `WIDE` and more are drawn on larger pixels, so that it is
    from half of `WIDE` up to `WIDE` of those, and the picture is enlarged.

    Parameters
    ----------
    widest : float
        Standard deviation that nearly none exceeds, drawn pixels.
    """
    known = (molecules, window, threads, weight, fails, least, second)
    images = two_gaussians(*known, exact=False, widths=(0.0, WIDE))
    scales = max(int(np.ceil(np.log2(widest / WIDE))), 1)
    for k in range(1, scales + 1):
        factor = 2**k
        coarse = window.coarser(factor)
        parts = two_gaussians(
            *(molecules, coarse, threads, weight, fails, least / factor, second),
            widths=(WIDE / 2, WIDE if k < scales else np.inf),
            less=_SPLINE,
        )
        for image, part in zip(images, parts, strict=True):
            _enlarge(part, coarse, image, window, factor, threads)
    return images


def _enlarge(
    part: NDArray[np.float32],
    coarse: Window,
    image: NDArray[np.float32],
    window: Window,
    factor: int,
    threads: int,
) -> None:
    each(
        lambda band: enlarge(part, image, *band, coarse.first, window.first, factor),
        _bands(window, threads),
        threads,
    )


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
    return crowds(molecules, window, threads, weight, fails, least)[0]


def crowds(
    molecules: Molecules,
    window: Window,
    threads: int,
    weight: NDArray[np.float32] = NONE,
    fails: NDArray[np.uint8] = ALL,
    least: float = 0.5,
    second: NDArray[np.float32] | None = None,
) -> list[NDArray[np.float32]]:
    """Return what `crowd` returns, and with a second weight its image too."""
    images = [np.zeros(window.shape, np.float32) for _ in range(1 + (second is not None))]
    table = profiles(least)
    weights = finer_taps(least, FINER)
    radius = len(weights) // 2 - FINER // 2
    wide = window.shape[1] * FINER

    def draw(band: tuple[int, int]) -> None:
        r0, r1 = band
        slack = (3.0 + 3.0 * least) / window.zoom
        runs = molecules.runs(window.viewport(r0, r1), slack, True)
        shape = ((r1 - r0) * FINER + 2 * radius, padded_width(wide, radius + 1))
        counts = [np.zeros(shape, np.float32) for _ in images]
        draw_crowd(
            *(images[0], (r0, 0, r1, window.shape[1]), counts[0], FINER, radius),
            *(molecules.y, molecules.x, molecules.sy, molecules.sx, weight, fails, *runs),
            *(window.origin, window.zoom, window.first, least, table, NARROW * least),
            *((images[1], counts[1], second) if second is not None else (None, None, None)),
        )
        for image, counted in zip(images, counts, strict=True):
            fine = np.zeros((r1 - r0, wide), np.float32)
            blur_rows(counted, fine, 0, weights, weights, FINER)
            image[r0:r1] += fine[:, ::FINER]

    each(draw, _bands(window, threads), threads)
    return images


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


def coarsening(sigma: tuple[float, float]) -> int:
    """Return how much larger the pixels are that a blur is made on."""
    return int(2 ** max(np.ceil(np.log2(max(min(sigma), 1e-9) / _BLURRED)), 0))


def margin(sigma: tuple[float, float]) -> int:
    """Return how far a blur reaches, pixels that it is made on."""
    return max(len(taps(s / coarsening(sigma))) // 2 for s in sigma)


def blurred(
    counts: Callable[[Window], Counts],
    window: Window,
    threads: int,
    sigma: tuple[float, float],
) -> NDArray[np.float32]:
    """Return all molecules blurred alike.

    Parameters
    ----------
    counts : callable
        Returns, for the window that the blur is made on, what returns the histogram of its parts.
    sigma : tuple of float (y, x)
        Standard deviations, drawn pixels.  A wide blur is made on larger pixels, so that they are
        12 of them and more, and the picture is enlarged.
    """
    factor = coarsening(sigma)
    if factor == 1:
        return blur(counts(window), window, threads, sigma)
    coarse = window.coarser(factor)
    y, x = (np.sqrt((s / factor) ** 2 - _SPLINE - 1 / 12) for s in sigma)
    part = blur(counts(coarse), coarse, threads, (y, x))
    image = np.zeros(window.shape, np.float32)
    _enlarge(part, coarse, image, window, factor, threads)
    return image
