from __future__ import annotations

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.compare import score
from limelight.core.errors import ParameterError
from limelight.core.fit.mle import fit_mle
from limelight.core.fit.multi import MultiEmitter, fit_multi
from limelight.core.simulate import (
    AstigmaticPSF,
    Scattered,
    SimulatedMovie,
    scene,
)
from limelight.core.simulate.optics import add_spots
from limelight.core.spots import Candidates


def _frames(molecules, shape=(40, 44), count=1, background=15.0, sigma=1.2, rng=None):
    """Frames of the same molecules (x, y, photons), with Poisson noise if `rng` is given."""
    image = np.full(shape, float(background))
    x, y, n = (np.array(c, dtype=float) for c in zip(*molecules, strict=True))
    add_spots(image, x, y, n, np.full(len(x), sigma), np.full(len(x), sigma))
    frames = np.repeat(image[None], count, axis=0)
    return (frames if rng is None else rng.poisson(frames)).astype(np.float32)


def _at(pixels, count=1):
    """The same candidates (y, x) in every frame."""
    y, x = (np.tile(c, count) for c in zip(*pixels, strict=True))
    return np.repeat(np.arange(count), len(pixels)), y, x


def _peaks(photons, limit=5.0, half=3):
    """Candidates for tests: maxima of a matched filter above a multiple of the noise."""
    from scipy import ndimage

    rows = []
    for t, image in enumerate(photons):
        smooth = ndimage.gaussian_filter(image, 1.0)
        wide = ndimage.gaussian_filter(image, 3.0)
        snr = (smooth - wide) / np.sqrt(np.maximum(wide, 1) * 0.08)
        peak = (snr == ndimage.maximum_filter(snr, 3)) & (snr > limit)
        peak[:half] = peak[-half:] = peak[:, :half] = peak[:, -half:] = False
        y, x = np.nonzero(peak)
        rows.append(np.column_stack((np.full(len(y), t), y, x)))
    return tuple(np.concatenate(rows).T)


def test_lone_molecules_are_fitted_as_ever():
    rng = np.random.default_rng(0)
    frames = _frames([(10.3, 9.8, 1500), (30.2, 12.1, 2500), (20.4, 31.0, 900)], count=6, rng=rng)
    where = _at([(10, 10), (12, 30), (31, 20)], 6)
    result = fit_multi(frames, *where)
    spots = np.stack(
        [frames[t, y - 3 : y + 4, x - 3 : x + 4] for t, y, x in zip(*where, strict=True)]
    )
    single = fit_mle(spots)
    np.testing.assert_array_equal(result["spot"], np.arange(18))
    np.testing.assert_array_equal(result["frame"], where[0])
    np.testing.assert_allclose(result["x"], single["x"] + where[2], atol=1e-6)
    np.testing.assert_allclose(result["y"], single["y"] + where[1], atol=1e-6)
    for name in ("photons", "bg", "sx", "sy", "lpx", "lpy", "photons_unc", "log_likelihood"):
        np.testing.assert_array_equal(result[name], single[name])
    assert (result["significance"] > 100).all()


def test_a_pair_reaches_the_bound_and_knows_its_errors():
    rng = np.random.default_rng(1)
    pair = [(18.1, 20.2, 2000), (20.8, 21.4, 1500)]
    frames = _frames(pair, count=400, rng=rng)
    result = fit_multi(frames, *_at([(20, 18), (21, 21)], 400), sigma=1.2)
    assert len(result["x"]) == 800
    for k, (x, y, n) in enumerate(pair):
        for name, unc, true in (("x", "lpx", x), ("y", "lpy", y), ("photons", "photons_unc", n)):
            error = (result[name] - true)[k::2]
            pull = error / result[unc][k::2]
            assert abs(pull.mean()) < 0.2
            assert pull.std() == pytest.approx(1, abs=0.12)
    # with its neighbour known exactly, a molecule can't be localized better than alone
    assert (result["lpx"] > 1.2 / np.sqrt(2000)).all()


