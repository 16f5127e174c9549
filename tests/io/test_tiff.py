from __future__ import annotations

import pickle
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

from limelight.core.camera import Camera
from limelight.core.errors import FileError, ParameterError
from limelight.core.movie import Movie
from limelight.io import open_array, open_movie
from limelight.io.file_movie import NotAMovieError

WRITERS = {
    "plain": {},
    "bigtiff": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "big-endian bigtiff": {"bigtiff": True, "byteorder": ">"},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
    "ome": {"ome": True, "metadata": {"axes": "TYX"}},
    "lone directory": {"truncate": True},
    "strips": {"rowsperstrip": 7},
    "deflate": {"compression": "zlib"},
    "deflate in strips": {"compression": "zlib", "rowsperstrip": 3},
    "lzw with predictor": {"compression": "lzw", "predictor": True},
    "big-endian lzw": {"compression": "lzw", "byteorder": ">"},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "tiles": {"tile": (16, 16)},
    "deflated tiles": {"tile": (16, 16), "compression": "zlib", "predictor": True},
    "min is white": {"photometric": "miniswhite"},
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_of_tifffile(tmp_path, frames, name):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, **WRITERS[name])
    with open_movie(path) as movie:
        assert isinstance(movie, Movie)
        assert movie.shape == frames.shape
        assert movie.dtype == frames.dtype and movie.dtype.isnative
        assert movie.problem is None
        np.testing.assert_array_equal(movie.read(0, 12), frames)
        np.testing.assert_array_equal(movie.read(3, 5), frames[3:5])
        np.testing.assert_array_equal(movie[-1].pixels, frames[-1])
        assert movie.read(5, 5).shape == (0, 20, 26)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", "<>")
def test_types(tmp_path, frames, dtype, byteorder):
    path = tmp_path / "movie.tif"
    counts = frames.astype(dtype)
    tifffile.imwrite(path, counts, byteorder=byteorder)
    with open_movie(path) as movie:
        assert movie.dtype == np.dtype(dtype)
        assert movie.metadata["Byte Order"] == (byteorder if counts.itemsize > 1 else "<")
        np.testing.assert_array_equal(movie.read(0, 12), counts)


def test_pages_written_one_by_one(tmp_path, frames):
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, metadata=None)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 12), frames)


def test_pages_of_another_size_are_no_frames(tmp_path, frames):
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames[:3]:
            tiff.write(frame, contiguous=False, metadata=None)
        tiff.write(frames[0, :5, :5], metadata=None)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 3), frames[:3])
        assert len(movie) == 3


def test_twelve_bits_are_unpacked(tmp_path):
    values = np.arange(24, dtype=np.uint16).reshape(4, 6) * 170
    bits = "".join(f"{v:012b}" for v in values.ravel())
    packed = bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))
    entries = [(256, 6), (257, 4), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 4)]
    entries.append((279, len(packed)))
    ifd = struct.pack("<H", len(entries))
    ifd += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + b"\0" * 4
    path = tmp_path / "packed.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + ifd)
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 1)[0], values)


def test_real_files(data):
    for name, shape in (("dstorm_5_frames", (5, 128, 128)), ("tetrapod_crop", (4, 96, 96))):
        path = data / f"{name}.tif"
        with open_movie(path) as movie:
            assert movie.shape == shape
            assert movie.name == name
            assert "Pixelsize" not in movie.metadata
            np.testing.assert_array_equal(movie.read(0, shape[0]), tifffile.imread(path))


def _read_pixel_size(path):
    with open_movie(path) as movie:
        return movie.metadata.get("Pixelsize")


