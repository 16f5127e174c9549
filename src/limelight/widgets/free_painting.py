"""Painting napari's window without holding up the threads that acquire.

napari's main window handles its events in Python.  PyQt keeps the interpreter's lock for all that
Qt does in there, and that includes bringing the canvas to the screen: waiting for the graphics
card, or drawing in software (measured at 1029 x 719 pixels: 25 ms for every frame that is shown).
No other thread goes on meanwhile, so live localization answered after 60 instead of 12 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy import API_NAME
from qtpy.QtCore import QCoreApplication, QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

__all__ = ["paint_freely"]

_DONE = "limelight_paints_freely"
_HANDLED = (
    QEvent.Type.ToolTip,
    QEvent.Type.WindowActivate,
    QEvent.Type.ZOrderChange,
    QEvent.Type.Close,
)
"""What napari's window has to do with."""


class _Handler(QObject):
    """Hands the events that napari's window handles to its method, and only these."""

    def __init__(self, window: Any, method: Callable[[Any, QEvent], bool]) -> None:
        super().__init__(window)
        self._window, self._method = window, method

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Handle an event of the window; True where Qt need not."""
        if watched is self._window and event is not None and event.type() in _HANDLED:
            self._method(self._window, event)
            return True
        return False


def paint_freely(viewer: ViewerModel) -> bool:
    """Let Qt handle the events of a viewer's window by itself, as far as napari allows.

    The window keeps what napari does at its events: tool tips, activation, the end.

    Parameters
    ----------
    viewer : ViewerModel
        Whose window.

    Returns
    -------
    bool
        Whether it does so now; False without a window, with another binding than PyQt, or where
        napari's window is not as it is known.
    """
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    if window is None or not API_NAME.startswith("PyQt"):
        return False
    if window.property(_DONE):
        return True
    owner: Any = next((c for c in type(window).__mro__ if "event" in vars(c)), None)
    if owner is None or not owner.__module__.startswith("napari."):
        return False
    method = owner.event
    window.installEventFilter(_Handler(window, method))
    # PyQt looks for a method of Python's when an event comes, and remembers that there was none.
    del owner.event
    try:
        QCoreApplication.sendEvent(window, QEvent(QEvent.Type.User))
    finally:
        owner.event = method
    window.setProperty(_DONE, True)
    return True
