"""Is there a molecule at all, and is it only one? Tests on the result of a fit.

All three come from the likelihood, so that they mean the same whatever the background, the camera
or the brightness is, and need no tuning:

- the gain in log-likelihood over a background without a molecule: noise that happens to look like
  a molecule gains little;
- a score test of whether the spot is longer in one direction than in another, as two molecules
  close to each other are;
- the score of one more molecule anywhere else in the box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.fit._arguments import as_spots, as_variance, check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from limelight.core.spots import Columns

__all__ = ["SIGNIFICANT", "examine", "is_significant"]

SIGNIFICANT = 12.0
"""Gain in log-likelihood from which a molecule is believed.

Measured: when every noise peak of a 256 x 256 frame without molecules is tried, one in about ten
frames gains that much; of those peaks that the SNR detection lets through, one in 70 frames.
"""


def examine(
    photons: ArrayLike,
    columns: Mapping[str, NDArray[np.float32]],
    *,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
) -> Columns:
    """Test what a fit of one Gaussian per spot leaves unexplained.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 5 to 31 pixels.
    columns : mapping of 1D arrays (N,)
        Result of the fit, with ``x``, ``y`` (pixels from the centre of the box), ``photons``,
        ``bg``, ``sx``, ``sy`` and ``log_likelihood``.
    variance : array (N, box, box), optional
        As it was given to the fit.
    excess : float
        Factor on all variances, 2 with EM gain; the tests are scaled back by it.

    Returns
    -------
    dict of 1D arrays of float32 (N,)
        ``significance``: gain in log-likelihood over a uniform background without a molecule;
        ``elongation``: chi-squared with two degrees of freedom for a spot that is not round (if
        it was fitted with one width); ``leftover``: greatest score of one more molecule of the
        same width in the box, in standard deviations. NaN where the fit failed.

    Raises
    ------
    ParameterError
        If arrays do not fit each other or a column is missing.
    """
    from limelight.core.fit import _examine as kernel

    spots = as_spots(photons)
    count, box = spots.shape[:2]
    if box < 5:
        raise ParameterError(f"These tests need a box of 5 pixels or more, not {box}.")
    extra = as_variance(variance, spots)
    excess = check_number(excess, "excess", 1.0, 10.0)
    theta = np.empty((6, count), np.float32)
    likelihood = np.empty(count, np.float32)
    names = ("x", "y", "photons", "bg", "sx", "sy")
    for row, name in zip([*theta, likelihood], [*names, "log_likelihood"], strict=True):
        if name not in columns:
            raise ParameterError(f"The result of the fit has no column {name!r}.")
        if len(columns[name]) != count:
            raise ParameterError(
                f"The column {name!r} has {len(columns[name])} rows for {count} spots."
            )
        row[:] = columns[name]
    result = np.empty((kernel.ROWS, count), np.float32)
    kernel.examine(spots.reshape(count, box * box), extra, box, theta, likelihood, result)
    if excess != 1.0:
        result[kernel.GAIN] /= excess
        result[kernel.ELONGATION] /= excess
        result[kernel.LEFTOVER] /= np.sqrt(excess)
    return {
        "significance": result[kernel.GAIN],
        "elongation": result[kernel.ELONGATION],
        "leftover": result[kernel.LEFTOVER],
    }


def is_significant(
    columns: Mapping[str, NDArray[np.float32]], threshold: float = SIGNIFICANT
) -> NDArray[np.bool_]:
    """Tell which rows hold a molecule and not only noise.

    Parameters
    ----------
    columns : mapping of 1D arrays (N,)
        With ``significance``, from `examine` or from the multi-emitter fit.
    threshold : float
        Least gain in log-likelihood.

    Returns
    -------
    array of bool (N,)
        False where the fit failed.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(columns["significance"] >= threshold, dtype=np.bool_)
