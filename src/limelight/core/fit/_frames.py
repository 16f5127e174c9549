# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""All molecules of a frame: which are fitted together. The kernels.

A molecule whose box holds nobody else's light, and whose single fit leaves nothing to explain, is
taken as it is. The others are fitted in groups, with the light of their neighbours outside the
group held fixed, in rounds until nothing changes.

Importing this module imports numba.
"""

import math

import numpy as np
from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._group import (
    ALIVE,
    ALONE,
    BG,
    COLUMNS,
    DIRTY,
    REACH,
    SIGMA,
    SPOT,
    N,
    Room,
    Rules,
    X,
    Y,
    settle,
)
from limelight.core.fit._joint import MOST, PARAMETERS, new_region

# columns of the table of starts
START_Y, START_X, VERDICT = 0, 1, 7
STARTS = 8
# verdicts on a single fit: it is nothing but noise, it failed or is not quite significant, it
# leaves much to explain, it leaves a little or has an unusual width, it leaves nothing
NOISE, FAILED, STRANGE, SUSPECT, FINE = range(5)

_ROUNDS = 4
# the noise of a frame is judged by at least so many molecules, and believed to be another than the
# camera's numbers say from this factor on
_WITNESSES = 10
_NOTABLE = 1.6


@njit(nogil=True, cache=True, error_model="numpy")
def noise_factors(y, x, deviance, offsets, distance, expected, factors):
    """Measure how much noisier the frames are than the camera's numbers say.

    Parameters
    ----------
    y, x : int32 array (candidates,)
    deviance : float32 array (candidates,)
        Minus twice the log-likelihood of the single fits per degree of freedom; NaN where
        they failed.
    offsets : int64 array (T + 1,)
        Where the candidates of each frame begin.
    distance : int
        Only candidates with nobody within this distance are looked at, pixels.
    expected : float
        Lower quartile of the deviance of good fits.
    factors : float64 array (T,)
        Filled with the factors on the variance; 1 where it is not far from that, or unknown.
    """
    for t in range(len(factors)):
        first, last = offsets[t], offsets[t + 1]
        seen = np.empty(last - first)
        count = 0
        for k in range(first, last):
            lonely = not math.isnan(deviance[k])
            m = first
            while lonely and m < last:
                lonely = m == k or max(abs(y[m] - y[k]), abs(x[m] - x[k])) > distance
                m += 1
            if lonely:
                seen[count] = deviance[k]
                count += 1
        factors[t] = 1.0
        if count >= _WITNESSES:
            # the lower quartile: pairs that the detection took for one fit badly
            factor = np.sort(seen[:count])[count // 4] / expected
            if factor > _NOTABLE or factor < 1.0 / _NOTABLE:
                factors[t] = max(factor, 1e-3)


@njit(nogil=True, cache=True, error_model="numpy")
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
    half, threshold
        As for `fit_frame`.
    priors, spreads, excess : float64 array (T,)
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
            spreads[t], threshold, excess[t], own,
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


@njit(nogil=True, cache=True, error_model="numpy")
def extra_none(extra):
    """Return an empty image of the same kind."""
    return np.empty((0, 0), extra.dtype)


@njit(nogil=True, cache=True, error_model="numpy")
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
        Factor on all variances.
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
    across = (longest + 2 * REACH, chunks * L.WIDTH + 2 * REACH)
    room = Room(
        region,
        np.zeros(across, np.float32),
        np.zeros(across, np.float32),
        np.zeros((2, longest + 2 * REACH, chunks * L.WIDTH), np.float32),
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
            used = settle(
                image, extra, table, used, members, size, split and turn < _ROUNDS - 1, rules, room
            )
        if not busy:
            break
    return used


@njit(nogil=True, cache=True, error_model="numpy")
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
    if count >= _WITNESSES:
        # the verdict may have been a strict one, which a few round spots do not pass
        expected += 0.005 * count
    term = math.exp(-expected)
    fewer = 0.0
    for k in range(strange):
        fewer += term
        term *= expected / (k + 1)
    # a single strange spot among few tells little: then one molecule is the safer guess
    return 1.0 - fewer > (1e-2 if strange == 1 else 1e-3)


@njit(nogil=True, cache=True, error_model="numpy")
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


@njit(nogil=True, cache=True, error_model="numpy")
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


@njit(nogil=True, cache=True, error_model="numpy")
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
