from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from limelight.core.localizations import Localizations
from limelight.core.locs.filter import filter_locs
from limelight.core.render import Scene, render
from limelight.io import save_localizations
from limelight.widgets.layers import (
    RESULT_KEY,
    Placement,
    add_molecules,
    molecules_layer,
    show_picture,
)
from limelight.widgets.molecules_dock import MoleculesDock
from limelight.widgets.molecules_draw import Drawn, Look, Source, Sprinkled
from limelight.widgets.molecules_view import PICTURE_KEY, view_of
from limelight.widgets.reader import localizations_layer

LEFT = Qt.MouseButton.LeftButton
SECONDS = 120_000  # kernels may have to be compiled first
HEIGHT, WIDTH, PIXEL = 48, 64, 100.0
UM = PIXEL / 1000


def table(n=3000, seed=1, depth=True, step=()):
    rng = np.random.default_rng(seed)
    columns = {
        "frame": rng.integers(0, 50, n),
        "x": rng.uniform(0, WIDTH - 1, n),
        "y": rng.uniform(0, HEIGHT - 1, n),
        "photons": rng.exponential(1000, n),
        "lpx": rng.uniform(0.05, 0.2, n),
        "lpy": rng.uniform(0.05, 0.2, n),
    }
    if depth:
        columns["z"] = rng.normal(0, 200, n)
    first = {"Frames": 50, "Height": HEIGHT, "Width": WIDTH, "Pixelsize": PIXEL}
    return Localizations.from_columns(columns, [first, *step])


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.canvas.size = (480, 640)
    return viewer


@pytest.fixture
def make_dock(viewer, qtbot):
    docks = []

    def make(viewer=viewer):
        dock = MoleculesDock(viewer)
        qtbot.addWidget(dock)
        docks.append(dock)
        dock.show()
        return dock

    yield make
    for dock in docks:
        dock.runner.cancel()
        qtbot.waitUntil(lambda dock=dock: not dock.runner.running, timeout=SECONDS)
        for view in dock.views:
            view.mailbox.close()
        dock.filters.mailbox.close()


def add_table(viewer, locs, tmp_path, name="cells_locs.hdf5"):
    """Put a table into the viewer as the reader does."""
    data, arguments, _ = localizations_layer(locs, tmp_path / name)
    return viewer.add_points(data, **arguments)


def settle(qtbot, dock):
    """Wait until nothing is drawn or waiting."""
    qtbot.wait(30)
    qtbot.waitUntil(
        lambda: (
            not dock._redraw_soon.isActive()
            and not dock._look_soon.isActive()
            and all(view.mailbox.idle for view in dock.views)
        ),
        timeout=SECONDS,
    )
    qtbot.wait(20)


@pytest.fixture
def dock(viewer, make_dock, tmp_path, qtbot):
    add_table(viewer, table(), tmp_path)
    viewer.reset_view()
    dock = make_dock()
    settle(qtbot, dock)
    return dock


