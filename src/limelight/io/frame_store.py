"""The images of an acquisition in a folder, while it grows and afterwards.

NDTiff, and what Limelight writes as OME-TIFF and OME-Zarr.  What is read is the index, then the
pixels themselves: neither the directories of TIFF files nor the descriptions of arrays.  Of each
image the index tells a file and a place in it, in all three formats.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.io import micromanager
from limelight.io.frame_entries import FRAMES, INDEX, KINDS, Place, read_head, unpack
from limelight.io.frame_index import FrameIndex
from limelight.io.in_progress import JOURNAL, unfinished
from limelight.io.shared_file import SharedFile, explain

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SUMMARY", "FrameStore"]

SUMMARY = "summary.json"
_OPEN = 32
_FULL = "Full resolution"


class FrameStore:
    """The images of one folder.

    Parameters
    ----------
    folder : path
        The folder, or a file in it.
    index : FrameIndex, optional
        Where the images are, if this process writes them; else read from the folder.
    metadata_file : str
        File with the metadata, if they are not beside the pixels and the index was given.

    Raises
    ------
    FileError
        If there is no index in the folder, or it is damaged.
    """

    def __init__(
        self, folder: str | Path, index: FrameIndex | None = None, metadata_file: str = ""
    ) -> None:
        folder = Path(folder)
        folder = folder.parent if folder.is_file() else folder
        if not (folder / INDEX).is_file() and (folder / _FULL / INDEX).is_file():
            folder = folder / _FULL
        self.folder = folder
        self.live = index is not None
        self.index = FrameIndex() if index is None else index
        self.metadata_file = metadata_file
        self.format = ""
        self._files: OrderedDict[str, SharedFile] = OrderedDict()
        self._lock = threading.Lock()
        self._end = 0
        self._loose = False
        self._shut = False
        if index is not None:
            return
        names = [n for n in (INDEX, FRAMES) if (folder / n).is_file()]
        if not names:
            reason = f"there is neither {INDEX} nor {FRAMES} in it."
            if not folder.is_dir():
                reason = "there is no such folder."
            raise FileError(folder, reason, "Choose the folder of an acquisition, such as name_1.")
        self._path = folder / names[0]
        self._long = names[0] == FRAMES
        if self._long:
            self._read_head()
        else:
            self.format = "ndtiff"
        self.refresh()

    def _read_head(self) -> None:
        try:
            with self._path.open("rb") as file:
                found = read_head(file.read(1 << 16))
        except OSError as error:
            raise explain(self._path, error) from error
        except ValueError as error:
            raise FileError(self._path, f"{error}.", "Copy the folder again.") from error
        if found is None:
            raise FileError(self._path, "it is damaged.", "Copy the folder again.")
        about, self._end = found
        self.format = str(about.get("format", ""))
        self.metadata_file = str(about.get("metadata", ""))

    def refresh(self) -> bool:
        """Read what was appended to the index; tell if there are new images."""
        if self.live:
            return False
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._end)
                    body = file.read()
            except OSError as error:
                raise explain(self._path, error) from error
            before, at = self.index.changes, 0
            try:
                for axes, place, end in unpack(body, long=self._long):
                    self.index.check(axes)
                    self.index.add(axes, place)
                    at = end
            except ValueError as error:
                raise FileError(
                    self._path,
                    f"its entry {len(self.index)} is damaged: {str(error).rstrip('.')}.",
                    "Copy the folder again; its files may open one by one.",
                ) from error
            self._end += at
            self._loose = any(body[at:])
            return self.index.changes > before

    @property
    def summary(self) -> dict[str, Any]:
        """The summary metadata; empty where there are none."""
        try:
            if self.format != "ndtiff":
                return micromanager.parse_json((self.folder / SUMMARY).read_bytes())
            if len(self.index):
                header = micromanager.read_header(self._file(self.index.place(0).file), "<")
                return header.summary if header else {}
            for path in sorted(self.folder.glob("*_NDTiffStack.tif")):
                header = micromanager.read_header(self._file(path.name), "<")
                return header.summary if header else {}
        except (OSError, FileError):
            pass
        return {}

    @property
    def is_growing(self) -> bool:
        """Whether another process still writes images."""
        state = unfinished(self.folder)
        return state is not None and state[1]

    def problem(self) -> str:
        """Return what is missing; empty if nothing is."""
        state = unfinished(self.folder)
        if state is not None and state[1]:
            return ""
        count = len(self.index)
        good = int(self.whole(np.arange(count)).sum())
        said: list[str] = []
        if state is not None or self._loose:
            about = state[0] if state is not None else {}
            sizes = about.get("sizes") or {}
            promised = about.get("length") or (int(np.prod(list(sizes.values()))) if sizes else 0)
            many = f"{good} of {promised}" if promised and promised >= good else str(good)
            said.append(
                f"the acquisition was interrupted: {many} images were written, and can be read."
            )
        elif good < count:
            said.append(f"{count - good} of {count} images cannot be read: files are cut off.")
        if good < count and state is None:
            said.append("Copy the folder again.")
        summary = self.summary
        if note := str(summary.get("Note") or ""):
            said.append(note)
        if further := str(summary.get("ContinuedIn") or ""):
            said.append(f"It goes on in {further}.")
        if kept := self.kept_results():
            said.append(kept)
        return f"{self.folder.name}: {' '.join(said)}" if said else ""

    def kept_results(self) -> str:
        """Say that results of an interrupted acquisition wait for tables; empty if none do."""
        state = unfinished(self.folder)
        if not (self.folder / JOURNAL).exists() or (state is not None and state[1]):
            return ""
        return (
            "What processors found is kept, but not yet in tables: `limelight recover FOLDER` or "
            "limelight.recover_results(folder) writes them."
        )

    def whole(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which images are all there."""
        files, ends = self.index.ends(rows)
        names = self.index.files
        sizes = np.zeros(len(names), np.int64)
        for number in np.unique(files).tolist():
            try:
                sizes[number] = (self.folder / names[number]).stat().st_size
            except OSError:
                sizes[number] = -1
        return np.asarray(ends <= sizes[files])

    @property
    def has_loose_end(self) -> bool:
        """Whether the last entry of the index is cut off."""
        return self._loose

    def _file(self, name: str) -> SharedFile:
        with self._lock:
            if self._shut:
                raise FileError(self.folder, "the movie was closed.", "Open it again.")
            file = self._files.get(name)
            if file is None:
                file = self._files[name] = SharedFile(self.folder / name)
            self._files.move_to_end(name)
            if len(self._files) > _OPEN:
                # A read that is under way keeps it open until it is done.
                self._files.popitem(last=False)[1].close()
            return file

    def kind(self, place: Place) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """Return type and shape of an image."""
        if place.kind not in KINDS:
            raise FileError(
                self.folder / place.file,
                f"its images are of an unknown kind ({place.kind}).",
                "Save them as uncompressed gray values.",
            )
        dtype, colours = KINDS[place.kind]
        shape = (place.height, place.width)
        return np.dtype(dtype), (*shape, colours) if colours > 1 else shape

    def read(self, row: int) -> NDArray[Any]:
        """Return the pixels of an image.

        Raises
        ------
        FileError
            If they are not there any more.
        """
        place = self.index.place(row)
        dtype, shape = self.kind(place)
        pixels = np.empty(shape, dtype)
        if self._file(place.file).read_into(place.pixels, pixels) < pixels.nbytes:
            raise self._cut(row)
        return pixels

    def _cut(self, row: int) -> FileError:
        return FileError(
            self.folder / self.index.place(row).file,
            f"the image at {self.index.position(row)} is not all there.",
            "Copy the folder again.",
        )

    def mapped(self, row: int) -> NDArray[Any]:
        """Return the pixels of an image as a map of the file, to be read when looked at."""
        place = self.index.place(row)
        dtype, shape = self.kind(place)
        try:
            return np.memmap(self.folder / place.file, dtype, "r", place.pixels, shape)
        except (OSError, ValueError) as error:
            raise self._cut(row) from error

    def read_many(self, rows: NDArray[np.int64], target: NDArray[Any]) -> None:
        """Fill an array with images of one kind, shape (n, ...)."""
        places = [self.index.place(row) for row in rows.tolist()]
        first = 0
        while first < len(places):
            last = first
            name = places[first].file
            while last < len(places) and places[last].file == name:
                if self.kind(places[last]) != (target.dtype, target.shape[1:]):
                    raise FileError(
                        self.folder,
                        f"the image at {self.index.position(int(rows[last]))} is of another size "
                        "or type than the first.",
                        "Read the images one by one.",
                    )
                last += 1
            offsets = np.array([p.pixels for p in places[first:last]], np.int64)
            done = self._file(name).read_pieces(offsets, target[first:last])
            if done < last - first:
                raise self._cut(int(rows[first + done]))
            first = last

    def metadata(self, row: int) -> dict[str, Any]:
        """Return the metadata of an image."""
        place = self.index.place(row)
        buffer = np.empty(place.length, np.uint8)
        file = self._file(self.metadata_file or place.file)
        if place.length and file.read_into(place.metadata, buffer) < place.length:
            raise self._cut(row)
        try:
            value = json.loads(buffer.tobytes()) if place.length else {}
        except ValueError:
            value = {}
        return value if isinstance(value, dict) else {}

    def shut(self) -> None:
        """Close the files for good."""
        self._shut = True
        self.close()

    def close(self) -> None:
        """Close the files; they open again when something is read."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()
