"""OME-Zarr 0.5 with objects: an image, ``labels/<Objects>``, ``tables/<Objects>``, and plates.

A table of features is a ``feature_table``: it names the labels that it belongs to (``region``) and
the column that holds their numbers (``instance_key``), as ngio and Fractal read it.

.. code-block:: text

    NAME.ome.zarr/                a plate: PLATE.ome.zarr/A/1/0/
    ├── 0, 1, ...                 the image (c, y, x) or (c, z, y, x), each level half as large
    ├── labels/Nuclei/0, 1, ...
    └── tables/Nuclei/table.parquet
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.io.atomic import replacing, replacing_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "PlateImage",
    "plate_images",
    "well_name",
    "write_image",
    "write_labels",
    "write_plate",
]

VERSION = "0.5"
CHUNK = 1024
SMALLEST = 512  # pixels of the longer side from which no smaller level is written
_COLOURS = ("0000FF", "00FF00", "FF0000", "FF00FF", "00FFFF", "FFFF00")
Scale = tuple[float, float, float]


@dataclass(frozen=True)
class PlateImage:
    """An image of a plate.

    Parameters
    ----------
    path : path
        Its folder.
    plate : str
        Name of the plate.
    row, column : str
        Names of row and column, such as ``"A"`` and ``"1"``.
    site : int
        Number of the image in its well, from 0.
    place : (float, float), optional
        Where it lies in the well (y, x), pixels.
    """

    path: Path
    plate: str
    row: str
    column: str
    site: int
    place: tuple[float, float] | None = None

    @property
    def well(self) -> str:
        """Name of the well, such as ``A01``."""
        return well_name(self.row, self.column)


def well_name(row: str, column: str) -> str:
    """Return the name of a well, such as ``A01``."""
    return f"{row}{column.zfill(2)}"


def _attributes(folder: Path) -> dict[str, Any]:
    import zarr

    try:
        found = dict(zarr.open_group(str(folder), mode="r").attrs)
    except Exception as error:  # zarr raises errors of many kinds
        raise FileError(folder, "it is damaged or incomplete.", "Copy it again.") from error
    inner = found.get("ome")
    return dict(inner) if isinstance(inner, dict) else found


def plate_images(path: str | Path) -> list[PlateImage]:
    """Return the images of a plate, in the plate's order; none where it is no plate.

    Raises
    ------
    FileError
        If the plate is damaged.
    """
    path = Path(path)
    if not any((path / mark).is_file() for mark in ("zarr.json", ".zattrs")):
        return []
    if (path / "zarr.json").is_file():
        about = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        if about.get("node_type") != "group":
            return []
    plate = _attributes(path).get("plate")
    if not isinstance(plate, dict):
        return []
    name = str(plate.get("name") or re.sub(r"(\.ome)?\.zarr$", "", path.name))
    found = []
    for well in plate.get("wells", ()):
        inside = str(well["path"])
        if ".." in Path(inside).parts or Path(inside).is_absolute():
            raise FileError(path, "it refers to a folder outside itself.", "Copy it again.")
        row, _, column = inside.partition("/")
        images = _attributes(path / inside).get("well", {}).get("images", ())
        for number, image in enumerate(images):
            folder = path / inside / str(image["path"])
            found.append(PlateImage(folder, name, row, column, number, _place(folder)))
    return found


def _place(folder: Path) -> tuple[float, float] | None:
    """Return y and x of an image, pixels, where it says them."""
    try:
        image = _attributes(folder)["multiscales"][0]
    except (FileError, KeyError, IndexError):
        return None  # it is told when it is read
    changes = [
        *image["datasets"][0].get("coordinateTransformations", ()),
        *image.get("coordinateTransformations", ()),
    ]
    size, place = [1.0, 1.0], None
    for change in changes:
        if change.get("type") == "scale" and "scale" in change:
            size = [s * float(t) for s, t in zip(size, change["scale"][-2:], strict=True)]
        if change.get("type") == "translation" and "translation" in change and place is None:
            place = [float(v) for v in change["translation"][-2:]]
    if place is None or not all(size):
        return None
    return place[0] / size[0], place[1] / size[1]


def _levels(pixels: NDArray[Any], labels: bool) -> Iterable[NDArray[Any]]:
    """Yield pixels at each resolution: means of 2 x 2, or of labels one of the four."""
    while True:
        yield pixels
        if max(pixels.shape[-2:]) <= SMALLEST or min(pixels.shape[-2:]) < 2:
            return
        pixels = halved(pixels, labels)


def halved(pixels: NDArray[Any], labels: bool) -> NDArray[Any]:
    """Return pixels half as fine along y and x: means of 2 x 2, or of labels one of the four."""
    if labels:
        return pixels[..., ::2, ::2]
    height, width = (n // 2 * 2 for n in pixels.shape[-2:])
    cut = pixels[..., :height, :width]
    parts = cut.reshape(*cut.shape[:-2], height // 2, 2, width // 2, 2)
    mean = parts.mean(axis=(-3, -1), dtype=np.float32)
    coarser: NDArray[Any] = np.round(mean) if pixels.dtype.kind in "ui" else mean
    return coarser.astype(cut.dtype, copy=False)


def _write_levels(
    group: Any, pixels: NDArray[Any], axes: str, scale: Scale | None, labels: bool
) -> list[dict[str, Any]]:
    datasets = []
    for number, level in enumerate(_levels(pixels, labels)):
        chunks = (*[1] * (level.ndim - 2), *(min(n, CHUNK) for n in level.shape[-2:]))
        array = group.create_array(
            str(number),
            shape=level.shape,
            dtype=level.dtype,
            chunks=chunks,
            dimension_names=list(axes),
        )
        array[...] = level
        datasets.append(level_about(number, axes, scale))
    return datasets


def level_about(number: int, axes: str, scale: Scale | None) -> dict[str, Any]:
    """Describe a level of a pyramid, each half as fine as the one before."""
    size = dict(zip("zyx", scale or (1.0, 1.0, 1.0), strict=True))
    finer = {"y": 2.0**number, "x": 2.0**number}
    steps = [size.get(a, 1.0) * finer.get(a, 1.0) for a in axes]
    changes = [{"type": "scale", "scale": steps}]
    return {"path": str(number), "coordinateTransformations": changes}


def multiscales(
    name: str, axes: str, scale: Scale | None, datasets: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Describe an image, or labels, of several levels."""
    unit = {"unit": "micrometer"} if scale is not None else {}
    described: list[dict[str, Any]] = [
        {"name": a, "type": "channel"} if a == "c" else {"name": a, "type": "space", **unit}
        for a in axes
    ]
    return [{"name": name, "axes": described, "datasets": datasets}]