def click(qtbot, widget):
    where = QPoint(8, widget.height() // 2)
    qtbot.mouseClick(widget, LEFT, pos=where)


def choose(box, text):
    box.setCurrentIndex(next(i for i in range(box.count()) if text in box.itemText(i)))


def picture_of(viewer):
    (layer,) = [layer for layer in viewer.layers if PICTURE_KEY in layer.metadata]
    return layer


# -- pictures --------------------------------------------------------------------------------------
def test_a_table_of_the_reader_is_shown_as_a_picture(viewer, dock, tmp_path):
    points, picture = viewer.layers
    assert isinstance(points, Points) and not points.visible
    assert isinstance(picture, Image) and picture.name == "cells picture"
    newest = dock.views[0].newest
    scene = Scene(dock.views[0].locs)
    expected = scene.draw(newest.viewport, newest.pixel_nm)
    area = expected.scale_um[0] ** 2
    np.testing.assert_allclose(picture.data, expected.image / area, rtol=1e-5)
    # no coarser than the screen's pixels by more than half
    assert newest.pixel_nm <= 1.5 * 1000 / viewer.scene.camera.zoom
    assert viewer.layers.selection.active is picture
    assert viewer.canvas.overlays.scale_bar.visible
    assert "3,000 of 3,000" in dock.found.text()


@pytest.mark.parametrize("unit", ["um", "pixel"])
def test_the_picture_lies_on_the_movie(viewer, make_dock, qtbot, unit):
    # one molecule far from the others, drawn in ever smaller pixels around where it is
    y, x = 20.3, 41.7
    first = {"Frames": 1, "Height": HEIGHT, "Width": WIDTH, "Pixelsize": PIXEL}
    columns = {"frame": [0], "x": [x], "y": [y], "lpx": [0.1], "lpy": [0.1]}
    locs = Localizations.from_columns(columns, [first])
    scale, shift = ((UM, UM), (3.0, -2.0)) if unit == "um" else ((1.0, 1.0), (0.0, 0.0))
    movie = viewer.add_image(
        np.zeros((HEIGHT, WIDTH)), scale=scale, translate=shift, units=(unit, unit)
    )
    data, options = molecules_layer(locs, Placement.of(movie), "one")
    viewer.add_points(data, **options)
    viewer.reset_view()
    dock = make_dock()
    for zoom in (1.0, 7.0, 3.0):
        world = np.asarray(movie.data_to_world((y, x)))
        viewer.scene.camera.center = (0, *world)
        viewer.scene.camera.zoom *= zoom
        settle(qtbot, dock)
        picture = picture_of(viewer)
        image = picture.data
        rows, columns = np.indices(image.shape)
        middle = [float((axis * image).sum() / image.sum()) for axis in (rows, columns)]
        there = movie.world_to_data(picture.data_to_world(middle))
        pixel = dock.views[0].newest.pixel_nm / PIXEL
        # narrow Gaussians are drawn at most 1/64 of a drawn pixel beside
        np.testing.assert_allclose(there, (y, x), atol=pixel / 64 + 1e-4)


def test_view_of_the_camera(viewer):
    movie = viewer.add_image(np.zeros((HEIGHT, WIDTH)), scale=(UM, UM), units=("um", "um"))
    viewer.reset_view()
    place = Placement.of(movie)
    (y0, x0, y1, x1), screen = view_of(viewer, place, 2.0)
    assert screen == (960, 1280)
    assert (y0 + y1) / 2 == pytest.approx((HEIGHT - 1) / 2)
    assert (x0 + x1) / 2 == pytest.approx((WIDTH - 1) / 2)
    assert (x1 - x0) == pytest.approx(640 / viewer.scene.camera.zoom / UM)
    # nanometres for the same movie
    nm = Placement((PIXEL, PIXEL), (0.0, 0.0), tuple(1.0 * u for u in _units("nm")))
    assert view_of(viewer, nm)[0] == pytest.approx((y0, x0, y1, x1))
    viewer.dims.order = (1, 0)
    assert view_of(viewer, place) is None


def _units(name):
    layer = Image(np.zeros((2, 2)), units=(name, name))
    return layer.units


def test_zoom_draws_smaller_pixels_and_a_small_move_nothing(viewer, dock, qtbot):
    drawn = []
    dock.views[0].drawn.connect(lambda: drawn.append(dock.views[0].newest))
    before = dock.views[0].newest
    viewer.scene.camera.zoom *= 8
    settle(qtbot, dock)
    after = dock.views[0].newest
    assert after.pixel_nm == before.pixel_nm / 8 and len(drawn) >= 1
    count = len(drawn)
    z, y, x = viewer.scene.camera.center
    viewer.scene.camera.center = (z, y + 0.01, x)
    settle(qtbot, dock)
    assert len(drawn) == count
    viewer.scene.camera.center = (z, y + 1, x)
    settle(qtbot, dock)
    assert len(drawn) > count
    # what is far away from all molecules is not drawn at all
    viewer.scene.camera.center = (z, y + 1000, x)
    settle(qtbot, dock)
    assert dock.message.isHidden()


def test_hidden_tables_are_not_drawn(viewer, dock, qtbot):
    item = dock.tables.item(0)
    item.setCheckState(Qt.CheckState.Unchecked)
    picture = picture_of(viewer)
    assert not picture.visible
    newest = dock.views[0].newest
    viewer.scene.camera.zoom *= 4
    settle(qtbot, dock)
    assert dock.views[0].newest is newest
    item.setCheckState(Qt.CheckState.Checked)
    settle(qtbot, dock)
    assert picture.visible and dock.views[0].newest.pixel_nm == newest.pixel_nm / 4


def test_modes(viewer, dock, qtbot):
    image = {}
    for text, mode in (("Gaussian", "gaussian"), ("Histogram", "histogram"), ("Blur", "blur")):
        choose(dock.look.mode, text)
        settle(qtbot, dock)
        newest = dock.views[0].newest
        expected = Scene(dock.views[0].locs).draw(newest.viewport, newest.pixel_nm, mode)
        area = expected.scale_um[0] ** 2
        image[mode] = picture_of(viewer).data
        np.testing.assert_allclose(image[mode], expected.image / area, rtol=1e-5)
    assert dock.look.blur.isVisible() and dock.look.blur.text() == "median precision"
    dock.look.blur.setValue(150)
    settle(qtbot, dock)
    assert picture_of(viewer).data.max() < image["blur"].max()
    choose(dock.look.mode, "Gaussian")
    dock.look.min_blur.setValue(100)
    settle(qtbot, dock)
    assert picture_of(viewer).data.max() < image["gaussian"].max()


def test_scatter_shows_the_molecules_in_view(viewer, dock, qtbot):
    choose(dock.look.mode, "Scatter")
    settle(qtbot, dock)
    layer = picture_of(viewer)
    assert isinstance(layer, Points) and len(layer.data) == 3000
    assert list(layer.features.columns) == dock.views[0].locs.columns
    viewer.scene.camera.zoom *= 6
    settle(qtbot, dock)
    y0, x0, y1, x1 = dock.views[0].newest.viewport
    locs = dock.views[0].locs
    inside = (locs["y"] >= y0) & (locs["y"] <= y1) & (locs["x"] >= x0) & (locs["x"] <= x1)
    layer = picture_of(viewer)
    np.testing.assert_array_equal(layer.data, np.column_stack((locs["y"], locs["x"]))[inside])
    np.testing.assert_array_equal(layer.features["photons"], locs["photons"][inside])
    choose(dock.look.colour, "photons")
    settle(qtbot, dock)
    layer = picture_of(viewer)
    assert len(np.unique(layer.face_color, axis=0)) > 50
    np.testing.assert_array_equal(layer.border_color, layer.face_color)
    choose(dock.look.mode, "Histogram")
    settle(qtbot, dock)
    assert isinstance(picture_of(viewer), Image)


def test_too_many_points_are_a_sample():
    locs = table(80_000)
    drawn = Source(locs).draw(Look("scatter"), {}, (-0.5, -0.5, HEIGHT, WIDTH), (480, 640))
    assert isinstance(drawn, Sprinkled)
    assert len(drawn.positions) == 30_000 and drawn.total == 80_000


# -- colours ---------------------------------------------------------------------------------------
def test_colour_by_a_column_and_its_legend(viewer, dock, qtbot):
    choose(dock.look.colour, "z")
    settle(qtbot, dock)
    layer = picture_of(viewer)
    assert layer.rgb and layer.data.dtype == np.uint8
    low, high = np.quantile(dock.views[0].locs["z"], (0.01, 0.99))
    assert dock.look.bar.title == "z (nm)" and float(dock.look.bar.low) == pytest.approx(low, 0.05)
    before = layer.data.copy()
    dock.look.low.setValue(0)
    settle(qtbot, dock)
    assert dock.views[0].look.limits[0] == 0
    assert not np.array_equal(before, picture_of(viewer).data)
    click(qtbot, dock.look.auto)
    settle(qtbot, dock)
    np.testing.assert_array_equal(before, picture_of(viewer).data)
    assert dock.look.high.value() == pytest.approx(high, rel=0.05)
    choose(dock.look.colour, "intensity")
    settle(qtbot, dock)
    assert not picture_of(viewer).rgb and dock.look.bar.title == "molecules per µm²"


def test_contrast_is_set_for_each_view_or_held(viewer, dock, qtbot):
    first = picture_of(viewer).contrast_limits[1]
    viewer.scene.camera.zoom *= 8
    settle(qtbot, dock)
    second = picture_of(viewer).contrast_limits[1]
    assert second > 1.02 * first  # smaller pixels blur less
    choose(dock.look.contrast, "held")
    viewer.scene.camera.zoom /= 8
    settle(qtbot, dock)
    assert picture_of(viewer).contrast_limits[1] == pytest.approx(second)
    assert not dock.look.percent.isEnabled()
    choose(dock.look.contrast, "each view")
    settle(qtbot, dock)
    assert picture_of(viewer).contrast_limits[1] == pytest.approx(first, rel=0.01)
    dock.look.percent.setValue(90)
    settle(qtbot, dock)
    assert picture_of(viewer).contrast_limits[1] < first
    # a person drags napari's own slider: that is held
    picture_of(viewer).contrast_limits = (0, 2 * first)
    assert dock.look.hold
    viewer.scene.camera.zoom *= 2
    settle(qtbot, dock)
    assert picture_of(viewer).contrast_limits[1] == pytest.approx(2 * first)


def test_several_tables_are_channels(viewer, dock, tmp_path, qtbot):
    add_table(viewer, table(seed=2), tmp_path, "other.hdf5")
    settle(qtbot, dock)
    assert [view.name for view in dock.views] == ["cells picture", "other picture"]
    assert dock.current is dock.views[1] and dock.tables.count() == 2
    maps = [view.layer.colormap.name for view in dock.views]
    assert len(set(maps)) == 2
    assert all(view.layer.blending == "additive" for view in dock.views)
    # each has its own look and filter
    choose(dock.look.mode, "Histogram")
    dock.tables.setCurrentRow(0)
    assert dock.look.mode.currentData() == "gaussian"
    dock.tables.setCurrentRow(1)
    assert dock.look.mode.currentData() == "histogram"
    choose(dock.look.maps, "green")
    settle(qtbot, dock)
    assert dock.views[1].layer.colormap.name == "green"
    # a colour map that is chosen in napari's own controls is shown, too
    dock.views[1].layer.colormap = "magenta"
    assert dock.look.maps.currentData() == "magenta"
    click(qtbot, dock.remove)
    assert len(dock.views) == 1 and "other picture" not in viewer.layers
    settle(qtbot, dock)
    assert len(dock.views) == 1  # it stays away until it is asked for
    dock._fill_menu()
    (action,) = dock.menu.actions()
    action.trigger()
    settle(qtbot, dock)
    assert len(dock.views) == 2 and "other picture" in viewer.layers
    viewer.layers.remove("other picture")
    settle(qtbot, dock)
    assert len(dock.views) == 1


def test_three_dimensions_and_back(viewer, dock, qtbot):
    movie = viewer.add_image(np.zeros((3, HEIGHT, WIDTH)), scale=(1, UM, UM), name="movie")
    assert dock.solid.isEnabled()
    click(qtbot, dock.solid)
    settle(qtbot, dock)
    layer = picture_of(viewer)
    assert viewer.dims.ndisplay == 3 and layer.ndim == 3 and not movie.visible
    counts = layer.data.sum()
    assert 0.95 * 3000 < counts < 1.01 * 3000
    z = np.average(
        layer.data_to_world((0, 0, 0))[0] + np.arange(len(layer.data)) * layer.scale[0],
        weights=layer.data.sum((1, 2)),
    )
    assert z == pytest.approx(dock.views[0].locs["z"].mean() / 1000, abs=0.005)
    viewer.dims.ndisplay = 2  # napari's own button
    settle(qtbot, dock)
    assert not dock.solid.isChecked() and picture_of(viewer).ndim == 2 and movie.visible


def test_colours_in_three_dimensions(viewer, dock, qtbot):
    choose(dock.look.colour, "frame")
    click(qtbot, dock.solid)
    settle(qtbot, dock)
    layer, locs = picture_of(viewer), dock.views[0].locs
    assert layer.ndim == 3 and type(layer).__name__ == "Points" and len(layer.data) == len(locs)
    world = np.array([layer.data_to_world(p) for p in layer.data])
    rows = layer.features
    np.testing.assert_allclose(world[:, 0], rows["z"] / 1000, atol=1e-5)
    np.testing.assert_allclose(world[:, 1], rows["y"] * UM, rtol=1e-5, atol=1e-5)
    early, late = rows["frame"].to_numpy().argmin(), rows["frame"].to_numpy().argmax()
    assert np.abs(layer.face_color[early] - layer.face_color[late]).max() > 0.3
    np.testing.assert_array_equal(layer.border_color, layer.face_color)
    choose(dock.look.colour, "intensity")
    settle(qtbot, dock)
    assert picture_of(viewer).ndim == 3 and type(picture_of(viewer)).__name__ == "Image"
    viewer.dims.ndisplay = 2
    settle(qtbot, dock)
    assert picture_of(viewer).ndim == 2


def test_no_third_dimension_without_z(viewer, make_dock, tmp_path, qtbot):
    add_table(viewer, table(depth=False), tmp_path)
    dock = make_dock()
    settle(qtbot, dock)
    assert not dock.solid.isEnabled()


def test_scale_bar(viewer, dock, qtbot):
    click(qtbot, dock.scale_bar)
    assert not viewer.canvas.overlays.scale_bar.visible
    viewer.canvas.overlays.scale_bar.visible = True
    assert dock.scale_bar.isChecked()


# -- filters ---------------------------------------------------------------------------------------
@pytest.fixture
def filters(dock, qtbot):
    dock.filter_section.set_open(True)
    qtbot.waitUntil(lambda: bool(dock.filters.rows), timeout=SECONDS)
    dock.resize(380, 1400)
    qtbot.wait(50)
    return dock.filters


def drag(qtbot, histogram, begin, end):
    y = histogram.height() // 2
    qtbot.mousePress(histogram, LEFT, pos=QPoint(int(begin), y))
    for x in np.linspace(begin, end, 5):
        qtbot.mouseMove(histogram, QPoint(int(x), y))
        event_move(histogram, x, y)
    qtbot.mouseRelease(histogram, LEFT, pos=QPoint(int(end), y))


def event_move(widget, x, y):
    """Send a move with the button held, which Qt's test mouse does not do on every platform."""
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent

    place = QPointF(float(x), float(y))
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        widget, QMouseEvent(QEvent.Type.MouseMove, place, place, LEFT, LEFT, none)
    )


