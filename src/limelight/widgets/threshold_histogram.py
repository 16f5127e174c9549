"""The scores of all local maxima as a histogram, with the threshold as a line to drag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from limelight.widgets.settings_form import in_words

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ThresholdHistogram"]

_BINS = 80
_LINE = QColor("#ffb224")
_ABOVE = QColor("#3fb68b")
_BELOW = QColor("#7f8896")
_STEP = 1.02  # factor of an arrow key


class ThresholdHistogram(QWidget):
    """Counts of the scores, both axes logarithmic, and a threshold that follows the mouse.

    Scores of 0 or less cannot pass any threshold and are not drawn.

    Signals
    -------
    threshold_changed : float
        While the line is dragged or moved by the arrow keys.
    """

    threshold_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scores: NDArray[np.float64] = np.empty(0)
        self._threshold = 1.0
        self._low, self._high = 0.1, 10.0
        self._counts: NDArray[np.int64] = np.zeros(_BINS, np.int64)
        self._unit = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(104)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip(
            "Scores of all local maxima of the frame in view (both axes logarithmic).\n"
            "Drag the line, or press the arrow keys, to set the detection threshold:\n"
            "put it into the gap between the noise (left) and the spots (right)."
        )

    def sizeHint(self) -> QSize:
        """Return the size that is good to have."""
        return QSize(260, 104)

    @property
    def threshold(self) -> float:
        """Where the line is."""
        return self._threshold

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of maxima per bin."""
        return self._counts

    @property
    def passed(self) -> int:
        """Number of maxima at or above the threshold."""
        return int((self._scores >= self._threshold).sum())

    def set_name(self, name: str) -> None:
        """Name the score, for the label."""
        self._unit = in_words(name)
        self.update()

    def set_scores(self, scores: ArrayLike) -> None:
        """Show other scores; NaN are left out."""
        values = np.asarray(scores, np.float64)
        self._scores = values[np.isfinite(values)]
        self._fit_range()
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """Move the line, without a signal."""
        if not math.isfinite(threshold) or threshold == self._threshold:
            return
        self._threshold = float(threshold)
        if not self._low < self._threshold < self._high:
            self._fit_range()
        self.update()

    def _fit_range(self) -> None:
        positive = self._scores[self._scores > 0]
        marks = [self._threshold] if self._threshold > 0 else []
        if len(positive):
            # the faintest hundredth would stretch the axis over decades of nothing
            marks += [float(np.quantile(positive, 0.01)), float(positive.max())]
        if not marks:
            marks = [0.1, 10.0]
        self._low, self._high = min(marks) / 1.25, max(marks) * 1.25
        edges = np.geomspace(self._low, self._high, _BINS + 1)
        self._counts = np.histogram(positive, edges)[0]

    # -- places ---------------------------------------------------------------------------------
    def _area(self) -> QRectF:
        return QRectF(6, 18, max(self.width() - 12, 1), max(self.height() - 36, 1))

    def x_of(self, score: float) -> float:
        """Return where a score is drawn, in the widget's pixels."""
        area = self._area()
        if score <= self._low:
            return float(area.left())
        span = math.log(self._high / self._low)
        return float(area.left() + area.width() * min(math.log(score / self._low) / span, 1.0))

    def score_at(self, x: float) -> float:
        """Return the score that is drawn there, to three digits."""
        area = self._area()
        part = min(max((x - area.left()) / area.width(), 0.0), 1.0)
        score = self._low * (self._high / self._low) ** part
        return float(f"{score:.3g}")

    # -- the mouse and the keys -----------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take the line to the mouse."""
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the line."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._drag_to(self.score_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the line by a small step."""
        if event is None:
            return
        factor = {Qt.Key.Key_Right: _STEP, Qt.Key.Key_Left: 1 / _STEP}.get(Qt.Key(event.key()))
        if factor is None:
            super().keyPressEvent(event)
        else:
            self._drag_to(float(f"{self._threshold * factor:.4g}"))

    def _drag_to(self, threshold: float) -> None:
        if threshold != self._threshold:
            # the axis stays as it is while the mouse holds the line
            self._threshold = threshold
            self.update()
            self.threshold_changed.emit(threshold)

    # -- drawing --------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self._area()
        text = self.palette().text().color()
        faint = QColor(text)
        faint.setAlpha(110)
        ground = QColor(text)
        ground.setAlpha(18)
        painter.fillRect(area, ground)
        self._draw_bars(painter, area)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        font = painter.font()
        font.setPointSizeF(max(font.pointSizeF() * 0.85, 7.0))
        painter.setFont(font)
        self._draw_ticks(painter, area, QFontMetricsF(font))
        x = self.x_of(self._threshold)
        painter.setPen(QPen(_LINE, 2))
        painter.drawLine(QPointF(x, area.top() - 3), QPointF(x, area.bottom()))
        painter.setPen(text)
        painter.drawText(
            QRectF(area.left(), 0, area.width(), 16),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            self._headline(),
        )
        painter.end()

    def _headline(self) -> str:
        if not len(self._scores):
            return "No scores yet: switch on Preview"
        name = self._unit or "score"
        return f"{self.passed:,} of {len(self._scores):,} maxima: {name} ≥ {self._threshold:g}"

    def _draw_bars(self, painter: QPainter, area: QRectF) -> None:
        top = math.log1p(int(self._counts.max())) if self._counts.any() else 0.0
        if not top:
            return
        width = area.width() / _BINS
        line = self.x_of(self._threshold)
        painter.setPen(Qt.PenStyle.NoPen)
        for i, count in enumerate(self._counts):
            if count:
                left = area.left() + i * width
                height = area.height() * math.log1p(int(count)) / top
                painter.setBrush(_ABOVE if left + width / 2 >= line else _BELOW)
                painter.drawRect(QRectF(left, area.bottom() - height, width + 0.5, height))

    def _draw_ticks(self, painter: QPainter, area: QRectF, metrics: QFontMetricsF) -> None:
        last = -math.inf
        wide = self._high / self._low > 1000
        for power in range(
            math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1
        ):
            for digit in (1,) if wide else (1, 2, 5):
                score = digit * 10.0**power
                if not self._low <= score <= self._high:
                    continue
                label = f"{score:g}" if score < 1e5 else f"{digit}e{power}"
                x, half = self.x_of(score), metrics.horizontalAdvance(label) / 2
                left = min(max(x - half, area.left()), area.right() - 2 * half)
                if left < last + 6:
                    continue
                painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
                painter.drawText(QPointF(left, area.bottom() + 5 + metrics.ascent()), label)
                last = left + 2 * half
