"""The directory of one image in a TIFF file, made once and filled in for every image.

TIFF 6.0, section 2, and the BigTIFF proposal: both little-endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from limelight.io.micromanager import FRAME_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["Directory"]

_ASCII, _SHORT, _LONG, _RATIONAL, _LONG8 = 2, 3, 4, 5, 16
_FORMATS = {"u": 1, "i": 2, "f": 3}
_STRIP, _DESCRIPTION = 273, 270


class Directory:
    """The directory of one image, with its numbers behind it, then pixels, then metadata.

    Parameters
    ----------
    height, width, colours : int
        Size of the images, pixels; colours per pixel.
    dtype : numpy.dtype
        Type of the pixels.
    big : bool
        Whether for a BigTIFF file.
    pixel_size_um : float, optional
        Size of a pixel in the sample, micrometres.
    metadata_tag : int
        Tag of the metadata.
    description : tuple of int, optional
        Place and length of a text that describes the image.

    Attributes
    ----------
    size : int
        Length in bytes, up to the pixels.
    next : int
        Where in it the place of the next directory stands.
    """

    def __init__(
        self,
        height: int,
        width: int,
        colours: int,
        dtype: np.dtype[Any],
        *,
        big: bool,
        pixel_size_um: float | None = None,
        metadata_tag: int = FRAME_TAG,
        description: tuple[int, int] | None = None,
    ) -> None:
        bits = dtype.itemsize * 8
        self._pixels = height * width * colours * dtype.itemsize
        resolution = (1, 1)
        if pixel_size_um:
            # Pixels per centimetre, as a ratio of 32 bit numbers.
            resolution = (min(max(round(1e7 / pixel_size_um), 1), 0xFFFFFFFF), 1000)
        tags: list[tuple[int, int, Sequence[int]]] = [
            (256, _LONG, [width]),
            (257, _LONG, [height]),
            (258, _SHORT, [bits] * colours),
            (259, _SHORT, [1]),
            (262, _SHORT, [2 if colours == 3 else 1]),
            (_STRIP, _LONG8 if big else _LONG, [0]),
            (277, _SHORT, [colours]),
            (278, _LONG, [height]),
            (279, _LONG8 if big else _LONG, [self._pixels]),
            (282, _RATIONAL, resolution),
            (283, _RATIONAL, resolution),
            (296, _SHORT, [3]),
            (339, _SHORT, [_FORMATS[dtype.kind]] * colours),
        ]
        if description is not None:
            tags.insert(5, (_DESCRIPTION, _ASCII, [0]))
        self._metadata_tag = metadata_tag
        self._entry = struct.Struct("<HHQQ" if big else "<HHII")
        self._word = struct.Struct("<Q" if big else "<I")
        inline = 8 if big else 4
        count = len(tags) + 1
        head = struct.pack("<Q" if big else "<H", count)
        self.next = len(head) + count * self._entry.size
        extra = self.next + self._word.size
        body, tail = bytearray(head), bytearray()
        self._moving: list[tuple[int, int]] = []  # places in the directory that hold places
        self.tags: dict[int, int] = {}
        for tag, kind, values in tags:
            at = len(body)
            self.tags[tag] = at
            if kind == _RATIONAL:
                data, number = struct.pack("<2I", *values), 1
            else:
                letter = {_SHORT: "H", _LONG: "I", _LONG8: "Q", _ASCII: "Q" if big else "I"}[kind]
                data, number = struct.pack(f"<{len(values)}{letter}", *values), len(values)
            if tag == _DESCRIPTION and description is not None:
                body += self._entry.pack(tag, kind, description[1], description[0])
                continue
            body += struct.pack("<HH", tag, kind) + self._word.pack(number)
            if len(data) <= inline:
                body += data.ljust(inline, b"\0")
            else:
                self._moving.append((at + self._entry.size - inline, extra + len(tail)))
                body += bytes(inline)
                tail += data + b"\0" * (len(data) % 2)
        self._strip = self.tags[_STRIP] + self._entry.size - inline
        self._metadata = len(body)
        body += self._entry.pack(self._metadata_tag, _ASCII, 0, 0)
        body += self._word.pack(0) + tail
        self.size = len(body)
        self._body = body

    def at(self, offset: int, length: int) -> tuple[bytearray, int, int]:
        """Fill in where it will be.

        Parameters
        ----------
        offset : int
            Its place in the file.
        length : int
            Length of the metadata, bytes; at least 9, as JSON of an image always is.

        Returns
        -------
        bytearray
            The directory, the same buffer at every call.
        int
            Place of the pixels.
        int
            Place of the metadata.
        """
        body, pack = self._body, self._word.pack_into
        for at, inside in self._moving:
            pack(body, at, offset + inside)
        pixels = offset + self.size
        pack(body, self._strip, pixels)
        metadata = pixels + self._pixels
        self._entry.pack_into(body, self._metadata, self._metadata_tag, _ASCII, length, metadata)
        return body, pixels, metadata
