from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.movie import ArrayMovie
from limelight.core.render import render
from limelight.widgets.layers import (
    MAX_POINTS,
    MOVIE_KEY,
    Placement,
    add_molecules,
    calibrate,
    frame_in_view,
    is_movie_layer,
    movie_of,
    pixel_size_nm,
    show_picture,
)


@pytest.fixture
def viewer():
    return ViewerModel()


def counts(*shape):
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def test_a_plain_array_is_a_movie(viewer):
    data = counts(6, 20, 30)
    layer = viewer.add_image(data, scale=(1, 0.1, 0.1), units=("pixel", "um", "um"), name="a/b: c")
    movie = movie_of(layer, viewer)
    assert movie.shape == (6, 20, 30) and movie.name == "a_b_ c" and movie.path is None
    assert movie.camera.pixel_size_nm == pytest.approx(100)
    np.testing.assert_array_equal(movie.read(2, 4), data[2:4])
    viewer.dims.set_point(0, 4)
    assert frame_in_view(layer, viewer) == 4


def test_the_readers_own_movie_is_used(viewer):
    own = ArrayMovie(counts(3, 8, 8), name="own")
    layer = viewer.add_image(own.read(0, 3), metadata={MOVIE_KEY: own})
    assert movie_of(layer, viewer) is own


def test_a_single_image_is_one_frame(viewer):
    layer = viewer.add_image(counts(20, 30))
    viewer.add_image(counts(9, 5, 5))
    viewer.dims.set_point(0, 7)
    assert movie_of(layer, viewer).shape == (1, 20, 30)
    assert frame_in_view(layer, viewer) == 0


def test_a_dask_array_stays_lazy(viewer):
    lazy = da.zeros((50, 64, 64), chunks=(1, 64, 64), dtype=np.uint16) + np.uint16(7)
    movie = movie_of(viewer.add_image(lazy), viewer)
    block = movie.read(10, 12)
    assert isinstance(block, np.ndarray) and block.shape == (2, 64, 64) and (block == 7).all()


def test_other_axes_stay_where_the_sliders_are(viewer):
    data = counts(10, 2, 8, 9)
    layer = viewer.add_image(data, axis_labels=("t", "c", "y", "x"), name="two")
    viewer.dims.set_point(1, 1)
    viewer.dims.set_point(0, 3)
    movie = movie_of(layer, viewer)
    assert movie.shape == (10, 8, 9) and movie.name == "two c1"
    np.testing.assert_array_equal(movie.read(3, 4)[0], data[3, 1])
    assert frame_in_view(layer, viewer) == 3


def test_without_names_the_longest_axis_is_time(viewer):
    data = counts(2, 12, 8, 9)
    layer = viewer.add_image(data)
    viewer.dims.set_point(0, 1)
    viewer.dims.set_point(1, 5)
    movie = movie_of(layer, viewer)
    assert len(movie) == 12 and frame_in_view(layer, viewer) == 5
    np.testing.assert_array_equal(movie.read(5, 6)[0], data[1, 5])


def test_a_colour_image_is_refused_with_advice(viewer):
    layer = viewer.add_image(np.zeros((10, 10, 3), np.uint8), rgb=True)
    with pytest.raises(ParameterError, match="Split"):
        movie_of(layer, viewer)


def test_labels_and_results_are_no_movies(viewer):
    labels = viewer.add_labels(np.zeros((5, 5), int))
    image = viewer.add_image(counts(5, 5))
    assert is_movie_layer(image) and not is_movie_layer(labels)


@pytest.mark.parametrize(
    ("scale", "unit", "expected"),
    [(0.1, "um", 100), (160, "nm", 160), (1e-7, "m", 100), (1, "pixel", None), (2, "s", None)],
)
def test_the_pixel_size_comes_from_scale_and_unit(viewer, scale, unit, expected):
    layer = viewer.add_image(counts(5, 5), scale=(scale, scale), units=(unit, unit))
    size = pixel_size_nm(layer)
    assert size == (None if expected is None else pytest.approx(expected))


