"""Where the frames of a TIFF file lie, found without reading them.

A TIFF file is a chain of directories, one per frame (TIFF 6.0, section 2; BigTIFF has wider
fields).  Reading a chain of 100,000 directories takes a while, above all over a network.  Where
they follow each other at a constant distance, the walk leaps ahead and checks where it lands; a
frame that was leapt over is checked when it is read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.io.shared_file import SharedFile

__all__ = ["Chain", "Directory", "TiffFormatError", "TiffIndex"]

WIDTH, LENGTH, COMPRESSION = 256, 257, 259
STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS = 273, 279, 324, 325

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

_GUESS = 512  # bytes that hold most directories
_LONGEST_LEAP = 4096
_REGULAR = 3  # equal distances in a row before the first leap


class TiffFormatError(ValueError):
    """The bytes at that place are no TIFF directory."""


@dataclass(slots=True)
class Directory:
    """One directory: its raw bytes, and where the next one is (0: nowhere)."""

    offset: int
    entries: bytes
    next: int


@dataclass(frozen=True)
class Chain:
    """The frames of a file.

    Parameters
    ----------
    directories : 1D array of int64
        Place of every frame's directory.
    data : 1D array of int64
        Place of every frame's pixels; -1 where they are not one uncompressed block.
    checked : 1D array of bool
        Whether the directory was read (and not leapt over).
    broken : bool
        Whether the chain ends in something that is no directory.
    """

    directories: NDArray[np.int64]
    data: NDArray[np.int64]
    checked: NDArray[np.bool_]
    broken: bool


class TiffIndex:
    """Directories of a TIFF file.

    Parameters
    ----------
    file : SharedFile
        The file.

    Raises
    ------
    TiffFormatError
        If it is no TIFF file.
    """

    def __init__(self, file: SharedFile) -> None:
        self.file = file
        head = file.read(0, 16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            raise TiffFormatError("no TIFF signature")
        self.byte_order = order
        version = struct.unpack(order + "H", head[2:4])[0]
        if version == 42:
            self.big = False
            self.first: int = struct.unpack(order + "I", head[4:8])[0]
        elif version == 43 and len(head) == 16:
            self.big = True
            self.first = struct.unpack(order + "Q", head[8:16])[0]
        else:
            raise TiffFormatError("no TIFF signature")
        self._count = struct.Struct(order + ("Q" if self.big else "H"))
        self._next = struct.Struct(order + ("Q" if self.big else "I"))
        self._entry = struct.Struct(order + ("HHQ" if self.big else "HHI"))
        self._entry_size = 20 if self.big else 12
        self._inline = 8 if self.big else 4
        self._tag = struct.Struct(order + "H")
        self._positions: dict[int, int] = {}

    def directory(self, offset: int) -> Directory:
        """Read the directory at that place.

        Raises
        ------
        TiffFormatError
            If there is none.
        """
        if not 8 <= offset < self.file.size:
            raise TiffFormatError(f"the directory at {offset} lies outside the file")
        chunk = self.file.read(offset, _GUESS)
        start = self._count.size
        if len(chunk) < start:
            raise TiffFormatError(f"the directory at {offset} is cut off")
        count = self._count.unpack_from(chunk)[0]
        if not 0 < count <= 4096:
            raise TiffFormatError(f"there is no directory at {offset}")
        end = start + count * self._entry_size
        if len(chunk) < end + self._next.size:
            chunk = self.file.read(offset, end + self._next.size)
            if len(chunk) < end + self._next.size:
                raise TiffFormatError(f"the directory at {offset} is cut off")
        return Directory(offset, chunk[start:end], self._next.unpack_from(chunk, end)[0])

    def _find(self, directory: Directory, tag: int) -> int:
        """Return the place of a tag within the directory's entries, -1 if it has none."""
        entries = directory.entries
        # Directories of a file mostly look alike: try the place where the tag was last.
        known = self._positions.get(tag, -1)
        if 0 <= known < len(entries) and self._tag.unpack_from(entries, known)[0] == tag:
            return known
        for place in range(0, len(entries), self._entry_size):
            if self._tag.unpack_from(entries, place)[0] == tag:
                self._positions[tag] = place
                return place
        return -1

    def raw(self, directory: Directory, tag: int) -> tuple[int, int, bytes] | None:
        """Return type, count and bytes of a tag's value, None if the directory has none."""
        place = self._find(directory, tag)
        if place < 0:
            return None
        _, kind, count = self._entry.unpack_from(directory.entries, place)
        size = _SIZES.get(kind, 1) * count
        field = place + self._entry.size
        if size <= self._inline:
            return kind, count, directory.entries[field : field + size]
        offset = self._next.unpack_from(directory.entries, field)[0]
        return kind, count, self.file.read(offset, size)

    def numbers(self, directory: Directory, tag: int) -> tuple[int, ...]:
        """Return a tag's whole numbers; none where it is missing or cut off."""
        found = self.raw(directory, tag)
        if found is None:
            return ()
        kind, count, value = found
        if kind not in _CODES or len(value) != count * _SIZES[kind]:
            return ()
        return struct.unpack(f"{self.byte_order}{count}{_CODES[kind]}", value)

    def segments(self, directory: Directory) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return places and sizes of a frame's strips or tiles."""
        offsets = self.numbers(directory, STRIP_OFFSETS) or self.numbers(directory, TILE_OFFSETS)
        counts = self.numbers(directory, STRIP_COUNTS) or self.numbers(directory, TILE_COUNTS)
        return offsets, counts

    def block(self, directory: Directory, frame_bytes: int) -> int:
        """Return the place of a frame's pixels, -1 where they are not one uncompressed block."""
        if self.numbers(directory, COMPRESSION) not in ((), (1,)):
            return -1
        offsets = self.numbers(directory, STRIP_OFFSETS)
        if len(offsets) == 1:
            counts = self.numbers(directory, STRIP_COUNTS)
            # Some writers leave the count of a single strip out, or at 0.
            good = not counts or counts[0] in (0, frame_bytes) or counts[0] > frame_bytes
            return offsets[0] if good else -1
        counts = self.numbers(directory, STRIP_COUNTS)
        if not offsets or len(counts) != len(offsets) or sum(counts) != frame_bytes:
            return -1
        ends = (o + c for o, c in zip(offsets, counts, strict=True))
        joined = all(end == start for end, start in zip(ends, offsets[1:], strict=False))
        return offsets[0] if joined else -1

    def _stencil(self, first: Directory) -> tuple[list[tuple[int, int]], int] | None:
        """Return which bytes of the first directory must recur, and where its one block is told.

        Only for frames of one strip: others are looked at tag by tag.
        """
        place = self._find(first, STRIP_OFFSETS)
        if place < 0 or len(self.numbers(first, STRIP_OFFSETS)) != 1:
            return None
        kind = self._entry.unpack_from(first.entries, place)[1]
        if _SIZES[kind] != self._next.size:
            return None
        kept = [(place, place + self._entry.size)]
        for tag in (WIDTH, LENGTH, COMPRESSION, STRIP_COUNTS):
            if (at := self._find(first, tag)) >= 0:
                kept.append((at, at + self._entry_size))
        return kept, place + self._entry.size

    def _examine(
        self,
        directory: Directory,
        first: Directory,
        stencil: tuple[list[tuple[int, int]], int] | None,
        frame_bytes: int,
    ) -> int | None:
        """Return the place of a frame's pixels as `block` does; None for another kind of frame."""
        entries = directory.entries
        if stencil is not None and len(entries) == len(first.entries):
            kept, place = stencil
            if all(entries[a:b] == first.entries[a:b] for a, b in kept):
                return int(self._next.unpack_from(entries, place)[0])
        if any(
            self.numbers(directory, tag) != self.numbers(first, tag)
            for tag in (WIDTH, LENGTH, COMPRESSION)
        ):
            return None
        return self.block(directory, frame_bytes) if frame_bytes else -1

    def walk(self, frame_bytes: int, *, leap: bool = True, most: int | None = None) -> Chain:
        """Follow the chain of directories.

        Parameters
        ----------
        frame_bytes : int
            Size of an uncompressed frame; 0 where frames cannot be read as blocks.
        leap : bool
            Whether to leap over directories at constant distances.
        most : int, optional
            Number of frames after which to stop.
        """
        first = self.directory(self.first)
        directories: list[int] = []
        data: list[int] = []
        checked: list[bool] = []
        seen: set[int] = set()
        plain = bool(frame_bytes) and self.block(first, frame_bytes) >= 0
        stencil = self._stencil(first) if plain else None
        offset, distance, regular, step = self.first, 0, 0, 1
        broken = False
        while offset and (most is None or len(directories) < most):
            try:
                if offset in seen:
                    raise TiffFormatError("the chain of directories is a loop")
                seen.add(offset)
                directory = self.directory(offset)
                block = self._examine(directory, first, stencil, frame_bytes)
                if block is None and not self.numbers(directory, WIDTH):
                    raise TiffFormatError(f"the directory at {offset} has no width")
            except TiffFormatError:
                broken = True
                break
            if block is None:
                offset = directory.next
                continue
            if directories:
                new = offset - directories[-1]
                alike = new == distance and block - data[-1] == new and block >= 0
                regular = regular + 1 if alike else 0
                distance = new
            directories.append(offset)
            data.append(min(block, self.file.size))  # a place of 64 wrong bits is no index
            checked.append(True)
            offset = directory.next
            step = min(step * 2, _LONGEST_LEAP) if leap and regular >= _REGULAR else 1
            while step > 1:
                if most is not None and len(directories) + step > most:
                    step //= 2
                    continue
                landed = self._land(directories[-1] + step * distance, distance)
                if (
                    landed is None
                    or data[-1] < 0
                    or data[-1] + step * distance
                    != self._examine(landed, first, stencil, frame_bytes)
                ):
                    step //= 2
                    continue
                directories += [directories[-1] + k * distance for k in range(1, step + 1)]
                data += [data[-1] + k * distance for k in range(1, step + 1)]
                checked += [False] * (step - 1) + [True]
                offset = landed.next
                if offset == 0:
                    break
                step = min(step * 2, _LONGEST_LEAP)
        return Chain(
            np.array(directories, np.int64), np.array(data, np.int64), np.array(checked), broken
        )

    def _land(self, offset: int, distance: int) -> Directory | None:
        """Return the directory at a place, if the next one is at the same distance again."""
        if distance <= 0:
            return None
        try:
            directory = self.directory(offset)
        except TiffFormatError:
            return None
        return directory if directory.next in (0, offset + distance) else None
