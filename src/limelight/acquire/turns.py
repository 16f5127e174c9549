"""Short turns: threads that wait for Python's interpreter get it sooner while a camera runs.

Python lets a thread go on for 5 ms when others wait.  A window that is drawn would hold up the
threads that empty the camera's buffer, localize and save by that much, each time one of them comes
back from a kernel or the disk; at 100 frames per second they would fall behind with work that
takes a fraction of the time.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["short_turns"]

_TURN_S = 0.002
_lock = threading.Lock()
_users = 0
_before = 0.005


@contextmanager
def short_turns() -> Iterator[None]:
    """Let threads change more often inside; several may be inside at once."""
    global _users, _before
    with _lock:
        if _users == 0:
            _before = sys.getswitchinterval()
            sys.setswitchinterval(min(_TURN_S, _before))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                sys.setswitchinterval(_before)
