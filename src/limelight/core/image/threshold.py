"""What is bright enough to be an object: thresholds for the whole image and for each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _threshold_kernels as kernels
from limelight.core.image.filters import gaussian
from limelight.core.image.inputs import (
    as_image,
    as_mask,
    check_choice,
    check_number,
    check_same_shape,
)
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ADAPTIVE_METHODS",
    "otsu_value",
    "threshold_adaptive",
    "threshold_manual",
    "threshold_otsu",
]

ADAPTIVE_METHODS = ("niblack", "crosscorr")

_BINS = 256


def threshold_manual(image: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return which pixels are brighter than a threshold.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    threshold : float
        Counts; a pixel of exactly that many is background.

    Returns
    -------
    array of bool
        The mask.
    """
    array = as_image(image, "threshold_manual")
    check_number(threshold, "threshold_manual", "threshold")
    return array > threshold


def otsu_value(image: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Return the threshold that parts an image's pixels best into two classes.

    It makes the variance between the classes largest (Otsu, IEEE Trans. Syst. Man Cybern. 9, 62,
    1979).  Integers are counted one by one; floats, and integers of a range above 2**20, in 256
    classes of equal width, of which the centre is returned.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    mask : array of bool, optional
        Which pixels count.

    Returns
    -------
    float
        Pixels above it are foreground.  Where all pixels are the same, that value; 0 where there
        are none.
    """
    array = as_image(image, "otsu_value")
    if mask is not None:
        chosen = as_mask(mask, "otsu_value")
        check_same_shape("otsu_value", image=array, mask=chosen)
        array = array[chosen]
    if not array.size:
        return 0.0
    low, high = array.min(), array.max()
    if low == high:
        return float(low)
    if array.dtype.kind in "ui" and int(high) - int(low) < 2**20:
        counts = kernels.histogram(array.reshape(-1), int(low), int(high) - int(low) + 1)
        centres = np.arange(int(low), int(high) + 1, dtype=np.float64)
    else:
        span = (float(low), float(high))
        counts, edges = np.histogram(array.astype(np.float64).ravel(), _BINS, span)
        centres = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    below, above = weight[:-1].astype(np.float64), (weight[-1] - weight[:-1]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = total[:-1] / below - (total[-1] - total[:-1]) / above
        between = below * above * difference**2
    return float(centres[int(np.nanargmax(between))])


def _limited(where: str, low: float | None, high: float | None) -> tuple[float, float]:
    for name, value in (("min_threshold", low), ("max_threshold", high)):
        if value is not None:
            check_number(value, where, name)
    if low is not None and high is not None and low > high:
        raise ParameterError(f"{where}: min_threshold ({low:g}) is above max_threshold ({high:g}).")
    return -np.inf if low is None else low, np.inf if high is None else high


def threshold_otsu(
    image: ArrayLike,
    correction_factor: float = 1,
    min_threshold: float | None = None,
    max_threshold: float | None = None,
) -> NDArray[np.bool_]:
    """Return which pixels are above Otsu's threshold.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts.
    correction_factor : float
        What the threshold is multiplied with, above 0.
    min_threshold, max_threshold : float, optional
        The threshold is brought into this range, counts.

    Returns
    -------
    array of bool
        The mask.
    """
    array = as_image(image, "threshold_otsu")
    check_number(correction_factor, "threshold_otsu", "correction_factor", low=1e-6)
    low, high = _limited("threshold_otsu", min_threshold, max_threshold)
    value = min(max(otsu_value(array) * correction_factor, low), high)
    return array > value


def threshold_adaptive(
    image: ArrayLike,
    method: str = "niblack",
    kernel_size: int = 111,
    constant: float = 0,
    min_threshold: float | None = None,
    max_threshold: float | None = None,
    *,
    threads: int | None = None,
) -> NDArray[np.bool_]:
    """Return which pixels are brighter than what is around them.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts; planes of a stack one by one.
    method : {"niblack", "crosscorr"}
        "niblack": the threshold is the mean of the window less ``constant`` times its standard
        deviation (Niblack, An Introduction to Digital Image Processing, 1986).  "crosscorr": the
        mean of the window with Gaussian weights, less ``constant`` counts.
    kernel_size : int
        Side of the window, px, odd, 3 to 2001.  The standard deviation of the Gaussian weights is
        0.3 ((kernel_size - 1) / 2 - 1) + 0.8.
    constant : float
        See the methods.
    min_threshold, max_threshold : float, optional
        Pixels up to the first are always background, those above the second always foreground,
        counts.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    array of bool
        The mask.

    Raises
    ------
    ParameterError
        If there is no such method, or a parameter is out of range.
    """
    where = "threshold_adaptive"
    array = as_image(image, where)
    check_choice(method, ADAPTIVE_METHODS, where, "method")
    check_number(kernel_size, where, "kernel_size", low=3, high=2001, whole=True)
    check_number(constant, where, "constant")
    if kernel_size % 2 == 0:
        raise ParameterError(f"{where}: kernel_size must be odd, not {kernel_size}.")
    limits = _limited(where, min_threshold, max_threshold)
    out = np.empty(array.shape, np.bool_)
    if not array.size:
        return out
    radius = int(kernel_size) // 2
    if method == "crosscorr":
        local = gaussian(array, 0.3 * (radius - 1) + 0.8, threads=threads) - constant
        return array > np.clip(local, *limits)
    planes = [array] if array.ndim == 2 else list(array)
    results = [out] if array.ndim == 2 else list(out)
    # Sums of at most 16-bit integers are exact whichever way they are slid; floats are summed
    # anew in bands that do not depend on the number of threads.
    bands = runs(array.shape[-2], max(array.shape[-2] // 256, 1))
    if array.dtype.itemsize <= 2:
        bands = runs(array.shape[-2], 2 * thread_count(threads))
    if array.dtype.itemsize > 2:
        planes = [plane.astype(np.float64) for plane in planes]
    levels = [float(plane.mean()) if plane.dtype.kind == "f" else 0.0 for plane in planes]

    def work(band: tuple[int, int, int]) -> None:
        z, first, stop = band
        kernels.niblack(planes[z], radius, constant, *limits, first, stop, levels[z], results[z])

    each(work, [(z, *b) for z in range(len(planes)) for b in bands], threads)
    return out
