"""What all tools ask of a table before they start, with a message for each that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError, suggest
from limelight.core.localizations import Localizations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Table", "as_locs", "checked", "frame_column", "movie_length"]

Table = Localizations | pd.DataFrame
"""A table of molecules, with or without its provenance."""


def as_locs(table: Table) -> Localizations:
    """Return the table as `Localizations`; a DataFrame gets an empty provenance."""
    if isinstance(table, Localizations):
        return table
    if isinstance(table, pd.DataFrame):
        return Localizations(table)
    raise ParameterError(
        f"A table of molecules must be Localizations or a DataFrame, not {type(table).__name__}."
    )


def checked(locs: Localizations, tool: str, *columns: str, least: int = 1) -> list[NDArray[Any]]:
    """Return columns that are there, are numbers and have a value in each row.

    Parameters
    ----------
    locs : Localizations
        The table.
    tool : str
        Who asks; the message starts with it.
    *columns : str
        Names of the columns.
    least : int
        Number of rows below which the tool makes no sense.

    Returns
    -------
    list of 1D array
        The columns, in that order, contiguous.

    Raises
    ------
    ParameterError
        If a column is missing or has NaN or infinity, or the table is too short.
    """
    for column in columns:
        if column not in locs:
            raise ParameterError(
                f"{tool}: the table has no column {column!r}. {suggest(column, locs.columns)} "
                "Load a result that has it, or localize the movie again."
            )
    if len(locs) < least:
        have = f"has only {len(locs)} rows" if len(locs) else "is empty"
        raise ParameterError(
            f"{tool}: the table {have}; at least {least} molecules are needed. "
            "Loosen the filters or lower the detection threshold."
        )
    return [_finite(locs[column], column, tool) for column in columns]


def _finite(values: NDArray[Any], column: str, tool: str) -> NDArray[Any]:
    if values.dtype.kind not in "uif":
        raise ParameterError(
            f"{tool}: the column {column!r} must be of numbers, not {values.dtype}."
        )
    if values.dtype.kind == "f":
        # The sum is finite nearly always where all values are, and costs one pass.
        with np.errstate(invalid="ignore", over="ignore"):
            suspicious = not np.isfinite(values.sum(dtype=np.float64))
        bad = int(np.count_nonzero(~np.isfinite(values))) if suspicious else 0
        if bad:
            raise ParameterError(
                f"{tool}: the column {column!r} is not a finite number in {bad} of {len(values)} "
                "rows. Remove these first, with the tool Filter and its setting drop_nan."
            )
    return np.ascontiguousarray(values)


def frame_column(locs: Localizations, tool: str, least: int = 1) -> NDArray[np.int64]:
    """Return the frames as whole numbers from 0.

    Raises
    ------
    ParameterError
        If the column is missing, or has NaN, negative or fractional values.
    """
    (frame,) = checked(locs, tool, "frame", least=least)
    if frame.dtype.kind == "f" and np.any(frame != np.floor(frame)):
        raise ParameterError(f"{tool}: the column 'frame' must hold whole numbers.")
    if len(frame) and frame.min() < 0:
        raise ParameterError(
            f"{tool}: the column 'frame' starts at {frame.min()}; frames are counted from 0."
        )
    return frame.astype(np.int64)


def movie_length(locs: Localizations, frame: NDArray[np.int64]) -> int:
    """Return the number of frames, even where the provenance knows of fewer than the table has."""
    return max(locs.frames, int(frame.max()) + 1 if len(frame) else 0)
