from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.render import COLOURS, Layer, Picture, Scene, compose, lookup_table
from limelight.core.render.colour import contrast_of, limits_of


@pytest.mark.parametrize("name", COLOURS)
def test_colour_maps_have_256_colours(name):
    table = lookup_table(name)
    assert table.shape == (256, 3)
    np.testing.assert_array_equal(table[0], COLOURS[name][0])
    np.testing.assert_array_equal(table[-1], COLOURS[name][-1])


def test_colour_maps_of_others():
    np.testing.assert_array_equal(lookup_table(np.array([[0.0, 0, 0, 1], [1, 1, 1, 1]])).T[0],
                                  np.arange(256))  # fmt: skip
    one = lookup_table(np.array([[1, 2, 3]], np.uint8))
    assert (one == (1, 2, 3)).all()
    with pytest.raises(ParameterError, match="Did you mean 'gray'"):
        lookup_table("grey")
    with pytest.raises(ParameterError, match="shape"):
        lookup_table(np.zeros(3))


def shaded(layer):
    """Shade in plain numpy."""
    image = layer.picture.image.astype(float)
    low, high = layer.contrast
    t = np.clip((image - low) / (high - low), 0, 1)
    light = t**layer.gamma
    table = lookup_table(layer.colours).astype(float)
    if layer.picture.value is None:
        rgb = table[np.round(light * 255).astype(int)]
    else:
        a, b = layer.limits
        v = np.nan_to_num(np.clip((layer.picture.value - a) / (b - a), 0, 1))
        rgb = table[np.round(v * 255).astype(int)] * light[..., None]
    rgb[image <= low] = 0
    return rgb


def test_layers_add_up_as_light(table):
    scene = Scene(table)
    layers = [
        Layer(scene.draw(pixel_size_nm=40), "magenta", (0.0, 0.2), gamma=0.7),
        Layer(scene.draw(pixel_size_nm=40, colour="z"), "depth", (0.01, 0.3), (-300.0, 200.0)),
    ]
    for some in (layers[:1], layers[1:], layers):
        rgb = compose(some)
        expected = np.minimum(sum(shaded(layer) for layer in some), 255)
        assert rgb.dtype == np.uint8
        # a step of the brightness, of the colour, and rounding
        assert abs(rgb - expected).max() <= 4
        assert rgb.max() > 100
    np.testing.assert_array_equal(compose(layers, threads=1), compose(layers, threads=3))


def test_contrast_and_limits_are_found():
    image = np.zeros((100, 100), np.float32)
    assert contrast_of(image) == (0, 1)
    image[50] = np.arange(100)
    low, high = contrast_of(image)
    assert low == 0
    assert 95 < high < 99
    value = np.full((100, 100), np.nan, np.float32)
    assert limits_of(value) == (0, 1)
    value[3, 4] = 7
    assert limits_of(value) == (7, 8)
    value[5] = np.linspace(0, 1, 100)
    low, high = limits_of(value, 0.1)
    assert low == pytest.approx(0.1, abs=0.02)
    assert high == pytest.approx(0.9, abs=0.02)


def test_what_is_not_a_number_is_dark():
    image = np.array([[np.nan, 1.0, 1.0, np.inf]], np.float32)
    value = np.array([[1.0, np.nan, 1.0, 1.0]], np.float32)
    rgb = compose([Layer(Picture(image, (1, 1), (0, 0), value), "depth", (0, 1), (0, 1))])
    assert rgb[0].any(axis=1).tolist() == [False, False, True, True]
    dark = Picture(np.zeros((3, 3), np.float32), (1, 1), (0, 0))
    assert not compose([Layer(dark, contrast=(0, 0))]).any()


def test_what_cannot_be_composed_is_said(table):
    scene = Scene(table)
    one, other = scene.draw(pixel_size_nm=40), scene.draw((0, 0, 5, 5), 40)
    moved = Picture(one.image, one.scale_um, (1.0, 0.0))
    for layers in ([], [Layer(one), Layer(other)], [Layer(one), Layer(moved)],
                   [Layer(one, gamma=0)], [Layer(one, "mauve")]):  # fmt: skip
        with pytest.raises(ParameterError):
            compose(layers)
