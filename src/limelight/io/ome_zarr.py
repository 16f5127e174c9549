"""Movies in OME-Zarr folders, versions 0.1 to 0.5, with one or several images; plain zarr arrays.

Several images (a ``bioformats2raw`` layout, a plate) are positions.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, LimelightError, ParameterError, TruncatedError
from limelight.io.axes import Axis
from limelight.io.file_movie import NotAMovieError
from limelight.io.ome import nanometres
from limelight.io.planes import PlaneSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["OmeZarrSource", "is_zarr"]

_MARKS = ("zarr.json", ".zgroup", ".zattrs", ".zarray")
_VERSIONS = ("0.1", "0.2", "0.3", "0.4", "0.5")
_NAMES = {"t": "time", "c": "channel"}
_BY_RANK = {2: "yx", 3: "tyx", 4: "tzyx", 5: "tczyx"}
_SECONDS = {"second": 1.0, "millisecond": 1e-3, "microsecond": 1e-6, "minute": 60.0, "hour": 3600.0}
_MOST_POSITIONS = 10_000


def is_zarr(path: str | Path) -> bool:
    """Tell whether a folder is a zarr group or array."""
    path = Path(path)
    if path.suffix.lower() == ".zarr":
        return True
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Turn any of the library's errors into one sentence."""
    try:
        yield
    except LimelightError:
        raise
    except PermissionError as error:
        raise FileError(
            path, "there is no permission to read it.", "Change its permissions or copy it."
        ) from error
    except Exception as error:  # zarr and its codecs raise errors of many kinds
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileError(
            path, f"it is damaged or incomplete ({text}).", "Copy the whole folder again."
        ) from error


def _open(path: Path, inside: str = "") -> Any:
    try:
        import zarr
    except ImportError as error:
        raise FileError(
            path, "folders of this kind need the package zarr.", "Install it: pip install zarr."
        ) from error
    with _explaining(path):
        return zarr.open(str(path / inside), mode="r")


