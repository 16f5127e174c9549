"""The processors of an acquisition: which, in what order, how they are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError
from limelight.widgets.controls import ChoiceBox, MessageLabel
from limelight.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limelight.acquire import Acquisition
    from limelight.core.settings import Settings

__all__ = ["ProcessorList"]

_LIST_HEIGHT = 96


class ProcessorList(QWidget):
    """Processors in order; frames go through them from top to bottom.

    Signals
    -------
    changed : after any change.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = ChoiceBox(self)
        self.choice.setObjectName("processors")
        self.choice.setToolTip("Processors that are installed")
        for name in parts.names("processors"):
            self.choice.addItem(name, name)
        self.add_button = self._tool("add_processor", "+", "Add the chosen processor at the end")
        self.list = QListWidget(self)
        self.list.setObjectName("chain")
        self.list.setToolTip(
            "Frames go through these from top to bottom. Drag to reorder, untick to switch off"
        )
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.remove_button = self._tool("remove_processor", "−", "Take the marked one out")
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        self.message = MessageLabel(self)
        self._form: SettingsForm | None = None
        self._held = False
        row = QHBoxLayout()
        row.addWidget(self.choice, 1)
        row.addWidget(self.add_button)
        row.addWidget(self.remove_button)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4, 4, 4, 4)
        self._layout.setSpacing(4)
        self._layout.addLayout(row)
        self._layout.addWidget(self.list)
        self._layout.addWidget(self.about)
        self._layout.addWidget(self.message)
        self._layout.addStretch(1)
        self.add_button.clicked.connect(lambda: self.add(str(self.choice.currentData())))
        self.remove_button.clicked.connect(self._on_remove)
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.list.itemChanged.connect(lambda *_: self.changed.emit())
        model = self.list.model()
        if model is not None:
            model.rowsMoved.connect(lambda *_: self.changed.emit())
        self.choice.currentIndexChanged.connect(self._on_choice)
        self._show()

    def _tool(self, name: str, text: str, tip: str) -> QToolButton:
        made = QToolButton(self)
        made.setObjectName(name)
        made.setText(text)
        made.setToolTip(tip)
        return made

    def _on_choice(self, *_: object) -> None:
        try:
            part = parts.load("processors", str(self.choice.currentData()))
        except LimelightError as error:
            self.choice.setToolTip(str(error))
            return
        self.choice.setToolTip((part.__doc__ or "").strip().split("\n")[0])

    def add(self, name: str, values: dict[str, Any] | None = None, on: bool = True) -> bool:
        """Add a processor; tells what is wrong where it cannot be loaded."""
        try:
            part = parts.load("processors", name)
            settings = part(**(values or {}))
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return False
        item = QListWidgetItem(name)
        item.setData(Qt.ItemDataRole.UserRole, (name, part, settings.to_dict()))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        item.setToolTip((part.__doc__ or "").strip().split("\n")[0])
        self.list.addItem(item)
        self.list.setCurrentItem(item)
        self.changed.emit()
        return True

    def _on_remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self.list.takeItem(row)
            self._show()
            self.changed.emit()

    def _show(self) -> None:
        if self._form is not None:
            self._layout.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
            self._form = None
        item = self.list.currentItem()
        self.remove_button.setEnabled(item is not None and not self._held)
        if item is None:
            self.about.setText(
                "Images are saved as they come. Add a processor to change them, measure them, "
                "localize live, or steer the microscope."
            )
            return
        name, part, values = item.data(Qt.ItemDataRole.UserRole)
        self.about.setText(f"<b>{name}</b>: {(part.__doc__ or '').strip().splitlines()[0]}")
        form = SettingsForm(part, parent=self)
        form.set_values(values)
        form.changed.connect(lambda: self._on_form(item, form))
        form.setEnabled(not self._held)
        self._layout.insertWidget(4, form)
        self._form = form

    def _on_form(self, item: QListWidgetItem, form: SettingsForm) -> None:
        name, part, _ = item.data(Qt.ItemDataRole.UserRole)
        try:
            values = form.settings().to_dict()
        except ParameterError as error:
            self.message.tell(str(error), error=True)
            return
        self.message.tell("")
        item.setData(Qt.ItemDataRole.UserRole, (name, part, values))
        self.changed.emit()

    def entries(self) -> list[tuple[str, dict[str, Any], bool]]:
        """Return name, settings and whether it is switched on, in order."""
        found = []
        for i in range(self.list.count()):
            item = self.list.item(i)
            if item is not None:
                name, _, values = item.data(Qt.ItemDataRole.UserRole)
                found.append((name, values, item.checkState() == Qt.CheckState.Checked))
        return found

    def processors(self) -> list[Settings]:
        """Return the processors that are switched on, in order.

        Raises
        ------
        ParameterError
            If a setting is of no use.
        """
        return [
            parts.make("processors", name, **values) for name, values, on in self.entries() if on
        ]

    # -- while it runs ----------------------------------------------------------------------------
    def hold(self, on: bool) -> None:
        """Keep the list as it is while frames go through it."""
        for widget in (self.choice, self.add_button, self.remove_button):
            widget.setEnabled(not on)
        self.remove_button.setEnabled(not on and self.list.currentItem() is not None)
        self._held = on
        mode = QAbstractItemView.DragDropMode
        self.list.setDragDropMode(mode.NoDragDrop if on else mode.InternalMove)
        for item in self._items():
            flag = Qt.ItemFlag.ItemIsUserCheckable
            with QSignalBlocker(self.list):
                item.setFlags(item.flags() & ~flag if on else item.flags() | flag)
        if self._form is not None:
            self._form.setEnabled(not on)

    def show_status(self, acquisition: Acquisition) -> None:
        """Show beside each processor how it fares: its time, what it skipped, why it is off."""
        pipeline = acquisition.pipeline
        if pipeline is None:
            return
        stages = {stage.name: stage for stage in pipeline.stages}
        counted: dict[str, int] = {}
        for item in self._items():
            name = item.data(Qt.ItemDataRole.UserRole)[0]
            if item.checkState() != Qt.CheckState.Checked:
                continue
            counted[name] = counted.get(name, 0) + 1
            stage = stages.get(name if counted[name] == 1 else f"{name} {counted[name]}")
            if stage is None:
                continue
            text, tip = f"{name}   {stage.ms_per_frame:.1f} ms per frame", ""
            if stage.switched_off:
                text, tip = f"{name}   switched off", str(stage.switched_off)
            elif stage.skipped:
                text += f", {stage.skipped:,} frames skipped"
                tip = "It is slower than the camera. Every frame is saved all the same."
            with QSignalBlocker(self.list):
                item.setText(text)
                item.setToolTip(tip)

    def _items(self) -> list[QListWidgetItem]:
        found = (self.list.item(i) for i in range(self.list.count()))
        return [item for item in found if item is not None]

    def restore(self, entries: Sequence[Any]) -> None:
        """Show what `entries` gave; what is no longer there is left out."""
        self.list.clear()
        for entry in entries:
            try:
                name, values, on = entry
                values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
            except (TypeError, ValueError, AttributeError):
                continue
            self.add(str(name), values, bool(on))
        self.message.tell("")
