"""Compiled loops of the detection by signal to noise; `limelight.core.detect.snr` explains them.

Loops over x run along rows in memory and have no branch, so that the compiler vectorizes them. A
frame is filtered row by row: the buffers of a row stay in the first-level cache. Only `prepare`
sees the frame itself; the rest is compiled once, whatever the type of the counts.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAXIMA = 0
LABELS = 1


@njit(nogil=True, cache=True)
def reflected(size, pad):  # type: ignore[no-untyped-def]
    """Return which pixel stands at each place of a row with `pad` mirrored pixels at both ends."""
    source = np.empty(size + 2 * pad, np.int64)
    for i in range(len(source)):
        j = (i - pad) % (2 * size)
        source[i] = j if j < size else 2 * size - 1 - j
    return source


@njit(nogil=True, cache=True)
def _noise_variance(photons, scale, variance, excess):  # type: ignore[no-untyped-def]
    """Return the variance of one pixel, photoelectrons squared; at least one count's worth."""
    return variance + excess * ((photons if photons > scale else scale) + np.float32(1))


@njit(nogil=True, cache=True)
def prepare(  # type: ignore[no-untyped-def]
    frame, background, scale, baseline, variance, excess, rows, columns, photons, noise
):
    """Write the photons above the background, within mirrored rims, and each pixel's variance.

    A pixel that is not a finite number counts as dark, and its variance becomes NaN.
    """
    height, width = frame.shape
    pad = (photons.shape[0] - height) // 2
    if pad < 0:
        return  # never so; it spares the compiler the indices from the end, so that it vectorizes
    largest = np.float32(3e38)
    for y in range(height):
        s = y if scale.shape[0] > 1 else 0
        for x in range(width):
            count = np.float32(frame[y, x])
            value = (count - background[y, x]) * scale[s, x]
            photons[pad + y, pad + x] = value if value > 0 and value < largest else np.float32(0)
            value = (count - baseline[s, x]) * scale[s, x]
            noise[y, x] = _noise_variance(value, scale[s, x], variance[s, x], excess) + (
                count - count
            )
        for x in range(pad):
            photons[pad + y, x] = photons[pad + y, pad + columns[x]]
            x += pad + width
            photons[pad + y, x] = photons[pad + y, pad + columns[x]]
    for y in range(pad):
        photons[y] = photons[pad + rows[y]]
        y += pad + height
        photons[y] = photons[pad + rows[y]]


