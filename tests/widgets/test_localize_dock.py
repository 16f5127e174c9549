from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QMouseEvent
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from limelight.core import parts
from limelight.core.camera import Camera
from limelight.core.errors import FileError
from limelight.core.movie import ArrayMovie
from limelight.core.settings import Settings, setting
from limelight.core.simulate import scene
from limelight.io import load_localizations, write_tiff
from limelight.localize import inspect_frame, localize
from limelight.widgets import persistence
from limelight.widgets.layers import MOVIE_KEY, RESULT_KEY
from limelight.widgets.localize_dock import LocalizeDock

LEFT = Qt.MouseButton.LeftButton
SECONDS = 120_000  # kernels may have to be compiled first


@pytest.fixture(scope="module")
def counts():
    return scene("standard", frames=40, seed=3).read(0, 40)[:, :160, :176].copy()


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def make_dock(viewer, qtbot):
    docks = []

    def make(viewer=viewer):
        dock = LocalizeDock(viewer)
        qtbot.addWidget(dock)
        docks.append(dock)
        dock.show()
        return dock

    yield make
    for dock in docks:
        dock.runner.cancel()
        qtbot.waitUntil(lambda dock=dock: not dock.runner.running, timeout=SECONDS)
        dock.mailbox.close()


@pytest.fixture
def movie_layer(viewer, counts):
    return viewer.add_image(counts, scale=(1, 0.1, 0.1), units=("pixel", "um", "um"), name="cells")


@pytest.fixture
def dock(movie_layer, make_dock):
    dock = make_dock()
    dock.form.camera.boxes["baseline"].setValue(100)
    dock.form.fitter.choose("mle")
    return dock


def click(qtbot, widget):
    # a check box is hit at its left end only
    where = QPoint(8, widget.height() // 2)
    qtbot.mouseClick(widget, LEFT, pos=where)


def finish(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)


def looked(qtbot, dock, condition):
    qtbot.waitUntil(lambda: dock.mailbox.idle and bool(condition()), timeout=SECONDS)


# -- finding ---------------------------------------------------------------------------------------
def test_preview_marks_the_spots_of_the_frame_in_view(viewer, dock, movie_layer, qtbot):
    click(qtbot, dock.form.preview)
    for index in (5, 31):
        viewer.dims.set_point(0, index)
        report = inspect_frame(dock.movie, index, dock.form.settings(), dock.form.camera.camera())
        accepted = report.verdicts.accepted
        expected = np.column_stack((report.verdicts.y, report.verdicts.x))[accepted]
        assert len(expected) > 2
        looked(
            qtbot,
            dock,
            lambda expected=expected: (
                "cells preview" in viewer.layers
                and np.array_equal(viewer.layers["cells preview"].data, expected)
            ),
        )
    marks = viewer.layers["cells preview"]
    np.testing.assert_allclose(marks.scale, (0.1, 0.1))
    assert (marks.size == 7).all() and f"{len(expected)} spots" in dock.form.found.text()
    assert viewer.layers.selection.active is movie_layer
    click(qtbot, dock.form.preview)
    assert "cells preview" not in viewer.layers


def test_dragging_the_threshold_changes_the_marks_live(viewer, dock, qtbot):
    click(qtbot, dock.form.preview)
    looked(qtbot, dock, lambda: dock.preview_marks.shown and len(dock.preview_marks.layer.data))
    before = len(dock.preview_marks.layer.data)
    histogram = dock.form.histogram
    assert histogram.counts.sum() > before
    editor = dock.form.detector.form.editors["min_snr"]
    assert histogram.threshold == editor.get() == 1.0
    verdicts = dock._look.verdicts
    middle = float(np.median(verdicts.score[verdicts.accepted]))
    x = round(histogram.x_of(middle))
    qtbot.mousePress(histogram, LEFT, pos=QPoint(x, 40))
    qtbot.mouseRelease(histogram, LEFT, pos=QPoint(x, 40))
    assert editor.get() == pytest.approx(middle, rel=0.05) == dock.form.settings().detector.min_snr
    looked(qtbot, dock, lambda: len(dock.preview_marks.layer.data) < before)
    # typed: the line follows
    editor.widget.setValue(2.0)
    assert histogram.threshold == 2.0


def test_the_test_table_tells_why_and_shows_where(viewer, dock, qtbot):
    click(qtbot, dock.form.test)
    looked(qtbot, dock, lambda: dock.form.table.row_count())
    index = int(viewer.dims.point[0])
    report = inspect_frame(dock.movie, index, dock.form.settings(), dock.form.camera.camera())
    assert dock.form.table.row_count() == len(report.verdicts)
    model = dock.form.table.model()
    shown = [
        [model.index(row, column).data() for column in range(4)]
        for row in range(len(report.verdicts))
    ]
    assert {row[3] for row in shown if row[3] != "found"} == set(report.verdicts.reason) - {""}
    assert sum(row[3] == "found" for row in shown) == report.verdicts.accepted.sum()
    scores = [float(row[2]) for row in shown if row[2] != "–"]
    assert scores == sorted(scores, reverse=True)
    layer = viewer.layers["cells test"]
    assert len(layer.data) == len(report.verdicts)
    assert set(layer.features["verdict"]) == {r or "found" for r in report.verdicts.reason}
    rejected = next(i for i, row in enumerate(shown) if row[3] != "found")
    dock.form.table.selectRow(rejected)
    x, y = int(shown[rejected][0]), int(shown[rejected][1])
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (y * 0.1, x * 0.1))
    click(qtbot, dock.form.test)
    assert "cells test" not in viewer.layers and dock.form.table.isHidden()


