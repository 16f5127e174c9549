"""Checks of the arguments that all fits share, and their common form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SMALLEST_BOX = 3
LARGEST_BOX = 31

SHARED = 5
SEPARATE = 6
FIXED = 4


def as_spots(photons: ArrayLike) -> NDArray[np.float32]:
    """Return spots as a C-ordered float32 array (N, box, box).

    Raises
    ------
    ParameterError
        If the array is not of that shape, the box is even or out of range, or the numbers are
        not real.
    """
    spots = _as_float32(photons, "photons")
    if spots.ndim != 3 or spots.shape[1] != spots.shape[2]:
        raise ParameterError(
            f"photons must have the shape (spots, box, box), not {spots.shape}. "
            "A single spot is photons[np.newaxis]."
        )
    box = spots.shape[1]
    if box % 2 == 0 or not SMALLEST_BOX <= box <= LARGEST_BOX:
        raise ParameterError(
            f"The side of the box must be an odd number of pixels from {SMALLEST_BOX} to "
            f"{LARGEST_BOX}, not {box}. Cut the spots out again with such a box."
        )
    return spots


def as_variance(variance: ArrayLike | None, spots: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the variance of every pixel as float32 (N, box * box), or (0, box * box) for None.

    Raises
    ------
    ParameterError
        If the shape is not that of the spots, or a value is negative or NaN.
    """
    pixels = spots.shape[1] * spots.shape[2]
    if variance is None:
        return np.empty((0, pixels), np.float32)
    array = _as_float32(variance, "variance")
    if array.shape != spots.shape:
        raise ParameterError(
            f"variance must have the shape of photons, {spots.shape}, not {array.shape}. "
            "Cut the variance map at the same pixels as the spots."
        )
    if array.size and not array.min() >= 0.0:
        raise ParameterError(
            "variance has negative or NaN values: give the square of the read noise in photons, "
            "0 or more, for every pixel."
        )
    return array.reshape(len(array), pixels)


def as_width(sigma: str | float, start_sigma: float | None, box: int) -> tuple[int, float]:
    """Return the number of free parameters and the width to start from (0: none given).

    Raises
    ------
    ParameterError
        If `sigma` is neither "shared", "separate" nor a number in the range, or `start_sigma`
        is out of range.
    """
    names = {"shared": SHARED, "separate": SEPARATE}
    if isinstance(sigma, str):
        if sigma not in names:
            raise ParameterError(
                f"sigma must be 'shared', 'separate' or a width in pixels, not {sigma!r}."
            )
        return names[sigma], 0.0 if start_sigma is None else _width(start_sigma, "start_sigma", box)
    return FIXED, _width(sigma, "sigma", box)


def check_number(value: float, name: str, low: float, high: float) -> float:
    """Return the value as a float.

    Raises
    ------
    ParameterError
        Unless low <= value <= high.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} must be a number, not {value!r}.") from None
    if not low <= number <= high:
        raise ParameterError(f"{name} must be from {low:g} to {high:g}, not {number:g}.")
    return number


def _width(value: float, name: str, box: int) -> float:
    return check_number(value, name + " (pixels)", 0.3, 0.6 * box)


def _as_float32(values: ArrayLike, name: str) -> NDArray[np.float32]:
    array: NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise ParameterError(f"{name} must be an array of real numbers, not of {array.dtype}.")
    return np.ascontiguousarray(array, dtype=np.float32)
