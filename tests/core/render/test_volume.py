from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.render import render_volume


def test_counted_voxels_are_numpys(table):
    volume = render_volume(table, 50, 100, mode="histogram", z_range_nm=(-300, 350))
    edges = (
        np.arange(8) * 100.0 - 300,
        np.arange(49) / 2 - 0.5,
        np.arange(61) / 2 - 0.5,
    )
    points = np.stack([table[c].astype(float) for c in "zyx"], axis=1)
    expected, _ = np.histogramdd(points, bins=edges)
    np.testing.assert_array_equal(volume.image, expected)
    np.testing.assert_allclose(volume.scale_um, (0.1, 0.05, 0.05))
    np.testing.assert_allclose(volume.translate_um, (-0.25, -0.025, -0.025))


@pytest.mark.parametrize("lpz", [60.0, None])
def test_a_gaussian_is_the_formula(make_table, lpz):
    more = {} if lpz is None else {"lpz": [lpz]}
    locs = make_table(1, y=[11.2], x=[13.1], z=[33.0], lpy=[0.4], lpx=[0.6], **more)
    volume = render_volume(locs, 20, 25, z_range_nm=(-400, 400))
    axes = [
        t * 1000 + np.arange(n) * s * 1000
        for t, n, s in zip(volume.translate_um, volume.image.shape, volume.scale_um, strict=True)
    ]
    parts = []
    for axis, centre, sigma, step in zip(
        axes, (33.0, 1120.0, 1310.0), (lpz or 50.0, 40.0, 60.0), (25, 20, 20), strict=True
    ):
        d = (axis - centre) / sigma
        g = np.exp(-0.5 * d**2) / np.sqrt(2 * np.pi) / sigma * step
        parts.append(np.where(abs(d) < 2.99, g, np.nan))
    expected = parts[0][:, None, None] * parts[1][:, None] * parts[2]
    near = np.isfinite(expected)
    np.testing.assert_allclose(volume.image[near], expected[near], rtol=1e-3)
    assert volume.image.sum() == pytest.approx(1, abs=0.015)


def test_by_default_all_molecules_are_in(table):
    inside = table.table.query("-0.5 < y < 23.5 and -0.5 < x < 29.5")
    volume = render_volume(Localizations(inside, table.provenance), 100, 60, mode="histogram")
    assert volume.image.sum() == len(inside)


def test_threads_make_no_difference(table):
    for mode in ("gaussian", "histogram"):
        one, three = (render_volume(table, 40, 50, mode=mode, threads=t).image for t in (1, 3))
        np.testing.assert_array_equal(one, three)


def test_bad_numbers_and_none_spoil_nothing(make_table):
    bad = [np.nan, np.inf, -np.inf, 1e9, -1e9]
    for column in ("x", "y", "z", "lpx", "lpy"):
        locs = make_table(5, **{column: bad})
        image = render_volume(locs, 50, 50, z_range_nm=(-400, 400)).image
        assert np.isfinite(image).all()
    for mode in ("gaussian", "histogram"):
        assert render_volume(make_table(0), 50, 50, mode=mode).image.sum() == 0


@pytest.mark.parametrize(
    "options",
    [
        {"z_step_nm": 0},
        {"pixel_nm": 0},
        {"mode": "smooth"},
        {"z_range_nm": (5, 5)},
        {"pixel_nm": 0.1, "z_step_nm": 0.1},
        {"z_range_nm": (np.nan, 5)},
    ],
)
def test_what_cannot_be_drawn_is_said(table, options):
    with pytest.raises(ParameterError, match="render"):
        render_volume(table, **options)


def test_a_flat_table_is_said(table):
    flat = Localizations(table.table.drop(columns="z"), table.provenance)
    with pytest.raises(ParameterError, match="'z'"):
        render_volume(flat)
