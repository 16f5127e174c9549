"""Tables of rapidSTORM: a line of XML that names the columns, then numbers between spaces.

Lengths are in nm (or pixels) from the centre of the first pixel, frames from 0: in the header of
its files the range of a position is from 0 to one pixel less than the width (from 0 to 16954.5 nm
for 128 pixels of 133.5 nm, in a file that Locan keeps among its tests), and that of the frames
begins with 0.  ``Amplitude`` is the emission strength; in A/D counts it is kept as ``amplitude``,
because counts are no photons.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from limelight.core.errors import FileError
from limelight.io.atomic import replacing
from limelight.io.shared_file import explain
from limelight.io.tables.companion import read_companion, write_companion
from limelight.io.tables.mapping import Source, TableMapping, export_column, to_localizations

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["is_rapidstorm", "read_rapidstorm", "write_rapidstorm"]

_START = "# <localizations"
_LONGEST = 1 << 20
_UNITS = {
    **{"nanometer": "nm", "micrometer": "um", "meter": "m", "pixel": "px"},
    **{"photon": "photons", "frame": "", "dimensionless": ""},
}
_FIELDS = {
    "Position-0-0": "x",
    "Position-1-0": "y",
    "Position-2-0": "z",
    "ImageNumber-0-0": "frame",
    "Amplitude-0-0": "photons",
    "LocalBackground-0-0": "bg",
    "Position-0-0-uncertainty": "lpx",
    "Position-1-0-uncertainty": "lpy",
    "Position-2-0-uncertainty": "lpz",
}
_WRITTEN = {
    "x": ("Position-0-0", "position in sample space in X", "nanometer"),
    "y": ("Position-1-0", "position in sample space in Y", "nanometer"),
    "z": ("Position-2-0", "position in sample space in Z", "nanometer"),
    "frame": ("ImageNumber-0-0", "frame number", "frame"),
    "photons": ("Amplitude-0-0", "emission strength", "photon"),
    "bg": ("LocalBackground-0-0", "local background", "photon"),
    "lpx": ("Position-0-0-uncertainty", "position uncertainty in sample space in X", "nanometer"),
    "lpy": ("Position-1-0-uncertainty", "position uncertainty in sample space in Y", "nanometer"),
}
_NAMES = {
    "Amplitude-0-0": "amplitude",
    "LocalBackground-0-0": "local_background",
    "FitResidues-0-0": "fit_residues",
    "Fluorophore-0-0": "fluorophore",
    "TwoKernelImprovement-0-0": "two_kernel_improvement",
    "PSFWidth-0-0": "psf_width_x",
    "PSFWidth-1-0": "psf_width_y",
}


def is_rapidstorm(path: str | Path) -> bool:
    """Tell whether a text file is a table of rapidSTORM."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_START)) == _START.encode()
    except OSError:
        return False


def read_rapidstorm(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table of rapidSTORM.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST)
    except OSError as error:
        raise explain(path, error) from error
    try:
        text = line.decode("utf-8", errors="replace").lstrip("# ").strip()
        fields = [dict(e.attrib) for e in ElementTree.fromstring(text).iter("field")]
        names = [f["identifier"] for f in fields]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise FileError(
            path, "its first line does not describe the columns.", "Export the table again."
        ) from error
    units = {
        n: _UNITS.get(f.get("unit", ""), f.get("unit", ""))
        for n, f in zip(names, fields, strict=True)
    }
    if len(set(names)) < len(names) or not names:
        raise FileError(path, "two of its columns have the same name.", "Export it again.")
    try:
        table = pd.read_csv(
            path,
            sep=r"\s+",
            names=names,
            skiprows=1,
            header=None,
            index_col=False,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame({n: np.empty(0) for n in names})
    except (ValueError, OverflowError, MemoryError) as error:
        raise FileError(path, "its rows cannot be read.", "Export the table again.") from error
    raw: dict[str, Any] = {}
    columns: dict[str, Source] = {}
    for name in names:
        ours = _FIELDS.get(name)
        if ours in ("photons", "bg") and units[name] != "photons":
            ours = None
        kept = name if ours else _NAMES.get(name, name)
        raw[kept] = table[name].to_numpy()
        if ours:
            columns[ours] = Source(name, units[name])
    for name, ours in (("psf_width_x", "sx"), ("psf_width_y", "sy")):
        if name in raw and raw[name].dtype.kind in "uif":
            original = next(k for k, v in _NAMES.items() if v == name)
            # rapidSTORM gives the full width at half maximum.
            raw[name] = raw[name] / (2 * np.sqrt(2 * np.log(2)))
            columns[ours] = Source(name, units[original])
    mapping = mapping or TableMapping(columns)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    kept_units = {_NAMES.get(n, n): u for n, u in units.items()}
    return to_localizations(
        path, raw, mapping, form="rapidSTORM", provenance=read_companion(path), units=kept_units
    )


def write_rapidstorm(locs: Localizations, path: str | Path) -> Path:
    """Write a table as rapidSTORM writes it; columns that it does not know are left out."""
    path = Path(path)
    fields: list[str] = []
    columns: list[Any] = []
    for ours, (identifier, semantic, unit) in _WRITTEN.items():
        if ours not in locs:
            continue
        kind = (
            "integer"
            if ours == "frame"
            else "floating point with . for decimals and optional scientific e-notation"
        )
        values = export_column(locs, ours, "nm" if unit == "nanometer" else "")
        columns.append(values)
        limits = ""
        if ours in ("x", "y"):
            extent = locs.shape[1 if ours == "x" else 0] * locs.pixel_size_nm * 1e-9
            limits = f' min="0 m" max="{extent:g} m"'
        fields.append(
            f'<field identifier="{identifier}" syntax="{kind}" semantic="{semantic}" '
            f'unit="{unit}"{limits} />'
        )
    frame = pd.DataFrame(dict(enumerate(columns)))
    order = [k for k, n in enumerate(n for n in _WRITTEN if n in locs) if n == "frame"]
    frame[order] = frame[order].astype(np.int64)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(
            f'{_START} insequence="true" repetitions="variable">{"".join(fields)}</localizations>\n'
        )
        frame.to_csv(
            file, sep=" ", header=False, index=False, float_format="%.10g", lineterminator="\n"
        )
    write_companion(path, locs.provenance)
    return path
