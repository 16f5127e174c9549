"""How well can a molecule be localized? Lower bounds and the formulas in use.

Everything is in pixels and photons: sigma and the results in pixels, the background in photons per
pixel. Multiply by the pixel size for nanometres. Photons, background, sigma and positions may be
arrays; they are broadcast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erf, spence

from limelight.core.errors import ParameterError
from limelight.core.fit._arguments import LARGEST_BOX, SMALLEST_BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "cramer_rao_bound",
    "fisher_information",
    "gaussian_spot",
    "least_squares_precision",
    "mortensen_precision",
    "rieger_stallinga_precision",
    "thompson_precision",
]

PARAMETERS = ("x", "y", "photons", "bg", "sx", "sy")


def gaussian_spot(
    photons: ArrayLike,
    bg: ArrayLike,
    sx: ArrayLike,
    sy: ArrayLike | None = None,
    *,
    box: int,
    x: ArrayLike = 0.0,
    y: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Return the expected photons in every pixel of a box: a pixel-integrated Gaussian.

    Smith et al. 2010, *Nature Methods* 7, 373, equation 3.

    Parameters
    ----------
    photons, bg : array_like
        Photons of the molecule, and background photons per pixel.
    sx, sy : array_like
        Standard deviations in pixels; `sy` is `sx` unless given.
    box : int
        Side length of the box, odd.
    x, y : array_like
        Position relative to the centre pixel, pixels.

    Returns
    -------
    array (..., box, box) of float64
    """
    arguments = _broadcast(photons, bg, sx, sy, x, y, box)
    return _model(arguments, box)[0]


def fisher_information(
    photons: ArrayLike,
    bg: ArrayLike,
    sx: ArrayLike,
    sy: ArrayLike | None = None,
    *,
    box: int,
    x: ArrayLike = 0.0,
    y: ArrayLike = 0.0,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
) -> NDArray[np.float64]:
    """Return the Fisher information of x, y, photons, bg, sx and sy.

    Parameters
    ----------
    photons, bg, sx, sy, box, x, y
        As for :func:`gaussian_spot`.
    variance : array_like (..., box, box), optional
        Variance that does not come from the light, per pixel, photons squared.
    excess : float
        Factor on all variances, 2 with EM gain.

    Returns
    -------
    array (..., 6, 6) of float64

    Raises
    ------
    ParameterError
        If a width or the photons are not positive, or a pixel's variance is negative.
    """
    arguments = _broadcast(photons, bg, sx, sy, x, y, box)
    mean, slopes = _model(arguments, box)
    noise = mean if variance is None else mean + np.asarray(variance, np.float64)
    if not np.all(noise >= 0):
        raise ParameterError("bg and variance together must not be negative in any pixel.")
    with np.errstate(divide="ignore"):
        weight = np.where(noise > 0, 1.0 / noise, 0.0)
    return np.asarray(np.einsum("a...ij,b...ij,...ij->...ab", slopes, slopes, weight) / excess)


def cramer_rao_bound(
    photons: ArrayLike,
    bg: ArrayLike,
    sx: ArrayLike,
    sy: ArrayLike | None = None,
    *,
    box: int,
    x: ArrayLike = 0.0,
    y: ArrayLike = 0.0,
    free: Sequence[str] = ("x", "y", "photons", "bg", "sigma"),
    variance: ArrayLike | None = None,
    excess: float = 1.0,
) -> dict[str, NDArray[np.float64]]:
    """Return the smallest standard errors that an unbiased fit can have.

    Square roots of the diagonal of the inverse Fisher matrix of the pixel-integrated model.

    Parameters
    ----------
    photons, bg, sx, sy, box, x, y, variance, excess
        As for :func:`fisher_information`.
    free : sequence of str
        The parameters that are fitted: "x", "y", "photons", "bg", and "sigma" (one width for x
        and y) or "sx" and "sy". Those left out are known.

    Returns
    -------
    dict of arrays
        The standard error of each free parameter, by name; pixels, photons, photons per pixel.

    Raises
    ------
    ParameterError
        If a name is unknown, or "sigma" comes together with "sx" or "sy".

    Examples
    --------
    >>> bound = cramer_rao_bound(1000, 10, 1.3, box=7)
    >>> round(float(bound["x"]), 4)
    0.0565
    """
    known = (*PARAMETERS, "sigma")
    unknown = [name for name in free if name not in known]
    if unknown or not free or len(set(free)) < len(free):
        raise ParameterError(f"free must name some of {', '.join(known)}, each once, not {free}.")
    if "sigma" in free and {"sx", "sy"} & set(free):
        raise ParameterError("free has either 'sigma', or 'sx' and 'sy', not both.")
    full = fisher_information(
        photons, bg, sx, sy, box=box, x=x, y=y, variance=variance, excess=excess
    )
    # rows: the free parameters in terms of the six
    mixing = np.array(
        [
            [p == name or (name == "sigma" and p in ("sx", "sy")) for p in PARAMETERS]
            for name in free
        ],
        dtype=np.float64,
    )
    covariance = np.linalg.inv(mixing @ full @ mixing.T)
    errors = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return {name: errors[..., k] for k, name in enumerate(free)}


