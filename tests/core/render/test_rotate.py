from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal

from limelight.core.render import Scene
from limelight.core.render.rotate import rotation_matrix


def test_angles_are_turned_one_after_the_other():
    angles = (20.0, -50.0, 110.0)
    expected = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    np.testing.assert_allclose(rotation_matrix(angles), expected, atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(expected), expected)


def test_not_turned_is_as_from_above(table):
    scene = Scene(table)
    for mode in ("histogram", "gaussian", "smooth", "blur"):
        above = scene.draw(pixel_size_nm=20, mode=mode, exact=True).image
        turned = scene.draw(pixel_size_nm=20, mode=mode, rotation=(0, 0, 0)).image
        if mode == "gaussian":
            np.testing.assert_allclose(turned, above, atol=1e-5 * above.max())
        else:  # molecules at the border between two pixels may fall into the other
            assert (turned == above).mean() > 0.95
            assert turned.sum() == pytest.approx(above.sum(), abs=2)


def test_from_the_side_x_is_z(make_table):
    """A quarter turn about y brings z to where x was."""
    z = np.random.default_rng(3).uniform(-400, 400, 50)
    locs = make_table(50, z=z, y=np.linspace(2, 20, 50))
    picture = Scene(locs).draw(
        pixel_size_nm=10, mode="histogram", rotation=(0, 90, 0), centre=(0.0, 11.5, 14.5)
    )
    rows, columns = np.nonzero(picture.image)
    x_um = picture.translate_um[1] + columns * picture.scale_um[1] - 1.45
    y_um = picture.translate_um[0] + rows * picture.scale_um[0]
    order = np.argsort(y_um)
    np.testing.assert_allclose(y_um[order], locs["y"] * 0.1, atol=0.006)
    np.testing.assert_allclose(x_um[order], z / 1000, atol=0.006)


@pytest.mark.parametrize("angles", [(30, 0, 0), (0, 0, 40), (25, -60, 75), (0, 90, 0)])
@pytest.mark.parametrize("lpz", [90.0, None])
def test_an_ellipsoid_is_seen_as_its_ellipse(make_table, angles, lpz):
    more = {} if lpz is None else {"lpz": [lpz]}
    locs = make_table(1, y=[11.3], x=[14.8], z=[120.0], lpy=[0.3], lpx=[0.5], **more)
    scene = Scene(locs)
    picture = scene.draw(pixel_size_nm=5, rotation=angles, centre=(100.0, 11.0, 15.0))
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    at = matrix @ (-20, 30, 20) + (1500, 1100, 0)
    widths = np.diag([50.0, 30.0, lpz or 40.0]) ** 2
    seen = (matrix @ widths @ matrix.T)[:2, :2]
    rows, columns = (
        (t + np.arange(n) * s) * 1000
        for t, n, s in zip(picture.translate_um, picture.image.shape, picture.scale_um, strict=True)
    )
    grid = np.stack(np.meshgrid(columns, rows), axis=-1)
    expected = multivariate_normal(at[:2], seen).pdf(grid) * 25
    near = expected > expected.max() * 0.02
    np.testing.assert_allclose(picture.image[near], expected[near], rtol=2e-3)
    assert picture.image.sum() == pytest.approx(1, abs=0.01)


def test_edge_on_nothing_is_too_thin_to_see(make_table):
    locs = make_table(1, y=[11.3], x=[14.8], lpy=[1.0], lpx=[1e-6], lpz=[0.0])
    image = Scene(locs).draw(pixel_size_nm=20, rotation=(0, 0, 30)).image
    assert image.sum() == pytest.approx(1, abs=0.03)


def test_a_turned_view_is_filtered_and_coloured(make_table):
    locs = make_table(300)
    scene = Scene(locs)
    scene.filters.set("frame", 20, 60)
    picture = scene.draw(pixel_size_nm=50, rotation=(10, 40, 0), colour="frame", weight="photons")
    kept = (locs["frame"] >= 20) & (locs["frame"] <= 60)
    total = locs["photons"][kept].sum()
    assert 0.5 * total < picture.image.sum() < 1.01 * total
    lit = picture.image > 1
    assert picture.value[lit].min() >= 19.9
    assert picture.value[lit].max() <= 60.1


def test_turned_views_are_crops_of_one_another(table):
    scene = Scene(table)
    for mode in ("histogram", "gaussian", "smooth"):
        whole = scene.draw(pixel_size_nm=25, mode=mode, rotation=(15, 25, 35)).image
        part = scene.draw((4.5, 6.5, 12.5, 18.5), 25, mode, rotation=(15, 25, 35)).image
        np.testing.assert_allclose(part, whole[20:52, 28:76], atol=1e-5 * whole.max())
