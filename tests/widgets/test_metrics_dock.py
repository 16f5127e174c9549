from __future__ import annotations

import csv
import io
import os
import shutil
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from limelight.core.report import RunRecord, flush, report
from limelight.io import write_tiff
from limelight.metrics import (
    Database,
    ParameterGroup,
    Rows,
    WatchSettings,
    choose_database,
    control_chart,
    trend,
)
from limelight.metrics.comparing import common_columns, compare_job, family, short_names
from limelight.metrics.moving import affected, changed_prefix
from limelight.metrics.places import database_url
from limelight.metrics.titles import TITLES, title_of
from limelight.metrics.watch_settings import split_command
from limelight.widgets import metrics_dock as module
from limelight.widgets.metrics_dock import MetricsDock
from limelight.widgets.metrics_status import RUNNING, settings_of, stop_watchers
from limelight.widgets.metrics_watch import WatchDialog

DATA = Path(__file__).parents[1] / "data"
SECONDS = 60_000
NOW = datetime(2026, 11, 20, 12).astimezone()
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A database of the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LIMELIGHT_DB", str(tmp_path / "metrics.sqlite"))
    yield tmp_path / "metrics.sqlite"
    flush(10)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with two tables of one movie, and one of another."""
    made = tmp_path / "lab" / "day1"
    made.mkdir(parents=True)
    for name in ("a_locs", "a_locs_undrift", "b_locs"):
        for suffix in (".hdf5", ".yaml"):
            shutil.copy(DATA / f"tools_locs{suffix}", made / f"{name}{suffix}")
    return made


@pytest.fixture
def database(place, folder):
    """Forty runs of two cameras; the newest have files, two of the others are far off."""
    found = Database()
    rng = np.random.default_rng(2)
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:30, 20:40] = 255
    records = []
    for k in range(40):
        file = folder.parent / f"day{k % 4 + 2}" / f"cell_{k:02d}_locs.hdf5"
        if k < 3:
            file = folder / ("a_locs.hdf5", "a_locs_undrift.hdf5", "b_locs.hdf5")[k]
        nena = 10 + k % 2 * 5 + rng.normal(0, 0.3) + 9.0 * (k in (17, 30))
        records.append(
            RunRecord(
                kind="localization" if k % 5 else "beads",
                file=file,
                source=file.with_name(file.name.split("_locs")[0] + ".ome.tif"),
                group=f"group {k % 3}",
                tags=("live", "fast") if k % 4 == 0 else ("fixed",),
                started=NOW - timedelta(hours=7 * k),
                duration_s=10.0 + k,
                settings={"fitter": "multi", "box": 7},
                camera={"name": f"camera {k % 2}"},
                figures={"n_locs": 1000.0 * k, "nena_nm": nena, "odd": 3.0 if k else None},
                notes={"nena_nm": "few neighbours"},
                preview=picture if k % 7 else None,
            )
        )
    found.add_many(records)
    yield found
    found.close()


def made(qtbot, viewer=None) -> MetricsDock:
    dock = MetricsDock(viewer if viewer is not None else ViewerModel())
    qtbot.addWidget(dock)
    dock.resize(720, 660)
    dock.show()
    quiet(qtbot, dock)
    return dock


def quiet(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    qtbot.waitUntil(lambda: dock.source.idle, timeout=SECONDS)
    qtbot.wait(30)


def end(qtbot, dock):
    dock.runner.cancel()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    stop_watchers()
    for mailbox in (dock.preview.mailbox, dock.compare.mailbox):
        mailbox.close()
    dock.source.close()


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def dock(viewer, qtbot, database):
    dock = made(qtbot, viewer)
    yield dock
    end(qtbot, dock)


def click(qtbot, widget):
    qtbot.mouseClick(widget, LEFT)


def shown(dock) -> list[str]:
    model = dock.history.table.model_
    return [model.text(int(r), "file") for r in model.shown]


def cell(qtbot, dock, row: int, column: str):
    table = dock.history.table
    index = table.model_.index(row, table.model_.columns.index(column))
    table.scrollTo(index)
    return table.visualRect(index).center()


# -- History --------------------------------------------------------------------------------------
def test_it_opens_with_the_newest_run_first(dock):
    assert len(dock.source.rows) == 40 and dock.tabs.tabText(dock.tabs.currentIndex()) == "History"
    assert shown(dock)[:3] == ["a_locs.hdf5", "a_locs_undrift.hdf5", "b_locs.hdf5"]
    assert dock.history.count.text() == "40 runs, 37 missing"
    assert dock.minimumSizeHint().height() < 640 and dock.minimumSizeHint().width() < 700
    for name in ("view_table", "columns", "save_rows", "open_result", "locate", "watch"):
        found = dock.findChild(object, name)
        assert found is not None and found.toolTip()


def test_rows_are_filtered_as_one_types(dock, qtbot):
    qtbot.keyClicks(dock.history.filters.text, "CELL_1 day5")
    qtbot.waitUntil(lambda: len(shown(dock)) < 40, timeout=SECONDS)
    assert shown(dock) == ["cell_11_locs.hdf5", "cell_15_locs.hdf5", "cell_19_locs.hdf5"]
    assert dock.history.count.text() == "3 of 40 runs, 3 missing"
    assert dock.preview.filters.text.text() == "CELL_1 day5"  # the preview shows the same
    assert dock.preview.pictures.rowCount() == 3
    click(qtbot, dock.history.filters.clear)
    assert len(shown(dock)) == 40 and not dock.history.filters.clear.isEnabled()

    bar = dock.history.filters
    bar.kind.setCurrentText("beads")
    assert len(shown(dock)) == 8
    bar.group.setCurrentText("group 1")
    assert len(shown(dock)) == 2
    bar.kind.setCurrentIndex(0)
    bar.tag.setCurrentText("live")
    bar.camera.setCurrentText("camera 0")
    rows = dock.source.rows.take(dock.history.shown)
    assert set(rows["group"]) == {"group 1"} and set(rows["camera"]) == {"camera 0"}
    assert len(rows) and all("live" in t for t in rows["tags"])


def test_rows_are_filtered_by_date(dock):
    bar = dock.history.filters
    bar.when.setCurrentText("Dates…")
    first, last = NOW - timedelta(days=4), NOW - timedelta(days=2)
    bar.since.setDate(first.date())
    bar.until.setDate(last.date())
    days = {
        datetime.fromtimestamp(t).date() for t in dock.source.rows["started"][dock.history.shown]
    }
    assert min(days) == first.date() and max(days) == last.date()
    bar.when.setCurrentText("Any date")
    assert len(shown(dock)) == 40


def test_bars_are_relative_to_the_maximum_of_what_is_shown(dock, qtbot):
    model = dock.history.table.model_
    oldest = int(np.flatnonzero(dock.source.rows["n_locs"] == 39_000)[0])
    half = int(np.flatnonzero(dock.source.rows["n_locs"] == 13_000)[0])
    assert model.bar(oldest, "n_locs") == 1.0 and model.bar(half, "n_locs") == pytest.approx(1 / 3)
    assert model.bar(oldest, "started") == 0.0 == model.bar(oldest, "file")
    qtbot.keyClicks(dock.history.filters.text, "cell_1")
    qtbot.waitUntil(lambda: len(shown(dock)) == 10, timeout=SECONDS)
    assert model.bar(half, "n_locs") == pytest.approx(13 / 19)
    dock.history.table.sort_by("n_locs", True)
    dock.history.table.scrollToTop()
    qtbot.wait(50)
    image = dock.history.table.viewport().grab().toImage()

    def blue(row: int) -> int:
        rect = dock.history.table.visualRect(model.index(row, model.columns.index("n_locs")))
        line = [image.pixelColor(x, rect.top() + 4) for x in range(rect.left() + 2, rect.right())]
        return sum(c.blue() > c.red() + 20 for c in line)

    assert blue(0) > blue(9) > 0


def test_a_click_on_a_heading_sorts_and_keeps_what_is_selected(dock, qtbot):
    table = dock.history.table
    qtbot.mouseClick(table.viewport(), LEFT, pos=cell(qtbot, dock, 4, "file"))
    chosen = table.current_id()
    header = table.horizontalHeader()
    k = table.model_.columns.index("nena_nm")
    at = QPoint(header.sectionViewportPosition(k) + 20, header.height() // 2)
    values = []
    for _ in range(2):
        qtbot.mouseClick(header.viewport(), LEFT, pos=at)
        values.append(dock.source.rows["nena_nm"][table.model_.shown])
    assert all((np.diff(v) >= 0).all() or (np.diff(v) <= 0).all() for v in values)
    assert values[0][0] != values[1][0]
    assert table.current_id() == chosen and table.selected_ids() == [chosen]


def test_columns_are_chosen(dock):
    listed = dock.history.column_list
    by_name = {listed.item(k).data(Qt.ItemDataRole.UserRole): k for k in range(listed.count())}
    listed.item(by_name["tags"]).setCheckState(Qt.CheckState.Checked)
    listed.item(by_name["file"]).setCheckState(Qt.CheckState.Unchecked)
    columns = dock.history.table.model_.columns
    assert "tags" in columns and "file" not in columns
    header = dock.history.table.as_text().splitlines()[0].split("\t")
    assert "NeNA (nm)" in header and "Tags" in header


def test_a_click_shows_the_run_with_picture_and_settings(dock, qtbot):
    table, details = dock.history.table, dock.history.details
    qtbot.mouseClick(table.viewport(), LEFT, pos=cell(qtbot, dock, 1, "file"))
    qtbot.waitUntil(lambda: not details.picture.pixmap().isNull(), timeout=SECONDS)
    text = details.text.text()
    assert "a_locs_undrift.hdf5" in text and "fitter" in text and "few neighbours" in text
    assert "Odd" in text and "group 1" in text
    assert details.open.isEnabled() and details.add.text() == "Compare"
    qtbot.mouseClick(table.viewport(), LEFT, pos=cell(qtbot, dock, 7, "file"))
    qtbot.waitUntil(lambda: details.picture.text() == "No picture", timeout=SECONDS)
    assert "Not there" in details.text.text() and not details.open.isEnabled()


def test_a_result_opens_in_the_viewer(dock, qtbot, viewer):
    table = dock.history.table
    qtbot.mouseClick(table.viewport(), LEFT, pos=cell(qtbot, dock, 0, "file"))
    click(qtbot, dock.history.details.open)
    quiet(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == [
        "a_locs super-resolution",
        "a_locs molecules",
    ]
    assert "2,752 molecules" in dock.message.text()
    missing = shown(dock).index("cell_09_locs.hdf5")
    qtbot.mouseDClick(table.viewport(), LEFT, pos=cell(qtbot, dock, missing, "file"))
    dock.open_run(int(table.model_.shown[missing]))
    assert "is not there" in dock.message.text() and len(viewer.layers) == 2


def test_a_movie_opens_in_the_viewer(dock, qtbot, viewer, folder):
    write_tiff(folder / "a.ome.tif", np.zeros((3, 16, 16), np.uint16))
    dock.history._on_point(int(np.argmax(dock.source.rows["started"])))
    click(qtbot, dock.history.details.movie)
    assert [layer.data.shape for layer in viewer.layers] == [(3, 16, 16)], dock.message.text()
    (folder / "a.ome.tif").write_bytes(b"II*\0nonsense")
    click(qtbot, dock.history.details.movie)
    assert "cannot be shown" in dock.message.text() and len(viewer.layers) == 1


def test_missing_files_are_found_again_with_all_that_moved_with_them(dock, qtbot, monkeypatch):
    rows = dock.source.rows
    row = int(np.flatnonzero(["cell_09" in f for f in rows["file"]])[0])
    old = Path(rows["file"][row])
    new = old.parents[2] / "archive"
    for file in rows["file"]:
        if "day1" not in file:
            path = new / Path(file).relative_to(old.parents[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    told = []

    def answer(dialog):
        dialog.take(str(new / old.relative_to(old.parents[1])))
        told.append(dialog.told.text())
        return dialog.DialogCode.Accepted

    monkeypatch.setattr(module.LocateDialog, "exec", answer)
    dock.history._on_point(row)
    click(qtbot, dock.history.details.locate_button)
    quiet(qtbot, dock)
    assert told == ["40 runs follow. 37 of the first 40 results are at the new place."] or (
        "40 runs follow" in told[0] and "37 of" in told[0]
    )
    dock.source.look()
    quiet(qtbot, dock)
    assert "40 runs changed" in dock.message.text()
    assert str(new) in dock.source.rows["file"][row]
    assert dock.history.count.text() == "40 runs, 3 missing"  # the three that did not move


def test_runs_are_grouped_and_forgotten(dock, qtbot, monkeypatch, database):
    table = dock.history.table
    table.selectRow(0)
    table.go_to(int(table.model_.shown[2]))
    monkeypatch.setattr(module.GroupDialog, "exec", lambda d: d.DialogCode.Accepted)
    monkeypatch.setattr(module.GroupDialog, "answer", lambda d: ("new", ("one", "two")))
    dock.history.details.actions_["Group and tags…"].trigger()
    quiet(qtbot, dock)
    dock.source.look()
    quiet(qtbot, dock)
    assert dock.source.rows["group"][dock.history.row] == "new"
    assert "new" in database.values_of("group") and "two" in database.tags()
    ask = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: ask.pop(0))
    for left in (40, 39):
        dock.history.details.actions_["Forget…"].trigger()
        quiet(qtbot, dock)
        dock.source.look()
        quiet(qtbot, dock)
        assert len(dock.source.rows) == left
    assert dock.history.row is None


def test_the_page_for_the_lab_book_is_written_and_what_it_measured_remembered(dock, qtbot, folder):
    row = int(np.argmax(dock.source.rows["started"]))
    before = dock.source.rows.row(row)
    dock.history._on_point(row)
    dock.history.details.actions_["Page for the lab book"].trigger()
    quiet(qtbot, dock)
    assert "a_locs_report.html" in dock.message.text(), dock.message.text()
    assert (folder / "a_locs_report.html").stat().st_size > 10_000
    dock.source.look()
    quiet(qtbot, dock)
    after = dock.source.rows.row(dock.history.row)
    assert after["id"] == before["id"] and after["frc_nm"] is not None is before["frc_nm"]
    assert all(after[k] == before[k] for k in ("started", "kind", "group", "tags", "camera"))


def test_reading_can_be_ended(dock, qtbot, monkeypatch):
    def slow(paths):
        from limelight.core.job import Progress

        for k in range(10_000):
            time.sleep(0.01)
            yield Progress(k, 10_000, "Reading")

    monkeypatch.setattr("limelight.widgets.metrics_compare.compare_job", slow)
    dock.tabs.setCurrentWidget(dock.compare)
    dock.compare.add_paths(["/data/x_locs.hdf5"])
    click(qtbot, dock.compare.start)
    qtbot.waitUntil(lambda: dock.bar.bar.value() > 2, timeout=SECONDS)
    assert dock.bar.cancel.isVisible() and not dock.compare.start.isEnabled()
    click(qtbot, dock.bar.cancel)
    quiet(qtbot, dock)
    assert "Cancelled" in dock.message.text() and dock.compare.start.isEnabled()


def test_what_is_shown_is_saved_and_copied(dock, qtbot, tmp_path, monkeypatch, database):
    qtbot.keyClicks(dock.history.filters.text, "day3")
    qtbot.waitUntil(lambda: len(shown(dock)) < 40, timeout=SECONDS)
    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    click(qtbot, dock.history.save)
    found = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert [Path(r["file"]).name for r in found] == shown(dock)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no/o.csv"), ""))
    click(qtbot, dock.history.save)
    assert "there is no folder" in dock.message.text()

    dock.history.details.actions_["Copy as Python"].trigger()
    dock.history._on_point(int(dock.history.shown[0]))
    dock.history.details.actions_["Copy as Python"].trigger()
    text = QApplication.clipboard().text()
    printed: list[str] = []
    exec(compile(text, "script", "exec"), {"print": printed.append})
    assert len(printed[0].splitlines()) == 1 + len(shown(dock))
    dock.history.details.actions_["Copy path"].trigger()
    assert QApplication.clipboard().text().endswith("_locs.hdf5")
    dock.history.table.setFocus()
    qtbot.keyClick(dock.history.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().startswith("Started\t")


# -- charts ---------------------------------------------------------------------------------------
def test_scatter_shows_the_trend_and_a_click_shows_the_run(dock, qtbot, tmp_path):
    history = dock.history
    click(qtbot, history.view_buttons["scatter"])
    chart = history.chart.chart
    rows = dock.source.rows
    line = trend(rows["started"], rows["nena_nm"])
    assert f"{line.slope_per_day:+.3g} nm per day" in chart.note and len(chart.rows) == 40
    qtbot.wait(100)
    row = int(np.nanargmax(rows["nena_nm"]))
    canvas = history.chart._canvas
    canvas.draw()
    x, y = history.chart.place_of(row)
    at = QPoint(round(x), round(canvas.height() - y))
    qtbot.mouseClick(canvas, LEFT, pos=at)
    assert history.row == row and history.table.current_id() == rows["id"][row]
    for suffix in ("png", "svg", "pdf", "csv"):
        history.chart.save_as(str(tmp_path / f"c.{suffix}"))
        assert (tmp_path / f"c.{suffix}").stat().st_size > 500
    table = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text(encoding="utf-8"))))
    assert len(table) == 40 and float(table[0]["nena_nm"]) > 0
    history.chart.save_as(str(tmp_path / "c.gif"))
    assert "saved as .png" in dock.message.text()

    history.figure_x.setCurrentIndex(history.figure_x.findData("n_locs"))
    history._draw()
    slope = trend(rows["n_locs"] * 86400, rows["nena_nm"]).slope_per_day
    assert f"{slope:+.3g} nm per molecules" in history.chart.chart.note


def test_box_plots_have_a_box_per_day(dock, qtbot):
    click(qtbot, dock.history.view_buttons["boxes"])
    days = {datetime.fromtimestamp(t).date() for t in dock.source.rows["started"]}
    chart = dock.history.chart.chart
    assert chart.columns["day"] == [str(d) for d in sorted(days)]
    assert sum(chart.columns["count"]) == 40 and f"{len(days)} days" in chart.note


def test_the_control_chart_marks_what_is_not_usual(dock, qtbot):
    history = dock.history
    click(qtbot, history.view_buttons["control"])
    rows, chart = dock.source.rows, history.chart.chart
    found = control_chart(rows["started"], rows["nena_nm"], rows["camera"])
    np.testing.assert_array_equal(chart.columns["outside"], found.outside.astype(int))
    assert chart.columns["outside"].sum() >= 2
    assert f"{int(found.outside.sum())} of 40 runs are outside" in chart.note
    history.width_.setValue(10.0)
    history._draw()
    wide = control_chart(rows["started"], rows["nena_nm"], rows["camera"], width=10.0)
    assert history.chart.chart.columns["outside"].sum() == wide.outside.sum()
    qtbot.keyClicks(history.filters.text, "cell_1")
    qtbot.waitUntil(lambda: len(history.shown) == 10, timeout=SECONDS)
    history._draw()
    assert "at least 8 runs" in history.chart.chart.note
    history.filters.text.setText("nothing of that name")
    qtbot.waitUntil(lambda: len(history.shown) == 0, timeout=SECONDS)
    history._draw()
    assert history.chart.chart is None and "no run" in history.chart.empty.text()


# -- Preview --------------------------------------------------------------------------------------
def test_previews_are_shown_newest_first_and_open(dock, qtbot, viewer):
    dock.tabs.setCurrentWidget(dock.preview)
    pictures = dock.preview.pictures
    qtbot.waitUntil(lambda: len(pictures.found) > 5 and not pictures.asked, timeout=SECONDS)
    runs = dock.source.rows
    order = runs["started"][pictures.shown]
    assert (np.diff(order) <= 0).all()
    known = {run: pixmap is not None for run, pixmap in pictures.found.items()}
    for k in range(3, 6):
        run = int(runs["id"][pictures.shown[k]])
        assert known[run] == (k % 7 != 0)
    first = pictures.index(0, 0)
    assert first.data().startswith("a_locs.hdf5\n2026-11-20")
    rect = dock.preview.list.visualRect(first)
    qtbot.mouseClick(dock.preview.list.viewport(), LEFT, pos=rect.center())
    assert dock.history.row == int(pictures.shown[0])
    dock.preview.size_.setCurrentText("Large")
    assert dock.preview.list.iconSize().width() > 200
    dock.preview.list.doubleClicked.emit(first)
    quiet(qtbot, dock)
    assert len(viewer.layers) == 2
    dock.preview.filters.kind.setCurrentText("beads")
    assert dock.preview.pictures.rowCount() == 8 == len(shown(dock))


# -- Compare --------------------------------------------------------------------------------------
def test_results_are_compared(dock, qtbot, folder, tmp_path, viewer):
    table, compare = dock.history.table, dock.compare
    table.selectRow(0)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert dock.history.details.add.text() == "Compare 2"
    click(qtbot, dock.history.details.add)
    quiet(qtbot, dock)
    assert dock.tabs.currentWidget() is compare
    assert [Path(p).name for p in compare.paths] == ["a_locs.hdf5", "a_locs_undrift.hdf5"]
    qtbot.waitUntil(lambda: compare.chart.chart is not None, timeout=SECONDS)
    curve = compare.chart.chart.columns
    assert set(curve["result"]) == {"a_locs.hdf5", "a_locs_undrift.hdf5"}
    assert "2 results, 5,504 molecules" in dock.message.text()

    compare.view.setCurrentIndex(1)
    compare.column.setCurrentIndex(compare.column.findData("photons"))
    compare.bins.setValue(20)
    qtbot.waitUntil(lambda: "Histogram" in compare.chart.chart.title, timeout=SECONDS)
    qtbot.waitUntil(lambda: len(compare.chart.chart.columns["photons"]) == 40, timeout=SECONDS)
    compare.view.setCurrentIndex(2)
    quiet(qtbot, dock)
    assert "side by side" in compare.chart.chart.title
    compare.chart.save_as(str(tmp_path / "side.png"))
    assert not QImage(str(tmp_path / "side.png")).isNull()

    compare._related.aboutToShow.emit()
    assert [a.text() for a in compare._related.actions()] == ["There are no others"]
    compare.list.item(1).setSelected(True)
    click(qtbot, compare.remove)
    compare._related.aboutToShow.emit()
    compare._related.actions()[0].trigger()
    assert [Path(p).name for p in compare.paths] == ["a_locs.hdf5", "a_locs_undrift.hdf5"]
    script: dict = {}
    exec(compile(compare.as_script(), "script", "exec"), script)
    assert len(script["heights"]) == 2
    compare.list.itemDoubleClicked.emit(compare.list.item(0))
    quiet(qtbot, dock)
    assert len(viewer.layers) == 2


def test_what_cannot_be_compared_is_told(dock, qtbot, tmp_path):
    dock.tabs.setCurrentWidget(dock.compare)
    bad = tmp_path / "bad_locs.hdf5"
    bad.write_bytes(b"nothing")
    dock.compare.add_paths([str(tmp_path / "gone_locs.hdf5")])
    click(qtbot, dock.compare.start)
    quiet(qtbot, dock)
    assert "the file is not there" in dock.message.text()
    dock.compare._show_list([str(bad)])
    click(qtbot, dock.compare.start)
    quiet(qtbot, dock)
    assert "bad_locs.hdf5" in dock.message.text() and dock.compare.start.isEnabled()


# -- Status ---------------------------------------------------------------------------------------
def test_the_status_tells_place_versions_and_what_waits(dock, qtbot, database, place):
    dock.tabs.setCurrentWidget(dock.status)
    status = dock.status
    assert status.place.text() == str(place) and status.here.isChecked()
    text = status.state_label.text()
    assert "40 runs" in text and "8 beads" in text and "tables of version" in text
    assert not status.drain.isVisible()
    database.journal.write(RunRecord(kind="tool", file=place.parent / "late.hdf5"))
    dock.source.look()
    quiet(qtbot, dock)
    assert "1 row waits" in status.state_label.text() and status.drain.isVisible()
    click(qtbot, status.drain)
    quiet(qtbot, dock)
    dock.source.look()
    quiet(qtbot, dock)
    assert "1 rows were added" in dock.message.text() and len(dock.source.rows) == 41
    assert not status.drain.isVisible()


def test_results_that_exist_are_added(dock, qtbot, folder, monkeypatch, tmp_path):
    other = tmp_path / "other" / "deep"
    other.mkdir(parents=True)
    for suffix in (".hdf5", ".yaml"):
        shutil.copy(DATA / f"tools_locs{suffix}", other / f"c_locs{suffix}")
    (other / "d_locs.hdf5").write_bytes(b"nothing")
    dock.tabs.setCurrentWidget(dock.status)
    dock.status.quality.setChecked(False)
    dock.status.group.setText("old ones")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other.parent))
    click(qtbot, dock.status.folder)
    quiet(qtbot, dock)
    text = dock.message.text()
    assert text.startswith("1 added, 1 failed: d_locs.hdf5")
    click(qtbot, dock.status.folder)
    quiet(qtbot, dock)
    assert "0 added, 1 known before" in dock.message.text()
    dock.source.look()
    quiet(qtbot, dock)
    row = int(np.flatnonzero(dock.source.rows["group"] == "old ones")[0])
    assert dock.source.rows["n_locs"][row] == 2752
    monkeypatch.setattr(
        QFileDialog, "getOpenFileNames", lambda *_: ([str(folder / "b_locs.hdf5")], "")
    )
    click(qtbot, dock.status.files)
    assert dock.bar.cancel.isVisible() or not dock.runner.running
    quiet(qtbot, dock)
    assert "1 known before" in dock.message.text()


def test_another_database_is_looked_at_and_kept_in(dock, qtbot, tmp_path, place, monkeypatch):
    other = tmp_path / "other.sqlite"
    dock.tabs.setCurrentWidget(dock.status)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(other), ""))
    dock.status.choose_new.emit()
    quiet(qtbot, dock)
    assert len(dock.source.rows) == 0 and dock.status.place.text() == str(other)
    assert "No runs yet" in dock.message.text() and not dock.status.here.isChecked()
    dock.status.here.click()
    assert "LIMELIGHT_DB" in dock.message.text() and not dock.status.here.isChecked()
    monkeypatch.delenv("LIMELIGHT_DB")
    dock.status.show_place(dock.database.url, dock.database.path)
    assert dock.status.here.isChecked()  # the choice was kept, and counts now
    assert database_url() == f"sqlite:///{other}"
    choose_database(None)
    assert database_url() != f"sqlite:///{other}"
    monkeypatch.setenv("LIMELIGHT_DB", str(place))
    dock.status.choose_own.emit()
    quiet(qtbot, dock)
    assert len(dock.source.rows) == 40


@pytest.mark.skipif(os.name == "nt", reason="another system")
def test_a_watcher_is_started_followed_stopped_and_started_again(
    dock, qtbot, tmp_path, monkeypatch
):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    y, x = np.mgrid[:24, :24]
    spot = 800 * np.exp(-((y - 12.2) ** 2 + (x - 11.4) ** 2) / 2.9)
    counts = np.random.default_rng(1).poisson(spot + 20, (8, 24, 24)).astype(np.uint16)
    write_tiff(incoming / "one.ome.tif", counts)

    def answer(dialog):
        dialog.folders.setText(str(incoming))
        dialog.form.set_values({"poll_s": 0.05, "settle_s": 0.0, "quality": False})
        dialog.forms[0].commands.setPlainText("echo seen $FILENAME")
        click(qtbot, dialog.findChild(object, "start"))
        return dialog.result()

    monkeypatch.setattr(module.WatchDialog, "exec", answer)
    dock.tabs.setCurrentWidget(dock.status)
    click(qtbot, dock.status.start)
    assert len(RUNNING) == 1, dock.message.text()
    name, watcher = next(iter(RUNNING.items()))
    qtbot.waitUntil(lambda: any("says: seen" in line for line in watcher.log()), timeout=SECONDS)
    dock.source.look()
    quiet(qtbot, dock)
    dock.status.show_log()
    assert "one.ome_locs.hdf5" in dock.status.log.toPlainText()
    assert name[:8] in dock.status.tree.topLevelItem(0).text(0)
    assert dock.status.tree.topLevelItem(0).text(1) == "running"
    assert not dock.status.again.isEnabled()
    click(qtbot, dock.status.end)
    quiet(qtbot, dock)
    assert not watcher.running and "has stopped" in dock.message.text()
    dock.source.look()
    quiet(qtbot, dock)
    assert dock.status.tree.topLevelItem(0).text(1) == "stopped"
    click(qtbot, dock.status.again)
    assert RUNNING[name].running and RUNNING[name].settings.groups == watcher.settings.groups
    click(qtbot, dock.status.start)  # a second one of that name
    assert "runs already" in dock.message.text()
    stop_watchers()


# -- trouble --------------------------------------------------------------------------------------
def test_a_new_database_is_empty(qtbot, place):
    dock = made(qtbot)
    assert "No runs yet" in dock.message.text()
    for view in dock.history.view_buttons.values():
        click(qtbot, view)
    assert dock.history.chart.chart is None
    assert not dock.history.details.open.isEnabled()
    report(RunRecord(kind="tool", figures={"n_locs": 3.0}))
    assert flush(10)
    dock.source.look()
    quiet(qtbot, dock)
    assert len(dock.source.rows) == 1 and dock.message.text() == ""
    dock.history._on_point(0)  # a run without any file
    quiet(qtbot, dock)
    assert not dock.history.details.locate_button.isEnabled()
    dock.open_run(0)
    assert "not known" in dock.message.text()
    end(qtbot, dock)


def test_no_database_at_all(qtbot, monkeypatch):
    monkeypatch.setenv("LIMELIGHT_DB", "none")
    dock = made(qtbot)
    assert "switched off" in dock.message.text() and dock.database is None
    dock.add_results(["x"])
    dock.copy_script()
    dock.watch(None)
    assert "needs a database" in dock.message.text()
    end(qtbot, dock)


@pytest.mark.parametrize("what", ["damaged", "folder", "server"])
def test_a_database_that_cannot_be_used(qtbot, what, tmp_path, place, monkeypatch):
    if what == "damaged":
        place.write_bytes(b"no database at all" * 100)
    elif what == "folder":
        place.mkdir()
    else:
        monkeypatch.setenv("LIMELIGHT_DB", "nosuchbase://lab/limelight")
    begin = time.monotonic()
    dock = made(qtbot)
    assert time.monotonic() - begin < 30
    words = {"damaged": "is damaged", "folder": "it is a folder", "server": "nosuchbase"}
    assert words[what] in dock.message.text()
    assert words[what] in dock.status.state_label.text() or what == "server"
    end(qtbot, dock)


def test_a_locked_database_holds_up_nothing(dock, qtbot, place):
    lock = sqlite3.connect(place, isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    try:
        longest = 0.0
        dock.history._on_point(0)
        dock.source.look()
        for _ in range(20):
            begin = time.monotonic()
            qtbot.wait(5)
            longest = max(longest, time.monotonic() - begin)
        assert longest < 1.0
        dock.relocate("/data", "/elsewhere")
        quiet(qtbot, dock)
        assert "locked" in dock.message.text() and len(dock.source.rows) == 40
    finally:
        lock.rollback()
        lock.close()


# -- memory ---------------------------------------------------------------------------------------
def test_settings_are_remembered(dock, qtbot, viewer, tmp_path):
    dock.history.filters.kind.setCurrentText("beads")
    click(qtbot, dock.history.view_buttons["control"])
    dock.history.figure_y.setCurrentIndex(dock.history.figure_y.findData("n_locs"))
    dock.history.show_columns(["started", "n_locs", "tags"])
    dock.history.table.sort_by("n_locs", False)
    dock.compare.add_paths(["/data/x_locs.hdf5"])
    dock.preview.size_.setCurrentText("Small")
    dock.remember()
    again = made(qtbot, viewer)
    history = again.history
    assert history.view == "control" and history.figure_y.currentData() == "n_locs"
    assert history.table.model_.columns == ["started", "n_locs", "tags"]
    assert history.table.model_.sorting == ("n_locs", False)
    assert len(history.shown) == 8 and again.preview.size_.currentText() == "Small"
    assert again.compare.paths == ["/data/x_locs.hdf5"]
    assert again.state()["history"]["y"] == "n_locs"
    end(qtbot, again)


# -- parts of it ----------------------------------------------------------------------------------
def test_settings_of_a_watcher_go_through_the_form_and_the_file(qtbot, tmp_path, monkeypatch):
    groups = (
        ParameterGroup(
            {"detect": "snr", "fit": "mle", "box": 9, "baseline": 100.0},
            (("undrift", {"method": "rcc"}), ("link", {})),
            (("python3", "my tell.py", "$FILENAME"), ("echo", "$MOVIE")),
        ),
        ParameterGroup({"fit": "avg"}),
    )
    settings = WatchSettings(
        folders=(tmp_path,), name="w", kinds=(".raw",), tags=("a", "b"), poll_s=3.0, groups=groups
    )
    dialog = WatchDialog(settings)
    qtbot.addWidget(dialog)
    again = dialog.values()
    assert again.folders == settings.folders and again.kinds == (".raw",) and again.poll_s == 3.0
    assert again.tags == ("a", "b") and len(again.groups) == 2 == dialog.count.value()
    for old, new in zip(groups, again.groups, strict=True):
        assert new.commands == old.commands and new.steps == old.steps
        assert old.localize.items() <= new.localize.items() | old.localize.items()
        assert new.localize_settings() == old.localize_settings() or "fit" in old.localize
    assert again.groups[0].localize["baseline"] == 100.0 and again.groups[0].localize["box"] == 9
    assert again.groups[0].localize["fit"] == "mle" and again.groups[1].localize["fit"] == "avg"
    target = tmp_path / "w.yaml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    click(qtbot, dialog.save)
    assert "limelight watch" in dialog.message.text()
    dialog.count.setValue(1)
    assert len(dialog.forms) == 1
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(target), ""))
    click(qtbot, dialog.load)
    assert len(dialog.forms) == 2 and dialog.values().to_yaml() == again.to_yaml()
    for text, words in (
        ("undrift(method)", "has no value"),
        ("und rift", "cannot be understood"),
        ("nosuchtool", "nosuchtool"),
    ):
        dialog.forms[0].steps.setText(text)
        click(qtbot, dialog.findChild(object, "start"))
        assert words in dialog.message.text() and dialog.settings is None
    dialog.forms[0].steps.setText("")
    dialog.forms[0].camera["gain"].setText("much")
    click(qtbot, dialog.findChild(object, "start"))
    assert "is no number" in dialog.message.text()
    dialog.forms[0].camera["gain"].setText("")
    dialog.folders.setText(str(tmp_path / "gone"))
    click(qtbot, dialog.findChild(object, "start"))
    assert "There is no folder" in dialog.message.text()


def test_commands_are_cut_into_arguments(monkeypatch):
    assert split_command("a 'b c' $FILENAME") == ("a", "b c", "$FILENAME")
    with pytest.raises(Exception, match="cannot be understood"):
        split_command("a 'b")
    monkeypatch.setattr("limelight.metrics.watch_settings.os.name", "nt")
    line = r'C:\Python\python.exe "C:\my scripts\test.py" $FILENAME'
    expected = (r"C:\Python\python.exe", r"C:\my scripts\test.py", "$FILENAME")
    assert split_command(line) == expected
    monkeypatch.undo()


def test_moved_paths():
    assert changed_prefix("/data/2026/a/x.h5", "/archive/2026/a/x.h5") == (
        Path("/data"),
        Path("/archive"),
    )
    assert changed_prefix("/a/x.h5", "/b/y.h5") == (Path("/a/x.h5"), Path("/b/y.h5"))
    assert changed_prefix("/a/x.h5", "/a/b/x.h5") == (Path("/a"), Path("/a/b"))
    text = np.array(["/a/x", "/a/b/x", "/ab/x", None, "C:\\a\\x"], object)
    rows = Rows({"file": text, "source": np.array([None, None, None, "/a/s", None], object)})
    assert affected(rows, "/a", "/nowhere") == (3, 2, 0)
    assert affected(rows, "C:\\a", "/nowhere") == (1, 1, 0)


def test_families_names_and_columns(folder):
    assert [p.name for p in family(folder / "a_locs.hdf5")] == ["a_locs_undrift.hdf5"]
    assert family(folder / "gone" / "a_locs.hdf5") == []
    assert short_names([]) == []
    assert short_names([Path("/a/x"), Path("/b/x")]) == ["a/x", "b/x"]
    assert short_names([Path("/a/x"), Path("/b/y")]) == ["x", "y"]
    job = compare_job([folder / "a_locs.hdf5", folder / "a_locs.hdf5", folder / "b_locs.hdf5"])
    steps = []
    while True:
        try:
            steps.append(next(job))
        except StopIteration as stop:
            found = stop.value
            break
    assert [t.name for t in found] == ["a_locs.hdf5", "b_locs.hdf5"] and steps[-1].done == 2
    assert "photons" in common_columns([t.locs for t in found]) and common_columns([]) == []
    with pytest.raises(Exception, match="nothing to compare"):
        next(compare_job([]))


def test_every_column_has_a_title():
    from limelight.metrics import COLUMNS

    assert set(COLUMNS) <= set(TITLES)
    assert title_of("mean_photons").full == "Mean photons"


def test_settings_of_a_lost_watcher(tmp_path):
    class State:
        name, settings = "x", "folders: [\n"

    with pytest.raises(Exception, match="cannot be read"):
        settings_of(State())
