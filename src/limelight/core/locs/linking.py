"""Linking: the appearances of a molecule in successive frames become one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.locs._strips import strips
from limelight.core.locs._table import as_locs, checked, frame_column, movie_length
from limelight.core.pool import each

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.locs._table import Table

__all__ = ["link", "link_groups"]

_SUMMED = ("photons", "bg")
_DROPPED = ("frame", "x", "y", "z", "lpx", "lpy", "lpz", "len", "n", "photon_rate", "group")


@njit(nogil=True, cache=True)
def _link_kernel(  # type: ignore[no-untyped-def]
    order, frame, xs, ys, start, count, left, width, frames, grouped, group, distance, dark
):
    n = len(order)
    # Events start in the order of frames, and within a frame in the order of the table.
    row_of = np.empty(n, np.int32)
    for row in range(n):
        row_of[order[row]] = row
    turn = np.empty(n, np.int32)
    fill = start[::count].copy()
    for i in range(n):
        row = row_of[i]
        turn[fill[frame[row]]] = row
        fill[frame[row]] += 1
    found = np.full(n, np.int32(-1), np.int32)
    limit = distance * distance
    scale = 1.0 / width
    events = 0
    for t in range(n):
        row = turn[t]
        if found[row] >= 0:
            continue
        while row >= 0:
            found[row] = events
            x, y = xs[row], ys[row]
            low = min(max(int((x - distance - left) * scale), 0), count - 1)
            high = min(max(int((x + distance - left) * scale), 0), count - 1) + 1
            next_frame = frame[row] + 1
            own = group[order[row]] if grouped else group[0]
            row = -1
            for f in range(next_frame, min(next_frame + dark + 1, frames)):
                for k in range(start[f * count + low], start[f * count + high]):
                    dx, dy = xs[k] - x, ys[k] - y
                    if dx * dx + dy * dy <= limit and found[k] < 0:
                        if grouped and group[order[k]] != own:
                            continue
                        if row < 0 or order[k] < order[row]:
                            row = k
                if row >= 0:
                    break
        events += 1
    event = np.empty(n, np.int32)
    for row in range(n):
        event[order[row]] = found[row]
    return event, events


@njit(nogil=True, cache=True)
def _sums(event, events, values):  # type: ignore[no-untyped-def]
    total = np.zeros(events, np.float64)
    for i in range(len(event)):
        total[event[i]] += values[i]
    return total


@njit(nogil=True, cache=True)
def _weighted(event, events, values, precision):  # type: ignore[no-untyped-def]
    """Return sums of value / precision^2 and of 1 / precision^2."""
    total, weight = np.zeros(events, np.float64), np.zeros(events, np.float64)
    for i in range(len(event)):
        w = 1.0 / (np.float64(precision[i]) * np.float64(precision[i]))
        total[event[i]] += w * values[i]
        weight[event[i]] += w
    return total, weight


@njit(nogil=True, cache=True)
def _spans(event, events, frame):  # type: ignore[no-untyped-def]
    first = np.full(events, np.iinfo(np.int64).max, np.int64)
    last = np.full(events, -1, np.int64)
    count = np.zeros(events, np.int64)
    member = np.zeros(events, np.int64)
    for i in range(len(event)):
        e = event[i]
        count[e] += 1
        first[e] = min(first[e], frame[i])
        if frame[i] > last[e]:
            last[e] = frame[i]
            member[e] = i
    return first, last, count, member


def link_groups(
    frame: NDArray[np.int64],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    max_distance: float = 0.5,
    dark_frames: int = 3,
    group: NDArray[Any] | None = None,
) -> NDArray[np.int32]:
    """Tell which localizations are the same molecule in successive frames.

    Starting from the earliest localization, an event goes on with the first localization (in the
    order of frames, then of the table) that is not yet part of an event, at most
    ``max_distance`` from the last one and at most ``dark_frames`` frames without it later.

    Parameters
    ----------
    frame : 1D array of int64 (N,)
        Frames, in any order.
    x, y : 1D array (N,)
        Positions, px, finite.
    max_distance : float
        Largest distance from one appearance to the next, px, > 0.
    dark_frames : int
        Largest number of frames without it between two appearances, >= 0.
    group : 1D array (N,), optional
        Only localizations of the same group are linked.

    Returns
    -------
    1D array of int32 (N,)
        Index of each localization's event, from 0, in the order of the events' first appearance.

    Raises
    ------
    ParameterError
        If the distance or the number of dark frames is out of range.
    """
    if not (np.isfinite(max_distance) and max_distance > 0):
        raise ParameterError(f"link: max_distance must be more than 0 px, not {max_distance}.")
    if dark_frames < 0:
        raise ParameterError(f"link: dark_frames must be at least 0, not {dark_frames}.")
    if len(frame) == 0:
        return np.empty(0, np.int32)
    s = strips(frame, x, y)
    event, _ = _link_kernel(
        s.order,
        s.frame,
        s.x,
        s.y,
        s.start,
        s.count,
        s.left,
        s.width,
        s.frames,
        group is not None,
        np.zeros(1, np.int64) if group is None else _as_whole(group),
        float(max_distance),
        min(int(dark_frames), s.frames),
    )
    result: NDArray[np.int32] = event
    return result


def _as_whole(group: NDArray[Any]) -> NDArray[np.int64]:
    """Return groups as whole numbers, whatever they are called."""
    if group.dtype.kind in "ui":
        return group.astype(np.int64)
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def link(
    table: Table,
    max_distance: float = 0.5,
    dark_frames: int = 3,
    remove_cut: bool = True,
    *,
    threads: int | None = None,
) -> Localizations:
    """Link the appearances of a molecule in successive frames into events.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules, in any order.  With a column ``group``, only those of the same group are
        linked.
    max_distance : float
        Largest distance from one appearance to the next, px, > 0.
    dark_frames : int
        Largest number of frames without it between two appearances, >= 0.
    remove_cut : bool
        Leave out events that include the movie's first or last frame, since nobody knows how
        long they really were.
    threads : int, optional
        Threads for averaging the columns; the result does not depend on it.

    Returns
    -------
    Localizations
        A row per event, in the order of first appearance: ``frame`` (the first), ``x``, ``y``,
        ``z`` (means, weighted by 1 / precision^2), ``photons`` and ``bg`` (sums), ``lpx``,
        ``lpy``, ``lpz`` (precision of the weighted mean), ``len`` (frames from the first to the
        last, both included), ``n`` (localizations), ``photon_rate`` (photons per localization),
        ``group`` if there was one, and the mean of every other column.

    Raises
    ------
    ParameterError
        If a column is missing or not finite, or a setting is out of range.

    Notes
    -----
    Columns are those of Picasso's linked files (Schnitzbauer et al. 2017).  Sums are accumulated
    in double precision.
    """
    locs = as_locs(table)
    step = {
        "Generated by": "Limelight Link",
        "Max. distance (px)": float(max_distance),
        "Dark frames": int(dark_frames),
        "Cut events removed": bool(remove_cut),
    }
    frame = frame_column(locs, "link", least=0)
    x, y = checked(locs, "link", "x", "y", least=0)
    group = locs["group"] if "group" in locs else None
    event = link_groups(frame, x, y, max_distance, dark_frames, group)
    events = int(event.max()) + 1 if len(event) else 0
    first, last, n, member = _spans(event, events, frame)

    jobs: dict[str, Callable[[], dict[str, NDArray[Any]]]] = {}
    for axis in ("x", "y", "z"):
        if axis in locs:
            jobs[axis] = _position(locs, axis, event, events, n)
    for name in locs.columns:
        if name not in _DROPPED and locs[name].dtype.kind in "uifb":
            jobs[name] = _plain(locs[name], name, event, events, n)
    columns: dict[str, NDArray[Any]] = {"frame": first.astype(np.uint32)}
    for found in each(lambda job: job(), jobs.values(), threads):
        columns.update(found)
    columns = {name: columns[name] for name in _in_order(columns, locs.columns)}
    if group is not None:
        columns["group"] = group[member]
    columns["len"] = (last - first + 1).astype(np.uint32)
    columns["n"] = n.astype(np.uint32)
    if "photons" in columns:
        columns["photon_rate"] = columns["photons"] / np.maximum(columns["n"], 1).astype(np.float32)
    linked = pd.DataFrame(columns, copy=False)
    if remove_cut:
        linked = linked[(first > 0) & (last < movie_length(locs, frame) - 1)].reset_index(drop=True)
    return locs.with_table(linked, step)


def _in_order(columns: dict[str, Any], before: list[str]) -> list[str]:
    """Return the names of the columns in the order of the table that they came from."""
    return list(dict.fromkeys(["frame", *(c for c in before if c in columns), *columns]))


def _position(
    locs: Localizations, axis: str, event: NDArray[np.int32], events: int, n: NDArray[np.int64]
) -> Callable[[], dict[str, NDArray[Any]]]:
    """Average positions by their precision, where the table has it."""
    precision = f"lp{axis}"

    def job() -> dict[str, NDArray[Any]]:
        (values,) = checked(locs, "link", axis, least=0)
        if precision not in locs:
            return {axis: (_sums(event, events, values) / n).astype(np.float32)}
        (errors,) = checked(locs, "link", precision, least=0)
        if len(errors) and errors.min() <= 0:
            raise ParameterError(
                f"link: the column {precision!r} must be more than 0; it holds {errors.min()}. "
                "Remove these rows with a filter on that column."
            )
        total, weight = _weighted(event, events, values, errors)
        return {
            axis: (total / weight).astype(np.float32),
            precision: np.sqrt(1.0 / weight).astype(np.float32),
        }

    return job


def _plain(
    values: NDArray[Any], name: str, event: NDArray[np.int32], events: int, n: NDArray[np.int64]
) -> Callable[[], dict[str, NDArray[Any]]]:
    """Sum what adds up, average the rest; NaN stays NaN."""

    def job() -> dict[str, NDArray[Any]]:
        total = _sums(event, events, values)
        return {name: (total if name in _SUMMED else total / n).astype(np.float32)}

    return job
