"""The live PSF viewer at the camera's speed: slices in, three views on the screen.

A feeder thread puts slices of 512 x 512 pixels, 200 per second, into a volume of 200 slices, while
the dock of a real napari window shows the three views.  Then the same with Micro-Manager's engine:
its demo camera at its speed, z by its stage.  Latency is from the end of `put` of the slice to the
end of the drawing that shows it: the newest slice when the canvas was painted.  Needs a screen;
without one:

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/psf_live.py
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from _report import Row, arguments, report

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE, SLICES, RATE = 512, 200, 200.0
SECONDS = 15.0


class Watch:
    """When slices were put, and what was there when the canvas was painted."""

    def __init__(self) -> None:
        self.put: list[float] = []
        self.put_s: list[float] = []
        self.seen = 0
        self._shown = 0
        self.latency: list[float] = []
        self.painted: list[float] = []

    def wrap(self, volume: Any) -> None:
        """Take the time of every slice, and of every look at the volume."""
        put, views = volume.put, volume.views

        def timed(*args: Any, **kwargs: Any) -> None:
            begun = time.perf_counter()
            put(*args, **kwargs)
            now = time.perf_counter()
            self.put.append(now)
            self.put_s.append(now - begun)

        def looked(*args: Any, **kwargs: Any) -> Any:
            self.seen = len(self.put)
            return views(*args, **kwargs)

        volume.put, volume.views = timed, looked

    def painted_now(self, *_: Any) -> None:
        """Note that the canvas was painted: with all slices up to the last look."""
        now = time.perf_counter()
        if 0 < self.seen <= len(self.put) and self.seen != self._shown:
            self._shown = self.seen
            self.latency.append((now - self.put[self.seen - 1]) * 1000)
            self.painted.append(now)

    def forget(self) -> None:
        """Begin again: the window has been warmed up."""
        self.put, self.put_s, self.latency, self.painted = [], [], [], []
        self.seen = self._shown = 0

    def rows(self, title: str, received: int, sent: int | None) -> list[Row]:
        """Return the figures."""
        spent = self.painted[-1] - self.painted[0]
        rate = (len(self.put) - 1) / (self.put[-1] - self.put[0])
        lost = ""
        if sent is not None:
            lost = ", none lost" if sent == received else f", {sent - received} lost"
        rows = [
            Row(f"{title}: slices into the volume{lost}", rate, unit="slices/s"),
            Row(f"{title}: views drawn", (len(self.painted) - 1) / spent, unit="Hz", goal=">= 20"),
            Row(
                f"{title}: slice to view, median",
                float(np.median(self.latency)),
                unit="ms",
                goal="< 100",
            ),
            Row(
                f"{title}: slice to view, 95 % below",
                float(np.quantile(self.latency, 0.95)),
                unit="ms",
                goal="< 100",
            ),
            Row(
                f"{title}: a slice holds the writer up, 99 % below",
                float(np.quantile(self.put_s, 0.99)) * 1000,
                unit="ms",
            ),
        ]
        if sent is not None:
            rows[0].goal = f"{RATE:g}"
        return rows


class Fed:
    """Stands in for a stream of the microscope: a thread puts slices at a steady rate."""

    def __init__(self, volume: Any) -> None:
        self.volume, self.home_um, self.running = volume, 0.0, True
        status = SimpleNamespace(rate=RATE, messages=())
        self.acquisition = SimpleNamespace(status=status)
        self.trouble = ""
        self.plan = SimpleNamespace(channels=(), external=True)
        self.sent = 0
        # every slice is another, as a camera's noise is: what does not change is not drawn
        self._noise = np.random.default_rng(0).poisson(100, 8 * SIZE * SIZE).astype(np.uint16)
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def _feed(self) -> None:
        begun = time.perf_counter()
        while self.running:
            wait = begun + self.sent / RATE - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            first = 7919 * self.sent % (7 * SIZE * SIZE)
            slice_ = self._noise[first : first + SIZE * SIZE].reshape(SIZE, SIZE)
            self.volume.put(slice_, self.sent % SLICES)
            self.sent += 1

    def stop(self) -> None:
        """Put no more."""
        self.running = False
        self._thread.join()


def measure() -> list[Row]:
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.reslice import LiveVolume
    from limelight.widgets.psf_dock import PsfDock

    viewer = napari.Viewer(show=True)
    dock = PsfDock(viewer)
    viewer.window.add_dock_widget(dock, name="PSF")
    loop = QEventLoop()
    canvas = viewer.window._qt_viewer.canvas._scene_canvas

    def wait(seconds: float) -> None:
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def until(condition: Callable[[], Any]) -> None:
        for _ in range(1000):
            wait(0.05)
            if condition():
                return
        raise SystemExit("No slices came.")

    rows: list[Row] = []
    for title, mode in (("feeder", "slice"), ("feeder, maximum", "max")):
        volume = LiveVolume(SLICES, (SIZE, SIZE), scale_um=(0.05, 0.1, 0.1), stacks=2)
        dock.mode.setCurrentIndex(dock.mode.findData(mode))
        watch = Watch()
        watch.wrap(volume)
        stream = Fed(volume)
        dock.stack, dock.volume, dock.point, dock.stream = None, None, None, stream
        dock._timer.start()
        wait(4)  # the window, its first drawings
        watch.forget()
        first, had = stream.sent, volume.received
        canvas.events.draw.connect(watch.painted_now, position="last")
        wait(SECONDS)
        canvas.events.draw.disconnect(watch.painted_now)
        dock.stop()
        rows += watch.rows(title, volume.received - had, stream.sent - first)

    core = dock.core
    core.loadSystemConfiguration()
    core.setExposure(1)
    core.setProperty("Camera", "PixelType", "16bit")
    core.setProperty("Camera", "OnCameraCCDXSize", SIZE)
    core.setProperty("Camera", "OnCameraCCDYSize", SIZE)
    dock.live.low.setValue(-5.0)
    # 201 slices: the camera repeats eight images, and 200 of them would be the same in each stack
    dock.live.high.setValue(5.0)
    dock.live.step.setValue(0.05)
    dock.mode.setCurrentIndex(0)
    for title, external in (("demo camera, its z stage", False), ("demo camera alone", True)):
        dock.live.external.setChecked(external)
        dock.begin()
        if dock.stream is None:
            raise SystemExit(dock.message.text())
        until(lambda: dock.volume is not None and dock.views.layers)
        watch = Watch()
        watch.wrap(dock.volume)
        wait(3)
        watch.forget()
        canvas.events.draw.connect(watch.painted_now, position="last")
        wait(SECONDS)
        canvas.events.draw.disconnect(watch.painted_now)
        begun = time.perf_counter()
        dock.stop()
        stopped = (time.perf_counter() - begun) * 1000
        rows += watch.rows(title, 0, None)
        rows.append(Row(f"{title}: Stop to the stage back", stopped, unit="ms", goal="< 300"))
    core.unloadAllDevices()
    viewer.close()
    return rows


if __name__ == "__main__":
    options = arguments("The live PSF viewer at the camera's speed.").parse_args()
    report("psf_live", measure(), options)
