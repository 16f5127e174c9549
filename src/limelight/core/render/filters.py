"""Ranges on columns, kept up to date molecule by molecule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.pool import each, runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Filters"]

_MANY = 250


@njit(nogil=True, cache=True)
def _update(fails, values, was, low, high, now, new_low, new_high):  # type: ignore[no-untyped-def]
    """Count each molecule's failed ranges anew; return how many molecules fail none."""
    kept = np.int64(0)
    for n in range(len(values)):
        before = was & ~((values[n] >= low) & (values[n] <= high))
        after = now & ~((values[n] >= new_low) & (values[n] <= new_high))
        fails[n] = np.uint8(np.int64(fails[n]) + np.int64(after) - np.int64(before))
        kept += np.int64(fails[n] == 0)
    return kept


class Filters:
    """Ranges on columns; a change of one looks at that column alone.

    Parameters
    ----------
    size : int
        Number of molecules.
    column : callable
        Returns a column of that name, an array of that size.
    threads : int
        Threads.

    Attributes
    ----------
    fails : 1D array of uint8
        How many ranges each molecule is outside of.
    kept : int
        How many molecules are within all ranges.
    ranges : dict
        The ranges (low, high) by column, both ends included.
    """

    def __init__(self, size: int, column: Callable[[str], NDArray[Any]], threads: int) -> None:
        self.fails = np.zeros(size, np.uint8)
        self.kept = size
        self.ranges: dict[str, tuple[float, float]] = {}
        self._column = column
        self._threads = threads

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def set(self, column: str, low: float = -np.inf, high: float = np.inf) -> int:
        """Keep only molecules with ``low <= value <= high``; NaN is outside of every range.

        Returns
        -------
        int
            How many molecules are within all ranges.

        Raises
        ------
        ParameterError
            If there is no such column, or ``low`` or ``high`` is no number.
        """
        low, high = float(low), float(high)
        if np.isnan(low) or np.isnan(high):
            raise ParameterError(f"The range of {column} must be two numbers, not {low}, {high}.")
        if column not in self.ranges and len(self.ranges) >= _MANY:
            raise ParameterError(f"There are filters on {_MANY} columns already; remove one.")
        return self._change(column, (low, high))

    def clear(self, column: str | None = None) -> int:
        """Remove the range of a column, or of all."""
        if column is None:
            self.ranges.clear()
            self.fails[:] = 0
            self.kept = len(self.fails)
        elif column in self.ranges:
            self._change(column, None)
        return self.kept

    def _change(self, column: str, new: tuple[float, float] | None) -> int:
        values = self._column(column)
        old = self.ranges.get(column)
        if new == old:
            return self.kept
        arguments = (
            *(old is not None, *(old or (0.0, 0.0))),
            *(new is not None, *(new or (0.0, 0.0))),
        )

        def update(run: tuple[int, int]) -> int:
            a, b = run
            return int(_update(self.fails[a:b], values[a:b], *arguments))

        pieces = runs(len(values), 4 * self._threads, 2**15)
        self.kept = sum(each(update, pieces, self._threads))
        if new is None:
            del self.ranges[column]
        else:
            self.ranges[column] = new
        return self.kept
