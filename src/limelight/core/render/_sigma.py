"""How wide molecules are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.pool import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST", "blur_sigma", "least_sigma", "medians", "pixels_of", "precisions", "typical"]

LEAST = 0.5
"""Gaussians narrower than this (drawn pixels) would fall between the pixels' centres."""

_ENOUGH = 1_000_000


def typical(values: NDArray[Any], quantile: float = 0.5) -> float:
    """Return a quantile of the finite values; of every n-th, where there are millions."""
    some = values[:: len(values) // _ENOUGH + 1]
    finite = np.isfinite(some)
    if not finite.all():
        some = some[finite]
    if not len(some):
        return 0.0
    if quantile == 0.5:
        return float(np.median(some))
    return float(np.quantile(some, quantile))


def precisions(columns: Any) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the columns lpy and lpx of a table, None where it has not both."""
    if "lpx" not in columns or "lpy" not in columns:
        return None
    return columns["lpy"], columns["lpx"]


def medians(
    sigma: tuple[NDArray[Any], NDArray[Any]] | None, threads: int
) -> tuple[float, float] | None:
    """Return the median precisions."""
    if sigma is None:
        return None
    y, x = each(typical, sigma, threads)
    return y, x


def pixels_of(nanometres: tuple[float, float], pixel_size_nm: float) -> tuple[float, float]:
    """Return two lengths in drawn pixels."""
    y, x = nanometres
    return y / pixel_size_nm, x / pixel_size_nm


def least_sigma(min_blur_nm: float, pixel_size_nm: float) -> float:
    """Return the smallest standard deviation of a drawn Gaussian, drawn pixels."""
    if not 0 <= min_blur_nm < np.inf:
        raise ParameterError(f"render: min_blur_nm must be 0 nm or more, not {min_blur_nm}.")
    return max(min_blur_nm / pixel_size_nm, LEAST)


def blur_sigma(
    blur_nm: float | tuple[float, float] | None,
    precision: tuple[float, float] | None,
    camera_pixel_nm: float,
    min_blur_nm: float,
) -> tuple[float, float]:
    """Return the standard deviations (y, x), nm, that the mode "blur" draws all molecules with.

    Parameters
    ----------
    blur_nm : float or tuple of float (y, x), optional
        What was asked for.
    precision : tuple of float, optional
        Median precisions, camera pixels; what is taken otherwise.

    Raises
    ------
    ParameterError
        If neither is given, or ``blur_nm`` is negative or no number.
    """
    if blur_nm is not None:
        y, x = blur_nm if isinstance(blur_nm, tuple) else (blur_nm, blur_nm)
        if not (0 <= y < np.inf and 0 <= x < np.inf):
            raise ParameterError(f"render: blur_nm must be 0 nm or more, not {blur_nm}.")
        return float(y), float(x)
    if precision is None:
        raise ParameterError(
            "render: to blur by the median precision, the table needs the columns lpx and lpy. "
            "Give blur_nm, or choose the mode 'histogram' or 'smooth'."
        )
    y, x = (max(p * camera_pixel_nm, min_blur_nm) for p in precision)
    return y, x
