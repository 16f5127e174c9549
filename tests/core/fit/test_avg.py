"""The average of the box."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.fit import fit_avg


def test_photons_are_the_sum():
    spots = np.random.default_rng(0).poisson(20, (5, 7, 7)).astype(np.uint16)
    result = fit_avg(spots)
    np.testing.assert_array_equal(result["photons"], spots.sum(axis=(1, 2)))
    for name, value in {"x": 0, "y": 0, "bg": 0, "sx": 1, "sy": 1}.items():
        np.testing.assert_array_equal(result[name], value)
    np.testing.assert_allclose(result["lpx"], np.std(np.linspace(-0.5, 0.5, 100_001)), rtol=1e-4)
    assert all(column.dtype == np.float32 for column in result.values())


def test_bad_pixels_are_marked():
    spots = np.ones((3, 5, 5))
    spots[1, 2, 2] = np.nan
    result = fit_avg(spots)
    for column in result.values():
        np.testing.assert_array_equal(np.isnan(column), [False, True, False])


def test_useless_arguments():
    with pytest.raises(ParameterError, match="shape"):
        fit_avg(np.zeros((3, 5, 7)))
