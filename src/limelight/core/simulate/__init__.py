"""Simulated movies with known truth: for tests, for the demonstration and for benchmarks.

Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "AstigmaticPSF": "optics",
    "Blinking": "emission",
    "CellField": "cells",
    "Drift": "sample",
    "Dye": "sample",
    "GaussianPSF": "optics",
    "Kinetics": "blinking",
    "PSF_KINDS": "psf",
    "PhotonBudget": "photons",
    "PupilPSF": "psf",
    "SCENES": "scenes",
    "Scattered": "emission",
    "Sample": "sample",
    "SimulatedMovie": "movie",
    "bead_stack": "psf",
    "cell": "sample",
    "expose": "movie",
    "filaments": "structures",
    "gradient_background": "background",
    "linear_drift": "drift",
    "origami": "structures",
    "random_walk_drift": "drift",
    "rings": "structures",
    "scene": "scenes",
    "simulate_cells": "cells",
    "structured_background": "background",
    "uniform": "structures",
    "uniform_background": "background",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
