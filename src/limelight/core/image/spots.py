"""Small bright spots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.growing import watershed
from limelight.core.image.inputs import (
    as_image,
    as_mask,
    check_choice,
    check_number,
    check_same_shape,
)
from limelight.core.image.labels import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["detect_blobs", "identify_spots_2d", "identify_spots_3d", "laplacian_of_gaussian"]

LOG_FILTERS = ("3D", "2D")


def laplacian_of_gaussian(image: ArrayLike, size: float, planes: int = 1) -> NDArray[np.float64]:
    """Bring out bright spots: the negative Laplacian of a Gaussian, cut off at a square window.

    The standard deviation is a third of (size - 1); the weights sum up to 0, so that a flat image
    becomes 0.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The counts; beyond the border the image is mirrored.
    size : int
        Diameter of a spot and side of the window, px, 2 to 201.
    planes : int
        Planes of the window, for stacks; 1 filters each plane by itself.  With more, the weights
        are those of a Gaussian that is as high as the window.

    Returns
    -------
    array of float64
        High at spots.
    """
    from scipy.ndimage import correlate

    where = "laplacian_of_gaussian"
    array = as_image(image, where).astype(np.float64)
    check_number(size, where, "spot_size", low=2, high=201, whole=True)
    check_number(planes, where, "n_planes", low=1, high=201, whole=True)
    weights = _log_weights(int(size))
    if array.ndim == 3:
        half = (int(planes) - 1) / 2
        profile = np.exp(-0.5 * (np.arange(planes) - half) ** 2 / max(half / 1.5, 1e-9) ** 2)
        weights = weights[None] * (profile / profile.sum())[:, None, None]
    found: NDArray[np.float64] = correlate(array, weights, mode="reflect")
    return found


def _log_weights(size: int) -> NDArray[np.float64]:
    sigma = (size - 1) / 3
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    square = (y * y + x * x) / (2 * sigma**2)
    gauss = np.exp(-square)
    gauss /= gauss.sum()
    weights: NDArray[np.float64] = gauss * (2 * square - 2) / sigma**2
    flat: NDArray[np.float64] = weights.mean() - weights
    return flat


def _rescaled(
    array: NDArray[Any], quantiles: Sequence[float], thresholds: Sequence[float], where: str
) -> NDArray[np.float64]:
    """Bring counts into 0 to 1, from a low quantile to a high one, both within limits."""
    if len(quantiles) != 2 or not 0 <= quantiles[0] < quantiles[1] <= 1:
        raise ParameterError(
            f"{where}: rescale_quantiles must be two numbers from 0 to 1, the first below the "
            f"second, not {tuple(quantiles)}."
        )
    if len(thresholds) != 4:
        raise ParameterError(
            f"{where}: rescale_thresholds must be four numbers (least and largest minimum, least "
            f"and largest maximum; 0 for no limit), not {tuple(thresholds)}."
        )
    for value in thresholds:
        check_number(value, where, "rescale_thresholds")
    if not array.size:
        return array.astype(np.float64)
    low, high = (float(v) for v in np.quantile(array, quantiles))
    limits = [None if value == 0 else float(value) for value in thresholds]
    low = max(low, limits[0]) if limits[0] is not None else low
    low = min(low, limits[1]) if limits[1] is not None else low
    high = max(high, limits[2]) if limits[2] is not None else high
    high = min(high, limits[3]) if limits[3] is not None else high
    if not low < high:
        return np.zeros(array.shape)
    scaled: NDArray[np.float64] = np.clip((array.astype(np.float64) - low) / (high - low), 0, 1)
    return scaled


def identify_spots_2d(
    image: ArrayLike,
    spot_size: float = 5,
    rescale_quantiles: Sequence[float] = (0.01, 0.99),
    rescale_thresholds: Sequence[float] = (0, 120, 500, 0),
    detection_threshold: float = 0.02,
    deblending_steps: int = 30,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find spots in a plane, and take those that touch apart.

    The counts are scaled to 0 to 1 and filtered (`laplacian_of_gaussian`); what is above a
    threshold is a spot.  Touching spots are seen at higher thresholds, where they come apart (after
    Bertin and Arnouts, Astron. Astrophys. Suppl. 117, 393, 1996; Battich, Stoeger and Pelkmans,
    Nat. Methods 10, 1127, 2013).

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    spot_size : int
        Diameter of a spot, px, 2 to 201.
    rescale_quantiles : (float, float)
        The shares of pixels whose counts become 0 and 1.
    rescale_thresholds : (float, float, float, float)
        Least and largest count that becomes 0, least and largest that becomes 1; 0 for no limit.
    detection_threshold : float
        Threshold of the filtered image, above 0.
    deblending_steps : int
        How many higher thresholds are tried, 0 to 1000.

    Returns
    -------
    spots, spots_deblend : 2D arrays of int32
        Labels before and after touching spots are taken apart.
    """
    where = "identify_spots_2D"
    array = as_image(image, where, dimensions=(2,))
    check_number(detection_threshold, where, "detection_threshold", low=1e-12)
    check_number(deblending_steps, where, "deblending_steps", low=0, high=1000, whole=True)
    scaled = _rescaled(array, rescale_quantiles, rescale_thresholds, where)
    response = laplacian_of_gaussian(scaled, spot_size)
    found = label(response > detection_threshold)
    return found, _deblend(response, found, detection_threshold, int(deblending_steps))