def test_dragging_a_range_filters_the_picture_at_once(viewer, dock, filters, qtbot):
    view = dock.views[0]
    assert list(filters.rows) == view.locs.columns
    asked = []
    filters.changed.connect(lambda: asked.append(filters.ranges()))
    histogram = filters.rows["photons"].histogram
    low, high = histogram.ends
    drag(qtbot, histogram, histogram.x_of(low), histogram.x_of((low + high) / 4))
    settle(qtbot, dock)
    assert len(asked) >= 3  # live, not at the end only
    (least, most) = filters.ranges()["photons"]
    assert most is None and least == pytest.approx((low + high) / 4, rel=0.05)
    kept = filter_locs(view.locs, {"photons": (least, None)})
    assert f"{len(kept):,} of 3,000" in dock.found.text() and 0 < len(kept) < 3000
    newest = view.newest
    expected = Scene(kept).draw(newest.viewport, newest.pixel_nm)
    np.testing.assert_allclose(
        picture_of(viewer).data, expected.image / expected.scale_um[0] ** 2, rtol=1e-4, atol=1e-4
    )
    # numbers can be typed
    line = filters.rows["frame"].high
    qtbot.keyClicks(line, "20")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    settle(qtbot, dock)
    both = filter_locs(view.locs, {"photons": (least, None), "frame": (None, 20)})
    assert f"{len(both):,} of 3,000" in dock.found.text()
    click(qtbot, dock.reset)
    settle(qtbot, dock)
    assert "3,000 of 3,000" in dock.found.text() and not filters.ranges()
    assert filters.rows["frame"].high.text() == ""


