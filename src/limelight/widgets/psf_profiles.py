"""Three profiles side by side, drawn in well under a millisecond: for stacks that are coming in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QPaintEvent

    from limelight.core.psf.views import Profile

__all__ = ["ProfileStrip"]

_HEIGHT = 72
_GAP = 8
_TEXT = 16
_REACH = 4.0  # widths on either side of the peak that are drawn
_CURVE = QColor("#35d0ff")
_WIDTH = QColor("#ffb224")


class ProfileStrip(QWidget):
    """The profiles along x, y and z through the point, each with its width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profiles")
        self.setToolTip(
            "Brightness along x, y and z through the point; the bar is the full width at half "
            "maximum, µm"
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.profiles: Mapping[str, Profile] = {}
        self.hide()

    def sizeHint(self) -> QSize:
        """Return the size that it wants."""
        return QSize(300, _HEIGHT)

    def show_profiles(self, found: Mapping[str, Profile]) -> None:
        """Draw others."""
        self.profiles = found
        self.setVisible(bool(found))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curves."""
        if not self.profiles:
            return
        painter = QPainter(self)
        width = (self.width() - _GAP * (len(self.profiles) - 1)) / len(self.profiles)
        for k, (axis, line) in enumerate(self.profiles.items()):
            left = k * (width + _GAP)
            fwhm = f"{line.fwhm_um:.3f} µm" if np.isfinite(line.fwhm_um) else "–"
            painter.setPen(self.palette().text().color())
            painter.drawText(
                QRectF(left, 0, width, _TEXT), Qt.AlignmentFlag.AlignLeft, f"{axis}: {fwhm}"
            )
            self._draw(painter, line, QRectF(left, _TEXT + 2, width, _HEIGHT - _TEXT - 4))
        painter.end()

    def _draw(self, painter: QPainter, line: Profile, box: QRectF) -> None:
        x = np.asarray(line.position_um, np.float64)
        y = np.asarray(line.value, np.float64)
        if np.isfinite(line.fwhm_um):  # the peak, not the whole field
            near = np.abs(x - line.centre_um) <= _REACH * line.fwhm_um
            x, y = x[near], y[near]
        if len(x) < 2 or not np.isfinite(y).all():
            return
        span, low = float(x[-1] - x[0]), float(y.min())
        height = max(float(y.max()) - low, 1e-12)

        def across(value: float) -> float:
            return box.left() + (value - float(x[0])) / span * box.width()

        def up(value: float) -> float:
            return box.bottom() - (value - low) / height * box.height()

        painter.setPen(QPen(_CURVE, 1.3))
        points = [QPointF(across(a), up(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        painter.drawPolyline(QPolygonF(points))
        if np.isfinite(line.fwhm_um):
            half = up(0.5 * (line.background + line.peak))
            painter.setPen(QPen(_WIDTH, 2.0))
            reach = 0.5 * line.fwhm_um
            painter.drawLine(
                QPointF(across(line.centre_um - reach), half),
                QPointF(across(line.centre_um + reach), half),
            )
