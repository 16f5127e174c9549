from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import OptimizeWarning, curve_fit

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import (
    Drift,
    aim,
    apply_drift,
    fiducial_drift,
    find_fiducials,
    rcc,
    undo_drift,
)
from limelight.core.locs.drift._peak import fit_peak, mean_shift
from limelight.core.locs.drift.curve import interpolate
from limelight.core.locs.drift.rcc import _Window, robust_positions

FRAMES = 2_000


def smooth_drift(frames: int = FRAMES) -> np.ndarray:
    t = np.linspace(0, 1, frames)
    drift = np.column_stack([1.5 * np.sin(4 * t) - t, 0.8 * np.cos(5 * t) + 2.0 * t**2])
    return drift - drift.mean(axis=0)


def rms_error(drift: Drift, truth: np.ndarray) -> float:
    error = np.column_stack([drift.dx, drift.dy]) - truth
    return float(np.sqrt(np.mean((error - error.mean(axis=0)) ** 2)))


@pytest.fixture(scope="module")
def drifted(blinking_maker) -> Localizations:
    return blinking_maker(40_000, FRAMES, sites=800, drift=smooth_drift())


def test_rcc_finds_the_drift(drifted: Localizations) -> None:
    drift = rcc(drifted, 100)
    assert rms_error(drift, smooth_drift()) < 0.03
    assert drift.error_px < 0.05
    assert drift.method == "RCC" and not drift.notes
    assert len(drift) == FRAMES and abs(drift.dx.mean()) < 1e-9


def test_aim_finds_the_drift(drifted: Localizations) -> None:
    drift = aim(drifted, 50)
    assert rms_error(drift, smooth_drift()) < 0.015
    assert drift.dz is None and not drift.notes


def test_aim_follows_few_molecules(blinking_maker) -> None:
    locs = blinking_maker(4_000, FRAMES, sites=100, drift=smooth_drift())
    assert rms_error(aim(locs, 100), smooth_drift()) < 0.04


def test_aim_in_space(blinking_maker) -> None:
    truth = 60 * np.sin(np.linspace(0, 5, FRAMES))
    locs = blinking_maker(40_000, FRAMES, sites=800, drift=smooth_drift())
    rng = np.random.default_rng(1)
    # One height per place of a pixel or so: molecules of a site share it.
    straight = apply_drift(locs, Drift(*smooth_drift().T))
    height = 300 * np.sin(np.round(straight["x"])) + 200 * np.cos(np.round(straight["y"]))
    frame = locs["frame"].astype(int)
    z = height + truth[frame] + rng.normal(0, 20, len(locs))
    drift = aim(Localizations(locs.table.assign(z=z.astype(np.float32)), locs.provenance), 100)
    assert drift.dz is not None
    assert np.sqrt(np.mean((drift.dz - (truth - truth.mean())) ** 2)) < 6.0
    assert rms_error(drift, smooth_drift()) < 0.015


def test_fiducials_find_the_drift(blinking_maker) -> None:
    truth = 0.5 * smooth_drift()
    background = blinking_maker(10_000, FRAMES, sites=5_000, drift=truth).table
    rng = np.random.default_rng(2)
    beads = []
    for place in ((10.0, 20.0), (40.0, 30.0), (50.0, 55.0)):
        seen = np.flatnonzero(rng.uniform(size=FRAMES) < 0.95)
        xy = place + truth[seen] + rng.normal(0, 0.03, (len(seen), 2))
        beads.append(pd.DataFrame({"frame": seen, "x": xy[:, 0], "y": xy[:, 1]}))
    table = pd.concat([background[["frame", "x", "y"]], *beads], ignore_index=True)
    locs = Localizations(table, [{"Frames": FRAMES}])
    found = find_fiducials(locs, radius=2.0)
    assert len(found) == 3
    drift = fiducial_drift(locs, radius=2.0)
    assert rms_error(drift, truth) < 0.05
    assert rms_error(fiducial_drift(locs, radius=2.0, smoothing_frames=5), truth) < 0.03
    assert drift.settings is not None and drift.settings["Fiducials"] == 3
    alone = fiducial_drift(locs, found[:1], radius=2.0)
    assert rms_error(alone, truth) < 0.08
    assert "filled in" in alone.notes[0]


def test_applied_and_undone(drifted: Localizations) -> None:
    drift = Drift(*smooth_drift().T, method="truth")
    straight = apply_drift(drifted, drift)
    frame = drifted["frame"].astype(int)
    np.testing.assert_allclose(straight["x"], drifted["x"] - drift.dx[frame], atol=1e-5)
    np.testing.assert_allclose(straight["y"], drifted["y"] - drift.dy[frame], atol=1e-5)
    assert straight["x"].dtype == np.float32
    assert straight.provenance[-1]["Method"] == "truth"
    back = undo_drift(straight, drift)
    np.testing.assert_allclose(back["x"], drifted["x"], atol=2e-5)
    np.testing.assert_allclose(back["y"], drifted["y"], atol=2e-5)
    again = Drift.from_table(drift.to_table())
    assert np.array_equal(again.dx, drift.dx)


