# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""All molecules of a frame: which are fitted together, and how many there are.

A molecule whose box holds nobody else's light, and whose single fit leaves nothing to explain, is
taken as it is. The others are fitted in groups, with the light of their neighbours outside the
group held fixed, in rounds until nothing changes; after each fit a molecule may be added where the
residual asks for one, or dropped where it explains nothing. Both are decided by the likelihood.

Importing this module imports numba.
"""

import math
from collections import namedtuple

import numpy as np
from numba import njit

from limelight.core.fit import _lanes as L
from limelight.core.fit._joint import (
    FIRST,
    MOST,
    PARAMETERS,
    B,
    S,
    copy,
    joint_fit,
    lay_out,
    new_region,
)

# columns of the table of molecules
X, Y, N, BG, SIGMA, VX, VY, VN, VB, VS, VALUE, ITERATIONS, GAIN, ALIVE, DIRTY, SPOT, ALONE = range(
    17
)
COLUMNS = 17

# columns of the table of starts
START_Y, START_X, VERDICT = 0, 1, 7
STARTS = 8
# verdicts on a single fit: it is nothing but noise, it failed or is not quite significant, it
# leaves much to explain, it leaves a little or has an unusual width, it leaves nothing
NOISE, FAILED, STRANGE, SUSPECT, FINE = range(5)

_ROUNDS = 4
_EVALUATIONS = 40
# the template of a further molecule reaches this far, pixels
_REACH = 2
_TAPS = 2 * _REACH + 1

Rules = namedtuple("Rules", "half prior spread threshold excess link alone")
"""What holds for a whole frame.

