from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from limelight.core.errors import FileError
from limelight.core.localizations import Localizations
from limelight.io import save_table
from limelight.io.tables.mapping import Source, TableMapping
from limelight.io.tables.preview import mapping_from_dict, mapping_to_dict, preview_table
from limelight.widgets import columns_dialog, reader
from limelight.widgets.columns_dialog import ColumnsDialog, ask_columns, forget_columns

ROWS = 30


@pytest.fixture
def somebody(monkeypatch, qtbot):
    """There is a window to ask in."""
    monkeypatch.setattr(reader, "can_ask", lambda: True)


def columns():
    rng = np.random.default_rng(4)
    return {
        "t": np.arange(1, ROWS + 1),
        "along": rng.uniform(0, 30_000, ROWS),
        "across": rng.uniform(0, 20_000, ROWS),
        "photons": rng.uniform(300, 4000, ROWS),
        "prec": rng.uniform(5, 20, ROWS),
        "dye": ["A647"] * ROWS,
    }


@pytest.fixture(params=[".csv", ".tsv", ".parquet"])
def path(tmp_path, request):
    file = tmp_path / f"colleague{request.param}"
    table = pd.DataFrame(columns())
    if request.param == ".parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False, sep="\t" if request.param == ".tsv" else ",")
    return file


@pytest.fixture
def dialog(path, qtbot):
    found = ColumnsDialog(preview_table(path))
    qtbot.addWidget(found)
    return found


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def choose(box, text):
    """Choose as a person does: by the keyboard, in the box that has the focus."""
    row = box.findText(text)
    assert row >= 0, text
    box.setCurrentIndex(row)


def answer(dialog):
    for name, role, unit in (("along", "x", "nm"), ("across", "y", "nm"), ("t", "frame", "")):
        choose(dialog.roles[name], role)
        if unit:
            choose(dialog.units[name], unit)
    dialog.pixel_size.setValue(100)
    choose(dialog.first_frame, "1")


def test_the_first_rows_are_shown_with_what_they_are_taken_for(dialog):
    names = list(columns())
    assert [dialog.table.horizontalHeaderItem(k).text() for k in range(6)] == names
    assert dialog.table.rowCount() == 2 + 20
    assert dialog.table.item(2, 1).text() == f"{columns()['along'][0]:.7g}"
    assert dialog.roles["t"].currentText() == "frame"
    assert dialog.roles["photons"].currentText() == "photons"
    assert dialog.roles["along"].currentText() == "(keep)"
    assert [dialog.roles["dye"].itemText(k) for k in range(dialog.roles["dye"].count())] == [
        "(left out)"
    ]
    assert "Choose the column that is x" in dialog.verdict.text() and not ok(dialog).isEnabled()


def test_answers_are_judged_at_once(dialog):
    choose(dialog.roles["along"], "x")
    assert "that is y" in dialog.verdict.text()
    choose(dialog.roles["across"], "y")
    assert ok(dialog).isEnabled() and "more than any camera has" in dialog.verdict.text()
    choose(dialog.units["along"], "nm")
    choose(dialog.units["across"], "nm")
    assert "give the size of a camera pixel" in dialog.verdict.text()
    assert not ok(dialog).isEnabled()
    dialog.pixel_size.setValue(100)
    x = columns()["along"][0] / 100
    assert dialog.first_frame.currentText() == "1"  # the first rows are of frame 1
    assert "first rows are of frame 1" in dialog.about_frames.text()
    choose(dialog.first_frame, "0")
    assert f"x = {x:.3f} px" in dialog.verdict.text() and "frame 1" in dialog.verdict.text()
    choose(dialog.first_frame, "1")
    choose(dialog.origin, "the corner of the first pixel")
    assert f"x = {x - 0.5:.3f} px" in dialog.verdict.text() and "frame 0" in dialog.verdict.text()
    choose(dialog.roles["t"], "(keep)")
    assert "without the column frame" in dialog.verdict.text()
    choose(dialog.roles["prec"], "lpx and lpy")
    choose(dialog.units["prec"], "nm")
    found = dialog.mapping
    assert found.columns["lpx"] == found.columns["lpy"] == Source("prec", "nm")
    assert found.origin == "corner" and found.first_frame == 1 and found.pixel_size_nm == 100


@pytest.mark.parametrize(
    ("heading", "frames", "first", "about"),
    [
        ("x", [0, 0, 1], 0, "there is a frame 0"),
        ("x", [1, 1, 2], 1, "first rows are of frame 1"),
        ("x", [7, 8, 9], 0, "do not tell"),
        ("x", [5, 1, 9], 0, "do not tell"),  # not in order: 1 need not be the first
        ("x", [3, 0, 9], 0, "there is a frame 0"),
        ("x [nm]", [7, 8, 9], 1, "ThunderSTORM's"),
        ("x [nm]", [0, 8, 9], 0, "there is a frame 0"),
    ],
)
def test_from_where_frames_count_is_guessed(tmp_path, qtbot, heading, frames, first, about):
    path = tmp_path / "a.csv"
    names = [heading, heading.replace("x", "y"), "frame"]
    pd.DataFrame(dict(zip(names, (frames, frames, frames), strict=True))).to_csv(path, index=False)
    preview = preview_table(path)
    assert preview.mapping.first_frame == first and about in preview.about_frames
    dialog = ColumnsDialog(preview)
    qtbot.addWidget(dialog)
    assert dialog.first_frame.currentText() == str(first)
    assert about in dialog.about_frames.text()
    choose(dialog.roles["frame"], "(keep)")
    assert not dialog.about_frames.text()
    choose(dialog.roles["frame"], "frame")
    assert about in dialog.about_frames.text()


