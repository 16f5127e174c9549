"""The kernels of point patterns."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["distances"]


@njit(nogil=True, cache=True)
def distances(place, order, starts, first, stop, out):  # type: ignore[no-untyped-def]
    """Write nearest, mean and sd of the distances between points of groups first to stop - 1."""
    for g in range(first, stop):
        n = starts[g + 1] - starts[g]
        if n < 2:
            continue
        for a in range(starts[g], starts[g + 1]):
            i = order[a]
            nearest, total = np.inf, 0.0
            for b in range(starts[g], starts[g + 1]):
                if a != b:
                    j = order[b]
                    d = np.hypot(place[i, 0] - place[j, 0], place[i, 1] - place[j, 1])
                    nearest = min(nearest, d)
                    total += d
            mean, square = total / (n - 1), 0.0
            for b in range(starts[g], starts[g + 1]):
                if a != b:
                    j = order[b]
                    d = np.hypot(place[i, 0] - place[j, 0], place[i, 1] - place[j, 1])
                    square += (d - mean) ** 2
            out[i, 0], out[i, 1], out[i, 2] = nearest, mean, np.sqrt(square / (n - 1))
