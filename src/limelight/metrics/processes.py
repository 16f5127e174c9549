"""Which process is meant by a host and a number, and whether it still lives."""

from __future__ import annotations

import os
import socket
import time
from functools import cache

__all__ = ["HEARTBEAT_S", "is_lost", "this_process"]

HEARTBEAT_S = 5.0
_SILENCE_S = 180.0  # of a process elsewhere, after which it is taken to be dead


@cache
def _started(pid: int) -> float:
    import psutil

    return float(psutil.Process(pid).create_time())


def this_process() -> tuple[str, int, float]:
    """Return host, number and start (seconds since 1970) of this process."""
    return socket.gethostname(), os.getpid(), _started(os.getpid())


def is_lost(host: str, pid: int, pid_started: float, heartbeat: float) -> bool:
    """Tell whether a process does not live any more.

    One of this host is looked up; its start tells it from a later one of the same number.  One of
    another host is lost when it has been silent for three minutes.
    """
    if host != socket.gethostname():
        return time.time() - heartbeat > _SILENCE_S
    import psutil

    try:
        process = psutil.Process(pid)
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return bool(zombie or abs(process.create_time() - pid_started) > 1.0)
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return time.time() - heartbeat > _SILENCE_S
