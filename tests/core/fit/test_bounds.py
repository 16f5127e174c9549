"""Bounds against numerical integration, numerical derivatives and published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from limelight.core.errors import ParameterError
from limelight.core.fit.bounds import (
    PARAMETERS,
    cramer_rao_bound,
    fisher_information,
    gaussian_spot,
    least_squares_precision,
    mortensen_precision,
    rieger_stallinga_precision,
    thompson_precision,
)


def test_model_is_the_integral_over_the_pixel():
    spot = gaussian_spot(1000, 3, 1.1, 1.6, box=5, x=0.3, y=-0.4)
    for row, column in [(0, 0), (2, 3), (4, 1)]:

        def density(y, x):
            u, v = (x - 0.3) / 1.1, (y + 0.4) / 1.6
            return np.exp(-0.5 * (u * u + v * v)) / (2 * np.pi * 1.1 * 1.6)

        x0, y0 = column - 2.5, row - 2.5
        share = dblquad(density, x0, x0 + 1, y0, y0 + 1)[0]
        assert spot[row, column] == pytest.approx(1000 * share + 3, rel=1e-7)


def test_fisher_information_is_that_of_numerical_derivatives():
    values = {"x": 0.2, "y": -0.3, "photons": 700.0, "bg": 4.0, "sx": 1.2, "sy": 1.5}
    extra = np.random.default_rng(0).uniform(0, 9, (7, 7))
    mean = gaussian_spot(**values, box=7)
    slopes = []
    for name in PARAMETERS:
        h = 1e-4 * max(1, values[name])
        up, down = ({**values, name: values[name] + s * h} for s in (1, -1))
        slopes.append((gaussian_spot(**up, box=7) - gaussian_spot(**down, box=7)) / (2 * h))
    expected = np.einsum("aij,bij,ij->ab", slopes, slopes, 1 / (mean + extra)) / 2
    found = fisher_information(**values, box=7, variance=extra, excess=2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("photons", "bg", "nanometres"), [(300, 5, 11.35), (1000, 10, 5.67), (5000, 50, 2.53)]
)
def test_reference_values(photons, bg, nanometres):
    # 130 nm wide, pixels of 100 nm, box 7, averaged over the position in the pixel
    grid = np.linspace(-0.45, 0.45, 10)
    x, y = np.meshgrid(grid, grid)
    bound = cramer_rao_bound(photons, bg, 1.3, box=7, x=x, y=y)["x"]
    assert 100 * np.sqrt(np.mean(bound**2)) == pytest.approx(nanometres, rel=0.005)


def test_thompson_is_too_optimistic():
    assert 100 * thompson_precision(1000, 10, 1.3) == pytest.approx(4.99, abs=0.005)
    assert thompson_precision(1000, 10, 1.3) < cramer_rao_bound(1000, 10, 1.3, box=7)["x"]


@pytest.mark.parametrize("bg", [0.0, 0.01, 1.0, 30.0, 1000.0])
def test_mortensen_is_the_integral_of_the_paper(bg):
    squared = 1.3**2 + 1 / 12
    expected = np.sqrt(squared / 1000)
    if bg:
        tau = 2 * np.pi * squared * bg / 1000
        integral = quad(lambda t: np.log(t) / (1 + t / tau), 0, 1)[0]
        expected /= np.sqrt(1 + integral)
    assert mortensen_precision(1000, bg, 1.3) == pytest.approx(expected, rel=1e-6)


def test_approximations_are_near_each_other():
    bg = np.array([0.0, 0.1, 1.0, 10.0, 100.0])
    exact = mortensen_precision(1000, bg, 1.3)
    np.testing.assert_allclose(rieger_stallinga_precision(1000, bg, 1.3), exact, rtol=0.05)
    assert (least_squares_precision(1000, bg, 1.3) > exact).all()
    wide = cramer_rao_bound(1000, bg, 2.0, box=31, free=("x", "y"))["x"]
    np.testing.assert_allclose(wide, mortensen_precision(1000, bg, 2.0), rtol=0.01)


def test_unknown_parameters_cost_precision():
    known = cramer_rao_bound(500, 10, 1.2, box=7, x=0.3, free=("x", "photons"))
    more = cramer_rao_bound(500, 10, 1.2, box=7, x=0.3)
    most = cramer_rao_bound(
        500, 10, 1.2, box=7, x=0.3, free=("x", "y", "photons", "bg", "sx", "sy")
    )
    assert known["photons"] < more["photons"] < most["photons"]
    assert known["x"] <= more["x"] <= most["x"]
    assert list(more) == ["x", "y", "photons", "bg", "sigma"]
    # one width from both axes is known better than either alone
    assert more["sigma"] < most["sx"]


def test_noise_of_the_camera():
    bound = cramer_rao_bound(500, 10, 1.2, box=7)["x"]
    assert cramer_rao_bound(500, 10, 1.2, box=7, excess=2.0)["x"] == pytest.approx(
        bound * np.sqrt(2)
    )
    read = cramer_rao_bound(500, 10, 1.2, box=7, variance=np.full((7, 7), 4.0))["x"]
    # a uniform variance is as bad as that much more background, known to be there
    assert read == pytest.approx(cramer_rao_bound(500, 14, 1.2, box=7)["x"], rel=1e-9)


def test_arrays_are_broadcast():
    bound = cramer_rao_bound(np.array([[300.0], [1000.0]]), np.array([1.0, 5.0, 9.0]), 1.3, box=7)
    assert bound["x"].shape == (2, 3)
    assert bound["x"][1, 2] == pytest.approx(cramer_rao_bound(1000, 9, 1.3, box=7)["x"])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"free": ("x", "z")}, "free"),
        ({"free": ()}, "free"),
        ({"free": ("x", "x")}, "once"),
        ({"free": ("x", "sigma", "sx")}, "not both"),
        ({"box": 8}, "odd"),
        ({"photons": 0}, "photons"),
        ({"sx": -1}, "widths"),
        ({"bg": -1}, "bg"),
        ({"bg": np.nan}, "bg"),
    ],
)
def test_useless_arguments(change, word):
    arguments = {"photons": 1000, "bg": 10, "sx": 1.3, "box": 7} | change
    with pytest.raises(ParameterError, match=word):
        cramer_rao_bound(**arguments)
