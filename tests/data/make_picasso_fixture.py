"""Make the files that Picasso wrote: run with a Python that has picassosr.

    python tests/data/make_picasso_fixture.py

It writes ``picasso_0_11_3.raw`` and ``.yaml`` (a small simulated movie), and lets Picasso's own
command localize it into ``picasso_0_11_3_locs.hdf5`` and ``.yaml``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FRAMES, SIDE = 4, 32


def movie() -> np.ndarray:
    """Return frames with three molecules each on a background of 20 photons."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:SIDE, :SIDE]
    frames = np.full((FRAMES, SIDE, SIDE), 20.0)
    for frame in frames:
        for x0, y0 in ((8, 9), (22, 8), (14, 23)):
            dx, dy = rng.uniform(-0.5, 0.5, 2)
            square = (x - x0 - dx) ** 2 + (y - y0 - dy) ** 2
            frame += 2000 / (2 * np.pi * 1.2**2) * np.exp(-square / (2 * 1.2**2))
    return (rng.poisson(frames) + 100).astype("<u2")


if __name__ == "__main__":
    raw = HERE / "picasso_0_11_3.raw"
    movie().tofile(raw)
    raw.with_suffix(".yaml").write_text(
        f"Byte Order: <\nData Type: uint16\nFrames: {FRAMES}\nHeight: {SIDE}\nWidth: {SIDE}\n"
    )
    options = "-b 7 -g 2000 -d 0 -bl 100 -s 1 -ga 1 -px 130".split()
    subprocess.run([sys.executable, "-m", "picasso", "localize", raw.name, *options], cwd=HERE)
