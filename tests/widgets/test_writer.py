from __future__ import annotations

import warnings

import dask.array as da
import npe2
import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.components import ViewerModel

from limelight.core.errors import FileError, LimelightError
from limelight.core.localizations import COLUMNS, Localizations
from limelight.io import load_table, open_array, open_movie, save_table, write_tiff
from limelight.io.tables.dispatch import FORMATS
from limelight.io.tables.kept import HELD, columns_lost
from limelight.widgets import writer
from limelight.widgets.layers import Placement, add_molecules
from limelight.widgets.reader import movie_layer

ROWS = 50
FORMS = {
    "picasso": (".hdf5", 1e-6),
    "thunderstorm": (".csv", 1e-4),
    "plain": (".tsv", 1e-6),
    "rapidstorm": (".txt", 1e-4),
    "pyme": (".h5r", 1e-4),
    "smap": (".mat", 1e-4),
    "decode": (".h5", 1e-5),
    "smlm": (".smlm", 1e-4),
    "parquet": (".parquet", 1e-6),
}


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def manager(root):
    found = npe2.PluginManager.instance()
    if "napari-limelight" not in [m.name for m in found.iter_manifests()]:
        found.register(npe2.PluginManifest.from_file(root / "napari.yaml"))
    return found


def table(rows=ROWS):
    rng = np.random.default_rng(3)
    columns = {
        "frame": np.arange(rows),
        "x": rng.uniform(0, 64, rows),
        "y": rng.uniform(0, 48, rows),
        "photons": rng.uniform(500, 3000, rows),
        "bg": rng.uniform(1, 9, rows),
        "sx": rng.uniform(0.9, 1.2, rows),
        "sy": rng.uniform(0.9, 1.2, rows),
        "lpx": rng.uniform(0.05, 0.2, rows),
        "lpy": rng.uniform(0.05, 0.2, rows),
    }
    about = {"Frames": rows, "Height": 48, "Width": 64, "Pixelsize": 107.0}
    return Localizations.from_columns(columns, [about])


def molecules(viewer, locs=None):
    place = Placement((0.107, 0.107), (0.0, 0.0), ("um", "um"))
    return add_molecules(viewer, locs or table(), place, name="molecules")


def test_every_format_of_tables_is_offered(manager):
    offered = {
        w.command.rpartition("write_")[2]
        for w in manager.iter_compatible_writers(["points"])
        if w.plugin_name == "napari-limelight"
    }
    assert set(FORMATS) == set(FORMS) == offered - {"folder"}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_format_holds_is_kept_and_the_rest_is_said(tmp_path, form):
    """The manual's table is held against this."""
    rng = np.random.default_rng(0)
    columns = {c: rng.uniform(1, 100, 40) for c in (*COLUMNS, "lpz", "mine")}
    columns |= {"frame": np.arange(40), "iterations": np.arange(40)}
    columns["sy"] = columns["sx"]  # PYME's files hold one width
    locs = Localizations.from_columns(
        columns, [{"Frames": 40, "Height": 100, "Width": 100, "Pixelsize": 107.0, "note": "n"}]
    )
    lost = columns_lost(locs, form)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        path = save_table(locs, tmp_path / f"a{FORMS[form][0]}", form)
    assert [str(w.message).split(";")[0] for w in said] == (
        [f"{path.name}: this format does not hold {', '.join(lost)}"] if lost else []
    )
    again = load_table(path)
    assert [c for c in locs.columns if c not in again] == lost
    for column in set(locs.columns) - set(lost):
        np.testing.assert_allclose(again[column], locs[column], rtol=1e-6, err_msg=column)
    assert again.provenance[0]["note"] == "n"


@pytest.mark.filterwarnings("ignore:.*does not hold")
@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_saved_in_every_format(tmp_path, viewer, manager, form):
    suffix, precision = FORMS[form]
    layer = molecules(viewer)
    path = tmp_path / f"a_sml{suffix}"
    chosen = next(
        w for w in manager.iter_compatible_writers(["points"]) if w.command.endswith(f"_{form}")
    )
    assert viewer.layers.save(str(path), _writer=chosen) == [str(path)]
    again, locs = load_table(path), layer.metadata["localizations"]
    assert again.pixel_size_nm == pytest.approx(107)
    np.testing.assert_array_equal(again["frame"], locs["frame"])
    for column in ("x", "y"):
        np.testing.assert_allclose(again[column], locs[column], atol=precision)


def test_columns_that_are_lost_are_said(tmp_path, viewer, manager):
    molecules(viewer)
    with pytest.warns(UserWarning, match=r"a\.txt: this format does not hold sx, sy; the other"):
        viewer.layers.save(str(tmp_path / "a.txt"))


