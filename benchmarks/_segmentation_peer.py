"""What scikit-image, mahotas, cp-measure and CellProfiler's library do with the same field.

Runs in an environment of its own: one JSON line ``[name, arguments, repeats]`` in, one
``{"seconds": ...}`` out; results that are compared are written to the folder as ``<name>.npz``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import centrosome.cpmorphology as cpm
import centrosome.filter as cpf
import centrosome.propagate as cpp
import centrosome.threshold as cpt
import mahotas
import numpy as np
from cp_measure.bulk import get_core_measurements
from scipy import ndimage
from skimage import feature, filters, measure, segmentation

warnings.simplefilter("ignore")
FOLDER = Path(sys.argv[1])
with np.load(FOLDER / "field.npz") as file:
    NUCLEI, CELLS = file["nuclei"], file["cells"]
    OBJECTS = {"nuclei": file["nuclei_labels"], "cells": file["cell_labels"]}
SIGMA, DISTANCE = 2, 7
MEASURES = get_core_measurements()
PROPERTIES = (
    "area perimeter eccentricity extent solidity equivalent_diameter_area axis_major_length "
    "axis_minor_length centroid_local"
).split()
INTENSITIES = "intensity_max intensity_mean intensity_min intensity_std".split()


def skimage_pipeline():
    """Take the steps as scikit-image's own examples write them."""
    smooth = filters.gaussian(NUCLEI, SIGMA, preserve_range=True)
    mask = ndimage.binary_fill_holes(smooth > filters.threshold_otsu(smooth.astype(np.uint16)))
    clumps = measure.label(mask)
    distance = filters.gaussian(ndimage.distance_transform_edt(mask), DISTANCE / 3)
    peaks = feature.peak_local_max(distance, min_distance=DISTANCE, labels=clumps)
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    nuclei = segmentation.watershed(-distance, seeds, mask=mask)
    smooth = filters.gaussian(CELLS, SIGMA, preserve_range=True).astype(np.uint16)
    inside = (smooth > filters.threshold_otsu(smooth)) | (nuclei > 0)
    cells = segmentation.watershed(np.invert(smooth), nuclei, mask=inside)
    for labels, image in ((nuclei, NUCLEI), (cells, CELLS)):
        measure.regionprops_table(labels, image, properties=PROPERTIES + INTENSITIES)
    return {"nuclei": nuclei, "cells": cells}


def cellprofiler_pipeline():
    """Take the steps of identifying primary and secondary objects with CellProfiler's library."""
    image = NUCLEI / 65535.0
    blurred = cpf.smooth_with_function_and_mask(
        image, lambda i: ndimage.gaussian_filter(i, SIGMA), np.ones(image.shape, bool)
    )
    _, level = cpt.get_threshold(cpt.TM_OTSU, cpt.TM_GLOBAL, blurred)
    mask = cpm.fill_labeled_holes(ndimage.label(blurred > level, np.ones((3, 3)))[0]) > 0
    clumps, _ = ndimage.label(mask, np.ones((3, 3)))
    distance = ndimage.distance_transform_edt(mask)
    distance += np.random.default_rng(0).uniform(0, 0.001, distance.shape)
    footprint = cpm.strel_disk(DISTANCE)
    maxima = cpm.is_local_maximum(distance, clumps, footprint)
    seeds, _ = ndimage.label(cpm.binary_shrink(maxima), np.ones((3, 3)))
    nuclei = segmentation.watershed(-distance, seeds, mask=mask, connectivity=2)
    nuclei = cpm.fill_labeled_holes(nuclei)
    other = CELLS / 65535.0
    other = ndimage.gaussian_filter(other, SIGMA)
    _, level = cpt.get_threshold(cpt.TM_OTSU, cpt.TM_GLOBAL, other)
    cells, _ = cpp.propagate(other, nuclei, (other > level) | (nuclei > 0), 0.05)
    cells = cpm.fill_labeled_holes(cells)
    for labels, picture in ((nuclei, image), (cells, other)):
        labels = labels.astype(np.int32)
        MEASURES["intensity"](labels, picture)
        MEASURES["sizeshape"](labels, None)
    return {}


def crops(labels):
    for number, window in enumerate(ndimage.find_objects(labels), 1):
        if window is not None:
            yield number, window, labels[window] == number


def mahotas_haralick(name):
    labels, image = OBJECTS[name], {"nuclei": NUCLEI, "cells": CELLS}[name]
    span = float(image.max()) - image.min()
    grey = ((image - float(image.min())) * (255 / span)).astype(np.int64) + 1
    rows = []
    for _, window, inside in crops(labels):
        own = np.where(inside, grey[window], 0)
        rows.append(mahotas.features.haralick(own, ignore_zeros=True, return_mean=True))
    return {"haralick": np.array(rows)}


def mahotas_zernike(name):
    rows = []
    for _, _, inside in crops(OBJECTS[name]):
        place = np.argwhere(inside)
        radius = np.sqrt(((place - place.mean(axis=0)) ** 2).sum(axis=1).max()) + 0.5
        rows.append(mahotas.features.zernike_moments(inside.astype(float), radius, degree=12))
    return {"zernike": np.array(rows)}


def skimage_intensity_morphology(name):
    image = {"nuclei": NUCLEI, "cells": CELLS}[name]
    return measure.regionprops_table(
        OBJECTS[name], image, properties=["label", *PROPERTIES, *INTENSITIES]
    )


def measured(kind):
    def run(name):
        image = {"nuclei": NUCLEI, "cells": CELLS}[name] / 65535.0
        labels = OBJECTS[name].astype(np.int32)
        if kind == "texture":
            MEASURES[kind](labels, image, scale=1)
        else:
            MEASURES[kind](labels, None)
        return {}

    return run


TOOLS = {
    "skimage_pipeline": skimage_pipeline,
    "cellprofiler_pipeline": cellprofiler_pipeline,
    "skimage_intensity_morphology": skimage_intensity_morphology,
    "mahotas_haralick": mahotas_haralick,
    "mahotas_zernike": mahotas_zernike,
    "cp_measure_haralick": measured("texture"),
    "cp_measure_zernike": measured("zernike"),
}


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        name, arguments, repeats = json.loads(line)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            result = TOOLS[name](*arguments)
            times.append(time.perf_counter() - start)
        np.savez(FOLDER / f"{'_'.join([name, *arguments])}.npz", **result)
        print(json.dumps({"seconds": statistics.median(times)}), flush=True)


if __name__ == "__main__":
    main()
