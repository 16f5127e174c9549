"""A form made from any `Settings` class: what a part declares appears by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, fields_of
from limelight.widgets.controls import ChoiceBox, NumberBox, WholeBox, mark_invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from limelight.core.settings import Field

__all__ = ["Editor", "SettingsForm", "in_words", "label_of", "make_editor"]

_ACRONYMS = {"em", "na", "psf", "roi", "snr"}
_SMALL = 1e-3  # a default below this would vanish in a number box


@dataclass(eq=False)
class Editor:
    """A control for one field: how to read it, write it and hear of changes."""

    field: Field
    widget: QWidget
    get: Callable[[], Any]
    set: Callable[[Any], None]
    changed: Any


def label_of(field: Field) -> str:
    """Return a field's name for people, with its unit."""
    words = field.name.split("_")
    if not field.unit or words[-1] != field.unit.replace("µ", "u"):
        return in_words(field.name) + (f" ({field.unit})" if field.unit else "")
    if len(field.unit) > 2:  # "Dark frames" says it
        return in_words(field.name)
    return f"{in_words('_'.join(words[:-1]))} ({field.unit})"


def in_words(name: str) -> str:
    """Return a name from a program as people write it: ``min_snr`` as "Min SNR"."""
    words = " ".join(w.upper() if w in _ACRONYMS else w for w in name.split("_"))
    return f"{words[:1].upper()}{words[1:]}"


def make_editor(field: Field, owner: str, parent: QWidget | None = None) -> Editor:
    """Make the control that suits a field.

    A check box, a drop-down or a number box where that says all; else a line of text as the
    command line takes it, such as ``10, 10, 200, 200`` or ``none``.  `owner` is whose field it is,
    for messages.
    """
    if field.files:
        return _file_editor(field, owner, parent)
    if field.kinds == (bool,) and not field.optional:
        return _check_editor(field, parent)
    if field.choices and not field.kinds:
        return _choice_editor(field, field.choices, parent)
    if field.group:
        from limelight.core import parts

        return _choice_editor(field, tuple(parts.names(cast("parts.Group", field.group))), parent)
    numeric = not field.optional and not field.choices
    if numeric and field.kinds == (int,):
        return _number_editor(field, WholeBox(field.low, field.high, parent))
    tiny = isinstance(field.default, float) and 0 < abs(field.default) < _SMALL
    if numeric and field.kinds == (float,) and not tiny:
        return _number_editor(field, NumberBox(field.low, field.high, parent))
    return _text_editor(field, owner, parent)


def _number_editor(field: Field, box: WholeBox | NumberBox) -> Editor:
    return Editor(field, box, box.value, box.setValue, box.valueChanged)


def _check_editor(field: Field, parent: QWidget | None) -> Editor:
    box = QCheckBox(parent)
    return Editor(field, box, box.isChecked, box.setChecked, box.toggled)


def _choice_editor(field: Field, choices: tuple[Any, ...], parent: QWidget | None) -> Editor:
    box = ChoiceBox(parent)
    for choice in choices + ((None,) if field.optional else ()):
        box.addItem("none" if choice is None else str(choice), choice)

    def write(value: Any) -> None:
        index = next((i for i in range(box.count()) if box.itemData(i) == value), -1)
        if index < 0:
            raise ParameterError(f"{field.name}: {value!r} is not among the choices.")
        box.setCurrentIndex(index)

    return Editor(field, box, box.currentData, write, box.currentIndexChanged)


def _text_editor(field: Field, owner: str, parent: QWidget | None) -> Editor:
    line = QLineEdit(parent)
    if field.optional:
        line.setPlaceholderText("none")

    def read() -> Any:
        text = str(line.text()).strip()
        if not text and field.optional:
            return None
        return field.parse(text, owner)

    def write(value: Any) -> None:
        if isinstance(value, list | tuple):
            line.setText(", ".join(str(v) for v in value))
        else:
            line.setText("" if value is None else str(value))

    return Editor(field, line, read, write, line.textChanged)