def test_file_save_in_the_window(make_napari_viewer, tmp_path, monkeypatch):
    from qtpy.QtWidgets import QFileDialog

    monkeypatch.setattr("limelight.widgets.reader.can_ask", lambda: True)
    viewer = make_napari_viewer(show=False)
    molecules(viewer)
    told = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", told.append)

    def choose(self, parent, caption, directory, filter, options):
        assert "SMLM" in filter and "Picasso" in filter
        chosen = next(f for f in filter.split(";;") if "rapidSTORM" in f)
        return str(tmp_path / "mine"), chosen

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    viewer.window._qt_viewer._save_layers_dialog(selected=True)
    assert len(load_table(tmp_path / "mine.txt")) == ROWS
    assert len(told) == 1 and "does not hold sx, sy" in told[0]


def test_the_manual_tells_what_the_formats_hold(root):
    text = (root / "docs" / "howto" / "formats.md").read_text(encoding="utf-8")
    for form, held in HELD.items():
        suffix = FORMS[form][0]
        row = next(x for x in text.splitlines() if x.startswith("|") and f"`{form}`" in x)
        assert f"`{suffix}" in row or suffix == ".mat", form
        columns = row.split("|")[3]
        assert "all" in columns if held is None else all(f"`{c}`" in columns for c in held), form


@pytest.mark.filterwarnings("ignore:.*does not hold")
@pytest.mark.parametrize("suffix", [".hdf5", ".h5r", ".smlm", ".parquet"])
def test_the_suffix_alone_chooses_the_writer(tmp_path, viewer, manager, suffix):
    path = tmp_path / f"a{suffix}"
    tuples = [molecules(viewer).as_layer_data_tuple()]
    assert npe2.write(str(path), tuples, plugin_name="napari-limelight") == [str(path)]
    assert len(load_table(path)) == ROWS


def test_a_missing_suffix_is_added_and_a_typed_one_followed(tmp_path, viewer):
    data, meta, _ = molecules(viewer).as_layer_data_tuple()
    assert writer.write_parquet(str(tmp_path / "a.b"), data, meta) == [
        str(tmp_path / "a.b.parquet")
    ]
    [path] = writer.write_parquet(str(tmp_path / "a.hdf5"), data, meta)
    assert path.endswith("a.hdf5") and len(load_table(path)) == ROWS


def test_points_that_were_removed_or_moved_are_so_in_the_file(tmp_path, viewer, manager):
    layer = molecules(viewer)
    layer.selected_data = {0, 7}
    layer.remove_selected()
    moved = layer.data.copy()
    moved[3] = (11.5, 12.25)
    layer.data = moved
    path = tmp_path / "a.hdf5"
    viewer.layers.save(str(path))
    again = load_table(path)
    assert len(again) == ROWS - 2 and again["x"][3] == 12.25 and again["y"][3] == 11.5
    kept = np.delete(table()["frame"], [0, 7])
    np.testing.assert_array_equal(again["frame"], kept)
    assert again.provenance[-1]["Generated by"] == "Limelight: points edited by hand"


def test_of_a_sample_the_whole_table_is_written(tmp_path, viewer, manager, monkeypatch):
    monkeypatch.setattr("limelight.widgets.layers.MAX_POINTS", 20)
    layer = molecules(viewer)
    assert len(layer.data) == 20
    viewer.layers.save(str(tmp_path / "a.hdf5"))
    assert len(load_table(tmp_path / "a.hdf5")) == ROWS
    layer.selected_data = {0}
    layer.remove_selected()
    with pytest.warns(UserWarning, match="the whole table is written"):
        viewer.layers.save(str(tmp_path / "b.hdf5"))


def test_plain_points_become_molecules(tmp_path, viewer, manager):
    points = np.array([[2, 3.0, 4.0], [5, 6.0, 7.5]])
    viewer.add_points(
        points,
        scale=(1, 0.2, 0.1),
        translate=(0, 0, 1.0),
        units=("pixel", "um", "um"),
        axis_labels=("time", "y", "x"),
        features=pd.DataFrame({"photons": [5.0, 6.0], "note": ["a", "b"], "good": [True, False]}),
        name="mine",
    )
    viewer.layers.save(str(tmp_path / "a.hdf5"))
    again = load_table(tmp_path / "a.hdf5")
    assert again.pixel_size_nm == pytest.approx(100)
    np.testing.assert_array_equal(again["frame"], [2, 5])
    np.testing.assert_allclose(again["x"], [14, 17.5], rtol=1e-6)
    np.testing.assert_allclose(again["y"], [6, 12], rtol=1e-6)
    np.testing.assert_array_equal(again["photons"], [5, 6])
    assert "note" not in again and "good" in again


