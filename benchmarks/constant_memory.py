"""A movie much larger than memory goes through without the memory growing.

    python benchmarks/constant_memory.py --gigabytes 20

The movie is a file as large as told that takes no room on the disk: frames with molecules at its
beginning, and a hole that reads as zeros (``--generate``: frames made on the fly instead, slower).
The process' resident memory is sampled ten times a second while it is localized, after a short run
that compiles and loads everything.  What counts is the growth over what there was before the run,
less the table of molecules itself.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _report import Row, arguments, report

from limelight.core.movie import ArrayMovie, Movie
from limelight.core.simulate import scene
from limelight.io import open_movie
from limelight.localize import LocalizeSettings, localize_job

if TYPE_CHECKING:
    import argparse

SIZE = 512


def resident() -> float:
    """Return the resident memory of this process, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This benchmark reads /proc/self/status: it runs on Linux only.")


class Sampler:
    """Samples the memory while it is entered."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.values.append(resident())

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()


def sparse_file(folder: Path, gigabytes: float) -> Path:
    """Write a raw movie of which all but the first frames are a hole."""
    path = folder / "sparse.raw"
    frames = int(gigabytes * 1e9 / (SIZE * SIZE * 2))
    lively = scene("standard", frames=100).read(0, 100)
    lively = np.tile(lively, (1, SIZE // 256, SIZE // 256))
    with path.open("wb") as file:
        file.write(lively.tobytes())
        file.truncate(frames * SIZE * SIZE * 2)
    path.with_suffix(".yaml").write_text(
        f"Byte Order: <\nData Type: uint16\nFrames: {frames}\nHeight: {SIZE}\nWidth: {SIZE}\n"
    )
    return path


def measure(movie: Movie, settings: LocalizeSettings) -> tuple[float, float, int, float, float]:
    """Localize and drop each partial result, as a file writer would; return growth and totals."""
    gc.collect()
    before = resident()
    kept = molecules = 0
    start = time.perf_counter()
    with Sampler() as sampler:
        job = localize_job(movie, settings)
        for step in job:
            molecules += len(step.partial)
            kept += int(step.partial.table.memory_usage().sum())
    seconds = time.perf_counter() - start
    samples = np.array(sampler.values or [resident()])
    third = max(len(samples) // 3, 1)
    drift = float(np.median(samples[-third:]) - np.median(samples[third : 2 * third]))
    # The job keeps the columns to join them at the end: for a moment there are two of each.
    return float(samples.max()) - before, drift, molecules, seconds, 2 * kept / 2**20


def main(options: argparse.Namespace) -> None:
    """Measure and report."""
    settings = LocalizeSettings.of(detect=options.detect)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        small = ArrayMovie(scene("standard", frames=64).read(0, 64))
        for _ in localize_job(small, settings):
            pass
        if options.generate:
            frames = int(options.gigabytes * 1e9 / (256 * 256 * 2))
            movie: Movie = scene("standard", frames=frames)
        else:
            movie = open_movie(sparse_file(Path(folder), options.gigabytes))
        size = np.prod(movie.shape) * movie.dtype.itemsize / 1e9
        growth, drift, molecules, seconds, table = measure(movie, settings)
    label = f"{size:.3g} GB, {molecules:,} molecules"
    rows = [
        Row(f"{label}: peak growth of memory", growth, unit="MiB", goal="<= 256 and the table"),
        Row(f"{label}: table of molecules, twice", table, unit="MiB"),
        Row(f"{label}: last third less middle third", drift, unit="MiB"),
        Row(f"{label}: through at", size * 1000 / seconds, unit="MB/s"),
    ]
    report("constant_memory", rows, options)


if __name__ == "__main__":
    parser = arguments("Memory while a movie much larger than it is localized.")
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--generate", action="store_true", help="make the frames on the fly")
    parser.add_argument("--detect", default="snr")
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("TMPDIR", ".")))
    main(parser.parse_args())
