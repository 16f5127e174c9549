"""NDTiff, version 3: TIFF files of up to 4 GB, and an index that tells where every image is.

The packages that write the format do not write what a camera of 8 bits gives (ndtiff 3.1), or
write it so that other programs cannot open it (ndstorage 0.1), and neither can be read by another
process while it grows.  Here every image is linked into the file as it is written, so that the
file is a whole TIFF file at any moment.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.storage.directory import Directory
from limelight.acquire.storage.output import OutputFile
from limelight.acquire.storage.writer import Writer, encode
from limelight.core.errors import ParameterError
from limelight.io.frame_entries import INDEX, Place, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["NDTiffWriter"]

_LARGEST = (1 << 32) - (1 << 20)
_SPARE = 2048  # bytes behind the summary for what is known only at the end
_KINDS = (0, 1, 2)


class NDTiffWriter(Writer):
    """Writes an NDTiff data set."""

    format = "ndtiff"
    index_name = INDEX
    long_index = False
    largest = _LARGEST

    def _start(self) -> None:
        self._stack.callback(self._close_files)
        self._files: list[OutputFile] = []
        self._directories: dict[tuple[int, ...], Directory] = {}
        self._room = len(encode(self.summary)) + _SPARE
        self._add_file()

    def _close_files(self) -> None:
        for file in self._files:
            file.close()

    def _header(self) -> bytes:
        text = encode(self.summary)
        if len(text) > self._room:
            text = encode({k: v for k, v in self.summary.items() if k != "Note"})[: self._room]
        # JSON may end with spaces: room for what is known only at the end.
        text = text.ljust(self._room)
        first = 28 + self._room + self._room % 2
        return struct.pack("<2sH6I", b"II", 42, first, 483729, 3, 3, 2355492, len(text)) + text

    def _add_file(self) -> None:
        stem = self.path.name.rpartition("_")[0] or self.path.name
        number = len(self._files)
        tail = f"_{number}" if number else ""
        file = OutputFile(self.path / f"{stem}_NDTiffStack{tail}.tif")
        self._files.append(file)
        header = self._header()
        file.append([header, b"\0" * (len(header) % 2)])
        self._link: int | None = None

    def _kind(self, pixels: NDArray[Any]) -> int:
        colours = pixels.shape[2] if pixels.ndim == 3 else 1
        kind = kind_of(pixels.dtype, colours) if pixels.ndim in (2, 3) and pixels.size else None
        if kind not in _KINDS:
            raise ParameterError(
                f"NDTiff holds images (Y, X) of uint8 or uint16, and (Y, X, 3) of uint8, not "
                f"{pixels.shape} of {pixels.dtype}. Choose OME-TIFF or OME-Zarr, or convert them."
            )
        return kind

    def _put(
        self, axes: dict[str, int | str], pixels: NDArray[Any], kind: int, metadata: bytes
    ) -> Place:
        height, width = pixels.shape[:2]
        key = (kind, height, width)
        directory = self._directories.get(key)
        if directory is None:
            directory = self._directories[key] = Directory(
                height,
                width,
                3 if kind == 2 else 1,
                pixels.dtype,
                big=False,
                pixel_size_um=self.pixel_size_um,
            )
        file = self._files[-1]
        size = directory.size + pixels.nbytes + len(metadata) + 1
        if file.end + size > self.largest and self._link is not None:
            self._add_file()
            file = self._files[-1]
        self._directory = directory
        body, at, meta_at = directory.at(file.end, len(metadata))
        odd = b"\0" * (size - 1 & 1)
        self._begin = file.append([body, pixels.reshape(-1).view(np.uint8).data, metadata, odd])
        return Place(file.name, at, height, width, kind, meta_at, len(metadata))

    def _undo(self) -> None:
        self._files[-1].cut(self._begin)

    def _commit(self, row: int, metadata: Mapping[str, Any]) -> None:
        if self._link is not None:
            self._files[-1].patch(self._link, struct.pack("<I", self._begin))
        self._link = self._begin + self._directory.next

    def _rewrite_summary(self) -> None:
        header = self._header()
        for file in self._files:
            file.patch(0, header)
