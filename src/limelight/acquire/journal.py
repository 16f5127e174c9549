"""Journal: results of a run, written as they come, readable after a kill at any moment.

A journal is a row of blocks, each of which is appended as a whole: lengths and checksum, a
description in JSON, and columns of numbers one behind the other (little-endian).
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.storage.output import OutputFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Block", "Journal", "read_blocks"]

Block = tuple[dict[str, Any], dict[str, "NDArray[Any]"]]
"""What a block says, and its columns; columns of words are lists in the description."""

_MAGIC = b"LIMELOG1"
_HEAD = struct.Struct("<QQI")  # length of the description, of the columns, checksum of both


class Journal:
    """A new journal, written by one thread.

    Parameters
    ----------
    path : path
        The file; what is there is written over.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._file = OutputFile(path)
        self._file.append([_MAGIC])

    def append(self, about: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> None:
        """Write a block; it is all there when this returns, or not at all.

        Raises
        ------
        OSError
            If the disk is full, or the file gone.
        """
        words = {name: list(map(_plain, c)) for name, c in columns.items() if c.dtype.kind == "O"}
        numbers = {name: _little(c) for name, c in columns.items() if name not in words}
        kinds = [
            [name, numbers[name].dtype.str if name in numbers else "O", len(column)]
            for name, column in columns.items()
        ]
        text = json.dumps({"about": dict(about), "columns": kinds, "words": words}, default=str)
        described = text.encode()
        data = b"".join(column.tobytes() for column in numbers.values())
        head = _HEAD.pack(len(described), len(data), zlib.crc32(data, zlib.crc32(described)))
        self._file.append([head, described, data])

    @property
    def is_gone(self) -> bool:
        """Whether the file was deleted."""
        return self._file.is_gone

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _little(column: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(column, column.dtype.newbyteorder("<"))


def read_blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of a journal up to the last whole one; it may still grow.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size - len(_MAGIC)
        if file.read(len(_MAGIC)) != _MAGIC:
            return
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            described, size, checksum = _HEAD.unpack(head)
            left -= _HEAD.size + described + size
            if left < 0:
                return
            text, data = file.read(described), file.read(size)
            if zlib.crc32(data, zlib.crc32(text)) != checksum:
                return
            block = json.loads(text)
            yield block["about"], _columns(block, data)


def _columns(block: dict[str, Any], data: bytes) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    offset = 0
    for name, kind, count in block["columns"]:
        if kind == "O":
            columns[name] = np.empty(count, object)
            columns[name][:] = block["words"][name]
            continue
        dtype = np.dtype(kind)
        columns[name] = np.frombuffer(data, dtype, count, offset)
        offset += count * dtype.itemsize
    return columns
