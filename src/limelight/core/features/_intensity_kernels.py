"""The kernels of intensity: runs of pixels of one object, summed in registers."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["floats", "integers", "spread"]


@njit(nogil=True, cache=True)
def integers(index, image, first, stop, count, shift):  # type: ignore[no-untyped-def]
    """Return count, sum, sum of squares, smallest and largest of each object, in rows."""
    areas, total = np.zeros(count, np.int64), np.zeros(count, np.int64)
    square = np.zeros(count, np.int64)
    low, high = np.full(count, 2**31, np.int64), np.full(count, -(2**31), np.int64)
    width = index.shape[1]
    for y in range(first, stop):
        x = 0
        while x < width:
            one = index[y, x]
            if one == 0:
                while x < width and index[y, x] == 0:
                    x += 1
                continue
            start = x
            s, q = np.int64(0), np.int64(0)
            a = b = np.int64(image[y, x])
            while x < width and index[y, x] == one:
                v = np.int64(image[y, x])
                s += v
                q += v * v
                a, b = min(a, v), max(b, v)
                x += 1
            i = one - 1
            areas[i] += x - start
            total[i] += s
            square[i] += q
            low[i], high[i] = min(low[i], a), max(high[i], b)
    return areas, total, square, low, high


@njit(nogil=True, cache=True)
def floats(index, image, first, stop, count, shift):  # type: ignore[no-untyped-def]
    """Return count, sum less shift, zeros, smallest and largest of each object, in rows."""
    areas, total = np.zeros(count, np.int64), np.zeros(count)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    width = index.shape[1]
    for y in range(first, stop):
        for x in range(width):
            i = index[y, x] - 1
            if i < 0:
                continue
            v = np.float64(image[y, x])
            areas[i] += 1
            total[i] += v - shift
            low[i], high[i] = min(low[i], v), max(high[i], v)
    return areas, total, np.zeros(count), low, high


@njit(nogil=True, cache=True)
def spread(index, image, mean):  # type: ignore[no-untyped-def]
    """Return the sum of squared differences to the mean of each object."""
    square = np.zeros(len(mean))
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            i = index[y, x] - 1
            if i >= 0:
                d = np.float64(image[y, x]) - mean[i]
                square[i] += d * d
    return square
