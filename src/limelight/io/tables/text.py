"""Tables as text: ThunderSTORM's CSV and anybody's CSV or TSV.

ThunderSTORM: headings with units (``"x [nm]"``), lengths in nm from the corner of the first pixel,
frames from 1; the pixel size is in ``<name>-protocol.txt``, if that is there.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import FileError
from limelight.core.localizations import COLUMNS
from limelight.core.remarks import remark
from limelight.io.atomic import replacing
from limelight.io.shared_file import SharedFile, explain
from limelight.io.tables.companion import read_companion, write_companion
from limelight.io.tables.mapping import (
    TableMapping,
    _split,
    export_column,
    guess_mapping,
    to_localizations,
)

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["preview_text", "read_text", "write_plain", "write_thunderstorm"]

_HEAD = 1 << 16
_THUNDERSTORM = {
    "frame": ("frame", ""),
    "x": ("x [nm]", "nm"),
    "y": ("y [nm]", "nm"),
    "z": ("z [nm]", "nm"),
    "sx": ("sigma1 [nm]", "nm"),
    "sy": ("sigma2 [nm]", "nm"),
    "photons": ("intensity [photon]", ""),
    "bg": ("offset [photon]", ""),
    "lp": ("uncertainty_xy [nm]", "nm"),
    "lpz": ("uncertainty_z [nm]", "nm"),
}
_DIGITS = "%.10g"


def _head(path: Path) -> tuple[str, bool]:
    """Return the beginning of a text file, and whether its last line has an end."""
    file = SharedFile(path)
    try:
        head = file.read(0, _HEAD)
        ended = file.size == 0 or file.read(file.size - 1, 1) in (b"\n", b"\r")
        if not head.strip():
            raise FileError(path, "it is empty.", "Export the table again.")
        if b"\0" in head:
            raise FileError(path, "this is not a text file.", "Choose a table of molecules.")
        return head.decode("utf-8-sig", errors="replace"), ended
    finally:
        file.close()


def _separator(line: str) -> str:
    counts = {s: line.count(s) for s in ("\t", ",", ";")}
    best = max(counts, key=lambda s: counts[s])
    return best if counts[best] else " "


def _headings(path: Path, head: str) -> tuple[list[str], str, int]:
    """Return headings, separator and number of lines up to and with the headings."""
    lines = head.splitlines()
    for k, line in enumerate(lines):
        if not line.strip():
            continue
        separator = _separator(line)
        if separator == " ":
            names = line.lstrip("# ").split()
        else:
            names = next(csv.reader(io.StringIO(line.lstrip("#")), delimiter=separator))
        names = [n.strip() for n in names]
        if line.startswith("#") and not _starts_data(lines[k + 1 :], separator, len(names)):
            continue  # a comment
        if all(_number(n) for n in names):
            raise FileError(
                path,
                "its first line has numbers, not the names of the columns.",
                "Add a line such as: frame,x [nm],y [nm].",
            )
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise FileError(path, f"two of its columns are called {twice!r}.", "Rename one.")
        return names, separator, k + 1
    raise FileError(path, "there are no names of columns in it.", "Export the table again.")


def _starts_data(lines: list[str], separator: str, count: int) -> bool:
    """Tell whether the next line has that many numbers."""
    line = next((x for x in lines if x.strip()), "")
    values = line.split(None if separator == " " else separator)
    return len(values) == count > 1 and _number(values[0])


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _frame(
    path: Path, names: list[str], separator: str, skip: int, rows: int | None
) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path,
            sep=r"\s+" if separator == " " else separator,
            names=names,
            skiprows=skip,
            header=None,
            nrows=rows,
            index_col=False,
            comment="#",
            skipinitialspace=True,
            encoding="utf-8",
            encoding_errors="replace",
            low_memory=False,
        )
    except OSError as error:
        raise explain(path, error) from error
    except (ValueError, OverflowError, MemoryError, pd.errors.ParserError) as error:
        said = " ".join(str(error).split())[-120:]
        raise FileError(
            path, f"its rows cannot be read ({said}).", "Export the table again."
        ) from error


def preview_text(path: str | Path, rows: int = 20) -> tuple[pd.DataFrame, TableMapping]:
    """Return the first rows of a table, and what its columns seem to be.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    head, _ = _head(path)
    table = _frame(path, *_headings(path, head), rows)
    told = [s["Pixelsize"] for s in read_companion(path) if "Pixelsize" in s]
    numeric = table.select_dtypes("number")
    mapping = guess_mapping(list(table.columns), {c: numeric[c] for c in numeric.columns} or None)
    return table, mapping.replace(pixel_size_nm=float(told[-1]) if told else None)