def _deblend(
    response: NDArray[np.float64], found: NDArray[np.int32], threshold: float, steps: int
) -> NDArray[np.int32]:
    """Split spots that come apart at one of some thresholds between the lowest and the brightest.

    What comes apart at a threshold are the regional maxima of the response in as many steps.
    """
    top = float(response.max(initial=threshold))
    if steps == 0 or top <= threshold:
        return found.copy()
    step = np.ceil((response - threshold) / (top - threshold) * (steps + 1)).astype(np.int32)
    step = np.where(found > 0, np.maximum(step, 1), 0)
    from limelight.core.image._peak_kernels import regional_maxima

    seeds = label(regional_maxima(step))
    landscape = (top - response) / (top - threshold) * (2**16 - 1)
    return watershed(landscape, seeds, found > 0, connectivity=8)


def identify_spots_3d(
    image: ArrayLike,
    log_filter_type: str = "3D",
    spot_size: float = 4,
    n_planes: int = 3,
    rescale_quantiles: Sequence[float] = (0.01, 0.99),
    rescale_thresholds: Sequence[float] = (0, 120, 500, 0),
    detection_threshold: float = 0.08,
) -> NDArray[np.uint16]:
    """Find spots in a stack, and say how many lie above each other.

    Parameters
    ----------
    image : 3D (Z, Y, X) array
        The counts.
    log_filter_type : {"3D", "2D"}
        Whether the filter looks at ``n_planes`` planes together, or at each by itself.
    spot_size : int
        Diameter of a spot, px, 2 to 201.
    n_planes : int
        Height of a spot, planes.
    rescale_quantiles, rescale_thresholds, detection_threshold
        As in `identify_spots_2d`.

    Returns
    -------
    2D array of uint16 (Y, X)
        How many planes of spots lie at each pixel.
    """
    where = "identify_spots_3D"
    check_choice(log_filter_type, LOG_FILTERS, where, "log_filter_type")
    array = as_image(image, where, dimensions=(3,))
    check_number(detection_threshold, where, "detection_threshold", low=1e-12)
    scaled = _rescaled(array, rescale_quantiles, rescale_thresholds, where)
    response = laplacian_of_gaussian(scaled, spot_size, n_planes if log_filter_type == "3D" else 1)
    occupied: NDArray[np.uint16] = (response > detection_threshold).sum(axis=0, dtype=np.uint16)
    return occupied


def detect_blobs(
    image: ArrayLike,
    mask: ArrayLike | None = None,
    threshold: float = 1,
    min_area: float = 5,
    mean_area: float = 5,
    max_area: float = 100,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find blobs that stand out from the noise of the background.

    The image is filtered for blobs of the mean area (`laplacian_of_gaussian`); blobs are what is
    above ``threshold`` standard deviations of the filtered background, which is taken from the
    median of absolute differences.  Touching ones are taken apart at their saddles.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    mask : 2D array of bool or integers, optional
        Where blobs are looked for.
    threshold : float
        Standard deviations, above 0.
    min_area, mean_area, max_area : float
        Smallest, usual and largest area of a blob, px.

    Returns
    -------
    centroids, blobs : 2D arrays of int32
        One pixel per blob, the one of its pixels that is nearest to its centroid; and all pixels
        of the blobs, with the same numbers.
    """
    where = "detect_blobs"
    array = as_image(image, where, dimensions=(2,))
    inside = np.ones(array.shape, np.bool_)
    if mask is not None:
        inside = as_mask(mask, where, dimensions=(2,))
        check_same_shape(where, image=array, mask=inside)
    check_number(threshold, where, "threshold", low=1e-9)
    check_number(mean_area, where, "mean_area", low=1, high=20000)
    check_number(min_area, where, "min_area", low=0)
    check_number(max_area, where, "max_area", low=0)
    if min_area > max_area:
        raise ParameterError(f"{where}: min_area ({min_area:g}) is above max_area ({max_area:g}).")
    none = np.zeros(array.shape, np.int32)
    if not inside.any():
        return none, none.copy()
    size = max(int(np.ceil(2 * np.sqrt(mean_area / np.pi))) | 1, 3)
    response = laplacian_of_gaussian(array, size + 2)
    values = response[inside]
    middle = float(np.median(values))
    noise = 1.4826 * float(np.median(np.abs(values - middle)))
    if noise == 0:  # a background without noise
        noise = float(values.std()) * 1e-3
    level = middle + threshold * noise
    found = label((response > level) & inside)
    blobs = _deblend(response, found, level, 500)
    numbers = label_kernels.ids(blobs)
    areas, sums, _ = label_kernels.boxes(blobs[None], numbers)
    kept = (areas >= min_area) & (areas <= max_area)
    blobs = label_kernels.renumber(blobs, numbers, np.where(kept, np.cumsum(kept), 0))
    place = np.floor(sums[kept, 1:] / areas[kept, None] + 0.5).astype(np.int64)
    centroids = np.zeros(array.shape, np.int32)
    for number, (y, x) in enumerate(place, 1):
        # of a crescent the centroid is not its own
        if blobs[y, x] != number:
            own = np.argwhere(blobs == number)
            y, x = own[np.argmin(((own - (y, x)) ** 2).sum(axis=1))]
        centroids[y, x] = number
    return centroids, blobs
