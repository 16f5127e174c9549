"""The demonstration in napari: what the microscope sees and finds, while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError
from limelight.core.locs.live_table import LiveTable
from limelight.demo.microscope import EXPOSURE_MS, Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from limelight.core.job import Progress
    from limelight.localize import LocalizeSettings

__all__ = ["import_napari", "watch"]

NAME = "demo"
_LAST_MS = 200


def import_napari() -> Any:
    """Return napari.

    Raises
    ------
    LimelightError
        If it is not installed.
    """
    try:
        import napari
    except ImportError as error:
        raise LimelightError(
            "napari is not installed. Install it with: pip install napari-limelight[all]"
        ) from error
    return napari


def watch(
    viewer: Any,
    folder: Path,
    frames: int,
    settings: LocalizeSettings,
    on_progress: Callable[[Progress], object],
) -> Session | None:
    """Acquire at the simulated microscope with the docks of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The docks Microscope and Acquisition are opened in it, and stay.
    folder : path
        Where the data set is saved.
    frames : int
        How many frames.
    settings : LocalizeSettings
        How to localize.
    on_progress : callable
        Is told of every step.

    Returns
    -------
    Session or None
        The session; None if the window was closed before the end, which ends the acquisition.

    Raises
    ------
    Exception
        What the acquisition raised.
    """
    import useq
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from limelight.acquire.scope import bench_of, camera_of
    from limelight.localize.live import LiveLocalize

    add = viewer.window.add_plugin_dock_widget
    _, microscope = add("napari-limelight", "Microscope", tabify=True)
    _, dock = add("napari-limelight", "Acquisition", tabify=True)
    for one in (microscope, dock):
        one.remembers = False  # a person's own settings are for the next time
    microscope.open("simulated")
    core = microscope.core
    core.setExposure(EXPOSURE_MS)
    dock.sequence.setValue(
        useq.MDASequence.model_validate({"time_plan": {"interval": 0, "loops": frames}})
    )
    dock.processors.restore([("localize", LiveLocalize.of(settings).to_dict(), True)])
    dock.folder.setText(str(folder))
    dock.title.setText(NAME)
    dock.format.setCurrentIndex(dock.format.findData("ndtiff"))
    dock.raw.setChecked(False)

    outcomes: list[Any] = []
    closed: list[bool] = []
    app: Any = QApplication.instance()

    def note_closed() -> None:
        closed.append(True)

    def done(outcome: Any) -> None:
        outcomes.append(outcome)
        QTimer.singleShot(_LAST_MS, app.exit)  # what is shown at the end, is

    dock.runner.progressed.connect(on_progress)
    dock.runner.finished.connect(done)
    app.lastWindowClosed.connect(note_closed)
    begun = time.perf_counter()
    dock.begin()
    try:
        app.exec()  # not a loop of our own: napari quits the application when it is closed
    finally:
        app.lastWindowClosed.disconnect(note_closed)
        acquisition = dock.acquisition
        if acquisition is not None and acquisition.is_running:
            acquisition.abort()
            acquisition.await_end()
    if closed or not outcomes:
        return None
    if outcomes[0].error is not None:
        raise outcomes[0].error
    if acquisition is None or outcomes[0].state != "done":
        raise LimelightError("The acquisition was cancelled; what was acquired is kept.")
    session = Session(
        acquisition,
        camera_of(core),
        table=acquisition.results.tables.get("localize") or LiveTable(),
        folder=acquisition.path,
        seconds=time.perf_counter() - begun,
    )
    bench = bench_of(core)
    if bench.taken == acquisition.status.acquired:
        session.truth = bench.truth()
    return session
