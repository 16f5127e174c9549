from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import erf

from limelight.core.errors import ParameterError
from limelight.core.fit.mle import fit_mle
from limelight.core.fit.significance import SIGNIFICANT, examine, is_significant
from limelight.core.simulate.optics import add_spots


def _spots(count, box, rng, photons=1500.0, background=10.0, sx=1.2, sy=1.2, second=None):
    images = np.empty((count, box, box))
    centre = rng.uniform(-0.5, 0.5, (count, 2)) + box // 2
    for image, (x, y) in zip(images, centre, strict=True):
        image[:] = background
        parts = [(x, y, photons)]
        if second:
            parts = [(x, y, photons), (x + second[0], y + second[1], photons)]
        px, py, n = (np.array(v, float) for v in zip(*parts, strict=True))
        add_spots(image, px, py, n, np.full(len(px), sx), np.full(len(px), sy))
    return images


def _axis(box, centre, sigma):
    edges = np.arange(box + 1) - box / 2 - centre
    gauss = np.exp(-0.5 * (edges / sigma) ** 2) / np.sqrt(2 * np.pi) / sigma
    share = np.diff(0.5 * erf(edges / sigma / np.sqrt(2)))
    return share, -np.diff(gauss), -np.diff(edges / sigma * gauss)


def _twin(photons, variance, fit, k):
    """The three tests for spot k in plain numpy."""
    box = photons.shape[1]
    v = np.zeros((box, box)) if variance is None else variance[k].astype(float)
    d = photons[k].astype(float) + v
    x, y, n, b, s = (float(fit[c][k]) for c in ("x", "y", "photons", "bg", "sx"))
    ex, dx, vx = _axis(box, x, s)
    ey, dy, vy = _axis(box, y, s)
    mu = n * np.outer(ey, ex) + b + v

    def likelihood(model):
        ratio = np.where(d > 0, model / np.where(d > 0, d, 1), 1)
        return np.where(d > 0, d * np.log(ratio) - model + d, -model).sum()

    mean = photons[k].mean()
    best = minimize_scalar(lambda c: -likelihood(c + v), bounds=(0.3 * mean, 3 * mean))
    empty = -best.fun
    w = d / mu - 1
    a = 0.5 / s * (np.outer(ey, vx) - np.outer(vy, ex))
    c = np.outer(dy, dx)
    elongation = (w * a).sum() ** 2 / (a**2 / mu).sum() + (w * c).sum() ** 2 / (c**2 / mu).sum()
    best = 0.0
    taps = _axis(5, 0.0, s)[0]
    for j in range(1, box - 1):
        for i in range(1, box - 1):
            t = np.zeros((box + 4, box + 4))
            t[j : j + 5, i : i + 5] = np.outer(taps, taps)
            t = t[2:-2, 2:-2]
            best = max(best, (t * w).sum() / np.sqrt((t**2 / mu).sum()))
    return likelihood(mu) - empty, elongation, best


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("box", [5, 7, 11])
def test_against_plain_numpy(box, noisy):
    rng = np.random.default_rng(box)
    spots = rng.poisson(_spots(20, box, rng)).astype(np.float32)
    variance = None
    if noisy:
        variance = rng.uniform(0.5, 30, spots.shape).astype(np.float32)
        spots += rng.normal(0, np.sqrt(variance)).astype(np.float32)
    fit = fit_mle(spots, variance=variance)
    tests = examine(spots, fit, variance=variance)
    for k in np.flatnonzero(np.isfinite(fit["x"])):
        gain, elongation, leftover = _twin(spots, variance, fit, k)
        assert tests["significance"][k] == pytest.approx(gain, rel=1e-3, abs=0.05)
        assert tests["elongation"][k] == pytest.approx(elongation, rel=1e-2, abs=0.01)
        assert tests["leftover"][k] == pytest.approx(leftover, rel=1e-2, abs=0.01)


def test_a_molecule_alone_passes_as_often_as_it_should():
    rng = np.random.default_rng(1)
    spots = rng.poisson(_spots(20_000, 7, rng)).astype(np.float32)
    tests = examine(spots, fit_mle(spots))
    for limit in (4.6, 9.2):
        expected = stats.chi2(2).sf(limit)
        assert (tests["elongation"] > limit).mean() == pytest.approx(expected, rel=0.25)
    assert (tests["leftover"] > 3.5).mean() < 0.004
    assert is_significant(tests).all()


def test_two_molecules_are_noticed():
    rng = np.random.default_rng(2)
    spots = rng.poisson(_spots(200, 7, rng, second=(1.2, 0.9))).astype(np.float32)
    assert (examine(spots, fit_mle(spots))["elongation"] > 9).mean() > 0.95
    spots = rng.poisson(_spots(200, 11, rng, second=(0.0, 4.2))).astype(np.float32)
    tests = examine(spots, fit_mle(spots))
    assert (np.fmax(tests["leftover"] / 3.5, tests["elongation"] / 9) > 1).mean() > 0.95


def test_noise_is_not_significant():
    rng = np.random.default_rng(3)
    spots = rng.poisson(10.0, (20_000, 7, 7)).astype(np.float32)
    tests = examine(spots, fit_mle(spots))
    assert is_significant(tests).mean() < 2e-3
    assert not is_significant({"significance": np.array([np.nan], np.float32)})[0]
    assert SIGNIFICANT > 10


def test_excess_noise_is_taken_into_account():
    rng = np.random.default_rng(4)
    clean = _spots(4000, 7, rng)
    em = (rng.gamma(np.maximum(rng.poisson(clean), 1e-9), 1.0)).astype(np.float32)
    tests = examine(em, fit_mle(em, excess=2.0), excess=2.0)
    assert np.nanmean(tests["elongation"] > 9.2) == pytest.approx(0.01, abs=0.008)


def test_failed_fits_stay_nan():
    spots = np.full((18, 7, 7), np.nan, np.float32)
    rng = np.random.default_rng(5)
    spots[0] = rng.poisson(_spots(1, 7, rng)[0])
    tests = examine(spots, fit_mle(spots))
    for name, values in tests.items():
        assert np.isfinite(values[0]), name
        assert np.isnan(values[1:]).all(), name


def test_bad_input_is_named():
    spots = np.ones((2, 7, 7), np.float32)
    fit = fit_mle(spots)
    with pytest.raises(ParameterError, match="5 pixels"):
        examine(np.ones((2, 3, 3)), fit)
    with pytest.raises(ParameterError, match="rows"):
        examine(spots[:1], fit)
    del fit["bg"]
    with pytest.raises(ParameterError, match="'bg'"):
        examine(spots, fit)
    empty = np.empty((0, 7, 7), np.float32)
    assert examine(empty, fit_mle(empty))["significance"].shape == (0,)
