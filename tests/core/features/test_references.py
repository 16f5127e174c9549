"""Features against scikit-image, mahotas and their own definitions."""

from __future__ import annotations

from pathlib import Path

import mahotas
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.feature import local_binary_pattern
from skimage.measure import regionprops_table

from limelight.core import features, image
from limelight.core.errors import ParameterError
from limelight.core.image.distance import scattered

NUCLEI = Path(__file__).parents[2] / "data" / "nuclei"
COUNTS = tifffile.imread(NUCLEI / "nuclei_12.tif")
LABELS = tifffile.imread(NUCLEI / "nuclei_12_labels.tif").astype(np.int32)
small_labels = arrays(
    np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)
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


def morphology_of_skimage(labels: np.ndarray) -> dict[str, np.ndarray]:
    names = {name.split("-")[0] for name in MORPHOLOGY}
    return regionprops_table(labels, properties=sorted(names))


def test_morphology() -> None:
    found = features.measure_morphology(LABELS)
    expected = morphology_of_skimage(LABELS)
    for theirs, ours in MORPHOLOGY.items():
        values = found[f"Morphology_{ours}"].to_numpy()
        np.testing.assert_allclose(values, expected[theirs], rtol=1e-9, atol=1e-9, err_msg=ours)
    radius = found["Morphology_maximum_radius"].to_numpy()
    assert (radius <= found["Morphology_equivalent_diameter"] / 2 + 1).all()


@settings(max_examples=60)
@given(small_labels)
@pytest.mark.filterwarnings("ignore")
def test_morphology_of_any_objects(labels: np.ndarray) -> None:
    found = features.measure_morphology(labels)
    assert list(found.index) == np.unique(labels[labels > 0]).tolist()
    if not len(found):
        return
    expected = morphology_of_skimage(labels)
    for theirs, ours in MORPHOLOGY.items():
        values = found[f"Morphology_{ours}"].to_numpy()
        if ours == "eccentricity":  # theirs of a straight line is off by root of rounding
            np.testing.assert_allclose(values, expected[theirs], atol=1e-6)
            continue
        np.testing.assert_allclose(values, expected[theirs], atol=1e-6, err_msg=ours)


@pytest.mark.filterwarnings("ignore")
def test_objects_that_are_scattered_over_the_field() -> None:
    random = np.random.default_rng(4)
    labels = random.integers(0, 120, (60, 70)).repeat(3, 0).repeat(2, 1).astype(np.int32)
    assert scattered(boxes_of(labels), labels.size)
    square = np.zeros(labels.shape)
    for one in range(1, 120):
        square += ndimage.distance_transform_edt(np.pad(labels == one, 1))[1:-1, 1:-1] ** 2
    np.testing.assert_allclose(image.inner_distance(labels), square, atol=1e-9)
    found = features.measure_morphology(labels)
    expected = morphology_of_skimage(labels)
    for theirs, ours in MORPHOLOGY.items():
        values = found[f"Morphology_{ours}"].to_numpy()
        np.testing.assert_allclose(values, expected[theirs], atol=1e-6, err_msg=ours)
    own = np.sqrt(square[labels == 5])
    assert found.loc[5, "Morphology_maximum_radius"] == own.max()
    assert found.loc[5, "Morphology_mean_radius"] == pytest.approx(own.mean())


def boxes_of(labels: np.ndarray) -> np.ndarray:
    return image.object_table(labels)[["y0", "y1", "x0", "x1"]].to_numpy()


