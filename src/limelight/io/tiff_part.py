"""The frames in one TIFF file."""

from __future__ import annotations

import itertools
import logging
import math
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from limelight.core.errors import FileError
from limelight.io.file_movie import NotAMovieError
from limelight.io.shared_file import SharedFile
from limelight.io.tiff_index import Chain, Directory, TiffFormatError, TiffIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["TiffPart"]

# Everything that decides how pixels are stored: size, bits, compression, fill order, samples, rows
# per strip, planes, predictor, tile size, sample format.
_LAYOUT_TAGS = (256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 322, 323, 339)
_PHOTOMETRIC_RGB = (2, 5, 6, 8)


class _Quiet(logging.Filter):
    """Keeps what tifffile says of damaged files out of the log: we say it ourselves."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.CRITICAL


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the pixels of a file's first frame are stored, and what is said about them.

    Parameters
    ----------
    layout : tuple
        Values of all tags that decide it.
    height, width : int
        Size of a frame, pixels.
    dtype : dtype
        Type of the counts, in native byte order.
    plain : bool
        Whether the bytes of a strip are its pixels.
    decode : callable
        Decompresses a strip or tile.
    jpeg : dict
        What `decode` needs besides for JPEG.
    resolution : (float, int)
        Pixels per unit along x, and the unit (1: none, 2: inch, 3: cm).
    description : str
        The text in the directory.
    """

    layout: tuple[tuple[int, ...], ...]
    height: int
    width: int
    dtype: np.dtype[Any]
    plain: bool
    decode: Callable[..., Any]
    jpeg: dict[str, bytes]
    resolution: tuple[float, int]
    description: str


