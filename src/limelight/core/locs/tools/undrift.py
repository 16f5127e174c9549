"""Drift correction as a table tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.locs._table import frame_column, movie_length
from limelight.core.locs.drift.curve import apply_drift
from limelight.core.locs.result import Line, Measure, Plot, ToolResult
from limelight.core.locs.tools.tool import Tool
from limelight.core.settings import setting

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations
    from limelight.core.locs.drift.curve import Drift

__all__ = ["Undrift", "drift_plot"]

_MOLECULES = 200  # per segment, for the choice of its length


class Undrift(Tool):
    """Measure how the sample drifted, and take it out."""

    name = "undrift"
    title = "Correct drift"
    suffix = "_undrift"

    method: Literal["aim", "rcc", "fiducials"] = setting(
        "aim",
        help="By matching points (aim), by correlating pictures (rcc), or from beads that shine "
        "all the time (fiducials).",
    )
    segment_frames: int | None = setting(
        None,
        help="Frames per segment for aim and rcc; none: chosen from the length of the movie and "
        "the number of molecules.",
        unit="frames",
        low=1,
    )
    search_radius: float = setting(
        0.5,
        help="Largest step from one segment to the next, for aim.",
        unit="px",
        low=0.01,
        advanced=True,
    )
    match_distance: float | None = setting(
        None,
        help="How near molecules have to come to meet, for aim; none: twice the median precision.",
        unit="px",
        low=0.001,
        advanced=True,
    )
    max_shift: float = setting(
        5.0,
        help="Largest displacement between two segments, for rcc.",
        unit="px",
        low=0.1,
        advanced=True,
    )
    radius: float = setting(
        1.0,
        help="How far a fiducial may move from its mean place.",
        unit="px",
        low=0.01,
        advanced=True,
    )
    min_fraction: float = setting(
        0.8,
        help="Part of the frames in which a fiducial has to be seen.",
        low=0.01,
        high=1.0,
        advanced=True,
    )
    smoothing_frames: float = setting(
        0.0, help="Width of the Gaussian that smooths a curve from fiducials; 0: none.",
        unit="frames", low=0.0, advanced=True,
    )  # fmt: skip

    drift_file: str = setting(
        "",
        help="Take out the drift in this file (NAME_drift.txt) instead of measuring it.",
        advanced=True,
    )

    def measure(self, locs: Localizations) -> Drift:
        """Return the drift of a table."""
        if self.method == "fiducials":
            from limelight.core.locs.drift.fiducials import fiducial_drift, find_fiducials

            places = find_fiducials(locs, self.min_fraction, self.radius)
            return fiducial_drift(locs, places, self.radius, self.smoothing_frames)
        frame = frame_column(locs, "undrift")
        frames = movie_length(locs, frame)
        per_frame = len(frame) / max(frames, 1)
        if self.method == "rcc":
            length = self.segment_frames or int(np.clip(frames // 20, 1, 500))
            from limelight.core.locs.drift.rcc import rcc

            return rcc(locs, length, self.max_shift)
        enough = np.ceil(_MOLECULES / max(per_frame, 1e-9))
        length = self.segment_frames or int(np.clip(enough, 100, max(frames // 4, 100)))
        from limelight.core.locs.drift.aim import aim

        return aim(
            locs,
            min(length, max(frames // 2, 1)) if self.segment_frames is None else length,
            self.match_distance,
            self.search_radius,
        )

    def apply(self, locs: Localizations) -> ToolResult:
        """Measure the drift and take it out."""
        if self.drift_file:
            raise ParameterError(
                "undrift: a file is read by limelight.apply_tool(), the command and the dock; "
                "here, give the drift to taken_out()."
            )
        return self.taken_out(locs, self.measure(locs))

    def taken_out(self, locs: Localizations, drift: Drift) -> ToolResult:
        """Take a drift out, and describe it."""
        note = " ".join(drift.notes)
        ranges = drift.range_px
        nm = locs.pixel_size_nm
        measures = [
            Measure(f"drift_{a}", f"Drift, range of {a}", r, "px", not note, note)
            for a, r in zip("xy", ranges, strict=True)
        ]
        measures += [
            Measure(f"drift_{a}_nm", f"Drift, range of {a}", r * nm, "nm", not note, note)
            for a, r in zip("xy", ranges, strict=True)
        ]
        if drift.dz is not None:
            reach = float(np.ptp(drift.dz))
            measures.append(Measure("drift_z_nm", "Drift, range of z", reach, "nm", not note, note))
        if np.isfinite(drift.error_px):
            text = "Error of the curve, at least"
            measures.append(Measure("drift_error", text, drift.error_px, "px", not note, note))
        return ToolResult(
            tuple(measures),
            apply_drift(locs, drift),
            drift=drift,
            plots=(drift_plot(drift, locs.pixel_size_nm),),
            found=drift,
        )


def drift_plot(drift: Drift, pixel_size_nm: float) -> Plot:
    """Return the curve of a drift, in nm."""
    frames = np.arange(len(drift), dtype=np.float64)
    lines = [
        Line("x", frames, drift.dx * pixel_size_nm),
        Line("y", frames, drift.dy * pixel_size_nm),
    ]
    if drift.dz is not None:
        lines.append(Line("z", frames, drift.dz))
    return Plot(f"Drift ({drift.method})", "Frame", "Drift (nm)", tuple(lines))
