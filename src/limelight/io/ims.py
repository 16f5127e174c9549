"""Movies in Imaris files (``.ims``, version 5.5): HDF5 with a block of planes per time point.

``/DataSet/ResolutionLevel r/TimePoint t/Channel c/Data`` has the axes z, y, x and is padded to
whole chunks; the attributes ``ImageSizeX`` ... beside it tell how much of it is the image.
Attributes are texts, kept as arrays of single letters.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError, ParameterError, TruncatedError
from limelight.io.axes import Axis
from limelight.io.file_movie import NotAMovieError
from limelight.io.hdf5 import explaining, open_file, text_of
from limelight.io.hdf5_planes import Hdf5Planes
from limelight.io.ome import nanometres
from limelight.io.planes import PlaneSource
from limelight.io.shared_file import SharedFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImsSource"]

_LEVEL = "DataSet/ResolutionLevel {}"
_NOT_ASKED = -2
_REMEDY = "Save it again from Imaris, or copy it again."


class ImsSource(PlaneSource):
    """The planes of an Imaris file.

    Parameters
    ----------
    path : path
        The file.
    resolution : int
        Level of resolution, 0 is the finest.

    Raises
    ------
    FileError
        If it cannot be read or is no such file.
    """

    def __init__(self, path: str | Path, resolution: int = 0) -> None:
        path = Path(path)
        self._file = open_file(path)
        try:
            with explaining(path):
                self._open(path, resolution)
        except BaseException:
            self._file.close()
            raise

    def _open(self, path: Path, resolution: int) -> None:
        file = self._file
        levels = 0
        while isinstance(file.get(_LEVEL.format(levels)), h5py.Group):
            levels += 1
        if not levels:
            raise NotAMovieError(path, "there are no images of Imaris in it.", _REMEDY)
        if not 0 <= resolution < levels:
            raise ParameterError(
                f"{path.name}: there is no resolution {resolution}. Choose one of 0 to "
                f"{levels - 1} (0 is the finest)."
            )
        sizes = [self._size(path, k) for k in range(levels)]
        self.resolutions = tuple((y, x) for _, y, x in sizes)
        self._prefix = _LEVEL.format(resolution)
        points = file[self._prefix]
        there = 0
        while there < len(points) and f"TimePoint {there}" in points:
            there += 1
        channels = 0
        while f"Channel {channels}" in points["TimePoint 0"]:
            channels += 1
        promised = self._number("TimeInfo", "DatasetTimePoints", there)
        self._problem = TruncatedError(path, there, there) if there < promised else None
        depth, height, width = sizes[resolution]
        data = self._data(0, 0)
        if data.dtype.kind not in "uif" or data.ndim != 3:
            raise NotAMovieError(path, f"it holds {data.dtype}, not numbers.", _REMEDY)
        if any(k > n for k, n in zip((depth, height, width), data.shape, strict=True)):
            raise FileError(path, "its images are smaller than it says.", _REMEDY)
        names = tuple(self._text(f"Channel {c}", "Name") or f"Channel {c}" for c in range(channels))
        size_nm, z_step = self._sizes_nm(sizes[0])
        shrunk = sizes[0][2] / width
        axes = (
            Axis("time", there),
            Axis("channel", channels, names),
            Axis("z", depth, (), (z_step or 1000.0) / 1000, "um" if z_step else ""),
        )
        super().__init__(path, axes, height, width, data.dtype)
        if size_nm:
            self.metadata["Pixelsize"] = size_nm * shrunk
        about = file.get("DataSetInfo/Image")
        if about is not None:
            self.metadata["Imaris"] = {n: text_of(about.attrs[n]) for n in list(about.attrs)[:100]}
        self._known: dict[tuple[int, int], Hdf5Planes | None] = {}
        # Where time points are is looked up when they are read: there may be many.
        self._template = Hdf5Planes.of(data, height, width)
        pieces = self._template
        self._in_one_piece = (
            pieces is not None
            and pieces.places.size == 1
            and pieces.chunks[-2:] == pieces.shape[-2:]
        )
        self._starts = np.full((there, channels), _NOT_ASKED, np.int64)
        self._shared = SharedFile(path) if self._template is not None else None

    def _text(self, group: str, name: str) -> str:
        item = self._file.get(f"DataSetInfo/{group}")
        if item is None or name not in item.attrs:
            return ""
        return text_of(item.attrs[name]).strip()

    def _number(self, group: str, name: str, default: int) -> int:
        text = self._text(group, name)
        return int(text) if text.isdecimal() else default

    def _size(self, path: Path, level: int) -> tuple[int, int, int]:
        """Return planes, height and width at a level."""
        channel = self._file.get(f"{_LEVEL.format(level)}/TimePoint 0/Channel 0")
        if not isinstance(channel, h5py.Group) or "Data" not in channel:
            raise NotAMovieError(path, "there is no image in it.", _REMEDY)
        found = []
        for k, axis in enumerate("ZYX"):
            text = text_of(channel.attrs.get(f"ImageSize{axis}", b""))
            found.append(int(text) if text.isdecimal() else int(channel["Data"].shape[k]))
        if 0 in found:
            raise NotAMovieError(path, "its image has no pixels.", _REMEDY)
        return found[0], found[1], found[2]

    def _sizes_nm(self, size: tuple[int, int, int]) -> tuple[float | None, float | None]:
        """Return the size of a pixel and the distance of planes."""
        unit = self._text("Image", "Unit") or "um"

        def step(axis: int, count: int) -> float | None:
            try:
                low = float(self._text("Image", f"ExtMin{axis}"))
                high = float(self._text("Image", f"ExtMax{axis}"))
            except ValueError:
                return None
            return nanometres((high - low) / count, unit)

        return step(0, size[2]), step(2, size[0])

    def _data(self, time: int, channel: int) -> h5py.Dataset:
        # Half the time of going through the groups one by one.
        name = f"{self._prefix}/TimePoint {time}/Channel {channel}/Data"
        return h5py.Dataset(h5py.h5d.open(self._file.id, name.encode()))

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis, and whether time points are missing."""
        indices, _ = super().readable(place, axis)
        return indices, (self._problem if axis == 0 else None)

    def _planes_of(self, time: int, channel: int) -> Hdf5Planes | None:
        """Return where a time point's planes are in the file; None: only the library knows."""
        if self._template is None or self._shared is None:
            return None
        planes = self._known.get((time, channel))
        if planes is None:
            with explaining(self.path):
                planes = self._template.like(self._data(time, channel).id)
            if planes is not None and planes.end > self._shared.size:
                raise self._cut_off(time)
            self._known[time, channel] = planes
        return planes

    def _cut_off(self, time: int) -> FileError:
        return FileError(self.path, f"time point {time} or later is cut off.", "Copy it again.")

    def _starts_of(
        self, time: int, channel: int, axis: int | None, count: int
    ) -> NDArray[np.int64]:
        """Return where time points or channels begin that lie in one piece each; else -1."""
        along = slice(time, time + count), slice(channel, channel + count)
        row = self._starts[along[0], channel] if axis == 0 else self._starts[time, along[1]]
        for k in np.flatnonzero(row == _NOT_ASKED).tolist():
            planes = self._planes_of(*((time + k, channel) if axis == 0 else (time, channel + k)))
            row[k] = -1 if planes is None else planes.places.flat[0]
        return row

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        time, channel, z = place
        target = np.empty((count, self.height, self.width), self.dtype)
        if axis == 2:
            self._read(time, channel, z, target)
            return target
        if self._in_one_piece and self._shared is not None:
            starts = self._starts_of(time, channel, axis, count)
            if (starts >= 0).all():
                if self._shared.read_pieces(starts + z * target[0].nbytes, target) < count:
                    raise self._cut_off(time)
                return target
        steps = (1, 0) if axis == 0 else (0, 1)
        for k, plane in enumerate(target):
            self._read(time + k * steps[0], channel + k * steps[1], z, plane[None])
        return target

    def _read(self, time: int, channel: int, z: int, target: NDArray[Any]) -> None:
        """Fill an array with planes of one time point."""
        planes = self._planes_of(time, channel)
        if planes is not None and self._shared is not None:
            planes.read(self._shared, (z,), 0, target)
            return
        with explaining(self.path):
            key = (slice(z, z + len(target)), slice(0, self.height), slice(0, self.width))
            target[...] = self._data(time, channel)[key]

    def close(self) -> None:
        """Close the file."""
        if self._shared is not None:
            self._shared.close()
        self._file.close()
