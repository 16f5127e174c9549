"""The kernels of numbered objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["boxes", "ids", "index_of", "label", "present", "renumber"]


@njit(nogil=True, cache=True)
def _root(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def _join(parent, a, b):  # type: ignore[no-untyped-def]
    """Join two sets under the lower number; return it."""
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
        return a
    parent[a] = b
    return b


@njit(nogil=True, cache=True)
def label(mask, corners):  # type: ignore[no-untyped-def]
    """Label connected pieces by runs: each run joins the runs above that it touches.

    He, Chao and Suzuki, IEEE Trans. Image Process. 17, 749 (2008).
    """
    height, width = mask.shape
    reach = 1 if corners else 0
    out = np.zeros((height, width), np.int32)
    # No more runs than every second pixel.
    parent = np.empty(1024, np.int32)
    begin, end = np.empty(1024, np.int32), np.empty(1024, np.int32)
    row_start = np.zeros(height + 1, np.int64)
    count = 0
    for y in range(height):
        above, above_stop = (row_start[y - 1], row_start[y]) if y else (0, 0)
        x = 0
        row = mask[y]
        while x < width:
            if not row[x]:
                while x < width and not row[x]:
                    x += 1
                continue
            first = x
            while x < width and row[x]:
                x += 1
            if count == len(parent):
                parent = np.concatenate((parent, np.empty_like(parent)))
                begin = np.concatenate((begin, np.empty_like(begin)))
                end = np.concatenate((end, np.empty_like(end)))
            parent[count] = count
            begin[count], end[count] = first, x
            while above < above_stop and end[above] + reach <= first:
                above += 1
            other = above
            mine = count
            while other < above_stop and begin[other] < x + reach:
                mine = _join(parent, other, mine)
                other += 1
            # the last one may touch the next run too
            if other > above:
                above = other - 1
            count += 1
        row_start[y + 1] = count
    number = np.empty(count, np.int32)
    found = 0
    for i in range(count):
        if parent[i] == i:
            found += 1
            number[i] = found
        else:
            number[i] = number[_root(parent, i)]
    for y in range(height):
        for i in range(row_start[y], row_start[y + 1]):
            out[y, begin[i] : end[i]] = number[i]
    return out


@njit(nogil=True, cache=True)
def present(flat, largest):  # type: ignore[no-untyped-def]
    """Return which numbers up to the largest occur."""
    found = np.zeros(largest + 1, np.bool_)
    last = -1
    for i in range(len(flat)):
        if flat[i] != last:
            last = flat[i]
            found[last] = True
    return found


def ids(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the numbers of the objects, ascending, as int64."""
    if not labels.size:
        return np.empty(0, np.int64)
    largest = int(labels.max())
    if largest <= 4 * labels.size + 1024:
        found = np.flatnonzero(present(labels.reshape(-1), largest))
    else:
        found = np.unique(labels)
    return found[found > 0].astype(np.int64)


def index_of(labels: NDArray[np.int32], numbers: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return labels with each number replaced by its place in ``numbers``, from 1 on."""
    return renumber(labels, numbers, np.arange(1, len(numbers) + 1, dtype=np.int32))


def renumber(
    labels: NDArray[np.int32], numbers: NDArray[np.int64], new: NDArray[Any]
) -> NDArray[np.int32]:
    """Return labels with ``numbers`` (ascending, all that occur) replaced by ``new``."""
    if not len(numbers):
        return np.zeros(labels.shape, np.int32)
    if numbers[-1] <= 4 * labels.size + 1024:
        table = np.zeros(int(numbers[-1]) + 1, np.int32)
        table[numbers] = new
        found: NDArray[np.int32] = table[labels]
        return found
    place = np.searchsorted(numbers, labels)
    return np.where(
        labels > 0, new[np.minimum(place, len(numbers) - 1)].astype(np.int32), np.int32(0)
    )


def boxes(stack: NDArray[np.int32], numbers: NDArray[np.int64]) -> Any:
    """Return count, coordinate sums (z, y, x) and bounds (z0, z1, y0, y1, x0, x1) of objects."""
    index = stack if _dense(numbers) else index_of(stack, numbers)
    return _boxes(index, len(numbers))


def _dense(numbers: NDArray[np.int64]) -> bool:
    return not len(numbers) or int(numbers[-1]) == len(numbers)


@njit(nogil=True, cache=True)
def _boxes(index, count):  # type: ignore[no-untyped-def]
    depth, height, width = index.shape
    areas = np.zeros(count, np.int64)
    sums = np.zeros((count, 3), np.int64)
    bounds = np.zeros((count, 6), np.int64)
    for i in range(count):
        for a in range(3):
            bounds[i, 2 * a] = 2**62
    for z in range(depth):
        for y in range(height):
            x = 0
            while x < width:
                one = index[z, y, x]
                if one == 0:
                    x += 1
                    continue
                first = x
                while x < width and index[z, y, x] == one:
                    x += 1
                i, n = one - 1, x - first
                areas[i] += n
                sums[i, 0] += n * z
                sums[i, 1] += n * y
                sums[i, 2] += n * (first + x - 1) // 2
                b = bounds[i]
                b[0], b[1] = min(b[0], z), max(b[1], z + 1)
                b[2], b[3] = min(b[2], y), max(b[3], y + 1)
                b[4], b[5] = min(b[4], first), max(b[5], x)
    return areas, sums, bounds
