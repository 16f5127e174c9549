"""How long the Localize dock's preview takes, from the slider to the marks.

Measured is what a person waits for: the slider moves (or the threshold), a worker finds the
spots, and the marks are in the layer.  Drawing the canvas is napari's and depends on the graphics
card; it is shown apart.  Needs a screen; without one:

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/preview_latency.py
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 512
REPEATS = 40
REST_MS = 150


def main() -> None:
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
        print(
            f"{dock.form.detector.name:13} {what:10} median {np.median(waited):6.1f} ms, "
            f"90 % below {np.quantile(waited, 0.9):6.1f} ms; detection alone "
            f"{np.median(detection):5.1f} ms; {len(dock.preview_marks.layer.data)} spots",
            flush=True,
        )

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


def drag(histogram: Any, step: float) -> None:
    """Move the line as the mouse does."""
    histogram._drag_to(histogram.threshold + step)


if __name__ == "__main__":
    main()
