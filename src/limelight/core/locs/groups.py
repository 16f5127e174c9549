"""Statistics of each group of molecules: a cluster, or a picked region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cluster_statistics", "group_statistics"]


@njit(nogil=True, cache=True)
def _hull_area(x, y):  # type: ignore[no-untyped-def]
    """Return the area of the convex hull of points sorted by x, then y (monotone chain)."""
    n = len(x)
    if n < 3:
        return 0.0
    hull = np.empty(2 * n, np.int64)
    size = 0
    for turn in range(2):
        floor = max(size, 1)
        for step in range(n):
            i = step if turn == 0 else n - 1 - step
            while size > floor:
                a, b = hull[size - 2], hull[size - 1]
                if (x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0:
                    break
                size -= 1
            if turn == 1 and step == 0:
                continue  # the last point of the lower chain starts the upper one
            hull[size] = i
            size += 1
    area = 0.0
    for k in range(size):
        a, b = hull[k], hull[(k + 1) % size]
        area += (x[a] - x[0]) * (y[b] - y[0]) - (x[b] - x[0]) * (y[a] - y[0])
    return 0.5 * area


@njit(nogil=True, cache=True)
def _hull_areas(x, y, edge):  # type: ignore[no-untyped-def]
    area = np.empty(len(edge) - 1, np.float64)
    for g in range(len(area)):
        area[g] = _hull_area(x[edge[g] : edge[g + 1]], y[edge[g] : edge[g + 1]])
    return area


@njit(nogil=True, cache=True)
def _appearances(group, frame, groups):  # type: ignore[no-untyped-def]
    """Count runs of frames more than three apart; rows are sorted by group and frame."""
    count = np.zeros(groups, np.int64)
    for i in range(len(group)):
        if i == 0 or group[i] != group[i - 1] or frame[i] - frame[i - 1] > 4:
            count[group[i]] += 1
    return count


def group_statistics(table: Table) -> pd.DataFrame:
    """Describe each group.

    Parameters
    ----------
    table : Localizations or DataFrame
        Molecules with a column ``group``, as `dbscan`, `hdbscan` and `pick` return them.

    Returns
    -------
    pandas.DataFrame
        A row per group, by number: ``group``, ``n_locs``; ``frame``, ``x``, ``y`` (px), ``z``
        (nm) and all other columns as means; ``std_frame``, ``std_x``, ``std_y`` (px), ``std_z``
        (nm), the standard deviations; ``lpx``, ``lpy`` (px), ``lpz`` (nm), the standard errors of
        the centre; ``n_events``, how often it shone with at most three dark frames between;
        ``area`` (px²) of a circle of twice the mean standard deviation, and ``convexhull`` (px²).

    Raises
    ------
    ParameterError
        If there is no column ``group``, or a column is missing or not finite.
    """
    locs = as_locs(table)
    if "group" not in locs:
        raise ParameterError(
            "statistics: the table has no column 'group'. Find clusters first, with dbscan() or "
            "hdbscan(), or pick regions with pick()."
        )
    x, y = (v.astype(np.float64) for v in checked(locs, "statistics", "x", "y", least=0))
    frame = frame_column(locs, "statistics", least=0)
    names, group = np.unique(locs["group"], return_inverse=True)
    groups = len(names)
    n = np.bincount(group, minlength=groups)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.bincount(group, values, minlength=groups) / n
        return result

    def spread(values: NDArray[Any], centre: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = np.bincount(group, (values - centre[group]) ** 2, minlength=groups)
        return np.sqrt(squares / np.maximum(n - 1, 1))

    columns: dict[str, NDArray[Any]] = {"group": names, "n_locs": n.astype(np.uint32)}
    deviations = {}
    axes: dict[str, NDArray[Any]] = {"frame": frame, "x": x, "y": y}
    if "z" in locs:
        axes["z"] = checked(locs, "statistics", "z", least=0)[0].astype(np.float64)
    for axis, values in axes.items():
        centre = mean(values)
        deviations[axis] = spread(values, centre)
        columns[axis] = centre.astype(np.float32)
        columns[f"std_{axis}"] = deviations[axis].astype(np.float32)
    for name in locs.columns:
        if name not in columns and name not in ("lpx", "lpy", "lpz"):
            values = locs[name]
            if values.dtype.kind in "uifb":
                columns[name] = mean(values).astype(np.float32)
    for axis in ("x", "y", "z"):
        if axis in deviations:
            columns[f"lp{axis}"] = (deviations[axis] / np.sqrt(n)).astype(np.float32)
    order = np.lexsort((frame, group))
    columns["n_events"] = _appearances(group[order], frame[order], groups).astype(np.uint32)
    columns["area"] = (np.pi * (deviations["x"] + deviations["y"]) ** 2).astype(np.float32)
    order = np.lexsort((y, x, group))
    edge = np.concatenate([[0], np.cumsum(n)]).astype(np.int64)
    columns["convexhull"] = _hull_areas(x[order], y[order], edge).astype(np.float32)
    return pd.DataFrame(columns)


cluster_statistics = group_statistics
