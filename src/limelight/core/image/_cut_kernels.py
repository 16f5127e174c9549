"""The kernels of cuts."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["bends", "best_cut", "outline", "passes", "split"]

# The eight neighbours in the order of a clock, from the right on.
_DY = np.array([0, 1, 1, 1, 0, -1, -1, -1])
_DX = np.array([1, 1, 0, -1, -1, -1, 0, 1])


@njit(nogil=True, cache=True)
def passes(basins, height, count):  # type: ignore[no-untyped-def]
    """Return the pairs of basins that touch (from 0 on), and the highest pass between them."""
    best = np.full((count, count), -np.inf)
    for y in range(basins.shape[0]):
        for x in range(basins.shape[1]):
            a = basins[y, x] - 1
            if a < 0:
                continue
            for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
                j, i = y + dy, x + dx
                if j >= basins.shape[0] or not 0 <= i < basins.shape[1]:
                    continue
                b = basins[j, i] - 1
                if b < 0 or b == a:
                    continue
                level = min(height[y, x], height[j, i])
                if level > best[a, b]:
                    best[a, b] = best[b, a] = level
    pairs = np.empty((count * count, 2), np.int64)
    levels = np.empty(count * count)
    size = 0
    for a in range(count):
        for b in range(a + 1, count):
            if best[a, b] > -np.inf:
                pairs[size, 0], pairs[size, 1] = a, b
                levels[size] = best[a, b]
                size += 1
    return pairs[:size].copy(), levels[:size].copy()


@njit(nogil=True, cache=True)
def _root(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def split(pairs, level, peaks, areas, least):  # type: ignore[no-untyped-def]
    """Return which basins are the second part after the deepest cut.

    Basins are joined over their passes, the highest first; the two groups that would be joined are
    the two sides of a cut.  Of the cuts with enough area on either side, the one that is lowest
    against the lower of its two peaks counts.  Cuts without loops only: a clump is a tree of
    basins, as far as the highest passes tell.
    """
    count = len(areas)
    order = np.argsort(-level)
    parent = np.arange(count)
    # the tree of highest passes
    tree = np.empty((count, 2), np.int64)
    heights = np.empty(count)
    size = 0
    for e in order:
        a, b = _root(parent, pairs[e, 0]), _root(parent, pairs[e, 1])
        if a == b:
            continue
        parent[b] = a
        tree[size], heights[size] = pairs[e], level[e]
        size += 1
    best = 1.0
    found = np.zeros(count, np.bool_)
    total = areas.sum()
    side = np.zeros(count, np.bool_)
    for cut in range(size):
        # what hangs on the second end when this pass is taken out
        side[:] = False
        side[tree[cut, 1]] = True
        grown = True
        while grown:
            grown = False
            for e in range(size):
                if e == cut:
                    continue
                a, b = tree[e]
                if side[a] != side[b]:
                    side[a] = side[b] = True
                    grown = True
        area, one, other = 0, 0.0, 0.0
        for k in range(count):
            if side[k]:
                area += areas[k]
                one = max(one, peaks[k])
            else:
                other = max(other, peaks[k])
        if min(area, total - area) < least:
            continue
        ratio = heights[cut] / max(min(one, other), 1e-30)
        if ratio < best:
            best = ratio
            found[:] = side
    return found


@njit(nogil=True, cache=True)
def outline(mask):  # type: ignore[no-untyped-def]
    """Follow the outer border of the first piece of a mask, clockwise (y, x).

    The mask is padded by background.  Moore's tracing with Jacob's stop.
    """
    height, width = mask.shape
    sy = sx = -1
    for y in range(height):
        for x in range(width):
            if mask[y, x] and sy < 0:
                sy, sx = y, x
    out = np.empty((4 * mask.size + 4, 2), np.int64)
    if sy < 0:
        return out[:0].copy()
    y, x, came = sy, sx, 4
    size = 0
    first = -1
    while size < len(out):
        found = -1
        for k in range(1, 9):
            d = (came + k) % 8
            if mask[y + _DY[d], x + _DX[d]]:
                found = d
                break
        if found < 0:
            out[0, 0], out[0, 1] = y, x
            size = 1
            break
        if y == sy and x == sx:
            if first < 0:
                first = found
            elif found == first:
                break
        out[size, 0], out[size, 1] = y, x
        size += 1
        y, x = y + _DY[found], x + _DX[found]
        # look on from where it came, clockwise
        came = (found + 4) % 8
    return out[:size].copy()


@njit(nogil=True, cache=True)
def bends(line, window, radius, least):  # type: ignore[no-untyped-def]
    """Return the deepest place of each concave bend of a closed outline (y, x).

    The bend at a place is the angle between what leads to it and what leads on, each half a window
    long; concave places that follow each other are one bend, whose angle is their sum in steps of
    half a window and whose radius is its length over its angle.
    """
    n = len(line)
    half = max(window // 2, 1)
    turn = np.zeros(n)
    for k in range(n):
        ay, ax = line[k] - line[(k - half) % n]
        by, bx = line[(k + half) % n] - line[k]
        cross = ax * by - ay * bx
        # clockwise in pictures: a left turn is concave
        turn[k] = -np.arctan2(np.float64(cross), np.float64(ax * bx + ay * by))
    begin = -1
    for k in range(n):
        if turn[k] <= 0:
            begin = k
            break
    out = np.empty((n, 2), np.int64)
    size = 0
    if begin < 0:
        return out[:0].copy()
    k = 0
    while k < n:
        i = (begin + k) % n
        if turn[i] <= 0:
            k += 1
            continue
        total, length, deepest, place = 0.0, 0, 0.0, i
        while k < n and turn[(begin + k) % n] > 0:
            i = (begin + k) % n
            total += turn[i] / half
            length += 1
            if turn[i] > deepest:
                deepest, place = turn[i], i
            k += 1
        if total >= least and length / total <= radius:
            out[size] = line[place]
            size += 1
    return out[:size].copy()


@njit(nogil=True, cache=True)
def _side(inside, y0, x0, y1, x1, part):  # type: ignore[no-untyped-def]
    """Mark the pixels on one side of the cut that hang together with each other; return how many.

    The cut is a line of pixels; it goes to the other side.
    """
    height, width = inside.shape
    wall = np.zeros((height, width), np.bool_)
    steps = max(abs(y1 - y0), abs(x1 - x0), 1)
    py = y0
    for s in range(steps + 1):
        y = y0 + int(np.floor((y1 - y0) * s / steps + 0.5))
        x = x0 + int(np.floor((x1 - x0) * s / steps + 0.5))
        wall[y, x] = True
        # no slipping through between two pixels that touch by a corner
        wall[py, x] = True
        py = y
    part[:] = False
    stack = np.empty((inside.size, 2), np.int64)
    area = 0
    top = 0
    for y in range(height):
        for x in range(width):
            if inside[y, x] and not wall[y, x] and top == 0:
                stack[0, 0], stack[0, 1] = y, x
                part[y, x] = True
                top = 1
                break
        if top:
            break
    while top:
        top -= 1
        y, x = stack[top]
        area += 1
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= j < height and 0 <= i < width):
                continue
            if inside[j, i] and not wall[j, i] and not part[j, i]:
                part[j, i] = True
                stack[top, 0], stack[top, 1] = j, i
                top += 1
    return area


@njit(nogil=True, cache=True)
def best_cut(inside, light, places, least):  # type: ignore[no-untyped-def]
    """Return the smaller part after the best straight cut between two places, or nothing.

    Best is the shortest, in multiples of what a circle of the smaller part's area would be wide,
    times its mean brightness against that of the clump; cuts as wide as that are none.
    """
    height, width = inside.shape
    part = np.zeros((height, width), np.bool_)
    found = np.zeros((height, width), np.bool_)
    total, mean = 0, 0.0
    for y in range(height):
        for x in range(width):
            if inside[y, x]:
                total += 1
                mean += light[y, x]
    mean = max(mean / max(total, 1), 1e-30)
    best = 1.0
    for a in range(len(places)):
        for b in range(a + 1, len(places)):
            y0, x0 = places[a]
            y1, x1 = places[b]
            length = np.hypot(np.float64(y1 - y0), np.float64(x1 - x0))
            steps = max(abs(y1 - y0), abs(x1 - x0))
            if steps < 2:
                continue
            within, along = True, 0.0
            for s in range(steps + 1):
                y = y0 + int(np.floor((y1 - y0) * s / steps + 0.5))
                x = x0 + int(np.floor((x1 - x0) * s / steps + 0.5))
                if not inside[y, x]:
                    within = False
                    break
                along += light[y, x]
            if not within:
                continue
            # an estimate is enough to leave out what cannot win
            brightness = along / (steps + 1) / mean
            if length * brightness / np.sqrt(2 * total / np.pi) >= best:
                continue
            area = _side(inside, y0, x0, y1, x1, part)
            small = min(area, total - area)
            if small < least or small == 0:
                continue
            score = length * brightness / np.sqrt(4 * small / np.pi)
            if score < best:
                best = score
                if area <= total - area:
                    found[:] = part
                else:
                    found[:] = inside & ~part
    return found
