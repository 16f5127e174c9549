from __future__ import annotations

import errno
import os
import tracemalloc

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.camera import Camera
from limelight.core.errors import FileError, ParameterError
from limelight.core.movie import ArrayMovie
from limelight.io import TiffWriter, open_movie, write_tiff
from limelight.io.ome import parse_ome


@pytest.mark.parametrize("name", ["a.tif", "a.tiff", "a.ome.tif", "a.ome.tiff"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", ">u2", "u4", "f4", "f8"])
def test_round_trip(tmp_path, frames, name, compression, dtype):
    counts = frames.astype(dtype)
    about = {"pixel_size_nm": 108.3, "exposure_ms": 30, "compression": compression}
    path = write_tiff(tmp_path / name, counts, **about)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    with open_movie(path) as movie:
        assert movie.problem is None
        assert movie.dtype == counts.dtype.newbyteorder("=")
        np.testing.assert_array_equal(movie.read(0, 12), counts)
        assert movie.metadata["Pixelsize"] == pytest.approx(108.3, rel=1e-6)
        assert movie.metadata["exposure_ms"] == 30
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].shape == counts.shape
        assert tiff.series[0].axes == "TYX"
        assert tiff.is_ome or tiff.is_imagej
        np.testing.assert_array_equal(tiff.series[0].asarray(), counts)


def test_camera_name(tmp_path, frames):
    name = 'Zyla "4.2" <µ> & co'
    path = write_tiff(tmp_path / "a.ome.tif", frames, camera=name)
    with open_movie(path) as movie:
        assert movie.camera.name == name
        assert "Pixelsize" not in movie.metadata


@given(st.text(), st.floats(1e-3, 1e6))
def test_any_camera_name_gives_valid_xml(tmp_path_factory, name, size):
    path = tmp_path_factory.getbasetemp() / "any.ome.tif"
    frame = np.zeros((4, 5), np.uint16)
    write_tiff(path, frame, camera=name, pixel_size_nm=size)
    with tifffile.TiffFile(path) as tiff:
        ome = parse_ome(tiff.pages[0].description)
    assert ome is not None and ome.pixel_size_nm == pytest.approx(size)


def test_a_movie_brings_its_own(tmp_path, frames):
    camera = Camera(name="C", pixel_size_nm=117)
    source = ArrayMovie(frames, camera, metadata={"exposure_ms": 12.5})
    with open_movie(write_tiff(tmp_path / "a.ome.tif", source)) as movie:
        assert movie.camera.name == "C" and movie.camera.pixel_size_nm == pytest.approx(117)
        assert movie.metadata["exposure_ms"] == 12.5
        np.testing.assert_array_equal(movie.read(0, 12), frames)


def test_frames_one_by_one(tmp_path, frames):
    blocks = [frames[0], frames[1:5], frames[5:12]]
    path = write_tiff(tmp_path / "a.tif", iter(blocks), frames=12)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)
    with pytest.raises(ParameterError, match="frames=N"):
        write_tiff(tmp_path / "b.tif", iter(blocks))


@pytest.mark.parametrize(
    ("blocks", "count", "says"),
    [
        ([np.zeros((4, 5), "u2")] * 2, 3, "2 of 3 frames were given"),
        ([np.zeros((4, 5), "u2")] * 4, 3, "more frames than the 3"),
        ([np.zeros((4, 5), "u2"), np.zeros((4, 6), "u2")], 2, "must be alike"),
        ([np.zeros((4, 5), "u2"), np.zeros((4, 5), "u1")], 2, "must be alike"),
        ([np.zeros((4, 5), complex)], 1, "cannot be written"),
        ([np.zeros(4, "u2")], 1, "shape"),
    ],
)
def test_wrong_frames_leave_no_file(tmp_path, blocks, count, says):
    with pytest.raises(ParameterError, match=says):
        write_tiff(tmp_path / "a.tif", iter(blocks), frames=count)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_no_file(tmp_path, frames):
    with pytest.raises(RuntimeError, match="stop"), TiffWriter(tmp_path / "a.tif", 12) as writer:
        writer.write(frames[:3])
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_full_disk(tmp_path, frames, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="disk is full"):
        write_tiff(tmp_path / "a.tif", frames)
    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded(tmp_path):
    frame = np.zeros((256, 256), np.uint16)
    tracemalloc.start()
    try:
        write_tiff(tmp_path / "a.tif", (frame for _ in range(400)), frames=400)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6  # the movie has 52 MB


@pytest.mark.slow
def test_more_than_4_gb_becomes_bigtiff(tmp_path):
    frame = np.zeros((2048, 2048), np.uint16)
    frame[5, 7] = 3
    count = 520
    path = write_tiff(tmp_path / "a.tif", (frame for _ in range(count)), frames=count)
    try:
        with open_movie(path) as movie:
            assert movie.shape == (count, 2048, 2048) and movie.problem is None
            np.testing.assert_array_equal(movie.read(count - 1, count)[0], frame)
        with tifffile.TiffFile(path) as tiff:
            assert tiff.is_bigtiff and tiff.is_ome
    finally:
        path.unlink()
