"""What the columns of a table are, asked where their names do not tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError
from limelight.core.localizations import COLUMNS
from limelight.core.remarks import collected
from limelight.io.tables.mapping import Source, TableMapping, limitations, to_localizations
from limelight.io.tables.preview import guess_frames, mapping_from_dict, mapping_to_dict
from limelight.widgets.controls import ChoiceBox, NumberBox
from limelight.widgets.persistence import recall, remember

if TYPE_CHECKING:
    from limelight.io.tables.preview import TablePreview

__all__ = ["ColumnsDialog", "ask_columns"]

_NAME = "columns"
_KEEP = "(keep)"
_LEFT = "(left out)"
_BOTH = {"lpx and lpy": ("lpx", "lpy"), "sx and sy": ("sx", "sy")}
_ROLES = ("frame", "x", "y", "z", "photons", "bg", "lpx", "lpy", "lpx and lpy", "lpz",
          "sx", "sy", "sx and sy")  # fmt: skip
_MEANING = {
    "lpx and lpy": "Localization precision, the same along x and y",
    "lpz": "Localization precision along the optical axis",
    "sx and sy": "Standard deviation of the spot, the same along x and y",
    _KEEP: "Kept under its own name",
    _LEFT: "Not of numbers",
}
_LENGTHS = ("px", "nm", "um")
_SHOWN = {"um": "µm", "": "-"}
_HEAD = 2
_FAR_PX = 6000.0


def _units(role: str) -> tuple[str, ...]:
    """Return the units that a column of that kind can have."""
    first = _BOTH.get(role, (role,))[0]
    if first in (_KEEP, _LEFT):
        return ("",)
    if first in ("z", "lpz"):
        return ("nm", "um")
    unit = COLUMNS[first].unit
    return _LENGTHS if unit == "px" else (unit,)


class ColumnsDialog(QDialog):
    """Shows the first rows of a table, with what each column is taken to be.

    Parameters
    ----------
    preview : TablePreview
        The beginning of the table.
    start : TableMapping, optional
        What to begin with; by default what the names tell.
    parent : QWidget, optional
        The window.
    """

    def __init__(
        self,
        preview: TablePreview,
        start: TableMapping | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._preview = preview
        start = start or preview.mapping
        self.setWindowTitle(f"Columns of {preview.path.name}")
        self.setObjectName("limelight-columns")
        layout = QVBoxLayout(self)
        asked = QLabel(
            f"The names of the columns do not tell: {'; '.join(preview.questions)}. "
            "Please check what is taken:"
            if preview.questions
            else "Please check what the columns are taken to be:",
            self,
        )
        asked.setWordWrap(True)
        layout.addWidget(asked)
        self.roles: dict[str, ChoiceBox] = {}
        self.units: dict[str, ChoiceBox] = {}
        self.table = self._build_table(start)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._build_form(start))
        self.verdict = QLabel(self)
        self.verdict.setWordWrap(True)
        self.verdict.setMinimumHeight(3 * self.fontMetrics().lineSpacing())
        self.verdict.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.verdict)
        self.always = QCheckBox("Read every table with these columns so, without asking", self)
        self.always.setToolTip(
            "File > IO Utilities > Ask again how files are to be read makes it ask again"
        )
        self.always.setChecked(True)
        layout.addWidget(self.always)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        self.resize(min(1100, 120 + 130 * len(preview.rows.columns)), 520)
        self._judge()

    # -- building -------------------------------------------------------------------------------
    def _build_table(self, start: TableMapping) -> QTableWidget:
        rows, names = self._preview.rows, [str(c) for c in self._preview.rows.columns]
        table = QTableWidget(_HEAD + len(rows), len(names), self)
        table.setHorizontalHeaderLabels(names)
        table.setVerticalHeaderLabels(["is", "in", *(str(k + 1) for k in range(len(rows)))])
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        numbers = set(self._preview.numeric)
        for column, name in enumerate(names):
            for row, value in enumerate(rows.iloc[:, column].tolist()):
                item = QTableWidgetItem(_text(value))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                table.setItem(_HEAD + row, column, item)
            role, unit = ChoiceBox(table), ChoiceBox(table)
            for choice in (_KEEP, *_ROLES) if name in numbers else (_LEFT,):
                role.addItem(choice)
                first = _BOTH.get(choice, (choice,))[0]
                meaning = _MEANING.get(choice) or COLUMNS[first].meaning
                role.setItemData(role.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
            role.setToolTip(f"What the column {name} holds")
            unit.setToolTip(f"Unit of the column {name}")
            self.roles[name], self.units[name] = role, unit
            role.setCurrentText(_role_of(name, start))
            self._offer_units(name, _unit_of(name, start))
            role.currentTextChanged.connect(lambda _, n=name: self._on_role(n))
            unit.currentIndexChanged.connect(self._judge)
            table.setCellWidget(0, column, role)
            table.setCellWidget(1, column, unit)
        header = table.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            header.setDefaultSectionSize(124)
            header.setStretchLastSection(len(names) < 6)
        return table

    def _build_form(self, start: TableMapping) -> QFormLayout:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        self.pixel_size = NumberBox(0.0, 1e5, self)
        self.pixel_size.setSuffix(" nm")
        self.pixel_size.setSpecialValueText("not known")
        self.pixel_size.setMinimumWidth(140)
        self.pixel_size.setToolTip("Size of a camera pixel in the sample; 0: not known")
        self.pixel_size.setValue(start.pixel_size_nm or 0.0)
        self.pixel_size.setKeyboardTracking(True)  # OK can be pressed without leaving the field
        form.addRow("Size of a camera pixel", self.pixel_size)
        self.origin = ChoiceBox(self)
        self.origin.addItem("the centre of the first pixel", "center")
        self.origin.addItem("the corner of the first pixel", "corner")
        self.origin.setMinimumContentsLength(26)
        self.origin.setToolTip("ThunderSTORM counts from the corner, most others from the centre")
        self._other_origin = start.origin if isinstance(start.origin, float) else None
        if self._other_origin is not None:
            self.origin.addItem(f"{self._other_origin:g} px from it", self._other_origin)
        self.origin.setCurrentIndex(max(0, self.origin.findData(start.origin)))
        form.addRow("x = y = 0 is", self.origin)
        self.first_frame = ChoiceBox(self)
        self.first_frame.addItem("0", 0)
        self.first_frame.addItem("1", 1)
        self.first_frame.setToolTip("Number of a movie's first frame in this table")
        self.first_frame.setCurrentIndex(1 if start.first_frame == 1 else 0)
        self.about_frames = QLabel(self._preview.about_frames, self)
        self.about_frames.setStyleSheet("color: #9aa0a6;")
        if start is not self._preview.mapping:
            self.about_frames.setText("as answered before")
        row = QHBoxLayout()
        row.addWidget(self.first_frame)
        row.addWidget(self.about_frames)
        row.addStretch(1)
        form.addRow("Frames count from", row)
        self.pixel_size.valueChanged.connect(self._judge)
        self.origin.currentIndexChanged.connect(self._judge)
        self.first_frame.currentIndexChanged.connect(self._judge)
        return form

    # -- answering ------------------------------------------------------------------------------
    def _offer_units(self, name: str, wanted: str = "") -> None:
        box = self.units[name]
        known = _units(self.roles[name].currentText())
        box.blockSignals(True)
        box.clear()
        for unit in known:
            box.addItem(_SHOWN.get(unit, unit), unit)
        box.setCurrentIndex(max(0, box.findData({"µm": "um", "μm": "um"}.get(wanted, wanted))))
        box.setEnabled(len(known) > 1)
        box.blockSignals(False)

    def _on_role(self, name: str) -> None:
        mine = set(_taken(self.roles[name].currentText()))
        for other, box in self.roles.items():
            if other != name and mine & set(_taken(box.currentText())):
                box.setCurrentText(_KEEP)
        told = self._preview.mapping.columns.get(next(iter(mine), ""), Source(""))
        lengths = [self.units[n].currentData() for n in self.roles if self._is(n, "x", "y")]
        unit = told.unit if told.column == name else ""
        if "frame" in mine or not self._is_chosen("frame"):
            self._guess_frames()
        # The unit of x is a good guess for other lengths.
        self._offer_units(name, unit or next((u for u in lengths if u), ""))
        self._judge()

    def _is_chosen(self, role: str) -> bool:
        return any(role in _taken(box.currentText()) for box in self.roles.values())

    def _guess_frames(self) -> None:
        """Guess anew from where frames count: another column tells it now."""
        mapping, about = guess_frames(self._preview.rows, self.mapping)
        self.about_frames.setText(about)
        if about:
            self.first_frame.setCurrentIndex(mapping.first_frame)

    def _is(self, name: str, *roles: str) -> bool:
        return bool(self.roles[name].currentText() in roles)

    @property
    def mapping(self) -> TableMapping:
        """What was answered."""
        columns: dict[str, Source] = {}
        for name, box in self.roles.items():
            for ours in _taken(box.currentText()):
                columns[ours] = Source(name, str(self.units[name].currentData() or ""))
        size = float(self.pixel_size.value())
        return TableMapping(
            columns,
            size if size > 0 else None,
            self.origin.currentData(),
            int(self.first_frame.currentData()),
        )

    def _judge(self, *_: object) -> None:
        """Say what comes out of the first rows, and whether it can be."""
        good, text = judge(self._preview, self.mapping)
        self.verdict.setText(text)
        self.verdict.setStyleSheet("" if good else "color: #ff8589;")
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is not None:
            button.setEnabled(good)


def _text(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _taken(role: str) -> tuple[str, ...]:
    return () if role in (_KEEP, _LEFT) else _BOTH.get(role, (role,))


def _role_of(name: str, mapping: TableMapping) -> str:
    roles = [ours for ours, source in mapping.columns.items() if source.column == name]
    for both, parts in _BOTH.items():
        if set(parts) <= set(roles):
            return both
    return next((r for r in roles if r in _ROLES), _KEEP)


def _unit_of(name: str, mapping: TableMapping) -> str:
    return next((s.unit for s in mapping.columns.values() if s.column == name), "")


def judge(preview: TablePreview, mapping: TableMapping) -> tuple[bool, str]:
    """Tell whether the rows can be read so, and what comes out of them.

    Parameters
    ----------
    preview : TablePreview
        The beginning of the table.
    mapping : TableMapping
        What its columns are.
    """
    if mapping.missing:
        return False, f"Choose the column that is {' and the one that is '.join(mapping.missing)}."
    if mapping.needs_pixel_size:
        return False, "Positions are not in pixels: give the size of a camera pixel."
    try:
        with collected():
            locs = to_localizations(
                preview.path, {str(c): preview.rows[c].to_numpy() for c in preview.rows}, mapping,
                form="preview",
            )  # fmt: skip
    except LimelightError as error:
        return False, str(error)
    if not len(locs):
        return bool(preview.rows.empty), "There are no molecules with a position in these rows."
    x, y, frame = (float(locs[c][0]) for c in ("x", "y", "frame"))
    said = [f"The first molecule is at x = {x:.3f} px, y = {y:.3f} px in frame {frame:.0f}."]
    far = max(float(np.max(locs["x"])), float(np.max(locs["y"])))
    if far > _FAR_PX:
        said.append(f"Positions reach {far:,.0f} px, more than any camera has: check the units.")
    elif min(float(np.min(locs["x"])), float(np.min(locs["y"]))) < -1:
        said.append("There are positions outside of the camera: check the units and the origin.")
    if lost := limitations(mapping.columns):
        said.append(f"Note: {lost[0]}.")
    return True, " ".join(said)


def ask_columns(preview: TablePreview, *, again: bool = False) -> TableMapping | None:
    """Ask what the columns of a table are, once per set of headings.

    Parameters
    ----------
    preview : TablePreview
        The beginning of the table.
    again : bool
        Whether to ask even where the answer is remembered.

    Returns
    -------
    TableMapping or None
        None where the person cancels.
    """
    memory = recall(_NAME)
    kept: Any = memory.get(preview.key)
    kept = kept if isinstance(kept, dict) else {}
    start = mapping_from_dict(kept)
    if start is not None:
        if preview.mapping.pixel_size_nm is not None:
            # What is told beside this file is of this file.
            start = start.replace(pixel_size_nm=preview.mapping.pixel_size_nm)
        if kept.get("always") and not again and judge(preview, start)[0]:
            return start
    dialog = ColumnsDialog(preview, start, QApplication.activeWindow())
    try:
        if dialog.exec() != int(QDialog.DialogCode.Accepted):
            return None
        mapping = dialog.mapping
        entry = {**mapping_to_dict(mapping), "always": bool(dialog.always.isChecked())}
        remember(_NAME, {**memory, preview.key: entry})
        return mapping
    finally:
        dialog.deleteLater()


def forget_columns() -> None:
    """Ask again what the columns of tables are; the last answers are offered."""
    kept = {k: {**v, "always": False} for k, v in recall(_NAME).items() if isinstance(v, dict)}
    remember(_NAME, kept)
