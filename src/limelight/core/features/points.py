"""How small objects are spread over large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.features import _point_kernels as kernels
from limelight.core.features._regions import find_regions
from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.distance import inner_distance
from limelight.core.image.inputs import as_labels, check_same_shape
from limelight.core.pool import each, runs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["POINT_PATTERN", "measure_point_pattern"]

POINT_PATTERN = (
    "absolute_distance_to_border",
    "relative_distance_to_border",
    "absolute_nearest_neighbour_distance",
    "relative_nearest_neighbour_distance",
    "absolute_mean_distance",
    "relative_mean_distance",
    "absolute_std_distance",
    "relative_std_distance",
)


def measure_point_pattern(
    labels: ArrayLike, reference: ArrayLike, *, threads: int | None = None
) -> pd.DataFrame:
    """Measure how objects lie within larger ones: vesicles in cells, say.

    An object belongs to the reference object that its centroid lies in.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects, taken as points at their centroids.
    reference : 2D array of integers
        The objects that they lie in.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object of ``labels``, index ``label``; columns ``PointPattern_`` and

        - ``absolute_distance_to_border``: from the centroid's pixel to the nearest pixel that is
          not of the reference object, px; ``relative_``: as a share of the largest such distance
          in the reference object
        - ``absolute_nearest_neighbour_distance``, ``absolute_mean_distance``,
          ``absolute_std_distance``: to the other points of the same reference object, px;
          ``relative_``: as a share of the reference object's equivalent diameter

        NaN for points outside of every reference object, and of distances where there is no other
        point.
    """
    import pandas as pd

    where = "measure_point_pattern"
    regions = find_regions(labels, where, dimensions=(2,))
    outer = find_regions(as_labels(reference, where, "reference"), where, dimensions=(2,))
    check_same_shape(where, labels=regions.plane, reference=outer.plane)
    areas, sums, _ = label_kernels.boxes(regions.index, np.arange(1, len(regions) + 1))
    place = sums[:, 1:] / np.maximum(areas, 1)[:, None]
    pixel = np.floor(place + 0.5).astype(np.int64)
    parent = outer.plane[pixel[:, 0], pixel[:, 1]]
    square = inner_distance(outer.plane, threads=threads)
    outer_areas = label_kernels.boxes(outer.index, np.arange(1, len(outer) + 1))[0]
    largest = np.zeros(len(outer) + 1)
    np.maximum.at(largest, outer.plane.ravel(), np.sqrt(square.ravel()))

    inside = parent > 0
    order = np.argsort(parent, kind="stable")
    starts = np.searchsorted(parent[order], np.arange(len(outer) + 2))
    found = np.full((len(regions), 3), np.nan)
    each(
        lambda band: kernels.distances(place, order, starts, *band, found),
        [(a + 1, b + 1) for a, b in runs(len(outer), 16)],
        threads,
    )
    border = np.where(inside, np.sqrt(square[pixel[:, 0], pixel[:, 1]].astype(np.float64)), np.nan)
    size = np.concatenate([[np.nan], np.sqrt(4 * outer_areas / np.pi)])[parent]
    widest = np.where(inside, largest[parent], np.nan)
    columns: list[NDArray[Any]] = [border, border / widest]
    for values in found.T:
        columns += [values, values / size]
    names = (f"PointPattern_{name}" for name in POINT_PATTERN)
    index = pd.Index(regions.ids, name="label")
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)