def test_less_drift_is_left_than_there_was(drifted: Localizations) -> None:
    straight = apply_drift(drifted, rcc(drifted, 100))
    left = rcc(straight, 200)
    assert left.rms_px < 0.05 < rcc(drifted, 200).rms_px


@pytest.mark.parametrize("tool", [rcc, aim])
def test_threads_do_not_matter(drifted: Localizations, tool) -> None:
    one, four = tool(drifted, 200, threads=1), tool(drifted, 200, threads=4)
    assert np.array_equal(one.dx, four.dx) and np.array_equal(one.dy, four.dy)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.8, 2.5), st.floats(0.8, 2.5),
    st.integers(-3, 3),
)  # fmt: skip
def test_peaks_are_those_of_scipy(y: float, x: float, sy: float, sx: float, base: int) -> None:
    i, j = np.mgrid[:9, :9].astype(float)

    def model(_, a, py, px, ty, tx, b):
        exponent = ((i - py) / ty) ** 2 + ((j - px) / tx) ** 2
        return (b + a * np.exp(-0.5 * exponent)).ravel()

    patch = model(0, 10.0, 4 + y, 4 + x, sy, sx, base).reshape(9, 9)
    py, px, good = fit_peak(patch)
    assert good and abs(py - 4 - y) < 1e-3 and abs(px - 4 - x) < 1e-3
    noisy = patch + np.random.default_rng(0).normal(0, 0.3, patch.shape)
    py, px, good = fit_peak(noisy)
    start = [10, 4 + y, 4 + x, sy, sx, base]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # about the covariance
        best, _ = curve_fit(model, 0, noisy.ravel(), start, maxfev=5000)
    assert good and abs(py - best[1]) < 1e-2 and abs(px - best[2]) < 1e-2


def test_peaks_that_are_none() -> None:
    assert not fit_peak(np.zeros((9, 9)))[2]
    assert not fit_peak(np.ones((9, 9)))[2]
    noise = np.random.default_rng(0).normal(size=(200, 9, 9))
    assert all(np.isfinite(fit_peak(n)[:2]).all() for n in noise)


def test_mean_shift_is_not_moved_by_a_background() -> None:
    i, j = np.mgrid[:41, :41]
    peak = np.exp(-0.5 * (((i - 22.3) / 2.5) ** 2 + ((j - 17.6) / 2.5) ** 2))
    for background in (0.0, 0.5, 5.0):
        y, x = mean_shift(peak + background, 20.0, 20.0, 2.0)
        assert abs(y - 22.3) < 0.02 and abs(x - 17.6) < 0.02


def test_windows_of_correlations_are_those_of_whole_transforms() -> None:
    rng = np.random.default_rng(0)
    for shape, shift in (((40, 60), (2, -3)), ((45, 48), (-1, 4))):
        a = rng.poisson(1.0, shape).astype(float)
        b = np.roll(a, shift, (0, 1))
        fa, fb = (np.fft.rfft2(v).astype(np.complex64) for v in (a, b))
        window = _Window(*shape, 6)
        y, x, good = window.shift(fa, fb)
        # A lone peak of one bin is too sharp for a Gaussian, but lies where it lies.
        assert abs(y - shift[0]) < 0.3 and abs(x - shift[1]) < 0.3 and good
        from limelight.core.locs.drift.rcc import _window_kernel

        values = _window_kernel(fa, fb, *window.phases)
        whole = np.fft.irfft2(np.conj(fa) * fb, shape) * a.size
        reach = window.reach + 4
        rows, columns = (np.arange(-reach, reach + 1) % n for n in shape)
        np.testing.assert_allclose(values, whole[np.ix_(rows, columns)], rtol=1e-3, atol=2)


def test_wrong_pairs_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(15, 2))
    first, second = np.triu_indices(15, 1)
    shift = truth[second] - truth[first] + rng.normal(0, 0.01, (len(first), 2))
    wrong = rng.choice(len(first), 20, replace=False)
    shift[wrong] += rng.uniform(-5, 5, (20, 2))
    found, residual = robust_positions(15, first, second, shift, np.ones(len(first)))
    np.testing.assert_allclose(found, truth - truth.mean(axis=0), atol=0.02)
    assert np.median(residual[wrong]) > 0.5


