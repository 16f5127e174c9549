"""Files with wrong bytes anywhere: read, or refused in a sentence; never another error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limelight.core.errors import FileError
from limelight.io import open_movie

OPTIONS = {
    "plain": {},
    "bigtiff": {"bigtiff": True},
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "deflate": {"compression": "zlib", "rowsperstrip": 2},
    "tiles": {"tile": (16, 16), "compression": "lzw"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    frames = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)
    bodies = {}
    for name, options in OPTIONS.items():
        path = folder / f"{name}.tif"
        tifffile.imwrite(path, frames, **options)
        bodies[name] = path.read_bytes()
    return folder / "damaged.tif", bodies


def _open_and_read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open_movie(path) as movie:
                # A damaged size may promise an image larger than any memory.
                if movie.shape[1] * movie.shape[2] < 1e6:
                    for k in range(min(len(movie), 8)):
                        assert movie.read(k, k + 1).shape == (1, *movie.shape[1:])
        except FileError as error:
            assert "damaged.tif" in str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_wrong_bytes(files, data):
    path, bodies = files
    body = bytearray(bodies[data.draw(st.sampled_from(sorted(OPTIONS)))])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(body))
    _open_and_read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_wrong_directories(files, data):
    """Damage to the first directory alone, where every byte matters."""
    path, bodies = files
    name = data.draw(st.sampled_from(sorted(OPTIONS)))
    body = bytearray(bodies[name])
    place = data.draw(st.integers(0, min(400, len(body) - 1)))
    body[place : place + 2] = data.draw(st.binary(min_size=2, max_size=2))
    path.write_bytes(bytes(body))
    _open_and_read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_any_bytes(files, junk, head):
    path, _ = files
    path.write_bytes(head + junk)
    _open_and_read(path)


def test_a_description_that_promises_too_much(tmp_path, frames):
    path = tmp_path / "damaged.tif"
    tifffile.imwrite(path, frames, imagej=True)
    body = path.read_bytes().replace(b"images=12\n", b"images=9999999999999999\n"[:10])
    assert b"images=999" in body
    path.write_bytes(body)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, len(movie)), frames)


def test_a_place_of_64_wrong_bits(tmp_path, frames):
    path = tmp_path / "damaged.tif"
    tifffile.imwrite(path, frames, bigtiff=True)
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[3].tags[273].valueoffset
    body = bytearray(path.read_bytes())
    body[tag : tag + 8] = b"\xff" * 8
    path.write_bytes(bytes(body))
    with open_movie(path) as movie:
        assert len(movie) == 3 or np.array_equal(movie.read(0, 12), frames)
