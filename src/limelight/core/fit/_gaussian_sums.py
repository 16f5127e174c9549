# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Gradients and information matrices of Gaussian fits: the sums over the pixels.

Sixteen spots at a time. `sums`, float32 (29, 16), holds the gradient (rows 0-5), the lower triangle
of the 6 x 6 information matrix, element (i, j) at 6 + i (i + 1) / 2 + j, the sum of squares and
the noise scale.

Importing this module imports numba.
"""

from numba import njit

from limelight.core import lanes as L
from limelight.core.fit._gaussian_model import SX, SY, B, N, X, Y

RESIDUAL = 27
SCALE = 28
SUMS = 29


@njit(nogil=True, cache=True)
def _add(sums, row, value):
    L.store(sums, row, L.load(sums, row) + value)


@njit(nogil=True, cache=True)
def element(i, j):
    return 6 + i * (i + 1) // 2 + j


@njit(nogil=True, cache=True)
def accumulate_poisson(data, variance, box, theta, ex, dx, vx, ey, dy, vy, sums):
    """Gradient of the Poisson log-likelihood and Fisher information (Smith et al. 2010).

    The read-noise variance is added to data and model (Huang et al. 2013). Everything that is
    the same along a row of pixels is multiplied once per row.

    Parameters
    ----------
    data, variance : float32 array (box * box, 16)
        Photons, and variance in photons squared.
    box : int
    theta : float32 array (6, 16)
    ex, dx, vx, ey, dy, vy : float32 array (box, 16)
        From :func:`axis_terms`.
    sums : float32 array (29, 16)
        Filled.
    """
    zero = L.splat(0.0)
    for k in range(SUMS):
        L.store(sums, k, zero)
    photons = L.load(theta, N)
    background = L.load(theta, B)
    for j in range(box):
        y_e = L.load(ey, j)
        y_d = photons * L.load(dy, j)
        y_v = photons * L.load(vy, j)
        y_n = photons * y_e
        r_1, r_e, r_d, r_v = zero, zero, zero, zero
        w_1, w_e, w_d, w_v = zero, zero, zero, zero
        w_ee, w_ed, w_ev, w_dd, w_dv, w_vv = zero, zero, zero, zero, zero, zero
        for i in range(box):
            p = j * box + i
            e = L.load(ex, i)
            d = L.load(dx, i)
            v = L.load(vx, i)
            mu = y_n * e + background
            w = 1.0 / (mu + L.load(variance, p))
            r = (L.load(data, p) - mu) * w
            r_1 = r_1 + r
            r_e = r_e + r * e
            r_d = r_d + r * d
            r_v = r_v + r * v
            we = w * e
            wd = w * d
            wv = w * v
            w_1 = w_1 + w
            w_e = w_e + we
            w_d = w_d + wd
            w_v = w_v + wv
            w_ee = w_ee + we * e
            w_ed = w_ed + we * d
            w_ev = w_ev + we * v
            w_dd = w_dd + wd * d
            w_dv = w_dv + wd * v
            w_vv = w_vv + wv * v
        _add(sums, X, y_n * r_d)
        _add(sums, Y, y_d * r_e)
        _add(sums, N, y_e * r_e)
        _add(sums, B, r_1)
        _add(sums, SX, y_n * r_v)
        _add(sums, SY, y_v * r_e)
        _add(sums, element(X, X), y_n * y_n * w_dd)
        _add(sums, element(Y, X), y_n * y_d * w_ed)
        _add(sums, element(Y, Y), y_d * y_d * w_ee)
        _add(sums, element(N, X), y_e * y_n * w_ed)
        _add(sums, element(N, Y), y_e * y_d * w_ee)
        _add(sums, element(N, N), y_e * y_e * w_ee)
        _add(sums, element(B, X), y_n * w_d)
        _add(sums, element(B, Y), y_d * w_e)
        _add(sums, element(B, N), y_e * w_e)
        _add(sums, element(B, B), w_1)
        _add(sums, element(SX, X), y_n * y_n * w_dv)
        _add(sums, element(SX, Y), y_n * y_d * w_ev)
        _add(sums, element(SX, N), y_n * y_e * w_ev)
        _add(sums, element(SX, B), y_n * w_v)
        _add(sums, element(SX, SX), y_n * y_n * w_vv)
        _add(sums, element(SY, X), y_v * y_n * w_ed)
        _add(sums, element(SY, Y), y_v * y_d * w_ee)
        _add(sums, element(SY, N), y_v * y_e * w_ee)
        _add(sums, element(SY, B), y_v * w_e)
        _add(sums, element(SY, SX), y_v * y_n * w_ev)
        _add(sums, element(SY, SY), y_v * y_v * w_ee)
    L.store(sums, SCALE, L.splat(1.0))


@njit(nogil=True, cache=True)
def accumulate_poisson_fixed(data, variance, box, theta, ex, dx, ey, dy, sums):
    """:func:`accumulate_poisson` without the sums that only the widths need."""
    zero = L.splat(0.0)
    for k in range(SUMS):
        L.store(sums, k, zero)
    photons = L.load(theta, N)
    background = L.load(theta, B)
    for j in range(box):
        y_e = L.load(ey, j)
        y_d = photons * L.load(dy, j)
        y_n = photons * y_e
        r_1, r_e, r_d = zero, zero, zero
        w_1, w_e, w_d = zero, zero, zero
        w_ee, w_ed, w_dd = zero, zero, zero
        for i in range(box):
            p = j * box + i
            e = L.load(ex, i)
            d = L.load(dx, i)
            mu = y_n * e + background
            w = 1.0 / (mu + L.load(variance, p))
            r = (L.load(data, p) - mu) * w
            r_1 = r_1 + r
            r_e = r_e + r * e
            r_d = r_d + r * d
            we = w * e
            wd = w * d
            w_1 = w_1 + w
            w_e = w_e + we
            w_d = w_d + wd
            w_ee = w_ee + we * e
            w_ed = w_ed + we * d
            w_dd = w_dd + wd * d
        _add(sums, X, y_n * r_d)
        _add(sums, Y, y_d * r_e)
        _add(sums, N, y_e * r_e)
        _add(sums, B, r_1)
        _add(sums, element(X, X), y_n * y_n * w_dd)
        _add(sums, element(Y, X), y_n * y_d * w_ed)
        _add(sums, element(Y, Y), y_d * y_d * w_ee)
        _add(sums, element(N, X), y_e * y_n * w_ed)
        _add(sums, element(N, Y), y_e * y_d * w_ee)
        _add(sums, element(N, N), y_e * y_e * w_ee)
        _add(sums, element(B, X), y_n * w_d)
        _add(sums, element(B, Y), y_d * w_e)
        _add(sums, element(B, N), y_e * w_e)
        _add(sums, element(B, B), w_1)
    L.store(sums, SCALE, L.splat(1.0))


@njit(nogil=True, cache=True)
def log_likelihood(data, variance, box, theta, ex, ey):
    """Poisson log-likelihood of sixteen spots relative to that of the saturated model.

    The sum over the pixels of ``d log(mu / d) - mu + d``: zero for a model that equals the
    data in every pixel, about minus half the degrees of freedom for a good fit.
    """
    total = L.splat(0.0)
    photons = L.load(theta, N)
    background = L.load(theta, B)
    for j in range(box):
        y_n = photons * L.load(ey, j)
        for i in range(box):
            p = j * box + i
            extra = L.load(variance, p)
            mu = y_n * L.load(ex, i) + background + extra
            d = L.load(data, p) + extra
            positive = d > 1e-30
            ratio = L.where(positive, mu / d, 1.0)
            total = total + L.where(positive, d * L.log(ratio) - mu + d, -mu)
    return total


@njit(nogil=True, cache=True)
def accumulate_squares(data, box, free, theta, ex, dx, vx, ey, dy, vy, sums):
    """Gradient and Gauss-Newton matrix of half the sum of squared residuals.

    Without weights the matrix is made of products of sums along the two axes, so only the
    gradient has to look at every pixel.

    Parameters
    ----------
    data : float32 array (box * box, 16)
        Photons.
    box, free : int
        Free parameters: 4, 5 or 6.
    theta : float32 array (6, 16)
    ex, dx, vx, ey, dy, vy : float32 array (box, 16)
        From :func:`axis_terms`.
    sums : float32 array (29, 16)
        Filled; row SCALE with the variance of the residuals.
    """
    zero = L.splat(0.0)
    photons = L.load(theta, N)
    background = L.load(theta, B)
    x_e, x_d, x_v = zero, zero, zero
    x_ee, x_ed, x_ev, x_dd, x_dv, x_vv = zero, zero, zero, zero, zero, zero
    y_e, y_d, y_v = zero, zero, zero
    y_ee, y_ed, y_ev, y_dd, y_dv, y_vv = zero, zero, zero, zero, zero, zero
    for i in range(box):
        e, d, v = L.load(ex, i), L.load(dx, i), L.load(vx, i)
        x_e = x_e + e
        x_d = x_d + d
        x_v = x_v + v
        x_ee = x_ee + e * e
        x_ed = x_ed + e * d
        x_ev = x_ev + e * v
        x_dd = x_dd + d * d
        x_dv = x_dv + d * v
        x_vv = x_vv + v * v
        e, d, v = L.load(ey, i), L.load(dy, i), L.load(vy, i)
        y_e = y_e + e
        y_d = y_d + d
        y_v = y_v + v
        y_ee = y_ee + e * e
        y_ed = y_ed + e * d
        y_ev = y_ev + e * v
        y_dd = y_dd + d * d
        y_dv = y_dv + d * v
        y_vv = y_vv + v * v
    g_x, g_y, g_n, g_b, g_sx, g_sy = zero, zero, zero, zero, zero, zero
    residual, power = zero, zero
    for j in range(box):
        e_j, d_j, v_j = L.load(ey, j), L.load(dy, j), L.load(vy, j)
        y_n = photons * e_j
        r_1, r_e, r_d, r_v = zero, zero, zero, zero
        for i in range(box):
            e = L.load(ex, i)
            pixel = L.load(data, j * box + i)
            r = pixel - (y_n * e + background)
            residual = residual + r * r
            power = power + pixel * pixel
            r_1 = r_1 + r
            r_e = r_e + r * e
            r_d = r_d + r * L.load(dx, i)
            r_v = r_v + r * L.load(vx, i)
        g_x = g_x + e_j * r_d
        g_y = g_y + d_j * r_e
        g_n = g_n + e_j * r_e
        g_b = g_b + r_1
        g_sx = g_sx + e_j * r_v
        g_sy = g_sy + v_j * r_e
    squared = photons * photons
    L.store(sums, X, photons * g_x)
    L.store(sums, Y, photons * g_y)
    L.store(sums, N, g_n)
    L.store(sums, B, g_b)
    L.store(sums, SX, photons * g_sx)
    L.store(sums, SY, photons * g_sy)
    L.store(sums, element(X, X), squared * x_dd * y_ee)
    L.store(sums, element(Y, X), squared * x_ed * y_ed)
    L.store(sums, element(Y, Y), squared * x_ee * y_dd)
    L.store(sums, element(N, X), photons * x_ed * y_ee)
    L.store(sums, element(N, Y), photons * x_ee * y_ed)
    L.store(sums, element(N, N), x_ee * y_ee)
    L.store(sums, element(B, X), photons * x_d * y_e)
    L.store(sums, element(B, Y), photons * x_e * y_d)
    L.store(sums, element(B, N), x_e * y_e)
    L.store(sums, element(B, B), L.splat(box * box))
    L.store(sums, element(SX, X), squared * x_dv * y_ee)
    L.store(sums, element(SX, Y), squared * x_ev * y_ed)
    L.store(sums, element(SX, N), photons * x_ev * y_ee)
    L.store(sums, element(SX, B), photons * x_v * y_e)
    L.store(sums, element(SX, SX), squared * x_vv * y_ee)
    L.store(sums, element(SY, X), squared * x_ed * y_ev)
    L.store(sums, element(SY, Y), squared * x_ee * y_dv)
    L.store(sums, element(SY, N), photons * x_ee * y_ev)
    L.store(sums, element(SY, B), photons * x_e * y_v)
    L.store(sums, element(SY, SX), squared * x_ev * y_ev)
    L.store(sums, element(SY, SY), squared * x_ee * y_vv)
    # the second term is the rounding noise: data without noise have to converge, too
    noise = residual / max(box * box - free, 1) + 1e-6 / (box * box) * power + 1e-30
    L.store(sums, RESIDUAL, residual)
    L.store(sums, SCALE, noise)
