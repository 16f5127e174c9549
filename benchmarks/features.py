"""Features of cells: Limelight beside scikit-image, mahotas and cp-measure.

    python benchmarks/features.py [--json FILE] [--peer PYTHON | --no-peer] [--repeats 3]

The true outlines of a simulated field of 2048 x 2048 pixels with about 500 nuclei and cells.  The
peers run in an environment of their own, in turns with Limelight.  Differences are the largest of
all objects and features; those of Haralick's are relative to 1 or to the value, if that is more.
"""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import Any

import numpy as np
from _report import Row, arguments, report, seconds
from _segmentation_field import add_peer, field_and_peer

from limelight.core import features

MORPHOLOGY = {
    "area": "area",
    "perimeter": "perimeter",
    "eccentricity": "eccentricity",
    "extent": "extent",
    "solidity": "convexity",
    "equivalent_diameter_area": "equivalent_diameter",
    "axis_major_length": "major_axis_length",
    "axis_minor_length": "minor_axis_length",
    "centroid_local-0": "local_centroid_y",
    "centroid_local-1": "local_centroid_x",
}


def largest(ours: Any, theirs: Any) -> float:
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1)))


def two_hundred_thousand() -> list[Row]:
    """Measure a field with a grid of objects of 8 x 8 px."""
    side = 447
    labels = np.arange(1, side * side + 1, dtype=np.int32).reshape(side, side)
    labels = labels.repeat(9, 0).repeat(9, 1)
    labels[8::9] = 0
    labels[:, 8::9] = 0
    counts = np.random.default_rng(0).integers(0, 4000, labels.shape).astype(np.uint16)
    work = {
        "intensity": lambda: features.measure_intensity(labels, counts),
        "morphology": lambda: features.measure_morphology(labels),
        "Haralick": lambda: features.measure_haralick(labels, counts),
        "Zernike, degree 9": lambda: features.measure_zernike(labels, 9),
        "neighbours": lambda: features.measure_neighbours(labels),
    }
    rows = []
    for name, function in work.items():
        start = perf_counter()
        function()
        what = f"{side * side:,} objects, {labels.shape[0]} px square: {name}"
        rows.append(Row(what, perf_counter() - start, unit="s", goal="seconds"))
    return rows


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    add_peer(parser)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows = []
    with field_and_peer(options) as (field, peer):
        for name, labels, counts in (
            ("nuclei", field.nuclei_labels, field.nuclei),
            ("cells", field.cell_labels, field.cells),
        ):

            def both(labels: Any = labels, counts: Any = counts) -> Any:
                return features.measure_intensity(labels, counts).join(
                    features.measure_morphology(labels)
                )

            def haralick(labels: Any = labels, counts: Any = counts) -> Any:
                return features.measure_haralick(labels, counts)

            def zernike(degree: int, labels: Any = labels) -> Any:
                return features.measure_zernike(labels, degree)

            for what, function, peers in (
                (
                    "intensity and morphology",
                    both,
                    [("scikit-image", "skimage_intensity_morphology", ">= 6 x", None)],
                ),
                (
                    "Haralick, 256 levels",
                    haralick,
                    [
                        ("cp-measure", "cp_measure_haralick", ">= 2 x", None),
                        ("mahotas", "mahotas_haralick", ">= 30 x", 1),
                    ],
                ),
                (
                    "Zernike, degree 9",
                    lambda: zernike(9),
                    [("cp-measure", "cp_measure_zernike", ">= 5 x", None)],
                ),
                (
                    "Zernike, degree 12",
                    lambda: zernike(12),
                    [("mahotas", "mahotas_zernike", "", 1)],
                ),
            ):
                function()
                for other, call, goal, repeats in peers:
                    own, theirs = [], []
                    if peer is not None:
                        peer.seconds(call, name)  # compiles
                    for _ in range(repeats or options.repeats):
                        own.append(seconds(function, 1))
                        if peer is not None:
                            theirs.append(peer.seconds(call, name))
                    ours = statistics.median(own)
                    if peer is None:
                        rows.append(Row(f"{name}: {what}", ours, unit="s"))
                        break
                    them = statistics.median(theirs)
                    title = f"{name}: {what}, beside {other}"
                    rows.append(Row(title, ours, them, "s", goal, them / ours))
            if peer is not None:
                table = peer.result("skimage_intensity_morphology", name)
                found = both()
                difference = max(
                    largest(found[f"Morphology_{ours}"], table[theirs])
                    for theirs, ours in MORPHOLOGY.items()
                )
                rows.append(
                    Row(f"{name}: morphology, scikit-image's less ours", difference, goal="<= 1e-6")
                )
                difference = max(
                    largest(found[f"Intensity_{s}"], table[f"intensity_{s}"])
                    for s in ("max", "mean", "min", "std")
                )
                rows.append(Row(f"{name}: intensity, scikit-image's less ours", difference))
                for kind, values in (("haralick", haralick()), ("zernike", zernike(12))):
                    expected = peer.result(f"mahotas_{kind}", name)[kind]
                    rows.append(
                        Row(
                            f"{name}: {kind}, mahotas' less ours",
                            largest(values, expected),
                            goal="<= 1e-6",
                        )
                    )
    rows += two_hundred_thousand()
    report("features", rows, options, peer="peer")


if __name__ == "__main__":
    main()
