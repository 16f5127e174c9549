"""A function as a Job: it works on a thread of its own, tells how far it is, and can be stopped.

A computation is written as a plain function.  Wherever it goes over many pieces it calls
`limelight.core.pool.each`, which counts the pieces and, once the job is closed, goes no further.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from limelight.core.job import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.job import Job

__all__ = ["Stopped", "Watch", "newest_watch", "watched"]

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.05
_PATIENCE_S = 10.0  # for a piece to come to its end; a library's own call cannot be stopped


class Stopped(Exception):
    """Whoever wanted the result no longer wants it."""


class Watch:
    """How far a computation is, and whether it is still wanted."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 1
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let the computation end at its next piece."""
        self._stop.set()

    def over(self, function: Callable[[T], R], pieces: int) -> Callable[[T], R]:
        """Return the function, counted from the first of so many pieces on."""
        self.done, self.total = 0, max(pieces, 1)

        def counted(piece: T) -> R:
            if self._stop.is_set():
                raise Stopped
            result = function(piece)
            with self._lock:
                self.done += 1
            return result

        return counted


_NEWEST: ContextVar[Watch | None] = ContextVar("limelight_watch", default=None)


def newest_watch() -> Watch | None:
    """Return who watches the computation of this thread, if anybody does."""
    return _NEWEST.get()


def watched(function: Callable[[], T], message: str = "") -> Job[T]:
    """Run a function as a job.

    Parameters
    ----------
    function : callable
        What to compute; it runs on another thread.
    message : str
        Shown beside the bar.

    Yields
    ------
    Progress
        At first, and every twentieth of a second; its numbers are those of the pieces that the
        computation is going over just now.

    Returns
    -------
    object
        What the function returned.  What it raised is raised here.
    """
    yield Progress(0, 1, message)
    watch, finished = Watch(), threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        _NEWEST.set(watch)
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)
        finally:
            finished.set()

    thread = threading.Thread(target=work, name="limelight-watched", daemon=True)
    thread.start()
    try:
        while not finished.wait(_POLL_S):
            yield Progress(watch.done, watch.total, message)
    finally:
        watch.stop()
        thread.join(_PATIENCE_S)
    if errors:
        raise errors[0]
    return results[0]
