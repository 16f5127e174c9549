"""Room: a bound on the frames that are in memory at once.

The core gives every frame in an array of its own, in memory that the allocator uses over and
over as long as few are held; copying it into memory of ours costs as much as it saves (measured:
0.6 ms per 8 MB either way).  So frames are counted, not copied.  A frame takes a place until the
last array that looks at it is gone: whoever keeps one (a processor, a window, a person's script)
never sees it change, and the camera is held back when the disk is slow.
"""

from __future__ import annotations

import time
import weakref
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Room"]

_LOOK = 0.02


class Room:
    """Places for frames.

    Parameters
    ----------
    places : int
        How many frames may be under way.
    idle : callable, optional
        Tells whether all that was handed on has been dealt with.  If there is no place then,
        processors keep frames for themselves, and the room grows by a place, because waiting
        would be for ever.
    """

    def __init__(self, places: int, idle: Callable[[], bool] | None = None) -> None:
        self.places = 0
        self._idle = idle or (lambda: False)
        # A frame may be collected in any thread at any moment, even within `admit`, so the way
        # back must be re-entrant: a SimpleQueue's put is.
        self._free: SimpleQueue[None] = SimpleQueue()
        self.grow(places)

    def grow(self, places: int) -> None:
        """Make room for so many frames."""
        for _ in range(places - self.places):
            self._free.put(None)
        self.places = max(self.places, places)

    @property
    def free(self) -> int:
        """Number of frames for which there is room."""
        return self._free.qsize()

    def _wait(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while True:
            try:
                self._free.get(timeout=_LOOK)
                return True
            except Empty:
                if self._idle():
                    self.places += 1
                    return True
                if time.monotonic() > end:
                    return False

    def admit(self, pixels: NDArray[Any], timeout: float) -> bool:
        """Let a frame in; False if no place came free in time.

        Parameters
        ----------
        pixels : array
            The frame; nobody else may write to it.
        timeout : float
            Seconds to wait at most.
        """
        if not self._wait(timeout):
            return False
        owner = pixels
        while isinstance(owner.base, np.ndarray):
            owner = owner.base  # all views have this one as their base
        weakref.finalize(owner, self._free.put, None).atexit = False
        return True