def test_overlooked_molecules_are_found_and_spurious_ones_dropped():
    rng = np.random.default_rng(2)
    frames = _frames([(18.0, 20.0, 2500), (20.3, 20.6, 2500)], count=40, rng=rng)
    one = fit_multi(frames, *_at([(20, 19)], 40), sigma=1.2)
    assert np.bincount(one["frame"]).tolist() == [2] * 40
    assert (one["spot"] == one["frame"]).all()
    frames = _frames([(18.0, 20.0, 2500)], count=40, rng=rng)
    three = fit_multi(frames, *_at([(19, 17), (20, 18), (22, 20)], 40), sigma=1.2)
    assert np.bincount(three["frame"]).tolist() == [1] * 40
    np.testing.assert_allclose(three["x"], 18.0, atol=0.25)


def test_crowds_larger_than_a_group():
    rng = np.random.default_rng(3)
    crowd = [(8 + 3.2 * k, 20 + 1.5 * (k % 2), 2500) for k in range(9)]
    frames = _frames(crowd, count=10, rng=rng)
    result = fit_multi(frames, *_at([(round(y), round(x)) for x, y, _ in crowd], 10))
    truth = {
        "frame": np.repeat(np.arange(10), 9),
        "x": np.tile([c[0] for c in crowd], 10),
        "y": np.tile([c[1] for c in crowd], 10),
    }
    held = score(truth, result, tolerance=0.5)
    assert held.jaccard > 0.97
    assert held.rmse < 0.15


def test_noise_holds_no_molecules():
    rng = np.random.default_rng(4)
    frames = rng.poisson(12.0, (30, 64, 64)).astype(np.float32)
    where = _peaks(frames, limit=3.0)
    assert len(where[0]) > 20
    assert len(fit_multi(frames, *where)["x"]) <= 1


@pytest.mark.parametrize(("name", "frames", "least"), [("dense", 6, 0.96), ("standard", 30, 0.985)])
def test_scenes(name, frames, least):
    movie = scene(name, frames, seed=3)
    photons = movie.camera.to_photons(movie.read(0, frames))
    result = fit_multi(photons, *_peaks(photons))
    held = score(movie.truth(), result, shape=(256, 256))
    assert held.jaccard > least
    assert abs(held.bias_x) < 0.01
    near = (result["lpx"] > 0) & (result["lpx"] < 0.5)
    assert near.mean() > 0.99


def test_frames_do_not_depend_on_each_other():
    movie = scene("dense", 4, seed=5)
    photons = movie.camera.to_photons(movie.read(0, 4))
    where = _peaks(photons)
    whole = fit_multi(photons, *where)
    for t in range(4):
        own = where[0] == t
        alone = fit_multi(
            photons[t : t + 1], np.zeros(own.sum(), int), where[1][own], where[2][own]
        )
        for name, values in alone.items():
            if name not in ("frame", "spot"):
                np.testing.assert_array_equal(values, whole[name][whole["frame"] == t])


def test_molecules_that_are_not_round_are_not_split():
    size = (128, 128)
    movie = SimulatedMovie(
        size, 30, Scattered(size, 8, z_range=(-500, 500)), psf=AstigmaticPSF(), seed=2
    )
    photons = movie.camera.to_photons(movie.read(0, 30))
    result = fit_multi(photons, *_peaks(photons))
    assert score(movie.truth(), result, shape=size).precision > 0.96


def test_camera_noise_and_excess():
    rng = np.random.default_rng(6)
    pair = [(18.1, 20.2, 900), (21.0, 21.0, 900)]
    clean = _frames(pair, count=150, background=2.0)
    variance = np.full(clean.shape[1:], 1.0, np.float32)
    variance[15:26, 19] = 60.0
    frames = rng.poisson(clean) + rng.normal(0, np.sqrt(variance), clean.shape)
    where = _at([(20, 18), (21, 21)], 150)
    known = fit_multi(frames.astype(np.float32), *where, sigma=1.2, variance=variance)
    stack = np.broadcast_to(variance, clean.shape)
    again = fit_multi(frames.astype(np.float32), *where, sigma=1.2, variance=stack)
    np.testing.assert_array_equal(known["x"], again["x"])
    first = np.abs(known["x"] - 18.1) < 1.4
    pull = ((known["x"] - 18.1) / known["lpx"])[first]
    assert pull.std() == pytest.approx(1, abs=0.15)
    em = rng.gamma(np.maximum(rng.poisson(clean), 1e-9), 1.0).astype(np.float32)
    found = fit_multi(em, *where, sigma=1.2, excess=2.0)
    first = np.abs(found["x"] - 18.1) < 1.4
    pull = ((found["x"] - 18.1) / found["lpx"])[first]
    assert pull.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("baseline", "sensitivity"), [(100.0, 0.25), (400.0, 0.5), (100.0, 4.0)])
