"""A mark in the folder of an acquisition that is not finished, and whether it still runs.

The mark is a small file that the writing process keeps locked and removes at the end.  The system
lets go of the lock when the process ends, however it ends; so a mark without a lock tells of an
acquisition that was interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["JOURNAL", "InProgress", "unfinished"]

JOURNAL = "results.journal"
"""Beside the mark, what processors find is written as it comes, until tables are made of it."""
_NAME = "unfinished.json"
_FAR = 1 << 30  # the byte that is locked on Windows, behind the text


def _lock(descriptor: int, *, mine: bool) -> bool:
    """Lock a file for as long as it is open; tell whether it was free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # Who only looks holds it for a moment, which the writer waits for.
            fcntl.flock(descriptor, fcntl.LOCK_EX if mine else fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class InProgress:
    """The mark of an acquisition that this process writes.

    Parameters
    ----------
    folder : path
        The folder of the acquisition.
    about : dict
        What is known of it; given back by `unfinished`.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.path = folder / _NAME
        text = {
            "note": "This acquisition still runs, or was interrupted.",
            **about,
            "process": os.getpid(),
            "computer": socket.gethostname(),
        }
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._descriptor: int | None = os.open(self.path, flags, 0o666)
        os.write(self._descriptor, json.dumps(text, indent=1).encode())
        _lock(self._descriptor, mine=True)

    def release(self, *, finished: bool = True) -> None:
        """Take the mark away, or leave it as that of an acquisition that was interrupted."""
        if self._descriptor is None:
            return
        os.close(self._descriptor)
        self._descriptor = None
        if finished:
            with contextlib.suppress(OSError):
                self.path.unlink()


def unfinished(folder: Path) -> tuple[dict[str, Any], bool] | None:
    """Return what is known of an unfinished acquisition, and whether it still runs.

    Parameters
    ----------
    folder : path
        The folder of the acquisition.

    Returns
    -------
    tuple of dict and bool, or None
        None if it is finished.
    """
    try:
        with (folder / _NAME).open("rb") as file:
            text = file.read()
            free = _lock(file.fileno(), mine=False)
    except OSError:
        return None
    try:
        about = json.loads(text)
    except ValueError:
        about = {}
    about = about if isinstance(about, dict) else {}
    return about, not free and _alive(about)


def _alive(about: dict[str, Any]) -> bool:
    """Tell whether the process lives; a child of a killed one may hold its lock."""
    process = about.get("process")
    if about.get("computer") != socket.gethostname() or not isinstance(process, int):
        return True
    if sys.platform == "win32" or process <= 0:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
