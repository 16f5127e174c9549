from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from limelight.core.detect._level import local_level

TILE = 8


def level(image):
    out = np.empty(image.shape, np.float32)
    local_level(np.ascontiguousarray(image), out)
    return out


def twin(image):
    """The same with numpy and scipy."""
    image = image.astype(np.float64)
    edges = [[*range(0, max(n // TILE, 1) * TILE, TILE)] for n in image.shape]
    sums = np.add.reduceat(np.add.reduceat(image, edges[0], axis=0), edges[1], axis=1)
    sizes = [np.diff([*e, n]) for e, n in zip(edges, image.shape, strict=True)]
    means = sums / np.outer(*sizes)
    around = sliding_window_view(np.pad(means, 1, mode="edge"), (3, 3))
    low = np.sort(around.reshape(*means.shape, 9))[..., 2]
    places = [
        np.clip((np.arange(n) - 0.5 * (TILE - 1)) / TILE, 0, len(e) - 1)
        for n, e in zip(image.shape, edges, strict=True)
    ]
    return ndimage.map_coordinates(low, np.meshgrid(*places, indexing="ij"), order=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60))
def test_it_is_a_low_mean_around_interpolated(seed, height, width):
    image = np.random.default_rng(seed).integers(0, 65535, (height, width)).astype(np.uint16)
    np.testing.assert_allclose(level(image), twin(image), rtol=1e-5, atol=0.05)


def test_haze_is_followed_and_molecules_are_not():
    y, x = np.mgrid[:96, :96]
    haze = 100 + 60 * np.exp(-((y - 40) ** 2 + (x - 50) ** 2) / (2 * 30.0**2))
    spot = 800 * np.exp(-((y - 40) ** 2 + (x - 50) ** 2) / (2 * 1.3**2))
    error = level(haze + spot) - haze
    assert error.max() < 5.0 and error[8:-8, 8:-8].max() < 2.0
    assert error[8:-8, 8:-8].min() > -40
    assert abs(level(haze + spot) - level(haze)).max() < 3.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_spoils_no_level(bad):
    image = np.full((32, 32), 7.0, np.float32)
    image[10, 20] = bad
    np.testing.assert_array_equal(level(image), 7.0)
    np.testing.assert_array_equal(level(np.full((20, 20), bad, np.float32)), 0.0)
