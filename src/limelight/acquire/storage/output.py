"""Files that grow by whole pieces: a piece is all there or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from limelight.core.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["OutputFile", "explain", "write_text"]

_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EIO}
_AT_A_PLACE = hasattr(os, "pwritev")
_KEPT = "What was written before is kept"


def explain(path: Path, error: OSError) -> StorageError:
    """Return what a person should read instead of an operating system's error."""
    folder = path.parent if path.suffix else path
    if error.errno in _FULL:
        return StorageError(
            path,
            "the disk is full.",
            f"{_KEPT}: free some space on {folder}, or go on in a folder on another disk.",
        )
    if error.errno == errno.EFBIG:
        return StorageError(
            path,
            "this disk holds no files as large as that.",
            f"{_KEPT}: go on in a folder on another disk.",
        )
    if error.errno in _RIGHTS:
        return StorageError(
            path,
            f"there is no permission to write into {folder}.",
            "Change the folder's permissions, or choose another folder.",
        )
    if error.errno in _GONE:
        return StorageError(
            path,
            f"the folder {folder} cannot be reached any more ({error.strerror or error}).",
            "Is the drive still connected? Bring it back, or go on in another folder.",
        )
    return StorageError(
        path,
        f"it cannot be written ({error.strerror or error}).",
        f"{_KEPT}: go on in another folder.",
    )


def _put(descriptor: int, buffers: Sequence[Any], offset: int) -> int:
    """Write buffers at a place, all of them; return how many bytes."""
    total = sum(map(len, buffers))
    if _AT_A_PLACE:
        done = os.pwritev(descriptor, buffers, offset)
    else:
        # Windows has no write at a place; nobody else moves this descriptor.
        os.lseek(descriptor, offset, os.SEEK_SET)
        done = 0
    if done == total:
        return total
    # A system writes 2 GB at most at once, and less when the disk gets full.
    skip = done
    for buffer in buffers:
        view = memoryview(buffer)
        if skip >= len(view):
            skip -= len(view)
            continue
        view, skip = view[skip:], 0
        while len(view):
            if hasattr(os, "pwrite"):
                count = os.pwrite(descriptor, view, offset + done)
            else:
                count = os.write(descriptor, view)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view, done = view[count:], done + count
    return total


class OutputFile:
    """A new file that grows by whole pieces.

    Nothing is kept in memory: when a call returns, the system has the bytes, and a process that
    is killed afterwards loses none of them.

    Parameters
    ----------
    path : path
        The file; must not exist.
    again : bool
        Whether it may exist, to be written on.

    Attributes
    ----------
    name : str
        Its name.
    end : int
        Length of what is in it.
    """

    def __init__(self, path: Path, *, again: bool = False) -> None:
        self.path, self.name = path, path.name
        flags = os.O_RDWR | os.O_CREAT | _FLAGS
        self._descriptor: int | None = os.open(path, flags | (0 if again else os.O_EXCL), 0o666)
        self.end = 0

    def append(self, buffers: Sequence[Any]) -> int:
        """Write buffers of bytes one behind the other at the end; return where they begin.

        Raises
        ------
        OSError
            If that fails; the file is then as it was.
        """
        start = self.end
        try:
            self.end += _put(self._open(), buffers, start)
        except OSError:
            self.cut(start)
            raise
        return start

    def patch(self, offset: int, buffer: bytes | bytearray) -> None:
        """Write over what is there."""
        _put(self._open(), [buffer], offset)

    def reserve(self, size: int) -> None:
        """Give the file a length; what was not written reads as zeros."""
        os.ftruncate(self._open(), size)
        self.end = size

    def put(self, offset: int, buffer: Any) -> None:
        """Write at a place of a file whose length is reserved."""
        _put(self._open(), [buffer], offset)

    def clear(self, offset: int, size: int) -> None:
        """Make zeros of what was written at a place, as far as there is anything."""
        with contextlib.suppress(OSError):
            _put(self._open(), [bytes(size)], offset)

    def cut(self, end: int) -> None:
        """Take away what is behind a place."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._open(), end)
        self.end = end

    @property
    def is_gone(self) -> bool:
        """Whether the file was deleted, so that what is written into it is lost."""
        return os.fstat(self._open()).st_nlink == 0

    def _open(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the file was closed")
        return self._descriptor

    def close(self) -> None:
        """Close the file.

        Raises
        ------
        OSError
            If the system could not write what it had accepted.
        """
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a small file so that there is the old one or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
