"""The sample that answers to light, against its rates; quick frames against exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.simulate.movie import expose
from limelight.core.simulate.optics import add_spots
from limelight.core.simulate.quick import STEPS, add_photons, noise_kernel, noise_tables
from limelight.core.simulate.sample import Drift, Dye, Sample, cell

PLAIN = Dye(spontaneous_per_s=0.0, activated_per_s=0.05, bleach=0.0, spread=0.0)


def sample(count: int = 20_000, dye: Dye = PLAIN, **values: object) -> Sample:
    return Sample(np.zeros((count, 3)), np.zeros(count, int), (dye,), **values)  # type: ignore[arg-type]


def seen(sample: Sample, frames: int, readout: float = 1.0, activation: float = 1.0, dt=10.0):
    return [sample.expose(dt, (readout,), activation)[0] for _ in range(frames)]


def test_molecules_per_frame_follow_the_rates() -> None:
    glows = seen(sample(), 600)[100:]
    # in the steady state, blinks of mean length T show in (T + dt) of frames of length dt
    expected = 0.05 * 20_000 * (25 + 10) / 1000
    assert np.mean([len(g.emitter) for g in glows]) == pytest.approx(expected, rel=0.05)
    light = 0.05 * 20_000 * 0.010 * 25 * PLAIN.photons_per_ms  # blinks per frame x light of a blink
    assert np.mean([g.photons.sum() for g in glows]) == pytest.approx(light, rel=0.05)


def test_density_is_proportional_to_the_activation_power() -> None:
    low, high = (
        np.mean([len(g.emitter) for g in seen(sample(seed=s), 400, activation=p)[100:]])
        for s, p in ((1, 1.0), (2, 3.0))
    )
    assert high / low == pytest.approx(3.0, rel=0.1)


def test_readout_power_brightens_and_shortens() -> None:
    normal = seen(sample(seed=3), 400)[100:]
    strong = seen(sample(seed=3), 400, readout=4.0)[100:]
    assert max(g.photons.max() for g in strong) == pytest.approx(
        4 * max(g.photons.max() for g in normal), rel=0.02
    )
    total = [np.mean([g.photons.sum() for g in glows]) for glows in (normal, strong)]
    assert total[1] == pytest.approx(total[0], rel=0.06)  # a blink has its photons


def test_all_bleach_in_the_end() -> None:
    once = sample(500, Dye(on_ms=2.0, activated_per_s=1.0, bleach=1.0))
    glows = seen(once, 3000, activation=1.0)
    assert once.bleached == 500
    shown = np.concatenate([np.unique(g.emitter) for g in glows])
    assert set(shown) == set(range(500))
    assert len(glows[-1].emitter) == 0


def test_nothing_happens_in_the_dark() -> None:
    dark = sample(seed=4)
    seen(dark, 50)
    on = seen(dark, 1, readout=1.0, activation=0.0)[0].emitter
    still = seen(dark, 20, readout=0.0, activation=0.0)
    assert all(g.photons.sum() == 0 for g in still)
    assert set(still[-1].emitter) <= set(on)
    assert dark.bleached == 0


def test_same_seed_same_story() -> None:
    one, other = (seen(sample(seed=9), 30) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.emitter, b.emitter)
        np.testing.assert_array_equal(a.photons, b.photons)
    assert not np.array_equal(one[-1].emitter, seen(sample(seed=10), 30)[-1].emitter)


def test_drift_is_velocity_and_walk() -> None:
    straight = sample(10, drift=Drift(10.0, -5.0, 2.0))
    seen(straight, 250, dt=40.0)
    np.testing.assert_allclose(straight.displacement_nm, (100, -50, 20), rtol=1e-9)
    walks = []
    for seed in range(200):
        walker = sample(10, drift=Drift(walk_nm=3.0), seed=seed)
        seen(walker, 4, dt=1000.0)
        walks.append(walker.displacement_nm)
    assert np.std(walks) == pytest.approx(3.0 * 2, rel=0.1)  # root of 4 s


def test_cell_has_both_kinds_inside() -> None:
    points, kinds = cell((256, 200), seed=5)
    assert set(kinds) == {0, 1}
    assert (points[:, 0].max() < 199.5) and (points[:, 1].max() < 255.5)
    again, _ = cell((256, 200), seed=5)
    np.testing.assert_array_equal(points, again)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dye(on_ms=0),
        lambda: Dye(bleach=1.5),
        lambda: Dye(activated_per_s=-1),
        lambda: Drift(walk_nm=-1),
        lambda: Sample(np.zeros((3, 2)), np.zeros(3, int), (Dye(),)),
        lambda: Sample(np.zeros((3, 3)), np.ones(3, int), (Dye(),)),
    ],
)
def test_bad_numbers_are_told(make) -> None:
    with pytest.raises(ParameterError):
        make()


@given(st.floats(0, 2000), st.one_of(st.just(0.0), st.floats(0.7, 5)))
def test_tables_have_the_moments_of_noise(mean: float, read: float) -> None:
    table = noise_tables(np.array([mean]), read, 100.0)[0].astype(float)
    # rounding adds 1/12, but not to whole numbers
    variance = mean + read**2 + (1 / 12 if read or mean > 150 else 0)
    assert len(table) == STEPS
    assert (np.diff(table) >= 0).all()
    assert table.mean() == pytest.approx(100 + mean, abs=0.02 + 0.002 * np.sqrt(variance))
    assert table.var() == pytest.approx(variance, abs=0.01 * variance + 0.03)


@pytest.mark.parametrize("mean", [0.0, 3.0, 40.0, 149.0, 400.0])
def test_tables_agree_with_exact_exposures(mean: float) -> None:
    exact = expose(
        np.full((400, 400), mean),
        np.random.default_rng(1),
        Camera(baseline=100.0, read_noise=1.4),
    )
    table = noise_tables(np.array([mean]), 1.4, 100.0)[0]
    grid = np.arange(exact.min(), exact.max() + 1)
    below = np.searchsorted(np.sort(exact.ravel()), grid, "right") / exact.size
    ours = np.searchsorted(table, grid, "right") / STEPS
    assert np.abs(below - ours).max() < 0.006  # Kolmogorov's limit for 160,000 pixels: 0.005


def test_noise_is_even_over_frame_and_seeds() -> None:
    tables = noise_tables(np.array([5.0, 50.0]), 1.4, 100.0)
    level = np.zeros((128, 130), np.uint8)
    level[:, 65:] = 1
    frames = np.empty((300, 128, 130), np.uint16)
    for i, frame in enumerate(frames):
        noise_kernel(level, tables, np.uint64(i * 7919), frame)
    mean, spread = frames.mean(axis=0), frames.std(axis=0, ddof=1)
    assert mean[:, :65].mean() == pytest.approx(105, abs=0.02)
    assert mean[:, 65:].mean() == pytest.approx(150, abs=0.05)
    assert spread[:, :65].mean() == pytest.approx(np.sqrt(5 + 1.96 + 1 / 12), rel=0.01)
    # neighbours and successive frames know nothing of one another
    centred = (frames - mean) / spread
    assert abs((centred[:, :, 1:] * centred[:, :, :-1]).mean()) < 0.003
    # taking off the mean of 300 frames leaves a correlation of -1/300
    assert abs((centred[1:] * centred[:-1]).mean() + 1 / 300) < 0.002


def test_molecules_have_their_photons_where_the_exact_ones_have() -> None:
    x, y = np.array([10.2, 30.0, -1.0]), np.array([12.7, 5.5, 20.0])
    values = (x, y, np.array([900.0, 400.0, 700.0]), np.full(3, 1.3), np.array([1.3, 2.0, 1.3]))
    exact = np.zeros((32, 40))
    add_spots(exact, *values)
    rng = np.random.default_rng(0)
    frames = np.zeros((500, 32, 40), np.uint16)
    for frame in frames:
        add_photons(rng, frame, *values)
    mean = frames.mean(axis=0)
    error = (mean - exact) / np.sqrt(np.maximum(exact, 0.5) / 500)
    assert np.abs(error).max() < 5
    lit = exact > 2
    assert (frames.var(axis=0)[lit] / exact[lit]).mean() == pytest.approx(1.0, abs=0.05)


def test_bright_molecules_stop_at_the_top() -> None:
    frame = np.full((9, 9), 65_000, np.uint16)
    one = np.array([4.0])
    add_photons(np.random.default_rng(0), frame, one, one, one * 1e6, one / 4, one / 4)
    assert frame[4, 4] == 65_535
