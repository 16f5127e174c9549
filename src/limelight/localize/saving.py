"""Saving a result, and saying so: the one place where a localization becomes part of the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, LimelightError
from limelight.core.locs.assess import quality_job
from limelight.core.report import RunRecord, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from limelight.core.camera import Camera
    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.locs.assess import Quality
    from limelight.core.movie import Movie
    from limelight.localize.settings import LocalizeSettings

__all__ = ["record_of", "save_job", "with_quality"]

_SAMPLE = 200_000
_MEDIANS = ("photons", "bg", "sx", "sy", "lpx", "lpy", "z", "net_gradient", "snr")


def figures_of(locs: Localizations) -> dict[str, float | None]:
    """Return what is known of a table at a glance: counts, and medians of evenly spaced rows."""
    frames, (height, width) = locs.frames, locs.shape
    found: dict[str, float | None] = {
        "n_locs": float(len(locs)),
        "frames": float(frames),
        "height": float(height),
        "width": float(width),
        "locs_per_frame": len(locs) / frames if frames else None,
    }
    step = max(len(locs) // _SAMPLE, 1)
    for name in _MEDIANS:
        if name in locs and len(locs):
            values = locs[name][::step]
            good = values[np.isfinite(values)]
            found[f"median_{name}"] = float(np.median(good)) if len(good) else None
    return found


def record_of(
    locs: Localizations,
    file: str | Path | None = None,
    *,
    source: str | Path | None = None,
    settings: LocalizeSettings | None = None,
    camera: Camera | None = None,
    started: datetime | None = None,
    duration_s: float | None = None,
    group: str = "",
    tags: Sequence[str] = (),
) -> RunRecord:
    """Make the record of a localization, without its quality, which takes longer.

    Parameters
    ----------
    locs : Localizations
        The result.
    file, source : path, optional
        Where it was saved, and the movie.
    settings, camera : optional
        How it was made; by default what the table's provenance says.
    started : datetime, optional
        When the run began; by default ``duration_s`` ago.
    duration_s : float, optional
        How long it took, seconds.
    group, tags
        As for `RunRecord`.
    """
    from limelight.core.render.thumbnail import thumbnail

    said: dict[str, Any] = {}
    for step in locs.provenance:
        if isinstance(step.get("Limelight"), dict):
            said = step["Limelight"]
    moment = started or datetime.now(UTC) - timedelta(seconds=duration_s or 0.0)
    seen_through = camera.to_dict() if camera is not None else dict(said.get("camera") or {})
    if not seen_through.get("name"):
        name = locs.find("Camera", "")
        seen_through["name"] = "" if name == "None" else str(name)
    try:
        preview = thumbnail(locs)
    except LimelightError:
        preview = None  # such as a field that is not known
    return RunRecord(
        kind="localization",
        file=file,
        source=source if source is not None else locs.find("File"),
        group=group,
        tags=tuple(tags),
        started=moment,
        duration_s=duration_s,
        settings=settings.to_record() if settings is not None else said.get("settings") or {},
        camera=seen_through,
        figures=figures_of(locs),
        preview=preview,
    )


def with_quality(record: RunRecord, quality: Quality) -> RunRecord:
    """Return the record of the same run with its quality."""
    notes = {m.name: m.note for m in quality.measures if m.note}
    return record.with_figures(quality.to_dict(), notes)


def save_job(
    locs: Localizations,
    path: str | Path,
    movie: Movie | None = None,
    settings: LocalizeSettings | None = None,
    camera: Camera | None = None,
    *,
    duration_s: float | None = None,
    quality: bool = True,
    group: str = "",
    tags: Sequence[str] = (),
    threads: int | None = None,
    uid: str | None = None,
    tell: Callable[[RunRecord], object] = report,
) -> Job[RunRecord]:
    """Save a result, report it, and measure its quality.

    It is reported as soon as it is saved, and again with its quality: a job that is closed in
    between has lost nothing but that.

    Parameters
    ----------
    locs : Localizations
        The result.
    path : path
        The ``.hdf5`` file.
    movie, settings, camera : optional
        What it was made from and how.
    duration_s : float, optional
        How long the localization took, seconds.
    quality : bool
        Measure the quality, too.
    group, tags
        Under which it is remembered.
    threads : int, optional
        Threads for the quality.
    uid : str, optional
        Identity of the run, where it is known before.
    tell : callable
        What is told; by default all recorders are.

    Yields
    ------
    Progress
        Of the quality; ``partial`` are the figures that came with each step.

    Returns
    -------
    RunRecord
        What was reported; ``file`` is where the result is.

    Raises
    ------
    FileError
        If it cannot be saved.
    """
    from limelight.io import save_localizations

    try:
        saved = save_localizations(locs, path)
    except OSError as error:
        raise FileError(path, f"it cannot be written: {error.strerror}.") from error
    record = record_of(
        locs,
        saved,
        source=movie.path if movie is not None else None,
        settings=settings,
        camera=camera,
        duration_s=duration_s,
        group=group,
        tags=tags,
    )
    if uid is not None:
        record = replace(record, uid=uid)
    tell(record)
    if quality and len(locs):
        found = yield from quality_job(locs, threads=threads)
        record = with_quality(record, found)
        tell(record)
    return record
