"""The demonstration, from the empty folder to the page."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.localizations import Localizations
from limelight.demo.page import write_page
from limelight.demo.picture import draw_picture, liveliest_view, mean_image, nice_length

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


def table(x, y, shape=(64, 96), **columns) -> Localizations:
    n = len(x)
    values = {"frame": np.zeros(n), "x": x, "y": y, "lpx": np.full(n, 0.1), "lpy": np.full(n, 0.1)}
    record = {"Frames": 10, "Height": shape[0], "Width": shape[1], "Pixelsize": 100}
    return Localizations.from_columns(values | columns, [record])


@given(st.floats(1e-3, 1e6))
def test_nice_length_is_the_largest_that_fits(longest: float) -> None:
    length = nice_length(longest)
    assert length <= longest * (1 + 1e-6)
    assert length * 2.5 >= longest * (1 - 1e-6)
    assert float(f"{length:e}".split("e")[0]) == pytest.approx(
        round(float(f"{length:e}".split("e")[0]))
    )


def test_mean_image_is_the_mean() -> None:
    from limelight.core.movie import ArrayMovie

    frames = np.random.default_rng(0).integers(0, 1000, (9, 5, 4)).astype(np.uint16)
    np.testing.assert_allclose(mean_image(ArrayMovie(frames)), frames.mean(axis=0), rtol=1e-6)
    assert mean_image(ArrayMovie(frames), most=3) == pytest.approx(frames[[0, 4, 8]].mean(axis=0))


def test_liveliest_view_prefers_ground_covered_to_one_bright_spot() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.full(1000, 20.0), rng.uniform(60, 70, 300)])
    y = np.concatenate([np.full(1000, 20.0), rng.uniform(40, 50, 300)])
    y0, x0, y1, x1 = liveliest_view(table(x, y))
    assert y0 < 45 < y1
    assert x0 < 65 < x1


@pytest.mark.parametrize("shape", [(64, 96), (9, 200), (8, 8), (5, 5)])
def test_liveliest_view_lies_in_the_field(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, shape[1] - 1, 50), rng.uniform(0, shape[0] - 1, 50)
    y0, x0, y1, x1 = liveliest_view(table(x, y, shape))
    assert -0.5 <= y0 < y1 <= shape[0] - 0.5
    assert -0.5 <= x0 < x1 <= shape[1] - 0.5


@pytest.mark.parametrize("count", [0, 1, 500])
def test_picture_is_drawn_for_any_number_of_molecules(count: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    locs = table(rng.uniform(0, 95, count), rng.uniform(0, 63, count))
    path = draw_picture(tmp_path / "a.png", np.ones((64, 96), np.float32), locs, "title")
    assert path.read_bytes().startswith(PNG)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(PNG + b"rest")
    page = write_page(
        tmp_path / "p.html",
        title="a <b> & c",
        lead="lead",
        pictures=[picture],
        tables={"Camera": {"Name": "<script>"}, "Empty": {}},
        notes=["note"],
    )
    text = page.read_text(encoding="utf-8")
    assert "a &lt;b&gt; &amp; c" in text
    assert "<script>" not in text
    assert "Empty" not in text
    assert "http" not in text
    embedded = re.findall(r"base64,([\w+/=]+)", text)
    assert [base64.b64decode(e) for e in embedded] == [PNG + b"rest"]


def test_demo_writes_picture_molecules_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import limelight
    from limelight.cli import main

    out = tmp_path / "out"
    assert main(["demo", "--simulate", "60", "--output", str(out), "--no-window"]) == 0
    said = capsys.readouterr().out
    names = {"demo_1", "demo.png", "demo.html", "demo_locs.hdf5", "demo_locs.yaml"}
    assert {p.name for p in out.iterdir()} == names
    for name in ("demo_1", "demo.png", "demo.html", "demo_locs.hdf5"):
        assert str(out / name) in said
    recorded = limelight.open_movie(out / "demo_1")
    assert recorded.shape == (60, 512, 512)
    recorded.close()
    locs = limelight.load_localizations(out / "demo_locs.hdf5")
    assert locs.pixel_size_nm == 100
    text = (out / "demo.html").read_text(encoding="utf-8")
    jaccard = float(re.search(r"Jaccard index</td><td>([\d.]+)", text)[1])
    if "too slow" not in said:  # a machine that is busy with something else may skip frames
        assert len(locs) > 1500
        assert jaccard > 0.7
    assert f"{len(locs):,}" in text


def test_demo_of_a_movie_uses_its_camera(tmp_path: Path) -> None:
    import limelight
    from limelight.cli import main
    from limelight.core.simulate import scene
    from limelight.io import write_tiff

    write_tiff(tmp_path / "mine.tif", scene("standard", frames=10))
    words = ["demo", str(tmp_path / "mine.tif"), "--output", str(tmp_path), "--no-window"]
    words += ["--baseline", "100", "--pixel-size", "123", "--fit", "lq", "--box", "9"]
    assert main(words) == 0
    locs = limelight.load_localizations(tmp_path / "mine_locs.hdf5")
    assert locs.pixel_size_nm == 123
    assert locs.find("Box Size") == 9
    text = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert "123 nm" in text
    assert "Jaccard" not in text


def test_demo_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from limelight.cli import main

    assert main(["demo", str(tmp_path / "none.tif"), "--no-window"]) == 2
    assert "none.tif" in capsys.readouterr().err
    occupied = tmp_path / "file"
    occupied.write_text("")
    assert main(["demo", "--output", str(occupied), "--simulate", "2", "--no-window"]) == 2
    assert "file" in capsys.readouterr().err


def test_demo_opens_napari_with_layers_in_place_and_the_dock(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import napari

    from limelight.cli import main

    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    assert main(["demo", "--simulate", "20", "--output", str(tmp_path), "--window"]) == 0
    names = [layer.name for layer in viewer.layers]
    assert names[0] == "demo"
    assert "demo super-resolution (localize)" in names
    assert "demo molecules (localize)" in names
    assert viewer.layers["demo"].data.shape == (20, 512, 512)
    np.testing.assert_allclose(viewer.layers["demo"].scale[-2:], (0.1, 0.1))
    docks = " ".join(viewer.window.dock_widgets)
    assert "Microscope" in docks
    assert "Acquisition" in docks
    assert (tmp_path / "demo.html").exists()
    assert (tmp_path / "demo_locs.hdf5").exists()
    release(viewer)


def test_demo_of_a_movie_opens_napari_with_layers_in_place(
    make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import napari

    from limelight.cli import main
    from limelight.core.simulate import scene
    from limelight.io import write_tiff

    write_tiff(tmp_path / "mine.tif", scene("standard", frames=5))
    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    assert main(["demo", str(tmp_path / "mine.tif"), "--output", str(tmp_path), "--window"]) == 0
    movie, mean, molecules = viewer.layers
    assert [mean.name, molecules.name] == ["mean", "molecules"]
    np.testing.assert_allclose(mean.extent.world, movie.extent.world[:, 1:])
    np.testing.assert_allclose(molecules.extent.world, mean.extent.world, atol=0.06)
    assert "Localize" in " ".join(viewer.window.dock_widgets)


def release(viewer: Any) -> None:
    """Leave no microscope behind, as closing napari does."""
    import pymmcore

    from limelight.acquire import find_core

    for name in list(viewer.window.dock_widgets):
        viewer.window.remove_dock_widget(viewer.window._wrapped_dock_widgets[name])
    core = find_core(load=False)
    core.unloadAllDevices()
    pymmcore.CMMCore.registerCallback(core, None)


def test_closing_the_window_stops_the_microscope(make_napari_viewer: Any, tmp_path: Path) -> None:
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    from limelight.acquire import Dataset
    from limelight.demo.window import watch
    from limelight.localize import LocalizeSettings

    viewer = make_napari_viewer()
    seen = []

    def close_when_it_runs() -> None:
        if seen and seen[-1].done > 5:
            timer.stop()
            QApplication.instance().quit()  # as napari does

    timer = QTimer()
    timer.timeout.connect(close_when_it_runs)
    timer.start(50)
    assert watch(viewer, tmp_path, 20_000, LocalizeSettings.of(fit="mle"), seen.append) is None
    (folder,) = tmp_path.iterdir()
    with Dataset(folder) as dataset:
        assert 5 < len(dataset) < 20_000
    release(viewer)


def test_a_microscope_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.acquire.scope import bench
    from limelight.core.errors import LimelightError
    from limelight.core.job import run
    from limelight.demo.microscope import observe_job
    from limelight.localize import LocalizeSettings

    def broken(*_: Any, **__: Any) -> int:
        raise RuntimeError("no light")

    monkeypatch.setattr(bench.Bench, "expose", broken)
    with pytest.raises(LimelightError, match="delivered no frame"):
        run(observe_job(tmp_path, 1, LocalizeSettings.of(fit="mle")))
