from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from limelight.core.errors import ParameterError
from limelight.widgets.roi import RoiControl, roi_of_corners, roi_to_corners


@given(st.tuples(*[st.integers(0, 40)] * 4))
def test_drawn_and_typed_regions_are_the_same(roi):
    y0, x0, y1, x1 = roi
    roi = (y0, x0, y0 + y1 + 1, x0 + x1 + 1)
    assert roi_of_corners(roi_to_corners(roi), (200, 200)) == roi


def test_a_rectangle_is_cut_to_the_image():
    corners = np.array([(-5.0, -3.0), (-5.0, 80.0), (12.2, 80.0), (12.2, -3.0)])
    assert roi_of_corners(corners, (30, 40)) == (0, 0, 13, 40)
    assert roi_of_corners(corners - 100, (30, 40)) is None


@pytest.fixture
def parts(qtbot):
    viewer = ViewerModel()
    layer = viewer.add_image(
        np.zeros((3, 40, 50), np.uint16), scale=(1, 0.1, 0.1), units=("pixel", "um", "um"),
        name="cells",
    )  # fmt: skip
    control = RoiControl(viewer)
    qtbot.addWidget(control)
    control.show()
    control.attach(layer, (40, 50))
    yield viewer, layer, control
    control.detach()


def test_typing_shows_the_rectangle(parts, qtbot):
    viewer, layer, control = parts
    qtbot.keyClicks(control.line, "5, 10, 25, 30")
    assert control.value() == (5, 10, 25, 30)
    shapes = viewer.layers["cells ROI"]
    np.testing.assert_allclose(shapes.data[0], roi_to_corners((5, 10, 25, 30)))
    np.testing.assert_allclose(shapes.scale, (0.1, 0.1))
    assert viewer.layers.selection.active is layer
    qtbot.mouseClick(control.clear_button, Qt.MouseButton.LeftButton)
    assert control.value() is None and "cells ROI" not in viewer.layers


def test_drawing_fills_in_the_numbers(parts, qtbot):
    viewer, layer, control = parts
    heard = []
    control.changed.connect(lambda: heard.append(control.value()))
    qtbot.mouseClick(control.draw, Qt.MouseButton.LeftButton)
    shapes = viewer.layers.selection.active
    assert shapes.name == "cells ROI" and shapes.mode == "add_rectangle"
    shapes.add_rectangles(roi_to_corners((2, 3, 20, 30)))
    assert control.line.text() == "2, 3, 20, 30" and heard[-1] == (2, 3, 20, 30)
    assert not control.draw.isChecked() and shapes.mode == "pan_zoom"
    assert viewer.layers.selection.active is layer
    # a second rectangle replaces the first
    qtbot.mouseClick(control.draw, Qt.MouseButton.LeftButton)
    shapes.add_rectangles(roi_to_corners((5, 5, 10, 10)))
    assert control.value() == (5, 5, 10, 10) and len(shapes.data) == 1
    # the layer thrown away: the whole image again
    viewer.layers.remove(shapes)
    assert control.value() is None and heard[-1] is None


@pytest.mark.parametrize("text", ["1,2,3", "a b c d", "10,10,5,20", "-1,0,5,5", "100,0,120,20"])
def test_what_is_no_region_is_marked_and_explained(parts, text):
    _, _, control = parts
    control.line.setText(text)
    with pytest.raises(ParameterError, match="region of interest"):
        control.value()
    assert "region of interest" in control.line.toolTip().lower()


def test_another_movie_takes_the_rectangle_away(parts):
    viewer, _, control = parts
    control.set_value((1, 2, 30, 40))
    other = viewer.add_image(np.zeros((3, 20, 20)), name="other")
    control.attach(other, (20, 20))
    assert "cells ROI" not in viewer.layers
