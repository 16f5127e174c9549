"""A column's histogram with a range on it that is dragged with the mouse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Range", "RangeHistogram"]

Range = tuple[float | None, float | None]
"""What is kept: (low, high), both included; None is open."""

_HANDLE = QColor("#ffb224")
_INSIDE = QColor("#3fb68b")
_OUTSIDE = QColor("#7f8896")
_EDGE = 6
_STEPS = 100  # of the arrow keys over the whole width


class RangeHistogram(QWidget):
    """Counts of a column's values, and two handles.

    A handle at its end of the axis is open: values beyond the axis are kept, too.

    Signals
    -------
    range_changed : object
        The `Range`, while a handle is dragged or moved by the arrow keys.
    """

    range_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._low, self._high = 0.0, 1.0
        self._range: Range = (None, None)
        self._held = 0
        self._last = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(44)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def sizeHint(self) -> QSize:
        """Return the size that is good to have."""
        return QSize(220, 44)

    @property
    def range(self) -> Range:
        """What is kept."""
        return self._range

    @property
    def ends(self) -> tuple[float, float]:
        """First and last value of the axis."""
        return self._low, self._high

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of values per bin."""
        return self._counts

    def set_counts(self, counts: ArrayLike, edges: ArrayLike) -> None:
        """Show a histogram: counts (n,) between edges (n + 1,)."""
        self._counts = np.asarray(counts, np.int64)
        ends = np.asarray(edges, np.float64)
        self._low, self._high = float(ends[0]), float(ends[-1])
        self.update()

    def set_range(self, wanted: Range) -> None:
        """Move the handles, without a signal."""
        self._range = wanted
        self.update()

    # -- places ---------------------------------------------------------------------------------
    def _area(self) -> QRectF:
        return QRectF(_EDGE, 2, max(self.width() - 2 * _EDGE, 1), max(self.height() - 10, 1))

    def x_of(self, value: float) -> float:
        """Return where a value is drawn, in the widget's pixels."""
        area = self._area()
        part = (value - self._low) / (self._high - self._low)
        return float(area.left() + area.width() * min(max(part, 0.0), 1.0))

    def value_at(self, x: float) -> float:
        """Return the value that is drawn there, as short as the axis' resolution allows."""
        area = self._area()
        part = min(max((x - area.left()) / area.width(), 0.0), 1.0)
        return self._rounded(self._low + part * (self._high - self._low))

    def _rounded(self, value: float) -> float:
        digits = 3 - math.floor(math.log10(self._high - self._low))
        return round(value, digits)

    def _handles(self) -> tuple[float, float]:
        low, high = self._range
        return (
            self.x_of(self._low if low is None else low),
            self.x_of(self._high if high is None else high),
        )

    # -- the mouse and the keys -----------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take the nearer handle to the mouse."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        left, right = self._handles()
        self._held = 0 if abs(x - left) < abs(x - right) or x < left else 1
        self._last = self._held
        self._move(self._held, self.value_at(x))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the handle."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._move(self._held, self.value_at(event.position().x()))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Keep all values."""
        self._emit((None, None))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the handle that was moved last by a small step; Up and Down choose the handle."""
        if event is None:
            return
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._last = 1 if key == Qt.Key.Key_Up else 0
            return
        sign = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}.get(key)
        if sign is None:
            super().keyPressEvent(event)
            return
        at = self._range[self._last]
        if at is None:
            at = (self._low, self._high)[self._last]
        self._move(self._last, self._rounded(at + sign * (self._high - self._low) / _STEPS))

    def _move(self, handle: int, value: float) -> None:
        low, high = self._range
        width = self._high - self._low
        if handle == 0:
            value = min(value, self._high if high is None else high)
            low = None if value <= self._low + 1e-3 * width else value
        else:
            value = max(value, self._low if low is None else low)
            high = None if value >= self._high - 1e-3 * width else value
        self._emit((low, high))

    def _emit(self, new: Range) -> None:
        if new != self._range:
            self._range = new
            self.update()
            self.range_changed.emit(new)

    # -- drawing --------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self._area()
        ground = QColor(self.palette().text().color())
        ground.setAlpha(18)
        painter.fillRect(area, ground)
        left, right = self._handles()
        if len(self._counts) and self._counts.any():
            width = area.width() / len(self._counts)
            heights = np.sqrt(self._counts / self._counts.max()) * area.height()
            painter.setPen(Qt.PenStyle.NoPen)
            for i in np.flatnonzero(self._counts):
                x = area.left() + i * width
                inside = left <= x + width / 2 <= right
                painter.setBrush(_INSIDE if inside else _OUTSIDE)
                height = max(float(heights[i]), 1.0)
                painter.drawRect(QRectF(x, area.bottom() - height, width + 0.3, height))
        painter.setPen(QPen(_HANDLE, 2))
        painter.setBrush(_HANDLE)
        for at in self._handles():
            painter.drawLine(QPointF(at, area.top()), QPointF(at, area.bottom()))
            foot = area.bottom()
            corners = [QPointF(at, foot), QPointF(at - 4, foot + 6), QPointF(at + 4, foot + 6)]
            painter.drawPolygon(QPolygonF(corners))
        painter.end()
