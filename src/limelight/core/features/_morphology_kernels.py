"""The kernels of morphology: a few passes over the rows of the image, whatever the objects."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["extents", "hulls", "radii", "row_ends", "sums"]


@njit(nogil=True, cache=True)
def extents(index, first, stop, count):  # type: ignore[no-untyped-def]
    """Return the bounds y0, y1, x0, x1 of what objects have in rows first to stop - 1."""
    bounds = np.empty((count, 4), np.int64)
    for i in range(count):
        bounds[i, 0] = bounds[i, 2] = 2**40
        bounds[i, 1] = bounds[i, 3] = 0
    width = index.shape[1]
    for y in range(first, stop):
        x = 0
        while x < width:
            one = index[y, x]
            if one == 0:
                while x < width and index[y, x] == 0:
                    x += 1
                continue
            start = x
            while x < width and index[y, x] == one:
                x += 1
            b = bounds[one - 1]
            b[0], b[1] = min(b[0], y), max(b[1], y + 1)
            b[2], b[3] = min(b[2], start), max(b[3], x)
    return bounds


@njit(nogil=True, cache=True)
def _same(index, y, x, one):  # type: ignore[no-untyped-def]
    return 0 <= y < index.shape[0] and 0 <= x < index.shape[1] and index[y, x] == one


@njit(nogil=True, cache=True)
def _edge(index, y, x, one):  # type: ignore[no-untyped-def]
    """Whether a pixel is of the object and has an edge to what is not."""
    if not _same(index, y, x, one):
        return False
    return not (
        _same(index, y - 1, x, one)
        and _same(index, y + 1, x, one)
        and _same(index, y, x - 1, one)
        and _same(index, y, x + 1, one)
    )


@njit(nogil=True, cache=True)
def sums(index, first, stop, bounds):  # type: ignore[no-untyped-def]
    """Return sums over the pixels of objects, from the corner of the bounding box on.

    Columns: 1, y, x, y^2, x^2, xy, and three kinds of border pixels: those that the border passes
    straight (weight 1), diagonally (root 2), and with a bend (mean of both); Benkrid and Crookes,
    Design and FPGA implementation of a perimeter estimator (2000).
    """
    found = np.zeros((len(bounds), 9), np.int64)
    height, width = index.shape
    for y in range(first, stop):
        x = 0
        while x < width:
            one = index[y, x]
            if one == 0:
                while x < width and index[y, x] == 0:
                    x += 1
                continue
            start = x
            while x < width and index[y, x] == one:
                x += 1
            i = one - 1
            f = found[i]
            n = x - start
            a = start - bounds[i, 2]
            b = x - 1 - bounds[i, 2]
            v = y - bounds[i, 0]
            s = (a + b) * n // 2
            f[0] += n
            f[1] += n * v
            f[2] += s
            f[3] += n * v * v
            f[4] += b * (b + 1) * (2 * b + 1) // 6 - (a - 1) * a * (2 * a - 1) // 6
            f[5] += v * s
            inner = 0 < y < height - 1
            for j in range(start, x):
                if (
                    inner
                    and start < j < x - 1
                    and index[y - 1, j] == one
                    and index[y + 1, j] == one
                ):
                    continue
                straight = diagonal = 0
                for k in (-1, 1):
                    straight += _edge(index, y + k, j, one)
                    straight += _edge(index, y, j + k, one)
                    diagonal += _edge(index, y + k, j - 1, one)
                    diagonal += _edge(index, y + k, j + 1, one)
                code = 1 + 2 * straight + 10 * diagonal
                if code in (5, 7, 15, 17, 25, 27):
                    f[6] += 1
                elif code in (21, 33):
                    f[7] += 1
                elif code in (13, 23):
                    f[8] += 1
    return found


@njit(nogil=True, cache=True)
def row_ends(index, starts, bounds, first, stop, left, right):  # type: ignore[no-untyped-def]
    """Write the first and the last pixel of objects in rows first to stop - 1."""
    width = index.shape[1]
    for y in range(first, stop):
        x = 0
        while x < width:
            one = index[y, x]
            if one == 0:
                while x < width and index[y, x] == 0:
                    x += 1
                continue
            start = x
            while x < width and index[y, x] == one:
                x += 1
            place = starts[one - 1] + y - bounds[one - 1, 0]
            left[place] = min(left[place], start)
            right[place] = max(right[place], x - 1)


@njit(nogil=True, cache=True)
def _turn(ay, ax, by, bx, cy, cx):  # type: ignore[no-untyped-def]
    return (by - ay) * (cx - ax) - (bx - ax) * (cy - ay)


@njit(nogil=True, cache=True)
def _chain(left, rows, sign, ys, xs):  # type: ignore[no-untyped-def]
    """Return the size of one side's hull, from top to bottom, in half pixels.

    Each pixel gives the midpoints of its four edges.  ``sign`` is 1 for the left side.
    """
    top = 0
    for r in range(rows):
        if left[r] < 0:
            continue
        for k in range(-1, 2):
            y = 2 * r + k
            x = 2 * left[r] - (0 if k else sign)
            # of points in one row only the outermost counts
            if top and ys[top - 1] == y:
                if sign * (xs[top - 1] - x) <= 0:
                    continue
                top -= 1
            while top >= 2:
                if sign * _turn(ys[top - 2], xs[top - 2], ys[top - 1], xs[top - 1], y, x) > 0:
                    break
                top -= 1
            ys[top], xs[top] = y, x
            top += 1
    return top


@njit(nogil=True, cache=True)
def hulls(starts, left, right, bounds, first, stop, area):  # type: ignore[no-untyped-def]
    """Count the pixel centres within the convex hull of objects first to stop - 1, exactly.

    Coordinates are whole numbers of half pixels, so a centre on the hull is found to be on it.
    """
    for i in range(first, stop):
        rows = starts[i + 1] - starts[i]
        one, other = np.empty(rows, np.int64), np.empty(rows, np.int64)
        for r in range(rows):
            a, b = left[starts[i] + r], right[starts[i] + r]
            one[r] = a - bounds[i, 2] if b >= 0 else -1
            other[r] = b - bounds[i, 2] if b >= 0 else -1
        size = 3 * rows + 3
        ly, lx = np.empty(size, np.int64), np.empty(size, np.int64)
        ry, rx = np.empty(size, np.int64), np.empty(size, np.int64)
        n = _chain(one, rows, 1, ly, lx)
        m = _chain(other, rows, -1, ry, rx)
        total = np.int64(0)
        p = q = 0
        for r in range(rows):
            y = 2 * r
            while p < n - 2 and ly[p + 1] < y:
                p += 1
            while q < m - 2 and ry[q + 1] < y:
                q += 1
            # x of the sides at this height as fractions; centres are at even numbers
            dy = ly[p + 1] - ly[p]
            numerator = lx[p] * dy + (y - ly[p]) * (lx[p + 1] - lx[p])
            low = -((-numerator) // (2 * dy))
            dy = ry[q + 1] - ry[q]
            numerator = rx[q] * dy + (y - ry[q]) * (rx[q + 1] - rx[q])
            high = numerator // (2 * dy)
            total += max(high - low + 1, 0)
        area[i] = total


@njit(nogil=True, cache=True)
def radii(index, square, count):  # type: ignore[no-untyped-def]
    """Return the largest squared distance, and the sum of distances, of each object."""
    largest, total = np.zeros(count, np.int32), np.zeros(count)
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            i = index[y, x] - 1
            if i >= 0:
                largest[i] = max(largest[i], square[y, x])
                total[i] += np.sqrt(np.float64(square[y, x]))
    return largest, total
