# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs)
"""The light behind a pupil, pixel by pixel.  Imports numba.

Written as loops because many small matrix products are what BLAS, with threads of its own, is
slowest at.
"""

import math

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def images(x, y, z, pixel, frequency, pupil_re, pupil_im, axial, nodes, weights, scale, out):
    """Fill the share of the light of each point that falls on each pixel, float64 (n, Y, X).

    Parameters
    ----------
    x, y, z : float64 array (n,)
        Pixels from the middle pixel, pixels, nm.
    pixel : float
        nm.
    frequency : float64 array (a,)
        Of the pupil's samples along an axis, 1/nm.
    pupil_re, pupil_im, axial : float64 array (a, a)
        Field in the pupil, and axial frequency, 1/nm.
    nodes, weights : float64 array (k,)
        Quadrature over a pixel, -1 to 1.
    scale : float
        Of the squared field, with the area of the quadrature.
    """
    across = frequency.shape[0]
    count = nodes.shape[0]
    height, width = out.shape[1], out.shape[2]
    rows, columns = height * count, width * count
    field_re, field_im = np.empty((across, across)), np.empty((across, across))
    wave_re, wave_im = np.empty((across, columns)), np.empty((across, columns))
    half_re, half_im = np.empty(across), np.empty(across)
    line_re, line_im = np.empty(columns), np.empty(columns)
    for n in range(x.shape[0]):
        for i in range(across):
            for j in range(across):
                angle = 2.0 * math.pi * z[n] * axial[i, j]
                c, s = math.cos(angle), math.sin(angle)
                field_re[i, j] = pupil_re[i, j] * c - pupil_im[i, j] * s
                field_im[i, j] = pupil_re[i, j] * s + pupil_im[i, j] * c
        for j in range(across):
            for w in range(columns):
                place = w // count - width // 2 + 0.5 * nodes[w % count] - x[n]
                angle = 2.0 * math.pi * place * pixel * frequency[j]
                wave_re[j, w] = math.cos(angle)
                wave_im[j, w] = math.sin(angle)
        for h in range(height):
            for w in range(width):
                out[n, h, w] = 0.0
        for r in range(rows):
            place = r // count - height // 2 + 0.5 * nodes[r % count] - y[n]
            half_re[:] = 0.0
            half_im[:] = 0.0
            for i in range(across):
                angle = 2.0 * math.pi * place * pixel * frequency[i]
                c, s = math.cos(angle), math.sin(angle)
                for j in range(across):
                    half_re[j] += c * field_re[i, j] - s * field_im[i, j]
                    half_im[j] += s * field_re[i, j] + c * field_im[i, j]
            line_re[:] = 0.0
            line_im[:] = 0.0
            for j in range(across):
                a, b = half_re[j], half_im[j]
                for w in range(columns):
                    line_re[w] += a * wave_re[j, w] - b * wave_im[j, w]
                    line_im[w] += a * wave_im[j, w] + b * wave_re[j, w]
            share = weights[r % count] * scale
            for w in range(columns):
                light = line_re[w] * line_re[w] + line_im[w] * line_im[w]
                out[n, r // count, w // count] += share * weights[w % count] * light
