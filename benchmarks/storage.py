"""Storing images as they come, beside the format's usual library written to directly.

    python benchmarks/storage.py

About 1 GB of 16 bit images is written one by one, each with a camera's metadata, to the page
cache: what is measured is the work of writing, from the first image until the data set is closed.
Beside it the same images go, without anything else, to the usual library of the format: ndtiff,
tifffile (contiguous planes), tensorstore (16 images per chunk, given chunk by chunk); and to one
plain file.  The turns alternate, and medians are compared.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
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


def frames(size: int) -> tuple[Any, int]:
    """Return some images, as many as a chunk has, and how often to write one."""
    rng = np.random.default_rng(0)
    ring = rng.integers(90, 400, (CHUNK, size, size)).astype(np.uint16)
    return ring, BYTES // (2 * size * size) // CHUNK * CHUNK


def ours(kind: str) -> Callable[[Path, Any, int], None]:
    """Return a function that writes with Limelight."""

    def write(folder: Path, ring: Any, count: int) -> None:
        shape = ring.shape[1:]
        stream = Stream(shape, ring.dtype, sizes={"time": count})
        writer = create(folder, "bench", kind, stream=stream, summary={"PixelSize_um": 0.1})
        for k in range(count):
            axes = {"time": k}
            about = {**METADATA, "Axes": axes, "ElapsedTime-ms": 10.0 * k, "ImageNumber": k}
            writer.write(Frame(ring[k % CHUNK], k, axes, about))
        writer.finish()

    return write


def plain(folder: Path, ring: Any, count: int) -> None:
    """Write to one plain file."""
    descriptor = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY)
    for k in range(count):
        os.write(descriptor, ring[k % CHUNK].data)
    os.close(descriptor)


def ndtiff(folder: Path, ring: Any, count: int) -> None:
    """Write with ndtiff."""
    from ndtiff import NDTiffDataset

    dataset = NDTiffDataset(str(folder), name="bench", summary_metadata={}, writable=True)
    for k in range(count):
        axes = {"time": k}
        about = {**METADATA, "Axes": axes, "ElapsedTime-ms": 10.0 * k, "ImageNumber": k}
        dataset.put_image(axes, ring[k % CHUNK], about)
    dataset.finish()
    dataset.close()


def tifffile(folder: Path, ring: Any, count: int) -> None:
    """Write with tifffile, planes one behind the other."""
    from tifffile import TiffWriter

    with TiffWriter(folder / "bench.tif", bigtiff=True) as writer:
        for k in range(count):
            writer.write(ring[k % CHUNK], contiguous=True, metadata=None)


def tensorstore(folder: Path, ring: Any, count: int) -> None:
    """Write with tensorstore, a chunk at once, as it is fastest."""
    import tensorstore as ts

    shape = ring.shape[1:]
    array = ts.open(
        {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": str(folder / "bench.zarr")},
            "metadata": {
                "shape": [count, *shape],
                "data_type": "uint16",
                "chunk_grid": {
                    "name": "regular",
                    "configuration": {"chunk_shape": [CHUNK, *shape]},
                },
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            },
            "create": True,
        }
    ).result()
    for k in range(0, count, CHUNK):
        array[k : k + CHUNK].write(ring).result()


WRITERS: dict[str, tuple[str, Callable[[Path, Any, int], None]]] = {
    "ndtiff": ("NDTiff beside ndtiff", ndtiff),
    "ome-tiff": ("OME-TIFF beside tifffile", tifffile),
    "ome-zarr": ("OME-Zarr beside tensorstore", tensorstore),
}


def rate(write: Callable[[Path, Any, int], None], folder: Path, ring: Any, count: int) -> float:
    """Return MB/s of one turn; what was written is taken away again."""
    inside = folder / "turn"
    inside.mkdir()
    start = time.perf_counter()
    write(inside, ring, count)
    seconds = time.perf_counter() - start
    shutil.rmtree(inside)
    return float(ring[0].nbytes * count / seconds / 1e6)


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder otherwise")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for size in SIZES:
            ring, count = frames(size)
            turns: dict[str, list[float]] = {}
            jobs: dict[str, Callable[[Path, Any, int], None]] = {"plain": plain}
            for kind, (_, library) in WRITERS.items():
                jobs |= {kind: ours(kind), f"{kind} library": library}
            for turn in range(options.rounds + 1):
                for job, write in jobs.items():
                    found = rate(write, folder, ring, count)
                    if turn:  # the first one is not counted
                        turns.setdefault(job, []).append(found)
            median = {job: statistics.median(found) for job, found in turns.items()}
            for kind, (what, _) in WRITERS.items():
                rows.append(
                    Row(
                        f"{what}, {size} x {size}",
                        median[kind],
                        median[f"{kind} library"],
                        "MB/s",
                        GOAL,
                    )
                )
            rows.append(Row(f"One plain file, {size} x {size}", median["plain"], None, "MB/s"))
    report("storage", rows, options, peer="library")


if __name__ == "__main__":
    main()
