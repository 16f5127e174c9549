"""Clusters of molecules by density."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.locs import _dbscan
from limelight.core.locs._table import Table, as_locs, checked
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["dbscan", "dbscan_labels", "hdbscan"]

_MAX_ROWS = 2**25


def dbscan_labels(
    points: NDArray[Any], radius: float, min_samples: int, *, threads: int | None = None
) -> NDArray[np.int64]:
    """Cluster points by DBSCAN, exactly.

    A point with ``min_samples`` points within ``radius``, itself included, is a core point; core
    points within ``radius`` of each other are one cluster, and other points within ``radius`` of
    one belong to it (Ester et al., KDD 1996, 226).  A point that borders on several clusters goes
    to the one with the lowest label, and clusters are numbered by their first core point, as
    scikit-learn has it.

    Parameters
    ----------
    points : 2D array (N, 2) or (N, 3)
        Coordinates, all in one unit, finite.
    radius : float
        Radius in that unit, > 0; a distance of exactly that much is within.
    min_samples : int
        Points that make a core point, >= 1.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    1D array of int64 (N,)
        Label of each point's cluster, -1 for none.

    Raises
    ------
    ParameterError
        If the radius or the number of samples is out of range, or the radius too small against
        the field.
    """
    if not (np.isfinite(radius) and radius > 0):
        raise ParameterError(f"dbscan: radius must be more than 0 px, not {radius}.")
    if min_samples < 1:
        raise ParameterError(f"dbscan: min_samples must be at least 1, not {min_samples}.")
    points = np.asarray(points, np.float64)
    count, dimensions = points.shape
    if count == 0:
        return np.empty(0, np.int64)
    # A little less than the diagonal's share: rounding must not put far points into one cell.
    side = radius / np.sqrt(dimensions) * (1 - 1e-9)
    corner = points.min(axis=0)
    spans = np.floor((points.max(axis=0) - corner) / side) + 1
    slabs, height = (float(spans[2]) if dimensions == 3 else 1.0), float(spans[1])
    if slabs * height > _MAX_ROWS or spans[0] > _MAX_ROWS:
        raise ParameterError(
            f"dbscan: a radius of {radius:g} is too small against a field of "
            f"{np.ptp(points, axis=0).max():g}. Choose a larger one, or a part of the field."
        )
    cell = np.floor((points - corner) / side).astype(np.int64)
    row = cell[:, 1] if dimensions == 2 else cell[:, 2] * int(height) + cell[:, 1]
    rows = int(slabs * height)
    order, *cells = _dbscan.cells_kernel(row, cell[:, 0].copy(), rows, int(spans[0]))
    x, y = (np.ascontiguousarray(points[order, a]) for a in (0, 1))
    z = np.ascontiguousarray(points[order, 2]) if dimensions == 3 else np.zeros(count)
    reach = range(-2, 3)
    around = np.array([(s, r) for s in (reach if dimensions == 3 else (0,)) for r in reach])
    # The nearest rows first: a core point is found out sooner.
    around = around[np.argsort(np.abs(around).sum(axis=1), kind="stable")]
    common = (x, y, z, *cells, int(height), around, float(radius) ** 2)

    # Rows by equal numbers of points, not of rows.
    first = cells[1][cells[2][:-1].clip(max=len(cells[1]) - 1)]
    parts = runs(count, 8 * thread_count(threads))
    edges = [0, *(int(np.searchsorted(first, b)) for _, b in parts[:-1]), rows]
    bands = [(a, b) for a, b in itertools.pairwise(edges) if b > a]
    core = np.zeros(count, np.bool_)
    each(lambda run: _dbscan.core_kernel(*common, min_samples, *run, core), bands, threads)
    label = _dbscan.join_kernel(*common, core, order)
    found = np.empty(count, np.int64)
    each(lambda run: _dbscan.border_kernel(*common, core, label, *run, found), bands, threads)
    labels = np.empty(count, np.int64)
    labels[order] = found
    return labels


def dbscan(
    table: Table,
    radius: float = 0.3,
    min_samples: int = 4,
    min_locs: int = 0,
    radius_z_nm: float | None = None,
    *,
    threads: int | None = None,
) -> Localizations:
    """Find clusters of molecules by DBSCAN.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules; with a column ``z`` (nm), clusters are in space.
    radius : float
        Radius, px.
    min_samples : int
        Molecules within the radius, itself included, that make a core point.
    min_locs : int
        Clusters of fewer molecules are left out.
    radius_z_nm : float, optional
        Radius along the optical axis, nm; that of x and y by default.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Localizations
        The molecules that are in a cluster, with its number in the column ``group`` (an older
        column of that name becomes ``group_input``).

    Raises
    ------
    ParameterError
        If a column is missing or not finite, or a setting is out of range.
    """
    locs = as_locs(table)
    if radius_z_nm is not None and not (np.isfinite(radius_z_nm) and radius_z_nm > 0):
        raise ParameterError(f"dbscan: radius_z_nm must be more than 0 nm, not {radius_z_nm}.")
    points = _points(locs, "dbscan", radius, radius_z_nm)
    labels = dbscan_labels(points, radius, min_samples, threads=threads)
    step = {
        "Generated by": "Limelight DBSCAN",
        "Radius (px)": float(radius),
        "Min. samples": int(min_samples),
        "Min. molecules per cluster": int(min_locs),
    }
    if "z" in locs:
        step["Radius z (nm)"] = float(radius_z_nm or radius * locs.pixel_size_nm)
    return _grouped(locs, labels, min_locs, step)


def hdbscan(
    table: Table,
    min_cluster_size: int = 10,
    min_samples: int | None = None,
    merge_distance: float = 0.0,
    *,
    threads: int | None = None,
) -> Localizations:
    """Find clusters of different densities by HDBSCAN (Campello et al., PAKDD 2013, 160).

    This is scikit-learn's implementation, which has to be installed:
    ``pip install "napari-limelight[hdbscan]"``.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules; with a column ``z`` (nm), clusters are in space.
    min_cluster_size : int
        Molecules that make a cluster, >= 2.
    min_samples : int, optional
        Molecules that make a dense place; ``min_cluster_size`` by default.
    merge_distance : float
        Clusters nearer than this are not taken apart, px.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Localizations
        The molecules that are in a cluster, with its number in the column ``group``.

    Raises
    ------
    ParameterError
        If scikit-learn is not installed, a column is missing or not finite, or a setting is out
        of range.
    """
    if min_cluster_size < 2:
        raise ParameterError(
            f"hdbscan: min_cluster_size must be at least 2, not {min_cluster_size}."
        )
    locs = as_locs(table)
    if min_samples is None:
        min_samples = min_cluster_size
    if min_samples < 1 or not (np.isfinite(merge_distance) and merge_distance >= 0):
        raise ParameterError(
            "hdbscan: min_samples must be at least 1 and merge_distance at least 0 px, not "
            f"{min_samples} and {merge_distance}."
        )
    points = _points(locs, "hdbscan", 1.0, None)
    if len(points) < max(min_cluster_size, min_samples):
        labels = np.full(len(points), -1, np.int64)
    else:
        try:
            estimator = import_module("sklearn.cluster").HDBSCAN
        except ImportError as error:
            raise ParameterError(
                "hdbscan: scikit-learn is not installed. Install it with "
                "pip install 'napari-limelight[hdbscan]', or use dbscan()."
            ) from error
        found = estimator(
            min_cluster_size=min_cluster_size,
            min_samples=min_samples,
            cluster_selection_epsilon=float(merge_distance),
            n_jobs=thread_count(threads),
            copy=True,
        ).fit(points)
        labels = np.asarray(found.labels_, np.int64)
    step = {
        "Generated by": "Limelight HDBSCAN",
        "Min. cluster size": int(min_cluster_size),
        "Min. samples": int(min_samples),
        "Merge distance (px)": float(merge_distance),
    }
    return _grouped(locs, labels, 0, step)


def _points(
    locs: Localizations, tool: str, radius: float, radius_z_nm: float | None
) -> NDArray[np.float64]:
    """Return positions in units of which a radius is the same along all axes, px."""
    columns = [v.astype(np.float64) for v in checked(locs, tool, "x", "y", least=0)]
    if "z" in locs:
        (z,) = checked(locs, tool, "z", least=0)
        unit = radius_z_nm / radius if radius_z_nm else locs.pixel_size_nm
        columns.append(z.astype(np.float64) / unit)
    return np.column_stack(columns)


def _grouped(
    locs: Localizations, labels: NDArray[np.int64], min_locs: int, step: dict[str, Any]
) -> Localizations:
    """Keep what is in a cluster that is large enough, numbered anew."""
    size = np.bincount(labels[labels >= 0], minlength=1)
    number = np.cumsum(size >= max(min_locs, 1)) - 1
    number = np.where(size >= max(min_locs, 1), number, -1)
    labels = np.where(labels >= 0, number[labels], -1)
    kept = labels >= 0
    table = locs.table[kept].reset_index(drop=True)
    if "group" in table.columns:
        table = table.rename(columns={"group": "group_input"})
    table["group"] = labels[kept].astype(np.int32)
    return locs.with_table(
        table,
        {
            **step,
            "Number of clusters": int(number.max()) + 1,
            "Molecules in no cluster": int(len(kept) - kept.sum()),
        },
    )
