"""Maximum likelihood against scipy, the Cramér-Rao bound and ugly data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import erf, xlogy

from limelight.core.errors import ParameterError
from limelight.core.fit import fit_mle
from limelight.core.fit.bounds import cramer_rao_bound, gaussian_spot

NAMES = ("x", "y", "photons", "bg", "sx", "sy")
ERRORS = ("lpx", "lpy", "photons_unc", "bg_unc", "sx_unc", "sy_unc")
FREE = {
    "shared": ("x", "y", "photons", "bg", "sigma"),
    "separate": NAMES,
    1.3: ("x", "y", "photons", "bg"),
}


def simulate(count, photons, bg, sx=1.3, sy=None, box=7, seed=0, variance=None):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, 0.5, (2, count))
    mean = gaussian_spot(photons, bg, sx, sy, box=box, x=x, y=y)
    spots = rng.poisson(mean).astype(np.float32)
    if variance is not None:
        spots += rng.normal(0, np.sqrt(variance), spots.shape).astype(np.float32)
    return spots, x, y


def twin(spot, variance, sigma, guess):
    """Maximize the likelihood with scipy in float64; the model is written out again."""
    edges = np.arange(len(spot) + 1) - len(spot) / 2
    scale = np.array([0.1, 0.1, 0.05 * guess[2], 0.5, 0.1, 0.1])

    def unpack(p):
        full = np.array(guess, dtype=np.float64)
        if sigma == "separate":
            full[:] = p * scale
        elif sigma == "shared":
            full[:5] = p * scale[:5]
            full[5] = full[4]
        else:
            full[:4] = p * scale[:4]
        return full

    def minus_log_likelihood(p):
        x, y, n, b, sx, sy = unpack(p)
        ex = np.diff(erf((edges - x) / (np.sqrt(2) * sx))) / 2
        ey = np.diff(erf((edges - y) / (np.sqrt(2) * sy))) / 2
        mu = n * np.outer(ey, ex) + b + variance
        return np.sum(mu - (spot + variance) * np.log(mu))

    size = {"separate": 6, "shared": 5}.get(sigma, 4)
    found = minimize(
        minus_log_likelihood,
        (np.array(guess) / scale)[:size],
        method="BFGS",
        jac="3-point",
        options={"gtol": 1e-5},
    )
    return unpack(found.x)


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
@pytest.mark.parametrize("camera", ["ideal", "sCMOS"])
def test_result_is_that_of_scipy(sigma, camera):
    rng = np.random.default_rng(3)
    variance = rng.uniform(0, 20, (7, 7)) if camera == "sCMOS" else np.zeros((7, 7))
    spots, _, _ = simulate(24, 600, 8, 1.3, 1.4, seed=4, variance=variance)
    maps = np.broadcast_to(variance, spots.shape) if camera == "sCMOS" else None
    result = fit_mle(spots, sigma=sigma, variance=maps, tolerance=1e-3)
    for k in range(len(spots)):
        values = [float(result[name][k]) for name in NAMES]
        expected = twin(spots[k].astype(np.float64), variance, sigma, values)
        for name, error, value, best in zip(NAMES, ERRORS, values, expected, strict=True):
            if error.startswith("s") and sigma == 1.3:
                continue
            assert value == pytest.approx(best, abs=float(2e-3 * result[error][k])), name


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
def test_errors_are_the_bound_at_the_solution(sigma):
    spots, _, _ = simulate(100, 800, 5)
    variance = np.random.default_rng(0).uniform(0, 10, spots.shape)
    for maps in (None, variance):
        result = fit_mle(spots, sigma=sigma, variance=maps)
        bound = cramer_rao_bound(
            *(result[n].astype(np.float64) for n in ("photons", "bg", "sx", "sy")),
            box=7, x=result["x"], y=result["y"], variance=maps, free=FREE[sigma],
        )  # fmt: skip
        for name, error in zip(NAMES, ERRORS, strict=True):
            key = "sigma" if sigma == "shared" and name in ("sx", "sy") else name
            expected = bound.get(key, np.zeros(100))
            np.testing.assert_allclose(result[error], expected, rtol=2e-3)


def test_log_likelihood_is_relative_to_the_perfect_model():
    spots, _, _ = simulate(200, 500, 2)
    variance = np.random.default_rng(0).uniform(0, 3, spots.shape)
    assert (spots == 0).any()
    for maps in (None, variance):
        result = fit_mle(spots, variance=maps)
        extra = 0.0 if maps is None else maps
        mu = extra + gaussian_spot(
            *(result[n].astype(np.float64) for n in ("photons", "bg", "sx", "sy")),
            box=7, x=result["x"], y=result["y"],
        )  # fmt: skip
        d = spots + extra
        expected = np.sum(xlogy(d, mu) - xlogy(d, d) - mu + d, axis=(1, 2))
        np.testing.assert_allclose(result["log_likelihood"], expected, rtol=1e-4)
    assert -25 < np.mean(expected) < -15


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
@pytest.mark.parametrize(
    ("photons", "bg", "limit"), [(200, 2, 1.05), (500, 5, 1.02), (1000, 10, 1.02), (5000, 50, 1.02)]
)
def test_precision_reaches_the_bound(sigma, photons, bg, limit):
    spots, x, y = simulate(20_000, photons, bg, seed=photons)
    result = fit_mle(spots, sigma=sigma)
    good = np.isfinite(result["x"])
    assert good.mean() > 0.9995
    bound = cramer_rao_bound(photons, bg, 1.3, box=7, x=x, y=y, free=FREE[sigma])
    error = np.concatenate([(result["x"] - x)[good], (result["y"] - y)[good]])
    exact = np.concatenate([bound["x"][good], bound["y"][good]])
    assert np.sqrt(np.mean(error**2) / np.mean(exact**2)) < limit + 0.005  # 0.5 %: chance
    stated = np.concatenate([result["lpx"][good], result["lpy"][good]])
    if photons >= 500:
        assert np.sqrt(np.mean(error**2) / np.mean(stated**2)) == pytest.approx(1, abs=0.03)
        assert result["photons"].mean() == pytest.approx(photons, rel=0.0125)
        assert result["sx"].mean() == pytest.approx(1.3, rel=0.005)
        spread = np.std(result["photons"]) / np.sqrt(np.mean(result["photons_unc"] ** 2))
        assert spread == pytest.approx(1, abs=0.1)


@given(
    box=st.sampled_from([5, 7, 9, 11, 13, 15]),
    x=st.floats(-0.6, 0.6),
    y=st.floats(-0.6, 0.6),
    photons=st.floats(200, 50_000),
    bg=st.floats(0.5, 100),
    sx=st.floats(0.8, 1.5),
    sy=st.floats(0.8, 1.5),
)
@settings(max_examples=60, deadline=None)
def test_data_without_noise_give_the_truth(box, x, y, photons, bg, sx, sy):
    spot = gaussian_spot(photons, bg, sx, sy, box=box, x=x, y=y)[np.newaxis]
    result = fit_mle(spot, sigma="separate", tolerance=1e-3)
    for name, error, value in zip(NAMES, ERRORS, (x, y, photons, bg, sx, sy), strict=True):
        # the rounding of float32 pixels is a little noise of its own
        tolerance = 2e-3 * result[error][0] + 2e-6 * (abs(value) + photons * (name == "bg"))
        assert result[name][0] == pytest.approx(value, abs=float(tolerance)), name


@pytest.mark.parametrize("sigma", ["shared", "separate"])
def test_background_at_its_limit(sigma):
    # so wide for the box that light and background are hard to tell apart
    spots, _, _ = simulate(400, 1000, 10, 2.0)
    result = fit_mle(spots, sigma=sigma, tolerance=1e-3)
    assert np.isfinite(result["x"]).all()
    held = np.flatnonzero(result["bg"] < 0.0101)
    assert len(held) > 10
    edges = np.arange(8) - 3.5
    for k in held[:10]:

        def minus_log_likelihood(p, spot=spots[k]):
            ex = np.diff(erf((edges - p[0]) / (np.sqrt(2) * p[3]))) / 2
            ey = np.diff(erf((edges - p[1]) / (np.sqrt(2) * p[4 if len(p) > 4 else 3]))) / 2
            mu = 1000 * p[2] * np.outer(ey, ex) + 0.01
            return np.sum(mu - spot * np.log(mu))

        start = [0.0, 0.0, 1.0, 2.0, 2.0][: 5 if sigma == "separate" else 4]
        best = minimize(
            minus_log_likelihood, start, method="L-BFGS-B", jac="3-point",
            bounds=[(-2, 2), (-2, 2), (0.1, 20), (0.5, 5), (0.5, 5)][: len(start)],
            options={"ftol": 1e-14, "gtol": 1e-6},
        ).x  # fmt: skip
        for name, scale, value in zip(
            ("x", "y", "photons", "sx", "sy"), (1, 1, 1000, 1, 1), best, strict=False
        ):
            assert result[name][k] == pytest.approx(scale * value, rel=2e-3, abs=1e-3), name


def ugly_spots():
    rng = np.random.default_rng(0)
    pictures = [
        np.zeros((7, 7)),
        -np.ones((7, 7)),
        np.full((7, 7), np.nan),
        np.full((7, 7), np.inf),
        np.full((7, 7), 1e6),
        np.full((7, 7), 1e38),
        1e4 * np.eye(7),
        rng.normal(0, 1, (7, 7)),
        rng.poisson(10, (7, 7)),
        np.pad([[1e5]], 3),
        np.pad([[1e5]], ((0, 6), (0, 6))),
        np.arange(49).reshape(7, 7),
        np.pad(np.full((7, 5), 100.0), ((0, 0), (0, 2))),
        np.full((7, 7), 1e-30),
        np.where(np.eye(7), np.nan, 5.0),
        np.where(np.arange(7) % 2, 1000.0, -1000.0) * np.ones((7, 1)),
    ]
    return np.array(pictures, dtype=np.float32)


@pytest.mark.parametrize("sigma", ["shared", "separate", 1.3])
def test_ugly_spots_are_marked(sigma):
    spots = ugly_spots()
    result = fit_mle(spots, sigma=sigma)
    table = np.array([result[n] for n in (*NAMES, *ERRORS, "log_likelihood")])
    whole = np.isfinite(table).all(axis=0)
    empty = np.isnan(table).all(axis=0)
    assert (whole | empty).all()
    assert empty[[0, 1, 2, 3, 5, 14]].all()
    assert (result["iterations"] > 0).all()


def same(a, b):
    return all(np.array_equal(a[n], b[n], equal_nan=n != "iterations") for n in a)


@given(st.randoms(use_true_random=False), st.sampled_from(["shared", "separate", 1.3]))
@settings(max_examples=30, deadline=None)
def test_a_spot_does_not_see_the_others(random, sigma):
    spots, _, _ = simulate(60, 400, 5)
    spots = np.concatenate([spots, ugly_spots()])
    variance = np.random.default_rng(1).uniform(0, 5, spots.shape).astype(np.float32)
    for maps in (None, variance):
        whole = fit_mle(spots, sigma=sigma, variance=maps)
        order = np.array(random.sample(range(len(spots)), random.randint(1, len(spots))))
        part = fit_mle(spots[order], sigma=sigma, variance=None if maps is None else maps[order])
        assert same({n: c[order] for n, c in whole.items()}, part)


def test_blocks_do_not_matter():
    spots, _, _ = simulate(1300, 400, 5)
    whole = fit_mle(spots)
    parts = [fit_mle(spots[a : a + 97]) for a in range(0, len(spots), 97)]
    assert same(whole, {n: np.concatenate([p[n] for p in parts]) for n in whole})


def test_number_types_do_not_matter():
    spots, _, _ = simulate(30, 400, 5)
    expected = fit_mle(spots)
    for kind in (np.uint16, np.int32, np.float64):
        assert same(expected, fit_mle(spots.astype(kind)))
    assert same(expected, fit_mle(np.asfortranarray(spots)))
    assert all(c.dtype == np.float32 for n, c in expected.items() if n != "iterations")
    assert expected["iterations"].dtype == np.int32


def test_no_spots_and_one():
    empty = fit_mle(np.empty((0, 7, 7), np.float32))
    assert all(len(c) == 0 for c in empty.values())
    spots, _, _ = simulate(1, 1000, 5)
    assert abs(fit_mle(spots)["photons"][0] - 1000) < 200


def test_noise_map_of_the_camera_pays():
    rng = np.random.default_rng(5)
    # a few hot pixels among quiet ones, as sCMOS sensors have them
    variance = np.where(rng.random((4000, 7, 7)) < 0.15, 400.0, 2.0).astype(np.float32)
    spots, x, _ = simulate(4000, 500, 5, seed=6, variance=variance)
    blind = fit_mle(spots)
    seeing = fit_mle(spots, variance=variance)

    def rmse(result):
        return np.sqrt(np.nanmean((result["x"] - x) ** 2))

    assert rmse(seeing) < 0.75 * rmse(blind)
    assert np.sqrt(np.nanmean(((seeing["x"] - x) / seeing["lpx"]) ** 2)) == pytest.approx(
        1, abs=0.05
    )


def test_a_subtracted_background_leaves_no_bias():
    spots, x, _ = simulate(20_000, 1000, 20)
    variance = np.full(spots.shape, 20.0, np.float32)
    result = fit_mle(spots - 20, variance=variance)
    assert result["bg"].mean() == pytest.approx(0, abs=0.3)
    assert (result["bg"] < 0).mean() > 0.3
    assert result["photons"].mean() == pytest.approx(1000, rel=0.02)
    plain = fit_mle(spots)
    np.testing.assert_allclose(np.std(result["x"] - x), np.std(plain["x"] - x), rtol=0.01)


def test_excess_noise_of_em_gain():
    rng = np.random.default_rng(7)
    spots, x, _ = simulate(20_000, 1500, 10, seed=8)
    spots = rng.gamma(np.maximum(spots, 1e-3)).astype(np.float32)
    result = fit_mle(spots, excess=2.0)
    spread = np.sqrt(np.nanmean(((result["x"] - x) / result["lpx"]) ** 2))
    assert spread == pytest.approx(1, abs=0.03)
    single = fit_mle(spots[:50])
    for name in ERRORS:
        np.testing.assert_allclose(result[name][:50], np.sqrt(2) * single[name], rtol=1e-6)
    assert np.array_equal(result["x"][:50], single["x"])


def test_start_does_not_matter():
    spots, _, _ = simulate(500, 1000, 10)
    free = fit_mle(spots, tolerance=1e-3)
    for start in (0.8, 2.2):
        other = fit_mle(spots, start_sigma=start, tolerance=1e-3)
        assert np.nanmax(np.abs(other["x"] - free["x"]) / free["lpx"]) < 0.01


def test_too_few_iterations_are_not_a_result():
    spots, _, _ = simulate(50, 1000, 10)
    result = fit_mle(spots, start_sigma=3.0, max_iterations=1)
    assert np.isnan(result["x"]).all()
    assert (result["iterations"] == 1).all()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"photons": np.zeros((7, 7))}, "newaxis"),
        ({"photons": np.zeros((2, 7, 9))}, "shape"),
        ({"photons": np.zeros((2, 8, 8))}, "odd"),
        ({"photons": np.zeros((2, 33, 33))}, "31"),
        ({"photons": np.zeros((2, 1, 1))}, "3 to 31"),
        ({"photons": np.zeros((2, 7, 7), complex)}, "real"),
        ({"photons": [["a"]]}, "real"),
        ({"sigma": "both"}, "separate"),
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": np.nan}, "sigma"),
        ({"sigma": 9.0}, "4.2"),
        ({"sigma": None}, "number"),
        ({"start_sigma": -1}, "start_sigma"),
        ({"variance": np.zeros((7, 7))}, "variance"),
        ({"variance": np.full((2, 7, 7), -1.0)}, "negative"),
        ({"variance": np.full((2, 7, 7), np.nan)}, "NaN"),
        ({"excess": 0.5}, "excess"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": np.nan}, "tolerance"),
    ],
)
def test_useless_arguments(change, word):
    arguments = {"photons": np.ones((2, 7, 7)), "sigma": "shared"} | change
    with pytest.raises(ParameterError, match=word):
        fit_mle(arguments.pop("photons"), **arguments)


@pytest.mark.parametrize("box", [3, 31])
def test_extreme_boxes(box):
    spots, x, _ = simulate(100, 3000, 2, 0.8, box=box)
    result = fit_mle(spots, sigma=0.8)
    assert np.std(result["x"] - x) < 0.05
    fit_mle(spots, sigma="separate")
