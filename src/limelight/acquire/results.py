"""Results: the tables and readings that processors give while an acquisition runs."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError
from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.readings import Readings
from limelight.core.stream import Objects, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from limelight.acquire.journal import Block

    Marks = dict[tuple[str, ...], int]

__all__ = ["Results"]


class Results:
    """What processors found, by their names.

    Attributes
    ----------
    readings : dict
        The numbers that were read, as `Readings`.
    tables : dict
        The growing tables of molecules.
    newest : dict
        The newest objects of each kind, by processor and name.
    """

    def __init__(self) -> None:
        self.readings: dict[str, Readings] = {}
        self.tables: dict[str, LiveTable] = {}
        self.newest: dict[tuple[str, str], Objects] = {}
        self._features: dict[tuple[str, str], list[pd.DataFrame]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, output: Any) -> None:
        """Keep what a processor gave."""
        if isinstance(output, Reading):
            with self._lock:
                readings = self.readings.setdefault(name, Readings())
            readings.add(output)
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

    def described(self) -> str:
        """Say how much was found, in a few words; empty where there is nothing."""
        said = [f"{name}: {len(table):,} molecules" for name, table in self.tables.items()]
        said += [f"{name}: {len(read):,} readings" for name, read in self.readings.items()]
        said += [f"{by}: {sum(map(len, f)):,} {what}" for (by, what), f in self._features.items()]
        return ", ".join(said)

    def save(self, folder: Path, note: str = "") -> list[Path]:
        """Write readings and features as CSV, molecules as HDF5, into the data set's folder.

        Parameters
        ----------
        folder : path
            The folder.
        note : str
            What is to be known of the molecules, kept as a step of their provenance.

        Returns
        -------
        list of path
            What was written.

        Raises
        ------
        LimelightError
            The first thing that went wrong; all that can be written is written before.
        """
        written: list[Path] = []
        wrong: LimelightError | None = None
        for path, write in self._files(folder, note):
            try:
                write(path)
                written.append(path)
            except LimelightError as error:
                wrong = wrong or error
            except Exception as error:
                said = f"{path.name} could not be written: {type(error).__name__}: {error}."
                wrong = wrong or LimelightError(said)
        if wrong is not None:
            raise wrong
        return written

    def _files(self, folder: Path, note: str) -> Iterator[tuple[Path, Callable[[Path], object]]]:
        for name, readings in self.readings.items():
            table = readings.table(axes=True).rename_axis("index").reset_index()
            yield folder / f"{_safe(name)}_readings.csv", _csv(table, float_format="%.15g")
        for name in list(self.tables):
            # The folder is called after the data set, and so is what belongs to it.
            tail = "" if len(self.tables) == 1 else f"_{_safe(name)}"
            path = folder / f"{folder.name.split('.')[0]}_locs{tail}.hdf5"
            yield path, self._save_molecules(name, note)
        for by, what in list(self._features):
            yield folder / f"{_safe(by)}_{_safe(what)}.csv", _csv(self.features(what, by))

    def _save_molecules(self, name: str, note: str) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            from limelight.io import save_localizations

            table = self.localizations(name)
            assert table is not None
            if note:
                table = table.with_table(table.table, {"Note": note})
            save_localizations(table, path)

        return write

    # ---- as blocks of a journal ----

    def blocks(self, marks: Marks) -> Iterator[tuple[Block, tuple[str, ...], int]]:
        """Yield what came since the marks, and for each block its mark to be set once it is kept.

        Parameters
        ----------
        marks : dict
            How much of each is kept already.
        """
        with self._lock:
            readings, tables = list(self.readings.items()), list(self.tables.items())
            features = list(self._features.items())
        for by, numbers in readings:
            for axis in numbers.axes:
                key: tuple[str, ...] = ("axis", by, axis)
                start = marks.get(key, 0)
                frames, places = numbers.places(axis, start)
                words = any(isinstance(place, str) for place in places)
                columns = {"frame": frames, "place": np.array(places, object if words else "i8")}
                if len(frames):
                    yield (_about(key), columns), key, start + len(frames)
            for name in numbers.names:
                key = ("curve", by, name)
                start = marks.get(key, 0)
                frames, values = numbers.curve(name, start=start)
                if len(frames):
                    columns = {"frame": frames, "value": values}
                    yield (_about(key), columns), key, start + len(frames)
        for by, growing in tables:
            key = ("table", by)
            start = marks.get(key, 0)
            table = growing.snapshot(start)
            if len(table) or key not in marks:
                from limelight.io.documents import dump_json

                about = {**_about(key), "provenance": dump_json(table.provenance)}
                columns = {name: table[name] for name in table.columns}
                yield (about, columns), key, start + len(table)
        for names, found in features:
            key = ("features", *names)
            start = marks.get(key, 0)
            for number, one in enumerate(found[start:], start + 1):
                about = {**_about(key), "names": list(map(str, one.columns))}
                columns = {str(i): one.iloc[:, i].to_numpy() for i in range(one.shape[1])}
                yield (about, columns), key, number

    def restore(self, block: Block) -> None:
        """Add what a block of a journal holds."""
        about, columns = block
        kind, by, *rest = about["key"]
        if kind == "axis":
            places = columns["place"].tolist()
            self.readings.setdefault(by, Readings()).extend_axis(rest[0], columns["frame"], places)
        elif kind == "curve":
            readings = self.readings.setdefault(by, Readings())
            readings.extend(rest[0], columns["frame"], columns["value"])
        elif kind == "table":
            import pandas as pd

            table = Localizations(pd.DataFrame(columns), json.loads(about["provenance"]))
            self.tables.setdefault(by, LiveTable()).add(table)
        elif kind == "features":
            import pandas as pd

            found = pd.DataFrame(columns)
            found.columns = about["names"]
            self._features.setdefault((by, rest[0]), []).append(found)


def _about(key: tuple[str, ...]) -> dict[str, Any]:
    return {"key": list(key)}


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)


def _csv(table: pd.DataFrame, float_format: str | None = None) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        from limelight.io.atomic import replacing

        with replacing(path) as temporary:
            table.to_csv(temporary, index=False, float_format=float_format)

    return write
