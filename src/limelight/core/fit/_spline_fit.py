# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Levenberg-Marquardt fits of a cubic-spline model, one spot at a time, its pixels in the lanes.

The coefficients are a flat array of planes of rows; `W` numbers lie between two rows, `A` between
two planes.  A spot takes four planes, box + 3 rows and box + 3 columns of them.  Sums over z, y
and x are taken one after the other, with sixteen columns in a lane each.

Importing this module imports numba.
"""

import math

import numpy as np
from numba import njit

from limelight.core import lanes as L

X, Y, Z, N, B = range(5)
# rows of the result, float64 (12, spots): five parameters, their errors, likelihood, iterations
ERRORS, LIKELIHOOD, ITERATIONS, RESULTS = 5, 10, 11, 12

_FLOOR = 0.01  # least background and known variance together, photons per pixel
_SHARE = 0.9  # of the smallest known variance by which the background may be below zero
_LEAST_MODEL = 1e-3  # photons; a spline may be below zero far from the spot
_DARKEST = 0.05  # photons: below it there is no molecule
_REACH = 0.45  # of the box: how far from the centre a molecule may be


@njit(nogil=True, cache=True)
def _weights(u, values, slopes):
    """Cubic B-splines at a place 0 <= u < 1 in its cell, and their slopes, float32 (4,)."""
    s = 1.0 - u
    values[0] = s * s * s / 6.0
    values[1] = (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0
    values[2] = (-3.0 * u * u * u + 3.0 * u * u + 3.0 * u + 1.0) / 6.0
    values[3] = u * u * u / 6.0
    slopes[0] = -0.5 * s * s
    slopes[1] = 0.5 * (3.0 * u * u - 4.0 * u)
    slopes[2] = 0.5 * (-3.0 * u * u + 2.0 * u + 1.0)
    slopes[3] = 0.5 * u * u


@njit(nogil=True, cache=True)
def _cell(place, last):
    """Index of the cell of a place, within 0 to `last`, and the place in it."""
    k = min(max(math.floor(place), 0), last)
    return k, place - k


@njit(nogil=True, cache=True)
def evaluate(coefficients, A, W, depth, origin, box, theta, data, extra, valid, work, small, sums):
    """Likelihood, gradient and Fisher information of one spot.

    Parameters
    ----------
    coefficients : float32 array
        Flat, with a margin: see `pad` in `limelight.core.fit.spline`.
    A, W, depth : int
        Numbers between planes, between rows; number of cells along z.
    origin : float64 array (3,)
        Place of the model's origin along z, y, x, in cells of the flat array.
    box : int
    theta : float64 array (5,)
        x, y (pixels), z (slices), photons, background.
    data, extra : float32 array
        Photons and known variance, rows of 16 * chunks pixels.
    valid : float32 array
        1 for pixels of the box, 0 for those that fill the lanes.
    work : float32 array
        Scratch.
    small : float32 array (6, 4)
        Scratch for the weights.
    sums : float64 array (21,)
        Filled: gradient (5), lower triangle of the information (15), likelihood.
    """
    half = box // 2
    rows = box + 3
    chunks = (box + 15) // 16
    wide = (rows + 15) // 16
    width = 16 * wide + 32
    kz, u = _cell(theta[Z] + origin[0], depth - 1)
    _weights(u, small[0], small[1])
    y = origin[1] - half - theta[Y]
    ky = math.floor(y)
    _weights(y - ky, small[2], small[3])
    x = origin[2] - half - theta[X]
    kx = math.floor(x)
    _weights(x - kx, small[4], small[5])
    z0, z1, z2, z3 = small[0, 0], small[0, 1], small[0, 2], small[0, 3]
    d0, d1, d2, d3 = small[1, 0], small[1, 1], small[1, 2], small[1, 3]
    start = kz * A + ky * W + kx
    slope_base = rows * width
    for r in range(rows):
        for c in range(wide):
            at = start + r * W + 16 * c
            p0 = L.load_from(coefficients, at)
            p1 = L.load_from(coefficients, at + A)
            p2 = L.load_from(coefficients, at + 2 * A)
            p3 = L.load_from(coefficients, at + 3 * A)
            to = r * width + 16 * c
            L.store_to(work, to, p0 * z0 + p1 * z1 + p2 * z2 + p3 * z3)
            L.store_to(work, slope_base + to, p0 * d0 + p1 * d1 + p2 * d2 + p3 * d3)
    y0, y1, y2, y3 = small[2, 0], small[2, 1], small[2, 2], small[2, 3]
    e0, e1, e2, e3 = small[3, 0], small[3, 1], small[3, 2], small[3, 3]
    x0, x1, x2, x3 = small[4, 0], small[4, 1], small[4, 2], small[4, 3]
    f0, f1, f2, f3 = small[5, 0], small[5, 1], small[5, 2], small[5, 3]
    line = 2 * slope_base
    photons = np.float32(theta[N])
    background = np.float32(theta[B])
    zero = L.splat(0.0)
    gx, gy, gz, gn, gb, likelihood = zero, zero, zero, zero, zero, zero
    xx, xy, yy, xz, yz, zz = zero, zero, zero, zero, zero, zero
    xn, yn, zn, nn, xb, yb, zb, nb, bb = zero, zero, zero, zero, zero, zero, zero, zero, zero
    for j in range(box):
        for c in range(wide):
            at = j * width + 16 * c
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + width)
            v2 = L.load_from(work, at + 2 * width)
            v3 = L.load_from(work, at + 3 * width)
            to = line + 16 * c
            L.store_to(work, to, v0 * y0 + v1 * y1 + v2 * y2 + v3 * y3)
            L.store_to(work, to + width, v0 * e0 + v1 * e1 + v2 * e2 + v3 * e3)
            at = at + slope_base
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + width)
            v2 = L.load_from(work, at + 2 * width)
            v3 = L.load_from(work, at + 3 * width)
            L.store_to(work, to + 2 * width, v0 * y0 + v1 * y1 + v2 * y2 + v3 * y3)
        for c in range(chunks):
            at = line + 16 * c
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + 1)
            v2 = L.load_from(work, at + 2)
            v3 = L.load_from(work, at + 3)
            f = v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3
            fx = v0 * f0 + v1 * f1 + v2 * f2 + v3 * f3
            at = at + width
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + 1)
            v2 = L.load_from(work, at + 2)
            v3 = L.load_from(work, at + 3)
            fy = v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3
            at = at + width
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + 1)
            v2 = L.load_from(work, at + 2)
            v3 = L.load_from(work, at + 3)
            fz = v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3
            pixel = 16 * (j * chunks + c)
            noise = L.load_from(extra, pixel)
            mu = f * photons + background + noise
            mu = L.where(mu < _LEAST_MODEL, _LEAST_MODEL, mu)
            d = L.load_from(data, pixel) + noise
            there = L.load_from(valid, 16 * c)
            w = there / mu
            r = (d - mu) * w
            positive = d > 1e-30
            ratio = L.where(positive, mu / d, 1.0)
            likelihood = likelihood + there * (L.where(positive, d * L.log(ratio), 0.0) - mu + d)
            gx = gx + r * fx
            gy = gy + r * fy
            gz = gz + r * fz
            gn = gn + r * f
            gb = gb + r
            wx = w * fx
            wy = w * fy
            wz = w * fz
            wf = w * f
            xx = xx + wx * fx
            xy = xy + wx * fy
            yy = yy + wy * fy
            xz = xz + wx * fz
            yz = yz + wy * fz
            zz = zz + wz * fz
            xn = xn + wx * f
            yn = yn + wy * f
            zn = zn + wz * f
            nn = nn + wf * f
            xb = xb + wx
            yb = yb + wy
            zb = zb + wz
            nb = nb + wf
            bb = bb + w
    n = theta[N]
    # the place in the model falls when the molecule moves towards higher x and y
    sums[0] = -n * L.total(gx)
    sums[1] = -n * L.total(gy)
    sums[2] = n * L.total(gz)
    sums[3] = L.total(gn)
    sums[4] = L.total(gb)
    sums[5] = n * n * L.total(xx)
    sums[6] = n * n * L.total(xy)
    sums[7] = n * n * L.total(yy)
    sums[8] = -n * n * L.total(xz)
    sums[9] = -n * n * L.total(yz)
    sums[10] = n * n * L.total(zz)
    sums[11] = -n * L.total(xn)
    sums[12] = -n * L.total(yn)
    sums[13] = n * L.total(zn)
    sums[14] = L.total(nn)
    sums[15] = -n * L.total(xb)
    sums[16] = -n * L.total(yb)
    sums[17] = n * L.total(zb)
    sums[18] = L.total(nb)
    sums[19] = L.total(bb)
    sums[20] = L.total(likelihood)


@njit(nogil=True, cache=True)
def _compare(planes, s, A, W, origin, box, x, y, data, valid, work, small, fit):
    """Least squares fit of photons and background with the model at a starting plane.

    fit : float64 array (3,)
        Filled: photons, background, sum of squared residuals.
    """
    half = box // 2
    chunks = (box + 15) // 16
    rows = box + 3
    wide = (rows + 15) // 16
    at_y = origin[1] - half - y
    ky = math.floor(at_y)
    _weights(at_y - ky, small[2], small[3])
    at_x = origin[2] - half - x
    kx = math.floor(at_x)
    _weights(at_x - kx, small[4], small[5])
    y0, y1, y2, y3 = small[2, 0], small[2, 1], small[2, 2], small[2, 3]
    x0, x1, x2, x3 = small[4, 0], small[4, 1], small[4, 2], small[4, 3]
    zero = L.splat(0.0)
    sf, sff, sfd, sd, sdd = zero, zero, zero, zero, zero
    start = s * A + ky * W + kx
    for j in range(box):
        for c in range(wide):
            at = start + j * W + 16 * c
            v0 = L.load_from(planes, at)
            v1 = L.load_from(planes, at + W)
            v2 = L.load_from(planes, at + 2 * W)
            v3 = L.load_from(planes, at + 3 * W)
            L.store_to(work, 16 * c, v0 * y0 + v1 * y1 + v2 * y2 + v3 * y3)
        for c in range(chunks):
            at = 16 * c
            v0 = L.load_from(work, at)
            v1 = L.load_from(work, at + 1)
            v2 = L.load_from(work, at + 2)
            v3 = L.load_from(work, at + 3)
            there = L.load_from(valid, 16 * c)
            f = (v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3) * there
            d = L.load_from(data, 16 * (j * chunks + c)) * there
            sf = sf + f
            sff = sff + f * f
            sfd = sfd + f * d
            sd = sd + d
            sdd = sdd + d * d
    count = float(box * box)
    f, ff, fd = float(L.total(sf)), float(L.total(sff)), float(L.total(sfd))
    d, dd = float(L.total(sd)), float(L.total(sdd))
    photons = (count * fd - f * d) / max(count * ff - f * f, 1e-30)
    background = (d - photons * f) / count
    fit[0], fit[1] = photons, background
    fit[2] = dd - photons * fd - background * d


@njit(nogil=True, cache=True)
def _centroid(data, chunks, box, place):
    """Centre of the light above the mean of the box's rim; fills place (2,): x, y."""
    half = box // 2
    rim = 0.0
    for k in range(box):
        rim += data[16 * chunks * 0 + k] + data[16 * chunks * (box - 1) + k]
    for j in range(1, box - 1):
        rim += data[16 * chunks * j] + data[16 * chunks * j + box - 1]
    rim /= 4 * (box - 1)
    total, mx, my = 1e-9, 0.0, 0.0
    for j in range(box):
        for i in range(box):
            light = data[16 * chunks * j + i] - rim
            if light > 0.0:
                # squared, so that the wide and noisy surroundings weigh less
                light *= light
                total += light
                mx += light * (i - half)
                my += light * (j - half)
    place[0], place[1] = mx / total, my / total


