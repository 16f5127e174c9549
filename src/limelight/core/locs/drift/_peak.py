"""Where the peak of a correlation is, to a fraction of a bin."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["fit_peak", "mean_shift"]


@njit(nogil=True, cache=True)
def _solve(a, b):  # type: ignore[no-untyped-def]
    """Solve a small positive definite system in place by elimination with pivots."""
    n = len(b)
    for i in range(n):
        pivot = i
        for k in range(i + 1, n):
            if abs(a[k, i]) > abs(a[pivot, i]):
                pivot = k
        if abs(a[pivot, i]) < 1e-300:
            return False
        for j in range(n):
            a[i, j], a[pivot, j] = a[pivot, j], a[i, j]
        b[i], b[pivot] = b[pivot], b[i]
        for k in range(i + 1, n):
            q = a[k, i] / a[i, i]
            for j in range(i, n):
                a[k, j] -= q * a[i, j]
            b[k] -= q * b[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= a[i, j] * b[j]
        b[i] /= a[i, i]
    return True


@njit(nogil=True, cache=True)
def _cost(patch, p):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(patch.shape[0]):
        gy = np.exp(-0.5 * ((i - p[1]) / p[3]) ** 2)
        for j in range(patch.shape[1]):
            gx = np.exp(-0.5 * ((j - p[2]) / p[4]) ** 2)
            r = patch[i, j] - p[5] - p[0] * gy * gx
            total += r * r
    return total


@njit(nogil=True, cache=True)
def fit_peak(patch):  # type: ignore[no-untyped-def]
    """Fit a Gaussian with two widths on a constant to a patch, by Levenberg and Marquardt.

    Parameters
    ----------
    patch : 2D array (K, L)
        Values around the largest one.

    Returns
    -------
    tuple of float, float, bool
        Row and column of the peak, and whether the fit stayed within the patch and went up.
    """
    rows, columns = patch.shape
    base, top, at_y, at_x = patch[0, 0], patch[0, 0], 0, 0
    for i in range(rows):
        for j in range(columns):
            base = min(base, patch[i, j])
            if patch[i, j] > top:
                top, at_y, at_x = patch[i, j], i, j
    if not top > base:
        return 0.5 * (rows - 1), 0.5 * (columns - 1), False
    p = np.array([top - base, float(at_y), float(at_x), 1.2, 1.2, base])
    a, b, g = np.empty((6, 6)), np.empty(6), np.empty(6)
    cost, damping = _cost(patch, p), 1e-3
    for _ in range(50):
        normal, right = np.zeros((6, 6)), np.zeros(6)
        for i in range(rows):
            uy = (i - p[1]) / p[3]
            gy = np.exp(-0.5 * uy * uy)
            for j in range(columns):
                ux = (j - p[2]) / p[4]
                e = gy * np.exp(-0.5 * ux * ux)
                r = patch[i, j] - p[5] - p[0] * e
                g[0] = e
                g[1] = p[0] * e * uy / p[3]
                g[2] = p[0] * e * ux / p[4]
                g[3] = p[0] * e * uy * uy / p[3]
                g[4] = p[0] * e * ux * ux / p[4]
                g[5] = 1.0
                for k in range(6):
                    right[k] += g[k] * r
                    for m in range(6):
                        normal[k, m] += g[k] * g[m]
        done = False
        while damping < 1e9:
            a[:], b[:] = normal, right
            for k in range(6):
                a[k, k] += damping * normal[k, k] + 1e-300
            if _solve(a, b):
                q = p + b
                if q[3] > 0.2 and q[4] > 0.2 and q[3] < 4 * rows and q[4] < 4 * columns:
                    new = _cost(patch, q)
                    if new <= cost:
                        done = cost - new <= 1e-10 * cost or (abs(b[1]) < 1e-5 and abs(b[2]) < 1e-5)
                        p, cost = q, new
                        damping = max(damping * 0.2, 1e-9)
                        break
            damping *= 5.0
        if done or damping >= 1e9:
            break
    inside = 0.0 <= p[1] <= rows - 1.0 and 0.0 <= p[2] <= columns - 1.0
    return p[1], p[2], inside and p[0] > 0


@njit(nogil=True, cache=True)
def mean_shift(histogram, y, x, width):  # type: ignore[no-untyped-def]
    """Climb to the mode of a histogram smoothed with a Gaussian.

    Parameters
    ----------
    histogram : 2D array (K, L)
        Counts.
    y, x : float
        Where to start, in bins.
    width : float
        Standard deviation of the Gaussian, bins.

    Returns
    -------
    tuple of float, float
        The mode, in bins.  A constant background does not move it.
    """
    rows, columns = histogram.shape
    reach = 3.5 * width
    for _ in range(200):
        # The window is symmetric about the centre, or a background would pull.
        ry = min(reach, y + 0.5, rows - 0.5 - y)
        rx = min(reach, x + 0.5, columns - 0.5 - x)
        total, my, mx, by, bx, weights = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(max(int(np.ceil(y - ry)), 0), min(int(np.floor(y + ry)), rows - 1) + 1):
            wy = np.exp(-0.5 * ((i - y) / width) ** 2)
            for j in range(
                max(int(np.ceil(x - rx)), 0), min(int(np.floor(x + rx)), columns - 1) + 1
            ):
                w = wy * np.exp(-0.5 * ((j - x) / width) ** 2)
                weights += w
                by += w * (i - y)
                bx += w * (j - x)
                total += w * histogram[i, j]
                my += w * histogram[i, j] * (i - y)
                mx += w * histogram[i, j] * (j - x)
        if total <= 0:
            break
        mean = total / weights
        # What the bins' own places contribute for a constant histogram is taken off.
        my, mx = (my - mean * by) / total, (mx - mean * bx) / total
        y = min(max(y + my, 0.0), rows - 1.0)
        x = min(max(x + mx, 0.0), columns - 1.0)
        if abs(my) < 1e-5 and abs(mx) < 1e-5:
            break
    return y, x
