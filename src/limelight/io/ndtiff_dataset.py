"""Acquisitions with an index that tells where every plane is: NDTiff, and Limelight's own.

What is read is the index (see `limelight.io.frame_entries`) and then the pixels themselves, never
the directories of TIFF files or the descriptions of arrays.  An acquisition that still runs appends
to the index, so that `NDTiffSource.refresh` reads what came since.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.core.remarks import remark
from limelight.io import micromanager
from limelight.io.axes import Axis
from limelight.io.frame_entries import FRAMES, INDEX, KINDS
from limelight.io.frame_store import FrameStore
from limelight.io.planes import PlaneSource
from limelight.io.series import MissingPartError, natural

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["INDEX", "NDTiffSource", "find_index"]

_FULL = "Full resolution"
_ORDER = ("position", "time", "channel", "z")
_MOST_PLACES = 50_000_000


def find_index(path: str | Path) -> Path | None:
    """Return the index of the data set that a file or folder belongs to; None if to none.

    A TIFF file belongs to one if it lies beside an NDTiff index that names it.
    """
    path = Path(path)
    if path.is_dir():
        for index in (path / INDEX, path / _FULL / INDEX, path / FRAMES):
            if index.is_file():
                return index
        return None
    beside = path.with_name(INDEX)
    if path.name in (INDEX, FRAMES):
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


class NDTiffSource(PlaneSource):
    """The planes of an acquisition with an index.

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
        self._store = FrameStore(index.parent)
        rows = self._store.index
        if not len(rows):
            raise FileError(
                index, "no plane was written yet.", "Open it again when the acquisition runs."
            )
        first = rows.place(0)
        dtype, colours = KINDS.get(first.kind, ("", 1))
        if not dtype or colours > 1:
            what = "in colour" if dtype else f"of an unknown kind ({first.kind})"
            raise FileError(
                index,
                f"its planes are {what}.",
                "Save them as uncompressed 8 or 16 bit gray values.",
            )
        path = index.parent if index.name == FRAMES else index.parent / first.file
        super().__init__(path, (), first.height, first.width, np.dtype(dtype))
        if 0 in (first.height, first.width):
            raise FileError(index, "its planes have no pixels.", "Copy the data set again.")
        try:
            self._describe()
            self._arrange()
        except BaseException:
            self.close()
            raise
        if kept := self._store.kept_results():
            remark(f"{index.parent.name}: {kept}", stacklevel=5)

    def _describe(self) -> None:
        """Read what the first file and the first plane say."""
        self.summary = self._store.summary
        try:
            properties = micromanager.flatten(self._store.metadata(0))
        except FileError:
            properties = {}
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
        rows = self._store.index
        kinds = sorted(rows.kinds())
        if len(kinds) > 1:
            (height, width, _), (other_height, other_width, _) = kinds[:2]
            raise FileError(
                self._index,
                f"its planes differ: {height} x {width} and {other_height} x {other_width} pixels.",
                "Open the files one by one.",
            )
        values = rows.axes
        axes: list[Axis] = []
        names = sorted(values, key=lambda n: (n in _ORDER, n in _ORDER and _ORDER.index(n)))
        for name in names:
            found = values[name]
            labels = () if found == list(range(len(found))) else tuple(map(str, found))
            axes.append(self._axis(name, len(found), labels))
        if not axes:
            axes = [Axis("time", 1)]
        shape = tuple(a.size for a in axes)
        if np.prod(shape, dtype=float) > _MOST_PLACES:
            raise FileError(self._index, "its axes are implausibly long.", "Copy it again.")
        table = np.full(shape, -1, np.int64)
        places = rows.ordinals([a.name for a in axes])
        table[tuple(places.T)] = np.arange(len(places))
        self._table, self.axes = table, tuple(axes)

    def _axis(self, name: str, size: int, labels: tuple[str, ...]) -> Axis:
        steps = {"z": ("z-step_um", 1.0, "um"), "time": ("Interval_ms", 1e-3, "s")}
        if name in steps:
            key, factor, unit = steps[name]
            if (step := micromanager.positive(self.summary.get(key))) is not None:
                return Axis(name, size, labels, step * factor, unit)
        return Axis(name, size, labels)

    def refresh(self) -> bool:
        """Read what was appended to the index; tell if there are new planes."""
        if not self._store.refresh():
            return False
        self._arrange()
        return True

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis that were taken, up to the first that is cut off."""
        rows = self._rows(place, axis, None)
        taken = np.flatnonzero(rows >= 0)
        whole = self._store.whole(rows[taken])
        if not whole.all():
            k = int(whole.argmin())
            path = self._index.parent / self._store.index.place(int(rows[taken[k]])).file
            kind = TruncatedError if path.exists() else MissingPartError
            return taken[:k], kind(path, k, k)
        problem = None
        if self._store.has_loose_end:
            problem = TruncatedError(self._index, len(taken), len(taken))
        return taken, problem

    def _rows(
        self, place: tuple[int, ...], axis: int | None, count: int | None
    ) -> NDArray[np.int64]:
        """Return the numbers of planes along an axis; -1 where none was taken."""
        if axis is None:
            return np.atleast_1d(self._table[place])
        start = place[axis] if count is not None else 0
        stop = start + count if count is not None else None
        key = tuple(slice(start, stop) if k == axis else p for k, p in enumerate(place))
        return np.atleast_1d(self._table[key])

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis; zeros where none was taken."""
        planes = np.empty((count, self.height, self.width), self.dtype)
        rows = self._rows(place, axis, count)
        taken = rows >= 0
        if taken.all():
            self._store.read_many(rows, planes)
        else:
            found = np.empty((int(taken.sum()), *planes.shape[1:]), self.dtype)
            self._store.read_many(rows[taken], found)
            planes[taken], planes[~taken] = found, 0
        return planes

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what Micro-Manager says of that plane."""
        row = int(self._table[place])
        return {} if row < 0 else micromanager.flatten(self._store.metadata(row))

    def name(self) -> str:
        """Name of the first file, without its suffix; of the folder, for other than NDTiff."""
        if self._index.name == FRAMES:
            name = self._index.parent.name
            return name.removesuffix(".zarr").removesuffix(".ome") or name
        first = min(self._store.index.files, key=lambda n: natural(Path(n)))
        return Path(first).stem

    def close(self) -> None:
        """Close the files, once the reads that are under way have ended."""
        self._store.shut()
