"""The highest places of a landscape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.image import _peak_kernels as kernels
from limelight.core.image.inputs import as_image, as_labels, check_number, check_same_shape

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["local_maxima"]


def local_maxima(
    image: ArrayLike, min_distance: float, labels: ArrayLike, *, threads: int | None = None
) -> NDArray[np.int32]:
    """Mark the highest places of each object.

    A place is marked if no higher one is within the distance in the same object; of equally high
    ones the first in raster order is.

    Parameters
    ----------
    image : 2D (Y, X) array
        The landscape.
    min_distance : float
        Distance, px.
    labels : 2D array of integers
        Labels; the background has no maxima.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        0, and 1 to N at the maxima, in raster order.
    """
    where = "local_maxima"
    array = as_image(image, where, dimensions=(2,))
    clumps = as_labels(labels, where, dimensions=(2,))
    check_same_shape(where, image=array, labels=clumps)
    check_number(min_distance, where, "min_distance", low=0, high=10000)
    found = kernels.maxima(array, clumps, float(min_distance))
    out = np.zeros(array.shape, np.int32)
    out.reshape(-1)[found] = np.arange(1, len(found) + 1)
    return out
