"""Drift by matching points: which displacement makes most molecules meet again."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column, movie_length
from limelight.core.locs.drift._peak import mean_shift
from limelight.core.locs.drift._segments import segments
from limelight.core.locs.drift.curve import Drift, interpolate
from limelight.core.pool import each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["aim"]

_LEAST = 10
_FINE = 2  # bins per kernel width
_FINE_Z = 8
_CLEAR = 4.0  # standard deviations by which a maximum has to stand out
_MAX_BINS = 2**27
_MAX_CELLS = 2**24
_ROUNDS = 2  # against the whole table


@njit(nogil=True, cache=True)
def _cells(y, x, top, left, size, height, width):  # type: ignore[no-untyped-def]
    """Sort points into square cells; return their order and each cell's first point."""
    n = len(x)
    key = np.empty(n, np.int64)
    start = np.zeros(height * width + 1, np.int64)
    for k in range(n):
        i = min(max(int((y[k] - top) / size), 0), height - 1)
        j = min(max(int((x[k] - left) / size), 0), width - 1)
        key[k] = i * width + j
        start[key[k] + 1] += 1
    for c in range(height * width):
        start[c + 1] += start[c]
    fill = start[:-1].copy()
    order = np.empty(n, np.int64)
    for k in range(n):
        order[fill[key[k]]] = k
        fill[key[k]] += 1
    return order, start


@njit(nogil=True, cache=True)
def _by_rows(segment, y, segments, top, height):  # type: ignore[no-untyped-def]
    """Return the points by segment and rows of y, and each segment's first; -1 is left out."""
    n = len(y)
    rows = 1
    for k in range(n):
        rows = max(rows, int((y[k] - top) / height) + 1)
    rows = min(rows, 4096)
    by_row, fill = np.empty(n, np.int64), np.zeros(rows + 1, np.int64)
    for k in range(n):
        fill[min(int((y[k] - top) / height), rows - 1) + 1] += 1
    for r in range(rows):
        fill[r + 1] += fill[r]
    for k in range(n):
        r = min(int((y[k] - top) / height), rows - 1)
        by_row[fill[r]] = k
        fill[r] += 1
    edge = np.zeros(segments + 1, np.int64)
    for k in range(n):
        if segment[k] >= 0:
            edge[segment[k] + 1] += 1
    for s in range(segments):
        edge[s + 1] += edge[s]
    order, fill = np.empty(edge[segments], np.int64), edge[:-1].copy()
    for r in range(n):
        k = by_row[r]
        if segment[k] >= 0:
            order[fill[segment[k]]] = k
            fill[segment[k]] += 1
    return order, edge


@njit(nogil=True, cache=True)
def _add(grid, y, x, sy, sx, top, left, scale, reach):  # type: ignore[no-untyped-def]
    """Count points, moved back by (sy, sx), in bins that have a border as wide as the reach."""
    height, width = grid.shape
    for k in range(len(x)):
        i = int(np.floor((y[k] - sy - top) * scale)) + reach
        j = int(np.floor((x[k] - sx - left) * scale)) + reach
        inside = i >= reach and j >= reach and i < height - reach and j < width - reach
        if inside and grid[i, j] < 65535:
            grid[i, j] += 1


@njit(nogil=True, cache=True)
def _displacements(grid, y, x, sy, sx, top, left, scale, reach):  # type: ignore[no-untyped-def]
    """Count displacements from the points in the bins to these, moved back by (sy, sx)."""
    side = 2 * reach + 1
    seen = np.zeros((side, side), np.int64)
    height, width = grid.shape
    for k in range(len(x)):
        i = int(np.floor((y[k] - sy - top) * scale)) + reach
        j = int(np.floor((x[k] - sx - left) * scale)) + reach
        if i >= reach and j >= reach and i < height - reach and j < width - reach:
            for r in range(side):
                line = grid[i - reach + r, j - reach : j + reach + 1]
                row = seen[r]
                for c in range(side):
                    row[c] += line[c]
    # Where a reference lies further, the point was displaced the other way.
    return seen[::-1, ::-1].copy()


