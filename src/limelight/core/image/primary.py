"""Nuclei and other blobs, found without settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.clumps import declump
from limelight.core.image.distance import inner_distance
from limelight.core.image.filters import gaussian
from limelight.core.image.inputs import as_image, check_number
from limelight.core.image.labels import clear_border as without_border
from limelight.core.image.masks import fill
from limelight.core.image.threshold import otsu_value

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["foreground", "primary_objects", "usual_diameter"]

_DIAMETER = 18.0
"""Pixels that an object is taken to be wide before its image was looked at."""
_SHARE = 0.8
_APART, _THIN = 9, 4
"""Centres of objects are so many px apart at least, and further from the background than the root
of that."""
_DARKEST = 10
"""Percentile that is taken as the background."""
_SURE, _NEAR = 1.3, 0.8
"""What is 1.3 times as bright as Otsu's threshold need only be 0.8 times the local mean."""


def foreground(
    image: ArrayLike,
    diameter: float = 18,
    *,
    smoothing: float = 1,
    sensitivity: float = 0.5,
    threads: int | None = None,
) -> NDArray[np.bool_]:
    """Return what stands out from its surroundings.

    Background is the tenth percentile of the image.  A pixel is foreground if it is above the
    share ``1 - sensitivity`` of Otsu's threshold and above the mean around it (Gaussian weights, of
    half a diameter as standard deviation), both over background; what is 1.3 times as bright as
    Otsu's threshold need only be above 0.8 times that mean.  So dim objects beside bright ones are
    found, and the gaps between bright ones are seen.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    diameter : float
        Usual diameter of an object, px, 2 to 1000.
    smoothing : float
        Standard deviation of the Gaussian that takes the noise off first, px, 0 to 100.
    sensitivity : float
        0 to 1; more finds dimmer objects.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of bool
        The mask, without holes.
    """
    where = "foreground"
    array = as_image(image, where, dimensions=(2,))
    check_number(diameter, where, "diameter", low=2, high=1000)
    check_number(smoothing, where, "smoothing", low=0, high=100)
    check_number(sensitivity, where, "sensitivity", low=0, high=1)
    if not array.size:
        return np.zeros(array.shape, np.bool_)
    smoothed = gaussian(array, smoothing, threads=threads)
    # every fourth pixel of every fourth row tells as much
    sample = smoothed[::4, ::4] if min(array.shape) >= 64 else smoothed
    light = np.maximum(smoothed - np.percentile(sample, _DARKEST).astype(smoothed.dtype), 0)
    threshold = light.dtype.type(otsu_value(light))
    if threshold <= 0:
        return np.zeros(array.shape, np.bool_)
    around = gaussian(light, diameter / 2, threads=threads)
    weak = (light > (1 - sensitivity) * threshold) & (light > around)
    strong = (light > _SURE * threshold) & (light > _NEAR * around)
    return fill(weak | strong)


def usual_diameter(image: ArrayLike, *, smoothing: float = 1, threads: int | None = None) -> float:
    """Estimate how wide the objects of an image are.

    It is 1.6 times the median, weighted by area, of the foreground's largest distances to the
    background: a little less than the objects' width, as touching ones are parted best with that.
    By area, so that debris does not count.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    smoothing : float
        As in `foreground`.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    float
        Diameter, px, 4 to 200; 18 where there is no foreground.
    """
    from scipy.ndimage import maximum_filter

    mask = foreground(image, _DIAMETER, smoothing=smoothing, threads=threads)
    squared = inner_distance(mask.astype(np.int32), threads=threads)
    peaks = np.sort(squared[(squared > _THIN) & (squared == maximum_filter(squared, _APART))])
    if not len(peaks):
        return _DIAMETER
    area = np.cumsum(peaks, dtype=np.float64)
    middle = peaks[np.searchsorted(area, area[-1] / 2)]
    return float(np.clip(_SHARE * 2 * np.sqrt(middle), 4, 200))


def primary_objects(
    image: ArrayLike,
    diameter: float | None = None,
    method: str = "shape",
    *,
    smoothing: float = 1,
    sensitivity: float = 0.5,
    min_area: float | None = None,
    max_area: float | None = None,
    clear_border: bool = False,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Find blob-like objects, such as nuclei, and take touching ones apart.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    diameter : float, optional
        Usual diameter of an object, px, 2 to 1000; a factor of two does not matter.  By default
        `usual_diameter`.
    method : {"shape", "intensity", "none"}
        How touching objects are taken apart (`declump`).
    smoothing, sensitivity
        As in `foreground`.
    min_area, max_area : float, optional
        Objects of fewer or more px are removed; by default an eighth of the area of a usual
        object, and no limit.
    clear_border : bool
        Whether to remove objects that touch the border of the field.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        Labels, 1 to N.
    """
    where = "primary_objects"
    array = as_image(image, where, dimensions=(2,))
    if diameter is None:
        diameter = usual_diameter(array, smoothing=smoothing, threads=threads)
    mask = foreground(
        array, diameter, smoothing=smoothing, sensitivity=sensitivity, threads=threads
    )
    low = np.pi / 4 * diameter**2 / 8 if min_area is None else min_area
    check_number(low, where, "min_area", low=0)
    high = np.inf
    if max_area is not None:
        check_number(max_area, where, "max_area", low=0)
        high = max_area
    distance = max(0.4 * diameter, 1.0)
    found = declump(mask, array, method, min_distance=distance, threads=threads)
    numbers = label_kernels.ids(found)
    areas = label_kernels.boxes(found[None], numbers)[0]
    kept = (areas >= low) & (areas <= high)
    found = label_kernels.renumber(found, numbers, np.where(kept, np.cumsum(kept), 0))
    if clear_border:
        found = without_border(found)
        numbers = label_kernels.ids(found)
        found = label_kernels.index_of(found, numbers)
    return found
