"""Limelight: live microscopy and single-molecule analysis in napari.

Importing this package costs almost nothing; every public name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.acquire import (
        Acquisition,
        Bridge,
        Core,
        Dataset,
        acquire_job,
        multi_d_acquisition_events,
        recover_results,
        start_headless,
    )
    from limelight.core.camera import Camera
    from limelight.core.frame import Frame
    from limelight.core.job import Progress, run
    from limelight.core.localizations import Localizations
    from limelight.core.movie import ArrayMovie, Movie
    from limelight.core.render import render
    from limelight.core.simulate import SimulatedMovie
    from limelight.io import load_camera_config, load_localizations, open_movie, save_localizations
    from limelight.io.picks import load_picks
    from limelight.io.tool_calls import (
        dbscan,
        filter,
        frc,
        hdbscan,
        link,
        measure_drift,
        neighbours,
        nena,
        pick,
        quality,
        undrift,
    )
    from limelight.io.tools import apply_tool, load_drift, save_drift
    from limelight.localize import LocalizeSettings, localize, localize_job

_HOMES = {
    "Acquisition": "limelight.acquire",
    "Bridge": "limelight.acquire",
    "Core": "limelight.acquire",
    "Dataset": "limelight.acquire",
    "acquire_job": "limelight.acquire",
    "multi_d_acquisition_events": "limelight.acquire",
    "recover_results": "limelight.acquire",
    "start_headless": "limelight.acquire",
    "ArrayMovie": "limelight.core.movie",
    "Camera": "limelight.core.camera",
    "Frame": "limelight.core.frame",
    "Localizations": "limelight.core.localizations",
    "LocalizeSettings": "limelight.localize",
    "Movie": "limelight.core.movie",
    "Progress": "limelight.core.job",
    "SimulatedMovie": "limelight.core.simulate",
    "apply_tool": "limelight.io.tools",
    "dbscan": "limelight.io.tool_calls",
    "filter": "limelight.io.tool_calls",
    "frc": "limelight.io.tool_calls",
    "hdbscan": "limelight.io.tool_calls",
    "link": "limelight.io.tool_calls",
    "load_camera_config": "limelight.io",
    "load_drift": "limelight.io.tools",
    "load_localizations": "limelight.io",
    "load_picks": "limelight.io.picks",
    "localize_job": "limelight.localize",
    "measure_drift": "limelight.io.tool_calls",
    "neighbours": "limelight.io.tool_calls",
    "nena": "limelight.io.tool_calls",
    "open_movie": "limelight.io",
    "pick": "limelight.io.tool_calls",
    "quality": "limelight.io.tool_calls",
    "render": "limelight.core.render",
    "run": "limelight.core.job",
    "save_drift": "limelight.io.tools",
    "save_localizations": "limelight.io",
    "undrift": "limelight.io.tool_calls",
}

__all__ = [
    "Acquisition",
    "ArrayMovie",
    "Bridge",
    "Camera",
    "Core",
    "Dataset",
    "Frame",
    "Localizations",
    "LocalizeSettings",
    "Movie",
    "Progress",
    "SimulatedMovie",
    "acquire_job",
    "apply_tool",
    "dbscan",
    "filter",
    "frc",
    "hdbscan",
    "link",
    "load_camera_config",
    "load_drift",
    "load_localizations",
    "load_picks",
    "localize",
    "localize_job",
    "measure_drift",
    "multi_d_acquisition_events",
    "neighbours",
    "nena",
    "open_movie",
    "pick",
    "quality",
    "recover_results",
    "render",
    "run",
    "save_drift",
    "save_localizations",
    "start_headless",
    "undrift",
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
