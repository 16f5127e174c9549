"""Who lies beside whom."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.features import _neighbour_kernels as kernels
from limelight.core.features._regions import find_regions, table
from limelight.core.features._runs import find_runs
from limelight.core.image.inputs import check_number
from limelight.core.pool import each

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["measure_neighbours", "neighbour_pairs"]


def _disc(distance: float) -> NDArray[np.int64]:
    """Return the steps (dy, dx) to all places within a distance, without the place itself."""
    reach = int(distance)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    square = dy * dy + dx * dx
    near = (square > 0) & (square <= distance * distance)
    order = np.argsort(square[near], kind="stable")
    return np.column_stack([dy[near], dx[near]])[order]


def neighbour_pairs(
    labels: ArrayLike, distance: float = 3, *, threads: int | None = None
) -> NDArray[np.int64]:
    """Return which objects are within a distance of each other.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    distance : float
        Largest distance between a pixel of the one and a pixel of the other, px, 1 to 1000; pixels
        that share an edge are 1 px apart.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int64 (pairs, 2)
        Numbers of the objects, each pair in both directions, ascending.
    """
    where = "neighbour_pairs"
    check_number(distance, where, "distance", low=1, high=1000)
    regions = find_regions(labels, where, dimensions=(2,))
    pieces = find_runs(regions.plane, len(regions))
    steps = _disc(distance)
    found = each(
        lambda band: kernels.pairs(*pieces.arrays, regions.plane, steps, len(regions), *band),
        pieces.bands(16),
        threads,
    )
    pairs = np.concatenate([np.empty((0, 2), np.int64), *found])
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    numbers: NDArray[np.int64] = regions.ids[pairs]
    return numbers


def measure_neighbours(
    labels: ArrayLike,
    neighbour_distance: float = 3,
    touching_distance: float = 3,
    *,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure how many neighbours objects have, which, and how much of the outline they touch.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    neighbour_distance : float
        Objects are neighbours if a pixel of the one is within this distance of a pixel of the
        other, px, 1 to 1000.
    touching_distance : float
        A pixel of the outline touches a neighbour if it is within this distance of a pixel of
        another object, px, 1 to 1000; 1 for objects that share an edge.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Neighbours_count``, ``Neighbours_list``
        (their numbers, ascending, as text with spaces between), ``Neighbours_fraction_touching``
        (share of the pixels of the outline, those with an edge to what is not the object).
    """
    where = "measure_neighbours"
    check_number(neighbour_distance, where, "neighbour_distance", low=1, high=1000)
    check_number(touching_distance, where, "touching_distance", low=1, high=1000)
    regions = find_regions(labels, where, dimensions=(2,))
    pieces = find_runs(regions.plane, len(regions))
    fraction = np.zeros(len(regions))
    steps = _disc(touching_distance)
    each(
        lambda band: kernels.touching(*pieces.arrays, regions.plane, steps, *band, fraction),
        pieces.bands(16),
        threads,
    )
    pairs = neighbour_pairs(labels, neighbour_distance, threads=threads)
    edges = np.searchsorted(pairs[:, 0], [*regions.ids, 2**40])
    others = pairs[:, 1].astype(str).tolist()
    lists = [" ".join(others[a:b]) for a, b in itertools.pairwise(edges)]
    return table(
        regions,
        {
            "Neighbours_count": np.diff(edges).astype(np.int64),
            "Neighbours_list": np.array(lists, object),
            "Neighbours_fraction_touching": fraction,
        },
    )
