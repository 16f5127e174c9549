"""Illumination, sharpness and the running median against plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from limelight.core.errors import ParameterError
from limelight.core.image.illumination import correct_illumination, flat_gain
from limelight.core.image.sharpness import SHARPNESS, intensities, sharpness
from limelight.core.image.temporal import RunningMedian

RNG = np.random.default_rng(0)


def test_uneven_light_becomes_even() -> None:
    y, x = np.mgrid[:60, :80]
    light = np.exp(-((y - 30) ** 2 + (x - 30) ** 2) / 4000)
    dark = RNG.uniform(95, 105, light.shape)
    gain = flat_gain(dark + 1000 * light, dark)
    sample = (dark + 3000 * light).astype(np.uint16)
    corrected = correct_illumination(sample, gain, dark, keep=50)
    assert corrected.dtype == np.uint16
    even = 3000 * light.mean()
    np.testing.assert_allclose(corrected, 50 + even, atol=even / (3000 * light.min()) * 1.6)
    assert corrected.std() < 0.01 * sample.std()


def test_gain_is_the_plain_formula_and_has_a_limit() -> None:
    flat = RNG.uniform(200, 900, (20, 30))
    expected = (flat - 100).mean() / (flat - 100)
    np.testing.assert_allclose(flat_gain(flat, 100.0), expected, rtol=1e-6)
    flat[3, 4] = 0
    assert flat_gain(flat, 100.0, least=0.05)[3, 4] == pytest.approx(20)


def test_correction_stays_in_the_type() -> None:
    image = np.array([[0, 255], [100, 101]], np.uint8)
    np.testing.assert_array_equal(
        correct_illumination(image, np.full((2, 2), 3, np.float32), 100.0), [[0, 255], [0, 3]]
    )
    real = correct_illumination(image.astype(np.float32), None, 100.0)
    np.testing.assert_array_equal(real, image.astype(float) - 100)


def test_bad_calibrations_are_told() -> None:
    with pytest.raises(ParameterError, match="not brighter"):
        flat_gain(np.full((4, 4), 90), 100.0)
    with pytest.raises(ParameterError, match="dark image"):
        flat_gain(np.ones((4, 4)), np.ones((5, 4)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_intensities_and_sharpness_are_numpys(dtype: type) -> None:
    image = RNG.integers(0, 250, (33, 47)).astype(dtype)
    plain = image.astype(float)
    values = intensities(image)
    assert values["mean"] == pytest.approx(plain.mean(), rel=1e-12)
    assert values["std"] == pytest.approx(plain.std(), rel=1e-9)
    assert (values["min"], values["max"]) == (plain.min(), plain.max())
    mean = plain.mean() - 10
    brenner = ((plain[:, 2:] - plain[:, :-2]) ** 2).mean() / mean**2
    assert sharpness(image, "brenner", 10) == pytest.approx(brenner, rel=1e-9)
    laplacian = ndimage.laplace(plain)[1:-1, 1:-1].var() / mean**2
    assert sharpness(image, "laplacian", 10) == pytest.approx(laplacian, rel=1e-9)
    assert sharpness(image, "variance", 10) == pytest.approx(plain.var() / mean**2, rel=1e-9)


@pytest.mark.parametrize("method", SHARPNESS)
def test_sharpness_falls_with_blur_and_not_with_light(method: str) -> None:
    spots = np.zeros((64, 64))
    spots[10::17, 8::13] = 1000
    values = [
        sharpness(100 + ndimage.gaussian_filter(spots, s), method, 100.0) for s in (1, 1.5, 2, 4)
    ]
    assert values == sorted(values, reverse=True)
    image = 100 + ndimage.gaussian_filter(spots, 1)
    assert sharpness(100 + (image - 100) * 7, method, 100.0) == pytest.approx(values[0])


def test_sharpness_of_nothing() -> None:
    assert math.isnan(sharpness(np.full((5, 5), 100), "brenner", 100.0))
    with pytest.raises(ParameterError, match="brenner"):
        sharpness(np.ones((5, 5)), "brener")
    with pytest.raises(ParameterError, match="3 x 3"):
        sharpness(np.ones((2, 5)))


@given(st.integers(1, 12), st.integers(1, 7), st.integers(1, 30), st.integers(0, 99))
def test_running_median_is_numpys(frames: int, every: int, count: int, seed: int) -> None:
    movie = np.random.default_rng(seed).integers(0, 1000, (count, 3, 4)).astype(np.uint16)
    running = RunningMedian(frames, every)
    expected = None
    for t, frame in enumerate(movie):
        median = running.add(frame)
        if t == 0 or t % every == 0 or (t < frames and t in (0, 1, 3, 7)):
            expected = np.median(movie[max(t - frames + 1, 0) : t + 1], axis=0)
        np.testing.assert_allclose(median, expected)


def test_running_median_refuses_nothing() -> None:
    with pytest.raises(ParameterError, match="at least one"):
        RunningMedian(0)
