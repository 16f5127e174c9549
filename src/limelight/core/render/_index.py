# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
"""Molecules in the order of the tiles of the field that they lie in.

Molecules that are near in the sample are near in memory: a view reads few runs of the arrays,
and what it draws stays in the processor's cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.pool import each, runs
from limelight.core.render._paint import REACH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.render.picture import Viewport

__all__ = ["Molecules"]

_PER_TILE = 1024
_MAX_TILES_PER_SIDE = 256
_CHUNK = 250_000


@njit(nogil=True, cache=True)
def _tile_of(y, x, size, rows, columns):
    """Return the tile of a position, the nearest for one outside the field; -1 for none."""
    if not (abs(y) < np.inf and abs(x) < np.inf):
        return -1
    row = int(min(max((y + 0.5) / size, 0.0), rows - 1.0))
    column = int(min(max((x + 0.5) / size, 0.0), columns - 1.0))
    return row * columns + column


@njit(nogil=True, cache=True)
def _usable(sigma):
    return sigma < np.inf


@njit(nogil=True, cache=True)
def _count(y, x, a, b, size, rows, columns, count):
    for n in range(a, b):
        t = _tile_of(y[n], x[n], size, rows, columns)
        if t >= 0:
            count[t] += 1


@njit(nogil=True, cache=True)
def _scatter(y, x, sy, sx, a, b, size, rows, columns, place, out_y, out_x, out_sy, out_sx, order):
    precise = len(sy) > 0
    for n in range(a, b):
        t = _tile_of(y[n], x[n], size, rows, columns)
        if t < 0:
            continue
        p = place[t]
        place[t] = p + 1
        out_y[p] = y[n]
        out_x[p] = x[n]
        order[p] = n
        if precise:
            out_sy[p] = sy[n]
            out_sx[p] = sx[n]


@njit(nogil=True, cache=True)
def _measure(y, x, sy, sx, tiles, t0, t1, bounds):
    """Fill (lowest y, highest y, lowest x, highest x, largest sigma, no sigmas) of each tile."""
    for t in range(t0, t1):
        low_y, high_y, low_x, high_x = np.inf, -np.inf, np.inf, -np.inf
        wide, unknown = 0.0, 0
        for n in range(tiles[t], tiles[t + 1]):
            low_y, high_y = min(low_y, y[n]), max(high_y, y[n])
            low_x, high_x = min(low_x, x[n]), max(high_x, x[n])
            if len(sy) == 0:
                continue
            if _usable(sy[n]) and _usable(sx[n]):
                wide = max(wide, max(sy[n], sx[n]))
            else:
                unknown += 1
        bounds[t, 0], bounds[t, 1] = low_y, high_y
        bounds[t, 2], bounds[t, 3] = low_x, high_x
        bounds[t, 4], bounds[t, 5] = wide, unknown


@njit(nogil=True, cache=True)
def _find_runs(tiles, bounds, y0, x0, y1, x1, reach, slack, starts, stops):
    """Fill the runs of the tiles that may touch the viewport; neighbours are joined."""
    found = 0
    for t in range(len(tiles) - 1):
        a, b = tiles[t], tiles[t + 1]
        r = reach * bounds[t, 4] + slack
        if (
            a == b
            or bounds[t, 1] + r < y0
            or bounds[t, 0] - r > y1
            or bounds[t, 3] + r < x0
            or bounds[t, 2] - r > x1
        ):
            continue
        if found and stops[found - 1] == a:
            stops[found - 1] = b
        else:
            starts[found], stops[found] = a, b
            found += 1
    return found


class Molecules:
    """Positions and precisions in the order of tiles.

    Parameters
    ----------
    y, x : 1D arrays
        Positions, camera pixels.  Molecules at NaN or infinity are left out.
    sy, sx : 1D arrays, optional
        Precisions, camera pixels.
    shape : tuple of int (Y, X)
        The field; molecules outside of it are kept, with the nearest tile.
    threads : int
        Threads; the order does not depend on them.

    Attributes
    ----------
    y, x, sy, sx : 1D arrays of float32
        In the order of tiles, within a tile in that of the table; sy and sx are empty if there
        are no precisions.
    order : 1D array of uint32
        Row of the table.
    all_precise : bool
        Whether each has a precision that is a number.
    """

    def __init__(
        self,
        y: NDArray[Any],
        x: NDArray[Any],
        sy: NDArray[Any] | None,
        sx: NDArray[Any] | None,
        shape: tuple[int, int],
        threads: int,
    ) -> None:
        y, x = (np.ascontiguousarray(c, np.float32) for c in (y, x))
        none = np.empty(0, np.float32)
        sy = none if sy is None else np.ascontiguousarray(sy, np.float32)
        sx = none if sx is None else np.ascontiguousarray(sx, np.float32)
        height, width = max(shape[0], 1), max(shape[1], 1)
        wanted = max(len(y) / _PER_TILE, 1.0)
        size = float(
            max(np.sqrt(height * width / wanted), max(height, width) / _MAX_TILES_PER_SIDE)
        )
        rows, columns = int(np.ceil(height / size)), int(np.ceil(width / size))

        chunks = runs(len(y), len(y) // _CHUNK + 1)
        counts = np.zeros((len(chunks), rows * columns), np.int64)
        each(
            lambda k: _count(y, x, *chunks[k], size, rows, columns, counts[k]),
            range(len(chunks)),
            threads,
        )
        # of each tile first what the first chunk has, then what the second has
        ends = np.cumsum(counts.T.ravel()).reshape(counts.T.shape).T
        places = np.ascontiguousarray(ends - counts)
        self.tiles = np.concatenate(([0], ends[-1])).astype(np.int64)
        n = int(self.tiles[-1])
        self.y, self.x = np.empty(n, np.float32), np.empty(n, np.float32)
        self.sy, self.sx = (np.empty(n if len(s) else 0, np.float32) for s in (sy, sx))
        self.order = np.empty(n, np.uint32)
        out = (self.y, self.x, self.sy, self.sx, self.order)
        each(
            lambda k: _scatter(y, x, sy, sx, *chunks[k], size, rows, columns, places[k], *out),
            range(len(chunks)),
            threads,
        )
        self.bounds = np.empty((len(self.tiles) - 1, 6))
        each(
            lambda run: _measure(*out[:4], self.tiles, *run, self.bounds),
            runs(len(self.tiles) - 1, 4 * threads, 16),
            threads,
        )
        self.all_precise = not self.bounds[:, 5].any()

    def __len__(self) -> int:
        return len(self.y)

    def runs(
        self, viewport: Viewport, slack: float, wide: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the runs (starts, stops) that hold all that may touch a viewport.

        Parameters
        ----------
        viewport : tuple of float (y0, x0, y1, x1)
            Camera pixels.
        slack : float
            So far beyond it, camera pixels.
        wide : bool
            Count molecules as wide as they are drawn as Gaussians, not as points.
        """
        starts, stops = np.empty((2, len(self.tiles)), np.int64)
        found = _find_runs(
            self.tiles, self.bounds, *viewport, REACH if wide else 0.0, slack, starts, stops
        )
        return starts[:found], stops[:found]

    def count(self, viewport: Viewport) -> int:
        """Return about how many molecules are in a viewport; never too few."""
        starts, stops = self.runs(viewport, 0.0, False)
        return int((stops - starts).sum())
