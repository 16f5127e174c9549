"""Which molecules to show one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rows_in_view"]


def rows_in_view(
    y: NDArray[Any],
    x: NDArray[Any],
    viewport: tuple[float, float, float, float],
    *,
    left_out: NDArray[Any] | None = None,
    most: int = 50_000,
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
    y0, x0, y1, x1 = viewport
    seen = (x >= x0) & (x <= x1)
    seen &= (y >= y0) & (y <= y1)
    if left_out is not None:
        seen &= left_out == 0
    rows = np.flatnonzero(seen)
    total = len(rows)
    if total > most:
        rows = rows[np.linspace(0, total - 1, most).astype(np.intp)]
    return rows, total
