"""Localization while the camera runs: 512 x 512 pixels, 100 frames per second, 50 molecules each.

The simulated microscope is acquired into NDTiff files and localized live; the newest frame and the
growing picture of molecules are shown meanwhile.  Latency is the time from when the camera hands a
frame over to when its molecules are in the table.  Where there is a screen, napari shows both (its
drawing takes a good part of a core without a graphics card); else they are polled as a window does.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/live_localization.py [--seconds 60]
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from _report import Row, arguments, report

from limelight.core.localizations import Localizations
from limelight.localize.live import LiveLocalize

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 100.0
DISPLAY_HZ = 30.0


class Timed(LiveLocalize):
    """Live localization that notes how late each table is."""

    def process(self, frames: Any, stream: Any) -> Iterator[Any]:
        """Yield what live localization yields."""
        handed_over = taken = 0.0

        def noted() -> Iterator[Any]:
            nonlocal handed_over, taken
            for frame in frames:
                handed_over = float(frame.metadata["HandedOver_s"])
                taken = time.perf_counter()
                camera.append(handed_over)
                yield frame

        for output in super().process(noted(), stream):
            if isinstance(output, Localizations):
                now = time.perf_counter()
                busy.append((now - taken) * 1000)
                late.append((now - handed_over) * 1000)
                molecules.append(len(output))
            yield output


camera: list[float] = []
late: list[float] = []
busy: list[float] = []
molecules: list[int] = []


class Polled:
    """Looks at the newest frame and picture as often as a window, without one."""

    def __init__(self, pixel_nm: float) -> None:
        from limelight.core.render.live import LivePicture

        self.picture = LivePicture((512, 512), pixel_nm, pixel_nm / 2)
        self.shown, self.seen = 0, -1

    def take(self, _: str, output: Any) -> None:
        """Take what live localization gives."""
        if isinstance(output, Localizations):
            self.picture.add(output)

    def run(self, acquisition: Any) -> None:
        """Look until it is over."""
        while acquisition.is_running:
            frame = acquisition.latest
            if frame is not None and frame.index != self.seen:
                self.seen = frame.index
                low, high = np.percentile(frame.pixels[::4, ::4], (0.5, 99.8))
                scale = 255 / max(high - low, 1)
                np.clip((frame.pixels - low) * scale, 0, 255).astype(np.uint8)
                self.shown += 1
                if self.shown % 16 == 0:
                    self.picture.picture()
            time.sleep(1 / DISPLAY_HZ)


class Shown:
    """Watches in napari, as the Acquisition dock and scripts do, and counts what is drawn."""

    def __init__(self) -> None:
        import napari

        from limelight.widgets.acquisition_view import AcquisitionView, warm_up

        warm_up()
        self.viewer = napari.Viewer(show=True)
        self.view = AcquisitionView(self.viewer)
        self.take = self.view.take
        self.shown = self._looked = 0
        canvas = self.viewer.window._qt_viewer.canvas
        canvas._scene_canvas.events.draw.connect(self._on_draw, position="last")

    def _on_draw(self, _event: Any) -> None:
        if self.view.shown != self._looked:
            self._looked = self.view.shown
            self.shown += 1

    def run(self, acquisition: Any) -> None:
        """Look until it is over."""
        from qtpy.QtCore import QEventLoop, QTimer

        self.view.begin(acquisition)
        loop, timer = QEventLoop(), QTimer()
        timer.timeout.connect(lambda: None if acquisition.is_running else loop.quit())
        timer.start(20)
        loop.exec()
        timer.stop()
        self.view.stop()
        self.viewer.close()


def main(seconds: float, folder: str) -> list[Row]:
    from limelight.acquire import Acquisition, multi_d_acquisition_events
    from limelight.acquire.scope import bench_of, camera_of, simulated_core

    frames = round(seconds * RATE)
    core = simulated_core()
    core.setExposure(1000 / RATE)
    screen = bool(os.environ.get("DISPLAY")) or os.name == "nt"
    window: Any = Shown() if screen else Polled(camera_of(core).pixel_size_nm)
    acquisition = Acquisition(
        folder,
        "live",
        core=core,
        processors=[("localize", Timed())],
        show_display=False,
        camera=camera_of(core),
        on_output=window.take,
    )
    begun = time.perf_counter()
    cpu = time.process_time()
    acquisition.acquire(multi_d_acquisition_events(num_time_points=frames))
    acquisition.mark_finished()
    window.run(acquisition)
    acquisition.await_completion()
    took = time.perf_counter() - begun
    cpu = (time.process_time() - cpu) / took
    status = acquisition.status
    seen = bench_of(core).truth()
    core.unloadAllDevices()
    rate = (len(camera) - 1 + sum(status.skipped.values())) / (camera[-1] - camera[0])
    warm = late[round(RATE) :] or late
    where = "napari" if screen else "no window"
    return [
        Row("frames per second of the camera", rate, unit="Hz", goal=">= 99"),
        Row("molecules per frame, simulated", len(seen) / max(seen["frame"].nunique(), 1)),
        Row("molecules per frame, in the table", float(np.mean(molecules))),
        Row("frames not saved", frames - status.saved, goal="0"),
        Row("frames skipped by the localizer", sum(status.skipped.values()), goal="0"),
        Row("camera to table, median", float(np.median(warm)), unit="ms"),
        Row("camera to table, 99 % below", float(np.quantile(warm, 0.99)), unit="ms", goal="< 100"),
        Row("localizing, mean", float(np.mean(busy)), unit="ms per frame"),
        Row(f"display ({where})", window.shown / took, unit="Hz", goal=">= 20"),
        Row("processor, all threads", cpu, unit="cores"),
    ]


if __name__ == "__main__":
    parser = arguments("Live localization of the simulated microscope.")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the acquisition")
    parser.add_argument("--folder", help="where to save; by default a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as where:
        report("live_localization", main(options.seconds, where), options)
