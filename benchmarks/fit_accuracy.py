"""How near the fits come to what is possible, and whether they are honest about it.

    python benchmarks/fit_accuracy.py [--json FILE] [--spots 100000] [--box 7] [--no-peer]

Isolated molecules with known truth, Picasso beside Limelight on the same spots. Each brightness:
the root mean square error of x and y divided by the exact Cramér-Rao bound (1 is perfect), that
divided by the stated precision (1 is honest), and the bias of photons and width in percent. Two
standard errors of chance are printed.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report

from limelight.core.fit import fit_lq, fit_mle, fit_phasor
from limelight.core.fit.bounds import cramer_rao_bound, gaussian_spot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from limelight.core.spots import Columns

SIGMA = 1.3
LEVELS = ((200, 2), (300, 5), (500, 5), (1000, 10), (2000, 20), (5000, 50))
POSITION = ("x", "y", "photons", "bg")
ONE, TWO = (*POSITION, "sigma"), (*POSITION, "sx", "sy")
# name, fit, width, free parameters, Picasso's (mle, spherical)
FITS: list[
    tuple[str, Callable[..., Columns], str | float, tuple[str, ...], tuple[bool, bool] | None]
] = [
    ("MLE, fixed width", fit_mle, SIGMA, POSITION, None),
    ("MLE, one width", fit_mle, "shared", ONE, (True, True)),
    ("MLE, two widths", fit_mle, "separate", TWO, (True, False)),
    ("least squares, one width", fit_lq, "shared", ONE, (False, True)),
    ("least squares, two widths", fit_lq, "separate", TWO, (False, False)),
    ("phasor", fit_phasor, "shared", ONE, None),
]

PEER = """
import sys
import numpy as np
import pandas as pd
from picasso import localize
spots = np.load(sys.argv[1])
n = len(spots)
places = pd.DataFrame({"frame": np.arange(n), "x": np.full(n, 50), "y": np.full(n, 50),
                       "net_gradient": np.zeros(n)})
found = {}
for mle in (True, False):
    for spherical in (True, False):
        theta, likelihood, iterations, chi = localize.fit_spots_gauss(
            spots, mle=mle, spherical=spherical, return_stats=True)
        table = localize.locs_from_fits_gauss(
            places, theta, spots.shape[1], False, mle=mle, spherical=spherical,
            log_likelihood=likelihood, iterations=iterations, chi_square=chi)
        table = table.sort_values("frame")
        assert len(table) == n
        for name in ("x", "y", "photons", "sx", "lpx", "lpy"):
            found[f"{mle} {spherical} {name}"] = table[name].to_numpy(np.float64)
        for name in ("x", "y"):
            found[f"{mle} {spherical} {name}"] -= 50
np.savez(sys.argv[2], **found)
"""


def peer_columns(spots: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return Picasso's columns by ``"mle spherical column"``."""
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "spots.npy", Path(folder) / "columns.npz"
        np.save(data, spots)
        command = [str(peer_python("picassosr")), "-c", PEER, str(data), str(result)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"Picasso failed:\n{done.stderr}")
        with np.load(result) as archive:
            return dict(archive)


def judge(
    result: Mapping[str, NDArray[Any]],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    photons: float,
    bound: Mapping[str, NDArray[np.float64]],
) -> dict[str, float]:
    """Return the figures of one fit."""
    good = np.isfinite(result["x"])
    error = np.concatenate([(result["x"] - x)[good], (result["y"] - y)[good]])
    exact = np.concatenate([bound["x"][good], bound["y"][good]])
    stated = np.concatenate([result["lpx"][good], result["lpy"][good]])
    figures = {
        "error / bound": float(np.sqrt(np.mean(error**2) / np.mean(exact**2))),
        "error / lpx": float(np.sqrt(np.mean((error / stated) ** 2))),
        "not converged": 100 * float(1 - good.mean()),
    }
    for column, truth in (("photons", photons), ("sx", SIGMA)):
        values = result[column][good].astype(np.float64)
        figures[column] = 100 * float(values.mean() / truth - 1)
        figures[column + " chance"] = 200 * float(values.std() / truth / np.sqrt(len(values)))
    return figures


def main(options: argparse.Namespace) -> None:
    """Simulate, fit and report."""
    rows = []
    for photons, bg in LEVELS:
        rng = np.random.default_rng(photons)
        x, y = rng.uniform(-0.5, 0.5, (2, options.spots))
        mean = gaussian_spot(photons, bg, SIGMA, box=options.box, x=x, y=y)
        spots = rng.poisson(mean).astype(np.float32)
        peers = {} if options.no_peer else peer_columns(spots)
        for name, fit, sigma, free, peer in FITS:
            bound = cramer_rao_bound(photons, bg, SIGMA, box=options.box, x=x, y=y, free=free)
            ours = judge(fit(spots, sigma=sigma), x, y, photons, bound)
            theirs: dict[str, float] = {}
            if peer and peers:
                start = f"{peer[0]} {peer[1]} "
                columns = {
                    k.removeprefix(start): c for k, c in peers.items() if k.startswith(start)
                }
                theirs = judge(columns, x, y, photons, bound)
            label = f"{name}, {photons} photons, background {bg}"
            chance = f"± {1 / np.sqrt(options.spots):.3f}"
            mle = name.startswith("MLE")
            beside = theirs.get("error / bound")
            value = ours["error / bound"]
            goal = ("<= 1.05" if photons < 500 else "<= 1.02") if mle else ""
            ratio = beside / value if beside else None
            rows.append(Row(f"{label}: error / bound", value, beside, chance, goal, ratio))
            goal = "0.97 to 1.03" if mle and photons >= 500 else ""
            rows.append(
                Row(
                    f"{label}: error / lpx",
                    ours["error / lpx"],
                    f"{theirs['error / lpx']:.4g}" if theirs else None,
                    chance,
                    goal,
                )
            )
            for column, what, limit in (("photons", "photons", 1.0), ("sx", "width", 0.5)):
                if column == "sx" and isinstance(sigma, float):
                    continue
                goal = f"below {limit:g}" if mle and photons >= 500 else ""
                other = f"{theirs[column]:.3g}" if theirs else None
                unit = f"± {ours[column + ' chance']:.2f} %"
                rows.append(Row(f"{label}: bias of {what}", ours[column], other, unit, goal))
            if ours["not converged"]:
                rows.append(Row(f"{label}: not converged", ours["not converged"], unit="%"))
    report("fit_accuracy", rows, options)


if __name__ == "__main__":
    parser = arguments("Precision, bias and honesty of the fits.")
    parser.add_argument("--spots", type=int, default=100_000)
    parser.add_argument("--box", type=int, default=7)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    main(parser.parse_args())