@pytest.mark.parametrize(
    ("unit", "per_unit", "expected"),
    [
        ("um", 10, 100.0),
        ("micron", 1 / 0.1335, 133.5),
        ("\\u00B5m", 8, 125.0),
        ("nm", 0.01, 100.0),
        ("mm", 10_000, 100.0),
        ("pixel", 10, None),
        ("", 10, None),
        ("inch", 300, None),
    ],
)
def test_pixel_size_of_imagej(tmp_path, frames, unit, per_unit, expected):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(
        path, frames, imagej=True, resolution=(per_unit, per_unit), metadata={"unit": unit}
    )
    assert _read_pixel_size(path) == (None if expected is None else pytest.approx(expected, 1e-6))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(0.108, "µm", 108.0), (108, "nm", 108.0), (1.08e-4, "mm", 108.0), (3, "pixel", None)],
)
def test_pixel_size_of_ome(tmp_path, frames, value, unit, expected):
    path = tmp_path / "movie.ome.tif"
    about = {"axes": "TYX", "PhysicalSizeX": value, "PhysicalSizeXUnit": unit}
    about["Plane"] = {"ExposureTime": [0.05] * 12, "ExposureTimeUnit": ["s"] * 12}
    tifffile.imwrite(path, frames, metadata=about)
    assert _read_pixel_size(path) == (None if expected is None else pytest.approx(expected))
    with open_movie(path) as movie:
        assert movie.metadata["exposure_ms"] == pytest.approx(50)
        assert movie.name == "movie.ome"


@pytest.mark.parametrize(("per_cm", "expected"), [(1e5, 100.0), (118.11, None), (28.3, None)])
def test_resolution_of_a_screen_is_no_pixel_size(tmp_path, frames, per_cm, expected):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")
    assert _read_pixel_size(path) == (None if expected is None else pytest.approx(expected))


def test_given_camera_wins(tmp_path, frames):
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, frames, metadata={"axes": "TYX", "PhysicalSizeX": 0.2})
    with open_movie(path, camera=Camera(pixel_size_nm=77)) as movie:
        assert movie.camera.pixel_size_nm == 77
        copy = pickle.loads(pickle.dumps(movie))
        assert copy.camera.pixel_size_nm == 77
        np.testing.assert_array_equal(copy.read(2, 4), frames[2:4])
        copy.close()
    with open_movie(path) as movie:
        assert movie.camera.pixel_size_nm == pytest.approx(200)


@pytest.mark.parametrize("kind", ["imagej", "ome", "deflated ome", "shaped"])
def test_axes_are_not_mixed_up(tmp_path, kind):
    stack = np.arange(4 * 3 * 2 * 5 * 6, dtype=np.uint16).reshape(4, 3, 2, 5, 6)
    path = tmp_path / ("stack.ome.tif" if "ome" in kind else "stack.tif")
    options = {"metadata": {"axes": "TZCYX"}}
    if kind == "imagej":
        options["imagej"] = True
    if kind == "deflated ome":
        options["compression"] = "zlib"
    tifffile.imwrite(path, stack, **options)
    with pytest.warns(UserWarning, match=r"3 planes.*2 channels|2 channels.*3 planes"):
        movie = open_movie(path)
    with movie:
        np.testing.assert_array_equal(movie.read(0, 4), stack[:, 0, 0])


@pytest.mark.parametrize("order", ["TCZYX", "CTZYX", "ZTCYX", "CZTYX"])
def test_orders_of_axes_in_ome(tmp_path, order):
    lengths = {"T": 5, "Z": 3, "C": 2, "Y": 4, "X": 6}
    shape = [lengths[a] for a in order]
    stack = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, stack, metadata={"axes": order})
    with pytest.warns(UserWarning, match="5 time points"):
        movie = open_movie(path)
    with movie:
        index = tuple(slice(None) if a in "TYX" else 0 for a in order)
        np.testing.assert_array_equal(movie.read(0, 5), stack[index])


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_what_is_known_of_the_axes(tmp_path, kind):
    stack = np.zeros((3, 4, 2, 9, 11), np.uint16)
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    if kind == "ome":
        about = {
            **{"PhysicalSizeX": 100, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.1},
            **{"PhysicalSizeZ": 250, "PhysicalSizeZUnit": "nm"},
            **{"TimeIncrement": 20, "TimeIncrementUnit": "ms"},
            "Channel": {"Name": ["GFP", "R & <FP>"]},
        }
        tifffile.imwrite(path, stack, metadata={"axes": "TZCYX", **about})
    else:
        about = {"spacing": 0.25, "unit": "micron", "finterval": 0.02}
        resolution = {"resolution": (10, 10), "resolutionunit": "NONE"}
        tifffile.imwrite(
            path, stack, imagej=True, metadata={"axes": "TZCYX", **about}, **resolution
        )
    image = open_array(path)
    assert image.axes == ("time", "channel", "z", "y", "x")
    assert image.scale == pytest.approx((0.02, 1, 0.25, 0.1, 0.1))
    assert image.units == ("s", "pixel", "um", "um", "um")
    image.close()
    if kind == "ome":
        assert image.labels == {"channel": ("GFP", "R & <FP>")}
        with open_movie(path, channel="R & <FP>", z=2) as movie:
            assert movie.chosen == {"channel": 1, "z": 2}
        with pytest.warns(UserWarning, match=r"open_movie\(path, (z|channel)=...\) opens"):
            movie = open_movie(path)
        assert movie.choices == {"channel": ("GFP", "R & <FP>"), "z": ("0", "1", "2", "3")}
        movie.close()


