"""The kernels of Haralick's features.

One matrix of pairs serves all objects of a band: the cells that an object touched are listed, the
features are taken from these alone, and they are cleared again.  So a small object costs little,
however many levels there are.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["haralick", "logarithms", "quantize"]


@njit(nogil=True, cache=True)
def quantize(values, low, factor, levels):  # type: ignore[no-untyped-def]
    """Return 1 + floor((value - low) factor), limited to 1 to levels."""
    out = np.empty(len(values), np.uint16)
    for i in range(len(values)):
        level = np.int64(np.floor((np.float64(values[i]) - low) * factor))
        out[i] = min(max(level, 0), levels - 1) + 1
    return out


@njit(nogil=True, cache=True)
def logarithms(size):  # type: ignore[no-untyped-def]
    """Return n log2 n for whole numbers."""
    out = np.zeros(size)
    for n in range(2, size):
        out[n] = n * np.log2(n)
    return out


@njit(nogil=True, cache=True)
def _nlogn(n, known):  # type: ignore[no-untyped-def]
    if n < len(known):
        return known[n]
    return n * np.log2(n)


@njit(nogil=True, cache=True)
def _variance(counts, size, total):  # type: ignore[no-untyped-def]
    """Return the variance of the numbers counts / total, as one of ``size`` numbers."""
    square, mean = 0.0, 1.0 / size
    for k in range(size):
        d = counts[k] / total - mean
        square += d * d
    return square / size


@njit(nogil=True, cache=True)
def haralick(  # type: ignore[no-untyped-def]
    rows, begin, end, starts, index, grey, scale, levels, known, first, stop, out
):
    """Write the features of objects first to stop - 1."""
    height, width = index.shape
    pairs = np.zeros((levels + 1, levels + 1), np.int32)
    touched = np.empty(1024, np.int64)
    margin = np.zeros(levels + 1, np.int64)
    plus = np.zeros(2 * levels + 1, np.int64)
    minus = np.zeros(levels + 1, np.int64)
    feature = np.empty(13)
    dys = (0, scale, scale, scale)
    dxs = (scale, scale, 0, -scale)
    for i in range(first, stop):
        one = i + 1
        highest = 0
        for r in range(starts[i], starts[i + 1]):
            for x in range(begin[r], end[r]):
                highest = max(highest, int(grey[rows[r], x]))
        out[i] = 0
        directions = 0
        for d in range(4):
            dy, dx = dys[d], dxs[d]
            count, entries = 0, 0
            for r in range(starts[i], starts[i + 1]):
                y = rows[r]
                if y + dy >= height:
                    break
                for x in range(max(begin[r], -dx), min(end[r], width - dx)):
                    if index[y + dy, x + dx] != one:
                        continue
                    a, b = grey[y, x], grey[y + dy, x + dx]
                    if a > b:
                        a, b = b, a
                    if pairs[a, b] == 0:
                        if entries == len(touched):
                            touched = np.concatenate((touched, np.empty_like(touched)))
                        touched[entries] = np.int64(a) * (levels + 1) + b
                        entries += 1
                    pairs[a, b] += 1
                    count += 1
            if count == 0:
                continue
            directions += 1
            _features(
                pairs, touched, entries, count, levels, highest, known, margin, plus, minus, feature
            )
            for k in range(13):
                out[i, k] += feature[k]
        for k in range(13):
            out[i, k] = out[i, k] / directions if directions else np.nan


@njit(nogil=True, cache=True)
def _features(  # type: ignore[no-untyped-def]
    pairs, touched, entries, count, levels, highest, known, margin, plus, minus, out
):
    """Write the features of one matrix of pairs, and clear it.

    ``pairs`` holds each unordered pair once; the symmetric matrix has twice the count.
    """
    total = 2.0 * count
    low, high = levels, 0
    moment, homogeneity, entropy = 0.0, 0.0, 0.0
    for e in range(entries):
        a, b = touched[e] // (levels + 1), touched[e] % (levels + 1)
        n = np.int64(pairs[a, b])
        pairs[a, b] = 0
        low, high = min(low, a), max(high, b)
        margin[a] += n
        margin[b] += n
        plus[a + b] += 2 * n
        minus[b - a] += 2 * n
        if a == b:
            moment += 4.0 * n * n
            entropy += _nlogn(2 * n, known)
        else:
            moment += 2.0 * n * n
            entropy += 2.0 * _nlogn(n, known)
        homogeneity += 2.0 * n / (1.0 + (b - a) * (b - a))
    mean = 0.0
    for k in range(low, high + 1):
        mean += margin[k] * np.float64(k)
    mean /= total
    variance, side = 0.0, 0.0
    for k in range(low, high + 1):
        variance += margin[k] * (k - mean) ** 2
        side += _nlogn(margin[k], known)
        margin[k] = 0
    variance /= total
    contrast, difference = 0.0, 0.0
    spread = _variance(minus, highest + 1, total)
    for k in range(high - low + 1):
        contrast += np.float64(minus[k]) * k * k
        difference += _nlogn(minus[k], known)
        minus[k] = 0
    contrast /= total
    sums, square = 0.0, 0.0
    for k in range(2 * low, 2 * high + 1):
        square += plus[k] * (k - 2 * mean) ** 2
        sums += _nlogn(plus[k], known)
        plus[k] = 0
    logarithm = np.log2(total)
    joint = logarithm - entropy / total
    alone = logarithm - side / total
    out[0] = moment / (total * total)
    out[1] = contrast
    # the sum of (a - mean) (b - mean) follows from those of (a + b) and (a - b)
    covariance = (square / total - contrast) / 4
    out[2] = covariance / variance if variance > 0 else 1.0
    out[3] = variance
    out[4] = homogeneity / total
    out[5] = 2 * mean
    out[6] = square / total
    out[7] = logarithm - sums / total
    out[8] = joint
    out[9] = spread
    out[10] = logarithm - difference / total
    out[11] = (joint - 2 * alone) / alone if alone > 0 else 0.0
    out[12] = np.sqrt(max(0.0, 1 - np.exp(-2.0 * (2 * alone - joint))))
