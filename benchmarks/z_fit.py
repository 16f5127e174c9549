"""z from widths: Limelight beside Picasso, the same calibration and the same molecules.

    python benchmarks/z_fit.py [--json FILE] [--molecules 1000000] [--no-peer]

Widths follow an astigmatic point spread function with known z, with the errors that 1,500 photons
would give them.  Limelight works in as many threads as there are cores; Picasso in one process, and
with all of its workers, and the faster of the two counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report, seconds

from limelight.core.psf import calibrate_z, fit_z
from limelight.core.simulate import AstigmaticPSF
from limelight.io import save_calibration

if TYPE_CHECKING:
    import argparse

SLICES, STEP, REACH, NOISE = 121, 10.0, 450.0, 0.025
PEER_MOLECULES = 20_000

PEER = """
import json, os, sys, time
import matplotlib; matplotlib.use("agg")
import numpy as np, pandas as pd
from picasso import io, zfit

def main():
    with np.load(sys.argv[1]) as archive:
        sx, sy = archive["sx"], archive["sy"]
    n = len(sx)
    table = pd.DataFrame({"frame": np.zeros(n, int), "x": np.full(n, 50.0), "y": np.full(n, 50.0),
                          "photons": np.full(n, 1500.0), "bg": np.full(n, 10.0), "sx": sx, "sy": sy,
                          "lpx": np.full(n, 0.1), "lpy": np.full(n, 0.1)})
    info = [{"Frames": 1, "Height": 100, "Width": 100, "Pixelsize": 100.0}]
    calibration = io.load_calibration(sys.argv[2])
    rates = {}
    for many in (False, True):
        def fit(part):
            return zfit.zfit(part.copy(), [dict(i) for i in info], calibration=dict(calibration),
                             filter=0, multiprocess=many)[0]
        try:
            fit(table[:500])
            start = time.perf_counter()
            found = fit(table)
            rates[str(many)] = n / (time.perf_counter() - start)
        except Exception as error:
            rates[str(many)] = 0.0
            continue
        if not many:
            np.save(sys.argv[3], found["z"].to_numpy(float))
    with open(sys.argv[4], "w") as file:
        json.dump(rates, file)

if __name__ == "__main__":
    main()
"""


def main(options: argparse.Namespace) -> None:
    """Simulate, fit and report."""
    rng = np.random.default_rng(0)
    psf = AstigmaticPSF(quartic=0.1)
    index = np.repeat(np.arange(SLICES), 30)

    def widths(z: np.ndarray) -> list[np.ndarray]:
        return [w * (1 + rng.normal(0, NOISE, len(w))) for w in psf.widths(z)]

    stage = (index - (SLICES - 1) / 2) * STEP
    calibration, _ = calibrate_z(index, *widths(stage), STEP, SLICES)
    truth = rng.uniform(-REACH, REACH, options.molecules)
    sx, sy = widths(truth)
    blocks = np.array_split(np.arange(len(truth)), 32)
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:

        def fit() -> np.ndarray:
            parts = pool.map(
                lambda rows: fit_z(sx[rows], sy[rows], calibration, reject=False)["z"], blocks
            )
            return np.concatenate(list(parts))

        took = seconds(fit, 3)
        z = fit()
    ours = len(truth) / took
    few = slice(0, PEER_MOLECULES)
    error = np.sqrt(np.mean((z[few] - truth[few]) ** 2))
    theirs = their_error = None
    if not options.no_peer:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            np.savez(home / "widths.npz", sx=sx[few], sy=sy[few])
            path = save_calibration(calibration, home / "calib.yaml")
            script = home / "peer.py"
            script.write_text(PEER)
            out = [str(home / "z.npy"), str(home / "rates.json")]
            command = [str(peer_python("picassosr")), str(script), str(home / "widths.npz")]
            done = subprocess.run(
                [*command, str(path), *out], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"Picasso failed:\n{done.stderr}")
            theirs = max(json.loads((home / "rates.json").read_text()).values())
            found = np.load(home / "z.npy")
            their_error = float(np.sqrt(np.mean((found - truth[few]) ** 2)))
    rows = [
        Row(f"z of a molecule, {cores} cores", ours, theirs, "molecules/s", ">= 20 times Picasso"),
        Row(
            "z of a molecule: root mean square error",
            float(error),
            their_error,
            "nm",
            "no worse",
            their_error / error if their_error else None,
        ),
    ]
    report("z_fit", rows, options)


if __name__ == "__main__":
    parser = arguments("z from widths: speed and error.")
    parser.add_argument("--molecules", type=int, default=1_000_000)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    main(parser.parse_args())
