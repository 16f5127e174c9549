from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.errors import FileError, ParameterError
from limelight.io import RawSpecification, find_movies, open_movie, read_specification, write_raw
from limelight.io.file_movie import NotAMovieError
from limelight.io.raw import DATA_TYPES


def test_raw_round_trip(tmp_path, frames):
    path = write_raw(tmp_path / "movie.raw", frames, {"Camera": "Zyla", "Pixelsize": 108})
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)
        assert movie.name == "movie"
        assert movie.camera.name == "Zyla" and movie.camera.pixel_size_nm == 108
        assert movie.problem is None


@pytest.mark.parametrize("data_type", DATA_TYPES)
@pytest.mark.parametrize("byte_order", "<>")
def test_raw_types(tmp_path, frames, data_type, byte_order):
    counts = frames.astype(data_type)
    path = tmp_path / "movie.raw"
    header = b"\x01" * 37
    path.write_bytes(header + counts.astype(counts.dtype.newbyteorder(byte_order)).tobytes())
    specification = RawSpecification(data_type, 20, 26, byte_order, 37)
    with open_movie(path, raw=specification) as movie:
        assert movie.dtype == counts.dtype and movie.dtype.isnative
        np.testing.assert_array_equal(movie.read(0, 12), counts)
        np.testing.assert_array_equal(movie[5].pixels, counts[5])
        copy = pickle.loads(pickle.dumps(movie))
        np.testing.assert_array_equal(copy.read(5, 6), counts[5:6])
        copy.close()


def test_raw_of_picasso(data):
    with open_movie(data / "picasso_0_11_3.raw") as movie:
        assert movie.shape == (4, 32, 32)
        assert 100 < movie.read(0, 4).mean() < 200


def test_raw_without_yaml(tmp_path):
    path = tmp_path / "movie.raw"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(FileError, match=r"no movie\.yaml beside it"):
        open_movie(path)
    with pytest.raises(FileError, match="no whole frame"):
        open_movie(path, raw=RawSpecification("uint16", 100, 100))


def test_raw_that_is_too_short(tmp_path, frames):
    path = write_raw(tmp_path / "movie.raw", frames)
    with path.open("rb+") as file:
        file.truncate(5 * frames[0].nbytes + 3)
    with open_movie(path) as movie:
        assert movie.problem is not None and movie.problem.first_bad == 5
        np.testing.assert_array_equal(movie.read(0, 5), frames[:5])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Data Type: uint16\nHeight: 20\n", "Width is missing"),
        ("Data Type: uint12\nHeight: 20\nWidth: 26\n", "Data Type must be one of"),
        ("Data Type: uint16\nHeight: -3\nWidth: 26\n", "Height must be a whole number"),
        ("Data Type: uint16\nHeight: '20'\nWidth: 26\n", "Height must be a whole number"),
        ("Byte Order: x\nData Type: uint16\nHeight: 20\nWidth: 26\n", "Byte Order"),
        ("Data Type: [\n", "line 2"),
        ("just words", "does not describe a movie"),
        ("", "does not describe a movie"),
    ],
)
def test_wrong_yaml(tmp_path, text, says):
    (tmp_path / "movie.raw").write_bytes(b"\0" * 2000)
    (tmp_path / "movie.yaml").write_text(text)
    with pytest.raises(FileError, match=r"movie\.yaml.*") as error:
        open_movie(tmp_path / "movie.raw")
    assert says in str(error.value)


specifications = st.builds(
    RawSpecification,
    data_type=st.sampled_from(DATA_TYPES),
    height=st.integers(1, 5000),
    width=st.integers(1, 5000),
    byte_order=st.sampled_from("<>"),
    header=st.integers(0, 10_000),
    frames=st.none() | st.integers(1, 10**7),
)


@given(specifications)
def test_specification_round_trip(specification):
    text = yaml.safe_dump(specification.to_dict())
    assert RawSpecification.from_dict(yaml.safe_load(text)) == specification
    frames, rest = specification.fit(specification.header + 3 * specification.frame_bytes + 1)
    assert frames >= 3 and rest < specification.frame_bytes


