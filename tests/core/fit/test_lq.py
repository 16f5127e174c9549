"""Least squares against scipy, the published precision and ugly data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.special import erf

from limelight.core.errors import ParameterError
from limelight.core.fit import fit_lq, fit_mle
from limelight.core.fit.bounds import gaussian_spot, least_squares_precision

NAMES = ("x", "y", "photons", "bg", "sx", "sy")


def simulate(count, photons, bg, sx=1.3, sy=None, box=7, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    mean = gaussian_spot(photons, bg, sx, sy, box=box, x=x, y=y)
    return rng.poisson(mean).astype(np.float32), x, y


def twin(spot, sigma, guess):
    """Minimize the squares with scipy in float64; the model is written out again."""
    edges = np.arange(len(spot) + 1) - len(spot) / 2
    size = {"separate": 6, "shared": 5}.get(sigma, 4)

    def unpack(p):
        full = np.array(guess, dtype=np.float64)
        full[:size] = p
        if sigma == "shared":
            full[5] = full[4]
        return full

    def residuals(p):
        x, y, n, b, sx, sy = unpack(p)
        ex = np.diff(erf((edges - x) / (np.sqrt(2) * sx))) / 2
        ey = np.diff(erf((edges - y) / (np.sqrt(2) * sy))) / 2
        return (n * np.outer(ey, ex) + b - spot).ravel()

    start = np.array(guess[:size])
    found = least_squares(residuals, start, x_scale=np.abs(start) + 0.1, xtol=1e-12, ftol=1e-14)
    return unpack(found.x)


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
def test_result_is_that_of_scipy(sigma):
    spots, _, _ = simulate(24, 600, 8, 1.3, 1.4, seed=4)
    result = fit_lq(spots, sigma=sigma, tolerance=1e-3)
    for k in range(len(spots)):
        values = [float(result[name][k]) for name in NAMES]
        expected = twin(spots[k].astype(np.float64), sigma, values)
        scale = [result["lpx"][k], result["lpy"][k], 30, 0.5, 0.1, 0.1]
        for name, value, best, unit in zip(NAMES, values, expected, scale, strict=True):
            assert value == pytest.approx(best, abs=float(3e-3 * unit)), name


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
def test_precision_is_the_published_one(sigma):
    spots, x, y = simulate(20_000, 1000, 10)
    result = fit_lq(spots, sigma=sigma)
    error = np.concatenate([result["x"] - x, result["y"] - y])
    stated = np.concatenate([result["lpx"], result["lpy"]])
    assert np.sqrt(np.mean(error**2) / np.mean(stated**2)) == pytest.approx(1, abs=0.03)
    assert result["photons"].mean() == pytest.approx(1000, rel=0.01)
    assert result["sx"].mean() == pytest.approx(1.3, rel=0.005)
    better = fit_mle(spots, sigma=sigma)
    assert np.std(better["x"] - x) < 0.95 * np.std(result["x"] - x)


def test_stated_precision():
    spots, _, _ = simulate(20, 1000, 10)
    result = fit_lq(spots)
    n, b, s = (result[name].astype(np.float64) for name in ("photons", "bg", "sx"))
    np.testing.assert_allclose(result["lpx"], least_squares_precision(n, b, s), rtol=1e-5)
    gained = fit_lq(spots, excess=2.0)
    np.testing.assert_allclose(gained["lpx"], np.sqrt(2) * result["lpx"], rtol=1e-6)
    noisy = fit_lq(spots, variance=np.full(spots.shape, 7.0))
    np.testing.assert_array_equal(noisy["x"], result["x"])
    np.testing.assert_allclose(noisy["lpx"], least_squares_precision(n, b + 7, s), rtol=1e-5)


def test_data_without_noise_give_the_truth():
    for box in (5, 7, 13):
        spot = gaussian_spot(2000, 7, 1.1, 1.3, box=box, x=0.37, y=-0.21)[np.newaxis]
        result = fit_lq(spot, sigma="separate")
        for name, value in zip(NAMES, (0.37, -0.21, 2000, 7, 1.1, 1.3), strict=True):
            assert result[name][0] == pytest.approx(value, rel=1e-3), name


def test_units_do_not_matter():
    spots, _, _ = simulate(200, 1000, 10)
    usual = fit_lq(spots, tolerance=1e-3)
    for factor, offset in ((1e-4, 0.0), (1e4, 0.0), (3.0, -100.0)):
        other = fit_lq(factor * spots + offset, tolerance=1e-3)
        np.testing.assert_allclose(other["x"], usual["x"], atol=5e-4)
        np.testing.assert_allclose(other["photons"], factor * usual["photons"], rtol=5e-3)


def test_neighbours_and_blocks_do_not_matter():
    spots, _, _ = simulate(700, 300, 5)
    spots[::50] = np.nan
    spots[25::50] = 0
    whole = fit_lq(spots)
    order = np.random.default_rng(0).permutation(700)[:333]
    part = fit_lq(spots[order])
    for name, column in whole.items():
        np.testing.assert_array_equal(column[order], part[name])
    bad = np.isnan(whole["x"])
    assert bad[::50].all() and bad[25::50].all() and bad.mean() < 0.05
    assert all(np.isnan(whole[n][bad]).all() for n in (*NAMES, "lpx", "lpy"))


def test_useless_arguments():
    with pytest.raises(ParameterError, match="odd"):
        fit_lq(np.zeros((1, 6, 6)))
    with pytest.raises(ParameterError, match="sigma"):
        fit_lq(np.zeros((1, 7, 7)), sigma="xy")
    with pytest.raises(ParameterError, match="negative"):
        fit_lq(np.zeros((1, 7, 7)), variance=-np.ones((1, 7, 7)))