class TiffPart:
    """The frames in one TIFF file, those of the first frame's size.

    Call `index` before reading.

    Parameters
    ----------
    path : path
        The file.
    keep_open : bool
        Whether to hold it open between reads.
    like : TiffPart, optional
        A file that was probably written in the same way; saves time where that is so.

    Raises
    ------
    FileError
        If it cannot be opened, is no TIFF file, or its frames are in colour or not of numbers.
    """

    def __init__(
        self, path: str | Path, *, keep_open: bool = True, like: TiffPart | None = None
    ) -> None:
        self.path = Path(path)
        self.file = SharedFile(path)
        self._keep_open = keep_open
        self._twin: TiffPart | None = None
        self._chain: Chain | None = None
        self._lock = threading.Lock()
        self.broken = False
        self.encoding: Encoding
        try:
            self._open(like)
        except FileError:
            self.file.close()
            raise

    def _open(self, like: TiffPart | None) -> None:
        if self.file.size == 0:
            raise FileError(self.path, "the file is empty (0 bytes).", "Copy it again.")
        try:
            self.directories = TiffIndex(self.file)
        except TiffFormatError as error:
            raise FileError(
                self.path,
                "this is not a TIFF file, whatever its name says.",
                "Open it with the program that wrote it and save it as TIFF.",
            ) from error
        try:
            self.first: Directory = self.directories.directory(self.directories.first)
            if like is not None and self._is_twin_of(like):
                self._take_over(like.encoding)
                self._twin = like
                return
            layout = tuple(self.directories.numbers(self.first, tag) for tag in _LAYOUT_TAGS)
            alike = (
                like is not None
                and like.encoding.layout == layout
                and like.byte_order == self.byte_order
                and not like.encoding.jpeg  # whose tables may differ from file to file
            )
            self.encoding = (
                replace(like.encoding, description="")
                if alike and like is not None
                else _read_encoding(self.path, layout)
            )
        except FileError:
            raise
        except Exception as error:  # tifffile raises nearly anything on damaged directories
            raise FileError(
                self.path,
                "the file is damaged or incomplete: its first frame cannot be found.",
                "Copy the file again.",
            ) from error
        self._take_over(self.encoding)

    def _take_over(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.height, self.width, self.dtype = encoding.height, encoding.width, encoding.dtype
        self.frame_bytes = self.height * self.width * self.dtype.itemsize
        self._block_bytes = self.frame_bytes if encoding.plain else 0
        self._swap = self.byte_order != {"little": "<", "big": ">"}[sys.byteorder]

    def _is_twin_of(self, other: TiffPart) -> bool:
        """Tell whether this file is laid out as another one of a single frame, to the byte."""
        return (
            len(other) == 1
            and other.block(0) >= 0
            and other.first.next == 0
            and not other.broken
            and self.file.size == other.file.size
            and self.byte_order == other.byte_order
            and self.first == other.first
        )

    @property
    def description(self) -> str:
        """The text in the first frame's directory."""
        return self.encoding.description

    @property
    def byte_order(self) -> str:
        """``"<"`` or ``">"``."""
        return self.directories.byte_order

    def __len__(self) -> int:
        return 0 if self._chain is None else len(self._chain.data)

    def index(self, promised: int | None = None, *, lone_directory: bool = False) -> None:
        """Find the frames.

        Parameters
        ----------
        promised : int, optional
            Number of frames that the file's description promises.
        lone_directory : bool
            Whether one directory may stand for all frames (ImageJ's files > 4 GB, and tifffile's
            truncated ones).
        """
        if self._twin is not None:
            self._chain = self._twin._chain
            self._twin = None
        else:
            self._index(promised, lone_directory)
        if not self._keep_open:
            self.file.let_go()

    def _index(self, promised: int | None, lone_directory: bool) -> None:
        chain = self._contiguous(promised, lone_directory) if promised else None
        if chain is None:
            chain = self.directories.walk(self._block_bytes)
        there = self._complete(chain)
        self.broken = chain.broken or there < len(chain.data)
        self._chain = Chain(
            chain.directories[:there], chain.data[:there], chain.checked[:there], chain.broken
        )

    def _contiguous(self, promised: int, lone_directory: bool) -> Chain | None:
        """Return the frames as one block, if they are one; the chain is not followed then."""
        if not self._block_bytes or promised < 2:
            return None
        block = self.directories.block(self.first, self._block_bytes)
        if not 0 <= block < self.file.size:
            return None
        end = block + promised * self.frame_bytes
        following = self.first.next
        if following == 0 and not lone_directory:
            return None
        if following != 0:
            if following < end:
                return None
            # Directories that lie behind all frames: is the second frame where it should be?
            try:
                second = self.directories.directory(following)
            except TiffFormatError:
                second = None
            if second is not None and (
                self.directories.block(second, self._block_bytes) != block + self.frame_bytes
            ):
                return None
        # A wrong description may promise more than any memory lists.
        count = min(promised, (self.file.size - block) // self.frame_bytes + 1)
        data = block + np.arange(count, dtype=np.int64) * self.frame_bytes
        return Chain(np.full(count, -1, np.int64), data, np.ones(count, bool), end > self.file.size)

    def _complete(self, chain: Chain) -> int:
        """Return the number of frames before the first one whose pixels are not all there."""
        size = self.file.size
        blocks = chain.data >= 0
        cut = np.flatnonzero(blocks & (chain.data + self.frame_bytes > size))
        there = int(cut[0]) if len(cut) else len(blocks)
        # Other frames lie in the order of their directories, so the last ones are looked at.
        while there and chain.data[there - 1] < 0:
            try:
                directory = self.directories.directory(int(chain.directories[there - 1]))
                offsets, counts = self.directories.segments(directory)
            except TiffFormatError:
                offsets, counts = (), ()
            if offsets and len(offsets) == len(counts):
                if max(o + c for o, c in zip(offsets, counts, strict=True)) <= size:
                    break
            there -= 1
        return there

    def read_into(self, pages: NDArray[np.int64], target: NDArray[Any]) -> None:
        """Read frames into an array.

        Parameters
        ----------
        pages : 1D array of int
            Their indices in the file.
        target : 3D array (len(pages), Y, X)
            Filled with them, in native byte order.

        Raises
        ------
        FileError
            If one cannot be read any more.
        """
        chain = self._checked(pages)
        data = chain.data[pages]
        if len(data) and data.min() >= 0:
            joins = np.flatnonzero(np.diff(data) != self.frame_bytes) + 1
            edges = [0, *joins.tolist(), len(data)]
            for start, stop in itertools.pairwise(edges):
                piece = target[start:stop]
                done = self.file.read_into(int(data[start]), piece)
                if done < piece.nbytes:
                    raise self._gone(int(pages[start + done // self.frame_bytes]))
            if self._swap and self.dtype.itemsize > 1:
                target.byteswap(inplace=True)
            return
        for page, place in zip(pages.tolist(), target, strict=True):
            self._read_segments(chain, page, place)

    def _checked(self, pages: NDArray[np.int64]) -> Chain:
        chain = self._chain
        assert chain is not None
        for page in pages[~chain.checked[pages]].tolist():
            try:
                directory = self.directories.directory(int(chain.directories[page]))
                good = self.directories.block(directory, self._block_bytes) == chain.data[page]
            except TiffFormatError:
                good = False
            if not good:
                return self._walk_again(pages)
            chain.checked[page] = True
        return chain

    def _walk_again(self, pages: NDArray[np.int64]) -> Chain:
        """Follow the chain step by step, for the leap was wrong."""
        with self._lock:
            chain = self._chain
            assert chain is not None
            if not chain.checked.all():
                chain = self.directories.walk(self._block_bytes, leap=False, most=len(chain.data))
                if self._complete(chain) <= pages.max():
                    raise self._gone(self._complete(chain))
                self._chain = chain
            return chain

    def _read_segments(self, chain: Chain, page: int, target: NDArray[Any]) -> None:
        try:
            directory = self.directories.directory(int(chain.directories[page]))
        except TiffFormatError as error:
            raise self._gone(page) from error
        offsets, counts = self.directories.segments(directory)
        target[...] = 0
        image = target.reshape(1, 1, self.height, self.width, 1)
        for k, (offset, count) in enumerate(zip(offsets, counts, strict=False)):
            encoded = self.file.read(offset, count)
            if len(encoded) < count:
                raise self._gone(page)
            try:
                pixels, place, shape = self.encoding.decode(
                    encoded or None, k, **self.encoding.jpeg
                )
            except Exception as error:  # each codec has errors of its own
                raise self._cannot_decode(page, error) from error
            if pixels is None:
                continue
            _, _, row, column, _ = place
            height = min(shape[1], self.height - row)
            width = min(shape[2], self.width - column)
            image[:, :, row : row + height, column : column + width] = pixels[:, :height, :width]

    def _cannot_decode(self, page: int, error: Exception) -> FileError:
        if "imagecodecs" in str(error):
            return FileError(
                self.path,
                f"its compression cannot be read without another package ({error}).",
                "Install it: pip install imagecodecs",
            )
        return FileError(
            self.path,
            f"frame {page} is damaged ({type(error).__name__} while decompressing it).",
            f"Localize the frames before it (frame range 0:{page}), or copy the file again.",
        )

    def _gone(self, page: int) -> FileError:
        return FileError(
            self.path,
            f"frame {page} is not there any more: the file changed after it was opened.",
            "Open it again.",
        )

    def block(self, page: int) -> int:
        """Return the place of a frame's pixels, -1 where they are not one uncompressed block."""
        return -1 if self._chain is None else int(self._chain.data[page])

    def tag(self, page: int, tag: int) -> bytes:
        """Return the bytes of a tag of a frame; empty where it has none."""
        chain = self._chain
        if page == 0 or chain is None:
            directory = self.first
        else:
            offset = int(chain.directories[page])
            if offset < 0:
                return b""
            try:
                directory = self.directories.directory(offset)
            except TiffFormatError:
                return b""
        found = self.directories.raw(directory, tag)
        return found[2] if found else b""

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _read_encoding(path: Path, layout: tuple[tuple[int, ...], ...]) -> Encoding:
    quiet = _Quiet()
    log = tifffile.logger()
    log.addFilter(quiet)
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            page = tiff.pages.first
            decode = page.decode
    finally:
        log.removeFilter(quiet)
    if page.photometric in _PHOTOMETRIC_RGB or page.samplesperpixel != 1:
        raise NotAMovieError(
            path,
            "its images are in colour, and a movie needs one number per pixel.",
            "Split the colours in the program that wrote it, and save one of them.",
        )
    if page.dtype is None or page.dtype.kind not in "uif" or page.ndim != 2:
        raise NotAMovieError(
            path,
            f"its pixels ({page.dtype}) are not whole or real numbers.",
            "Convert it to 16 bit in the program that wrote it.",
        )
    dtype: np.dtype[Any] = np.dtype(page.dtype).newbyteorder("=")
    tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    return Encoding(
        layout=layout,
        height=int(page.imagelength),
        width=int(page.imagewidth),
        dtype=dtype,
        plain=bool(
            page.compression == 1
            and page.predictor == 1
            and page.fillorder == 1
            and not page.is_tiled
            and page.bitspersample == dtype.itemsize * 8
        ),
        decode=decode,
        jpeg={k: v for k, v in tables.items() if v is not None},
        resolution=_resolution(page),
        description=str(page.description),
    )


def _resolution(page: tifffile.TiffPage) -> tuple[float, int]:
    """Return pixels per unit along x, and the unit (1: none, 2: inch, 3: cm)."""
    tag = page.tags.get(282)
    unit = page.tags.get(296)
    try:
        above, below = tag.value  # type: ignore[union-attr]
        value = above / below
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return 0.0, 1
    unit_code = int(unit.value) if unit is not None and unit.value in (1, 2, 3) else 2
    return (value if math.isfinite(value) else 0.0), unit_code
