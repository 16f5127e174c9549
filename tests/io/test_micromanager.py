from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.errors import FileError
from limelight.io import open_movie
from limelight.io.micromanager import (
    coordinates,
    exposure_ms,
    frame_properties,
    pixel_size_nm,
)
from limelight.io.series import find_parts

SUMMARY = {"Prefix": "run", "PixelSize_um": 0.16, "Channels": 1, "Slices": 1, "Frames": 12}


def old_properties(k, **more):
    """Micro-Manager 1.4: flat."""
    return {
        "FrameIndex": k,
        "SliceIndex": 0,
        "ChannelIndex": 0,
        "PositionIndex": 0,
        "ElapsedTime-ms": 12.5 * k**1.5,
        "Exposure-ms": 30,
        "PixelSizeUm": 0.16,
        "Camera": "Andor",
        "Andor-Gain": "200",
        **more,
    }


def new_properties(k, **more):
    """Micro-Manager 2.0: device properties nested."""
    return {
        "Frame": k,
        "FrameIndex": k,
        "SliceIndex": 0,
        "ChannelIndex": 0,
        "PositionIndex": 0,
        "Exposure-ms": 30.0,
        "PixelSizeUm": 0.16,
        "Camera": "Andor",
        "scopeDataKeys": ["Andor-Gain"],
        "Andor-Gain": {"PropName": "Andor-Gain", "PropVal": "200"},
        **more,
    }


@pytest.mark.parametrize("properties", [old_properties, new_properties])
@pytest.mark.parametrize("with_map", [True, False])
def test_one_file(tmp_path, frames, write_micromanager, properties, with_map):
    path = write_micromanager(
        tmp_path / "run_MMStack_Pos0.ome.tif",
        frames,
        [properties(k) for k in range(12)],
        SUMMARY,
        comment="first line\nsecond line",
        index=[(0, 0, k, 0) for k in range(12)] if with_map else None,
    )
    with tifffile.TiffFile(path) as tiff:  # the builder is right by an independent reader
        assert tiff.is_micromanager
        assert tiff.micromanager_metadata["Summary"] == SUMMARY
        np.testing.assert_array_equal(tiff.asarray(key=range(12)), frames)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)
        assert movie.problem is None
        assert movie.metadata["Pixelsize"] == pytest.approx(160)
        assert movie.metadata["exposure_ms"] == 30
        assert movie.metadata["Camera"] == movie.camera.name == "Andor"
        assert movie.metadata["Micro-Manager Metadata"]["Andor-Gain"] == "200"
        assert movie.metadata["Micro-Manager Acquisition Comments"] == ["first line", "second line"]
        assert movie.summary == SUMMARY
        assert "scopeDataKeys" not in movie.metadata["Micro-Manager Metadata"]
        assert movie[7].metadata["FrameIndex"] == 7
        assert movie.frame_metadata(0)["FrameIndex"] == 0


def _series(folder, frames, write, base="run_MMStack_Pos0", first_suffix=".ome.tif"):
    paths = []
    for number, start in enumerate(range(0, 12, 4)):
        name = f"{base}{f'_{number}' if number else ''}{first_suffix}"
        paths.append(
            write(
                folder / name,
                frames[start : start + 4],
                [old_properties(k) for k in range(start, start + 4)],
                SUMMARY,
                index=[(0, 0, k, 0) for k in range(start, start + 4)],
            )
        )
    return paths


@pytest.mark.parametrize(
    "base", ["run_MMStack_Pos0", "run_MMStack", "run_1_MMStack_Default", "renamed", "renamed_3"]
)
@pytest.mark.parametrize("opened", [0, 1, 2])
def test_series_from_any_file(tmp_path, frames, write_micromanager, base, opened):
    paths = _series(tmp_path, frames, write_micromanager, base)
    with open_movie(paths[opened]) as movie:
        assert movie.name == f"{base}.ome"
        assert movie.path == paths[0]
        np.testing.assert_array_equal(movie.read(0, 12), frames)
        np.testing.assert_array_equal(movie.read(3, 9), frames[3:9])
        assert movie[9].metadata["FrameIndex"] == 9
        copy = pickle.loads(pickle.dumps(movie))
        np.testing.assert_array_equal(copy.read(3, 9), frames[3:9])
        copy.close()


