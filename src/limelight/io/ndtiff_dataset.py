"""NDTiff data sets (version 3): TIFF files and an index that tells where every plane is.

What is read is the index (see `limelight.io.ndtiff`) and then the pixels themselves, never the
directories of the TIFF files.  An acquisition that still runs appends to the index, so that
`NDTiffSource.refresh` reads what came since.
"""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.io import micromanager
from limelight.io.axes import Axis
from limelight.io.planes import PlaneSource
from limelight.io.series import MissingPartError, natural
from limelight.io.shared_file import SharedFile, explain

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["INDEX", "NDTiffSource", "find_index"]

INDEX = "NDTiff.index"
_FULL = "Full resolution"
_REST = struct.Struct("<8I")
_TYPES = {0: "<u1", 1: "<u2", 3: "<u2", 4: "<u2", 5: "<u2", 6: "<u2"}
_ORDER = ("position", "time", "channel", "z")
_MOST_PLACES = 50_000_000


def find_index(path: str | Path) -> Path | None:
    """Return the index of the data set that a file or folder belongs to; None if to none.

    A TIFF file belongs to one if it lies beside an index that names it.
    """
    path = Path(path)
    if path.is_dir():
        for folder in (path, path / _FULL):
            if (folder / INDEX).is_file():
                return folder / INDEX
        return None
    beside = path.with_name(INDEX)
    if path.name == INDEX:
        return path
    if path.suffix.lower() not in (".tif", ".tiff") or not beside.is_file():
        return None
    try:
        with beside.open("rb") as file:
            # One entry names the first file; later files follow later, but share its beginning.
            named = path.name.encode() in file.read(1 << 16)
    except OSError:
        return None
    return beside if named or "_NDTiffStack" in path.name else None


class _Entry:
    """What the index says of one plane."""

    __slots__ = ("axes", "compression", "file", "height", "kind", "meta", "pixels", "width")

    def __init__(self, axes: dict[str, Any], file: str, numbers: tuple[int, ...]) -> None:
        self.axes, self.file = axes, file
        self.pixels, self.width, self.height, self.kind, self.compression = numbers[:5]
        self.meta = numbers[5:7]


def _parse(body: bytes, index: Path) -> tuple[list[_Entry], int]:
    """Return the whole entries of an index, and the place behind the last of them."""
    entries: list[_Entry] = []
    place = 0
    while place < len(body):
        start, texts = place, []
        try:
            for _ in range(2):
                (length,) = struct.unpack_from("<I", body, place)
                place += 4 + length
                if place > len(body):
                    return entries, start
                texts.append(body[place - length : place])
            numbers = _REST.unpack_from(body, place)
        except struct.error:
            return entries, start
        place += _REST.size
        try:
            axes = json.loads(texts[0])
            file = texts[1].decode("utf-8")
        except (ValueError, RecursionError):
            axes, file = None, ""
        good = isinstance(axes, dict) and all(isinstance(v, int | str) for v in axes.values())
        if not good or not file or "/" in file or "\\" in file or "\0" in file:
            raise FileError(
                index,
                f"its entry {len(entries)} is damaged.",
                "Copy the data set again; without this file the TIFF files open one by one.",
            )
        entries.append(_Entry(axes, file, numbers))
    return entries, place


