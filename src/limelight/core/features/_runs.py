"""The pixels of objects as runs: pieces of rows, in the order of the objects.

What needs an object's pixels one after the other reads them from here; its cost is that of the
pixels, wherever they are and however many objects there are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Runs", "find_runs"]


@dataclass
class Runs:
    """Runs of pixels.

    Parameters
    ----------
    y, first, stop : 1D array of int32 (runs,)
        Row, first pixel and the one after the last.
    starts : 1D array of int64 (N + 1,)
        First run of each object; its runs are in raster order.
    """

    y: NDArray[np.int32]
    first: NDArray[np.int32]
    stop: NDArray[np.int32]
    starts: NDArray[np.int64]

    @property
    def arrays(self) -> tuple[NDArray[np.int32], ...]:
        """What a kernel needs: y, first, stop, starts."""
        return self.y, self.first, self.stop, self.starts  # type: ignore[return-value]

    def bands(self, pieces: int) -> list[tuple[int, int]]:
        """Cut the objects into bands of about as many runs."""
        count = len(self.starts) - 1
        marks = np.linspace(0, len(self.y), pieces + 1)[1:-1]
        cuts = [0, *np.searchsorted(self.starts, marks).tolist(), count]
        return [(a, b) for a, b in itertools.pairwise(cuts) if b > a]


def find_runs(index: NDArray[np.int32], count: int) -> Runs:
    """Return the runs of a plane (Y, X) whose objects are 1 to ``count``."""
    return Runs(*_find(index, count))


@njit(nogil=True, cache=True)
def _find(index, count):  # type: ignore[no-untyped-def]
    height, width = index.shape
    starts = np.zeros(count + 1, np.int64)
    for y in range(height):
        last = 0
        for x in range(width):
            one = index[y, x]
            if one != last:
                last = one
                if one:
                    starts[one] += 1
    for i in range(count):
        starts[i + 1] += starts[i]
    fill = starts.copy()
    total = starts[count]
    rows = np.empty(total, np.int32)
    first, stop = np.empty(total, np.int32), np.empty(total, np.int32)
    for y in range(height):
        x = 0
        while x < width:
            one = index[y, x]
            begin = x
            while x < width and index[y, x] == one:
                x += 1
            if one:
                place = fill[one - 1]
                fill[one - 1] += 1
                rows[place], first[place], stop[place] = y, begin, x
    return rows, first, stop, starts
