from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

import limelight
from limelight.core.localizations import Localizations
from limelight.core.locs import CircleRegion, PolygonRegion, RectangleRegion, pick
from limelight.core.locs.result import Line, Plot
from limelight.io import load_localizations
from limelight.widgets.dock import LayerChoice
from limelight.widgets.layers import RESULT_KEY, Placement, add_molecules
from limelight.widgets.listeners import Listeners
from limelight.widgets.molecules_dock import MoleculesDock
from limelight.widgets.molecules_view import PICTURE_KEY
from limelight.widgets.plot_view import save_plot
from limelight.widgets.tools_dock import ToolsDock
from limelight.widgets.tools_regions import regions_of

DATA = Path(__file__).parents[1] / "data"
SECONDS = 120_000
UM = 0.1


@pytest.fixture
def table(tmp_path) -> Path:
    for suffix in (".hdf5", ".yaml"):
        shutil.copy(DATA / f"tools_locs{suffix}", tmp_path / f"a_locs{suffix}")
    return tmp_path / "a_locs.hdf5"


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def dock(viewer, qtbot, table):
    dock = ToolsDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.open_table(str(table))
    idle(qtbot, dock)
    yield dock
    dock.runner.cancel()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    dock.filters.mailbox.close()


def idle(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)


def run(qtbot, dock, tool, **values):
    assert dock.tool.choose(tool)
    dock.tool.form.set_values(values)
    qtbot.mouseClick(dock.start, Qt.MouseButton.LeftButton)
    idle(qtbot, dock)


def script() -> str:
    return QApplication.clipboard().text()


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_a_table_is_opened_shown_and_chosen(dock, viewer):
    assert names(viewer) == ["a_locs super-resolution", "a_locs molecules"]
    assert dock.layers.layer is viewer.layers["a_locs molecules"]
    assert len(dock.locs) == 2752 and dock.start.isEnabled()
    assert "2,752 molecules" in dock.message.text()
    assert not dock.undo.isEnabled() and not dock.save.isEnabled()


def test_drift_is_taken_out_shown_undone_and_done_again(dock, viewer, qtbot):
    before = dock.locs
    run(qtbot, dock, "undrift", segment_frames=100)
    new = viewer.layers["a_locs undrift molecules"]
    assert dock.layers.layer is new and dock.locs is not before
    np.testing.assert_array_equal(
        dock.locs["x"], limelight.undrift(before, segment_frames=100)["x"]
    )
    assert not viewer.layers["a_locs super-resolution"].visible
    assert viewer.layers["a_locs undrift super-resolution"].visible
    assert [line.name for line in dock.plots.current.lines] == ["x", "y"]
    assert dock.figures.measures[0].value == pytest.approx(1.2, abs=0.1)
    assert dock.undo.isEnabled() and "Correct drift" in dock.undo.toolTip()

    dock.undo.click()
    assert names(viewer) == ["a_locs super-resolution", "a_locs molecules"]
    assert dock.locs is before and viewer.layers[0].visible
    assert not dock.result_section.isVisible() and dock.redo.isEnabled()
    dock.redo.click()
    assert "a_locs undrift molecules" in names(viewer) and not viewer.layers[0].visible
    assert dock.layers.layer is viewer.layers["a_locs undrift molecules"]
    assert dock.plots.current is not None and not dock.redo.isEnabled()


def test_steps_follow_each_other_and_are_one_script(dock, viewer, qtbot, table, monkeypatch):
    run(qtbot, dock, "undrift", segment_frames=100)
    dock.copy.click()
    assert script().count("apply_tool") == 1  # not what was just done a second time
    run(qtbot, dock, "link", max_distance=0.4)
    linked = dock.locs
    run(qtbot, dock, "nena")
    assert dock.locs is linked and dock.figures.isVisible()
    dock.tool.choose("filter")
    dock.tool.form.set_values({"where": "n > 2"})
    dock.copy.click()
    monkeypatch.chdir(table.parent)
    space: dict = {}
    exec(compile(script(), "script", "exec"), space)
    assert len(space["result"].locs) == int((linked["n"] > 2).sum())
    assert load_localizations(table.with_name("a_locs_filter.hdf5"))["n"].min() > 2
    for _ in range(2):
        dock.undo.click()
    assert names(viewer) == ["a_locs super-resolution", "a_locs molecules"]


