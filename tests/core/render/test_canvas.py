from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.render import Canvas, render

FIELD = [{"Height": 8, "Width": 10, "Frames": 1, "Pixelsize": 100}]


def locs_at(y, x, **more):
    n = len(np.atleast_1d(x))
    columns = {"frame": np.zeros(n), "x": np.atleast_1d(x), "y": np.atleast_1d(y), **more}
    return Localizations.from_columns(columns, FIELD)


def test_histogram_is_numpys():
    rng = np.random.default_rng(3)
    y, x = rng.uniform(-0.5, 7.5, 500), rng.uniform(-0.5, 9.5, 500)
    locs = locs_at(y, x)
    picture = render(locs, 20.0, mode="histogram")
    expected, _, _ = np.histogram2d(
        locs["y"], locs["x"], bins=(40, 50), range=((-0.5, 7.5), (-0.5, 9.5))
    )
    np.testing.assert_array_equal(picture.image, expected)


@settings(max_examples=30, deadline=None)
@given(st.floats(2, 6), st.floats(2, 7), st.floats(0.12, 0.4), st.floats(0.12, 0.4))
def test_a_gaussian_is_the_closed_form(y, x, ly, lx):
    locs = locs_at(y, x, lpy=[ly], lpx=[lx])
    picture = render(locs, 20.0)
    zoom = 5
    rows = (np.arange(40) + 0.5) / zoom - 0.5
    columns = (np.arange(50) + 0.5) / zoom - 0.5
    y, x, ly, lx = (float(locs[c][0]) for c in ("y", "x", "lpy", "lpx"))
    expected = np.outer(norm.pdf(rows, y, ly), norm.pdf(columns, x, lx)) / zoom**2
    near = np.outer(abs(rows - y) < 2.9 * ly, abs(columns - x) < 2.9 * lx)
    np.testing.assert_allclose(picture.image[near], expected[near], rtol=1e-3)
    # What lies beyond three standard deviations, in pixels, is left out.
    assert picture.image.sum() == pytest.approx(1.0, abs=0.03)


def test_a_picture_overlays_the_camera_image():
    """A molecule in the middle of pixel (3, 4) is drawn where the image layer has that pixel."""
    picture = render(locs_at(3.0, 4.0, lpx=[0.05], lpy=[0.05]), 4.0)
    peak = np.unravel_index(picture.image.argmax(), picture.image.shape)
    at = np.array(picture.translate_um) + np.array(peak) * picture.scale_um
    weights = picture.image / picture.image.sum()
    grid = [
        t + np.arange(n) * s
        for t, n, s in zip(picture.translate_um, picture.image.shape, picture.scale_um, strict=True)
    ]
    centroid = (weights.sum(1) @ grid[0], weights.sum(0) @ grid[1])
    np.testing.assert_allclose(centroid, (0.3, 0.4), atol=1e-4)
    np.testing.assert_allclose(at, (0.3, 0.4), atol=0.004)


def test_what_comes_in_parts_makes_the_same_picture():
    rng = np.random.default_rng(0)
    n = 300
    locs = locs_at(
        rng.uniform(-3, 11, n),
        rng.uniform(-3, 13, n),
        lpx=rng.uniform(0, 1, n),
        lpy=rng.uniform(0, 1, n),
    )
    canvas = Canvas((8, 10), 100, 10)
    for rows in (slice(0, 100), slice(100, None)):
        canvas.add(Localizations(locs.table[rows]))
    np.testing.assert_array_equal(canvas.picture.image, render(locs, 10).image)


@pytest.mark.parametrize("mode", ["smooth", "blur"])
@pytest.mark.parametrize("blur_nm", [0.0, 17.0, 400.0])
def test_what_comes_in_parts_is_blurred_alike(mode, blur_nm):
    rng = np.random.default_rng(0)
    locs = locs_at(rng.uniform(-3, 11, 300), rng.uniform(-3, 13, 300))
    canvas = Canvas((8, 10), 100, 10, mode, blur_nm=blur_nm)
    for rows in (slice(0, 100), slice(100, None)):
        canvas.add(Localizations(locs.table[rows]))
        assert canvas.picture.image.shape == (80, 100)
    whole = render(locs, 10, mode=mode, blur_nm=blur_nm)
    np.testing.assert_array_equal(canvas.picture.image, whole.image)
    # what is beyond the field is blurred into it
    alone = render(locs_at(-0.6, 4.0), 10, mode=mode, blur_nm=blur_nm).image
    assert alone.any() == (mode == "smooth" or blur_nm > 0)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_are_counted_as_numpy_counts(threads):
    rng = np.random.default_rng(3)
    y, x = rng.uniform(-1, 8, 200_000), rng.uniform(-1, 11, 200_000)
    locs = locs_at(y, x)
    expected, _, _ = np.histogram2d(
        locs["y"], locs["x"], bins=(160, 200), range=((-0.5, 7.5), (-0.5, 9.5))
    )
    np.testing.assert_array_equal(
        render(locs, 5.0, mode="histogram", threads=threads).image, expected
    )


@pytest.mark.parametrize(
    ("picasso", "ours"), [(None, "histogram"), ("none", "histogram"), ("convolve", "blur")]
)
def test_modes_have_picassos_names_too(picasso, ours):
    locs = locs_at([3.0, 4.0], [4.0, 5.0], lpx=[0.1, 0.2], lpy=[0.1, 0.2])
    np.testing.assert_array_equal(
        render(locs, 20, mode=picasso).image, render(locs, 20, mode=ours).image
    )


def test_a_canvas_cannot_know_the_median():
    with pytest.raises(ParameterError, match="blur_nm"):
        Canvas((8, 10), 100, mode="blur")


def test_nan_and_far_away_molecules_are_left_out():
    bad = [np.nan, 5.0, 5.0, 1e9]
    locs = locs_at(bad, [5.0, np.nan, 5.0, 5.0], lpx=[0.1, 0.1, np.nan, 0.1], lpy=[0.1] * 4)
    assert render(locs, 20.0).image.sum() == 0
    assert render(Localizations.empty(FIELD), 20.0).image.shape == (40, 50)


def test_a_viewport_is_a_crop_of_the_whole():
    rng = np.random.default_rng(5)
    n = 200
    locs = locs_at(
        rng.uniform(0, 8, n), rng.uniform(0, 10, n), lpx=np.full(n, 0.2), lpy=np.full(n, 0.2)
    )
    whole = render(locs, 20.0)
    part = render(locs, 20.0, viewport=(1.5, 2.5, 4.5, 6.5))
    np.testing.assert_allclose(part.image, whole.image[10:25, 15:35], atol=1e-6)
    np.testing.assert_allclose(np.subtract(part.translate_um, whole.translate_um), (0.2, 0.3))


@pytest.mark.parametrize(
    "options", [{"pixel_size_nm": 0}, {"mode": "cubist"}, {"pixel_size_nm": 0.001}]
)
def test_what_cannot_be_drawn_is_said(options):
    with pytest.raises(ParameterError, match="render"):
        render(locs_at(1, 1), **options)
