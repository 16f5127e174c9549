"""A table of molecules that grows while others look at it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.localizations import Localizations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LiveTable"]

_FIRST_ROWS = 4096


class LiveTable:
    """Rows are added by one thread and looked at by others; a look costs nothing.

    Columns are arrays that double when they are full.  A snapshot is a view of the rows so far,
    which are never written to again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._columns: dict[str, NDArray[Any]] = {}
        self._rows = 0
        self._provenance: list[dict[str, Any]] = []
        self.tables = 0
        """How many tables were added."""

    def __len__(self) -> int:
        return self._rows

    def add(self, locs: Localizations) -> None:
        """Add the rows of a table; a column that one side lacks is filled with NaN (or 0)."""
        incoming = {name: locs[name] for name in locs.columns}
        count = len(locs)
        with self._lock:
            self.tables += 1
            self._provenance = locs.provenance
            need = self._rows + count
            for name, values in incoming.items():
                if name not in self._columns:
                    self._columns[name] = _blank(max(need, _FIRST_ROWS), values.dtype)
            for name, held in list(self._columns.items()):
                if len(held) < need:
                    grown = _blank(max(need, 2 * len(held)), held.dtype)
                    grown[: self._rows] = held[: self._rows]
                    held = self._columns[name] = grown
                if name in incoming:
                    held[self._rows : need] = incoming[name]
            self._rows = need

    def snapshot(self, start: int = 0) -> Localizations:
        """Return the table as it is now, or its rows from ``start`` on; nothing is copied."""
        with self._lock:
            columns = {name: held[start : self._rows] for name, held in self._columns.items()}
            provenance = self._provenance
        if not columns:
            return Localizations.empty()
        return Localizations.from_columns(columns, provenance)


def _blank(rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.full(rows, np.nan if dtype.kind == "f" else 0, dtype)
