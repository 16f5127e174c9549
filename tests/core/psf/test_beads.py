"""Beads of known size: found, rejected with the reason, measured within two percent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from limelight.core.errors import ParameterError
from limelight.core.psf import (
    Trend,
    field_map,
    find_beads,
    fit_bead,
    measure_beads,
    saturation_of,
    summarize,
    theoretical_fwhm,
)
from limelight.core.simulate import PupilPSF, bead_stack

FWHM = 2 * np.sqrt(2 * np.log(2))
SCALE = (0.1, 0.1, 0.1)


def pixels(n, centre, sigma):
    edges = (np.arange(n + 1) - 0.5 - centre) / (np.sqrt(2) * sigma)
    return np.diff(erf(edges)) / 2 * np.sqrt(2 * np.pi) * sigma


def gaussian_stack(shape, places, sigma=(4.0, 1.2, 1.0), height=1000, background=50.0, seed=0):
    stack = np.full(shape, float(background))
    for z, y, x in places:
        along = np.exp(-0.5 * ((np.arange(shape[0]) - z) / sigma[0]) ** 2)
        plane = np.outer(pixels(shape[1], y, sigma[1]), pixels(shape[2], x, sigma[2]))
        stack += height * along[:, None, None] * plane
    return np.random.default_rng(seed).poisson(stack).astype(np.uint16)


@pytest.mark.parametrize("method", ["lq", "mle"])
def test_gaussian_beads_have_their_widths(method):
    rng = np.random.default_rng(1)
    places = [
        (
            20 + rng.uniform(-2, 2),
            20 + 25 * i + rng.uniform(-2, 2),
            20 + 25 * j + rng.uniform(-2, 2),
        )
        for i in range(4)
        for j in range(4)
    ]
    stack = gaussian_stack((41, 120, 120), places)
    table = measure_beads(stack, scale_um=SCALE, method=method)
    assert len(table) == 16 and (table["reason"] == "").all()
    summary = summarize(table)
    for name, truth in (("fwhm_z_um", 0.4), ("fwhm_y_um", 0.12), ("fwhm_x_um", 0.1)):
        assert summary[name]["median"] == pytest.approx(FWHM * truth, rel=0.02)
        assert summary[name]["count"] == 16
    assert summary["asymmetry"]["median"] == pytest.approx(1.2, rel=0.02)
    near = np.array(sorted(places, key=lambda p: (round(p[1] / 25), round(p[2] / 25))))
    order = table.assign(i=(table.y / 25).round(), j=(table.x / 25).round()).sort_values(["i", "j"])
    assert np.abs(order[["z", "y", "x"]].to_numpy() - near).max(axis=0) == pytest.approx(
        [0, 0, 0], abs=0.2
    )
    assert order["background"].median() == pytest.approx(50, rel=0.02)
    assert order["signal"].median() == pytest.approx(1000, rel=0.03)
    assert order["asymmetry_angle_deg"].median() == pytest.approx(90, abs=4)


@pytest.mark.parametrize(
    ("pixel", "na", "index", "wavelength", "step"),
    [(100, 1.2, 1.33, 600, 100), (65, 1.4, 1.518, 600, 100), (110, 1.4, 1.518, 670, 50)],
)
def test_real_point_spread_functions_have_their_widths(pixel, na, index, wavelength, step):
    from limelight.core.psf import width_of

    fine = PupilPSF(pixel_nm=10, na=na, wavelength_nm=wavelength, index=index)
    x = np.arange(101.0) * 0.01
    lateral = width_of(x, fine.image(0, 0, 0, 101)[0, 50], background=0)[0]
    z = np.arange(-3000, 3001, 20.0)
    axial = width_of(z / 1000, fine.image(np.zeros(len(z)), 0, z, 1)[:, 0, 0], background=0)[0]
    expected = theoretical_fwhm(na, wavelength, index)
    assert lateral == pytest.approx(expected[0], rel=0.02)
    assert axial == pytest.approx(expected[1], rel=0.06)
    psf = PupilPSF(pixel_nm=pixel, na=na, wavelength_nm=wavelength, index=index)
    found = []
    for dx, dy in ((0, 0), (0.2, -0.3), (0.4, 0.1), (-0.1, -0.25)):
        stack = bead_stack(psf, (41, 25, 25), [12 + dx], [12 + dy], 30_000, step_nm=step)
        scale = (step / 1000, pixel / 1000, pixel / 1000)
        found.append(fit_bead(stack, 20, 12, 12, scale_um=scale).values)
    for name, truth in (("fwhm_lateral_um", lateral), ("fwhm_z_um", axial)):
        assert np.mean([f[name] for f in found]) == pytest.approx(truth, rel=0.02)


def test_a_bead_that_leans_and_one_of_known_size():
    z, y, x = np.indices((41, 31, 31)).astype(float)
    lean = np.tan(np.radians(10))  # µm per µm, towards y; pixels and slices have the same size
    u = (x - 15) / 2.0
    v = (y - 15 - lean * (z - 20)) / 2.0
    bead = 500 * np.exp(-0.5 * (u**2 + v**2 + ((z - 20) / 6.0) ** 2)) + 10
    values = fit_bead(bead, 20, 15, 15, box=25, scale_um=SCALE).values
    assert values["tilt_deg"] == pytest.approx(10, abs=0.3)
    assert values["tilt_direction_deg"] == pytest.approx(90, abs=1)
    assert values["axial_asymmetry"] == pytest.approx(0, abs=0.01)
    diameter = 0.3
    sized = fit_bead(bead, 20, 15, 15, box=25, scale_um=SCALE, bead_diameter_um=diameter).values
    square = 8 * np.log(2) * diameter**2 / 20
    assert values["fwhm_x_um"] ** 2 - sized["fwhm_x_um"] ** 2 == pytest.approx(square, rel=0.01)
    assert fit_bead(bead, 20, 15, 15, scale_um=SCALE, bead_diameter_um=9).reason


def test_more_light_above_than_below_is_told():
    psf = PupilPSF(pixel_nm=100, phases={(4, 0): 0.8})
    values = []
    for sign in (1, -1):
        aberrated = PupilPSF(pixel_nm=100, phases={(4, 0): 0.8 * sign})
        stack = bead_stack(aberrated, (61, 31, 31), [15], [15], 1e5, step_nm=50)
        brightest = int(stack.max(axis=(1, 2)).argmax())
        values.append(fit_bead(stack, brightest, 15, 15, scale_um=(0.05, 0.1, 0.1)).values)
    above, below = (v["axial_asymmetry"] for v in values)
    assert abs(above) > 0.05 and above == pytest.approx(-below, abs=0.02)
    assert psf.phases


def test_every_rejection_says_why():
    places = [(20, 40, 40), (20, 90, 30), (20, 90, 37), (20, 3, 60), (0, 40, 90), (20, 95, 95)]
    stack = gaussian_stack((41, 120, 120), places, height=3000).astype(np.uint16)
    stack[18:23, 94:97, 94:97] = 4095
    beads = find_beads(stack)
    said = {}
    for k in range(len(beads)):
        said[int(beads.y[k]), int(beads.x[k])] = beads.reason[k]
    assert said[40, 40] == ""
    assert said[90, 30].startswith("too close to another: 7.0 px")
    assert said[90, 37].startswith("too close")
    assert said[3, 60] == "too near the rim: 3 px, the box needs 7"
    assert said[40, 90] == "cut off axially: brightest in the first slice"
    assert said[95, 95].startswith("saturated: 45 voxels")
    table = measure_beads(stack, scale_um=SCALE)
    assert (table["reason"] == "").sum() == 1
    assert np.isnan(table.loc[table["reason"] != "", "fwhm_z_um"]).all()
    lonely = find_beads(stack[:, 80:, :50])
    assert "Dilute the beads" in lonely.complaint() or "smaller box" in lonely.complaint()
    empty = np.random.default_rng(0).poisson(50, (9, 60, 60))
    assert "No bead was found" in find_beads(empty).complaint()


def test_stacks_that_are_none_are_named():
    with pytest.raises(ParameterError, match="1 slice;"):
        measure_beads(np.zeros((30, 30)), scale_um=SCALE)
    with pytest.raises(ParameterError, match="Z, Y, X"):
        measure_beads(np.zeros((2, 9, 30, 30)), scale_um=SCALE)
    with pytest.raises(ParameterError, match="does not fit"):
        measure_beads(np.zeros((9, 10, 10)), scale_um=SCALE)
    with pytest.raises(ParameterError, match="scale_um"):
        measure_beads(np.zeros((9, 30, 30)), scale_um=(0, 1, 1))
    with pytest.raises(ParameterError, match="odd"):
        find_beads(np.zeros((9, 30, 30)), box=8)
    assert len(measure_beads(np.zeros((9, 30, 30)), scale_um=SCALE)) == 0


def test_saturation_is_recognized_by_the_number_of_bits():
    stack = np.random.default_rng(0).integers(0, 300, (5, 20, 20)).astype(np.uint16)
    assert saturation_of(stack) is None
    stack[2, :2, :3] = 4095
    assert saturation_of(stack) == 4095
    assert saturation_of(stack.astype(np.float32)) is None
    stack[2, 0, 0] = 4096
    assert saturation_of(stack) is None


def test_the_field_map_follows_a_slope():
    import pandas as pd

    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 200, (2, 60))
    table = pd.DataFrame({"x": x, "y": y, "reason": "", "tilt_deg": 1 + 0.01 * x - 0.002 * y})
    found = field_map(table, (200, 200), "tilt_deg")
    assert found.degree == 2 and found.residual < 1e-9
    assert found.fitted[0, -1] - found.fitted[0, 0] == pytest.approx(2, rel=1e-6)
    assert found.counts.sum() == 60 and found.binned[0, 2] > found.binned[0, 0]
    assert field_map(table[:3], (200, 200), "tilt_deg").degree == 0
    assert field_map(table[:0], (200, 200), "tilt_deg") is None
    with pytest.raises(ParameterError, match="no column"):
        field_map(table, (200, 200), "nonsense")


def test_the_trend_keeps_the_medians():
    table = measure_beads(gaussian_stack((41, 60, 60), [(20, 30, 30)]), scale_um=SCALE)
    trend = Trend(length=2)
    for k in range(3):
        trend.add(k, table.assign(fwhm_z_um=1.0 - 0.1 * k))
    time, width = trend.curve("fwhm_z_um")
    assert time.tolist() == [1, 2] and width.tolist() == pytest.approx([0.9, 0.8])
    assert trend.best()["time"] == 2 and Trend().best() is None


def test_the_theory_wants_a_possible_aperture():
    assert theoretical_fwhm(1.0, 500, 1.33, "confocal")[0] == pytest.approx(0.185)
    for arguments in ((1.5, 500, 1.33), (1.0, 0, 1.33), (1.0, 500, 1.33, "sted")):
        with pytest.raises(ParameterError):
            theoretical_fwhm(*arguments)
