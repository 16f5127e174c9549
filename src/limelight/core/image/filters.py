"""Take the noise off an image: average, Gaussian, median and bilateral filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.image import _filter_kernels as kernels
from limelight.core.image.inputs import as_image, cast_like, check_choice, check_number
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FILTERS", "average", "bilateral", "gaussian", "median", "smooth"]

FILTERS = ("average", "gaussian", "median", "bilateral")

_LEAST_ROWS = 64
_NETWORK = 6
"""Largest window of a median that is sorted; counting is quicker for larger ones."""


def smooth(
    image: ArrayLike,
    filter_name: str = "gaussian",
    filter_size: float = 2,
    *,
    threads: int | None = None,
) -> NDArray[Any]:
    """Smooth an image; planes of a stack one by one.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    filter_name : {"gaussian", "average", "median", "bilateral"}
        The filter.
    filter_size : float
        Gaussian: standard deviation, px.  Average and median: side of the square window, px, a
        whole number (an even window reaches one pixel further up and left).  Bilateral: standard
        deviation in space, px, and in intensity, counts.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array
        Of the type of the image; integers are rounded.

    Raises
    ------
    ParameterError
        If there is no such filter, or its size is out of range.
    """
    check_choice(filter_name, FILTERS, "smooth", "filter_name")
    array = as_image(image, "smooth")
    if filter_name == "median":
        return median(array, filter_size, threads=threads)
    if filter_name == "bilateral":
        return cast_like(bilateral(array, filter_size, filter_size, threads=threads), array.dtype)
    if filter_name == "gaussian":
        check_number(filter_size, "smooth", "filter_size", low=0, high=1000)
        weights = _gaussian_weights(filter_size)
    else:
        check_number(filter_size, "smooth", "filter_size", low=1, high=1000, whole=True)
        weights = np.full(int(filter_size), 1.0 / int(filter_size))
    if len(weights) == 1 or not array.size:
        return array.copy()
    return _separable(array, weights, len(weights) // 2, threads, array.dtype)


def _planes(array: NDArray[Any]) -> list[NDArray[Any]]:
    return [array] if array.ndim == 2 else list(array)


def _float_type(array: NDArray[Any]) -> np.dtype[Any]:
    """32-bit floats hold 16-bit counts exactly; wider numbers need 64 bits."""
    wide = array.dtype.itemsize > (4 if array.dtype.kind == "f" else 2)
    return np.dtype(np.float64 if wide else np.float32)


def _gaussian_weights(sigma: float) -> NDArray[np.float64]:
    radius = int(4.0 * sigma + 0.5)
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 1e-9)) ** 2)
    whole: NDArray[np.float64] = weights / weights.sum()
    return whole


def gaussian(image: ArrayLike, sigma: float, *, threads: int | None = None) -> NDArray[Any]:
    """Convolve each plane with a Gaussian.

    The kernel is cut at four standard deviations; beyond the border the image is mirrored.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    sigma : float
        Standard deviation, px, 0 to 1000.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array of float32 or float64
        float64 for images of more than 16 bits.
    """
    array = as_image(image, "gaussian")
    check_number(sigma, "gaussian", "sigma", low=0, high=1000)
    weights = _gaussian_weights(sigma)
    if len(weights) == 1 or not array.size:
        return array.astype(_float_type(array))
    return _separable(array, weights, len(weights) // 2, threads)


def average(image: ArrayLike, size: float, *, threads: int | None = None) -> NDArray[Any]:
    """Return the mean of a square window around each pixel; mirrored beyond the border.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    size : int
        Side of the window, px, 1 to 1000.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array of float32 or float64
        float64 for images of more than 16 bits.
    """
    array = as_image(image, "average")
    check_number(size, "average", "filter_size", low=1, high=1000, whole=True)
    size = int(size)
    if size == 1 or not array.size:
        return array.astype(_float_type(array))
    return _separable(array, np.full(size, 1.0 / size), size // 2, threads)


def _separable(
    array: NDArray[Any],
    weights: NDArray[Any],
    before: int,
    threads: int | None,
    dtype: np.dtype[Any] | None = None,
) -> NDArray[Any]:
    """Correlate planes with weights down and across; the result is rounded if it is of integers."""
    weights = weights.astype(_float_type(array))
    out = np.empty(array.shape, weights.dtype if dtype is None else dtype)
    limits = (0, 0) if out.dtype.kind == "f" else (np.iinfo(out.dtype).min, np.iinfo(out.dtype).max)
    low, high = (weights.dtype.type(v) for v in limits)
    rows = kernels.mirrored(array.shape[-2], before, len(weights) - 1 - before)
    columns = kernels.mirrored(array.shape[-1], before, len(weights) - 1 - before)
    bands = runs(array.shape[-2], 4 * thread_count(threads), _LEAST_ROWS)

    def work(band: tuple[int, int, int]) -> None:
        z, first, stop = band
        kernels.separable(planes[z], weights, rows, columns, first, stop, low, high, results[z])

    planes, results = _planes(array), _planes(out)
    each(work, [(z, *b) for z in range(len(planes)) for b in bands], threads)
    return out


def median(image: ArrayLike, size: float, *, threads: int | None = None) -> NDArray[Any]:
    """Return the median of a square window around each pixel; mirrored beyond the border.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    size : int
        Side of the window, px, 1 to 255; of an even number of values the upper middle one.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array
        Of the type of the image.
    """
    array = as_image(image, "median")
    check_number(size, "median", "filter_size", low=1, high=255, whole=True)
    size = int(size)
    out = np.empty_like(array)
    if size == 1 or not array.size:
        return array.copy()
    low, high = (int(array.min()), int(array.max())) if array.dtype.kind in "ui" else (0, 2**62)
    counted = size > _NETWORK and high - low < 2**16
    if size > _NETWORK and not counted:
        from scipy.ndimage import median_filter

        each(
            lambda pair: median_filter(pair[0], size, output=pair[1], mode="reflect"),
            list(zip(_planes(array), _planes(out), strict=True)),
            threads,
        )
        return out
    rows, columns = (kernels.mirrored(n, size // 2, size - 1 - size // 2) for n in array.shape[-2:])
    bands = runs(array.shape[-2], 4 * thread_count(threads), 16)

    def work(band: tuple[int, int, int]) -> None:
        z, first, stop = band
        if counted:
            span = high - low + 1
            kernels.median_counts(
                planes[z], size, rows, columns, first, stop, low, span, results[z]
            )
        else:
            kernels.median_network(planes[z], size, rows, columns, first, stop, results[z])

    planes, results = _planes(array), _planes(out)
    each(work, [(z, *b) for z in range(len(planes)) for b in bands], threads)
    return out


def bilateral(
    image: ArrayLike, sigma_space: float, sigma_counts: float, *, threads: int | None = None
) -> NDArray[Any]:
    """Average each pixel with those around it that are about as bright.

    Tomasi and Manduchi, Proc. ICCV 1998, 839.  The window reaches one and a half standard
    deviations; beyond the border the image is mirrored.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    sigma_space : float
        Standard deviation in space, px, above 0 to 100.
    sigma_counts : float
        Standard deviation in intensity, counts, above 0.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array of float32 or float64
        float64 for images of more than 16 bits.
    """
    array = as_image(image, "bilateral")
    array = array.astype(_float_type(array), copy=False)
    check_number(sigma_space, "bilateral", "filter_size", low=1e-3, high=100)
    check_number(sigma_counts, "bilateral", "sigma_counts", low=1e-12)
    radius = max(round(1.5 * sigma_space), 1)
    out = np.empty_like(array)
    rows, columns = (kernels.mirrored(n, radius, radius) for n in array.shape[-2:])
    bands = runs(array.shape[-2], 4 * thread_count(threads), 16)
    space = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_space) ** 2)
    factor = -0.5 / sigma_counts**2

    def work(band: tuple[int, int, int]) -> None:
        z, first, stop = band
        kernels.bilateral(planes[z], space, factor, rows, columns, first, stop, results[z])

    planes, results = _planes(array), _planes(out)
    each(work, [(z, *b) for z in range(len(planes)) for b in bands], threads)
    return out
