"""The kernels of growing objects.

Arrays are padded by one pixel of "not allowed", so that no step has to look whether it leaves the
field, and flat, so that a neighbour is a number to add.
"""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit

__all__ = ["flood", "prepare", "propagate"]


@njit(nogil=True, cache=True)
def prepare(levels, seeds, inside):  # type: ignore[no-untyped-def]
    """Pad; return levels, state (-1 not allowed, 0 free, else label) and the seeds' places.

    Seeds that have no free pixel beside or across from them cannot grow, and are left out.
    """
    depth, height, width = levels.shape
    d, h, w = depth + 2, height + 2, width + 2
    level = np.zeros(d * h * w, np.int32)
    state = np.full(d * h * w, -1, np.int32)
    for z in range(depth):
        for y in range(height):
            base = ((z + 1) * h + y + 1) * w + 1
            for x in range(width):
                level[base + x] = levels[z, y, x]
                if inside[z, y, x]:
                    state[base + x] = seeds[z, y, x]
    count = 0
    starts = np.empty(1024, np.int64)
    for z in range(1, depth + 1):
        for y in range(1, height + 1):
            base = (z * h + y) * w
            for x in range(1, width + 1):
                if state[base + x] <= 0:
                    continue
                free = False
                for k in range(-1 if depth > 1 else 0, 2 if depth > 1 else 1):
                    for j in range(-1, 2):
                        p = base + x + (k * h + j) * w
                        if state[p - 1] == 0 or state[p] == 0 or state[p + 1] == 0:
                            free = True
                if free:
                    if count == len(starts):
                        starts = np.concatenate((starts, np.empty_like(starts)))
                    starts[count] = base + x
                    count += 1
    return level, state, starts[:count].copy()


@njit(nogil=True, cache=True)
def flood(level, state, starts, steps, count):  # type: ignore[no-untyped-def]
    """Flood from the starts, level by level; equals in the order in which they were reached."""
    head = np.full(count, -1, np.int32)
    tail = np.empty(count, np.int32)
    following = np.empty(len(level), np.int32)
    lowest = count
    for p in starts:
        v = level[p]
        if head[v] < 0:
            head[v] = p
        else:
            following[tail[v]] = p
        tail[v] = p
        following[p] = -1
        lowest = min(lowest, v)
    now = lowest
    while now < count:
        p = head[now]
        if p < 0:
            now += 1
            continue
        head[now] = following[p]
        one = state[p]
        for s in steps:
            q = p + s
            if state[q] != 0:
                continue
            state[q] = one
            v = level[q]
            if head[v] < 0:
                head[v] = q
            else:
                following[tail[v]] = q
            tail[v] = q
            following[q] = -1
            if v < now:
                now = v


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