def test_clusters_are_coloured_and_described(dock, viewer, qtbot):
    source = dock.layers.layer
    run(qtbot, dock, "dbscan", radius=0.25, min_samples=6, min_locs=10)
    layer = viewer.layers["a_locs dbscan molecules"]
    assert layer.visible and dock.layers.layer is source  # to try again on
    group = layer.features["group"].to_numpy()
    colours = {tuple(c) for c in np.round(layer.face_color, 5)}
    assert len(colours) == len(np.unique(group)) == dock.groups.row_count() == 63
    dock.groups.selectRow(4)
    shown = dock.finished.result.groups.iloc[4]
    assert viewer.scene.camera.center[-1] == pytest.approx(float(shown["x"]) * UM, rel=1e-4)
    assert dock.groups.as_text([4]).splitlines()[1].split("\t")[0] == "4"
    dock.groups.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    sizes = [int(dock.groups._model.text(r, 1)) for r in range(5)]
    assert sizes == sorted(sizes, reverse=True)


def test_ranges_from_histograms_become_the_condition(dock, viewer, qtbot):
    dock.tool.choose("filter")
    qtbot.waitUntil(lambda: "photons" in dock.filters.rows, timeout=SECONDS)
    row = dock.filters.rows["photons"]
    row.histogram._emit((500.0, None))
    assert dock.tool.form.values()["where"] == "photons >= 500.0"
    dock.start.click()
    idle(qtbot, dock)
    assert dock.locs["photons"].min() >= 500 and "filter" in dock.layers.layer.name


def test_regions_are_drawn_and_picked(dock, viewer, qtbot):
    locs = dock.locs
    dock.tool.choose("pick")
    assert dock.regions.isVisible()
    dock.start.click()
    assert not dock.runner.running or idle(qtbot, dock) is None
    assert "there is no region" in dock.message.text()
    dock.draw_regions()
    shapes = dock.regions.layer()
    assert shapes is viewer.layers["regions"]
    dock.start.click()
    assert "has no regions" in dock.message.text()
    shapes.add_ellipses(np.array([[16, 16], [3, 3]]))
    shapes.add_rectangles(np.array([[4, 4], [4, 10], [12, 10], [12, 4]]))
    shapes.add_polygons(np.array([[20, 20], [28, 20], [28, 30]]))
    shapes.add_lines(np.array([[0, 0], [5, 5]]))
    run(qtbot, dock, "pick")
    wanted = pick(
        locs,
        [
            CircleRegion(16, 16, 3),
            RectangleRegion.from_bounds(4, 4, 10, 12),
            PolygonRegion(((20, 20), (20, 28), (30, 28))),
        ],
    )
    picked = viewer.layers["a_locs picked molecules"].metadata[RESULT_KEY]
    np.testing.assert_array_equal(picked["group"], wanted["group"])
    np.testing.assert_array_equal(picked["x"], wanted["x"])
    assert dock.groups.row_count() == 3
    dock.copy.click()
    assert "circle 16 16 3; line" in script()


def test_shapes_that_lie_elsewhere_or_are_oblong(viewer):
    place = Placement((UM, UM), (1.0, 2.0), ("um", "um"))
    shapes = viewer.add_shapes(ndim=2, scale=(0.5, 0.5), units=("um", "um"))
    shapes.add_ellipses(np.array([[4, 4], [2, 1]]))
    (region,), ignored = regions_of(shapes, place)
    assert isinstance(region, PolygonRegion) and not ignored
    x, y = np.array(region.corners).T
    assert x.mean() == pytest.approx((2 - 2.0) / UM) and y.mean() == pytest.approx((2 - 1.0) / UM)
    assert region.area == pytest.approx(np.pi * 10 * 5, rel=0.01)


def test_what_cannot_be_done_is_told(dock, viewer, qtbot):
    run(qtbot, dock, "filter", where="photon > 3")
    assert "Did you mean 'photons'" in dock.message.text()
    run(qtbot, dock, "undrift", method="fiducials")
    assert "there is no fiducial" in dock.message.text()
    assert len(viewer.layers) == 2 and dock.start.isEnabled()
    empty = Localizations.empty([{"Pixelsize": 100.0}])
    add_molecules(viewer, empty, Placement((UM, UM), (0, 0), ("um", "um")), name="none")
    assert dock.locs is empty
    run(qtbot, dock, "nena")
    assert "the table is empty" in dock.message.text()