def mortensen_precision(photons: ArrayLike, bg: ArrayLike, sigma: ArrayLike) -> NDArray[np.float64]:
    """Return the precision of a maximum likelihood fit with a known width, pixels.

    Mortensen et al. 2010, *Nature Methods* 7, 377, equation 5: pixels are small and the box is
    large. The integral there is a dilogarithm: tau * Li2(-1 / tau).
    """
    n, tau, squared = _terms(photons, bg, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        integral = np.where(tau > 1e-12, tau * spence(1.0 + 1.0 / np.maximum(tau, 1e-12)), 0.0)
    return np.asarray(np.sqrt(squared / n / (1.0 + integral)))


def rieger_stallinga_precision(
    photons: ArrayLike, bg: ArrayLike, sigma: ArrayLike
) -> NDArray[np.float64]:
    """Return an approximation to :func:`mortensen_precision`, pixels.

    Rieger and Stallinga 2014, *ChemPhysChem* 15, 664.
    """
    n, tau, squared = _terms(photons, bg, sigma)
    factor = 1.0 + 4.0 * tau + np.sqrt(2.0 * tau / (1.0 + 4.0 * tau))
    return np.asarray(np.sqrt(squared / n * factor))


def least_squares_precision(
    photons: ArrayLike, bg: ArrayLike, sigma: ArrayLike
) -> NDArray[np.float64]:
    """Return the precision of an unweighted least squares fit, pixels.

    Mortensen et al. 2010, *Nature Methods* 7, 377, equation 6 (without excess noise).
    """
    n, tau, squared = _terms(photons, bg, sigma)
    return np.asarray(np.sqrt(squared / n * (16.0 / 9.0 + 4.0 * tau)))


def thompson_precision(photons: ArrayLike, bg: ArrayLike, sigma: ArrayLike) -> NDArray[np.float64]:
    """Return the estimate of Thompson et al. 2002, *Biophysical Journal* 82, 2775, pixels.

    Too optimistic where there is background, and given for comparison only. `bg` is the mean
    background; the paper's b is its standard deviation.
    """
    n, _, squared = _terms(photons, bg, sigma)
    sigma = np.asarray(sigma, np.float64)
    crowd = 8.0 * np.pi * sigma**4 * np.asarray(bg, np.float64) / n**2
    return np.asarray(np.sqrt(squared / n + crowd))


def _terms(
    photons: ArrayLike, bg: ArrayLike, sigma: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Photons, tau and the width with the pixel's own: the terms of Mortensen et al."""
    n = np.asarray(photons, np.float64)
    squared = np.asarray(sigma, np.float64) ** 2 + 1.0 / 12.0
    return n, 2.0 * np.pi * squared * np.asarray(bg, np.float64) / n, squared


def _broadcast(
    photons: ArrayLike,
    bg: ArrayLike,
    sx: ArrayLike,
    sy: ArrayLike | None,
    x: ArrayLike,
    y: ArrayLike,
    box: int,
) -> list[NDArray[np.float64]]:
    if box % 2 == 0 or not SMALLEST_BOX <= box <= LARGEST_BOX:
        raise ParameterError(
            f"box must be an odd number of pixels from {SMALLEST_BOX} to {LARGEST_BOX}, not {box}."
        )
    values = [photons, bg, sx, sx if sy is None else sy, x, y]
    arrays = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in values))
    if not all(np.all(a > 0) for a in (arrays[0], arrays[2], arrays[3])):
        raise ParameterError("photons and widths must be greater than 0.")
    if not all(np.all(np.isfinite(a)) for a in arrays):
        raise ParameterError("photons, bg, widths and positions must be finite.")
    return list(arrays)


def _axis(
    centre: NDArray[np.float64], sigma: NDArray[np.float64], box: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Share of each pixel of an axis (..., box), its slope with the centre and with sigma."""
    edges = np.arange(box + 1) - 0.5 * box
    u = (edges - centre[..., np.newaxis]) / sigma[..., np.newaxis]
    density = np.exp(-0.5 * u * u) / (np.sqrt(2.0 * np.pi) * sigma[..., np.newaxis])
    share = np.diff(0.5 * erf(u / np.sqrt(2.0)), axis=-1)
    return share, -np.diff(density, axis=-1), -np.diff(u * density, axis=-1)


def _model(
    arguments: list[NDArray[np.float64]], box: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Model (..., box, box) and its derivatives (6, ..., box, box)."""
    photons, bg, sx, sy, x, y = arguments
    ex, dx, vx = (a[..., np.newaxis, :] for a in _axis(x, sx, box))
    ey, dy, vy = (a[..., :, np.newaxis] for a in _axis(y, sy, box))
    n = photons[..., np.newaxis, np.newaxis]
    shape = ex * ey
    slopes = [n * dx * ey, n * ex * dy, shape, np.ones_like(shape), n * vx * ey, n * ex * vy]
    return n * shape + bg[..., np.newaxis, np.newaxis], np.stack(slopes)