class OmeZarrSource(PlaneSource):
    """The planes of an OME-Zarr image or of several of them.

    Parameters
    ----------
    path : path
        The folder.
    resolution : int
        Level of resolution, 0 is the finest.

    Raises
    ------
    FileError
        If it cannot be read or holds no image.
    ParameterError
        If there is no such resolution.
    """

    def __init__(self, path: str | Path, resolution: int = 0) -> None:
        path = Path(path)
        if not path.is_dir():
            reason = (
                "this is a file, not a folder." if path.exists() else "there is no such folder."
            )
            raise FileError(path, reason, "Choose the folder that ends with .zarr.")
        if not any((path / mark).is_file() for mark in _MARKS):
            raise FileError(
                path, "there is no description of its arrays in it.", "Copy the whole folder again."
            )
        root = _open(path)
        self._resolution = resolution
        self._plain: dict[int, bool] = {}
        self._folders: dict[int, str] = {}
        with _explaining(path):
            if hasattr(root, "shape"):
                self._from_array(path, root)
            else:
                self._from_group(path, root)

    def _from_array(self, path: Path, array: Any) -> None:
        names = getattr(array.metadata, "dimension_names", None) or ()
        if len(names) != array.ndim or not {"y", "x"} <= set(names):
            names = tuple(_BY_RANK.get(array.ndim, ""))
        self._images: list[Path] = [path]
        self._labels: tuple[str, ...] = ()
        self._arrays: dict[int, Any] = {0: array}
        self._finish(path, array, tuple(map(str, names)), [1.0] * array.ndim, {}, {})

    def _from_group(self, path: Path, root: Any) -> None:
        attributes = _ome(root)
        _check_version(path, attributes)
        self._images, self._labels = _find_images(path, root, attributes)
        self._arrays = {}
        about = attributes
        if self._images[0] != path:
            about = _ome(_open(self._images[0]))
            _check_version(path, about)
        level, names, scale, units = self._level(path, about)
        array = _open(self._images[0], level)
        if not hasattr(array, "shape"):
            raise FileError(path, f"{level} is not an array.", "Copy the whole folder again.")
        self._inside = level
        self._arrays[0] = array
        self._finish(path, array, names, scale, units, about)

    def _level(
        self, path: Path, about: dict[str, Any]
    ) -> tuple[str, tuple[str, ...], list[float], dict[str, str]]:
        """Return array, axes, scale and units at the chosen level of resolution."""
        image = about["multiscales"][0]
        levels = image["datasets"]
        if not levels:
            raise NotAMovieError(path, "there is no image in it.", "Copy the folder again.")
        if not 0 <= self._resolution < len(levels):
            raise ParameterError(
                f"{path.name}: there is no resolution {self._resolution}. Choose one of 0 to "
                f"{len(levels) - 1} (0 is the finest)."
            )
        axes = image.get("axes") or list("tczyx")
        names = tuple(a if isinstance(a, str) else str(a["name"]) for a in axes)
        units = {str(a["name"]): str(a.get("unit") or "") for a in axes if not isinstance(a, str)}
        level = levels[self._resolution]
        scale = [1.0] * len(names)
        for transformation in (
            *level.get("coordinateTransformations", ()),
            *image.get("coordinateTransformations", ()),
        ):
            if transformation.get("type") == "scale" and "scale" in transformation:
                factors = transformation["scale"]
                scale = [s * float(f) for s, f in zip(scale, factors, strict=True)]
        self._level_paths = [str(entry["path"]) for entry in levels]
        inside = self._level_paths[self._resolution]
        if ".." in Path(inside).parts or Path(inside).is_absolute():
            raise FileError(path, f"it refers to {inside}, outside itself.", "Copy it again.")
        return inside, names, scale, units

    def _finish(
        self,
        path: Path,
        array: Any,
        names: tuple[str, ...],
        scale: list[float],
        units: dict[str, str],
        about: dict[str, Any],
    ) -> None:
        if len(names) != array.ndim or names[-2:] != ("y", "x") or len(set(names)) < len(names):
            raise NotAMovieError(
                path,
                f"its axes are {', '.join(names) or array.ndim}, not (..., y, x).",
                "Save it with y and x as the last axes.",
            )
        if 0 in array.shape or np.dtype(array.dtype).kind not in "uif":
            raise NotAMovieError(
                path, f"it holds {array.shape} of {array.dtype}.", "It needs numbers."
            )
        self._names = names[:-2]
        channels = _channel_names(about)
        axes: list[Axis] = []
        if len(self._images) > 1:
            axes.append(Axis("position", len(self._images), self._labels))
        for k, name in enumerate(self._names):
            size, full = int(array.shape[k]), _NAMES.get(name, name)
            labels = channels if full == "channel" and len(channels) == size else ()
            axes.append(Axis(full, size, labels, *_step(name, scale[k], units.get(name, ""))))
        height, width = map(int, array.shape[-2:])
        super().__init__(path, tuple(axes), height, width, np.dtype(array.dtype))
        levels = getattr(self, "_level_paths", [])
        if len(levels) > 1:
            shapes = (_open(self._images[0], level).shape for level in levels)
            self.resolutions = tuple((int(s[-2]), int(s[-1])) for s in shapes)
        nm = nanometres(scale[-1], units["x"]) if units.get("x") else None
        if nm:
            self.metadata["Pixelsize"] = nm
        if about:
            self.metadata["OME"] = about

    def _array(self, position: int) -> Any:
        if position not in self._arrays:
            image = self._images[position]
            inside = self._level(image, _ome(_open(image)))[0]
            array = _open(image, inside)
            first = self._arrays[0]
            if array.shape != first.shape or array.dtype != first.dtype:
                raise FileError(
                    self.path,
                    f"its position {self._labels[position]} is {array.shape}, not {first.shape}.",
                    "Open that folder alone.",
                )
            self._arrays[position] = array
        return self._arrays[position]

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis, up to the last for which anything was written."""
        indices, _ = super().readable(place, axis)
        skip = 1 if len(self._images) > 1 else 0
        if axis is None or axis < skip:
            return indices, None
        with _explaining(self.path):
            array = self._array(place[0] if skip else 0)
            grid = getattr(array, "shards", None) or array.chunks
            where = [*place[skip:], 0, 0]
            step = int(grid[axis - skip])
            last = (len(indices) - 1) // step

            def written(k: int) -> bool:
                key = [p // g for p, g in zip(where, grid, strict=True)]
                key[axis - skip] = k
                folder = Path(str(array.store_path).removeprefix("file://"))
                chunk = folder / str(array.metadata.encode_chunk_key(tuple(key)))
                return chunk.exists()

            if written(last) or not written(0):
                return indices, None
            low, high = 0, last  # written, not written
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if written(middle) else (low, middle)
        count = min(high * step, len(indices))
        return indices[:count], TruncatedError(self.path, count, count)

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        with _explaining(self.path):
            if len(self._images) > 1:
                if axis == 0:
                    runs = [
                        self._read(p, place[1:], None, 1) for p in range(place[0], place[0] + count)
                    ]
                    return np.concatenate(runs)
                return self._read(place[0], place[1:], None if axis is None else axis - 1, count)
            return self._read(0, place, axis, count)

    def _read(
        self, position: int, place: tuple[int, ...], axis: int | None, count: int
    ) -> NDArray[Any]:
        if self._is_plain(position):
            planes = np.empty((count, self.height, self.width), self.dtype)
            where = list(place)
            for target in planes:
                self._read_chunk(position, (*where, 0, 0), target)
                if axis is not None:
                    where[axis] += 1
            return planes
        key: list[int | slice] = list(place)
        if axis is not None:
            key[axis] = slice(place[axis], place[axis] + count)
        block = np.asarray(self._array(position)[tuple(key)] if key else self._array(position)[...])
        return block if axis is not None else block[None]

    def _is_plain(self, position: int) -> bool:
        """Tell whether every plane is the whole of an uncompressed file."""
        if position not in self._plain:
            array = self._array(position)
            about = array.metadata
            one_plane = tuple(array.chunks) == (*[1] * (array.ndim - 2), *array.shape[-2:])
            if about.zarr_format == 2:
                packed = about.compressor is not None or about.filters or about.order != "C"
            else:
                packed = [type(c).__name__ for c in about.codecs] != ["BytesCodec"]
                order = getattr(about.codecs[0], "endian", None)
                packed = packed or getattr(order, "value", order) not in (None, "little")
            self._plain[position] = one_plane and not packed
        return self._plain[position]

    def _read_chunk(self, position: int, place: tuple[int, ...], target: NDArray[Any]) -> None:
        """Read one plane from the file that it is; the fill value where there is none."""
        array = self._array(position)
        if position not in self._folders:
            self._folders[position] = str(array.store_path).removeprefix("file://")
        name = f"{self._folders[position]}/{array.metadata.encode_chunk_key(place)}"
        try:
            with open(name, "rb", buffering=0) as file:
                count = file.readinto(target.reshape(-1).view(np.uint8).data)
                more = file.read(1)
        except FileNotFoundError:
            target[...] = array.fill_value or 0
            return
        if count != target.nbytes or more:
            raise FileError(
                Path(name), "this chunk of the image is damaged or incomplete.", "Copy it again."
            )

    def name(self) -> str:
        """Name of the folder without ``.zarr`` and ``.ome``."""
        name = self.path.name
        for suffix in (".zarr", ".ome"):
            name = name[: -len(suffix)] if name.lower().endswith(suffix) else name
        return name or self.path.name


def _ome(group: Any) -> dict[str, Any]:
    """Return the OME attributes of a group."""
    attributes = dict(getattr(group, "attrs", {}))
    inner = attributes.get("ome")
    return dict(inner) if isinstance(inner, dict) else attributes


def _check_version(path: Path, attributes: dict[str, Any]) -> None:
    images = attributes.get("multiscales")
    version = attributes.get("version")
    if version is None and isinstance(images, list) and images and isinstance(images[0], dict):
        version = images[0].get("version")
    if version is not None and str(version) not in _VERSIONS:
        raise FileError(
            path,
            f"it is of the version {version} of OME-Zarr, which is not known.",
            f"Known are {_VERSIONS[0]} to {_VERSIONS[-1]}: save it as one of them.",
        )


def _find_images(
    path: Path, root: Any, attributes: dict[str, Any]
) -> tuple[list[Path], tuple[str, ...]]:
    """Return the folders of the images, and their names."""
    if attributes.get("multiscales"):
        return [path], ("0",)
    names: list[str] = []
    if "bioformats2raw.layout" in attributes:
        listed = _ome(_open(path / "OME")).get("series") if (path / "OME").is_dir() else None
        if listed:
            names = [str(name) for name in listed][:_MOST_POSITIONS]
        else:
            while (path / str(len(names))).is_dir() and len(names) < _MOST_POSITIONS:
                names.append(str(len(names)))
    elif "plate" in attributes:
        for well in attributes["plate"].get("wells", [])[:_MOST_POSITIONS]:
            inside = str(well["path"])
            for field in _ome(_open(path, inside)).get("well", {}).get("images", []):
                names.append(f"{inside}/{field['path']}")
    if not names:
        there = ", ".join(sorted(p.name for p in path.iterdir() if p.is_dir())[:8]) or "nothing"
        raise NotAMovieError(
            path,
            f"there is no OME image in it; there is: {there}.",
            "Choose a folder in it that is an image or an array.",
        )
    if any(".." in Path(n).parts or Path(n).is_absolute() for n in names):
        raise FileError(path, "it refers to a folder outside itself.", "Copy it again.")
    return [path / name for name in names], tuple(names)


def _channel_names(about: dict[str, Any]) -> tuple[str, ...]:
    omero = about.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    names = tuple(str(c.get("label", k)) for k, c in enumerate(channels) if isinstance(c, dict))
    return names if len(set(names)) == len(names) else ()


def _step(name: str, scale: float, unit: str) -> tuple[float, str]:
    """Return distance and unit of the places on an axis."""
    if not 0 < scale < float("inf"):
        return 1.0, ""
    if unit in _SECONDS:
        return scale * _SECONDS[unit], "s"
    if name == "z" and (nm := nanometres(scale, unit)):
        return nm / 1000, "um"
    return 1.0, ""