def test_z_of_plain_points(tmp_path, viewer, manager):
    viewer.add_points(
        np.array([[2.0, 3.0, 4.0]]), scale=(0.5, 0.1, 0.1), units=("um",) * 3, name="deep"
    )
    viewer.layers.save(str(tmp_path / "a.hdf5"))
    again = load_table(tmp_path / "a.hdf5")
    assert again["z"][0] == pytest.approx(1000) and again["frame"][0] == 0


def test_points_without_a_unit_say_what_is_assumed(tmp_path, viewer, manager):
    viewer.add_points(np.array([[3.0, 4.0]]))
    with pytest.warns(UserWarning, match="size of a pixel is not known"):
        viewer.layers.save(str(tmp_path / "a.parquet"))


def counts(*shape, dtype=np.uint16):
    return np.random.default_rng(1).integers(0, 999, shape).astype(dtype)


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_an_image_keeps_axes_scale_and_units(tmp_path, viewer, manager, suffix):
    data = counts(4, 2, 3, 16, 20)
    viewer.add_image(
        data,
        scale=(0.5, 1, 0.25, 0.11, 0.11),
        units=("s", "pixel", "um", "um", "um"),
        axis_labels=("time", "channel", "z", "y", "x"),
        metadata={"labels": {"channel": ("GFP", "RFP")}},
        name="cells",
    )
    path = tmp_path / f"a{suffix}"
    assert viewer.layers.save(str(path)) == [str(path)]
    again = open_array(path)
    assert again.axes == ("time", "channel", "z", "y", "x")
    np.testing.assert_array_equal(again.array.compute(), data)
    assert again.metadata["Pixelsize"] == pytest.approx(110)
    assert again.scale == pytest.approx((0.5, 1, 0.25, 0.11, 0.11))
    assert again.units == ("s", "pixel", "um", "um", "um")
    assert again.labels == {"channel": ("GFP", "RFP")}
    again.close()


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_axes_in_another_order_are_put_in_order(tmp_path, viewer, manager, suffix):
    data = counts(3, 5, 8, 9)
    viewer.add_image(da.from_array(data), axis_labels=("channel", "time", "y", "x"))
    viewer.layers.save(str(tmp_path / f"a{suffix}"))
    again = open_array(tmp_path / f"a{suffix}")
    assert again.axes == ("time", "channel", "y", "x")
    np.testing.assert_array_equal(again.array.compute(), data.swapaxes(0, 1))
    again.close()


def test_positions_go_into_a_zarr_and_not_into_a_tiff(tmp_path, viewer, manager):
    data = counts(2, 4, 8, 9)
    viewer.add_image(
        data,
        axis_labels=("position", "time", "y", "x"),
        metadata={"labels": {"position": ("A/1", "B/2")}},
    )
    viewer.layers.save(str(tmp_path / "a.zarr"))
    again = open_array(tmp_path / "a.zarr")
    assert again.axes == ("position", "time", "y", "x")
    assert again.labels == {"position": ("A-1", "B-2")}
    np.testing.assert_array_equal(again.array.compute(), data)
    again.close()
    with pytest.raises(LimelightError, match="holds one position"):
        viewer.layers.save(str(tmp_path / "a.ome.tif"))
    assert not (tmp_path / "a.ome.tif").exists()


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32", "float64", "int64", "f2"])
def test_types_of_pixels(tmp_path, viewer, manager, suffix, dtype):
    data = (counts(3, 8, 9) % 2).astype(dtype)
    viewer.add_image(data)
    path = tmp_path / f"a{suffix}"
    viewer.layers.save(str(path))
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), data)


