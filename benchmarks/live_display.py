"""What is seen while the camera runs: display rate and lag, by the docks of a napari window.

Live view at 100 frames per second of 512 x 512 pixels; then an acquisition of the same, saved and
localized, followed by the Acquisition dock.  "Camera to layer" is the time from when the camera
hands a frame over to when its layer has it.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/live_display.py [--seconds 20]
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from _report import Row, arguments, report

if TYPE_CHECKING:
    from collections.abc import Callable

EXPOSURE_MS = 10.0


class Drawn:
    """Counts how often the canvas is drawn after a new image was handed to it."""

    def __init__(self, viewer: Any) -> None:
        self.times: list[float] = []
        self._fresh = False
        canvas = viewer.window._qt_viewer.canvas
        canvas._scene_canvas.events.draw.connect(self._on_draw, position="last")

    def note(self) -> None:
        """Note that a new image was handed over."""
        self._fresh = True

    def _on_draw(self, _event: Any) -> None:
        if self._fresh:
            self._fresh = False
            self.times.append(time.perf_counter())


def wait(until: Callable[[], bool]) -> None:
    """Let the window work until something has happened."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if until() else None)
    timer.start(20)
    loop.exec()
    timer.stop()


def main(seconds: float, folder: str) -> list[Row]:
    """Measure both."""
    os.environ["XDG_CONFIG_HOME"] = folder  # as on the first day
    import napari
    import useq

    viewer = napari.Viewer(show=True)
    add = viewer.window.add_plugin_dock_widget
    _, microscope = add("napari-limelight", "Microscope", tabify=True)
    _, dock = add("napari-limelight", "Acquisition", tabify=True)
    microscope.remembers = dock.remembers = False
    drawn = Drawn(viewer)
    microscope.open("simulated")
    microscope.core.setExposure(EXPOSURE_MS)

    lags: list[float] = []
    show = microscope.layer.show

    def timed(pixels: Any, limits: Any = None) -> Any:
        taken = time.perf_counter()
        layer = show(pixels, limits)
        drawn.note()
        lags.append((time.perf_counter() - taken) * 1e3)
        return layer

    microscope.layer.show = timed
    microscope.live.click()
    begun = time.perf_counter()
    wait(lambda: time.perf_counter() - begun > seconds / 2)
    live = microscope.view.status
    live_drawn = len(drawn.times) / (time.perf_counter() - begun)
    microscope.live.click()

    frames = round(seconds * 1000 / EXPOSURE_MS)
    dock.sequence.setValue(
        useq.MDASequence.model_validate({"time_plan": {"interval": 0, "loops": frames}})
    )
    dock.processors.restore([("localize", {}, True)])
    dock.folder.setText(folder)
    dock.title.setText("display")
    drawn.times.clear()
    dock.begin()
    wait(lambda: dock.view.newest is not None and dock.view.newest.layer is not None)
    first = time.perf_counter()
    late: list[float] = []
    look = dock.view._look_at_image

    def noted() -> None:
        before = dock.view.shown
        look()
        if dock.view.shown != before:
            drawn.note()
            frame = dock.acquisition.latest
            late.append((time.perf_counter() - float(frame.metadata["HandedOver_s"])) * 1e3)

    dock.view._look_at_image = noted
    wait(lambda: not dock.runner.running)
    took = time.perf_counter() - first
    status = dock.acquisition.status
    shown = len(drawn.times) / took
    viewer.close()
    return [
        Row("live view: camera", live.camera_rate, unit="Hz"),
        Row("live view: drawn", live_drawn, unit="Hz", goal=">= 20"),
        Row("live view: handing an image over", float(np.median(lags)), unit="ms"),
        Row("acquisition: camera", status.rate, unit="Hz"),
        Row("acquisition: frames not saved", frames - status.saved, goal="0"),
        Row("acquisition: camera held", status.overflows, goal="0"),
        Row("acquisition: skipped by the localizer", sum(status.skipped.values()), goal="0"),
        Row("acquisition: drawn", shown, unit="Hz", goal=">= 20"),
        Row("acquisition: camera to layer, median", float(np.median(late)), unit="ms"),
        Row("acquisition: camera to layer, 99 % below", float(np.quantile(late, 0.99)), unit="ms"),
    ]


if __name__ == "__main__":
    parser = arguments("What is seen while the camera runs.")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the acquisition")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        report("live_display", main(options.seconds, where), options)
