"""How far it is to the nearest molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked
from limelight.core.pool import thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["nearest_neighbours"]


def nearest_neighbours(
    table: Table, count: int = 1, other: Table | None = None, *, threads: int | None = None
) -> NDArray[np.float64]:
    """Return the distances to the nearest molecules, nm.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules; where both tables have ``z`` (nm), distances are in space.
    count : int
        How many neighbours of each.
    other : Localizations or DataFrame, optional
        Where neighbours are looked for: another channel, say.  By default among the molecules
        themselves, each without itself.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of float64 (N, count)
        Distances in nm, the nearest first; infinity where there are not so many.

    Raises
    ------
    ParameterError
        If a column is missing or not finite, or ``count`` is out of range.
    """
    from scipy.spatial import cKDTree

    if count < 1:
        raise ParameterError(f"neighbours: count must be at least 1, not {count}.")
    locs = as_locs(table)
    others = locs if other is None else as_locs(other)
    axes = ["x", "y"] + (["z"] if "z" in locs and "z" in others else [])
    points, places = _nanometres(locs, axes), _nanometres(others, axes)
    own = other is None
    wanted = list(range(2, count + 2) if own else range(1, count + 1))
    distance, _ = cKDTree(places).query(points, k=wanted, workers=thread_count(threads))
    result: NDArray[np.float64] = np.asarray(distance, np.float64)
    return result


def _nanometres(locs: Localizations, axes: list[str]) -> NDArray[np.float64]:
    values = checked(locs, "neighbours", *axes)
    unit = [1.0 if axis == "z" else locs.pixel_size_nm for axis in axes]
    return np.column_stack([v.astype(np.float64) * u for v, u in zip(values, unit, strict=True)])
