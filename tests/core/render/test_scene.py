"""The scene against plain numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.render import MODES, Scene, render

FIELD = {"Height": 24, "Width": 30, "Frames": 100, "Pixelsize": 100}
WHOLE = (-0.5, -0.5, 23.5, 29.5)


def counted(locs, pixel_nm, viewport=WHOLE, weights=None):
    """Count with numpy's own histogram; float64 edges of the field's grid."""
    zoom = 100 / pixel_nm
    edges = []
    for a, b in ((viewport[0], viewport[2]), (viewport[1], viewport[3])):
        first, last = np.floor((a + 0.5) * zoom + 1e-6), np.ceil((b + 0.5) * zoom - 1e-6)
        edges.append(np.arange(first, last + 1) / zoom - 0.5)
    y, x = locs["y"].astype(float), locs["x"].astype(float)
    # numpy counts what lies on the last edge, we do not
    inside = (y < edges[0][-1]) & (x < edges[1][-1])
    weights = None if weights is None else weights[inside]
    return np.histogram2d(y[inside], x[inside], bins=edges, weights=weights)[0]


def drawn(locs, pixel_nm, least=0.5, cut=3.0, weights=None, viewport=WHOLE):
    """Sum the Gaussians' formula, molecule by molecule, in float64."""
    zoom = 100 / pixel_nm
    height, width = (round((b - a) * zoom) for a, b in zip(viewport[:2], viewport[2:], strict=True))
    image = np.zeros((height, width))
    rows, columns = np.arange(height), np.arange(width)
    for n in range(len(locs)):
        parts = []
        for place, start, axis in (("y", 0, rows), ("x", 1, columns)):
            centre = (float(locs[place][n]) - viewport[start]) * zoom - 0.5
            sigma = max(float(locs["lp" + place][n]) * zoom, least)
            d = (axis - centre) / sigma
            g = np.exp(-0.5 * d**2) / np.sqrt(2 * np.pi) / sigma
            parts.append(np.where(abs(d) <= cut, g, 0))
        image += np.outer(*parts) * (1 if weights is None else weights[n])
    return image


@pytest.mark.parametrize("pixel", [6.25, 7.3, 20, 25, 100, 400, 1600])
def test_a_histogram_is_numpys(table, crowd, pixel):
    for locs in (table, crowd):
        np.testing.assert_array_equal(
            Scene(locs).draw(pixel_size_nm=pixel, mode="histogram").image, counted(locs, pixel)
        )


@pytest.mark.parametrize("viewport", [(3.1, 2.7, 9.9, 20.2), (-6, -9, 5, 40), (40, 40, 50, 44)])
@pytest.mark.parametrize("pixel", [12.5, 25, 33.0, 200])
def test_a_view_of_a_histogram_is_numpys(crowd, viewport, pixel):
    """Also beyond the field, where there are molecules that the field does not hold."""
    picture = Scene(crowd).draw(viewport, pixel, "histogram")
    np.testing.assert_array_equal(picture.image, counted(crowd, pixel, viewport))


@pytest.mark.parametrize("pixel", [4, 20, 50, 300])
def test_gaussians_are_the_formula(table, pixel):
    expected = drawn(table, pixel)
    for image in (
        Scene(table).draw(pixel_size_nm=pixel, exact=True).image,
        render(table, pixel).image,
    ):
        np.testing.assert_allclose(image, expected, atol=2e-6 * expected.max(), rtol=2e-5)


@pytest.mark.parametrize("pixel", [10, 20, 50, 300])
def test_quick_gaussians_are_nearly_the_formula(make_table, pixel):
    """No more than 1/64 pixel beside: the steepest slope times that, and a bit for the width."""
    locs = make_table(30)
    exact = Scene(locs).draw(pixel_size_nm=pixel, exact=True).image
    quick = Scene(locs).draw(pixel_size_nm=pixel).image
    assert abs(quick - exact).max() < 0.05 * exact.max()
    assert quick.sum() == pytest.approx(exact.sum(), rel=0.01)


def shot_noise(image, sigma=0.5):
    """Return how much a picture of so many Gaussians fluctuates: density times their integral."""
    return np.sqrt(image.mean() / (4 * np.pi * sigma**2))


