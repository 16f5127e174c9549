"""Frames per second of detection: Limelight beside Picasso, on the same movie, in one run.

    python benchmarks/detect_speed.py [--json FILE] [--frames 1000] [--no-peer]

The movie is the standard scene: 256 x 256 pixels, 16 bit, 25 molecules a frame. Both programs use
the net gradient with the same box and threshold, and the spots they find are compared one by one.
(Picasso's gradient wraps around at the top and left border; spots there are counted apart.) Both
are measured on one thread and on all cores, in turn, so that a slow minute hits both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report

from limelight.core.detect import (
    background_context,
    detect_net_gradient,
    detect_snr,
    temporal_background,
)
from limelight.core.simulate import scene

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray

    from limelight.core.camera import Camera

BOX = 7
THRESHOLD = 5000.0
BLOCK = 50

# Reads a number of threads a line, finds all spots, and answers with the seconds it took.
PEER = """
import sys, time
import numpy as np
from picasso import lib
workers = 1
lib.n_workers = lambda *_: workers
from picasso import localize
movie = np.load(sys.argv[1])
box, threshold = int(sys.argv[3]), float(sys.argv[4])
print("ready", flush=True)
for line in sys.stdin:
    workers = int(line)
    start = time.perf_counter()
    found = localize.identify(movie, threshold, box, threaded=workers > 1, return_info=False)
    print("took", time.perf_counter() - start, flush=True)
    np.save(sys.argv[2], found[["frame", "y", "x", "net_gradient"]].to_numpy())
    print("saved", flush=True)
"""


class Peer:
    """Picasso in a process of its own, asked again and again."""

    def __init__(self, movie: NDArray[Any], folder: Path) -> None:
        np.save(folder / "movie.npy", movie)
        self.result = folder / "spots.npy"
        arguments = [folder / "movie.npy", self.result, BOX, THRESHOLD]
        self.process = subprocess.Popen(
            [str(peer_python("picassosr")), "-c", PEER, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait_for("ready")

    def _wait_for(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line[len(word) :]
        raise SystemExit("Picasso ended without an answer.")

    def seconds(self, threads: int) -> float:
        """Let it find all spots once."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{threads}\n")
        self.process.stdin.flush()
        took = float(self._wait_for("took"))
        self._wait_for("saved")
        return took

    def close(self) -> NDArray[np.float64]:
        """End the process; return frame, y, x and net gradient of its last spots."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        spots: NDArray[np.float64] = np.load(self.result)
        return spots


def over_blocks(work: Callable[[int, int], object], length: int, threads: int) -> None:
    """Do the work on blocks of frames, as the localize job does."""
    starts = range(0, length, BLOCK)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: work(start, min(start + BLOCK, length)), starts))


def compare(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> list[Row]:
    """Count the spots that both have found, away from the wrapped border and at it."""
    half = BOX // 2
    a, b = (
        {tuple(map(int, row[:3])): row[3] for row in spots if row[1] > half and row[2] > half}
        for spots in (ours, theirs)
    )
    wrapped = len(theirs) - len(b)
    both = a.keys() & b.keys()
    largest = max(abs(a[key] / b[key] - 1) for key in both)
    return [
        Row("spots, net gradient", float(len(a)), float(len(b)), "spots"),
        Row("the same spots", 100 * len(both) / len(a.keys() | b.keys()), None, "%", ">= 99.9"),
        Row("largest difference of a net gradient", 100 * largest, None, "%"),
        Row("spots where Picasso's gradient wraps around", float(len(ours) - len(a)), wrapped),
    ]


def main(options: argparse.Namespace) -> None:
    """Measure and report."""
    cores = os.cpu_count() or 1
    source = scene("standard", options.frames)
    movie, length = source.read(0, options.frames), options.frames
    camera: Camera = source.camera

    def net_gradient(start: int, stop: int) -> object:
        return detect_net_gradient(movie[start:stop], THRESHOLD, BOX)

    def snr(start: int, stop: int, **how: Any) -> object:
        first, last = start, stop
        method = how.get("background", "local")
        if method in ("mean", "median"):
            first, last = background_context(start, stop, length, method=method)
        frames = movie[first:last]
        return detect_snr(frames, start, stop, first=first, length=length, camera=camera, **how)

    def median(start: int, stop: int) -> object:
        first, last = background_context(start, stop, length, method="median")
        how = {"first": first, "length": length, "method": "median"}
        return temporal_background(movie[first:last], start, stop, **how)

    works: dict[str, Callable[[int, int], object]] = {
        "net gradient": net_gradient,
        "SNR, level of each frame (default)": snr,
        "SNR, mean of 30 frames": lambda a, b: snr(a, b, background="mean"),
        "SNR, median of 30 frames": lambda a, b: snr(a, b, background="median"),
        "SNR, connected regions": lambda a, b: snr(a, b, peaks="labels"),
        "temporal median alone": median,
    }
    counts = (1, cores) if cores > 1 else (1,)
    ours: dict[tuple[str, int], list[float]] = {}
    theirs: dict[int, list[float]] = {threads: [] for threads in counts}
    with tempfile.TemporaryDirectory() as folder:
        peer = None if options.no_peer else Peer(movie, Path(folder))
        for turn in range(options.repeats + 1):  # the first, which compiles, is not counted
            for threads in counts:
                for name, work in works.items():
                    start = time.perf_counter()
                    over_blocks(work, length, threads)
                    if turn:
                        took = time.perf_counter() - start
                        ours.setdefault((name, threads), []).append(took)
                if peer:
                    took = peer.seconds(threads)
                    if turn:
                        theirs[threads].append(took)
        spots = peer.close() if peer else None

    rows = []
    for (name, threads), times in ours.items():
        compared = name == "net gradient" and spots is not None
        rows.append(
            Row(
                f"{name}, {threads} thread{'s' if threads > 1 else ''}",
                length / statistics.median(times),
                length / statistics.median(theirs[threads]) if compared else None,
                "frames/s",
                "10 times Picasso" if compared else "",
            )
        )
    if spots is not None:
        found = detect_net_gradient(movie, THRESHOLD, BOX)
        columns = [found.frame, found.y, found.x, found.score]
        rows += compare(np.column_stack([c.astype(np.float64) for c in columns]), spots)
    report("detect_speed", rows, options)


if __name__ == "__main__":
    parser = arguments("Frames per second of detection.")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    main(parser.parse_args())