@pytest.mark.parametrize("names", [["A", "A"], ["A", ""], ["A"]])
def test_channels_without_names_of_their_own_have_numbers(tmp_path, names):
    path = tmp_path / "a.ome.tif"
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels DimensionOrder="XYCZT" Type="uint16" SizeX="11" SizeY="9" SizeC="2" SizeZ="1" '
        'SizeT="3" PhysicalSizeZ="nan" TimeIncrement="-1">'
        + "".join(f'<Channel ID="c{k}" Name="{n}"/>' for k, n in enumerate(names))
        + "<TiffData/></Pixels></Image></OME>"
    )
    tifffile.imwrite(path, np.zeros((6, 9, 11), np.uint16), description=text, metadata=None)
    image = open_array(path)
    assert (image.labels, image.scale[:2], image.units[:2]) == ({}, (1, 1), ("pixel", "pixel"))
    image.close()


def test_a_long_description_is_read_up_to_its_planes():
    from limelight.io.ome import parse_ome

    plane = '<Plane TheC="0" TheZ="0" TheT="0" ExposureTime="1"/>'
    text = (
        '<OME><Image><Pixels DimensionOrder="XYCZT" SizeX="9" SizeY="9" SizeC="2" SizeZ="5" '
        'SizeT="7" PhysicalSizeX="0.1" PhysicalSizeZ="0.3" TimeIncrement="2">'
        '<Channel Name="GFP"><X/></Channel><Channel Name="RFP"/>{}</Pixels></Image></OME>'
    )
    long = parse_ome(text.format(plane * 400_000))
    short = parse_ome(text.format(plane))
    assert (long.channels, long.z_step_um, long.interval_s) == (("GFP", "RFP"), 0.3, 2)
    assert long.axes == short.axes
    assert (long.pixel_size_nm, short.exposure_ms) == (pytest.approx(100), 1000)


@pytest.mark.parametrize("axis", "TZC")
def test_a_single_long_axis_is_time(tmp_path, frames, axis):
    path = tmp_path / "stack.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tifffile.imwrite(path, frames, imagej=True, metadata={"axes": f"{axis}YX"})
        with open_movie(path) as movie:
            np.testing.assert_array_equal(movie.read(0, 12), frames)


def test_first_of_several_images_in_ome(tmp_path, frames):
    path = tmp_path / "positions.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(frames[:5], metadata={"axes": "TYX"})
        tiff.write(frames[5:], metadata={"axes": "TYX"})
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, len(movie)), frames[:5])


