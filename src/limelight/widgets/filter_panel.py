"""Ranges on all columns of a table, each with its histogram."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from limelight.core.errors import LimelightError
from limelight.core.localizations import COLUMNS, Localizations
from limelight.core.locs.filter import column_histogram
from limelight.widgets.controls import mark_invalid
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.range_histogram import RangeHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.widgets.range_histogram import Range

__all__ = ["FilterPanel", "number_columns", "titled", "unit_of"]

_BINS = 100
_LOOKED_AT = 500_000  # rows; more would not change the picture of a histogram

Histogram = tuple["NDArray[np.int64]", "NDArray[np.float64]"]


def number_columns(locs: Localizations) -> list[str]:
    """Return the columns that hold numbers."""
    return [c for c in locs.columns if locs.table[c].dtype.kind in "uif"]


def unit_of(column: str) -> str:
    """Return a column's unit, if it is known to have one."""
    return COLUMNS[column].unit if column in COLUMNS else ""


def titled(column: str) -> str:
    """Return a column's name with its unit, for people."""
    unit = unit_of(column)
    return f"{column} ({unit})" if unit and unit != column else column


def _histograms(locs: Localizations) -> dict[str, Histogram]:
    """Return the histograms of all columns; left out are those without a number."""
    every = max(len(locs) // _LOOKED_AT, 1)
    some = Localizations(locs.table.iloc[::every])
    found = {}
    for column in number_columns(locs):
        try:
            found[column] = column_histogram(some, column, bins=_bins(some[column]))
        except LimelightError:
            continue  # nothing but NaN
    return found


def _bins(values: NDArray[Any]) -> int:
    """Return the number of bins: not more than there are whole numbers."""
    if values.dtype.kind in "ui" and len(values):
        return int(np.clip(int(values.max()) - int(values.min()), 1, _BINS))
    return _BINS


class _Row(QWidget):
    """One column: its histogram and the two numbers."""

    changed = Signal()

    def __init__(self, column: str, histogram: Histogram, parent: QWidget) -> None:
        super().__init__(parent)
        self.column = column
        unit = unit_of(column)
        meaning = COLUMNS[column].meaning if column in COLUMNS else f"The column {column}"
        suffix = f", {unit}" if unit else ""
        tip = f"{meaning}{suffix}.\nDrag the handles; double-click to keep all values."
        self.histogram = RangeHistogram(self)
        self.histogram.setObjectName(f"range-{column}")
        self.histogram.setToolTip(tip)
        self.histogram.set_counts(*histogram)
        self.low, self.high = QLineEdit(self), QLineEdit(self)
        top = QHBoxLayout()
        top.setSpacing(4)
        name = QLabel(titled(column), self)
        name.setToolTip(tip)
        top.addWidget(name, 1)
        for line, word, mark in ((self.low, "least", "min"), (self.high, "greatest", "max")):
            line.setObjectName(f"{mark}-{column}")
            line.setPlaceholderText(mark)
            line.setFixedWidth(72)
            line.setAlignment(Qt.AlignmentFlag.AlignRight)
            line.setToolTip(f"The {word} {column} that is kept{suffix}; empty keeps all")
            line.editingFinished.connect(self._on_text)
            top.addWidget(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(1)
        layout.addLayout(top)
        layout.addWidget(self.histogram)
        self.histogram.range_changed.connect(self._on_drag)

    def set_range(self, wanted: Range) -> None:
        self.histogram.set_range(wanted)
        for line, value in zip((self.low, self.high), wanted, strict=True):
            line.setText("" if value is None else f"{value:.7g}")
            mark_invalid(line, False)

    def _on_drag(self, wanted: Range) -> None:
        self.set_range(wanted)
        self.changed.emit()

    def _on_text(self) -> None:
        ends: list[float | None] = []
        for line in (self.low, self.high):
            text = str(line.text()).strip().replace(",", ".")
            try:
                value = float(text) if text else None
                if value is not None and not np.isfinite(value):
                    raise ValueError
            except ValueError:
                mark_invalid(line, True)
                return
            mark_invalid(line, False)
            ends.append(value)
        low, high = ends
        if low is not None and high is not None and low > high:
            mark_invalid(self.low, True)
            mark_invalid(self.high, True)
            return
        if (low, high) != self.histogram.range:
            self.histogram.set_range((low, high))
            self.changed.emit()


class FilterPanel(QWidget):
    """A histogram with two handles for each column of a table.

    The histograms are counted off the main thread, and of a part of very large tables.

    Signals
    -------
    changed : the ranges are others, also while a handle is dragged.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, _Row] = {}
        self._ranges: dict[str, Range] = {}
        self._locs: Localizations | None = None
        self._wanted = False
        self.mailbox = NewestOnly(self)
        self.mailbox.answered.connect(self._on_histograms)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._note = QLabel("Counting…", self)
        self._layout.addWidget(self._note)

    def ranges(self) -> dict[str, Range]:
        """Return what is kept of each column that has a range."""
        return dict(self._ranges)

    def show_table(self, locs: Localizations | None, ranges: Mapping[str, Range]) -> None:
        """Work on a table, whose ranges are these."""
        if locs is not self._locs:
            self._locs = locs
            self._clear()
        self._ranges = dict(ranges)
        self._show_ranges()
        self._fill()

    def set_wanted(self, wanted: bool) -> None:
        """Tell whether the panel is seen: nothing is counted before."""
        self._wanted = wanted
        self._fill()

    def reset(self) -> None:
        """Keep all molecules."""
        if self._ranges:
            self._ranges = {}
            self._show_ranges()
            self.changed.emit()

    def _fill(self) -> None:
        if self._wanted and self._locs is not None and not self.rows:
            self.mailbox.request(self._locs, partial(_histograms, self._locs))

    def _clear(self) -> None:
        for row in self.rows.values():
            self._layout.removeWidget(row)
            row.deleteLater()
        self.rows = {}
        self._note.setText("Counting…" if self._locs is not None else "")
        self._note.show()

    def _on_histograms(self, locs: Localizations, found: dict[str, Histogram]) -> None:
        if locs is not self._locs or self.rows:
            return
        for column, histogram in found.items():
            row = _Row(column, histogram, self)
            row.changed.connect(partial(self._on_row, row))
            self._layout.addWidget(row)
            self.rows[column] = row
        self._note.setText("The table is empty.")
        self._note.setVisible(not found)
        self._show_ranges()

    def _show_ranges(self) -> None:
        for column, row in self.rows.items():
            with QSignalBlocker(row):
                row.set_range(self._ranges.get(column, (None, None)))

    def _on_row(self, row: _Row) -> None:
        wanted = row.histogram.range
        if wanted == (None, None):
            self._ranges.pop(row.column, None)
        else:
            self._ranges[row.column] = wanted
        self.changed.emit()
