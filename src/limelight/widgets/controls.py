"""Small Qt controls that behave well inside a scrolling dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QLocale, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QWheelEvent

__all__ = ["ChoiceBox", "MessageLabel", "NumberBox", "Section", "WholeBox", "mark_invalid"]

_DECIMALS = 4
_FAR = 1e9


class ChoiceBox(QComboBox):
    """A drop-down that ignores the wheel unless it was clicked, so that a dock can be scrolled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Turn only when the control has the focus."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)


class WholeBox(QSpinBox):
    """A whole number."""

    def __init__(
        self, low: float | None = None, high: float | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setRange(int(-_FAR if low is None else low), int(_FAR if high is None else high))
        _tame(self)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Turn only when the control has the focus."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)


class NumberBox(QDoubleSpinBox):
    """A real number, shown without needless zeros; its step follows its size."""

    def __init__(
        self, low: float | None = None, high: float | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())
        self.setDecimals(_DECIMALS)
        self.setRange(-_FAR if low is None else low, _FAR if high is None else high)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        _tame(self)

    def textFromValue(self, v: float) -> str:
        """Return the number as it is shown."""
        return f"{v:.{_DECIMALS}f}".rstrip("0").rstrip(".") or "0"

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Turn only when the control has the focus."""
        if event is not None and not self.hasFocus():
            event.ignore()
        else:
            super().wheelEvent(event)


def _tame(box: QAbstractSpinBox) -> None:
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setKeyboardTracking(False)  # "5000" is one value, not 5, 50, 500 and 5000
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setMinimumWidth(64)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


def mark_invalid(widget: QWidget, invalid: bool) -> None:
    """Give a control a red border, or take it away."""
    _restyle(widget, "border: 1px solid #e5484d;" if invalid else "")


def _restyle(widget: QWidget, style: str) -> None:
    if widget.styleSheet() != style:  # setting one is slow even where it changes nothing
        widget.setStyleSheet(style)


class MessageLabel(QLabel):
    """A line or two that tell how things stand; nothing is shown while there is nothing to tell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hide()

    def tell(self, text: str, error: bool = False) -> None:
        """Show a text; an error in a warning colour."""
        _restyle(self, "color: #ff8589;" if error else "")
        self.setText(text)
        if self.isHidden() == bool(text):
            self.setVisible(bool(text))


class Section(QWidget):
    """A titled part of a dock that can be folded away."""

    toggled = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self._button = QToolButton(self)
        self._button.setText(title)
        self._button.setToolTip(f"Show or hide: {title}")
        self._button.setCheckable(True)
        self._button.setChecked(True)
        self._button.setAutoRaise(True)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._button.setStyleSheet("QToolButton { font-weight: bold; text-align: left; }")
        self._body = QWidget(self)
        self.body = QVBoxLayout(self._body)
        self.body.setContentsMargins(8, 2, 2, 6)
        self.body.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._button)
        layout.addWidget(self._body)
        self._button.toggled.connect(self._toggle)
        self._toggle(True)

    @property
    def is_open(self) -> bool:
        """Whether the body is shown."""
        return bool(self._button.isChecked())

    def set_open(self, is_open: bool) -> None:
        """Show or hide the body."""
        self._button.setChecked(is_open)

    def _toggle(self, is_open: bool) -> None:
        self._button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self._body.setVisible(is_open)
        self.toggled.emit(is_open)
