"""The bead tools as jobs: measure, calibrate, average.  Each takes a `Stack` and settings."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import limelight
from limelight.core.errors import ParameterError
from limelight.core.job import Job, Progress
from limelight.core.psf import (
    as_stack,
    average_job,
    bead_job,
    calibrate_z,
    cut_bead,
    field_map,
    find_beads,
    summarize,
    theoretical_fwhm,
)
from limelight.reslice.settings import BeadSettings, CalibrationSettings, SplineSettings

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from limelight.core.psf.average import AveragedBeads
    from limelight.core.psf.beads import Beads
    from limelight.core.psf.calibration import CalibrationReport, ZCalibration
    from limelight.core.psf.measure import FieldMap
    from limelight.core.psf.spline import SplinePSF
    from limelight.reslice.stack import Stack

__all__ = [
    "AverageResult",
    "BeadResult",
    "CalibrationResult",
    "calibrate_job",
    "measure_job",
    "spline_job",
]

_MAPPED = ("fwhm_lateral_um", "fwhm_z_um", "asymmetry", "tilt_deg")


@dataclass(frozen=True, eq=False)
class BeadResult:
    """What a measurement of beads gives.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per bead, with the reason where it was rejected.
    summary : dict
        Number, mean, standard deviation, median, minimum and maximum by column.
    maps : dict of FieldMap
        How the widths, asymmetry and tilt vary over the view.
    theory_um : tuple of float, optional
        Lateral and axial width of a perfect microscope, µm.
    shape : tuple of int
        Height and width of the view, pixels.
    seconds : float
        How long it took.
    """

    table: pd.DataFrame
    summary: dict[str, dict[str, float]]
    maps: dict[str, FieldMap]
    theory_um: tuple[float, float] | None
    shape: tuple[int, int]
    seconds: float = 0.0

    @property
    def good(self) -> pd.DataFrame:
        """The beads that were measured."""
        return self.table[self.table["reason"] == ""]


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """What a calibration gives.

    Parameters
    ----------
    calibration : ZCalibration
        The curves.
    report : CalibrationReport
        Means and residuals.
    beads : Beads
        All beads, with the reason where one was rejected.
    index, bead : 1D array
        Slice and bead of each width.
    sx, sy : 1D array
        The widths, pixels.
    rms_nm : float
        Root mean square of the residuals in the usable range, nm.
    seconds : float
        How long it took.
    """

    calibration: ZCalibration
    report: CalibrationReport
    beads: Beads
    index: NDArray[np.int64]
    bead: NDArray[np.int64]
    sx: NDArray[np.float64]
    sy: NDArray[np.float64]
    rms_nm: float
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class AverageResult:
    """What averaging gives.

    Parameters
    ----------
    averaged : AveragedBeads
        The model, and how well each bead fits it.
    beads : Beads
        All beads, with the reason where one was rejected.
    chosen : 1D array of int64
        Rows of `beads` that were averaged.
    seconds : float
        How long it took.
    """

    averaged: AveragedBeads
    beads: Beads
    chosen: NDArray[np.int64]
    seconds: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> SplinePSF:
        """The measured point spread function."""
        return self.averaged.model


def measure_job(
    stack: Stack, settings: BeadSettings | None = None, *, threads: int | None = None
) -> Job[BeadResult]:
    """Measure the beads of a stack.

    Raises
    ------
    ParameterError
        If the stack has no slices to speak of, its scale is not known, or no bead is left.
    """
    settings = settings or BeadSettings()
    begun = time.perf_counter()
    theory = _theory(settings)
    volume = as_stack(stack.volume)
    scale = stack.scale_um
    yield Progress(0, 1, "looking for beads")
    beads = find_beads(volume, **settings.finding())
    if not len(beads.good):
        raise ParameterError(f"{stack.name}: {beads.complaint()}")
    source = stack.camera.to_photons(volume) if settings.method == "mle" else volume
    table = yield from bead_job(
        source,
        scale_um=scale,
        beads=beads,
        box=settings.box,
        method=settings.method,
        baseline=0.0 if settings.method == "mle" else stack.camera.baseline,
        bead_diameter_um=settings.bead_diameter_um,
        threads=threads,
    )
    height, width = volume.shape[1:]
    maps = {}
    for column in _MAPPED:
        found = field_map(table, (height, width), column)
        if found is not None:
            maps[column] = found
    return BeadResult(
        table, summarize(table), maps, theory, (height, width), time.perf_counter() - begun
    )


def _theory(settings: BeadSettings) -> tuple[float, float] | None:
    if (settings.na is None) != (settings.wavelength_nm is None):
        raise ParameterError(
            "The theoretical widths need both the numerical aperture and the wavelength: "
            "give --na and --wavelength-nm, or neither."
        )
    if settings.na is None or settings.wavelength_nm is None:
        return None
    widths: tuple[float, float] = theoretical_fwhm(
        settings.na, settings.wavelength_nm, settings.index, settings.microscope
    )
    return widths


def calibrate_job(
    stack: Stack, settings: CalibrationSettings | None = None, *, threads: int | None = None
) -> Job[CalibrationResult]:
    """Make an astigmatic calibration from a stack of beads.

    Every bead is fitted in every slice by maximum likelihood with a width for x and one for y.

    Raises
    ------
    ParameterError
        If the step is not known, no bead is left, or the widths tell no z.
    """
    from limelight.core.detect.cut import cut_spots
    from limelight.core.fit import fit_mle
    from limelight.core.pool import each

    settings = settings or CalibrationSettings()
    begun = time.perf_counter()
    step = stack.need_step()
    volume = as_stack(stack.volume, least=7)
    last = len(volume) - 1 if settings.last is None else min(settings.last, len(volume) - 1)
    volume = as_stack(volume[settings.first : last + 1], least=7)
    yield Progress(0, 1, "looking for beads")
    half = max(settings.box, settings.fit_box)
    # a bead is rejected for what lies in its box, not for where it is in focus: that is fitted
    beads = find_beads(volume, **(settings.finding() | {"box": half}), rim_slices=0)
    good = beads.good
    if not len(good):
        raise ParameterError(f"{stack.name}: {beads.complaint()}")
    camera = stack.camera
    light = {
        "baseline": camera.baseline,
        "sensitivity": camera.sensitivity,
        "gain": camera.gain,
    }
    known_level = bool(np.any(camera.baseline))

    def widths(k: int) -> dict[str, Any]:
        row = int(good[k])
        every = np.arange(len(volume))
        spots = cut_spots(
            volume,
            every,
            np.full(len(every), beads.y[row]),
            np.full(len(every), beads.x[row]),
            settings.fit_box,
            **light,  # type: ignore[arg-type]
        )
        if not known_level and spots.min() < 0:
            spots = spots - spots.min()
        return fit_mle(spots, sigma="separate")

    found: list[dict[str, Any]] = []
    batch = 8
    for start in range(0, len(good), batch):
        found += each(widths, range(start, min(start + batch, len(good))), threads)
        yield Progress(len(found), len(good), "beads fitted in all slices")
    sx = np.concatenate([f["sx"] for f in found]).astype(np.float64)
    sy = np.concatenate([f["sy"] for f in found]).astype(np.float64)
    index = np.tile(np.arange(len(volume)), len(good))
    calibration, report = calibrate_z(
        index,
        sx,
        sy,
        step,
        len(volume),
        magnification=settings.magnification_factor,
        about={
            "Generated by": f"Limelight v{limelight.__version__} psf calibrate",
            "Stack": str(stack.path or stack.name),
            "Beads": len(good),
            "Fit box": settings.fit_box,
            "Pixelsize": stack.pixel_nm,
        },
    )
    rms = report.overall_nm(*calibration.usable, report.z_nm[index])
    return CalibrationResult(
        calibration,
        report,
        beads,
        index,
        np.repeat(good, len(volume)),
        sx,
        sy,
        rms,
        time.perf_counter() - begun,
    )


def spline_job(
    stack: Stack, settings: SplineSettings | None = None, *, threads: int | None = None
) -> Job[AverageResult]:
    """Register and average the beads of a stack to a measured point spread function.

    Raises
    ------
    ParameterError
        If the scale is not known, or no bead is left.
    """
    settings = settings or SplineSettings()
    begun = time.perf_counter()
    step, pixel = stack.need_step(), stack.need_pixel()
    volume = as_stack(stack.volume, least=7)
    if step < 0:  # the model's slices rise with the stage
        volume, step = volume[::-1], -step
    yield Progress(0, 1, "looking for beads")
    beads = find_beads(volume, **settings.finding(), rim_slices=0)
    good = beads.good
    if not len(good):
        raise ParameterError(f"{stack.name}: {beads.complaint()}")
    cuts = [cut_bead(volume, int(beads.y[k]), int(beads.x[k]), settings.box) for k in good]
    averaged = yield from average_job(
        cuts,
        pixel_nm=pixel,
        step_nm=step,
        smooth_nm=settings.smooth_nm,
        similarity=settings.similarity,
        about={
            "generated by": f"Limelight v{limelight.__version__} psf spline",
            "stack": str(stack.path or stack.name),
            "magnification": settings.magnification_factor,
            "settings": settings.to_dict(),
        },
        threads=threads,
    )
    if not math.isfinite(float(averaged.similarity.max())):
        raise ParameterError(f"{stack.name}: the beads have no light. Choose another channel.")
    yield Progress(1, 1, f"{int(averaged.used.sum())} beads averaged")
    return AverageResult(averaged, beads, good, time.perf_counter() - begun)