def test_colours(tmp_path, viewer, manager):
    data = counts(6, 7, 3, dtype=np.uint8)
    viewer.add_image(data, rgb=True, scale=(0.5, 0.5), units=("um", "um"))
    viewer.layers.save(str(tmp_path / "a.ome.tif"))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        np.testing.assert_array_equal(tiff.asarray(), data)
        assert tiff.pages[0].photometric.name == "RGB"
    viewer.layers.save(str(tmp_path / "a.zarr"))
    again = open_array(tmp_path / "a.zarr")
    np.testing.assert_array_equal(again.array.compute().squeeze(), np.moveaxis(data, -1, 0))
    again.close()


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_labels_of_64_bits(tmp_path, viewer, manager, suffix):
    data = np.zeros((8, 9), np.int64)
    data[2:4] = 70_000
    viewer.add_labels(data, scale=(0.1, 0.1), units=("um", "um"))
    viewer.layers.save(str(tmp_path / f"a{suffix}"))
    again = open_array(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(again.array.compute().reshape(8, 9), data)
    assert again.metadata["Pixelsize"] == pytest.approx(100)
    again.close()


def test_labels_that_no_tiff_holds(tmp_path, viewer, manager):
    viewer.add_labels(np.full((4, 4), 2**40))
    with pytest.raises(LimelightError, match="Save it as OME-Zarr"):
        viewer.layers.save(str(tmp_path / "a.ome.tif"))


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_a_movie_is_streamed(tmp_path, viewer, manager, suffix, monkeypatch):
    frames = counts(40, 32, 30)
    source = tmp_path / "x.ome.tif"
    write_tiff(source, frames, pixel_size_nm=120, exposure_ms=20, camera="Zyla")
    with open_movie(source) as movie:
        data, about, _ = movie_layer(movie)
        layer = viewer.add_image(data, **about)
        longest = []
        read = type(movie)._read

        def counting(self, start, stop):
            longest.append(stop - start)
            return read(self, start, stop)

        monkeypatch.setattr("limelight.io.blocks._BYTES", 8 * 32 * 30 * 2)
        monkeypatch.setattr("limelight.io.image_writer._CHUNK_BYTES", 8 * 32 * 30 * 2)
        monkeypatch.setattr(type(movie), "_read", counting)
        assert layer.metadata["movie"] is movie
        viewer.layers.save(str(tmp_path / f"b{suffix}"))
        assert max(longest) == 8
    monkeypatch.undo()
    with open_movie(tmp_path / f"b{suffix}") as again:
        np.testing.assert_array_equal(again.read(0, 40), frames)
        assert again.camera.pixel_size_nm == pytest.approx(120)
        if suffix == ".ome.tif":
            assert again.metadata["exposure_ms"] == 20 and again.camera.name == "Zyla"


def test_layers_of_several_kinds_go_to_a_folder(tmp_path, viewer, manager):
    viewer.add_image(counts(4, 8, 9), name="a/b")
    viewer.add_image(counts(8, 9), name="a_b")
    viewer.add_labels(np.ones((8, 9), np.uint8), name="cells")
    molecules(viewer)
    written = viewer.layers.save(str(tmp_path / "all"), plugin="napari-limelight")
    names = sorted(p.name for p in (tmp_path / "all").iterdir())
    assert names == ["a_b 2.ome.tif", "a_b.ome.tif", "cells.ome.tif", *names[3:]]
    assert names[3:] == ["molecules.hdf5", "molecules.yaml"] and len(written) == 4


@pytest.mark.parametrize("name", ["a.hdf5", "a.ome.tif", "a.ome.zarr"])
def test_where_nothing_can_be_written(tmp_path, viewer, manager, name):
    if name.endswith(".hdf5"):
        molecules(viewer)
    else:
        viewer.add_image(counts(4, 8, 9))
    with pytest.raises(FileError, match="there is no folder"):
        viewer.layers.save(str(tmp_path / "nowhere" / name))


def test_an_old_zarr_is_replaced_and_other_folders_are_left(tmp_path, viewer, manager):
    viewer.add_image(counts(4, 8, 9))
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match="something else of that name"):
        viewer.layers.save(str(path))
    assert (path / "thesis.txt").read_text() == "mine"
    for shape in ((4, 8, 9), (2, 8, 9)):
        viewer.layers[0].data = counts(*shape)
        viewer.layers.save(str(tmp_path / "b.zarr"))
    with open_movie(tmp_path / "b.zarr") as movie:
        assert movie.shape == (2, 8, 9)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize("suffix", [".ome.tif", ".ome.zarr"])
def test_cancelling_leaves_nothing(tmp_path, qtbot, suffix, monkeypatch):
    from qtpy.QtWidgets import QProgressDialog

    monkeypatch.setattr(QProgressDialog, "wasCanceled", lambda self: True)
    with pytest.raises(LimelightError, match=r"Writing a\.ome\.\w+: cancelled"):
        writer.write_ome_tiff(str(tmp_path / f"a{suffix}"), counts(9, 8, 8), {})
    assert not list(tmp_path.glob("*a*"))


def test_molecules_without_a_place_are_no_points_and_are_kept(tmp_path, viewer, manager):
    from limelight.widgets.reader import localizations_layer

    whole = table()
    rows = whole.table.copy()
    rows.loc[[3, 7], "x"] = np.nan
    locs = whole.with_table(rows, {"Generated by": "test"})
    data, options, _ = localizations_layer(locs, tmp_path / "a.hdf5")
    layers = [viewer.add_points(data, **options)]
    layers.append(
        add_molecules(viewer, locs, Placement((0.1, 0.1), (0, 0), ("um", "um")), name="b")
    )
    for layer in layers:
        assert np.isfinite(layer.data).all() and len(layer.data) == ROWS - 2
        assert f"{ROWS - 2} of {ROWS} have a place" in layer.name
        shown = writer._table({"metadata": layer.metadata, "features": layer.features}, layer.data)
        assert shown is locs
