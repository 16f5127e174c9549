"""Storing images as they come, beside the format's usual library written to directly.

    python benchmarks/storage.py

About 1 GB of 16 bit images is written one by one, each with a camera's metadata, to a folder in
memory or, where there is none, to the page cache: what is measured is the work of writing, from
the first image until the data set is closed. Beside it the same images go to the usual library of
the format: ndtiff and tifffile with the same metadata; tifffile (contiguous planes) and
tensorstore (16 images per chunk, given chunk by chunk) without; and to one plain file. The turns
alternate, and medians are compared.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _folder import folder_in_memory
from _report import Row, arguments, report

from limelight.acquire.storage import create
from limelight.core.frame import Frame
from limelight.core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES = 1 << 30
SIZES = (512, 2048)
CHUNK = 16
GOAL = ">= 0.9 x the library"
METADATA: dict[str, Any] = {
    "Camera": "Camera",
    "Exposure": 10.0,
    "Width": 512,
    "Height": 512,
    "PixelType": "GRAY16",
    "BitDepth": "16",
    "PixelSizeUm": 0.1,
    "PixelSizeAffine": "AffineTransform",
    "ReceivedTime": "2026-11-20 12:00:00.000 +0000",
    "Core-Focus": "Z",
    "Core-XYStage": "XY",
    "XPositionUm": 12.25,
    "YPositionUm": -3.5,
    "ZPositionUm": 0.75,
    **{f"Device{k}-Property": f"value {k}" for k in range(40)},
}


def frames(size: int) -> list[Frame]:
    """Return frames of 1 GB, whose pixels are those of as many images as a chunk has."""
    rng = np.random.default_rng(0)
    ring = rng.integers(90, 400, (CHUNK, size, size)).astype(np.uint16)
    count = BYTES // (2 * size * size) // CHUNK * CHUNK
    found = []
    for k in range(count):
        axes = {"time": k}
        about = {**METADATA, "Axes": axes, "ElapsedTime-ms": 10.0 * k, "ImageNumber": k}
        found.append(Frame(ring[k % CHUNK], k, axes, about))
    return found


def ours(kind: str) -> Callable[[Path, list[Frame]], None]:
    """Return a function that writes with Limelight."""

    def write(folder: Path, some: list[Frame]) -> None:
        pixels = some[0].pixels
        stream = Stream(some[0].shape, pixels.dtype, sizes={"time": len(some)})
        writer = create(folder, "bench", kind, stream=stream, summary={"PixelSize_um": 0.1})
        for frame in some:
            writer.write(frame)
        writer.finish()

    return write


def plain(folder: Path, some: list[Frame]) -> None:
    """Write to one plain file."""
    descriptor = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY)
    for frame in some:
        os.write(descriptor, frame.pixels.data)
    os.close(descriptor)


def ndtiff(folder: Path, some: list[Frame]) -> None:
    """Write with ndtiff."""
    from ndtiff import NDTiffDataset

    dataset = NDTiffDataset(str(folder), name="bench", summary_metadata={}, writable=True)
    for frame in some:
        dataset.put_image(frame.axes, frame.pixels, frame.metadata)
    dataset.finish()
    dataset.close()


def tifffile(folder: Path, some: list[Frame]) -> None:
    """Write with tifffile, the metadata in a tag of every page."""
    from tifffile import TiffWriter

    with TiffWriter(folder / "bench.tif", bigtiff=True) as writer:
        for frame in some:
            text = json.dumps(frame.metadata)
            writer.write(frame.pixels, metadata=None, extratags=[(65123, "s", 0, text, True)])


def contiguous(folder: Path, some: list[Frame]) -> None:
    """Write with tifffile, planes one behind the other, without metadata."""
    from tifffile import TiffWriter

    with TiffWriter(folder / "bench.tif", bigtiff=True) as writer:
        for frame in some:
            writer.write(frame.pixels, contiguous=True, metadata=None)


def tensorstore(folder: Path, some: list[Frame]) -> None:
    """Write with tensorstore, a chunk at once, as it is fastest; without metadata."""
    import tensorstore as ts

    ring = np.stack([frame.pixels for frame in some[:CHUNK]])
    array = ts.open(
        {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": str(folder / "bench.zarr")},
            "metadata": {
                "shape": [len(some), *ring.shape[1:]],
                "data_type": "uint16",
                "chunk_grid": {
                    "name": "regular",
                    "configuration": {"chunk_shape": list(ring.shape)},
                },
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            },
            "create": True,
        }
    ).result()
    for k in range(0, len(some), CHUNK):
        array[k : k + CHUNK].write(ring).result()


WRITERS: dict[str, dict[str, Callable[[Path, list[Frame]], None]]] = {
    "ndtiff": {"NDTiff beside ndtiff": ndtiff},
    "ome-tiff": {
        "OME-TIFF beside tifffile": tifffile,
        "OME-TIFF beside tifffile without metadata": contiguous,
    },
    "ome-zarr": {"OME-Zarr beside tensorstore without metadata": tensorstore},
}


def rate(write: Callable[[Path, list[Frame]], None], folder: Path, some: list[Frame]) -> float:
    """Return MB/s of one turn; what was written is taken away again."""
    inside = folder / "turn"
    inside.mkdir()
    start = time.perf_counter()
    write(inside, some)
    seconds = time.perf_counter() - start
    shutil.rmtree(inside)
    return some[0].pixels.nbytes * len(some) / seconds / 1e6


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to write")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    where = options.folder or folder_in_memory(4 << 30)
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        for size in SIZES:
            some = frames(size)
            turns: dict[str, list[float]] = {}
            jobs: dict[str, Callable[[Path, list[Frame]], None]] = {"plain": plain}
            for kind, libraries in WRITERS.items():
                jobs |= {kind: ours(kind), **libraries}
            for turn in range(options.rounds + 1):
                for job, write in jobs.items():
                    found = rate(write, folder, some)
                    if turn:  # the first one is not counted
                        turns.setdefault(job, []).append(found)
            median = {job: statistics.median(found) for job, found in turns.items()}
            for kind, libraries in WRITERS.items():
                for what in libraries:
                    title = f"{what}, {size} x {size}"
                    rows.append(Row(title, median[kind], median[what], "MB/s", GOAL))
            rows.append(Row(f"One plain file, {size} x {size}", median["plain"], None, "MB/s"))
    report("storage", rows, options, peer="library")


if __name__ == "__main__":
    main()
