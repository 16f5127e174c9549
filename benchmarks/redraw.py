"""How long the Molecules dock takes to follow the camera.

Measured is what a person waits for: the camera moves, a worker draws the molecules in view, and
the picture is in the layer.  The canvas is drawn by napari, in a time that depends on the graphics
card; so that it is not measured, the window is open, but the canvas is not painted between two
moves.  The views are those of a person who looks around: the whole field, then closer and closer,
each at random places.  Needs a screen; without one:

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/redraw.py
    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/redraw.py --molecules 10e6
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import Row, arguments, report

FIELD = 512  # camera pixels
PIXEL_NM = 130.0
ZOOMS = (1.0, 3.0, 10.0, 30.0, 100.0)
MODES = ("gaussian", "histogram", "blur", "scatter")
SCREEN = (1000, 1000)


def molecules(count: int) -> object:
    """Return molecules on filaments, as crowded as in a cell."""
    from limelight.core.localizations import Localizations

    rng = np.random.default_rng(1)
    lines = rng.integers(0, 300, count)
    angle, offset = rng.uniform(0, np.pi, 300)[lines], rng.uniform(-200, 200, 300)[lines]
    along = rng.uniform(-FIELD * 0.7, FIELD * 0.7, count)
    blur = rng.normal(0, 0.15, (2, count))
    x = FIELD / 2 + along * np.cos(angle) - offset * np.sin(angle) + blur[0]
    y = FIELD / 2 + along * np.sin(angle) + offset * np.cos(angle) + blur[1]
    photons = rng.exponential(2000, count) + 200
    precision = (4.0 / np.sqrt(photons)).astype(np.float32)
    columns = {
        "frame": rng.integers(0, 50_000, count),
        "x": np.clip(x, 0, FIELD - 1),
        "y": np.clip(y, 0, FIELD - 1),
        "z": rng.normal(0, 300, count),
        "photons": photons,
        "sx": np.full(count, 1.1),
        "sy": np.full(count, 1.1),
        "bg": rng.normal(30, 3, count),
        "lpx": precision,
        "lpy": precision,
    }
    step = {"Frames": 50_000, "Height": FIELD, "Width": FIELD, "Pixelsize": PIXEL_NM}
    return Localizations.from_columns(columns, [step])


def main() -> None:
    parser = arguments("From a camera's move to the updated layer.")
    parser.add_argument("--molecules", type=float, default=1e6, help="how many (default 1e6)")
    parser.add_argument("--moves", type=int, default=12, help="per zoom (default 12)")
    options = parser.parse_args()
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()  # the person's last settings stay alone
    from napari.components import ViewerModel
    from qtpy.QtCore import QEventLoop, QTimer
    from qtpy.QtWidgets import QApplication

    from limelight.widgets.molecules_dock import MoleculesDock
    from limelight.widgets.reader import localizations_layer

    app = QApplication.instance() or QApplication([])
    count = int(options.molecules)
    locs = molecules(count)
    viewer = ViewerModel()
    viewer.canvas.size = SCREEN
    data, named, _ = localizations_layer(locs, Path("molecules.hdf5"))
    viewer.add_points(data, **named)
    viewer.reset_view()
    loop = QEventLoop()
    dock = MoleculesDock(viewer)
    dock.show()
    drawn: list[float] = []

    def wait(milliseconds: int) -> None:
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def until_drawn() -> float:
        begun = time.perf_counter()
        while not drawn and time.perf_counter() < begun + 120:
            loop.exec()
        return drawn[0]

    def on_drawn() -> None:
        drawn.append(time.perf_counter())
        loop.quit()

    (view,) = dock.views
    begun = time.perf_counter()
    view.drawn.connect(on_drawn)
    first = until_drawn() - begun
    rows = [Row(f"first picture, {count:,} molecules (with compiling)", first, unit="s")]
    form, rng = dock.look, np.random.default_rng(2)
    whole = viewer.scene.camera.zoom
    for mode in MODES:
        form.mode.setCurrentIndex(form.mode.findData(mode))
        for warm in (True, False):
            times: list[float] = []
            for zoom in ZOOMS:
                for _ in range(2 if warm else options.moves):
                    wait(20)
                    while not view.mailbox.idle:
                        wait(20)
                    drawn.clear()
                    reach = FIELD * PIXEL_NM / 1000 * (0.5 - 0.4 / zoom)
                    middle = FIELD * PIXEL_NM / 2000 + rng.uniform(-reach, reach, 2) * 0.6
                    begun = time.perf_counter()
                    viewer.scene.camera.center = (0, *middle)
                    viewer.scene.camera.zoom = whole * zoom * rng.uniform(0.8, 1.2)
                    times.append((until_drawn() - begun) * 1000)
        goal = "< 100" if mode != "scatter" else ""
        rows.append(Row(f"redraw, {mode}, median", float(np.median(times)), unit="ms", goal=goal))
        rows.append(Row(f"redraw, {mode}, 95 %", float(np.quantile(times, 0.95)), unit="ms"))
    form.mode.setCurrentIndex(0)
    wait(500)
    viewer.scene.camera.zoom = whole
    viewer.scene.camera.center = (0, FIELD * PIXEL_NM / 2000, FIELD * PIXEL_NM / 2000)
    dock.filter_section.set_open(True)
    while not dock.filters.rows:
        wait(50)
    histogram = dock.filters.rows["photons"].histogram
    times = []
    for part in np.linspace(0.02, 0.6, 2 * options.moves):
        wait(20)
        while not view.mailbox.idle:
            wait(20)
        drawn.clear()
        low, high = histogram.ends
        begun = time.perf_counter()
        histogram._move(0, low + part * (high - low))
        times.append((until_drawn() - begun) * 1000)
    times = times[2:]
    rows.append(Row("a range is dragged, median", float(np.median(times)), unit="ms"))
    rows.append(Row("a range is dragged, 95 %", float(np.quantile(times, 0.95)), unit="ms"))
    report("redraw", rows, options)
    view.mailbox.close()
    dock.close()
    app.processEvents()


if __name__ == "__main__":
    main()
