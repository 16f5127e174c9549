# mypy: allow-untyped-calls
"""Blur a histogram by a Gaussian, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.render._image_lanes import load_pixels, store_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRUNCATE = 4.0
"""The blur reaches so many standard deviations."""


def taps(sigma: float) -> NDArray[np.float32]:
    """Return the Gaussian at whole pixels, divided by its sum; float32 (2 r + 1,).

    The radius r is that of `scipy.ndimage.gaussian_filter` at its default ``truncate`` of 4.
    """
    radius = int(TRUNCATE * sigma + 0.5)
    k = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (k / sigma) ** 2) if radius else np.ones(1)
    return np.asarray(weights / weights.sum(), np.float32)


def finer_taps(sigma: float, finer: int) -> NDArray[np.float32]:
    """Return a Gaussian for a histogram whose pixels are finer than those of the picture.

    Parameters
    ----------
    sigma : float
        Standard deviation, pixels of the picture.
    finer : int
        Pixels of the histogram per pixel of the picture; an even number.

    Returns
    -------
    1D array of float32 (2 r,)
        Density at the centres of the 2 r pixels around the centre of a picture's pixel.  The
        variance is less by 1/12 of a fine pixel, squared, which the histogram's pixels add.
    """
    narrow = np.sqrt(sigma**2 - 1 / 12 / finer**2)
    radius = max(int(3.0 * narrow * finer + 0.5), 1)
    d = (np.arange(-radius, radius) + 0.5) / finer
    weights = np.exp(-0.5 * (d / narrow) ** 2) / (np.sqrt(2 * np.pi) * narrow)
    return np.asarray(weights, np.float32)


def padded_width(width: int, radius: int) -> int:
    """Return the width that a histogram for `blur_rows` must have."""
    return (width + 15) // 16 * 16 + (2 * radius + 15) // 16 * 16


@njit(nogil=True, cache=True)
def blur_rows(histogram, image, r0, taps_y, taps_x, step):  # type: ignore[no-untyped-def]
    """Add the blurred histogram to rows of an image.

    Every pixel is the same sum in the same order wherever it lies, so that a part of a picture
    is blurred as the whole is.

    Parameters
    ----------
    histogram : 2D float32 array (rows + 2 ry, padded width)
        Begins ry rows above row ``r0`` of the image and rx columns left of its first column.
    image : 2D float32 array (Y, X)
        Added to, from row ``r0`` on.
    taps_y, taps_x : float32 arrays (2 ry + 1,), (2 rx + 1,)
        Weights.
    step : int
        A row of the image for so many of the histogram.
    """
    rows = (histogram.shape[0] - len(taps_y)) // step + 1
    wide = histogram.shape[1]
    width = image.shape[1]
    line = np.empty((1, wide + 16), np.float32)
    line[0, wide:] = 0
    tail = np.empty((1, 16), np.float32)
    for i in range(rows):
        for j in range(0, wide, 16):
            total = L.splat(np.float32(0))
            for t in range(len(taps_y)):
                total = total + load_pixels(histogram, i * step + t, j) * taps_y[t]
            store_pixels(line, 0, j, total)
        for j in range(0, width, 16):
            total = L.splat(np.float32(0))
            for t in range(len(taps_x)):
                total = total + load_pixels(line, 0, j + t) * taps_x[t]
            if j + 16 <= width:
                store_pixels(image, r0 + i, j, load_pixels(image, r0 + i, j) + total)
            else:
                L.store(tail, 0, total)
                for p in range(width - j):
                    image[r0 + i, j + p] += tail[0, p]


@njit(nogil=True, cache=True)
def _spline(position):  # type: ignore[no-untyped-def]
    """Return the first of four pixels, and the cubic B-spline's weights of the four."""
    base = np.floor(position)
    t = position - base
    weights = np.empty(4, np.float32)
    weights[0] = (1.0 - t) ** 3 / 6.0
    weights[1] = (4.0 - 6.0 * t**2 + 3.0 * t**3) / 6.0
    weights[2] = (1.0 + 3.0 * t + 3.0 * t**2 - 3.0 * t**3) / 6.0
    weights[3] = t**3 / 6.0
    return int(base) - 1, weights


@njit(nogil=True, cache=True)
def enlarge(coarse, image, r0, r1, first_coarse, first, factor):  # type: ignore[no-untyped-def]
    """Add a picture of large pixels to rows of one of small pixels, smoothly.

    Parameters
    ----------
    coarse : 2D float32 array
        Molecules per large pixel; reaches two pixels beyond the image on each side.
    image : 2D float32 array (Y, X)
        Added to: molecules per small pixel.
    r0, r1 : int
        Rows r0 to r1 - 1 of the image.
    first_coarse, first : tuples of int (row, column)
        Grid pixels that the two begin with.
    factor : int
        Small pixels per large pixel.

    Notes
    -----
    The weights are those of a cubic B-spline, never negative.  They widen what is drawn by 1/3 of a
    large pixel, squared; Gaussians are to be drawn narrower by that.
    """
    width = image.shape[1]
    columns = np.empty(width, np.int64)
    weights = np.empty((4, width), np.float32)
    for j in range(width):
        u = (first[1] + j + 0.5) / factor - 0.5 - first_coarse[1]
        columns[j], four = _spline(u)
        weights[:, j] = four / np.float32(factor * factor)
    line = np.empty(coarse.shape[1], np.float32)
    for i in range(r0, r1):
        k, four = _spline((first[0] + i + 0.5) / factor - 0.5 - first_coarse[0])
        for j in range(len(line)):
            line[j] = (
                four[0] * coarse[k, j]
                + four[1] * coarse[k + 1, j]
                + four[2] * coarse[k + 2, j]
                + four[3] * coarse[k + 3, j]
            )
        for j in range(width):
            c = columns[j]
            image[i, j] += (
                weights[0, j] * line[c]
                + weights[1, j] * line[c + 1]
                + weights[2, j] * line[c + 2]
                + weights[3, j] * line[c + 3]
            )