def test_the_slider_moves_on_and_stale_answers_are_not_shown(viewer, dock, qtbot):
    click(qtbot, dock.form.preview)
    for index in range(40):
        viewer.dims.set_point(0, index)
    dock._on_look((dock.layer, dock.movie, 3, False), None)  # an answer about frame 3 comes late
    report = inspect_frame(dock.movie, 39, dock.form.settings(), dock.form.camera.camera())
    looked(
        qtbot,
        dock,
        lambda: (
            dock.preview_marks.shown
            and len(dock.preview_marks.layer.data) == report.verdicts.accepted.sum()
        ),
    )


# -- the run ---------------------------------------------------------------------------------------
def test_localize_gives_what_the_script_gives(viewer, dock, counts, qtbot, movie_layer):
    click(qtbot, dock.localize)
    assert not dock.localize.isEnabled() and not dock.bar.isHidden()
    finish(qtbot, dock)
    movie = ArrayMovie(counts, Camera(baseline=100, pixel_size_nm=100))
    expected = localize(movie, detect="snr", fit="mle")
    picture, points = viewer.layers["cells super-resolution"], viewer.layers["cells molecules"]
    pd.testing.assert_frame_equal(points.metadata[RESULT_KEY].table, expected.table)
    np.testing.assert_allclose(points.data, expected.table[["y", "x"]])
    assert picture.data.sum() == pytest.approx(len(expected), rel=0.02)
    assert str(picture.units[0]) == "micrometer"
    low, high = picture.extent.world
    half = np.asarray(picture.scale) / 2
    np.testing.assert_allclose(low - half, (-0.05, -0.05), atol=1e-9)
    np.testing.assert_allclose(high + half, (15.95, 17.55), atol=picture.scale[0])
    assert f"{len(expected):,} molecules in 40 frames" in dock.message.text()
    assert "Save as" in dock.message.text(), "the array is in no file"
    assert viewer.layers.selection.active is movie_layer
    assert dock.localize.isEnabled() and dock.bar.isHidden()
    assert [dock.layers.itemText(i) for i in range(dock.layers.count())] == ["cells"]


def _asked(dialog):
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    raise AssertionError(f"napari asks: {texts}")


