"""Folders of Micro-Manager (1.4 and 2.0) with several positions, channels and planes.

Either every position is a stack of its own (``x_MMStack_Pos0.ome.tif``, ...), or every plane is a
file, ``img_000000000_DAPI_000.tif`` (1.4: time, channel, z) or
``img_channel000_position000_time000000000_z000.tif`` (2.0), in a folder per position.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.io import micromanager
from limelight.io.axes import Axis
from limelight.io.planes import PlaneSource
from limelight.io.series import find_parts, natural
from limelight.io.shared_file import explain
from limelight.io.tiff_part import TiffPart
from limelight.io.tiff_planes import TiffSource, same_planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImagesSource", "PositionsSource", "find_images", "find_positions"]

_STACK = re.compile(r".*_MMStack_(?P<label>.+?)(?:\.ome)?\.tiff?", re.I)
_IMAGE = (
    re.compile(r"img_(?P<time>\d{9})_(?P<channel>.*)_(?P<z>\d{3,})\.tiff?", re.I),
    re.compile(
        r"img_channel(?P<channel>\d+)_position(?P<position>\d+)_time(?P<time>\d+)_z(?P<z>\d+)"
        r"\.tiff?",
        re.I,
    ),
)
_MOST_FOLDERS = 1000
_AXES = ("position", "time", "channel", "z")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted((p for p in folder.iterdir() if p.name[0] != "."), key=natural)
    except OSError as error:
        raise explain(folder, error) from error


def find_positions(folder: str | Path) -> list[tuple[str, Path]]:
    """Return name and first file of every stack of Micro-Manager in a folder.

    They may also lie in a folder per position.  A folder with stacks of several acquisitions gives
    none: they are movies of their own.
    """
    found: list[tuple[str, Path]] = []
    seen: set[Path] = set()
    bases: set[str] = set()
    entries = _entries(Path(folder))
    if not any(p.suffix.lower() in (".tif", ".tiff") for p in entries):
        entries = [
            p for inner in entries[:_MOST_FOLDERS] if inner.is_dir() for p in _entries(inner)
        ]
    for path in entries:
        match = _STACK.fullmatch(path.name)
        if match is None or path in seen:
            continue
        try:
            parts = find_parts(path)[0]
        except FileError:
            continue
        seen.update(parts)
        found.append((match["label"], parts[0]))
        bases.add(path.name[: match.start("label")])
    labels = {label for label, _ in found}
    return found if len(bases) == 1 and len(labels) == len(found) else []


class PositionsSource(PlaneSource):
    """Stacks of several positions that were taken in one acquisition.

    Parameters
    ----------
    folder : path
        The folder.
    positions : list of (str, path)
        As `find_positions` gives them.

    Raises
    ------
    FileError
        If the first position cannot be read.
    """

    def __init__(self, folder: str | Path, positions: list[tuple[str, Path]]) -> None:
        self._paths = [path for _, path in positions]
        first = TiffSource(self._paths[0])
        self._sources: dict[int, PlaneSource] = {0: first}
        self._lock = threading.Lock()
        labels = tuple(label for label, _ in positions)
        axes = tuple(a for a in first.axes if a.name != "position")
        super().__init__(
            folder,
            (Axis("position", len(labels), labels), *axes),
            first.height,
            first.width,
            first.dtype,
            first.metadata,
        )
        self.camera = first.camera
        if len(axes) < len(first.axes):
            # Every file names all positions of the acquisition, but holds one.
            raise FileError(
                self._paths[0], "it holds several positions itself.", "Open the files one by one."
            )

    def _source(self, position: int, *, alike: bool) -> PlaneSource:
        with self._lock:
            if position not in self._sources:
                self._sources[position] = TiffSource(self._paths[position])
            source = self._sources[position]
        if alike:
            same_planes(self._paths[position], self._sources[0], source)
        return source

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis that are there."""
        if axis == 0:
            return np.arange(len(self._paths)), None
        source = self._source(place[0], alike=False)
        if (source.height, source.width, source.dtype) != (self.height, self.width, self.dtype):
            same_planes(self._paths[place[0]], self._sources[0], source)
        return source.readable(place[1:], None if axis is None else axis - 1)

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        if axis == 0:
            every = range(place[0], place[0] + count)
            runs = [self._source(p, alike=True).read_run(place[1:], None, 1) for p in every]
            return np.concatenate(runs)
        source = self._source(place[0], alike=False)
        return source.read_run(place[1:], None if axis is None else axis - 1, count)

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what Micro-Manager says of that plane."""
        return self._source(place[0], alike=False).plane_metadata(place[1:])

    def name(self) -> str:
        """Name of the first file without its suffix."""
        return self._paths[0].stem

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for source in self._sources.values():
                source.close()


def _parse(name: str) -> dict[str, str] | None:
    for pattern in _IMAGE:
        if match := pattern.fullmatch(name):
            return match.groupdict()
    return None


def find_images(folder: str | Path) -> list[tuple[dict[str, str], Path]]:
    """Return place and file of every image that Micro-Manager wrote into a folder.

    Empty where there is only one channel, plane and position, or none of its images at all.
    """
    folder = Path(folder)
    found: list[tuple[dict[str, str], Path]] = []
    for path in _entries(folder):
        if place := _parse(path.name):
            found.append((place, path))
        elif (path / "metadata.txt").is_file():
            for image in _entries(path):
                if place := _parse(image.name):
                    found.append(({**place, "position": path.name}, image))
    counts = (len({place.get(a, "") for place, _ in found}) for a in ("position", "channel", "z"))
    return found if found and max(counts) > 1 else []


class ImagesSource(PlaneSource):
    """Single images of Micro-Manager.

    Parameters
    ----------
    folder : path
        The folder.
    images : list of (dict, path)
        As `find_images` gives them.

    Raises
    ------
    FileError
        If the first image cannot be read.
    """

    def __init__(self, folder: str | Path, images: list[tuple[dict[str, str], Path]]) -> None:
        self._paths = [path for _, path in images]
        self._first = TiffPart(self._paths[0], keep_open=False)
        self._first.index()
        axes: list[Axis] = []
        index: list[list[int]] = []
        for name in _AXES:
            values = [place.get(name, "0") for place, _ in images]
            known = {v: k for k, v in enumerate(dict.fromkeys(values))}
            if all(v.isdecimal() for v in known):
                known = {v: k for k, v in enumerate(sorted(known, key=int))}
            if len(known) > 1 or name == "time":
                labels = () if all(v.isdecimal() for v in known) else tuple(known)
                axes.append(Axis(name, len(known), labels))
                index.append([known[v] for v in values])
        self._table = np.full(tuple(a.size for a in axes), -1, np.int64)
        self._table[tuple(np.array(i) for i in index)] = np.arange(len(images))
        part = self._first
        dtype = np.dtype(part.dtype).newbyteorder(part.byte_order)  # type: ignore[arg-type]
        super().__init__(folder, tuple(axes), part.height, part.width, dtype)
        properties = self._properties(self._first)
        known_of = {
            "Micro-Manager Metadata": properties,
            "Pixelsize": micromanager.pixel_size_nm(properties, {}),
            "exposure_ms": micromanager.exposure_ms(properties),
            "Camera": micromanager.camera_name(properties),
        }
        self.metadata = {k: v for k, v in known_of.items() if v}

    @staticmethod
    def _properties(part: TiffPart) -> dict[str, Any]:
        text = part.tag(0, micromanager.FRAME_TAG)
        return micromanager.frame_properties(text) if text else {}

    def _part(self, row: int) -> TiffPart:
        path = self._paths[row]
        part = TiffPart(path, keep_open=False, like=self._first)
        part.index()
        first = self._first
        if (part.height, part.width, part.dtype) != (first.height, first.width, first.dtype):
            raise FileError(
                path,
                f"its image ({part.height} x {part.width}) differs from that of {first.path.name}.",
                "Move it to another folder.",
            )
        if not len(part):
            raise FileError(path, "its image is not there.", "Copy it again.")
        return part

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis that are there."""
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(None) if k == axis else p for k, p in enumerate(place))
        )
        return np.flatnonzero(np.atleast_1d(self._table[key]) >= 0), None

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis; zeros where there is none."""
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(p, p + count) if k == axis else p for k, p in enumerate(place))
        )
        planes = np.zeros((count, self.height, self.width), self.dtype.newbyteorder("="))
        for target, row in zip(planes, np.atleast_1d(self._table[key]).tolist(), strict=True):
            if row >= 0:
                part = self._part(row)
                part.read_into(np.array([0]), target[None])
                part.close()
        return planes

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what Micro-Manager says of that plane."""
        row = int(self._table[place])
        return self._properties(self._part(row)) if row >= 0 else {}

    def close(self) -> None:
        """Close the files."""
        self._first.close()
