"""Storage in memory: the images of an acquisition that is not written to the disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.dataset import Dataset
from limelight.acquire.storage.writer import plain_axes
from limelight.core.errors import StorageError
from limelight.io.frame_entries import Place
from limelight.io.frame_index import FrameIndex
from limelight.io.frame_store import FrameStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["RamDataset", "RamWriter"]

_PART = 0.6


class RamWriter:
    """Keeps images in memory; with the methods of `limelight.acquire.storage.writer.Writer`.

    Parameters
    ----------
    stream : Stream
        What kind of frames will come.
    summary : mapping
        The summary metadata.
    limit : int, optional
        Bytes that images may take; by default 60 % of the memory that the machine has.
    """

    def __init__(
        self, stream: Stream, summary: Mapping[str, Any], limit: int | None = None
    ) -> None:
        self.stream = stream
        self.summary = dict(summary)
        self.path = Path("memory")
        self.arrived = threading.Condition()
        self.index = FrameIndex()
        self.images: list[NDArray[Any]] = []
        self.metadata: list[Mapping[str, Any]] = []
        self.is_finished = False
        self._bytes = 0
        self._limit = int(_PART * _memory()) if limit is None else limit

    @property
    def frames_written(self) -> int:
        """Number of images that are kept."""
        return len(self.images)

    def write(self, frame: Frame) -> None:
        """Keep a copy of an image.

        Raises
        ------
        StorageError
            If the memory is full.
        """
        axes = plain_axes(frame.axes)
        self.index.check(axes)
        if self._bytes + frame.pixels.nbytes > self._limit:
            raise StorageError(
                self.path,
                f"{self._limit / 1e9:.1f} GB of images are in memory, which is full.",
                "Give the acquisition a directory to save in.",
            )
        self.images.append(np.array(frame.pixels))
        self.metadata.append(dict(frame.metadata))
        self._bytes += frame.pixels.nbytes
        height, width = frame.shape
        self.index.add(axes, Place("", len(self.images) - 1, height, width, 0, 0, 0))
        with self.arrived:
            self.arrived.notify_all()

    def finish(self, note: str = "") -> None:
        """Say that no image will come any more."""
        if note:
            self.summary["Note"] = note
        self.is_finished = True
        with self.arrived:
            self.arrived.notify_all()

    def annotate(self, **values: Any) -> None:
        """Add values to the summary."""
        self.summary |= values

    def dataset(self) -> RamDataset:
        """Return the images as a `Dataset`."""
        return RamDataset(self)


class _RamStore(FrameStore):
    """The images of a `RamWriter`, as a `Dataset` reads them."""

    def __init__(self, writer: RamWriter) -> None:
        super().__init__(writer.path, writer.index)
        self._writer = writer

    @property
    def summary(self) -> dict[str, Any]:
        return dict(self._writer.summary)

    def problem(self) -> str:
        return str(self._writer.summary.get("Note", ""))

    def kind(self, place: Place) -> tuple[np.dtype[Any], tuple[int, ...]]:
        image = self._writer.images[place.pixels]
        return image.dtype, image.shape

    def read(self, row: int) -> NDArray[Any]:
        return self._writer.images[self.index.place(row).pixels].copy()

    def mapped(self, row: int) -> NDArray[Any]:
        image = self._writer.images[self.index.place(row).pixels].view()
        image.flags.writeable = False
        return image

    def read_many(self, rows: NDArray[np.int64], target: NDArray[Any]) -> None:
        for position, row in enumerate(rows.tolist()):
            target[position] = self._writer.images[self.index.place(row).pixels]

    def metadata(self, row: int) -> dict[str, Any]:
        return dict(self._writer.metadata[self.index.place(row).pixels])


class RamDataset(Dataset):
    """The images of an acquisition that are in memory only."""

    def __init__(self, writer: RamWriter) -> None:
        self._writers = [writer]  # type: ignore[list-item]
        self._stores = [_RamStore(writer)]
        self._summary = writer.summary
        self._lock = threading.Lock()
        self._seen = 0


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 8 << 30
