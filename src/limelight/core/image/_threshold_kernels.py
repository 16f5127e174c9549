"""The kernels of thresholds: counting, and windows that slide."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["histogram", "niblack"]


@njit(nogil=True, cache=True)
def histogram(values, low, size):  # type: ignore[no-untyped-def]
    """Count integers; four counters, so that equal neighbours do not wait for each other."""
    counts = np.zeros((4, size), np.int64)
    n = len(values)
    for i in range(0, n - 3, 4):
        counts[0, values[i] - low] += 1
        counts[1, values[i + 1] - low] += 1
        counts[2, values[i + 2] - low] += 1
        counts[3, values[i + 3] - low] += 1
    for i in range(n - n % 4, n):
        counts[0, values[i] - low] += 1
    return counts[0] + counts[1] + counts[2] + counts[3]


@njit(nogil=True, cache=True)
def _mirror(i, length):  # type: ignore[no-untyped-def]
    i %= 2 * length
    return i if i < length else 2 * length - 1 - i


@njit(nogil=True, cache=True)
def niblack(plane, radius, k, low, high, first, stop, level, out):  # type: ignore[no-untyped-def]
    """Compare rows first to stop - 1 with mean - k sd of the window around each pixel.

    ``level`` is taken off first, so that squares of large floats do not cancel.
    """
    height, width = plane.shape
    total, square = np.zeros(width), np.zeros(width)
    for j in range(first - radius, first + radius + 1):
        row = plane[_mirror(j, height)]
        for x in range(width):
            value = row[x] - level
            total[x] += value
            square[x] += value * value
    sums, squares = np.empty(width + 2 * radius + 1), np.empty(width + 2 * radius + 1)
    table = np.empty(width + 2 * radius, np.int64)
    for i in range(width + 2 * radius):
        table[i] = _mirror(i - radius, width)
    size = 2 * radius + 1
    count = float(size * size)
    for y in range(first, stop):
        sums[0] = squares[0] = 0.0
        for i in range(width + 2 * radius):
            sums[i + 1] = sums[i] + total[table[i]]
            squares[i + 1] = squares[i] + square[table[i]]
        for x in range(width):
            mean = (sums[x + size] - sums[x]) / count
            variance = max((squares[x + size] - squares[x]) / count - mean * mean, 0.0)
            threshold = min(max(mean + level - k * np.sqrt(variance), low), high)
            out[y, x] = plane[y, x] > threshold
        if y + 1 < stop:
            gone = plane[_mirror(y - radius, height)]
            new = plane[_mirror(y + radius + 1, height)]
            for x in range(width):
                a, b = new[x] - level, gone[x] - level
                total[x] += a - b
                square[x] += a * a - b * b
