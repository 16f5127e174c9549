"""Which column of a foreign table is which of ours, in which unit, and from where it counts.

Ours: x and y in camera pixels, the centre of the first pixel at 0, frames from 0
(`limelight.core.localizations.COLUMNS`).  Others count lengths in nm, from the centre or the
corner of the first pixel, and frames from 0 or 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import FileError, ParameterError
from limelight.core.localizations import COLUMNS, Localizations
from limelight.core.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Source",
    "TableMapping",
    "export_column",
    "guess_mapping",
    "limitations",
    "placed",
    "to_localizations",
]

DEFAULT_PIXEL_NM = 130.0
_LENGTHS_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "mm": 1e6, "m": 1e9}
_PIXELS = ("px", "pixel", "pixels", "pix", "camera pixel")
_SAME = ("photons", "photon", "photons/px", "", "1", "e-", "electrons")
_UNIT = re.compile(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$")
_GLUED = re.compile(r"^(?P<name>[xyz]|psfx|psfy|locprec|locprecz|xerr|yerr|sigma[xy12]?)_?nm$")
_BIG = 3000.0  # more than any camera's pixels, fewer than any field's nm

_NAMES: dict[str, tuple[str, ...]] = {
    "frame": ("frame", "frames", "frameix", "framenumber", "imagenumber", "t", "tindex", "slice"),
    "x": ("x", "xc", "xnm", "xpix", "xpos", "xposition", "positionx", "xnano", "xcoord"),
    "y": ("y", "yc", "ynm", "ypix", "ypos", "yposition", "positiony", "ynano", "ycoord"),
    "z": ("z", "zc", "znm", "zpos", "zposition", "positionz", "znano", "zcoord"),
    "photons": ("photons", "photon", "phot", "nphotons", "intensity", "numberofphotons", "signal"),
    "bg": ("bg", "background", "bkg", "offset", "localbackground", "backgroundphotons"),
    "lpx": ("lpx", "uncertaintyx", "xprecision", "precisionx", "xuncertainty", "xnmerr", "xsig"),
    "lpy": ("lpy", "uncertaintyy", "yprecision", "precisiony", "yuncertainty", "ynmerr", "ysig"),
    "lp": ("uncertaintyxy", "uncertainty", "locprec", "locprecnm", "precision", "lp"),
    "sx": ("sx", "sigma1", "sigmax", "psfx", "psfxnm", "widthx"),
    "sy": ("sy", "sigma2", "sigmay", "psfy", "psfynm", "widthy"),
    "s": ("sigma", "s", "width", "psfsigma"),
    "lpz": ("lpz", "uncertaintyz", "zprecision", "zuncertainty", "locprecznm", "znmerr", "zsig"),
}
_TARGET_UNITS = {name: column.unit for name, column in COLUMNS.items()} | {"lpz": "nm"}
_PIXEL_COLUMNS = ("x", "y", "lpx", "lpy", "sx", "sy", "sx_unc", "sy_unc")

_NEEDED = {
    "photons": "tell bright from dim molecules, nor compute precisions from them",
    "lpx": "draw every molecule with its own precision",
    "bg": "compute precisions from photons and background",
    "sx": "filter by the width of the spots",
}


@dataclass(frozen=True)
class Source:
    """Where one of our columns comes from.

    Parameters
    ----------
    column : str
        Name of the column in the file.
    unit : str
        ``nm``, ``um``, ``px``, or the unit of our column.
    """

    column: str
    unit: str = ""


@dataclass(frozen=True)
class TableMapping:
    """How to read a foreign table.

    Parameters
    ----------
    columns : mapping of str to Source
        Our column and where it comes from.  Columns of the file that are not named are kept as
        they are, under their own names.
    pixel_size_nm : float, optional
        Size of a camera pixel; needed where lengths are in nm.
    origin : "center" or "corner"
        What is at x = y = 0: the centre or the corner of the first pixel.  Or a number: the place
        of the centre of the first pixel, in pixels.
    first_frame : int
        Number of the first frame of a movie.
    """

    columns: Mapping[str, Source] = field(default_factory=dict)
    pixel_size_nm: float | None = None
    origin: Literal["center", "corner"] | float = "center"
    first_frame: int = 0

    @property
    def shift(self) -> float:
        """Place of the centre of the first pixel, pixels."""
        if isinstance(self.origin, str):
            return {"center": 0.0, "corner": 0.5}[self.origin]
        return float(self.origin)

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns without which no table can be made."""
        return tuple(c for c in ("x", "y") if c not in self.columns)

    @property
    def needs_pixel_size(self) -> bool:
        """Whether lengths have to be turned into pixels and the size of one is not known."""
        lengths = (s.unit in _LENGTHS_NM for n, s in self.columns.items() if n in _PIXEL_COLUMNS)
        return self.pixel_size_nm is None and any(lengths)

    def replace(self, **changes: Any) -> TableMapping:
        """Return a copy with some values changed."""
        return replace(self, **changes)