@pytest.mark.parametrize("pixel", [50, 25, 100])
def test_a_crowd_is_nearly_the_formula(crowd, pixel):
    scene = Scene(crowd)
    exact, quick = (scene.draw(pixel_size_nm=pixel, exact=e).image for e in (True, False))
    assert not np.array_equal(exact, quick)
    assert np.sqrt(np.mean((quick - exact) ** 2)) < 0.35 * shot_noise(exact)
    assert quick.sum() == pytest.approx(exact.sum(), rel=0.005)


@pytest.mark.parametrize("scale", [1, 30])
def test_a_crowd_all_narrow_is_nearly_the_formula(crowd, make_table, scale):
    """From the histograms that are there already, or filtered and counted anew."""
    narrow = np.full(len(crowd), 0.01 * scale, np.float32)
    locs = Localizations.from_columns(
        {"frame": crowd["frame"], "y": crowd["y"], "x": crowd["x"], "lpx": narrow, "lpy": narrow},
        [FIELD],
    )
    scene = Scene(locs)
    for _ in range(2):
        exact, quick = (scene.draw(pixel_size_nm=50, exact=e).image for e in (True, False))
        assert np.sqrt(np.mean((quick - exact) ** 2)) < 0.35 * shot_noise(exact)
        assert quick.sum() == pytest.approx(exact.sum(), rel=0.005)
        scene.filters.set("frame", 10, 95)


@pytest.mark.parametrize("pixel", [4, 20, 50, 300])
def test_blurs_are_scipys(table, crowd, pixel):
    beyond = (-12.5, -12.5, 35.5, 41.5)
    for locs in (table, crowd):
        scene = Scene(locs)
        count = counted(locs, pixel, beyond)
        edge = round(12 * 100 / pixel)
        median = [np.median(locs[c]) * 100 / pixel for c in ("lpy", "lpx")]
        for mode, options, sigma in (
            ("smooth", {}, 1),
            ("blur", {}, median),
            ("blur", {"blur_nm": 31.0}, 31 / pixel),
            ("blur", {"min_blur_nm": 45.0}, 45 / pixel),
        ):
            expected = gaussian_filter(count, sigma, mode="constant")[edge:-edge, edge:-edge]
            image = scene.draw(pixel_size_nm=pixel, mode=mode, **options).image
            np.testing.assert_allclose(image, expected, atol=2e-6 * expected.max())
            # the least width is for the median, which it exceeds here
            other = render(locs, pixel, mode=mode, **options).image
            np.testing.assert_allclose(other, expected, atol=2e-6 * expected.max())


@pytest.mark.parametrize("blur_nm", [13.0, 20.0, 47.0, (20.0, 61.0)])
def test_a_wide_blur_is_a_gaussian_for_each(table, blur_nm):
    sigma = np.broadcast_to(blur_nm, 2) / 100
    wide = [np.full(len(table), s, np.float32) for s in sigma]
    locs = Localizations.from_columns(
        {"frame": wide[0], "y": table["y"], "x": table["x"], "lpy": wide[0], "lpx": wide[1]},
        [FIELD],
    )
    view = (5, 5, 8, 8)
    expected = drawn(locs, 0.5, viewport=view, cut=4)
    for image in (
        Scene(table).draw(view, 0.5, "blur", blur_nm=blur_nm).image,
        render(table, 0.5, viewport=view, mode="blur", blur_nm=blur_nm).image,
    ):
        # a histogram of pixels of sigma / 12 puts molecules at most sigma / 24 beside
        np.testing.assert_allclose(image, expected, atol=expected.max() / 24)
        assert image.sum() == pytest.approx(expected.sum(), rel=0.02)


@pytest.mark.parametrize("pixel", [0.1, 0.3, 1.0, 2.0])
def test_close_up_quick_gaussians_are_nearly_the_formula(table, pixel):
    """Drawn on larger pixels and enlarged; the formula is cut off at three sigmas, too."""
    n = np.flatnonzero((table["y"] > 5) & (table["y"] < 20))[0]
    y, x = table["y"][n], table["x"][n]
    view = (y - 2 * pixel, x - 3 * pixel, y + 2 * pixel, x + 3 * pixel)
    scene = Scene(table)
    exact, quick = (scene.draw(view, pixel, exact=e).image for e in (True, False))
    assert abs(quick - exact).max() < 0.015 * exact.max()
    assert quick.sum() == pytest.approx(exact.sum(), rel=5e-3)
    assert quick.min() >= 0