def write_image(
    path: str | Path,
    images: Mapping[str, NDArray[Any]],
    labels: Mapping[str, NDArray[Any]],
    tables: Mapping[str, pd.DataFrame],
    *,
    scale: Scale | None = None,
    name: str = "",
) -> Path:
    """Write the images of a field with its objects and their features.

    Parameters
    ----------
    path : path
        The folder; one that is there is replaced.
    images : mapping
        Image (Y, X) or (Z, Y, X) of each channel.
    labels : mapping
        Labels of each kind of objects.
    tables : mapping
        Features of each kind of objects, with a column ``label``.
    scale : (float, float, float), optional
        Size of a voxel (z, y, x), micrometres.
    name : str
        Name of the image.

    Raises
    ------
    FileError
        If it cannot be written; what was there before is still there then.
    """
    path = Path(path)
    import zarr

    with replacing_folder(path) as folder:
        group = zarr.create_group(str(folder), zarr_format=3)
        pixels = np.stack(list(images.values()))
        axes = "cyx" if pixels.ndim == 3 else "czyx"
        datasets = _write_levels(group, pixels, axes, scale, labels=False)
        group.attrs["ome"] = {
            "version": VERSION,
            "multiscales": multiscales(name or path.name, axes, scale, datasets),
            "omero": {"channels": channels_about(images)},
        }
        for one, found in labels.items():
            write_labels(folder, one, found, tables.get(one), scale=scale)
    return path


