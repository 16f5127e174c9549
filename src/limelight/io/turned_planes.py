"""Planes that lie as (X, Y) in an HDF5 file, read as (Y, X).

To read and to turn takes about twice the work of reading alone.  Pieces that fit into a core's
cache are read, turned while they are there, and shared among the cores.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.pool import thread_count
from limelight.core.transpose import transpose_planes
from limelight.io.hdf5_planes import moved, shorter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.io.hdf5_planes import Hdf5Planes
    from limelight.io.shared_file import SharedFile

__all__ = ["TurnedPlanes"]

_PIECE = 1 << 20  # bytes, about a core's cache
_FEW = 1 << 20  # pixels; numpy has turned fewer before the fast way is loaded
_SHARE = 1 << 21  # bytes for a thread; to wake it takes as long as to turn some ten KB


class TurnedPlanes:
    """Planes that lie as (X, Y) in a file, read as (Y, X).

    Several threads may read at once.

    Parameters
    ----------
    planes : Hdf5Planes
        Where they are.
    shared : SharedFile
        The file; it stays the caller's.
    threads : int, optional
        By how many threads one call reads; by default one per core.
    """

    def __init__(self, planes: Hdf5Planes, shared: SharedFile, threads: int | None = None) -> None:
        self._planes, self._shared = planes, shared
        # Kept between calls: to start threads would take a tenth of the time.  None is started
        # before there is work for it.
        self._rooms = threading.local()
        self._helping = thread_count(threads) - 1
        self._helpers: ThreadPoolExecutor | None = None
        if self._helping:
            self._helpers = ThreadPoolExecutor(self._helping, thread_name_prefix="limelight-turn")

    def read(self, place: tuple[int, ...], axis: int | None, target: NDArray[Any]) -> None:
        """Fill an array with planes that follow each other along an axis.

        Parameters
        ----------
        place : tuple of int
            Place of the first one on every axis but the last two.
        axis : int or None
            Which axis they are along; None: one plane.
        target : array (count, Y, X), C-contiguous, of the type in the file
            Filled.

        Raises
        ------
        FileError
            If the file became shorter or was closed.
        """
        count, height, width = target.shape
        starts = self._planes.starts(place, axis, count)
        if starts is not None and (starts < 0).any():
            starts = None
        step = max(1, min(count, _PIECE // max(1, target[0].nbytes)))
        turn = transpose_planes if target.size >= _FEW else _turn_simply
        waiting = deque(range(0, count, step))
        held = [target]

        def work() -> None:
            scratch = self._scratch(step, width, height, self._planes.dtype)
            while True:
                try:
                    first = waiting.popleft()
                except IndexError:
                    return
                turned = held[0][first : first + step]
                piece = scratch[: len(turned)]
                if starts is None:
                    there = place if axis is None else moved(place, axis, first)
                    self._planes.read(self._shared, there, axis, piece)
                elif self._shared.read_pieces(starts[first : first + step], piece) < len(piece):
                    raise shorter(self._shared)
                turn(piece, turned)

        helped = [self._help(work) for _ in range(min(self._helping, target.nbytes // _SHARE))]
        try:
            work()
        finally:
            waiting.clear()
            # One that other calls keep busy until now is not waited for.
            for future in helped:
                if future is not None and not future.cancel():
                    future.result()
            # A helper holds on to its work until it is given the next: not to the pixels.
            held.clear()

    def _scratch(self, count: int, width: int, height: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return room of this thread; new pages would cost as much as what is read into them."""
        size = count * width * height * dtype.itemsize
        room = getattr(self._rooms, "room", None)
        if room is None or room.nbytes < size:
            room = self._rooms.room = np.empty(size, np.uint8)
        return room[:size].view(dtype).reshape(count, width, height)

    def _help(self, work: Any) -> Future[None] | None:
        try:
            return self._helpers.submit(work) if self._helpers is not None else None
        except RuntimeError:  # closed meanwhile: reading tells so
            return None

    def close(self) -> None:
        """End the threads."""
        if self._helpers is not None:
            self._helpers.shutdown()


def _turn_simply(source: NDArray[Any], target: NDArray[Any]) -> None:
    np.copyto(target, source.transpose(0, 2, 1))