def test_drop_a_file_and_find_the_result_beside_it(
    make_napari_viewer, make_dock, tmp_path, qtbot, monkeypatch
):
    viewer = make_napari_viewer(show=False)
    # napari asks once which reader is wanted for .tif, and remembers the answer
    get_settings().plugins.extension2reader = {"*.tif": "napari-limelight"}
    path = tmp_path / "cell 7.tif"
    write_tiff(path, scene("standard", frames=30, seed=5))
    dock = make_dock(viewer)
    assert "drag a file" in dock.message.text() and not dock.localize.isEnabled()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    drop = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        mime,
        LEFT,
        Qt.KeyboardModifier.NoModifier,
    )
    monkeypatch.setattr(QtReaderDialog, "get_user_choices", _asked)
    viewer.window._qt_viewer.dropEvent(drop)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=SECONDS)
    assert dock.layers.currentText() == viewer.layers[0].name
    assert dock.save.isEnabled() and "cell 7_locs.hdf5" in dock.save.text()
    dock.form.camera.boxes["baseline"].setValue(100)
    dock.form.fitter.choose("mle")
    click(qtbot, dock.form.preview)
    looked(qtbot, dock, lambda: dock.preview_marks.shown)
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    saved = load_localizations(tmp_path / "cell 7_locs.hdf5")
    assert (tmp_path / "cell 7_locs.yaml").exists()
    assert len(saved) > 100 and saved["frame"].max() == 29
    assert "Saved as cell 7_locs.hdf5" in dock.message.text()
    assert "replaces" in dock.save.toolTip()
    # a trial on some frames leaves the result of all of them alone
    dock.form.frames.stop.setValue(20)
    assert "cell 7_0-20_locs.hdf5" in dock.save.text() and "replaces" not in dock.save.toolTip()
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert load_localizations(tmp_path / "cell 7_0-20_locs.hdf5")["frame"].max() == 19
    assert len(load_localizations(tmp_path / "cell 7_locs.hdf5")) == len(saved)


class SlowMovie(ArrayMovie):
    """Reads on when it is let."""

    def __init__(self, array, camera):
        super().__init__(array, camera, name="slow")
        self.gate = threading.Event()
        self.reads = 0

    def read(self, start, stop):
        self.reads += 1
        if self.reads > 3:
            assert self.gate.wait(20)
        return super().read(start, stop)


@pytest.fixture
def slow(viewer, make_dock, counts):
    movie = SlowMovie(np.concatenate([counts] * 30), Camera(baseline=100, pixel_size_nm=100))
    layer = viewer.add_image(
        np.broadcast_to(counts[:1], movie.shape), name="slow", metadata={MOVIE_KEY: movie}
    )
    dock = make_dock()
    dock.form.fitter.choose("mle")
    dock.mailbox.close()  # looks at frames would be held at the gate too
    movie.reads = 0
    yield movie, layer, dock
    movie.gate.set()


def test_cancel_keeps_what_was_found(viewer, slow, qtbot, monkeypatch):
    monkeypatch.setattr("limelight.widgets.localize_run._REDRAW_S", 0.0)
    movie, _, dock = slow
    click(qtbot, dock.localize)
    # the first blocks are done; a picture appears while it runs
    qtbot.waitUntil(lambda: "slow super-resolution (running)" in viewer.layers, timeout=SECONDS)
    assert "molecules" in dock.bar.text.text()
    click(qtbot, dock.bar.cancel)
    movie.gate.set()
    finish(qtbot, dock)
    names = [layer.name for layer in viewer.layers]
    assert names == ["slow", "slow super-resolution (partial)", "slow molecules (partial)"]
    locs = viewer.layers["slow molecules (partial)"].metadata[RESULT_KEY]
    assert 0 < len(locs) and locs["frame"].max() < len(movie) - 1
    whole = localize(movie, fit="mle").table
    part = whole[whole.frame <= locs["frame"].max()].reset_index(drop=True)
    pd.testing.assert_frame_equal(locs.table, part)
    assert "Cancelled" in dock.message.text() and dock.save_as.isEnabled()