@njit(nogil=True, cache=True)
def _own(y, x, sy, sx, top, left, scale, reach):  # type: ignore[no-untyped-def]
    """Count the same displacements among the points of one segment."""
    side = 2 * reach + 1
    seen = np.zeros((side, side), np.int64)
    n = len(x)
    v, u = np.empty(n, np.int64), np.empty(n, np.int64)
    order = np.argsort(y)
    y, x = y[order], x[order]
    for k in range(n):
        v[k] = int(np.floor((y[k] - sy - top) * scale))
        u[k] = int(np.floor((x[k] - sx - left) * scale))
    for k in range(n):
        seen[reach, reach] += 1
        for m in range(k + 1, n):
            dv, du = v[m] - v[k], u[m] - u[k]
            if dv > reach:
                break
            if -reach <= du <= reach:
                seen[reach + dv, reach + du] += 1
                seen[reach - dv, reach - du] += 1
    return seen


@njit(nogil=True, cache=True)
def _heights(  # type: ignore[no-untyped-def]
    y, x, z, own, ys, xs, zs, of, start, top, left, size, height, width, near, reach, side
):
    """Count displacements in z from the reference's points to these that are near in x and y."""
    histogram = np.zeros((1, side), np.float64)
    to_bin = side / (2.0 * reach)
    for k in range(len(x)):
        i0 = max(int(np.floor((y[k] - near - top) / size)), 0)
        i1 = min(int(np.floor((y[k] + near - top) / size)), height - 1)
        j0 = max(int(np.floor((x[k] - near - left) / size)), 0)
        j1 = min(int(np.floor((x[k] + near - left) / size)), width - 1)
        if j0 > j1:
            continue
        for i in range(i0, i1 + 1):
            for m in range(start[i * width + j0], start[i * width + j1 + 1]):
                dy, dx = y[k] - ys[m], x[k] - xs[m]
                w = (z[k] - zs[m] + reach) * to_bin
                if dy * dy + dx * dx <= near * near and w >= 0 and w < side and of[m] != own:
                    histogram[0, int(w)] += 1.0
    return histogram


class _Grid:
    """Bins over the field, not more than memory allows."""

    def __init__(self, y: NDArray[np.float64], x: NDArray[np.float64], match: float) -> None:
        self.top, self.left = float(y.min()) - 1.0, float(x.min()) - 1.0
        spans = float(y.max()) - self.top + 1.0, float(x.max()) - self.left + 1.0
        self.bin = max(match / _FINE, float(np.sqrt(spans[0] * spans[1] / _MAX_BINS)))
        self.shape = int(spans[0] / self.bin) + 1, int(spans[1] / self.bin) + 1

    def empty(self, reach: int) -> NDArray[np.uint16]:
        """Return bins with a border."""
        return np.zeros((self.shape[0] + 2 * reach, self.shape[1] + 2 * reach), np.uint16)

    @property
    def place(self) -> tuple[float, float, float]:
        """Where the bins start, and how many there are per pixel."""
        return self.top, self.left, 1.0 / self.bin


def _mode(histogram: NDArray[np.float64], width: float) -> tuple[float, float, float]:
    """Return the mode of displacements, bins from the middle, and how far it stands out."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(histogram, width, mode="constant")
    weight = gaussian_filter(np.ones_like(histogram), width, mode="constant")
    smooth /= weight
    i, j = np.unravel_index(int(smooth.argmax()), smooth.shape)
    y, x = mean_shift(histogram, float(i), float(j), width)
    base = float(np.median(smooth))
    # The noise of the smoothed histogram, if its counts are Poissonian.
    noise = np.sqrt(max(base, 1e-9) / (4 * np.pi * width**2))
    middle = (histogram.shape[0] - 1) / 2
    return y - middle, x - middle, float((smooth[i, j] - base) / noise)


def _mode_1d(histogram: NDArray[np.float64], width: float) -> float:
    """Return the mode of displacements along one axis, bins from the middle."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(histogram[0], width, mode="nearest")
    # Three equal rows make a histogram that is flat in y.
    rows = np.repeat(histogram, 3, axis=0)
    _, x = mean_shift(rows, 1.0, float(smooth.argmax()), width)
    return float(x - (histogram.shape[1] - 1) / 2)


