"""Multi-dimensional acquisitions: events for time points, positions, channels and planes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limelight.acquire.events import EventDict

__all__ = ["multi_d_acquisition_events"]


def multi_d_acquisition_events(
    num_time_points: int | None = None,
    time_interval_s: float | Sequence[float] = 0,
    z_start: float | None = None,
    z_end: float | None = None,
    z_step: float | None = None,
    channel_group: str | None = None,
    channels: Sequence[str] | None = None,
    channel_exposures_ms: Sequence[float] | None = None,
    xy_positions: Any = None,
    xyz_positions: Any = None,
    position_labels: Sequence[str | int] | None = None,
    order: str = "tpcz",
    keep_shutter_open_between_channels: bool = False,
    keep_shutter_open_between_z_steps: bool = False,
    z_positions: Any = None,
) -> list[EventDict]:
    """Make the events of a multi-dimensional acquisition.

    Parameters
    ----------
    num_time_points : int, optional
        Number of time points.
    time_interval_s : float or sequence of float
        Least time from one time point to the next, seconds; 0 for as fast as possible.  A
        sequence gives the delay before each time point, the first included.
    z_start, z_end, z_step : float, optional
        Stack in z, micrometres, both ends included.  It is relative to the z of the position
        where ``xyz_positions`` is given.
    channel_group : str, optional
        Group of the configuration that holds the channels.
    channels : sequence of str, optional
        Presets of that group.
    channel_exposures_ms : sequence of float, optional
        Exposure for each channel, milliseconds.
    xy_positions : array (N, 2), optional
        Stage positions, micrometres.
    xyz_positions : array (N, 3), optional
        Stage positions with z, instead.
    position_labels : sequence, optional
        Name of each position; otherwise they are counted from 0.
    order : str
        The letters t, p, c, z from the slowest axis to the fastest.  Without its letter, an axis
        is left out.
    keep_shutter_open_between_channels, keep_shutter_open_between_z_steps : bool
        Leave the shutter open from an image to the next where only the channel changes, or only
        z; it closes after the last of them.
    z_positions : array (N,) or (N, n_z), optional
        With ``xy_positions``: the z of each position, which a stack is relative to, or all of its
        heights, micrometres.

    Returns
    -------
    list of dict
        The events.

    Raises
    ------
    ParameterError
        If arguments contradict each other.
    """
    order = order.lower()
    if set(order) - set("tpcz") or len(set(order)) != len(order):
        raise ParameterError(f"order: each of the letters t, p, c, z at most once, not {order!r}.")
    if "p" in order and "z" in order and order.index("p") > order.index("z"):
        raise ParameterError(
            f"order: {order!r} puts z before p; a stack belongs to a position, so p must be first."
        )
    times = _times(num_time_points, time_interval_s)
    positions, heights = _positions(xy_positions, xyz_positions, z_positions)
    labels = _labels(position_labels, positions)
    stack = _stack(z_start, z_end, z_step)
    presets = _channels(channel_group, channels, channel_exposures_ms)

    steps: dict[str, list[EventDict]] = {"t": times, "c": presets}
    if positions is not None:
        steps["p"] = [
            {"axes": {"position": label}, "x": x, "y": y, "_height": height}
            for label, (x, y), height in zip(labels, positions, heights, strict=True)
        ]
    planes = {len(h) for h in heights if isinstance(h, list)}
    if planes:
        if stack is not None:
            raise ParameterError(
                "z_positions gives all heights of each position: leave out z_start, z_end, z_step."
            )
        steps["z"] = [{"axes": {"z": i}, "z": float(i)} for i in range(planes.pop())]
    elif stack is not None or any(h is not None for h in heights):
        offsets = [0.0] if stack is None else stack
        steps["z"] = [{"axes": {"z": i}, "z": offset} for i, offset in enumerate(offsets)]

    events: list[EventDict] = [{"axes": {}}]
    for letter in order:
        if choices := steps.get(letter):
            events = [
                {**event, **choice, "axes": {**event["axes"], **choice["axes"]}}
                for event in events
                for choice in choices
            ]
    for event in events:
        height = event.pop("_height", None)
        if height is not None and "z" in event:
            plane = event["z"]
            event["z"] = height[int(plane)] if isinstance(height, list) else height + plane
        if "config_group" in event:
            event["config_group"] = list(event["config_group"])  # a hook may change it
    kept = {"channel"} if keep_shutter_open_between_channels else set()
    kept |= {"z"} if keep_shutter_open_between_z_steps else set()
    for event, after in pairwise(events) if kept else ():
        changed = {axis for axis, place in event["axes"].items() if after["axes"][axis] != place}
        # Where the fastest axis begins again, the other one of both changes too.
        if changed <= kept:
            event["keep_shutter_open"] = True
    return events


def _times(count: int | None, interval: float | Sequence[float]) -> list[EventDict]:
    if count is None or count <= 0:
        return []
    if np.ndim(interval) == 1:
        starts = np.cumsum(np.asarray(interval, float)).tolist()
        if len(starts) != count:
            raise ParameterError(
                f"time_interval_s has {len(starts)} values for {count} time points; "
                "give one for each."
            )
        return [{"axes": {"time": i}, "min_start_time": t} for i, t in enumerate(starts)]
    step = float(interval)  # type: ignore[arg-type]
    if step < 0:
        raise ParameterError(f"time_interval_s must be 0 or more, not {step}.")
    if step == 0:
        return [{"axes": {"time": i}} for i in range(count)]
    return [{"axes": {"time": i}, "min_start_time": i * step} for i in range(count)]


def _positions(
    xy: Any, xyz: Any, z: Any
) -> tuple[list[tuple[float, float]] | None, list[float | list[float] | None]]:
    """Return the positions, and for each its z, or the heights of its stack."""
    if z is not None and xy is None:
        raise ParameterError("z_positions belong to xy_positions: give these, too.")
    if xy is not None and xyz is not None:
        raise ParameterError("Give xy_positions or xyz_positions, not both.")
    if xy is None and xyz is None:
        return None, []
    name, width, given = ("xy", 2, xy) if xyz is None else ("xyz", 3, xyz)
    array = np.asarray(given, float)
    if array.ndim != 2 or array.shape[1] != width:
        raise ParameterError(
            f"{name}_positions must be an array of shape (N, {width}), not {array.shape}."
        )
    rows = array.tolist()
    heights: list[float | list[float] | None] = [
        row[2] if xyz is not None else None for row in rows
    ]
    if z is not None:
        given_z = np.asarray(z, float)
        if given_z.ndim not in (1, 2) or len(given_z) != len(rows) or not given_z.size:
            raise ParameterError(
                f"z_positions must have a row for each of the {len(rows)} positions, not the shape "
                f"{given_z.shape}."
            )
        heights = given_z.tolist()
    return [(row[0], row[1]) for row in rows], heights


def _labels(
    labels: Sequence[str | int] | None, positions: list[tuple[float, float]] | None
) -> list[str | int]:
    count = len(positions or ())
    if labels is None:
        return list(range(count))
    if len(labels) != count:
        raise ParameterError(f"{len(labels)} position_labels do not fit {count} positions.")
    if len(set(labels)) != count:
        raise ParameterError("position_labels must differ from each other.")
    return list(labels)


def _stack(start: float | None, end: float | None, step: float | None) -> list[float] | None:
    if start is None and end is None and step is None:
        return None
    if start is None or end is None or step is None:
        raise ParameterError("z_start, z_end and z_step must be given together.")
    if step == 0:
        raise ParameterError("z_step must not be 0.")
    # Steps are counted, not summed: arange(0, 0.3 + 0.1, 0.1) has one plane too many.
    count = int(np.floor((end - start) / step + 1e-6)) + 1
    if count < 1:
        raise ParameterError(
            f"z_step {step} does not lead from z_start {start} to z_end {end}: change its sign."
        )
    return [start + i * step for i in range(count)]


def _channels(
    group: str | None, channels: Sequence[str] | None, exposures: Sequence[float] | None
) -> list[EventDict]:
    if not channels:
        return []
    if isinstance(channels, str):
        raise ParameterError(f"channels must be a list of names, such as [{channels!r}].")
    if group is None:
        raise ParameterError("channels need channel_group: the group that holds these presets.")
    if exposures is not None and len(exposures) != len(channels):
        raise ParameterError(
            f"{len(exposures)} channel_exposures_ms do not fit {len(channels)} channels."
        )
    events = [{"axes": {"channel": c}, "config_group": [group, c]} for c in channels]
    if exposures is not None:
        for event, exposure in zip(events, exposures, strict=True):
            event["exposure"] = exposure  # type: ignore[assignment]
    return events
