"""The point spread function: looked at from three sides, measured on beads, modelled.

Volumes are arrays (Z, Y, X), slices in the order of the stage.  Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AveragedBeads": "average",
    "BEAD_COLUMNS": "bead_fit",
    "BeadFit": "bead_fit",
    "Beads": "beads",
    "CalibrationReport": "calibration",
    "FieldMap": "measure",
    "Profile": "views",
    "SplinePSF": "spline",
    "Trend": "measure",
    "Views": "views",
    "ZCalibration": "calibration",
    "as_stack": "beads",
    "average_beads": "average",
    "average_job": "average",
    "bead_job": "measure",
    "calibrate_z": "calibration",
    "cut_bead": "beads",
    "field_map": "measure",
    "find_beads": "beads",
    "fit_bead": "bead_fit",
    "fit_z": "calibration",
    "line_profile": "views",
    "measure_beads": "measure",
    "profiles": "views",
    "reslice": "views",
    "saturation_of": "beads",
    "stack_limits": "views",
    "summarize": "measure",
    "theoretical_fwhm": "measure",
    "width_of": "views",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
