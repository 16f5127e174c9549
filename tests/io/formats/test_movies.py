"""Movies of every format with several axes: what they hold, choices, bad files."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import struct
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from limelight.core.errors import FileError, ParameterError
from limelight.core.remarks import collected
from limelight.io import open_movie, write_raw
from limelight.io.array import open_array
from limelight.io.axes import Axis

_spec = importlib.util.spec_from_file_location("_files", Path(__file__).with_name("conftest.py"))
files = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(files)
FRAMES = files.FRAMES
TWO_CHANNELS = ["ims", "nd2", "ndtiff", "zarr2", "zarr3"]
ALL = [*TWO_CHANNELS, "pyme", "hdf5", "dax"]


def open_quietly(path, **choices):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_movie(path, **choices)


@pytest.mark.parametrize("kind", ALL)
def test_every_format_gives_its_frames(tmp_path, movie_makers, kind):
    path = movie_makers[kind](tmp_path)
    with open_quietly(path) as movie:
        assert movie.shape == (6, 9, 11) and movie.dtype == np.dtype("u2")
        assert movie.problem is None
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        np.testing.assert_array_equal(movie.read(2, 4), FRAMES[2:4, 0])
        np.testing.assert_array_equal(movie[-1].pixels, FRAMES[5, 0])
        assert movie.read(3, 3).shape == (0, 9, 11)
        with pytest.raises(ParameterError):
            movie.read(4, 7)
        with ThreadPoolExecutor(4) as pool:
            for k, frame in enumerate(pool.map(lambda k: movie.read(k % 6, k % 6 + 1), range(60))):
                np.testing.assert_array_equal(frame[0], FRAMES[k % 6, 0])
        copy = pickle.loads(pickle.dumps(movie))
        np.testing.assert_array_equal(copy.read(0, 6), FRAMES[:, 0])
        copy.close()


@pytest.mark.parametrize("kind", TWO_CHANNELS)
def test_channels_are_chosen(tmp_path, movie_makers, kind):
    path = movie_makers[kind](tmp_path)
    with pytest.warns(UserWarning, match=r"besides its 6 time points it has 2 channels.*GFP"):
        movie = open_movie(path)
    assert movie.axes_sizes == {
        **{"time": 6, "channel": 2},
        **({"z": 1} if kind == "ims" else {}),
        **{"y": 9, "x": 11},
    }
    assert movie.choices["channel"] == ("GFP", "RFP")
    movie.close()
    for choice in (1, "1", "RFP"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            movie = open_movie(path, channel=choice)
        with movie:
            np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 1])
            assert movie.name.endswith("RFP") and movie[0].axes == {"time": 0, "channel": "RFP"}
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                copy = pickle.loads(pickle.dumps(movie))
            with copy:
                np.testing.assert_array_equal(copy.read(0, 6), FRAMES[:, 1])
                assert copy.name == movie.name
    for wrong in (2, -1, "BFP", "7"):
        with pytest.raises(ParameterError, match="channel"):
            open_movie(path, channel=wrong)
    with pytest.raises(ParameterError, match="position"):
        open_movie(path, position=3)
    with pytest.raises(ParameterError, match=r"time_axis|axis"):
        open_movie(path, time_axis="depth")
    with open_quietly(path, time_axis="channel") as movie:
        np.testing.assert_array_equal(movie.read(0, 2), FRAMES[0])


@pytest.mark.parametrize("kind", ALL)
def test_all_axes_as_a_lazy_array(tmp_path, movie_makers, kind):
    image = open_array(movie_makers[kind](tmp_path))
    if kind in TWO_CHANNELS:
        assert image.axes == ("time", "channel", "y", "x")
        np.testing.assert_array_equal(image.array.compute(scheduler="sync"), FRAMES)
        np.testing.assert_array_equal(
            image.array[3, 1, 2:4].compute(scheduler="sync"), FRAMES[3, 1, 2:4]
        )
        assert image.labels["channel"] == ("GFP", "RFP")
    else:
        assert image.axes == ("time", "y", "x")
        np.testing.assert_array_equal(image.array.compute(scheduler="sync"), FRAMES[:, 0])
    assert image.array.ndim == len(image.axes) == len(image.scale) == len(image.units)
    image.close()


def test_what_the_files_say(tmp_path, movie_makers):
    sizes = {"ims": 100, "pyme": 70, "nd2": 110, "ndtiff": 100, "zarr2": 100, "zarr3": 100}
    for kind, size in sizes.items():
        folder = tmp_path / kind
        folder.mkdir()
        with open_quietly(movie_makers[kind](folder)) as movie:
            assert movie.camera.pixel_size_nm == pytest.approx(size), kind
            assert movie.metadata["Frames"] == 6 and movie.metadata["Height"] == 9
            if kind == "ndtiff":
                assert movie.metadata["exposure_ms"] == 20
                assert movie.camera.name == "Prime"
                assert movie.frame_metadata(3)["Frame"] == 3
            if kind == "pyme":
                camera = movie.camera
                assert (camera.baseline, camera.sensitivity, camera.gain) == (100, 0.5, 20)
                assert camera.read_noise == pytest.approx(2) and camera.name == "iXon"
                assert movie.metadata["exposure_ms"] == pytest.approx(30)
                assert movie.metadata["Events"][1] == {
                    **{"EventName": "ShiftMeasure", "EventDescr": "1, 2"},
                    "Time": 2.0,
                }
                assert "Camera.Pickled" not in movie.metadata["PYME"]
        image = open_array(folder if kind == "ndtiff" else next(folder.iterdir()))
        seconds = {"nd2": 0.05, "ndtiff": 0.02, "zarr2": 0.05, "zarr3": 0.05}.get(kind)
        assert image.scale[0] == pytest.approx(seconds or 1)
        assert image.units[0] == ("s" if seconds else "pixel")
        assert image.units[-2:] == ("um", "um") and image.scale[-1] == pytest.approx(size / 1000)
        image.close()


@pytest.mark.parametrize("kind", ["ims", "zarr2", "zarr3"])
def test_resolutions(tmp_path, movie_makers, kind):
    path = movie_makers[kind](tmp_path)
    with open_quietly(path, resolution=1) as movie:
        assert movie.choices["resolution"] == ("9 x 11", "5 x 6")
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0, ::2, ::2])
        assert movie.metadata["Pixelsize"] == pytest.approx(200, rel=0.1)
        assert movie.name.endswith("resolution1")
        with pickle.loads(pickle.dumps(movie)) as copy:
            assert copy.shape == (6, 5, 6)
    with pytest.raises(ParameterError, match="resolution 2"):
        open_movie(path, resolution=2)


def test_planes_are_frames_where_there_is_no_time(tmp_path):
    frames = FRAMES[:, 0]
    path = files.write_ims(tmp_path, frames[None, None])
    with pytest.warns(UserWarning, match="no time points, so that its 6 planes are taken"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames)
        assert movie.time_axis == "z"
        with pytest.raises(ParameterError, match="taken as time"):
            open_movie(path, z=2)
        with open_movie(path, z=2, time_axis="time") as still:
            np.testing.assert_array_equal(still.read(0, 1), frames[2:3])


def test_hdf5_paths(tmp_path):
    path = files.write_hdf5(tmp_path)
    with open_movie(f"{path}::/entry/data") as movie:
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        assert movie.path == path and movie.name == "plain"
        with pickle.loads(pickle.dumps(movie)) as copy:
            np.testing.assert_array_equal(copy.read(0, 6), FRAMES[:, 0])
    with open_movie(f"{path}::entry/dark") as movie:
        assert movie.shape == (1, 3, 4)
    with pytest.raises(FileError, match=r"no data set /entry/date.*Did you mean '/entry/data'"):
        open_movie(f"{path}::/entry/date")
    with pytest.raises(FileError, match="is a group"):
        open_movie(f"{path}::/entry")
    with h5py.File(path, "a") as file:
        labelled = file.create_dataset("labelled", data=FRAMES.transpose(1, 3, 2, 0))
        for axis, name in enumerate("cxyt"):
            labelled.dims[axis].label = name
        file.create_dataset("text", data=np.zeros((2, 2, 2), "S3"))
        file.create_dataset("scalar", data=1.0)
    with pytest.raises(FileError, match=r"2 data sets.*: /entry/data, /labelled.*plain.h5::"):
        open_movie(path)
    with open_movie(f"{path}::/labelled", channel=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 1])
        np.testing.assert_array_equal(movie.read(2, 3), FRAMES[2:3, 1])
    for name in ("text", "scalar"):
        with pytest.raises(FileError, match=r"S3|shape"):
            open_movie(f"{path}::/{name}")


def test_hdf5_frames_never_written(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a", (10, 9, 11), "u2", chunks=(1, 9, 11))
        data[:4] = FRAMES[:4, 0]
    with open_movie(path) as movie:
        assert len(movie) == 4 and movie.problem.readable == 4
        np.testing.assert_array_equal(movie.read(0, 4), FRAMES[:4, 0])


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": (4, 5, 5)}, {}])
def test_hdf5_layouts(tmp_path, options):
    path = files.write_hdf5(tmp_path, **options)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(1, 5), FRAMES[1:5, 0])


def test_zarr_chunks_never_written(tmp_path):
    path = files.write_zarr(tmp_path, 3)
    for t in (4, 5):
        shutil.rmtree(path / "0" / "c" / str(t))
    with open_quietly(path) as movie:
        assert len(movie) == 4 and movie.problem.readable == 4
        np.testing.assert_array_equal(movie.read(0, 4), FRAMES[:4, 0])


def test_zarr_of_other_programs(tmp_path, frames):
    path = files.unzip("ome_writers_ptc.ome.zarr", tmp_path)
    with pytest.warns(UserWarning, match=r"2 positions.*2 channels"):
        movie = open_movie(path)
    with movie:
        assert movie.axes_sizes == {"position": 2, "time": 3, "channel": 2, "y": 20, "x": 26}
        assert movie.camera.pixel_size_nm == pytest.approx(100)
        assert movie.name == "ome_writers_ptc"
        np.testing.assert_array_equal(movie.read(0, 3), frames[0:6:2])
    with open_movie(path, position="B", channel=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), frames[7:12:2])
        assert movie.name.startswith("ome_writers_ptc_B_")
    image = open_array(path)
    assert image.axes == ("position", "time", "channel", "y", "x")
    assert image.labels["position"] == ("A", "B") and image.scale[1] == pytest.approx(0.05)
    np.testing.assert_array_equal(
        image.array.compute(scheduler="sync"), frames.reshape(2, 3, 2, 20, 26)
    )
    path = files.unzip("ome_zarr_py_tczyx.zarr", tmp_path)
    with open_movie(path, channel=1, z=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), frames.reshape(3, 2, 2, 20, 26)[:, 1, 1])
        assert "resolution" in movie.choices
    assert open_array(path).array.shape == (3, 2, 2, 20, 26)


@pytest.mark.parametrize("version", [2, 3])
def test_plain_zarr_arrays(tmp_path, version):
    import zarr

    path = tmp_path / "plain.zarr"
    zarr.save_array(path, FRAMES[:, 0], zarr_format=version)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])


def test_ndtiff_grows(tmp_path):
    path = files.write_ndtiff(tmp_path, entries=5)
    index = tmp_path / "NDTiff.index"
    with open_quietly(tmp_path) as movie:
        assert movie.shape == (3, 9, 11)
        assert not movie.refresh()
        files.write_ndtiff(tmp_path, entries=12)
        whole = index.read_bytes()
        assert movie.refresh() and movie.shape == (6, 9, 11) and movie.metadata["Frames"] == 6
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        assert not movie.refresh()
    with open_quietly(path, channel="RFP") as movie:
        assert movie.name == "run_NDTiffStack_RFP"
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 1])
    index.write_bytes(whole[:-7])  # half an entry: the writer is in the middle of it
    with open_quietly(path, channel="RFP") as movie:
        assert len(movie) == 5 and movie.problem.readable == 5


def test_ndtiff_of_another_program(data, frames):
    for path in (data / "ndtiff", data / "ndtiff" / "run_NDTiffStack.tif"):
        with open_quietly(path) as movie:
            np.testing.assert_array_equal(movie.read(0, 6), frames[::2])
    image = open_array(data / "ndtiff")
    np.testing.assert_array_equal(
        image.array.compute(scheduler="sync"), frames.reshape(6, 2, 20, 26)
    )


def test_ndtiff_cut_off(tmp_path):
    path = files.write_ndtiff(tmp_path)
    os.truncate(path, path.stat().st_size // 2)
    with open_quietly(path) as movie:
        assert 1 < len(movie) < 6 and movie.problem.readable == len(movie)
        np.testing.assert_array_equal(movie.read(0, len(movie)), FRAMES[: len(movie), 0])
    path.unlink()
    with pytest.raises(FileError, match="missing"):
        open_quietly(tmp_path)


def test_nd2_frames_that_are_lost(tmp_path):
    with open_quietly(files.write_nd2(tmp_path, lost=(3,))) as movie:
        assert len(movie) == 3 and movie.problem.readable == 3


@pytest.mark.parametrize("width", [11, 600])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_nd2_frames_of_any_size(tmp_path, width, channels):
    frames = np.random.default_rng(2).integers(0, 9999, (5, channels, 300, width), dtype="u2")
    path = files.write_nd2(tmp_path, frames)
    for channel in range(channels):
        with open_quietly(path, channel=channel) as movie:
            np.testing.assert_array_equal(movie.read(0, 5), frames[:, channel])
            np.testing.assert_array_equal(movie.read(3, 4), frames[3:4, channel])


def test_nd2_without_the_package(tmp_path, monkeypatch):
    path = files.write_nd2(tmp_path)
    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(FileError, match="pip install nd2"):
        open_movie(path)


def test_dax_byte_orders_and_companion(tmp_path):
    path = files.write_dax(tmp_path, little=True)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        assert movie.metadata["DAX"]["stage x"] == "12.5"
    os.truncate(path, path.stat().st_size - 3)
    with open_movie(path) as movie:
        assert len(movie) == 5 and movie.problem.readable == 5
    inf = path.with_suffix(".inf")
    inf.write_text(inf.read_text().replace("11 x 9", "0 x 9"))
    with pytest.raises(FileError, match="size of a frame"):
        open_movie(path)
    inf.write_text("frame dimensions = 11 x 9\ndata type = 32 bit floats\n")
    with pytest.raises(FileError, match="32 bit"):
        open_movie(path)
    inf.unlink()
    with pytest.raises(FileError, match=r"cells.dax: there is no cells.inf"):
        open_movie(path)


@pytest.mark.parametrize("nested", [False, True])
def test_positions_in_a_folder(tmp_path, frames, write_micromanager, nested):
    for p in range(2):
        folder = tmp_path / f"Pos{p}" if nested else tmp_path
        folder.mkdir(exist_ok=True)
        write_micromanager(
            folder / f"run_MMStack_Pos{p}.ome.tif",
            frames[6 * p : 6 * p + 6],
            [{"FrameIndex": k, "ChannelIndex": 0, "PositionIndex": p} for k in range(6)],
            {"PixelSize_um": 0.1},
        )
    with pytest.warns(UserWarning, match=r"2 positions.*Pos0, Pos1"):
        movie = open_movie(tmp_path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[:6])
        assert movie.name == "run_MMStack_Pos0.ome"
    with open_movie(tmp_path, position="Pos1") as movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[6:])
        assert movie.name.endswith("_Pos1")
    image = open_array(tmp_path)
    assert image.axes == ("position", "time", "y", "x") and image.labels["position"][1] == "Pos1"
    np.testing.assert_array_equal(
        image.array.compute(scheduler="sync"), frames.reshape(2, 6, 20, 26)
    )
    with open_movie(folder / "run_MMStack_Pos1.ome.tif") as movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[6:])


@pytest.mark.parametrize("layout", [1, 2])
def test_single_images_of_micromanager(tmp_path, layout):
    import tifffile

    for p in range(2):
        folder = tmp_path / f"Pos{p}" if layout == 1 else tmp_path
        folder.mkdir(exist_ok=True)
        (folder / "metadata.txt").write_text("{}")
        for t in range(3):
            for c in range(2):
                name = (
                    f"img_{t:09}_{'GR'[c]}FP_000.tif"
                    if layout == 1
                    else f"img_channel{c:03}_position{p:03}_time{t:09}_z000.tif"
                )
                tifffile.imwrite(folder / name, FRAMES[3 * p + t, c])
    with pytest.warns(UserWarning, match=r"2 positions.*2 channels"):
        movie = open_movie(tmp_path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 3), FRAMES[:3, 0])
    with open_movie(tmp_path, position=1, channel=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), FRAMES[3:, 1])
    image = open_array(tmp_path)
    np.testing.assert_array_equal(
        image.array.compute(scheduler="sync"), FRAMES.reshape(2, 3, 2, 9, 11)
    )


def test_tiff_channels_are_chosen(data, frames):
    path = data / "ome_writers_tc.ome.tiff"
    with open_quietly(path) as movie:
        assert movie.choices == {"channel": ("0", "1")}
        assert movie.axes_sizes["channel"] == 2
    with open_movie(path, channel=1) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[1::2])
        with pickle.loads(pickle.dumps(movie)) as copy:
            np.testing.assert_array_equal(copy.read(0, 6), frames[1::2])
    assert open_array(path).axes == ("time", "channel", "y", "x")


def test_nothing_to_choose_in_plain_movies(tmp_path):
    np.save(tmp_path / "x.npy", FRAMES[:, 0])
    with pytest.raises(ParameterError, match="nothing to choose"):
        open_movie(tmp_path / "x.npy", channel=1)
    with open_movie(tmp_path / "x.npy", channel=0, time_axis="time") as movie:
        assert movie.axes_sizes == {"time": 6, "y": 9, "x": 11} and movie.choices == {}
    assert open_array(tmp_path / "x.npy").axes == ("time", "y", "x")


@pytest.mark.parametrize("kind", ["ims", "pyme", "hdf5", "nd2"])
def test_empty_foreign_and_missing_files(tmp_path, movie_makers, kind):
    path = movie_makers[kind](tmp_path)
    whole = path.read_bytes()
    for body in (b"", b"hello", whole[: len(whole) // 2], whole[:-60], bytes(len(whole))):
        path.write_bytes(body)
        with pytest.raises(FileError, match=path.name):
            open_movie(path)
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        open_movie(path)
    path.mkdir()
    with pytest.raises(FileError):
        open_movie(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
@pytest.mark.parametrize("kind", ["ims", "pyme", "dax", "nd2"])
def test_no_permission(tmp_path, movie_makers, kind):
    path = movie_makers[kind](tmp_path)
    path.chmod(0)
    with pytest.raises(FileError, match="permission"):
        open_movie(path)


def test_wrong_content(tmp_path):
    path = files.write_zarr(tmp_path, 2)
    attributes = path / ".zattrs"
    text = attributes.read_text()
    attributes.write_text(text.replace('"0.4"', '"9.1"'))
    with pytest.raises(FileError, match=r"version 9\.1 of OME-Zarr"):
        open_movie(path)
    for broken in ("{", "[]", "{}", text.replace('"path": "0"', '"path": "../x"')):
        attributes.write_text(broken)
        with pytest.raises(FileError, match=r"cells.ome.zarr|zattrs"):
            open_movie(path)
    attributes.write_text(text)
    (path / "0" / ".zarray").unlink()
    with pytest.raises(FileError):
        open_quietly(path)
    with pytest.raises(FileError, match="no such folder"):
        open_movie(tmp_path / "none.zarr")
    with h5py.File(tmp_path / "a.ims", "w") as file:
        file["x"] = 1
    with pytest.raises(FileError, match="no images of Imaris"):
        open_movie(tmp_path / "a.ims")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["PZFImageData"] = np.zeros(3)
    with pytest.raises(FileError, match="PZF"):
        open_movie(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.hdf5", "w") as file:
        file["locs"] = np.zeros(3, [("x", "f4")])
    with pytest.raises(FileError, match=r"no frames.*locs"):
        open_movie(tmp_path / "b.hdf5")


def test_ndtiff_damaged_index(tmp_path):
    files.write_ndtiff(tmp_path)
    index = tmp_path / "NDTiff.index"
    whole = index.read_bytes()
    index.write_bytes(whole.replace(b'"time": 3', b'"time": x'))
    with pytest.raises(FileError, match="entry 6 is damaged"):
        open_movie(tmp_path)
    index.write_bytes(whole.replace(struct.pack("<II", 1, 0), struct.pack("<II", 9, 0), 1))
    with pytest.raises(FileError, match="unknown kind"):
        open_movie(tmp_path)
    index.write_bytes(b"")
    with pytest.raises(FileError, match="no plane was written yet"):
        open_movie(tmp_path)


@pytest.mark.parametrize("um", [1e306, float("inf"), float("nan"), -0.07, 0.0, 1e-300])
def test_a_pixel_size_that_cannot_be(tmp_path, um):
    from limelight.widgets.reader import get_reader

    path = files.write_pyme(tmp_path)
    with h5py.File(path, "r+") as file:
        file["MetaData/voxelsize"].attrs["x"] = um
        file["MetaData/Camera"].attrs["IntegrationTime"] = 1e306
    with collected() as said, open_movie(path) as movie:
        assert movie.camera.pixel_size_nm == 130 and movie.camera.gain == 20
        assert "Pixelsize" not in movie.metadata and "exposure_ms" not in movie.metadata
    assert any("exposure time is inf ms" in text and "cells.h5" in text for text in said)
    assert any("pixel size" in text for text in said) == (0 < um < float("inf"))
    with collected():
        image = open_array(path)
        [(_, arguments, _)] = get_reader(str(path))(str(path))
    assert image.scale == (1, 1, 1) and image.units == ("pixel",) * 3
    assert arguments["scale"][-2:] == (1, 1)
    image.close()


@pytest.mark.parametrize(("size", "expected"), [("110", 110), (-3, 130), ("?", 130), (1e300, 130)])
def test_a_pixel_size_written_by_hand(tmp_path, size, expected):
    path = tmp_path / "a.raw"
    write_raw(path, FRAMES[:, 0])
    with path.with_suffix(".yaml").open("a") as file:
        file.write(f"Pixelsize: {size!r}\n")
    with collected() as said, open_movie(path) as movie:
        assert movie.camera.pixel_size_nm == expected
    assert any("pixel size" in text for text in said) == (expected == 130)


def test_axes_have_steps_that_can_be_drawn():
    for step in (float("inf"), float("nan"), 0.0, -1.0, 1e200):
        axis = Axis("z", 3, (), step, "um")
        assert (axis.step, axis.unit) == (1.0, "")
    assert Axis("z", 3, (), 0.2, "um").step == 0.2


def test_movies_in_a_folder_are_found(tmp_path):
    from limelight.io import find_movies

    for write in (files.write_ims, files.write_dax, files.write_nd2, files.write_zarr):
        write(tmp_path)
    files.write_pyme(tmp_path)
    with h5py.File(tmp_path / "locs.h5", "w") as file:
        file["locs"] = np.zeros(3, [("x", "f4")])
    found = [p.name for p in find_movies(tmp_path)]
    assert found == ["cells.dax", "cells.h5", "cells.ims", "cells.nd2", "cells.ome.zarr"]
    assert find_movies(tmp_path / "cells.ome.zarr") == [tmp_path / "cells.ome.zarr"]


@pytest.mark.parametrize("kind", ALL)
def test_as_napari_layers(tmp_path, movie_makers, kind):
    from limelight.widgets.reader import get_reader

    path = movie_makers[kind](tmp_path)
    reader = get_reader(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [(data, arguments, what)] = reader(str(path))
    assert what == "image" and data.ndim == len(arguments["axis_labels"])
    assert len(arguments["scale"]) == len(arguments["units"]) == data.ndim
    assert ("planes" in arguments["metadata"]) == (kind in TWO_CHANNELS)
    assert arguments["contrast_limits"][1] > 100
    if kind in TWO_CHANNELS:
        from limelight.io.planes import movie_at

        movie = movie_at(arguments["metadata"]["planes"], "time", {"channel": 1})
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 1])
        with pickle.loads(pickle.dumps(movie)) as copy:
            np.testing.assert_array_equal(copy.read(0, 6), FRAMES[:, 1])
        movie.close()


def test_the_layers_movie_is_at_the_sliders(tmp_path):
    from napari.components import ViewerModel
    from napari.layers import Image

    from limelight.widgets.layers import movie_of
    from limelight.widgets.reader import get_reader

    path = str(files.write_nd2(tmp_path))
    [(data, arguments, _)] = get_reader(path)(path)
    viewer = ViewerModel()
    layer = viewer.add_layer(Image(data, **arguments))
    for channel in (0, 1):
        viewer.dims.set_current_step(1, channel)
        movie = movie_of(layer, viewer)
        assert movie.name == ("cells" if channel == 0 else "cells_RFP")
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, channel])
        assert movie.camera.pixel_size_nm == pytest.approx(110)
    movie.close()


def test_tables_and_other_texts_in_napari(tmp_path):
    from limelight.widgets.reader import get_reader

    (tmp_path / "a.csv").write_text("frame,x,y\n0,1,2\n")
    (tmp_path / "b.csv").write_text("name,age\na,3\n")
    (tmp_path / "c.txt").write_text("some text\n")
    assert get_reader(str(tmp_path / "a.csv")) is not None
    assert get_reader(str(tmp_path / "b.csv")) is None
    assert get_reader(str(tmp_path / "c.txt")) is None
    [(points, _, what)] = get_reader(str(tmp_path / "a.csv"))(str(tmp_path / "a.csv"))
    assert what == "points" and points.tolist() == [[2, 1]]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_zarr_without_compression(tmp_path, version, order):
    import zarr

    path = tmp_path / "plain.zarr"
    zarr.create_array(
        path,
        shape=(6, 9, 11),
        dtype=f"{order}u2" if version == 2 else "u2",
        chunks=(1, 9, 11),
        zarr_format=version,
        compressors=None,
        fill_value=7,
    )[:5] = FRAMES[:5, 0]
    with open_movie(path) as movie:
        assert movie.source._is_plain(0)
        assert len(movie) == 5 and movie.problem.readable == 5
        np.testing.assert_array_equal(movie.read(0, 5), FRAMES[:5, 0])
        np.testing.assert_array_equal(movie.source.read_run((5,), 0, 1), np.full((1, 9, 11), 7))
        chunk = path / ("c/2/0/0" if version == 3 else "2.0.0")
        for body in (b"", chunk.read_bytes() + b"x"):
            chunk.write_bytes(body)
            with pytest.raises(FileError, match="damaged or incomplete"):
                movie.read(0, 5)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_hdf5_chunks_are_read_directly(tmp_path, order):
    path = tmp_path / "x.h5"
    frames = FRAMES[:, 0].transpose(order)
    name = "ImageData" if order[1] == 2 else "frames"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            name, (6, *frames.shape[1:]), ">u2", chunks=(1, *frames.shape[1:])
        )
        for k in (3, 0, 5, 4, 1, 2):  # not in order in the file
            data[k] = frames[k]
    with open_movie(path) as movie:
        assert movie.source._planes is not None and movie.dtype == np.dtype("u2")
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        np.testing.assert_array_equal(movie.read(2, 4), FRAMES[2:4, 0])
        os.truncate(path, path.stat().st_size - 400)
        with pytest.raises(FileError):
            movie.read(0, 6)


def test_imaris_is_read_directly(tmp_path):
    frames = np.arange(3 * 2 * 5 * 9 * 11, dtype="u2").reshape(3, 2, 5, 9, 11)
    path = files.write_ims(tmp_path, frames)
    with open_quietly(path, channel=1, z=2) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), frames[:, 1, 2])
        assert set(movie.source._known) == {(0, 1), (1, 1), (2, 1)}
        assert all(movie.source._known.values())
    with open_quietly(path, time_axis="z") as movie:
        np.testing.assert_array_equal(movie.read(1, 5), frames[0, 0, 1:])
    with open_quietly(path, time_axis="channel") as movie:
        np.testing.assert_array_equal(movie.read(0, 2), frames[0, :, 0])
        movie.source._known.clear()
        os.truncate(path, path.stat().st_size // 8)
        with pytest.raises(FileError):
            movie.read(0, 2)


@pytest.mark.parametrize("chunks", [None, (2, 9, 11), (4, 9, 11)])
def test_imaris_planes_in_one_piece(tmp_path, chunks):
    frames = np.arange(3 * 2 * 4 * 9 * 11, dtype="u2").reshape(3, 2, 4, 9, 11)
    path = tmp_path / "a.ims"
    with h5py.File(path, "w") as file:
        for t, c in np.ndindex(3, 2):
            name = f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}/Data"
            file.create_dataset(name, data=frames[t, c], chunks=chunks)
    for z in range(4):
        with open_quietly(path, channel=1, z=z) as movie:
            np.testing.assert_array_equal(movie.read(1, 3), frames[1:, 1, z])
            np.testing.assert_array_equal(movie.read(0, 3), frames[:, 1, z])
        with open_quietly(path, time_axis="channel", z=z) as movie:
            np.testing.assert_array_equal(movie.read(0, 2), frames[0, :, z])
    with open_quietly(path, channel=1, z=3) as movie:
        movie.read(0, 1)
        os.truncate(path, path.stat().st_size // 4)
        with pytest.raises(FileError):
            movie.read(0, 3)


def test_imaris_time_points_that_are_stored_otherwise(tmp_path):
    path = files.write_ims(tmp_path)
    with h5py.File(path, "r+") as file:
        for t, options in {
            2: {"compression": "gzip", "chunks": True},
            4: {"shuffle": True},
        }.items():
            group = file[f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel 0"]
            data = group["Data"][()]
            del group["Data"]
            group.create_dataset("Data", data=data, **{"chunks": (4, 4, 4), **options})
    with open_quietly(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 6), FRAMES[:, 0])
        known = movie.source._known
        assert [known[t, 0] is None for t in range(6)] == [False, False, True, False, True, False]
    with h5py.File(path, "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 5/Channel 0"]
        del group["Data"]
        group.create_dataset("Data", (4, 12, 12), "u2", chunks=(4, 4, 4), fillvalue=3)
    with open_quietly(path) as movie:
        assert (movie.read(5, 6) == 3).all() and movie.source._known[5, 0] is None
    with h5py.File(path, "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 1/Channel 0"]
        del group["Data"]
        group["Data"] = np.zeros((1, 3, 4), "u2")
    with open_quietly(path) as movie, pytest.raises(FileError):
        movie.read(0, 6)
