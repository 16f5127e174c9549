"""How bright an image is, and how sharp."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from numba import njit

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SHARPNESS", "intensities", "sharpness"]

SHARPNESS = ("brenner", "laplacian", "variance")


@njit(nogil=True, cache=True)
def _sums(image):  # type: ignore[no-untyped-def]
    """Return sum, sum of squares, least and greatest value; row by row, so that sums stay exact."""
    total, squares = 0.0, 0.0
    low = high = float(image[0, 0])
    for y in range(image.shape[0]):
        row, row_squares = 0.0, 0.0
        for x in range(image.shape[1]):
            value = float(image[y, x])
            row += value
            row_squares += value * value
            low = min(low, value)
            high = max(high, value)
        total += row
        squares += row_squares
    return total, squares, low, high


@njit(nogil=True, cache=True)
def _brenner(image):  # type: ignore[no-untyped-def]
    total = 0.0
    for y in range(image.shape[0]):
        row = 0.0
        for x in range(image.shape[1] - 2):
            step = float(image[y, x + 2]) - float(image[y, x])
            row += step * step
        total += row
    return total / (image.shape[0] * (image.shape[1] - 2))


@njit(nogil=True, cache=True)
def _laplacian(image):  # type: ignore[no-untyped-def]
    total, squares = 0.0, 0.0
    for y in range(1, image.shape[0] - 1):
        row, row_squares = 0.0, 0.0
        for x in range(1, image.shape[1] - 1):
            value = (
                float(image[y - 1, x])
                + float(image[y + 1, x])
                + float(image[y, x - 1])
                + float(image[y, x + 1])
                - 4.0 * float(image[y, x])
            )
            row += value
            row_squares += value * value
        total += row
        squares += row_squares
    count = (image.shape[0] - 2) * (image.shape[1] - 2)
    mean = total / count
    return squares / count - mean * mean


def intensities(image: NDArray[Any]) -> dict[str, float]:
    """Return mean, standard deviation, least and greatest count of an image (Y, X)."""
    total, squares, low, high = _sums(image)
    mean = total / image.size
    spread = math.sqrt(max(squares / image.size - mean * mean, 0.0))
    return {"mean": mean, "std": spread, "min": low, "max": high}


def sharpness(image: NDArray[Any], method: str = "brenner", offset: float = 0.0) -> float:
    """Return a number that is greatest in focus.

    Parameters
    ----------
    image : 2D array (Y, X)
        Counts; at least 3 x 3 pixels.
    method : {"brenner", "laplacian", "variance"}
        Mean squared difference of pixels two apart (Brenner et al. 1976), variance of the
        Laplacian (Pech-Pacheco et al. 2000), or variance; each divided by the squared mean, so that
        a brighter lamp makes no image sharper.
    offset : float
        Counts in the dark, taken off the mean.

    Returns
    -------
    float
        NaN where the mean is not above the offset.

    Raises
    ------
    ParameterError
        If there is no such method, or the image is too small.
    """
    if method not in SHARPNESS:
        raise ParameterError(
            f"sharpness: there is no method {method!r}. {suggest(method, SHARPNESS)}"
        )
    if image.ndim != 2 or min(image.shape) < 3:
        raise ParameterError(
            f"sharpness: the image needs at least 3 x 3 pixels (Y, X), not {image.shape}."
        )
    values = intensities(image)
    mean = values["mean"] - offset
    if not mean > 0:
        return math.nan
    if method == "variance":
        measured = values["std"] ** 2
    else:
        measured = _brenner(image) if method == "brenner" else _laplacian(image)
    return float(measured / mean**2)
