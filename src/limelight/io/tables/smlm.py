"""Tables in ``.smlm`` files (version 0.2): a zip archive with ``manifest.json`` and binary tables.

Lengths are in nm unless it says otherwise, and a file's ``offset`` is added to its columns.  The
specification (github.com/imodpasteur/smlm-file-format, ``specification.md``) does not tell from
where positions and frames count; as the files mostly come from ThunderSTORM's plug-in, that is
taken to be the corner of the first pixel, with frames from 1, unless there is a frame 0 or
Limelight's own entry in the manifest says otherwise.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.core.localizations import COLUMNS
from limelight.core.remarks import remark
from limelight.io.atomic import replacing
from limelight.io.documents import plain
from limelight.io.shared_file import SharedFile
from limelight.io.tables.companion import read_companion
from limelight.io.tables.mapping import (
    TableMapping,
    export_column,
    guess_mapping,
    lowest_frame,
    to_localizations,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["read_smlm", "write_smlm"]

_TYPES = {
    **{"int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4"},
    **{"uint32": "<u4", "float32": "<f4", "float64": "<f8"},
}
_FORMAT = "smlm-table(binary)"
_OWN = "limelight"
_NM = ("x", "y", "z")
_LARGEST = 64 << 30
_NAMES = {
    "photons": "intensity",
    "bg": "background",
    "sx": "sigma1",
    "sy": "sigma2",
    "lpx": "x_precision",
    "lpy": "y_precision",
    "lpz": "z_precision",
}
_REMEDY = "Save it again, or copy it again."


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.read("manifest.json").decode("utf-8"))
    except KeyError as error:
        raise FileError(path, "there is no manifest.json in it.", _REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise FileError(path, "its manifest.json is damaged.", _REMEDY) from error
    if not isinstance(manifest, dict):
        raise FileError(path, "its manifest.json is damaged.", _REMEDY)
    version = str(manifest.get("format_version", ""))
    if version and not version.startswith("0."):
        raise FileError(
            path, f"it is of the version {version}, which is not known.", "Save it as version 0.2."
        )
    return manifest


def read_smlm(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table from an ``.smlm`` file; several tables become one, with a column ``channel``.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    SharedFile(path).close()
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(path, archive)
            tables = [f for f in manifest["files"] if f.get("type", "table") == "table"]
            if not tables:
                raise FileError(path, "there is no table in it.", "Choose another file.")
            parts = [_table(path, archive, manifest, about) for about in tables]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise FileError(
            path, "it is not an .smlm file, or a damaged or incomplete one.", _REMEDY
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, MemoryError, OSError) as error:
        raise FileError(path, "its manifest.json does not fit its tables.", _REMEDY) from error
    raw, units = parts[0]
    if len(parts) > 1:
        if any(set(p) != set(raw) for p, _ in parts):
            raise FileError(path, "its tables have different columns.", "Save them one by one.")
        counts = [len(next(iter(p.values()))) for p, _ in parts]
        raw = {n: np.concatenate([p[n] for p, _ in parts]) for n in raw}
        raw["channel"] = np.repeat(np.arange(len(parts), dtype=np.int32), counts)
    own = manifest.get(_OWN)
    own = own if isinstance(own, dict) else {}
    guessed = guess_mapping([f"{n} [{u}]" if u else n for n, u in units.items()])
    if mapping is None:
        headings = {f"{n} [{u}]" if u else n: n for n, u in units.items()}
        columns = {
            o: type(s)(headings.get(s.column, s.column), s.unit) for o, s in guessed.columns.items()
        }
        low = lowest_frame(columns, raw)
        mapping = TableMapping(columns, None, "corner", 0 if low == 0 and not own else 1)
    provenance = own.get("provenance")
    if not (isinstance(provenance, list) and all(isinstance(p, dict) for p in provenance)):
        provenance = read_companion(path)
    size = own.get("pixel_size_nm")
    if pixel_size_nm is None and isinstance(size, int | float) and 0 < size < 1e6:
        pixel_size_nm = float(size)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    return to_localizations(path, raw, mapping, form="SMLM", provenance=provenance, units=units)


def _table(
    path: Path, archive: zipfile.ZipFile, manifest: dict[str, Any], about: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the columns of one table, and their units."""
    form = manifest["formats"][about["format"]]
    if form.get("mode", "binary") != "binary":
        raise FileError(
            path, "its table is a text.", "Unpack the file and open the text in it instead."
        )
    names = [str(n) for n in form["headers"]]
    kinds = form["dtype"]
    kinds = [kinds] * len(names) if isinstance(kinds, str) else kinds
    shapes = form.get("shape") or [1] * len(names)
    given = form.get("units") or [""] * len(names)
    fields: list[Any] = []
    for name, kind, shape in zip(names, kinds, shapes, strict=True):
        if kind not in _TYPES:
            raise FileError(
                path, f"the type {kind!r} of its column {name!r} is not known.", _REMEDY
            )
        fields.append((name, _TYPES[kind]) if shape in (1, [1]) else (name, _TYPES[kind], shape))
    dtype = np.dtype(fields)
    info = archive.getinfo(str(about["name"]).removeprefix("./"))
    rows = int(about["rows"])
    if rows < 0 or info.file_size != rows * dtype.itemsize or info.file_size > _LARGEST:
        raise FileError(
            path,
            f"its table has {info.file_size} bytes, not {rows} rows of {dtype.itemsize}.",
            _REMEDY,
        )
    body = archive.read(info)
    table = np.frombuffer(body, dtype, rows)
    offsets = about.get("offset") or {}
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        if table.dtype[name].shape != ():
            remark(
                f"{path.name}: the column {name!r} is not of single numbers and is left out.",
                stacklevel=5,
            )
            continue
        columns[name] = np.ascontiguousarray(table[name])
        if offset := float(offsets.get(name, 0)):
            columns[name] = columns[name].astype(np.float64) + offset
    units = {n: "" if u in ("frame", None) else str(u) for n, u in zip(names, given, strict=True)}
    for name in _NM:
        if name in units and units[name] in ("", "1"):
            units[name] = "nm"
    return columns, {n: u for n, u in units.items() if n in columns}