def _split(name: str) -> tuple[str, str]:
    """Return name and unit of a heading such as ``x [nm]``, ``z_nm`` or ``PSFxnm``."""
    name = name.strip().strip("\"'# ")
    if match := _UNIT.match(name):
        return match["name"].strip(), match["unit"].strip()
    if match := _GLUED.match(name.lower()):
        return match["name"], "nm"
    return name, ""


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def guess_mapping(
    columns: Iterable[str],
    sample: Mapping[str, Any] | None = None,
    *,
    pixel_size_nm: float | None = None,
) -> TableMapping:
    """Guess what the columns of a table are, by their names.

    Parameters
    ----------
    columns : iterable of str
        The headings; units in brackets (``x [nm]``) are understood.
    sample : mapping, optional
        Some values of the columns (a DataFrame, say): tells nm from pixels where no unit is given.
    pixel_size_nm : float, optional
        Size of a camera pixel.

    Returns
    -------
    TableMapping
        ThunderSTORM's conventions (corner, frames from 1) where the headings are as ThunderSTORM
        writes them (``x [nm]`` beside ``frame`` or ``id``); else centre and frames from 0.
    """
    names = [str(c) for c in columns]
    split = {n: _split(n) for n in names}
    found: dict[str, Source] = {}
    for ours, known in _NAMES.items():
        ranked = [
            (known.index(key), n)
            for n in names
            if (key := _key(split[n][0])) in known or (key := _key(n)) in known
        ]
        if ranked:
            best = min(ranked)[1]
            found[ours] = Source(best, split[best][1])
    for name, (plain, unit) in split.items():
        if plain in COLUMNS and plain not in found:
            found[plain] = Source(name, unit)
    for both, (first, second) in {"lp": ("lpx", "lpy"), "s": ("sx", "sy")}.items():
        source = found.pop(both, None)
        if source is not None:
            found.setdefault(first, source)
            found.setdefault(second, source)
    length = _length_unit(found, sample)
    for ours, source in found.items():
        unit = source.unit
        if not unit and ours in _PIXEL_COLUMNS:
            unit = length
        elif not unit:
            unit = _TARGET_UNITS.get(ours, "")
        found[ours] = Source(source.column, unit)
    for ours in ("photons", "bg"):
        if ours in found and found[ours].unit not in (*_SAME, _TARGET_UNITS[ours]):
            del found[ours]  # counts are no photons
    thunderstorm = "x [nm]" in names or "x[nm]" in names
    start = 1 if thunderstorm else 0
    if start and sample is not None and lowest_frame(found, sample) == 0:
        start = 0  # some programs write ThunderSTORM's headings, but count otherwise
    return TableMapping(found, pixel_size_nm, "corner" if thunderstorm else "center", start)


def lowest_frame(columns: Mapping[str, Source], sample: Mapping[str, Any]) -> float | None:
    """Return the lowest number of a frame among some values; None where there is none."""
    source = columns.get("frame")
    if source is None or source.column not in sample:
        return None
    values = np.asarray(sample[source.column])
    if values.dtype.kind not in "uif":
        return None
    values = values[np.isfinite(values)]
    return float(values.min()) if values.size else None


def _length_unit(found: Mapping[str, Source], sample: Mapping[str, Any] | None) -> str:
    """Return the unit of lengths whose headings do not tell one."""
    told = {found[n].unit for n in ("x", "y") if n in found and found[n].unit}
    if told:
        return told.pop()
    if sample is not None and "x" in found:
        values = np.asarray(sample[found["x"].column], np.float64)
        values = values[np.isfinite(values)]
        if values.size and values.max() > _BIG:
            return "nm"
    return "px"


def limitations(columns: Iterable[str]) -> list[str]:
    """Say what cannot be done with a table that has only these columns.

    Parameters
    ----------
    columns : iterable of str
        Our names.
    """
    there = set(columns)
    said = [
        f"without the column {name} one cannot {what}"
        for name, what in _NEEDED.items()
        if name not in there
    ]
    if "frame" not in there:
        said.insert(
            0,
            "without the column frame one cannot correct drift, link molecules over frames or "
            "measure the precision by them",
        )
    return said


