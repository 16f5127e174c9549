# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Joint maximum-likelihood fit of overlapping Gaussian spots in one region: the kernels.

The model of a pixel is ``b + sum_k N_k ex_k[column] ey_k[row] + fixed``: pixel-integrated Gaussians
of one common width (Smith et al. 2010, equation 3), a uniform background, and the light of
molecules that are fitted elsewhere. Parameters are kept as ``b, s, x_1, y_1, N_1, x_2, ...``.

Sixteen pixels of a row are worked on at a time. A region is a rectangle of `rows` times `chunks`
of sixteen pixels; pixels that are not used are masked.

Importing this module imports numba.
"""

import math
from collections import namedtuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from limelight.core import lanes as L

# most molecules in one joint fit, and the parameters that makes
MOST = 5
B, S, FIRST = 0, 1, 2
PARAMETERS = FIRST + 3 * MOST

PHOTON_FLOOR = 1.0

_INV_SQRT_2PI = 0.3989422804014327
_SQRT_HALF = 0.7071067811865476

Region = namedtuple("Region", "data fixed mask mu weight inverse grad scaled terms")
"""Pixels of a region and the work space of its fit, float32 arrays (..., 16).

data : photons plus known variance.
fixed : what is expected and not fitted: known variance, light of molecules outside the group.
mask : 1 where the pixel is used, 0 where not.
mu, weight, inverse : the model, mask * (data / mu - 1), and mask / mu, as `evaluate` left them.
grad, scaled, terms : work space.
"""


@njit(nogil=True, cache=True, error_model="numpy")
def new_region(rows, chunks):
    """Work space for regions of up to so many rows and chunks of sixteen columns."""
    size = rows * chunks
    pieces = max((rows + L.WIDTH - 1) // L.WIDTH, chunks)
    return Region(
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((PARAMETERS * size, L.WIDTH), np.float32),
        np.zeros((size, L.WIDTH), np.float32),
        np.zeros((MOST * 6 * pieces + 1, L.WIDTH), np.float32),
    )


@intrinsic
def total(typingctx, value):
    """Sum of the sixteen lanes."""

    def codegen(context, builder, sig, args):
        vector = args[0]
        undefined = ir.Constant(vector.type, ir.Undefined)
        index = ir.VectorType(ir.IntType(32), L.WIDTH)
        width = L.WIDTH
        while width > 1:
            width //= 2
            order = [(i + width) % L.WIDTH for i in range(L.WIDTH)]
            moved = builder.shuffle_vector(vector, undefined, ir.Constant(index, order))
            vector = builder.fadd(vector, moved)
        return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    return types.float32(value), codegen


@njit(nogil=True, cache=True, error_model="numpy")
def axis_terms(pieces, first, centre, sigma, terms):
    """Share of a Gaussian in the pixels of an axis, and its derivatives.

    Parameters
    ----------
    pieces : int
        Pixels 0 to 16 * pieces - 1.
    first : int
        Row of `terms` from which to write: the shares (`pieces` rows), their derivatives with
        respect to the centre, and those with respect to sigma.
    centre, sigma : float
    terms : float32 array (rows, 16)
        Its last row is the numbers 0 to 15.
    """
    inverse = 1.0 / sigma
    norm = inverse * _INV_SQRT_2PI
    for piece in range(pieces):
        pixel = L.load(terms, terms.shape[0] - 1) + (L.WIDTH * piece - centre)
        u = (pixel - 0.5) * inverse
        v = (pixel + 0.5) * inverse
        gauss_u = L.exp(-0.5 * u * u)
        gauss_v = L.exp(-0.5 * v * v)
        share = L.erf_with_exp(v * _SQRT_HALF, gauss_v) - L.erf_with_exp(u * _SQRT_HALF, gauss_u)
        L.store(terms, first + piece, 0.5 * share)
        L.store(terms, first + pieces + piece, norm * (gauss_u - gauss_v))
        L.store(terms, first + 2 * pieces + piece, norm * (u * gauss_u - v * gauss_v))


@njit(nogil=True, cache=True, error_model="numpy")
def lay_out(region, rows, chunks, theta, molecules):
    """Shares and derivatives of all molecules; returns the rows of `terms` that each takes."""
    tall = (rows + L.WIDTH - 1) // L.WIDTH
    stride = 3 * (chunks + tall)
    for i in range(L.WIDTH):
        region.terms[region.terms.shape[0] - 1, i] = i
    for k in range(molecules):
        at = FIRST + 3 * k
        axis_terms(chunks, k * stride, theta[at], theta[S], region.terms)
        axis_terms(tall, k * stride + 3 * chunks, theta[at + 1], theta[S], region.terms)
    return stride


@njit(nogil=True, cache=True, error_model="numpy")
def evaluate(region, rows, chunks, theta, molecules, g, h):
    """Model, log-likelihood, gradient and Fisher information at the present parameters.

    Parameters
    ----------
    region : Region
        mu, weight, inverse and grad are filled.
    rows, chunks : int
    theta : float64 array (PARAMETERS,)
    molecules : int
    g, h : float64 array (PARAMETERS,), (PARAMETERS, PARAMETERS)
        Filled: gradient of the log-likelihood, lower triangle of the Fisher information.

    Returns
    -------
    float
        Log-likelihood relative to the model that equals the data in every pixel, <= 0.
    """
    data, fixed, mask, mu, weight, inverse, grad, scaled, terms = region
    size = rows * chunks
    tall = (rows + L.WIDTH - 1) // L.WIDTH
    stride = lay_out(region, rows, chunks, theta, molecules)
    free = FIRST + 3 * molecules
    background = theta[B]
    for p in range(size):
        L.store(mu, p, L.load(fixed, p) + background)
        L.store(grad, S * size + p, L.splat(0.0))
    for k in range(molecules):
        at = FIRST + 3 * k
        photons = theta[at + 2]
        column = k * stride
        row = column + 3 * chunks
        for r in range(rows):
            ey = terms[row + r // L.WIDTH, r % L.WIDTH]
            dy = photons * terms[row + tall + r // L.WIDTH, r % L.WIDTH]
            vy = photons * terms[row + 2 * tall + r // L.WIDTH, r % L.WIDTH]
            ny = photons * ey
            for c in range(chunks):
                p = r * chunks + c
                ex = L.load(terms, column + c)
                L.store(mu, p, L.load(mu, p) + ny * ex)
                L.store(grad, at * size + p, ny * L.load(terms, column + chunks + c))
                L.store(grad, (at + 1) * size + p, dy * ex)
                L.store(grad, (at + 2) * size + p, ey * ex)
                width = ny * L.load(terms, column + 2 * chunks + c) + vy * ex
                L.store(grad, S * size + p, L.load(grad, S * size + p) + width)
    likelihood = L.splat(0.0)
    slope = L.splat(0.0)
    curvature = L.splat(0.0)
    for p in range(size):
        m = L.load(mu, p)
        d = L.load(data, p)
        used = L.load(mask, p)
        i = used / m
        positive = d > 1e-30
        part = L.where(positive, d * L.log(L.where(positive, m / d, 1.0)) - m + d, -m)
        likelihood = likelihood + used * part
        w = (d - m) * i
        L.store(inverse, p, i)
        L.store(weight, p, w)
        slope = slope + w
        curvature = curvature + i
    g[B] = total(slope)
    h[B, B] = total(curvature)
    for i in range(1, free):
        slope = L.splat(0.0)
        cross = L.splat(0.0)
        for p in range(size):
            x = L.load(grad, i * size + p)
            slope = slope + L.load(weight, p) * x
            y = L.load(inverse, p) * x
            cross = cross + y
            L.store(scaled, p, y)
        g[i] = total(slope)
        h[i, B] = total(cross)
        for j in range(1, i + 1):
            cross = L.splat(0.0)
            for p in range(size):
                cross = cross + L.load(scaled, p) * L.load(grad, j * size + p)
            h[i, j] = total(cross)
    return float(total(likelihood))


@njit(nogil=True, cache=True, error_model="numpy")
def copy(source, target):
    """Copy all parameters."""
    for i in range(PARAMETERS):
        target[i] = source[i]


@njit(nogil=True, cache=True, error_model="numpy")
def factorize(h, damping, free, lower):
    """Cholesky factor of h with its diagonal enlarged; False where that does not exist."""
    for i in range(free):
        for j in range(i + 1):
            rest = h[i, j]
            if i == j:
                rest *= 1.0 + damping
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            if i == j:
                if not rest > 1e-6 * h[i, i]:
                    return False
                lower[i, i] = math.sqrt(rest)
            else:
                lower[i, j] = rest / lower[j, j]
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def solve(lower, free, vector):
    """Solve lower lower^T x = vector in place."""
    for i in range(free):
        rest = vector[i]
        for k in range(i):
            rest -= lower[i, k] * vector[k]
        vector[i] = rest / lower[i, i]
    for i in range(free - 1, -1, -1):
        rest = vector[i]
        for k in range(i + 1, free):
            rest -= lower[k, i] * vector[k]
        vector[i] = rest / lower[i, i]


@njit(nogil=True, cache=True, error_model="numpy")
def inverse_diagonal(lower, free, out):
    """Diagonal of the inverse of lower lower^T."""
    column = np.empty(PARAMETERS)
    for j in range(free):
        out[j] = 0.0
        for i in range(j, free):
            rest = 1.0 if i == j else 0.0
            for k in range(j, i):
                rest -= lower[i, k] * column[k]
            column[i] = rest / lower[i, i]
            out[j] += column[i] * column[i]


@njit(nogil=True, cache=True, error_model="numpy")
def joint_fit(
    region, rows, chunks, theta, molecules, prior, spread, reach, floor, iterations, variance
):
    """Fit all molecules of a region together, from the parameters given.

    Levenberg-Marquardt with the Fisher information; the common width has a normal prior.

    Parameters
    ----------
    region : Region
        mu, weight and inverse end at the solution.
    rows, chunks : int
    theta : float64 array (PARAMETERS,)
        Start; replaced by the solution.
    molecules : int
    prior, spread : float
        Mean and standard deviation of the prior of the width, pixels; spread 0 holds it fixed.
    reach : float
        No molecule moves further than this from its start along an axis, pixels.
    floor : float
        Least background, photons per pixel; background plus `fixed` has to stay above 0.
    iterations : int
        Most evaluations of the model.
    variance : float64 array (PARAMETERS,)
        Filled with the variances of the parameters; infinite where the information is singular.

    Returns
    -------
    value : float
        Log-likelihood relative to a perfect model, plus that of the prior.
    done : int
        Evaluations of the model.
    """
    free = FIRST + 3 * molecules
    g, h = np.empty(PARAMETERS), np.empty((PARAMETERS, PARAMETERS))
    g_try, h_try = np.empty(PARAMETERS), np.empty((PARAMETERS, PARAMETERS))
    lower = np.empty((PARAMETERS, PARAMETERS))
    step, trial, home = np.empty(PARAMETERS), np.empty(PARAMETERS), np.empty(PARAMETERS)
    copy(theta, home)
    best = _objective(region, rows, chunks, theta, molecules, prior, spread, g, h)
    damping = 1e-3
    done = 1
    at_solution = True
    while done < iterations:
        if not factorize(h, damping, free, lower):
            damping = max(10.0 * damping, 1e-3)
            if damping > 1e6:
                break
            continue
        for i in range(free):
            step[i] = g[i]
        solve(lower, free, step)
        gain = 0.0
        for i in range(free):
            gain += g[i] * step[i]
        if gain < 1e-3:
            break
        _move(theta, step, home, molecules, reach, floor, trial)
        value = _objective(region, rows, chunks, trial, molecules, prior, spread, g_try, h_try)
        done += 1
        at_solution = value >= best - 1e-4
        if at_solution:
            small = value - best < 5e-3 and gain < 1e-2
            best = value
            copy(trial, theta)
            g, g_try = g_try, g
            h, h_try = h_try, h
            damping = damping * 0.1 if damping > 1e-6 else 0.0
            if small:
                break
        else:
            damping = max(damping * 10.0, 1e-3)
            if damping > 1e6:
                break
    if not at_solution:
        best = _objective(region, rows, chunks, theta, molecules, prior, spread, g, h)
    if factorize(h, 0.0, free, lower):
        inverse_diagonal(lower, free, variance)
    else:
        for i in range(free):
            variance[i] = np.inf
    return best, done


@njit(nogil=True, cache=True, error_model="numpy")
def _objective(region, rows, chunks, theta, molecules, prior, spread, g, h):
    value = evaluate(region, rows, chunks, theta, molecules, g, h)
    if spread > 0.0:
        off = (theta[S] - prior) / spread
        value -= 0.5 * off * off
        g[S] -= off / spread
        h[S, S] += 1.0 / (spread * spread)
    else:
        g[S] = 0.0
        for j in range(S):
            h[S, j] = 0.0
        for i in range(S + 1, FIRST + 3 * molecules):
            h[i, S] = 0.0
        h[S, S] = 1.0
    return value


@njit(nogil=True, cache=True, error_model="numpy")
def _move(theta, step, home, molecules, reach, floor, trial):
    """Take a step, kept within sensible bounds."""
    limit = 1.0
    sigma = theta[S]
    for k in range(molecules):
        at = FIRST + 3 * k
        worst = max(abs(step[at]), abs(step[at + 1])) / sigma
        if worst * limit > 1.0:
            limit = 1.0 / worst
    trial[B] = max(theta[B] + limit * step[B], floor)
    trial[S] = min(max(theta[S] + limit * step[S], 0.7 * sigma), 1.4 * sigma)
    for k in range(molecules):
        at = FIRST + 3 * k
        for i in (at, at + 1):
            trial[i] = min(max(theta[i] + limit * step[i], home[i] - reach), home[i] + reach)
        photons = theta[at + 2]
        trial[at + 2] = max(photons + limit * step[at + 2], 0.2 * photons, PHOTON_FLOOR)
