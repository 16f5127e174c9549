from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from limelight.widgets.live_layer import LIVE_KEY, LiveLayer


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def pixels():
    return np.arange(48, dtype=np.uint16).reshape(6, 8)


def test_new_pixels_are_drawn_and_the_frame_is_left_alone(viewer, pixels):
    live = LiveLayer(viewer)
    layer = live.show(pixels, (0, 40))
    before = layer.data
    drawn = []
    layer.events.set_data.connect(lambda _: drawn.append(layer._slice.image.view.copy()))
    later = pixels + 100
    later.flags.writeable = False
    assert live.show(later) is layer and layer.data is before
    np.testing.assert_array_equal(layer.data, later)
    np.testing.assert_array_equal(drawn[-1], later)
    np.testing.assert_array_equal(pixels, np.arange(48).reshape(6, 8))
    assert live.contrast == (0, 40) and layer.metadata[LIVE_KEY]
    live.show(pixels, (5, 50))
    assert live.contrast == (5, 50)


def test_whoever_listens_to_the_layer_hears_of_every_image(viewer, pixels):
    live = LiveLayer(viewer)
    layer = live.show(pixels, (0, 40))
    heard = []
    layer.events.data.connect(lambda event: heard.append(event.value.sum()))
    live.show(pixels + 1)
    live.show(pixels + 2)
    assert heard == [pixels.sum() + 48, pixels.sum() + 96]


@pytest.mark.parametrize(
    "other",
    [np.zeros((5, 8), np.uint16), np.zeros((6, 8), np.uint8), np.zeros((6, 8, 3), np.uint8)],
    ids=["size", "type", "colour"],
)
def test_another_kind_of_image_is_another_layer(viewer, pixels, other):
    live = LiveLayer(viewer)
    first = live.show(pixels, (0, 40))
    second = live.show(other, (0, 1))
    assert second is not first and list(viewer.layers) == [second]
    assert second.data.shape == other.shape and second.rgb == (other.ndim == 3)


def test_a_layer_that_was_removed_comes_back(viewer, pixels):
    live = LiveLayer(viewer)
    live.show(pixels, (0, 40))
    viewer.layers.clear()
    live.show(pixels, (0, 40))
    assert len(viewer.layers) == 1
