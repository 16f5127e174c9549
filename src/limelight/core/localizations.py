"""Localizations: one table of molecules, and how it came to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["COLUMNS", "Column", "Localizations"]


@dataclass(frozen=True)
class Column:
    """A column of the table: its unit, its type and what it means."""

    unit: str
    dtype: str
    meaning: str


COLUMNS: dict[str, Column] = {
    "frame": Column("", "uint32", "Index of the frame, from 0"),
    "x": Column("px", "float32", "Position along the columns; pixel centres are whole numbers"),
    "y": Column("px", "float32", "Position along the rows; pixel centres are whole numbers"),
    "z": Column("nm", "float32", "Position along the optical axis, rising with the stage"),
    "photons": Column("photons", "float32", "Detected photons of the molecule in that frame"),
    "sx": Column("px", "float32", "Standard deviation of the spot along x"),
    "sy": Column("px", "float32", "Standard deviation of the spot along y"),
    "bg": Column("photons/px", "float32", "Background per pixel"),
    "lpx": Column("px", "float32", "Localization precision along x (one standard deviation)"),
    "lpy": Column("px", "float32", "Localization precision along y (one standard deviation)"),
    "lpz": Column("nm", "float32", "Localization precision along z (one standard deviation)"),
    "d_zcalib": Column("px^0.5", "float32", "Distance of the widths from the 3D calibration"),
    "ellipticity": Column("", "float32", "(larger - smaller) / larger of sx and sy"),
    "net_gradient": Column("counts", "float32", "Net gradient of the spot (Schnitzbauer 2017)"),
    "snr": Column("", "float32", "Signal-to-noise ratio of the spot when it was detected"),
    "photons_unc": Column("photons", "float32", "Standard error of photons"),
    "bg_unc": Column("photons/px", "float32", "Standard error of bg"),
    "sx_unc": Column("px", "float32", "Standard error of sx"),
    "sy_unc": Column("px", "float32", "Standard error of sy"),
    "log_likelihood": Column("", "float32", "Log-likelihood relative to a perfect model, <= 0"),
    "significance": Column("", "float32", "Log-likelihood gained by the molecule over none"),
    "iterations": Column("", "int32", "Iterations of the fit"),
}
"""The columns that Limelight writes, in their order; names are those of Picasso's files."""


class Localizations:
    """One table of molecules, and how it came to be.

    Parameters
    ----------
    table : pandas.DataFrame
        A row per molecule and frame; known columns are listed in `COLUMNS`, others are kept.
    provenance : sequence of mapping
        One document per step that led here, oldest first: the movie, its localization, filters.
        The first names ``Frames``, ``Height`` and ``Width`` of the movie; ``Pixelsize`` (nm) is
        named by one of them.

    Raises
    ------
    ParameterError
        If frame, x or y is missing.
    """

    def __init__(self, table: pd.DataFrame, provenance: Sequence[Mapping[str, Any]] = ()) -> None:
        _check_names(table.columns)
        # A table of columns becomes a DataFrame when one is asked for: of a single frame's
        # molecules, as they come from a camera, it would cost more than finding them.
        self._table: pd.DataFrame | None = table
        self._columns: dict[str, NDArray[Any]] = {}
        self.provenance: list[dict[str, Any]] = [dict(step) for step in provenance]

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, NDArray[Any]],
        provenance: Sequence[Mapping[str, Any]] = (),
    ) -> Localizations:
        """Make a table from columns; known ones get their documented type and order."""
        order = [c for c in COLUMNS if c in columns] + [c for c in columns if c not in COLUMNS]
        data = {
            name: np.asarray(columns[name], COLUMNS[name].dtype if name in COLUMNS else None)
            for name in order
        }
        if len({values.shape for values in data.values()}) != 1 or data[order[0]].ndim != 1:
            return cls(pd.DataFrame(data, copy=False), provenance)  # which says what is wrong
        _check_names(order)
        made = cls.__new__(cls)
        made._table, made._columns = None, data
        made.provenance = [dict(step) for step in provenance]
        return made

    @property
    def table(self) -> pd.DataFrame:
        """The rows; what is written to them is written to the localizations."""
        if self._table is None:
            self._table = pd.DataFrame(self._columns, copy=False)
        return self._table

    @classmethod
    def empty(cls, provenance: Sequence[Mapping[str, Any]] = ()) -> Localizations:
        """Make a table without rows."""
        return cls.from_columns({c: np.empty(0) for c in ("frame", "x", "y")}, provenance)

    def __len__(self) -> int:
        if self._table is None:
            return len(self._columns["x"])
        return len(self._table)

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self:
            raise ParameterError(f"There is no column {column!r}. {suggest(column, self.columns)}")
        return self._columns[column] if self._table is None else self._table[column].to_numpy()

    def __contains__(self, column: object) -> bool:
        return column in (self._columns if self._table is None else self._table.columns)

    def __repr__(self) -> str:
        return f"Localizations({len(self)} molecules, {', '.join(self.columns)})"

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [str(c) for c in (self._columns if self._table is None else self._table.columns)]

    def find(self, key: str, default: Any = None) -> Any:
        """Return what the newest step of the provenance says under that key."""
        for step in reversed(self.provenance):
            if step.get(key) is not None:
                return step[key]
        return default

    @property
    def pixel_size_nm(self) -> float:
        """Size of a camera pixel, nm; 130 where nobody said (Picasso's default)."""
        return float(self.find("Pixelsize", 130.0))

    @property
    def frames(self) -> int:
        """Number of frames of the movie."""
        last = int(self["frame"].max()) + 1 if len(self) else 0
        return int(self.find("Frames", last))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the movie in pixels."""
        height = self.find("Height", _extent(self["y"]))
        width = self.find("Width", _extent(self["x"]))
        return int(height), int(width)

    def with_table(self, table: pd.DataFrame, step: Mapping[str, Any]) -> Localizations:
        """Return a new table that came from this one by a step."""
        return Localizations(table, [*self.provenance, step])


def _check_names(columns: Iterable[Any]) -> None:
    there = list(columns)
    missing = [c for c in ("frame", "x", "y") if c not in there]
    if missing:
        raise ParameterError(
            f"A table of localizations needs the columns frame, x and y; {missing} "
            f"is missing. It has: {', '.join(map(str, there)) or 'none'}."
        )


def _extent(positions: NDArray[Any]) -> int:
    """Pixels that hold all positions, at least one."""
    known = positions[np.isfinite(positions)]
    return max(int(np.ceil(known.max() + 1)), 1) if len(known) else 1
