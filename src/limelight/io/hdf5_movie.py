"""Movies in data sets of HDF5 files: any program's, named ``file.h5::/path``, and PYME's.

PYME keeps the frames in ``/ImageData``, axes time, x, y; what is known of the camera in the
attributes of the groups under ``/MetaData`` (lengths in µm, times in s); and what happened while
it recorded in the table ``/Events``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import FileError, ParameterError, TruncatedError, suggest
from limelight.core.remarks import remark
from limelight.io.axes import Axis
from limelight.io.file_movie import NotAMovieError, believable
from limelight.io.hdf5 import attributes, explaining, open_file
from limelight.io.hdf5_planes import Hdf5Planes
from limelight.io.micromanager import positive
from limelight.io.planes import PlaneSource
from limelight.io.shared_file import SharedFile
from limelight.io.turned_planes import TurnedPlanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Hdf5Source", "open_hdf5", "split_path"]

_NAMES = {
    **{"t": "time", "c": "channel", "p": "position", "s": "position"},
    **{"frame": "time", "frames": "time", "frame number": "time", "slice": "z"},
}
_BY_RANK = {
    2: ("y", "x"),
    3: ("time", "y", "x"),
    4: ("time", "z", "y", "x"),
    5: ("time", "channel", "z", "y", "x"),
}
_MOST = 64


def split_path(path: str | Path) -> tuple[Path, str]:
    """Return file and data set of ``file.h5::/path``; the data set is empty where none is named."""
    file, _, inside = str(path).partition("::")
    inside = inside.replace("\\", "/").strip("/")
    return Path(file), f"/{inside}" if inside else ""


def _is_frames(item: Any) -> bool:
    return (
        isinstance(item, h5py.Dataset)
        and item.shape is not None
        and 3 <= len(item.shape) <= 5
        and 0 not in item.shape
        and item.dtype.kind in "uif"
    )


def _find(path: Path, file: h5py.File) -> str:
    """Return the name of the data set that is the movie."""
    if _is_frames(file.get("ImageData")):
        return "/ImageData"
    found: list[str] = []

    def look(name: str, item: Any) -> bool | None:
        if _is_frames(item):
            found.append(f"/{name}")
        return True if len(found) >= _MOST else None

    file.visititems(look)
    if len(found) == 1:
        return found[0]
    if found:
        raise FileError(
            path,
            f"it has {len(found)} data sets of frames: {', '.join(found[:8])}.",
            f"Choose one: {path.name}::{found[0]}.",
        )
    if "PZFImageData" in file:
        raise FileError(
            path,
            "its frames are compressed in PYME's own way (PZF).",
            "Save it from PYME as an HDF5 file without that, or as TIFF.",
        )
    there = ", ".join(list(file)[:8]) or "nothing"
    raise NotAMovieError(
        path,
        f"there are no frames (time, y, x) in it; there is: {there}.",
        "Choose a file with a movie.",
    )


def open_hdf5(path: str | Path) -> Hdf5Source:
    """Open the movie in an HDF5 file.

    Parameters
    ----------
    path : path
        The file, or ``file.h5::/path`` where it has several data sets.

    Raises
    ------
    FileError
        If it cannot be read or there is no movie, or more than one and none was named.
    """
    path, inside = split_path(path)
    file = open_file(path)
    try:
        with explaining(path):
            name = inside or _find(path, file)
            item = file.get(name)
            if item is None:
                names: list[str] = []
                file.visit(lambda n: names.append(f"/{n}") if len(names) < _MOST else None)
                raise FileError(path, f"there is no data set {name} in it.", suggest(name, names))
            if not isinstance(item, h5py.Dataset):
                raise FileError(
                    path, f"{name} is a group.", f"Choose a data set in it: {', '.join(item)}."
                )
            if item.shape is None or len(item.shape) not in _BY_RANK or 0 in item.shape:
                raise NotAMovieError(
                    path,
                    f"the shape of {name} is {item.shape}, not frames (time, y, x).",
                    "Choose another data set.",
                )
            if item.dtype.kind not in "uif":
                raise NotAMovieError(
                    path, f"{name} holds {item.dtype}, not numbers.", "Choose another data set."
                )
            return Hdf5Source(path, file, item, named=bool(inside))
    except BaseException:
        file.close()
        raise


class Hdf5Source(PlaneSource):
    """The planes of one data set of an HDF5 file.

    Parameters
    ----------
    path : path
        The file.
    file : h5py.File
        The opened file, closed with the source.
    dataset : h5py.Dataset
        2D to 5D, of numbers.
    named : bool
        Whether the person named the data set.
    """

    def __init__(
        self, path: Path, file: h5py.File, dataset: h5py.Dataset, *, named: bool = False
    ) -> None:
        self._file, self._dataset, self._named = file, dataset, named
        pyme = dataset.name == "/ImageData" and len(dataset.shape) == 3
        names = ("time", "x", "y") if pyme else self._axis_names(dataset)
        self._order = names
        lengths = dict(zip(names, map(int, dataset.shape), strict=True))
        axes = tuple(Axis(n, k) for n, k in lengths.items() if n not in ("y", "x"))
        super().__init__(path, axes, lengths["y"], lengths["x"], dataset.dtype)
        self._problem = self._missing()
        self._shared = self._open_directly()
        if pyme:
            self._read_pyme()
        else:
            self._read_attributes()

    @staticmethod
    def _axis_names(dataset: h5py.Dataset) -> tuple[str, ...]:
        labels = [str(d.label).strip().lower() for d in dataset.dims]
        names = tuple(_NAMES.get(n, n) for n in labels)
        if all(names) and len(set(names)) == len(names) and {"x", "y"} <= set(names):
            return names
        return _BY_RANK[len(dataset.shape)]

    def _missing(self) -> tuple[int, TruncatedError] | None:
        """Return how many frames come before the first that was never written."""
        dataset = self._dataset
        if dataset.chunks is None or self._order[0] in ("y", "x"):
            return None
        expected = 1
        for length, chunk in zip(dataset.shape, dataset.chunks, strict=True):
            expected *= -(-length // chunk)
        if dataset.id.get_num_chunks() >= expected:
            return None
        first = dataset.chunks[0]
        counts = np.zeros(-(-dataset.shape[0] // first), np.int64)

        def count(info: Any) -> None:
            counts[info.chunk_offset[0] // first] += 1

        dataset.id.chunk_iter(count)
        short = np.flatnonzero(counts < expected // len(counts))
        if not len(short):
            return None
        frames = int(short[0]) * first
        return frames, TruncatedError(self.path, frames, frames)

    def _open_directly(self) -> SharedFile | None:
        """Open the file for reading planes without the library, which reads one at a time."""
        self._planes = None
        self._turned: TurnedPlanes | None = None
        if {"y", "x"} == set(self._order[-2:]):
            self._planes = Hdf5Planes.of(self._dataset)
        if self._planes is None:
            return None
        shared = SharedFile(self.path)
        if self._planes.end > shared.size:
            shared.close()
            raise FileError(
                self.path, f"{self._dataset.name} is cut off at the end.", "Copy the file again."
            )
        if self._order[-1] == "y":
            self._turned = TurnedPlanes(self._planes, shared)
        return shared

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis, up to the first that was never written."""
        indices, _ = super().readable(place, axis)
        if self._problem is None or axis is None or self.axes[axis].name != self._order[0]:
            return indices, None
        frames, problem = self._problem
        return indices[:frames], problem

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        where = dict(zip((a.name for a in self.axes), place, strict=True))
        along = self.axes[axis].name if axis is not None else None
        if self._shared is not None and self._planes is not None:
            target = np.empty((count, self.height, self.width), self.dtype)
            if self._turned is not None:
                self._turned.read(place, axis, target)
            else:
                self._planes.read(self._shared, place, axis, target)
            return target
        key: list[int | slice] = []
        kept: list[str] = []
        for name in self._order:
            if name in ("y", "x"):
                key.append(slice(None))
            elif name == along:
                key.append(slice(where[name], where[name] + count))
            else:
                key.append(where[name])
                continue
            kept.append(name)
        with explaining(self.path):
            block: NDArray[Any] = self._dataset[tuple(key)]
        if along is None:
            block, kept = block[None], ["", *kept]
        wanted = [along or "", "y", "x"]
        return block.transpose([kept.index(n) for n in wanted])

    def _read_attributes(self) -> None:
        self.metadata = {"HDF5": attributes(self._dataset)}
        size = self.metadata["HDF5"].get("element_size_um")  # as ImageJ's HDF5 plugin writes it
        if isinstance(size, list) and size and (um := positive(size[-1])) is not None:
            self.metadata["Pixelsize"] = um * 1000

    def _read_pyme(self) -> None:
        settings: dict[str, Any] = {}
        group = self._file.get("MetaData")
        if isinstance(group, h5py.Group):
            _collect(group, "", settings)
        self.metadata["PYME"] = settings
        events = self._file.get("Events")
        if isinstance(events, h5py.Dataset) and events.dtype.names and events.size < 1_000_000:
            self.metadata["Events"] = [
                {n: _plain(v) for n, v in zip(events.dtype.names, row, strict=True)}
                for row in events[()].tolist()
            ]

        def number(key: str) -> float | None:
            value = settings.get(key)
            if not isinstance(value, int | float) or isinstance(value, bool):
                return None
            return float(value) if np.isfinite(value) else None

        known: dict[str, float] = {}
        if (um := number("voxelsize.x")) is not None and um > 0:
            self.metadata["Pixelsize"] = um * 1000
        if (seconds := number("Camera.IntegrationTime")) is not None and seconds > 0:
            self.metadata["exposure_ms"] = seconds * 1000
        for key, name in (
            ("Camera.ADOffset", "baseline"),
            ("Camera.ElectronsPerCount", "sensitivity"),
            ("Camera.TrueEMGain", "gain"),
        ):
            if (value := number(key)) is not None:
                known[name] = value
        gain = max(known.get("gain", 1.0), 1.0)
        if (noise := number("Camera.ReadNoise")) is not None:
            known["read_noise"] = noise / gain  # PYME's is that of the amplifier
        camera = settings.get("Camera.Name")
        self.metadata["Camera"] = camera if isinstance(camera, str) else ""
        self.metadata = believable(self.path, self.metadata)
        if (size := self.metadata.get("Pixelsize")) is not None:
            known["pixel_size_nm"] = size
        try:
            self.camera = Camera(name=self.metadata["Camera"], **known)
        except ParameterError as error:
            remark(
                f"{self.path.name}: what it says of the camera is of no use ({error})",
                stacklevel=5,
            )

    def locator(self) -> str:
        """Return what `open_movie` finds it by."""
        return f"{self.path}::{self._dataset.name}" if self._named else str(self.path)

    def close(self) -> None:
        """Close the file."""
        if self._turned is not None:
            self._turned.close()
        if self._shared is not None:
            self._shared.close()
        self._file.close()


def _collect(group: h5py.Group, prefix: str, found: dict[str, Any], depth: int = 0) -> None:
    """Gather the attributes of a group and of those in it, under names such as Camera.Name."""
    for name, value in attributes(group).items():
        if not name.isupper():  # CLASS, TITLE, VERSION: PyTables' own
            found[prefix + name] = value
    for name, item in group.items():
        if isinstance(item, h5py.Group) and depth < 8:
            _collect(item, f"{prefix}{name}.", found, depth + 1)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
