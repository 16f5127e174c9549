"""The kernels of smoothing: bands of rows, mirrored borders by tables of indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types
from numba.extending import overload

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bilateral", "median_counts", "median_network", "mirrored", "separable"]


def mirrored(length: int, before: int, after: int) -> NDArray[np.int64]:
    """Return which pixel stands for each place from -before to length + after - 1.

    The border pixel itself is repeated: d c b a | a b c d | d c b a.
    """
    if length == 0:
        return np.empty(0, np.int64)
    place = np.arange(-before, length + after) % (2 * length)
    return np.where(place < length, place, 2 * length - 1 - place).astype(np.int64)


@njit(nogil=True, cache=True, fastmath={"contract"})
def _row_sum(padded, weights, out):  # type: ignore[no-untyped-def]
    """Correlate one padded row; four weights at a time keep the sums in registers."""
    taps, width = len(weights), len(out)
    out[:] = 0
    k = 0
    while k + 4 <= taps:
        a, b, c, d = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for x in range(width):
            out[x] += (
                a * padded[x + k]
                + b * padded[x + k + 1]
                + c * padded[x + k + 2]
                + d * padded[x + k + 3]
            )
        k += 4
    while k < taps:
        a = weights[k]
        for x in range(width):
            out[x] += a * padded[x + k]
        k += 1


def _stored(total: object, out: object, low: object, high: object) -> None:
    raise TypeError  # only for compiled code


@overload(_stored)
def _(total, out, low, high):  # type: ignore[no-untyped-def]
    if isinstance(out.dtype, types.Float):

        def floats(total, out, low, high):  # type: ignore[no-untyped-def]
            for x in range(len(total)):
                out[x] = total[x]

        return floats

    def integers(total, out, low, high):  # type: ignore[no-untyped-def]
        for x in range(len(total)):
            out[x] = min(max(np.rint(total[x]), low), high)

    return integers


@njit(nogil=True, cache=True)
def _store(total, out, low, high):  # type: ignore[no-untyped-def]
    """Write numbers; rounded and limited if integers are wanted."""
    _stored(total, out, low, high)


@njit(nogil=True, cache=True, fastmath={"contract"})
def separable(  # type: ignore[no-untyped-def]
    plane, weights, rows, columns, first, stop, low, high, out
):
    """Correlate rows first to stop - 1 with the weights, down and across.

    Integers that are written are limited to low and high.
    """
    taps, width = len(weights), plane.shape[1]
    column = np.empty(width, weights.dtype)
    total = np.empty(width, weights.dtype)
    padded = np.empty(len(columns), weights.dtype)
    for y in range(first, stop):
        column[:] = 0
        k = 0
        while k + 4 <= taps:
            a, b, c, d = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            p, q, r, s = (
                plane[rows[y + k]],
                plane[rows[y + k + 1]],
                plane[rows[y + k + 2]],
                plane[rows[y + k + 3]],
            )
            for x in range(width):
                column[x] += a * p[x] + b * q[x] + c * r[x] + d * s[x]
            k += 4
        while k < taps:
            a = weights[k]
            p = plane[rows[y + k]]
            for x in range(width):
                column[x] += a * p[x]
            k += 1
        for x in range(len(columns)):
            padded[x] = column[columns[x]]
        _row_sum(padded, weights, total)
        _store(total, out[y], low, high)


@njit(nogil=True, cache=True)
def bilateral(plane, space, factor, rows, columns, first, stop, out):  # type: ignore[no-untyped-def]
    """Average rows first to stop - 1 with weights of distance and of difference."""
    size, width = len(space), plane.shape[1]
    centre = size // 2
    for y in range(first, stop):
        for x in range(width):
            value = np.float64(plane[y, x])
            total, weight = 0.0, 0.0
            for j in range(size):
                row = plane[rows[y + j]]
                for i in range(size):
                    dy, dx = j - centre, i - centre
                    if dy * dy + dx * dx > centre * centre:
                        continue
                    other = np.float64(row[columns[x + i]])
                    w = space[j] * space[i] * np.exp(factor * (other - value) ** 2)
                    total += w * other
                    weight += w
            out[y, x] = total / weight


_CHUNK = 256


@njit(nogil=True, cache=True)
def _order(rows, one, other, count):  # type: ignore[no-untyped-def]
    """Exchange two rows pixel by pixel, so that the smaller value is in the first."""
    for x in range(count):
        a, b = rows[one, x], rows[other, x]
        rows[one, x] = b if b < a else a
        rows[other, x] = a if b < a else b


@njit(nogil=True, cache=True)
def median_network(plane, size, rows, columns, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the medians of rows first to stop - 1, for small windows.

    The values of a window are the columns of a table, one row per place in the window, and are
    sorted as far as the middle: whole rows at a time, which the compiler turns into vector minima
    and maxima.
    """
    width = plane.shape[1]
    total = size * size
    middle = total // 2
    padded = np.empty((size, len(columns)), plane.dtype)
    table = np.empty((total, _CHUNK), plane.dtype)
    for y in range(first, stop):
        for j in range(size):
            row = plane[rows[y + j]]
            for x in range(len(columns)):
                padded[j, x] = row[columns[x]]
        for x0 in range(0, width, _CHUNK):
            n = min(_CHUNK, width - x0)
            for j in range(size):
                for i in range(size):
                    table[j * size + i, :n] = padded[j, x0 + i : x0 + i + n]
            for k in range(middle + 1):
                for other in range(k + 1, total):
                    _order(table, k, other, n)
            out[y, x0 : x0 + n] = table[middle, :n]


@njit(nogil=True, cache=True)
def median_counts(plane, size, rows, columns, first, stop, low, span, out):  # type: ignore[no-untyped-def]
    """Write the medians of rows first to stop - 1, for integers: by counting.

    A window is moved by a column at a time (Huang, Yang and Tang, IEEE Trans. Acoust. 27, 13,
    1979); 256 values together are counted too, so that the middle is found in few steps.
    """
    width = plane.shape[1]
    middle = size * size // 2
    fine = np.zeros((span // 256 + 1) * 256, np.int32)
    coarse = np.zeros(span // 256 + 1, np.int32)
    padded = np.empty((size, len(columns)), np.int64)
    for y in range(first, stop):
        for j in range(size):
            row = plane[rows[y + j]]
            for x in range(len(columns)):
                padded[j, x] = np.int64(row[columns[x]]) - low
        fine[:] = 0
        coarse[:] = 0
        for j in range(size):
            for i in range(size):
                fine[padded[j, i]] += 1
                coarse[padded[j, i] // 256] += 1
        block, below = 0, 0
        for x in range(width):
            # from where the last middle was: it has not gone far
            while below > middle:
                block -= 1
                below -= coarse[block]
            while below + coarse[block] <= middle:
                below += coarse[block]
                block += 1
            value, seen = 256 * block, below
            while seen + fine[value] <= middle:
                seen += fine[value]
                value += 1
            out[y, x] = value + low
            if x + 1 == width:
                break
            for j in range(size):
                gone, new = padded[j, x], padded[j, x + size]
                fine[gone] -= 1
                coarse[gone // 256] -= 1
                fine[new] += 1
                coarse[new // 256] += 1
                below += (new < 256 * block) - (gone < 256 * block)
