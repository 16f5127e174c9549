"""Beads of known width, and a live volume at the camera's pace.

    python benchmarks/beads.py [--json FILE]

Widths: 48 simulated beads each, Gaussian ones and such as diffraction makes them; the true width of
the latter is read from a finely sampled image.  Live: one thread puts 512 x 512 slices at 200 per
second into a volume of 200, another asks for the three views at 25 Hz, as a window does (without
the drawing); latency is the time from a slice's arrival to the views that show it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from _report import Row, arguments, report, seconds

from limelight.core.psf import measure_beads, summarize, width_of
from limelight.core.simulate import PupilPSF, bead_stack
from limelight.reslice import LiveVolume

if TYPE_CHECKING:
    import argparse

FWHM = 2 * np.sqrt(2 * np.log(2))
SIDE, COUNT, SLICES = 300, 49, 41


def places(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the beads' y and x on a shaken grid."""
    grid = np.stack(np.meshgrid(np.arange(7), np.arange(7)), -1).reshape(-1, 2) * 40.0 + 30
    y, x = (grid + rng.uniform(-3, 3, grid.shape)).T
    return y, x


def gaussian(rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Return a stack of Gaussian beads and their widths, µm (pixels and slices of 0.1 µm)."""
    from scipy.special import erf

    def share(centre: float, sigma: float) -> np.ndarray:
        edges = (np.arange(SIDE + 1) - 0.5 - centre) / (np.sqrt(2) * sigma)
        return np.diff(erf(edges)) / 2 * np.sqrt(2 * np.pi) * sigma

    stack = np.full((SLICES, SIDE, SIDE), 50.0)
    for y, x in zip(*places(rng), strict=True):
        z = SLICES // 2 + rng.uniform(-2, 2)
        along = 1000 * np.exp(-0.5 * ((np.arange(SLICES) - z) / 4.0) ** 2)
        stack += along[:, None, None] * np.outer(share(y, 1.1), share(x, 1.1))
    return rng.poisson(stack).astype(np.uint16), FWHM * 0.11, FWHM * 0.4


def diffracted(rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Return a stack of beads in water, NA 1.2, and their widths, µm."""
    optics = {"na": 1.2, "wavelength_nm": 600.0, "index": 1.33}
    fine = PupilPSF(pixel_nm=10, **optics)
    lateral = width_of(np.arange(101.0) / 100, fine.image(0, 0, 0, 101)[0, 50], background=0)[0]
    z = np.arange(-3000, 3001, 20.0)
    axial = width_of(z / 1000, fine.image(np.zeros(len(z)), 0, z, 1)[:, 0, 0], background=0)[0]
    y, x = places(rng)
    stack = bead_stack(
        PupilPSF(pixel_nm=100, **optics),
        (SLICES, SIDE, SIDE),
        x,
        y,
        20_000,
        step_nm=100,
        z_nm=rng.uniform(-100, 100, len(x)),
        background=50,
        reach=19,
    )
    return rng.poisson(stack).astype(np.uint16), lateral, axial


def live() -> list[Row]:
    """Return how a volume that is filled at 200 slices a second can be looked at."""
    volume = LiveVolume(200, (512, 512), stacks=1)
    frames = np.random.default_rng(0).integers(0, 4000, (16, 512, 512)).astype(np.uint16)
    for z in range(200):
        volume.put(frames[z % 16], z)
    rows = []
    for mode in ("slice", "max"):
        volume.views((100, 256, 256), mode=mode)  # type: ignore[arg-type]
        arrived: list[float] = []
        ended = threading.Event()

        def write(arrived: list[float] = arrived, ended: threading.Event = ended) -> None:
            start = time.perf_counter()
            for k in range(1000):
                wait = start + k / 200 - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                volume.put(frames[k % 16], k % 200)
                arrived.append(time.perf_counter())
            ended.set()

        before = volume.received
        writer = threading.Thread(target=write)
        writer.start()
        latency, count = [], 0
        begun = time.perf_counter()
        while not ended.is_set():
            newest = arrived[-1] if arrived else time.perf_counter()
            volume.views((100, 256, 256), mode=mode)  # type: ignore[arg-type]
            latency.append(time.perf_counter() - newest + 1 / 25)
            count += 1
            ended.wait(max(0.0, begun + count / 25 - time.perf_counter()))
        took = time.perf_counter() - begun
        writer.join()
        lost = 1000 - (volume.received - before)
        rows += [
            Row(f"live 512 x 512 x 200, {mode}: slices", 1000 / took, unit="/s", goal="200"),
            Row(f"live, {mode}: slices lost", float(lost), goal="0"),
            Row(f"live, {mode}: views", count / took, unit="Hz", goal=">= 20"),
            Row(
                f"live, {mode}: slice to view, 99 %",
                1000 * float(np.percentile(latency, 99)),
                unit="ms",
                goal="< 100",
            ),
        ]
    rows.append(
        Row(
            "a slice into the volume",
            1e6 * seconds(lambda: volume.put(frames[0], 0), 200),
            unit="µs",
        )
    )
    return rows


def main(options: argparse.Namespace) -> None:
    """Measure and report."""
    rows = []
    for name, make in (("Gaussian", gaussian), ("diffracted", diffracted)):
        stack, lateral, axial = make(np.random.default_rng(3))
        for method in ("lq", "mle"):
            start = time.perf_counter()
            table = measure_beads(stack, scale_um=(0.1, 0.1, 0.1), method=method)
            took = time.perf_counter() - start
            found = summarize(table)
            for column, truth in (("fwhm_lateral_um", lateral), ("fwhm_z_um", axial)):
                rows.append(
                    Row(
                        f"{name} beads, {method}: {column.split('_')[1]} FWHM, off by",
                        100 * (found[column]["mean"] / truth - 1),
                        unit="%",
                        goal="within 2",
                    )
                )
            measured = found["fwhm_z_um"]["count"]
            rows.append(
                Row(f"{name} beads, {method}: found and fitted", measured / took, unit="/s")
            )
    report("beads", [*rows, *live()], options)


if __name__ == "__main__":
    main(arguments("Widths of beads; a live volume.").parse_args())
