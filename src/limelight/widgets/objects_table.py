"""A table of objects: sorted by any column, a row per object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

__all__ = ["ObjectsModel", "ObjectsTable"]

_NOWHERE = QModelIndex()
_LOOKED_AT = 50  # rows, for the width of a column
_WIDEST = 240


class ObjectsModel(QAbstractTableModel):
    """Features of objects; only what is in view is ever turned into text."""

    def __init__(self) -> None:
        super().__init__()
        self.table = pd.DataFrame()
        self._columns: list[NDArray[Any]] = []
        self._order: NDArray[np.int64] = np.zeros(0, np.int64)

    def set_table(self, table: pd.DataFrame) -> None:
        """Show another table, in its own order."""
        self.beginResetModel()
        self.table = table
        self._columns = [table[c].to_numpy() for c in table.columns]
        self._order = np.arange(len(table))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """Return the number of objects."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """Return the number of features."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a value as text."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int((Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        value = self._columns[index.column()][self._order[index.row()]]
        if isinstance(value, float | np.floating):
            return f"{value:.5g}"
        return str(value)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return a feature's name."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._columns):
            return None
        name = str(self.table.columns[section])
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return "label" if name == "index" else name
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a feature; what is not a number comes last."""
        if not 0 <= column < len(self._columns):
            return
        self.layoutAboutToBeChanged.emit()
        values = pd.Series(self._columns[column])
        ascending = order == Qt.SortOrder.AscendingOrder
        self._order = values.sort_values(ascending=ascending, kind="stable").index.to_numpy()
        self.layoutChanged.emit()

    def source_row(self, row: int) -> int:
        """Return the row of the table that is shown in a row."""
        return int(self._order[row])

    def shown_row(self, source: int) -> int:
        """Return where a row of the table is shown."""
        return int(np.flatnonzero(self._order == source)[0])


class ObjectsTable(QTableView):
    """The table, with a signal for the row that a person chooses.

    Signals
    -------
    picked : int
        Row of the table (not of the view).
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("objects")
        self.features = ObjectsModel()
        self.setModel(self.features)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(False)
        self.setToolTip("Click a row: its object is centred and outlined. Click a title to sort")
        header = self.verticalHeader()
        if header is not None:
            header.setVisible(False)
            header.setDefaultSectionSize(22)
        top = self.horizontalHeader()
        if top is not None:
            top.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
            top.setTextElideMode(Qt.TextElideMode.ElideMiddle)
            top.setResizeContentsPrecision(_LOOKED_AT)
        self._quiet = False
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_row)

    def show_table(self, table: pd.DataFrame) -> None:
        """Show another table."""
        self._quiet = True
        self.features.set_table(table)
        self.resizeColumnsToContents()
        for column in range(self.features.columnCount()):
            self.setColumnWidth(column, min(self.columnWidth(column), _WIDEST))
        self._quiet = False

    def choose(self, source: int) -> None:
        """Mark a row of the table, and bring it into view, without a signal."""
        self._quiet = True
        row = self.features.shown_row(source)
        self.selectRow(row)
        self.scrollTo(self.features.index(row, 0))
        self._quiet = False

    def _on_row(self, index: QModelIndex, _: QModelIndex) -> None:
        if not self._quiet and index.isValid():
            self.picked.emit(self.features.source_row(index.row()))
