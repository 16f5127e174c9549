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
            means[i, j] = value / np.float32((y1 - y0) * (x1 - x0))


@njit(nogil=True, cache=True)
def _low_around(means, low):  # type: ignore[no-untyped-def]
    """Take a low one of 3 x 3 tiles: molecules in most of them do not raise it, noise hardly."""
    rows, columns = means.shape
    nearest = np.empty(9, np.float32)
    for i in range(rows):
        for j in range(columns):
            count = 0
            for a in range(max(i - 1, 0), min(i + 2, rows)):
                for b in range(max(j - 1, 0), min(j + 2, columns)):
                    value = means[a, b]
                    if np.isfinite(value):
                        k = count
                        while k > 0 and nearest[k - 1] > value:
                            nearest[k] = nearest[k - 1]
                            k -= 1
                        nearest[k] = value
                        count += 1
            low[i, j] = nearest[(count - 1) // 4] if count else np.float32(0)


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
