from __future__ import annotations

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError


def test_photons_of_scalars_and_maps_agree():
    counts = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    scalar = Camera(baseline=5, sensitivity=0.5, gain=2)
    maps = Camera(baseline=np.full((3, 4), 5), sensitivity=np.full((3, 4), 0.5), gain=2)
    expected = (counts.astype(float) - 5) * 0.5 / 2
    for camera in (scalar, maps):
        photons = camera.to_photons(counts)
        assert photons.dtype == np.float32
        np.testing.assert_allclose(photons, expected)
    assert maps.has_maps and not scalar.has_maps
    assert maps.to_dict()["baseline"] == 5.0


def test_counts_below_the_baseline_stay_negative():
    assert Camera(baseline=100).to_photons(np.zeros((1, 1), np.uint16))[0, 0] == -100


def test_em_gain_doubles_the_variance():
    assert Camera(gain=300).excess_noise == 2.0
    assert Camera().excess_noise == 1.0


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"gain": 0.5}, "gain must be 1 or more"),
        ({"sensitivity": 0}, "sensitivity must be greater than 0"),
        ({"pixel_size_nm": -1}, "pixel_size_nm"),
        ({"read_noise": -1}, "read_noise"),
        ({"baseline": np.nan}, "baseline"),
        ({"baseline": np.zeros(3)}, "2D"),
        ({"baseline": np.full((2, 2), np.nan)}, "a map from"),
        ({"baseline": np.zeros((2, 2)), "read_noise": np.zeros((3, 3))}, "differ in shape"),
    ],
)
def test_a_wrong_value_is_named(values, word):
    with pytest.raises(ParameterError, match=word):
        Camera(**values)


def test_maps_must_fit_the_frames():
    camera = Camera(read_noise=np.ones((4, 5)))
    camera.check_shape((4, 5))
    with pytest.raises(ParameterError, match="do not fit"):
        camera.check_shape((5, 4))
    assert camera.replace(read_noise=1.0).shape is None
