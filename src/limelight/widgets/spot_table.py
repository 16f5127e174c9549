"""A table of all local maxima of a frame, with the verdict on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from limelight.widgets.preview import REJECTED

if TYPE_CHECKING:
    from limelight.core.parts import Verdicts

__all__ = ["SpotTable"]

_HEADERS = ("x (px)", "y (px)", "Score", "Verdict")
_RAW = Qt.ItemDataRole.UserRole


class _Model(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.verdicts: Verdicts | None = None

    def show(self, verdicts: Verdicts | None) -> None:
        self.beginResetModel()
        self.verdicts = verdicts
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        inside = parent is not None and parent.isValid()
        return 0 if inside or self.verdicts is None else len(self.verdicts)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _HEADERS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        v = self.verdicts
        if v is None or not index.isValid():
            return None
        row, column = index.row(), index.column()
        score = float(v.score[row])
        if role == _RAW:
            raw = (int(v.x[row]), int(v.y[row]), score, v.reason[row])[column]
            return -np.inf if column == 2 and np.isnan(score) else raw
        if role == Qt.ItemDataRole.DisplayRole:
            shown = "–" if np.isnan(score) else f"{score:.4g}"
            return (str(v.x[row]), str(v.y[row]), shown, v.reason[row] or "found")[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return v.reason[row] or "found: it is localized"
        if role == Qt.ItemDataRole.ForegroundRole and v.reason[row] and column == 3:
            return QColor(REJECTED)
        if role == Qt.ItemDataRole.TextAlignmentRole and column < 3:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class SpotTable(QTableView):
    """Shows `Verdicts`, the best scores first.

    Signals
    -------
    picked : int
        Index of the maximum whose row was clicked or reached by the arrow keys.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._model)
        self._proxy.setSortRole(_RAW)
        self.setModel(self._proxy)
        self.setSortingEnabled(True)
        self.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setToolTip(
            "All local maxima of the frame, and why a maximum is not localized.\n"
            "Click a row to see it in the image; click a header to sort."
        )
        rows, header, selection = (
            self.verticalHeader(),
            self.horizontalHeader(),
            self.selectionModel(),
        )
        assert rows is not None and header is not None and selection is not None
        rows.hide()
        rows.setDefaultSectionSize(20)
        for column, width in enumerate((52, 52, 64)):
            self.setColumnWidth(column, width)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        self.setFixedHeight(170)
        selection.currentRowChanged.connect(self._on_row)

    def show_verdicts(self, verdicts: Verdicts | None) -> None:
        """Show another frame's maxima."""
        self._model.show(verdicts)

    def row_count(self) -> int:
        """Return the number of rows."""
        return int(self._proxy.rowCount())

    def _on_row(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.picked.emit(self._proxy.mapToSource(current).row())
