"""Phasor localization against a plain Fourier transform, and its precision."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.fit import fit_phasor
from limelight.core.fit.bounds import cramer_rao_bound, gaussian_spot


def simulate(count, photons, bg, sx=1.2, sy=None, box=7, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    mean = gaussian_spot(photons, bg, sx, sy, box=box, x=x, y=y)
    return rng.poisson(mean).astype(np.float32), x, y


def test_position_is_the_phase_of_the_first_coefficient():
    spots, _, _ = simulate(50, 1000, 10)
    result = fit_phasor(spots)
    for k, spot in enumerate(spots):
        # the box's centre has to be the origin
        plane = np.fft.fft2(np.roll(spot, (-3, -3), (0, 1)))
        assert result["x"][k] == pytest.approx(-np.angle(plane[0, 1]) * 7 / (2 * np.pi), abs=1e-5)
        assert result["y"][k] == pytest.approx(-np.angle(plane[1, 0]) * 7 / (2 * np.pi), abs=1e-5)


def test_a_background_does_not_matter():
    spots, _, _ = simulate(50, 1000, 10)
    low, high = fit_phasor(spots), fit_phasor(spots + 100)
    for name in ("x", "y", "sx", "photons"):
        np.testing.assert_allclose(low[name], high[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(high["bg"] - low["bg"], 100, rtol=1e-3)


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.0])
def test_data_without_noise_give_the_truth(sigma):
    sy = 1.3 if sigma == "separate" else 1.0
    spot = gaussian_spot(3000, 4, 1.0, sy, box=11, x=0.31, y=-0.42)[np.newaxis]
    result = fit_phasor(spot, sigma=sigma)
    expected = {"x": 0.31, "y": -0.42, "photons": 3000, "bg": 4, "sx": 1.0, "sy": sy}
    for name, value in expected.items():
        assert result[name][0] == pytest.approx(value, rel=0.01), name


def test_precision_is_the_one_stated_and_near_the_bound():
    spots, x, y = simulate(20_000, 1000, 10)
    result = fit_phasor(spots)
    error = np.concatenate([result["x"] - x, result["y"] - y])
    stated = np.concatenate([result["lpx"], result["lpy"]])
    assert np.sqrt(np.mean(error**2) / np.mean(stated**2)) == pytest.approx(1, abs=0.02)
    bound = cramer_rao_bound(1000, 10, 1.2, box=7, x=x, y=y)["x"]
    assert np.sqrt(np.mean(error**2) / np.mean(bound**2)) < 1.12
    assert result["photons"].mean() == pytest.approx(1000, rel=0.03)
    assert result["sx"].mean() == pytest.approx(1.2, rel=0.03)
    noisy = fit_phasor(spots[:9], variance=np.full((9, 7, 7), 10.0), excess=2.0)
    assert (noisy["lpx"] > 1.5 * result["lpx"][:9]).all()


def test_neighbours_and_bad_spots():
    spots, _, _ = simulate(40, 1000, 10)
    spots[3] = np.nan
    spots[17] = 0
    spots[20] = np.inf
    whole = fit_phasor(spots)
    order = np.random.default_rng(0).permutation(40)[:23]
    part = fit_phasor(spots[order])
    for name, column in whole.items():
        np.testing.assert_array_equal(column[order], part[name])
        assert np.isnan(column[[3, 17, 20]]).all()
        assert np.isfinite(np.delete(column, [3, 17, 20])).all()


def test_useless_arguments():
    with pytest.raises(ParameterError, match="odd"):
        fit_phasor(np.zeros((1, 6, 6)))
    with pytest.raises(ParameterError, match="sigma"):
        fit_phasor(np.zeros((1, 7, 7)), sigma="free")
