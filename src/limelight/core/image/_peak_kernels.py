"""The kernels of maxima."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["maxima", "regional_maxima"]


@njit(nogil=True, cache=True)
def _beaten(image, labels, y, x, distance):  # type: ignore[no-untyped-def]
    """Whether a higher pixel of the same object, or an equal one before, is within the distance."""
    height, width = image.shape
    value, one = image[y, x], labels[y, x]
    reach = int(distance)
    limit = distance * distance
    for j in range(max(y - reach, 0), min(y + reach + 1, height)):
        for i in range(max(x - reach, 0), min(x + reach + 1, width)):
            if labels[j, i] != one or (j - y) ** 2 + (i - x) ** 2 > limit:
                continue
            other = image[j, i]
            if other > value or (other == value and (j < y or (j == y and i < x))):
                return True
    return False


@njit(nogil=True, cache=True)
def maxima(image, labels, distance):  # type: ignore[no-untyped-def]
    """Return the flat places of the maxima, in raster order.

    Few pixels are as high as their eight neighbours; only around these is looked further.
    """
    height, width = image.shape
    found = np.empty(64, np.int64)
    count = 0
    for y in range(height):
        for x in range(width):
            one = labels[y, x]
            if one == 0 or _beaten(image, labels, y, x, 1.5):
                continue
            if distance > 1.5 and _beaten(image, labels, y, x, distance):
                continue
            if count == len(found):
                found = np.concatenate((found, np.empty_like(found)))
            found[count] = y * width + x
            count += 1
    return found[:count].copy()


@njit(nogil=True, cache=True)
def regional_maxima(step):  # type: ignore[no-untyped-def]
    """Return which pixels belong to a plateau (8 neighbours) without a higher pixel beside it.

    0 is no plateau.
    """
    height, width = step.shape
    high = np.zeros((height, width), np.bool_)
    done = np.zeros((height, width), np.bool_)
    stack = np.empty((step.size, 2), np.int32)
    for y in range(height):
        for x in range(width):
            level = step[y, x]
            if level == 0 or done[y, x]:
                continue
            stack[0, 0], stack[0, 1] = y, x
            done[y, x] = True
            size, at, best = 1, 0, True
            while at < size:
                b, a = stack[at]
                at += 1
                for j in range(max(b - 1, 0), min(b + 2, height)):
                    for i in range(max(a - 1, 0), min(a + 2, width)):
                        if step[j, i] > level:
                            best = False
                        elif step[j, i] == level and not done[j, i]:
                            done[j, i] = True
                            stack[size, 0], stack[size, 1] = j, i
                            size += 1
            if best:
                for k in range(size):
                    high[stack[k, 0], stack[k, 1]] = True
    return high
