"""The page of a result for the lab book: picture, quality, drift, histograms, settings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.job import Progress
from limelight.io.page import write_page
from limelight.metrics.adding import measured_job
from limelight.metrics.analysis import common_histograms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.locs.assess import Quality
    from limelight.core.locs.result import Plot
    from limelight.core.report import RunRecord

__all__ = ["Reported", "page_path", "report_job"]

_SIDE = 1400
_INK, _PAPER, _LIGHT = "#f4efe6", "#0d0c11", "#f98c0a"
_SECOND = ("#f98c0a", "#4fb3ff", "#8ee07a", "#d68cff")
_HISTOGRAMS = ("photons", "bg", "sx", "sy", "lpx", "lpy", "z")

Reported = tuple["RunRecord", "Quality | None", Path]
"""What is remembered of a result, its quality, and its page."""


def page_path(table: Path) -> Path:
    """Return where the page of a table is written: beside it."""
    return table.with_name(f"{table.with_suffix('').name}_report.html")


def report_job(
    path: str | Path,
    page: str | Path | None = None,
    *,
    group: str = "",
    tags: Sequence[str] = (),
) -> Job[Reported]:
    """Measure a result, and write a page that stands alone.

    Parameters
    ----------
    path : path
        A table of localizations.
    page : path, optional
        The HTML file; by default ``NAME_report.html`` beside the table.
    group, tags
        Under which it is to be remembered.

    Yields
    ------
    Progress
        Of the quality.

    Returns
    -------
    tuple of RunRecord, Quality or None, path
        What is to be remembered, the quality (None for an empty table), and the page.

    Raises
    ------
    FileError
        If the table cannot be read or the page not be written.
    """
    table = Path(path)
    target = Path(page) if page is not None else page_path(table)
    locs, record, quality = yield from measured_job(table, group=group, tags=tags)
    yield Progress(1, 1, f"Writing {target.name}")
    pictures: list[bytes] = []
    if len(locs):
        pictures.append(_picture(locs))
        pictures.append(_figure(locs, quality))
    write_page(
        target,
        title=table.name,
        lead=_lead(locs, record),
        pictures=pictures,
        tables=_tables(locs, record, quality),
        notes=_notes(quality),
    )
    return record, quality, target


def _lead(locs: Localizations, record: RunRecord) -> str:
    height, width = locs.shape
    side = locs.pixel_size_nm / 1000
    return (
        f"{len(locs):,} localizations in {locs.frames:,} frames of "
        f"{height * side:.1f} x {width * side:.1f} µm. "
        f"{record.started.astimezone():%Y-%m-%d %H:%M}, {record.software}."
    )


def _picture(locs: Localizations) -> bytes:
    """Return the whole field as PNG, no pixel finer than 5 nm."""
    from limelight.core.render import Layer, compose, render
    from limelight.metrics.journal import png_of

    pixel = max(max(locs.shape) * locs.pixel_size_nm / _SIDE, 5.0)
    picture = render(locs, pixel, mode="gaussian", min_blur_nm=pixel / 2)
    png = png_of(compose([Layer(picture, "hot", gamma=0.7)]))
    return png or b""


def _figure(locs: Localizations, quality: Quality | None) -> bytes:
    """Return curves and histograms as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from limelight.core.locs.tools.measure import quality_plots

    plots = quality_plots(quality, locs.pixel_size_nm) if quality is not None else ()
    columns = [c for c in _HISTOGRAMS if c in locs and np.isfinite(locs[c]).any()]
    rows = -(-(len(plots) + len(columns)) // 3)
    figure = Figure(figsize=(13, 3.2 * rows), facecolor=_PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, 3, k + 1) for k in range(len(plots) + len(columns))]
    for axis, plot in zip(axes, plots, strict=False):
        _draw(axis, plot)
    for axis, column in zip(axes[len(plots) :], columns, strict=True):
        from limelight.core.localizations import COLUMNS

        edges, (heights,) = common_histograms([locs], column, density=False)
        axis.stairs(heights, edges, fill=True, color=_LIGHT)
        unit = COLUMNS[column].unit
        _style(
            axis, "", f"{column} ({unit})" if unit not in ("", column) else column, "Localizations"
        )
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110, facecolor=_PAPER)
    return held.getvalue()


def _draw(axis: Any, plot: Plot) -> None:
    for line, colour in zip(plot.lines, _SECOND * len(plot.lines), strict=False):
        if line.style == "bars":
            axis.fill_between(line.x, line.y, step="mid", color=colour, alpha=0.5, label=line.name)
        elif line.style == "points":
            axis.plot(line.x, line.y, ".", ms=2, color=colour, label=line.name)
        else:
            axis.plot(line.x, line.y, color=colour, lw=1.2, label=line.name)
    for name, place in plot.marks:
        axis.axvline(place, color=_INK, lw=0.8, ls="--", label=name)
    if len(plot.lines) + len(plot.marks) > 1:
        axis.legend(frameon=False, labelcolor=_INK, fontsize=8)
    _style(axis, plot.title, plot.x_title, plot.y_title)


def _style(axis: Any, title: str, x: str, y: str) -> None:
    axis.set_facecolor(_PAPER)
    axis.set_title(title, color=_INK, fontsize=10)
    axis.set_xlabel(x, color=_INK, fontsize=9)
    axis.set_ylabel(y, color=_INK, fontsize=9)
    axis.tick_params(colors=_INK, labelsize=8)
    for spine in axis.spines.values():
        spine.set_color("#5a5560")
    axis.margins(x=0.01)


def _tables(
    locs: Localizations, record: RunRecord, quality: Quality | None
) -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = {}
    if quality is not None:
        tables["Quality"] = {
            m.title + ("" if m.reliable else " (see below)"): with_unit(m.value, m.unit)
            for m in quality.measures
        }
    tables["Settings"] = {k: str(v) for k, v in record.settings.items() if v is not None}
    tables["Camera"] = {k: str(v) for k, v in record.camera.items() if v not in (None, "")}
    tables["Files"] = {"Table": str(record.file or ""), "Movie": str(record.source or "not known")}
    tables["How it came to be"] = {
        f"{k + 1}": str(step["Generated by"])
        for k, step in enumerate(locs.provenance)
        if step.get("Generated by")
    }
    return tables


def with_unit(value: float | None, unit: str) -> str:
    """Return a figure as a person reads it."""
    if value is None:
        return "not measured"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()


def _notes(quality: Quality | None) -> list[str]:
    if quality is None:
        return ["The table is empty: there is nothing to measure."]
    notes = [f"{m.title}: {m.note}" for m in quality.measures if m.note]
    if quality.sampled < sum(quality.locs_per_frame):
        notes.append(
            f"Precision, drift, resolution and bright time were measured on {quality.sampled:,} "
            "localizations in a window in the middle of the field."
        )
    return notes
