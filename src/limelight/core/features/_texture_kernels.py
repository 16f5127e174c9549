"""The kernels of texture: each object's pixels in runs."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["central_moments", "gabor", "lbp", "tas"]


@njit(nogil=True, cache=True)
def gabor(rows, begin, end, starts, image, waves, angles, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the best response of objects first to stop - 1 to each wave.

    Along a run the wave is turned by a constant angle per pixel, and needs no sine.
    """
    count = len(waves) * angles
    wave = np.empty((4, count))
    total = np.empty((2, count))
    for i in range(first, stop):
        area, sx, sy, counts = 0, 0, 0, 0.0
        for r in range(starts[i], starts[i + 1]):
            n = end[r] - begin[r]
            area += n
            sx += n * (np.int64(begin[r]) + end[r] - 1) // 2
            sy += n * np.int64(rows[r])
            for x in range(begin[r], end[r]):
                counts += image[rows[r], x]
        cx, cy, mean = sx / area, sy / area, counts / area
        square = 0.0
        for r in range(starts[i], starts[i + 1]):
            for x in range(begin[r], end[r]):
                square += (image[rows[r], x] - mean) ** 2
        deviation = np.sqrt(square / area)
        if deviation <= 1e-12 * max(abs(mean), 1e-300):
            out[i] = 0.0
            continue
        diameter = np.sqrt(4.0 * area / np.pi)
        factor = -0.5 / (diameter / 6.0) ** 2
        total[:] = 0.0
        weights = 0.0
        for r in range(starts[i], starts[i + 1]):
            y = rows[r] - cy
            for k in range(count):
                direction = np.pi * (k % angles) / angles
                step = 2 * np.pi * waves[k // angles] / diameter
                phase = step * ((begin[r] - cx) * np.cos(direction) + y * np.sin(direction))
                wave[0, k], wave[1, k] = np.cos(phase), np.sin(phase)
                turn = step * np.cos(direction)
                wave[2, k], wave[3, k] = np.cos(turn), np.sin(turn)
            for x in range(begin[r], end[r]):
                weight = np.exp(factor * ((x - cx) ** 2 + y * y))
                value = weight * (image[rows[r], x] - mean)
                weights += weight
                for k in range(count):
                    a, b = wave[0, k], wave[1, k]
                    total[0, k] += value * a
                    total[1, k] += value * b
                    wave[0, k] = a * wave[2, k] - b * wave[3, k]
                    wave[1, k] = a * wave[3, k] + b * wave[2, k]
        for w in range(len(waves)):
            best = 0.0
            for a in range(angles):
                k = w * angles + a
                best = max(best, np.hypot(total[0, k], total[1, k]))
            resolved = diameter >= 2 * waves[w]
            out[i, w] = best / (weights * deviation) if resolved else np.nan


@njit(nogil=True, cache=True)
def central_moments(rows, begin, end, starts, image, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the central moments of counts up to order 3 (power of y, power of x)."""
    for i in range(first, stop):
        mass, sx, sy = 0.0, 0.0, 0.0
        x0, y0 = begin[starts[i]], rows[starts[i]]
        for r in range(starts[i], starts[i + 1]):
            for x in range(begin[r], end[r]):
                v = np.float64(image[rows[r], x])
                mass += v
                sx += v * (x - x0)
                sy += v * (rows[r] - y0)
        out[i, 0, 0] = mass
        if mass == 0:
            continue
        cx, cy = x0 + sx / mass, y0 + sy / mass
        for r in range(starts[i], starts[i + 1]):
            y = rows[r] - cy
            s0 = s1 = s2 = s3 = 0.0
            for x in range(begin[r], end[r]):
                v = np.float64(image[rows[r], x])
                d = x - cx
                s0 += v
                s1 += v * d
                s2 += v * d * d
                s3 += v * d * d * d
            out[i, 0, 2] += s2
            out[i, 0, 3] += s3
            out[i, 1, 1] += y * s1
            out[i, 1, 2] += y * s2
            out[i, 2, 0] += y * y * s0
            out[i, 2, 1] += y * y * s1
            out[i, 3, 0] += y * y * y * s0


@njit(nogil=True, cache=True)
def _kind(value, kind, mean, margin):  # type: ignore[no-untyped-def]
    if kind == 0:
        return mean - margin < value < mean + margin
    if kind == 1:
        return value > mean - margin
    return value > mean


@njit(nogil=True, cache=True)
def tas(rows, begin, end, starts, index, image, level, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the shares of pixels by their neighbours of the same kind."""
    height, width = index.shape
    for i in range(first, stop):
        one = i + 1
        count, total, square = 0, 0.0, 0.0
        for r in range(starts[i], starts[i + 1]):
            for x in range(begin[r], end[r]):
                if image[rows[r], x] > level:
                    count += 1
                    total += image[rows[r], x]
        mean = total / count if count else 0.0
        for r in range(starts[i], starts[i + 1]):
            for x in range(begin[r], end[r]):
                if image[rows[r], x] > level:
                    square += (image[rows[r], x] - mean) ** 2
        margin = np.sqrt(square / count) if count else 0.0
        for r in range(starts[i], starts[i + 1]):
            y = rows[r]
            for x in range(begin[r], end[r]):
                for kind in range(3):
                    own = _kind(image[y, x], kind, mean, margin)
                    same = 0
                    for j in range(max(y - 1, 0), min(y + 2, height)):
                        for k in range(max(x - 1, 0), min(x + 2, width)):
                            if (j != y or k != x) and index[j, k] == one:
                                same += _kind(image[j, k], kind, mean, margin) == own
                    out[i, kind if own else 3 + kind, same] += 1
        for kind in range(6):
            n = out[i, kind].sum()
            if n > 0:
                for k in range(9):
                    out[i, kind, k] /= n


@njit(nogil=True, cache=True)
def lbp(rows, begin, end, starts, image, dy, dx, classes, first, stop, out):  # type: ignore[no-untyped-def]
    """Write the shares of patterns of objects first to stop - 1."""
    height, width = image.shape
    fy, fx = np.empty(len(dy)), np.empty(len(dy))
    iy, ix = np.empty(len(dy), np.int64), np.empty(len(dy), np.int64)
    for k in range(len(dy)):
        iy[k], ix[k] = int(np.floor(dy[k])), int(np.floor(dx[k]))
        fy[k], fx[k] = dy[k] - iy[k], dx[k] - ix[k]
    for i in range(first, stop):
        area = 0
        for r in range(starts[i], starts[i + 1]):
            y = rows[r]
            for x in range(begin[r], end[r]):
                area += 1
                pattern = 0
                value = image[y, x]
                for k in range(len(dy)):
                    a = min(max(y + iy[k], 0), height - 1)
                    b = min(max(y + iy[k] + 1, 0), height - 1)
                    c = min(max(x + ix[k], 0), width - 1)
                    d = min(max(x + ix[k] + 1, 0), width - 1)
                    # of equal neighbours exactly their value
                    top = image[a, c] + fx[k] * (np.float64(image[a, d]) - image[a, c])
                    bottom = image[b, c] + fx[k] * (np.float64(image[b, d]) - image[b, c])
                    if top + fy[k] * (bottom - top) >= value:
                        pattern |= 1 << k
                out[i, classes[pattern]] += 1
        for k in range(out.shape[1]):
            out[i, k] /= area