def channels_about(images: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Describe channels: names, colours, and limits that show what is in them."""
    described = []
    for k, (name, image) in enumerate(images.items()):
        low, high = (float(v) for v in np.percentile(_sample(image), (0.5, 99.8)))
        top = float(np.iinfo(image.dtype).max) if image.dtype.kind in "ui" else max(high, 1.0)
        described.append(
            {
                "label": name,
                "color": "FFFFFF" if len(images) == 1 else _COLOURS[k % len(_COLOURS)],
                "active": True,
                "window": {"min": 0.0, "max": top, "start": low, "end": max(high, low + 1)},
            }
        )
    return described


def _sample(image: NDArray[Any]) -> NDArray[Any]:
    step = 4 if min(image.shape[-2:]) >= 256 else 1
    return image[..., ::step, ::step]


def write_labels(
    image: str | Path,
    name: str,
    labels: NDArray[Any],
    table: pd.DataFrame | None = None,
    *,
    scale: Scale | None = None,
) -> Path:
    """Write labels, and their table, into an image that is there.

    Parameters
    ----------
    image : path
        Folder of an OME-Zarr image, of any version.
    name : str
        What the objects are; labels of that name are replaced.
    labels : array (Y, X) or (Z, Y, X)
        Whole numbers.
    table : DataFrame, optional
        Features, with a column ``label``.
    scale : (float, float, float), optional
        Size of a voxel (z, y, x), micrometres.

    Returns
    -------
    path
        The labels' folder.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    import zarr

    image = Path(image)
    old = not (image / "zarr.json").is_file()
    form = 2 if old else 3
    version = "0.4" if old else VERSION
    pixels = np.asarray(labels)
    axes = "yx" if pixels.ndim == 2 else "zyx"
    (image / "labels").mkdir(parents=True, exist_ok=True)
    with replacing_folder(image / "labels" / name) as folder:
        group = zarr.create_group(str(folder), zarr_format=form)  # type: ignore[arg-type]
        if old:
            datasets = _write_levels_2(group, pixels, axes, scale)
        else:
            datasets = _write_levels(group, pixels, axes, scale, labels=True)
        _describe(
            group,
            version,
            {
                "multiscales": multiscales(name, axes, scale, datasets),
                "image-label": {"source": {"image": "../../"}},
            },
        )
    list_name(image / "labels", "labels", name, form, version)
    if table is not None:
        write_table(image, name, table, form, features_of(name))
    return image / "labels" / name


def _write_levels_2(
    group: Any, pixels: NDArray[Any], axes: str, scale: Scale | None
) -> list[dict[str, Any]]:
    class Second:
        """Arrays of zarr 2 have no names of their axes, and / between the numbers of a chunk."""

        def create_array(self, name: str, *, dimension_names: object, **about: Any) -> Any:
            del dimension_names
            key = {"name": "v2", "separator": "/"}
            return group.create_array(name, chunk_key_encoding=key, **about)

    return _write_levels(Second(), pixels, axes, scale, labels=True)


def _describe(group: Any, version: str, about: dict[str, Any]) -> None:
    if version != "0.4":
        group.attrs["ome"] = {"version": version, **about}
        return
    for one in about.get("multiscales", ()):
        one["version"] = version
    if "image-label" in about:
        about["image-label"]["version"] = version
    group.attrs.update(about)


def list_name(folder: Path, key: str, name: str, form: int, version: str | None) -> None:
    """Add a name to the list that a group keeps of what is in it."""
    import zarr

    group = zarr.open_group(str(folder), mode="a", zarr_format=form)  # type: ignore[arg-type]
    inner = group.attrs.get("ome")
    about = dict(inner) if isinstance(inner, dict) else dict(group.attrs)
    names = about.get(key)
    known = [str(n) for n in names] if isinstance(names, list) else []
    if name in known:
        return
    if version is None or version == "0.4":
        group.attrs[key] = [*known, name]
    else:
        group.attrs["ome"] = {"version": version, **about, key: [*known, name]}


def features_of(name: str) -> dict[str, Any]:
    """Describe a table of the features of labels."""
    return {
        "type": "feature_table",
        "table_version": "1",
        "region": {"path": f"../labels/{name}"},
        "instance_key": "label",
        "index_key": "label",
        "index_type": "int",
    }


def write_table(
    image: Path, name: str, table: pd.DataFrame, form: int, about: Mapping[str, Any]
) -> None:
    """Write a table into the ``tables`` of an image, and what it is."""
    import zarr

    (image / "tables").mkdir(exist_ok=True)
    with replacing_folder(image / "tables" / name) as folder:
        group = zarr.create_group(str(folder), zarr_format=form)  # type: ignore[arg-type]
        backend = "parquet"
        try:
            table.to_parquet(folder / "table.parquet", index=False)
        except ImportError:  # pyarrow is an extra
            backend = "csv"
            table.to_csv(folder / "table.csv", index=False)
        group.attrs.update({**about, "backend": backend})
    list_name(image / "tables", "tables", name, form, None)


def write_plate(path: str | Path, images: Iterable[PlateImage]) -> Path:
    """Describe a plate and its wells; the images are written each by itself.

    Parameters
    ----------
    path : path
        The plate's folder.
    images : iterable of PlateImage
        The images in it.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    path = Path(path)
    wells: dict[tuple[str, str], list[PlateImage]] = {}
    for image in images:
        wells.setdefault((image.row, image.column), []).append(image)
    rows = sorted({r for r, _ in wells}, key=lambda r: (len(r), r))
    columns = sorted({c for _, c in wells}, key=lambda c: (len(c), c))
    most = max((len(found) for found in wells.values()), default=0)
    name = next((i.plate for found in wells.values() for i in found), path.stem)
    plate = {
        "name": name,
        "field_count": most,
        "rows": [{"name": r} for r in rows],
        "columns": [{"name": c} for c in columns],
        "wells": [
            {"path": f"{r}/{c}", "rowIndex": rows.index(r), "columnIndex": columns.index(c)}
            for r, c in sorted(wells, key=lambda w: (rows.index(w[0]), columns.index(w[1])))
        ],
    }
    path.mkdir(parents=True, exist_ok=True)
    write_group(path, {"ome": {"version": VERSION, "plate": plate}})
    for (row, column), found in wells.items():
        if not (path / row / "zarr.json").exists():
            (path / row).mkdir(exist_ok=True)
            write_group(path / row, {})
        (path / row / column).mkdir(exist_ok=True)
        listed = [{"path": i.path.name} for i in sorted(found, key=lambda i: i.site)]
        about = {"ome": {"version": VERSION, "well": {"images": listed}}}
        write_group(path / row / column, about)
    return path


def write_group(folder: Path, attributes: dict[str, Any]) -> None:
    """Write what a group says of itself."""
    about = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    with replacing(folder / "zarr.json") as temporary:
        temporary.write_text(json.dumps(about, indent=2), encoding="utf-8")
