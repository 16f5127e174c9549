"""Connections from a widget to what outlives it, such as the viewer; undone when it goes."""

from __future__ import annotations

import atexit
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QObject

__all__ = ["Listeners"]


_alive: weakref.WeakSet[Listeners] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End all while Python is whole: Qt deletes the widgets that are left when it no longer is."""
    for listeners in list(_alive):
        with suppress(Exception):
            listeners.close()


class Listeners:
    """Callbacks that live as long as their owner.

    napari's emitters keep calling a widget's methods after Qt has deleted the widget; these are
    disconnected before.

    Parameters
    ----------
    owner : QObject
        When it is destroyed, all ends.
    """

    def __init__(self, owner: QObject) -> None:
        self._connected: list[tuple[Any, Callable[..., Any]]] = []
        self._last: list[Callable[[], object]] = []
        owner.destroyed.connect(self.close)
        _alive.add(self)

    def on(self, emitter: Any, callback: Callable[..., Any]) -> None:
        """Call back on each of the emitter's events."""
        emitter.connect(callback)
        self._connected.append((emitter, callback))

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call once when all ends; must not touch Qt objects that go with the owner."""
        self._last.append(callback)

    def close(self, *_: object) -> None:
        """Disconnect everything."""
        connected, self._connected = self._connected, []
        last, self._last = self._last, []
        for emitter, callback in connected:
            with suppress(ValueError, TypeError, RuntimeError):
                emitter.disconnect(callback)
        for callback in last:
            callback()
