"""Limelight: live microscopy and single-molecule analysis in napari.

Importing this package costs almost nothing; every public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.camera import Camera
    from limelight.core.frame import Frame
    from limelight.core.job import Progress, run
    from limelight.core.localizations import Localizations
    from limelight.core.movie import ArrayMovie, Movie
    from limelight.core.render import render
    from limelight.core.simulate import SimulatedMovie
    from limelight.io import load_camera_config, load_localizations, open_movie, save_localizations
    from limelight.localize import LocalizeSettings, localize, localize_job

_HOMES = {
    "ArrayMovie": "limelight.core.movie",
    "Camera": "limelight.core.camera",
    "Frame": "limelight.core.frame",
    "Localizations": "limelight.core.localizations",
    "LocalizeSettings": "limelight.localize",
    "Movie": "limelight.core.movie",
    "Progress": "limelight.core.job",
    "SimulatedMovie": "limelight.core.simulate",
    "load_camera_config": "limelight.io",
    "load_localizations": "limelight.io",
    "localize_job": "limelight.localize",
    "open_movie": "limelight.io",
    "render": "limelight.core.render",
    "run": "limelight.core.job",
    "save_localizations": "limelight.io",
}

__all__ = [
    "ArrayMovie",
    "Camera",
    "Frame",
    "Localizations",
    "LocalizeSettings",
    "Movie",
    "Progress",
    "SimulatedMovie",
    "load_camera_config",
    "load_localizations",
    "localize",
    "localize_job",
    "open_movie",
    "render",
    "run",
    "save_localizations",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-limelight")
    if name == "localize":
        return import_module("limelight.localize")  # the package is the call
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'limelight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
