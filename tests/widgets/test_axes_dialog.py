from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from limelight.core.errors import ParameterError
from limelight.io.image_writer import OutgoingImage, write_image
from limelight.io.plane_views import AxesView, has_choices, look, time_of
from limelight.io.sources import open_source
from limelight.widgets import reader
from limelight.widgets.axes_dialog import AxesDialog, ask_axes, forget_axes
from limelight.widgets.layers import frame_in_view, movie_of, pixel_size_nm

AXES = ("position", "time", "channel", "z")
SHAPE = (2, 5, 3, 4, 12, 16)
NAMES = {"channel": ("DAPI", "GFP", "Cy5"), "position": ("A1", "B2")}
OK = QDialogButtonBox.StandardButton.Ok
CANCEL = QDialogButtonBox.StandardButton.Cancel


@pytest.fixture(scope="module")
def data():
    return np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@pytest.fixture(scope="module")
def file(tmp_path_factory, data):
    image = OutgoingImage(
        data,
        AXES,
        (1, 0.5, 1, 0.3, 0.1, 0.1),
        ("pixel", "s", "pixel", "um", "um", "um"),
        labels=NAMES,
        name="cells",
    )
    return write_image(tmp_path_factory.mktemp("axes") / "cells.ome.zarr", image)


@pytest.fixture
def source(file):
    found = open_source(file, several=True)
    yield found
    found.close()


@pytest.fixture
def dialog(source, qtbot):
    found = AxesDialog(source)
    qtbot.addWidget(found)
    return found


@pytest.fixture
def somebody(monkeypatch, qtbot):
    """There is a window to ask in."""
    monkeypatch.setattr(reader, "can_ask", lambda: True)


def choose(box, text):
    row = box.findText(text)
    assert row >= 0, (text, [box.itemText(k) for k in range(box.count())])
    box.setCurrentIndex(row)


def press(button, always=False, **choices):
    def act(dialog):
        for axis, text in choices.items():
            choose(dialog.time if axis == "time_axis" else dialog.places[axis], text)
        if always:
            QTest.mouseClick(dialog.always, Qt.MouseButton.LeftButton, pos=_left(dialog.always))
        QTest.mouseClick(dialog.buttons.button(button), Qt.MouseButton.LeftButton)

    return act


