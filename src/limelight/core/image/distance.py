"""How far pixels are from the edge of their object, exactly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.image import _distance_kernels as kernels
from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.inputs import as_labels, check_number
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["inner_distance", "nearest_label", "scattered", "shares"]


def inner_distance(labels: ArrayLike, *, threads: int | None = None) -> NDArray[np.int32]:
    """Return the squared distance of each pixel to the nearest one that is not of its object.

    Exact, in two passes (Felzenszwalb and Huttenlocher, Theory Comput. 8, 415, 2012), the second
    within each object.  What is beyond the border of the field belongs to no object.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        Labels.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        px squared, at least 1 in objects, 0 in the background.
    """
    array = as_labels(labels, "inner_distance", dimensions=(2,))
    numbers = label_kernels.ids(array)
    if len(numbers) and int(numbers[-1]) != len(numbers):
        array = label_kernels.index_of(array, numbers)
    areas, _, bounds = label_kernels.boxes(array[None], np.arange(1, len(numbers) + 1))
    bounds = bounds[:, 2:]
    out = np.zeros(array.shape, np.int32)
    if not scattered(bounds, array.size):
        each(lambda b: kernels.inner(array, bounds, *b, out), shares(areas, 16), threads)
        return out
    height, width = array.shape
    row = np.empty(array.shape, np.int32)
    parts = 4 * thread_count(threads)
    each(lambda b: kernels.across(array, *b, row), runs(height, parts, 16), threads)
    each(lambda b: kernels.down(array, row, *b, out), runs(width, parts, 64), threads)
    return out


def scattered(bounds: NDArray[np.int64], pixels: int) -> bool:
    """Whether windows around objects (y0, y1, x0, x1) have far more pixels than the image."""
    windows = (bounds[:, 1] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 2])
    return int(windows.sum()) > 8 * pixels + 2**16


def shares(weights: NDArray[np.int64], pieces: int) -> list[tuple[int, int]]:
    """Cut a row of things into runs of about the same weight."""
    total = np.cumsum(weights)
    marks = np.arange(1, pieces) * (int(weights.sum()) / pieces)
    cuts = [0, *np.searchsorted(total, marks, "right").tolist(), len(weights)]
    return [(a, b) for a, b in itertools.pairwise(cuts) if b > a]


def nearest_label(
    labels: ArrayLike, distance: float, *, threads: int | None = None
) -> NDArray[np.int32]:
    """Give background within a distance of an object the number of the nearest object.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        Labels.
    distance : float
        Distance, px, at least 0.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        Labels; of equally near objects the lowest number.
    """
    array = as_labels(labels, "nearest_label", dimensions=(2,))
    check_number(distance, "nearest_label", "distance", low=0)
    height, width = array.shape
    if not array.size:
        return array.copy()
    reach = int(min(distance, height + width))
    row, square = np.empty(array.shape, np.int32), np.empty(array.shape, np.int32)
    out = np.empty(array.shape, np.int32)
    parts = 4 * thread_count(threads)
    bands = runs(height, parts, 16)
    each(lambda b: kernels.nearest_across(array, reach, *b, row, square), bands, threads)
    limit = float(distance) * float(distance)
    each(lambda b: kernels.nearest_down(row, square, limit, *b, out), bands, threads)
    return out
