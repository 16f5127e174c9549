"""Tables in Parquet files, through the package ``pyarrow`` (an optional dependency).

Ours have our names and units and, as a JSON text in the file, how the table came to be.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import FileError
from limelight.core.localizations import COLUMNS
from limelight.io.atomic import replacing
from limelight.io.documents import dump_json
from limelight.io.shared_file import SharedFile
from limelight.io.tables.companion import read_companion
from limelight.io.tables.mapping import Source, TableMapping, guess_mapping, to_localizations

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["read_parquet", "write_parquet"]

_KEY = b"limelight"


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise FileError(
            path,
            "files of this kind need the package pyarrow.",
            "Install it with: pip install pyarrow.",
        ) from error
    return pyarrow, pyarrow.parquet


def read_parquet(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table from a Parquet file.

    Raises
    ------
    FileError
        If it cannot be read, or the package ``pyarrow`` is not installed.
    """
    path = Path(path)
    SharedFile(path).close()
    arrow, parquet = _pyarrow(path)
    try:
        table = parquet.read_table(path, use_threads=True)
        names = [str(n) for n in table.column_names]
        if len(set(names)) < len(names):
            raise FileError(path, "two of its columns have the same name.", "Save it again.")
        raw: dict[str, Any] = {
            n: table.column(n).to_numpy() for n in names if _is_plain(arrow, table, n)
        }
        said = (table.schema.metadata or {}).get(_KEY)
    except FileError:
        raise
    except Exception as error:  # arrow raises errors of many kinds for damaged files
        raise FileError(
            path, "it is not a Parquet file, or a damaged or incomplete one.", "Copy it again."
        ) from error
    provenance: list[dict[str, Any]] = []
    try:
        documents = json.loads(said) if said else []
        provenance = [d for d in documents if isinstance(d, dict)]
    except ValueError:
        pass
    ours = said is not None
    if mapping is None:
        mapping = (
            TableMapping({n: Source(n, COLUMNS[n].unit) for n in raw if n in COLUMNS})
            if ours
            else guess_mapping(raw, raw)
        )
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    return to_localizations(
        path, raw, mapping, form="Parquet", provenance=provenance or read_companion(path)
    )


def _is_plain(arrow: Any, table: Any, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(arrow.types.is_integer(kind) or arrow.types.is_floating(kind))


def write_parquet(locs: Localizations, path: str | Path) -> Path:
    """Write a table as a Parquet file, all columns with their types."""
    path = Path(path)
    arrow, parquet = _pyarrow(path)
    fields = []
    for name in locs.columns:
        kind = arrow.from_numpy_dtype(locs[name].dtype)
        unit = COLUMNS[name].unit if name in COLUMNS else ""
        fields.append(arrow.field(name, kind, metadata={b"unit": unit.encode()}))
    schema = arrow.schema(fields, metadata={_KEY: dump_json(locs.provenance).encode()})
    table = arrow.table([locs[n] for n in locs.columns], schema=schema)
    with replacing(path) as temporary:
        parquet.write_table(table, temporary, compression="zstd")
    return path