def test_the_quality_is_seen_while_a_run_is_on(slow, qtbot):
    movie, _, dock = slow
    dock.show()
    click(qtbot, dock.localize)
    panel = dock.quality
    # the first blocks are done, the rest is held at the gate
    qtbot.waitUntil(lambda: bool(panel.figures.measures), timeout=SECONDS)
    so_far = {m.name: m.value for m in panel.figures.measures}
    assert dock.runner.running and panel.isVisible()
    assert 0 < so_far["n_locs"] and so_far["locs_per_frame"] > 0
    assert panel.plots.plots[0].title == "Molecules per frame"
    movie.gate.set()
    finish(qtbot, dock)
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=SECONDS)
    whole = {m.name: m.value for m in panel.figures.measures}
    assert whole["n_locs"] == len(dock.results.newest) > so_far["n_locs"]


def test_a_run_stays_with_its_movie(viewer, slow, counts, qtbot):
    movie, layer, dock = slow
    click(qtbot, dock.localize)
    viewer.add_image(counts, name="other")
    assert dock.layers.currentText() == "slow", "a run is on: the choice stays"
    dock.layers.setCurrentIndex(1)
    layer.name = "renamed"
    viewer.layers.remove(layer)
    movie.gate.set()
    finish(qtbot, dock)
    points = viewer.layers["slow molecules"]
    assert points.metadata[RESULT_KEY].frames == len(movie)
    np.testing.assert_allclose(points.scale, (0.1, 0.1))
    assert dock.layers.currentText() == "other" and dock.localize.isEnabled()


def test_pause_and_go_on(viewer, slow, qtbot):
    movie, _, dock = slow
    click(qtbot, dock.localize)
    click(qtbot, dock.bar.pause)
    movie.gate.set()
    qtbot.wait(100)
    assert dock.runner.running and dock.bar.pause.text() == "Go on"
    click(qtbot, dock.bar.pause)
    finish(qtbot, dock)
    assert "slow molecules" in viewer.layers


def test_a_result_that_cannot_be_saved_is_never_lost(
    viewer, make_dock, counts, tmp_path, qtbot, monkeypatch
):
    import limelight.io

    home = tmp_path / "readonly" / "movie.tif"
    movie = ArrayMovie(counts, Camera(baseline=100), name="movie", path=home)
    viewer.add_image(counts, name="movie", metadata={MOVIE_KEY: movie})
    dock = make_dock()
    dock.form.fitter.choose("phasor")
    save = limelight.io.save_localizations

    def refuse(locs, path):
        if path.parent == home.parent:
            raise FileError(path, "the folder is write-protected.")
        return save(locs, path)

    monkeypatch.setattr(limelight.io, "save_localizations", refuse, raising=False)
    asked = []
    answers = [home.with_name("again.hdf5"), tmp_path / "elsewhere.hdf5"]
    monkeypatch.setattr(
        dock.results, "_ask_path", lambda title: asked.append(title) or answers[len(asked) - 1]
    )
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert len(asked) == 2 and all("write-protected" in title for title in asked)
    assert len(load_localizations(tmp_path / "elsewhere.hdf5")) > 0
    assert "elsewhere.hdf5" in dock.message.text()
    # the person gives up: the layers stay, and Save as… is offered
    monkeypatch.setattr(dock.results, "_ask_path", lambda title: None)
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert "write-protected" in dock.message.text() and dock.save_as.isEnabled()
    monkeypatch.setattr(dock.results, "_ask_path", lambda title: tmp_path / "later.hdf5")
    click(qtbot, dock.save_as)
    assert (tmp_path / "later.hdf5").exists()


def test_an_error_in_the_run_is_told(viewer, slow, qtbot, monkeypatch):
    movie, _, dock = slow

    def broken(start, stop):
        raise FileError("slow.tif", "frame 17 cannot be read.")

    monkeypatch.setattr(movie, "read", broken)
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert "frame 17 cannot be read" in dock.message.text()
    assert [layer.name for layer in viewer.layers] == ["slow"] and dock.localize.isEnabled()