@njit(nogil=True, cache=True)
def squared_differences(frame, background, scale, noise):  # type: ignore[no-untyped-def]
    """Return squared differences of neighbouring pixels over their expected variance.

    At most 4096 pairs on a fixed grid are looked at.
    """
    height, width = frame.shape
    across, down = max(2, (width + 63) // 64), max(1, (height + 63) // 64)
    squares = np.empty(((height + down - 1) // down) * (width // across + 1), np.float64)
    n = 0
    for y in range(0, height, down):
        s = y if scale.shape[0] > 1 else 0
        for x in range(0, width - 1, across):
            one = (np.float64(frame[y, x]) - background[y, x]) * scale[s, x]
            other = (np.float64(frame[y, x + 1]) - background[y, x + 1]) * scale[s, x + 1]
            square = (one - other) ** 2 / (np.float64(noise[y, x]) + noise[y, x + 1])
            if np.isfinite(square):
                squares[n] = square
                n += 1
    return squares[:n]


@njit(nogil=True, cache=True)
def _filter_along_y(image, y, start, weights, out):  # type: ignore[no-untyped-def]
    """Sum rows around row y with symmetric weights, four pairs of rows at a time."""
    if start < 0:
        return  # never so, as above
    width = len(out)
    w0 = weights[0]
    for x in range(width):
        out[x] = w0 * image[y, start + x]
    k = 1
    while k + 3 < len(weights):
        w1, w2, w3, w4 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        a1, a2, a3, a4 = y - k, y - k - 1, y - k - 2, y - k - 3
        b1, b2, b3, b4 = y + k, y + k + 1, y + k + 2, y + k + 3
        for x in range(width):
            i = start + x
            out[x] += (
                w1 * (image[a1, i] + image[b1, i])
                + w2 * (image[a2, i] + image[b2, i])
                + w3 * (image[a3, i] + image[b3, i])
                + w4 * (image[a4, i] + image[b4, i])
            )
        k += 4
    while k < len(weights):
        w1, a1, b1 = weights[k], y - k, y + k
        for x in range(width):
            out[x] += w1 * (image[a1, start + x] + image[b1, start + x])
        k += 1


@njit(nogil=True, cache=True)
def _add_four_pairs(before, after, w1, w2, w3, w4, out):  # type: ignore[no-untyped-def]
    """Add four symmetric pairs of pixels; the compiler sees two rows only, and vectorizes."""
    for x in range(len(out)):
        out[x] += (
            w1 * (before[x + 3] + after[x])
            + w2 * (before[x + 2] + after[x + 1])
            + w3 * (before[x + 1] + after[x + 2])
            + w4 * (before[x] + after[x + 3])
        )


@njit(nogil=True, cache=True)
def _filter_along_x(row, pad, weights, out):  # type: ignore[no-untyped-def]
    """Sum the pixels around each pixel with symmetric weights."""
    width = len(out)
    w0, centre = weights[0], row[pad:]
    for x in range(width):
        out[x] = w0 * centre[x]
    k = 1
    while k + 3 < len(weights):
        w1, w2, w3, w4 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        _add_four_pairs(row[pad - k - 3 :], row[pad + k :], w1, w2, w3, w4, out)
        k += 4
    while k < len(weights):
        w1, before, after = weights[k], row[pad - k :], row[pad + k :]
        for x in range(width):
            out[x] += w1 * (before[x] + after[x])
        k += 1


@njit(nogil=True, cache=True)
def _subtract(coarse, y, start, stop, filtered):  # type: ignore[no-untyped-def]
    if start < 0:
        return  # never so, as above
    for x in range(start, stop):
        value = filtered[y, x] - coarse[x]
        filtered[y, x] = value if value > 0 else np.float32(0)


@njit(nogil=True, cache=True)
def _mark(y, start, stop, noise, squared, filtered, marks):  # type: ignore[no-untyped-def]
    """Mark where the filtered signal exceeds threshold times noise (both squared: no roots)."""
    if start < 0:
        return  # never so, as above
    for x in range(start, stop):
        f = filtered[y, x]
        marks[y, x] = (f > 0) & (f * f > squared * noise[y, x])


@njit(nogil=True, cache=True)
def _is_peak(filtered, y, x, radius):  # type: ignore[no-untyped-def]
    """Tell whether a pixel is the largest around it, and the first in reading order if several."""
    height, width = filtered.shape
    value = filtered[y, x]
    for i in range(max(y - radius, 0), min(y + radius + 1, height)):
        for j in range(max(x - radius, 0), min(x + radius + 1, width)):
            other = filtered[i, j]
            if other > value or (other == value and (i < y or (i == y and j < x))):
                return False
    return True


@njit(nogil=True, cache=True)
def _centroid(filtered, marks, y, x, stack):  # type: ignore[no-untyped-def]
    """Clear the marks that are 4-connected to a mark.

    Returns the centroid of the filtered signal over their bounding box, to the nearest pixel, and
    the largest signal among them.
    """
    height, width = filtered.shape
    y0, y1, x0, x1 = y, y, x, x
    brightest = filtered[y, x]
    marks[y, x] = 0
    stack[0] = y * width + x
    depth = 1
    while depth > 0:
        depth -= 1
        i, j = divmod(stack[depth], width)
        y0, y1, x0, x1 = min(y0, i), max(y1, i), min(x0, j), max(x1, j)
        brightest = max(brightest, filtered[i, j])
        for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            a, b = i + di, j + dj
            if 0 <= a < height and 0 <= b < width and marks[a, b]:
                marks[a, b] = 0
                stack[depth] = a * width + b
                depth += 1
    total, along_y, along_x = 0.0, 0.0, 0.0
    for i in range(y0, y1 + 1):
        for j in range(x0, x1 + 1):
            total += filtered[i, j]
            along_y += i * filtered[i, j]
            along_x += j * filtered[i, j]
    return int(np.floor(along_y / total + 0.5)), int(np.floor(along_x / total + 0.5)), brightest


@njit(nogil=True, cache=True)
def _debounce(where, brightness, count, distance, keep):  # type: ignore[no-untyped-def]
    """Keep, from the brightest on, each peak that has no kept one within a distance."""
    waiting = np.ones(count, np.bool_)
    keep[:count] = False
    for _ in range(count):
        best = -1
        for n in range(count):
            if waiting[n] and (best < 0 or brightness[n] > brightness[best]):
                best = n
        if best < 0:
            break
        keep[best] = True
        for n in range(count):
            dy, dx = where[0, n] - where[0, best], where[1, n] - where[1, best]
            if dy * dy + dx * dx <= distance * distance:
                waiting[n] = False


@njit(nogil=True, cache=True)
def _box_is_finite(noise, y, x, half):  # type: ignore[no-untyped-def]
    for i in range(y - half, y + half + 1):
        for j in range(x - half, x + half + 1):
            if np.isnan(noise[i, j]):
                return False
    return True


@njit(nogil=True, cache=True)
def filter_frame(  # type: ignore[no-untyped-def]
    photons, noise, squared, low, high, everywhere, radius, filtered, words
):
    """Filter a frame that `prepare` has seen, and mark where it exceeds the threshold.

    `squared` is that of threshold times the noise's factor. What is not marked after the low pass,
    and is no neighbour within `radius`, is left without the high pass, unless `everywhere`.
    """
    height, width = noise.shape
    pad = (photons.shape[0] - height) // 2
    # Marks are rare: eight are looked at as one 64-bit number, to pass over most of an image.
    marks = words.view(np.uint8)
    row = np.empty(photons.shape[1], np.float32)
    for y in range(height):
        _filter_along_y(photons, y + pad, 0, low, row)
        _filter_along_x(row, pad, low, filtered[y])
        _mark(y, 0, width, noise, squared, filtered, marks)

    # What the high pass takes off is not negative: a pixel that is not marked now never will be.
    # So it is only worked out for the columns of a row that hold marks, and their neighbours.
    starts, stops = np.full(height, width), np.zeros(height, np.int64)
    if everywhere:
        starts[:], stops[:] = 0, width
    else:
        for y in range(height):
            for word in range(words.shape[1]):
                if words[y, word] != 0:
                    for i in range(max(y - radius, 0), min(y + radius + 1, height)):
                        starts[i] = min(starts[i], max(8 * word - radius, 0))
                        stops[i] = max(stops[i], min(8 * word + 8 + radius, width))
    coarse = np.empty(width, np.float32)
    for y in range(height):
        start, stop = starts[y], stops[y]
        if start >= stop:
            continue
        end = stop + 2 * pad
        _filter_along_y(photons, y + pad, start, high, row[start:end])
        _filter_along_x(row[start:end], pad, high, coarse[start:stop])
        _subtract(coarse, y, start, stop, filtered)
        _mark(y, start, stop, noise, squared, filtered, marks)


@njit(nogil=True, cache=True)
def mark_frame(noise, squared, filtered, words):  # type: ignore[no-untyped-def]
    """Mark a frame that was filtered everywhere by another threshold."""
    marks = words.view(np.uint8)
    for y in range(noise.shape[0]):
        _mark(y, 0, noise.shape[1], noise, squared, filtered, marks)


@njit(nogil=True, cache=True)
def pick(  # type: ignore[no-untyped-def]
    noise, factor, peaks, radius, debounce, half, area, filtered, words
):
    """Return y, x and score of the candidates among the marks.

    `factor` multiplies the noise. `area` is y0, x0, y1, x1 of the pixels where a candidate may lie;
    `half` is that of a box whose pixels must be numbers. The marks may be cleared.
    """
    height, width = noise.shape
    y0, x0, y1, x1 = area
    marks = words.view(np.uint8)
    room, count = 256, 0
    where = np.empty((2, room), np.int32)
    bright = np.empty(room, np.float32)
    stack = np.empty(height * width if peaks == LABELS else 1, np.int64)
    for y in range(height):
        for word in range(words.shape[1]):
            if words[y, word] == 0:
                continue
            for x in range(8 * word, min(8 * word + 8, width)):
                if not marks[y, x]:
                    continue
                if peaks == MAXIMA and not _is_peak(filtered, y, x, radius):
                    continue
                if count == room:
                    room *= 2
                    more, brighter = np.empty((2, room), np.int32), np.empty(room, np.float32)
                    more[:, :count], brighter[:count] = where, bright
                    where, bright = more, brighter
                if peaks == MAXIMA:
                    where[0, count], where[1, count], bright[count] = y, x, filtered[y, x]
                else:
                    where[0, count], where[1, count], bright[count] = _centroid(
                        filtered, marks, y, x, stack
                    )
                count += 1
    keep = np.ones(count, np.bool_)
    if debounce > 0 or peaks == LABELS:
        _debounce(where, bright, count, debounce, keep)
    kept = 0
    for n in range(count):
        y, x = where[0, n], where[1, n]
        if keep[n] and y0 <= y < y1 and x0 <= x < x1 and _box_is_finite(noise, y, x, half):
            where[0, kept], where[1, kept] = y, x
            bright[kept] = bright[n] / (factor * np.sqrt(noise[y, x]))
            kept += 1
    return where[:, :kept], bright[:kept]
