"""How long the Localize dock's preview takes, from the slider to the marks.

Measured is what a person waits for: the slider moves (or the threshold), a worker finds the
spots, and the marks are in the layer.  napari draws the frame meanwhile, which depends on the
graphics card: without one it takes a good part of the time.  Needs a screen; without one:

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/preview_latency.py
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

SIZE = 512
REPEATS = 40
REST_MS = 150


def latencies() -> list[Row]:
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()  # the person's last settings stay alone
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.core.simulate import scene
    from limelight.widgets.localize_dock import LocalizeDock

    quarter = scene("standard", frames=60).read(0, 60)
    movie = np.block([[quarter, quarter], [quarter, quarter]])
    assert movie.shape[1:] == (SIZE, SIZE)
    viewer = napari.Viewer(show=True)
    viewer.add_image(movie, scale=(1, 0.1, 0.1), units=("pixel", "um", "um"), name="movie")
    dock = LocalizeDock(viewer)
    viewer.window.add_dock_widget(dock, name="Localize")
    dock.form.camera.boxes["baseline"].setValue(100)
    loop = QEventLoop()
    rows: list[Row] = []
    shown: list[float] = []
    show = dock.preview_marks.show

    def timed(*args: Any, **kwargs: Any) -> None:
        show(*args, **kwargs)
        shown.append(time.perf_counter())
        loop.quit()

    dock.preview_marks.show = timed

    def wait(milliseconds: int) -> None:
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def measure(what: str, change: Callable[[int], object]) -> None:
        waited, detection = [], []
        for i in range(REPEATS):
            wait(REST_MS)
            shown.clear()
            begun = time.perf_counter()
            change(i)
            while not shown:
                loop.exec()
            waited.append((shown[-1] - begun) * 1000)
            detection.append(dock._look.milliseconds)
        title = f"{dock.form.detector.name}, {what} moved"
        for label, value, goal in (
            (f"{title}: to the marks, median", np.median(waited), "< 50"),
            (f"{title}: to the marks, 90 % below", np.quantile(waited, 0.9), ""),
            (f"{title}: detection, median", np.median(detection), ""),
        ):
            rows.append(Row(label, float(value), unit="ms", goal=goal))

    for name in ("snr", "net-gradient"):
        dock.form.preview.setChecked(False)
        dock.form.detector.choose(name)
        dock.form.preview.setChecked(True)
        while not shown:
            loop.exec()
        wait(3000)  # whatever else there is to compile or draw
        measure("slider", lambda i: viewer.dims.set_point(0, 30 + i % 25))
        threshold = dock.form.histogram.threshold
        measure(
            "threshold", lambda i, t=threshold: dock.form.histogram._drag_to(t + t * (i + 1) / 100)
        )
    dock.mailbox.close()
    viewer.close()
    return rows


if __name__ == "__main__":
    options = arguments("The preview, from the slider to the marks.").parse_args()
    report("preview_latency", latencies(), options)