def _imagej_beyond_4_gb(path, frames, promised, byte_order=">"):
    """Write the first directory only, as ImageJ does where offsets have too few bits."""
    _, height, width = frames.shape
    text = f"ImageJ=1.53t\nimages={promised}\nframes={promised}\nunit=micron\n\0".encode()
    place = 8 + 2 + 12 * 10 + 4
    data = place + len(text) + 8
    entry = struct.Struct(byte_order + "HHII").pack
    short = 65536 if byte_order == ">" else 1
    entries = [
        entry(256, 4, 1, width),
        entry(257, 4, 1, height),
        entry(258, 3, 1, 16 * short),
        entry(262, 3, 1, 1 * short),
        entry(270, 2, len(text), place),
        entry(273, 4, 1, data),
        entry(277, 3, 1, 1 * short),
        entry(278, 3, 1, height * short),
        entry(279, 4, 1, height * width * 2),
        entry(282, 5, 1, place + len(text)),
    ]
    head = {">": b"MM\0*", "<": b"II*\0"}[byte_order] + struct.pack(byte_order + "I", 8)
    with path.open("wb") as file:
        file.write(head + struct.pack(byte_order + "H", 10) + b"".join(entries) + b"\0" * 4)
        file.write(text + struct.pack(byte_order + "II", 10, 1))
        file.write(frames.astype(byte_order + "u2").tobytes())
    return data


@pytest.mark.parametrize("byte_order", "<>")
def test_imagej_with_one_directory(tmp_path, frames, byte_order):
    path = tmp_path / "large.tif"
    _imagej_beyond_4_gb(path, frames, 12, byte_order)
    with open_movie(path) as movie:
        assert movie.metadata["Pixelsize"] == pytest.approx(100)
        np.testing.assert_array_equal(movie.read(0, 12), frames)


def test_imagej_beyond_4_gb_sparse(tmp_path):
    """A real file of 5 GB that takes no space: the last frame lies behind 32 bits."""
    path = tmp_path / "large.tif"
    blank = np.zeros((1, 1024, 1024), np.uint16)
    count = 2500
    data = _imagej_beyond_4_gb(path, blank, count)
    with path.open("rb+") as file:
        file.seek(data + (count - 1) * blank.nbytes)
        file.write(np.full(blank.shape, 9, ">u2").tobytes())
    with open_movie(path) as movie:
        assert movie.shape == (count, 1024, 1024)
        assert movie.problem is None
        assert (movie.read(count - 1, count) == 9).all()
        assert not movie.read(count - 2, count - 1).any()


def test_truncated_imagej(tmp_path, frames):
    path = tmp_path / "large.tif"
    data = _imagej_beyond_4_gb(path, frames, 12)
    with path.open("rb+") as file:
        file.truncate(data + 7 * frames[0].nbytes + 100)
    with open_movie(path) as movie:
        assert movie.problem is not None
        assert movie.problem.first_bad == 7
        assert "large.tif" in str(movie.problem) and "frame 7" in str(movie.problem)
        np.testing.assert_array_equal(movie.read(0, len(movie)), frames[:7])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_truncated_pages(tmp_path, frames, compression):
    path = tmp_path / "movie.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, metadata=None, compression=compression)
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[8].dataoffsets[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: place + 20])
    with open_movie(path) as movie:
        assert movie.problem is not None and movie.problem.first_bad == 8
        np.testing.assert_array_equal(movie.read(0, len(movie)), frames[:8])


@pytest.mark.parametrize("writer", ["plain", "bigtiff", "imagej", "ome", "deflate", "tiles"])
def test_cut_anywhere(tmp_path, frames, writer):
    """Whatever is missing at the end: readable frames are right, or the error says it all."""
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, frames, **WRITERS[writer])
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 997):
        path.write_bytes(whole[:size])
        try:
            movie = open_movie(path)
        except FileError as error:
            assert "movie.tif" in str(error)
            continue
        with movie:
            np.testing.assert_array_equal(movie.read(0, len(movie)), frames[: len(movie)])
            assert movie.problem is not None or len(movie) == len(frames)


