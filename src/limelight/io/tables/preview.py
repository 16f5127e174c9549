"""The first rows of a table, what its columns seem to be, and what has to be asked about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import FileError
from limelight.core.remarks import collected
from limelight.io.tables.mapping import Source, TableMapping, _split, guess_mapping, lowest_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["TablePreview", "guess_frames", "mapping_from_dict", "mapping_to_dict", "preview_table"]

_NAPARI = ("index", "axis-0")
_SAID = "size of a camera pixel"


@dataclass(frozen=True, eq=False)
class TablePreview:
    """The beginning of a table.

    Parameters
    ----------
    path : path
        The file.
    rows : DataFrame
        Its first rows, under the names of the file.
    mapping : TableMapping
        What its columns seem to be.
    questions : tuple of str
        What its columns do not tell; empty where there is nothing to ask.
    about_frames : str
        By what it is guessed whether frames count from 0 or 1.
    """

    path: Path
    rows: pd.DataFrame
    mapping: TableMapping
    questions: tuple[str, ...]
    about_frames: str = ""

    @property
    def key(self) -> str:
        """The headings, by which an answer is remembered."""
        return "\t".join(map(str, self.rows.columns))

    @property
    def numeric(self) -> list[str]:
        """Columns that hold numbers."""
        return [str(c) for c in self.rows.columns if self.rows[c].dtype.kind in "uif"]

    def explain(self) -> FileError:
        """Return the error for somebody who cannot be asked: says what to pass."""
        there = ", ".join(map(str, self.rows.columns[:12]))
        return FileError(
            self.path,
            f"its columns do not tell {' and '.join(self.questions)}; it has: {there}.",
            'Pass it: load_table(path, TableMapping({"x": Source("name", "nm"), '
            '"y": Source("name", "nm"), "frame": Source("name")}, pixel_size_nm=...)).',
        )


def preview_table(path: str | Path, rows: int = 20) -> TablePreview | None:
    """Return the beginning of a table whose columns can be anything.

    Parameters
    ----------
    path : path
        The file.
    rows : int
        How many rows.

    Returns
    -------
    TablePreview or None
        None for formats that say themselves what their columns are, for napari's own tables, and
        for text files that are no tables.

    Raises
    ------
    FileError
        If a Parquet file cannot be read.
    """
    from limelight.io.tables.rapidstorm import is_rapidstorm
    from limelight.io.tables.text import preview_text

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        found = _parquet(path, rows)
        if found is None:
            return None
        table, mapping = found
    elif suffix in (".csv", ".tsv", ".txt") and path.is_file() and not is_rapidstorm(path):
        try:
            with collected():
                table, mapping = preview_text(path, rows)
        except FileError:
            return None
    else:
        return None
    mapping, about = guess_frames(table, mapping)
    preview = TablePreview(path, table, mapping, _questions(mapping), about)
    if len(preview.numeric) < 2 or set(_NAPARI) <= set(map(str, table.columns)):
        return None
    return preview


def guess_frames(table: pd.DataFrame, mapping: TableMapping) -> tuple[TableMapping, str]:
    """Guess from where frames count, by the first rows.

    Parameters
    ----------
    table : DataFrame
        The rows, under the names of the file.
    mapping : TableMapping
        What the columns are.

    Returns
    -------
    TableMapping
        With the first frame, where the rows tell it.
    str
        By what it was guessed; empty where there is no frame.
    """
    low = lowest_frame(mapping.columns, {str(c): table[c] for c in table})
    if low is None:
        return mapping, ""
    if low == 0:
        return mapping.replace(first_frame=0), "a guess: there is a frame 0"
    if low == 1 and table[mapping.columns["frame"].column].iloc[0] == 1:
        return mapping.replace(first_frame=1), "a guess: the first rows are of frame 1"
    if mapping.first_frame == 1:
        return mapping, "a guess: the headings are ThunderSTORM's"
    return mapping, "the first rows do not tell"


def _parquet(path: Path, rows: int) -> tuple[pd.DataFrame, TableMapping] | None:
    from limelight.io.tables.companion import read_companion
    from limelight.io.tables.parquet import _KEY, _pyarrow

    arrow, parquet = _pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            if _KEY in (file.schema_arrow.metadata or {}):
                return None
            batch = next(file.iter_batches(batch_size=rows), None)
            table = (
                file.schema_arrow.empty_table()
                if batch is None
                else arrow.Table.from_batches([batch])
            ).to_pandas()
    except Exception as error:  # arrow raises errors of many kinds for damaged files
        raise FileError(
            path, "it is not a Parquet file, or a damaged or incomplete one.", "Copy it again."
        ) from error
    table.columns = [str(c) for c in table.columns]
    numbers = {c: table[c] for c in table.columns if table[c].dtype.kind in "uif"}
    told = [s["Pixelsize"] for s in read_companion(path) if "Pixelsize" in s]
    mapping = guess_mapping(list(table.columns), numbers or None)
    return table, mapping.replace(pixel_size_nm=float(told[-1]) if told else None)


def _questions(mapping: TableMapping) -> tuple[str, ...]:
    asked: list[str] = []
    if mapping.missing:
        asked.append(f"which of them {'is' if len(mapping.missing) == 1 else 'are'} "
                     f"{' and '.join(mapping.missing)}")  # fmt: skip
    elif not all(_split(mapping.columns[n].column)[1] for n in ("x", "y")):
        asked.append("the unit of the positions")
    if "frame" not in mapping.columns:
        asked.append("the frame of a molecule")
    if mapping.pixel_size_nm is None:
        asked.append(f"the {_SAID}")
    return tuple(asked)


def mapping_to_dict(mapping: TableMapping) -> dict[str, Any]:
    """Return a mapping in types that JSON can hold."""
    return {
        "columns": {ours: [s.column, s.unit] for ours, s in mapping.columns.items()},
        "pixel_size_nm": mapping.pixel_size_nm,
        "origin": mapping.origin,
        "first_frame": mapping.first_frame,
    }


def mapping_from_dict(values: Mapping[str, Any]) -> TableMapping | None:
    """Return the mapping that JSON held; None where it is none."""
    try:
        columns = {str(o): Source(str(c), str(u)) for o, (c, u) in values["columns"].items()}
        size, origin = values["pixel_size_nm"], values["origin"]
        if size is not None and not 0 < float(size) < 1e6:
            return None
        if origin not in ("center", "corner"):
            origin = float(origin)
        return TableMapping(
            columns, None if size is None else float(size), origin, int(values["first_frame"])
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
