# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""The iteration of all Gaussian fits: Fisher scoring and Gauss-Newton, sixteen spots at a time.

Importing this module imports numba.
"""

import math

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._gaussian_model import (
    SX,
    SY,
    TOTAL,
    B,
    N,
    X,
    Y,
    axis_terms,
    coefficients,
    estimate,
    fourier_table,
)
from limelight.core.fit._gaussian_sums import (
    SCALE,
    SUMS,
    accumulate_poisson,
    accumulate_poisson_fixed,
    accumulate_squares,
    element,
    log_likelihood,
)

POISSON, SQUARES = range(2)

# lower limit of background and known variance together, photons per pixel: the variance of the
# model has to be above zero in every pixel
BACKGROUND_FLOOR = 0.01
# how far below zero the background may go, in units of the smallest known variance: a background
# that was subtracted beforehand leaves one that may be negative
VARIANCE_SHARE = 0.9
# below this many photons there is no molecule
PHOTON_FLOOR = 0.05
# limits of sigma: pixels, and in units of the box
SIGMA_FLOOR = 0.25
SIGMA_CEILING = 0.6


@njit(nogil=True, cache=True)
def start(data, box, waves, free, sigma, table, theta):
    """First guess of all parameters of sixteen spots: :func:`estimate` within limits.

    Parameters
    ----------
    data : float32 array (box * box, 16)
    box : int
    waves : float32 array (2, box)
        From :func:`fourier_table`.
    free : int
    sigma : float
        Standard deviation to start from, pixels; 0 for the estimate from the data.
    table, theta : float32 array (6, 16)
        Filled: Fourier coefficients and parameters.
    """
    coefficients(data, box, waves, table)
    estimate(table, box, 4 if sigma > 0.0 else free, sigma, theta)
    light = L.splat(0.0)
    for p in range(box * box):
        d = L.load(data, p)
        light = light + L.where(d < 0.0, 0.0, d)
    photons = L.load(theta, N)
    good = (photons > 0.05 * light) & (photons < 1.2 * light)
    photons = L.where(good, photons, 0.4 * light) + PHOTON_FLOOR
    background = (L.load(table, TOTAL) - photons) / (box * box)
    L.store(theta, X, L.clip(L.load(theta, X), -0.2 * box, 0.2 * box))
    L.store(theta, Y, L.clip(L.load(theta, Y), -0.2 * box, 0.2 * box))
    L.store(theta, N, photons)
    L.store(theta, B, L.maximum(background, L.splat(BACKGROUND_FLOOR)))
    if sigma == 0.0:
        L.store(theta, SX, L.clip(L.load(theta, SX), 0.08 * box, 0.3 * box))
        L.store(theta, SY, L.clip(L.load(theta, SY), 0.08 * box, 0.3 * box))


@njit(nogil=True, cache=True)
def assemble(sums, free, theta, matrix, vector):
    """Build the linear system of a step from the sums over the pixels.

    Parameters
    ----------
    sums : float32 array (29, 16)
    free : int
        4: the widths are fixed; 5: one width; 6: two widths.
    theta : float32 array (6, 16)
    matrix, vector : float32 array (>= free * free, 16), (>= free, 16)
        Filled.
    """
    full = 4 if free == 5 else free
    for i in range(full):
        L.store(vector, i, L.load(sums, i))
        for j in range(i + 1):
            L.store(matrix, i * free + j, L.load(sums, element(i, j)))
    if free == 5:
        # one width that moves both
        L.store(vector, 4, L.load(sums, SX) + L.load(sums, SY))
        for j in range(4):
            cross = L.load(sums, element(SX, j)) + L.load(sums, element(SY, j))
            L.store(matrix, 4 * free + j, cross)
        cross = L.load(sums, element(SY, SX))
        own = L.load(sums, element(SX, SX)) + L.load(sums, element(SY, SY))
        L.store(matrix, 4 * free + 4, own + cross + cross)


@njit(nogil=True, cache=True)
def full_step(sums, free, theta, floor, matrix, vector, gradient):
    """Solve the linear system; a background that would go below its floor goes to the floor.

    Where it would, the other parameters take the step that is best with the background there,
    so that the iteration ends at the maximum within the limit.

    Parameters
    ----------
    sums : float32 array (29, 16)
    free : int
    theta : float32 array (6, 16)
    floor : float32 array (1, 16)
        Lower limit of the background.
    matrix, vector : float32 array (>= free * free, 16), (>= free, 16)
        From :func:`assemble`; the vector becomes the step.
    gradient : float32 array (>= free, 16)
        Filled with the gradient.

    Returns
    -------
    mask
        Lanes in which the background moves to the floor with this step.
    """
    for k in range(free):
        L.store(gradient, k, L.load(vector, k))
    L.factorize(matrix, free)
    L.solve(matrix, free, vector)
    room = L.load(floor, 0) - L.load(theta, B)
    held = L.load(vector, B) < room
    if L.bits(held) == 0:
        return held
    # once more; the system of all other lanes is what it was, and so is their solution
    assemble(sums, free, theta, matrix, vector)
    for k in range(free):
        row = B * free + k if k <= B else k * free + B
        cross = L.load(matrix, row)
        if k != B:
            v = L.load(vector, k)
            L.store(vector, k, L.where(held, v - cross * room, v))
        L.store(matrix, row, L.where(held, 1.0 if k == B else 0.0, cross))
    L.store(vector, B, L.where(held, room, L.load(vector, B)))
    L.factorize(matrix, free)
    L.solve(matrix, free, vector)
    return held & (room < 0.0)


@njit(nogil=True, cache=True)
def step(free, box, theta, vector, gradient, sums, floor, trail):
    """Move the parameters by one step, of limited length.

    Where the slope along the last step tells that it went far beyond the maximum or fell short
    of it by much, the next one is shortened or lengthened accordingly (the secant method along
    the step). A good fit of a single molecule never needs that.

    Parameters
    ----------
    free, box : int
    theta : float32 array (6, 16)
        Changed.
    vector, gradient : float32 array (>= free, 16)
        The full step and the gradient.
    sums : float32 array (29, 16)
        Row SCALE: the variance of the noise in units of the gradient's model.
    floor : float32 array (1, 16)
        Lower limit of the background.
    trail : float32 array (8, 16)
        The last step (rows 0-5), the gradient's projection on it (row 6; 0: there is none) and
        its factor (row 7); replaced.

    Returns
    -------
    length : lanes
        Squared length of the full step in standard errors of the parameters.
    lost : mask
        Lanes that left the range in which there is a molecule in the box.
    """
    length = L.splat(0.0)
    for k in range(free):
        length = length + L.load(vector, k) * L.load(gradient, k)
    length = length / L.load(sums, SCALE)
    sx = L.load(theta, SX)
    sy = L.load(theta, SY)
    photons = L.load(theta, N)
    d_x = L.load(vector, X)
    d_y = L.load(vector, Y)
    d_n = L.load(vector, N)
    reach = 0.8 * L.minimum(sx, sy)
    worst = L.maximum(L.fabs(d_x), L.fabs(d_y)) / reach
    worst = L.maximum(-d_n / (0.7 * photons), worst)
    if free > 4:
        d_sx = L.load(vector, 4)
        d_sy = L.load(vector, free - 1)
        spread = L.maximum(L.fabs(d_sx) / sx, L.fabs(d_sy) / sy)
        worst = L.maximum(spread * 3.0, worst)
    slope = L.splat(0.0)
    for k in range(free):
        slope = slope + L.load(gradient, k) * L.load(trail, k)
    before = L.load(trail, 6)
    some = before > 0.0
    left = 1.0 - slope / L.where(some, before, 1.0)
    factor = L.load(trail, 7) / L.maximum(left, L.splat(0.1))
    unusual = some & ((factor < 0.7) | (factor > 1.5))
    factor = L.where(unusual, L.clip(factor, 0.1, 3.0), 1.0)
    factor = L.where(factor * worst > 1.0, 1.0 / worst, factor)
    slope = L.splat(0.0)
    for k in range(free):
        move = factor * L.load(vector, k)
        L.store(trail, k, move)
        slope = slope + L.load(gradient, k) * move
    L.store(trail, 6, slope)
    L.store(trail, 7, factor)
    x = L.load(theta, X) + factor * d_x
    y = L.load(theta, Y) + factor * d_y
    photons = photons + factor * d_n
    background = L.load(theta, B) + factor * L.load(vector, B)
    # where() and not maximum(): a NaN has to stay one
    lowest = L.load(floor, 0)
    background = L.where(background < lowest, lowest, background)
    L.store(theta, X, x)
    L.store(theta, Y, y)
    L.store(theta, N, photons)
    L.store(theta, B, background)
    half = 0.5 * box
    inside = (L.fabs(x) < half) & (L.fabs(y) < half) & (photons > PHOTON_FLOOR)
    if free > 4:
        sx = sx + factor * L.load(vector, 4)
        sy = sy + factor * L.load(vector, free - 1)
        L.store(theta, SX, sx)
        L.store(theta, SY, sy)
        top = SIGMA_CEILING * box
        inside = inside & (sx > SIGMA_FLOOR) & (sy > SIGMA_FLOOR) & (sx < top) & (sy < top)
    return length, ~inside


@njit(nogil=True, cache=True)
def evaluate(method, free, box, data, extra, theta, x_terms, y_terms, sums, matrix, vector):
    """Model, sums and linear system of sixteen spots at the present parameters.

    Parameters
    ----------
    method, free, box : int
    data, extra : float32 array (box * box, 16)
        Photons and known variance.
    theta : float32 array (6, 16)
    x_terms, y_terms : float32 array (3, box, 16)
    sums, matrix, vector : float32 array (29, 16), (>= free * free, 16), (>= free, 16)
        All filled.
    """
    ex, dx, vx = x_terms[0], x_terms[1], x_terms[2]
    ey, dy, vy = y_terms[0], y_terms[1], y_terms[2]
    axis_terms(box, L.load(theta, X), L.load(theta, SX), ex, dx, vx)
    axis_terms(box, L.load(theta, Y), L.load(theta, SY), ey, dy, vy)
    if method == SQUARES:
        accumulate_squares(data, box, free, theta, ex, dx, vx, ey, dy, vy, sums)
    elif free == 4:
        accumulate_poisson_fixed(data, extra, box, theta, ex, dx, ey, dy, sums)
    else:
        accumulate_poisson(data, extra, box, theta, ex, dx, vx, ey, dy, vy, sums)
    assemble(sums, free, theta, matrix, vector)


# rows of the result, float32 (14, spots)
ERRORS = 6
LIKELIHOOD = 12
ITERATIONS = 13
RESULTS = 14

# spots that are worked on together: their pixels stay in the cache between the three passes
_CHUNK = 512


@njit(nogil=True, cache=True)
def fit(photons, variance, box, method, free, sigma, max_iterations, tolerance, result):
    """Fit a Gaussian to every spot.

    Parameters
    ----------
    photons : float32 array (spots, box * box)
    variance : float32 array (spots, box * box) or (0, box * box)
        Known variance of every pixel in photons squared, or none. Not used by SQUARES.
    box : int
    method : int
        POISSON or SQUARES.
    free : int
        4: the widths are fixed; 5: one width; 6: two widths.
    sigma : float
        The fixed width, or the one to start from (0: estimate it), pixels.
    max_iterations : int
    tolerance : float
        The iteration of a spot ends with a step shorter than this, in standard errors.
    result : float32 array (14, spots)
        Filled: six parameters, their six standard errors (x, y, photons, background, sx, sy),
        the log-likelihood and the iterations. Errors and log-likelihood are of the Poisson
        model, SQUARES leaves them alone. NaN where the fit did not converge.
    """
    pixels = box * box
    waves = fourier_table(box)
    data = np.zeros((pixels, L.WIDTH), np.float32)
    extra = np.zeros((pixels, L.WIDTH), np.float32)
    theta = np.ones((6, L.WIDTH), np.float32)
    x_terms = np.zeros((3, box, L.WIDTH), np.float32)
    y_terms = np.zeros((3, box, L.WIDTH), np.float32)
    sums = np.zeros((SUMS, L.WIDTH), np.float32)
    matrix = np.zeros((36, L.WIDTH), np.float32)
    vector = np.zeros((6, L.WIDTH), np.float32)
    gradient = np.zeros((6, L.WIDTH), np.float32)
    trail = np.zeros((8, L.WIDTH), np.float32)
    floor = np.full((1, L.WIDTH), -1e30 if method == SQUARES else BACKGROUND_FLOOR, np.float32)
    done = np.zeros(L.WIDTH, np.int64)
    spot = np.full(L.WIDTH, -1, np.int64)
    has_variance = variance.shape[0] > 0 and method != SQUARES
    squared_tolerance = np.float32(tolerance * tolerance)
    for first in range(0, photons.shape[0], _CHUNK):
        last = min(first + _CHUNK, photons.shape[0])
        # 1. first guesses, kept in the result
        for group in range(first, last, L.WIDTH):
            count = min(L.WIDTH, last - group)
            for k in range(count):
                L.put_lane(photons, group + k, data, k)
            start(data, box, waves, free, sigma, trail, theta)
            for row in range(6):
                for k in range(count):
                    result[row, group + k] = theta[row, k]
        # 2. iterate: a lane that is finished takes the next spot, so that one slow spot does
        # not hold up fifteen others
        waiting = first
        busy = 0
        finished = (1 << L.WIDTH) - 1
        while True:
            for k in range(L.WIDTH):
                if (finished >> k) & 1:
                    if spot[k] >= 0:
                        busy -= 1
                        spot[k] = -1
                    if waiting < last:
                        L.put_lane(photons, waiting, data, k)
                        if has_variance:
                            L.put_lane(variance, waiting, extra, k)
                            smallest = variance[waiting].min()
                            floor[0, k] = BACKGROUND_FLOOR - VARIANCE_SHARE * smallest
                        for row in range(6):
                            theta[row, k] = result[row, waiting]
                        trail[6, k] = 0.0
                        done[k] = 0
                        spot[k] = waiting
                        waiting += 1
                        busy += 1
            if busy == 0:
                break
            evaluate(method, free, box, data, extra, theta, x_terms, y_terms, sums, matrix, vector)
            landing = full_step(sums, free, theta, floor, matrix, vector, gradient)
            length, lost = step(free, box, theta, vector, gradient, sums, floor, trail)
            # its projection on the gradient says nothing about such a step
            length = L.where(landing, L.fabs(length) + 1.0, length)
            # clearly negative: the matrix is not positive definite; NaN compares false always
            converged = L.bits((L.fabs(length) <= squared_tolerance) & ~lost)
            finished = converged | L.bits(~(length > squared_tolerance) | lost)
            for k in range(L.WIDTH):
                if spot[k] >= 0:
                    done[k] += 1
                    if done[k] >= max_iterations:
                        finished |= 1 << k
                    if (finished >> k) & 1:
                        sound = (converged >> k) & 1
                        for row in range(6):
                            result[row, spot[k]] = theta[row, k] if sound else math.nan
                        result[ITERATIONS, spot[k]] = done[k]
        if method == SQUARES:
            continue
        # 3. errors and likelihood at the solution
        for group in range(first, last, L.WIDTH):
            count = min(L.WIDTH, last - group)
            for k in range(count):
                L.put_lane(photons, group + k, data, k)
                if has_variance:
                    L.put_lane(variance, group + k, extra, k)
            for row in range(6):
                for k in range(count):
                    theta[row, k] = result[row, group + k]
            evaluate(method, free, box, data, extra, theta, x_terms, y_terms, sums, matrix, vector)
            likelihood = log_likelihood(data, extra, box, theta, x_terms[0], y_terms[0])
            L.factorize(matrix, free)
            L.inverse_diagonal(matrix, free, vector, gradient)
            L.store(trail, 0, likelihood)
            for row in range(free):
                L.store(vector, row, L.sqrt(L.load(vector, row)))
            for k in range(count):
                for row in range(free):
                    result[ERRORS + row, group + k] = vector[row, k]
                if free == 5:
                    result[ERRORS + SY, group + k] = vector[SX, k]
                result[LIKELIHOOD, group + k] = trail[0, k]
