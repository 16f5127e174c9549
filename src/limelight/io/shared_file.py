"""A file that several threads read at once, at any place."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from limelight.core.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SharedFile", "explain"]

T = TypeVar("T")


def explain(path: str | Path, error: OSError) -> FileError:
    """Return what a person should read instead of an operating system's error."""
    path = Path(path)
    if isinstance(error, FileNotFoundError):
        return FileError(path, "there is no such file.", f"Look in {path.parent} for its name.")
    if isinstance(error, PermissionError):
        return FileError(
            path, "there is no permission to open it.", "Change its permissions or copy it."
        )
    if isinstance(error, IsADirectoryError):
        return FileError(path, "this is a folder, not a file.", "Open a file in it.")
    return FileError(
        path,
        f"it cannot be read ({error.strerror or error}).",
        "Is the drive still connected? Then open it again.",
    )


class SharedFile:
    """A file that several threads read at once, at any place.

    Reads name their place, so that threads do not disturb each other, and none holds a lock while
    it reads.  Pages are copied, not mapped: a mapped file that becomes shorter while it is open
    ends the process.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    FileError
        If it cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False
        self._descriptor: int | None = None
        self._finalizer: Any = None
        descriptor = self._open()
        self._descriptor = descriptor
        self._finalizer = weakref.finalize(self, os.close, descriptor)
        status = os.fstat(descriptor)
        self.size = status.st_size
        if stat.S_ISDIR(status.st_mode):
            self.close()
            raise explain(self.path, IsADirectoryError())

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise explain(self.path, error) from error

    def let_go(self) -> None:
        """Hold the file open no longer: from now on it is opened for each read.

        For movies of hundreds of files, of which a system cannot keep all open.  Not to be called
        while another thread reads.
        """
        self._release()

    def read_into(self, offset: int, target: NDArray[Any]) -> int:
        """Fill an array with the bytes at that place.

        Parameters
        ----------
        offset : int
            Place of the first byte.
        target : array, C-contiguous
            Filled from its start.

        Returns
        -------
        int
            Number of bytes that were there to be read.

        Raises
        ------
        FileError
            If reading fails.
        """
        view = target.reshape(-1).view(np.uint8).data
        return self._guarded(lambda descriptor: self._fill(descriptor, offset, view))

    def read_pieces(self, offsets: NDArray[np.int64], target: NDArray[Any]) -> int:
        """Fill the rows of an array with the bytes at several places.

        Rows that follow each other in the file too are read at once.

        Parameters
        ----------
        offsets : 1D array of int (n,)
            Place of the first byte of every row.
        target : array (n, ...), C-contiguous
            Filled row by row.

        Returns
        -------
        int
            Number of rows, from the first, that were there to be read.
        """
        count = len(offsets)
        if not count:
            return 0
        size = target.nbytes // count
        view = target.reshape(-1).view(np.uint8).data
        joints = np.flatnonzero(np.diff(offsets) != size) + 1
        edges = [0, *joints.tolist(), count]
        starts = offsets[edges[:-1]].tolist()

        def read(descriptor: int) -> int:
            for k, start in enumerate(starts):
                first, last = edges[k], edges[k + 1]
                wanted = (last - first) * size
                done = self._fill(descriptor, start, view[first * size : last * size])
                if done < wanted:
                    return first + done // size
            return count

        return self._guarded(read)

    def _guarded(self, read: Callable[[int], T]) -> T:
        """Read while the file cannot be closed."""
        with self._lock:
            if self._closed:
                raise FileError(self.path, "the movie was closed.", "Open it again.")
            self._users += 1
        try:
            if self._descriptor is not None:
                return read(self._descriptor)
            descriptor = self._open()
            try:
                return read(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise explain(self.path, error) from error
        finally:
            with self._lock:
                self._users -= 1
                if self._closed and not self._users:
                    self._release()

    def _fill(self, descriptor: int, offset: int, view: memoryview) -> int:
        done = 0
        while done < len(view):
            if hasattr(os, "preadv"):
                count = os.preadv(descriptor, [view[done:]], offset + done)
            else:
                # Windows has no read at a place: seek and read as one step.
                with self._lock:
                    os.lseek(descriptor, offset + done, os.SEEK_SET)
                    piece = os.read(descriptor, len(view) - done)
                count = len(piece)
                view[done : done + count] = piece
            if count == 0:
                break
            done += count
        return done

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from that place; fewer where the file ends."""
        count = max(0, min(count, self.size - offset))
        if hasattr(os, "pread"):
            return self._guarded(lambda descriptor: os.pread(descriptor, count, offset))
        buffer = np.empty(count, np.uint8)
        return buffer[: self.read_into(offset, buffer)].tobytes()

    def close(self) -> None:
        """Close the file, once the reads that are under way have ended."""
        with self._lock:
            self._closed = True
            if not self._users:
                self._release()

    def _release(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
            self._descriptor = None
