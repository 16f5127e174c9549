"""Make the manual's pictures of the Segment and Objects docks.

    python scripts/screenshots_segment.py             into docs/images
    python scripts/screenshots_segment.py FOLDER      into another folder

Needs a screen; without one, run it under ``xvfb-run -a -s "-screen 0 1366x768x24"``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from screenshots import PATIENCE_MS, shrink

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1366, 768)
IMAGES = Path(__file__).parents[1] / "tests" / "data" / "nuclei"


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):  # as on the first day
        os.environ[name] = str(Path(home) / name)
    os.environ["NAPARI_CONFIG"] = str(Path(home) / "settings.yaml")
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.segment import batch_job, find_fields, load_pipeline, run
    from limelight.widgets.plate_layers import plate_layers
    from limelight.widgets.segment_batch import BatchDialog

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

    def take(name: str, widget: Any = None) -> None:
        wait(600)
        path = folder / f"{name}.png"
        (widget or window).grab().save(str(path))
        shrink(path)
        print(path)

    def dock(title: str) -> Any:
        _, widget = viewer.window.add_plugin_dock_widget("napari-limelight", title)
        wait(300)
        return getattr(widget, "__wrapped__", widget)

    files = sorted(IMAGES.glob("nuclei_??.tif"))
    pixels = tifffile.imread(files[0])
    limits = [float(v) for v in np.percentile(pixels, (1, 99.8))]
    viewer.add_image(pixels, name="DAPI", contrast_limits=limits)
    segment = dock("Segment")
    segment.open("nuclei", quiet=True)
    until(lambda: segment.result is not None and not segment.runner.running)
    segment.list.setCurrentItem(segment.list.topLevelItem(0))
    viewer.reset_view()
    take("segment_dock")
    segment.show_figure()
    take("segment_figure", segment.figure)
    segment.figure.close()

    dialog = BatchDialog(segment.pipeline, segment)
    images = Path(home) / "images"
    images.mkdir()
    for number, file in enumerate(files):
        shutil.copy(file, images / f"site{number + 1}.tif")
    (images / "site4.tif").write_bytes(b"half a file")
    dialog.input.setText(str(images))
    dialog.output.setText(str(Path(home) / "results"))
    dialog.show()
    dialog.run()
    until(lambda: not dialog.runner.running)
    dialog.input.setText("plate1/images")
    dialog.output.setText("plate1/results")
    dialog.message.tell(str(dialog.message.text()).replace(home, "plate1"))
    take("segment_batch", dialog)
    dialog.close()
    viewer.window.remove_dock_widget("all")

    objects = dock("Objects")
    until(lambda: objects.layer is not None)
    for name in [x.name for x in viewer.layers if x.name.startswith("segment_primary")]:
        viewer.layers.remove(name)
    viewer.reset_view()
    objects.view.selectRow(31)
    take("objects_table")
    objects.tabs.setCurrentIndex(1)
    x, y = "Morphology_area", "Intensity_mean_DAPI"
    objects.along_x.setCurrentIndex(objects.along_x.findText(x))
    objects.along_y.setCurrentIndex(objects.along_y.findText(y))
    table = objects.table
    (x0, x1), (y0, y1) = (np.percentile(table[c], (60, 100)) for c in (x, y))
    corners = [[x0, 0], [x0, y1 * 2], [x1 * 2, y1 * 2], [x1 * 2, 0]]
    objects.class_name.setText("large")
    objects.gate(np.array(corners))
    viewer.reset_view()
    take("objects_plot")
    del y0

    viewer.layers.clear()
    plate = Path(home) / "plate1"
    plate.mkdir()
    rows = (
        min(tifffile.imread(f).shape[0] for f in files),
        min(tifffile.imread(f).shape[1] for f in files),
    )
    for number, (well, site) in enumerate(product(("A01", "A02", "B01", "B02"), range(4))):
        turned = np.roll(tifffile.imread(files[number % len(files)]), 97 * number, 1)
        tifffile.imwrite(plate / f"{well}_s{site + 1}.tif", turned[: rows[0], : rows[1]])
    fields = find_fields(plate, ["DAPI"])
    pipeline = load_pipeline("nuclei")
    result = run(batch_job(pipeline, fields, Path(home) / "wells", form="ome-zarr"))
    path = next(iter(result.wells.values())).parents[2]
    for data, arguments, kind in plate_layers(path):
        getattr(viewer, f"add_{kind}")(data, **arguments)
    objects.tabs.setCurrentIndex(0)
    objects.colour.setCurrentIndex(0)
    viewer.layers.selection.active = viewer.layers["Nuclei"]
    viewer.reset_view()
    viewer.scene.camera.zoom *= 0.93
    until(lambda: objects.layer is not None)
    take("plate")
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images")