def test_more_files_than_are_kept_open(tmp_path, write_micromanager):
    frames = np.arange(70 * 6, dtype=np.uint16).reshape(70, 2, 3)
    for k, frame in enumerate(frames):
        name = f"run_MMStack_Pos0{f'_{k}' if k else ''}.ome.tif"
        write_micromanager(tmp_path / name, frame[None], [old_properties(k)], SUMMARY)
    with open_movie(tmp_path / "run_MMStack_Pos0.ome.tif") as movie:
        np.testing.assert_array_equal(movie.read(0, 70), frames)


def test_missing_middle_part(tmp_path, frames, write_micromanager):
    paths = _series(tmp_path, frames, write_micromanager)
    paths[1].unlink()
    with open_movie(paths[0]) as movie:
        assert len(movie) == 4
        assert movie.problem is not None
        assert "run_MMStack_Pos0_1.ome.tif" in str(movie.problem)
        assert "missing" in str(movie.problem)
        assert pickle.loads(pickle.dumps(movie.problem)).first_bad == 4


def test_missing_first_part(tmp_path, frames, write_micromanager):
    paths = _series(tmp_path, frames, write_micromanager)
    paths[0].unlink()
    with pytest.raises(FileError, match=r"run_MMStack_Pos0\.ome\.tif is missing"):
        open_movie(paths[1])


