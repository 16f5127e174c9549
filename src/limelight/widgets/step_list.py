"""The steps of a pipeline: dragged in, reordered, renamed, switched off with the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from limelight.widgets.module_list import MODULE_MIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

    from limelight.segment.pipeline import Pipeline

__all__ = ["StepList"]

_EYE, _NAME, _TIME = range(3)
_BAD = QColor("#ff8589")


def _eye(is_open: bool, ink: QColor) -> QIcon:
    """Draw an eye, open or closed."""
    size = 32
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    faint = QColor(ink)
    faint.setAlphaF(1.0 if is_open else 0.4)
    painter.setPen(QPen(faint, 2.4))
    if is_open:
        painter.drawArc(QRectF(2, 6.5, 28, 28), 42 * 16, 96 * 16)
        painter.drawArc(QRectF(2, -2.5, 28, 28), 222 * 16, 96 * 16)
        painter.setBrush(faint)
        painter.drawEllipse(QRectF(12, 12, 8, 8))
    else:
        painter.drawArc(QRectF(2, -6, 28, 30), 210 * 16, 120 * 16)
    painter.end()
    return QIcon(pixmap)


class StepList(QTreeWidget):
    """A pipeline's steps.

    Signals
    -------
    chosen : str
        Name of the step that is looked at; empty where there is none.
    renamed : str, str
        A step's old and new name.
    moved : str, int
        A step and its new place.
    dropped : str, int
        A module and the place that it was dropped at.
    activated_step : str, bool
        A step and whether it is to run.
    removal_wanted, copy_wanted : str
        A step.
    """

    chosen = Signal(str)
    renamed = Signal(str, str)
    moved = Signal(str, int)
    dropped = Signal(str, int)
    activated_step = Signal(str, bool)
    removal_wanted = Signal(str)
    copy_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("steps")
        self.setColumnCount(3)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setIconSize(QSize(16, 16))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setToolTip(
            "The pipeline, from top to bottom. Drag steps to reorder them, double-click to rename, "
            "click the eye to switch one off; j and k go down and up, Ctrl+D copies, Del removes"
        )
        header = self.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(_EYE, QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(_TIME, QHeaderView.ResizeMode.ResizeToContents)
        self._filling = False
        self.currentItemChanged.connect(self._on_current)
        self.itemClicked.connect(self._on_click)
        self.itemChanged.connect(self._on_changed)

    @property
    def current(self) -> str:
        """Name of the step that is looked at; empty where there is none."""
        item = self.currentItem()
        return str(item.data(_NAME, Qt.ItemDataRole.UserRole)) if item is not None else ""

    def show_pipeline(
        self, pipeline: Pipeline, notes: Mapping[str, str], bad: Mapping[str, str], current: str
    ) -> None:
        """Show a pipeline.

        Parameters
        ----------
        pipeline : Pipeline
            What to show.
        notes : mapping
            What to say behind a step, such as the time that it took.
        bad : mapping
            Why a step cannot be run.
        current : str
            The step to look at.
        """
        self._filling = True
        self.clear()
        ink = self.palette().text().color()
        for step in pipeline:
            item = QTreeWidgetItem(self, ["", step.name, notes.get(step.name, "")])
            item.setData(_NAME, Qt.ItemDataRole.UserRole, step.name)
            item.setData(_EYE, Qt.ItemDataRole.UserRole, step.active)
            item.setIcon(_EYE, _eye(step.active, ink))
            item.setToolTip(_EYE, "Switch this step off" if step.active else "Switch it on")
            item.setTextAlignment(_TIME, int(Qt.AlignmentFlag.AlignRight.value))
            flags = item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsDragEnabled
            item.setFlags(flags & ~Qt.ItemFlag.ItemIsDropEnabled)
            about = step.module if step.module != step.name else ""
            item.setToolTip(_NAME, "\n".join(t for t in (about, bad.get(step.name, "")) if t))
            if step.name in bad and step.active:
                item.setForeground(_NAME, _BAD)
            elif not step.active:
                item.setForeground(_NAME, QColor("#7f8896"))
            if step.name == current:
                self.setCurrentItem(item)
        self._filling = False

    def note(self, name: str, text: str) -> None:
        """Say something behind a step."""
        for i in range(self.topLevelItemCount()):
            item = self.topLevelItem(i)
            if item is not None and item.data(_NAME, Qt.ItemDataRole.UserRole) == name:
                self._filling = True
                item.setText(_TIME, text)
                self._filling = False

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move with j and k; copy, remove."""
        if event is None:
            return
        row = self.indexOfTopLevelItem(self.currentItem()) if self.currentItem() else -1
        key, ctrl = event.key(), event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if key in (Qt.Key.Key_J, Qt.Key.Key_K) and not ctrl:
            row = min(
                max(row + (1 if key == Qt.Key.Key_J else -1), 0), self.topLevelItemCount() - 1
            )
            self.setCurrentItem(self.topLevelItem(row))
        elif key == Qt.Key.Key_Delete and self.current:
            self.removal_wanted.emit(self.current)
        elif key == Qt.Key.Key_D and ctrl and self.current:
            self.copy_wanted.emit(self.current)
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take modules and own steps."""
        self._take(event)

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Show where it would be dropped."""
        super().dragMoveEvent(event)
        self._take(event)

    def _take(self, event: QDragMoveEvent | QDragEnterEvent | None) -> None:
        if event is None:
            return
        mime = event.mimeData()
        if event.source() is self or (mime is not None and mime.hasFormat(MODULE_MIME)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Insert a module, or move a step; the list itself is filled by whoever listens."""
        mime = event.mimeData() if event is not None else None
        if event is None or mime is None:
            return
        place = self._place(event)
        if mime.hasFormat(MODULE_MIME):
            name = bytes(mime.data(MODULE_MIME).data()).decode()
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            if name:
                self.dropped.emit(name, place)
        elif event.source() is self and self.current:
            event.setDropAction(Qt.DropAction.IgnoreAction)  # nothing is taken out of the list
            event.accept()
            row = self.indexOfTopLevelItem(self.currentItem())
            self.moved.emit(self.current, place - (1 if place > row else 0))

    def _place(self, event: QDropEvent) -> int:
        point = event.position().toPoint()
        item = self.itemAt(point)
        if item is None:
            return int(self.topLevelItemCount())
        below = point.y() > self.visualItemRect(item).center().y()
        return int(self.indexOfTopLevelItem(item)) + int(below)

    def _on_current(self, item: QTreeWidgetItem | None, _: QTreeWidgetItem | None) -> None:
        if not self._filling:
            name = item.data(_NAME, Qt.ItemDataRole.UserRole) if item is not None else ""
            self.chosen.emit(str(name))

    def _on_click(self, item: QTreeWidgetItem, column: int) -> None:
        if column == _EYE:
            active = bool(item.data(_EYE, Qt.ItemDataRole.UserRole))
            self.activated_step.emit(str(item.data(_NAME, Qt.ItemDataRole.UserRole)), not active)

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        if self._filling or column != _NAME:
            return
        old = str(item.data(_NAME, Qt.ItemDataRole.UserRole))
        new = str(item.text(_NAME)).strip()
        if new != old:
            self.renamed.emit(old, new)