def test_a_bad_number_is_not_taken(dock, filters, qtbot):
    row = filters.rows["photons"]
    for text in ("many", "nan"):
        row.low.setText(text)
        row.low.editingFinished.emit()
        assert "red" in row.low.styleSheet() or "border" in row.low.styleSheet()
    row.low.setText("900")
    row.high.setText("100")
    row.high.editingFinished.emit()
    assert not filters.ranges()


def test_range_handles_keys_and_double_click(dock, filters, qtbot):
    histogram = filters.rows["photons"].histogram
    low, high = histogram.ends
    histogram.setFocus()
    qtbot.keyClick(histogram, Qt.Key.Key_Right)
    assert histogram.range[0] == pytest.approx(low + (high - low) / 100, rel=0.05)
    qtbot.keyClick(histogram, Qt.Key.Key_Up)
    qtbot.keyClick(histogram, Qt.Key.Key_Left)
    assert histogram.range[1] == pytest.approx(high - (high - low) / 100, rel=0.05)
    qtbot.mouseDClick(histogram, LEFT, pos=QPoint(50, 20))
    assert histogram.range == (None, None) and not filters.ranges()


def test_what_is_kept_becomes_a_table(viewer, dock, filters, qtbot):
    filters.rows["photons"].low.setText("1000")
    filters.rows["photons"].low.editingFinished.emit()
    click(qtbot, dock.keep)
    qtbot.waitUntil(lambda: not dock.runner.running and len(dock.views) == 2, timeout=SECONDS)
    settle(qtbot, dock)
    new = dock.views[1].locs
    assert (new["photons"] >= 1000).all()
    assert new.provenance[-1]["Generated by"] == "Limelight Filter"
    assert new.provenance[-1]["Ranges"] == {"photons": [1000.0, None]}
    assert any(layer.metadata.get(RESULT_KEY) is new for layer in viewer.layers)


