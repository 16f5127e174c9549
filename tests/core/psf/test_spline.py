"""Cubic splines against scipy, and averages of beads against the beads they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from limelight.core.errors import ParameterError
from limelight.core.psf import SplinePSF, average_beads
from limelight.core.psf.spline import coefficients_of, sampling
from limelight.core.simulate import PupilPSF, bead_stack


def test_it_is_the_not_a_knot_spline_of_scipy():
    rng = np.random.default_rng(0)
    volume = rng.normal(size=(9, 7, 6))
    solid = coefficients_of(volume)
    places = np.linspace(0, 8, 33)
    ours = np.einsum(
        "az,by,cx,zyx->abc",
        sampling(places, 9),
        sampling(np.arange(7), 7),
        sampling(np.arange(6), 6),
        solid,
    )
    assert ours == pytest.approx(CubicSpline(np.arange(9), volume)(places), abs=1e-10)


def test_images_are_samples_of_the_volume():
    psf = PupilPSF("astigmatic")
    z = np.arange(-400, 401, 40.0)
    model = SplinePSF.of(psf.image(0, 0, z, 21), psf.pixel_nm, 40.0)
    assert model.shape == (21, 21, 21) and model.range_nm == (-400, 400)
    assert model.largest_box == 19
    volume = model.volume()
    assert volume[10].sum() == pytest.approx(1, abs=1e-5)
    assert model.image(0, 0, [-400, 0, 400], 21) == pytest.approx(volume[[0, 10, 20]], abs=1e-6)
    moved = model.image(1, -2, 0, 9)[0]
    assert moved == pytest.approx(volume[10, 8:17, 5:14], abs=1e-6)
    # between samples: the pupil model is the truth
    truth = psf.image(0.3, -0.4, 130, 13)[0]
    found = model.image(0.3, -0.4, 130, 13)[0]
    assert found == pytest.approx(truth / psf.image(0, 0, 0, 21).sum(), abs=0.02 * truth.max())


@pytest.mark.parametrize(
    "change",
    [
        {"coefficients": np.zeros((3, 9, 9))},
        {"coefficients": np.full((9, 9, 9), np.nan)},
        {"pixel_nm": 0.0},
        {"step_nm": -5.0},
    ],
)
def test_impossible_splines_are_refused(change):
    good = {
        "coefficients": np.ones((9, 9, 9)),
        "pixel_nm": 100.0,
        "step_nm": 20.0,
        "centre": (3.0, 3.0, 3.0),
    }
    with pytest.raises(ParameterError):
        SplinePSF(**good | change)
    with pytest.raises(ParameterError, match="at least 5"):
        coefficients_of(np.ones((4, 9, 9)))
    with pytest.raises(ParameterError, match="no light"):
        SplinePSF.of(np.zeros((9, 9, 9)), 100, 20)


@pytest.fixture(scope="module")
def averaged():
    psf = PupilPSF("saddle-point")
    rng = np.random.default_rng(2)
    places, cuts = [], []
    for k in range(6):
        dx, dy = rng.uniform(-0.5, 0.5, 2)
        dz = rng.uniform(-60, 60)
        stack = bead_stack(
            psf,
            (31, 17, 17),
            [8 + dx],
            [8 + dy],
            30_000 + 5_000 * k,
            step_nm=40,
            z_nm=dz,
            background=20 + 5 * k,
            reach=9,
        )
        cuts.append(rng.poisson(stack).astype(float))
        places.append((dz / 40, dy, dx))
    cuts.append(rng.poisson(30.0, cuts[0].shape).astype(float))  # no bead at all
    return psf, np.array(places), average_beads(cuts, pixel_nm=psf.pixel_nm, step_nm=40)


def test_beads_are_registered_to_a_fraction_of_a_voxel(averaged):
    _, places, result = averaged
    error = result.shift[:6] - places
    error -= error.mean(axis=0)
    assert np.abs(error).max(axis=0) == pytest.approx([0, 0, 0], abs=0.1)
    assert error[:, 1:].std() < 0.01


def test_what_is_no_bead_is_left_out(averaged):
    _, _, result = averaged
    assert result.used.tolist() == [True] * 6 + [False]
    assert result.similarity[:6].min() > 0.97 and result.model.about["beads"] == 6


def test_the_average_is_the_point_spread_function(averaged):
    psf, places, result = averaged
    model = result.model
    offset = (result.shift[:6] - places).mean(axis=0)  # of the origin of all shifts
    z = np.array([-300.0, -100.0, 0.0, 200.0])
    # the model's origin in the truth's coordinates
    at = np.array(model.centre) - np.array([15, 8, 8]) + offset
    truth = psf.image(-at[2], -at[1], z + at[0] * 40, 11)
    found = model.image(0, 0, z, 11)
    scale = float((truth * found).sum() / (found * found).sum())
    assert found * scale == pytest.approx(truth, abs=0.04 * truth.max())


def test_averaging_says_what_is_wrong():
    with pytest.raises(ParameterError, match="no bead"):
        average_beads([], pixel_nm=100, step_nm=20)
    with pytest.raises(ParameterError, match="one shape"):
        average_beads([np.ones((9, 9, 9)), np.ones((9, 9, 7))], pixel_nm=100, step_nm=20)
    with pytest.raises(ParameterError, match="step"):
        average_beads([np.ones((9, 9, 9))], pixel_nm=100, step_nm=0)
