"""The channels of a pipeline, and which layer of the viewer each of them is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QLineEdit, QToolButton, QWidget

from limelight.widgets.controls import ChoiceBox
from limelight.widgets.layers import is_movie_layer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from limelight.segment.pipeline import Channel
    from limelight.widgets.listeners import Listeners

__all__ = ["ChannelForm"]


class ChannelForm(QWidget):
    """A row per channel: its name, its layer, a button that takes it out.

    Signals
    -------
    changed : another layer was chosen for a channel, or a layer came or went.
    renamed : str, str
        A channel's old and new name.
    added : str
        Name of a channel to add.
    removed : str
        A channel.
    """

    changed = Signal()
    renamed = Signal(str, str)
    added = Signal(str)
    removed = Signal(str)

    def __init__(
        self, viewer: ViewerModel, listeners: Listeners, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.boxes: dict[str, ChoiceBox] = {}
        self.names: dict[str, QLineEdit] = {}
        self.chosen: dict[str, Layer | None] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._rows: list[QWidget] = []
        self.add = QToolButton(self)
        self.add.setObjectName("add_channel")
        self.add.setText("+ channel")
        self.add.setToolTip("Make another image of the viewer an input of the pipeline")
        self.add.clicked.connect(self._on_add)
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            listeners.on(emitter, self._on_layers)

    def _layers(self) -> list[Layer]:
        return [layer for layer in self._viewer.layers if is_movie_layer(layer)]

    def show_channels(self, channels: tuple[Channel, ...]) -> None:
        """Show the channels of a pipeline."""
        wanted = [c.name for c in channels]
        if wanted == list(self.boxes):
            return
        for widget in self._rows:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._rows, self.boxes, self.names = [], {}, {}
        for row, name in enumerate(wanted):
            line = QLineEdit(name, self)
            line.setObjectName(f"channel_name_{row}")
            line.setToolTip("Name of the channel, as steps and features call it")
            line.setMaximumWidth(110)
            line.editingFinished.connect(partial(self._on_name, name))
            box = ChoiceBox(self)
            box.setObjectName(f"channel_{row}")
            box.setToolTip("The image of the viewer that is this channel")
            box.currentIndexChanged.connect(partial(self._on_chosen, name))
            out = QToolButton(self)
            out.setText("−")
            out.setToolTip("Take this channel out of the pipeline")
            out.clicked.connect(partial(self.removed.emit, name))
            for column, widget in enumerate((line, box, out)):
                self._grid.addWidget(widget, row, column)
                self._rows.append(widget)
            self.boxes[name], self.names[name] = box, line
        if not wanted:
            hint = QLabel("Open an image, and add it as a channel.", self)
            hint.setWordWrap(True)
            self._grid.addWidget(hint, 0, 0, 1, 3)
            self._rows.append(hint)
        self._grid.addWidget(self.add, len(wanted) + 1, 0, 1, 3)
        self.chosen = {name: self.chosen.get(name) for name in wanted}
        self._fill()

    def _fill(self) -> None:
        layers = self._layers()
        free = [layer for layer in layers if layer not in self.chosen.values()]
        for name, box in self.boxes.items():
            layer = self.chosen.get(name)
            if layer not in layers:
                layer = next((x for x in free if name.lower() in str(x.name).lower()), None)
                layer = layer or (free[0] if free else None)
                if layer is not None and layer in free:
                    free.remove(layer)
            self.chosen[name] = layer
            with QSignalBlocker(box):
                box.clear()
                for one in layers:
                    box.addItem(str(one.name), one)
                box.setCurrentIndex(layers.index(layer) if layer is not None else -1)

    def _on_layers(self, _: Any) -> None:
        before = dict(self.chosen)
        self._fill()
        if before != self.chosen:
            self.changed.emit()

    def _on_chosen(self, name: str, index: int) -> None:
        self.chosen[name] = self.boxes[name].itemData(index) if index >= 0 else None
        self.changed.emit()

    def _on_name(self, old: str) -> None:
        new = str(self.names[old].text()).strip()
        if new and new != old:
            self.chosen[new] = self.chosen.get(old)
            self.renamed.emit(old, new)
        else:
            self.names[old].setText(old)

    def _on_add(self) -> None:
        used = set(self.chosen.values())
        layer = next((x for x in self._layers() if x not in used), None)
        name = str(layer.name) if layer is not None else f"channel {len(self.boxes) + 1}"
        while name in self.boxes:
            name += "_2"
        self.chosen[name] = layer
        self.added.emit(name)
