"""Masks, labels and how objects are found and taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from limelight.core import image
from limelight.core.errors import ParameterError
from limelight.core.image import _cut_kernels
from limelight.core.simulate import simulate_cells

Y, X = np.mgrid[:200, :260]
TWO_DISCS = ((Y - 100) ** 2 + (X - 80) ** 2 < 45**2) | ((Y - 100) ** 2 + (X - 155) ** 2 < 50**2)
NUCLEI = Path(__file__).parents[2] / "data" / "nuclei"


@pytest.fixture(scope="module")
def field():
    return simulate_cells(320, 22, radius=13, seed=3)


def disc(y: float, x: float, radius: float) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 < radius**2


def test_arithmetic() -> None:
    counts = np.array([[0, 100], [200, 60000]], np.uint16)
    mask = np.array([[1, 0], [0, 1]], bool)
    np.testing.assert_array_equal(image.apply_mask(counts, mask), [[0, 0], [0, 60000]])
    np.testing.assert_array_equal(image.clip(mask, mask), np.zeros((2, 2)))
    labels = np.array([[1, 2], [2, 2]], np.int32)
    np.testing.assert_array_equal(image.clip(labels, mask), [[0, 2], [2, 0]])
    other = np.array([[1, 1], [0, 0]], bool)
    np.testing.assert_array_equal(image.combine_masks(mask, other, "AND"), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(image.combine_masks(mask, other, "OR"), [[1, 1], [0, 1]])
    found = image.combine_masks(mask, other, "EXCLUSIVE_OR")
    np.testing.assert_array_equal(found, [[0, 1], [0, 1]])
    np.testing.assert_array_equal(image.invert(counts), 65535 - counts)
    np.testing.assert_array_equal(image.invert(mask), ~mask)
    np.testing.assert_allclose(image.invert(np.array([[1.0, 4.0]])), [[4.0, 1.0]])
    np.testing.assert_array_equal(
        image.combine_channels(counts, counts[::-1], 3, 1),
        np.rint((3.0 * counts + counts[::-1]) / 4),
    )
    np.testing.assert_array_equal(image.rescale(counts, 100, 200), [[0, 0], [65535, 65535]])
    stack = np.stack([counts, counts])
    np.testing.assert_array_equal(image.project(stack), counts)
    total = image.project(stack, "sum")
    assert total.dtype == np.uint32
    assert total[1, 1] == 120000


def test_numbers_of_objects() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[0:3, 5:8], labels[10:13, 10:13], labels[15:17, 3:9] = 5, 9, 12
    assert image.object_ids(labels).tolist() == [5, 9, 12]
    assert image.relabel(labels).max() == 3
    assert image.border_objects(labels).tolist() == [5]
    assert image.object_ids(image.clear_border(labels)).tolist() == [9, 12]
    table = image.object_table(labels)
    assert table.loc[9, ["centroid_y", "centroid_x"]].tolist() == [11, 11]
    assert table.loc[12, ["y0", "x0", "y1", "x1"]].tolist() == [15, 3, 17, 9]
    assert table["is_border"].tolist() == [True, False, False]
    assert image.object_ids(image.filter_objects(labels, "area", 10)).tolist() == [12]
    kept = image.filter_objects(labels > 0, "area", None, 9)
    assert kept.dtype == bool
    assert kept.sum() == 18
    np.testing.assert_array_equal(image.register_objects(labels), labels)
    assert image.register_objects(labels > 0).max() == 3
    np.testing.assert_array_equal(image.use_label_image(labels.astype(np.float32)), labels)


def test_parents() -> None:
    cells = np.zeros((10, 10), np.int32)
    cells[:, :5], cells[:, 5:9] = 7, 3
    children = np.zeros_like(cells)
    children[0, 0:3], children[2, 3:6], children[4, 3:7], children[9, 9] = 1, 2, 4, 6
    found = image.parents(children, cells)
    expected = pd.Series([7, 7, 3, 0], index=pd.Index([1, 2, 4, 6], name="label"), name="parent")
    pd.testing.assert_series_equal(found, expected)


@pytest.mark.parametrize("method", ["shape", "intensity"])
def test_declump(method: str) -> None:
    light = np.exp(-((Y - 100) ** 2 + (X - 80) ** 2) / 900)
    light += np.exp(-((Y - 100) ** 2 + (X - 155) ** 2) / 900)
    found = image.declump(TWO_DISCS, light, method, min_distance=15)
    assert found.max() == 2
    np.testing.assert_array_equal(found > 0, TWO_DISCS)
    assert abs(int((found == 1).sum()) - 45**2 * np.pi) < 500
    assert image.declump(TWO_DISCS, method="none").max() == 1
    for threads in (1, 3):
        again = image.declump(TWO_DISCS, light, method, min_distance=15, threads=threads)
        np.testing.assert_array_equal(again, found)


def test_declump_keeps_objects_apart() -> None:
    labels = np.ones((40, 40), np.int32)
    labels[:, 20:] = 2
    found = image.declump(labels, min_distance=30)
    assert len(np.unique(found[:, :20])) == len(np.unique(found[:, 20:])) == 1


def test_separate_clumps() -> None:
    found = image.separate_clumps(TWO_DISCS, max_convexity=0.96, max_circularity=0.8)
    assert found.max() == 2
    np.testing.assert_array_equal(found > 0, TWO_DISCS)
    # not a clump by these limits
    assert image.separate_clumps(TWO_DISCS, max_convexity=0.9).max() == 1
    # no part may be so small
    kept = image.separate_clumps(
        TWO_DISCS, None, 7000, max_convexity=0.96, max_circularity=0.8, trimming=False
    )
    assert kept.max() == 1
    four = disc(60, 60, 40) | disc(60, 130, 40) | disc(120, 95, 38) | disc(130, 170, 42)
    light = np.where(four, 100, 10).astype(np.uint16)
    found = image.separate_clumps(four, light, 1000, 0.96, 0.8)
    assert found.max() == 4
    clumps = image.select_clumps(four, 0.96, 0.8)
    np.testing.assert_array_equal(clumps > 0, four)


def test_trimming() -> None:
    small = disc(100, 80, 60) | disc(100, 150, 16)
    limits = {"max_convexity": 0.99, "max_circularity": 0.95}
    kept = image.separate_clumps(small, trimming=False, **limits)
    trimmed = image.separate_clumps(small, trimming=True, **limits)
    assert kept.max() == trimmed.max() == 1
    assert 500 < (kept > 0).sum() - (trimmed > 0).sum() < 2000


def test_separate_primary_iterative() -> None:
    light = np.where(TWO_DISCS, 1000, 10).astype(np.uint16)
    found = image.separate_primary_iterative(TWO_DISCS, light, max_solidity=0.96)
    assert found.max() == 2
    np.testing.assert_array_equal(found > 0, TWO_DISCS)
    sizes = np.bincount(found.ravel())[1:]
    assert np.all(np.abs(np.sort(sizes) - [5937, 7452]) < 200)
    assert image.separate_primary_iterative(TWO_DISCS, light, min_area_cut=6500).max() == 1


def test_outline_goes_around_and_bends_are_where_discs_meet() -> None:
    line = _cut_kernels.outline(np.pad(TWO_DISCS, 1)) - 1
    steps = np.diff(np.vstack([line, line[:1]]), axis=0)
    assert np.abs(steps).max() == 1
    assert TWO_DISCS[line[:, 0], line[:, 1]].all()
    places = _cut_kernels.bends(line, 9, 20.0, np.deg2rad(6))
    assert sorted(places[:, 0].tolist()) == pytest.approx([71, 129], abs=2)
    assert places[:, 1] == pytest.approx(114, abs=3)
    assert len(_cut_kernels.outline(np.zeros((4, 4), bool))) == 0
    single = np.zeros((3, 3), bool)
    single[1, 1] = True
    assert _cut_kernels.outline(single).tolist() == [[1, 1]]


@pytest.mark.parametrize("method", ["watershed", "propagation", "distance"])
def test_secondary_objects(field, method: str) -> None:
    cells = image.secondary_objects(
        field.nuclei_labels, image.gaussian(field.cells, 1), method, max_distance=40
    )
    nuclei = field.nuclei_labels
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert set(np.unique(cells)) == set(np.unique(nuclei))
    assert image.f1_score(cells, field.cell_labels) > 0.85
    cytoplasm = image.segment_tertiary(cells, nuclei)
    np.testing.assert_array_equal(cytoplasm, np.where(nuclei > 0, 0, cells))


def test_segment_secondary(field) -> None:
    smooth = image.smooth(field.cells, "gaussian", 2)
    cells = image.segment_secondary(field.nuclei_labels, smooth, 60, 300, 400)
    assert image.f1_score(cells, field.cell_labels) > 0.85
    nuclei = field.nuclei_labels
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert not image.segment_secondary(np.zeros_like(nuclei), smooth).any()


def test_holes_of_secondary_objects_are_filled() -> None:
    from limelight.core.image.secondary import fill_objects

    labels = np.ones((12, 12), np.int32)
    labels[:, 6:] = 2
    labels[2:4, 2:4] = 0  # within 1
    labels[5:8, 5:8] = 0  # between both
    labels[0, 0] = 0  # at the border
    found = fill_objects(labels)
    assert found[2, 2] == 1
    assert found[6, 6] == 0
    assert found[0, 0] == 0


@pytest.mark.parametrize("name", ["03", "12", "27"])
def test_nuclei_of_real_images(name: str) -> None:
    picture = tifffile.imread(NUCLEI / f"nuclei_{name}.tif")
    truth = tifffile.imread(NUCLEI / f"nuclei_{name}_labels.tif").astype(np.int32)
    found = image.primary_objects(picture)
    assert image.f1_score(found, truth, 0.5) >= 0.87
    assert image.f1_score(found, truth, 0.7) >= 0.76
    np.testing.assert_array_equal(image.primary_objects(picture, threads=3), found)
    # brightness and noise floor of another camera
    np.testing.assert_array_equal(
        image.primary_objects(picture.astype(np.uint16) * 200) > 0, found > 0
    )


def test_primary_objects(field) -> None:
    found = image.primary_objects(field.nuclei, 26)
    assert image.f1_score(found, field.nuclei_labels) > 0.8
    assert image.object_ids(found).tolist() == list(range(1, found.max() + 1))
    inner = image.primary_objects(field.nuclei, 26, clear_border=True)
    assert not len(image.border_objects(inner))
    areas = np.bincount(image.primary_objects(field.nuclei, 26, max_area=400).ravel())[1:]
    assert areas.max() <= 400
    assert not image.primary_objects(np.full((80, 80), 9, np.uint8)).any()


def test_scores() -> None:
    truth = np.zeros((20, 20), np.int32)
    truth[0:10, 0:10], truth[10:20, 10:20] = 1, 2
    found = np.zeros_like(truth)
    found[0:10, 0:8], found[0:10, 12:20] = 4, 5
    assert image.overlaps(found, truth).tolist() == [[4, 1, 0.8]]
    assert image.f1_score(found, truth, 0.7) == 0.5
    assert image.f1_score(found, truth, 0.8) == 0
    assert image.f1_score(truth, truth) == 1
    assert image.f1_score(0 * truth, 0 * truth) == 1


def spots_image(places: np.ndarray) -> np.ndarray:
    light = np.random.default_rng(0).poisson(100, (120, 130)).astype(float)
    y, x = np.mgrid[:120, :130]
    for a, b in places:
        light += 800 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 4.5)
    return np.rint(light).astype(np.uint16)


def test_spots() -> None:
    places = np.array([(20, 20), (20, 60), (60, 30), (90, 100), (90, 105), (50, 110)])
    counts = spots_image(places)
    spots, apart = image.identify_spots_2d(counts, detection_threshold=0.05)
    assert spots.max() == 5
    assert apart.max() == 6
    np.testing.assert_array_equal(spots > 0, apart > 0)
    assert len({int(apart[y, x]) for y, x in places}) == 6
    centroids, blobs = image.detect_blobs(counts, None, 5, 5, 12, 200)
    assert blobs.max() == centroids.max() == 6
    found = np.argwhere(centroids)
    assert max(np.abs(found - p).max(axis=1).min() for p in places) <= 1
    np.testing.assert_array_equal(blobs[centroids > 0], centroids[centroids > 0])
    left = np.zeros(counts.shape, bool)
    left[:, :70] = True
    assert image.detect_blobs(counts, left, 5, 5, 12, 200)[1].max() == 3
    assert image.identify_spots_2d(counts, deblending_steps=0)[1].max() <= apart.max()


def test_spots_in_space() -> None:
    counts = spots_image(np.array([(20, 20), (60, 80)]))
    dim = np.full_like(counts, 100)
    stack = np.stack([dim, dim, counts, counts, counts, dim, dim])
    for kind in ("2D", "3D"):
        found = image.identify_spots_3d(stack, kind)
        assert found.dtype == np.uint16
        assert found[20, 20] >= 3
        assert found[100, 20] == 0


def test_height_of_cells() -> None:
    random = np.random.default_rng(1)
    y, x = np.mgrid[:120, :120]
    far = ((y - 60) ** 2 + (x - 60) ** 2) / 35**2
    cell = far < 1
    height = np.where(cell, 12 * (1 - far), 0)
    stack = np.zeros((22, 120, 120), np.uint16)
    for a, b in random.integers(0, 120, (900, 2)):
        z = round(3 + 0.02 * b + height[a, b])
        stack[z : z + 2, a, b] = 1000
    found = image.generate_volume_image(stack, cell.astype(np.int32))
    assert found.dtype == np.float32
    assert not found[~cell].any()
    assert found[60, 60] == pytest.approx(12, abs=1)
    assert np.abs(found - height)[far < 0.7].mean() < 0.8
    closed = image.generate_volume_image(stack, cell.astype(np.int32), close_surface=True)
    assert (closed >= found - 1e-6).all()
    assert not image.generate_volume_image(stack, np.zeros_like(cell, np.int32)).any()
    with pytest.raises(ParameterError, match="beads were found"):
        image.generate_volume_image(stack, cell.astype(np.int32), 5000)
    with pytest.raises(ParameterError, match="same field"):
        image.generate_volume_image(stack, np.ones((5, 5), np.int32))


def test_field_of_cells(field) -> None:
    again = simulate_cells(320, 22, radius=13, seed=3)
    np.testing.assert_array_equal(again.nuclei, field.nuclei)
    nuclei = field.nuclei_labels
    np.testing.assert_array_equal(field.cell_labels[nuclei > 0], nuclei[nuclei > 0])
    assert field.nuclei[nuclei > 0].mean() > 3 * field.nuclei[nuclei == 0].mean()
    with pytest.raises(ParameterError, match="at least 32"):
        simulate_cells(10)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_usual_diameter_is_seen(scale: int) -> None:
    """A little less than the width of discs, whatever their size."""
    radius = 6 * scale
    picture = np.full((80 * scale, 100 * scale), 100, np.uint16)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    for cy in range(15, 80, 25):
        for cx in range(15, 100, 25):
            picture[(y - cy * scale) ** 2 + (x - cx * scale) ** 2 <= radius**2] = 600
    assert image.usual_diameter(picture) == pytest.approx(1.6 * (radius + 1), rel=0.1)
    picture[::15, ::15] = 600  # debris
    assert image.usual_diameter(picture) == pytest.approx(1.6 * (radius + 1), rel=0.1)
    assert image.usual_diameter(picture, threads=3) == image.usual_diameter(picture, threads=1)
    assert image.primary_objects(picture).max() == 12
    assert image.usual_diameter(np.full((30, 30), 7)) == 18
    assert image.usual_diameter(np.zeros((0, 5))) == 18