def test_leaps_are_checked(tmp_path, frames):
    """Directories at equal distances except for two in the middle that make up for each other."""
    path = tmp_path / "movie.tif"
    many = np.concatenate([frames] * 20)
    shift = {100: 2, 101: -2}
    body = bytearray(b"II*\0" + struct.pack("<I", 8))
    size = frames[0].nbytes
    entries = 9
    length = 2 + 12 * entries + 4
    place, places = 8, []
    for k in range(len(many)):
        places.append(place)
        place += length + size + 10 + shift.get(k, 0)
    for k, frame in enumerate(many):
        body += b"\0" * (places[k] - len(body))
        values = [(256, 26), (257, 20), (258, 16), (259, 1), (262, 1), (273, places[k] + length)]
        values += [(277, 1), (278, 20), (279, size)]
        following = places[k + 1] if k + 1 < len(many) else 0
        body += struct.pack("<H", entries)
        body += b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in values)
        body += struct.pack("<I", following) + frame.astype("<u2").tobytes()
    path.write_bytes(bytes(body))
    with open_movie(path) as movie:
        assert len(movie) == len(many)
        np.testing.assert_array_equal(movie.read(101, 102)[0], many[101])
        np.testing.assert_array_equal(movie.read(0, len(many)), many)


def test_a_chain_that_bites_its_tail(tmp_path, frames):
    path = tmp_path / "loop.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in frames[:3]:
            tiff.write(frame, contiguous=False, metadata=None)
    body = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        first, last = tiff.pages[0].offset, tiff.pages[2].offset
    count = struct.unpack_from("<H", body, last)[0]
    struct.pack_into("<I", body, last + 2 + 12 * count, first)
    path.write_bytes(bytes(body))
    with open_movie(path) as movie:
        assert len(movie) == 3
        np.testing.assert_array_equal(movie.read(0, 3), frames[:3])


def test_what_is_no_movie(tmp_path, frames):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(NotAMovieError, match="colour"):
        open_movie(path)
    tifffile.imwrite(path, np.zeros((8, 8), np.complex64))
    with pytest.raises(NotAMovieError, match="complex64"):
        open_movie(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match=r"x\.tif: the file is empty"):
        open_movie(path)
    for junk in (b"II", b"hello, world, this is a text", b"II*\0" + b"\xff" * 50, b"MM\0+\0\x08"):
        path.write_bytes(junk)
        with pytest.raises(FileError, match=r"x\.tif"):
            open_movie(path)
    with pytest.raises(FileError, match="no such file"):
        open_movie(tmp_path / "absent.tif")
    with pytest.raises(FileError, match="cannot be opened"):
        open_movie(tmp_path / "x.avi")


def test_frames_that_are_not_there(tmp_path, frames):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames)
    with open_movie(path) as movie:
        with pytest.raises(ParameterError, match="12 frames"):
            movie.read(5, 13)
        with pytest.raises(IndexError):
            movie[12]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_file_that_shrinks_while_open(tmp_path, frames, compression):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames, compression=compression)
    with open_movie(path) as movie:
        movie.read(0, 12)
        with path.open("rb+") as file:
            file.truncate(600)
        with pytest.raises(FileError, match=r"changed after it was opened.*[Oo]pen it again"):
            movie.read(0, 12)


def test_closed_movie(tmp_path, frames):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames)
    movie = open_movie(path)
    movie.close()
    movie.close()
    with pytest.raises(FileError, match="closed"):
        movie.read(0, 1)


def test_damaged_compression_names_the_frame(tmp_path, frames):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, frames, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[4].dataoffsets[0]
    body = bytearray(path.read_bytes())
    body[place : place + 40] = b"\x55" * 40
    path.write_bytes(bytes(body))
    with open_movie(path) as movie:
        np.testing.assert_array_equal(movie.read(0, 4), frames[:4])
        with pytest.raises(FileError, match="frame 4"):
            movie.read(4, 5)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_many_threads(tmp_path, frames, compression):
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path, byteorder=">") as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, metadata=None, compression=compression)
    with open_movie(path) as movie, ThreadPoolExecutor(8) as pool:
        ranges = [(a, b) for a in range(12) for b in range(a, 13)] * 5
        for (a, b), read in zip(ranges, pool.map(lambda r: movie.read(*r), ranges), strict=True):
            np.testing.assert_array_equal(read, frames[a:b])
