"""A colour map with its first and last value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColourBar"]


class ColourBar(QWidget):
    """Tells which colour stands for which value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self.title, self.low, self.high = "", "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(34)

    def sizeHint(self) -> QSize:
        """Return the size that is good to have."""
        return QSize(220, 34)

    def show_colours(self, colours: NDArray[np.uint8], title: str, low: float, high: float) -> None:
        """Show 256 colours (256, 3), what they stand for, and the values at both ends."""
        line = np.ascontiguousarray(colours, np.uint8)
        # a copy: the image does not keep the array alive
        self._image = QImage(
            line.tobytes(), len(line), 1, 3 * len(line), QImage.Format.Format_RGB888
        ).copy()
        self.title, self.low, self.high = title, _short(low), _short(high)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        if self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(0, 0, self.width(), 14)
        painter.drawImage(area, self._image, QRectF(0, 0, self._image.width(), 1))
        painter.setPen(self.palette().text().color())
        below = QRectF(0, 15, self.width(), self.height() - 15)
        align = Qt.AlignmentFlag
        painter.drawText(below, align.AlignLeft | align.AlignTop, self.low)
        painter.drawText(below, align.AlignRight | align.AlignTop, self.high)
        painter.drawText(below, align.AlignHCenter | align.AlignTop, self.title)
        painter.end()


def _short(value: float) -> str:
    """Return a number in four digits, without an exponent where it is short anyway."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
