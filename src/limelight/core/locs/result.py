"""What a tool finds: figures, a table, groups, a drift, and curves to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.locs.drift.curve import Drift

__all__ = ["Line", "Measure", "Plot", "ToolResult"]


@dataclass(frozen=True)
class Measure:
    """One figure.

    Parameters
    ----------
    name : str
        Key under which it is kept, such as ``nena_nm``.
    title : str
        What it is, for a person.
    value : float or None
        The value; None where it could not be measured.
    unit : str
        Its unit.
    reliable : bool
        Whether it can be trusted.
    note : str
        Why it is missing or not to be trusted, or what else to know.
    """

    name: str
    title: str
    value: float | None
    unit: str
    reliable: bool = True
    note: str = ""


@dataclass(frozen=True, eq=False)
class Line:
    """One curve of a plot.

    Parameters
    ----------
    name : str
        What it is, for the legend.
    x, y : 1D arrays of float64 (n,)
        Its points.
    style : {"line", "points", "bars"}
        How it is drawn.
    """

    name: str
    x: NDArray[Any]
    y: NDArray[Any]
    style: Literal["line", "points", "bars"] = "line"


@dataclass(frozen=True, eq=False)
class Plot:
    """Curves with their axes, for whoever draws: a dock, a page, a script.

    Parameters
    ----------
    title : str
        What is seen.
    x_title, y_title : str
        The axes, with their units.
    lines : tuple of Line
        The curves.
    marks : tuple of (str, float)
        Places along x that are worth a line, with their names.
    """

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class ToolResult:
    """What a tool made of a table.

    Parameters
    ----------
    measures : tuple of Measure
        Figures.
    locs : Localizations, optional
        The new table, of tools that make one.
    groups : pandas.DataFrame, optional
        A row per cluster or region.
    drift : Drift, optional
        What was taken out.
    plots : tuple of Plot
        What to look at.
    found : object
        The full answer of a measurement: a `NeNA`, an `FRC`, a `Quality`.
    """

    measures: tuple[Measure, ...] = ()
    locs: Localizations | None = None
    groups: pd.DataFrame | None = field(default=None, repr=False)
    drift: Drift | None = None
    plots: tuple[Plot, ...] = field(default=(), repr=False)
    found: Any = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Measure:
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)

    @property
    def values(self) -> dict[str, float | None]:
        """The figures by name, as a file or a database keeps them."""
        return {measure.name: measure.value for measure in self.measures}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person has to know, each once."""
        return tuple(dict.fromkeys(m.note for m in self.measures if m.note))