def aim(
    table: Table,
    segment_frames: int = 100,
    match_distance: float | None = None,
    search_radius: float = 0.5,
    search_radius_z: float = 100.0,
    *,
    threads: int | None = None,
) -> Drift:
    """Measure the drift by matching points (adaptive intersection maximization).

    The displacement of a segment is the one at which most of its molecules meet molecules of the
    reference, as Ma et al. (Sci. Adv. 10, eadm7765, 2024) do it: a first round follows the drift
    from segment to segment, further rounds compare each segment with all others.  Unlike there,
    the reference of the first round grows with each segment, and the maximum is found by mean
    shift with a Gaussian of the width ``match_distance``.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules; with a column ``z`` (nm), its drift is measured too.
    segment_frames : int
        Frames per segment, about.
    match_distance : float, optional
        How near molecules have to come to meet, px: the standard deviation of the Gaussian.
        Twice the median precision by default, 0.15 px where the table does not say.
    search_radius : float
        Largest displacement from one segment to the next, px.
    search_radius_z : float
        The same along the optical axis, nm.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Drift
        The curve (``dx``, ``dy`` in px, ``dz`` in nm in 3D).

    Raises
    ------
    ParameterError
        If there are too few frames or molecules, a column is missing or not finite, or a setting
        is out of range.
    """
    locs = as_locs(table)
    frame = frame_column(locs, "aim", least=2 * _LEAST)
    x, y = (v.astype(np.float64) for v in checked(locs, "aim", "x", "y"))
    match = _match_distance(locs) if match_distance is None else match_distance
    for name, value in (("match_distance", match), ("search_radius", search_radius)):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"aim: {name} must be more than 0 px, not {value}.")
    if not (np.isfinite(search_radius_z) and search_radius_z > 0):
        raise ParameterError(f"aim: search_radius_z must be more than 0 nm, not {search_radius_z}.")
    search = max(search_radius, 3 * match)
    frames = movie_length(locs, frame)
    segment, time = segments(frame, frames, segment_frames, _LEAST, "aim")
    # By y within a segment: near molecules are then near in memory too.
    keep, edge = _by_rows(segment, y, len(time), float(y.min()), match)
    segment, x, y = segment[keep], x[keep], y[keep]

    shift = _follow(x, y, edge, match, search)
    strength = np.zeros(len(time))
    for _ in range(_ROUNDS):
        near = min(search, 4 * match)
        change, strength = _compare(x, y, edge, shift, match, near, threads)
        shift += change
    shift -= shift.mean(axis=0)
    dz = None
    if "z" in locs:
        (z,) = checked(locs, "aim", "z")
        heights = _compare_z(
            x, y, z[keep].astype(np.float64), segment, edge, shift, match, search_radius_z, threads
        )
        dz = interpolate(time, heights, frames)
    weak = strength < 5
    notes = (
        (
            f"In {int(weak.sum())} of {len(weak)} segments hardly any molecules met again; choose "
            "more segment_frames.",
        )
        if weak.mean() > 0.1
        else ()
    )
    return Drift(
        interpolate(time, shift[:, 1], frames),
        interpolate(time, shift[:, 0], frames),
        dz,
        method="AIM",
        settings={
            "Segment frames": int(segment_frames),
            "Match distance (px)": float(match),
            "Search radius (px)": float(search),
        },
        time=time,
        notes=notes,
    )