half : half the side of a box, pixels.
prior, spread : mean and standard deviation of the width, pixels.
threshold : gain in log-likelihood that a molecule has to bring.
excess : factor on all variances (2 with EM gain).
link : molecules nearer than this are fitted together, pixels.
alone : a molecule with nobody within this distance gets no light of others, pixels.
"""

Room = namedtuple("Room", "region push pull across theta trial other variance errors scores")
"""Work space."""


@njit(nogil=True, cache=True)
def fit_frames(
    images, extra, starts, offsets, half, priors, spreads, threshold, excess, table, frame
):
    """Fit all molecules of a block of frames, each on its own.

    Parameters
    ----------
    images : float32 array (T, Y, X)
        Photons.
    extra : float32 array (T, Y, X), (1, Y, X) or (0, 0, 0)
        Known variance per pixel, for each frame or for all, or none.
    starts : float64 array (candidates, STARTS)
        As for `fit_frame`, sorted by frame.
    offsets : int64 array (T + 1,)
        Where the candidates of each frame begin.
    half, threshold, excess
        As for `fit_frame`.
    priors, spreads : float64 array (T,)
        For each frame.
    table : float64 array (>= 2 * candidates + 32 * T, COLUMNS)
        Filled; SPOT counts the candidates of the block.
    frame : int64 array (rows of table,)
        Filled with the frame of each row.

    Returns
    -------
    int
        Molecules in the table, in order of frame and candidate.
    """
    written = 0
    for t in range(images.shape[0]):
        first, count = offsets[t], offsets[t + 1] - offsets[t]
        if count == 0:
            continue
        variance = extra[t if extra.shape[0] > 1 else 0] if extra.shape[0] else extra_none(extra)
        own = np.empty((2 * count + 32, COLUMNS))
        used = fit_frame(
            images[t], variance, starts[first : first + count], count, half, priors[t],
            spreads[t], threshold, excess, own,
        )  # fmt: skip
        for spot in range(count):
            for k in range(used):
                if own[k, SPOT] == spot and own[k, ALIVE] > 0.0:
                    for column in range(COLUMNS):
                        table[written, column] = own[k, column]
                    table[written, SPOT] += first
                    frame[written] = t
                    written += 1
    return written


@njit(nogil=True, cache=True)
def extra_none(extra):
    """Return an empty image of the same kind."""
    return np.empty((0, 0), extra.dtype)


@njit(nogil=True, cache=True)
def fit_frame(image, extra, starts, count, half, prior, spread, threshold, excess, table):
    """Fit all molecules of one frame.

    Parameters
    ----------
    image : float32 array (Y, X)
        Photons.
    extra : float32 array (Y, X) or (0, 0)
        Known variance per pixel.
    starts : float64 array (count, STARTS)
        Pixel of the candidate (y, x), then the result of its single fit: x, y (in the frame),
        photons, background, sigma, NaN where that failed; and the VERDICT on it.
    count : int
    half : int
        Half the side of the box, pixels.
    prior, spread : float
        Mean and standard deviation of the width, pixels.
    threshold : float
        Gain in log-likelihood that a molecule has to bring.
    excess : float
        Factor on all variances (2 with EM gain).
    table : float64 array (>= count, COLUMNS)
        Filled. A row with no ITERATIONS is the single fit of its candidate, as it was.

    Returns
    -------
    int
        Rows of the table in use; those with ALIVE above 0 are molecules.
    """
    link = 4.0 * prior + 0.5
    alone = half + 0.5 + 3.0 * prior
    rules = Rules(half, prior, spread, threshold, excess, link, alone)
    for k in range(count):
        _begin(image, starts[k], half, prior, table[k])
        table[k, SPOT] = k
        if starts[k, VERDICT] == NOISE:
            # even with all the light of the box to itself it explains nothing
            table[k, ALIVE] = 0.0
    # 1. molecules that stand alone and fit well
    molecules, close, strange = 0, 0, 0
    for k in range(count):
        if table[k, ALIVE] == 0.0:
            continue
        molecules += 1
        lonely = True
        x, y = table[k, X], table[k, Y]
        for m in range(count):
            near = abs(table[m, X] - x) < alone and abs(table[m, Y] - y) < alone
            if near and m != k and table[m, ALIVE] > 0.0:
                lonely = False
                dx, dy = table[m, X] - x, table[m, Y] - y
                close += m < k and dx * dx + dy * dy < link * link
        if lonely:
            # _begin found the single fit of no use for a start: no use as a result either
            table[k, ALONE] = table[k, ALONE] if starts[k, VERDICT] > FAILED else 0.0
            strange += starts[k, VERDICT] == STRANGE
        else:
            table[k, ALONE] = 0.0
    split = _round_spots(strange, molecules, close, image.size, prior)
    busy = False
    for k in range(count):
        if table[k, ALIVE] == 0.0:
            continue
        if table[k, ALONE] > 0.0 and (starts[k, VERDICT] == FINE or not split):
            table[k, DIRTY] = 0.0
        else:
            busy = True
    if not busy:
        return count
    # 2. groups, in rounds
    longest = int((MOST - 1) * link) + 2 * half + 4
    chunks = (longest + L.WIDTH - 1) // L.WIDTH
    region = new_region(longest, chunks)
    across = (longest + 2 * _REACH, chunks * L.WIDTH + 2 * _REACH)
    room = Room(
        region,
        np.zeros(across, np.float32),
        np.zeros(across, np.float32),
        np.zeros((2, longest + 2 * _REACH, chunks * L.WIDTH), np.float32),
        np.empty(PARAMETERS),
        np.empty(PARAMETERS),
        np.empty(PARAMETERS),
        np.empty(PARAMETERS),
        np.empty(PARAMETERS),
        np.empty(8),
    )
    members = np.empty(MOST, np.int64)
    taken = np.zeros(table.shape[0], np.bool_)
    used = count
    for turn in range(_ROUNDS):
        for k in range(used):
            taken[k] = table[k, ALIVE] == 0.0 or table[k, DIRTY] == 0.0
        pending = used
        busy = False
        while True:
            seed = -1
            for k in range(pending):
                if not taken[k] and (seed < 0 or table[k, N] > table[seed, N]):
                    seed = k
            if seed < 0:
                break
            busy = True
            size = _gather(table, pending, taken, seed, link, members)
            used = _settle(
                image, extra, table, used, members, size, split and turn < _ROUNDS - 1, rules, room
            )
        if not busy:
            break
    return used


@njit(nogil=True, cache=True)
def _round_spots(strange, count, close, area, prior):
    """Whether strange spots are so few that they can be molecules on top of each other.

    If there are more, the point spread function is no round Gaussian (astigmatism, say), and what
    looks like two molecules is one. How many unresolved pairs to expect follows from how dense
    the molecules are, in the whole frame and next to each other.
    """
    if strange == 0:
        return True
    reach = 2.2 * prior
    expected = count * min(1.0, count / area * math.pi * reach * reach) + 0.5 * close
    term = math.exp(-expected)
    fewer = 0.0
    for k in range(strange):
        fewer += term
        term *= expected / (k + 1)
    # a single strange spot among few tells little: then one molecule is the safer guess
    return 1.0 - fewer > (1e-2 if strange == 1 else 1e-3)


@njit(nogil=True, cache=True)
def _begin(image, start, half, prior, molecule):
    """First guess of a molecule."""
    y, x = int(start[0]), int(start[1])
    for column in range(COLUMNS):
        molecule[column] = 0.0
    molecule[ALIVE] = 1.0
    molecule[DIRTY] = 1.0
    near = abs(start[2] - x) < 1.5 and abs(start[3] - y) < 1.5
    if near and abs(start[6] - prior) < 0.5 * prior:
        molecule[X], molecule[Y], molecule[N] = start[2], start[3], start[4]
        molecule[BG], molecule[SIGMA] = start[5], start[6]
        molecule[ALONE] = 1.0
        return
    # the lowest mean of a side of the box stands for the background
    lowest = _lowest_side(image, y, x, half)
    peak = image[y, x] - lowest
    molecule[X], molecule[Y] = x, y
    molecule[SIGMA] = prior
    molecule[BG] = max(lowest, 0.1)
    peak = peak if peak > 1.0 else 1.0
    molecule[N] = peak * 2.0 * math.pi * (prior * prior + 1.0 / 12.0)


@njit(nogil=True, cache=True)
def _lowest_side(image, y, x, half):
    height, width = image.shape
    top, bottom = max(y - half, 0), min(y + half, height - 1)
    left, right = max(x - half, 0), min(x + half, width - 1)
    lowest = np.inf
    for side in range(4):
        total, count = 0.0, 0
        for r in range(top if side != 1 else bottom, (bottom if side != 0 else top) + 1):
            for c in range(left if side != 3 else right, (right if side != 2 else left) + 1):
                if not math.isnan(image[r, c]):
                    total += image[r, c]
                    count += 1
        if count > 0:
            lowest = min(lowest, total / count)
    return lowest if lowest < np.inf else 0.0


@njit(nogil=True, cache=True)
def _gather(table, used, taken, seed, link, members):
    """Collect the molecules nearest to a seed that hang together with it; marks them taken."""
    members[0] = seed
    taken[seed] = True
    size = 1
    while size < MOST:
        nearest, gap = -1, link * link
        for k in range(used):
            if taken[k]:
                continue
            for m in range(size):
                dx = table[k, X] - table[members[m], X]
                dy = table[k, Y] - table[members[m], Y]
                if dx * dx + dy * dy < gap:
                    nearest, gap = k, dx * dx + dy * dy
        if nearest < 0:
            break
        members[size] = nearest
        taken[nearest] = True
        size += 1
    return size


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _floor(region, size):
    """Least background that keeps the model above zero."""
    least = np.inf
    for p in range(size):
        for c in range(L.WIDTH):
            if region.mask[p, c] > 0.0:
                least = min(least, region.fixed[p, c])
    return 0.01 - 0.9 * least


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
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
            push[r + _REACH, c + _REACH] = region.weight[p, lane]
            pull[r + _REACH, c + _REACH] = region.inverse[p, lane]
    # what an earlier, larger region left beside this one
    for r in range(rows + 2 * _REACH):
        first = width + _REACH if r < rows + _REACH else _REACH
        for c in range(first, push.shape[1]):
            push[r, c] = 0.0
            pull[r, c] = 0.0
    taps = np.empty(_TAPS, np.float32)
    for i in range(_TAPS):
        a = (i - _REACH - 0.5) / sigma * math.sqrt(0.5)
        b = (i - _REACH + 0.5) / sigma * math.sqrt(0.5)
        taps[i] = 0.5 * (math.erf(b) - math.erf(a))
    slopes, curvatures = room.across[0], room.across[1]
    for r in range(_REACH, rows + _REACH):
        for c in range(width):
            slope, curvature = 0.0, 0.0
            for i in range(_TAPS):
                slope += taps[i] * push[r, c + i]
                curvature += taps[i] * taps[i] * pull[r, c + i]
            slopes[r, c] = slope
            curvatures[r, c] = curvature
    for r in range(rows + _REACH, rows + 2 * _REACH):
        for c in range(width):
            slopes[r, c] = 0.0
            curvatures[r, c] = 0.0
    scores[3] = 0.0
    for r in range(rows):
        for c in range(width):
            # a pixel whose neighbours belong to the region, too
            i, j = r + _REACH, c + _REACH
            inside = pull[i, j] * pull[i - 1, j] * pull[i + 1, j] * pull[i, j - 1] * pull[i, j + 1]
            if inside == 0.0:
                continue
            slope, curvature = 0.0, 0.0
            for t in range(_TAPS):
                slope += taps[t] * slopes[r + t, c]
                curvature += taps[t] * taps[t] * curvatures[r + t, c]
            if slope > 0.0 and slope * slope > scores[3] * scores[3] * curvature:
                scores[3] = slope / math.sqrt(curvature)
                scores[4], scores[5] = c, r
                scores[6] = slope / curvature


@njit(nogil=True, cache=True)
def _settle(image, extra, table, used, members, size, grow, rules, room):
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


@njit(nogil=True, cache=True)
def _wake(table, used, x, y, alone):
    for k in range(used):
        if max(abs(table[k, X] - x), abs(table[k, Y] - y)) < alone:
            table[k, DIRTY] = 1.0
            table[k, ALONE] = 0.0


@njit(nogil=True, cache=True)
def _without(theta, molecules, gone, trial):
    trial[B], trial[S] = theta[B], theta[S]
    to = 0
    for m in range(molecules):
        if m != gone:
            for i in range(3):
                trial[FIRST + 3 * to + i] = theta[FIRST + 3 * m + i]
            to += 1
