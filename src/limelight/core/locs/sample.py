"""Which molecules to show one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rows_in_view"]

_LEAST = 2**16  # rows that are worth a thread


@njit(nogil=True, cache=True)
def _inside(y, x, left_out, y0, x0, y1, x1, begin, end, out):  # type: ignore[no-untyped-def]
    """Write the rows of begin to end - 1 that are in the viewport; return how many these are."""
    some = left_out.size > 0
    found = 0
    for n in range(begin, end):
        inside = (x[n] >= x0) & (x[n] <= x1) & (y[n] >= y0) & (y[n] <= y1)
        if some:
            inside &= left_out[n] == 0
        out[found] = n  # overwritten unless it is inside: without a branch it is much quicker
        found += inside
    return found


def rows_in_view(
    y: NDArray[Any],
    x: NDArray[Any],
    viewport: tuple[float, float, float, float],
    *,
    left_out: NDArray[Any] | None = None,
    most: int = 50_000,
    threads: int | None = None,
) -> tuple[NDArray[np.intp], int]:
    """Return the molecules in a viewport, or evenly spaced ones where there are too many.

    Parameters
    ----------
    y, x : 1D arrays (N,)
        Positions, camera pixels; NaN is nowhere.
    viewport : tuple of float (y0, x0, y1, x1)
        Part of the field, camera pixels, edges included.
    left_out : 1D array (N,), optional
        Nonzero for molecules that are not to be shown.
    most : int
        No more rows than these are returned.
    threads : int, optional
        Threads; the rows do not depend on them.

    Returns
    -------
    rows : 1D array of int
        Rising indices of molecules, at most ``most``.
    total : int
        How many molecules are in the viewport.

    Raises
    ------
    ParameterError
        If the arrays differ in length or ``most`` is below 1.
    """
    if len(y) != len(x) or (left_out is not None and len(left_out) != len(x)):
        raise ParameterError("sample: the columns must be of the same length.")
    if most < 1:
        raise ParameterError(f"sample: at least 1 molecule must be allowed, not {most}.")
    y0, x0, y1, x1 = (float(v) for v in viewport)
    skip = np.empty(0, np.bool_) if left_out is None else left_out

    # as numpy compares: in the columns' own type
    ends = [
        c.dtype.type(v) if c.dtype.kind == "f" else v
        for v, c in ((y0, y), (x0, x), (y1, y), (x1, x))
    ]

    def look(run: tuple[int, int]) -> NDArray[np.intp]:
        out = np.empty(run[1] - run[0], np.intp)
        return out[: _inside(y, x, skip, *ends, *run, out)]

    count = thread_count(threads)
    rows = np.concatenate(each(look, runs(len(y), count, _LEAST), count))
    total = len(rows)
    if total > most:
        rows = rows[np.linspace(0, total - 1, most).astype(np.intp)]
    return rows, total