def test_the_script_draws_what_is_seen(viewer, dock, filters, qtbot, tmp_path):
    filters.rows["photons"].low.setText("1000")
    filters.rows["photons"].low.editingFinished.emit()
    choose(dock.look.mode, "Histogram")
    settle(qtbot, dock)
    click(qtbot, dock.copy)
    script = QApplication.clipboard().text()
    path = save_localizations(dock.views[0].locs, tmp_path / "molecules.hdf5")
    names = {}
    exec(script.replace("'molecules.hdf5'", repr(str(path))), names)
    picture = names["picture"]
    np.testing.assert_allclose(
        picture.image / picture.scale_um[0] ** 2, picture_of(viewer).data, rtol=1e-5
    )


# -- files -----------------------------------------------------------------------------------------
def test_open_a_table(viewer, make_dock, qtbot, tmp_path, monkeypatch):
    path = save_localizations(table(), tmp_path / "some_locs.hdf5")
    dock = make_dock()
    assert not dock.remove.isEnabled() and "Open a table" in dock.message.text()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    click(qtbot, dock.open)
    qtbot.waitUntil(lambda: not dock.runner.running and bool(dock.views), timeout=SECONDS)
    settle(qtbot, dock)
    assert dock.current.name == "some picture" and len(dock.current.locs) == 3000
    assert isinstance(dock.current.newest, Drawn)
    # a file that is no table says so
    bad = tmp_path / "bad.hdf5"
    bad.write_bytes(b"nonsense")
    dock.open_table(str(bad))
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    assert "bad.hdf5" in dock.message.text() and len(dock.views) == 1