def test_shapes_that_are_known() -> None:
    y, x = np.mgrid[:120, :120]
    labels = np.zeros((120, 120), np.int32)
    labels[(y - 40) ** 2 + (x - 40) ** 2 < 30.5**2] = 1
    labels[90:100, 10:110] = 2
    found = features.measure_morphology(labels)
    assert found.loc[1, "Morphology_circularity"] == pytest.approx(0.9, abs=0.05)
    assert found.loc[1, "Morphology_roundness"] == pytest.approx(1, abs=0.02)
    assert found.loc[1, "Morphology_elongation"] == pytest.approx(0, abs=0.01)
    assert found.loc[1, "Morphology_maximum_radius"] == pytest.approx(31, abs=0.5)
    assert found.loc[1, "Morphology_mean_radius"] == pytest.approx(31 / 3, abs=0.3)
    assert found.loc[2, "Morphology_elongation"] == pytest.approx(0.9, abs=0.01)
    assert found.loc[2, "Morphology_maximum_radius"] == 5
    assert found.loc[2, "Morphology_extent"] == found.loc[2, "Morphology_convexity"] == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_intensity(dtype: type) -> None:
    counts = COUNTS.astype(dtype) * (200 if dtype != np.uint8 else 1)
    counts = counts.astype(dtype)
    found = features.measure_intensity(LABELS, counts, "DAPI")
    assert list(found.columns) == [f"Intensity_{s}_DAPI" for s in "max mean min sum std".split()]
    for number, row in found.iterrows():
        own = counts[number == LABELS].astype(np.float64)
        assert row["Intensity_max_DAPI"] == own.max()
        assert row["Intensity_min_DAPI"] == own.min()
        exact = {"rel": 0, "abs": 0} if dtype in (np.uint8, np.uint16) else {"rel": 1e-9}
        assert row["Intensity_sum_DAPI"] == pytest.approx(own.sum(), **exact)
        assert row["Intensity_mean_DAPI"] == pytest.approx(own.mean(), rel=1e-12)
        assert row["Intensity_std_DAPI"] == pytest.approx(own.std(), rel=1e-9)


def test_intensity_of_large_numbers_does_not_cancel() -> None:
    labels = np.ones((40, 40), np.int32)
    counts = 1e9 + np.random.default_rng(0).normal(size=(40, 40))
    found = features.measure_intensity(labels, counts)
    assert found.loc[1, "Intensity_std"] == pytest.approx(counts.std(), rel=1e-6)
    bright = np.random.default_rng(0).integers(65000, 65536, (40, 40)).astype(np.uint16)
    found = features.measure_intensity(labels, bright)
    assert found.loc[1, "Intensity_std"] == pytest.approx(bright.std(), rel=1e-12)


def test_intensity_in_space() -> None:
    labels = np.zeros((3, 6, 7), np.int32)
    labels[1:, 2:4, 3:5] = 4
    counts = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape)
    found = features.measure_intensity(labels, counts)
    assert found.loc[4, "Intensity_sum"] == counts[labels == 4].sum()


def crops():
    for number in np.unique(LABELS)[1:]:
        ys, xs = np.nonzero(number == LABELS)
        window = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        yield number, window, number == LABELS[window]


def test_zernike() -> None:
    found = features.measure_zernike(LABELS)
    assert found.shape[1] == 49
    for number, _, inside in crops():
        place = np.argwhere(inside)
        radius = np.sqrt(((place - place.mean(axis=0)) ** 2).sum(axis=1).max()) + 0.5
        expected = mahotas.features.zernike_moments(inside.astype(float), radius, degree=12)
        np.testing.assert_allclose(found.loc[number], expected, atol=1e-9)
    joined = features.measure_morphology(LABELS, zernike=True)
    pd.testing.assert_frame_equal(joined[found.columns], found)


@pytest.mark.parametrize("scale", [1, 3])
def test_haralick(scale: int) -> None:
    found = features.measure_haralick(LABELS, COUNTS, scales=(scale,))
    grey = features.grey_levels(COUNTS)
    for number, window, inside in crops():
        own = np.where(inside, grey[window], 0).astype(np.int64)
        expected = mahotas.features.haralick(
            own, ignore_zeros=True, return_mean=True, distance=scale
        )
        np.testing.assert_allclose(found.loc[number], expected, rtol=1e-9, atol=1e-7)


