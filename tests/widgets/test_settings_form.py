from __future__ import annotations

from typing import Literal

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QToolButton

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting
from limelight.widgets.controls import ChoiceBox, NumberBox, WholeBox
from limelight.widgets.settings_form import SettingsForm


class Everything(Settings):
    """All kinds of fields."""

    whole: int = setting(7, help="A whole number.", unit="px", low=3, high=31)
    real: float = setting(1.5, help="A real number.", unit="nm", low=0.0)
    flag: bool = setting(True, help="Yes or no.")
    mode: Literal["fast", "exact"] = setting("fast", help="How.")
    maybe: float | None = setting(None, help="A number or none.", unit="px", low=0.3)
    region: tuple | None = setting(None, help="Four numbers.")
    sigma: float | Literal["auto"] = setting("auto", help="A number or auto.", high=9.0)
    tiny: float = setting(1e-6, help="Too small for a number box.")
    rare: int = setting(50, help="Hardly needed.", low=1, advanced=True)


@pytest.fixture
def form(qtbot):
    form = SettingsForm(Everything)
    qtbot.addWidget(form)
    form.show()
    return form


def test_controls_follow_from_the_declaration(form):
    kinds = {name: type(editor.widget) for name, editor in form.editors.items()}
    assert kinds == {
        "whole": WholeBox,
        "real": NumberBox,
        "flag": QCheckBox,
        "mode": ChoiceBox,
        "maybe": QLineEdit,
        "region": QLineEdit,
        "sigma": QLineEdit,
        "tiny": QLineEdit,
        "rare": WholeBox,
    }
    assert form.settings() == Everything()
    whole = form.editors["whole"].widget
    assert (whole.minimum(), whole.maximum()) == (3, 31)
    labels = [label.text() for label in form.findChildren(QLabel)]
    assert "Whole (px)" in labels and "Real (nm)" in labels
    for editor in form.editors.values():
        assert editor.field.help in editor.widget.toolTip()
    assert "3 to 31 px" in whole.toolTip()


def test_typing_changes_the_settings(form, qtbot):
    changes = []
    real = form.editors["real"].widget
    form.changed.connect(lambda: changes.append(real.value()))
    real.selectAll()
    qtbot.keyClicks(real, "2.25")
    assert not changes, "a number counts when it is complete"
    qtbot.keyClick(real, Qt.Key.Key_Return)
    assert changes == [2.25]
    qtbot.keyClicks(form.editors["region"].widget, "1, 2, 30, 40")
    qtbot.keyClicks(form.editors["maybe"].widget, "1.3")
    form.editors["sigma"].widget.setText("2")
    qtbot.mouseClick(form.editors["flag"].widget, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    form.editors["mode"].widget.setCurrentText("exact")
    settings = form.settings()
    assert settings.region == (1, 2, 30, 40) and settings.maybe == 1.3
    assert settings.sigma == 2.0 and settings.mode == "exact" and settings.flag is False
    form.editors["maybe"].widget.clear()
    assert form.settings().maybe is None


@pytest.mark.parametrize(("name", "text"), [("maybe", "0.1"), ("sigma", "auto?"), ("region", "a")])
def test_what_is_of_no_use_is_marked_and_explained(form, name, text):
    widget = form.editors[name].widget
    widget.setText(text)
    assert widget.styleSheet()
    assert widget.toolTip() != form.editors[name].field.help
    with pytest.raises(ParameterError):
        form.settings()
    widget.setText("auto" if name == "sigma" else "")
    assert not widget.styleSheet()
    form.settings()


def test_rare_settings_are_shown_on_demand(form, qtbot):
    rare = form.editors["rare"].widget
    assert rare.isHidden()
    qtbot.mouseClick(form.findChild(QToolButton, "more"), Qt.MouseButton.LeftButton)
    assert rare.isVisible()


def test_remembered_values_that_no_longer_fit_are_left_out(form):
    signals = []
    form.changed.connect(lambda: signals.append(1))
    ignored = form.set_values(
        {"whole": 9, "real": -1, "mode": "gone", "region": [1, 2, 3, 4], "no": 1, "flag": "x"}
    )
    assert ignored == ["real", "mode", "no", "flag"]
    assert form.settings() == Everything(whole=9, region=(1, 2, 3, 4))
    assert len(signals) == 1


def test_the_wheel_scrolls_the_dock_and_changes_no_number(form):
    box = form.editors["whole"].widget
    box.clearFocus()
    where = QPointF(5, 5)
    event = QWheelEvent(
        where,
        box.mapToGlobal(where),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, event)
    assert box.value() == 7 and not event.isAccepted()


def test_numbers_are_shown_without_needless_zeros(qtbot):
    box = NumberBox(0, None)
    qtbot.addWidget(box)
    for value, text in [(5000, "5000"), (0.95, "0.95"), (0, "0"), (1e6, "1000000"), (1.25, "1.25")]:
        box.setValue(value)
        assert box.text() == text


def test_names_of_parts_are_chosen_from_a_list(qtbot) -> None:
    from limelight.core import parts
    from limelight.localize.live import LiveLocalize

    form = SettingsForm(LiveLocalize)
    qtbot.addWidget(form)
    box = form.editors["fit"].widget
    assert [box.itemText(i) for i in range(box.count())] == parts.names("fitters")
    form.set_values({"fit": "mle", "detect": "net-gradient"})
    made = form.settings()
    assert (made.fit, made.detect) == ("mle", "net-gradient")


def test_a_file_is_chosen_in_a_dialog(qtbot, monkeypatch, tmp_path):
    from qtpy.QtWidgets import QFileDialog, QToolButton

    from limelight.core.settings import Settings, setting
    from limelight.widgets.settings_form import SettingsForm

    class Kept(Settings):
        table: str | None = setting(None, help="A table.", files="Tables (*.csv)")

    form = SettingsForm(Kept)
    qtbot.addWidget(form)
    assert form.values() == {"table": None}
    button = form.findChild(QToolButton, "choose")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    button.click()
    assert form.values() == {"table": None}
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "a.csv"), ""))
    button.click()
    assert form.values() == {"table": str(tmp_path / "a.csv")}
