"""The whole job: molecules per second from memory, and the command as a fresh process.

    python benchmarks/whole_job.py [--json FILE] [--frames 2000] [--repeats 3] [--no-peer]

From memory: 4,000 frames of 256 x 256 pixels with 50 molecules each, on one thread and on all.
As a fresh process: ``limelight localize`` and ``picasso localize`` on the same TIFF of 2,000 frames
with 25 molecules each, both cores enabled for both, kernels cached where the program caches them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _peer import peer_python
from _report import Row, arguments, report

from limelight.core.camera import Camera
from limelight.core.job import run
from limelight.core.movie import ArrayMovie
from limelight.core.simulate import PhotonBudget, Scattered, SimulatedMovie, scene
from limelight.io import load_localizations, write_tiff
from limelight.localize import LocalizeSettings, localize_job

THRESHOLD = 600  # net gradient; above the noise of these movies, below their molecules

GOAL = "net gradient, MLE one width"  # what the goals were set for: as Picasso does it

# Picasso gives a share of the cores to its workers, never all of them: that is undone here.
PEER = """
import sys
from picasso import lib
lib.n_workers = lambda *_: {cores}
sys.argv = ["picasso", *sys.argv[1:]]
from picasso.__main__ import main
main()
"""


def molecules_per_second(repeats: int, frames: int) -> list[Row]:
    """Measure the job from memory."""
    size = (256, 256)
    camera = Camera(name="simulated", baseline=100.0, pixel_size_nm=100.0)
    source = SimulatedMovie(
        size, frames, Scattered(size, 50, PhotonBudget(1000, 5000)), camera=camera
    )
    movie = ArrayMovie(source.read(0, frames), camera)
    cores = os.cpu_count() or 1
    rows = []
    for label, values in (
        ("default: SNR, joint fit", {}),
        ("SNR, MLE one width", {"fit": "mle"}),
        ("net gradient, MLE one width", {"min_net_gradient": THRESHOLD, "fit": "mle"}),
        ("net gradient, MLE fixed width", {"min_net_gradient": THRESHOLD, "fit": "mle-fixed"}),
    ):
        settings = LocalizeSettings.of(**values)
        run(localize_job(movie, settings, threads=cores))
        times: dict[int, list[float]] = {1: [], cores: []}
        for _ in range(repeats):  # in turn, so that a slow minute of the machine hits both
            for threads, kept in times.items():
                start = time.perf_counter()
                found = len(run(localize_job(movie, settings, threads=threads)))
                kept.append(time.perf_counter() - start)
        one, many = (statistics.median(times[t]) for t in (1, cores))
        rows.append(Row(f"from memory, {label}, 1 thread", found / one, unit="molecules/s"))
        goal = ">= 200,000" if label == GOAL else ""
        rows.append(
            Row(
                f"from memory, {label}, {cores} threads",
                found / many,
                unit="molecules/s",
                goal=goal,
            )
        )
        speedup = statistics.median(a / b for a, b in zip(times[1], times[cores], strict=True))
        rows.append(
            Row(
                f"gain from 1 to {cores} threads, {label}",
                speedup,
                unit="x",
                goal=">= 1.8" if label == GOAL else "",
            )
        )
    return rows


def fresh_process(repeats: int, frames: int, peer: Path | None) -> list[Row]:
    """Measure the two commands on one file."""
    cores = os.cpu_count() or 1
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movie.tif"
        write_tiff(path, scene("standard", frames=frames))
        results = Path(folder) / "movie_locs.hdf5"
        ours = [sys.executable, "-m", "limelight", "localize", str(path), "--quiet", "--no-quality"]
        ours += ["--baseline", "100", "--pixel-size", "100", "--overwrite"]
        theirs = [str(peer), "-c", PEER.format(cores=cores), "localize", str(path), "-b", "7"]
        theirs += ["-bl", "100", "-s", "1", "-ga", "1", "-px", "100", "-g", str(THRESHOLD)]
        threshold = ["--min-net-gradient", str(THRESHOLD)]
        for what, own, other in (
            ("same spots, two widths", [*threshold, "--fit", "mle-sigmaxy"], ["-a", "mle"]),
            ("same spots, one width", [*threshold, "--fit", "mle"], ["-a", "mle-spherical"]),
            ("our default beside its default", [], ["-a", "mle"]),
        ):
            run_command([*ours, *own], results)  # fills the cache of compiled kernels
            a, found = median_time([*ours, *own], results, repeats)
            b = None
            if peer:
                run_command([*theirs, *other], results)
                b, found_there = median_time([*theirs, *other], results, repeats)
                print(f"{what}: {found:,} and {found_there:,} molecules")
            ratio = b / a if b else None
            label = f"fresh process, {frames:,} frames, {what}"
            rows.append(Row(label, a, b, unit="s", goal="6 x faster", ratio=ratio))
    return rows


def median_time(command: list[str], results: Path, repeats: int) -> tuple[float, int]:
    """Return the median duration of a command, and how many molecules it left."""
    times = [run_command(command, results) for _ in range(repeats)]
    return statistics.median(times), len(load_localizations(results))


def run_command(command: list[str], results: Path) -> float:
    """Run a command that must leave results, and return how long it took."""
    results.unlink(missing_ok=True)
    results.with_suffix(".yaml").unlink(missing_ok=True)
    # as on a person's machine: Python keeps what it compiled, for both programs
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    elapsed = time.perf_counter() - start
    if done.returncode or not results.exists():
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return elapsed


if __name__ == "__main__":
    parser = arguments("The whole job: from memory, and as a fresh process.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    options = parser.parse_args()
    peer = None if options.no_peer else peer_python()
    figures = molecules_per_second(options.repeats, 2 * options.frames)
    figures += fresh_process(options.repeats, options.frames, peer)
    report("whole_job", figures, options)
