"""Opening movies of 50 GB, and reading frames beside what numpy makes of the same bytes.

    python benchmarks/reading.py

The large files are sparse: they take hardly any room on the disk.  The small ones (262 MB) lie in
the page cache, so that what is measured is the work of reading, not the disk.  Ours and numpy's
turns alternate, blocks of 64 frames, and medians are compared.
"""

from __future__ import annotations

import statistics
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from _report import Row, arguments, report

from limelight.io import LazyFrames, RawSpecification, open_movie, write_raw, write_tiff

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES, SIDE, BLOCK = 2000, 256, 64
LARGE_FRAMES, LARGE_SIDE = 25_000, 1024
LARGE_BYTES = LARGE_SIDE * LARGE_SIDE * 2


def large_raw(path: Path) -> None:
    """Make a raw file."""
    with path.open("wb") as file:
        file.truncate(LARGE_FRAMES * LARGE_BYTES)
    RawSpecification("uint16", LARGE_SIDE, LARGE_SIDE, frames=LARGE_FRAMES).save(path)


def large_imagej(path: Path) -> None:
    """Make a file with one directory for all frames, as ImageJ does beyond 4 GB."""
    tifffile.imwrite(
        path,
        shape=(LARGE_FRAMES, LARGE_SIDE, LARGE_SIDE),
        dtype=np.uint16,
        imagej=True,
        truncate=True,
        bigtiff=False,
    )


def large_bigtiff(path: Path, *, regular: bool) -> None:
    """Make a chain of directories, one before each frame, at equal or slightly other distances."""
    gaps = np.random.default_rng(0).integers(0, 1 if regular else 3, LARGE_FRAMES)
    values = [(256, LARGE_SIDE), (257, LARGE_SIDE), (258, 16), (259, 1), (262, 1), (273, 0)]
    values += [(277, 1), (278, LARGE_SIDE), (279, LARGE_BYTES)]
    length = 8 + 20 * len(values) + 8
    place = 16
    with path.open("wb") as file:
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, place))
        for k, gap in enumerate(gaps.tolist()):
            file.seek(place)
            file.write(struct.pack("<Q", len(values)))
            for tag, value in values:
                file.write(struct.pack("<HHQQ", tag, 16, 1, value or place + length))
            following = place + length + LARGE_BYTES + gap
            file.write(struct.pack("<Q", following if k < LARGE_FRAMES - 1 else 0))
            place = following
        file.truncate(place)


def opening(folder: Path) -> list[Row]:
    """Return the times to open 50 GB, and to show one frame of it."""
    makers: dict[str, Callable[[Path], None]] = {
        "large.raw": large_raw,
        "imagej.tif": large_imagej,
        "bigtiff.tif": lambda path: large_bigtiff(path, regular=True),
        "uneven bigtiff.tif": lambda path: large_bigtiff(path, regular=False),
    }
    rows = []
    for name, make in makers.items():
        path = folder / name
        make(path)
        open_movie(path).close()
        times = []
        for _ in range(5):
            start = time.perf_counter()
            with open_movie(path) as movie:
                times.append(time.perf_counter() - start)
                assert len(movie) == LARGE_FRAMES, len(movie)
        rows.append(
            Row(f"open 50 GB: {name}", statistics.median(times) * 1e3, unit="ms", goal="<= 1,000")
        )
        with open_movie(path) as movie:
            lazy = LazyFrames(movie)
            times = []
            for index in np.random.default_rng(1).integers(0, LARGE_FRAMES, 21).tolist():
                start = time.perf_counter()
                lazy[index]
                times.append(time.perf_counter() - start)
        rows.append(Row(f"a frame of {name}", statistics.median(times) * 1e3, unit="ms"))
        path.unlink()
    return rows


def from_numpy(path: Path, places: list[int]) -> Callable[[int, int], Any]:
    """Return a reader that reads the same bytes with numpy alone."""

    def read(start: int, stop: int) -> Any:
        joined = places[stop - 1] - places[start] == (stop - 1 - start) * SIDE * SIDE * 2
        with path.open("rb", buffering=0) as file:
            if joined:
                file.seek(places[start])
                return np.fromfile(file, "<u2", (stop - start) * SIDE * SIDE)
            frames = np.empty((stop - start, SIDE, SIDE), "<u2")
            for frame, place in zip(frames, places[start:stop], strict=True):
                file.seek(place)
                file.readinto(frame.data)
            return frames

    return read


def throughput(folder: Path) -> list[Row]:
    """Return the speed of reading, beside numpy's."""
    frames = np.random.default_rng(0).integers(0, 1000, (FRAMES, SIDE, SIDE), dtype=np.uint16)
    write_raw(folder / "a.raw", frames)
    write_tiff(folder / "contiguous.tif", frames)
    with tifffile.TiffWriter(folder / "directory before each frame.tif") as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, metadata=None)
    rows = []
    for path in sorted(folder.glob("*.raw")) + sorted(folder.glob("*.tif")):
        if path.suffix == ".raw":
            places = [k * SIDE * SIDE * 2 for k in range(FRAMES)]
        else:
            with tifffile.TiffFile(path) as tiff:
                places = [page.dataoffsets[0] for page in tiff.pages]
        with open_movie(path) as movie:
            np.testing.assert_array_equal(movie.read(0, FRAMES), frames)
            readers = {"numpy": from_numpy(path, places), "ours": movie.read}
            times: dict[str, list[float]] = {name: [] for name in readers}
            for _ in range(15):
                for name, read in readers.items():
                    start = time.perf_counter()
                    for first in range(0, FRAMES, BLOCK):
                        read(first, min(first + BLOCK, FRAMES))
                    times[name].append(time.perf_counter() - start)
        ours, numpy = (statistics.median(times[n]) for n in ("ours", "numpy"))
        rows.append(Row(f"{path.name}", frames.nbytes / 1e6 / ours, unit="MB/s"))
        rows.append(Row(f"{path.name}: part of numpy's speed", numpy / ours, goal=">= 0.8"))
    return rows


def main() -> None:
    options = arguments(__doc__.split("\n")[0]).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = throughput(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        rows += opening(Path(folder))
    report("reading", rows, options)


if __name__ == "__main__":
    main()
