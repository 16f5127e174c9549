"""Watershed of plateaus: pixels of one height are flooded in the order of scikit-image, too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure, segmentation

from limelight.core import image

TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64)


def check(landscape, markers, mask=None, connectivity=4):
    cells = landscape.ndim if connectivity == 8 else 1
    expected = segmentation.watershed(landscape, markers, mask=mask, connectivity=cells)
    found = image.watershed(landscape, markers, mask, connectivity=connectivity)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.one_of(
        st.tuples(st.integers(1, 30), st.integers(1, 30)),
        st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 12)),
    ),
    heights=st.sampled_from([1, 2, 3, 8, 200]),
    share=st.sampled_from([0.005, 0.05, 0.4, 0.9]),
    kind=st.sampled_from(TYPES),
    connectivity=st.sampled_from([4, 8]),
)
def test_constant_plateaus_and_noise_are_flooded_alike(
    seed, shape, heights, share, kind, connectivity
):
    rng = np.random.default_rng(seed)
    landscape = rng.integers(0, heights, shape).astype(kind)
    if np.dtype(kind).kind != "u":
        landscape = (landscape - heights // 2).astype(kind)
    markers = np.where(rng.random(shape) < share, rng.integers(1, 9, shape), 0).astype(np.int32)
    check(landscape, markers, connectivity=connectivity)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), connectivity=st.sampled_from([4, 8]))
def test_within_a_mask_that_hangs_together(seed, connectivity):
    rng = np.random.default_rng(seed)
    noise = image.smooth(rng.random((40, 45)).astype(np.float32), "gaussian", 2)
    pieces = measure.label(noise > np.median(noise), connectivity=1)
    mask = pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    landscape = rng.integers(0, 4, mask.shape).astype(np.uint16)
    markers = np.where(rng.random(mask.shape) < 0.1, rng.integers(1, 20, mask.shape), 0)
    check(landscape, markers.astype(np.int32), mask, connectivity)


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_camera_noise_without_a_mask(kind):
    """What most images are: wide plateaus of noise between few objects."""
    rng = np.random.default_rng(0)
    landscape = rng.poisson(20, (300, 340)).astype(kind)
    markers = np.zeros(landscape.shape, np.int32)
    for k, (y, x) in enumerate(rng.integers(5, 290, (30, 2))):
        markers[y - 4 : y + 5, x - 4 : x + 5] = k + 1
    check(landscape, markers)
    smooth = image.smooth(landscape, "gaussian", 1.5)
    check(np.invert(smooth) if kind is np.uint16 else -smooth, markers, connectivity=8)


def test_any_numbers_are_ordered():
    """Halves, signs, zeros of both signs, and numbers that no 32 bits hold."""
    rng = np.random.default_rng(1)
    markers = np.where(rng.random((20, 20)) < 0.05, rng.integers(1, 9, (20, 20)), 0)
    for values in (
        [-0.0, 0.0, 1.0],
        [-3e38, -1.5, 0.0, 1e-40, 3e38],
        [0, 2**40, -(2**40)],
        [0, 2**31, 2**32 - 1],
    ):
        for kind in (np.float32, np.float64, np.int64):
            if kind is np.int64 and not all(isinstance(v, int) for v in values):
                continue
            landscape = rng.choice(np.array(values).astype(kind), markers.shape)
            with np.errstate(over="ignore"):
                check(landscape, markers.astype(np.int32))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_in_pieces_all_but_the_order_of_equal_markers_is_the_same(seed):
    """Markers of one pixel each, all of different heights: nothing is left to chance."""
    rng = np.random.default_rng(seed)
    mask = rng.random((30, 30)) < 0.55
    landscape = rng.integers(0, 5, mask.shape).astype(np.int32)
    markers = np.zeros(mask.shape, np.int32)
    places = rng.choice(mask.size, 12, replace=False)
    markers.flat[places] = np.arange(1, 13)
    landscape.flat[places] = 10 + np.arange(12)
    check(landscape * 1, markers, mask)
