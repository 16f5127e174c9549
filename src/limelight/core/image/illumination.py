"""Correct the camera's offset and the uneven illumination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image.inputs import cast_like

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["correct_illumination", "flat_gain"]


def flat_gain(
    flat: NDArray[Any], dark: NDArray[Any] | float = 0.0, least: float = 0.02
) -> NDArray[np.float32]:
    """Return what a pixel has to be multiplied by to be as bright as the mean one.

    Parameters
    ----------
    flat : 2D array (Y, X)
        Mean image of an even field, counts.
    dark : 2D array (Y, X) or float
        Mean image without light, counts.
    least : float
        Pixels with less than this share of the mean light are corrected as if they had it.

    Returns
    -------
    2D array of float32 (Y, X)

    Raises
    ------
    ParameterError
        If shapes differ, or the flat image is no brighter than the dark one.
    """
    if np.ndim(dark) and np.shape(dark) != flat.shape:
        raise ParameterError(
            f"The dark image has {np.shape(dark)} pixels, the flat one {flat.shape} (Y, X)."
        )
    light = np.asarray(flat, np.float64) - dark
    mean = float(light.mean())
    if not mean > 0:
        raise ParameterError(
            "The flat image is not brighter than the dark one: is it the right file?"
        )
    return np.asarray(mean / np.maximum(light, least * mean), np.float32)


def correct_illumination(
    image: NDArray[Any],
    gain: NDArray[np.float32] | None = None,
    dark: NDArray[Any] | float = 0.0,
    keep: float = 0.0,
) -> NDArray[Any]:
    """Return (image - dark) x gain + keep, in the type of the image.

    Parameters
    ----------
    image : 2D array (Y, X)
        Counts.
    gain : 2D array (Y, X), optional
        As `flat_gain` returns it.
    dark : 2D array (Y, X) or float
        Mean image without light, counts.
    keep : float
        Counts that are added, so that noise about zero is not cut off.
    """
    values = image.astype(np.float32) - np.asarray(dark, np.float32)
    if gain is not None:
        values *= gain
    if keep:
        values += np.float32(keep)
    return cast_like(values, image.dtype)
