"""What objects are like: intensity, morphology, texture, neighbours.

Every function takes labels (0 for background, one positive integer per object) and returns a table
with one row per object, index ``label``.  Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "measure_intensity": "intensity",
    "measure_morphology": "morphology",
    "measure_zernike": "zernike",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
