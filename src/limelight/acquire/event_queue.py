"""The queue of events that are still to be acquired, and generators that make them as they go."""

from __future__ import annotations

import contextlib
import threading
from queue import Empty, SimpleQueue
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["EventQueue", "fed", "is_lazy"]


class EventQueue:
    """The events that are still to be acquired; hooks and processors may add to it."""

    def __init__(self, accepts: Callable[[Any], bool]) -> None:
        self._items: SimpleQueue[Any] = SimpleQueue()
        self._accepts = accepts

    def put(self, events: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an event, a list of events, a generator, or a useq sequence; None: no more."""
        if self._accepts(events):
            self._items.put(events)

    def put_again(self, events: Any) -> None:
        """Add what was accepted before."""
        self._items.put(events)

    def get(self, timeout: float) -> Any:
        """Return what comes next; raises ``queue.Empty``."""
        return self._items.get(timeout=timeout)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._items.empty()

    def clear(self) -> None:
        """Forget what is waiting."""
        with contextlib.suppress(Empty):
            while True:
                self._items.get_nowait()


def is_lazy(events: Any) -> bool:
    """Whether events are to be asked for one after the other, as they are needed."""
    return isinstance(events, GeneratorType) or (
        hasattr(events, "__next__") and not isinstance(events, dict)
    )


def fed(events: Iterator[Any], meanwhile: Callable[[], None]) -> Iterator[Any]:
    """Take events from a generator in a thread, so that one that waits can be given up."""
    asked, given = threading.Semaphore(0), SimpleQueue[tuple[str, Any]]()
    over = threading.Event()

    def feed() -> None:
        try:
            while True:
                asked.acquire()
                if over.is_set():
                    break
                try:
                    item = next(events)
                except StopIteration:
                    given.put(("end", None))
                    return
                given.put(("item", item))
        except BaseException as error:
            given.put(("error", error))

    thread = threading.Thread(target=feed, name="limelight-events", daemon=True)
    thread.start()
    try:
        while True:
            asked.release()
            while True:
                try:
                    kind, value = given.get(timeout=0.05)
                    break
                except Empty:
                    meanwhile()
            if kind == "end":
                return
            if kind == "error":
                raise LimelightError(
                    f"The generator of events failed: {type(value).__name__}: {value}. What was "
                    "acquired is kept."
                ) from value
            yield value
    finally:
        over.set()
        asked.release()
