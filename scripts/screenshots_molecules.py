"""Make the manual's pictures of the Molecules dock.

    python scripts/screenshots_molecules.py             into docs/images
    python scripts/screenshots_molecules.py FOLDER      into another folder

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1366x768x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from screenshots import PATIENCE_MS, shrink

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1366, 768)
FIELD = (256, 256)
PIXEL_NM = 100.0
BLINKS = 12


def molecules(kind: str, seed: int) -> Any:
    """Return molecules on filaments or rings, each seen several times."""
    from limelight.core.localizations import Localizations
    from limelight.core.simulate.structures import filaments, rings

    rng = np.random.default_rng(seed)
    if kind == "filaments":
        points = filaments(FIELD, 45, rng, density=4.0, z_range=(-350, 350))
    else:
        points = rings(FIELD, 350, rng, z_range=(-200, 200))
    rows = np.repeat(points, rng.poisson(BLINKS, len(points)), axis=0)
    photons = rng.exponential(1500, len(rows)) + 300
    precision = 4.5 / np.sqrt(photons)
    columns = {
        "frame": rng.integers(0, 20_000, len(rows)),
        "x": rows[:, 0] + rng.normal(0, precision),
        "y": rows[:, 1] + rng.normal(0, precision),
        "z": rows[:, 2] + rng.normal(0, 250 * precision),
        "photons": photons,
        "bg": rng.normal(25, 3, len(rows)),
        "lpx": precision,
        "lpy": precision,
    }
    step = {"Frames": 20_000, "Height": FIELD[0], "Width": FIELD[1], "Pixelsize": PIXEL_NM}
    return Localizations.from_columns(columns, [step])


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp()
    for name in ("XDG_CONFIG_HOME", "NAPARI_CONFIG"):  # as on the first day
        os.environ[name] = str(Path(home) / name / "settings.yaml")
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.widgets.reader import localizations_layer

    viewer = napari.Viewer(show=False, title="napari")
    window, loop = viewer.window._qt_window, QEventLoop()
    viewer.window.show()
    window.setGeometry(0, 0, *SIZE)

    def wait(milliseconds: int) -> None:
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def until(condition: Callable[[], object]) -> None:
        for _ in range(PATIENCE_MS // 50):
            wait(50)
            if condition():
                return
        raise TimeoutError("What the picture is to show did not happen.")

    def shoot(name: str) -> None:
        wait(300)
        until(lambda: all(view.mailbox.idle and view.newest for view in dock.views))
        wait(800)
        path = folder / f"{name}.png"
        window.grab().save(str(path))
        shrink(path)
        print(f"{path}  {path.stat().st_size // 1000} kB", flush=True)

    def add(kind: str, seed: int) -> None:
        data, named, _ = localizations_layer(molecules(kind, seed), Path(f"{kind}_locs.hdf5"))
        viewer.add_points(data, **named)

    add("filaments", 1)
    _, dock = viewer.window.add_plugin_dock_widget("napari-limelight", "Molecules")
    wait(500)
    dock.show_whole_field()
    wait(500)
    dock.look.colour.setCurrentIndex(dock.look.colour.findData("z"))
    shoot("molecules_depth")
    dock.look.colour.setCurrentIndex(0)
    camera = viewer.scene.camera
    camera.center = (0, 12.0, 13.0)
    camera.zoom *= 5
    dock.picture_section.set_open(False)
    dock.filter_section.set_open(True)
    until(lambda: dock.filters.rows)
    low, high = dock.filters.rows["photons"].histogram.ends
    dock.filters.rows["photons"].histogram._move(0, low + 0.15 * (high - low))
    shoot("molecules_filter")
    dock.filter_section.set_open(False)
    dock.picture_section.set_open(True)
    add("rings", 2)
    wait(500)
    shoot("molecules_channels")
    dock.remove.click()
    camera.center, camera.zoom = (0, 12.8, 12.8), camera.zoom / 4
    dock.solid.setChecked(True)
    wait(1000)
    camera.angles = (20, -35, 60)
    camera.zoom *= 1.5
    shoot("molecules_3d")
    dock.solid.setChecked(False)
    wait(500)
    for view in dock.views:
        view.mailbox.close()
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images")
