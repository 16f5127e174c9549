"""The core as docks use it: what it tells comes in the main thread, whoever made it, and when."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QObject, Qt

from limelight.acquire.core_access import find_core, release_first

__all__ = ["core_for_docks"]


def core_for_docks() -> Any:
    """Return the core in use; call it in the main thread, with an application."""
    core = find_core(load=False)
    _tell_through_qt(core)
    return core


def _tell_through_qt(core: Any) -> None:
    """Let a core that was made before the application tell everything through Qt's signals.

    pymmcore-plus chooses once, when the core is made, between signals of psygnal, which call in
    the thread in which something happened, and Qt's, which cross to that of the widget.  Widgets
    of pymmcore-widgets connect to them as they are.  Whoever is connected already still hears all.
    """
    before = core.events
    if isinstance(before, QObject):
        return
    from pymmcore_plus.core.events import QCoreSignaler

    relay: Any = getattr(core, "_callback_relay", None)
    if not hasattr(core, "_events") or not hasattr(relay, "_emitter"):
        return  # another version of pymmcore-plus; our own docks cross over by `Listeners`
    now = QCoreSignaler()
    for name in before:
        with suppress(AttributeError):
            getattr(now, name).connect(before[name].emit, Qt.ConnectionType.DirectConnection)
    core._events = now
    relay._emitter = now
    release_first()
