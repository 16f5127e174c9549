# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""The kernels that put molecules on an image.

All of them see a window of an endless grid of drawn pixels: pixel ``i`` of the grid reaches from
``origin + i / zoom`` to ``origin + (i + 1) / zoom`` (camera pixels), and the image holds the
window that begins at grid pixel ``first``.  What a molecule adds to a grid pixel depends on the
two alone, and molecules are added in the order in which they are given.  Whatever the window,
and however its pixels are shared among threads, a pixel is the same sum in the same order.

Molecules come as runs ``starts[k] <= n < stops[k]`` of the arrays; those with ``fails[n] != 0``
are passed over.  ``fails`` and ``weight`` may be empty: none fails, all weigh 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.render._image_lanes import load_pixels, store_pixels

_AT_A_TIME = 2048
REACH = 3.0
"""A molecule is drawn out to so many standard deviations."""


@njit(nogil=True, cache=True)
def draw_points(image, box, y, x, weight, fails, starts, stops, origin, zoom, first):
    """Add the weight of each molecule to the pixel that it lies in.

    Parameters
    ----------
    image : 2D array (Y, X) of float32 or uint32
        Added to.
    box : tuple of int (r0, c0, r1, c1)
        The pixels of the image that are drawn.
    y, x : 1D arrays
        Positions, camera pixels.
    weight : 1D array
        Weights, or empty.
    fails : 1D array of uint8
        Zero for those to draw, or empty.
    starts, stops : 1D arrays of int64
        Runs of molecules.
    origin : tuple of float (y, x)
        Corner of the grid's pixel (0, 0), camera pixels.
    zoom : float
        Drawn pixels per camera pixel.
    first : tuple of int (row, column)
        Grid pixel of the image's first pixel.
    """
    r0, c0, r1, c1 = box
    low_row, high_row = float(first[0] + r0), float(first[0] + r1)
    low_column, high_column = float(first[1] + c0), float(first[1] + c1)
    masked, weighted = len(fails) > 0, len(weight) > 0
    pixels = image.reshape(-1)
    width = float(image.shape[1])
    # first where they all are, in a loop that is vectorized; then the sums, one by one
    at = np.empty(_AT_A_TIME, np.int64)
    for k in range(len(starts)):
        for a in range(starts[k], stops[k], _AT_A_TIME):
            count = min(stops[k] - a, _AT_A_TIME)
            for p in range(count):
                row = np.floor((y[a + p] - origin[0]) * zoom)
                column = np.floor((x[a + p] - origin[1]) * zoom)
                inside = (
                    (row >= low_row)
                    & (row < high_row)
                    & (column >= low_column)
                    & (column < high_column)
                )
                place = (row - first[0]) * width + (column - first[1])
                at[p] = np.int64(place if inside else -1.0)
            for p in range(count):
                if at[p] < 0 or (masked and fails[a + p] != 0):
                    continue
                if weighted:
                    pixels[at[p]] += weight[a + p]
                else:
                    pixels[at[p]] += 1


@njit(nogil=True, cache=True)
def two_lines():
    """Return room for three times sixteen numbers, and the numbers 0 to 15."""
    iota = np.empty((1, 16), np.float32)
    for p in range(16):
        iota[0, p] = p
    return np.empty((3, 16), np.float32), iota


@njit(nogil=True, cache=True)
def _add_partly(image, row, column, low, high, profile, factor, scratch):
    """Add ``profile * factor`` to those of sixteen pixels whose column is from low to high - 1.

    The sum is made as for all sixteen (a product and a sum that are rounded once, or twice), so
    that a pixel does not depend on where the image ends.
    """
    for p in range(16):
        inside = low <= column + p < high
        scratch[1, p] = image[row, column + p] if inside else np.float32(0)
    L.store(scratch, 1, L.load(scratch, 1) + profile * factor)
    for p in range(16):
        if low <= column + p < high:
            image[row, column + p] = scratch[1, p]


