"""Clusters as table tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.locs.cluster import dbscan, hdbscan
from limelight.core.locs.groups import group_statistics
from limelight.core.locs.result import Line, Measure, Plot, ToolResult
from limelight.core.locs.tools.tool import Tool
from limelight.core.settings import setting

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["DBSCAN", "HDBSCAN"]

_BINS = 40


def _described(before: Localizations, clustered: Localizations) -> ToolResult:
    """Return clusters with their statistics."""
    inside = len(clustered)
    if not inside:
        note = "No cluster was found: choose a larger radius, or fewer molecules per cluster."
        measures = (Measure("n_clusters", "Clusters", 0.0, "", False, note),)
        return ToolResult(measures, clustered, group_statistics(clustered))
    groups = group_statistics(clustered)
    size = groups["n_locs"].to_numpy(np.float64)
    nm = before.pixel_size_nm
    spread = 0.5 * (groups["std_x"] + groups["std_y"]).to_numpy(np.float64) * nm
    counts, edges = np.histogram(size, _BINS)
    centres = 0.5 * (edges[1:] + edges[:-1])
    return ToolResult(
        (
            Measure("n_clusters", "Clusters", float(len(groups)), ""),
            Measure("n_clustered", "Molecules in clusters", float(inside), ""),
            Measure("clustered_fraction", "Part in clusters", inside / len(before), ""),
            Measure("cluster_size", "Molecules per cluster, median", float(np.median(size)), ""),
            Measure("cluster_sigma_nm", "Width, median sigma", float(np.median(spread)), "nm"),
        ),
        clustered,
        groups,
        plots=(
            Plot(
                "Sizes of the clusters",
                "Molecules",
                "Clusters",
                (Line("clusters", centres, counts.astype(np.float64), "bars"),),
            ),
        ),
    )


class DBSCAN(Tool):
    """Find clusters of at least a given density."""

    name = "dbscan"
    title = "DBSCAN clusters"
    suffix = "_dbscan"
    groups_suffix = "_dbclusters"

    radius: float = setting(
        0.3, help="How far a molecule's neighbourhood reaches.", unit="px", low=0.0001
    )
    min_samples: int = setting(
        4, help="Molecules within the radius, itself included, that make a dense place.", low=1
    )
    min_locs: int = setting(0, help="Clusters of fewer molecules are left out.", low=0)
    radius_z_nm: float | None = setting(
        None,
        help="Radius along the optical axis; none: the same as in x and y.",
        unit="nm",
        low=0.001,
        advanced=True,
    )

    def apply(self, locs: Localizations) -> ToolResult:
        """Find the clusters and describe them."""
        found = dbscan(locs, self.radius, self.min_samples, self.min_locs, self.radius_z_nm)
        return _described(locs, found)


class HDBSCAN(Tool):
    """Find clusters of different densities (needs scikit-learn)."""

    name = "hdbscan"
    title = "HDBSCAN clusters"
    suffix = "_hdbscan"
    groups_suffix = "_hdbclusters"

    min_cluster_size: int = setting(10, help="Molecules that make a cluster.", low=2)
    min_samples: int | None = setting(
        None, help="Molecules that make a dense place; none: as many as a cluster has.", low=1
    )
    merge_distance: float = setting(
        0.0, help="Clusters nearer than this are not taken apart.", unit="px", low=0.0,
        advanced=True,
    )  # fmt: skip

    def apply(self, locs: Localizations) -> ToolResult:
        """Find the clusters and describe them."""
        found = hdbscan(locs, self.min_cluster_size, self.min_samples, self.merge_distance)
        return _described(locs, found)
