"""Fits with a measured point spread function: how near the bound, and how many a second.

    python benchmarks/psf_fit.py [--json FILE] [--spots 100000] [--box 13]

The truth is light through a pupil; the model is a spline averaged from simulated, noisy beads at
random places within their pixels, as `limelight psf spline` makes it.  Errors are those about the
model's own origin, over the calibrated range without its outermost 100 nm.  The uncertainty of a
ratio is what the different places scatter by: those with a large bound count most, so that far
more spots are needed than a single place would take.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from _report import Row, arguments, report, seconds

from limelight.core.fit import fit_spline
from limelight.core.psf import average_beads
from limelight.core.simulate import PupilPSF, bead_stack

if TYPE_CHECKING:
    import argparse

# kind, half the range of the beads' stack (nm), photons, background
CASES = (("astigmatic", 700.0, 2000.0, 20.0), ("saddle-point", 1000.0, 3500.0, 30.0))
BEADS, STEP, SIDE, REPEATS, BLOCK = 20, 20.0, 25, 10, 1024


def bound(
    psf: PupilPSF, place: tuple[np.ndarray, ...], photons: float, bg: float, box: int
) -> np.ndarray:
    """Return the exact Cramér-Rao bound of x, y (px) and z (nm), shape (n, 3)."""
    x, y, z = place
    h, dz = 0.02, 4.0
    moves = ((0, 0, 0), (h, 0, 0), (-h, 0, 0), (0, h, 0), (0, -h, 0), (0, 0, dz), (0, 0, -dz))
    image = [psf.image(x + a, y + b, z + c, box) for a, b, c in moves]
    slopes = np.stack(
        [
            photons * (image[1] - image[2]) / (2 * h),
            photons * (image[3] - image[4]) / (2 * h),
            photons * (image[5] - image[6]) / (2 * dz),
            image[0],
            np.ones_like(image[0]),
        ]
    )
    fisher = np.einsum("anyx,bnyx,nyx->nab", slopes, slopes, 1 / (photons * image[0] + bg))
    return np.sqrt(np.diagonal(np.linalg.inv(fisher), axis1=1, axis2=2))[:, :3]


def over_bound(error: np.ndarray, exact: np.ndarray, place: np.ndarray) -> tuple[float, float]:
    """Return the ratio of the root mean squares, and its standard error (jackknife of places)."""
    squares, bounds = np.bincount(place, error**2), np.bincount(place, exact**2)
    ratio = np.sqrt(squares.sum() / bounds.sum())
    without = np.sqrt((squares.sum() - squares) / (bounds.sum() - bounds))
    return float(ratio), float(np.sqrt(np.sum((without - ratio) ** 2)))


def main(options: argparse.Namespace) -> None:
    """Average, simulate, fit and report."""
    rows = []
    cores = os.cpu_count() or 1
    for kind, reach, photons, bg in CASES:
        rng = np.random.default_rng(0)
        psf = PupilPSF(kind)
        slices = int(2 * reach / STEP) + 1
        cuts = []
        for _ in range(BEADS):
            dx, dy = rng.uniform(-0.5, 0.5, 2)
            stack = bead_stack(
                psf,
                (slices, SIDE, SIDE),
                [SIDE // 2 + dx],
                [SIDE // 2 + dy],
                rng.uniform(60_000, 180_000),
                step_nm=STEP,
                z_nm=rng.uniform(-50, 50),
                background=40,
            )
            cuts.append(rng.poisson(stack).astype(np.float64))
        model = average_beads(cuts, pixel_nm=psf.pixel_nm, step_nm=STEP).model
        count = options.spots // REPEATS
        x, y = rng.uniform(-0.5, 0.5, (2, count))
        z = rng.uniform(-reach + 100, reach - 100, count)
        mean = photons * psf.image(x, y, z, options.box) + bg
        spots = rng.poisson(np.repeat(mean, REPEATS, axis=0)).astype(np.float32)
        blocks = [spots[i : i + BLOCK] for i in range(0, len(spots), BLOCK)]
        with ThreadPoolExecutor(cores) as pool:
            fit = partial(fit_spline, model=model)
            took = seconds(lambda f=fit, b=blocks, p=pool: list(p.map(f, b)), 3)
        found = fit_spline(spots, model)
        exact = np.repeat(bound(psf, (x, y, z), photons, bg, options.box), REPEATS, axis=0)
        good = np.isfinite(found["x"])
        rows.append(
            Row(
                f"spline fit, {kind}, {options.box} x {options.box}, {cores} cores",
                len(spots) / took,
                unit="fits/s",
                goal=">= 50,000",
            )
        )
        for k, (name, truth) in enumerate((("x", x), ("y", y), ("z", z))):
            error = (found[name] - np.repeat(truth, REPEATS))[good]
            error -= np.median(error)
            ratio, uncertain = over_bound(error, exact[good, k], np.flatnonzero(good) // REPEATS)
            rows.append(
                Row(
                    f"spline fit, {kind}, {photons:g} photons: error / bound, {name}",
                    ratio,
                    unit=f"± {uncertain:.3f}",
                    goal="<= 1.03",
                )
            )
        rows.append(
            Row(f"spline fit, {kind}: not converged", 100 * float(1 - good.mean()), unit="%")
        )
    report("psf_fit", rows, options)


if __name__ == "__main__":
    parser = arguments("Precision and speed of the spline fit.")
    parser.add_argument("--spots", type=int, default=100_000)
    parser.add_argument("--box", type=int, default=13)
    main(parser.parse_args())