@given(
    st.dictionaries(
        st.sampled_from(["Data Type", "Height", "Width", "Byte Order", "Header", "Frames"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none()),
    )
)
def test_any_specification_is_read_or_refused(values):
    try:
        specification = RawSpecification.from_dict(values)
    except ParameterError:
        return
    assert specification.frame_bytes > 0


def test_specification_is_written_on_request(tmp_path, frames):
    path = tmp_path / "movie.raw"
    path.write_bytes(frames.tobytes())
    RawSpecification("uint16", 20, 26, frames=12).save(path)
    assert read_specification(path)[0] == RawSpecification("uint16", 20, 26, frames=12)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "i4", "<f4", ">f8"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy(tmp_path, frames, dtype, version):
    path = tmp_path / "movie.npy"
    counts = frames.astype(dtype)
    with path.open("wb") as file:
        np.lib.format.write_array(file, counts, version=version)
    with open_movie(path) as movie:
        assert movie.dtype.isnative
        np.testing.assert_array_equal(movie.read(2, 7), counts[2:7])


def test_npy_that_is_no_movie(tmp_path, frames):
    path = tmp_path / "x.npy"
    np.save(path, frames[None, None])
    with pytest.raises(NotAMovieError, match="its shape is"):
        open_movie(path)
    np.save(path, frames.astype(complex))
    with pytest.raises(NotAMovieError, match="complex128"):
        open_movie(path)
    np.save(path, np.asfortranarray(frames))
    with pytest.raises(FileError, match="Fortran"):
        open_movie(path)
    np.save(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(NotAMovieError):
        open_movie(path)
    path.write_bytes(b"nothing")
    with pytest.raises(FileError, match="not a numpy array"):
        open_movie(path)
    np.save(path, frames)
    path.write_bytes(path.read_bytes()[: 128 + 3 * frames[0].nbytes])
    with open_movie(path) as movie:
        assert movie.problem is not None and len(movie) == 3


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_folder_in_natural_order(tmp_path, frames, compression):
    for k, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"img_{k}.tif", frame, compression=compression)
    (tmp_path / "notes.txt").write_text("not an image")
    with open_movie(tmp_path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)
        assert movie.name == tmp_path.name and movie.path == tmp_path
    assert find_movies(tmp_path) == [tmp_path]


def test_folder_of_stacks(tmp_path, frames):
    for k in range(3):
        tifffile.imwrite(tmp_path / f"part{k}.tif", frames[4 * k : 4 * k + 4], imagej=True)
    with open_movie(tmp_path) as movie:
        np.testing.assert_array_equal(movie.read(2, 11), frames[2:11])


def test_folder_with_a_bad_file(tmp_path, frames):
    for k, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"img_{k:03}.tif", frame)
    (tmp_path / "img_005.tif").write_bytes(b"")
    with open_movie(tmp_path) as movie:
        assert movie.problem is not None and movie.problem.first_bad == 5
        assert "img_005.tif" in str(movie.problem)
        np.testing.assert_array_equal(movie.read(0, 5), frames[:5])


def test_folder_of_different_sizes(tmp_path, frames):
    tifffile.imwrite(tmp_path / "img_0.tif", frames[0])
    tifffile.imwrite(tmp_path / "img_1.tif", frames[1, :10])
    with pytest.raises(FileError, match=r"img_1\.tif.*10 x 26.*differ"):
        open_movie(tmp_path)


def test_folder_of_several_movies_is_not_mixed(tmp_path, frames):
    for name in ("a_1", "a_2", "b_1"):
        tifffile.imwrite(tmp_path / f"{name}.tif", frames[0])
    with pytest.raises(FileError, match=r"several kinds \(2 x a_#\.tif, 1 x b_#\.tif\)"):
        open_movie(tmp_path)


def test_folder_with_two_counters(tmp_path, frames):
    for k, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"t{k // 2}_c{k % 2}.tif", frame)
    with pytest.warns(UserWarning, match=r"count 2 things.*6 of 12 files"):
        movie = open_movie(tmp_path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 6), frames[::2])


def test_folder_with_timestamps(tmp_path, frames):
    for k, frame in enumerate(frames):
        tifffile.imwrite(tmp_path / f"img_{k:03}_{1700000000 + 31 * k}.tif", frame)
    with open_movie(tmp_path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)


def test_folder_without_images(tmp_path):
    with pytest.raises(FileError, match="no TIFF file in this folder"):
        open_movie(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path, frames):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames)
    path.chmod(0)
    with pytest.raises(FileError, match="no permission"):
        open_movie(path)


def test_find_movies(tmp_path, frames, write_micromanager):
    for k in (10, 9, 2):
        tifffile.imwrite(tmp_path / f"movie{k}.tif", frames)
    write_raw(tmp_path / "z.raw", frames)
    np.save(tmp_path / "a.npy", frames)
    for name in ("run_MMStack.ome.tif", "run_MMStack_1.ome.tif"):
        write_micromanager(tmp_path / name, frames, [{}] * 12)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "movie2_locs.hdf5").write_bytes(b"")
    names = ["a.npy", "movie2.tif", "movie9.tif", "movie10.tif", "run_MMStack.ome.tif", "z.raw"]
    assert [p.name for p in find_movies(tmp_path)] == names
    assert [p.name for p in find_movies(tmp_path / "movie*.tif")] == names[1:4]
    assert [p.name for p in find_movies(tmp_path / "movie9.tif")] == ["movie9.tif"]
    assert find_movies(tmp_path / "run_MMStack_1.ome.tif") == [tmp_path / "run_MMStack.ome.tif"]
    # What is not there is kept, so that opening it tells what is wrong.
    assert find_movies(tmp_path / "absent.tif") == [tmp_path / "absent.tif"]
    assert find_movies(tmp_path / "*.nd2") == [tmp_path / "*.nd2"]
    with pytest.raises(FileError, match="no such file"):
        open_movie(tmp_path / "absent.tif")
