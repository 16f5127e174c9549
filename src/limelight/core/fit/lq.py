"""Least squares fit of a pixel-integrated Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.fit._arguments import as_spots, as_variance, as_width, check_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from limelight.core.spots import Columns

__all__ = ["fit_lq"]


def fit_lq(
    photons: ArrayLike,
    *,
    sigma: Literal["shared", "separate"] | float = "shared",
    start_sigma: float | None = None,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
    max_iterations: int = 50,
    tolerance: float = 0.01,
) -> Columns:
    """Fit one Gaussian to each spot by least squares.

    The model is that of :func:`limelight.core.fit.fit_mle`, every pixel has the same weight, and
    the Gauss-Newton method finds the minimum. Less precise than maximum likelihood where photon
    noise rules, but it asks nothing of the units: use it where photons are not calibrated.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 3 to 31 pixels.
    sigma : {"shared", "separate"} or float
        One width for x and y, a width for each, or a fixed width in pixels.
    start_sigma : float, optional
        Width to start from, pixels. Without it each spot's own is estimated.
    variance : array (N, box, box), optional
        Variance of each pixel that does not come from the light, photoelectrons squared. It does
        not change the fit; its mean over the box counts as background in the precision.
    excess : float
        Factor on all variances, 1 to 10: 2 with EM gain. The precision grows by its square root.
    max_iterations : int
        A spot that needs more is given up.
    tolerance : float
        The fit of a spot ends with a step that is shorter than this, in standard errors.

    Returns
    -------
    dict of 1D arrays (N,)
        ``x``, ``y`` (pixels from the centre of the box), ``photons``, ``bg`` (per pixel), ``sx``,
        ``sy`` (pixels), and the precision ``lpx``, ``lpy`` of Mortensen et al. 2010 (*Nature
        Methods* 7, 377, equation 6), all float32; ``iterations`` (int32). Where the fit does not
        converge to a molecule within the box, every column but ``iterations`` is NaN.

    Raises
    ------
    ParameterError
        If an argument has the wrong shape or type, or is out of range.
    """
    from limelight.core.fit import _gaussian_fit as kernel
    from limelight.core.fit._gaussian_model import SX, SY, B, N, X, Y
    from limelight.core.fit.bounds import least_squares_precision

    spots = as_spots(photons)
    count, box = spots.shape[:2]
    extra = as_variance(variance, spots)
    free, width = as_width(sigma, start_sigma, box)
    excess = check_number(excess, "excess", 1.0, 10.0)
    max_iterations = int(check_number(max_iterations, "max_iterations", 1, 1000))
    tolerance = check_number(tolerance, "tolerance", 1e-4, 0.5)
    result = np.full((kernel.RESULTS, count), np.nan, np.float32)
    kernel.fit(
        spots.reshape(count, box * box),
        np.empty((0, box * box), np.float32),
        box,
        kernel.SQUARES,
        free,
        width,
        max_iterations,
        tolerance,
        result,
    )
    crowd = np.maximum(result[B], np.float32(0.0))
    if len(extra):
        crowd = crowd + extra.mean(axis=1)
    factor = np.sqrt(excess)
    precision = [
        (factor * least_squares_precision(result[N], crowd, result[s])).astype(np.float32)
        for s in (SX, SY)
    ]
    return {
        "x": result[X],
        "y": result[Y],
        "photons": result[N],
        "bg": result[B],
        "sx": result[SX],
        "sy": result[SY],
        "lpx": precision[0],
        "lpy": precision[1],
        "iterations": result[kernel.ITERATIONS].astype(np.int32),
    }