def test_truncated_part(tmp_path, frames, write_micromanager):
    paths = _series(tmp_path, frames, write_micromanager)
    body = paths[1].read_bytes()
    paths[1].write_bytes(body[: len(body) // 2])
    with open_movie(paths[0]) as movie:
        assert movie.problem is not None
        assert movie.problem.path == paths[1]
        assert 4 < len(movie) == movie.problem.first_bad < 8
        np.testing.assert_array_equal(movie.read(0, len(movie)), frames[: len(movie)])


def test_experiments_that_are_numbered_are_no_series(tmp_path, frames):
    for name in ("cells.ome.tif", "cells_1.ome.tif", "cells_2.ome.tif"):
        tifffile.imwrite(tmp_path / name, frames, metadata={"axes": "TYX"})
    for name in ("cells.ome.tif", "cells_1.ome.tif"):
        assert find_parts(tmp_path / name) == ([tmp_path / name], None)


def test_positions_are_no_series(tmp_path, frames, write_micromanager):
    for k in range(3):
        write_micromanager(
            tmp_path / f"run_MMStack_Pos{k}.ome.tif",
            frames,
            [old_properties(t, PositionIndex=k) for t in range(12)],
            SUMMARY,
        )
        grid = f"run_MMStack_1-Pos000_00{k}.ome.tif"
        (tmp_path / grid).write_bytes(b"")
        assert find_parts(tmp_path / grid) == ([tmp_path / grid], None)
    with open_movie(tmp_path / "run_MMStack_Pos1.ome.tif") as movie:
        assert len(movie) == 12


@pytest.mark.parametrize("with_map", [True, False])
def test_channels_and_planes_are_not_mixed_up(tmp_path, frames, write_micromanager, with_map):
    places = [(c, z, t, 0) for t in range(3) for z in range(2) for c in range(2)]
    path = write_micromanager(
        tmp_path / "run_MMStack_Pos0.ome.tif",
        frames,
        [old_properties(t, SliceIndex=z, ChannelIndex=c) for c, z, t, _ in places],
        {**SUMMARY, "Channels": 2, "Slices": 2, "Frames": 3},
        index=places if with_map else None,
    )
    with pytest.warns(UserWarning, match=r"3 time points.*2 planes.*2 channels"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 3), frames[::4])


def test_frames_out_of_order_are_sorted_by_time(tmp_path, frames, write_micromanager):
    places = [(c, 0, t, 0) for t in (2, 0, 1, 5, 4, 3) for c in (1, 0)]
    path = write_micromanager(
        tmp_path / "run_MMStack_Pos0.ome.tif",
        frames,
        [old_properties(t, ChannelIndex=c) for c, _, t, _ in places],
        SUMMARY,
        index=places,
    )
    with pytest.warns(UserWarning, match="channel 0"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[[3, 5, 1, 11, 9, 7]])


def test_ndtiff_axes(tmp_path, frames, write_micromanager):
    properties = [{"Axes": {"time": k // 2, "channel": "ab"[k % 2]}} for k in range(12)]
    path = write_micromanager(tmp_path / "x_NDTiffStack.tif", frames, properties, SUMMARY)
    with pytest.warns(UserWarning, match="6 time points"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[::2])


def test_files_of_other_writers(data, frames):
    """Written by ndstorage (NDTiff) and ome-writers, see the data's README."""
    for name in ("ndtiff/run_NDTiffStack.tif", "ome_writers_tc.ome.tiff"):
        with pytest.warns(UserWarning, match="6 time points.*2 channels"):
            movie = open_movie(data / name)
        with movie:
            np.testing.assert_array_equal(movie.read(0, 6), frames[::2])


def test_channels_that_come_late(tmp_path, write_micromanager):
    """All of one channel, then all of the other, in a file without an index map."""
    frames = np.arange(400 * 6, dtype=np.uint16).reshape(400, 2, 3)
    path = write_micromanager(
        tmp_path / "x_MMStack.ome.tif",
        frames,
        [{"FrameIndex": k % 200, "ChannelIndex": k // 200} for k in range(400)],
    )
    with pytest.warns(UserWarning, match="2 channels"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 200), frames[:200])


def test_aborted_acquisition_is_no_problem(tmp_path, frames, write_micromanager):
    path = write_micromanager(
        tmp_path / "run_MMStack_Pos0.ome.tif",
        frames,
        [old_properties(k) for k in range(12)],
        {**SUMMARY, "Frames": 10_000},
        description='<?xml version="1.0"?><OME><Image><Pixels DimensionOrder="XYCZT" SizeX="26" '
        'SizeY="20" SizeC="1" SizeZ="1" SizeT="10000" PhysicalSizeX="0.2"/></Image></OME>',
    )
    with open_movie(path) as movie:
        assert len(movie) == 12 and movie.problem is None
        assert movie.metadata["Pixelsize"] == pytest.approx(160)  # Micro-Manager's own wins


def test_uncalibrated_pixels_are_not_known(tmp_path, frames, write_micromanager):
    path = write_micromanager(
        tmp_path / "x.tif",
        frames,
        [{"PixelSizeUm": 0.0} for _ in range(12)],
        {"PixelSize_um": 0},
    )
    with open_movie(path) as movie:
        assert "Pixelsize" not in movie.metadata


def test_values_of_all_sorts():
    assert pixel_size_nm({"PixelSizeUm": "0.1"}, {}) == pytest.approx(100)
    assert pixel_size_nm({"PixelSizeUm": None}, {"PixelSizeUm": 0.2}) == pytest.approx(200)
    assert exposure_ms({"Camera": "C", "C-Exposure": "50.00"}) == 50
    assert exposure_ms({"Exposure-ms": "nan"}) is None
    assert coordinates({"Axes": {"time": 4, "z": 2}}) == {"time": 4, "z": 2}
    assert coordinates({"FrameIndex": True}) == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text() | st.sampled_from(["Camera", "PixelSizeUm", "Axes"]), json_values))
def test_any_json_gives_properties(properties):
    flat = frame_properties(json.dumps(properties))
    assert set(flat) == set(properties) - {"scopeDataKeys"}
    coordinates(flat)
    for value in (exposure_ms(flat), pixel_size_nm(flat, flat)):
        assert value is None or 0 < value < float("inf")


@given(st.binary() | st.text())
def test_any_text_gives_properties_or_none(text):
    assert isinstance(frame_properties(text), dict)
