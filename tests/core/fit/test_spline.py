"""The spline fit against the Cramér-Rao bound, scipy and ugly data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from limelight.core.errors import ParameterError
from limelight.core.fit.spline import Spline, fit_spline
from limelight.core.psf.spline import SplinePSF
from limelight.core.simulate import PupilPSF
from limelight.core.spots import Spots

BOX = 13
RANGE = {"astigmatic": 500.0, "saddle-point": 800.0}


@pytest.fixture(scope="module", params=RANGE)
def case(request):
    psf = PupilPSF(request.param)
    reach = RANGE[request.param]
    z = np.arange(-reach - 160, reach + 161, 40.0)
    volume = psf.image(0, 0, z, 23)
    share = psf.image(0, 0, 0, 23).sum()
    return psf, reach, SplinePSF.of(volume, psf.pixel_nm, 40.0), share


def bound(psf, x, y, z, photons, background, variance=0.0):
    h, dz = 0.02, 4.0
    places = ((x, y, z), (x + h, y, z), (x - h, y, z), (x, y + h, z), (x, y - h, z))
    places += ((x, y, z + dz), (x, y, z - dz))
    images = [psf.image(*p, BOX) for p in places]
    slopes = np.stack(
        [
            photons * (images[1] - images[2]) / (2 * h),
            photons * (images[3] - images[4]) / (2 * h),
            photons * (images[5] - images[6]) / (2 * dz),
            images[0],
            np.ones_like(images[0]),
        ]
    )
    noise = photons * images[0] + background + variance
    fisher = np.einsum("anyx,bnyx,nyx->nab", slopes, slopes, 1 / noise)
    return np.sqrt(np.diagonal(np.linalg.inv(fisher), axis1=1, axis2=2))


def simulate(psf, reach, count, repeats, photons, background, seed=0, variance=None):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    z = rng.uniform(-reach, reach, count)
    mean = photons * psf.image(x, y, z, BOX) + background
    spots = rng.poisson(np.repeat(mean, repeats, axis=0)).astype(np.float32)
    if variance is not None:
        spots += rng.normal(0, np.sqrt(variance), spots.shape).astype(np.float32)
    return spots, (x, y, z)


@pytest.mark.parametrize("with_map", [False, True])
def test_errors_are_within_three_percent_of_the_bound(case, with_map):
    psf, reach, model, share = case
    rng = np.random.default_rng(7)
    variance = rng.uniform(0.5, 30, (BOX, BOX)) if with_map else None
    spots, (x, y, z) = simulate(psf, reach, 300, 10, 3000, 20, variance=variance)
    given = None if variance is None else np.broadcast_to(variance, spots.shape)
    found = fit_spline(spots, model, variance=given)
    exact = bound(psf, x, y, z, 3000, 20, 0.0 if variance is None else variance)
    exact = np.repeat(exact, 10, axis=0)
    assert np.isfinite(found["x"]).mean() > 0.999
    good = np.isfinite(found["x"])
    for k, (name, truth) in enumerate((("x", x), ("y", y), ("z", z))):
        error = (found[name] - np.repeat(truth, 10))[good]
        ratio = np.sqrt(np.mean(error**2) / np.mean(exact[good, k] ** 2))
        assert ratio == pytest.approx(1, abs=0.03 + 0.02)  # 3000 spots: 1.3 % of chance
        stated = found["lp" + name][good]
        assert np.median(stated / exact[good, k]) == pytest.approx(1, abs=0.03)
    assert np.median(found["photons"][good]) == pytest.approx(3000 * share, rel=0.02)


def test_likelihood_and_errors_are_those_of_scipy(case):
    psf, reach, model, _ = case
    spots, _ = simulate(psf, 0.8 * reach, 4, 1, 4000, 10, seed=3)
    found = fit_spline(spots, model, tolerance=1e-3)
    for n in range(4):
        data = spots[n].astype(np.float64)

        def minus(p, data=data):
            mu = 1000 * p[3] * model.image(p[0], p[1], 100 * p[2], BOX)[0] + 10 * p[4]
            mu = np.maximum(mu, 1e-3)
            some = np.where(data > 0, data * np.log(mu / np.maximum(data, 1)), 0.0)
            return -float(np.sum(some - mu + data))

        start = [
            found[c][n] / s
            for c, s in zip(("x", "y", "z", "photons", "bg"), (1, 1, 100, 1000, 10), strict=True)
        ]
        best = minimize(
            minus,
            np.array(start, float),
            method="Nelder-Mead",
            options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 4000},
        )
        assert found["log_likelihood"][n] == pytest.approx(-best.fun, abs=0.01)
        assert found["x"][n] == pytest.approx(best.x[0], abs=0.05 * float(found["lpx"][n]))
        assert found["z"][n] == pytest.approx(100 * best.x[2], abs=0.05 * float(found["lpz"][n]))


def test_a_spot_depends_on_no_other(case):
    psf, reach, model, _ = case
    spots, _ = simulate(psf, reach, 40, 1, 2000, 15, seed=5)
    together = fit_spline(spots, model)
    spots[::2] = np.nan
    apart = fit_spline(spots, model)
    for name, column in together.items():
        assert (column[1::2] == apart[name][1::2]).all() or np.isnan(column[1::2]).any()
        if name != "iterations":
            assert np.isnan(apart[name][::2]).all()


def test_the_excess_noise_widens_the_errors_only(case):
    psf, reach, model, _ = case
    spots, _ = simulate(psf, 0.5 * reach, 5, 1, 3000, 10)
    plain, noisy = fit_spline(spots, model), fit_spline(spots, model, excess=2.0)
    assert (plain["x"] == noisy["x"]).all()
    assert noisy["lpz"] == pytest.approx(plain["lpz"] * np.sqrt(2), rel=1e-5)


def test_no_light_and_odd_data_do_not_stop_it(case):
    model = case[2]
    rng = np.random.default_rng(0)
    spots = np.stack(
        [
            np.zeros((BOX, BOX)),
            np.full((BOX, BOX), 1e6),
            np.full((BOX, BOX), -50.0),
            rng.poisson(5, (BOX, BOX)),
            np.eye(BOX) * 1e5,
            np.full((BOX, BOX), np.inf),
        ]
    ).astype(np.float32)
    found = fit_spline(spots, model)
    assert len(found["x"]) == 6 and np.isnan(found["x"][[0, 2, 5]]).all()
    assert len(fit_spline(spots[:0], model)["x"]) == 0


@pytest.mark.parametrize("box", [7, 17, 21])
def test_other_boxes_fit_too(case, box):
    psf, _, model, _ = case
    mean = 20_000 * psf.image([0.2], [-0.3], [60.0], box) + 5
    found = fit_spline(mean.astype(np.float32), model)
    assert found["x"][0] == pytest.approx(0.2, abs=0.02)
    assert found["y"][0] == pytest.approx(-0.3, abs=0.02)
    assert found["z"][0] == pytest.approx(60, abs=6)


def test_wrong_arguments_are_named(case):
    model = case[2]
    with pytest.raises(ParameterError, match="larger than the 21 px"):
        fit_spline(np.ones((1, 23, 23)), model)
    with pytest.raises(ParameterError, match="at least 5"):
        fit_spline(np.ones((1, 3, 3)), model)
    with pytest.raises(ParameterError, match="starts"):
        fit_spline(np.ones((1, 9, 9)), model, starts=0)
    spots = Spots(np.ones((1, 9, 9), np.float32))
    with pytest.raises(ParameterError, match="limelight psf spline"):
        Spline().fit(spots)
    assert len(Spline().fit_calibrated(spots, model)["x"]) == 1
