# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""One group of molecules: how many there are, and where. The kernels.

After a joint fit a molecule may be added where the residual asks for one, or dropped where it
explains nothing. Both are decided by the likelihood.

Importing this module imports numba.
"""

import math
from collections import namedtuple

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._joint import FIRST, MOST, B, S, copy, joint_fit, lay_out

# columns of the table of molecules
COLUMNS = 17
X, Y, N, BG, SIGMA, VX, VY, VN, VB, VS, VALUE, ITERATIONS, GAIN = range(13)
ALIVE, DIRTY, SPOT, ALONE = range(13, COLUMNS)

_EVALUATIONS = 40
# the template of a further molecule reaches this far, pixels
REACH = 2
TAPS = 2 * REACH + 1

Rules = namedtuple("Rules", "half prior spread threshold excess link alone")
"""What holds for a whole frame.

half : half the side of a box, pixels.
prior, spread : mean and standard deviation of the width, pixels.
threshold : gain in log-likelihood that a molecule has to bring.
excess : factor on all variances (2 with EM gain, more where the camera is noisier than it says).
link : molecules nearer than this are fitted together, pixels.
alone : a molecule with nobody within this distance gets no light of others, pixels.
"""

Room = namedtuple("Room", "region push pull across theta trial other variance errors scores")
"""Work space."""


@njit(nogil=True, cache=True, error_model="numpy")
def _collect(image, extra, table, used, members, size, rules, room):
    """Collect the pixels of a group's boxes, the light of others in them, and the start.

    Returns
    -------
    rows, chunks, top, left, pixels : int
        Size of the region, the position in the frame of its first row and column, and the
        number of its pixels in use.
    """
    height, width = image.shape
    half = rules.half
    theta = room.theta
    data, fixed, mask = room.region.data, room.region.fixed, room.region.mask
    top, left, bottom, right = height, width, -1, -1
    for m in range(size):
        y = min(max(round(table[members[m], Y]), 0), height - 1)
        x = min(max(round(table[members[m], X]), 0), width - 1)
        top, bottom = min(top, max(y - half, 0)), max(bottom, min(y + half, height - 1))
        left, right = min(left, max(x - half, 0)), max(right, min(x + half, width - 1))
    rows = bottom - top + 1
    chunks = (right - left + L.WIDTH) // L.WIDTH
    # pixels that are not used: something harmless, whatever the background is
    for p in range(rows * chunks):
        L.store(data, p, L.splat(1e4))
        L.store(fixed, p, L.splat(1e4))
        L.store(mask, p, L.splat(0.0))
    pixels = 0
    for m in range(size):
        y = min(max(round(table[members[m], Y]), 0), height - 1)
        x = min(max(round(table[members[m], X]), 0), width - 1)
        for r in range(max(y - half, 0), min(y + half, height - 1) + 1):
            for c in range(max(x - half, 0), min(x + half, width - 1) + 1):
                p = (r - top) * chunks + (c - left) // L.WIDTH
                lane = (c - left) % L.WIDTH
                # a pixel that is no number is left out
                if mask[p, lane] == 0.0 and not math.isnan(image[r, c]):
                    mask[p, lane] = 1.0
                    pixels += 1
                    data[p, lane] = image[r, c]
                    fixed[p, lane] = 0.0
                    if extra.size:
                        data[p, lane] += extra[r, c]
                        fixed[p, lane] = extra[r, c]
    for k in range(used):
        if table[k, ALIVE] == 0.0:
            continue
        mine = False
        near = False
        for m in range(size):
            mine = mine or members[m] == k
            near = near or (
                abs(table[members[m], X] - table[k, X]) < rules.alone + 2.0
                and abs(table[members[m], Y] - table[k, Y]) < rules.alone + 2.0
            )
        if near and not mine:
            theta[S] = table[k, SIGMA]
            theta[FIRST], theta[FIRST + 1] = table[k, X] - left, table[k, Y] - top
            lay_out(room.region, rows, chunks, theta, 1)
            terms = room.region.terms
            for r in range(rows):
                share = table[k, N] * terms[3 * chunks + r // L.WIDTH, r % L.WIDTH]
                for c in range(chunks):
                    p = r * chunks + c
                    L.store(fixed, p, L.load(fixed, p) + share * L.load(terms, c))
    theta[B] = 0.0
    theta[S] = 0.0
    for m in range(size):
        k = members[m]
        theta[B] += table[k, BG] / size
        theta[S] += table[k, SIGMA] / size
        theta[FIRST + 3 * m] = table[k, X] - left
        theta[FIRST + 3 * m + 1] = table[k, Y] - top
        theta[FIRST + 3 * m + 2] = table[k, N]
    return rows, chunks, top, left, pixels


@njit(nogil=True, cache=True, error_model="numpy")
def _emptiness(region, size, background, floor):
    """Greatest log-likelihood without any molecule: a uniform background alone."""
    b = background
    for _ in range(12):
        slope, curvature = 0.0, 0.0
        for p in range(size):
            for c in range(L.WIDTH):
                if region.mask[p, c] > 0.0:
                    expected = b + region.fixed[p, c]
                    slope += region.data[p, c] / expected - 1.0
                    curvature += 1.0 / expected
        change = slope / curvature
        b = max(b + change, 0.3 * b if b > 0.0 else floor, floor)
        if abs(change) < 1e-3 * abs(b) + 1e-9:
            break
    total = 0.0
    for p in range(size):
        for c in range(L.WIDTH):
            if region.mask[p, c] > 0.0:
                expected = b + region.fixed[p, c]
                d = region.data[p, c]
                total += d * math.log(expected / d) - expected + d if d > 0.0 else -expected
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _floor(region, size):
    """Least background that keeps the model above zero."""
    least = np.inf
    for p in range(size):
        for c in range(L.WIDTH):
            if region.mask[p, c] > 0.0:
                least = min(least, region.fixed[p, c])
    return 0.01 - 0.9 * least


@njit(nogil=True, cache=True, error_model="numpy")
def _shape_scores(region, rows, chunks, theta, molecule, stride, scores):
    """Ask the residual whether a spot is longer in one direction than in another.

    scores[0]: squared significance (two degrees of freedom); scores[1], [2]: the change of the
    covariance matrix, (xx - yy) / 2 and xy, that the residual asks for, pixels squared.
    """
    terms = region.terms
    tall = (rows + L.WIDTH - 1) // L.WIDTH
    column = molecule * stride
    row = column + 3 * chunks
    half = 0.5 / theta[S]
    first, second, own_first, own_second = 0.0, 0.0, 1e-30, 1e-30
    for r in range(rows):
        ey = terms[row + r // L.WIDTH, r % L.WIDTH]
        dy = terms[row + tall + r // L.WIDTH, r % L.WIDTH]
        vy = terms[row + 2 * tall + r // L.WIDTH, r % L.WIDTH]
        if ey < 1e-6:
            continue
        for chunk in range(chunks):
            p = r * chunks + chunk
            for c in range(L.WIDTH):
                a = half * (
                    terms[column + 2 * chunks + chunk, c] * ey - terms[column + chunk, c] * vy
                )
                b = terms[column + chunks + chunk, c] * dy
                first += region.weight[p, c] * a
                second += region.weight[p, c] * b
                own_first += a * a * region.inverse[p, c]
                own_second += b * b * region.inverse[p, c]
    photons = theta[FIRST + 3 * molecule + 2]
    scores[0] = first * first / own_first + second * second / own_second
    scores[1] = first / own_first / photons
    scores[2] = second / own_second / photons


@njit(nogil=True, cache=True, error_model="numpy")
def _residual_peak(rows, chunks, sigma, room, scores):
    """Find where in the region one more molecule would help most.

    scores[3]: its significance in standard deviations; [4], [5]: x, y; [6]: photons.
    """
    region = room.region
    push, pull = room.push, room.pull
    width = chunks * L.WIDTH
    for r in range(rows):
        for c in range(width):
            p, lane = r * chunks + c // L.WIDTH, c % L.WIDTH
            push[r + REACH, c + REACH] = region.weight[p, lane]
            pull[r + REACH, c + REACH] = region.inverse[p, lane]
    # what an earlier, larger region left beside this one
    for r in range(rows + 2 * REACH):
        first = width + REACH if r < rows + REACH else REACH
        for c in range(first, push.shape[1]):
            push[r, c] = 0.0
            pull[r, c] = 0.0
    taps = np.empty(TAPS, np.float32)
    for i in range(TAPS):
        a = (i - REACH - 0.5) / sigma * math.sqrt(0.5)
        b = (i - REACH + 0.5) / sigma * math.sqrt(0.5)
        taps[i] = 0.5 * (math.erf(b) - math.erf(a))
    slopes, curvatures = room.across[0], room.across[1]
    for r in range(REACH, rows + REACH):
        for c in range(width):
            slope, curvature = 0.0, 0.0
            for i in range(TAPS):
                slope += taps[i] * push[r, c + i]
                curvature += taps[i] * taps[i] * pull[r, c + i]
            slopes[r, c] = slope
            curvatures[r, c] = curvature
    for r in range(rows + REACH, rows + 2 * REACH):
        for c in range(width):
            slopes[r, c] = 0.0
            curvatures[r, c] = 0.0
    scores[3] = 0.0
    for r in range(rows):
        for c in range(width):
            # a pixel whose neighbours belong to the region, too
            i, j = r + REACH, c + REACH
            inside = pull[i, j] * pull[i - 1, j] * pull[i + 1, j] * pull[i, j - 1] * pull[i, j + 1]
            if inside == 0.0:
                continue
            slope, curvature = 0.0, 0.0
            for t in range(TAPS):
                slope += taps[t] * slopes[r + t, c]
                curvature += taps[t] * taps[t] * curvatures[r + t, c]
            if slope > 0.0 and slope * slope > scores[3] * scores[3] * curvature:
                scores[3] = slope / math.sqrt(curvature)
                scores[4], scores[5] = c, r
                scores[6] = slope / curvature


@njit(nogil=True, cache=True, error_model="numpy")
def settle(image, extra, table, used, members, size, grow, rules, room):
    """Fit one group: how many molecules, and where."""
    region, theta, trial, variance = room.region, room.theta, room.trial, room.variance
    errors, scores = room.errors, room.scores
    threshold, prior, spread = rules.threshold, rules.prior, rules.spread
    rows, chunks, top, left, pixels = _collect(
        image, extra, table, used, members, size, rules, room
    )
    if pixels <= FIRST + 3 * size:
        for m in range(size):
            table[members[m], ALIVE] = 0.0
        return used
    floor = _floor(region, rows * chunks)
    reach = rules.half + 1.0
    theta[B] = max(theta[B], floor)
    spots = np.empty(MOST)
    for m in range(size):
        spots[m] = table[members[m], SPOT]
    molecules = size
    value, done = joint_fit(
        region, rows, chunks, theta, molecules, prior, spread, reach, floor, _EVALUATIONS, variance
    )
    dropped = False
    while True:
        free = FIRST + 3 * molecules
        # a model that fits badly even at its best proves less
        scale = max(rules.excess, -2.0 * value / max(pixels - free, 1))
        # a molecule less?
        weakest, least = -1, np.inf
        for m in range(molecules):
            at = FIRST + 3 * m + 2
            significance = theta[at] * theta[at] / variance[at]
            if not significance >= least:
                weakest, least = m, significance
        if not least >= 4.0 * threshold * scale:
            if molecules == 1:
                without, more = _emptiness(region, rows * chunks, theta[B], floor), 1
            else:
                _without(theta, molecules, weakest, trial)
                without, more = joint_fit(
                    region, rows, chunks, trial, molecules - 1, prior, spread, reach, floor,
                    _EVALUATIONS, errors,
                )  # fmt: skip
            done += more
            if not value - without >= threshold * scale:
                molecules -= 1
                for m in range(weakest, molecules):
                    spots[m] = spots[m + 1]
                dropped = True
                if molecules == 0:
                    break
                copy(trial, theta)
                copy(errors, variance)
                value = without
                continue
            # the residual in the region is that of the model with one less: restore it
            value, more = joint_fit(
                region, rows, chunks, theta, molecules, prior, spread, reach, floor, 1, variance
            )
            done += more
        # one more?
        if not grow or molecules == MOST or dropped:
            break
        stride = lay_out(region, rows, chunks, theta, molecules)
        _residual_peak(rows, chunks, theta[S], room, scores)
        found = scores[3] > 3.0 * math.sqrt(scale)
        x, y, photons = scores[4], scores[5], scores[6]
        longest, elongation, axis_a, axis_b = -1, 6.0 * scale, 0.0, 0.0
        for m in range(molecules):
            _shape_scores(region, rows, chunks, theta, m, stride, scores)
            if scores[0] > elongation:
                longest, elongation = m, scores[0]
                axis_a, axis_b = scores[1], scores[2]
        best = value + threshold * scale
        better = False
        for way in range(2):
            copy(theta, trial)
            at = FIRST + 3 * molecules
            if way == 0:
                if not found:
                    continue
                trial[at], trial[at + 1], trial[at + 2] = x, y, photons
            else:
                if longest < 0:
                    continue
                angle = 0.5 * math.atan2(axis_b, axis_a)
                apart = math.sqrt(2.0 * math.hypot(axis_a, axis_b))
                apart = min(max(apart, 0.5 * prior), 1.5 * prior)
                home = FIRST + 3 * longest
                trial[at] = theta[home] + apart * math.cos(angle)
                trial[at + 1] = theta[home + 1] + apart * math.sin(angle)
                trial[home] = theta[home] - apart * math.cos(angle)
                trial[home + 1] = theta[home + 1] - apart * math.sin(angle)
                trial[at + 2] = trial[home + 2] = 0.5 * theta[home + 2]
            trial[S] = min(max(theta[S], prior - 2.0 * spread), prior + 2.0 * spread)
            gained, more = joint_fit(
                region, rows, chunks, trial, molecules + 1, prior, spread, reach, floor,
                _EVALUATIONS, errors,
            )  # fmt: skip
            done += more
            if gained > best:
                best = gained
                better = True
                copy(trial, room.other)
        if not better:
            break
        copy(room.other, theta)
        spots[molecules] = spots[max(longest, 0)]
        molecules += 1
        value, more = joint_fit(
            region, rows, chunks, theta, molecules, prior, spread, reach, floor, 1, variance
        )
        done += more
    if molecules == 1 and size == 1 and table[members[0], ALONE] > 0.0:
        # one after all: its single fit, free of the prior, is the better one
        table[members[0], DIRTY] = 0.0
        return used
    # write back; who moved wakes the neighbours
    rows = np.full(MOST, -1, np.int64)
    for m in range(max(size, molecules)):
        if m < size:
            k = members[m]
        elif used < table.shape[0]:
            k = used
            used += 1
            for column in range(COLUMNS):
                table[k, column] = 0.0
            table[k, X] = -1e9
        else:
            break
        rows[m] = k
        if m >= molecules:
            _wake(table, used, table[k, X], table[k, Y], rules.alone)
            table[k, ALIVE] = 0.0
            continue
        at = FIRST + 3 * m
        x, y = theta[at] + left, theta[at + 1] + top
        moved = max(abs(x - table[k, X]), abs(y - table[k, Y]))
        if moved > 0.1 or abs(theta[at + 2] - table[k, N]) > 0.05 * table[k, N]:
            _wake(table, used, x, y, rules.alone)
        table[k, X], table[k, Y], table[k, N] = x, y, theta[at + 2]
        table[k, BG], table[k, SIGMA] = theta[B], theta[S]
        table[k, VX], table[k, VY], table[k, VN] = variance[at], variance[at + 1], variance[at + 2]
        table[k, VB], table[k, VS] = variance[B], variance[S]
        table[k, VALUE] = value
        table[k, ITERATIONS] = done
        table[k, GAIN] = 0.5 * theta[at + 2] ** 2 / variance[at + 2]
        table[k, ALIVE] = 1.0
        table[k, SPOT] = spots[m]
    for m in range(MOST):
        if rows[m] >= 0:
            table[rows[m], DIRTY] = 0.0
    return used


@njit(nogil=True, cache=True, error_model="numpy")
def _wake(table, used, x, y, alone):
    for k in range(used):
        if max(abs(table[k, X] - x), abs(table[k, Y] - y)) < alone:
            table[k, DIRTY] = 1.0
            table[k, ALONE] = 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _without(theta, molecules, gone, trial):
    trial[B], trial[S] = theta[B], theta[S]
    to = 0
    for m in range(molecules):
        if m != gone:
            for i in range(3):
                trial[FIRST + 3 * to + i] = theta[FIRST + 3 * m + i]
            to += 1
