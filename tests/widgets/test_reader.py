from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from limelight.core.errors import FileError
from limelight.io import open_movie, write_raw, write_tiff
from limelight.widgets.reader import get_reader

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def frames():
    return np.random.default_rng(2).integers(90, 900, (6, 12, 15)).astype(np.uint16)


def _read(path):
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


def test_a_movie_becomes_an_image_in_micrometres(tmp_path, frames):
    path = write_tiff(tmp_path / "x.ome.tif", frames, pixel_size_nm=120, exposure_ms=20, camera="C")
    [(data, about, kind)] = _read(path)
    assert kind == "image"
    np.testing.assert_array_equal(np.asarray(data), frames)
    assert about["name"] == "x"
    assert about["scale"] == (1, pytest.approx(0.12), pytest.approx(0.12))
    assert about["units"] == ("pixel", "um", "um")
    assert about["axis_labels"] == ("time", "y", "x")
    assert about["metadata"]["exposure_ms"] == 20
    assert about["metadata"]["Camera"] == "C"
    movie = about["metadata"]["movie"]
    assert movie is data.movie and movie.camera.pixel_size_nm == pytest.approx(120)
    low, high = about["contrast_limits"]
    assert 90 <= low < high <= 900
    movie.close()


def test_without_pixel_size_the_layer_is_in_pixels_and_says_so():
    [(data, about, _)] = _read(DATA / "dstorm_5_frames.tif")
    assert about["scale"] == (1, 1, 1) and set(about["units"]) == {"pixel"}
    assert "in pixels" in about["metadata"]["note"]
    data.movie.close()


@pytest.mark.parametrize("kind", ["raw", "npy", "folder", "tiff"])
def test_all_formats(tmp_path, frames, kind):
    path = tmp_path / f"x.{kind}"
    if kind == "raw":
        write_raw(path, frames)
    elif kind == "npy":
        np.save(path, frames)
    elif kind == "tiff":
        tifffile.imwrite(path, frames)
    else:
        path.mkdir()
        for k, frame in enumerate(frames):
            tifffile.imwrite(path / f"img{k}.tif", frame)
    [(data, _, _)] = _read(path)
    np.testing.assert_array_equal(data[2], frames[2])
    data.movie.close()


def test_a_constant_movie_has_contrast_limits(tmp_path):
    path = write_tiff(tmp_path / "x.tif", np.full((3, 4, 5), 7, np.uint16))
    [(data, about, _)] = _read(path)
    assert about["contrast_limits"] == (7, 8)
    data.movie.close()


def test_a_table_becomes_points_in_micrometres():
    [(data, about, kind)] = _read(DATA / "picasso_0_11_3_locs.hdf5")
    assert kind == "points"
    assert data.shape == (12, 2)
    assert about["scale"] == (0.13, 0.13) and about["units"] == ("um", "um")
    np.testing.assert_array_equal(data[:, 0], about["features"]["y"])
    np.testing.assert_array_equal(data[:, 1], about["features"]["x"])
    assert len(about["metadata"]["localizations"]) == 12
    assert about["border_color"] == about["face_color"]  # else small points look gray


def test_what_is_left_to_others(tmp_path, frames):
    (tmp_path / "notes.txt").write_text("")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(tmp_path / "single.tif", frames[0])
    np.save(tmp_path / "table.npy", np.zeros((5, 2)))
    np.save(tmp_path / "4d.npy", np.zeros((2, 3, 4, 5)))
    (tmp_path / "other.hdf5").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name in ("notes.txt", "rgb.tif", "single.tif", "table.npy", "4d.npy", "other.hdf5"):
        assert get_reader(str(tmp_path / name)) is None, name
    assert get_reader(str(tmp_path / "empty")) is None
    assert get_reader([str(tmp_path / "single.tif")] * 2) is None


