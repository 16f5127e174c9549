"""Filters, thresholds, labels and floods against scipy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage import filters, measure, segmentation

from limelight.core import image
from limelight.core.image.distance import shares

RANDOM = np.random.default_rng(5)
COUNTS = RANDOM.integers(0, 60000, (70, 91)).astype(np.uint16)
BLOBS = ndimage.gaussian_filter(RANDOM.normal(size=(120, 150)), 4)
MASK = BLOBS > 0.02
small_masks = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
small_labels = arrays(
    np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)


@pytest.mark.parametrize("sigma", [0.4, 1, 2, 30])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_gaussian(sigma: float, dtype: type) -> None:
    array = COUNTS.astype(dtype)
    expected = ndimage.gaussian_filter(array.astype(np.float64), sigma)
    np.testing.assert_allclose(image.gaussian(array, sigma), expected, rtol=2e-6)
    smooth = image.smooth(array, "gaussian", sigma)
    assert smooth.dtype == dtype
    if dtype == np.uint16:
        assert np.abs(smooth - expected).max() <= 0.51


@pytest.mark.parametrize("size", [1, 2, 3, 4, 11])
def test_average(size: int) -> None:
    expected = ndimage.uniform_filter(COUNTS.astype(np.float64), size)
    np.testing.assert_allclose(image.average(COUNTS, size), expected, rtol=2e-6)


def test_stack_is_smoothed_plane_by_plane_for_any_threads() -> None:
    stack = np.stack([COUNTS, COUNTS[::-1]])
    for name in ("average", "gaussian", "median", "bilateral"):
        found = image.smooth(stack[:, :40, :40], name, 3)
        for plane, one in zip(stack[:, :40, :40], found, strict=True):
            np.testing.assert_array_equal(image.smooth(plane, name, 3, threads=3), one)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_median(size: int, dtype: type) -> None:
    array = (COUNTS // 256 if dtype == np.uint8 else COUNTS).astype(dtype)
    expected = ndimage.median_filter(array, size, mode="reflect")
    np.testing.assert_array_equal(image.median(array, size), expected)


def test_bilateral_against_the_formula() -> None:
    array = RANDOM.normal(100, 5, (14, 13))
    found = image.bilateral(array, 2, 7)
    padded = np.pad(array, 3, mode="symmetric")
    dy, dx = np.mgrid[-3:4, -3:4]
    space = np.exp(-(dy**2 + dx**2) / 8) * (dy**2 + dx**2 <= 9)
    for y, x in ((0, 0), (5, 6), (13, 12), (0, 8)):
        window = padded[y : y + 7, x : x + 7]
        weight = space * np.exp(-((window - array[y, x]) ** 2) / 98)
        np.testing.assert_allclose(found[y, x], (weight * window).sum() / weight.sum())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_otsu(dtype: type) -> None:
    array = np.where(RANDOM.random((50, 60)) < 0.3, 180, 60) + RANDOM.integers(0, 40, (50, 60))
    array = array.astype(dtype)
    assert image.otsu_value(array) == pytest.approx(filters.threshold_otsu(array), rel=1e-6)
    assert image.otsu_value(array, np.ones(array.shape, bool)) == image.otsu_value(array)
    half = image.threshold_otsu(array, 0.5)
    np.testing.assert_array_equal(half, array > 0.5 * image.otsu_value(array))
    np.testing.assert_array_equal(image.threshold_otsu(array, 1, None, 70), array > 70)
    np.testing.assert_array_equal(image.threshold_otsu(array, 1, 190), array > 190)


@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
@pytest.mark.parametrize("k", [0, 0.5])
def test_niblack(dtype: type, k: float) -> None:
    array = COUNTS.astype(dtype)
    size = 21
    mean = ndimage.uniform_filter(array.astype(np.float64), size)
    square = ndimage.uniform_filter(array.astype(np.float64) ** 2, size)
    threshold = mean - k * np.sqrt(square - mean**2)
    clear = np.abs(array - threshold) > 1e-3
    for threads in (1, 3):
        found = image.threshold_adaptive(array, "niblack", size, k, threads=threads)
        np.testing.assert_array_equal(found[clear], (array > threshold)[clear])
    limited = image.threshold_adaptive(array, "niblack", size, k, 20000, 40000)
    np.testing.assert_array_equal(limited[clear], (array > threshold.clip(20000, 40000))[clear])


def test_crosscorr_is_a_gaussian_mean() -> None:
    expected = image.gaussian(COUNTS, 0.3 * (10 - 1) + 0.8) - 100
    found = image.threshold_adaptive(COUNTS, "crosscorr", 21, 100)
    np.testing.assert_array_equal(found, COUNTS > expected)


def test_niblack_window_larger_than_the_image() -> None:
    tiny = COUNTS[:5, :7]
    assert image.threshold_adaptive(tiny, "niblack", 31).shape == tiny.shape


@given(small_masks, st.sampled_from([4, 8]))
def test_label(mask: np.ndarray, connectivity: int) -> None:
    expected = measure.label(mask, connectivity=connectivity // 4)
    np.testing.assert_array_equal(image.label(mask, connectivity), expected)


def test_label_of_many_runs_and_of_a_stack() -> None:
    noise = RANDOM.random((200, 300)) < 0.5
    for connectivity in (4, 8):
        expected = measure.label(noise, connectivity=connectivity // 4)
        np.testing.assert_array_equal(image.label(noise, connectivity), expected)
    stack = RANDOM.random((5, 20, 20)) < 0.3
    assert image.label(stack, 4).max() == measure.label(stack, connectivity=1).max()
    assert image.label(stack, 8).max() == measure.label(stack, connectivity=3).max()


@given(small_masks)
def test_fill(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(image.fill(mask), ndimage.binary_fill_holes(mask))


@given(small_labels)
def test_inner_distance(labels: np.ndarray) -> None:
    expected = np.zeros(labels.shape)
    for one in (1, 2, 3):
        padded = np.pad(labels == one, 1)
        expected += ndimage.distance_transform_edt(padded)[1:-1, 1:-1] ** 2
    np.testing.assert_allclose(image.inner_distance(labels), expected, atol=1e-9)


@given(small_labels, st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.7, 40.0]))
def test_expand(labels: np.ndarray, distance: float) -> None:
    found = image.expand_or_shrink(labels, distance)
    places = {one: np.argwhere(labels == one) for one in (1, 2, 3)}
    for y, x in np.ndindex(labels.shape):
        near = {
            one: ((place - (y, x)) ** 2).sum(axis=1).min()
            for one, place in places.items()
            if len(place)
        }
        expected = min(near, key=lambda one: (near[one], one), default=0)
        if not near or near[expected] > distance**2:
            expected = 0
        assert found[y, x] == expected


def test_shrink() -> None:
    labels = image.label(MASK)
    found = image.expand_or_shrink(labels, -2)
    np.testing.assert_array_equal(found, np.where(image.inner_distance(labels) > 4, labels, 0))
    assert not image.expand_or_shrink(labels, -1000).any()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8]), st.booleans())
def test_watershed(seed: int, connectivity: int, masked: bool) -> None:
    random = np.random.default_rng(seed)
    # all levels differ, so that no order among equals matters
    landscape = random.permutation(30 * 40).reshape(30, 40).astype(np.uint16)
    markers = np.zeros(landscape.shape, np.int32)
    markers.ravel()[random.choice(markers.size, 12, False)] = np.arange(1, 13)
    mask = random.random(landscape.shape) < 0.8 if masked else None
    expected = segmentation.watershed(
        landscape.astype(np.int32), markers, mask=mask, connectivity=connectivity // 4
    )
    found = image.watershed(landscape, markers, mask, connectivity=connectivity)
    np.testing.assert_array_equal(found, expected)


def test_watershed_of_floats_of_stacks_and_for_any_threads() -> None:
    random = np.random.default_rng(1)
    stack = ndimage.gaussian_filter(random.normal(size=(8, 30, 30)), 1)
    markers = np.zeros(stack.shape, np.int32)
    markers.ravel()[random.choice(stack.size, 9, False)] = np.arange(1, 10)
    expected = segmentation.watershed(stack, markers)
    found = image.watershed(stack, markers)
    assert (found == expected).mean() > 0.999
    mask = MASK
    seeds = np.where(RANDOM.random(mask.shape) < 0.02, 1, 0).cumsum().reshape(mask.shape)
    seeds = np.where(RANDOM.random(mask.shape) < 0.02, seeds, 0).astype(np.int32)
    one = image.watershed(BLOBS, seeds, mask, threads=1)
    np.testing.assert_array_equal(image.watershed(BLOBS, seeds, mask, threads=4), one)


def test_watershed_of_pieces_that_lie_across_each_other() -> None:
    y, x = np.mgrid[:60, :60]
    mask = (y + x) % 4 < 2
    markers = np.where((y < 1) & mask, x + 1, 0).astype(np.int32)
    level = RANDOM.permutation(3600).reshape(60, 60).astype(np.uint16)
    expected = segmentation.watershed(level.astype(np.int32), markers, mask=mask)
    np.testing.assert_array_equal(image.watershed(level, markers, mask), expected)


def test_propagation_is_the_shortest_way() -> None:
    """Against Dijkstra on the graph of pixels."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    random = np.random.default_rng(3)
    picture = random.random((12, 13))
    markers = np.zeros(picture.shape, np.int32)
    markers[2, 3], markers[9, 8] = 1, 2
    weight = 0.3
    low, span = picture.min(), np.ptp(picture)
    scaled = ((picture.astype(np.float32) - np.float32(low)) / np.float32(span)).astype(float)
    padded = np.pad(scaled, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    rows, columns, costs = [], [], []
    for y, x in np.ndindex(picture.shape):
        for j in range(max(y - 1, 0), min(y + 2, 12)):
            for i in range(max(x - 1, 0), min(x + 2, 13)):
                apart = abs(j - y) + abs(i - x)
                if apart:
                    delta = np.abs(windows[y, x] - windows[j, i]).sum()
                    rows.append(y * 13 + x)
                    columns.append(j * 13 + i)
                    costs.append(np.sqrt(delta**2 + weight**2 * apart))
    graph = coo_array((costs, (rows, columns)), (156, 156))
    far = dijkstra(graph.tocsr(), indices=[2 * 13 + 3, 9 * 13 + 8])
    found = image.propagate(picture, markers, regularization=weight).ravel()
    clear = np.abs(far[0] - far[1]) > 1e-5
    np.testing.assert_array_equal(found[clear], np.where(far[0] < far[1], 1, 2)[clear])


def test_shares_cover_everything_once() -> None:
    for weights in ([], [5], [0, 0], [1] * 40, [1000, 1, 1, 1]):
        cuts = shares(np.array(weights, np.int64), 16)
        assert [i for a, b in cuts for i in range(a, b)] == list(range(len(weights)))
