"""Make the manual's pictures of the Table tools dock, and of the quality in the Localize dock.

    python scripts/screenshots_tools.py             into docs/images
    python scripts/screenshots_tools.py FOLDER      into another folder

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
FRAMES = 2_000


def molecules() -> Any:
    """Return rings that blink while the sample drifts."""
    from limelight.core.localizations import Localizations
    from limelight.core.simulate import random_walk_drift
    from limelight.core.simulate.structures import rings

    rng = np.random.default_rng(5)
    place = rings((64, 64), 140, rng)
    events = 16_000
    which, first = rng.integers(0, len(place), events), rng.integers(0, FRAMES, events)
    length = rng.geometric(1 / 3, events)
    event = np.repeat(np.arange(events), length)
    frame = first[event] + np.arange(len(event)) - np.repeat(np.cumsum(length) - length, length)
    event, frame = event[frame < FRAMES], frame[frame < FRAMES]
    drift = random_walk_drift(FRAMES, 0.04, rng)
    photons = rng.lognormal(7, 0.4, len(frame))
    precision = 2.0 / np.sqrt(photons)
    xy = place[which[event], :2] + rng.normal(0, 1, (len(frame), 2)) * precision[:, None]
    xy += drift[frame]
    order = np.argsort(frame, kind="stable")
    columns = {
        "frame": frame,
        "x": xy[:, 0],
        "y": xy[:, 1],
        "photons": photons,
        "bg": rng.normal(25, 3, len(frame)),
        "sx": rng.normal(1.2, 0.06, len(frame)),
        "sy": rng.normal(1.2, 0.06, len(frame)),
        "lpx": precision,
        "lpy": precision,
    }
    step = {"Frames": FRAMES, "Height": 64, "Width": 64, "Pixelsize": 100.0}
    return Localizations.from_columns({k: v[order] for k, v in columns.items()}, [step])


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    home = tempfile.mkdtemp()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):  # as on the first day
        os.environ[name] = str(Path(home) / name)
    os.environ["NAPARI_CONFIG"] = str(Path(home) / "settings.yaml")
    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from limelight.core.simulate import scene
    from limelight.io import save_localizations

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

    def dock(title: str) -> Any:
        _, widget = viewer.window.add_plugin_dock_widget("napari-limelight", title)
        wait(300)
        return getattr(widget, "__wrapped__", widget)

    table = Path(home) / "rings_locs.hdf5"
    save_localizations(molecules(), table)
    tools = dock("Table tools")
    tools.open_table(str(table))
    until(lambda: not tools.runner.running)
    viewer.reset_view()

    def run(name: str, **values: Any) -> None:
        tools.tool.choose(name)
        tools.tool.form.set_values(values)
        tools.run()
        until(lambda: not tools.runner.running)

    run("undrift")
    take("tools_drift")
    run("dbscan", radius=0.5, min_samples=10, min_locs=40)
    take("tools_clusters")
    tools.undo.click()
    tools.tool.choose("pick")
    tools.draw_regions()
    shapes = tools.regions.layer()
    shapes.add_ellipses(np.array([[20, 18], [7, 7]]))
    shapes.add_polygons(np.array([[30, 34], [33, 52], [50, 56], [48, 38]]))
    shapes.mode = "pan_zoom"
    run("pick")
    viewer.layers[-1].visible = False
    take("tools_pick")
    viewer.window.remove_dock_widget("all")
    viewer.layers.clear()

    movie = scene("demo", frames=800)
    viewer.add_image(np.asarray(movie.read(0, 800)), name="demo", metadata={"movie": movie})
    localize = dock("Localize")
    localize.start()
    until(lambda: not localize.runner.running and not localize.quality.runner.running)
    wait(1500)
    take("localize_quality")

    viewer.layers.clear()
    movie = scene("demo", frames=20_000)
    viewer.add_image(
        np.broadcast_to(movie.read(0, 1), movie.shape), name="demo", metadata={"movie": movie}
    )
    localize.start()
    figures = localize.quality.figures
    until(lambda: any(m.name == "frc_nm" and m.reliable for m in figures.measures))
    wait(3000)  # a few more seconds of curve
    take("localize_quality_live")
    localize.runner.cancel()
    until(lambda: not localize.runner.running)
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images")
