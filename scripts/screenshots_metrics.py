"""Make the manual's pictures of the Metrics dock.

    python scripts/screenshots_metrics.py             into docs/images
    python scripts/screenshots_metrics.py FOLDER      into another folder
    python scripts/screenshots_metrics.py FOLDER LAB  with the lab's files in the folder LAB

The history is simulated: a lab with two cameras, some weeks of measurements, an objective that is
cleaned, some bad days.  The results that are compared are real tables of simulated rings.  Needs a
screen; without one, run it under ``xvfb-run -a -s "-screen 0 1366x768x24"``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from screenshots import PATIENCE_MS, shrink
from screenshots_tools import molecules

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1366, 768)
RUNS = 260
SAMPLES = ("nup96", "tubulin", "clathrin", "origami")
CAMERAS = {"Orca Fusion": (11.5, 1.0), "iXon Ultra": (15.0, 1.3)}


def preview(rng: np.random.Generator, sample: str) -> Any:
    """Return the small picture of a result that nobody measured."""
    from limelight.core.localizations import Localizations
    from limelight.core.render import Layer, compose, render
    from limelight.core.simulate import structures

    if sample == "nup96":
        at = structures.rings((32, 32), int(rng.integers(15, 50)), rng)[:, :2]
        at = np.repeat(at, 4, 0)
    elif sample in ("clathrin", "origami"):
        at = np.repeat(rng.uniform(0, 32, (int(rng.integers(60, 200)), 2)), 40, 0)
        at += rng.normal(0, 0.25, at.shape)
    else:
        along = np.linspace(0, 1, 900)[:, None]
        ends = rng.uniform(-4, 36, (14, 2, 2))
        bend = rng.normal(0, 5, (14, 2))
        at = np.concatenate(
            [
                a + (b - a) * along + c * np.sin(np.pi * along)
                for (a, b), c in zip(ends, bend, strict=True)
            ]
        )
    at = at + rng.normal(0, 0.12, at.shape)
    inside = ((at > -0.4) & (at < 31.4)).all(axis=1)
    at = at[inside]
    step = {"Frames": 1, "Height": 32, "Width": 32, "Pixelsize": 100.0}
    locs = Localizations.from_columns(
        {"frame": np.zeros(len(at)), "x": at[:, 0], "y": at[:, 1]}, [step]
    )
    return compose([Layer(render(locs, 10.0, mode="smooth"), "hot", gamma=0.6)])


def history(folder: Path, now: datetime) -> list[Any]:
    """Return the runs of some weeks."""
    from limelight.core.report import RunRecord

    rng = np.random.default_rng(3)
    found = []
    for k in range(RUNS):
        age = (RUNS - k) / RUNS * 42
        began = (now - timedelta(days=age)).replace(hour=9) + timedelta(
            minutes=float(rng.uniform(0, 560))
        )
        if began > now:
            continue
        camera = "Orca Fusion" if rng.random() < 0.62 else "iXon Ultra"
        middle, spread = CAMERAS[camera]
        # the objective gets dirty, and is cleaned
        dirt = 2.6 * max(0.0, (26 - age) / 14) if camera == "iXon Ultra" and 12 < age < 26 else 0
        bad = rng.random() < 0.022
        nena = middle + dirt + rng.normal(0, spread) + bad * rng.uniform(7, 14)
        photons = 1700 * (11.5 / nena) ** 1.6 * rng.lognormal(0, 0.12)
        frames = int(rng.choice([5_000, 10_000, 20_000, 40_000]))
        per_frame = rng.lognormal(2.6, 0.5)
        sample = SAMPLES[int(age // 2) % len(SAMPLES)]
        name = f"{began:%Y-%m-%d}/{sample}_{k % 17 + 1:02d}"
        file = folder / f"{name}_locs.hdf5"
        if rng.random() < 0.97:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        figures = {
            "frames": frames,
            "n_locs": int(frames * per_frame),
            "locs_per_frame": per_frame,
            "median_photons": photons,
            "median_bg": rng.lognormal(3.2, 0.3),
            "median_sx": rng.normal(1.15, 0.03),
            "median_sy": rng.normal(1.16, 0.03),
            "nena_nm": nena,
            "frc_nm": nena * rng.normal(2.7, 0.15) + 3,
            "bright_time": rng.lognormal(1.3, 0.2),
            "drift_aim_x": abs(rng.normal(0.9, 0.5)) + bad * 2,
            "drift_aim_y": abs(rng.normal(0.8, 0.4)) + bad * 2,
        }
        found.append(
            RunRecord(
                kind="localization",
                file=file,
                source=folder / f"{name}.ome.tif",
                group=sample,
                tags=("live",) if rng.random() < 0.2 else ("fixed",),
                started=began.astimezone(),
                duration_s=frames / 900,
                settings={"detector": "snr", "fitter": "multi", "box": 7},
                camera={"name": camera, "pixel_size_nm": 100.0},
                figures=figures,
                preview=preview(rng, sample) if k > RUNS - 70 else None,
            )
        )
    return found


def main(folder: Path, home: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):  # as on the first day
        os.environ[name] = str(home / name.split("_")[1].lower())
    os.environ["LIMELIGHT_DB"] = str(home / "metrics.sqlite")
    os.environ["NAPARI_CONFIG"] = str(home / "settings.yaml")
    import napari
    from qtpy.QtCore import QEventLoop, Qt, QTimer

    import limelight
    from limelight.core.simulate import scene
    from limelight.io import save_localizations, write_tiff
    from limelight.io.tools import apply_tool_job
    from limelight.metrics import Database, ParameterGroup, WatchSettings, add_files_job

    now = datetime.now()
    data = home / "data"
    database = Database()
    database.add_many(history(data, now))
    today = data / f"{now:%Y-%m-%d}"
    today.mkdir(parents=True, exist_ok=True)
    table = today / "rings_locs.hdf5"
    save_localizations(molecules(), table)
    from limelight.core import parts

    limelight.run(apply_tool_job(parts.make("tools", "undrift"), table))
    limelight.run(add_files_job([today], database, group="origami", tags=("rings",)))

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
        wait(600)
        path = folder / f"{name}.png"
        window.grab().save(str(path))
        shrink(path)
        print(path)

    place, widget = viewer.window.add_plugin_dock_widget("napari-limelight", "Metrics")
    dock = getattr(widget, "__wrapped__", widget)
    window.resizeDocks([place], [720], Qt.Orientation.Horizontal)
    until(lambda: len(dock.source.rows) and dock.source.idle)
    rows = dock.source.rows

    newest = int(np.argmax(rows["started"]))
    dock.history._on_point(newest)
    dock.open_run(newest)
    until(lambda: not dock.runner.running)
    viewer.reset_view()
    take("metrics_history")

    dock.history.choose_view("control")
    nena = np.where(rows["camera"] == "Orca Fusion", rows["nena_nm"], 0)
    dock.history._on_point(int(np.nanargmax(nena)))
    take("metrics_control")
    dock.history.choose_view("scatter")
    take("metrics_scatter")
    dock.history.choose_view("boxes")
    take("metrics_boxes")

    dock.compare.add_paths([str(table), str(table.with_name("rings_locs_undrift.hdf5"))])
    dock.tabs.setCurrentWidget(dock.compare)
    dock.compare.view.setCurrentIndex(2)
    dock.compare.compare()
    until(lambda: dock.compare._pictures is not None and not dock.runner.running)
    take("metrics_compare")
    dock.compare.view.setCurrentIndex(1)
    wait(600)
    take("metrics_histogram")

    dock.tabs.setCurrentWidget(dock.preview)
    wait(1500)
    take("metrics_preview")

    incoming = home / "microscope1"
    incoming.mkdir()
    movie = scene("demo", frames=40)
    for k in range(3):
        write_tiff(incoming / f"cell_{k + 1}.ome.tif", movie.read(0, 40))
    camera = {"baseline": 100.0, "pixel_size": 100.0}
    group = ParameterGroup(camera, commands=(("echo", "$FILENAME"),))
    settings = WatchSettings(
        folders=(incoming,), name="microscope 1", poll_s=0.2, settle_s=0.2, groups=(group,)
    )
    dock.tabs.setCurrentWidget(dock.status)
    dock.watch(settings)
    from limelight.widgets.metrics_status import RUNNING, stop_watchers

    until(lambda: sum("says" in line for line in RUNNING["microscope 1"].log()) == 3)
    wait(4000)
    take("metrics_status")
    stop_watchers()
    viewer.close()


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    images = given[0] if given else Path(__file__).parents[1] / "docs" / "images"
    main(images, given[1] if len(given) > 1 else Path(tempfile.mkdtemp()) / "lab")
