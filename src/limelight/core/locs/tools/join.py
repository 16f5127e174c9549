"""Linking as a table tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import LimelightError
from limelight.core.locs.kinetics import bright_times, fit_exponential
from limelight.core.locs.linking import link
from limelight.core.locs.result import Line, Measure, Plot, ToolResult
from limelight.core.locs.tools.tool import Tool
from limelight.core.settings import setting

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["Link"]


class Link(Tool):
    """Join the appearances of a molecule in successive frames into events."""

    name = "link"
    title = "Link"
    suffix = "_link"

    max_distance: float = setting(
        0.5,
        help="Largest distance from one appearance to the next; about four times the precision.",
        unit="px",
        low=0.001,
    )
    dark_frames: int = setting(
        3, help="Frames that it may be dark in between.", unit="frames", low=0
    )
    remove_cut: bool = setting(
        True, help="Leave out events that the movie's first or last frame cuts off.", advanced=True
    )

    def apply(self, locs: Localizations) -> ToolResult:
        """Link."""
        linked = link(locs, self.max_distance, self.dark_frames, self.remove_cut)
        note = ""
        if len(linked) == 0:
            note = (
                "All events touch the movie's first or last frame and were left out; with "
                "remove_cut off they are kept."
            )
        measures = [
            Measure("n_locs", "Molecules before", float(len(locs)), ""),
            Measure("n_events", "Events", float(len(linked)), "", bool(len(linked)), note),
        ]
        plots: tuple[Plot, ...] = ()
        if len(linked):
            bright = bright_times(linked)
            mean = float(bright.mean())
            measures += [
                Measure("locs_per_event", "Molecules per event", float(linked["n"].mean()), ""),
                Measure("bright_time", "Bright time, mean", mean, "frames"),
            ]
            try:
                fit = fit_exponential(bright)
                tau = Measure("bright_tau", "Bright time, exponential", fit.tau, "frames")
            except LimelightError as error:
                tau = Measure(
                    "bright_tau", "Bright time, exponential", None, "frames", False, str(error)
                )
            measures.append(tau)
            length, count = np.unique(bright, return_counts=True)
            line = Line("events", length.astype(np.float64), count.astype(np.float64), "bars")
            plots = (Plot("Bright times", "Frames", "Events", (line,)),)
        return ToolResult(tuple(measures), linked, plots=plots)
