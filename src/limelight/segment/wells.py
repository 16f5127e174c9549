"""Wells: where the sites of a plate lie, and each well's sites joined into one image.

Sites are segmented one by one.  In the mosaic of their well objects have places and numbers of the
well: all kinds of objects of a site are shifted by the same number, so that parents still name
their children.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from limelight.core.errors import LimelightError, ParameterError, suggest
from limelight.core.job import Job, Progress
from limelight.core.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.io.label_zarr import PlateImage
    from limelight.segment.fields import Field

__all__ = ["ORDERS", "Layout", "Place", "in_well", "mosaics_job", "note_of", "place_fields"]

Order = Literal["horizontal", "zigzag_horizontal", "vertical", "zigzag_vertical"]
ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass(frozen=True)
class Layout:
    """In which order the sites of a well were taken, where the files do not say their places.

    Parameters
    ----------
    order : {"horizontal", "zigzag_horizontal", "vertical", "zigzag_vertical"}
        Row by row or column by column; with zigzag every other one backwards.
    columns : int, optional
        Sites beside each other; by default as many as make the well nearest to a square.
    """

    order: Order = "horizontal"
    columns: int | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ParameterError(
                f"There is no layout {self.order!r}. {suggest(self.order, ORDERS)}"
            )
        if self.columns is not None and self.columns < 1:
            raise ParameterError(f"columns must be at least 1, not {self.columns}.")

    def grid(self, count: int) -> list[tuple[int, int]]:
        """Return row and column of each of so many sites.

        Examples
        --------
        >>> Layout("zigzag_horizontal", 2).grid(4)
        [(0, 0), (0, 1), (1, 1), (1, 0)]
        """
        columns = min(self.columns or math.ceil(math.sqrt(count)), count) or 1
        rows = math.ceil(count / columns)
        across = self.order.endswith("horizontal")
        length = columns if across else rows
        places = []
        for k in range(count):
            line, at = divmod(k, length)
            if self.order.startswith("zigzag") and line % 2:
                at = length - 1 - at
            places.append((line, at) if across else (at, line))
        return places


@dataclass(frozen=True)
class Place:
    """Where a site lies in its well.

    Parameters
    ----------
    y, x : int
        Its first row and column in the mosaic of the well, pixels.
    offset : int
        What is added to the numbers of its objects.
    """

    y: int
    x: int
    offset: int


def note_of(one: Field, folder: Path) -> dict[str, Any] | None:
    """Return what was noted when a field was done; nothing where it is not."""
    try:
        note = json.loads((folder / "tables" / f"{one.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and "shape" in note else None


def place_fields(
    fields: Sequence[Field], notes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Place]:
    """Return where the sites of plates lie in their wells.

    Parameters
    ----------
    fields : sequence of Field
        The fields; those on no plate are left out.
    notes : mapping
        What was noted of the fields that are done: ``shape`` of the images and the ``largest``
        number of an object.

    Returns
    -------
    dict
        Place of each site, by name: that which the files say, else that on a grid.
    """
    wells = _wells(fields)
    places: dict[str, Place] = {}
    for sites in wells.values():
        there = [f for f in sites if f.name in notes]
        if not there:
            continue
        shapes = np.array([notes[f.name]["shape"][-2:] for f in there])
        said = [f.site.place for f in there if f.site is not None and f.site.place is not None]
        if len(said) == len(there) and len(set(said)) == len(said):
            corners = np.round(np.array(said) - np.min(said, axis=0)).astype(int)
        else:
            grid = [(int(f.about["well_pos_y"]), int(f.about["well_pos_x"])) for f in there]
            corners = np.array(grid) * shapes.max(axis=0)
        offset = 0
        for one, (y, x) in zip(there, corners.tolist(), strict=True):
            places[one.name] = Place(y, x, offset)
            offset += int(notes[one.name]["largest"])
    return places


def _wells(fields: Sequence[Field]) -> dict[tuple[str, str], list[Field]]:
    """Return the sites of each well, by plate and well."""
    wells: dict[tuple[str, str], list[Field]] = {}
    for one in fields:
        if one.site is not None:
            wells.setdefault((one.site.plate, one.site.well), []).append(one)
    return wells


def in_well(table: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Return a site's table with places and numbers of the well.

    Added are ``well_label``, and ``well_y`` and ``well_x``: the objects' centres in the mosaic of
    the well, pixels.
    """
    moved = {"well_label": table["label"] + place.offset}
    for axis, start in (("y", place.y), ("x", place.x)):
        if f"centroid_{axis}" in table:
            moved[f"well_{axis}"] = table[f"centroid_{axis}"] + start
    return table.assign(**moved)


