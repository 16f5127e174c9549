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
    from numpy.typing import NDArray

    from limelight.core.psf.spline import SplinePSF
    from limelight.core.spots import Columns
    from limelight.localize.settings import LocalizeSettings

__all__ = ["add_z", "calibration_of", "first_of_each", "scale_z"]

_SAME_PX = 1.0
_APART = 10.0  # px between frames in the search: farther than any two that are the same


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


def first_of_each(columns: Columns, usable: NDArray[np.bool_], score: str) -> NDArray[np.bool_]:
    """Tell which rows to keep where several candidates led to the same molecule.

    A molecule out of focus has more than one peak, and fits that start at each of them end at the
    same place.  Of those within a pixel in one frame the most likely one is kept.
    """
    from scipy.spatial import cKDTree

    kept: NDArray[np.bool_] = usable.copy()
    rows = np.flatnonzero(usable)
    if len(rows) < 2:
        return kept
    place = np.stack([columns["x"][rows], columns["y"][rows], _APART * columns["frame"][rows]], -1)
    pairs = cKDTree(place).query_pairs(_SAME_PX, output_type="ndarray")
    if not len(pairs):
        return kept
    rank = columns["log_likelihood"] if "log_likelihood" in columns else columns[score]
    value = np.nan_to_num(np.asarray(rank, np.float64)[rows], nan=-np.inf)
    near: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for k in sorted(near, key=lambda k: (-value[k], k)):
        if kept[rows[k]]:
            for other in near[k]:
                kept[rows[other]] = False
    return kept


def scale_z(columns: Columns, model: SplinePSF, settings: LocalizeSettings) -> None:
    """Turn z of the stage into that in the sample."""
    factor = settings.magnification_factor
    if factor is None:
        factor = float(model.about.get("magnification", 1.0))
    if factor != 1.0:
        for name in ("z", "lpz"):
            columns[name] = columns[name] * np.float32(factor)
