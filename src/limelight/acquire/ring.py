"""Ring: a bounded number of frames' worth of memory, used over and over.

Memory that was written before is several times faster to write again than fresh memory from the
system (0.3 against 2.6 ms for 8 MB), and a bound is what holds the camera back when the disk is
slow.  A slot comes back by itself when the last array that looks at it is gone, so that whoever
keeps a frame (a processor, a window, a person's script) can never see it change.
"""

from __future__ import annotations

import weakref
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Ring"]


class Ring:
    """Memory for frames.

    Parameters
    ----------
    slots : int
        How many frames may be under way.
    idle : callable, optional
        Tells whether all that was handed on has been dealt with.  If there is no free slot then,
        processors keep frames for themselves, and the ring grows by a slot, because waiting
        would be for ever.
    """

    def __init__(self, slots: int, idle: Callable[[], bool] | None = None) -> None:
        self.slots = slots
        self._idle = idle or (lambda: False)
        self._free: deque[bytearray] = deque()
        # A frame may be collected in any thread at any moment, even within `take`, so the way
        # back must be re-entrant: appending to a deque is, and a SimpleQueue's put.
        self._tickets: SimpleQueue[None] = SimpleQueue()
        for _ in range(slots):
            self._tickets.put(None)

    def grow(self, slots: int) -> None:
        """Make room for more frames."""
        for _ in range(slots - self.slots):
            self._tickets.put(None)
        self.slots = max(self.slots, slots)

    @property
    def free(self) -> int:
        """Number of frames for which there is room."""
        return self._tickets.qsize()

    def take(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], timeout: float
    ) -> NDArray[Any] | None:
        """Return an array to write a frame into, or None if no slot came free in time.

        Parameters
        ----------
        shape, dtype
            Of the frame.
        timeout : float
            Seconds to wait at most.
        """
        try:
            self._tickets.get(timeout=timeout)
        except Empty:
            if not self._idle():
                return None
            self.slots += 1
        size = int(np.prod(shape)) * dtype.itemsize
        try:
            memory = self._free.pop()  # the last one used is the one still in the cache
        except IndexError:
            memory = bytearray(size)
        if len(memory) != size:
            memory = bytearray(size)
        flat: NDArray[Any] = np.frombuffer(memory, dtype)
        # All views of it, and views of these, have this array as their base.
        weakref.finalize(flat, self._back, memory).atexit = False
        return flat.reshape(shape)

    def copy(self, pixels: NDArray[Any], timeout: float) -> NDArray[Any] | None:
        """Return a copy of a frame in the ring, or None if no slot came free in time."""
        slot = self.take(pixels.shape, pixels.dtype, timeout)
        if slot is not None:
            np.copyto(slot, pixels)
        return slot

    def _back(self, memory: bytearray) -> None:
        self._free.append(memory)
        self._tickets.put(None)
