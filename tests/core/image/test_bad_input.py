"""What every function of images, masks and objects does with input that is of no use."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core import features, image
from limelight.core.errors import ParameterError

SHAPE = (12, 14)
IMAGE = np.random.default_rng(0).integers(0, 1000, SHAPE).astype(np.uint16)
LABELS = np.zeros(SHAPE, np.int32)
LABELS[2:5, 2:6], LABELS[7:10, 3:9] = 3, 8
MASK = LABELS > 0
EMPTY = np.zeros(SHAPE, np.int32)

WITH_IMAGE = {
    "smooth": lambda i: image.smooth(i),
    "average": lambda i: image.average(i, 3),
    "median": lambda i: image.median(i, 3),
    "bilateral": lambda i: image.bilateral(i, 1, 10),
    "threshold_manual": lambda i: image.threshold_manual(i, 5),
    "threshold_otsu": lambda i: image.threshold_otsu(i),
    "threshold_adaptive": lambda i: image.threshold_adaptive(i, kernel_size=5),
    "crosscorr": lambda i: image.threshold_adaptive(i, "crosscorr", 5),
    "apply_mask": lambda i: image.apply_mask(i, MASK),
    "combine_channels": lambda i: image.combine_channels(i, IMAGE),
    "invert": lambda i: image.invert(i),
    "rescale": lambda i: image.rescale(i, 0, 100),
    "project": lambda i: image.project(i),
    "declump": lambda i: image.declump(MASK, i, "intensity"),
    "watershed": lambda i: image.watershed(i, LABELS),
    "propagate": lambda i: image.propagate(i, LABELS),
    "secondary_objects": lambda i: image.secondary_objects(LABELS, i),
    "segment_secondary": lambda i: image.segment_secondary(LABELS, i),
    "primary_objects": lambda i: image.primary_objects(i, 4),
    "separate_clumps": lambda i: image.separate_clumps(LABELS, i),
    "separate_primary_iterative": lambda i: image.separate_primary_iterative(LABELS, i),
    "detect_blobs": lambda i: image.detect_blobs(i),
    "identify_spots_2d": lambda i: image.identify_spots_2d(i),
    "measure_intensity": lambda i: features.measure_intensity(LABELS, i),
    "measure_texture": lambda i: features.measure_texture(
        LABELS, i, tas=True, lbp=True, haralick=True
    ),
    "measure_volume_image": lambda i: features.measure_volume_image(LABELS, i),
}
ALONE = {
    "smooth",
    "average",
    "median",
    "bilateral",
    "threshold_manual",
    "threshold_otsu",
    "threshold_adaptive",
    "crosscorr",
    "invert",
    "rescale",
    "project",
    "primary_objects",
    "detect_blobs",
    "identify_spots_2d",
}
WITH_LABELS = {
    "relabel": lambda o: image.relabel(o),
    "expand_or_shrink": lambda o: image.expand_or_shrink(o, 2),
    "shrink": lambda o: image.expand_or_shrink(o, -1),
    "filter_objects": lambda o: image.filter_objects(o, "area", 3),
    "border_objects": lambda o: image.border_objects(o),
    "clear_border": lambda o: image.clear_border(o),
    "object_table": lambda o: image.object_table(o),
    "parents": lambda o: image.parents(o, LABELS),
    "declump": lambda o: image.declump(o),
    "watershed": lambda o: image.watershed(IMAGE, o),
    "propagate": lambda o: image.propagate(IMAGE, o),
    "secondary_objects": lambda o: image.secondary_objects(o, IMAGE),
    "segment_secondary": lambda o: image.segment_secondary(o, IMAGE),
    "segment_tertiary": lambda o: image.segment_tertiary(o, LABELS),
    "separate_clumps": lambda o: image.separate_clumps(o),
    "separate_primary_iterative": lambda o: image.separate_primary_iterative(o, IMAGE),
    "overlaps": lambda o: image.overlaps(o, LABELS),
    "f1_score": lambda o: image.f1_score(o, LABELS),
    "measure_intensity": lambda o: features.measure_intensity(o, IMAGE),
    "measure_morphology": lambda o: features.measure_morphology(o, zernike=True),
    "measure_texture": lambda o: features.measure_texture(
        o, IMAGE, tas=True, lbp=True, haralick=True
    ),
    "measure_neighbours": lambda o: features.measure_neighbours(o),
    "measure_point_pattern": lambda o: features.measure_point_pattern(o, LABELS),
    "measure_volume_image": lambda o: features.measure_volume_image(o, IMAGE),
}
PAIRED = sorted(
    {"parents", "watershed", "propagate", "secondary_objects", "segment_secondary"}
    | {"segment_tertiary", "separate_primary_iterative", "overlaps", "measure_intensity"}
    | {"measure_texture", "measure_point_pattern", "measure_volume_image"}
)
MASKS_TOO = {"declump", "filter_objects", "separate_clumps", "separate_primary_iterative"}


@pytest.mark.parametrize("name", WITH_IMAGE)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_image_that_is_not_finite(name: str, bad: float) -> None:
    values = IMAGE.astype(np.float32)
    values[3, 4] = bad
    with pytest.raises(ParameterError, match="1 pixels that are not finite"):
        WITH_IMAGE[name](values)


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_image_of_other_shape(name: str) -> None:
    if name in ALONE:
        with pytest.raises(ParameterError, match=r"shape \(3,\)"):
            WITH_IMAGE[name](np.zeros(3))
        return
    with pytest.raises(ParameterError, match=r"\(5, 6\)"):
        WITH_IMAGE[name](np.zeros((5, 6), np.uint16))


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_image_of_no_numbers(name: str) -> None:
    with pytest.raises(ParameterError, match="real numbers"):
        WITH_IMAGE[name](IMAGE.astype(np.complex128))


@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_of_float(name: str) -> None:
    with pytest.raises(ParameterError, match="float64"):
        WITH_LABELS[name](LABELS.astype(np.float64))


@pytest.mark.parametrize("name", WITH_LABELS)
def test_labels_below_zero(name: str) -> None:
    with pytest.raises(ParameterError, match="negative"):
        WITH_LABELS[name](-LABELS)


@pytest.mark.parametrize("name", sorted(set(WITH_LABELS) - MASKS_TOO))
def test_mask_for_labels(name: str) -> None:
    with pytest.raises(ParameterError, match=r"label\(mask\)"):
        WITH_LABELS[name](MASK)


@pytest.mark.parametrize("name", PAIRED)
def test_labels_of_other_shape(name: str) -> None:
    with pytest.raises(ParameterError, match=r"\(12, 14\)"):
        WITH_LABELS[name](np.ones((5, 6), np.int32))


@pytest.mark.parametrize("name", WITH_LABELS)
def test_no_objects(name: str) -> None:
    found = WITH_LABELS[name](EMPTY)
    full = WITH_LABELS[name](LABELS)
    if hasattr(found, "columns"):
        assert len(found) == 0
        assert list(found.columns) == list(full.columns)
        assert found.index.name == "label"
    elif isinstance(found, np.ndarray) and found.shape == SHAPE:
        assert not found.any()
    elif name == "f1_score":
        assert found == 0
    else:
        assert len(found) == 0


@pytest.mark.parametrize("name", WITH_LABELS)
def test_one_pixel_objects(name: str) -> None:
    single = EMPTY.copy()
    single[0, 0], single[5, 5], single[11, 13] = 4, 2, 9
    found = WITH_LABELS[name](single)
    if hasattr(found, "columns"):
        assert list(found.index) == [2, 4, 9]
    elif name not in ("f1_score", "overlaps", "parents", "shrink", "border_objects"):
        assert isinstance(found, np.ndarray)
        assert found.shape == SHAPE


@pytest.mark.parametrize("name", WITH_LABELS)
def test_all_one_object(name: str) -> None:
    whole = np.ones(SHAPE, np.int32)
    found = WITH_LABELS[name](whole)
    if hasattr(found, "columns"):
        assert list(found.index) == [1]


@pytest.mark.parametrize("name", sorted(ALONE | {"measure_intensity", "measure_texture"}))
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flat_image(name: str, dtype: type) -> None:
    found = WITH_IMAGE[name](np.full(SHAPE, 7, dtype))
    assert found is not None


@pytest.mark.parametrize("name", sorted(ALONE - {"project"}))
def test_image_without_pixels(name: str) -> None:
    found = WITH_IMAGE[name](np.zeros((0, 5), np.uint16))
    assert (found if isinstance(found, np.ndarray) else found[0]).shape == (0, 5)


@pytest.mark.parametrize(
    "function",
    [
        image.label,
        image.fill,
        lambda m: image.combine_masks(m, m, "AND"),
        lambda m: image.clip(m, m),
        image.register_objects,
        image.declump,
        image.separate_clumps,
        image.select_clumps,
        lambda m: image.filter_objects(m, "area"),
    ],
)
def test_masks(function) -> None:
    assert not function(np.zeros(SHAPE, bool)).any()
    with pytest.raises(ParameterError, match="float"):
        function(np.zeros(SHAPE))
    with pytest.raises(ParameterError):
        function(np.zeros(3, bool))


def test_numbers_too_large_for_labels() -> None:
    with pytest.raises(ParameterError, match="relabel"):
        features.measure_intensity(np.full(SHAPE, 2**40), IMAGE)


def test_sparse_numbers_need_no_table_of_their_size() -> None:
    sparse = np.where(LABELS == 3, 2**31 - 1, np.where(LABELS == 8, 10**9, 0))
    table = features.measure_morphology(sparse)
    assert list(table.index) == [10**9, 2**31 - 1]
    assert image.relabel(sparse).max() == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: image.smooth(IMAGE, "gausian"),
        lambda: image.smooth(IMAGE, "median", 2.5),
        lambda: image.smooth(IMAGE, "gaussian", -1),
        lambda: image.threshold_adaptive(IMAGE, kernel_size=4),
        lambda: image.threshold_adaptive(IMAGE, "mean"),
        lambda: image.threshold_otsu(IMAGE, 0),
        lambda: image.threshold_otsu(IMAGE, 1, 10, 5),
        lambda: image.threshold_manual(IMAGE, float("nan")),
        lambda: image.combine_masks(MASK, MASK, "NOT"),
        lambda: image.combine_channels(IMAGE, IMAGE, 0, 0),
        lambda: image.rescale(IMAGE, 5, 5),
        lambda: image.project(IMAGE, "mean"),
        lambda: image.label(MASK, 6),
        lambda: image.watershed(IMAGE, LABELS, connectivity=1),
        lambda: image.declump(MASK, None, "intensity"),
        lambda: image.declump(MASK, method="form"),
        lambda: image.expand_or_shrink(LABELS, float("inf")),
        lambda: image.filter_objects(LABELS, "size"),
        lambda: image.segment_secondary(LABELS, IMAGE, 5, 200, 100),
        lambda: image.secondary_objects(LABELS, IMAGE, "voronoi"),
        lambda: image.separate_clumps(LABELS, min_area=10, max_area=5),
        lambda: image.identify_spots_2d(IMAGE, rescale_quantiles=(0.9, 0.1)),
        lambda: image.identify_spots_2d(IMAGE, rescale_thresholds=(1, 2)),
        lambda: image.identify_spots_3d(np.zeros((2, 5, 5)), "4D"),
        lambda: image.detect_blobs(IMAGE, min_area=5, max_area=2),
        lambda: image.use_label_image(np.full(SHAPE, 0.5)),
        lambda: image.f1_score(LABELS, LABELS, 0.3),
        lambda: features.measure_zernike(LABELS, -1),
        lambda: features.measure_haralick(LABELS, IMAGE, scales=(0,)),
        lambda: features.measure_haralick(LABELS, IMAGE, limits=(5, 5)),
        lambda: features.measure_gabor(LABELS, IMAGE, frequencies=(0,)),
        lambda: features.measure_lbp(LABELS, IMAGE, radii=(0,)),
        lambda: features.measure_neighbours(LABELS, 0),
        lambda: features.measure_volume_image(LABELS, IMAGE, 0),
    ],
)
def test_parameters_out_of_range(call) -> None:
    with pytest.raises(ParameterError):
        call()


def test_names_load() -> None:
    for package in (image, features):
        for name in package.__all__:
            assert callable(getattr(package, name))
        with pytest.raises(AttributeError, match="nonsense"):
            _ = package.nonsense
        assert set(package.__all__) <= set(dir(package))
