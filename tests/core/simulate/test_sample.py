"""Structures, blinking, drift, background, photons."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.simulate import (
    Blinking,
    Kinetics,
    PhotonBudget,
    filaments,
    gradient_background,
    linear_drift,
    origami,
    random_walk_drift,
    rings,
    structured_background,
    uniform,
    uniform_background,
)
from limelight.core.simulate.blinking import blink

SHAPE = (64, 96)


def _rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: uniform(SHAPE, 500, rng),
        lambda rng: filaments(SHAPE, 6, rng),
        lambda rng: rings(SHAPE, 20, rng),
        lambda rng: origami(SHAPE, rng),
    ],
)
def test_structures_lie_in_the_field_and_repeat(make):
    points = make(_rng(1))
    assert points.ndim == 2
    assert points.shape[1] == 3
    assert len(points) > 100
    assert (points[:, 0] >= -0.5).all()
    assert (points[:, 0] < 95.5).all()
    assert (points[:, 1] >= -0.5).all()
    assert (points[:, 1] < 63.5).all()
    np.testing.assert_array_equal(points, make(_rng(1)))
    assert make(_rng(2)).shape != points.shape or (make(_rng(2)) != points).any()


def test_rings_have_their_radius():
    points = rings((400, 400), 1, _rng(4), radius=5.0, efficiency=1.0, scatter=0.0)
    assert len(points) == 32
    centre = points[:, :2].mean(axis=0)
    np.testing.assert_allclose(np.hypot(*(points[:, :2] - centre).T), 5.0)


def test_filaments_are_thin_and_continuous():
    points = filaments((200, 200), 1, _rng(3), density=20, radius=0.0)
    steps = np.hypot(*np.diff(points[:, :2], axis=0).T)
    assert steps.max() < 1.5
    assert len(points) / steps.sum() == pytest.approx(20, rel=0.15)


def test_origami_tiles_have_their_spacing():
    points = origami((30, 30), _rng(), pitch=30, spacing=0.5, efficiency=1.0, jitter=0)
    assert len(points) == 12
    gaps = np.hypot(*(points[:, None, :2] - points[None, :, :2]).T)
    np.fill_diagonal(gaps, np.inf)
    np.testing.assert_allclose(gaps.min(axis=0), 0.5)


def test_blinks_have_the_rates_asked_for():
    kinetics = Kinetics(on_frames=4.0, off_frames=50.0, bleach=0.2)
    blinks = blink(3000, 5000, kinetics, PhotonBudget(100, 100), _rng())
    duration = blinks.end - blinks.start
    assert duration.mean() == pytest.approx(4.0, rel=0.05)
    assert np.bincount(blinks.emitter).mean() == pytest.approx(1 / 0.2, rel=0.05)
    first = np.full(3000, np.inf)
    np.minimum.at(first, blinks.emitter, blinks.start)
    assert first.mean() == pytest.approx(50.0, rel=0.06)
    assert (np.diff(blinks.start) >= 0).all()


def test_partial_frames_share_out_all_photons():
    blinks = blink(200, 300, Kinetics(2.5, 30.0, 0.05), PhotonBudget(500, 900), _rng(2))
    total = np.zeros(len(blinks))
    for frame in range(300):
        which, emitter, photons = blinks.in_frame(frame)
        assert (photons > 0).all()
        assert (photons <= 900).all()
        np.testing.assert_array_equal(emitter, blinks.emitter[which])
        total[which] += photons
    np.testing.assert_allclose(total, (blinks.end - blinks.start) * blinks.rate)


def test_an_emitter_is_never_on_twice():
    blinks = blink(20, 500, Kinetics(5.0, 5.0, 0.0), PhotonBudget(1, 1), _rng(1))
    for emitter in range(20):
        mine = blinks.emitter == emitter
        assert (blinks.start[mine][1:] > blinks.end[mine][:-1]).all()


def test_no_blinks():
    blinks = blink(0, 10, Kinetics(), PhotonBudget(), _rng())
    assert len(blinks) == 0
    assert blinks.in_frame(3)[0].size == 0


def test_emission_is_the_same_however_it_is_asked():
    points = uniform(SHAPE, 50, _rng())
    emission = Blinking(points, 100, Kinetics(2, 20, 0.0), seed=4)
    again = Blinking(points, 100, Kinetics(2, 20, 0.0), seed=4)
    late = emission.in_frame(90, _rng())
    for a, b in zip(late, again.in_frame(90, _rng(7)), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(points[late.emitter, 0], late.x)


def test_drift():
    walk = random_walk_drift(20_000, 0.01, _rng())
    assert walk[0].tolist() == [0, 0]
    np.testing.assert_allclose(np.diff(walk, axis=0).std(axis=0), 0.01, rtol=0.03)
    line = linear_drift(11, (1.0, -2.0))
    np.testing.assert_allclose(line[5], [0.5, -1.0])
    assert linear_drift(1, (1, 1)).tolist() == [[0, 0]]


def test_backgrounds_span_what_they_say():
    assert (uniform_background((4, 5), 7.0) == 7).all()
    ramp = gradient_background((8, 9), 10, 50)
    assert ramp.dtype == np.float32
    assert (ramp[:, 0] == 10).all()
    assert (ramp[:, -1] == 50).all()
    cloud = structured_background((64, 64), 5, 30, _rng(), scale=8)
    assert cloud.min() == pytest.approx(5)
    assert cloud.max() == pytest.approx(30)
    assert np.abs(np.diff(cloud, axis=0)).max() < 5


def test_photon_distributions():
    drawn = PhotonBudget(0, 1e9, "lognormal", median=1500, spread=0.4).draw(100_000, _rng())
    assert np.median(drawn) == pytest.approx(1500, rel=0.02)
    assert np.log(drawn).std() == pytest.approx(0.4, rel=0.02)
    drawn = PhotonBudget(200, 800).draw(100_000, _rng())
    assert drawn.min() >= 200
    assert drawn.max() <= 800
    assert drawn.mean() == pytest.approx(500, rel=0.01)
    drawn = PhotonBudget(10, 3000, "exponential", median=1000).draw(100_000, _rng())
    assert drawn.min() == 10
    assert drawn.max() == 3000


@pytest.mark.parametrize(
    "make",
    [
        lambda: PhotonBudget(5, 1),
        lambda: PhotonBudget(kind="gauss"),  # type: ignore[arg-type]
        lambda: Kinetics(on_frames=0),
        lambda: Kinetics(bleach=1.5),
        lambda: uniform((0, 5), 3, _rng()),
        lambda: uniform((5, 5), -3, _rng()),
        lambda: filaments(SHAPE, 2, _rng(), density=-1),
        lambda: rings(SHAPE, 2, _rng(), efficiency=2),
        lambda: origami(SHAPE, _rng(), pitch=0),
        lambda: linear_drift(-1, (0, 0)),
        lambda: random_walk_drift(5, -1.0, _rng()),
        lambda: gradient_background((3, 3), -1, 2),
        lambda: structured_background((3, 3), 1, 2, _rng(), scale=0),
        lambda: Blinking(np.zeros((3, 2)), 5),
    ],
)
def test_bad_input_is_refused(make):
    with pytest.raises(ParameterError):
        make()
