"""Messages: what an acquisition says to a person, however long it runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import overload

__all__ = ["Messages"]

_KEPT = 100


class Messages(Sequence[str]):
    """The newest messages, oldest first; what is said again is counted, not repeated.

    Parameters
    ----------
    kept : int
        How many different messages are kept.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._counts: dict[str, int] = {}  # the one said last is the last
        self._lock = threading.Lock()
        self._shown: tuple[str, ...] = ()
        self.said = 0
        """How often something was said."""
        self.dropped = 0
        """How many older messages are not kept."""

    def add(self, message: str) -> None:
        """Keep a message."""
        with self._lock:
            self.said += 1
            self._counts[message] = self._counts.pop(message, 0) + 1
            while len(self._counts) > self._kept:
                self.dropped += self._counts.pop(next(iter(self._counts)))
            self._shown = ()

    def shown(self) -> tuple[str, ...]:
        """Return what a person reads."""
        with self._lock:
            if not self._shown and self._counts:
                counts = self._counts.items()
                said = [f"{text} ({n} times)" if n > 1 else text for text, n in counts]
                if self.dropped:
                    said.insert(0, f"({self.dropped:,} older messages are not kept.)")
                self._shown = tuple(said)
            return self._shown

    def __len__(self) -> int:
        return len(self.shown())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.shown()[index]

    def __repr__(self) -> str:
        return repr(list(self.shown()))
