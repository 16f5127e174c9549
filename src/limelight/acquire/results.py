"""Results: the tables and readings that processors give while an acquisition runs."""

from __future__ import annotations

import csv
import threading
from typing import TYPE_CHECKING, Any

from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.stream import Reading, Stream

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Results"]


class Results:
    """What processors found, by their names.

    Attributes
    ----------
    readings : dict
        Lists of `Reading`.
    tables : dict
        The growing tables of molecules.
    """

    def __init__(self) -> None:
        self.readings: dict[str, list[Reading]] = {}
        self.tables: dict[str, LiveTable] = {}
        self._lock = threading.Lock()

    def add(self, name: str, output: Any) -> None:
        """Keep what a processor gave."""
        if isinstance(output, Reading):
            self.readings.setdefault(name, []).append(output)
        elif isinstance(output, Localizations):
            with self._lock:
                table = self.tables.setdefault(name, LiveTable())
            table.add(output)

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
        """Write readings as CSV and tables as HDF5 into the folder of the data set."""
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
