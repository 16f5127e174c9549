"""Connections from a widget to what outlives it, such as the viewer; undone when it goes."""

from __future__ import annotations

import atexit
import functools
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psygnal import SignalInstance
from qtpy.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Listeners"]


_alive: weakref.WeakSet[Listeners] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End all while Python is whole: Qt deletes the widgets that are left when it no longer is."""
    for listeners in list(_alive):
        with suppress(Exception):
            listeners.close()


class _Crossing(QObject):
    """Calls functions in the thread in which it was made."""

    _called = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self.closed = False
        self._called.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def _call(self, function: Callable[[], object]) -> None:
        if not self.closed:
            function()

    def wrap(self, callback: Callable[..., Any]) -> Callable[..., None]:
        """Return the callback so that it may be called in any thread."""

        @functools.wraps(callback)
        def call(*arguments: Any) -> None:
            if threading.get_ident() == self._thread:
                callback(*arguments)
                return
            with suppress(RuntimeError):  # the window is going
                self._called.emit(functools.partial(callback, *arguments))

        return call


class Listeners:
    """Callbacks that live as long as their owner.

    napari's emitters keep calling a widget's methods after Qt has deleted the widget; these are
    disconnected before.  Signals of psygnal call in the thread in which something happened; the
    callback is called in the thread of the owner.

    Parameters
    ----------
    owner : QObject
        When it is destroyed, all ends.
    """

    def __init__(self, owner: QObject) -> None:
        self._connected: list[tuple[Any, Callable[..., Any]]] = []
        self._last: list[Callable[[], object]] = []
        self._crossing = _Crossing()
        owner.destroyed.connect(self.close)
        _alive.add(self)

    def on(self, emitter: Any, callback: Callable[..., Any]) -> None:
        """Call back on each of the emitter's events, in the owner's thread."""
        if isinstance(emitter, SignalInstance):
            callback = self._crossing.wrap(callback)
        emitter.connect(callback)
        self._connected.append((emitter, callback))

    def at_end(self, callback: Callable[[], object]) -> None:
        """Call once when all ends; must not touch Qt objects that go with the owner."""
        self._last.append(callback)

    def close(self, *_: object) -> None:
        """Disconnect everything."""
        self._crossing.closed = True
        connected, self._connected = self._connected, []
        last, self._last = self._last, []
        for emitter, callback in connected:
            with suppress(ValueError, TypeError, RuntimeError):
                emitter.disconnect(callback)
        for callback in last:
            callback()
