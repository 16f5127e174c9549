"""From pixels to cells to features: Limelight beside scikit-image and CellProfiler's library.

    python benchmarks/segmentation.py [--json FILE] [--peer PYTHON | --no-peer] [--repeats 5]
                                      [--data FOLDER]

A simulated field of 2048 x 2048 pixels in two channels, with about 500 cells that lie in groups.
Each program smooths the nuclei, thresholds, fills, labels, takes touching nuclei apart by their
shape, grows the cells by a watershed (CellProfiler's library: by propagation), and measures
intensity and morphology of nuclei and cells.  Medians, in turns, so that whatever else the machine
does falls on all.  The quality is that of nuclei found without settings: on the three real images
that come with the tests, or on all ``nuclei_*.tif`` of a folder with ``nuclei_*_labels.tif``.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from _report import Row, arguments, report, seconds
from _segmentation_field import add_peer, field_and_peer

from limelight.core import features, image

SIGMA, DISTANCE = 2, 7
SHIPPED = Path(__file__).parents[1] / "tests" / "data" / "nuclei"


def pipeline(field: Any) -> tuple[Any, Any]:
    smooth = image.smooth(field.nuclei, "gaussian", SIGMA)
    mask = image.fill(image.threshold_otsu(smooth))
    nuclei = image.declump(image.label(mask), min_distance=DISTANCE)
    cells = image.secondary_objects(nuclei, image.smooth(field.cells, "gaussian", SIGMA))
    for labels, counts in ((nuclei, field.nuclei), (cells, field.cells)):
        features.measure_intensity(labels, counts)
        features.measure_morphology(labels)
    return nuclei, cells


def steps(field: Any) -> dict[str, float]:
    smooth = image.smooth(field.nuclei, "gaussian", SIGMA)
    mask = image.fill(image.threshold_otsu(smooth))
    clumps = image.label(mask)
    nuclei = image.declump(clumps, min_distance=DISTANCE)
    other = image.smooth(field.cells, "gaussian", SIGMA)
    cells = image.secondary_objects(nuclei, other)
    work = {
        "smooth, Gaussian sigma 2": lambda: image.smooth(field.nuclei, "gaussian", SIGMA),
        "threshold, Otsu": lambda: image.threshold_otsu(smooth),
        "threshold, adaptive, 111 px": lambda: image.threshold_adaptive(field.nuclei),
        "fill": lambda: image.fill(mask),
        "label": lambda: image.label(mask),
        "declump by shape": lambda: image.declump(clumps, min_distance=DISTANCE),
        "secondary objects, watershed": lambda: image.secondary_objects(nuclei, other),
        "intensity, cells": lambda: features.measure_intensity(cells, field.cells),
        "morphology, cells": lambda: features.measure_morphology(cells),
        "nuclei without settings": lambda: image.primary_objects(field.nuclei, 30),
    }
    return {name: seconds(function, 3) for name, function in work.items()}


def equal_floods(field: Any) -> float:
    """Return the share of pixels on which our watershed and scikit-image's agree."""
    from skimage.segmentation import watershed

    nuclei, _ = pipeline(field)
    smooth = image.smooth(field.cells, "gaussian", SIGMA)
    inside = (smooth > image.otsu_value(smooth)) | (nuclei > 0)
    ours = image.watershed(np.invert(smooth), nuclei, inside)
    theirs = watershed(np.invert(smooth), nuclei, mask=inside)
    return float((ours == theirs)[inside].mean())


def quality(folder: Path) -> tuple[int, list[float]]:
    scores = []
    for path in sorted(folder.glob("nuclei_??.tif")):
        truth = tifffile.imread(path.with_name(f"{path.stem}_labels.tif")).astype(np.int32)
        found = image.primary_objects(tifffile.imread(path))
        scores.append([image.f1_score(found, truth, iou) for iou in (0.5, 0.7, 0.9)])
    if not scores:
        raise SystemExit(f"There are no nuclei_NN.tif in {folder}.")
    return len(scores), np.mean(scores, axis=0).tolist()


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    add_peer(parser)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=Path, default=SHIPPED, help="folder of nuclei and labels")
    options = parser.parse_args()
    rows = []
    with field_and_peer(options) as (field, peer):
        pipeline(field)  # compiles
        own, skimage, cellprofiler = [], [], []
        for _ in range(options.repeats):
            own.append(seconds(lambda: pipeline(field), 1))
            if peer is not None:
                skimage.append(peer.seconds("skimage_pipeline"))
                cellprofiler.append(peer.seconds("cellprofiler_pipeline"))
        ours = statistics.median(own)
        if peer is None:
            rows.append(Row("pipeline, 2048 x 2048, two channels", ours, unit="s"))
        for name, times, goal in (
            ("scikit-image", skimage, ">= 5 x"),
            ("CellProfiler's library", cellprofiler, ">= 10 x"),
        ):
            if times:
                theirs = statistics.median(times)
                what = f"pipeline, beside {name}"
                rows.append(Row(what, ours, theirs, "s", goal, theirs / ours))
        rows += [Row(f"  {what}", took, unit="s") for what, took in steps(field).items()]
        rows.append(Row("watershed equal to scikit-image's", equal_floods(field), goal=">= 0.999"))
    count, scores = quality(options.data)
    for iou, score, goal in zip((0.5, 0.7, 0.9), scores, (">= 0.87", ">= 0.76", ""), strict=True):
        rows.append(Row(f"nuclei without settings, {count} images, F1 at {iou}", score, goal=goal))
    report("segmentation", rows, options, peer="peer")


if __name__ == "__main__":
    main()
