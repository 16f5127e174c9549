"""Average of the region of interest: how much light is there, without a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.fit._arguments import as_spots

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from limelight.core.spots import Columns

__all__ = ["fit_avg"]


def fit_avg(photons: ArrayLike) -> Columns:
    """Sum the light of each box and leave the molecule at its centre.

    For traces of intensity over time, where the position is known from elsewhere.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 3 to 31 pixels.

    Returns
    -------
    dict of 1D arrays (N,) of float32
        ``x`` and ``y`` are 0 (the centre of the box), ``photons`` is the sum over the box with
        whatever background is in it, ``bg`` is 0, ``sx`` and ``sy`` are 1 pixel: a token, nothing
        is measured. ``lpx`` and ``lpy`` are those of a position known to the pixel, the square
        root of 1/12. A box with a pixel that is not finite has NaN in all columns.

    Raises
    ------
    ParameterError
        If the array has the wrong shape or type.
    """
    spots = as_spots(photons)
    total = spots.sum(axis=(1, 2), dtype=np.float64).astype(np.float32)
    good = np.isfinite(total)

    def column(value: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.where(good, np.float32(value), np.float32(np.nan))

    return {
        "x": column(0.0),
        "y": column(0.0),
        "photons": np.where(good, total, np.float32(np.nan)),
        "bg": column(0.0),
        "sx": column(1.0),
        "sy": column(1.0),
        "lpx": column(np.sqrt(1.0 / 12.0)),
        "lpy": column(np.sqrt(1.0 / 12.0)),
    }
