"""OME-TIFF: one BigTIFF file per position, with the metadata of every image beside its pixels.

Images are linked into the file as they are written, so that it is a whole TIFF file at any moment;
the description that makes an OME-TIFF of it comes at the end.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.storage.directory import Directory
from limelight.acquire.storage.ome import Key, Series, ome_xml, series_key, series_label
from limelight.acquire.storage.output import OutputFile, write_text
from limelight.acquire.storage.writer import Writer, encode
from limelight.core.errors import ParameterError
from limelight.io.frame_entries import FRAMES, KINDS, Place, head, kind_of
from limelight.io.frame_store import SUMMARY
from limelight.io.micromanager import OWN_FRAME_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.io.frame_index import FrameIndex

__all__ = ["OmeTiffWriter"]

_ROOM = 8192  # bytes at the beginning for a description that is not long
_DESCRIPTION = 270
_BEFORE = b"An acquisition that is not finished. Limelight opens the folder with all it has."
_LINK = struct.Struct("<Q")


class _File:
    """The file of one series."""

    def __init__(self, output: OutputFile, series: Series, pixel_size_um: float | None) -> None:
        self.output, self.series = output, series
        dtype, colours = KINDS[series.kind]

        def directory(description: tuple[int, int] | None) -> Directory:
            return Directory(
                series.height,
                series.width,
                colours,
                np.dtype(dtype),
                big=True,
                pixel_size_um=pixel_size_um,
                metadata_tag=OWN_FRAME_TAG,
                description=description,
            )

        output.append([struct.pack("<2s3HQ", b"II", 43, 8, 0, 16 + _ROOM), _BEFORE.ljust(_ROOM)])
        self.first, self.directory = directory((16, _ROOM)), directory(None)
        self.link: int | None = None

    def describe(self, index: FrameIndex, summary: Mapping[str, Any]) -> None:
        """Write the description that belongs to the end."""
        if self.link is None:
            return
        text = ome_xml(self.series, index, summary, pages=True).encode()
        if len(text) <= _ROOM:
            self.output.patch(16, text.ljust(_ROOM))
            return
        try:
            place = self.output.append([text])
        except OSError:
            # The disk is full: what is known of each image alone is beside its pixels anyway.
            brief = ome_xml(self.series, index, summary, pages=True, brief=True).encode()
            if len(brief) > _ROOM:
                raise
            self.output.patch(16, brief.ljust(_ROOM))
            return
        entry = struct.pack("<2H2Q", _DESCRIPTION, 2, len(text), place)
        self.output.patch(16 + _ROOM + self.first.tags[_DESCRIPTION], entry)


class OmeTiffWriter(Writer):
    """Writes an acquisition as OME-TIFF files."""

    format = "ome-tiff"
    index_name = FRAMES

    def _start(self) -> None:
        self._files: dict[Key, _File] = {}
        self._stack.callback(self._close_files)
        self._index_file.append([head({"format": self.format})])
        self._rewrite_summary()

    def _close_files(self) -> None:
        for file in self._files.values():
            file.output.close()

    def _kind(self, pixels: NDArray[Any]) -> int:
        colours = pixels.shape[2] if pixels.ndim == 3 else 1
        kind = kind_of(pixels.dtype, colours) if pixels.ndim in (2, 3) and pixels.size else None
        if kind is None:
            raise ParameterError(
                "OME-TIFF holds images (Y, X) of whole numbers of 8 to 32 bits or real numbers of "
                f"32 or 64 bits, and (Y, X, 3) of uint8 or uint16, not {pixels.shape} of "
                f"{pixels.dtype}. Convert them."
            )
        return kind

    def _put(
        self, axes: dict[str, int | str], pixels: NDArray[Any], kind: int, metadata: bytes
    ) -> Place:
        key = series_key(axes)
        file = self._files.get(key)
        height, width = pixels.shape[:2]
        if file is None:
            label = series_label(key, [f.series.label for f in self._files.values()])
            series = Series(key, label, height, width, kind)
            name = f"{self.path.name}{'_' + label if key else ''}.ome.tif"
            output = OutputFile(self.path / name)
            try:
                file = _File(output, series, self.pixel_size_um)
            except OSError:
                output.close()
                output.path.unlink(missing_ok=True)
                raise
            self._files[key] = file
        series = file.series
        if (height, width, kind) != (series.height, series.width, series.kind):
            raise different(pixels, series)
        self._file = file
        directory = file.first if file.link is None else file.directory
        self._directory = directory
        output = file.output
        body, at, meta_at = directory.at(output.end, len(metadata))
        odd = bytes(-(directory.size + pixels.nbytes + len(metadata)) % 8)
        view = pixels.reshape(-1).view(np.uint8).data
        self._begin = output.append([body, view, metadata, odd])
        return Place(output.name, at, height, width, kind, meta_at, len(metadata))

    def _undo(self) -> None:
        self._file.output.cut(self._begin)

    def _commit(self, row: int, metadata: Mapping[str, Any]) -> None:
        file = self._file
        if file.link is not None:
            file.output.patch(file.link, _LINK.pack(self._begin))
        file.link = self._begin + self._directory.next
        file.series.add(row, metadata)

    def _rewrite_summary(self) -> None:
        write_text(self.path / SUMMARY, encode(self.summary).decode())

    def _end(self) -> None:
        for file in self._files.values():
            file.describe(self.index, self.summary)


def different(pixels: NDArray[Any], series: Series) -> ParameterError:
    """Return what to say of an image that is of another size or type than those before."""
    dtype, colours = KINDS[series.kind]
    shape = (series.height, series.width, colours)[: 2 if colours == 1 else 3]
    return ParameterError(
        f"An image of {pixels.shape}, {pixels.dtype}, does not go with those of {shape}, "
        f"{np.dtype(dtype)}, before it. Save it as NDTiff, or with another position."
    )
