"""The kernels of neighbours: around each pixel of an outline, as far as the distance reaches."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["pairs", "touching"]


@njit(nogil=True, cache=True)
def _outline(index, y, x, one):  # type: ignore[no-untyped-def]
    """Whether a pixel of an object has an edge to what is not the object."""
    height, width = index.shape
    return (
        y == 0
        or x == 0
        or y == height - 1
        or x == width - 1
        or index[y - 1, x] != one
        or index[y + 1, x] != one
        or index[y, x - 1] != one
        or index[y, x + 1] != one
    )


@njit(nogil=True, cache=True)
def pairs(rows, begin, end, starts, index, steps, count, first, stop):  # type: ignore[no-untyped-def]
    """Return the pairs of objects first to stop - 1 with others, by their places."""
    height, width = index.shape
    seen = np.zeros(count + 1, np.int32)
    found = np.empty((256, 2), np.int64)
    size = 0
    for i in range(first, stop):
        one = i + 1
        for r in range(starts[i], starts[i + 1]):
            y = rows[r]
            for x in range(begin[r], end[r]):
                if not _outline(index, y, x, one):
                    continue
                for s in range(len(steps)):
                    j, k = y + steps[s, 0], x + steps[s, 1]
                    if not (0 <= j < height and 0 <= k < width):
                        continue
                    other = index[j, k]
                    if other == 0 or other == one or seen[other] == one:
                        continue
                    seen[other] = one
                    if size == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[size, 0], found[size, 1] = i, other - 1
                    size += 1
    return found[:size].copy()


@njit(nogil=True, cache=True)
def touching(rows, begin, end, starts, index, steps, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the share of the outline that is near another object."""
    height, width = index.shape
    for i in range(first, stop):
        one = i + 1
        total, near = 0, 0
        for r in range(starts[i], starts[i + 1]):
            y = rows[r]
            for x in range(begin[r], end[r]):
                if not _outline(index, y, x, one):
                    continue
                total += 1
                for s in range(len(steps)):
                    j, k = y + steps[s, 0], x + steps[s, 1]
                    if 0 <= j < height and 0 <= k < width:
                        other = index[j, k]
                        if other != 0 and other != one:
                            near += 1
                            break
        out[i] = near / total
