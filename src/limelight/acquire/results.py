"""Results: the tables and readings that processors give while an acquisition runs."""

from __future__ import annotations

import csv
import threading
from typing import TYPE_CHECKING, Any

from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.stream import Objects, Reading, Stream

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Results"]


class Results:
    """What processors found, by their names.

    Attributes
    ----------
    readings : dict
        Lists of `Reading`.
    tables : dict
        The growing tables of molecules.
    newest : dict
        The newest objects of each kind, by processor and name.
    """

    def __init__(self) -> None:
        self.readings: dict[str, list[Reading]] = {}
        self.tables: dict[str, LiveTable] = {}
        self.newest: dict[tuple[str, str], Objects] = {}
        self._features: dict[tuple[str, str], list[pd.DataFrame]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, output: Any) -> None:
        """Keep what a processor gave."""
        if isinstance(output, Reading):
            self.readings.setdefault(name, []).append(output)
        elif isinstance(output, Localizations):
            with self._lock:
                table = self.tables.setdefault(name, LiveTable())
            table.add(output)
        elif isinstance(output, Objects):
            key = (name, output.name)
            features = output.features.reset_index(names="label")
            for axis, place in reversed(list(output.axes.items())):
                features.insert(0, axis, place, allow_duplicates=True)
            features.insert(0, "index", output.index, allow_duplicates=True)
            with self._lock:
                self.newest[key] = output
                self._features.setdefault(key, []).append(features)

    def features(self, objects: str, name: str | None = None) -> pd.DataFrame:
        """Return the features of all objects of a kind that were found so far.

        Parameters
        ----------
        objects : str
            What they are, such as ``"Nuclei"``.
        name : str, optional
            The processor; the first that gave such objects, if not given.

        Returns
        -------
        DataFrame
            A row per object: ``index`` of the frame, the axes of its field, ``label``, features.
        """
        import pandas as pd

        with self._lock:
            found = [
                table
                for (by, what), tables in self._features.items()
                if what == objects and name in (None, by)
                for table in tables
            ]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    def localizations(self, name: str | None = None) -> Localizations | None:
        """Return all molecules that a processor found so far as one table.

        Parameters
        ----------
        name : str, optional
            Which; the first that gave tables, if not given.
        """
        with self._lock:
            if name is None:
                name = next(iter(self.tables), None)
            table = self.tables.get(name or "")
        return None if table is None else table.snapshot()

    def save(self, folder: Path, stream: Stream | None) -> list[Path]:
        """Write readings and features as CSV, molecules as HDF5, into the data set's folder."""
        written = []
        for name, readings in self.readings.items():
            path = folder / f"{_safe(name)}_readings.csv"
            _write_readings(path, readings)
            written.append(path)
        for name in list(self.tables):
            table = self.localizations(name)
            if table is not None:
                from limelight.io import save_localizations

                # The folder is called after the data set, and so is what belongs to it.
                tail = "" if len(self.tables) == 1 else f"_{_safe(name)}"
                path = folder / f"{folder.name.split('.')[0]}_locs{tail}.hdf5"
                written.append(save_localizations(table, path))
        for by, what in list(self._features):
            path = folder / f"{_safe(by)}_{_safe(what)}.csv"
            from limelight.io.atomic import replacing

            with replacing(path) as temporary:
                self.features(what, by).to_csv(temporary, index=False)
            written.append(path)
        return written


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)


def _write_readings(path: Path, readings: list[Reading]) -> None:
    from limelight.io.atomic import replacing

    axes = list(dict.fromkeys(axis for r in readings for axis in r.axes))
    names = list(dict.fromkeys(value for r in readings for value in r.values))
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", *axes, *names])
        for r in readings:
            row = [r.index, *(r.axes.get(a, "") for a in axes)]
            writer.writerow([*row, *(r.values.get(n, "") for n in names)])