def _match_distance(locs: Localizations) -> float:
    if "lpx" in locs:
        stated = locs["lpx"]
        stated = stated[np.isfinite(stated) & (stated > 0)]
        if len(stated):
            return float(np.clip(2 * np.median(stated), 0.02, 1.0))
    return 0.15


def _follow(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    edge: NDArray[np.int64],
    match: float,
    search: float,
) -> NDArray[np.float64]:
    """Follow the drift from segment to segment; the reference grows on the way."""
    grid = _Grid(y, x, match)
    reach = int(np.ceil(search / grid.bin))
    bins = grid.empty(reach)
    shift = np.zeros((len(edge) - 1, 2))
    for s in range(len(edge) - 1):
        part = slice(edge[s], edge[s + 1])
        sy, sx = shift[max(s - 1, 0)]
        if s > 0:
            seen = _displacements(bins, y[part], x[part], sy, sx, *grid.place, reach)
            dy, dx, strength = _mode(seen.astype(np.float64), match / grid.bin)
            if strength > _CLEAR:  # else it is where it was
                sy, sx = sy + dy * grid.bin, sx + dx * grid.bin
        shift[s] = sy, sx
        _add(bins, y[part], x[part], sy, sx, *grid.place, reach)
    return shift


def _compare(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    edge: NDArray[np.int64],
    shift: NDArray[np.float64],
    match: float,
    search: float,
    threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure what is left of each segment's drift against all others."""
    grid = _Grid(y, x, match)
    reach = int(np.ceil(search / grid.bin))
    bins = grid.empty(reach)
    parts = [slice(a, b) for a, b in itertools.pairwise(edge)]
    for s, part in enumerate(parts):
        _add(bins, y[part], x[part], *shift[s], *grid.place, reach)

    def one(s: int) -> tuple[float, float, float]:
        own = (y[parts[s]], x[parts[s]], *shift[s], *grid.place, reach)
        seen = _displacements(bins, *own) - _own(*own)
        dy, dx, strength = _mode(np.maximum(seen, 0).astype(np.float64), match / grid.bin)
        return dy * grid.bin, dx * grid.bin, strength

    found = np.array(each(one, range(len(parts)), threads))
    found[found[:, 2] <= _CLEAR, :2] = 0.0
    return found[:, :2], found[:, 2]


def _compare_z(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    segment: NDArray[np.int64],
    edge: NDArray[np.int64],
    shift: NDArray[np.float64],
    match: float,
    reach: float,
    threads: int | None,
) -> NDArray[np.float64]:
    """Measure the drift along the optical axis once that in x and y is known, nm."""
    y, x = y - shift[segment, 0], x - shift[segment, 1]
    near = 2 * match
    top, left = float(y.min()), float(x.min())
    spans = float(y.max()) - top, float(x.max()) - left
    size = max(near, float(np.sqrt((spans[0] + 1) * (spans[1] + 1) / _MAX_CELLS)))
    cells = (top, left, size, int(spans[0] / size) + 1, int(spans[1] / size) + 1)
    order, start = _cells(y, x, *cells)
    ys, xs, of = y[order], x[order], segment[order]
    width = float(_FINE_Z)
    side = 2 * int(10 * width) + 1
    heights = np.zeros(len(edge) - 1)
    for _ in range(_ROUNDS + 1):
        moved = z - heights[segment]
        zs = moved[order]

        def one(s: int, moved: Any = moved, zs: Any = zs) -> float:
            part = slice(edge[s], edge[s + 1])
            own = (y[part], x[part], moved[part], s)
            seen = _heights(*own, ys, xs, zs, of, start, *cells, near, reach, side)
            return _mode_1d(seen, width) * 2 * reach / side

        heights += np.array(each(one, range(len(edge) - 1), threads))
        heights -= heights.mean()
    return heights
