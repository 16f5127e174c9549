"""Fields: which images of a folder belong together, and how the pixels of one are read."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, LimelightError, ParameterError
from limelight.io.finding import find_movies
from limelight.io.label_zarr import PlateImage, plate_images, well_name
from limelight.io.ome_zarr import is_zarr
from limelight.segment.wells import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Field", "Plane", "find_fields", "read_field", "voxel_size"]

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy")
_PLAIN = (".png", ".jpg", ".jpeg", ".bmp")
_NUMBER = re.compile(r"(\d+)")
_WELL = re.compile(r"(?<![A-Za-z0-9])([A-P])0?([1-9]\d?)(?![A-Za-z0-9])")
_SITE = re.compile(r"(?<![A-Za-z0-9])(?:s|f|site|field|xy)_?(\d+)(?![A-Za-z0-9])", re.I)


@dataclass(frozen=True)
class Plane:
    """Where the image of one channel is.

    Parameters
    ----------
    path : str
        File, or folder of a zarr.
    place : mapping
        Place on the file's axes, such as ``{"channel": 1, "position": 4}``; z is read as a stack
        where it is not given.
    """

    path: str
    place: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """One field of view.

    Parameters
    ----------
    name : str
        What its results are named after; each field has another one.
    channels : mapping
        Image of each channel.
    about : mapping
        What is known of its place: ``position``, ``tpoint``, and on a plate ``plate_name``,
        ``well_name``, ``well_pos_y``, ``well_pos_x``.
    site : PlateImage, optional
        Its place on a plate.
    """

    name: str
    channels: Mapping[str, Plane]
    about: Mapping[str, int | str] = field(default_factory=dict)
    site: PlateImage | None = None


def find_fields(
    source: str | Path,
    channels: Sequence[str],
    patterns: Mapping[str, str] | None = None,
    layout: Layout | None = None,
) -> list[Field]:
    """Find the fields of view under a path.

    Parameters
    ----------
    source : path
        An image, a folder of images, a pattern such as ``plate1/*.tif``, or an OME-Zarr.
    channels : sequence of str
        The channels that are needed.
    patterns : mapping, optional
        Pattern of the file names of each channel, such as ``{"DAPI": "*_w1.tif"}``; files belong
        together where what ``*`` stands for is the same.
    layout : Layout, optional
        How the sites of a well lie where the files do not say it: by default row by row, as
        near to a square as can be.

    Returns
    -------
    list of Field
        In natural order (2 before 10).

    Raises
    ------
    FileError
        If there is no image, or a channel has none.
    ParameterError
        If the files do not tell which channel they are.
    """
    if not channels:
        raise ParameterError("The pipeline has no channel; add one to it.")
    source, layout = Path(source).expanduser(), layout or Layout()
    if patterns:
        return _on_plate(source, _by_patterns(source, channels, patterns), layout)
    files = _images(source)
    if not files:
        raise FileError(
            source,
            "there is no image here." if source.exists() else "there is no such file or folder.",
            f"Give a folder with {', '.join(IMAGE_SUFFIXES)} or OME-Zarr, or a pattern.",
        )
    found: list[Field] = []
    single: list[Path] = []
    for file in files:
        plate = plate_images(file) if is_zarr(file) else []
        if plate:
            found.extend(_in_plate(plate, channels, layout))
            continue
        try:
            axes = _axes(file)
        except FileError:  # it is told when its turn comes, and the others are not kept from theirs
            found.append(Field(_stem(file), {c: Plane(str(file)) for c in channels}))
            continue
        if axes.get("channel", 1) > 1 or len(channels) == 1:
            found.extend(_in_file(file, channels))
        else:
            single.append(file)
    if single:
        found.extend(_grouped(source, single, channels))
    return _on_plate(source, _distinct(found), layout)


def _in_plate(images: list[PlateImage], channels: Sequence[str], layout: Layout) -> list[Field]:
    """Return the fields of an OME-Zarr plate; where they lie in their wells becomes a grid."""
    wells: dict[str, list[PlateImage]] = {}
    for image in images:
        wells.setdefault(image.well, []).append(image)
    fields = []
    for well, sites in wells.items():
        places = [s.place for s in sites]
        known = len(sites) > 1 and None not in places and len(set(places)) == len(sites)
        rows = sorted({p[0] for p in places if p}) if known else [0.0]
        columns = sorted({p[1] for p in places if p}) if known else []
        grid = layout.grid(len(sites))
        for site, (row, column) in zip(sites, grid, strict=True):
            about: dict[str, int | str] = {
                "plate_name": site.plate,
                "well_name": well,
                "well_pos_y": rows.index(site.place[0]) if known and site.place else row,
                "well_pos_x": columns.index(site.place[1]) if known and site.place else column,
            }
            name = f"{site.plate}_{well}_s{site.path.name}"
            try:
                inside = _in_file(site.path, channels)
            except FileError:  # told when its turn comes
                inside = [Field("", {c: Plane(str(site.path)) for c in channels})]
            for one in inside:
                time = f"_t{one.about['tpoint']:04d}" if "tpoint" in one.about else ""
                place = site if not time else None
                fields.append(Field(name + time, one.channels, {**about, **one.about}, place))
    return fields


def _on_plate(source: Path, fields: list[Field], layout: Layout) -> list[Field]:
    """Give files whose names all say a well (A01, s2) their place on a plate."""
    if any(f.site is not None or "well_name" in f.about for f in fields) or not fields:
        return fields
    wells = [well for f in fields if (well := _WELL.search(f.name))]
    if len(wells) < len(fields):
        return fields
    plate = re.sub(r"[^A-Za-z0-9]+", "-", source.name if source.is_dir() else source.parent.name)
    plate = plate.strip("-") or "plate"
    count: dict[tuple[str, str], int] = {}
    placed = []
    for one, well in zip(fields, wells, strict=True):
        row, column = well[1], well[2]
        said = _SITE.search(one.name)
        number = int(said[1]) if said else count.get((row, column), 0)
        count[row, column] = count.get((row, column), 0) + 1
        about = {
            "plate_name": plate,
            "well_name": well_name(row, column),
            "well_pos_y": 0,
            "well_pos_x": count[row, column] - 1,
            **one.about,
        }
        site = PlateImage(Path(str(number)), plate, row, column, number)
        placed.append(Field(one.name, one.channels, about, site))
    if len({(f.site.well, f.site.site) for f in placed if f.site}) < len(placed):
        return [Field(f.name, f.channels, f.about) for f in placed]  # several times, say
    return _laid_out(placed, layout)


def _laid_out(fields: list[Field], layout: Layout) -> list[Field]:
    """Give the sites of each well, in the order of their numbers, a place on a grid."""
    wells: dict[str, list[Field]] = {}
    for one in fields:
        wells.setdefault(one.site.well if one.site else "", []).append(one)
    places: dict[str, tuple[int, int]] = {}
    for sites in wells.values():
        ordered = sorted(sites, key=lambda f: f.site.site if f.site else 0)
        names = [f.name for f in ordered]
        places |= dict(zip(names, layout.grid(len(sites)), strict=True))
    laid = []
    for one in fields:
        y, x = places[one.name]
        laid.append(replace(one, about={**one.about, "well_pos_y": y, "well_pos_x": x}))
    return laid


def _natural(text: str) -> list[Any]:
    return [int(t) if t.isdecimal() else t.lower() for t in _NUMBER.split(text)]


def _images(source: Path) -> list[Path]:
    if not source.exists() and glob.has_magic(str(source)):
        found = [Path(p) for p in glob.glob(str(source), recursive=True)]
        return [f for p in sorted(found, key=lambda p: _natural(str(p))) for f in _images(p)]
    if source.is_dir() and not is_zarr(source):
        inside = sorted(source.iterdir(), key=lambda p: _natural(p.name))
        plain = [p for p in inside if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
        known = {p for p in plain if not p.name.startswith(".")}
        # Formats with their own rules (zarr, split files, ...) are found as movies are.
        others = [p for p in inside if p.suffix.lower() not in IMAGE_SUFFIXES]
        movies = {p for p in others if _is_movie(p)}
        return [p for p in inside if p in known or p in movies]
    return [source] if source.exists() else []


def _is_movie(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_zarr(path)
    try:
        return path in find_movies(path) and path.suffix.lower() in (".nd2", ".ims", ".npy", ".raw")
    except LimelightError:
        return False


def _axes(path: Path) -> dict[str, int]:
    """Return the lengths of a file's axes but y and x."""
    if path.suffix.lower() in _PLAIN:
        return {}
    from limelight.io import open_array

    image = open_array(path)
    try:
        return dict(zip(image.axes[:-2], image.array.shape[:-2], strict=True))
    finally:
        image.close()


def _in_file(path: Path, channels: Sequence[str]) -> list[Field]:
    if path.suffix.lower() in _PLAIN:
        return [Field(_stem(path), {channels[0]: Plane(str(path))})]
    from limelight.io import open_array

    image = open_array(path)
    try:
        sizes = dict(zip(image.axes[:-2], image.array.shape[:-2], strict=True))
        labels = dict(image.labels)
    finally:
        image.close()
    places = _channel_places(path, channels, sizes.get("channel", 1), labels.get("channel", ()))
    fields = []
    for position in range(sizes.get("position", 1)):
        for time in range(sizes.get("time", 1)):
            about: dict[str, int | str] = {}
            place: dict[str, int] = {}
            name = _stem(path)
            if sizes.get("position", 1) > 1:
                names = labels.get("position", ())
                about["position"] = names[position] if names else position
                place["position"] = position
                name += f"_{re.sub(r'[^A-Za-z0-9]+', '-', str(about['position']))}"
            if sizes.get("time", 1) > 1:
                about["tpoint"] = place["time"] = time
                name += f"_t{time:04d}"
            planes = {
                c: Plane(str(path), {**place, "channel": k} if "channel" in sizes else place)
                for c, k in places.items()
            }
            fields.append(Field(name, planes, about))
    return fields


def _channel_places(
    path: Path, wanted: Sequence[str], count: int, labels: Sequence[str]
) -> dict[str, int]:
    """Return the place of each channel: by its name, else by its order."""
    lower = [label.lower() for label in labels]
    if labels and all(c.lower() in lower for c in wanted):
        return {c: lower.index(c.lower()) for c in wanted}
    if len(wanted) == 1 and count == 1:
        return {wanted[0]: 0}
    if count >= len(wanted) and not (labels and any(c.lower() in lower for c in wanted)):
        return {c: k for k, c in enumerate(wanted)}
    there = ", ".join(labels) or f"{count} without names"
    raise FileError(
        path,
        f"the pipeline takes the channels {', '.join(wanted)}; the file has {there}.",
        "Rename the channels of the pipeline.",
    )


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".ome.tif", ".ome.tiff", ".ome.zarr"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def _grouped(source: Path, files: list[Path], channels: Sequence[str]) -> list[Field]:
    """Group files of one channel each by the one number or word in which their names differ."""
    split = [re.split(r"(\d+|[_\-. ]+)", f.name) for f in files]
    same = len({len(s) for s in split}) == 1
    candidates = [_groups(files, split, k, channels) for k in range(len(split[0]) if same else 0)]
    found = [c for c in candidates if c is not None]
    best = max(found, key=lambda c: c[0], default=None)
    if best is not None and [c[0] for c in found].count(best[0]) == 1:
        groups = sorted(best[1].items(), key=lambda item: _natural(item[0]))
        return [Field(_stem(Path(g[channels[0]].path)), g) for _, g in groups]
    raise ParameterError(
        f"The pipeline takes {len(channels)} channels ({', '.join(channels)}), and the files in "
        f"{source.name} do not tell which is which. Say so with --channel "
        f"{channels[0]}='*_1.tif' for each channel (in Python: patterns=...)."
    )


def _groups(
    files: list[Path], split: list[list[str]], column: int, channels: Sequence[str]
) -> tuple[int, dict[str, dict[str, Plane]]] | None:
    """Group files by one part of their names, and tell how much speaks for it."""
    words = sorted({s[column] for s in split}, key=_natural)
    if len(words) != len(channels):
        return None
    lower = [w.lower() for w in words]
    named = all(c.lower() in lower for c in channels)
    order = [words[lower.index(c.lower())] for c in channels] if named else words
    groups: dict[str, dict[str, Plane]] = {}
    for file, parts in zip(files, split, strict=True):
        rest = "".join((*parts[:column], *parts[column + 1 :]))
        groups.setdefault(rest, {})[channels[order.index(parts[column])]] = Plane(str(file))
    if any(len(g) != len(channels) for g in groups.values()):
        return None
    hint = split[0][column - 1].lower() if column else ""
    told = 2 if named else int(hint.endswith(("c", "ch", "channel", "w", "wavelength", "d")))
    return told, groups


def _by_patterns(source: Path, channels: Sequence[str], patterns: Mapping[str, str]) -> list[Field]:
    for name in channels:
        if name not in patterns:
            raise ParameterError(
                f"There is no pattern for the channel {name!r}; give one for each of "
                f"{', '.join(channels)}."
            )
    for name in patterns:
        if name not in channels:
            raise ParameterError(
                f"The pipeline has no channel {name!r}; it has {', '.join(channels)}."
            )
    if not source.is_dir():
        raise FileError(source, "there is no such folder.", "Check its name.")
    files = [
        str(p.relative_to(source)).replace(os.sep, "/")
        for p in source.rglob("*")
        if p.is_file() and not p.name.startswith(".")
    ]
    groups: dict[tuple[str, ...], dict[str, Plane]] = {}
    for name in channels:
        parts = [re.escape(p) for p in patterns[name].split("*")]
        pattern = re.compile("(.*?)".join(parts) + r"\Z")
        matches = [(f, m) for f in files if (m := pattern.match(f))]
        if not matches:
            raise FileError(
                source,
                f"no file has a name like {patterns[name]!r} (channel {name}).",
                "Check the pattern; it is relative to this folder.",
            )
        for file, match in matches:
            groups.setdefault(match.groups(), {})[name] = Plane(str(source / file))
    first = channels[0]
    whole = [g for g in groups.values() if len(g) == len(channels)]
    if not whole:
        raise FileError(
            source,
            f"no field has files of all channels ({', '.join(channels)}).",
            "Files belong together where what * stands for is the same in all patterns.",
        )
    ordered = sorted(whole, key=lambda g: _natural(g[first].path))
    return _distinct([Field(_stem(Path(g[first].path)), g) for g in ordered])


def _distinct(fields: list[Field]) -> list[Field]:
    """Give fields of one name (from several folders) different ones."""
    seen: dict[str, int] = {}
    named = []
    for one in fields:
        count = seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if count == 1 else f"{one.name}_{count}"
        named.append(Field(name, one.channels, one.about, one.site))
    return named


def read_field(one: Field) -> dict[str, NDArray[Any]]:
    """Read the images of a field.

    Parameters
    ----------
    one : Field
        What to read.

    Returns
    -------
    dict
        Image (Y, X), or stack (Z, Y, X), of each channel.

    Raises
    ------
    FileError
        If a file cannot be read.
    """
    return {name: _read(plane) for name, plane in one.channels.items()}


def voxel_size(one: Field) -> tuple[float, float, float] | None:
    """Return the size of a voxel (z, y, x), micrometres; none where the files do not say."""
    path = Path(next(iter(one.channels.values())).path)
    if path.suffix.lower() in _PLAIN:
        return None
    from limelight.io import open_array

    image = open_array(path)
    try:
        size = dict(zip(image.axes, zip(image.scale, image.units, strict=True), strict=True))
    finally:
        image.close()
    if size["y"][1] != "um":
        return None
    z = size["z"][0] if size.get("z", (1.0, ""))[1] == "um" else 1.0
    return float(z), float(size["y"][0]), float(size["x"][0])


def _read(plane: Plane) -> NDArray[Any]:
    path = Path(plane.path)
    if path.suffix.lower() in _PLAIN:
        return _read_picture(path)
    from limelight.io import open_array

    image = open_array(path)
    try:
        key: list[int | slice] = []
        for axis in image.axes[:-2]:
            key.append(slice(None) if axis == "z" else plane.place.get(axis, 0))
        pixels: NDArray[Any] = np.asarray(image.array[tuple(key)] if key else image.array)
    finally:
        image.close()
    return pixels


def _read_picture(path: Path) -> NDArray[Any]:
    from matplotlib.image import imread

    try:
        pixels = np.asarray(imread(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise FileError(path, f"it cannot be read ({error}).", "Save it again.") from error
    if pixels.ndim == 3:  # the channels of a picture are seen, not measured
        pixels = pixels[..., :3].mean(axis=-1)
    if pixels.dtype.kind == "f":  # matplotlib gives the 8 or 16 bits of a PNG as 0 to 1
        pixels = np.round(pixels * 255).astype(np.uint8) if pixels.max() <= 1 else pixels
    return pixels
