"""Make ``picasso_3d_calib.yaml`` and ``picasso_3d_fit.npz`` with Picasso.

Run with the Python of an environment that has picassosr, in this folder.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("agg")
import numpy as np
import pandas as pd
from picasso import zfit

SLICES, STEP, PER_SLICE = 61, 20.0, 8


def width(z, focus):
    u = (z - focus) / 400.0
    return 1.2 * np.sqrt(1 + u**2 + 0.05 * u**3 + 0.1 * u**4)


def table(z, rng, noise=0.02):
    count = len(z)
    sx, sy = (width(z, f) * (1 + rng.normal(0, noise, count)) for f in (220.0, -260.0))
    return pd.DataFrame(
        {
            "x": np.full(count, 50.0),
            "y": np.full(count, 50.0),
            "photons": np.full(count, 3000.0),
            "bg": np.full(count, 10.0),
            "sx": sx.astype(np.float32),
            "sy": sy.astype(np.float32),
            "lpx": np.full(count, 0.05),
            "lpy": np.full(count, 0.05),
        }
    )


rng = np.random.default_rng(11)
frame = np.repeat(np.arange(SLICES), PER_SLICE)
beads = table((frame - (SLICES - 1) / 2) * STEP, rng)
beads["frame"] = frame
info = [{"Frames": SLICES, "Height": 100, "Width": 100, "Pixelsize": 100.0}]
calibration = zfit.calibrate_z(beads.copy(), info, STEP, 0.8, path="picasso_3d_calib.yaml")
molecules = table(rng.uniform(-550, 550, 200), rng)
molecules["frame"] = 0
fitted, _ = zfit.zfit(
    molecules.copy(), info, calibration=calibration, fitting_method="gausslq", filter=0
)
np.savez_compressed(
    "picasso_3d_fit.npz",
    frame=frame.astype(np.uint8),
    bead_sx=beads["sx"],
    bead_sy=beads["sy"],
    sx=molecules["sx"],
    sy=molecules["sy"],
    z=fitted["z"].to_numpy(np.float32),
    d_zcalib=fitted["d_zcalib"].to_numpy(np.float32),
)
