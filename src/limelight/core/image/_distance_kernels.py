"""The kernels of exact distances: one pass along rows, one along columns."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["across", "column_distance", "down", "inner", "nearest_across", "nearest_down"]


@njit(nogil=True, cache=True)
def inner(labels, bounds, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the squared distances of objects first to stop - 1, whose labels are 1 up.

    Each object is handled in a window of its own, which stays in the processor's cache: along its
    rows, turned on its side, then along its columns.
    """
    largest = longest = 0
    for k in range(first, stop):
        b = bounds[k]
        largest = max(largest, (b[1] - b[0]) * (b[3] - b[2]))
        longest = max(longest, b[1] - b[0])
    window = np.empty(largest, np.int32)
    place, value = np.empty(longest + 2, np.int32), np.empty(longest + 2, np.int32)
    edge = np.empty(longest + 3, np.int32)
    for k in range(first, stop):
        one = k + 1
        y0, y1, x0, x1 = bounds[k, 0], bounds[k, 1], bounds[k, 2], bounds[k, 3]
        height = y1 - y0
        for y in range(y0, y1):
            x = x0
            while x < x1:
                if labels[y, x] != one:
                    window[(x - x0) * height + y - y0] = 0
                    x += 1
                    continue
                start = x
                while x < x1 and labels[y, x] == one:
                    x += 1
                for i in range(start, x):
                    d = min(i - start + 1, x - i)
                    window[(i - x0) * height + y - y0] = d * d
        for x in range(x1 - x0):
            column_distance(window[x * height : (x + 1) * height], place, edge, value)
        for y in range(y0, y1):
            for x in range(x0, x1):
                if labels[y, x] == one:
                    out[y, x] = window[(x - x0) * height + y - y0]


@njit(nogil=True, cache=True)
def column_distance(column, place, edge, value):  # type: ignore[no-untyped-def]
    """Take the least of row distance and distance along a column; 0 is outside of the object.

    The lower envelope of the parabolas value + (y - place)^2, of the pixels of each run and of the
    places before and behind it.  Where one parabola takes over is a whole number, rounded down:
    from the next pixel on the later one is lower.
    """
    height = len(column)
    y = 0
    while y < height:
        if column[y] == 0:
            y += 1
            continue
        start = y
        while y < height and column[y] != 0:
            y += 1
        top = 0
        place[0], value[0], edge[0] = start - 1, 0, -(2**30)
        for q in range(start, y + 1):
            f = 0 if q == y else column[q]
            while True:
                p = place[top]
                s = ((f + q * q) - (value[top] + p * p)) // (2 * (q - p))
                if s > edge[top] or top == 0:
                    break
                top -= 1
            top += 1
            place[top], value[top], edge[top] = q, f, s
        k = 0
        for q in range(start, y):
            while k < top and edge[k + 1] < q:
                k += 1
            d = q - place[k]
            column[q] = d * d + value[k]


_BLOCK = 16


@njit(nogil=True, cache=True)
def across(labels, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the squared distance along the row to the next pixel that is of another object."""
    width = labels.shape[1]
    for y in range(first, stop):
        x = 0
        while x < width:
            one = labels[y, x]
            start = x
            while x < width and labels[y, x] == one:
                x += 1
            if one == 0:
                out[y, start:x] = 0
                continue
            for i in range(start, x):
                d = min(i - start + 1, x - i)
                out[y, i] = d * d


@njit(nogil=True, cache=True)
def down(labels, row, first, stop, out):  # type: ignore[no-untyped-def]
    """Take the least of row distance and distance along columns first to stop - 1.

    Within a run of one object the parabolas of its pixels count, and both ends of the run, where
    the distance is 0 one pixel beyond.
    """
    height = labels.shape[0]
    place, value = np.empty(height + 2, np.int32), np.empty(height + 2, np.int32)
    edge = np.empty(height + 3, np.int32)
    column = np.empty((_BLOCK, height), np.int32)
    marks = np.empty((_BLOCK, height), np.int32)
    for x0 in range(first, stop, _BLOCK):
        n = min(_BLOCK, stop - x0)
        for y in range(height):
            for i in range(n):
                column[i, y] = row[y, x0 + i]
                marks[i, y] = labels[y, x0 + i]
        for i in range(n):
            y = 0
            while y < height:
                begin = y
                while y < height and marks[i, y] == marks[i, begin]:
                    y += 1
                column_distance(column[i, begin:y], place, edge, value)
        for y in range(height):
            for i in range(n):
                out[y, x0 + i] = column[i, y]


@njit(nogil=True, cache=True)
def nearest_across(labels, reach, first, stop, who, square):  # type: ignore[no-untyped-def]
    """Write the nearest object of the row within reach, and its squared distance (-1: none)."""
    width = labels.shape[1]
    for y in range(first, stop):
        last, one = -(2**30), 0
        for x in range(width):
            if labels[y, x]:
                last, one = x, labels[y, x]
            near = x - last <= reach
            who[y, x] = one if near else 0
            square[y, x] = (x - last) * (x - last) if near else -1
        last, one = 2**30, 0
        for x in range(width - 1, -1, -1):
            if labels[y, x]:
                last, one = x, labels[y, x]
            d = last - x
            if d > reach:
                continue
            old = square[y, x]
            if old < 0 or d * d < old or (d * d == old and one < who[y, x]):
                who[y, x] = one
                square[y, x] = d * d


@njit(nogil=True, cache=True)
def nearest_down(who, square, limit, first, stop, out):  # type: ignore[no-untyped-def]
    """Take the nearest object along columns, of rows first to stop - 1, within the limit."""
    height, width = who.shape
    reach = int(np.sqrt(limit))
    for y in range(first, stop):
        for x in range(width):
            if square[y, x] == 0:
                out[y, x] = who[y, x]
                continue
            best, found = limit, 0
            for step in range(reach + 1):
                if step * step > best:
                    break
                for j in (y - step, y + step):
                    if 0 <= j < height and square[j, x] >= 0:
                        d = step * step + square[j, x]
                        if d < best or (d == best and (found == 0 or who[j, x] < found)):
                            best, found = d, who[j, x]
            out[y, x] = found
