"""The kernels of morphology: all that the shape of an object is made of, object by object."""

from __future__ import annotations

import numpy as np
from numba import njit

from limelight.core.image._distance_kernels import column_distance

__all__ = ["boxes", "radii_of", "shapes"]


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
def _outline(index, y, start, stop, one, found):  # type: ignore[no-untyped-def]
    """Count the border pixels of a run by what their border neighbours are.

    Three kinds: those that the border passes straight (weight 1), diagonally (root 2), and with a
    bend (mean of both); Benkrid and Crookes, Design and FPGA implementation of a perimeter
    estimator (2000).
    """
    inner = 0 < y < index.shape[0] - 1
    for j in range(start, stop):
        if inner and start < j < stop - 1 and index[y - 1, j] == one and index[y + 1, j] == one:
            continue
        straight = diagonal = 0
        for k in (-1, 1):
            straight += _edge(index, y + k, j, one)
            straight += _edge(index, y, j + k, one)
            diagonal += _edge(index, y + k, j - 1, one)
            diagonal += _edge(index, y + k, j + 1, one)
        code = 1 + 2 * straight + 10 * diagonal
        if code in (5, 7, 15, 17, 25, 27):
            found[6] += 1
        elif code in (21, 33):
            found[7] += 1
        elif code in (13, 23):
            found[8] += 1


@njit(nogil=True, cache=True)
def boxes(rows, begin, end, starts, width):  # type: ignore[no-untyped-def]
    """Return the bounds y0, y1, x0, x1 of objects."""
    count = len(starts) - 1
    bounds = np.empty((count, 4), np.int64)
    for i in range(count):
        b = bounds[i]
        b[0], b[1] = rows[starts[i]], rows[starts[i + 1] - 1] + 1
        b[2], b[3] = width, 0
        for r in range(starts[i], starts[i + 1]):
            b[2], b[3] = min(b[2], begin[r]), max(b[3], end[r])
    return bounds


@njit(nogil=True, cache=True)
def radii_of(index, square, largest, total):  # type: ignore[no-untyped-def]
    """Write the largest squared distance, and the sum of distances, of each object."""
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            i = index[y, x] - 1
            if i >= 0:
                largest[i] = max(largest[i], square[y, x])
                total[i] += np.sqrt(np.float64(square[y, x]))


@njit(nogil=True, cache=True)
def shapes(  # type: ignore[no-untyped-def]
    rows, begin, end, starts, index, bounds, windowed, first, stop, sums, hull, radius, radii
):
    """Write what the shape of objects first to stop - 1 is made of.

    ``sums``: of 1, y, x, y^2, x^2, xy over the pixels, from the corner of the bounding box on, and
    the three kinds of border pixels; ``hull``: pixel centres within the convex hull; ``radius`` and
    ``radii``: the largest squared distance of a pixel to what is not the object, and the sum of the
    distances, if they are to be found in windows.
    """
    longest = largest = np.int64(0)
    for i in range(first, stop):
        b = bounds[i]
        longest = max(longest, b[1] - b[0])
        if windowed:
            largest = max(largest, (b[1] - b[0]) * (b[3] - b[2]))
    left, right = np.empty(longest, np.int64), np.empty(longest, np.int64)
    size = 3 * longest + 3
    ly, lx = np.empty(size, np.int64), np.empty(size, np.int64)
    ry, rx = np.empty(size, np.int64), np.empty(size, np.int64)
    window = np.empty(largest, np.int32)
    place, value = np.empty(longest + 2, np.int32), np.empty(longest + 2, np.int32)
    edge = np.empty(longest + 3, np.int32)
    for i in range(first, stop):
        y0, y1, x0, x1 = bounds[i]
        height, width = y1 - y0, x1 - x0
        left[:height] = -1
        right[:height] = -1
        if windowed:
            window[: height * width] = 0
        f = sums[i]
        for r in range(starts[i], starts[i + 1]):
            y, start, last = np.int64(rows[r]), np.int64(begin[r]), np.int64(end[r])
            n = last - start
            a, c, v = start - x0, last - 1 - x0, y - y0
            s = (a + c) * n // 2
            f[0] += n
            f[1] += n * v
            f[2] += s
            f[3] += n * v * v
            f[4] += c * (c + 1) * (2 * c + 1) // 6 - (a - 1) * a * (2 * a - 1) // 6
            f[5] += v * s
            if left[v] < 0:  # runs are in the order of the row
                left[v] = a
            right[v] = c
            _outline(index, y, start, last, i + 1, f)
            if not windowed:
                continue
            for x in range(a, c + 1):
                d = min(x - a + 1, c + 1 - x)
                window[x * height + v] = d * d
        hull[i] = _hull(left, right, height, ly, lx, ry, rx)
        if not windowed:
            continue
        for x in range(width):
            column_distance(window[x * height : (x + 1) * height], place, edge, value)
        most, total = 0, 0.0
        for r in range(starts[i], starts[i + 1]):
            v = rows[r] - y0
            for x in range(begin[r] - x0, end[r] - x0):
                d = window[x * height + v]
                most = max(most, d)
                total += np.sqrt(np.float64(d))
        radius[i], radii[i] = most, total


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
def _hull(left, right, rows, ly, lx, ry, rx):  # type: ignore[no-untyped-def]
    """Count the pixel centres within the convex hull of an object, exactly.

    Coordinates are whole numbers of half pixels, so a centre on the hull is found to be on it.
    """
    n = _chain(left, rows, 1, ly, lx)
    m = _chain(right, rows, -1, ry, rx)
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
    return total
