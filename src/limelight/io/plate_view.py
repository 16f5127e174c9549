"""A plate to look at: its wells beside each other, at every resolution, read where seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import FileError
from limelight.io.label_zarr import PlateImage, plate_images

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["PlateChannel", "PlateLevel", "PlateView", "has_objects", "view_plate"]

_GAP = 12  # a gap between wells is this part of their size


class PlateLevel:
    """One resolution of all wells: an array that reads the wells that are asked for.

    Parameters
    ----------
    arrays : mapping
        Array ([Z,] Y, X) of each well, by its row and column on the plate.
    grid : (int, int)
        Rows and columns of the plate.
    pitch : (int, int)
        Pixels from one well to the next.
    offsets : mapping, optional
        What is added to the labels of each well.
    """

    def __init__(
        self,
        arrays: Mapping[tuple[int, int], Any],
        grid: tuple[int, int],
        pitch: tuple[int, int],
        offsets: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        first = next(iter(arrays.values()))
        self._arrays, self._pitch, self._offsets = arrays, pitch, offsets
        self.dtype = np.dtype(first.dtype) if offsets is None else np.dtype(np.int32)
        self.shape = (
            *first.shape[:-2],
            (grid[0] - 1) * pitch[0] + first.shape[-2],
            (grid[1] - 1) * pitch[1] + first.shape[-1],
        )
        self.ndim = len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes that all pixels would take."""
        return self.size * self.dtype.itemsize

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return pixels; places and slices with steps of 1 or more."""
        key = key if isinstance(key, tuple) else (key,)
        if Ellipsis in key:
            at = key.index(Ellipsis)
            more = self.ndim - len(key) + 1
            key = (*key[:at], *[slice(None)] * more, *key[at + 1 :])
        key = (*key, *[slice(None)] * (self.ndim - len(key)))
        ranges, dropped = [], []
        for axis, (one, length) in enumerate(zip(key, self.shape, strict=True)):
            if isinstance(one, slice):
                ranges.append(range(length)[one])
            else:
                ranges.append(range(length)[int(one) : int(one) + 1 or None])
                dropped.append(axis)
        out = np.zeros([len(r) for r in ranges], self.dtype)
        if out.size:
            for place, array in self._arrays.items():
                self._put(out, ranges, place, array)
        return out[tuple(0 if a in dropped else slice(None) for a in range(self.ndim))]

    def _put(
        self, out: NDArray[Any], ranges: list[range], place: tuple[int, int], array: Any
    ) -> None:
        """Copy what is asked for of one well."""
        source: list[slice] = [slice(r.start, r.stop, r.step) for r in ranges[:-2]]
        target: list[slice] = [slice(None)] * len(source)
        for r, well, pitch, length in zip(
            ranges[-2:], place, self._pitch, array.shape[-2:], strict=True
        ):
            start = well * pitch
            first = max(-(-(start - r.start) // r.step), 0)
            stop = min(-(-(start + length - r.start) // r.step), len(r))
            if stop <= first:
                return
            begin = r.start + first * r.step - start
            source.append(slice(begin, begin + (stop - first - 1) * r.step + 1, r.step))
            target.append(slice(first, stop))
        pixels = np.asarray(array[tuple(source)])
        if self._offsets is not None:
            shift = np.int32(self._offsets[place])
            pixels = np.where(pixels > 0, pixels.astype(np.int32) + shift, np.int32(0))
        out[tuple(target)] = pixels


@dataclass(frozen=True)
class PlateChannel:
    """A channel of a plate.

    Parameters
    ----------
    name : str
        Its name.
    levels : tuple of PlateLevel
        The finest first.
    colour : str
        As ``#00FF00``.
    limits : (float, float)
        What is shown black and white.
    """

    name: str
    levels: tuple[PlateLevel, ...]
    colour: str
    limits: tuple[float, float]


@dataclass(frozen=True)
class PlateView:
    """What there is to see of a plate, or of an image with objects.

    Parameters
    ----------
    name : str
        Its name.
    channels : tuple of PlateChannel
        Images.
    labels : mapping
        Levels of each kind of objects.
    features : mapping
        A row per object: ``index`` is its number in the labels, ``well`` its well, ``plate_y``
        and ``plate_x`` its centre, pixels.
    wells, sites : DataFrame
        Name and ``y``, ``x``, ``height``, ``width`` of each, pixels.
    scale : tuple of float
        Size of a pixel along the axes.
    unit : str
        ``"um"`` or ``"pixel"``.
    axes : str
        The axes, such as ``"yx"``.
    """

    name: str
    channels: tuple[PlateChannel, ...]
    labels: Mapping[str, tuple[PlateLevel, ...]]
    features: Mapping[str, pd.DataFrame]
    wells: pd.DataFrame
    sites: pd.DataFrame
    scale: tuple[float, ...]
    unit: str
    axes: str


def has_objects(path: str | Path) -> bool:
    """Tell whether it is an OME-Zarr plate of one image per well, or an image with labels."""
    path = Path(path)
    if not (path / "zarr.json").is_file():
        return False
    try:
        images = plate_images(path)
        if images:
            return len({i.well for i in images}) == len(images) and len(_shapes(images)) == 1
        return bool(_ome(path).get("multiscales")) and bool(_labels(path))
    except (FileError, OSError, ValueError, KeyError, TypeError):
        return False


def _ome(path: Path) -> dict[str, Any]:
    about = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    return dict(about.get("attributes", {}).get("ome", {}))


def _labels(image: Path) -> list[str]:
    if not (image / "labels" / "zarr.json").is_file():
        return []
    return [str(n) for n in _ome(image / "labels").get("labels", ())]


def _shapes(images: Sequence[PlateImage]) -> set[tuple[int, ...]]:
    found = set()
    for image in images:
        first = _ome(image.path)["multiscales"][0]["datasets"][0]["path"]
        about = json.loads((image.path / first / "zarr.json").read_text(encoding="utf-8"))
        found.add(tuple(about["shape"]))
    return found


def view_plate(path: str | Path) -> PlateView:
    """Open a plate of one image per well, or an image with labels, to look at it.

    Parameters
    ----------
    path : path
        An OME-Zarr for which `has_objects` is true.

    Returns
    -------
    PlateView
        Nothing of the pixels is read yet.

    Raises
    ------
    FileError
        If it is damaged.
    """
    path = Path(path)
    try:
        return _view(path)
    except FileError:
        raise
    except Exception as error:  # zarr raises errors of many kinds
        raise FileError(
            path, f"it is damaged or incomplete ({error}).", "Copy it again."
        ) from error


def _view(path: Path) -> PlateView:
    wells = plate_images(path) or [PlateImage(path, path.name.split(".")[0], "", "", 0)]
    rows = sorted({w.row for w in wells}, key=lambda r: (len(r), r))
    columns = sorted({w.column for w in wells}, key=lambda c: (len(c), c))
    places = {(rows.index(w.row), columns.index(w.column)): w for w in wells}
    grid = (len(rows), len(columns))
    first = next(iter(places.values())).path
    about = _ome(first)["multiscales"][0]
    axes = "".join(str(a["name"]) for a in about["axes"])
    images = {p: _open_levels(w.path) for p, w in places.items()}
    finest = next(iter(images.values()))[0].shape
    pitch = _pitch(finest[-2:], len(about["datasets"]))
    spatial = axes.removeprefix("c")
    scale = tuple(float(s) for s in about["datasets"][0]["coordinateTransformations"][0]["scale"])[
        -len(spatial) :
    ]
    micro = all(a.get("unit") == "micrometer" for a in about["axes"] if a["type"] == "space")
    labels, features = {}, {}
    for name in dict.fromkeys(n for w in places.values() for n in _labels(w.path)):
        labels[name], features[name] = _objects(name, places, grid, pitch)
    return PlateView(
        places[min(places)].plate,
        _channels(places, images, grid, pitch, axes.startswith("c")),
        labels,
        features,
        _frames(places, pitch, finest[-2:]),
        _sites(places, pitch),
        scale,
        "um" if micro else "pixel",
        spatial,
    )


def _pitch(size: Sequence[int], levels: int) -> tuple[int, int]:
    """Return the distance of wells: with a gap, and whole at every level."""
    step = 2 ** max(levels - 1, 0)
    gap = max(max(size) // _GAP, 4 * step)
    y, x = (-(-(n + gap) // step) * step for n in size)
    return y, x


def _open_levels(image: Path) -> list[Any]:
    import zarr

    return [
        zarr.open_array(str(image / str(d["path"])), mode="r")
        for d in _ome(image)["multiscales"][0]["datasets"]
    ]


class _Channel:
    """One channel of an array (C, ...)."""

    def __init__(self, array: Any, number: int) -> None:
        self._array, self._number = array, number
        self.shape, self.dtype = array.shape[1:], array.dtype

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        return self._array[(self._number, *key)]


def _channels(
    places: Mapping[tuple[int, int], PlateImage],
    images: Mapping[tuple[int, int], list[Any]],
    grid: tuple[int, int],
    pitch: tuple[int, int],
    split: bool,
) -> tuple[PlateChannel, ...]:
    told = [_ome(w.path).get("omero", {}).get("channels", ()) for w in places.values()]
    arrays = next(iter(images.values()))
    count = arrays[0].shape[0] if split else 1
    made = []
    for k in range(count):
        levels = tuple(
            PlateLevel(
                {p: _Channel(a[n], k) if split else a[n] for p, a in images.items()},
                grid,
                (pitch[0] >> n, pitch[1] >> n),
            )
            for n in range(len(arrays))
        )
        said = [c[k] for c in told if len(c) > k]
        windows = [c["window"] for c in said if "start" in c.get("window", {})]
        low = min((float(w["start"]) for w in windows), default=0.0)
        high = max((float(w["end"]) for w in windows), default=1.0)
        name = str(said[0].get("label", k)) if said else str(k)
        colour = f"#{said[0].get('color', 'FFFFFF')}" if said else "#FFFFFF"
        made.append(PlateChannel(name, levels, colour, (low, max(high, low + 1e-6))))
    return tuple(made)


def _objects(
    name: str,
    places: Mapping[tuple[int, int], PlateImage],
    grid: tuple[int, int],
    pitch: tuple[int, int],
) -> tuple[tuple[PlateLevel, ...], pd.DataFrame]:
    """Return labels that differ on the whole plate, and the features of the objects."""
    arrays, offsets, tables, offset = {}, {}, [], 0
    for place, well in places.items():
        if name not in _labels(well.path):
            continue
        arrays[place] = _open_levels(well.path / "labels" / name)
        table = _read_table(well.path / "tables" / name)
        offsets[place] = offset
        if table is None or "label" not in table:
            from limelight.core.image import object_ids

            table = pd.DataFrame({"label": object_ids(np.asarray(arrays[place][0][...]))})
        largest = int(table["label"].max()) if len(table) else 0
        table.insert(0, "index", table.pop("label") + offset)
        if well.row:
            table.insert(1, "well", well.well)
        for axis, step, at in zip("yx", pitch, place, strict=True):
            where = next((c for c in (f"well_{axis}", f"centroid_{axis}") if c in table), None)
            if where is not None:
                table[f"plate_{axis}"] = table[where] + at * step
        tables.append(table)
        offset += largest
    depth = min(len(a) for a in arrays.values())
    levels = tuple(
        PlateLevel(
            {p: a[n] for p, a in arrays.items()}, grid, (pitch[0] >> n, pitch[1] >> n), offsets
        )
        for n in range(depth)
    )
    full = [t for t in tables if len(t)] or tables[:1]
    return levels, pd.concat(full, ignore_index=True)


def _read_table(folder: Path) -> pd.DataFrame | None:
    if (folder / "table.parquet").is_file():
        return pd.read_parquet(folder / "table.parquet")
    if (folder / "table.csv").is_file():
        return pd.read_csv(folder / "table.csv")
    return None


_FRAME = ["name", "y", "x", "height", "width"]


def _frames(
    places: Mapping[tuple[int, int], PlateImage], pitch: tuple[int, int], size: Sequence[int]
) -> pd.DataFrame:
    rows = [
        (well.well, r * pitch[0], c * pitch[1], size[0], size[1])
        for (r, c), well in places.items()
        if well.row
    ]
    return pd.DataFrame(rows, columns=_FRAME)


def _sites(places: Mapping[tuple[int, int], PlateImage], pitch: tuple[int, int]) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for (r, c), well in places.items():
        table = _read_table(well.path / "tables" / "sites")
        if table is None or "y_pixel" not in table:
            continue
        size_y = table["len_y_micrometer"] / _step(well.path, -2)
        size_x = table["len_x_micrometer"] / _step(well.path, -1)
        for name, y, x, height, width in zip(
            table["FieldIndex"], table["y_pixel"], table["x_pixel"], size_y, size_x, strict=True
        ):
            rows.append((name, r * pitch[0] + y, c * pitch[1] + x, height, width))
    return pd.DataFrame(rows, columns=_FRAME)


def _step(image: Path, axis: int) -> float:
    about = _ome(image)["multiscales"][0]["datasets"][0]
    return float(about["coordinateTransformations"][0]["scale"][axis])
