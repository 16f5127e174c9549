"""The kernels of secondary objects."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["flat", "owners"]


@njit(nogil=True, cache=True)
def _widen(low, high, row, shift):  # type: ignore[no-untyped-def]
    """Bring in a row that is shifted; in a form that becomes vector minima and maxima."""
    width = len(low)
    first, stop = max(0, -shift), min(width, width - shift)
    for x in range(first, stop):
        v, a, b = row[x + shift], low[x], high[x]
        low[x] = v if v < a else a
        high[x] = v if v > b else b


@njit(nogil=True, cache=True)
def flat(image, radius, least, first, stop, out):  # type: ignore[no-untyped-def]
    """Mark pixels in whose disc the brightest and the dimmest pixel differ by less than that."""
    height, width = image.shape
    low, high = np.empty(width, image.dtype), np.empty(width, image.dtype)
    for y in range(first, stop):
        low[:] = image[y]
        high[:] = image[y]
        for j in range(-radius, radius + 1):
            if not 0 <= y + j < height:
                continue
            half = int(np.sqrt(radius * radius - j * j))
            for i in range(-half, half + 1):
                _widen(low, high, image[y + j], i)
        for x in range(width):
            out[y, x] = np.float64(high[x]) - np.float64(low[x]) < least


@njit(nogil=True, cache=True)
def owners(holes, labels, count):  # type: ignore[no-untyped-def]
    """Return for each piece of background the only object it touches, else 0.

    A piece that reaches the border of the field is not within anything.
    """
    height, width = labels.shape
    owner = np.zeros(count + 1, np.int32)
    for y in range(height):
        for x in range(width):
            h = holes[y, x]
            if h == 0:
                continue
            if y in (0, height - 1) or x in (0, width - 1):
                owner[h] = -1
                continue
            for j, i in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                one = labels[y + j, x + i]
                if one == 0:
                    continue
                if owner[h] == 0:
                    owner[h] = one
                elif owner[h] != one:
                    owner[h] = -1
    for h in range(count + 1):
        owner[h] = max(owner[h], 0)
    return owner
