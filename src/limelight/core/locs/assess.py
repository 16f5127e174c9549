"""Quality of a result: what one looks at before one believes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Job, Progress, run
from limelight.core.localizations import Localizations
from limelight.core.locs._table import Table, as_locs
from limelight.core.locs.drift.aim import aim
from limelight.core.locs.drift.curve import Drift, apply_drift
from limelight.core.locs.drift.rcc import rcc
from limelight.core.locs.filter import drop_nan
from limelight.core.locs.kinetics import bright_times
from limelight.core.locs.linking import link
from limelight.core.locs.precision import NeNA, nena
from limelight.core.locs.resolution import FRC, frc
from limelight.core.locs.result import Measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


__all__ = [
    "Measure",
    "Quality",
    "frc_measures",
    "medians",
    "nena_measures",
    "quality",
    "quality_job",
]

_APART = 0.3  # px rms by which two drift curves may differ
_MEDIANS = (
    ("photons", "Photons", "photons"),
    ("sx", "Sigma x", "px"),
    ("sy", "Sigma y", "px"),
    ("bg", "Background", "photons/px"),
    ("lpx", "Stated precision x", "px"),
    ("lpy", "Stated precision y", "px"),
)


@dataclass(frozen=True, eq=False)
class Quality:
    """What was measured on a table.

    Parameters
    ----------
    measures : tuple of Measure
        The figures.
    locs_per_frame : 1D array of int64 (frames,)
        Localizations of each frame.
    nena, frc : NeNA, FRC, optional
        With their curves; None where they could not be measured.
    drift_rcc, drift_aim : Drift, optional
        The drift curves; None where they could not be measured.
    sampled : int
        Molecules that were looked at (all, or a window in the middle of the field).
    """

    measures: tuple[Measure, ...]
    locs_per_frame: NDArray[np.int64] = field(repr=False)
    nena: NeNA | None = field(repr=False)
    frc: FRC | None = field(repr=False)
    drift_rcc: Drift | None = field(repr=False)
    drift_aim: Drift | None = field(repr=False)
    sampled: int

    def __getitem__(self, name: str) -> Measure:
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)

    def to_dict(self) -> dict[str, float | None]:
        """Return the figures by name, as a file or a database keeps them."""
        return {measure.name: measure.value for measure in self.measures}


def quality_job(
    table: Table,
    sample: int = 1_000_000,
    *,
    link_distance: float | None = None,
    dark_frames: int = 3,
    rcc_frames: int | None = None,
    aim_frames: int | None = None,
    threads: int | None = None,
) -> Job[Quality]:
    """Measure the quality of a result, step by step.

    A figure that cannot be measured is None, with a note that says why; only a table of no use
    at all raises.  Rows without a finite position are left out.  NeNA and linking look at the
    table as it is, since drift hardly shows between successive frames; the Fourier ring
    correlation at the table with the drift found by point matching taken out, unless that and
    the drift by cross-correlation disagree.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules, not linked.
    sample : int
        Most molecules to look at.  Of a larger table, a square window in the middle is taken, so
        that frames, drift and neighbours stay what they are.
    link_distance : float, optional
        Largest distance for linking, px; four times NeNA's precision by default (0.3 px without).
    dark_frames : int
        Dark frames for linking.
    rcc_frames, aim_frames : int, optional
        Frames per segment; a twentieth of the movie (500 at most) and 100 (at least 200
        molecules) by default.
    threads : int, optional
        Threads; the result does not depend on it.

    Yields
    ------
    Progress
        After each step; ``partial`` is the list of figures that came with it.

    Returns
    -------
    Quality
        All figures.

    Raises
    ------
    ParameterError
        If the table is empty, or ``sample`` is less than 1.
    """
    if sample < 1:
        raise ParameterError(f"quality: sample must be at least 1, not {sample}.")
    everything = as_locs(table)
    if len(everything) == 0:
        raise ParameterError(
            "quality: the table is empty. Lower the detection threshold or loosen the filters."
        )
    whole = drop_nan(everything, ["frame", "x", "y"])
    dropped = len(everything) - len(whole)
    if len(whole) == 0:
        raise ParameterError(
            "quality: no row has finite numbers in frame, x and y. Localize the movie again."
        )
    locs = _window(whole, sample)
    measures: list[Measure] = []
    total = 6

    def step(done: int, message: str, new: list[Measure]) -> Progress:
        measures.extend(new)
        return Progress(done, total, message, new)

    counts = np.bincount(whole["frame"].astype(np.int64), minlength=whole.frames)
    yield step(1, "Counted molecules", _simple(whole, counts, dropped))

    found, why = _try(lambda: nena(locs, threads=threads))
    nena_result: NeNA | None = found
    yield step(2, "Measured the precision (NeNA)", nena_measures(nena_result, why))

    frames = locs.frames
    rcc_length = rcc_frames or int(np.clip(frames // 20, 1, 500))
    found, why = _try(lambda: rcc(locs, rcc_length, threads=threads))
    drift_rcc: Drift | None = found
    yield step(3, "Measured the drift (RCC)", _drift_measures("rcc", "RCC", drift_rcc, why))

    per_frame = len(locs) / max(frames, 1)
    aim_length = aim_frames or int(np.clip(np.ceil(200 / per_frame), 100, max(frames // 4, 1)))
    found, why = _try(lambda: aim(locs, aim_length, threads=threads))
    drift_aim: Drift | None = found
    apart = _disagreement(drift_rcc, drift_aim)
    yield step(4, "Measured the drift (AIM)", _drift_measures("aim", "AIM", drift_aim, why, apart))

    # Where both disagree, nobody knows which is right: better none than a wrong one.
    straight = locs if drift_aim is None or apart else apply_drift(locs, drift_aim)
    found, why = _try(lambda: frc(straight, threads=threads))
    frc_result: FRC | None = found
    yield step(5, "Measured the resolution (FRC)", frc_measures(frc_result, why))

    distance = link_distance
    if distance is None:
        trusted = nena_result is not None and nena_result.reliable
        distance = 4 * nena_result.sigma_px if nena_result is not None and trusted else 0.3
    chosen = float(distance)
    linked, why = _try(lambda: _linked(locs, chosen, dark_frames, threads))
    yield step(6, "Linked molecules", _linked_measures(linked, why, nena_result))

    return Quality(
        tuple(measures), counts, nena_result, frc_result, drift_rcc, drift_aim, len(locs)
    )


def quality(
    table: Table, on_progress: Callable[[Progress], object] | None = None, **settings: Any
) -> Quality:
    """Measure the quality of a result; settings are those of `quality_job`."""
    return run(quality_job(table, **settings), on_progress)


def _try(measure: Callable[[], Any]) -> tuple[Any, str]:
    """Return what was measured, or None and why not."""
    try:
        return measure(), ""
    except LimelightError as error:
        return None, str(error)


def _window(locs: Localizations, sample: int) -> Localizations:
    """Return the square window around the median position that holds so many molecules."""
    if len(locs) <= sample:
        return locs
    x, y = locs["x"].astype(np.float64), locs["y"].astype(np.float64)
    distance = np.maximum(np.abs(x - np.median(x)), np.abs(y - np.median(y)))
    limit = np.partition(distance, sample - 1)[sample - 1]
    keep = np.flatnonzero(distance <= limit)[:sample]
    return locs.with_table(
        locs.table.iloc[keep].reset_index(drop=True),
        {"Generated by": "Limelight Quality", "Window (px)": float(2 * limit)},
    )


def _simple(locs: Localizations, counts: NDArray[np.int64], dropped: int) -> list[Measure]:
    """Count, and take medians."""
    note = f"{dropped} rows are not finite numbers and were left out." if dropped else ""
    found = [
        Measure("n_locs", "Molecules", float(len(locs)), "", note=note),
        Measure("locs_per_frame", "Molecules per frame", float(counts.mean()), "1/frame"),
    ]
    found += medians(lambda column: locs[column] if column in locs else None)
    return found


def medians(column: Callable[[str], NDArray[Any] | None]) -> list[Measure]:
    """Return the medians that one looks at.

    Parameters
    ----------
    column : callable
        Gives a column by its name; None where there is none.
    """
    found = []
    for name_of_column, title, unit in _MEDIANS:
        name = f"median_{name_of_column}"
        values = column(name_of_column)
        if values is None:
            note = f"The table has no column {name_of_column!r}."
            found.append(Measure(name, f"{title}, median", None, unit, False, note))
            continue
        good = values[np.isfinite(values)]
        if len(good) == 0:
            note = f"The column {name_of_column!r} has no finite value."
            found.append(Measure(name, f"{title}, median", None, unit, False, note))
            continue
        bad = len(values) - len(good)
        note = f"{bad} rows are not finite numbers." if bad else ""
        found.append(Measure(name, f"{title}, median", float(np.median(good)), unit, note=note))
    return found


def nena_measures(result: NeNA | None, why: str) -> list[Measure]:
    """Return the figures of a NeNA; ``why`` says why there is none."""
    if result is None:
        return [
            Measure("nena_px", "Precision by NeNA", None, "px", False, why),
            Measure("nena_nm", "Precision by NeNA", None, "nm", False, why),
        ]
    note = " ".join(result.notes)
    return [
        Measure("nena_px", "Precision by NeNA", result.sigma_px, "px", result.reliable, note),
        Measure("nena_nm", "Precision by NeNA", result.sigma_nm, "nm", result.reliable, note),
    ]


def frc_measures(result: FRC | None, why: str) -> list[Measure]:
    """Return the figure of an FRC; ``why`` says why there is none."""
    if result is None or not np.isfinite(result.resolution_nm):
        note = why if result is None else " ".join(result.notes)
        return [Measure("frc_nm", "Resolution by FRC", None, "nm", False, note)]
    note = " ".join(result.notes)
    return [
        Measure("frc_nm", "Resolution by FRC", result.resolution_nm, "nm", result.reliable, note)
    ]


def _disagreement(one: Drift | None, other: Drift | None) -> str:
    """Say so where two curves differ more than noise would have it."""
    if one is None or other is None or len(one) != len(other):
        return ""
    apart = float(np.sqrt(np.mean((one.dx - other.dx) ** 2 + (one.dy - other.dy) ** 2)))
    if apart < _APART:
        return ""
    return (
        f"RCC and AIM differ by {apart:.2f} px: the sample jumped, or there are too few molecules. "
        "Look at both curves."
    )


def _drift_measures(
    key: str, title: str, drift: Drift | None, why: str, doubt: str = ""
) -> list[Measure]:
    names = [
        (f"drift_{key}_x", f"Drift by {title}, range of x"),
        (f"drift_{key}_y", f"Drift by {title}, range of y"),
    ]
    if drift is None:
        return [Measure(name, text, None, "px", False, why) for name, text in names]
    notes = [*drift.notes, *([doubt] if doubt else [])]
    return [
        Measure(name, text, value, "px", not notes, " ".join(notes))
        for (name, text), value in zip(names, drift.range_px, strict=True)
    ]


def _linked(
    locs: Localizations, distance: float, dark_frames: int, threads: int | None
) -> NDArray[np.int64]:
    """Return bright times; only columns that linking needs are averaged."""
    needed = [c for c in ("frame", "x", "y") if c in locs]
    slim = Localizations(locs.table[needed], locs.provenance)
    return bright_times(link(slim, distance, dark_frames, threads=threads))


def _linked_measures(
    bright: NDArray[np.int64] | None, why: str, precision: NeNA | None
) -> list[Measure]:
    title = "Bright time, mean"
    if bright is None or len(bright) == 0:
        note = why or "No event lies between the first and the last frame."
        return [Measure("bright_time", title, None, "frames", False, note)]
    sure = precision is not None and precision.reliable
    note = "" if sure else "Molecules may be linked that only lie near each other: see NeNA."
    return [Measure("bright_time", title, float(bright.mean()), "frames", sure, note)]
