"""A list of tables, each with an eye and its colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limelight.widgets.molecules_view import TableView

__all__ = ["TableList"]

_ROWS = 3
_TYPICAL = 200  # of 256 colours


class TableList(QListWidget):
    """The tables that are shown; ticked ones are visible.

    Signals
    -------
    chosen : object
        The `TableView` to work on, or None.
    ticked : object, bool
        A view, and whether it is to be seen.
    """

    chosen = Signal(object)
    ticked = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("Tables that are shown as pictures; untick one to hide it")
        self.setFixedHeight(_ROWS * 24)
        self._views: list[TableView] = []
        self.currentRowChanged.connect(self._on_row)
        self.itemChanged.connect(self._on_item)

    def show_views(self, views: Sequence[TableView], current: TableView | None) -> None:
        """Show these, without a signal."""
        with QSignalBlocker(self):
            if list(views) != self._views:
                self._views = list(views)
                self.clear()
                for _ in views:
                    self.addItem(QListWidgetItem())
            for row, view in enumerate(views):
                item = self.item(row)
                assert item is not None
                text = f"{view.name}: {len(view.locs):,} molecules"
                item.setText(text)
                item.setToolTip(text)
                state = Qt.CheckState.Checked if view.visible else Qt.CheckState.Unchecked
                item.setCheckState(state)
                item.setIcon(_swatch(view))
            self.setCurrentRow(self._views.index(current) if current in self._views else -1)

    def _on_row(self, row: int) -> None:
        self.chosen.emit(self._views[row] if 0 <= row < len(self._views) else None)

    def _on_item(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            view = self._views[self.row(item)]
            self.ticked.emit(view, item.checkState() == Qt.CheckState.Checked)


def _swatch(view: TableView) -> QIcon:
    from limelight.widgets.molecules_draw import colours_of

    red, green, blue = (int(v) for v in colours_of(view.look.colours)[_TYPICAL])
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(red, green, blue))
    return QIcon(pixmap)
