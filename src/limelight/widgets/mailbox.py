"""A mailbox with one slot: the newest request is answered, older ones are forgotten.

For what has to follow a slider: a queue would show the past.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NewestOnly"]


class NewestOnly(QObject):
    """Runs the newest of the functions that it is given, one at a time, off the main thread.

    A thread lives only while there is something to do.

    Signals
    -------
    answered : object, object
        The request's tag and what its function returned, on the main thread.  A request whose
        computation began is answered even where a newer one waits, so that something is seen
        while a slider moves; the tag tells what the answer is about.
    failed : object, object
        The tag and the exception.
    """

    answered = Signal(object, object)
    failed = Signal(object, object)
    _ready = Signal(int, object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._slot: tuple[int, Any, Callable[[], Any]] | None = None
        self._thread: threading.Thread | None = None
        self._newest = 0
        self._forgotten = 0
        self._closed = False
        self._ready.connect(self._deliver)  # queued: crosses to the main thread

    def request(self, tag: Any, function: Callable[[], Any]) -> None:
        """Ask for a function's result, instead of whatever was asked for before.

        Parameters
        ----------
        tag : object
            Comes back with the answer.
        function : callable
            Called on another thread; must not touch Qt.
        """
        with self._lock:
            if self._closed:
                return
            self._newest += 1
            self._slot = (self._newest, tag, function)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="limelight-newest-only", daemon=True
                )
                self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is being computed or waiting."""
        return self._thread is None

    def forget(self) -> None:
        """Drop what is waiting, and the answer to what is being computed."""
        with self._lock:
            self._forgotten = self._newest
            self._slot = None

    def close(self, timeout: float = 5.0) -> None:
        """Take no more requests, and wait for the one being computed."""
        with self._lock:
            self._closed = True
            self._slot = None
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._slot is None:
                    self._thread = None
                    return
                number, tag, function = self._slot
                self._slot = None
            result = error = None
            try:
                result = function()
            except Exception as exception:
                error = exception
            try:
                self._ready.emit(number, tag, result, error)
            except RuntimeError:  # the dock is gone
                self._closed = True

    def _deliver(self, number: int, tag: Any, result: Any, error: Any) -> None:
        if self._closed or number <= self._forgotten:
            return
        if error is not None:
            self.failed.emit(tag, error)
        else:
            self.answered.emit(tag, result)
