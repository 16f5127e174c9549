"""Make the pictures of the microscope's pages of the manual.

    python scripts/screenshots_microscope.py             into docs/images
    python scripts/screenshots_microscope.py FOLDER      into another folder

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1920x1080x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screenshots import MANUAL, PATIENCE_MS, shrink

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1366, 768)
FRAMES = 1500
EVERY = False


class Studio:
    """A napari window with the two docks."""

    def __init__(self, folder: Path) -> None:
        import napari
        from qtpy.QtCore import QEventLoop, QTimer

        self._folder = folder
        self.viewer = napari.Viewer(show=False, title="napari")
        self._timer, self._loop = QTimer, QEventLoop()
        self._window = self.viewer.window._qt_window
        self.viewer.window.show()
        self._window.setGeometry(0, 0, *SIZE)
        plugin = "napari-limelight"
        add = self.viewer.window.add_plugin_dock_widget
        self.microscope_dock, self.microscope = add(plugin, "Microscope", tabify=True)
        self.acquisition_dock, self.acquisition = add(plugin, "Acquisition", tabify=True)

    def wait(self, milliseconds: int) -> None:
        """Let the window work."""
        self._timer.singleShot(milliseconds, self._loop.quit)
        self._loop.exec()

    def until(self, condition: Callable[[], object]) -> None:
        """Let the window work until something has happened."""
        for _ in range(PATIENCE_MS // 20):
            if condition():
                return
            self.wait(20)
        raise TimeoutError("What the picture is to show did not happen.")

    def shoot(self, name: str, what: Any = None) -> None:
        """Write a PNG of the window, or of a widget."""
        self.wait(600)
        path = self._folder / f"{name}.png"
        (what or self._window).grab().save(str(path))
        shrink(path)
        print(f"{path}  {path.stat().st_size // 1000} kB", flush=True)


def shoot_all(studio: Studio, data: Path) -> None:
    """Go through a session as a person does."""
    import useq

    microscope, acquisition = studio.microscope, studio.acquisition
    studio.wait(300)
    studio.microscope_dock.raise_()
    studio.shoot("microscope_empty")
    microscope.open("simulated")
    microscope.exposure.setValue(10)
    microscope.live.click()
    studio.until(lambda: microscope.view.status.shown > 60)
    studio.shoot("microscope_live")
    microscope.live.click()
    studio.acquisition_dock.raise_()
    acquisition.folder.setText(str(data))
    acquisition.title.setText("session")
    acquisition.processors.restore([])
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": FRAMES}))
    studio.wait(800)
    studio.shoot("acquisition_sequence")
    tabs = acquisition.sequence.tab_wdg
    if EVERY:
        for i in range(tabs.count()):
            tabs.setChecked(i, True)
            tabs.setCurrentIndex(i)
            studio.shoot(f"acquisition_tab{i}")
        acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": FRAMES}))
    acquisition.tabs.setCurrentIndex(1)
    acquisition.processors.add("localize")
    studio.wait(800)
    studio.shoot("acquisition_processors")
    acquisition.tabs.setCurrentIndex(2)
    studio.shoot("acquisition_storage")
    acquisition.tabs.setCurrentIndex(1)
    acquisition.start.click()
    studio.until(
        lambda: acquisition.acquisition and acquisition.acquisition.status.saved > FRAMES // 2
    )
    studio.shoot("acquisition_running")
    studio.until(lambda: not acquisition.runner.running)
    studio.shoot("acquisition_done")


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else MANUAL
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        os.environ.setdefault("NAPARI_CONFIG", f"{temporary}/napari.yaml")
        os.environ["XDG_CONFIG_HOME"] = temporary
        studio = Studio(folder)
        shoot_all(studio, Path(temporary) / "data")
        studio.viewer.close()


if __name__ == "__main__":
    main()