def test_a_role_belongs_to_one_column(dialog):
    choose(dialog.roles["along"], "x")
    choose(dialog.roles["across"], "x")
    assert dialog.roles["along"].currentText() == "(keep)"
    choose(dialog.roles["prec"], "lpx and lpy")
    choose(dialog.roles["photons"], "lpx")
    assert dialog.roles["prec"].currentText() == "(keep)"


def test_it_fits_a_small_screen(dialog):
    dialog.show()
    QApplication.processEvents()
    assert dialog.width() <= 1366 and dialog.height() <= 700
    for box in (*dialog.roles.values(), *dialog.units.values(), dialog.pixel_size):
        assert box.toolTip()


def press(button):
    def act(dialog):
        if button == QDialogButtonBox.StandardButton.Ok:
            answer(dialog)
        widget = dialog.buttons.button(button)
        from qtpy.QtTest import QTest

        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    return act


@pytest.mark.filterwarnings("ignore:.*'dye' is not of single numbers")
def test_a_dropped_table_asks_once(path, somebody, monkeypatch, click_when_shown):
    click_when_shown(press(QDialogButtonBox.StandardButton.Ok))
    [(points, about, kind)] = reader.get_reader(str(path))(str(path))
    assert kind == "points" and about["scale"] == (0.1, 0.1)
    np.testing.assert_allclose(points[:, 1], columns()["along"] / 100, rtol=1e-6)
    np.testing.assert_array_equal(about["features"]["frame"], np.arange(ROWS))
    assert "prec" in about["features"]
    # another file with these columns is read without a question
    monkeypatch.setattr(ColumnsDialog, "exec", lambda self: pytest.fail("asked again"))
    again = reader.get_reader(str(path))(str(path))
    np.testing.assert_array_equal(again[0][0], points)


def test_cancelling_adds_nothing_and_remembers_nothing(path, somebody, click_when_shown):
    click_when_shown(press(QDialogButtonBox.StandardButton.Cancel))
    assert reader.get_reader(str(path))(str(path)) == [(None,)]
    assert columns_dialog.recall("columns") == {}
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible()]


def test_it_asks_again_on_demand_and_offers_the_last_answer(
    path, qtbot, monkeypatch, click_when_shown
):
    preview = preview_table(path)
    click_when_shown(press(QDialogButtonBox.StandardButton.Ok))
    first = ask_columns(preview)
    forget_columns()
    seen = []

    def look(self):
        seen.append(self.mapping)
        return 0

    monkeypatch.setattr(ColumnsDialog, "exec", look)
    assert ask_columns(preview) is None and seen == [first]


def test_what_is_told_beside_the_file_wins(path, qtbot, monkeypatch, click_when_shown):
    click_when_shown(press(QDialogButtonBox.StandardButton.Ok))
    assert ask_columns(preview_table(path)).pixel_size_nm == 100
    path.with_name(path.name + ".yaml").write_text("Pixelsize: 160\n")
    assert ask_columns(preview_table(path)).pixel_size_nm == 160


@pytest.mark.parametrize("content", ['{"columns": 3}', "[1]", "no json"])
def test_a_damaged_memory_does_no_harm(path, qtbot, tmp_path, content, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "columns.json").write_text(content)
    monkeypatch.setattr(ColumnsDialog, "exec", lambda self: 0)
    assert ask_columns(preview_table(path)) is None


def test_without_a_window_it_says_what_to_pass(path, monkeypatch):
    with pytest.raises(FileError, match=r"do not tell which of them are x and y.*TableMapping"):
        reader.get_reader(str(path))(str(path))


def test_tables_that_tell_all_are_not_asked_about(tmp_path, somebody, monkeypatch):
    monkeypatch.setattr(ColumnsDialog, "exec", lambda self: pytest.fail("asked"))
    rng = np.random.default_rng(0)
    locs = Localizations.from_columns(
        {"frame": np.arange(9), "x": rng.random(9), "y": rng.random(9)},
        [{"Frames": 9, "Height": 2, "Width": 2, "Pixelsize": 99.0}],
    )
    for name in ("a.csv", "a.tsv", "a.txt", "a.parquet", "a.h5r", "a.smlm", "a.h5", "a_sml.mat"):
        file = save_table(locs, tmp_path / name)
        read = reader.get_reader(str(file))
        assert read is not None, name
        [(points, about, _)] = read(str(file))
        np.testing.assert_allclose(points[:, 1], locs["x"], atol=1e-4)
        assert about["scale"][0] == pytest.approx(0.099), name


def test_texts_that_are_no_tables_of_molecules_are_left_to_others(tmp_path):
    files = {
        "points.csv": "index,axis-0,axis-1\n0,1.0,2.0\n",
        "notes.txt": "Dear all,\nthe microscope is broken.\n",
        "names.csv": "name,city\nAda,London\n",
        "empty.csv": "",
        "numbers.txt": "1 2 3\n4 5 6\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert reader.get_reader(str(tmp_path / name)) is None, name


def test_a_mapping_survives_json():
    import json

    mapping = TableMapping({"x": Source("a", "nm"), "y": Source("b")}, 107.5, 0.25, 1)
    assert mapping_from_dict(json.loads(json.dumps(mapping_to_dict(mapping)))) == mapping
    for bad in ({}, {"columns": []}, {**mapping_to_dict(mapping), "pixel_size_nm": -1}):
        assert mapping_from_dict(bad) is None