def test_close_up_views_are_crops_of_one_another(table):
    scene = Scene(table)
    for mode in ("gaussian", "blur"):
        whole = scene.draw((4.5, 4.5, 9.5, 9.5), 1.0, mode).image
        part = scene.draw((5.5, 6.52, 8.03, 9.01), 1.0, mode).image
        np.testing.assert_array_equal(part, whole[100:353, 202:451])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_view_is_a_crop_of_the_whole(table, data):
    """To the last bit: the same molecules, summed in the same order."""
    pixel = data.draw(st.sampled_from([7.0, 12.5, 40.0, 130.0]))
    rows, columns = int(np.ceil(2400 / pixel - 1e-6)), int(np.ceil(3000 / pixel - 1e-6))
    i0 = data.draw(st.integers(0, rows - 1))
    j0 = data.draw(st.integers(0, columns - 1))
    i1 = data.draw(st.integers(i0 + 1, rows))
    j1 = data.draw(st.integers(j0 + 1, columns))
    mode = data.draw(st.sampled_from(MODES))
    options = data.draw(
        st.sampled_from([{}, {"exact": True}, {"weight": "photons"}, {"colour": "frame"}])
    )
    scene = _scene(table)
    whole = scene.draw(pixel_size_nm=pixel, mode=mode, **options)
    # corners a little within the pixels
    at = [(v + e) * pixel / 100 - 0.5 for v, e in ((i0, 0.3), (j0, 0.3), (i1, -0.3), (j1, -0.3))]
    part = scene.draw(tuple(at), pixel, mode, **options)
    np.testing.assert_array_equal(part.image, whole.image[i0:i1, j0:j1])
    if part.value is not None:
        np.testing.assert_array_equal(part.value, whole.value[i0:i1, j0:j1])
    moved = np.subtract(part.translate_um, whole.translate_um)
    np.testing.assert_allclose(moved, np.array((i0, j0)) * pixel / 1000, atol=1e-9)


_KEPT = {}


def _scene(table):
    return _KEPT.setdefault(id(table), Scene(table))


@pytest.mark.parametrize("mode", MODES)
def test_threads_make_no_difference(crowd, mode):
    first = None
    for threads in (1, 2, 7):
        scene = Scene(crowd, threads=threads)
        images = [
            scene.draw(pixel_size_nm=12.5, mode=mode).image,
            scene.draw((3, 3, 9, 9), 3.0, mode, exact=True, weight="photons").image,
            scene.draw(pixel_size_nm=25, mode=mode, rotation=(20, 30, 0), colour="z").value,
            render(crowd, 5.0, mode=mode, threads=threads).image,
            render(crowd, 50.0, mode=mode, threads=threads).image,
        ]
        scene.filters.set("photons", 300, 900)
        images.append(scene.draw(pixel_size_nm=12.5, mode=mode).image)
        first = first or images
        for image, expected in zip(images, first, strict=True):
            np.testing.assert_array_equal(image, expected)


def test_weights_count(table):
    scene = Scene(table)
    weights = table["photons"].astype(float)
    image = scene.draw(pixel_size_nm=50, mode="histogram", weight="photons").image
    np.testing.assert_allclose(image, counted(table, 50, weights=weights), rtol=1e-5)
    image = scene.draw(pixel_size_nm=50, weight="photons", exact=True).image
    expected = drawn(table, 50, weights=weights)
    np.testing.assert_allclose(image, expected, atol=3e-6 * expected.max(), rtol=2e-5)


