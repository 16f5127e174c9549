"""The kernels of growing objects.

Windows are padded by one pixel of "not allowed", so that no step has to look whether it leaves the
field, and flat, so that a neighbour is a number to add.
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit

__all__ = ["concerned", "grow", "grow_exactly", "propagate"]


_BLOCK = 64
"""Levels that are skipped together when none of them waits."""


@njit(nogil=True, cache=True)
def concerned(seeds, inside, neighbours, out):  # type: ignore[no-untyped-def]
    """Mark what may be flooded, and the seeds beside it; what is within seeds stays as it is."""
    depth, height, width = seeds.shape
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                if not inside[z, y, x]:
                    continue
                if seeds[z, y, x] == 0:
                    out[z, y, x] = True
                    continue
                for s in range(len(neighbours)):
                    k, j, i = z + neighbours[s, 0], y + neighbours[s, 1], x + neighbours[s, 2]
                    if not (0 <= k < depth and 0 <= j < height and 0 <= i < width):
                        continue
                    if inside[k, j, i] and seeds[k, j, i] == 0:
                        out[z, y, x] = True
                        break


@njit(nogil=True, cache=True)
def grow(  # type: ignore[no-untyped-def]
    image, seeds, pieces, order, bounds, neighbours, offset, factor, count, first, stop, out
):
    """Flood pieces order[first] to order[stop - 1] of what may be flooded, one after the other.

    A piece is handled in a window of its own, so that its pixels stay in the processor's cache;
    pieces do not touch, so that the order among them does not matter.  The level of a pixel is
    (value - offset) factor, 0 to count - 1.  Queues hold places, one queue per level; water that
    stands at a level runs into what lies lower at that level.
    """
    largest = np.int64(0)
    for k in range(first, stop):
        b = bounds[order[k]]
        size = (b[1] - b[0] + 2) * (b[3] - b[2] + 2) * (b[5] - b[4] + 2)
        largest = max(largest, size)
    level = np.empty(largest, np.int32)
    state = np.empty(largest, np.int32)
    following = np.empty(largest, np.int32)
    head = np.full(count, -1, np.int32)
    tail = np.empty(count, np.int32)
    waiting = np.zeros(count // _BLOCK + 1, np.int32)
    reach = len(neighbours)
    steps = np.empty(reach, np.int64)
    for k in range(first, stop):
        piece = order[k] + 1
        z0, z1, y0, y1, x0, x1 = bounds[order[k]]
        h, w = y1 - y0 + 2, x1 - x0 + 2
        for t in range(reach):
            steps[t] = (neighbours[t, 0] * h + neighbours[t, 1]) * w + neighbours[t, 2]
        state[: (z1 - z0 + 2) * h * w] = -1
        for z in range(z0, z1):
            for y in range(y0, y1):
                base = ((z - z0 + 1) * h + y - y0 + 1) * w + 1 - x0
                for x in range(x0, x1):
                    if pieces[z, y, x] == piece:
                        value = np.float64(image[z, y, x])
                        level[base + x] = np.int32((value - offset) * factor)
                        state[base + x] = seeds[z, y, x]
        now = np.int64(count)
        queued = 0
        # seeds without a free neighbour cannot grow
        for z in range(z0, z1):
            for y in range(y0, y1):
                base = ((z - z0 + 1) * h + y - y0 + 1) * w + 1 - x0
                for x in range(x0, x1):
                    p = base + x
                    if state[p] <= 0:
                        continue
                    for s in steps:
                        if state[p + s] == 0:
                            v = level[p]
                            if head[v] < 0:
                                head[v] = p
                                waiting[v // _BLOCK] += 1
                            else:
                                following[tail[v]] = p
                            tail[v] = p
                            following[p] = -1
                            queued += 1
                            now = min(now, v)
                            break
        while queued:
            p = head[now]
            if p < 0:
                now += 1
                while waiting[now // _BLOCK] == 0:
                    now = (now // _BLOCK + 1) * _BLOCK
                continue
            head[now] = following[p]
            queued -= 1
            if following[p] < 0:
                waiting[now // _BLOCK] -= 1
            one = state[p]
            for s in steps:
                q = p + s
                if state[q] != 0:
                    continue
                state[q] = one
                v = max(level[q], now)
                if head[v] < 0:
                    head[v] = q
                    waiting[v // _BLOCK] += 1
                else:
                    following[tail[v]] = q
                tail[v] = q
                following[q] = -1
                queued += 1
        for z in range(z0, z1):
            for y in range(y0, y1):
                base = ((z - z0 + 1) * h + y - y0 + 1) * w + 1 - x0
                for x in range(x0, x1):
                    if state[base + x] > 0:
                        out[z, y, x] = state[base + x]


@njit(nogil=True, cache=True)
def _rise(keys, places, at, key, place):  # type: ignore[no-untyped-def]
    """Put an entry into a binary heap that has a free place at its end."""
    while at > 0:
        above = (at - 1) >> 1
        if key >= keys[above]:
            break
        keys[at], places[at] = keys[above], places[above]
        at = above
    keys[at], places[at] = key, place


@njit(nogil=True, cache=True)
def grow_exactly(level, state, steps):  # type: ignore[no-untyped-def]
    """Flood in the order of a binary heap, which also says what comes first of what is equal.

    Pixels that seeds begin from are all equally old, and which of those of one level comes first
    is the outcome of the heap's exchanges; hence all seeds are in it, those too that cannot grow.

    Parameters
    ----------
    level : array of int32
        Height of each pixel, flat, with a rim of one pixel.
    state : array of int32
        -1: not allowed (as the rim), 0: free, else the seed; becomes the labels.
    steps : array of int
        What to add for each neighbour.
    """
    allowed = 0
    for p in range(len(state)):
        allowed += state[p] >= 0
    keys, places = np.empty(allowed, np.int64), np.empty(allowed, np.int32)
    count = 0
    for p in range(len(state)):
        if state[p] > 0:
            _rise(keys, places, count, np.int64(level[p]) << 32, p)
            count += 1
    age = np.int64(0)
    while count:
        place, now = places[0], keys[0] >> 32
        count -= 1
        if count:  # the last takes the place of the first, and sinks
            key, last, at = keys[count], places[count], 0
            while True:
                below = 2 * at + 1
                if below >= count:
                    break
                if below + 1 < count and keys[below + 1] < keys[below]:
                    below += 1
                if keys[below] >= key:
                    break
                keys[at], places[at] = keys[below], places[below]
                at = below
            keys[at], places[at] = key, last
        one = state[place]
        for s in steps:
            q = place + s
            if state[q] == 0:
                state[q] = one
                age += 1
                _rise(keys, places, count, (max(np.int64(level[q]), now) << 32) | age, q)
                count += 1


@njit(nogil=True, cache=True)
def _difference(image, y0, x0, y1, x1):  # type: ignore[no-untyped-def]
    """Sum the absolute differences of the 3 x 3 pixels around two places."""
    height, width = image.shape
    total = np.float32(0)
    for j in range(-1, 2):
        a, b = min(max(y0 + j, 0), height - 1), min(max(y1 + j, 0), height - 1)
        for i in range(-1, 2):
            c, d = min(max(x0 + i, 0), width - 1), min(max(x1 + i, 0), width - 1)
            total += abs(image[a, c] - image[b, d])
    return np.float64(total)


@njit(nogil=True, cache=True)
def propagate(image, seeds, inside, weight):  # type: ignore[no-untyped-def]
    """Grow seeds by the least cost (Dijkstra, with a heap)."""
    height, width = image.shape
    out = np.zeros((height, width), np.int32)
    cost = np.full((height, width), np.inf)
    queue = [(0.0, np.int64(0), np.int64(0))]
    queue.pop()
    age = np.int64(0)
    for y in range(height):
        for x in range(width):
            if seeds[y, x] == 0:
                continue
            out[y, x] = seeds[y, x]
            cost[y, x] = 0.0
            for j in range(max(y - 1, 0), min(y + 2, height)):
                for i in range(max(x - 1, 0), min(x + 2, width)):
                    if seeds[j, i] == 0 and inside[j, i]:
                        queue.append((0.0, age, np.int64(y * width + x)))
                        age += 1
                        break
                else:
                    continue
                break
    heapq.heapify(queue)
    while len(queue):
        now, _, p = heapq.heappop(queue)
        y, x = p // width, p % width
        if now > cost[y, x]:
            continue
        for j in range(max(y - 1, 0), min(y + 2, height)):
            for i in range(max(x - 1, 0), min(x + 2, width)):
                if not inside[j, i] or seeds[j, i] != 0:
                    continue
                apart = abs(j - y) + abs(i - x)
                if apart == 0:
                    continue
                delta = _difference(image, y, x, j, i)
                new = now + np.sqrt(delta * delta + weight * weight * apart)
                if new < cost[j, i]:
                    cost[j, i] = new
                    out[j, i] = out[y, x]
                    heapq.heappush(queue, (new, age, np.int64(j * width + i)))
                    age += 1
    return out
