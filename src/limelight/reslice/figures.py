"""Pictures of what the bead tools found, drawn with matplotlib and without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from limelight.reslice.jobs import AverageResult, BeadResult, CalibrationResult

__all__ = ["bead_figure", "calibration_figure", "spline_figure"]

_BLUE, _ORANGE, _GREY = "#2f6fb3", "#d1622b", "#8a8a8a"
_TITLES = {
    "fwhm_lateral_um": "Lateral FWHM (µm)",
    "fwhm_z_um": "Axial FWHM (µm)",
    "asymmetry": "Lateral asymmetry",
    "tilt_deg": "Tilt (°)",
}


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def bead_figure(result: BeadResult, title: str = "") -> Figure:
    """Draw histograms of the widths, and how they vary over the view."""
    figure = _figure(11, 5.6)
    good = result.good
    figure.suptitle(f"{title}: {len(good)} of {len(result.table)} beads measured")
    top: Any = figure.subplots(2, len(_TITLES), squeeze=False)
    height, width = result.shape
    theory = dict(zip(("fwhm_lateral_um", "fwhm_z_um"), result.theory_um or (), strict=False))
    for k, (name, label) in enumerate(_TITLES.items()):
        values = good[name].to_numpy(np.float64)
        values = values[np.isfinite(values)]
        axes = top[0, k]
        if len(values):
            axes.hist(values, bins=min(max(len(values) // 3, 5), 40), color=_BLUE)
            axes.axvline(float(np.median(values)), color="black", lw=1.2, label="median")
        if name in theory:
            axes.axvline(theory[name], color=_ORANGE, lw=1.5, ls="--", label="theory")
            axes.legend(fontsize=8, frameon=False)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=4)
        axes.set_ylabel("beads" if k == 0 else "")
        axes = top[1, k]
        found = result.maps.get(name)
        if found is not None:
            low, high = (float(v) for v in np.percentile(values, [2, 98]))
            high = high if high > low else low + 1e-6
            image = axes.imshow(
                found.fitted,
                extent=(-0.5, width - 0.5, height - 0.5, -0.5),
                cmap="viridis",
                vmin=low,
                vmax=high,
            )
            axes.scatter(
                good["x"],
                good["y"],
                c=good[name],
                cmap="viridis",
                vmin=low,
                vmax=high,
                edgecolors="white",
                linewidths=0.7,
                s=28,
            )
            bar = figure.colorbar(image, ax=axes, shrink=0.85)
            bar.ax.tick_params(labelsize=8)
        axes.set_xlabel("x (px)")
        axes.set_ylabel("y (px)" if k == 0 else "")
    return figure


def calibration_figure(result: CalibrationResult, title: str = "") -> Figure:
    """Draw the curves, the residuals and the usable range."""
    figure = _figure(11, 4.2)
    calibration, report = result.calibration, result.report
    low, high = calibration.usable
    figure.suptitle(
        f"{title}: {len(result.beads.good)} beads, usable from {low:.0f} to {high:.0f} nm, "
        f"residual {result.rms_nm:.1f} nm (rms)"
    )
    panels: Any = figure.subplots(1, 3)
    of_spot = report.z_nm[result.index]
    fine = np.linspace(*calibration.calibrated_nm, 400)
    curves = calibration.widths(fine)
    axes = panels[0]
    for values, means, curve, colour, name in (
        (result.sx, report.mean_sx, curves[0], _BLUE, "x"),
        (result.sy, report.mean_sy, curves[1], _ORANGE, "y"),
    ):
        axes.plot(of_spot, values, ".", color=colour, ms=1.5, alpha=0.15)
        axes.plot(report.z_nm, means, ".", color=colour, ms=4, label=f"mean width along {name}")
        axes.plot(fine, curve, "-", color="black", lw=1)
    axes.set_ylim(0, 1.25 * max(float(c.max()) for c in curves))
    axes.set_xlabel("z of the stage (nm)")
    axes.set_ylabel("sigma (px)")
    axes.legend(fontsize=8, frameon=False)
    axes = panels[1]
    kept = report.kept
    axes.plot(
        of_spot[~kept],
        report.residual_nm[~kept],
        ".",
        color=_GREY,
        ms=2,
        alpha=0.25,
        label="rejected",
    )
    axes.plot(
        of_spot[kept], report.residual_nm[kept], ".", color=_BLUE, ms=2, alpha=0.4, label="kept"
    )
    spread = float(np.nanpercentile(np.abs(report.residual_nm[kept]), 99)) if kept.any() else 1.0
    axes.set_ylim(-1.6 * spread - 1, 1.6 * spread + 1)
    axes.set_xlabel("z of the stage (nm)")
    axes.set_ylabel("z from the widths - z of the stage (nm)")
    axes.legend(fontsize=8, frameon=False, loc="upper right")
    axes = panels[2]
    axes.plot(report.z_nm, report.rms_nm, ".-", color="black", lw=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("z of the stage (nm)")
    axes.set_ylabel("residual of a slice, rms (nm)")
    for axes in panels:
        axes.axvspan(low, high, color=_BLUE, alpha=0.07, lw=0)
        axes.set_xlim(calibration.calibrated_nm[0] - 20, calibration.calibrated_nm[1] + 20)
    return figure


def spline_figure(result: AverageResult, title: str = "") -> Figure:
    """Draw slices of the averaged point spread function, and how alike its beads are."""
    model, averaged = result.model, result.averaged
    figure = _figure(11, 4.6)
    figure.suptitle(
        f"{title}: average of {int(averaged.used.sum())} beads, "
        f"{model.range_nm[0]:.0f} to {model.range_nm[1]:.0f} nm"
    )
    volume = model.volume()
    depth = len(volume)
    picks = np.unique(np.linspace(0, depth - 1, 7).round().astype(int))
    grid: Any = figure.add_gridspec(2, 7, height_ratios=(1, 1.25))
    for k, slice_ in enumerate(picks):
        axes = figure.add_subplot(grid[0, k])
        axes.imshow(volume[slice_], cmap="magma")
        axes.set_title(f"{(slice_ - model.centre[0]) * model.step_nm:.0f} nm", fontsize=9)
        axes.set_axis_off()
    y, x = round(model.centre[1]), round(model.centre[2])
    low, high = model.range_nm
    um = model.pixel_nm / 1000
    for k, (view, name) in enumerate(((volume[:, y], "x"), (volume[:, :, x], "y"))):
        axes = figure.add_subplot(grid[1, 2 * k : 2 * k + 2])
        half = 0.5 * view.shape[1] * um
        axes.imshow(
            view,
            cmap="magma",
            origin="lower",
            aspect="equal",
            extent=(-half, half, low / 1000, high / 1000),
        )
        axes.set_xlabel(f"{name} (µm)")
        axes.set_ylabel("z (µm)" if k == 0 else "")
    axes = figure.add_subplot(grid[1, 4:])
    order = np.argsort(averaged.similarity)
    colours = [_BLUE if averaged.used[n] else _GREY for n in order]
    axes.bar(np.arange(len(order)), averaged.similarity[order], color=colours)
    axes.set_ylim(max(0.0, float(averaged.similarity.min()) - 0.05), 1)
    axes.set_xlabel("bead (grey: left out)")
    axes.set_ylabel("similarity to the average")
    return figure
