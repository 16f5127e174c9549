"""The Preview view of the Metrics dock: the pictures that were kept with the runs, newest first."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractListModel, QModelIndex, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListView,
    QVBoxLayout,
    QWidget,
)

from limelight.metrics import Rows, previews_of, title_of
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.metrics_filter import FilterBar
from limelight.widgets.metrics_table import cell_text, file_name, when_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.metrics import Database
    from limelight.widgets.metrics_source import HistorySource

__all__ = ["PreviewPanel"]

_KEPT = 1500  # pictures in memory
_AT_ONCE = 24
_SIDES = {"Small": 88, "Medium": 132, "Large": 208}
_TEXT = 34  # height of the two lines below


class _Pictures(QAbstractListModel):
    """The runs that are shown; pictures are asked for when they are first drawn."""

    wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: Rows = Rows({})
        self.shown: NDArray[np.intp] = np.zeros(0, np.intp)
        self.gone: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.side = _SIDES["Medium"]
        self.ratio = 1.0
        self.asked: OrderedDict[int, None] = OrderedDict()
        self.found: OrderedDict[int, QPixmap | None] = OrderedDict()
        self._scaled: dict[tuple[int, int], QPixmap] = {}
        self._blank: dict[tuple[int, bool], QPixmap] = {}

    def show(self, rows: Rows, shown: NDArray[np.intp]) -> None:
        self.beginResetModel()
        self.rows = rows
        newest = np.argsort(-rows["started"][shown], kind="stable") if len(shown) else shown
        self.shown = shown[newest]
        self.asked.clear()
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = int(self.shown[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            name = file_name(self.rows["file"][row] or self.rows["source"][row])
            return f"{name or self.rows['kind'][row]}\n{when_text(self.rows['started'][row])}"
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(int(self.rows["id"][row]))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(self.side + 12, self.side + _TEXT + 10)
        if role == Qt.ItemDataRole.ForegroundRole and row < len(self.gone) and self.gone[row]:
            return QColor("#ff8589")
        return None

    def _tip(self, row: int) -> str:
        values = self.rows.row(row)
        lines = [str(values["file"] or values["source"] or "")]
        if row < len(self.gone) and self.gone[row]:
            lines.append("The file is not there")
        for name in ("group", "tags", "camera", "n_locs", "nena_nm", "frc_nm"):
            value = values.get(name)
            if value not in (None, "", " "):
                title = title_of(name)
                lines.append(f"{title.name}: {cell_text(name, value)} {title.unit}".rstrip())
        return "\n".join(lines)

    def _picture(self, run: int) -> QPixmap:
        if run not in self.found:
            self.asked[run] = None
            self.asked.move_to_end(run)
            self.wanted.emit()
            return self._empty(False)
        pixmap = self.found[run]
        self.found.move_to_end(run)
        if pixmap is None:
            return self._empty(True)
        key = (run, self.side)
        scaled = self._scaled.get(key)
        if scaled is None:
            side = int(self.side * self.ratio)
            scaled = pixmap.scaled(
                side,
                side,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            scaled.setDevicePixelRatio(self.ratio)
            if len(self._scaled) > _KEPT:
                self._scaled.clear()
            self._scaled[key] = scaled
        return scaled

    def _empty(self, known: bool) -> QPixmap:
        """Return what stands for a picture that is not there, or not there yet."""
        key = (self.side, known)
        if key not in self._blank:
            blank = QPixmap(self.side, self.side)
            blank.fill(QColor("#2a2833" if known else "#18171d"))
            self._blank[key] = blank
        return self._blank[key]

    def take(self, wanted: list[int], found: dict[int, bytes]) -> None:
        for run in wanted:
            self.asked.pop(run, None)
            pixmap: QPixmap | None = QPixmap()
            png = found.get(run)
            if png is None or pixmap is None or not pixmap.loadFromData(png):
                pixmap = None
            self.found[run] = pixmap
        while len(self.found) > _KEPT:
            self.found.popitem(last=False)
        if len(self.shown):
            last = self.index(len(self.shown) - 1, 0)
            self.dataChanged.emit(self.index(0, 0), last, [int(Qt.ItemDataRole.DecorationRole)])


class PreviewPanel(QWidget):
    """Shows the pictures of the runs that a filter lets through.

    Signals
    -------
    run_chosen, open_run : int
        Index into the rows of the run that was clicked, double clicked.
    changed : a setting that is worth remembering.
    """

    run_chosen = Signal(int)
    open_run = Signal(int)
    changed = Signal()

    def __init__(self, source: HistorySource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.filters = FilterBar(self)
        self.size_ = ChoiceBox(self)
        self.size_.setObjectName("preview_size")
        self.size_.setToolTip("Size of the pictures")
        self.size_.addItems(list(_SIDES))
        self.size_.setCurrentText("Medium")
        self.count = QLabel("", self)
        self.list = QListView(self)
        self.list.setObjectName("previews")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setUniformItemSizes(True)
        self.list.setLayoutMode(QListView.LayoutMode.Batched)
        self.list.setWordWrap(False)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setSpacing(2)
        self.list.setStyleSheet("QListView { font-size: 11px; }")
        self.list.setMinimumHeight(160)
        self.pictures = _Pictures(self)
        self.list.setModel(self.pictures)
        row = QHBoxLayout()
        row.addWidget(self.count, 1)
        row.addWidget(self.size_)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.filters)
        layout.addLayout(row)
        layout.addWidget(self.list, 1)
        self.mailbox = NewestOnly(self)
        self.mailbox.answered.connect(self._on_found)
        self.mailbox.failed.connect(self._on_failed)
        self._ask_soon = QTimer(self)
        self._ask_soon.setSingleShot(True)
        self._ask_soon.setInterval(0)
        self._ask_soon.timeout.connect(self._ask)
        self.pictures.wanted.connect(self._ask_soon.start)
        self.size_.currentTextChanged.connect(self._on_size)
        self.list.clicked.connect(self._on_click)
        self.list.doubleClicked.connect(self._on_double)
        source.gone_changed.connect(self._on_gone)
        self._on_size("Medium")

    def show_runs(self, rows: Rows, shown: NDArray[np.intp]) -> None:
        """Show the runs of these indices, newest first."""
        self.pictures.gone = self.source.gone
        self.pictures.show(rows, shown)
        total = len(rows)
        same = len(shown) == total
        self.count.setText(f"{total:,} runs" if same else f"{len(shown):,} of {total:,} runs")

    def forget(self) -> None:
        """Forget all pictures: the database is another one."""
        self.mailbox.forget()
        self.pictures.found.clear()
        self.pictures._scaled.clear()

    def _on_gone(self) -> None:
        self.pictures.gone = self.source.gone
        self.list.viewport().update()  # type: ignore[union-attr]

    def _on_size(self, name: str) -> None:
        self.pictures.side = _SIDES.get(name, _SIDES["Medium"])
        self.pictures.ratio = self.devicePixelRatioF()
        side = self.pictures.side
        self.list.setIconSize(QSize(side, side))
        self.list.setGridSize(QSize(side + 14, side + _TEXT + 12))
        self.changed.emit()

    # -- pictures -------------------------------------------------------------------------------
    def _ask(self) -> None:
        database, asked = self.source.database, self.pictures.asked
        if database is None or not asked or not self.mailbox.idle:
            return  # when the thread is done, it is looked again
        wanted = list(asked)[-_AT_ONCE:]  # the newest are those in view
        while len(asked) > 10 * _AT_ONCE:
            asked.popitem(last=False)
        self.mailbox.request((database, wanted), lambda: previews_of(database, wanted))

    def _on_found(self, tag: tuple[Database, list[int]], found: dict[int, bytes]) -> None:
        database, wanted = tag
        if database is self.source.database:
            self.pictures.take(wanted, found)
        if self.pictures.asked:
            self._ask_soon.start(10)

    def _on_failed(self, tag: tuple[Database, list[int]], _: Exception) -> None:
        for run in tag[1]:  # the source tells what is wrong with the database
            self.pictures.asked.pop(run, None)

    def _on_click(self, index: QModelIndex) -> None:
        self.run_chosen.emit(int(self.pictures.shown[index.row()]))

    def _on_double(self, index: QModelIndex) -> None:
        self.open_run.emit(int(self.pictures.shown[index.row()]))

    # -- memory ---------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        return {"size": self.size_.currentText()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what `state` returned."""
        if state.get("size") in _SIDES:
            self.size_.setCurrentText(str(state["size"]))
