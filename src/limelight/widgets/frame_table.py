"""A pandas table in a dock: sorted by a click on a header, copied, saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QApplication, QTableView, QWidget

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from qtpy.QtGui import QKeyEvent

__all__ = ["FrameTable"]


class _Model(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.columns: list[tuple[str, NDArray[Any]]] = []
        self.order: NDArray[np.intp] = np.empty(0, np.intp)

    def show(self, table: pd.DataFrame | None) -> None:
        self.beginResetModel()
        self.columns = (
            [] if table is None else [(str(c), table[c].to_numpy()) for c in table.columns]
        )
        self.order = np.arange(0 if table is None else len(table))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self.columns[section][0]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(index.row(), index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def text(self, row: int, column: int) -> str:
        value = self.columns[column][1][self.order[row]]
        if isinstance(value, np.floating | float):
            return "–" if np.isnan(value) else f"{float(value):.5g}"
        return str(value)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self.columns):
            return
        self.layoutAboutToBeChanged.emit()
        rows = np.argsort(self.columns[column][1], kind="stable")
        self.order = rows[::-1] if order == Qt.SortOrder.DescendingOrder else rows
        self.layoutChanged.emit()


class FrameTable(QTableView):
    """Shows a table; Ctrl+C copies what is selected, tabs between the columns.

    Signals
    -------
    picked : int
        Position in the table of the row that was clicked or reached by the arrow keys.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self.setModel(self._model)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        rows, header, selection = (
            self.verticalHeader(),
            self.horizontalHeader(),
            self.selectionModel(),
        )
        assert rows is not None and header is not None and selection is not None
        rows.hide()
        rows.setDefaultSectionSize(20)
        selection.currentRowChanged.connect(self._on_row)
        self.setFixedHeight(170)

    def show_table(self, table: pd.DataFrame | None) -> None:
        """Show another table."""
        self._model.show(table)
        header = self.horizontalHeader()
        if header is not None:
            header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            metrics = self.fontMetrics()
            for column, (name, _) in enumerate(self._model.columns):
                width = metrics.horizontalAdvance(name) + 28  # room for the arrow of the order
                self.setColumnWidth(column, max(width, 64))
        self.setVisible(table is not None and len(table) > 0)

    def row_count(self) -> int:
        """Return the number of rows."""
        return self._model.rowCount()

    def as_text(self, rows: list[int] | None = None) -> str:
        """Return rows (all by default) as text with tabs, the names of the columns first."""
        shown = range(self._model.rowCount()) if rows is None else rows
        columns = range(self._model.columnCount())
        lines = ["\t".join(name for name, _ in self._model.columns)]
        lines += ["\t".join(self._model.text(row, c) for c in columns) for row in shown]
        return "\n".join(lines) + "\n"

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy."""
        clipboard, selection = QApplication.clipboard(), self.selectionModel()
        if (
            event is not None
            and clipboard is not None
            and selection is not None
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            rows = sorted(index.row() for index in selection.selectedRows())
            clipboard.setText(self.as_text(rows or None))
        else:
            super().keyPressEvent(event)

    def _on_row(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.picked.emit(int(self._model.order[current.row()]))