def _left(box):
    from qtpy.QtCore import QPoint

    return QPoint(8, box.height() // 2)


def add(viewer, path):
    read = reader.get_reader(str(path))
    return [viewer.add_layer(Layer.create(*one)) for one in read(str(path))]


def test_all_axes_are_offered(dialog):
    assert list(dialog.places) == list(AXES)
    channel = dialog.places["channel"]
    assert [channel.itemText(k) for k in range(channel.count())] == [
        "all, with a slider",
        "all, a layer each",
        "only DAPI",
        "only GFP",
        "only Cy5",
    ]
    assert dialog.time.currentText() == "time" and dialog.time.count() == 4
    assert dialog.view == AxesView("time")
    text = dialog.summary.text()
    assert "2 positions x 5 time points x 3 channels x 4 planes x 16 x 12 px" in text
    assert "46.1 kB" in text and "Localize works along time, at the place of the other" in text


def test_an_axis_at_one_place_is_no_time(dialog):
    choose(dialog.time, "z")
    choose(dialog.places["z"], "only 2")
    assert dialog.time.currentData() == "time" and dialog.time.findData("z") < 0
    for axis in AXES:
        dialog.places[axis].setCurrentIndex(dialog.places[axis].count() - 1)
    assert dialog.time.currentText() == "none: a single frame" and not dialog.time.isEnabled()
    assert dialog.view == AxesView(None, {"position": 1, "time": 4, "channel": 2, "z": 3})
    assert dialog.summary.text().startswith("16 x 12 px, 384 bytes")


def test_it_fits_a_small_screen_and_every_control_has_a_tip(dialog):
    dialog.show()
    QApplication.processEvents()
    assert dialog.width() <= 600 and dialog.height() <= 600
    assert all(box.toolTip() for box in (*dialog.places.values(), dialog.time, dialog.always))


def test_without_a_window_all_axes_become_sliders(file, data):
    viewer = ViewerModel()
    [layer] = add(viewer, file)
    assert layer.axis_labels == (*AXES, "y", "x")
    assert layer.scale == pytest.approx((1, 0.5, 1, 0.3, 0.1, 0.1))
    assert [str(u) for u in layer.units] == ["pixel", "second", "pixel", *["micrometer"] * 3]
    assert layer.metadata["labels"] == NAMES and layer.name == "cells"
    np.testing.assert_array_equal(np.asarray(layer.data[1, 2, 0, 3]), data[1, 2, 0, 3])
    layer.metadata["planes"].close()


def test_localize_takes_the_place_of_the_other_sliders(file, data):
    viewer = ViewerModel()
    [layer] = add(viewer, file)
    for axis, step in enumerate((1, 3, 2, 1)):
        viewer.dims.set_current_step(axis, step)
    movie = movie_of(layer, viewer)
    assert movie.shape == (5, 12, 16) and movie.name == "cells_B2_Cy5_z1"
    np.testing.assert_array_equal(movie.read(0, 5), data[1, :, 2, 1])
    assert frame_in_view(layer, viewer) == 3
    assert movie.camera.pixel_size_nm == pytest.approx(pixel_size_nm(layer)) == 100
    layer.metadata["planes"].close()


def test_the_dock_follows_the_sliders(file, data, qtbot):
    from limelight.widgets.localize_dock import LocalizeDock

    viewer = ViewerModel()
    [layer] = add(viewer, file)
    dock = LocalizeDock(viewer)
    qtbot.addWidget(dock)
    names = []
    for channel in range(3):
        viewer.dims.set_current_step(2, channel)
        viewer.dims.set_current_step(0, 0)
        viewer.dims.set_current_step(3, 0)
        names.append(dock.movie.name)
        np.testing.assert_array_equal(dock.movie.read(0, 5), data[0, :, channel, 0])
    assert names == ["cells", "cells_GFP", "cells_Cy5"]
    dock.close()
    layer.metadata["planes"].close()


def test_a_part_that_was_cut_out_is_an_image_like_any(file, data):
    viewer = ViewerModel()
    [layer] = add(viewer, file)
    cut = viewer.add_image(
        np.asarray(layer.data[:, :3]), axis_labels=layer.axis_labels, metadata=layer.metadata
    )
    for axis in range(4):
        viewer.dims.set_current_step(axis, 0)
    np.testing.assert_array_equal(movie_of(cut, viewer).read(0, 3), data[0, :3, 0, 0])
    layer.metadata["planes"].close()


def test_a_chosen_place_and_another_time(file, data, somebody, click_when_shown):
    viewer = ViewerModel()
    click_when_shown(press(OK, position="only B2", channel="only GFP", time_axis="z"))
    [layer] = add(viewer, file)
    assert layer.name == "cells B2 GFP" and layer.axis_labels == ("time", "z", "y", "x")
    viewer.dims.set_current_step(0, 4)
    viewer.dims.set_current_step(1, 2)
    movie = movie_of(layer, viewer)
    np.testing.assert_array_equal(movie.read(0, 4), data[1, 4, 1])
    assert frame_in_view(layer, viewer) == 2
    movie.close()


def test_one_movie_of_many_is_a_movie(file, data, somebody, click_when_shown):
    viewer = ViewerModel()
    click_when_shown(press(OK, position="only B2", channel="only GFP", z="only 3"))
    [layer] = add(viewer, file)
    assert layer.axis_labels == ("time", "y", "x") and layer.scale[0] == 0.5
    movie = movie_of(layer, viewer)
    assert movie is layer.metadata["movie"] and movie.name == "cells_B2_GFP_z3"
    np.testing.assert_array_equal(movie.read(0, 5), data[1, :, 1, 3])
    movie.close()


def test_channels_as_layers(file, data, somebody, click_when_shown):
    viewer = ViewerModel()
    click_when_shown(press(OK, position="only A1", channel="all, a layer each", z="only 0"))
    layers = add(viewer, file)
    assert [x.name for x in layers] == [f"cells A1 z 0 {c}" for c in ("DAPI", "GFP", "Cy5")]
    assert len({x.colormap.name for x in layers}) == 3
    for k, layer in enumerate(layers):
        np.testing.assert_array_equal(movie_of(layer, viewer).read(0, 5), data[0, :, k, 0])
    layers[0].metadata["movie"].close()


def test_cancelling_opens_nothing(file, somebody, click_when_shown):
    click_when_shown(press(CANCEL))
    assert reader.get_reader(str(file))(str(file)) == [(None,)]
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible()]


def test_the_last_answer_is_offered_and_taken_on_wish(source, qtbot, monkeypatch, click_when_shown):
    click_when_shown(press(OK, channel="only GFP", time_axis="z"))
    first = ask_axes(source)
    assert first == AxesView("z", {"channel": 1})
    click_when_shown(press(OK, always=True))
    assert ask_axes(source) == first
    with monkeypatch.context() as patch:
        patch.setattr(AxesDialog, "exec", lambda self: pytest.fail("asked"))
        assert ask_axes(source) == first
    forget_axes()
    click_when_shown(press(CANCEL))
    assert ask_axes(source) is None


def test_it_asks_where_a_remembered_channel_is_not(source, qtbot, tmp_path, data, click_when_shown):
    click_when_shown(press(OK, always=True, channel="only GFP"))
    assert ask_axes(source).places == {"channel": 1}
    image = OutgoingImage(data, AXES, labels={"channel": ("a", "b", "c")})
    other = open_source(write_image(tmp_path / "b.zarr", image), several=True)
    click_when_shown(press(CANCEL))
    assert ask_axes(other) is None
    other.close()


def test_resolutions_are_offered(tmp_path, qtbot, source):
    source.resolutions = ((12, 16), (6, 8))
    found = AxesDialog(source)
    qtbot.addWidget(found)
    assert [found.resolution.itemText(k) for k in range(2)] == ["16 x 12 (full)", "8 x 6"]
    found.resolution.setCurrentIndex(1)
    assert found.view.resolution == 1 and "8 x 6 px" in found.summary.text()


def test_one_movie_is_not_asked_about(tmp_path, data):
    path = write_image(tmp_path / "a.zarr", OutgoingImage(data[0, :, 0, 0], ("time",)))
    found = open_source(path, several=True)
    assert not has_choices(found) and time_of(found) == "time"
    found.close()


def test_a_place_that_is_not_there(file):
    from limelight.io import open_array

    image = open_array(file)
    for view in (AxesView("time", {"z": 9}), AxesView("time", {"zz": 0}), AxesView("z", {"z": 0})):
        with pytest.raises(ParameterError, match="to be chosen"):
            look(image, view)
    image.close()