@njit(nogil=True, cache=True)
def add_gaussian(
    image, second_image, box, row, column, sy, sx, volume, second, scratch, iota
):  # fmt: skip
    """Add one Gaussian, sampled at pixel centres; all in pixels of the image.

    It must reach into the box: what is infinite or no number is not looked for.  It is added to
    the second image too, of the volume ``second``, where that is not None; numba makes a function
    of its own for either case.
    """
    r0, c0, r1, c1 = box
    ry, rx = REACH * sy, REACH * sx
    base_row, base_column = np.floor(row), np.floor(column)
    fy, fx = np.float32(row - base_row), np.float32(column - base_column)
    # pixels from the base, within reach and within the box
    i0 = int(max(np.ceil(fy - ry), r0 - base_row))
    i1 = int(min(np.floor(fy + ry), r1 - 1 - base_row))
    j0 = int(max(np.ceil(fx - rx), c0 - base_column))
    j1 = int(min(np.floor(fx + rx), c1 - 1 - base_column))
    bi, bj = int(base_row), int(base_column)
    gy, gx = np.float32(1.0) / np.float32(sy), np.float32(1.0) / np.float32(sx)
    peak = np.float32(volume) * gy * gx * np.float32(1.0 / (2.0 * np.pi))
    second_peak = np.float32(second) * gy * gx * np.float32(1.0 / (2.0 * np.pi))
    lane = L.load(iota, 0)
    limit = np.float32(j1) + np.float32(0.5)
    for i in range(i0, i1 + 1, 16):
        d = ((lane + np.float32(i)) - fy) * gy
        heights = L.exp(d * d * np.float32(-0.5))
        L.store(scratch, 0, heights * peak)
        if second_image is not None:
            L.store(scratch, 2, heights * second_peak)
        last = min(i + 15, i1)
        for j in range(j0, j1 + 1, 16):
            k = lane + np.float32(j)
            d = (k - fx) * gx
            profile = L.where(k < limit, L.exp(d * d * np.float32(-0.5)), 0.0)
            if bj + j + 16 <= image.shape[1]:
                for m in range(i, last + 1):
                    pixels = load_pixels(image, bi + m, bj + j)
                    pixels = pixels + profile * scratch[0, m - i]
                    store_pixels(image, bi + m, bj + j, pixels)
                if second_image is not None:
                    for m in range(i, last + 1):
                        pixels = load_pixels(second_image, bi + m, bj + j)
                        pixels = pixels + profile * scratch[2, m - i]
                        store_pixels(second_image, bi + m, bj + j, pixels)
            else:
                for m in range(i, last + 1):
                    weight = scratch[0, m - i]
                    _add_partly(image, bi + m, bj + j, c0, c1, profile, weight, scratch)
                    if second_image is not None:
                        weight = scratch[2, m - i]
                        _add_partly(second_image, bi + m, bj + j, c0, c1, profile, weight, scratch)


FRACTIONS = 32
WIDTHS = 51
WIDEST = 2.5
"""The table has Gaussians of so many places within a pixel, and so many widths, up to the widest
that sixteen pixels hold, drawn pixels."""
_BEFORE = 7


