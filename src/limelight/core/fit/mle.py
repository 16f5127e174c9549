"""Maximum likelihood fit of a pixel-integrated Gaussian (Smith et al. 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.fit._arguments import (
    FIXED,
    as_spots,
    as_variance,
    as_width,
    check_number,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from limelight.core.spots import Columns

__all__ = ["fit_mle"]


def fit_mle(
    photons: ArrayLike,
    *,
    sigma: Literal["shared", "separate"] | float = "shared",
    start_sigma: float | None = None,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
    max_iterations: int = 50,
    tolerance: float = 0.01,
) -> Columns:
    """Fit one Gaussian to each spot by maximum likelihood.

    The light of a pixel is the Gaussian integrated over the pixel plus a uniform background, its
    noise that of Poisson; Fisher scoring finds the maximum of the likelihood (Smith et al.
    2010, *Nature Methods* 7, 373). With `variance` the noise of an sCMOS camera is taken into
    account (Huang et al. 2013, *Nature Methods* 10, 653). The errors are the Cramér-Rao bounds:
    square roots of the diagonal of the inverse Fisher matrix at the solution.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 3 to 31 pixels. Negative values are allowed.
    sigma : {"shared", "separate"} or float
        One width for x and y, a width for each, or a fixed width in pixels.
    start_sigma : float, optional
        Width to start from, pixels. Without it each spot's own is estimated.
    variance : array (N, box, box), optional
        Variance of each pixel in photoelectrons squared that does not come from the light,
        such as read noise. The background may become negative by up to 0.9 times the smallest
        variance in the box; without variance it stays positive.
    excess : float
        Factor on all variances, 1 to 10: 2 with EM gain. The errors grow by its square root.
    max_iterations : int
        A spot that needs more is given up.
    tolerance : float
        The fit of a spot ends with a step that is shorter than this, in standard errors.

    Returns
    -------
    dict of 1D arrays (N,)
        ``x``, ``y`` (pixels from the centre of the box), ``photons``, ``bg`` (per pixel), ``sx``,
        ``sy`` (pixels), their standard errors ``lpx``, ``lpy``, ``photons_unc``, ``bg_unc``,
        ``sx_unc``, ``sy_unc`` (0 for a fixed width), all float32;
        ``log_likelihood``: relative to the model that equals the data in every pixel (as in
        Picasso), hence <= 0, and about -(box * box - parameters) / 2 for a good fit;
        ``iterations`` (int32). Where the fit does not converge to a molecule within the box,
        every column but ``iterations`` is NaN.

    Raises
    ------
    ParameterError
        If an argument has the wrong shape or type, or is out of range.

    Notes
    -----
    What is returned for a spot does not depend on the other spots, to the last bit (on one type
    of processor: others round differently). The function releases the interpreter lock: call it
    from several threads, each on its part.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.array([0.05, 0.24, 0.38, 0.24, 0.05])
    >>> result = fit_mle(1000 * np.outer(row, row)[np.newaxis] + 5, sigma="shared")
    >>> bool(abs(result["x"][0]) < 1e-3)
    True
    """
    from limelight.core.fit import _gaussian_fit as kernel
    from limelight.core.fit._gaussian_model import SX, SY, B, N, X, Y

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
        extra,
        box,
        kernel.POISSON,
        free,
        width,
        max_iterations,
        tolerance,
        result,
    )
    errors = result[kernel.ERRORS : kernel.LIKELIHOOD]
    if free == FIXED:
        errors[4:] = np.where(np.isnan(result[X]), np.nan, np.float32(0.0))
    if excess != 1.0:
        errors *= np.float32(np.sqrt(excess))
    return {
        "x": result[X],
        "y": result[Y],
        "photons": result[N],
        "bg": result[B],
        "sx": result[SX],
        "sy": result[SY],
        "lpx": errors[X],
        "lpy": errors[Y],
        "photons_unc": errors[N],
        "bg_unc": errors[B],
        "sx_unc": errors[SX],
        "sy_unc": errors[SY],
        "log_likelihood": result[kernel.LIKELIHOOD],
        "iterations": result[kernel.ITERATIONS].astype(np.int32),
    }
