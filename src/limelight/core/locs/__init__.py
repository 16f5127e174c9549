"""What happens to the table of molecules: linking, drift, resolution, clusters, regions, quality.

Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "CircleRegion": "regions",
    "Drift": "drift.curve",
    "ExponentialFit": "kinetics",
    "FRC": "resolution",
    "LiveQuality": "live_quality",
    "Measure": "result",
    "NeNA": "precision",
    "PolygonRegion": "regions",
    "Quality": "assess",
    "RectangleRegion": "regions",
    "aim": "drift.aim",
    "apply_drift": "drift.curve",
    "bright_times": "kinetics",
    "cluster_statistics": "groups",
    "column_histogram": "filter",
    "dark_times": "kinetics",
    "dbscan": "cluster",
    "drop_nan": "filter",
    "fiducial_drift": "drift.fiducials",
    "filter_locs": "filter",
    "find_fiducials": "drift.fiducials",
    "fit_exponential": "kinetics",
    "frc": "resolution",
    "group_statistics": "groups",
    "hdbscan": "cluster",
    "link": "linking",
    "link_groups": "linking",
    "nearest_neighbours": "neighbours",
    "nena": "precision",
    "pick": "regions",
    "quality": "assess",
    "quality_job": "assess",
    "rcc": "drift.rcc",
    "undo_drift": "drift.curve",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
