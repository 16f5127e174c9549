"""Measurements on a table as table tools: precision, resolution, neighbours, quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.locs.assess import quality_job
from limelight.core.locs.neighbours import nearest_neighbours
from limelight.core.locs.precision import nena
from limelight.core.locs.resolution import frc
from limelight.core.locs.result import Line, Measure, Plot, ToolResult
from limelight.core.locs.tools.tool import Tool
from limelight.core.locs.tools.undrift import drift_plot
from limelight.core.settings import setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.locs._table import Table
    from limelight.core.locs.assess import Quality
    from limelight.core.locs.precision import NeNA
    from limelight.core.locs.resolution import FRC

__all__ = [
    "FRCTool",
    "NeNATool",
    "NearestNeighbours",
    "QualityTool",
    "counts_plot",
    "quality_plots",
]

_BINS = 200
_POINTS = 500


class NeNATool(Tool):
    """Measure the localization precision from molecules that shine in two adjacent frames."""

    name = "nena"
    title = "Precision (NeNA)"

    max_distance: float = setting(
        1.0,
        help="Largest distance that is looked at; at least five times the precision.",
        unit="px",
        low=0.001,
    )
    pairs: Literal["all", "nearest"] = setting(
        "all", help="All neighbours in reach, or the nearest only, as published.", advanced=True
    )

    def apply(self, locs: Localizations) -> ToolResult:
        """Measure."""
        found = nena(locs, self.max_distance, self.pairs)
        note = " ".join(found.notes)
        error_nm = found.sigma_error_px * locs.pixel_size_nm
        sure = found.reliable
        measures = (
            Measure("nena_nm", "Precision by NeNA", found.sigma_nm, "nm", sure, note),
            Measure("nena_px", "Precision by NeNA", found.sigma_px, "px", sure, note),
            Measure("nena_error_nm", "Standard error of the fit", error_nm, "nm", sure, note),
            Measure("nena_repeated", "Molecules seen twice, about", found.repeated, "", sure, note),
        )
        return ToolResult(measures, plots=(_nena_plot(found, locs.pixel_size_nm),), found=found)


def _nena_plot(found: NeNA, pixel_size_nm: float) -> Plot:
    d = found.distance_px * pixel_size_nm
    return Plot(
        "Neighbours in adjacent frames",
        "Distance (nm)",
        "Pairs",
        (
            Line("adjacent frames", d, found.counts, "bars"),
            Line("frames far apart", d, found.control),
            Line("fit", d, found.fit),
        ),
        (("sigma", found.sigma_nm),),
    )


class FRCTool(Tool):
    """Measure the resolution of the whole table by Fourier ring correlation."""

    name = "frc"
    title = "Resolution (FRC)"

    pixel_size_nm: float | None = setting(
        None,
        help="Pixel of the two pictures; none: half the median precision.",
        unit="nm",
        low=0.01,
    )
    split: Literal["blocks", "molecules"] = setting(
        "blocks",
        help="Halve by blocks of frames, or molecule by molecule (for linked tables).",
    )
    block_frames: int | None = setting(
        None,
        help="Frames per block; none: a fortieth of the movie.",
        unit="frames",
        low=1,
        advanced=True,
    )
    repeats: int = setting(
        1, help="Random halvings; with two or more the error is known.", low=1, high=100
    )
    seed: int = setting(0, help="Of the random halvings.", low=0, advanced=True)  # fmt: skip

    def apply(self, locs: Localizations) -> ToolResult:
        """Measure."""
        found = frc(
            locs,
            self.pixel_size_nm,
            self.split,
            block_frames=self.block_frames,
            repeats=self.repeats,
            seed=self.seed,
        )
        note = " ".join(found.notes)
        value = found.resolution_nm if np.isfinite(found.resolution_nm) else None
        measures = [Measure("frc_nm", "Resolution by FRC", value, "nm", found.reliable, note)]
        if np.isfinite(found.resolution_error_nm):
            error = found.resolution_error_nm
            title = "Standard deviation of the halvings"
            measures.append(Measure("frc_error_nm", title, error, "nm", found.reliable))
        return ToolResult(tuple(measures), plots=(_frc_plot(found),), found=found)


def _frc_plot(found: FRC) -> Plot:
    f = found.frequency_per_nm
    marks = (("resolution", 1 / found.resolution_nm),) if np.isfinite(found.resolution_nm) else ()
    return Plot(
        "Fourier ring correlation",
        "Spatial frequency (1/nm)",
        "Correlation",
        (
            Line("rings", f, found.correlation, "points"),
            Line("smoothed", f, found.smooth),
            Line("1/7", f[[0, -1]], np.full(2, found.threshold)),
        ),
        marks,
    )


class NearestNeighbours(Tool):
    """Measure how far it is from each molecule to the nearest ones."""

    name = "neighbours"
    title = "Nearest neighbours"
    suffix = "_neighbours"

    count: int = setting(1, help="How many neighbours of each.", low=1, high=100)

    def apply(self, locs: Localizations) -> ToolResult:
        """Measure, and keep the distances as columns ``nn1_nm``, ``nn2_nm``, ..."""
        distance = nearest_neighbours(locs, self.count)
        table = locs.table.copy(deep=False)
        measures, lines = [], []
        finite = distance[np.isfinite(distance)]
        top = float(np.quantile(finite, 0.99)) if len(finite) else 1.0
        edges = np.linspace(0, max(top, 1e-6), _BINS + 1)
        for k in range(self.count):
            values = distance[:, k]
            table[f"nn{k + 1}_nm"] = values.astype(np.float32)
            known = values[np.isfinite(values)]
            title = f"Neighbour {k + 1}, median distance"
            if len(known) == 0:
                note = f"No molecule has {k + 1} others."
                measures.append(Measure(f"nn{k + 1}_nm", title, None, "nm", False, note))
                continue
            measures.append(Measure(f"nn{k + 1}_nm", title, float(np.median(known)), "nm"))
            counts = np.histogram(known, edges)[0].astype(np.float64)
            lines.append(Line(f"neighbour {k + 1}", 0.5 * (edges[1:] + edges[:-1]), counts))
        plot = Plot("Distance to the nearest", "Distance (nm)", "Molecules", tuple(lines))
        step = {"Generated by": "Limelight Nearest neighbours", "Neighbours": self.count}
        return ToolResult(tuple(measures), locs.with_table(table, step), plots=(plot,))


class QualityTool(Tool):
    """Measure what one looks at before one believes a result: precision, resolution, drift, ..."""

    name = "quality"
    title = "Quality"

    sample: int = setting(
        1_000_000, help="Most molecules to look at: a window in the middle of the field.", low=1
    )
    link_distance: float | None = setting(
        None,
        help="Distance for linking; none: four times NeNA's precision.",
        unit="px",
        low=0.001,
        advanced=True,
    )
    dark_frames: int = setting(
        3, help="Dark frames for linking.", unit="frames", low=0, advanced=True
    )  # fmt: skip

    def run(self, table: Table) -> Job[ToolResult]:
        """Measure step by step; the steps' ``partial`` are the figures that came with them."""
        locs = self.checked(table)
        found = yield from quality_job(
            locs, self.sample, link_distance=self.link_distance, dark_frames=self.dark_frames
        )
        return ToolResult(
            found.measures, plots=quality_plots(found, locs.pixel_size_nm), found=found
        )


def counts_plot(locs_per_frame: NDArray[np.int64]) -> Plot:
    """Return the curve of molecules per frame, as means over at most five hundred stretches."""
    counts = locs_per_frame.astype(np.float64)
    lines: tuple[Line, ...] = ()
    if len(counts):
        edges = np.linspace(0, len(counts), min(len(counts), _POINTS) + 1).astype(np.int64)
        mean = np.add.reduceat(counts, edges[:-1]) / np.diff(edges)
        middle = 0.5 * (edges[1:] + edges[:-1] - 1)
        lines = (Line("mean", middle.astype(np.float64), mean),)
    return Plot("Molecules per frame", "Frame", "Molecules", lines)


def quality_plots(found: Quality, pixel_size_nm: float) -> tuple[Plot, ...]:
    """Return what there is to look at of a quality: counts, drift, NeNA and FRC."""
    plots = [counts_plot(found.locs_per_frame)]
    for drift in (found.drift_aim, found.drift_rcc):
        if drift is not None:
            plots.append(drift_plot(drift, pixel_size_nm))
    if found.nena is not None:
        plots.append(_nena_plot(found.nena, pixel_size_nm))
    if found.frc is not None:
        plots.append(_frc_plot(found.frc))
    return tuple(plots)
