from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from limelight.core import image
from limelight.core.errors import ParameterError


def line_image() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:120, :140]
    straight = (np.abs(y - 0.5 * x - 20) / np.hypot(1, 0.5) < 1.5) & (x > 20) & (x < 110)
    arc = np.abs(np.hypot(y - 90, x - 40) - 25) < 1.5
    truth = straight | (arc & (y > 85))
    light = ndimage.gaussian_filter(truth * 300.0, 1) + 100
    return np.random.default_rng(0).poisson(light).astype(np.uint16), truth


def test_lines_are_found() -> None:
    counts, truth = line_image()
    mask, lines = image.detect_lines(counts, 3, 4, 20)
    far = ndimage.distance_transform_edt(~truth)
    assert (far[lines > 0] <= 2).mean() > 0.97
    near = ndimage.distance_transform_edt(lines == 0)
    assert (near[truth] <= 3).mean() > 0.95
    assert (lines > 0).sum() < 0.5 * mask.sum()
    assert not (mask < (lines > 0)).any()
    np.testing.assert_array_equal(image.detect_lines(counts, 3, 4, 20, threads=3).lines, lines)


def test_ridge_of_a_known_line() -> None:
    x = np.arange(-30, 31)
    s = 2.0
    profile = np.exp(-0.5 * (x / s) ** 2)
    found = image.ridges(np.tile(profile, (40, 1)), 2 * s)
    # a Gaussian line, smoothed by as much: its second derivative at the middle, but for the grid
    wide = 2 * s * s
    expected = s / np.sqrt(wide) / wide * s * s
    assert found[20, 30] == pytest.approx(expected, rel=0.05)
    assert found[:, 0].max() < 1e-6


@given(arrays(np.bool_, st.tuples(st.integers(1, 15), st.integers(1, 15))))
def test_thin_keeps_pieces_together(mask: np.ndarray) -> None:
    found = image.thin(mask)
    assert not (found & ~mask).any()
    np.testing.assert_array_equal(image.thin(found), found)
    pieces = image.label(mask)
    thinned = image.label(found)
    # no piece falls apart; a square of four may vanish (Zhang and Suen)
    for number in range(1, pieces.max() + 1):
        assert len(np.unique(thinned[(pieces == number) & found])) <= 1


def test_lines_of_nothing() -> None:
    for counts in (np.zeros((20, 20), np.uint8), np.full((20, 20), 7.0), np.zeros((0, 4))):
        mask, lines = image.detect_lines(counts)
        assert not mask.any()
        assert lines.shape == counts.shape
    with pytest.raises(ParameterError, match="not finite"):
        image.detect_lines(np.full((5, 5), np.nan))
    with pytest.raises(ParameterError, match="width"):
        image.ridges(np.zeros((5, 5)), 0)
    with pytest.raises(ParameterError, match="float64"):
        image.thin(np.zeros((5, 5)))
