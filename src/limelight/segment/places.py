"""Where objects lie in a picture, and which point of a plot is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ObjectPlaces", "find_object", "nearest_row"]

Box = tuple["NDArray[np.int64]", "NDArray[np.int64]"]
_WINDOWS = (64, 256, 1024, 4096)


class ObjectPlaces:
    """Boxes around the objects of a picture, counted once and corrected where one has changed."""

    def __init__(self) -> None:
        self._known: tuple[NDArray[Any], pd.DataFrame] | None = None

    def box(self, labels: NDArray[Any], label: int) -> Box | None:
        """Return first and behind-last place of an object along each axis; None: it is not there.

        Parameters
        ----------
        labels : array of integers
            The picture; as long as it is the same array, its objects are looked for only once.
        label : int
            The object.
        """
        if self._known is None or self._known[0] is not labels:
            self._known = (labels, _table_of(labels))
        table = self._known[1]
        if label in table.index:
            row = table.loc[[label]]
            axes = "zyx"[-labels.ndim :]
            low = row[[f"{a}0" for a in axes]].to_numpy(np.int64)[0]
            high = row[[f"{a}1" for a in axes]].to_numpy(np.int64)[0]
            inside = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
            if (inside == label).any():
                return low, high
        return _around(np.nonzero(labels == label))  # it was painted since


def _table_of(labels: NDArray[Any]) -> pd.DataFrame:
    import pandas as pd

    from limelight.core.image import object_table

    return object_table(labels) if labels.ndim in (2, 3) else pd.DataFrame()


def _around(places: tuple[NDArray[Any], ...]) -> Box | None:
    if not len(places[0]):
        return None
    low = np.array([p.min() for p in places], np.int64)
    return low, np.array([p.max() + 1 for p in places], np.int64)


def find_object(labels: Any, label: int, near: ArrayLike) -> Box | None:
    """Find an object of a picture that is too large to be read, near a place.

    Parameters
    ----------
    labels : array-like ([Z,] Y, X)
        What gives pixels for slices.
    label : int
        The object.
    near : (float, float)
        Row and column near which it lies, pixels.

    Returns
    -------
    (array, array) or None
        First and behind-last place along each axis; None if it is not there.
    """
    y, x = (int(v) for v in np.asarray(near, np.float64))
    for reach in _WINDOWS:
        y0, x0 = max(y - reach, 0), max(x - reach, 0)
        lead = tuple(slice(None) for _ in labels.shape[:-2])
        pixels = np.asarray(labels[(*lead, slice(y0, y + reach), slice(x0, x + reach))])
        found = _around(np.nonzero(pixels == label))
        if found is None:
            continue
        start = np.array([0] * len(lead) + [y0, x0])
        low, high = found[0] + start, found[1] + start
        ends = np.array(labels.shape[-2:])
        cut = (low[-2:] <= (y0, x0)) & (low[-2:] > 0)
        cut |= (high[-2:] >= (y + reach, x + reach)) & (high[-2:] < ends)
        if not cut.any() or reach == _WINDOWS[-1]:
            return low, high
    return None


def nearest_row(
    x: ArrayLike,
    y: ArrayLike,
    at: tuple[float, float],
    spans: tuple[float, float],
    reach: float = 0.02,
) -> int | None:
    """Return which point of a plot lies next to a place.

    Parameters
    ----------
    x, y : array
        The points; those with NaN are no points.
    at : (float, float)
        The place (x, y).
    spans : (float, float)
        What width and height of the plot stand for, in units of x and y.
    reach : float
        How far it may be away, as a part of the plot's width and height.

    Returns
    -------
    int or None
        The row; None if there is none so near.

    Examples
    --------
    >>> nearest_row([0, 1, 2], [0, 1, 4], (1.01, 1), (2, 4))
    1
    """
    dx = (np.asarray(x, np.float64) - at[0]) / spans[0]
    dy = (np.asarray(y, np.float64) - at[1]) / spans[1]
    distance = np.hypot(dx, dy)
    if not np.isfinite(distance).any():
        return None
    row = int(np.nanargmin(distance))
    return row if distance[row] < reach else None