def test_no_molecules_is_a_result_too(viewer, make_dock, qtbot):
    viewer.add_image(np.full((20, 40, 40), 100, np.uint16), name="dark")
    dock = make_dock()
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert "No molecules" in dock.message.text()
    assert [layer.name for layer in viewer.layers] == ["dark", "dark super-resolution"]


# -- which layer -----------------------------------------------------------------------------------
def test_the_choice_follows_the_viewers_layers(viewer, make_dock, counts):
    dock = make_dock()
    names = lambda: [dock.layers.itemText(i) for i in range(dock.layers.count())]  # noqa: E731
    assert names() == [] and not dock.form.isEnabled()
    first = viewer.add_image(counts, name="first")
    viewer.add_labels(np.zeros((5, 5), int))
    viewer.add_points(np.zeros((1, 2)))
    assert names() == ["first"] and dock.layer is first and dock.form.isEnabled()
    second = viewer.add_image(counts[:10], name="second")
    assert names() == ["first", "second"] and dock.layer is second
    assert dock.form.frames.stop.value() == 10
    viewer.add_image(counts[0], name="mean")
    assert dock.layer is second, "a single image is offered, but does not take over"
    second.name = "renamed"
    assert names() == ["first", "renamed", "mean"]
    viewer.layers.remove(second)
    assert names() == ["first", "mean"] and dock.layer is first
    viewer.layers.clear()
    assert names() == [] and dock.movie is None and not dock.localize.isEnabled()


def test_a_colour_image_gets_a_message(viewer, make_dock):
    viewer.add_image(np.zeros((5, 20, 20, 3), np.uint8), rgb=True, name="colour")
    dock = make_dock()
    assert "colour image" in dock.message.text() and not dock.localize.isEnabled()


def test_a_single_image_can_be_localized(viewer, make_dock, counts, qtbot):
    viewer.add_image(counts[0], name="one")
    dock = make_dock()
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert set(viewer.layers["one molecules"].features["frame"]) == {0}


def test_of_several_channels_the_one_in_view(viewer, make_dock, counts, qtbot):
    dark = np.full_like(counts, 100)
    layer = viewer.add_image(
        np.stack([dark, counts], axis=1), name="two", axis_labels=("t", "c", "y", "x")
    )
    dock = make_dock()
    viewer.dims.set_point(1, 1)
    assert dock.movie.name == "two c1" and len(dock.movie) == len(counts)
    click(qtbot, dock.form.preview)
    looked(qtbot, dock, lambda: dock.preview_marks.shown and len(dock.preview_marks.layer.data))
    viewer.dims.set_point(1, 0)
    looked(qtbot, dock, lambda: not len(dock.preview_marks.layer.data))
    assert dock.layer is layer


def test_the_typed_pixel_size_goes_to_the_layer(viewer, make_dock, counts, qtbot):
    layer = viewer.add_image(counts, name="plain")
    dock = make_dock()
    dock.form.camera.boxes["pixel_size_nm"].setValue(160)
    dock.form.fitter.choose("phasor")
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    np.testing.assert_allclose(layer.scale, (1, 0.16, 0.16))
    np.testing.assert_allclose(viewer.layers["plain molecules"].scale, (0.16, 0.16))
    assert str(layer.units[-1]) == "micrometer"


# -- settings --------------------------------------------------------------------------------------
def test_the_script_on_the_clipboard_does_the_same(viewer, dock, counts, qtbot):
    dock.form.finding.editors["box"].widget.setValue(9)
    dock.form.roi.set_value((10, 10, 120, 140))
    dock.form.frames.first.setValue(5)
    dock.form.histogram.threshold_changed.emit(1.5)
    click(qtbot, dock.copy)
    script = QApplication.clipboard().text()
    compile(script, "script", "exec")
    assert "clipboard" in dock.message.text()
    movie = ArrayMovie(counts, name="cells")
    space = {"movie": movie}
    exec(script.replace("save=True", "save=False"), space)
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    result = viewer.layers["cells molecules"].metadata[RESULT_KEY]
    pd.testing.assert_frame_equal(space["locs"].table, result.table)
    assert result["frame"].min() == 5 and result["x"].max() < 141