def mosaics_job(
    fields: Sequence[Field], folder: Path, *, threads: int | None = None
) -> Job[dict[str, Path]]:
    """Join the sites of each well into one image in its plate; a well that is so already stays.

    All wells of a plate are of one size, as viewers of plates expect; what no site covers takes
    no space.

    Parameters
    ----------
    fields : sequence of Field
        The fields of the batch.
    folder : path
        Its results.
    threads : int, optional
        Threads; the result does not depend on it.

    Yields
    ------
    Progress
        After every well.

    Returns
    -------
    dict
        Image of each well, by plate and well.
    """
    from limelight.io.label_zarr import write_plate

    notes = {f.name: note for f in fields if (note := note_of(f, folder)) is not None}
    places = place_fields(fields, notes)
    wells = {
        key: there
        for key, sites in _wells(fields).items()
        if (there := [f for f in sites if f.name in places])
    }
    sizes: dict[str, tuple[int, int]] = {}
    for (plate, _), sites in wells.items():
        ends = [_end(places[f.name], notes[f.name]["shape"]) for f in sites]
        before = sizes.get(plate, (0, 0))
        sizes[plate] = (
            max(before[0], *(e[0] for e in ends)),
            max(before[1], *(e[1] for e in ends)),
        )
    written: dict[str, Path] = {}
    images: dict[str, list[PlateImage]] = {}
    for done, ((plate, well), sites) in enumerate(wells.items()):
        yield Progress(done, len(wells), f"the mosaic of {plate} {well}")
        site = sites[0].site
        assert site is not None
        path = folder / "images" / f"{plate}.ome.zarr" / site.row / site.column / "0"
        try:
            _mosaic(path, sites, places, notes, sizes[plate], folder, threads)
        except (LimelightError, OSError) as error:
            remark(f"There is no mosaic of {plate} {well}: {error}", stacklevel=2)
            if not path.is_dir():
                continue
        written[f"{plate} {well}"] = path
        images.setdefault(plate, []).append(type(site)(path, plate, site.row, site.column, 0))
    for plate, found in images.items():
        write_plate(folder / "images" / f"{plate}.ome.zarr", found)
    return written


def _end(place: Place, shape: Sequence[int]) -> tuple[int, int]:
    return place.y + int(shape[-2]), place.x + int(shape[-1])


def _mosaic(
    path: Path,
    sites: Sequence[Field],
    places: Mapping[str, Place],
    notes: Mapping[str, Mapping[str, Any]],
    size: tuple[int, int],
    folder: Path,
    threads: int | None,
) -> None:
    """Write the image of a well, unless it is there and nothing in it has changed."""
    from limelight.io.mosaic import write_mosaic

    told = [(f.name, notes[f.name]["described"], repr(places[f.name])) for f in sites]
    described = hashlib.sha256(repr((told, size)).encode()).hexdigest()
    if _described(path) == described:
        return
    names = list(dict.fromkeys(name for f in sites for name in notes[f.name]["counts"]))
    tables = {name: _table(name, sites, places, folder) for name in names}
    scales = {tuple(s) for f in sites if (s := notes[f.name].get("scale"))}
    if len(scales) > 1:
        raise ParameterError(
            "the sites say different pixel sizes: " + ", ".join(map(str, sorted(scales))) + "."
        )
    scale = scales.pop() if scales else None
    write_mosaic(
        path,
        [_tile(f, places[f.name], notes[f.name], names, folder) for f in sites],
        size,
        list(sites[0].channels),
        np.result_type(*(notes[f.name]["dtype"] for f in sites)),
        tables,
        scale=None if scale is None else (scale[0], scale[1], scale[2]),
        name=f"{sites[0].about['plate_name']} {sites[0].about['well_name']}",
        about={"described": described},
        threads=threads,
    )


def _described(path: Path) -> str:
    try:
        about = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return str(about["attributes"]["limelight"]["described"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _table(
    name: str, sites: Sequence[Field], places: Mapping[str, Place], folder: Path
) -> pd.DataFrame:
    """Return the features of a well's objects, by their numbers in the well."""
    parts = []
    for one in sites:
        table = pd.read_csv(folder / "tables" / f"{one.name}_{name}.csv")
        place = places[one.name]
        table = in_well(table, place)
        for column in [c for c in table if str(c).startswith("parent_")]:
            table[column] = table[column].where(table[column] <= 0, table[column] + place.offset)
        table.insert(0, "site", one.name)
        table = table.rename(columns={"label": "site_label"})
        table.insert(0, "label", table.pop("well_label"))
        parts.append(table)
    # an empty table has no types of its own, and must not change those of the others
    full = [t for t in parts if len(t)] or parts[:1]
    return pd.concat(full, ignore_index=True)


def _tile(
    one: Field, place: Place, note: Mapping[str, Any], names: Sequence[str], folder: Path
) -> Any:
    from limelight.io.mosaic import Tile
    from limelight.segment.fields import read_field
    from limelight.segment.results import read_labels

    def labels() -> dict[str, NDArray[Any]]:
        found = {}
        for name in names:
            pixels = read_labels(one, name, folder)
            found[name] = np.where(pixels > 0, pixels + np.int32(place.offset), np.int32(0))
        return found

    shape = tuple(int(n) for n in note["shape"])
    return Tile(one.name, (place.y, place.x), shape, lambda: read_field(one), labels)