@pytest.mark.parametrize("mode", MODES)
def test_values_are_means(make_table, mode):
    """Of what is drawn in the pixel, weighted by how much of it."""
    frame = make_table()["frame"].astype(float)
    depth = make_table()["z"].copy()
    depth[::7] = np.nan
    scene = Scene(make_table(z=depth))
    options = {"mode": mode, "exact": True, "pixel_size_nm": 50}
    if mode == "blur":
        options["blur_nm"] = 40.0
    picture = scene.draw(colour="frame", **options)
    plain = Scene(make_table(photons=frame + 1))
    weighted = plain.draw(weight="photons", **options).image
    np.testing.assert_array_equal(np.isnan(picture.value), picture.image == 0)
    lit = picture.image > 1e-3
    np.testing.assert_allclose(
        picture.value[lit],
        (weighted / np.maximum(picture.image, 1e-9) - 1)[lit],
        rtol=1e-3,
        atol=1e-3,
    )
    # what has no value is not drawn
    known = make_table(z=depth).table.dropna(subset="z")
    expected = Scene(Localizations(known, [FIELD])).draw(**options)
    image = scene.draw(colour="z", **options).image
    np.testing.assert_allclose(image, expected.image, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["frame", "photons", "x", "lpx", "z"]),
            st.floats(-500, 1500),
            st.floats(0, 1500) | st.just(np.inf),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_filters_are_masks(table, steps):
    """However they were set, changed and removed."""
    depth = table["z"].copy()
    depth[::5] = np.nan
    locs = Localizations(table.table.assign(z=depth), [FIELD])
    scene = Scene(locs)
    ranges = {}
    for column, low, width, remove in steps:
        if remove:
            ranges.pop(column, None)
            scene.filters.clear(column)
        else:
            ranges[column] = (low, low + width)
            scene.filters.set(column, low, low + width)
        mask = np.ones(len(locs), bool)
        for name, (a, b) in ranges.items():
            values = locs[name].astype(float)
            mask &= (values >= a) & (values <= b)
        np.testing.assert_array_equal(scene.kept(), mask)
        assert scene.filters.kept == mask.sum()
    kept = Scene(Localizations(locs.table[scene.kept()], [FIELD]))
    for mode in ("histogram", "gaussian"):
        np.testing.assert_allclose(
            scene.draw(pixel_size_nm=40, mode=mode).image,
            kept.draw(pixel_size_nm=40, mode=mode).image,
            atol=1e-6,
        )
    scene.filters.clear()
    assert scene.kept().all()


def test_large_whole_numbers_are_told_apart(make_table):
    group = np.arange(400) + 2**24
    scene = Scene(make_table(group=group))
    scene.filters.set("group", 2**24 + 7, 2**24 + 7)
    assert scene.kept().nonzero()[0] == [7]


BAD = [np.nan, np.inf, -np.inf, 1e9, -1e9, 3e38]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("column", ["y", "x", "lpx", "lpy", "z", "photons"])
def test_bad_numbers_spoil_nothing(make_table, mode, column):
    good = make_table(50)
    bad = np.tile(np.asarray(good[column])[:1], 50).astype(np.float32)
    bad[: len(BAD)] = BAD
    both = {
        c: np.concatenate([good[c], bad if c == column else good[c]])[: 50 + len(BAD)]
        for c in good.columns
    }
    with np.errstate(over="ignore"):
        locs = Localizations.from_columns(both, [FIELD])
    options = {"blur_nm": 20.0} if mode == "blur" else {}
    expected = Scene(good).draw(pixel_size_nm=50, mode=mode, exact=True, **options).image
    image = Scene(locs).draw(pixel_size_nm=50, mode=mode, exact=True, **options).image
    assert np.isfinite(image).all()
    if column in ("y", "x"):
        np.testing.assert_allclose(image, expected, atol=1e-6)
        image = render(locs, 50, mode=mode, **options).image
        np.testing.assert_allclose(image, expected, atol=1e-6)
    if column in ("lpx", "lpy"):
        # what has no precision is no Gaussian, but it is counted
        other = render(locs, 50, mode=mode, **options).image
        np.testing.assert_allclose(image, other, atol=1e-6 + 1e-5 * other.max())
        assert np.isfinite(
            Scene(locs).draw(mode=mode, rotation=(10, 20, 30), **options).image
        ).all()


