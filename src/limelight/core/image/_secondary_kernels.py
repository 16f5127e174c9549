"""The kernels of secondary objects."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["contrast", "owners"]


@njit(nogil=True, cache=True)
def contrast(image, radius):  # type: ignore[no-untyped-def]
    """Return the difference of the brightest and the dimmest pixel of the disc around each."""
    height, width = image.shape
    out = np.empty((height, width), np.float64)
    half = np.empty(2 * radius + 1, np.int64)
    for j in range(-radius, radius + 1):
        half[j + radius] = int(np.sqrt(radius * radius - j * j))
    low, high = np.empty(width, image.dtype), np.empty(width, image.dtype)
    for y in range(height):
        low[:] = image[y]
        high[:] = image[y]
        for j in range(-radius, radius + 1):
            if not 0 <= y + j < height:
                continue
            row = image[y + j]
            for i in range(-half[j + radius], half[j + radius] + 1):
                first, stop = max(0, -i), min(width, width - i)
                for x in range(first, stop):
                    low[x] = min(low[x], row[x + i])
                    high[x] = max(high[x], row[x + i])
        for x in range(width):
            out[y, x] = np.float64(high[x]) - np.float64(low[x])
    return out


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
