# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Phasor localization of sixteen spots at a time.

Importing this module imports numba.
"""

import math

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._gaussian_model import (
    X_COS,
    X_SIN,
    Y_COS,
    Y_SIN,
    coefficients,
    estimate,
    fourier_table,
    length,
)

# rows of the result, float32 (8, spots): the six parameters and the errors of x and y
X_ERROR = 6
Y_ERROR = 7
RESULTS = 8


@njit(nogil=True, cache=True)
def phase_error(noise, stride, box, waves, real, imaginary):
    """Return the standard error of a position that is the phase of a coefficient, pixels.

    Error propagation: a pixel's noise moves the phase by its part at right angles to the
    coefficient, divided by the magnitude.

    Parameters
    ----------
    noise : float32 array (box * box, 16)
        Variance of each pixel.
    stride : int
        1 for the coefficient along x, box for that along y.
    box : int
    waves : float32 array (2, box)
    real, imaginary : lanes
        The coefficient.
    """
    magnitude = length(real, imaginary)
    c = real / magnitude
    s = imaginary / magnitude
    other = box if stride == 1 else 1
    total = L.splat(0.0)
    for i in range(box):
        line = L.splat(0.0)
        for j in range(box):
            line = line + L.load(noise, i * stride + j * other)
        across = c * waves[1, i] - s * waves[0, i]
        total = total + line * across * across
    return box / (2.0 * math.pi) * L.sqrt(total) / magnitude


@njit(nogil=True, cache=True)
def locate(photons, variance, box, free, sigma, result):
    """Locate one molecule in every spot.

    Parameters
    ----------
    photons : float32 array (spots, box * box)
    variance : float32 array (spots, box * box) or (0, box * box)
        Known variance of every pixel, photons squared, or none.
    box, free, sigma
        As for :func:`limelight.core.fit._gaussian_model.estimate`.
    result : float32 array (8, spots)
        Filled: parameters and the standard errors of x and y.
    """
    count = photons.shape[0]
    waves = fourier_table(box)
    data = np.zeros((box * box, L.WIDTH), np.float32)
    extra = np.zeros((box * box, L.WIDTH), np.float32)
    table = np.zeros((6, L.WIDTH), np.float32)
    theta = np.zeros((RESULTS, L.WIDTH), np.float32)
    has_variance = variance.shape[0] > 0
    for first in range(0, count, L.WIDTH):
        used = min(L.WIDTH, count - first)
        for k in range(used):
            L.put_lane(photons, first + k, data, k)
            if has_variance:
                L.put_lane(variance, first + k, extra, k)
        coefficients(data, box, waves, table)
        estimate(table, box, free, sigma, theta)
        for p in range(box * box):
            d = L.load(data, p)
            L.store(data, p, L.where(d < 0.0, 0.0, d) + L.load(extra, p))
        x_error = phase_error(data, 1, box, waves, L.load(table, X_COS), L.load(table, X_SIN))
        y_error = phase_error(data, box, box, waves, L.load(table, Y_COS), L.load(table, Y_SIN))
        L.store(theta, X_ERROR, x_error)
        L.store(theta, Y_ERROR, y_error)
        for row in range(RESULTS):
            for k in range(used):
                result[row, first + k] = theta[row, k]
