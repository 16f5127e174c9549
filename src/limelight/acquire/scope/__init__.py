"""A simulated single-molecule microscope, in the real Micro-Manager core.

`simulated_core` returns a core with camera, stages, lasers, shutter, filter wheel and a blinking
sample; `bench_of` tells what was really there, frame by frame.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Bench": "bench",
    "CHANNELS": "bench",
    "CONFIGURATION": "load",
    "bench_of": "load",
    "camera_of": "load",
    "load_simulated": "load",
    "simulated_core": "load",
}

__all__ = [
    "CHANNELS",
    "CONFIGURATION",
    "Bench",
    "bench_of",
    "camera_of",
    "load_simulated",
    "simulated_core",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