@njit(nogil=True, cache=True)
def _solve(sums, damping, held, matrix, step):
    """Solve the damped system by LDL^T; False where it is not positive definite."""
    k = 5
    for i in range(5):
        step[i] = sums[i]
        for j in range(i + 1):
            matrix[i, j] = sums[k]
            k += 1
        matrix[i, i] = matrix[i, i] * (1.0 + damping) + 1e-30
    for i in range(5):
        if (held >> i) & 1:
            step[i] = 0.0
            for j in range(5):
                if j < i:
                    matrix[i, j] = 0.0
                elif j > i:
                    matrix[j, i] = 0.0
            matrix[i, i] = 1.0
    for j in range(5):
        d = matrix[j, j]
        for m in range(j):
            d -= matrix[j, m] * matrix[j, m] * matrix[m, m]
        if not d > 0.0:
            return False
        matrix[j, j] = d
        for i in range(j + 1, 5):
            s = matrix[i, j]
            for m in range(j):
                s -= matrix[i, m] * matrix[j, m] * matrix[m, m]
            matrix[i, j] = s / d
    for i in range(5):
        for m in range(i):
            step[i] -= matrix[i, m] * step[m]
    for i in range(4, -1, -1):
        step[i] /= matrix[i, i]
        for m in range(i + 1, 5):
            step[i] -= matrix[m, i] * step[m]
    return True


