"""Make the pictures of the manual: the Localize dock as a person meets it.

    python scripts/screenshots.py             all pictures, into docs/images
    python scripts/screenshots.py FOLDER      into another folder, on a large screen too

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1920x1080x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = {"": (1366, 768), "_large": (1920, 1080)}
MANUAL = Path(__file__).parents[1] / "docs" / "images"
FRAMES = 1000
LIMIT = 400_000  # bytes of a picture
PATIENCE_MS = 300_000


class Studio:
    """A napari window of a given size, and its photographer."""

    def __init__(self, folder: Path, movie: Path, size: tuple[int, int], suffix: str) -> None:
        import napari
        from qtpy.QtCore import QEventLoop, QTimer

        self._folder, self._suffix = folder, suffix
        self.viewer = napari.Viewer(show=False, title="napari")
        self._timer, self._loop = QTimer, QEventLoop()
        self._window = self.viewer.window._qt_window
        self.viewer.window.show()
        self._window.setGeometry(0, 0, *size)
        self.viewer.open(movie, plugin="napari-limelight")
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-limelight", "Localize")
        self.until(lambda: self.dock.mailbox.idle)

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

    def shoot(self, name: str) -> None:
        """Write a PNG of the window."""
        self.wait(600)
        path = self._folder / f"{name}{self._suffix}.png"
        self._window.grab().save(str(path))
        shrink(path)
        print(f"{path}  {path.stat().st_size // 1000} kB", flush=True)


def shrink(path: Path) -> None:
    """Reduce a picture to 256 colours, which a window hardly has more of."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, more than {LIMIT}.")


def shoot_all(studio: Studio) -> Iterator[str]:
    """Go through a localization as a person does."""
    viewer, dock, form = studio.viewer, studio.dock, studio.dock.form
    viewer.dims.set_point(0, 120)
    studio.until(lambda: dock.mailbox.idle and len(form.histogram._scores))
    studio.shoot("localize_open")
    yield "open"
    form.camera.boxes["baseline"].setValue(100)
    form.camera.boxes["read_noise"].setValue(1.4)
    form.preview.setChecked(True)
    studio.until(lambda: dock.mailbox.idle and dock.preview_marks.shown)
    studio.shoot("localize_preview")
    yield "preview"
    form.preview.setChecked(False)
    form.test.setChecked(True)
    studio.until(lambda: dock.mailbox.idle and form.table.row_count())
    zoom = viewer.scene.camera.zoom
    viewer.scene.camera.zoom = zoom * 3
    model = form.table.model()
    row = next(r for r in range(model.rowCount()) if model.index(r, 3).data() != "found")
    form.table.selectRow(row)
    studio.shoot("localize_test")
    yield "test"
    form.test.setChecked(False)
    viewer.reset_view()
    dock.localize.click()
    studio.until(lambda: running(viewer) or not dock.runner.running)
    studio.shoot("localize_running")
    yield "running"
    studio.until(lambda: not dock.runner.running)
    studio.shoot("localize_done")
    yield "done"


def running(viewer: Any) -> bool:
    """Whether a picture is shown that is not complete yet."""
    return any("running" in layer.name for layer in viewer.layers)


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = SIZES if folder != MANUAL else {"": SIZES[""]}
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("XDG_CONFIG_HOME", "NAPARI_CONFIG"):  # as on the first day
            os.environ[name] = str(Path(temporary) / name / "settings.yaml")
        from limelight.core.simulate import scene
        from limelight.io import write_tiff

        movie = Path(temporary) / "filaments.tif"
        write_tiff(movie, scene("demo", frames=FRAMES))
        for suffix, size in sizes.items():
            studio = Studio(folder, movie, size, suffix)
            for _ in shoot_all(studio):
                pass
            studio.dock.mailbox.close()
            studio.viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else MANUAL)
