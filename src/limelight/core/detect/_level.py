"""The local level of a frame: a smooth lower estimate of its background, from the frame alone."""

from __future__ import annotations

import numpy as np
from numba import njit

_TILE = 8
"""Side of the tiles whose means are taken, pixels: wider than a spot, finer than most haze."""


@njit(nogil=True, cache=True)
def _tile_means(frame, means):  # type: ignore[no-untyped-def]
    """Average over tiles; the last row and column of tiles may be larger."""
    height, width = frame.shape
    rows, columns = means.shape
    total = np.empty(width, np.float32)
    for i in range(rows):
        y0 = i * _TILE
        y1 = height if i == rows - 1 else y0 + _TILE
        total[:] = 0
        for y in range(y0, y1):
            for x in range(width):
                total[x] += np.float32(frame[y, x])
        for j in range(columns):
            x0 = j * _TILE
            x1 = width if j == columns - 1 else x0 + _TILE
            value = np.float32(0)
            for x in range(x0, x1):
                value += total[x]
            value /= np.float32((y1 - y0) * (x1 - x0))
            means[i, j] = value if np.isfinite(value) else np.float32(np.inf)


@njit(nogil=True, cache=True)
def _order(one, other):  # type: ignore[no-untyped-def]
    """Exchange two rows element by element, so that the smaller value is in the first."""
    for x in range(len(one)):
        a, b = one[x], other[x]
        one[x] = b if b < a else a
        other[x] = a if b < a else b


@njit(nogil=True, cache=True)
def _low_around(means, low):  # type: ignore[no-untyped-def]
    """Take the third least of 3 x 3 tiles: molecules in most of them do not raise it.

    The rim repeats; tiles with a pixel that is not a number count as high.
    """
    rows, columns = means.shape
    around = np.empty((9, columns), np.float32)
    for i in range(rows):
        for a in range(3):
            row = means[min(max(i + a - 1, 0), rows - 1)]
            for j in range(columns):
                around[3 * a, j] = row[max(j - 1, 0)]
                around[3 * a + 1, j] = row[j]
                around[3 * a + 2, j] = row[min(j + 1, columns - 1)]
        for first in range(3):
            for other in range(first + 1, 9):
                _order(around[first], around[other])
        for j in range(columns):
            value = around[2, j]
            low[i, j] = value if np.isfinite(value) else np.float32(0)


@njit(nogil=True, cache=True)
def _between(position, count):  # type: ignore[no-untyped-def]
    """Return the tile before a pixel's place among tile centres, and the share of the next."""
    place = min(max((position - 0.5 * (_TILE - 1)) / _TILE, 0.0), count - 1.0)
    before = min(int(place), max(count - 2, 0))
    return before, np.float32(place - before)


@njit(nogil=True, cache=True)
def _mix(one, other, share, out):  # type: ignore[no-untyped-def]
    for x in range(len(out)):
        out[x] = one[x] + share * (other[x] - one[x])


@njit(nogil=True, cache=True)
def local_level(frame, out):  # type: ignore[no-untyped-def]
    """Write the level around each pixel of a frame, in its counts.

    Means over tiles of 8 x 8 pixels; the third least of each 3 x 3 of them; linear interpolation.
    """
    height, width = frame.shape
    rows, columns = max(height // _TILE, 1), max(width // _TILE, 1)
    means = np.empty((rows, columns), np.float32)
    low = np.empty((rows, columns), np.float32)
    _tile_means(frame, means)
    _low_around(means, low)
    lines = np.empty((rows, width), np.float32)
    for x in range(width):
        j, share = _between(x, columns)
        after = min(j + 1, columns - 1)
        for i in range(rows):
            lines[i, x] = low[i, j] + share * (low[i, after] - low[i, j])
    for y in range(height):
        i, share = _between(y, rows)
        _mix(lines[i], lines[min(i + 1, rows - 1)], share, out[y])
