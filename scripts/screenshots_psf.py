"""Make the manual's pictures of the PSF dock.

    python scripts/screenshots_psf.py             into docs/images
    python scripts/screenshots_psf.py FOLDER      into another folder

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1366x768x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screenshots import PATIENCE_MS, shrink

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1366, 768)


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):  # as on the first day
        os.environ[name] = str(Path(home) / name)
    os.environ["NAPARI_CONFIG"] = str(Path(home) / "settings.yaml")
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.acquire.scope import load_simulated

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
        raise SystemExit("It did not come to an end.")

    def take(name: str) -> None:
        wait(500)
        path = folder / f"{name}.png"
        window.grab().save(str(path))
        shrink(path)
        print(path)

    _, widget = viewer.window.add_plugin_dock_widget("napari-limelight", "PSF")
    wait(300)
    dock: Any = getattr(widget, "__wrapped__", widget)
    load_simulated(dock.core, seed=2, real_time=True)
    dock.core.setConfig("Slide", "Beads")
    dock.core.setExposure(10)
    dock.core.setROI(128, 128, 256, 256)
    dock._on_configuration()
    dock.live.low.setValue(-2)
    dock.live.high.setValue(2)
    dock.live.step.setValue(0.05)
    dock.begin()
    until(lambda: dock.volume is not None and dock.volume.completed >= 0)
    from limelight.core.psf import find_beads

    found = find_beads(dock.volume.stack())
    bead = found.good[len(found.good) // 2]
    dock._on_moved((40.0, float(found.y[bead]), float(found.x[bead])))
    wait(1200)
    take("psf_live")
    dock.stop()
    dock.tabs.setCurrentWidget(dock.beads)
    dock.beads.forms["Measure beads"].set_values({"na": 1.4, "wavelength_nm": 680.0})

    def run(name: str) -> None:
        dock.beads.tool.setCurrentIndex(dock.beads.tool.findData(name))
        dock.run_tool()
        until(lambda: not dock.runner.running)

    run("Measure beads")
    if dock.beads.map.count() > 1:
        dock.beads.map.setCurrentIndex(1)
    dock.beads.view.selectRow(1)
    take("psf_beads")
    dock.beads.map.setCurrentIndex(0)
    dock.tabs.setCurrentIndex(0)
    dock.core.setConfig("Lens", "Astigmatic")
    dock.live.low.setValue(-0.6)
    dock.live.high.setValue(0.6)
    dock.live.step.setValue(0.02)
    dock.begin()
    until(lambda: dock.volume is not None and dock.volume.completed >= 0)
    dock.stop()
    dock._on_moved((15.0, float(found.y[bead]), float(found.x[bead])))
    run("Calibrate z (astigmatism)")
    take("psf_calibration")
    dock.core.unloadAllDevices()
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images")