def _file_editor(field: Field, owner: str, parent: QWidget | None) -> Editor:
    """Make a line for a path, with a button that opens the file dialog."""
    inner = _text_editor(field, owner, None)
    line: Any = inner.widget
    line.setToolTip(field.help)
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    layout.addWidget(line, 1)
    button = QToolButton(row)
    button.setObjectName("choose")
    button.setText("…")
    button.setToolTip(f"Choose a file: {label_of(field)}")
    layout.addWidget(button)

    def choose() -> None:
        name, _ = QFileDialog.getOpenFileName(row, label_of(field), str(line.text()), field.files)
        if name:
            line.setText(name)

    button.clicked.connect(choose)
    return Editor(field, row, inner.get, inner.set, inner.changed)


class SettingsForm(QWidget):
    """Controls for the fields of a class of settings: labels with units, tooltips, ranges.

    Parameters
    ----------
    cls : type of Settings
        What to ask for.
    skip : collection of str
        Fields that are asked for elsewhere.
    more : str
        Text of the button that shows the advanced settings.

    Signals
    -------
    changed : after any change, also one that makes a value invalid.
    """

    changed = Signal()

    def __init__(
        self,
        cls: type[Settings],
        skip: Collection[str] = (),
        more: str = "More settings",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings_class = cls
        self.editors: dict[str, Editor] = {}
        self._advanced: list[QWidget] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._rows = QFormLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setVerticalSpacing(4)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        layout.addLayout(self._rows)
        fields = [f for f in fields_of(cls) if f.name not in skip and not _is_part(f)]
        for field in sorted(fields, key=lambda f: f.advanced):
            self._add(field)
        if self._advanced:
            layout.addWidget(self._more_button(more), 0, Qt.AlignmentFlag.AlignLeft)
        self.setVisible(bool(self.editors))

    def _add(self, field: Field) -> None:
        editor = make_editor(field, self.settings_class.__name__, self)
        label = QLabel(label_of(field), self)
        tip = field.help + _range_text(field)
        for widget in (label, editor.widget):
            widget.setToolTip(tip)
            if field.advanced:
                self._advanced.append(widget)
                widget.hide()
        editor.widget.setObjectName(field.name)
        self._rows.addRow(label, editor.widget)
        if field.default is not None or field.optional:
            editor.set(field.default)
        editor.changed.connect(lambda *_: self._on_change(editor))
        self.editors[field.name] = editor

    def _more_button(self, text: str) -> QWidget:
        button = QToolButton(self)
        button.setObjectName("more")
        button.setText(f"{text} …")
        button.setToolTip("Show the settings that are rarely needed")
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.toggled.connect(self._show_advanced)
        return button

    def _show_advanced(self, shown: bool) -> None:
        for widget in self._advanced:
            widget.setVisible(shown)

    def _on_change(self, editor: Editor) -> None:
        try:
            editor.field.check(editor.get(), self.settings_class.__name__)
        except ParameterError as error:
            mark_invalid(editor.widget, True)
            editor.widget.setToolTip(str(error))
        else:
            mark_invalid(editor.widget, False)
            editor.widget.setToolTip(editor.field.help + _range_text(editor.field))
        self.changed.emit()

    def values(self) -> dict[str, Any]:
        """Return the values by name.

        Raises
        ------
        ParameterError
            If one of them cannot be read.
        """
        return {name: editor.get() for name, editor in self.editors.items()}

    def settings(self, **others: Any) -> Settings:
        """Return the settings, with others that are not in the form.

        Raises
        ------
        ParameterError
            If a value is of no use.
        """
        return self.settings_class(**{**self.values(), **others})

    def set_values(self, values: Mapping[str, Any]) -> list[str]:
        """Show values, with one signal for all of them.

        Parameters
        ----------
        values : mapping
            By name; what the form does not have or cannot take is left out.

        Returns
        -------
        list of str
            Names that were left out.
        """
        ignored = []
        with QSignalBlocker(self):
            for name, value in values.items():
                editor = self.editors.get(name)
                try:
                    if editor is None:
                        raise ParameterError(name)
                    editor.set(editor.field.check(value, name))
                except (ParameterError, TypeError, ValueError, OverflowError):
                    ignored.append(name)
        self.changed.emit()
        return ignored


def _is_part(field: Field) -> bool:
    return any(issubclass(kind, Settings) for kind in field.kinds)


def _range_text(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    if field.low is not None and field.high is not None:
        return f" ({field.low:g} to {field.high:g}{unit})"
    if field.low is not None:
        return f" (at least {field.low:g}{unit})"
    if field.high is not None:
        return f" (at most {field.high:g}{unit})"
    return ""
