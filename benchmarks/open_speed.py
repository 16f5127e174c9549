"""Opening 50 GB of every format to its first frame, reading beside numpy, and loading tables.

    python benchmarks/open_speed.py

The 50 GB are sparse: they take hardly any room on the disk.  Movies to be read (131 MB) lie in the
page cache, so that what is measured is the work of reading, not the disk; numpy reads the same
bytes of the same file in as many pieces as the format has, its turns and ours alternate, and
medians are compared.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import struct
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from _report import Row, arguments, report

from limelight.core.localizations import Localizations
from limelight.io import load_table, open_movie, save_table

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = (25_000, 1024, 1024)
SMALL = (1000, 256, 256)
BLOCK = 64
MOLECULES = 10_000_000
Frames = np.ndarray[Any, Any] | None
Shape = tuple[int, int, int]


def hdf5(folder: Path, shape: Shape, frames: Frames, *, chunked: bool, pyme: bool = False) -> Path:
    """Make an HDF5 file whose frames have their place in the file, written or not."""
    path = folder / "movie.h5"
    stored = (shape[0], shape[2], shape[1]) if pyme else shape
    with h5py.File(path, "w") as file:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if chunked:
            layout.set_chunk((1, *stored[1:]))
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple(stored)
        h5py.h5d.create(
            file.id, b"ImageData" if pyme else b"frames", h5py.h5t.STD_U16LE, space, layout
        )
        if frames is not None:
            dataset = file["ImageData" if pyme else "frames"]
            dataset[...] = frames.transpose(0, 2, 1) if pyme else frames
    return path


def ims(folder: Path, shape: Shape, frames: Frames) -> Path:
    """Make an Imaris file, a data set per time point."""
    path = folder / "movie.ims"
    with h5py.File(path, "w", libver="latest") as file:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((1, *shape[1:]))
        points = file.create_group("DataSet/ResolutionLevel 0")
        for t in range(shape[0]):
            group = points.create_group(f"TimePoint {t}/Channel 0")
            h5py.h5d.create(group.id, b"Data", h5py.h5t.STD_U16LE, space, layout)
            if frames is not None:
                group["Data"][0] = frames[t]
    return path


def dax(folder: Path, shape: Shape, frames: Frames) -> Path:
    """Make a .dax file and its .inf file."""
    path = folder / "movie.dax"
    with path.open("wb") as file:
        if frames is None:
            file.truncate(2 * int(np.prod(shape, dtype=np.int64)))
        else:
            frames.astype("<u2").tofile(file)
    path.with_suffix(".inf").write_text(
        f"frame dimensions = {shape[2]} x {shape[1]}\nnumber of frames = {shape[0]}\n"
        "data type = 16 bit integers (binary, little endian)\n"
    )
    return path


def ndtiff(folder: Path, shape: Shape, frames: Frames) -> Path:
    """Make an NDTiff data set in files of up to 4 GB."""
    size = shape[1] * shape[2] * 2
    per_file = (4 << 30) // (size + 64) - 1
    index = bytearray()
    for first in range(0, shape[0], per_file):
        number = first // per_file
        path = folder / f"run_NDTiffStack{f'_{number}' if number else ''}.tif"
        with path.open("wb") as file:
            file.write(struct.pack("<2sHIIIIII", b"II", 42, 0, 483729, 3, 3, 2355492, 2) + b"{}")
            place = 64
            for t in range(first, min(first + per_file, shape[0])):
                if frames is not None:
                    file.seek(place)
                    file.write(frames[t].astype("<u2").data)
                for text in (json.dumps({"time": t}).encode(), path.name.encode()):
                    index += struct.pack("<I", len(text)) + text
                index += struct.pack("<8I", place, shape[2], shape[1], 1, 0, 32, 2, 0)
                place += size + 64
            file.truncate(place)
    (folder / "NDTiff.index").write_bytes(bytes(index))
    return folder


def zarr(folder: Path, shape: Shape, frames: Frames) -> Path:
    """Make an OME-Zarr 0.5 folder, a chunk per frame, without compression."""
    import zarr as library

    path = folder / "movie.ome.zarr"
    group = library.open_group(path, mode="w", zarr_format=3)
    array = group.create_array(
        "0", shape=shape, dtype="uint16", chunks=(1, *shape[1:]), compressors=None
    )
    image = {
        "axes": [
            {"name": n, "type": k} for n, k in zip("tyx", ("time", "space", "space"), strict=True)
        ],
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}
        ],
    }
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    if frames is not None:
        array[:] = frames
    return path


def nd2(folder: Path, shape: Shape, frames: Frames) -> Path:
    """Make an .nd2 file by the writer of the tests."""
    place = Path(__file__).parents[1] / "tests/io/formats/conftest.py"
    specification = importlib.util.spec_from_file_location("_files", place)
    assert specification is not None and specification.loader is not None
    files = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(files)
    if frames is None:
        path: Path = files.write_nd2(folder, shape=(shape[0], 1, *shape[1:]))
    else:
        path = files.write_nd2(folder, frames[:, None])
    return path


MAKERS: dict[str, Callable[[Path, Shape, Frames], Path]] = {
    "HDF5, contiguous": lambda f, s, x: hdf5(f, s, x, chunked=False),
    "HDF5, a chunk per frame": lambda f, s, x: hdf5(f, s, x, chunked=True),
    "PYME .h5": lambda f, s, x: hdf5(f, s, x, chunked=True, pyme=True),
    "Imaris .ims": ims,
    ".nd2": nd2,
    ".dax": dax,
    "NDTiff": ndtiff,
    "OME-Zarr": zarr,
}


def opening() -> list[Row]:
    """Return the time from a path to the first frame."""
    rows = []
    for name, make in MAKERS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), LARGE, None)
            open_movie(path).close()
            times = []
            for _ in range(3):
                start = time.perf_counter()
                with open_movie(path) as movie:
                    movie.read(0, 1)
                    times.append(time.perf_counter() - start)
                    assert movie.shape == LARGE, (name, movie.shape)
            rows.append(
                Row(f"50 GB to first frame: {name}", statistics.median(times), unit="s", goal="< 1")
            )
    return rows


def pieces(name: str, home: Path, path: Path) -> tuple[Path, list[int]]:
    """Return in which file and at which places the frames are."""
    count, size = SMALL[0], 2 * SMALL[1] * SMALL[2]
    if name == "NDTiff":
        return home / "run_NDTiffStack.tif", [64 + k * (size + 64) for k in range(count)]
    if name == ".nd2":
        import nd2

        with nd2.ND2File(path) as file:
            return path, [file._rdr._frame_offsets[k] for k in range(count)]
    with h5py.File(path) as file:
        if name == "Imaris .ims":
            points = file["DataSet/ResolutionLevel 0"]
            names = (f"TimePoint {k}/Channel 0/Data" for k in range(count))
            return path, [points[n].id.get_offset() for n in names]
        dataset = file["ImageData" if name == "PYME .h5" else "frames"]
        return path, [
            dataset.id.get_chunk_info_by_coord((k, 0, 0)).byte_offset for k in range(count)
        ]


def reading() -> list[Row]:
    """Return the speed of reading beside numpy's, who reads the same bytes of the same file."""
    frames = np.random.default_rng(0).integers(0, 1000, SMALL, dtype=np.uint16)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        size = SMALL[1] * SMALL[2]

        def in_a_row(start: int, stop: int) -> Any:
            return np.fromfile(
                path, "<u2", (stop - start) * size, offset=first_byte + start * size * 2
            )

        def one_by_one(start: int, stop: int) -> Any:
            read = np.empty((stop - start, *SMALL[1:]), "<u2")
            with source.open("rb", buffering=0) as file:
                for frame, k in zip(read, range(start, stop), strict=True):
                    file.seek(places[k])
                    file.readinto(frame.data)
            return read

        def a_file_each(start: int, stop: int) -> Any:
            chunks = (home / "movie.ome.zarr/0/c" / str(k) / "0/0" for k in range(start, stop))
            return np.stack([np.fromfile(c, "<u2", size).reshape(SMALL[1:]) for c in chunks])

        baselines = {"HDF5, contiguous": in_a_row, ".dax": in_a_row, "OME-Zarr": a_file_each}
        home = Path(folder) / "one"
        for name, make in MAKERS.items():
            home.mkdir()
            by_numpy = baselines.get(name, one_by_one)
            path = make(home, SMALL, frames)
            if by_numpy is one_by_one:
                source, places = pieces(name, home, path)
            first_byte = 0
            if name == "HDF5, contiguous":
                with h5py.File(path) as file:
                    first_byte = file["frames"].id.get_offset()
            if name == "Imaris .ims":
                # Where the data sets are is looked up when they are first read.
                with open_movie(path) as movie:
                    start = time.perf_counter()
                    for first in range(0, SMALL[0], BLOCK):
                        movie.read(first, min(first + BLOCK, SMALL[0]))
                    took = time.perf_counter() - start
                    rows.append(Row(f"{name}: first time", frames.nbytes / 1e6 / took, unit="MB/s"))
            with open_movie(path) as movie:
                np.testing.assert_array_equal(movie.read(0, SMALL[0]), frames)
                readers = {"ours": movie.read, "numpy": by_numpy}
                if name == "PYME .h5":
                    readers["numpy, turning"] = lambda a, b: one_by_one(a, b).swapaxes(1, 2).copy()
                times: dict[str, list[float]] = {who: [] for who in readers}
                for _ in range(7):
                    for who, read in readers.items():
                        start = time.perf_counter()
                        for first in range(0, SMALL[0], BLOCK):
                            read(first, min(first + BLOCK, SMALL[0]))
                        times[who].append(time.perf_counter() - start)
            shutil.rmtree(home)
            ours, numpy = (statistics.median(times[w]) for w in ("ours", "numpy"))
            rows.append(Row(f"{name}: reading", frames.nbytes / 1e6 / ours, unit="MB/s"))
            rows.append(Row(f"{name}: part of numpy's speed", numpy / ours, goal=">= 0.8"))
            if name == "PYME .h5":  # keeps x before y, so that every frame is turned as well
                turning = statistics.median(times["numpy, turning"])
                rows.append(Row(f"{name}: part of the speed of numpy, turning", turning / ours))
    return rows


def tables() -> list[Row]:
    """Return the times to load ten million molecules."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {"frame": np.sort(rng.integers(0, 100_000, MOLECULES)).astype("u4")}
    for name in ("x", "y", "photons", "sx", "sy", "bg", "lpx", "lpy"):
        columns[name] = rng.random(MOLECULES, dtype=np.float32) * 100
    movie = {"Frames": 100_000, "Height": 256, "Width": 256, "Pixelsize": 100.0}
    locs = Localizations.from_columns(columns, [movie])
    rows = []
    for name in ("a.hdf5", "a.h5", "a_sml.mat", "a.h5r", "a.parquet"):
        with tempfile.TemporaryDirectory() as folder:
            path = save_table(locs, Path(folder) / name)
            times = []
            for _ in range(5):
                start = time.perf_counter()
                load_table(path)
                times.append(time.perf_counter() - start)
            goal = "< 2" if name == "a.hdf5" else ""
            rows.append(
                Row(
                    f"10 M molecules from {name[1:]}", statistics.median(times), unit="s", goal=goal
                )
            )
    return rows


def main() -> None:
    options = arguments(__doc__.split("\n")[0]).parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [*opening(), *reading(), *tables()]
    report("open_speed", rows, options)


if __name__ == "__main__":
    main()
