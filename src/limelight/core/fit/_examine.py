# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""What a fit of one Gaussian leaves unexplained, sixteen spots at a time.

Importing this module imports numba.
"""

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._gaussian_model import SX, SY, B, N, X, Y, axis_terms

GAIN, ELONGATION, LEFTOVER = range(3)
ROWS = 3

# the template of a further spot reaches this far from its centre, pixels
REACH = 2
TAPS = 2 * REACH + 1

_SQRT_HALF = 0.7071067811865476


@njit(nogil=True, cache=True)
def examine(photons, variance, box, theta, likelihood, result):
    """Hold the residual of every fit against what else might be in the box.

    Parameters
    ----------
    photons : float32 array (spots, box * box)
    variance : float32 array (spots, box * box) or (0, box * box)
    box : int
        5 or more.
    theta : float32 array (6, spots)
        x, y, photons, background, sx, sy; NaN where the fit failed.
    likelihood : float32 array (spots,)
        Log-likelihood of the fit relative to a perfect model.
    result : float32 array (3, spots)
        Filled; NaN where the fit failed. GAIN: log-likelihood gained over a uniform background
        without a molecule. ELONGATION: score test (chi-squared, two degrees of freedom) of a
        spot that is longer in one direction than in another. LEFTOVER: greatest score, in
        standard deviations, of one more molecule anywhere in the box but its rim.
    """
    pixels = box * box
    data = np.zeros((pixels, L.WIDTH), np.float32)
    extra = np.zeros((pixels, L.WIDTH), np.float32)
    lane = np.ones((6, L.WIDTH), np.float32)
    own = np.zeros((1, L.WIDTH), np.float32)
    x_terms = np.zeros((3, box, L.WIDTH), np.float32)
    y_terms = np.zeros((3, box, L.WIDTH), np.float32)
    weight = np.zeros((pixels, L.WIDTH), np.float32)
    inverse = np.zeros((pixels, L.WIDTH), np.float32)
    across = np.zeros((2, pixels, L.WIDTH), np.float32)
    taps = np.zeros((TAPS, L.WIDTH), np.float32)
    out = np.zeros((ROWS, L.WIDTH), np.float32)
    for group in range(0, photons.shape[0], L.WIDTH):
        count = min(L.WIDTH, photons.shape[0] - group)
        for k in range(count):
            L.put_lane(photons, group + k, data, k)
            if variance.shape[0] > 0:
                L.put_lane(variance, group + k, extra, k)
            for row in range(6):
                lane[row, k] = theta[row, group + k]
            own[0, k] = likelihood[group + k]
        ex, dx, vx = x_terms[0], x_terms[1], x_terms[2]
        ey, dy, vy = y_terms[0], y_terms[1], y_terms[2]
        axis_terms(box, L.load(lane, X), L.load(lane, SX), ex, dx, vx)
        axis_terms(box, L.load(lane, Y), L.load(lane, SY), ey, dy, vy)
        L.store(out, GAIN, L.load(own, 0) - _emptiness(data, extra, box))
        L.store(out, ELONGATION, _elongation(data, extra, box, lane, ex, dx, vx, ey, dy, vy,
                                             weight, inverse))  # fmt: skip
        L.store(out, LEFTOVER, _leftover(box, lane, weight, inverse, across[0], across[1], taps))
        for row in range(ROWS):
            for k in range(count):
                result[row, group + k] = out[row, k]


@njit(nogil=True, cache=True)
def _emptiness(data, extra, box):
    """Log-likelihood of a uniform background alone, relative to a perfect model."""
    pixels = box * box
    mean = L.splat(0.0)
    for p in range(pixels):
        mean = mean + L.load(data, p)
    background = L.maximum(mean / pixels, L.splat(0.01))
    # with a variance that differs from pixel to pixel the mean is not the best: Fisher scoring
    for _ in range(3):
        slope = L.splat(0.0)
        curvature = L.splat(0.0)
        for p in range(pixels):
            w = 1.0 / (background + L.load(extra, p))
            slope = slope + (L.load(data, p) - background) * w
            curvature = curvature + w
        background = L.maximum(background + slope / curvature, 0.3 * background)
    total = L.splat(0.0)
    for p in range(pixels):
        v = L.load(extra, p)
        mu = background + v
        d = L.load(data, p) + v
        positive = d > 1e-30
        ratio = L.where(positive, mu / d, 1.0)
        total = total + L.where(positive, d * L.log(ratio) - mu + d, -mu)
    return total


@njit(nogil=True, cache=True)
def _elongation(data, extra, box, lane, ex, dx, vx, ey, dy, vy, weight, inverse):
    """Score test of elongation; fills `weight`, data / model - 1, and `inverse`, 1 / model."""
    photons = L.load(lane, N)
    background = L.load(lane, B)
    by_x = 0.5 / L.load(lane, SX)
    by_y = 0.5 / L.load(lane, SY)
    zero = L.splat(0.0)
    first, second, own_first, own_second = zero, zero, zero, zero
    for j in range(box):
        e_j = L.load(ey, j)
        d_j = L.load(dy, j)
        v_j = L.load(vy, j)
        for i in range(box):
            p = j * box + i
            e_i = L.load(ex, i)
            v = L.load(extra, p)
            mu = photons * e_j * e_i + background + v
            inv = 1.0 / mu
            w = (L.load(data, p) + v - mu) * inv
            L.store(weight, p, w)
            L.store(inverse, p, inv)
            a = by_x * L.load(vx, i) * e_j - by_y * e_i * v_j
            b = L.load(dx, i) * d_j
            first = first + w * a
            second = second + w * b
            own_first = own_first + a * a * inv
            own_second = own_second + b * b * inv
    return first * first / own_first + second * second / own_second


@njit(nogil=True, cache=True)
def _leftover(box, lane, weight, inverse, push, pull, taps):
    """Greatest score of a further spot of the same width, centred on a pixel."""
    sigma = L.load(lane, SX)
    before = L.splat(0.0)
    for t in range(TAPS + 1):
        u = (t - REACH - 0.5) / sigma
        after = L.erf_with_exp(u * _SQRT_HALF, L.exp(-0.5 * u * u))
        if t > 0:
            L.store(taps, t - 1, 0.5 * (after - before))
        before = after
    for j in range(box):
        for i in range(1, box - 1):
            slope = L.splat(0.0)
            curvature = L.splat(0.0)
            for c in range(max(i - REACH, 0), min(i + REACH + 1, box)):
                tap = L.load(taps, c - i + REACH)
                slope = slope + tap * L.load(weight, j * box + c)
                curvature = curvature + tap * tap * L.load(inverse, j * box + c)
            L.store(push, j * box + i, slope)
            L.store(pull, j * box + i, curvature)
    best = L.splat(0.0)
    for j in range(1, box - 1):
        for i in range(1, box - 1):
            slope = L.splat(0.0)
            curvature = L.splat(0.0)
            for r in range(max(j - REACH, 0), min(j + REACH + 1, box)):
                tap = L.load(taps, r - j + REACH)
                slope = slope + tap * L.load(push, r * box + i)
                curvature = curvature + tap * tap * L.load(pull, r * box + i)
            # NaN has to stay NaN: the comparison keeps the new value
            score = slope / L.sqrt(curvature)
            best = L.where(score < best, best, score)
    return best
