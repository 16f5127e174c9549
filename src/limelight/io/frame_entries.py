"""The index files beside the images of an acquisition: which image is where.

Two kinds are read and written, both rows of entries that are only ever appended to:

- ``NDTiff.index`` (NDTiff, version 3): length and text of the axes (JSON), length and text of the
  file's name, and eight little-endian 32 bit numbers: place of the pixels, width, height, type and
  compression of the pixels, place, length and compression of the metadata.
- ``frames.index``, which Limelight writes beside OME-TIFF and OME-Zarr: a head (eight letters,
  version, length and text of a JSON object), then the same entries with 64 bit places.
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FRAMES", "INDEX", "KINDS", "Place", "head", "kind_of", "pack", "read_head", "unpack"]

INDEX = "NDTiff.index"
FRAMES = "frames.index"
_MARK = b"LLFRAMES"
_VERSION = 1
_SHORT = struct.Struct("<8I")
_LONG = struct.Struct("<QIIIIQII")
_LENGTH = struct.Struct("<I")
_decode = json.JSONDecoder().decode

KINDS: dict[int, tuple[str, int]] = {
    0: ("<u1", 1),
    1: ("<u2", 1),
    2: ("<u1", 3),
    3: ("<u2", 1),
    4: ("<u2", 1),
    5: ("<u2", 1),
    6: ("<u2", 1),
    16: ("<i1", 1),
    17: ("<i2", 1),
    18: ("<u4", 1),
    19: ("<i4", 1),
    20: ("<f4", 1),
    21: ("<f8", 1),
    22: ("<u2", 3),
}
"""Type and colours per pixel, by their number in an index; from 16 on the numbers are ours."""
_NUMBERS = {value: number for number, value in reversed(KINDS.items())}


class Place(NamedTuple):
    """Where an image and its metadata are.

    Parameters
    ----------
    file : str
        File with the pixels, relative to the data set's folder.
    pixels : int
        Place of the first byte of the pixels.
    height, width : int
        Size, pixels.
    kind : int
        Type of the pixels, a key of `KINDS`.
    metadata, length : int
        Place and length of the metadata (JSON), in the same file unless the head names another.
    """

    file: str
    pixels: int
    height: int
    width: int
    kind: int
    metadata: int
    length: int


@lru_cache(maxsize=64)
def kind_of(dtype: np.dtype[Any], colours: int = 1) -> int | None:
    """Return the number of a type of pixels; None where it has none."""
    little = np.dtype(dtype).newbyteorder("<").str.replace("|", "<")
    return _NUMBERS.get((little, colours))


def head(about: Mapping[str, Any]) -> bytes:
    """Return how a ``frames.index`` begins."""
    text = json.dumps(about).encode()
    return _MARK + struct.pack("<2I", _VERSION, len(text)) + text


def read_head(body: bytes) -> tuple[dict[str, Any], int] | None:
    """Return what the head of a ``frames.index`` says and its length; None if it has none.

    Raises
    ------
    ValueError
        If it is damaged or of a version that is not known.
    """
    if body[:8] != _MARK:
        return None
    if len(body) < 16:
        raise ValueError("its head is incomplete")
    version, length = struct.unpack_from("<2I", body, 8)
    if version != _VERSION:
        raise ValueError(f"it is of the version {version}, which is not known")
    about = json.loads(body[16 : 16 + length])
    if not isinstance(about, dict):
        raise ValueError("its head is damaged")
    return about, 16 + length


def pack(axes: bytes, place: Place, *, long: bool) -> bytes:
    """Return the entry of one image.

    Parameters
    ----------
    axes : bytes
        The axes as JSON.
    place : Place
        Where it is.
    long : bool
        Whether for ``frames.index``, not for ``NDTiff.index``.
    """
    rest = (_LONG if long else _SHORT).pack(
        place.pixels, place.width, place.height, place.kind, 0, place.metadata, place.length, 0
    )
    return b"".join((_LENGTH.pack(len(axes)), axes, _packed_name(place.file), rest))


@lru_cache(maxsize=256)
def _packed_name(file: str) -> bytes:
    name = file.encode()
    return _LENGTH.pack(len(name)) + name


def unpack(body: bytes, *, long: bool) -> Iterator[tuple[dict[str, int | str], Place, int]]:
    """Yield axes, place and the end of every whole entry, up to one that is cut off.

    Raises
    ------
    ValueError
        If an entry is damaged.
    """
    numbers = _LONG if long else _SHORT
    size, at = len(body), 0
    while at + 4 <= size:
        (length,) = _LENGTH.unpack_from(body, at)
        if length == 0:
            return  # the rest was reserved, not written
        middle = at + 4 + length
        if middle + 4 > size:
            return
        (count,) = _LENGTH.unpack_from(body, middle)
        end = middle + 4 + count + numbers.size
        if end > size:
            return
        try:
            axes = _decode(body[at + 4 : middle].decode())
        except (ValueError, RecursionError):
            raise ValueError("its texts are damaged") from None
        if type(axes) is not dict:
            raise ValueError("its axes are damaged")
        for value in axes.values():
            if not isinstance(value, int | str):
                raise ValueError("its axes are damaged")
        file = _file_name(body[middle + 4 : middle + 4 + count])
        pixels, width, height, kind, packed, metadata, letters, _ = numbers.unpack_from(
            body, middle + 4 + count
        )
        if packed:
            raise ValueError("its pixels are compressed")
        yield axes, Place(file, pixels, height, width, kind, metadata, letters), end
        at = end


@lru_cache(maxsize=256)
def _file_name(body: bytes) -> str:
    try:
        name = body.decode()
    except ValueError:
        raise ValueError("its texts are damaged") from None
    if not name or "\\" in name or "\0" in name or not {"", ".."}.isdisjoint(name.split("/")):
        raise ValueError("the name of its file is damaged")
    return name
