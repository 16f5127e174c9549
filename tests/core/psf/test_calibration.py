"""z from widths: against Picasso's own numbers, scipy, and curves with several minima."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from limelight.core.errors import ParameterError
from limelight.core.psf import ZCalibration, calibrate_z, fit_z
from limelight.core.simulate import AstigmaticPSF

SLICES, STEP = 121, 10.0


def beads(noise=0.02, per_slice=20, seed=0, psf=None):
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(SLICES), per_slice)
    z = (index - (SLICES - 1) / 2) * STEP
    sx, sy = (psf or AstigmaticPSF()).widths(z)
    return index, *(w * (1 + rng.normal(0, noise, len(w))) for w in (sx, sy))


@pytest.fixture(scope="module")
def calibration():
    return calibrate_z(*beads(), STEP, SLICES)[0]


@pytest.fixture(scope="module")
def picasso(root):
    with np.load(root / "tests" / "data" / "picasso_3d_fit.npz") as archive:
        return dict(archive)


def test_the_polynomials_are_those_of_picasso(root, picasso):
    from limelight.io import load_calibration

    theirs = load_calibration(root / "tests" / "data" / "picasso_3d_calib.yaml")
    # Picasso's z falls with the frames of a stack
    ours, _ = calibrate_z(picasso["frame"], picasso["bead_sx"], picasso["bead_sy"], -20.0, 61)
    # Picasso 0.11.3 moves z by the crossing twice, so that its zero is not where ours is
    fine = np.linspace(-200, 200, 40_001)
    crossing = fine[np.argmin(np.abs(np.subtract(*theirs.widths(fine))))]
    z = np.linspace(-550, 550, 300)
    for mine, its in zip(ours.widths(z), theirs.widths(z + crossing), strict=True):
        assert mine == pytest.approx(its, abs=2e-3)
    assert theirs.magnification == 0.8 and theirs.step_nm == 20 and theirs.frames == 61


def test_z_is_that_of_picasso_where_picasso_finds_the_minimum(root, picasso):
    from limelight.io import load_calibration

    theirs = load_calibration(root / "tests" / "data" / "picasso_3d_calib.yaml")
    ours = fit_z(picasso["sx"], picasso["sy"], theirs, reject=False)
    assert (ours["d_zcalib"] <= picasso["d_zcalib"] + 1e-4).all()
    same = np.abs(ours["d_zcalib"] - picasso["d_zcalib"]) < 1e-4
    assert same.mean() > 0.95
    assert ours["z"][same] == pytest.approx(picasso["z"][same], abs=1.0)


def test_z_rises_with_the_stage(calibration):
    truth = np.linspace(-450, 450, 500)
    found = fit_z(*AstigmaticPSF().widths(truth), calibration)
    assert found["z"] == pytest.approx(truth, abs=6)
    assert (np.diff(found["z"]) > 0).all()
    assert found["d_zcalib"].max() < 0.02


def test_a_stack_taken_downwards_gives_the_same_curves():
    index, sx, sy = beads()
    up, _ = calibrate_z(index, sx, sy, STEP, SLICES)
    down, _ = calibrate_z(SLICES - 1 - index, sx, sy, -STEP, SLICES)
    z = np.linspace(-500, 500, 50)
    assert up.widths(z)[0] == pytest.approx(down.widths(z)[0], abs=1e-9)


def test_the_precision_is_honest(calibration):
    rng = np.random.default_rng(1)
    truth = rng.uniform(-450, 450, 20_000)
    sx, sy = AstigmaticPSF().widths(truth)
    noisy = [w * (1 + rng.normal(0, 0.02, len(w))) for w in (sx, sy)]
    found = fit_z(*noisy, calibration, sx_unc=0.02 * sx, sy_unc=0.02 * sy)
    good = np.isfinite(found["z"])
    error = found["z"][good] - truth[good]
    assert good.mean() > 0.99
    assert np.sqrt(np.mean((error / found["lpz"][good]) ** 2)) == pytest.approx(1, abs=0.05)


def distance(z, sx, sy, calibration):
    wx, wy = (np.maximum(w, 1e-6) for w in calibration.widths(z))
    return (np.sqrt(sx) - np.sqrt(wx)) ** 2 + (np.sqrt(sy) - np.sqrt(wy)) ** 2


@pytest.mark.parametrize("seed", range(3))
def test_the_minimum_is_global(calibration, seed):
    rng = np.random.default_rng(seed)
    sx, sy = rng.uniform(0.5, 6, (2, 60))  # anywhere, not only near the curve
    found = fit_z(sx, sy, calibration, reject=False)
    low, high = calibration.calibrated_nm
    grid = np.linspace(low, high, 4001)
    for k in range(len(sx)):
        values = distance(grid, sx[k], sy[k], calibration)
        at = int(np.argmin(values))
        ends = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
        best = minimize_scalar(
            distance, bounds=ends, args=(sx[k], sy[k], calibration), method="bounded"
        )
        least = min(float(best.fun), float(values[at]))
        assert found["d_zcalib"][k] ** 2 == pytest.approx(least, abs=2e-7)


def test_z_outside_the_range_is_rejected(calibration):
    sx, sy = AstigmaticPSF().widths(np.array([-900.0, 0.0, 900.0]))
    z = fit_z(sx, sy, calibration)["z"]
    assert np.isnan(z[[0, 2]]).all() and z[1] == pytest.approx(0, abs=3)
    assert np.isnan(fit_z([np.nan, -1.0, 0.0], [1.0, 1.0, 1.0], calibration)["z"]).all()


def test_the_magnification_factor_scales_z_and_its_error(calibration):
    from dataclasses import replace

    sx, sy = AstigmaticPSF().widths(np.array([100.0, -200.0]))
    plain = fit_z(sx, sy, calibration, sx_unc=0.1 * sx, sy_unc=0.1 * sy)
    scaled = fit_z(
        sx, sy, replace(calibration, magnification=0.8), sx_unc=0.1 * sx, sy_unc=0.1 * sy
    )
    assert scaled["z"] == pytest.approx(0.8 * plain["z"], rel=1e-5)
    assert scaled["lpz"] == pytest.approx(0.8 * plain["lpz"], rel=1e-5)


def test_outliers_are_discarded_by_one_standard_deviation():
    index, sx, sy = beads(noise=0.01)
    sx[::10] *= 1.5
    calibration, report = calibrate_z(index, sx, sy, STEP, SLICES)
    assert not report.kept[::10].any()
    z = np.linspace(-400, 400, 20)
    assert calibration.widths(z)[0] == pytest.approx(AstigmaticPSF().widths(z)[0], rel=0.02)


def test_one_bead_is_enough():
    index, sx, sy = beads(noise=0.005, per_slice=1)
    calibration, report = calibrate_z(index, sx, sy, STEP, SLICES)
    assert report.kept.all() and calibration.usable[1] - calibration.usable[0] > 900


def test_the_usable_range_ends_where_the_curves_become_ambiguous():
    # both widths have a maximum at 500 nm: beyond it the same pair of widths comes again
    z = np.linspace(-800, 800, SLICES)
    fold = np.where(np.abs(z) < 500, z, np.sign(z) * (1000 - np.abs(z)))
    sx, sy = AstigmaticPSF().widths(fold)
    calibration, _ = calibrate_z(np.arange(SLICES), sx, sy, float(z[1] - z[0]), SLICES)
    low, high = calibration.usable
    assert -600 < low < -100 and 100 < high < 600


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"step_nm": 0.0}, "step-nm"),
        ({"slices": 6, "index": np.arange(2420) % 6}, "sixth degree"),
        ({"sx": np.full(2420, np.nan)}, "0 of 121"),
        ({"sx": np.full(2420, 1.2), "sy": np.full(2420, 1.2)}, "cylindrical"),
        ({"index": np.full(2420, 500)}, "from 0 to 120"),
        ({"sx": np.ones(3)}, "same length"),
    ],
)
def test_what_is_wrong_is_said(change, word):
    index, sx, sy = beads()
    arguments = {"index": index, "sx": sx, "sy": sy, "step_nm": STEP, "slices": SLICES} | change
    with pytest.raises(ParameterError, match=word):
        calibrate_z(**arguments)


@pytest.mark.parametrize(
    "values",
    [
        {"x_coefficients": (1.0,)},
        {"y_coefficients": (np.nan,) * 7},
        {"calibrated_nm": (5.0, 5.0)},
        {"magnification": 0.0},
    ],
)
def test_impossible_calibrations_are_refused(calibration, values):
    from dataclasses import replace

    with pytest.raises(ParameterError):
        replace(calibration, **values)
    assert isinstance(calibration, ZCalibration)
