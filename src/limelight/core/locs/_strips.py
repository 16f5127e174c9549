"""Molecules of each frame by vertical strips: neighbours in other frames are found in a glance.

One stable counting sort puts the rows in the order (frame, strip of x).  Strips are so wide that
one holds about one molecule, so that the work does not depend on how many there are per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Strips", "strips"]

_MAX_FRAMES = 2**27  # more is a column that does not hold frames


@dataclass(frozen=True, eq=False)
class Strips:
    """Rows in the order (frame, strip), the original order kept within a strip.

    Parameters
    ----------
    order : 1D array of int64 (N,)
        Index in the table of each row.
    frame : 1D array of int64 (N,)
        Frame of each row, counted from the first frame.
    x, y : 1D array of float64 (N,)
        Position of each row, px.
    start : 1D array of int64 (frames * count + 1,)
        First row of each strip of each frame.
    count : int
        Strips per frame.
    left, width : float
        Left edge of the first strip and width of each, px.
    frames : int
        Number of frames from the first with a molecule to the last.
    """

    order: NDArray[np.int64]
    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    start: NDArray[np.int64]
    count: int
    left: float
    width: float
    frames: int


@njit(nogil=True, cache=True)
def _sort(frame, x, y, first, frames, count, left, width):  # type: ignore[no-untyped-def]
    n = len(x)
    key = np.empty(n, np.int64)
    start = np.zeros(frames * count + 1, np.int64)
    for i in range(n):
        strip = min(max(int((x[i] - left) / width), 0), count - 1)
        key[i] = (frame[i] - first) * count + strip
        start[key[i] + 1] += 1
    for k in range(frames * count):
        start[k + 1] += start[k]
    order = np.empty(n, np.int64)
    f = np.empty(n, np.int64)
    xs, ys = np.empty(n, np.float64), np.empty(n, np.float64)
    fill = start[:-1].copy()
    for i in range(n):
        j = fill[key[i]]
        fill[key[i]] += 1
        order[j], f[j], xs[j], ys[j] = i, frame[i] - first, x[i], y[i]
    return order, f, xs, ys, start


def strips(frame: NDArray[np.int64], x: NDArray[np.float32], y: NDArray[np.float32]) -> Strips:
    """Sort molecules by frame and strip.

    Parameters
    ----------
    frame : 1D array of int64 (N,)
        Frame of each molecule, in any order; N > 0.
    x, y : 1D array (N,)
        Positions, px, finite.

    Raises
    ------
    ParameterError
        If the frames reach so far that they cannot be frames of a movie.
    """
    first, last = int(frame.min()), int(frame.max())
    frames = last - first + 1
    if frames > _MAX_FRAMES:
        raise ParameterError(
            f"The column 'frame' reaches from {first} to {last}: no movie is that long. "
            "It must hold the index of the frame, not a time."
        )
    left, right = float(x.min()), float(x.max())
    # Not more than a few strips per molecule in all, else the empty ones would cost.
    count = int(np.clip(len(x) // frames, 1, 4096))
    width = max((right - left) / count, 1e-6)
    order, f, xs, ys, start = _sort(frame, x, y, first, frames, count, left, width)
    return Strips(order, f, xs, ys, start, count, left, width, frames)