def read_text(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table from a CSV or TSV file.

    Parameters
    ----------
    path : path
        The file; its first line names the columns.
    mapping : TableMapping, optional
        What the columns are; by default as their names tell.
    pixel_size_nm : float, optional
        Size of a camera pixel, where neither the file nor one beside it tells it.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    head, ended = _head(path)
    names, separator, skip = _headings(path, head)
    table = _frame(path, names, separator, skip, None)
    if not ended:
        remark(
            f"{path.name}: its last line has no end, so that it may have been cut off.",
            stacklevel=4,
        )
        if len(table) and table.iloc[-1].isna().any() and not table.iloc[:-1].isna().any().any():
            table = table.iloc[:-1]
    if mapping is None:
        sample = {c: table[c] for c in table.columns if table[c].dtype.kind in "uif"}
        guessed = guess_mapping(names)
        by_name = guessed.columns.get("x")
        known = by_name is not None and by_name.column in sample
        mapping = guess_mapping(names, sample if known else None)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    thunderstorm = mapping.origin == "corner" and mapping.first_frame == 1
    raw: dict[str, Any] = {}
    for name in names:
        column = table[name] if len(table) else table[name].astype(np.float64)
        needed = any(s.column == name for s in mapping.columns.values())
        if column.dtype.kind == "O" or not isinstance(column.dtype, np.dtype):
            raw[name] = column.to_numpy(object)
            if not needed and not any(map(_number, map(str, raw[name][:5]))):
                continue
        else:
            raw[name] = column.to_numpy()
    units = {_split(n)[0]: _split(n)[1] for n in names}
    left_out = ["id"] if thunderstorm else []
    if "lpx [nm]" in names and "lpy [nm]" in names:
        left_out.append("uncertainty_xy [nm]")  # the mean of the two, for ThunderSTORM
    return to_localizations(
        path,
        raw,
        mapping,
        form="ThunderSTORM CSV" if thunderstorm else "text",
        provenance=read_companion(path),
        units=units,
        left_out=left_out,
    )


def _write(path: Path, columns: dict[str, Any], separator: str, *, quoted: bool) -> None:
    frame = pd.DataFrame(columns)
    with replacing(path) as temporary:
        quoting: Any = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator="\n")
            writer.writerow(frame.columns)
            frame.to_csv(
                file,
                sep=separator,
                index=False,
                header=False,
                float_format=_DIGITS,
                lineterminator="\n",
            )


def write_thunderstorm(locs: Localizations, path: str | Path) -> Path:
    """Write a table as ThunderSTORM writes it, and a YAML file beside it.

    The columns that ThunderSTORM does not know are added at the end under our names.
    """
    path = Path(path)
    columns: dict[str, Any] = {"id": np.arange(1, len(locs) + 1)}
    done = {"id"}
    for ours, (theirs, unit) in _THUNDERSTORM.items():
        if ours == "lp":
            if "lpx" in locs and "lpy" in locs:
                lpx, lpy = (export_column(locs, n, unit) for n in ("lpx", "lpy"))
                columns[theirs] = np.sqrt((lpx**2 + lpy**2) / 2)
            continue
        if ours in locs:
            values = export_column(locs, ours, unit, origin=0.5, first_frame=1)
            columns[theirs] = values.astype(np.int64) if ours == "frame" else values
            done.add(ours)
    for name, heading, values in _rest(locs, done, nm=True):
        columns.setdefault(heading or name, values)
    _write(path, columns, ",", quoted=True)
    write_companion(path, locs.provenance)
    return path


def write_plain(locs: Localizations, path: str | Path) -> Path:
    """Write a table with our names and units (``x [px]``), separated by commas or tabs."""
    path = Path(path)
    columns = {heading: values for _, heading, values in _rest(locs, set(), nm=False)}
    _write(path, columns, "\t" if path.suffix.lower() == ".tsv" else ",", quoted=False)
    write_companion(path, locs.provenance)
    return path


def _rest(locs: Localizations, done: set[str], *, nm: bool) -> list[tuple[str, str, Any]]:
    """Return name, heading and values of the columns that are not written yet."""
    told = locs.find("Units", {})
    rows: list[tuple[str, str, Any]] = []
    for name in locs.columns:
        if name in done:
            continue
        unit = COLUMNS[name].unit if name in COLUMNS else str(told.get(name, ""))
        values: Any = locs[name]
        if nm and unit == "px":
            unit, values = "nm", export_column(locs, name, "nm")
        elif values.dtype.kind == "f":
            values = values.astype(np.float64)
        rows.append((name, f"{name} [{unit}]" if unit else name, values))
    return rows
