# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""The pixel-integrated Gaussian, sixteen spots at a time: what all its fits share.

The model of a pixel is ``N * ex[column] * ey[row] + b``, where ex and ey are the shares of the
Gaussian that fall into a column and into a row (Smith et al. 2010, equation 3). They and their
derivatives are computed once per column and per row, not per pixel.

Importing this module imports numba.
"""

import numpy as np
from numba import njit

from limelight.core.fit import _lanes as L

# rows of the parameter tables, float32 (6, 16)
X, Y, N, B, SX, SY = range(6)

_SQRT_HALF = 0.7071067811865476
_INV_SQRT_2PI = 0.3989422804014327


@njit(nogil=True, cache=True)
def axis_terms(box, centre, sigma, share, slope, spread):
    """Share of a Gaussian in each pixel along one axis, and its derivatives.

    Parameters
    ----------
    box : int
        Number of pixels along the axis.
    centre, sigma : lanes
        Position relative to the middle pixel, and standard deviation, in pixels.
    share, slope, spread : float32 array (box, 16)
        Filled with the share and its derivatives with respect to `centre` and `sigma`.
    """
    inverse = 1.0 / sigma
    norm = inverse * _INV_SQRT_2PI
    u = (-0.5 * box - centre) * inverse
    gaussian = L.exp(-0.5 * u * u)
    step = L.erf_with_exp(u * _SQRT_HALF, gaussian)
    moment = u * gaussian
    for i in range(box):
        u_next = (i + 1 - 0.5 * box - centre) * inverse
        gaussian_next = L.exp(-0.5 * u_next * u_next)
        step_next = L.erf_with_exp(u_next * _SQRT_HALF, gaussian_next)
        moment_next = u_next * gaussian_next
        L.store(share, i, 0.5 * (step_next - step))
        L.store(slope, i, norm * (gaussian - gaussian_next))
        L.store(spread, i, norm * (moment - moment_next))
        gaussian = gaussian_next
        step = step_next
        moment = moment_next


@njit(nogil=True, cache=True)
def start(data, box, sigma, theta):
    """First guess of all parameters of sixteen spots, from their first Fourier coefficients.

    The phase of a coefficient gives the position whatever the uniform background is (Martens et
    al. 2018), the ratio of the magnitudes of the coefficients (1, 1) and (1, 0), (0, 1) the
    width, the magnitude itself the photons, and what is left of the sum the background.

    Parameters
    ----------
    data : float32 array (box * box, 16)
    box : int
    sigma : float
        Standard deviation in pixels to start from; 0 estimates it.
    theta : float32 array (6, 16)
        Filled.
    """
    pass
