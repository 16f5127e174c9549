"""What a reader or writer has to say that is no error, and who hears it.

Python's own `warnings.catch_warnings` changes the filters of the whole process: two threads that
use it at once (a kernel that is compiled while a file is opened) undo each other.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collected", "remark"]

_heard: ContextVar[list[str] | None] = ContextVar("limelight_remarks", default=None)


def remark(text: str, stacklevel: int = 1) -> None:
    """Say something: to the innermost `collected` of this thread, else as a warning.

    Parameters
    ----------
    text : str
        One or two sentences.
    stacklevel : int
        Whose line the warning names, as in `warnings.warn`: 1 is the caller.
    """
    heard = _heard.get()
    if heard is None:
        warnings.warn(text, UserWarning, stacklevel=stacklevel + 1)
    else:
        heard.append(text)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Hear all remarks of this thread that are made inside; nothing is shown of them.

    Yields
    ------
    list of str
        Grows as remarks are made.
    """
    said: list[str] = []
    token = _heard.set(said)
    try:
        yield said
    finally:
        _heard.reset(token)