def _factor(unit: str, target: str, pixel_nm: float, path: Path, name: str) -> float:
    """Return what to multiply values with to get from one unit to another."""
    if unit == target:
        return 1.0
    lengths = _LENGTHS_NM | dict.fromkeys(_PIXELS, pixel_nm)
    a, b = lengths.get(unit.strip()), lengths.get(target)
    if a is not None and b is not None:
        return a / b
    if unit in _SAME and target not in lengths:
        return 1.0
    raise FileError(
        path,
        f"its column {name!r} is in {unit or 'no unit'}, not {target or 'a number'}.",
        "Choose another unit or leave the column out.",
    )


def _numbers(path: Path, name: str, values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind in "uifb":
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        bad = next((v for v in array.tolist() if not _is_number(v)), "")
        raise FileError(
            path,
            f"its column {name!r} holds {str(bad)[:40]!r}, not only numbers.",
            "Correct that row, or choose another column.",
        ) from error


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def to_localizations(
    path: str | Path,
    raw: Mapping[str, Any],
    mapping: TableMapping,
    *,
    form: str,
    provenance: Sequence[Mapping[str, Any]] = (),
    units: Mapping[str, str] | None = None,
    left_out: Iterable[str] = (),
) -> Localizations:
    """Turn the columns of a foreign table into ours.

    Parameters
    ----------
    path : path
        The file, for messages and the provenance.
    raw : mapping of str to 1D array
        The columns of the file.
    mapping : TableMapping
        What they are.
    form : str
        Name of the format.
    provenance : sequence of mapping
        What the file or its companion says of how the table came to be.
    units : mapping, optional
        Units of the columns that are kept under their own names.
    left_out : iterable of str
        Columns that are not to be kept.

    Warns
    -----
    UserWarning
        If the pixel size is not known, if the frame is missing, or if molecules without a place
        are left out.

    Raises
    ------
    FileError
        If x or y is missing, or a column cannot be what it is said to be.
    """
    path = Path(path)
    if mapping.missing:
        there = ", ".join(str(n)[:30] for n in list(raw)[:12]) or "none"
        raise FileError(
            path,
            f"it has no column {' and no column '.join(mapping.missing)}; it has: {there}.",
            "Without positions nothing can be shown: choose the columns by a mapping.",
        )
    told = _told(provenance, "Pixelsize")
    known = mapping.pixel_size_nm if mapping.pixel_size_nm is not None else told
    guessed = known is None and mapping.needs_pixel_size
    pixel_nm = DEFAULT_PIXEL_NM if known is None else known
    if not 0 < pixel_nm < 1e6:
        raise ParameterError(f"The pixel size must be more than 0 nm, not {pixel_nm}.")
    columns: dict[str, NDArray[Any]] = {}
    for ours, source in mapping.columns.items():
        if source.column not in raw:
            raise FileError(
                path, f"it has no column {source.column!r}.", "Choose another one for " + ours + "."
            )
        values = _numbers(path, source.column, raw[source.column])
        if ours == "frame":
            columns[ours] = values
            continue
        factor = _factor(source.unit, _TARGET_UNITS.get(ours, source.unit), pixel_nm, path, ours)
        shift = mapping.shift if ours in ("x", "y") else 0.0
        if factor != 1.0 or shift:
            values = values.astype(np.float64) * factor - shift
        columns[ours] = values
    lengths = {len(v) for v in columns.values()}
    if len(lengths) > 1:
        raise FileError(path, "its columns differ in length.", "It is damaged: copy it again.")
    rows = lengths.pop()
    columns |= _others(path, raw, mapping, rows, set(left_out), columns)
    columns = placed(path, columns)
    columns["frame"] = _frames(path, columns, mapping.first_frame)
    document = _document(path, form, columns, mapping, pixel_nm, guessed, units or {})
    if guessed:
        remark(
            f"{path.name}: it does not tell the size of a pixel; {DEFAULT_PIXEL_NM:g} nm is taken. "
            "Positions in nm are right in any case; give pixel_size_nm for those in pixels.",
            stacklevel=4,
        )
    kept = [dict(step) for step in provenance]
    if kept:
        # The movie's size was told by the steps before.
        document = {k: v for k, v in document.items() if k not in ("Frames", "Height", "Width")}
    return Localizations.from_columns(columns, [*kept, document])


def _told(provenance: Sequence[Mapping[str, Any]], key: str) -> float | None:
    for step in reversed(provenance):
        value = step.get(key)
        if isinstance(value, int | float) and 0 < value < float("inf"):
            return float(value)
    return None


def _others(
    path: Path,
    raw: Mapping[str, Any],
    mapping: TableMapping,
    rows: int,
    left_out: set[str],
    taken: Mapping[str, Any],
) -> dict[str, NDArray[Any]]:
    """Return the columns that are kept under their own names."""
    used = {s.column for s in mapping.columns.values()} | left_out
    found: dict[str, NDArray[Any]] = {}
    for name, values in raw.items():
        plain = _split(str(name))[0] or str(name)
        array = np.asarray(values)
        if name in used or plain in taken or plain in found:
            continue
        if array.shape != (rows,) or array.dtype.kind not in "uifb":
            remark(
                f"{path.name}: the column {name!r} is not of single numbers and is left out.",
                stacklevel=5,
            )
            continue
        if plain in COLUMNS and COLUMNS[plain].dtype != "float32" and array.dtype.kind == "f":
            array = np.nan_to_num(array)
        found[plain] = array
    return found


def placed(path: Path, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Leave out the molecules that have no place, and warn of them.

    Parameters
    ----------
    path : path
        The file, for the warning.
    columns : dict of str to array
        Our columns, x and y among them.
    """
    with np.errstate(over="ignore"):
        good = np.isfinite(columns["x"].astype(np.float32, copy=False))
        good &= np.isfinite(columns["y"].astype(np.float32, copy=False))
    if good.all():
        return columns
    lost = int(len(good) - good.sum())
    remark(
        f"{path.name}: {lost} of {len(good)} molecules have no position and are left out.",
        stacklevel=5,
    )
    return {name: values[good] for name, values in columns.items()}


def _frames(path: Path, columns: Mapping[str, NDArray[Any]], first: int) -> NDArray[np.uint32]:
    if "frame" not in columns:
        remark(
            f"{path.name}: it does not tell in which frame a molecule was: {limitations([])[0]}.",
            stacklevel=5,
        )
        return np.zeros(len(columns["x"]), np.uint32)
    frames = columns["frame"]
    shifted = frames.astype(np.float64) - first
    good = (
        np.isfinite(shifted) & (shifted >= 0) & (shifted < 2**32) & (shifted == np.round(shifted))
    )
    if not good.all():
        row = int(good.argmin())
        raise FileError(
            path,
            f"molecule {row} is in frame {frames[row]}, which cannot be"
            + (f" (frames count from {first})." if first else "."),
            "Choose another column, or another number of the first frame.",
        )
    return shifted.astype(np.uint32)


def _document(
    path: Path,
    form: str,
    columns: Mapping[str, NDArray[Any]],
    mapping: TableMapping,
    pixel_nm: float,
    guessed: bool,
    units: Mapping[str, str],
) -> dict[str, Any]:
    rows = len(columns["x"])

    def extent(name: str) -> int:
        return max(1, min(int(np.ceil(float(columns[name].max()) + 0.5)), 10**6)) if rows else 1

    kept = {n: u for n, u in units.items() if n in columns and u}
    return {
        "Generated by": "Limelight: table read",
        "File": str(path),
        "Format": form,
        "Frames": int(columns["frame"].max()) + 1 if rows else 1,
        "Height": extent("y"),
        "Width": extent("x"),
        "Pixelsize": pixel_nm,
        **({"Pixelsize is a guess": True} if guessed else {}),
        **({"Units": kept} if kept else {}),
    }


def export_column(
    locs: Localizations,
    name: str,
    unit: str = "",
    *,
    origin: float = 0.0,
    first_frame: int = 0,
) -> NDArray[np.float64]:
    """Return one of our columns as another program counts it.

    Parameters
    ----------
    locs : Localizations
        The table.
    name : str
        Our column.
    unit : str
        Their unit; empty: ours.
    origin : float
        Their place of the centre of the first pixel, pixels.
    first_frame : int
        Their number of the first frame.
    """
    values: NDArray[np.float64] = locs[name].astype(np.float64)
    if name == "frame":
        return values + first_frame
    if name in ("x", "y"):
        values = values + origin
    target = _TARGET_UNITS.get(name, "")
    if unit and unit != target:
        values = values * _factor(target, unit, locs.pixel_size_nm, Path(name), name)
    return values