def test_curves_through_points() -> None:
    t = np.array([100.0, 300.0, 500.0, 900.0])
    np.testing.assert_allclose(interpolate(t, 0.01 * t, 1000), 0.01 * (np.arange(1000) - 499.5))
    np.testing.assert_allclose(
        interpolate(t[:2], 0.01 * t[:2], 1000), 0.01 * (np.arange(1000) - 499.5)
    )
    assert np.array_equal(interpolate(t[:1], t[:1], 10), np.zeros(10))


@pytest.mark.parametrize("tool", [rcc, aim])
def test_bad_tables(tool, blinking, broken) -> None:
    with pytest.raises(ParameterError, match="empty"):
        tool(broken["empty"])
    with pytest.raises(ParameterError, match="drop_nan"):
        tool(broken["nan"])
    one = Localizations(blinking.table.assign(frame=np.uint32(0)), [{"Frames": 1}])
    with pytest.raises(ParameterError, match="two segments are needed"):
        tool(one, 100)
    with pytest.raises(ParameterError, match="more segment_frames"):
        tool(blinking.table.iloc[::10], 1)
    with pytest.raises(ParameterError, match="segment_frames must be"):
        tool(blinking, 0)


def test_rcc_says_when_nothing_correlates() -> None:
    rng = np.random.default_rng(0)
    columns = {"frame": np.arange(2_000) // 2}
    columns |= {axis: rng.uniform(0, 500, 2_000) for axis in "xy"}
    locs = Localizations.from_columns(columns)
    try:
        drift = rcc(locs, 100)
    except ParameterError as error:
        assert "common peak" in str(error)
    else:
        assert "agree" in " ".join(drift.notes)


@pytest.mark.parametrize("tool", [rcc, aim])
def test_a_provenance_that_knows_of_fewer_frames(drifted: Localizations, tool) -> None:
    short = Localizations(drifted.table, [{"Frames": 10, "Pixelsize": 100.0}])
    drift = tool(short, 200)
    assert len(drift) == drifted["frame"].max() + 1
    assert len(apply_drift(short, drift)) == len(short)


@pytest.mark.parametrize("tool", [rcc, aim])
def test_segments_without_molecules_are_bridged(drifted: Localizations, tool) -> None:
    dark = drifted.table[~drifted.table["frame"].between(700, 1100)]
    drift = tool(Localizations(dark, drifted.provenance), 100)
    assert rms_error(drift, smooth_drift()) < 0.06


def test_messages(blinking) -> None:
    with pytest.raises(ParameterError, match="max_shift"):
        rcc(blinking, max_shift=0)
    with pytest.raises(ParameterError, match="bin_size"):
        rcc(blinking, bin_size=np.nan)
    with pytest.raises(ParameterError, match="match_distance"):
        aim(blinking, match_distance=-1)
    with pytest.raises(ParameterError, match="search_radius_z"):
        aim(blinking, search_radius_z=0)
    with pytest.raises(ParameterError, match="another movie"):
        apply_drift(blinking, Drift(np.zeros(5), np.zeros(5)))
    with pytest.raises(ParameterError, match="one value per frame"):
        Drift(np.zeros(5), np.zeros(4))
    with pytest.raises(ParameterError, match="finite"):
        Drift(np.full(5, np.nan), np.zeros(5))
    with pytest.raises(ParameterError, match="columns x and y"):
        Drift.from_table(pd.DataFrame({"x": [1.0]}))
    with pytest.raises(ParameterError, match="no fiducial"):
        fiducial_drift(blinking)
    with pytest.raises(ParameterError, match="Check them"):
        fiducial_drift(blinking, np.array([[1000.0, 1000.0]]))
    with pytest.raises(ParameterError, match="radius"):
        fiducial_drift(blinking, radius=0)
    with pytest.raises(ParameterError, match="min_fraction"):
        find_fiducials(blinking, 0.0)


@pytest.mark.parametrize("tool", [rcc, aim])
def test_a_background_that_fills_the_field_does_not_hold_the_drift_back(
    blinking_maker, tool
) -> None:
    truth = np.linspace(-1, 1, FRAMES)[:, None] * [1.0, -0.8]
    sites = blinking_maker(20_000, FRAMES, drift=truth).table[["frame", "x", "y"]]
    rng = np.random.default_rng(0)
    columns = {"frame": rng.integers(0, FRAMES, 100_000)}
    columns |= {axis: rng.uniform(0, 63, 100_000) for axis in "xy"}
    noise = Localizations.from_columns(columns).table
    locs = Localizations(pd.concat([sites, noise], ignore_index=True), [{"Frames": FRAMES}])
    drift = tool(locs, 100)
    assert rms_error(drift, truth) < 0.05
    slope = np.polyfit(np.linspace(-1, 1, FRAMES), drift.dx, 1)[0]
    assert abs(slope - 1) < 0.05
