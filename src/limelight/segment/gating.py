"""Gating: objects inside an outline drawn on a plot of their features become a class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from limelight.core.errors import FileError, ParameterError
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CLASS", "classified", "inside", "limits_of", "numeric_features", "write_features"]

CLASS = "class"
"""Column of the class."""
_SUFFIXES = (".csv", ".tsv", ".parquet")


def numeric_features(table: pd.DataFrame) -> list[str]:
    """Return the columns that can be plotted and coloured by: numbers, in their order."""
    return [
        str(c)
        for c in table.columns
        if c not in ("index", "label") and pd.api.types.is_numeric_dtype(table[c])
    ]


def inside(x: ArrayLike, y: ArrayLike, outline: ArrayLike) -> NDArray[np.bool_]:
    """Tell which points lie inside an outline, by the number of edges to the right of each.

    Parameters
    ----------
    x, y : 1D arrays (n,)
        The points; NaN is never inside.
    outline : 2D array (m, 2)
        Corners x, y; the last is joined to the first.

    Returns
    -------
    1D array of bool (n,)
        For each point.

    Raises
    ------
    ParameterError
        If the outline has fewer than three corners.
    """
    px, py = np.asarray(x, np.float64), np.asarray(y, np.float64)
    corners = np.asarray(outline, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ParameterError("An outline needs at least three corners; draw around the points.")
    found = np.zeros(px.shape, np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > py) != (y1 > py)
        found ^= crosses & (px < (x1 - x0) * (py - y0) / (y1 - y0) + x0)
    return found & np.isfinite(px) & np.isfinite(py)


def classified(table: pd.DataFrame, chosen: ArrayLike, name: str) -> pd.DataFrame:
    """Return the table with the chosen rows in a class.

    Parameters
    ----------
    table : DataFrame
        Features; a column ``class`` is added if there is none (empty text: no class).
    chosen : 1D array of bool
        Which rows.
    name : str
        Name of the class; empty takes the rows out of theirs.
    """
    classes = (
        table[CLASS].astype(str).to_numpy(object) if CLASS in table else np.full(len(table), "")
    )
    classes = np.where(np.asarray(chosen, np.bool_), name.strip(), classes)
    return table.assign(**{CLASS: classes.astype(str)})


def limits_of(values: ArrayLike) -> tuple[float, float]:
    """Return limits for colours: the 1st and 99th percentile of what is finite."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return 0.0, 1.0
    low, high = np.percentile(finite, (1, 99))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def write_features(table: pd.DataFrame, path: str | Path) -> Path:
    """Write features as text or Parquet, as the suffix tells.

    Raises
    ------
    FileError
        If the suffix is none of these, or it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise FileError(path, f"features are written as {', '.join(_SUFFIXES)}.", "Choose one.")
    out = table.rename(columns={"index": "label"})
    with replacing(path) as temporary:
        if path.suffix.lower() == ".parquet":
            try:
                out.to_parquet(temporary, index=False)
            except ImportError as error:
                raise FileError(
                    path,
                    "Parquet needs pyarrow.",
                    "Install it with: pip install 'napari-limelight[formats]'",
                ) from error
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            out.to_csv(temporary, index=False, sep=separator)
    return path