def test_haralick_of_little() -> None:
    labels = np.zeros((6, 6), np.int32)
    labels[0, 0], labels[2, 2:4], labels[4:, :] = 1, 2, 3
    found = features.measure_haralick(labels, np.full((6, 6), 5, np.uint8))
    assert found.loc[1].isna().all()
    assert found.loc[[2, 3]].notna().all(axis=None)
    assert found.loc[3, "Texture_haralick_entropy_1"] == pytest.approx(0, abs=1e-12)
    assert found.loc[3, "Texture_haralick_angular_second_moment_1"] == 1


def test_grey_levels() -> None:
    ramp = np.arange(0, 1024, dtype=np.uint16).reshape(32, 32)
    assert features.grey_levels(ramp, 4).max() == 4
    assert features.grey_levels(ramp, 256, (0, 255))[-1, -1] == 256
    np.testing.assert_array_equal(features.grey_levels(COUNTS), COUNTS.astype(int) + 1)
    with pytest.raises(ParameterError, match="limits"):
        features.grey_levels(ramp, 4, (2, 1))


def test_hu() -> None:
    found = features.measure_hu(LABELS, COUNTS).to_numpy()
    table = regionprops_table(LABELS, COUNTS, properties=["moments_weighted_hu"])
    for i in range(7):
        expected = table[f"moments_weighted_hu-{i}"]
        np.testing.assert_allclose(
            found[:, i], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()
        )
    assert features.measure_hu(LABELS, 0 * COUNTS).isna().all(axis=None)


@pytest.mark.parametrize("radius", [1, 2.5])
def test_lbp(radius: float) -> None:
    # without equals: of these interpolation decides by its rounding
    counts = COUNTS.astype(np.int64) * 100000 + np.random.default_rng(2).integers(
        0, 100000, COUNTS.shape
    )
    codes = local_binary_pattern(counts, 8, radius, "ror")
    rotations = sorted({min((p >> k | p << (8 - k)) & 255 for k in range(8)) for p in range(256)})
    assert len(rotations) == 36
    inner = image.clear_border(LABELS)
    reach = int(np.ceil(radius)) + 1
    inner[:reach] = inner[-reach:] = inner[:, :reach] = inner[:, -reach:] = 0
    found = features.measure_lbp(inner, counts, radii=(radius,))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    for number in found.index:
        own = codes[inner == number]
        expected = [(own == code).mean() for code in rotations]
        np.testing.assert_allclose(found.loc[number], expected, atol=1e-12)


def test_lbp_of_a_flat_image_is_one_pattern() -> None:
    flat = np.full(LABELS.shape, 0.1)
    found = features.measure_lbp(LABELS, flat, radii=(1, 2.5))
    assert (found[["Texture_lbp_1_35", "Texture_lbp_2.5_35"]] == 1).all(axis=None)


def plain_tas(inside: np.ndarray, counts: np.ndarray, level: float) -> np.ndarray:
    bright = counts[inside & (counts > level)]
    mean, margin = (bright.mean(), bright.std()) if len(bright) else (0, 0)
    kinds = [
        (counts > mean - margin) & (counts < mean + margin),
        counts > mean - margin,
        counts > mean,
    ]
    shares = []
    for kind in [*kinds, *(~k for k in kinds)]:
        own = np.pad(kind & inside, 1).astype(int)
        beside = sum(np.roll(own, (j, i), (0, 1)) for j in (-1, 0, 1) for i in (-1, 0, 1) if j or i)
        counted = np.bincount(beside[own > 0], minlength=9)
        shares.append(counted / max(counted.sum(), 1))
    return np.concatenate(shares)


def test_tas() -> None:
    found = features.measure_tas(LABELS, COUNTS)
    assert found.shape[1] == 54
    level = image.otsu_value(COUNTS)
    for number, window, inside in crops():
        expected = plain_tas(inside, COUNTS[window].astype(float), level)
        np.testing.assert_allclose(found.loc[number], expected, atol=1e-12)


