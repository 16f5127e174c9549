"""Images along any axes to OME-TIFF files and OME-Zarr folders, plane by plane, with scale."""

from __future__ import annotations

import itertools
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, ParameterError
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["IMAGE_SUFFIXES", "OutgoingImage", "write_image"]

IMAGE_SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff", ".ome.zarr", ".zarr")
"""Suffixes that `write_image` knows."""

_BLOCK_BYTES = 32 << 20
_CHUNK_BYTES = 4 << 20
_CHUNK_SIDE = 2048
_BIG = (4 << 30) - (64 << 20)
_ORDER = ("position", "time", "channel", "z")
_LETTERS = {"time": "T", "channel": "C", "z": "Z"}
_ZARR_TYPES = {"time": "time", "channel": "channel"}
_NAMES = {
    **dict.fromkeys(("t", "time", "frame", "frames"), "time"),
    **dict.fromkeys(("c", "ch", "channel", "channels"), "channel"),
    **dict.fromkeys(("z", "plane", "planes"), "z"),
    **dict.fromkeys(("p", "pos", "position", "positions", "s", "scene"), "position"),
}
_BY_COUNT = {0: (), 1: ("time",), 2: ("time", "z"), 3: ("time", "channel", "z"), 4: _ORDER}
_UM = {
    **dict.fromkeys(("um", "µm", "μm", "micrometer", "micrometre", "micron"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("pm", "picometer"), 1e-6),
    **dict.fromkeys(("cm", "centimeter"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("å", "angstrom"), 1e-4),
}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("ms", "millisecond"), 1e-3),
    **dict.fromkeys(("us", "µs", "microsecond"), 1e-6),
    **dict.fromkeys(("min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
}


def micrometres(value: float, unit: object) -> float | None:
    """Return a length in µm; None where the unit is no length or the value none."""
    factor = _UM.get(str(unit).strip().lower())
    return value * factor if factor and 0 < abs(value) < float("inf") else None


def seconds(value: float, unit: object) -> float | None:
    """Return a time in s; None where the unit is no time or the value none."""
    factor = _SECONDS.get(str(unit).strip().lower())
    return value * factor if factor and 0 < abs(value) < float("inf") else None


@dataclass(frozen=True, eq=False)
class OutgoingImage:
    """An image to be written, and what its axes are.

    Parameters
    ----------
    data : array (..., Y, X), or (..., Y, X, 3 or 4) in colour
        Anything that is indexed with whole numbers and slices: numpy, dask, zarr, a lazy movie.
    axes : sequence of str
        Names of the axes but y and x; ``time``, ``channel``, ``z``, ``position`` and what they are
        called otherwise.  Names that are not known are given by the number of axes.
    scale : sequence of float
        Distance of two places on every axis, y and x last.
    units : sequence
        Unit of every axis; ``pixel`` where places are counted.
    translate : sequence of float
        Place of the first pixel on every axis (kept in OME-Zarr).
    name : str
        Name of the image.
    labels : mapping of str to sequence of str
        Names of channels and positions.
    rgb : bool
        Whether the last axis is colour.
    segmentation : bool
        Whether the values are labels of objects, which have no brightness.

    Raises
    ------
    ParameterError
        If it has no pixels, more than four axes beside y and x, or no numbers.
    """

    data: Any
    axes: tuple[str, ...] = ()
    scale: tuple[float, ...] = ()
    units: tuple[Any, ...] = ()
    translate: tuple[float, ...] = ()
    name: str = "image"
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rgb: bool = False
    segmentation: bool = False

    def __post_init__(self) -> None:
        ndim = len(self.shape)
        if ndim < 2 or ndim > 6 or 0 in self.shape:
            raise ParameterError(
                f"The image {self.name!r} of shape {tuple(self.data.shape)} cannot be written: "
                "it needs y and x, and at most time, channel, z and position before them."
            )
        if self.source_dtype.kind not in "uifb":
            raise ParameterError(
                f"The image {self.name!r} holds {self.source_dtype}; whole or real numbers are "
                "needed. Convert it first."
            )
        outer = ndim - 2
        names = tuple(_NAMES.get(str(a).strip().lower(), "") for a in self.axes)[:outer]
        if len(names) != outer or "" in names or len(set(names)) < outer:
            names = _by_unit(_BY_COUNT[outer], self.units)
        object.__setattr__(self, "axes", names)

        def of_each(values: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
            return tuple(values) if len(values) == ndim else (default,) * ndim

        object.__setattr__(self, "scale", of_each(tuple(map(float, self.scale)), 1.0))
        object.__setattr__(self, "units", of_each(self.units, "pixel"))
        object.__setattr__(self, "translate", of_each(tuple(map(float, self.translate)), 0.0))

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of all axes but colour."""
        shape = tuple(int(n) for n in self.data.shape)
        return shape[:-1] if self.rgb else shape

    @property
    def source_dtype(self) -> np.dtype[Any]:
        """Type of the values that are there."""
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    def length(self, axis: str) -> int:
        """Return how many places there are on an axis; 1 if it has no such axis."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def um(self, axis: str) -> float | None:
        """Return the distance of two places in µm."""
        k = {"y": -2, "x": -1}.get(axis, self.axes.index(axis) if axis in self.axes else None)
        return None if k is None else micrometres(self.scale[k], self.units[k])

    @property
    def interval_s(self) -> float | None:
        """Time between two frames in s."""
        if "time" not in self.axes:
            return None
        k = self.axes.index("time")
        return seconds(self.scale[k], self.units[k])

    def read(self, place: Mapping[str, int], axis: str | None, stop: int) -> NDArray[Any]:
        """Return planes from a place on along an axis, shape (N, Y, X) or (N, Y, X, colour)."""
        key: list[int | slice] = [place.get(a, 0) for a in self.axes]
        if axis in self.axes:
            key[self.axes.index(axis)] = slice(place.get(axis, 0), stop)
        block = np.asarray(self.data[tuple(key)] if key else self.data[...])
        return block if axis in self.axes else block[None]


def _by_unit(names: tuple[str, ...], units: tuple[Any, ...]) -> tuple[str, ...]:
    if len(names) == 1 and len(units) == 3 and str(units[0]).strip().lower() in _UM:
        return ("z",)
    return names


def write_image(
    path: str | Path,
    image: OutgoingImage,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write an image as OME-TIFF or OME-Zarr (0.5), as the suffix tells, in bounded memory.

    Parameters
    ----------
    path : path
        The file or folder; see `IMAGE_SUFFIXES`.  ``.tif`` gives an OME-TIFF too.
    image : OutgoingImage
        What to write.
    on_progress : callable, optional
        Gets the number of planes that are written, and that of all.  What it raises ends the
        writing, and nothing is left.

    Returns
    -------
    path
        The file.

    Raises
    ------
    FileError
        If it cannot be written; what was there before is still there then.
    ParameterError
        If the format cannot hold the image.
    """
    path = Path(path).expanduser()
    lower = path.name.lower()
    if lower.endswith((".tif", ".tiff")):
        _write_tiff(path, image, on_progress)
    elif lower.endswith(".zarr"):
        _write_zarr(path, image, on_progress)
    else:
        raise FileError(
            path,
            f"images of this kind ({path.suffix or 'no suffix'}) cannot be written.",
            f"Those that can: {', '.join(IMAGE_SUFFIXES)}.",
        )
    return path


def _blocks(
    image: OutgoingImage, run: str | None, step: int, fixed: Mapping[str, int]
) -> Iterator[tuple[dict[str, int], int, NDArray[Any]]]:
    """Yield place, end on the axis of the run and planes, in the order position, t, c, z."""
    order = [a for a in _ORDER if a in image.axes and a not in fixed]
    ranges = [range(0, image.length(a), step if a == run else 1) for a in order]
    for at in itertools.product(*ranges):
        place = {**fixed, **dict(zip(order, at, strict=True))}
        stop = min(place[run] + step, image.length(run)) if run else 1
        yield place, stop, image.read(place, run, stop)


def _step(image: OutgoingImage, run: str | None, limit: int) -> int:
    """Return how many planes a block of that size holds."""
    height, width = image.shape[-2:]
    plane = (
        height * width * image.source_dtype.itemsize * (image.data.shape[-1] if image.rgb else 1)
    )
    return max(1, min(limit // max(1, plane), image.length(run) if run else 1))


def _largest(image: OutgoingImage) -> tuple[int, int]:
    """Return the least and the greatest value."""
    low = high = 0
    run = next((a for a in reversed(_ORDER) if a in image.axes), None)
    for _, _, block in _blocks(image, run, _step(image, run, _BLOCK_BYTES), {}):
        low, high = min(low, int(block.min())), max(high, int(block.max()))
    return low, high


def _tiff_dtype(image: OutgoingImage) -> np.dtype[Any]:
    """Return a type that OME-TIFF has and that holds all values."""
    dtype = image.source_dtype.newbyteorder("=")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "f":
        return np.dtype(np.float32 if dtype.itemsize < 8 else np.float64)
    if dtype.itemsize < 8:
        return dtype
    low, high = _largest(image)
    for smaller in (np.uint16, np.int32, np.uint32):
        limits = np.iinfo(smaller)
        if limits.min <= low and high <= limits.max:
            return np.dtype(smaller)
    raise ParameterError(
        f"The image {image.name!r} has values up to {high}, more than a TIFF file holds "
        "(4294967295). Save it as OME-Zarr."
    )


def _write_tiff(
    path: Path, image: OutgoingImage, on_progress: Callable[[int, int], None] | None
) -> None:
    import tifffile

    if image.length("position") > 1:
        raise ParameterError(
            f"{path.name}: an OME-TIFF file holds one position, not {image.length('position')}. "
            "Save it as OME-Zarr, or choose one position."
        )
    dtype = _tiff_dtype(image)
    order = [a for a in _ORDER if a in image.axes and a != "position"]
    shape = (*(image.length(a) for a in order), *image.shape[-2:])
    colours = int(image.data.shape[-1]) if image.rgb else 0
    about: dict[str, Any] = {"Name": image.name}
    about["axes"] = "".join(_LETTERS[a] for a in order) + ("YXS" if image.rgb else "YX")
    resolution: dict[str, Any] = {}
    for axis in ("x", "y", "z"):
        if (um := image.um(axis)) is not None:
            about[f"PhysicalSize{axis.upper()}"] = abs(um)
            about[f"PhysicalSize{axis.upper()}Unit"] = "µm"
    if (um := image.um("x")) is not None:
        # The tag holds 32 bits; what does not fit is in the OME-XML anyway.
        per_cm = min(max(1e4 / abs(um), 1e-3), 4e9)
        resolution = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    if (interval := image.interval_s) is not None:
        about |= {"TimeIncrement": interval, "TimeIncrementUnit": "s"}
    names = image.labels.get("channel", ())
    if len(names) == image.length("channel") and names:
        about["Channel"] = {"Name": [str(n) for n in names]}
    run = order[-1] if order else None
    step = _step(image, run, _BLOCK_BYTES)
    total = int(np.prod(shape[:-2], dtype=np.int64))
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize * max(1, colours)

    def planes() -> Iterator[NDArray[Any]]:
        done = 0
        for _, _, block in _blocks(image, run, step, {}):
            for plane in block:
                yield plane.astype(dtype, copy=False)
                done += 1
            if on_progress is not None:
                on_progress(done, total)

    with (
        replacing(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=size >= _BIG, byteorder="<", ome=True) as tiff,
    ):
        tiff.write(
            planes(),
            shape=(*shape, colours) if colours else shape,
            dtype=dtype,
            photometric="rgb" if colours else "minisblack",
            metadata=about,
            software="Limelight",
            **resolution,
        )


@contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder, which takes the place of the old one at the end."""
    if path.exists() and not (path.is_dir() and _is_zarr(path)):
        raise FileError(
            path, "there is something else of that name.", "Choose another name, or move it away."
        )
    # `replacing` tells what is wrong with the folder before anything is computed.
    probe = path.with_name(f".{path.name}.probe")
    with replacing(probe):
        pass
    probe.unlink()
    new = path.with_name(f".{path.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        yield new
        if path.exists():
            old = path.with_name(f".{path.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            path.rename(old)
            new.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            path, f"it cannot be written ({reason}).", "Free some space, or save somewhere else."
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _is_zarr(path: Path) -> bool:
    """Tell whether a folder is empty or a zarr group or array, so that it may be replaced."""
    marks = ("zarr.json", ".zgroup", ".zarray")
    return any((path / mark).is_file() for mark in marks) or not any(path.iterdir())


def _write_zarr(
    path: Path, image: OutgoingImage, on_progress: Callable[[int, int], None] | None
) -> None:
    import zarr

    total = int(np.prod(image.shape[:-2], dtype=np.int64))
    done = 0
    with _replacing_folder(path) as folder:
        if "position" not in image.axes:
            places: list[tuple[str, dict[str, int]]] = [("", {})]
        else:
            names = _folders(image)
            root = zarr.open_group(str(folder), mode="w", zarr_format=3)
            root.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
            root.create_group("OME").attrs["ome"] = {"version": "0.5", "series": names}
            places = [(n, {"position": k}) for k, n in enumerate(names)]
        for inside, fixed in places:
            group = zarr.open_group(str(folder / inside), mode="w", zarr_format=3)
            group.attrs["ome"] = _ome(image, inside)
            for planes in _fill(group, image, fixed):
                done += planes
                if on_progress is not None:
                    on_progress(done, total)


def _folders(image: OutgoingImage) -> list[str]:
    """Return a folder's name for every position: its own where they have names."""
    count = image.length("position")
    names = [
        "".join(c if c.isalnum() or c in "-_." else "-" for c in str(n)).strip(".")
        for n in image.labels.get("position", ())
    ]
    good = len(names) == count and len({n.lower() for n in names}) == count and all(names)
    return names if good and "OME" not in names else [str(k) for k in range(count)]


def _zarr_axes(image: OutgoingImage) -> list[str]:
    axes = [a for a in _ORDER if a in image.axes and a != "position"]
    # The standard has no axis of colours: they are channels.
    if image.rgb and "channel" not in axes:
        axes.insert(1 if axes[:1] == ["time"] else 0, "channel")
    return axes


def _ome(image: OutgoingImage, inside: str) -> dict[str, Any]:
    axes: list[dict[str, str]] = []
    scale: list[float] = []
    translation: list[float] = []
    for name in (*_zarr_axes(image), "y", "x"):
        about = {"name": {"time": "t", "channel": "c"}.get(name, name)}
        about["type"] = _ZARR_TYPES.get(name, "space")
        k = {"y": -2, "x": -1}.get(name, image.axes.index(name) if name in image.axes else None)
        size, start = 1.0, 0.0
        if k is not None and name != "channel":
            size, start = image.scale[k], image.translate[k]
            convert = seconds if name == "time" else micrometres
            known = convert(size, image.units[k])
            if known is not None:
                start *= known / size
                size = known
                about["unit"] = "second" if name == "time" else "micrometer"
        axes.append(about)
        scale.append(size)
        translation.append(start)
    changes: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        changes.append({"type": "translation", "translation": translation})
    found: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [
            {
                "name": f"{image.name} {inside}".strip(),
                "axes": axes,
                "datasets": [{"path": "0", "coordinateTransformations": changes}],
            }
        ],
    }
    names = image.labels.get("channel", ())
    if names and len(names) == image.length("channel"):
        found["omero"] = {"channels": [{"label": str(n), "color": "FFFFFF"} for n in names]}
    if image.segmentation:
        found["image-label"] = {"version": "0.5"}
    return found


def _fill(group: Any, image: OutgoingImage, fixed: Mapping[str, int]) -> Iterator[int]:
    """Write the pixels of one position; yield the number of planes after each block."""
    axes = _zarr_axes(image)
    colours = int(image.data.shape[-1]) if image.rgb else 0
    lengths = [colours if image.rgb and a == "channel" else image.length(a) for a in axes]
    longer: list[str] = [a for a in ("time", "z", "channel") if a in image.axes and a not in fixed]
    run: str | None = max(longer, key=image.length, default=None)
    step = _step(image, run, _CHUNK_BYTES)
    sides = [min(n, _CHUNK_SIDE) for n in image.shape[-2:]]
    dtype = image.source_dtype.newbyteorder("=")
    array = group.create_array(
        "0",
        shape=(*lengths, *image.shape[-2:]),
        chunks=(*(step if a == run else 1 for a in axes), *sides),
        dtype=np.uint8 if dtype.kind == "b" else dtype,
        dimension_names=[{"time": "t", "channel": "c"}.get(a, a) for a in (*axes, "y", "x")],
    )
    for place, stop, block in _blocks(image, run, step, fixed):
        key = tuple(
            slice(place[a], stop)
            if a == run
            else (slice(None) if image.rgb and a == "channel" else place[a])
            for a in axes
        )
        if image.rgb:
            # (N, Y, X, colour) to the order of the axes that are slices
            ahead = run is not None and axes.index(run) < axes.index("channel")
            block = np.moveaxis(block, -1, 1 if ahead else 0)
            block = block if run is not None else block[:, 0]
        elif run is None:
            block = block[0]
        array[key] = block
        yield stop - place[run] if run else 1
