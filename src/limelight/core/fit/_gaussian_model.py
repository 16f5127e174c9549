# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""The pixel-integrated Gaussian, sixteen spots at a time: what all its fits share.

The model of a pixel is ``N * ex[column] * ey[row] + b``, where ex and ey are the shares of the
Gaussian that fall into a column and into a row (Smith et al. 2010, equation 3). They and their
derivatives are computed once per column and per row, not per pixel.

Importing this module imports numba.
"""

import math

import numpy as np
from numba import njit

from limelight.core import lanes as L

# rows of the parameter tables, float32 (6, 16)
X, Y, N, B, SX, SY = range(6)

_SQRT_HALF = 0.7071067811865476
_INV_SQRT_2PI = 0.3989422804014327
# variance of a position within a pixel: what the integration adds to the squared width
_PIXEL_VARIANCE = 1.0 / 12.0


@njit(nogil=True, cache=True)
def axis_terms(box, centre, sigma, share, slope, spread):
    """Share of a Gaussian in each pixel along one axis, and its derivatives.

    Parameters
    ----------
    box : int
        Number of pixels along the axis.
    centre, sigma : lanes
        Position relative to the middle pixel, and standard deviation, in pixels.
    share, slope, spread : float32 array (box, 16)
        Filled with the share and its derivatives with respect to `centre` and `sigma`.
    """
    inverse = 1.0 / sigma
    norm = inverse * _INV_SQRT_2PI
    u = (-0.5 * box - centre) * inverse
    gaussian = L.exp(-0.5 * u * u)
    step = L.erf_with_exp(u * _SQRT_HALF, gaussian)
    moment = u * gaussian
    for i in range(box):
        u_next = (i + 1 - 0.5 * box - centre) * inverse
        gaussian_next = L.exp(-0.5 * u_next * u_next)
        step_next = L.erf_with_exp(u_next * _SQRT_HALF, gaussian_next)
        moment_next = u_next * gaussian_next
        L.store(share, i, 0.5 * (step_next - step))
        L.store(slope, i, norm * (gaussian - gaussian_next))
        L.store(spread, i, norm * (moment - moment_next))
        gaussian = gaussian_next
        step = step_next
        moment = moment_next


@njit(nogil=True, cache=True)
def fourier_table(box):
    """Cosine and sine of the first harmonic over the pixels of an axis, float32 (2, box)."""
    table = np.empty((2, box), np.float32)
    for i in range(box):
        angle = 2.0 * math.pi * (i - box // 2) / box
        table[0, i] = math.cos(angle)
        table[1, i] = math.sin(angle)
    return table


# rows of the table of coefficients, float32 (6, 16)
TOTAL, X_COS, X_SIN, Y_COS, Y_SIN, BOTH = range(6)


@njit(nogil=True, cache=True)
def coefficients(data, box, waves, table):
    """First Fourier coefficients of sixteen spots.

    Parameters
    ----------
    data : float32 array (box * box, 16)
    box : int
    waves : float32 array (2, box)
        From :func:`fourier_table`.
    table : float32 array (6, 16)
        Filled: the sum, real and imaginary part of the first harmonics along x and along y, and
        the mean magnitude of the two diagonal ones.
    """
    zero = L.splat(0.0)
    total, x_cos, x_sin, y_cos, y_sin = zero, zero, zero, zero, zero
    cos_cos, cos_sin, sin_cos, sin_sin = zero, zero, zero, zero
    for j in range(box):
        row, row_cos, row_sin = zero, zero, zero
        for i in range(box):
            d = L.load(data, j * box + i)
            row = row + d
            row_cos = row_cos + d * waves[0, i]
            row_sin = row_sin + d * waves[1, i]
        c = waves[0, j]
        s = waves[1, j]
        total = total + row
        x_cos = x_cos + row_cos
        x_sin = x_sin + row_sin
        y_cos = y_cos + row * c
        y_sin = y_sin + row * s
        cos_cos = cos_cos + row_cos * c
        cos_sin = cos_sin + row_cos * s
        sin_cos = sin_cos + row_sin * c
        sin_sin = sin_sin + row_sin * s
    p, q = cos_cos - sin_sin, cos_sin + sin_cos
    r, t = cos_cos + sin_sin, sin_cos - cos_sin
    L.store(table, TOTAL, total)
    L.store(table, X_COS, x_cos)
    L.store(table, X_SIN, x_sin)
    L.store(table, Y_COS, y_cos)
    L.store(table, Y_SIN, y_sin)
    L.store(table, BOTH, 0.5 * (L.sqrt(p * p + q * q) + L.sqrt(r * r + t * t)))


@njit(nogil=True, cache=True)
def length(a, b):
    """Length of the vector (a, b) per lane."""
    return L.sqrt(a * a + b * b)


@njit(nogil=True, cache=True)
def width(both, single, box):
    """Width of a Gaussian from the ratio of two of its Fourier magnitudes, pixels.

    A harmonic of a Gaussian has the magnitude ``exp(-2 (pi / box)**2 (sigma**2 + 1 / 12))``,
    where 1 / 12 is the variance of the pixel that it was integrated over.

    Parameters
    ----------
    both, single : lanes
        Magnitude of the diagonal coefficient, and of that along the other axis.
    box : int
    """
    # below it the width would exceed 0.6 box: exp(-2 (0.6 pi)**2)
    ratio = L.clip(both / single, 8.2e-4, 1.0)
    scale = box / (2.0 * math.pi)
    squared = -2.0 * scale * scale * L.log(ratio) - _PIXEL_VARIANCE
    return L.sqrt(L.where(squared > 0.09, squared, 0.09))


@njit(nogil=True, cache=True)
def estimate(table, box, free, sigma, theta):
    """All parameters of sixteen spots in closed form, from four Fourier coefficients.

    The phase of a coefficient gives the position, whatever the uniform background is (Martens
    et al. 2018). The ratios of the magnitude of coefficient (1, 1) to those of (1, 0) and (0, 1)
    give the widths, the magnitudes themselves the photons, and what is left of the sum is the
    background.

    Parameters
    ----------
    table : float32 array (6, 16)
        From :func:`coefficients`.
    box : int
    free : int
        4: the widths are `sigma`; 5: one width for both axes; 6: two widths.
    sigma : float
        Width in pixels, for `free` = 4.
    theta : float32 array (6, 16)
        Filled. Widths are at least 0.3 pixels and at most 0.6 times the box.
    """
    x_cos, x_sin = L.load(table, X_COS), L.load(table, X_SIN)
    y_cos, y_sin = L.load(table, Y_COS), L.load(table, Y_SIN)
    both = L.load(table, BOTH)
    x_magnitude = length(x_cos, x_sin)
    y_magnitude = length(y_cos, y_sin)
    mean = 0.5 * (x_magnitude + y_magnitude)
    if free == 6:
        sx = width(both, y_magnitude, box)
        sy = width(both, x_magnitude, box)
    elif free == 5:
        sx = width(both, mean, box)
        sy = sx
    else:
        sx = L.splat(sigma)
        sy = sx
    scale = math.pi / box
    u = -2.0 * scale * scale * (sx * sx + _PIXEL_VARIANCE)
    v = -2.0 * scale * scale * (sy * sy + _PIXEL_VARIANCE)
    photons = 0.5 * (x_magnitude / L.exp(u) + y_magnitude / L.exp(v))
    L.store(theta, X, L.arctan2(x_sin, x_cos) * (0.5 / scale))
    L.store(theta, Y, L.arctan2(y_sin, y_cos) * (0.5 / scale))
    L.store(theta, N, photons)
    L.store(theta, B, (L.load(table, TOTAL) - photons) / (box * box))
    L.store(theta, SX, sx)
    L.store(theta, SY, sy)
