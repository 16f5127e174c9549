"""From pixels to objects: filters, thresholds, masks, labels, and how objects are found.

An image holds counts, a mask says yes or no, labels hold 0 for background and one positive integer
per object; planes are (Y, X), stacks (Z, Y, X).  Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "apply_mask": "masks",
    "average": "filters",
    "bilateral": "filters",
    "border_objects": "labels",
    "clear_border": "labels",
    "clip": "masks",
    "combine_channels": "masks",
    "combine_masks": "masks",
    "declump": "clumps",
    "detect_blobs": "spots",
    "detect_lines": "lines",
    "expand_or_shrink": "labels",
    "f1_score": "scores",
    "fill": "masks",
    "filter_objects": "labels",
    "foreground": "primary",
    "gaussian": "filters",
    "generate_volume_image": "heights",
    "identify_spots_2d": "spots",
    "identify_spots_3d": "spots",
    "inner_distance": "distance",
    "invert": "masks",
    "label": "labels",
    "laplacian_of_gaussian": "spots",
    "local_maxima": "peaks",
    "median": "filters",
    "nearest_label": "distance",
    "object_ids": "labels",
    "object_table": "labels",
    "otsu_value": "threshold",
    "overlaps": "scores",
    "parents": "labels",
    "primary_objects": "primary",
    "project": "masks",
    "propagate": "growing",
    "register_objects": "labels",
    "relabel": "labels",
    "rescale": "masks",
    "ridges": "lines",
    "secondary_objects": "secondary",
    "segment_secondary": "secondary",
    "segment_tertiary": "secondary",
    "select_clumps": "cuts",
    "separate_clumps": "cuts",
    "separate_primary_iterative": "cuts",
    "smooth": "filters",
    "thin": "lines",
    "threshold_adaptive": "threshold",
    "threshold_manual": "threshold",
    "threshold_otsu": "threshold",
    "usual_diameter": "primary",
    "use_label_image": "labels",
    "watershed": "growing",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
