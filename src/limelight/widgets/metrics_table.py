"""The history as a table: any number of runs, with bars in the cells."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QFont, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QStyledItemDelegate,
    QTableView,
    QWidget,
)

from limelight.metrics import Rows, bar_fractions, title_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qtpy.QtGui import QKeyEvent, QPainter
    from qtpy.QtWidgets import QStyleOptionViewItem

__all__ = ["RunTable", "cell_text", "file_name", "when_text"]

_COPY = QKeySequence.StandardKey.Copy
_BAR = QColor(53, 208, 255, 62)
_GONE = QColor("#ff8589")
_BAR_ROLE = int(Qt.ItemDataRole.UserRole)
_TEXTS = ("kind", "file", "source", "group", "tags", "camera", "software")
_WIDTHS = {"started": 118, "file": 180, "source": 160, "kind": 84, "group": 84, "tags": 90}
_WIDTH = 76


def file_name(path: str | None) -> str:
    """Return the last part of a path of any system."""
    if not path:
        return ""
    return path.rpartition("/" if "/" in path else "\\")[2]


def when_text(moment: float) -> str:
    """Return a time (seconds since 1970) as people here read it."""
    if not np.isfinite(moment):
        return ""
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M")


def cell_text(column: str, value: Any) -> str:
    """Return what a cell of a column says."""
    if column in ("file", "source"):
        return file_name(value)
    if column == "started":
        return when_text(float(value))
    if isinstance(value, str):
        return value.strip()
    if value is None or not np.isfinite(value):
        return "–"
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return f"{number:,.0f}"
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.4g}"


class _Model(QAbstractTableModel):
    """The rows that a filter lets through, in an order; columns stay numpy arrays."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: Rows = Rows({})
        self.gone: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.shown: NDArray[np.intp] = np.zeros(0, np.intp)
        self.columns: list[str] = []
        self.sorting: tuple[str, bool] = ("started", True)
        self._bars: dict[str, NDArray[np.float64]] = {}
        self._gone_font = QFont()
        self._gone_font.setStrikeOut(True)

    def show(self, rows: Rows, shown: NDArray[np.intp]) -> None:
        self.beginResetModel()
        if rows is not self.rows:
            self.rows, self.gone = rows, np.zeros(len(rows), np.bool_)
        self.shown = self._sorted(shown)
        self._bars = {}
        self.endResetModel()

    def show_columns(self, columns: Sequence[str]) -> None:
        self.beginResetModel()
        self.columns = list(columns)
        self.endResetModel()

    def _sorted(self, shown: NDArray[np.intp]) -> NDArray[np.intp]:
        column, down = self.sorting
        if column not in self.rows or not len(shown):
            return shown
        values = self.rows[column][shown]
        if values.dtype == object:
            keys = [cell_text(column, v).casefold() for v in values]
            order = np.array(sorted(range(len(keys)), key=keys.__getitem__, reverse=down), np.intp)
            return shown[order]
        return shown[np.argsort(-values if down else values, kind="stable")]  # NaN comes last

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.columns):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        runs = [int(self.shown[i.row()]) for i in before]
        self.sorting = (self.columns[column], order == Qt.SortOrder.DescendingOrder)
        self.shown = self._sorted(self.shown)
        if before:
            place = {int(row): k for k, row in enumerate(self.shown)}
            after = [self.index(place[r], i.column()) for r, i in zip(runs, before, strict=True)]
            self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.shown)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        title = title_of(self.columns[section])
        if role == Qt.ItemDataRole.DisplayRole:
            return title.full
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{title.meaning}; click to sort"
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column, row = self.columns[index.column()], int(self.shown[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == _BAR_ROLE:
            return self.bar(row, column)
        is_text = column in _TEXTS
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if is_text else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and column in ("file", "source"):
            path = self.rows[column][row] or ""
            gone = column == "file" and self.gone[row]
            return f"{path}\nThe file is not there: use Locate…" if gone else path
        if column == "file" and self.gone[row]:
            if role == Qt.ItemDataRole.ForegroundRole:
                return _GONE
            if role == Qt.ItemDataRole.FontRole:
                return self._gone_font
        return None

    def text(self, row: int, column: str) -> str:
        return cell_text(column, self.rows[column][row]) if column in self.rows else ""

    def bar(self, row: int, column: str) -> float:
        """Return the length of a cell's bar, relative to the maximum of the rows shown."""
        if column in _TEXTS or column in ("started", "id") or column not in self.rows:
            return 0.0
        bars = self._bars.get(column)
        if bars is None:
            bars = np.zeros(len(self.rows))
            bars[self.shown] = bar_fractions(self.rows[column][self.shown])
            self._bars[column] = bars
        return float(bars[row])


class _Bars(QStyledItemDelegate):
    """Draws a bar into a cell."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        length = index.data(_BAR_ROLE)
        super().paint(painter, option, index)
        if painter is not None and length:
            # over the background of a selected cell; it lets the text shine through
            rect = QRectF(option.rect)
            rect.adjust(1, 2, -1, -2)
            rect.setWidth(max(rect.width() * length, 1.0))
            painter.fillRect(rect, _BAR)


class RunTable(QTableView):
    """Shows runs; click a heading to sort, Ctrl+C to copy, Return or a double click to open.

    Signals
    -------
    picked : int
        Index into the rows of the run that was clicked or reached by the arrow keys.
    opened : int
        Index into the rows of the run that was double clicked.
    sorted_by : the order was changed.
    """

    picked = Signal(int)
    opened = Signal(int)
    sorted_by = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runs")
        self.model_ = _Model(self)
        self.setModel(self.model_)
        self.setItemDelegate(_Bars(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setMinimumHeight(120)
        rows, header, selection = (
            self.verticalHeader(),
            self.horizontalHeader(),
            self.selectionModel(),
        )
        assert rows is not None and header is not None and selection is not None
        rows.hide()
        rows.setDefaultSectionSize(20)
        rows.setMinimumSectionSize(18)
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        self._header = header
        selection.currentRowChanged.connect(self._on_row)
        self.doubleClicked.connect(self._on_double)
        self.setSortingEnabled(True)
        header.sortIndicatorChanged.connect(self._on_sorted)

    # -- what is shown --------------------------------------------------------------------------
    def show_runs(self, rows: Rows, shown: NDArray[np.intp]) -> None:
        """Show the rows of these indices; what was selected stays so, if it is among them."""
        ids, current = self.selected_ids(), self.current_id()
        selection = self.selectionModel()
        assert selection is not None
        with QSignalBlocker(selection):
            self.model_.show(rows, shown)
        self._select(ids, current)

    def show_columns(self, columns: Sequence[str]) -> None:
        """Show these columns, in this order."""
        ids, current = self.selected_ids(), self.current_id()
        selection = self.selectionModel()
        assert selection is not None
        with QSignalBlocker(selection):
            self.model_.show_columns(columns)
        metrics = self.fontMetrics()
        for k, name in enumerate(columns):
            heading = metrics.horizontalAdvance(title_of(name).full) + 22
            self.setColumnWidth(k, max(_WIDTHS.get(name, _WIDTH), heading))
        self._show_order()
        self._select(ids, current)

    def show_gone(self, gone: NDArray[np.bool_]) -> None:
        """Mark the runs whose files are missing."""
        if len(gone) == len(self.model_.rows):
            self.model_.gone = gone
            self.viewport().update()  # type: ignore[union-attr]

    def sort_by(self, column: str, down: bool) -> None:
        """Sort by a column, shown or not."""
        self.model_.sorting = (column, down)
        self._show_order()
        self.show_runs(self.model_.rows, self.model_.shown)

    def _show_order(self) -> None:
        column, down = self.model_.sorting
        k = self.model_.columns.index(column) if column in self.model_.columns else -1
        order = Qt.SortOrder.DescendingOrder if down else Qt.SortOrder.AscendingOrder
        with QSignalBlocker(self._header):
            self._header.setSortIndicator(k, order)

    def _on_sorted(self, column: int, order: Qt.SortOrder) -> None:
        self.model_.sort(column, order)
        self.sorted_by.emit()

    # -- what is selected -----------------------------------------------------------------------
    def selected(self) -> list[int]:
        """Return the selected runs as indices into the rows, in the order shown."""
        selection = self.selectionModel()
        if selection is None:
            return []
        return [
            int(self.model_.shown[r]) for r in sorted(i.row() for i in selection.selectedRows())
        ]

    def selected_ids(self) -> list[int]:
        """Return the ids of the selected runs."""
        return [int(self.model_.rows["id"][k]) for k in self.selected()]

    def current_id(self) -> int | None:
        """Return the id of the current run."""
        index = self.currentIndex()
        if not index.isValid() or index.row() >= len(self.model_.shown):
            return None
        return int(self.model_.rows["id"][self.model_.shown[index.row()]])

    def go_to(self, row: int) -> None:
        """Select the run of that index into the rows, and scroll to it."""
        places = np.flatnonzero(self.model_.shown == row)
        if len(places):
            index = self.model_.index(int(places[0]), 0)
            self.selectRow(int(places[0]))
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _select(self, ids: Sequence[int], current: int | None) -> None:
        selection = self.selectionModel()
        if selection is None or not ids or not len(self.model_.shown):
            return
        known = self.model_.rows["id"][self.model_.shown]
        flag = selection.SelectionFlag
        with QSignalBlocker(selection):
            for k in np.flatnonzero(np.isin(known, ids)).tolist():
                index = self.model_.index(k, 0)
                selection.select(index, flag.Select | flag.Rows)
                if known[k] == current:
                    selection.setCurrentIndex(index, flag.NoUpdate)
        self.viewport().update()  # type: ignore[union-attr]

    def _on_row(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid() and current.row() < len(self.model_.shown):
            self.picked.emit(int(self.model_.shown[current.row()]))

    def _on_double(self, index: QModelIndex) -> None:
        self.opened.emit(int(self.model_.shown[index.row()]))

    # -- copies ---------------------------------------------------------------------------------
    def as_text(self, rows: Sequence[int] | None = None) -> str:
        """Return runs (all that are shown by default) as text with tabs, headings first."""
        model = self.model_
        lines = ["\t".join(title_of(c).full for c in model.columns)]
        for row in model.shown.tolist() if rows is None else rows:
            lines.append("\t".join(model.text(row, c) for c in model.columns))
        return "\n".join(lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy, open."""
        clipboard = QApplication.clipboard()
        if event is not None and clipboard is not None and event.matches(_COPY):
            clipboard.setText(self.as_text(self.selected() or None))
        elif event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.currentIndex().isValid():
                self._on_double(self.currentIndex())
        else:
            super().keyPressEvent(event)