@lru_cache(maxsize=8)
def profiles(least):
    """Return one-dimensional Gaussians, sampled at pixels, for quick drawing.

    Parameters
    ----------
    least : float
        Smallest standard deviation, drawn pixels.

    Returns
    -------
    2D array of float32 (WIDTHS * (FRACTIONS + 1), 16)
        Row ``w * (FRACTIONS + 1) + f``: a Gaussian of unit area, whose standard deviation is the
        w-th of `WIDTHS` numbers from ``least`` to `WIDEST`, and whose centre is ``f / FRACTIONS``
        pixels behind the eighth of the sixteen pixels.  No rows if ``least`` is above `WIDEST`.
    """
    if least >= WIDEST:
        return np.empty((0, 16), np.float32)
    sigma = np.linspace(least, WIDEST, WIDTHS)[:, None, None]
    d = np.arange(16) - _BEFORE - np.arange(FRACTIONS + 1)[:, None] / FRACTIONS
    table = np.exp(-0.5 * (d / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    table[np.abs(d) > REACH * sigma] = 0
    return table.reshape(-1, 16).astype(np.float32)


@njit(nogil=True, cache=True)
def _from_table(
    image, second_image, box, row, column, sy, sx, volume, second, table, least, scratch
):  # fmt: skip
    """Add one Gaussian from the table, as `add_gaussian`; all in pixels of the image."""
    r0, c0, r1, c1 = box
    base_row, base_column = np.floor(row), np.floor(column)
    per_width = (WIDTHS - 1) / (WIDEST - least)
    wy, wx = int((sy - least) * per_width + 0.5), int((sx - least) * per_width + 0.5)
    fy = wy * (FRACTIONS + 1) + int((row - base_row) * FRACTIONS + 0.5)
    fx = wx * (FRACTIONS + 1) + int((column - base_column) * FRACTIONS + 0.5)
    profile = L.load(table, fx) * np.float32(volume)
    i, j = int(base_row), int(base_column) - _BEFORE
    half = int(REACH * (sy + 1.0 / per_width))
    m0, m1 = max(-min(half, _BEFORE), r0 - i), min(min(half + 1, 8), r1 - 1 - i)
    if j >= c0 and j + 16 <= c1:
        for m in range(m0, m1 + 1):
            pixels = load_pixels(image, i + m, j) + profile * table[fy, m + _BEFORE]
            store_pixels(image, i + m, j, pixels)
        if second_image is not None:
            profile = L.load(table, fx) * np.float32(second)
            for m in range(m0, m1 + 1):
                pixels = load_pixels(second_image, i + m, j) + profile * table[fy, m + _BEFORE]
                store_pixels(second_image, i + m, j, pixels)
        return
    for m in range(m0, m1 + 1):
        _add_partly(image, i + m, j, c0, c1, profile, table[fy, m + _BEFORE], scratch)
    if second_image is not None:
        profile = L.load(table, fx) * np.float32(second)
        for m in range(m0, m1 + 1):
            _add_partly(second_image, i + m, j, c0, c1, profile, table[fy, m + _BEFORE], scratch)


@njit(nogil=True, cache=True)
def draw_gaussians(
    image, box, y, x, sy, sx, weight, fails, starts, stops, origin, zoom, first, least, table,
    widths, less, second_image, second,
):  # fmt: skip
    """Add a Gaussian of its own width for each molecule, sampled at pixel centres.

    Parameters
    ----------
    image : 2D array (Y, X) of float32
        Added to.
    sy, sx : 1D arrays
        Standard deviations, camera pixels.
    least : float
        Smallest standard deviation drawn, drawn pixels.
    table : 2D array of float32
        What `profiles` returns for ``least``, to draw Gaussians up to `WIDEST` quickly at the
        nearest of the table's places and widths; or no rows, to draw all as they are.
    widths : tuple of float (low, high)
        Only those whose smaller standard deviation is at least low and below high, drawn pixels.
    less : float
        Taken off the variances that are drawn, drawn pixels squared; less than those.
    second_image : 2D array of float32
        As ``image``, for another weight in the same go, or None.
    second : 1D array
        That weight, or None.
    box, y, x, weight, fails, starts, stops, origin, zoom, first
        As in `draw_points`.
    """
    r0, c0, r1, c1 = box
    masked, weighted, quick = len(fails) > 0, len(weight) > 0, len(table) > 0
    scratch, iota = two_lines()
    for k in range(len(starts)):
        for n in range(starts[k], stops[k]):
            row = (y[n] - origin[0]) * zoom - 0.5 - first[0]
            column = (x[n] - origin[1]) * zoom - 0.5 - first[1]
            a, b = max(sy[n] * zoom, least), max(sx[n] * zoom, least)
            inside = (
                (row + REACH * a >= r0 - 1)
                & (row - REACH * a <= r1)
                & (column + REACH * b >= c0 - 1)
                & (column - REACH * b <= c1)
                & (a < np.inf)
                & (b < np.inf)
            )
            inside &= (min(a, b) >= widths[0]) & (min(a, b) < widths[1])
            if not inside or (masked and fails[n] != 0):
                continue  # not inside either where a value is not a number
            if less > 0.0:
                a, b = np.sqrt(a * a - less), np.sqrt(b * b - less)
            volume = weight[n] if weighted else np.float32(1)
            other = np.float32(0)
            if second is not None:
                other = second[n]
            if quick and a <= WIDEST and b <= WIDEST:
                _from_table(
                    image, second_image, box, row, column, a, b, volume, other, table, least,
                    scratch,
                )  # fmt: skip
            else:
                add_gaussian(
                    image, second_image, box, row, column, a, b, volume, other, scratch, iota
                )


@njit(nogil=True, cache=True)
def draw_crowd(
    image, box, fine, finer, radius, y, x, sy, sx, weight, fails, starts, stops, origin, zoom,
    first, least, table, limit, second_image, second_fine, second,
):  # fmt: skip
    """Add Gaussians as `draw_gaussians` does, but only count those of nearly the least width.

    Parameters
    ----------
    fine : 2D array of float32
        Histogram with ``finer`` pixels per pixel of the image; it begins ``radius`` of its pixels
        above and left of the box.
    limit : float
        Gaussians up to this standard deviation are counted, drawn pixels.
    second_image, second_fine : 2D arrays of float32
        As ``image`` and ``fine``, for another weight in the same go, or None.
    second : 1D array
        That weight, or None.
    image, box, y, x, sy, sx, weight, fails, starts, stops, origin, zoom, first, least, table
        As in `draw_gaussians`.
    """
    r0, c0, r1, c1 = box
    masked, weighted = len(fails) > 0, len(weight) > 0
    scratch, iota = two_lines()
    top, left = first[0] + r0 - radius / finer, first[1] + c0 - radius / finer
    height, width = float(fine.shape[0]), float(fine.shape[1])
    counts = fine.reshape(-1)
    if second is not None:
        second_counts = second_fine.reshape(-1)
    at = np.empty(_AT_A_TIME, np.int64)
    for k in range(len(starts)):
        for start in range(starts[k], stops[k], _AT_A_TIME):
            count = min(stops[k] - start, _AT_A_TIME)
            # where to count them: -1 is nowhere, -2 is not to be counted but drawn
            for p in range(count):
                n = start + p
                i = np.floor(((y[n] - origin[0]) * zoom - top) * finer)
                j = np.floor(((x[n] - origin[1]) * zoom - left) * finer)
                inside = (i >= 0) & (j >= 0) & (i < height) & (j < width)
                counted = (sy[n] * zoom <= limit) & (sx[n] * zoom <= limit)
                place = i * width + j if inside else -1.0
                at[p] = np.int64(place if counted else -2.0)
            for p in range(count):
                n = start + p
                if at[p] == -1 or (masked and fails[n] != 0):
                    continue
                volume = weight[n] if weighted else np.float32(1)
                if at[p] >= 0:
                    counts[at[p]] += volume
                    if second is not None:
                        second_counts[at[p]] += second[n]
                    continue
                row = (y[n] - origin[0]) * zoom - 0.5 - first[0]
                column = (x[n] - origin[1]) * zoom - 0.5 - first[1]
                a, b = max(sy[n] * zoom, least), max(sx[n] * zoom, least)
                if not (
                    (row + REACH * a >= r0 - 1)
                    & (row - REACH * a <= r1)
                    & (column + REACH * b >= c0 - 1)
                    & (column - REACH * b <= c1)
                    & (a < np.inf)
                    & (b < np.inf)
                ):
                    continue
                other = np.float32(0)
                if second is not None:
                    other = second[n]
                if a <= WIDEST and b <= WIDEST:
                    _from_table(
                        image, second_image, box, row, column, a, b, volume, other, table,
                        least, scratch,
                    )  # fmt: skip
                else:
                    add_gaussian(
                        image, second_image, box, row, column, a, b, volume, other, scratch,
                        iota,
                    )  # fmt: skip


@njit(nogil=True, cache=True)
def draw_tilted(
    image, box, y, x, sy, sx, tilt, weight, fails, starts, stops, origin, zoom, first
):  # fmt: skip
    """Add a Gaussian for each molecule whose errors along y and x correlate.

    Along a row it is a Gaussian about a centre that moves from row to row.

    Parameters
    ----------
    sy, sx, tilt : 1D arrays
        Standard deviations, camera pixels, and the correlation of the two, above -1 and below 1.
    image, box, y, x, weight, fails, starts, stops, origin, zoom, first
        As in `draw_points`.
    """
    r0, c0, r1, c1 = box
    masked, weighted = len(fails) > 0, len(weight) > 0
    line, iota = two_lines()
    lane = L.load(iota, 0)
    for k in range(len(starts)):
        for n in range(starts[k], stops[k]):
            row = (y[n] - origin[0]) * zoom - 0.5 - first[0]
            column = (x[n] - origin[1]) * zoom - 0.5 - first[1]
            a, b = sy[n] * zoom, sx[n] * zoom
            ry, rx = REACH * a, REACH * b
            inside = (
                (row + ry >= r0)
                & (row - ry <= r1 - 1)
                & (column + rx >= c0)
                & (column - rx <= c1 - 1)
                & (a < np.inf)
                & (b < np.inf)
            )
            if not inside or (masked and fails[n] != 0):
                continue
            base = np.floor(column)
            f = column - base
            i0, i1 = max(int(np.ceil(row - ry)), r0), min(int(np.floor(row + ry)), r1 - 1)
            j0 = int(max(np.ceil(f - rx), c0 - base))
            j1 = int(min(np.floor(f + rx), c1 - 1 - base))
            narrow = b * np.sqrt(max(1.0 - tilt[n] * tilt[n], 1e-12))
            g = np.float32(1.0 / narrow)
            volume = weight[n] if weighted else np.float32(1)
            peak = volume / (2.0 * np.pi * a * narrow)
            limit = np.float32(j1) + np.float32(0.5)
            bj = int(base)
            for i in range(i0, i1 + 1):
                u = (i - row) / a
                height = np.float32(peak * np.exp(-0.5 * u * u))
                centre = np.float32(f + tilt[n] * b * u)
                for j in range(j0, j1 + 1, 16):
                    m = lane + np.float32(j)
                    d = (m - centre) * g
                    profile = L.where(m < limit, L.exp(d * d * np.float32(-0.5)) * height, 0.0)
                    if bj + j + 16 <= image.shape[1]:
                        store_pixels(image, i, bj + j, load_pixels(image, i, bj + j) + profile)
                    else:
                        _add_partly(image, i, bj + j, c0, c1, profile, np.float32(1), line)