def test_a_run_is_cancelled(dock, viewer, qtbot, monkeypatch):
    import time

    from limelight.core.locs.tools import undrift
    from limelight.core.pool import each

    monkeypatch.setattr(
        undrift.Undrift, "apply", lambda self, locs: each(lambda _: time.sleep(0.05), range(1000))
    )
    dock.tool.choose("undrift")
    dock.start.click()
    qtbot.waitUntil(lambda: dock.bar.bar.value() > 0, timeout=SECONDS)
    assert dock.bar.isVisible() and not dock.start.isEnabled()
    dock.bar.cancel.click()
    idle(qtbot, dock)
    assert "Cancelled" in dock.message.text() and len(viewer.layers) == 2
    assert dock.start.isEnabled()


def test_results_are_saved_where_asked(dock, qtbot, tmp_path, monkeypatch):
    run(qtbot, dock, "undrift", segment_frames=100)
    target = tmp_path / "mine"
    offered = []

    def ask(parent, title, path, kinds):
        offered.append(path)
        return str(target), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    dock.save.click()
    idle(qtbot, dock)
    assert offered[0].endswith("a_locs_undrift.hdf5")
    assert len(load_localizations(tmp_path / "mine.hdf5")) == 2752
    assert len(limelight.load_drift(tmp_path / "mine_drift.txt")) == 600
    assert "mine_drift.txt" in dock.message.text()


def test_settings_are_remembered_but_not_conditions(dock, viewer, qtbot):
    dock.tool.choose("filter")
    dock.tool.form.set_values({"where": "x > 3"})
    dock.tool.choose("link")
    dock.tool.form.set_values({"dark_frames": 7})
    dock.remember()
    other = ToolsDock(viewer)
    qtbot.addWidget(other)
    assert other.tool.name == "link" and other.tool.form.values()["dark_frames"] == 7
    other.tool.choose("filter")
    assert other.tool.form.values()["where"] == ""
    other.filters.mailbox.close()


def test_beside_the_molecules_dock(viewer, qtbot, dock):
    molecules = MoleculesDock(viewer)
    qtbot.addWidget(molecules)
    qtbot.waitUntil(lambda: all(v.mailbox.idle for v in molecules.views), timeout=SECONDS)
    qtbot.wait(50)
    run(qtbot, dock, "undrift", segment_frames=100)
    qtbot.waitUntil(lambda: len(molecules.views) == 2, timeout=SECONDS)
    qtbot.waitUntil(lambda: all(v.mailbox.idle for v in molecules.views), timeout=SECONDS)
    qtbot.wait(50)
    pictures = [x for x in viewer.layers if isinstance(x, Image) and PICTURE_KEY in x.metadata]
    assert [x.visible for x in pictures] == [False, True]
    dock.undo.click()
    qtbot.waitUntil(lambda: len(molecules.views) == 1, timeout=SECONDS)
    assert pictures[0].visible and pictures[1] not in viewer.layers
    for view in molecules.views:
        view.mailbox.close()
    molecules.filters.mailbox.close()


def test_a_choice_of_layers_follows_the_viewer(viewer, qtbot):
    owner = ToolsDock(viewer)
    qtbot.addWidget(owner)
    heard = []
    choice = LayerChoice(
        viewer,
        Listeners(owner),
        lambda v: [x for x in v.layers if isinstance(x, Points)],
        parent=owner,
    )
    choice.chosen.connect(heard.append)
    first = viewer.add_points(np.zeros((1, 2)), name="one")
    viewer.add_image(np.zeros((4, 4)))
    second = viewer.add_points(np.zeros((1, 2)), name="two")
    assert heard == [first, second] and choice.count() == 2
    first.name = "other"
    assert choice.itemText(0) == "other"
    choice.choose(first)
    viewer.layers.remove(first)
    viewer.layers.remove(second)
    assert heard[-2:] == [second, None] and not choice.isEnabled()
    owner.filters.mailbox.close()


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".csv"])
def test_plots_are_saved(tmp_path, suffix):
    t = np.arange(10.0)
    plot = Plot(
        "Counts",
        "Time (s)",
        "Counts, per frame",
        (Line("a", t, t**2, "bars"), Line("b, raw", t, t, "points")),
        (("here", 3.0),),
    )
    path = save_plot(plot, tmp_path / f"plot{suffix}")
    assert path.stat().st_size > 100
    if suffix == ".csv":
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert rows[0] == ["curve", "Time (s)", "Counts, per frame"] and len(rows) == 21
        assert rows[-1] == ["b, raw", "9", "9"]
    with pytest.raises(limelight.core.errors.FileError, match="are saved as"):
        save_plot(plot, tmp_path / "plot.xyz")