def test_a_damaged_movie_says_what_is_wrong(tmp_path, frames):
    path = tmp_path / "x.tif"
    path.write_bytes(b"")
    with pytest.raises(FileError, match=r"x\.tif: the file is empty"):
        _read(path)
    write_tiff(path, frames)
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.warns(UserWarning, match=r"x\.tif.*frame \d cannot be read"):
        [(data, about, _)] = _read(path)
    assert 0 < len(data) < 6
    assert "cannot be read" in about["metadata"]["problem"]
    np.testing.assert_array_equal(np.asarray(data), frames[: len(data)])
    data.movie.close()


def test_raw_without_yaml_and_without_a_window(tmp_path, frames, monkeypatch):
    path = tmp_path / "x.raw"
    path.write_bytes(frames.tobytes())
    monkeypatch.setattr("limelight.widgets.reader.can_ask", lambda: False)
    with pytest.raises(FileError, match=r"no x\.yaml beside it"):
        _read(path)


def test_through_npe2(tmp_path, frames):
    import npe2

    manifest = Path(__file__).parents[2] / "napari.yaml"
    manager = npe2.PluginManager()
    manager.register(npe2.PluginManifest.from_file(manifest))
    manager.activate("napari-limelight")
    path = write_tiff(tmp_path / "x.tif", frames, pixel_size_nm=100)
    [(data, about, kind)], reader = npe2.io_utils._read(
        [str(path)], stack=False, return_reader=True, _pm=manager
    )
    assert reader.command == "napari-limelight.read"
    assert kind == "image" and about["scale"][-1] == pytest.approx(0.1)
    np.testing.assert_array_equal(data[3], frames[3])
    data.movie.close()


def test_napari_makes_the_layers(tmp_path, frames):
    from napari.components import ViewerModel
    from napari.layers import Layer

    path = write_tiff(tmp_path / "x.tif", frames, pixel_size_nm=130)
    viewer = ViewerModel()
    for source in (path, DATA / "picasso_0_11_3_locs.hdf5"):
        for layer in _read(source):
            viewer.add_layer(Layer.create(*layer))
    image, points = viewer.layers
    assert (
        [str(u) for u in points.units] == [str(u) for u in image.units[-2:]] == ["micrometer"] * 2
    )
    # The same position in pixels is the same place in the world.
    np.testing.assert_allclose(image.data_to_world((0, 3, 4))[-2:], points.data_to_world((3, 4)))
    image.metadata["movie"].close()


def test_reading_needs_no_window():
    import subprocess
    import sys

    code = (
        "import sys, limelight.widgets.reader as r; assert r.get_reader('x.png') is None; "
        "assert not [m for m in sys.modules if m.partition('.')[0] in ('qtpy', 'PyQt6', 'napari')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dialog(tmp_path, frames, qtbot):
    from limelight.widgets.raw_dialog import RawDialog, guess

    path = tmp_path / "x.raw"
    path.write_bytes(b"head" + frames.tobytes())
    dialog = RawDialog(path)
    qtbot.addWidget(dialog)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    dialog.width_px.setValue(15)
    dialog.height_px.setValue(12)
    assert "6 frames" in dialog.verdict.text() and "4 bytes are left over" in dialog.verdict.text()
    dialog.header.setValue(4)
    assert "6 frames exactly" in dialog.verdict.text() and ok.isEnabled()
    dialog.width_px.setValue(99_999)
    assert "One frame needs" in dialog.verdict.text() and not ok.isEnabled()
    dialog.width_px.setValue(15)
    dialog.save.setChecked(True)
    dialog.accept()
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames)
    assert guess(10 * 256 * 256 * 2).height == 256


def test_the_answer_of_the_dialog_is_used(tmp_path, frames, qtbot, monkeypatch):
    from limelight.io import RawSpecification

    monkeypatch.setattr("limelight.widgets.reader.can_ask", lambda: True)
    path = tmp_path / "x.raw"
    path.write_bytes(frames.tobytes())
    answers = [RawSpecification("uint16", 12, 15), None]
    monkeypatch.setattr(
        "limelight.widgets.raw_dialog.ask_specification", lambda file: answers.pop(0)
    )
    [(data, _, _)] = _read(path)
    np.testing.assert_array_equal(np.asarray(data), frames)
    data.movie.close()
    assert _read(path) == [(None,)]  # napari's sign for: nothing to add