@pytest.mark.parametrize("pixel", [10, 50, 100])
def test_what_has_no_precision_is_no_gaussian(crowd, pixel):
    """In crowds neither, where Gaussians are made of a histogram."""
    table = crowd.table.copy()
    table.loc[::2, "lpx"] = np.nan
    scene = Scene(Localizations(table, [FIELD]))
    half = Scene(Localizations(table.dropna(), [FIELD]))
    image, expected = (s.draw(pixel_size_nm=pixel).image for s in (scene, half))
    # the two may differ in how much of a Gaussian is cut off
    assert image.sum() == pytest.approx(expected.sum(), rel=5e-3)
    counted_all = scene.draw(pixel_size_nm=pixel, mode="histogram").image
    np.testing.assert_array_equal(counted_all, counted(crowd, pixel))


@pytest.mark.parametrize("mode", MODES)
def test_nothing_and_one_are_drawn(make_table, mode):
    for scene, volume in (
        (Scene(Localizations.empty([FIELD])), 0),
        (Scene(make_table(0)), 0),
        (Scene(make_table(1, x=[12.3], y=[11.2])), 1),
    ):
        options = {"blur_nm": 10.0} if mode == "blur" else {}
        picture = scene.draw(pixel_size_nm=50, mode=mode, **options)
        assert picture.image.shape == (48, 60)
        assert picture.image.sum() == pytest.approx(volume, abs=0.04)
        scene.filters.set("frame", 1000, 2000)
        assert scene.draw(mode=mode, **options).image.sum() == 0


@pytest.mark.parametrize("mode", MODES)
def test_one_pixel_holds_the_field(crowd, mode):
    picture = Scene(crowd).draw(pixel_size_nm=1e6, mode=mode)
    assert picture.image.shape == (1, 1)
    assert picture.scale_um == (1000, 1000)
    np.testing.assert_allclose(picture.translate_um, (499.95, 499.95))


def test_a_pixel_size_for_the_screen(table):
    scene = Scene(table)
    assert scene.pixel_size(size=(240, 300)) == pytest.approx(6.25)
    assert scene.pixel_size((0, 0, 3, 3), (100, 100)) == pytest.approx(1.5625)
    assert scene.pixel_size(size=(2, 2)) == pytest.approx(800)
    with pytest.raises(ParameterError, match="empty"):
        scene.pixel_size((3, 3, 3, 5))


def test_a_table_without_precisions(table):
    locs = Localizations(table.table[["frame", "x", "y"]], [FIELD])
    scene = Scene(locs)
    np.testing.assert_array_equal(scene.draw(pixel_size_nm=50).image, counted(locs, 50))
    with pytest.raises(ParameterError, match="lpx"):
        scene.draw(mode="blur")
    with pytest.raises(ParameterError, match="lpx"):
        render(locs, mode="blur")
    with pytest.raises(ParameterError, match="no column 'z'"):
        scene.draw(rotation=(0, 0, 0))


@pytest.mark.parametrize(
    "options",
    [
        {"pixel_size_nm": 0},
        {"pixel_size_nm": np.nan},
        {"pixel_size_nm": 1e-4},
        {"mode": "cubist"},
        {"viewport": (0, 0, 0, 5)},
        {"viewport": (0, 0, np.nan, 5)},
        {"viewport": (1e300, 0, 1.1e300, 5)},
        {"min_blur_nm": -1},
        {"mode": "blur", "blur_nm": -1},
        {"mode": "blur", "blur_nm": np.nan},
        {"rotation": (1, 2)},
        {"rotation": np.ones((3, 3))},
        {"colour": "colour"},
    ],
)
def test_what_cannot_be_drawn_is_said(table, options):
    with pytest.raises(ParameterError):
        Scene(table).draw(**options)


def test_what_cannot_be_filtered_is_said(table):
    filters = Scene(table).filters
    with pytest.raises(ParameterError, match="photons"):
        filters.set("photon", 0, 1)
    with pytest.raises(ParameterError, match="two numbers"):
        filters.set("photons", np.nan, 1)
    assert not filters.ranges
    locs = Localizations(table.table.assign(name="a"), [FIELD])
    with pytest.raises(ParameterError, match="numbers"):
        Scene(locs).filters.set("name", 0, 1)