@pytest.mark.parametrize("bad", ["8", "2"])
def test_wrong_settings_are_told_and_nothing_runs(viewer, dock, qtbot, bad):
    box = dock.form.finding.editors["box"].widget
    box.setMinimum(2)
    box.setValue(int(bad))
    assert "box" in dock.form.found.text().lower()
    click(qtbot, dock.localize)
    assert not dock.runner.running and "box" in dock.message.text().lower()
    click(qtbot, dock.copy)
    assert "box" in dock.message.text().lower()


def test_settings_are_remembered(viewer, dock, make_dock, tmp_path):
    dock.form.detector.choose("net-gradient")
    dock.form.detector.form.editors["min_net_gradient"].widget.setValue(4321)
    dock.form.fitter.choose("lq")
    dock.form.camera.boxes["sensitivity"].setValue(0.46)
    dock.form.sections[1].set_open(False)
    dock.save.setChecked(False)
    dock.remember()
    again = make_dock()
    assert again.form.settings().to_record() == dock.form.settings().to_record()
    assert again.form.settings().detector.min_net_gradient == 4321
    assert again.form.histogram.threshold == 4321
    assert again.form.camera.camera().sensitivity == 0.46
    assert again.form.camera.camera().pixel_size_nm == pytest.approx(100), "the layer knows it"
    assert not again.form.sections[1].is_open and not again.save.isChecked()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"detector": 3, "camera": [], "open": 1}',
        '{"detector": {"name": "gone", "values": {"snr": {"min_snr": "x", "no": 1}}}}',
        '{"camera": {"gain": -5, "baseline": "x"}, "finding": {"box": 999}, "save": 3}',
        '{"config": {"path": "/no/such/file.yaml"}}',
    ],
)
def test_broken_memories_do_no_harm(movie_layer, make_dock, text):
    persistence.config_folder().mkdir(exist_ok=True)
    (persistence.config_folder() / "localize.json").write_text(text)
    dock = make_dock()
    settings = dock.form.settings()
    assert settings.box == 7 and dock.form.camera.camera().gain == 1


