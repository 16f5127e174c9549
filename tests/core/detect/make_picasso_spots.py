"""Make ``picasso_spots.npz``: a small movie, and the spots that Picasso finds in it.

Run once, with a Python that has `picassosr` (0.11.3 when the file was made)::

    python tests/core/detect/make_picasso_spots.py

The file holds ``movie`` (20 x 64 x 64, uint16) and for each of `RUNS` an array ``spots_<name>`` of
frame, y, x and net gradient. The coarse run divides the counts by 16, so that boxes often have
several pixels of equal value and the rule for ties shows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

RUNS = {
    "box7": {"divide": 1, "box": 7, "threshold": 500.0},
    "box5": {"divide": 1, "box": 5, "threshold": 200.0},
    "coarse": {"divide": 16, "box": 7, "threshold": 5.0},
}


def movie() -> np.ndarray:
    rng = np.random.default_rng(20170606)
    rows, columns = np.mgrid[:64, :64]
    frames = np.full((20, 64, 64), 15.0)
    for frame in frames:
        for _ in range(6):
            y, x = rng.uniform(0, 63, 2)
            peak = rng.uniform(30, 400)
            frame += peak * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.2**2))
    return (rng.poisson(frames) + 100).astype(np.uint16)


def main() -> None:
    from picasso import localize

    frames = movie()
    arrays = {"movie": frames}
    for name, run in RUNS.items():
        found = []
        for index, frame in enumerate(frames // run["divide"]):
            y, x, score = localize.identify_in_frame(frame, run["threshold"], run["box"])
            found.append(np.column_stack([np.full(len(y), index), y, x, score]))
        arrays[f"spots_{name}"] = np.concatenate(found)
        print(name, len(arrays[f"spots_{name}"]))
    np.savez_compressed(Path(__file__).with_name("picasso_spots.npz"), **arrays)


if __name__ == "__main__":
    main()
