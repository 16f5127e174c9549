"""The modules that come with Limelight; every function loads on first use.

They are registered like anybody's, in the entry points of the group ``limelight.modules``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FILES = {
    "images": ("apply_mask", "combine_channels", "invert", "project", "rescale", "smooth"),
    "masks": (
        "clip",
        "combine_masks",
        "fill",
        "filter",
        "threshold_adaptive",
        "threshold_manual",
        "threshold_otsu",
    ),
    "measure": (
        "measure_intensity",
        "measure_morphology",
        "measure_neighbours",
        "measure_point_pattern",
        "measure_texture",
        "measure_volume_image",
    ),
    "models": ("measure_cellprofiler", "segment_cellpose", "segment_stardist"),
    "objects": (
        "declump",
        "expand_or_shrink",
        "grow_objects",
        "label",
        "register_objects",
        "register_objects_channel",
        "relabel",
        "segment_primary",
        "segment_secondary",
        "segment_tertiary",
        "separate_clumps",
        "separate_primary_iterative",
        "use_label_image",
    ),
    "spots": ("detect_blobs", "identify_spots_2D", "identify_spots_3D"),
    "volumes": ("generate_volume_image",),
}
_HOMES = {name: file for file, names in _FILES.items() for name in names}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
