"""The calibration that a localization names, and z from it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import FileError
from limelight.core.psf.calibration import ZCalibration, fit_z
from limelight.io.calibration import Calibration, load_calibration

if TYPE_CHECKING:
    from limelight.core.psf.spline import SplinePSF
    from limelight.core.spots import Columns
    from limelight.localize.settings import LocalizeSettings

__all__ = ["add_z", "calibration_of", "scale_z"]


@lru_cache(maxsize=8)
def _loaded(path: str, _stamp: tuple[int, int]) -> Calibration:
    return load_calibration(path)


def calibration_of(settings: LocalizeSettings) -> Calibration | None:
    """Return the calibration that the settings name; None if they name none.

    A file is read once for as long as it does not change, in each process: threads, the live
    preview and the workers of a cluster all come here.

    Raises
    ------
    FileError
        If the file is not there, or is no calibration.
    """
    if not settings.calibration:
        return None
    path = os.path.expanduser(settings.calibration)
    try:
        about = os.stat(path)
    except OSError as error:
        raise FileError(
            path,
            f"the calibration cannot be read ({error.strerror or error}).",
            "Choose the file again, or leave it out to localize without z.",
        ) from error
    found = _loaded(path, (about.st_mtime_ns, about.st_size))
    if isinstance(found, ZCalibration) and settings.magnification_factor is not None:
        found = replace(found, magnification=settings.magnification_factor)
    return found


def add_z(columns: Columns, calibration: ZCalibration) -> None:
    """Add ``z``, ``d_zcalib`` and, where the widths have errors, ``lpz``; z is NaN outside."""
    columns.update(
        fit_z(
            columns["sx"],
            columns["sy"],
            calibration,
            sx_unc=columns.get("sx_unc"),
            sy_unc=columns.get("sy_unc"),
        )
    )


def scale_z(columns: Columns, model: SplinePSF, settings: LocalizeSettings) -> None:
    """Turn z of the stage into that in the sample."""
    factor = settings.magnification_factor
    if factor is None:
        factor = float(model.about.get("magnification", 1.0))
    if factor != 1.0:
        for name in ("z", "lpz"):
            columns[name] = columns[name] * np.float32(factor)
