"""What the PSF dock draws as curves, tells as text, and copies as a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.locs.result import Line, Plot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from limelight.core.psf import Trend
    from limelight.core.psf.views import Profile
    from limelight.core.settings import Settings
    from limelight.reslice.jobs import AverageResult, BeadResult, CalibrationResult
    from limelight.reslice.stack import Stack

__all__ = [
    "TITLES",
    "average_plots",
    "bead_words",
    "calibration_plots",
    "profile_plots",
    "script",
    "statistics",
    "trend_plots",
]

TITLES = {
    "fwhm_lateral_um": "lateral FWHM (µm)",
    "fwhm_z_um": "axial FWHM (µm)",
    "asymmetry": "asymmetry",
    "tilt_deg": "tilt (°)",
}
_MOST = 3000  # points of a cloud that are drawn


def profile_plots(profiles: Mapping[str, Profile]) -> list[Plot]:
    """Return the curves of profiles, all in one and each alone."""
    found = []
    for axis, line in profiles.items():
        curve = Line(axis, line.position_um, np.asarray(line.value, float))
        marks: tuple[tuple[str, float], ...] = ()
        if np.isfinite(line.fwhm_um):
            half = 0.5 * line.fwhm_um
            marks = (("half maximum", line.centre_um - half), ("_", line.centre_um + half))
        found.append(Plot(f"Profile along {axis}", f"{axis} (µm)", "counts", (curve,), marks))
    return found


def trend_plots(trend: Trend) -> list[Plot]:
    """Return how widths and asymmetry went from stack to stack."""
    found = []
    for column in ("fwhm_z_um", "fwhm_lateral_um", "asymmetry"):
        seconds, values = trend.curve(column)
        line = Line(TITLES[column], np.asarray(seconds), np.asarray(values))
        found.append(Plot(f"Trend: {TITLES[column]}", "time (s)", TITLES[column], (line,)))
    return found


def calibration_plots(result: CalibrationResult) -> list[Plot]:
    """Return curves with what the beads showed, residuals, and the usable range in both."""
    report, calibration = result.report, result.calibration
    low, high = calibration.usable
    marks = (("usable range", float(low)), ("_", float(high)))
    fine = np.linspace(*calibration.calibrated_nm, 200)
    wx, wy = calibration.widths(fine)
    step = max(len(result.sx) // _MOST, 1)
    z = report.z_nm[result.index][::step]
    drawn = (
        Line("beads, x", z, np.asarray(result.sx, float)[::step], "points"),
        Line("beads, y", z, np.asarray(result.sy, float)[::step], "points"),
        Line("curve, x", fine, np.asarray(wx, float)),
        Line("curve, y", fine, np.asarray(wy, float)),
    )
    top = 1.3 * max(float(np.max(wx)), float(np.max(wy)))
    curves = tuple(Line(c.name, c.x, np.where(c.y <= top, c.y, np.nan), c.style) for c in drawn)
    rms = Line("residual", np.asarray(report.z_nm, float), np.asarray(report.rms_nm, float))
    kept = np.asarray(report.kept)
    cloud = Line(
        "kept",
        report.z_nm[result.index][kept][::step],
        np.asarray(report.residual_nm, float)[kept][::step],
        "points",
    )
    away = "z from the widths - z of the stage (nm)"
    return [
        Plot("Calibration curves", "z of the stage (nm)", "sigma (px)", curves, marks),
        Plot("Residuals of each bead", "z of the stage (nm)", away, (cloud,), marks),
        Plot("Residuals of each slice", "z of the stage (nm)", "rms (nm)", (rms,), marks),
    ]


def average_plots(result: AverageResult) -> list[Plot]:
    """Return how alike the beads are to their average."""
    alike = np.sort(np.asarray(result.averaged.similarity, float))
    line = Line("similarity", np.arange(len(alike)) + 1.0, alike, "bars")
    return [Plot("Similarity of the beads", "bead", "to the average", (line,))]


def statistics(result: BeadResult) -> pd.DataFrame:
    """Return the summary as a table, beside the widths of a perfect microscope."""
    import pandas as pd

    rows = []
    theory = dict(zip(("fwhm_lateral_um", "fwhm_z_um"), result.theory_um or (), strict=False))
    for name, values in result.summary.items():
        row: dict[str, Any] = {"quantity": name, **values}
        if theory:
            row["theory"] = theory.get(name, float("nan"))
        rows.append(row)
    return pd.DataFrame(rows)


def bead_words(result: BeadResult) -> str:
    """Return in words how many beads were measured, and how wide they are."""
    good, summary = result.good, result.summary

    def median(column: str) -> str:
        return f"{summary[column]['median']:.3f}" if column in summary else "–"

    text = (
        f"{len(good)} beads measured, {len(result.table) - len(good)} rejected. Median FWHM: "
        f"lateral {median('fwhm_lateral_um')} µm, axial {median('fwhm_z_um')} µm"
    )
    if result.theory_um is not None:
        lateral, axial = result.theory_um
        text += f" (a perfect microscope: {lateral:.3f} and {axial:.3f} µm)"
    return text + "."


def script(tool: str, stack: Stack, settings: Settings) -> str:
    """Return a script that does to a stack what the dock did."""
    job, saving = {
        "Measure beads": ("measure_job", "save_beads"),
        "Calibrate z (astigmatism)": ("calibrate_job", "save_calibrated"),
        "Average beads, make a spline": ("spline_job", "save_average"),
    }[tool]
    kind = type(settings).__name__
    values = ", ".join(f"{k}={v!r}" for k, v in settings.to_dict().items())
    file = str(stack.path) if stack.path is not None else "stack.ome.tif"
    step = "" if stack.step_nm is None else f", step_nm={stack.step_nm:g}"
    pixel = "" if stack.pixel_nm is None else f", pixel_nm={stack.pixel_nm:g}"
    return (
        "from pathlib import Path\n\n"
        "from limelight.core.job import run\n"
        f"from limelight.reslice import {kind}, {job}, open_stack, {saving}\n\n"
        f"stack = open_stack({file!r}{step}{pixel})\n"
        f"settings = {kind}({values})\n"
        f"result = run({job}(stack, settings))\n"
        f'{saving}(result, stack, settings, Path(f"{{stack.name}}_psf"))\n'
    )