class NDTiffSource(PlaneSource):
    """The planes of an NDTiff data set.

    Parameters
    ----------
    path : path
        The folder, or a file in it.

    Raises
    ------
    FileError
        If there is no index, or it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        index = find_index(path)
        if index is None:
            raise FileError(path, f"there is no {INDEX} in it.", "Choose the data set's folder.")
        self._index = index
        self._given = path
        self._read_to = 0
        self._entries: list[_Entry] = []
        self._files: dict[str, SharedFile | None] = {}
        self._lock = threading.Lock()
        self._more()
        if not self._entries:
            raise FileError(
                index, "no plane was written yet.", "Open it again when the acquisition runs."
            )
        first = self._entries[0]
        if first.kind not in _TYPES or first.compression:
            what = "in colour" if first.kind == 2 else f"of an unknown kind ({first.kind})"
            raise FileError(
                index,
                "its planes are compressed." if first.compression else f"its planes are {what}.",
                "Save them as uncompressed 8 or 16 bit gray values.",
            )
        dtype = np.dtype(_TYPES[first.kind])
        head = self._index.parent / first.file
        super().__init__(head, (), first.height, first.width, dtype)
        if 0 in (first.height, first.width):
            raise FileError(index, "its planes have no pixels.", "Copy the data set again.")
        try:
            self._describe()
            self._arrange()
        except BaseException:
            self.close()
            raise

    def _more(self) -> bool:
        try:
            with self._index.open("rb") as file:
                file.seek(self._read_to)
                body = file.read()
        except OSError as error:
            raise explain(self._index, error) from error
        entries, place = _parse(body, self._index)
        self._entries += entries
        self._read_to += place
        self._loose_end = place < len(body)
        return bool(entries)

    def _describe(self) -> None:
        """Read what the first file and the first plane say."""
        first = self._entries[0]
        file = self._file(first.file)
        self.summary: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        if file is not None:
            header = micromanager.read_header(file, "<")
            self.summary = header.summary if header else {}
            properties = micromanager.frame_properties(file.read(*first.meta))
        size = micromanager.pixel_size_nm(properties, self.summary)
        known = {
            "Micro-Manager Metadata": properties,
            "Micro-Manager Summary": self.summary,
            "Pixelsize": size,
            "exposure_ms": micromanager.exposure_ms(properties),
            "Camera": micromanager.camera_name(properties),
        }
        self.metadata = {k: v for k, v in known.items() if v}

    def _arrange(self) -> None:
        """Find the axes, and the place of every plane on them."""
        first = self._entries[0]
        values: dict[str, dict[int | str, int]] = {}
        for entry in self._entries:
            if (entry.height, entry.width, entry.kind) != (first.height, first.width, first.kind):
                raise FileError(
                    self._index,
                    f"its planes differ: {first.height} x {first.width} and "
                    f"{entry.height} x {entry.width} pixels.",
                    "Open the files one by one.",
                )
            for name, value in entry.axes.items():
                values.setdefault(name, {})[value] = 0
        axes: list[Axis] = []
        for name in sorted(values, key=lambda n: (n in _ORDER, n in _ORDER and _ORDER.index(n))):
            found = list(values[name])
            if all(isinstance(v, int) for v in found):
                found.sort()
            values[name] = {v: k for k, v in enumerate(found)}
            labels = () if found == list(range(len(found))) else tuple(map(str, found))
            axes.append(self._axis(name, len(found), labels))
        if not axes:
            axes, values = [Axis("time", 1)], {"time": {}}
        shape = tuple(a.size for a in axes)
        if np.prod(shape, dtype=float) > _MOST_PLACES:
            raise FileError(self._index, "its axes are implausibly long.", "Copy it again.")
        table = np.full(shape, -1, np.int64)
        names = [a.name for a in axes]
        for k, entry in enumerate(self._entries):
            # A plane that was written twice: the newer one counts.
            table[tuple(values[n].get(entry.axes.get(n, 0), 0) for n in names)] = k
        self._table, self.axes = table, tuple(axes)
        numbers = {name: k for k, name in enumerate(dict.fromkeys(e.file for e in self._entries))}
        self._numbers = np.array([numbers[e.file] for e in self._entries], np.int64)
        self._offsets = np.array([e.pixels for e in self._entries], np.int64)

    def _axis(self, name: str, size: int, labels: tuple[str, ...]) -> Axis:
        steps = {"z": ("z-step_um", 1.0, "um"), "time": ("Interval_ms", 1e-3, "s")}
        if name in steps:
            key, factor, unit = steps[name]
            if (step := micromanager.positive(self.summary.get(key))) is not None:
                return Axis(name, size, labels, step * factor, unit)
        return Axis(name, size, labels)

    def refresh(self) -> bool:
        """Read what was appended to the index; tell if there are new planes."""
        if not self._more():
            return False
        with self._lock:
            for name, file in list(self._files.items()):
                if file is not None:
                    file.close()
                del self._files[name]
        self._arrange()
        return True

    def _file(self, name: str) -> SharedFile | None:
        """Return a file of the data set; None if it is not there."""
        with self._lock:
            if name not in self._files:
                path = self._index.with_name(name)
                self._files[name] = SharedFile(path) if path.exists() else None
            return self._files[name]

    def _is_there(self, entry: _Entry) -> bool:
        file = self._file(entry.file)
        size = self.height * self.width * self.dtype.itemsize
        return file is not None and entry.pixels + size <= file.size

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis that were taken, up to the first that is cut off."""
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(None) if k == axis else p for k, p in enumerate(place))
        )
        rows = np.atleast_1d(self._table[key])
        taken = np.flatnonzero(rows >= 0)
        for k, index in enumerate(taken.tolist()):
            entry = self._entries[rows[index]]
            if not self._is_there(entry):
                kind = TruncatedError if self._file(entry.file) else MissingPartError
                path = self._index.with_name(entry.file)
                return taken[:k], kind(path, k, k)
        problem = None
        if self._loose_end:
            problem = TruncatedError(self._index, len(taken), len(taken))
        return taken, problem

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis; zeros where none was taken."""
        planes = np.empty((count, self.height, self.width), self.dtype)
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(p, p + count) if k == axis else p for k, p in enumerate(place))
        )
        rows = np.atleast_1d(self._table[key])
        for number in np.unique(self._numbers[rows[rows >= 0]]).tolist():
            mine = (rows >= 0) & (self._numbers[rows] == number)
            block = (
                planes if mine.all() else np.empty((int(mine.sum()), *planes.shape[1:]), self.dtype)
            )
            self._read_block(rows[mine], block)
            if block is not planes:
                planes[mine] = block
        planes[rows < 0] = 0
        return planes

    def _read_block(self, rows: NDArray[np.int64], target: NDArray[Any]) -> None:
        """Read planes that are in one file."""
        entry = self._entries[int(rows[0])]
        file = self._file(entry.file)
        done = 0 if file is None else file.read_pieces(self._offsets[rows], target)
        if done < len(rows):
            raise FileError(
                self._index.with_name(entry.file),
                f"the plane at {self._entries[int(rows[done])].axes} is not in it.",
                "Copy the data set again.",
            )

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what Micro-Manager says of that plane."""
        row = int(self._table[place])
        if row < 0 or (file := self._file(self._entries[row].file)) is None:
            return {}
        return micromanager.frame_properties(file.read(*self._entries[row].meta))

    def name(self) -> str:
        """Name of the first file, without its suffix."""
        first = min({e.file for e in self._entries}, key=lambda n: natural(Path(n)))
        return Path(first).stem

    def locator(self) -> str:
        """Return what `open_movie` finds it by."""
        return str(self._given)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files.values():
                if file is not None:
                    file.close()
