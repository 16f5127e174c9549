# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs)
"""The nearest point of the calibration curve to a pair of widths.  Imports numba.

In the plane of (sqrt(sx), sqrt(sy)) the calibration is a curve with z as its parameter, and D is
the squared distance to it.
"""

import math

import numpy as np
from numba import njit

GRID = 129
_SMALL = 1e-6  # of a width, pixels: a polynomial may dip below zero outside its range
_STEPS = 40
_CLOSE_NM = 1e-4


@njit(nogil=True, cache=True)
def _curve(c, z):
    """Root of the polynomial at z, and its first and second derivative."""
    w, first, second = c[0], 0.0, 0.0
    for k in range(1, c.shape[0]):
        second = second * z + 2.0 * first
        first = first * z + w
        w = w * z + c[k]
    if w < _SMALL:
        return math.sqrt(_SMALL), 0.0, 0.0
    root = math.sqrt(w)
    slope = 0.5 * first / root
    return root, slope, 0.5 * second / root - slope * slope / root


@njit(nogil=True, cache=True)
def prepare(cx, cy, low, high):
    """Table of the curve on the grid, float64 (2, GRID)."""
    table = np.empty((2, GRID))
    for k in range(GRID):
        z = low + (high - low) * k / (GRID - 1)
        table[0, k] = _curve(cx, z)[0]
        table[1, k] = _curve(cy, z)[0]
    return table


@njit(nogil=True, cache=True)
def _descend(x, y, cx, cy, left, right, z):
    """Minimum of D between left and right, from z: Newton's method, bisecting where it fails."""
    for _ in range(_STEPS):
        qx, dx, ddx = _curve(cx, z)
        qy, dy, ddy = _curve(cy, z)
        gradient = (qx - x) * dx + (qy - y) * dy
        if gradient > 0.0:
            right = z
        else:
            left = z
        curvature = dx * dx + dy * dy + (qx - x) * ddx + (qy - y) * ddy
        new = z - gradient / curvature if curvature > 0.0 else left - 1.0
        if not left < new < right:
            new = 0.5 * (left + right)
        moved = abs(new - z)
        z = new
        if moved < _CLOSE_NM:
            break
    qx = _curve(cx, z)[0]
    qy = _curve(cy, z)[0]
    return z, (qx - x) ** 2 + (qy - y) ** 2


@njit(nogil=True, cache=True)
def minimize_distance(
    sx, sy, sx_unc, sy_unc, cx, cy, low, high, table, z_out, distance_out, spread_out
):
    """Fill z (nm), D and the standard error of z (nm) for every pair of widths; NaN stays."""
    step = (high - low) / (GRID - 1)
    distance = np.empty(GRID)
    for n in range(sx.shape[0]):
        if not (sx[n] > 0.0 and sy[n] > 0.0 and sx[n] < 1e6 and sy[n] < 1e6):
            continue
        x, y = math.sqrt(sx[n]), math.sqrt(sy[n])
        for k in range(GRID):
            u = table[0, k] - x
            v = table[1, k] - y
            distance[k] = u * u + v * v
        best_z, best = low, math.inf
        for k in range(GRID):
            before = distance[k - 1] if k > 0 else math.inf
            after = distance[k + 1] if k < GRID - 1 else math.inf
            if distance[k] <= before and distance[k] < after:
                left = low + step * max(k - 1, 0)
                right = low + step * min(k + 1, GRID - 1)
                z, d = _descend(x, y, cx, cy, left, right, low + step * k)
                if d < best:
                    best_z, best = z, d
        z_out[n] = best_z
        distance_out[n] = best
        if sx_unc.shape[0]:
            _, dx, _ = _curve(cx, best_z)
            _, dy, _ = _curve(cy, best_z)
            square = dx * dx + dy * dy
            ex, ey = 0.5 * sx_unc[n] / x, 0.5 * sy_unc[n] / y
            if square > 0.0:
                spread_out[n] = math.sqrt((dx * ex) ** 2 + (dy * ey) ** 2) / square
