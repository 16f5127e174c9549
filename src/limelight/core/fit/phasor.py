"""Phasor localization: position and width from Fourier coefficients, without iterations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.fit._arguments import as_spots, as_variance, as_width, check_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from limelight.core.spots import Columns

__all__ = ["fit_phasor"]


def fit_phasor(
    photons: ArrayLike,
    *,
    sigma: Literal["shared", "separate"] | float = "shared",
    variance: ArrayLike | None = None,
    excess: float = 1.0,
) -> Columns:
    """Locate one molecule in each spot by the phases of its first Fourier coefficients.

    Martens et al. 2018 (*Journal of Chemical Physics* 148, 123311). A uniform background has no
    first Fourier coefficient, so it does not matter. The magnitudes of four coefficients give
    width, photons and background in closed form, too: those of a Gaussian that lies
    well within the box. Fast and nearly as precise as a fit where molecules are apart and bright.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 3 to 31 pixels.
    sigma : {"shared", "separate"} or float
        One width for x and y, a width for each, or a known width in pixels (which makes photons
        and background more precise, and does not change the position).
    variance : array (N, box, box), optional
        Variance of each pixel that does not come from the light, photoelectrons squared; it
        counts in the precision only.
    excess : float
        Factor on all variances, 1 to 10: 2 with EM gain. The precision grows by its square root.

    Returns
    -------
    dict of 1D arrays (N,) of float32
        ``x``, ``y`` (pixels from the centre of the box), ``photons``, ``bg`` (per pixel), ``sx``,
        ``sy`` (pixels, from 0.3 to 0.6 times the box), ``lpx``, ``lpy``: the noise of the pixels
        propagated to the phase. NaN where a pixel is not finite or there is nothing in the box.

    Raises
    ------
    ParameterError
        If an argument has the wrong shape or type, or is out of range.
    """
    from limelight.core.fit import _phasor_kernel as kernel
    from limelight.core.fit._gaussian_model import SX, SY, B, N, X, Y

    spots = as_spots(photons)
    count, box = spots.shape[:2]
    extra = as_variance(variance, spots)
    free, width = as_width(sigma, None, box)
    excess = check_number(excess, "excess", 1.0, 10.0)
    result = np.empty((kernel.RESULTS, count), np.float32)
    kernel.locate(spots.reshape(count, box * box), extra, box, free, width, result)
    result[:, ~(np.isfinite(result).all(axis=0) & (result[N] > 0))] = np.nan
    result[kernel.X_ERROR :] *= np.float32(np.sqrt(excess))
    return {
        "x": result[X],
        "y": result[Y],
        "photons": result[N],
        "bg": result[B],
        "sx": result[SX],
        "sy": result[SY],
        "lpx": result[kernel.X_ERROR],
        "lpy": result[kernel.Y_ERROR],
    }
