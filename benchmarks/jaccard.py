"""How many molecules are found, and how many of those found are real, without any tuning.

    python benchmarks/jaccard.py [--json FILE] [--quick] [--no-peer]

Four simulated movies with known molecules (`limelight.core.simulate.scene`): "standard" (25
molecules per 256 x 256 frame, 1,000-5,000 photons), "dim" (200-800 photons), "uneven" (background
10-50, log-normal photons, read noise) and "dense" (250 molecules per frame). Limelight runs as it
comes, with no setting given but the camera. Picasso runs twice: as its command line comes (net
gradient 5,000, "mle"), and with the threshold, out of a scan of 25, that scores best when the truth
is known. A localization is right within 1 pixel of a molecule, each molecule counts once, and a rim
of 8 pixels is left out. ``--quick`` uses a tenth of the frames.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report

import limelight
from limelight.core.compare import Score, score
from limelight.core.movie import ArrayMovie
from limelight.core.simulate import SimulatedMovie, scene

if TYPE_CHECKING:
    import argparse

SCENES = {"standard": 0.99, "dim": 0.96, "uneven": 0.98, "dense": 0.93}
FRAMES = {"standard": 2000, "dim": 2000, "uneven": 2000, "dense": 500}
BOX = 7
DEFAULT_THRESHOLD = 5000.0
SCAN = np.geomspace(125, 8000, 25)

# Finds and fits everything above the lowest threshold: each spot is fitted on its own, so the
# results at a higher threshold are a subset.
PEER = """
import sys
import numpy as np
from picasso import io, localize
movie, _ = io.load_movie(sys.argv[1])
out = sys.argv[2]
box, lowest = int(sys.argv[3]), float(sys.argv[4])
spots = localize.identify(movie, lowest, box, threaded=True, return_info=False)
camera = {"Baseline": 100, "Sensitivity": 1.0, "Gain": 1, "Pixelsize": 100}
locs, _ = localize.fit(
    movie, camera_info=camera, identifications=spots, box=box, fitting_method="gaussmle"
)
np.savez(out, **{c: np.asarray(locs[c]) for c in ("frame", "x", "y", "net_gradient")})
"""


def ours(movie: SimulatedMovie, counts: np.ndarray) -> dict[str, np.ndarray]:
    locs = limelight.localize(ArrayMovie(counts, movie.camera))
    return {name: locs[name] for name in ("frame", "x", "y")}


def picasso(python: Path, counts: np.ndarray) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        movie, result = Path(folder) / "movie.raw", Path(folder) / "locs.npz"
        counts.astype("<u2").tofile(movie)
        frames, height, width = counts.shape
        movie.with_suffix(".yaml").write_text(
            f"Byte Order: <\nData Type: uint16\nFrames: {frames}\nHeight: {height}\n"
            f"Width: {width}\n",
            encoding="utf-8",
        )
        done = subprocess.run(
            [str(python), "-c", PEER, str(movie), str(result), str(BOX), str(SCAN[0])],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"Picasso failed:\n{done.stderr}")
        with np.load(result) as found:
            return {name: found[name] for name in found.files}


def above(locs: dict[str, np.ndarray], threshold: float) -> dict[str, np.ndarray]:
    keep = locs["net_gradient"] > threshold
    return {name: values[keep] for name, values in locs.items()}


def show(name: str, who: str, held: Score) -> None:
    print(
        f"{name:<10}{who:<34} Jaccard {held.jaccard:.4f}  recall {held.recall:.4f}  "
        f"precision {held.precision:.4f}  RMSE {held.rmse:.3f} px",
        file=sys.stderr,
        flush=True,
    )


def measure(options: argparse.Namespace) -> list[Row]:
    python = None if options.no_peer else peer_python()
    rows: list[Row] = []
    for name, goal in SCENES.items():
        movie: Any = scene(name, FRAMES[name] // (10 if options.quick else 1), options.seed)
        counts, truth = movie.read(0, len(movie)), movie.truth()
        held = score(truth, ours(movie, counts), shape=(256, 256))
        show(name, "Limelight, as it comes", held)
        best = default = None
        if python is not None:
            locs = picasso(python, counts)
            scan = [(score(truth, above(locs, t), shape=(256, 256)), t) for t in SCAN]
            top, threshold = max(scan, key=lambda pair: pair[0].jaccard)
            plain = score(truth, above(locs, DEFAULT_THRESHOLD), shape=(256, 256))
            show(name, f"Picasso, threshold {threshold:,.0f} (best)", top)
            show(name, "Picasso, threshold 5,000 (default)", plain)
            best, default = top.jaccard, plain.jaccard
        found = held.jaccard
        rows.append(Row(f"{name}: Picasso at its best threshold", found, best, "", f">= {goal}"))
        rows.append(Row(f"{name}: Picasso at its default", found, default, "", f">= {goal}"))
    return rows


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames")
    parser.add_argument("--no-peer", action="store_true", help="leave Picasso out")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other movies")
    options = parser.parse_args()
    report("jaccard", measure(options), options)


if __name__ == "__main__":
    main()
