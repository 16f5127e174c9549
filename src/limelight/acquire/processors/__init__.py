"""Processors that come with Limelight: they work on frames as they are acquired, or on a movie.

Each is a class of settings with one method, ``process``; see `limelight.core.parts.Processor`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AverageFrames": "combine",
    "Denoise": "correct",
    "FlatDark": "correct",
    "HoldDensity": "hold",
    "HoldFocus": "hold",
    "Project": "combine",
    "SaveEvery": "combine",
    "Statistics": "measure",
    "SubtractBackground": "background",
    "TemporalMedian": "background",
    "TriggerWhen": "trigger",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_HOMES)