def write_smlm(locs: Localizations, path: str | Path) -> Path:
    """Write a table as an ``.smlm`` file, with how it came to be in the manifest."""
    path = Path(path)
    names: list[str] = []
    kinds: list[str] = []
    units: list[str] = []
    columns: list[Any] = []
    told = locs.find("Units", {})
    for ours in locs.columns:
        unit = COLUMNS[ours].unit if ours in COLUMNS else str(told.get(ours, ""))
        unit = "nm" if unit == "px" or ours == "lpz" else unit
        if locs[ours].dtype.kind == "f" or unit == "nm":
            # Positions as double: half a pixel of nm would cost float32 its last digit.
            kind = "float64" if ours in ("x", "y") else "float32"
        else:
            kind = "uint32" if ours == "frame" else "int32"
        wanted = "nm" if unit == "nm" and ours in COLUMNS else ""
        values = export_column(locs, ours, wanted, origin=0.5, first_frame=1)
        names.append(_NAMES.get(ours, ours))
        kinds.append(kind)
        units.append("frame" if ours == "frame" else unit)
        columns.append(values)
    table = np.empty(len(locs), [(n, _TYPES[k]) for n, k in zip(names, kinds, strict=True)])
    for name, values in zip(names, columns, strict=True):
        table[name] = values
    manifest = {
        "format_version": "0.2",
        "name": path.stem,
        "formats": {
            _FORMAT: {
                "name": _FORMAT,
                "type": "table",
                "mode": "binary",
                "extension": ".bin",
                "columns": len(names),
                "headers": names,
                "dtype": kinds,
                "shape": [1] * len(names),
                "units": units,
            }
        },
        "files": [
            {
                "name": "table.bin",
                "type": "table",
                "format": _FORMAT,
                "channel": "default",
                "rows": len(locs),
                "offset": {},
            }
        ],
        _OWN: {"pixel_size_nm": locs.pixel_size_nm, "provenance": plain(locs.provenance)},
    }
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        with archive.open("table.bin", "w", force_zip64=True) as file:
            file.write(table.view(np.uint8).data if len(table) else b"")
    return path