def test_calibrating_changes_what_is_needed(viewer):
    layer = viewer.add_image(counts(4, 5, 6), translate=(0, 10, 20))
    assert calibrate(layer, 130.0)
    assert pixel_size_nm(layer) == pytest.approx(130)
    np.testing.assert_allclose(layer.scale, (1, 0.13, 0.13))
    np.testing.assert_allclose(layer.translate, (0, 1.3, 2.6))
    assert not calibrate(layer, 130.0)


@pytest.mark.parametrize(
    ("scale", "translate", "unit"),
    [(0.1, (0, 0), "um"), (100.0, (50, -70), "nm"), (0.13, (3, 4), "um")],
)
def test_pictures_and_points_lie_on_the_movie(viewer, scale, translate, unit):
    movie = viewer.add_image(
        counts(4, 32, 48), scale=(1, scale, scale), translate=(0, *translate),
        units=("pixel", unit, unit),
    )  # fmt: skip
    size = pixel_size_nm(movie)
    table = pd.DataFrame({"frame": [0, 0], "x": [40.0, 7.0], "y": [10.0, 20.0]})
    locs = Localizations(table, [{"Height": 32, "Width": 48, "Pixelsize": size}])
    picture = render(locs, 10.0, mode="histogram")
    place = Placement.of(movie)
    image = show_picture(viewer, picture, place, size, name="sr")
    points = add_molecules(viewer, locs, place, name="molecules")
    drawn = np.argwhere(image.data > 0)
    for layer, positions in ((image, drawn), (points, points.data)):
        world = sorted(tuple(layer.data_to_world(p)) for p in positions)
        expected = sorted(tuple(movie.data_to_world((0, y, x))[1:]) for y, x in [(10, 40), (20, 7)])
        np.testing.assert_allclose(world, expected, atol=scale * 10 / size)
        assert str(layer.units[0]) == str(movie.units[1])
    # the picture covers the camera's field: the same corners
    low, _ = image.extent.world
    np.testing.assert_allclose(
        low - np.asarray(image.scale) / 2, movie.data_to_world((0, -0.5, -0.5))[1:], atol=1e-6
    )


def test_a_picture_is_updated_in_place(viewer):
    locs = Localizations.from_columns(
        {"frame": np.zeros(3), "x": np.arange(3.0), "y": np.arange(3.0)},
        [{"Height": 10, "Width": 10, "Pixelsize": 100.0}],
    )
    place = Placement((0.1, 0.1), (0.0, 0.0), ("um", "um"))
    first = show_picture(viewer, render(locs, 20.0), place, 100.0, name="a")
    again = show_picture(viewer, render(locs, 10.0), place, 100.0, name="b", layer=first)
    assert again is first and len(viewer.layers) == 1 and first.name == "b"
    assert first.data.shape == (100, 100)
    viewer.layers.remove(first)
    new = show_picture(viewer, render(locs, 10.0), place, 100.0, name="c", layer=first)
    assert new is not first and list(viewer.layers) == [new]


def test_of_very_many_molecules_a_sample_is_shown_and_said(viewer):
    n = MAX_POINTS + 10
    rng = np.random.default_rng(0)
    locs = Localizations.from_columns(
        {"frame": np.arange(n), "x": rng.random(n), "y": rng.random(n), "lpx": np.full(n, 0.1)}
    )
    layer = add_molecules(
        viewer, locs, Placement.of(viewer.add_image(counts(5, 5))), name="molecules"
    )
    assert len(layer.data) == MAX_POINTS and "200,000 of 200,010" in layer.name
    assert len(layer.features) == MAX_POINTS and not layer.visible


def test_camera_of_a_movie_without_units_is_the_default(viewer):
    assert movie_of(viewer.add_image(counts(5, 5)), viewer).camera.to_dict() == Camera().to_dict()