def test_gabor_against_the_formula_and_on_waves() -> None:
    found = features.measure_gabor(LABELS, COUNTS, frequencies=(1, 3))
    for number in found.index[:6]:
        y, x = np.nonzero(number == LABELS)
        counts = COUNTS[y, x].astype(float)
        if counts.std() == 0:
            continue
        counts = (counts - counts.mean()) / counts.std()
        dy, dx = y - y.mean(), x - x.mean()
        diameter = np.sqrt(4 * len(y) / np.pi)
        weight = np.exp(-0.5 * (dy**2 + dx**2) / (diameter / 6) ** 2)
        for frequency in (1, 3):
            best = 0.0
            for k in range(4):
                along = dx * np.cos(np.pi * k / 4) + dy * np.sin(np.pi * k / 4)
                wave = np.exp(2j * np.pi * frequency * along / diameter)
                best = max(best, abs((weight * counts * wave).sum()) / weight.sum())
            assert found.loc[number, f"Texture_gabor_{frequency}"] == pytest.approx(best)
    y, x = np.mgrid[:80, :80]
    labels = ((y - 40) ** 2 + (x - 40) ** 2 < 35**2).astype(np.int32)
    diameter = np.sqrt(4 * labels.sum() / np.pi)
    wave = 100 + 50 * np.sin(2 * np.pi * 5 * y / diameter)
    found = features.measure_gabor(labels, wave).loc[1]
    assert found["Texture_gabor_5"] > 5 * found["Texture_gabor_10"]
    tiny = np.zeros((9, 9), np.int32)
    tiny[3:6, 3:6] = 1
    assert np.isnan(features.measure_gabor(tiny, y[:9, :9]).loc[1, "Texture_gabor_10"])


@given(small_labels, st.sampled_from([1.0, 1.5, 2.0, 4.0]))
def test_neighbours(labels: np.ndarray, distance: float) -> None:
    found = features.measure_neighbours(labels, distance, distance)
    for one in found.index:
        own = np.argwhere(labels == one)
        near = []
        for other in found.index:
            if other != one:
                apart = own[:, None] - np.argwhere(labels == other)[None]
                if (apart**2).sum(axis=2).min() <= distance**2:
                    near.append(other)
        assert found.loc[one, "Neighbours_count"] == len(near)
        assert found.loc[one, "Neighbours_list"] == " ".join(map(str, near))
        padded = np.pad(labels, 1)
        outline = [
            (y, x)
            for y, x in own
            if any(
                padded[y + 1 + j, x + 1 + i] != one for j, i in ((0, 1), (0, -1), (1, 0), (-1, 0))
            )
        ]
        others = np.argwhere((labels != one) & (labels > 0))
        touching = [
            len(others) > 0 and ((others - p) ** 2).sum(axis=1).min() <= distance**2
            for p in outline
        ]
        assert found.loc[one, "Neighbours_fraction_touching"] == pytest.approx(np.mean(touching))


def test_fraction_of_squares_that_touch() -> None:
    labels = np.zeros((30, 30), np.int32)
    labels[5:15, 5:15], labels[5:15, 15:25] = 1, 2
    found = features.measure_neighbours(labels, 1, 1)
    # one of four sides of ten pixels, corners counted once
    assert found["Neighbours_fraction_touching"].tolist() == [10 / 36, 10 / 36]
    assert features.neighbour_pairs(labels, 1).tolist() == [[1, 2], [2, 1]]


