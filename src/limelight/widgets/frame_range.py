"""Choose a range of frames, for a quick trial."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from limelight.widgets.controls import WholeBox

__all__ = ["FrameRange"]


class FrameRange(QWidget):
    """The first frame and the one after the last.

    Signals
    -------
    changed : after any change.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._length = 0
        self.first = WholeBox(0, 0, self)
        self.first.setObjectName("first_frame")
        self.first.setToolTip("First frame to localize, counted from 0 as the slider does")
        self.stop = WholeBox(1, 1, self)
        self.stop.setObjectName("stop_frame")
        self.stop.setToolTip("The frame before which to stop: 0 to 200 are the first 200 frames")
        self.all = QToolButton(self)
        self.all.setObjectName("all_frames")
        self.all.setText("All")
        self.all.setToolTip("All frames of the movie")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.first, 1)
        layout.addWidget(QLabel("–", self))
        layout.addWidget(self.stop, 1)
        layout.addWidget(self.all)
        self.first.valueChanged.connect(self._on_value)
        self.stop.valueChanged.connect(self._on_value)
        self.all.clicked.connect(lambda: self.set_length(self._length))
        self.set_length(0)

    def set_length(self, length: int) -> None:
        """Offer the frames of a movie of that length, all of them at first."""
        self._length = length
        with QSignalBlocker(self.first), QSignalBlocker(self.stop):
            self.first.setRange(0, max(length - 1, 0))
            self.stop.setRange(1, max(length, 1))
            self.first.setValue(0)
            self.stop.setValue(length)
        self.setEnabled(length > 0)
        self.changed.emit()

    def value(self) -> tuple[int, int] | None:
        """Return the first frame and the one after the last; None for all."""
        first, stop = int(self.first.value()), int(self.stop.value())
        return None if (first, stop) == (0, max(self._length, 1)) else (first, stop)

    def _on_value(self) -> None:
        if self.first.value() >= self.stop.value():  # the other end gives way
            sender = self.sender()
            with QSignalBlocker(self.first), QSignalBlocker(self.stop):
                if sender is self.first:
                    self.stop.setValue(self.first.value() + 1)
                else:
                    self.first.setValue(self.stop.value() - 1)
        self.changed.emit()