@njit(nogil=True, cache=True)
def _errors(sums, held, matrix, step, errors):
    """Square roots of the diagonal of the inverse information; a held parameter has 0."""
    for p in range(5):
        errors[p] = math.nan
    unit = np.zeros(5)
    for p in range(5):
        if not _solve(sums, 0.0, held, matrix, step):
            return
        for i in range(5):
            unit[i] = 0.0
        unit[p] = 1.0
        for i in range(5):
            for m in range(i):
                unit[i] -= matrix[i, m] * unit[m]
        for i in range(4, -1, -1):
            unit[i] /= matrix[i, i]
            for m in range(i + 1, 5):
                unit[i] -= matrix[m, i] * unit[m]
        errors[p] = 0.0 if (held >> p) & 1 else math.sqrt(max(unit[p], 0.0))


@njit(nogil=True, cache=True)
def fit(
    photons,
    variance,
    coefficients,
    A,
    W,
    depth,
    origin,
    planes,
    levels,
    centroids,
    box,
    starts,
    max_iterations,
    tolerance,
    result,
):
    """Fit the model to every spot.

    Parameters
    ----------
    photons : float32 array (spots, box * box)
    variance : float32 array (spots, box * box) or (0, box * box)
    coefficients, A, W, depth, origin
        As for :func:`evaluate`.
    planes : float32 array
        Flat: the coefficients summed over z at every level.
    levels : float64 array (S,)
        Starting values of z, in slices from the origin.
    centroids : float64 array (S, 2)
        What :func:`_centroid` gives for the model itself at each level.
    box, starts, max_iterations : int
        `starts`: from how many levels a spot is fitted at most.
    tolerance : float
        A fit ends with a step shorter than this, in standard errors.
    result : float64 array (12, spots)
        Filled; NaN where the fit did not converge.
    """
    chunks = (box + 15) // 16
    rows = box + 3
    wide = (rows + 15) // 16
    width = 16 * wide + 32
    count = len(levels)
    data = np.zeros(16 * chunks * box, np.float32)
    extra = np.zeros(16 * chunks * box, np.float32)
    valid = np.zeros(16 * chunks, np.float32)
    valid[:box] = 1.0
    work = np.zeros((2 * rows + 4) * width + 64, np.float32)
    small = np.zeros((6, 4), np.float32)
    sums, trial_sums = np.zeros(21), np.zeros(21)
    matrix, step, errors = np.zeros((5, 5)), np.zeros(5), np.zeros(5)
    theta, trial, first = np.zeros(5), np.zeros(5), np.zeros(3)
    place = np.zeros(2)
    guess = np.zeros((count, 5))
    misfit = np.zeros(count)
    reach = _REACH * box
    lowest, highest = -origin[0], depth - 1e-6 - origin[0]
    stride = levels[1] - levels[0] if count > 1 else 1.0
    squared = tolerance * tolerance
    has_variance = variance.shape[0] > 0
    for n in range(photons.shape[0]):
        floor = _FLOOR
        finite = True
        smallest = math.inf
        for j in range(box):
            for i in range(box):
                value = photons[n, j * box + i]
                finite = finite and math.isfinite(value)
                data[16 * chunks * j + i] = value
                if has_variance:
                    noise = variance[n, j * box + i]
                    extra[16 * chunks * j + i] = noise
                    smallest = min(smallest, noise)
        for row in range(RESULTS):
            result[row, n] = math.nan
        result[ITERATIONS, n] = 0.0
        if not finite:
            continue
        if has_variance:
            floor = _FLOOR - _SHARE * smallest
        # 1. where to start: all levels are compared with the spot
        _centroid(data, chunks, box, place)
        for s in range(count):
            x = min(max(place[0] - centroids[s, 0], -0.25 * box), 0.25 * box)
            y = min(max(place[1] - centroids[s, 1], -0.25 * box), 0.25 * box)
            _compare(planes, s, A, W, origin, box, x, y, data, valid, work, small, first)
            guess[s, X], guess[s, Y], guess[s, Z] = x, y, levels[s]
            guess[s, N], guess[s, B] = first[0], max(first[1], floor)
            misfit[s] = first[2] if first[0] > 0.0 else math.inf
        best = -math.inf
        least = misfit.min()
        for attempt in range(starts):
            # the best local minimum that was not yet tried
            chosen = -1
            for s in range(count):
                before = misfit[s - 1] if s > 0 else math.inf
                after = misfit[s + 1] if s < count - 1 else math.inf
                minimum = misfit[s] <= before and misfit[s] < after and guess[s, N] > 0.0
                if minimum and (chosen < 0 or misfit[s] < misfit[chosen]):
                    chosen = s
            if chosen < 0 or (attempt > 0 and misfit[chosen] > 1.6 * least):
                break
            for p in range(5):
                theta[p] = guess[chosen, p]
            guess[chosen, N] = -1.0
            theta[N] = max(theta[N], 1.0)
            # 2. Levenberg-Marquardt
            evaluate(
                coefficients, A, W, depth, origin, box, theta, data, extra, valid, work, small, sums
            )
            damping = 0.01
            converged = False
            held = 0
            iteration = 0
            while iteration < max_iterations:
                iteration += 1
                held = 0
                if (theta[Z] <= lowest and sums[Z] < 0.0) or (
                    theta[Z] >= highest and sums[Z] > 0.0
                ):
                    held |= 1 << Z
                if theta[B] <= floor and sums[B] < 0.0:
                    held |= 1 << B
                if not _solve(sums, damping, held, matrix, step):
                    damping = max(10.0 * damping, 1e-3)
                    if damping > 1e8:
                        break
                    continue
                length = 0.0
                for p in range(5):
                    length += step[p] * sums[p] if not (held >> p) & 1 else 0.0
                largest = max(abs(step[X]), abs(step[Y]), abs(step[Z]) / (1.5 * stride))
                shrink = 1.0 / largest if largest > 1.0 else 1.0
                if step[N] < -0.7 * theta[N]:
                    shrink = min(shrink, -0.7 * theta[N] / step[N])
                for p in range(5):
                    trial[p] = theta[p] + shrink * step[p]
                trial[X] = min(max(trial[X], -reach), reach)
                trial[Y] = min(max(trial[Y], -reach), reach)
                trial[Z] = min(max(trial[Z], lowest), highest)
                trial[B] = max(trial[B], floor)
                evaluate(
                    coefficients,
                    A,
                    W,
                    depth,
                    origin,
                    box,
                    trial,
                    data,
                    extra,
                    valid,
                    work,
                    small,
                    trial_sums,
                )
                # the last digits of a float32 sum decide nothing
                slack = 1e-6 * abs(sums[20]) + 1e-5
                if trial_sums[20] >= sums[20] - slack:
                    for p in range(5):
                        theta[p] = trial[p]
                    for k in range(21):
                        sums[k] = trial_sums[k]
                    damping = max(0.1 * damping, 1e-8)
                    if length < squared and shrink == 1.0:
                        converged = True
                        break
                elif length < squared:
                    converged = True
                    break
                else:
                    damping = max(10.0 * damping, 1e-3)
                    if damping > 1e8:
                        break
            result[ITERATIONS, n] += iteration
            inside = abs(theta[X]) < reach and abs(theta[Y]) < reach and theta[N] > _DARKEST
            if converged and inside and sums[20] > best:
                best = sums[20]
                _errors(sums, held, matrix, step, errors)
                for p in range(5):
                    result[p, n] = theta[p]
                    result[ERRORS + p, n] = errors[p]
                result[LIKELIHOOD, n] = best
