"""The kernels of lines."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["thin"]


@njit(nogil=True, cache=True)
def thin(mask):  # type: ignore[no-untyped-def]
    """Thin a mask that is padded by one pixel of background.

    Pixels that are left are looked at until none can be taken away.
    """
    height, width = mask.shape
    state = mask.copy()
    active = np.empty((mask.size, 2), np.int32)
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if state[y, x]:
                active[count, 0], active[count, 1] = y, x
                count += 1
    gone = np.empty((count, 2), np.int32)
    while True:
        changed = 0
        for half in range(2):
            size = 0
            for k in range(count):
                y, x = active[k]
                if not state[y, x]:
                    continue
                p2, p3, p4 = state[y - 1, x], state[y - 1, x + 1], state[y, x + 1]
                p5, p6, p7 = state[y + 1, x + 1], state[y + 1, x], state[y + 1, x - 1]
                p8, p9 = state[y, x - 1], state[y - 1, x - 1]
                near = 0 + p2 + p3 + p4 + p5 + p6 + p7 + p8 + p9
                if near < 2 or near > 6:
                    continue
                steps = 0 + (not p2 and p3) + (not p3 and p4) + (not p4 and p5)
                steps += 0 + (not p5 and p6) + (not p6 and p7) + (not p7 and p8)
                steps += 0 + (not p8 and p9) + (not p9 and p2)
                if steps != 1:
                    continue
                if half == 0 and ((p2 and p4 and p6) or (p4 and p6 and p8)):
                    continue
                if half == 1 and ((p2 and p4 and p8) or (p2 and p6 and p8)):
                    continue
                gone[size, 0], gone[size, 1] = y, x
                size += 1
            for k in range(size):
                state[gone[k, 0], gone[k, 1]] = False
            changed += size
        if changed == 0:
            return state
        left = 0
        for k in range(count):
            if state[active[k, 0], active[k, 1]]:
                active[left] = active[k]
                left += 1
        count = left