def test_point_pattern() -> None:
    cells = np.zeros((40, 80), np.int32)
    cells[5:35, 5:35], cells[5:35, 45:75] = 3, 8
    points = np.zeros_like(cells)
    points[20, 20], points[20, 24], points[26, 20], points[10, 50], points[0, 0] = 1, 2, 3, 4, 5
    found = features.measure_point_pattern(points, cells)
    diameter = np.sqrt(4 * 900 / np.pi)
    first = found.loc[1].to_numpy()
    expected = [15, 15 / 15, 4, 4 / diameter, 5, 5 / diameter, 1, 1 / diameter]
    np.testing.assert_allclose(first, expected)
    assert found.loc[4, "PointPattern_absolute_distance_to_border"] == 6
    assert found.loc[4].isna().sum() == 6
    assert found.loc[5].isna().all()


def test_volume() -> None:
    labels = np.zeros((12, 12), np.int32)
    labels[1:11, 1:11] = 6
    flat = features.measure_volume_image(labels, np.full((12, 12), 8, np.uint8), 0.5, 0.25).loc[6]
    assert flat["Volume_max_height"] == flat["Volume_mean_height"] == 2
    assert flat["Volume_volume"] == 100 * 0.25 * 2
    assert flat["Volume_lower_surface_area"] == 25
    assert flat["Volume_upper_surface_area"] == pytest.approx(81 * 0.25)
    slope = np.tile(np.arange(12), (12, 1)).astype(np.uint16)
    steep = features.measure_volume_image(labels, slope, 0.5, 0.5).loc[6]
    assert steep["Volume_upper_surface_area"] == pytest.approx(81 * 0.25 * np.sqrt(2))


def test_aggregate() -> None:
    table = pd.DataFrame({"a": [1.0, 3.0, 5.0], "text": list("xyz")}, index=[1, 2, 3])
    parent = pd.Series([7, 7, 0], index=[1, 2, 3])
    found = features.aggregate(table, parent, [7, 9], "Spots")
    assert list(found.index) == [7, 9]
    assert found.loc[7].tolist() == [2, 1, 4, 2]
    assert found.loc[9, "Spots_Count"] == found.loc[9, "Spots_a_Sum"] == 0
    assert np.isnan(found.loc[9, "Spots_a_Mean"])
    with pytest.raises(ParameterError, match="1 objects have no entry"):
        features.aggregate(table, parent.drop(3))


def measure_all(labels: np.ndarray, counts: np.ndarray, threads: int) -> pd.DataFrame:
    return pd.concat(
        [
            features.measure_intensity(labels, counts, threads=threads),
            features.measure_morphology(labels, zernike=True, threads=threads),
            features.measure_texture(
                labels, counts, tas=True, lbp=True, haralick=True, threads=threads
            ),
            features.measure_neighbours(labels, threads=threads),
        ],
        axis=1,
    )


def test_same_for_any_threads() -> None:
    for counts in (COUNTS, COUNTS.astype(np.float32) / 7):
        pd.testing.assert_frame_equal(
            measure_all(LABELS, counts, 1), measure_all(LABELS, counts, 5), check_exact=True
        )


def test_numbers_of_objects_do_not_matter() -> None:
    renamed = np.where(LABELS > 0, LABELS * 1000 + 7, 0)
    one, other = measure_all(LABELS, COUNTS, 2), measure_all(renamed, COUNTS, 2)
    assert (other.index == one.index * 1000 + 7).all()
    plain = one.columns.difference(["Neighbours_list"])
    np.testing.assert_array_equal(one[plain].to_numpy(), other[plain].to_numpy())


@pytest.mark.slow
def test_two_hundred_thousand_objects() -> None:
    from time import perf_counter

    labels = np.arange(1, 447 * 447 + 1, dtype=np.int32).reshape(447, 447).repeat(9, 0).repeat(9, 1)
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]]
    labels[((y % 9) == 8) | ((x % 9) == 8)] = 0
    counts = np.random.default_rng(0).integers(0, 4000, labels.shape).astype(np.uint16)
    start = perf_counter()
    found = measure_all(labels, counts, 2)
    assert len(found) == 199_809
    assert perf_counter() - start < 120
    assert (found["Morphology_area"] == 64).all()
    assert found["Neighbours_count"].max() == 8