def test_remembering_in_vain_is_no_error(dock, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(persistence, "config_folder", lambda: tmp_path / "file" / "sub")
    assert persistence.remember("localize", {}) is False
    dock.remember()


def test_a_region_is_drawn_with_the_mouse_in_the_window(make_napari_viewer, counts, qtbot):
    viewer = make_napari_viewer(show=True)
    layer = viewer.add_image(counts, name="cells")
    _, dock = viewer.window.add_plugin_dock_widget("napari-limelight", "Localize")
    assert isinstance(dock, LocalizeDock) and dock.layer is layer
    canvas = viewer.window._qt_viewer.canvas
    native = canvas.native
    click(qtbot, dock.form.roi.draw)
    width, height = native.width(), native.height()
    start, stop = QPoint(width * 4 // 10, height * 4 // 10), QPoint(width // 2, height * 6 // 10)
    qtbot.mousePress(native, LEFT, pos=start)
    for part in (0.3, 0.6, 1.0):
        where = QPointF(start) + (QPointF(stop) - QPointF(start)) * part
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            where,
            native.mapToGlobal(where),
            LEFT,
            LEFT,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(native, event)
    qtbot.mouseRelease(native, LEFT, pos=stop)
    roi = dock.form.settings().roi
    drawn = np.asarray(viewer.layers["cells ROI"].data[0])
    assert roi[2] - roi[0] > 5 and roi[3] - roi[1] > 5
    np.testing.assert_allclose((roi[0], roi[1]), drawn.min(axis=0) + 0.5, atol=0.5)
    np.testing.assert_allclose((roi[2], roi[3]), drawn.max(axis=0) + 0.5, atol=0.5)
    assert not dock.form.roi.draw.isChecked()
    assert viewer.layers.selection.active is layer
    dock.mailbox.close()


class Mean(Settings):
    """Takes the middle of the box."""

    strength: float = setting(2.5, help="How strong.", unit="x", low=0.0)

    def fit(self, spots):
        n = len(spots)
        zero = np.zeros(n)
        names = ("x", "y", "bg", "sx", "sy", "lpx", "lpy")
        return {**dict.fromkeys(names, zero), "photons": np.full(n, self.strength)}


def test_a_contributed_fitter_appears(viewer, make_dock, counts, qtbot, monkeypatch):
    class Entry:
        name, value = "mean", f"{__name__}:Mean"

        def load(self):
            return Mean

    class Broken(Entry):
        name = "broken"

        def load(self):
            raise ImportError("no module named nothing")

    known = dict(parts._registered("fitters")) | {"mean": Entry(), "broken": Broken()}
    registered = parts._registered
    monkeypatch.setattr(
        parts, "_registered", lambda group: known if group == "fitters" else registered(group)
    )
    viewer.add_image(counts, name="cells")
    dock = make_dock()
    assert not dock.form.fitter.choose("broken")
    assert "no module named nothing" in dock.form.fitter._message.text()
    assert dock.form.fitter.choose("mean")
    dock.form.fitter.form.editors["strength"].widget.setValue(4.0)
    click(qtbot, dock.localize)
    finish(qtbot, dock)
    assert set(viewer.layers["cells molecules"].features["photons"]) == {4.0}


# -- look and feel ---------------------------------------------------------------------------------
def test_every_control_has_a_tooltip(dock):
    kinds = (QAbstractSpinBox, QComboBox, QLineEdit, QPushButton, QToolButton, QAbstractSlider)
    for widget in dock.findChildren(QWidget):
        inner = isinstance(widget.parent(), (QAbstractSpinBox, QComboBox, QLineEdit))
        scroll = "ScrollBar" in type(widget).__name__ or "qt_" in widget.objectName()
        if isinstance(widget, kinds) and not inner and not scroll:
            assert widget.toolTip(), f"{type(widget).__name__} {widget.objectName()}"


def test_it_fits_a_laptop_screen(dock):
    assert dock.minimumSizeHint().height() < 450
    assert max(dock.minimumSizeHint().width(), dock.minimumWidth()) <= 400
    # nothing but scrolling down is needed
    dock.resize(dock.minimumWidth(), 600)
    assert dock.form.minimumSizeHint().width() <= dock.form.parent().width() + 1


def test_a_closed_dock_hears_nothing_more(make_napari_viewer, counts, qtbot):
    viewer = make_napari_viewer(show=False)
    viewer.add_image(counts, name="cells")
    dock = LocalizeDock(viewer)
    window = viewer.window.add_dock_widget(dock, name="Localize")
    dock.form.preview.setChecked(True)
    marks = dock.preview_marks
    qtbot.waitUntil(lambda: marks.shown, timeout=SECONDS)
    gone = []
    dock.destroyed.connect(lambda: gone.append(1))
    viewer.window.remove_dock_widget(window)
    dock.deleteLater()
    del dock
    qtbot.waitUntil(lambda: bool(gone))
    viewer.dims.set_point(0, 7)
    viewer.add_image(counts, name="more")
    viewer.layers[0].name = "renamed"
    viewer.layers.clear()


def test_a_calibration_chooses_its_fit(qtbot, root, make_napari_viewer):
    from limelight.widgets.localize_form import LocalizeForm

    form = LocalizeForm(make_napari_viewer(show=False))
    qtbot.addWidget(form)
    path = str(root / "tests" / "data" / "picasso_3d_calib.yaml")
    form.fitting.editors["calibration"].set("nothing.yaml")
    assert form.fitter.name == "multi"
    form.fitting.editors["calibration"].set(path)
    settings = form.settings()
    assert settings.to_record()["fit"] == "mle-sigmaxy" and settings.box == 13
    assert settings.calibration == path
    form.fitter.choose("lq-sigmaxy")
    form.fitting.editors["calibration"].set(path + " ")
    assert form.fitter.name == "lq-sigmaxy"
