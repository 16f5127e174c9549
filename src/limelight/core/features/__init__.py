"""What objects are like: intensity, morphology, texture, neighbours.

Every function takes labels (0 for background, one positive integer per object) and returns a table
with one row per object, index ``label``.  Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "aggregate": "assign",
    "grey_levels": "haralick",
    "measure_gabor": "texture",
    "measure_haralick": "haralick",
    "measure_hu": "texture",
    "measure_intensity": "intensity",
    "measure_lbp": "texture",
    "measure_morphology": "morphology",
    "measure_neighbours": "neighbours",
    "measure_point_pattern": "points",
    "measure_tas": "texture",
    "measure_texture": "texture",
    "measure_volume_image": "volume",
    "measure_zernike": "zernike",
    "neighbour_pairs": "neighbours",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
