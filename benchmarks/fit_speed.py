"""Fits per second: Limelight beside Picasso, on the same spots, in one run.

    python benchmarks/fit_speed.py [--json FILE] [--spots 200000] [--box 7] [--no-peer]

All cores work: Limelight's fits in as many Python threads, Picasso's with as many workers (it
would leave a quarter of the cores idle). Both state the precision of every molecule.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report, seconds

from limelight.core.fit import fit_lq, fit_mle, fit_phasor
from limelight.core.fit.bounds import gaussian_spot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray

    from limelight.core.spots import Columns

SIGMA = 1.3
BLOCK = 8192

# name, fit, width, Picasso's (mle, spherical), goal
FITS: list[tuple[str, Callable[..., Columns], str | float, tuple[bool, bool] | None, str]] = [
    ("MLE, fixed width", fit_mle, SIGMA, None, ">= 1,000,000"),
    ("MLE, one width", fit_mle, "shared", (True, True), ">= 700,000"),
    ("MLE, two widths", fit_mle, "separate", (True, False), ">= 400,000"),
    ("least squares, fixed width", fit_lq, SIGMA, None, ""),
    ("least squares, one width", fit_lq, "shared", (False, True), "3 times Picasso"),
    ("least squares, two widths", fit_lq, "separate", (False, False), "3 times Picasso"),
    ("phasor", fit_phasor, "shared", None, ""),
]

PEER = """
import json, statistics, sys, time
import numpy as np
import pandas as pd
from picasso import lib
lib.n_workers = lambda *_: int(sys.argv[3])
from picasso import localize
spots = np.load(sys.argv[1])
n, box = len(spots), spots.shape[1]
places = pd.DataFrame({"frame": np.arange(n), "x": np.full(n, 50), "y": np.full(n, 50),
                       "net_gradient": np.zeros(n)})
def fit(mle, spherical):
    theta, likelihood, iterations, chi = localize.fit_spots_gauss(
        spots, mle=mle, spherical=spherical, return_stats=True)
    return localize.locs_from_fits_gauss(
        places, theta, box, False, mle=mle, spherical=spherical,
        log_likelihood=likelihood, iterations=iterations, chi_square=chi)
rates = {}
for mle in (True, False):
    for spherical in (True, False):
        fit(mle, spherical)
        times = []
        for _ in range(int(sys.argv[4])):
            start = time.perf_counter()
            fit(mle, spherical)
            times.append(time.perf_counter() - start)
        rates[f"{mle} {spherical}"] = n / statistics.median(times)
with open(sys.argv[2], "w") as file:
    json.dump(rates, file)
"""

COLD = """
import time
import numpy as np
from limelight.core.fit import fit_lq, fit_mle, fit_phasor
spots = np.random.default_rng(0).poisson(9, (99, 7, 7))
start = time.perf_counter()
for fit in (fit_mle, fit_lq, fit_phasor):
    for sigma in ("shared", "separate", 1.3):
        fit(spots, sigma=sigma)
print(time.perf_counter() - start)
"""


def simulate(count: int, box: int) -> NDArray[np.float32]:
    """Return spots of 1,000 photons on a background of 10 per pixel."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    mean = gaussian_spot(1000.0, 10.0, SIGMA, box=box, x=x, y=y)
    return rng.poisson(mean).astype(np.float32)


def peer_rates(spots: NDArray[np.float32], cores: int, repeats: int) -> dict[str, float]:
    """Return Picasso's fits per second by ``"mle spherical"``."""
    python = peer_python("picassosr")
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "spots.npy", Path(folder) / "rates.json"
        np.save(data, spots)
        command = [str(python), "-c", PEER, str(data), str(result), str(cores), str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"Picasso failed:\n{done.stderr}")
        rates: dict[str, float] = json.loads(result.read_text())
        return rates


def cold_start() -> float:
    """Return the seconds that the first calls of all fits take with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        done = subprocess.run(
            [sys.executable, "-c", COLD],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout)


def main(options: argparse.Namespace) -> None:
    """Measure and report."""
    cores = os.cpu_count() or 1
    spots = simulate(options.spots, options.box)
    theirs = {} if options.no_peer else peer_rates(spots[:50_000], cores, options.repeats)
    blocks = [spots[i : i + BLOCK] for i in range(0, len(spots), BLOCK)]
    rows = []
    with ThreadPoolExecutor(cores) as pool:
        for name, fit, sigma, peer, goal in FITS:

            def together(fit: Callable[..., Columns] = fit, sigma: str | float = sigma) -> None:
                for _ in pool.map(lambda block: fit(block, sigma=sigma), blocks):
                    pass

            def alone(fit: Callable[..., Columns] = fit, sigma: str | float = sigma) -> None:
                for block in blocks:
                    fit(block, sigma=sigma)

            together()
            many, one = [], []
            for _ in range(options.repeats):  # in turn: a slow moment of the machine hits both
                start = time.perf_counter()
                together()
                middle = time.perf_counter()
                alone()
                one.append(time.perf_counter() - middle)
                many.append(middle - start)
            rate = len(spots) / statistics.median(many)
            beside = theirs.get(f"{peer[0]} {peer[1]}") if peer else None
            label = f"{name}, {options.box}x{options.box}"
            rows.append(
                Row(f"{label}, {cores} threads", rate, peer=beside, unit="fits/s", goal=goal)
            )
            rows.append(
                Row(f"{label}, 1 thread", len(spots) / statistics.median(one), unit="fits/s")
            )
    for box in (5, 9, 11, 13, 15):
        other = simulate(20_000, box)
        rate = len(other) / seconds(lambda other=other: fit_mle(other), options.repeats)
        rows.append(Row(f"MLE, one width, {box}x{box}, 1 thread", rate, unit="fits/s"))
    rows.append(Row("first calls of all fits, nothing cached", cold_start(), unit="s", goal="< 40"))
    report("fit_speed", rows, options)


if __name__ == "__main__":
    parser = arguments("Fits per second.")
    parser.add_argument("--spots", type=int, default=200_000)
    parser.add_argument("--box", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    main(parser.parse_args())