def test_a_camera_that_is_not_what_it_says(baseline, sensitivity):
    size = (192, 192)
    camera = Camera(baseline=baseline, sensitivity=sensitivity)
    movie = SimulatedMovie(size, 20, Scattered(size, 20), camera=camera, seed=4)
    counts = movie.read(0, 20)
    where = _peaks(camera.to_photons(counts))
    result = fit_multi(counts.astype(np.float32), *where)
    assert score(movie.truth(), result, shape=size).jaccard > 0.98


def test_background_that_was_subtracted():
    rng = np.random.default_rng(7)
    frames = _frames([(18.0, 20.0, 1500), (20.5, 21.0, 1500)], count=50, rng=rng) - 15.0
    result = fit_multi(
        frames,
        *_at([(20, 18), (21, 20)], 50),
        sigma=1.2,
        variance=np.full(frames.shape[1:], 15.0, np.float32),
    )
    assert len(result["x"]) == 100
    assert abs(result["bg"].mean()) < 0.6
    assert result["photons"].mean() == pytest.approx(1500, rel=0.03)


def test_ugly_pixels_do_no_harm():
    rng = np.random.default_rng(8)
    frames = _frames([(18.0, 20.0, 1500), (20.5, 21.0, 1500)], count=5, rng=rng)
    frames[0, 15:26, 13:26] = np.nan
    frames[1] = 0.0
    frames[2] = 65535.0
    frames[3] = -50.0
    result = fit_multi(frames, *_at([(20, 18), (21, 20)], 5), sigma=1.2)
    assert (result["frame"] == 4).all()
    assert len(result["x"]) == 2
    # a single bad pixel costs one pixel's worth of light, not the molecules
    frames[0] = frames[4]
    frames[0, 20, 18] = np.nan
    assert np.bincount(fit_multi(frames, *_at([(20, 18), (21, 20)], 5), sigma=1.2)["frame"])[0] == 2
    for values in result.values():
        assert np.isfinite(values).all()


def test_widths_can_be_held():
    rng = np.random.default_rng(9)
    frames = _frames([(18.0, 20.0, 1500), (20.5, 21.0, 1500), (33, 8, 1500)], rng=rng)
    result = fit_multi(frames, *_at([(8, 33), (20, 18), (21, 20)]), sigma=1.25, sigma_spread=0.0)
    np.testing.assert_array_equal(result["sx"], np.float32(1.25))
    assert len(result["x"]) == 3


def test_nothing_to_fit():
    frames = np.ones((3, 20, 20), np.float32)
    result = fit_multi(frames, [], [], [])
    assert all(len(values) == 0 for values in result.values())
    assert {"frame", "spot", "x", "significance"} <= set(result)


def test_as_a_part():
    rng = np.random.default_rng(10)
    frames = _frames([(18.0, 20.0, 1500), (20.5, 21.0, 1500)], count=2, rng=rng)
    where = _at([(20, 18), (21, 20)], 2)
    columns = [np.asarray(c, np.int32) for c in where]
    candidates = Candidates(*columns, np.ones(4, np.float32))
    part = MultiEmitter(sigma=1.2).fit_frames(frames, None, 1.0, candidates, 7)
    plain = fit_multi(frames, *where, sigma=1.2)
    for name, values in plain.items():
        np.testing.assert_array_equal(part[name], values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photons": np.ones((5, 5))}, "frames"),
        ({"photons": np.ones((1, 20, 20), complex)}, "real numbers"),
        ({"variance": np.ones((3, 3))}, "variance"),
        ({"variance": np.full((20, 20), -1.0)}, "negative"),
        ({"sigma": 50.0}, "sigma"),
        ({"sigma_spread": 0.0}, "give sigma"),
        ({"excess": 0.5}, "excess"),
        ({"box": 6}, "odd"),
        ({"frame": [1, 0], "y": [9, 9], "x": [9, 9]}, "sorted"),
        ({"y": [9, 9]}, "one length"),
        ({"y": [1]}, "not inside|inside"),
        ({"frame": [2]}, "inside"),
    ],
)
def test_bad_input_is_named(changes, message):
    arguments = {"photons": np.ones((2, 20, 20)), "frame": [0], "y": [9], "x": [9]} | changes
    with pytest.raises(ParameterError, match=message):
        fit_multi(**arguments)
