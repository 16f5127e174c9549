"""Take touching objects apart, by their shape or by their intensity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image.distance import inner_distance
from limelight.core.image.filters import gaussian
from limelight.core.image.growing import flood
from limelight.core.image.inputs import (
    as_image,
    as_labels,
    as_mask,
    check_choice,
    check_number,
    check_same_shape,
)
from limelight.core.image.labels import label
from limelight.core.image.peaks import local_maxima

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DECLUMP_METHODS", "declump"]

DECLUMP_METHODS = ("shape", "intensity", "none")


def declump(
    mask: ArrayLike,
    image: ArrayLike | None = None,
    method: str = "shape",
    *,
    min_distance: float = 7,
    smoothing: float | None = None,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Take a mask's touching objects apart.

    Parameters
    ----------
    mask : 2D (Y, X) array of bool or integers
        The mask; of labels each object is taken apart for itself.
    image : 2D array, optional
        The counts, for "intensity".
    method : {"shape", "intensity", "none"}
        "shape": an object has one deepest place, where the distance to its edge is largest, and is
        cut where it is narrow.  "intensity": it has one brightest place, and is cut where it is
        dim.  "none": connected pieces are objects.
    min_distance : float
        Distance between the seeds of two objects, px, at least 1: about the radius of a small
        object.
    smoothing : float, optional
        Standard deviation, px, of the Gaussian that the landscape is smoothed with first; a third
        of ``min_distance`` by default.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        Labels, from 1 on in the order of the objects' first pixels.

    Raises
    ------
    ParameterError
        If the image is missing or of another shape, or a parameter is out of range.
    """
    where = "declump"
    check_choice(method, DECLUMP_METHODS, where, "method")
    check_number(min_distance, where, "min_distance", low=1, high=1000)
    array = np.asarray(mask)
    if array.dtype == np.bool_:
        clumps = label(as_mask(array, where, dimensions=(2,)))
    else:
        clumps = as_labels(array, where, "mask", dimensions=(2,))
    if method == "none" or not clumps.any():
        return clumps.copy()
    sigma = min_distance / 3 if smoothing is None else smoothing
    check_number(sigma, where, "smoothing", low=0, high=1000)
    landscape: NDArray[Any]
    if method == "shape":
        landscape = np.sqrt(inner_distance(clumps, threads=threads).astype(np.float32))
    elif image is None:
        raise ParameterError(f"{where}: the method 'intensity' needs the image.")
    else:
        landscape = as_image(image, where, dimensions=(2,))
        check_same_shape(where, mask=clumps, image=landscape)
    landscape = gaussian(landscape, sigma, threads=threads)
    seeds = local_maxima(landscape, min_distance, clumps, threads=threads)
    return flood(landscape, seeds, pieces=clumps, inverted=True, connectivity=8, threads=threads)
