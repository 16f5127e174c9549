"""Tables of localizations in Picasso's files: ``<name>_locs.hdf5`` and ``<name>_locs.yaml``.

The table is the HDF5 dataset ``locs``, a compound of ``frame`` (uint32) and the other columns
(float32, ``iterations`` int32).  How it came to be is a YAML file of one document per step beside
it, and again as a JSON text in the dataset ``metadata`` (from Picasso 0.11 on).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd

from limelight.core.errors import FileError, ParameterError
from limelight.core.localizations import COLUMNS, Localizations
from limelight.core.remarks import remark
from limelight.io.atomic import replacing
from limelight.io.documents import dump_documents, dump_json, load_documents
from limelight.io.hdf5 import explaining, read_columns
from limelight.io.shared_file import SharedFile
from limelight.io.tables.mapping import placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_localizations", "load_localizations", "save_localizations"]


def save_localizations(localizations: Localizations, path: str | Path) -> Path:
    """Write a table as Picasso writes it.

    Both files are written under temporary names first, so that an error leaves what was there.

    Parameters
    ----------
    localizations : Localizations
        The table; its provenance becomes the YAML file.
    path : path
        The ``.hdf5`` file; the suffix is added where it is missing.

    Returns
    -------
    path
        The ``.hdf5`` file.

    Raises
    ------
    FileError
        If it cannot be written.
    ParameterError
        If a column is not of numbers.
    """
    path = Path(path)
    if path.suffix not in (".hdf5", ".h5"):
        path = path.with_name(path.name + ".hdf5")
    records = _records(localizations.table)
    with (
        replacing(path) as table_path,
        replacing(path.with_suffix(".yaml")) as information_path,
    ):
        with h5py.File(table_path, "w") as file:
            file.create_dataset("locs", data=records)
            file.create_dataset("metadata", data=dump_json(localizations.provenance))
        information_path.write_text(dump_documents(localizations.provenance), encoding="utf-8")
    return path


def _records(table: pd.DataFrame) -> NDArray[Any]:
    types: list[tuple[str, str]] = []
    for name, dtype in zip(map(str, table.columns), table.dtypes, strict=True):
        if name in COLUMNS:
            types.append((name, np.dtype(COLUMNS[name].dtype).str))
        elif getattr(dtype, "kind", "O") == "f":
            types.append((name, "<f4"))
        elif getattr(dtype, "kind", "O") in "iub":
            values = table[name].to_numpy()
            small = not len(values) or np.abs(values.astype(np.float64)).max() < 2**31
            types.append((name, "<i4" if small else "<i8"))
        else:
            raise ParameterError(
                f"The column {name!r} holds {dtype}, not numbers, and cannot be saved. "
                "Remove it or turn it into numbers."
            )
    records = np.empty(len(table), types)
    for name, _ in types:
        records[name] = table[name].to_numpy()
    return records


def is_localizations(path: str | Path) -> bool:
    """Tell whether a file is a table of localizations, without reading it."""
    try:
        with h5py.File(path, "r") as file:
            return isinstance(file.get("locs"), h5py.Dataset)
    except OSError:
        return False


def load_localizations(path: str | Path) -> Localizations:
    """Read a table that Picasso or Limelight wrote.

    Parameters
    ----------
    path : path
        The ``.hdf5`` file.

    Returns
    -------
    Localizations
        Columns keep their order; known ones get their documented type.

    Warns
    -----
    UserWarning
        If nothing is there that tells how the table came to be: pixel size and movie size are
        guessed then.

    Raises
    ------
    FileError
        If it cannot be read, or holds no such table.
    """
    path = Path(path)
    SharedFile(path).close()  # says plainly what is wrong with a file that cannot be opened
    try:
        with h5py.File(path, "r") as file:
            dataset = file.get("locs")
            if isinstance(dataset, h5py.Group):
                raise FileError(
                    path,
                    "its table was written by pandas, not by Picasso.",
                    "Read it with pandas.read_hdf and save it with save_localizations.",
                )
            if not isinstance(dataset, h5py.Dataset) or not dataset.dtype.names:
                there = ", ".join(file) or "nothing"
                raise FileError(
                    path,
                    f"it has no table of localizations (a dataset 'locs'); there is: {there}.",
                    "Choose a file that ends with _locs.hdf5.",
                )
            columns = read_columns(path, dataset)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, MemoryError) as error:
        raise FileError(
            path,
            "it is not an HDF5 file, or not a complete one.",
            "Copy it again, or wait until the program that writes it has ended.",
        ) from error
    provenance = _provenance(path)
    try:
        return Localizations(_table(path, columns), provenance)
    except ParameterError as error:
        raise FileError(path, str(error), "Choose another file.") from error


def _table(path: Path, read: dict[str, NDArray[Any]]) -> pd.DataFrame:
    columns: dict[str, NDArray[Any]] = {}
    for name, values in read.items():
        if values.ndim != 1 or values.dtype.kind not in "uifb":
            remark(
                f"{path.name}: the column {name!r} is not of single numbers and is left out.",
                stacklevel=3,
            )
            continue
        if name == "frame" and not (np.all(values >= 0) and np.all(np.isfinite(values))):
            raise FileError(
                path, "some frames have negative or no numbers.", "Save the table again."
            )
        target = COLUMNS[name].dtype if name in COLUMNS else values.dtype.newbyteorder("=")
        columns[name] = values.astype(target, copy=False)
    if "x" in columns and "y" in columns:
        columns = placed(path, columns)
    return pd.DataFrame(columns, copy=False)


def _embedded(path: Path) -> Any:
    """Return the text in the file itself that tells how the table came to be; None without it."""
    with explaining(path), h5py.File(path, "r") as file:
        return file["metadata"][()] if "metadata" in file else None


def _provenance(path: Path) -> list[dict[str, Any]]:
    beside = path.with_suffix(".yaml")
    trouble = f"there is no {beside.name} beside it"
    try:
        return load_documents(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        trouble = f"{beside.name} cannot be read ({error})"
    # Only read where it is needed: in a damaged file it may claim to be of any length.
    if (embedded := _embedded(path)) is not None:
        try:
            documents = json.loads(embedded)
            return [d for d in documents if isinstance(d, dict)]
        except (ValueError, TypeError):
            trouble += " and what the file itself says is damaged"
    remark(
        f"{path.name}: {trouble}, so that the pixel size and the size of the movie are not known; "
        "130 nm and the extent of the molecules are taken.",
        stacklevel=3,
    )
    return []