@pytest.mark.parametrize("suffix", [".tif", ".png", ".ome.zarr"])
def test_export(viewer, dock, qtbot, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"picture{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    dock.export_section.set_open(True)
    dock.export.pixel.setValue(25)
    assert "192 × 256" in dock.export.extent.text()
    dock.export.write.click()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    assert path.exists() and path.name in dock.message.text()
    if suffix == ".tif":
        expected = Scene(dock.views[0].locs).draw(None, 25.0, exact=True).image
        np.testing.assert_array_equal(tifffile.imread(path), expected)
        choose(dock.export.part, "in view")
        viewer.scene.camera.zoom *= 4
        dock.export.write.click()
        qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
        assert tifffile.imread(path).shape[0] < 100


def test_export_can_be_cancelled(dock, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "huge.ome.tif"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    dock.export.pixel.setValue(0.2)
    dock.export.write.click()
    qtbot.waitUntil(lambda: dock.bar.bar.value() > 0, timeout=SECONDS)
    dock.bar.cancel.click()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    assert not list(tmp_path.glob("*huge*")) and "Cancelled" in dock.message.text()


# -- the house -------------------------------------------------------------------------------------
def test_settings_are_remembered(dock, make_dock, viewer, tmp_path, qtbot):
    choose(dock.look.mode, "Histogram")
    dock.look.percent.setValue(95)
    dock.export.pixel.setValue(3)
    click(qtbot, dock.scale_bar)
    dock.remember()
    other = ViewerModel()
    add_table(other, table(), tmp_path)
    again = make_dock(other)
    settle(qtbot, again)
    look = again.views[0].look
    assert (look.mode, look.percent, again.export.pixel.value()) == ("histogram", 95, 3)
    assert not again.scale_bar.isChecked()


def test_every_control_has_a_tooltip_and_fits_a_small_screen(dock, filters):
    from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit

    dock.export_section.set_open(True)
    for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit):
        for widget in dock.findChildren(kind):
            if not widget.objectName().startswith("qt_"):
                assert widget.toolTip(), (kind, widget.objectName())
    assert dock.minimumSizeHint().height() < 500 and dock.minimumSizeHint().width() < 400


def test_nothing_is_left_behind(viewer, tmp_path, qtbot):
    before = set(QApplication.topLevelWidgets())
    add_table(viewer, table(), tmp_path)
    dock = MoleculesDock(viewer)
    dock.show()
    settle(qtbot, dock)
    viewer.scene.camera.zoom *= 3
    dock.close()
    dock.deleteLater()
    qtbot.wait(50)
    viewer.scene.camera.zoom *= 3  # must reach nothing that is gone
    viewer.layers.clear()
    del dock
    gc.collect()
    qtbot.wait(100)
    qtbot.waitUntil(
        lambda: not [t for t in threading.enumerate() if "newest-only" in t.name], timeout=10_000
    )
    left = [w for w in QApplication.topLevelWidgets() if w not in before and w.isVisible()]
    assert all(isinstance(w, QWidget) for w in left) and not left


def test_empty_table(viewer, make_dock, tmp_path, qtbot):
    first = {"Frames": 50, "Height": HEIGHT, "Width": WIDTH, "Pixelsize": PIXEL}
    add_table(viewer, Localizations.empty([first]), tmp_path)
    dock = make_dock()
    settle(qtbot, dock)
    assert len(dock.views) == 1 and "0 of 0" in dock.found.text()
    dock.filter_section.set_open(True)
    settle(qtbot, dock)
    for text in ("Scatter", "Histogram"):
        choose(dock.look.mode, text)
        settle(qtbot, dock)


def test_molecules_without_numbers(viewer, make_dock, tmp_path, qtbot):
    locs = table()
    frame = locs.table.copy()
    frame.loc[:100, "x"] = np.nan
    frame.loc[100:200, "lpx"] = np.nan
    frame.loc[200:300, "photons"] = np.nan
    frame["kind"] = "a"
    layer = add_table(viewer, locs, tmp_path)
    layer.metadata[RESULT_KEY] = Localizations(frame, locs.provenance)
    dock = make_dock()
    settle(qtbot, dock)
    assert dock.message.text() == ""
    columns = [dock.look.colour.itemData(i) for i in range(dock.look.colour.count())]
    assert "kind" not in columns
    choose(dock.look.colour, "photons")
    settle(qtbot, dock)
    assert picture_of(viewer).rgb and dock.message.text() == ""


def test_the_result_of_a_run_takes_the_place_of_its_picture(viewer, make_dock, qtbot):
    movie = viewer.add_image(np.zeros((5, HEIGHT, WIDTH)), scale=(1, UM, UM), name="cells")
    dock = make_dock()
    place, locs = Placement.of(movie), table()
    running = show_picture(viewer, render(locs, 20.0), place, PIXEL, name="cells super-resolution")
    settle(qtbot, dock)
    assert not dock.views  # there is no table yet
    show_picture(
        *(viewer, render(locs, 20.0), place, PIXEL),
        name="cells super-resolution",
        layer=running,
        locs=locs,
    )
    add_molecules(viewer, locs, place, name="cells molecules")
    settle(qtbot, dock)
    (view,) = dock.views
    assert view.name == "cells picture" and view.layer.visible and not running.visible
    assert movie.visible


def test_a_table_that_comes_in_three_dimensions(viewer, dock, tmp_path, qtbot):
    click(qtbot, dock.solid)
    settle(qtbot, dock)
    add_table(viewer, table(seed=4), tmp_path, "late.hdf5")
    settle(qtbot, dock)
    assert [view.layer.ndim for view in dock.views] == [3, 3]
    click(qtbot, dock.solid)
    settle(qtbot, dock)
    assert [view.layer.ndim for view in dock.views] == [2, 2]


def test_in_the_window_by_the_wheel_and_closed_again(make_napari_viewer, tmp_path, qtbot):
    viewer = make_napari_viewer(show=True)
    add_table(viewer, table(), tmp_path)
    window, dock = viewer.window.add_plugin_dock_widget("napari-limelight", "Molecules")
    assert isinstance(dock, MoleculesDock)
    settle(qtbot, dock)
    before = dock.views[0].newest.pixel_nm
    native = viewer.window._qt_viewer.canvas.native
    middle = QPointF(native.width() / 2, native.height() / 2)
    for _ in range(20):
        QApplication.sendEvent(
            native,
            QWheelEvent(
                *(middle, QPointF(native.mapToGlobal(middle.toPoint())), QPoint(0, 0)),
                *(QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier),
                *(Qt.ScrollPhase.NoScrollPhase, False),
            ),
        )
        qtbot.wait(10)
    settle(qtbot, dock)
    assert dock.views[0].newest.pixel_nm < before
    locs, gone = dock.views[0].locs, []
    dock.destroyed.connect(lambda: gone.append(1))
    viewer.window.remove_dock_widget(window)
    dock.deleteLater()
    del dock
    qtbot.waitUntil(lambda: bool(gone))
    viewer.scene.camera.zoom *= 2  # nobody listens any more
    qtbot.wait(50)
    _, again = viewer.window.add_plugin_dock_widget("napari-limelight", "Molecules")
    settle(qtbot, again)
    assert len(again.views) == 1 and again.views[0].locs is locs
    assert sum(PICTURE_KEY in layer.metadata for layer in viewer.layers) == 1
    again.views[0].mailbox.close()


def test_a_persons_own_colour_map(viewer, dock, qtbot):
    from napari.utils import Colormap

    picture_of(viewer).colormap = Colormap([[0, 0, 0, 1], [1, 0.5, 0, 1]], name="my own")
    viewer.scene.camera.zoom *= 4
    settle(qtbot, dock)
    assert picture_of(viewer).colormap.name == "my own"
    choose(dock.look.mode, "Histogram")
    settle(qtbot, dock)
    assert picture_of(viewer).colormap.name == "my own" and dock.message.text() == ""
