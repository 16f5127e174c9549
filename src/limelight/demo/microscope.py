"""The demonstration at the microscope: acquired live, localized live, saved."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError
from limelight.core.job import Job, Progress
from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.readings import Readings
from limelight.core.render.live import LivePicture
from limelight.core.stream import Reading

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from limelight.acquire import Acquisition
    from limelight.core.camera import Camera
    from limelight.localize import LocalizeSettings

__all__ = ["Session", "observe_job"]

EXPOSURE_MS = 10.0
PICTURE_PIXEL_NM = 50.0


@dataclass(eq=False)
class Session:
    """A run at the simulated microscope, to look at while it goes on and afterwards.

    Parameters
    ----------
    acquisition : Acquisition
        What runs; ``acquisition.latest`` is the newest frame.
    camera : Camera
        What the counts are worth.
    table : LiveTable
        The molecules so far.
    picture : LivePicture
        Their picture so far.
    readings : Readings
        Molecules per frame, photons, widths, background and precision so far.
    folder : path, optional
        The data set, when it is there.
    truth : DataFrame, optional
        What was really there, after the end.
    seconds : float
        How long it took.
    """

    acquisition: Acquisition
    camera: Camera
    table: LiveTable = field(default_factory=LiveTable)
    picture: LivePicture = field(
        default_factory=lambda: LivePicture((512, 512), 100.0, PICTURE_PIXEL_NM, "smooth")
    )
    readings: Readings = field(default_factory=Readings)
    folder: Path | None = None
    truth: pd.DataFrame | None = None
    seconds: float = 0.0

    def take(self, _: str, output: Any) -> None:
        """Keep what a processor gave."""
        if isinstance(output, Localizations):
            self.table.add(output)
            self.picture.add(output)
        elif isinstance(output, Reading):
            self.readings.add(output)


def observe_job(
    folder: Path, frames: int, settings: LocalizeSettings, name: str = "demo"
) -> Job[Session]:
    """Acquire frames of the simulated microscope, and localize them as they come.

    Parameters
    ----------
    folder : path
        Where the data set is saved.
    frames : int
        How many frames.
    settings : LocalizeSettings
        How to localize.
    name : str
        Name of the data set.

    Yields
    ------
    Progress
        Frames saved, and the `Session` as ``partial``: the same one each time.

    Returns
    -------
    Session
        All that came of it.

    Raises
    ------
    LimelightError
        If the acquisition fails.
    """
    from limelight.acquire import Acquisition, multi_d_acquisition_events
    from limelight.acquire.scope import bench_of, camera_of, simulated_core
    from limelight.localize.live import LiveLocalize

    processor = LiveLocalize.of(settings)
    processor.prepare()
    core = simulated_core()
    try:
        core.setExposure(EXPOSURE_MS)
        camera = camera_of(core)
        sessions: list[Session] = []
        acquisition = Acquisition(
            folder,
            name,
            core=core,
            processors=[("localize", processor)],
            show_display=False,
            camera=camera,
            on_output=lambda who, what: sessions[0].take(who, what),
        )
        session = Session(acquisition, camera)
        sessions.append(session)
        begun = time.perf_counter()
        try:
            acquisition.acquire(multi_d_acquisition_events(num_time_points=frames))
            acquisition.mark_finished()
            while not acquisition.await_completion(0.1):
                yield _progress(session, frames)
        finally:
            if acquisition.is_running:
                acquisition.abort()
                acquisition.await_end()
        session.seconds = time.perf_counter() - begun
        session.folder = acquisition.path
        if session.folder is None or not acquisition.status.saved:
            raise LimelightError(
                f"The simulated microscope delivered no frame. {acquisition.note()}".strip()
            )
        bench = bench_of(core)
        if bench.taken == acquisition.status.acquired:
            session.truth = bench.truth()
        yield _progress(session, frames)
        return session
    finally:
        core.unloadAllDevices()


def _progress(session: Session, frames: int) -> Progress:
    status = session.acquisition.status
    text = f"{status.rate:.0f} frames/s, {len(session.table):,} molecules"
    return Progress(status.saved, frames, text, session)
