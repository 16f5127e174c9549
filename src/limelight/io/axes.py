"""Axes beside y and x, and the choice of one movie among those that a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from limelight.core.errors import FileError, ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Axis", "Choice", "choose"]

_SHOWN = 6
_WORDS = {"time": "time point", "z": "plane"}
_NEVER_TIME = ("channel", "position")


@dataclass(frozen=True)
class Axis:
    """One axis of the planes in a file.

    Parameters
    ----------
    name : str
        ``time``, ``z``, ``channel``, ``position`` or what the file calls it.
    size : int
        Number of places on it.
    labels : tuple of str
        Names of the places, such as those of channels; empty where they only have numbers.
    step : float
        Distance of two places, in `unit`.
    unit : str
        ``um``, ``s`` or empty: places are counted.
    """

    name: str
    size: int
    labels: tuple[str, ...] = ()
    step: float = 1.0
    unit: str = ""

    def __post_init__(self) -> None:
        # A damaged file says anything, and no picture can be drawn with it.
        if not 1e-12 <= self.step <= 1e12:
            object.__setattr__(self, "step", 1.0)
            object.__setattr__(self, "unit", "")

    @property
    def choices(self) -> tuple[str, ...]:
        """What a person can choose from."""
        return self.labels or tuple(str(k) for k in range(self.size))


@dataclass(frozen=True)
class Choice:
    """One movie among those that a file holds.

    Parameters
    ----------
    time : int or None
        Which axis is taken as time; None: the movie is one frame.
    place : tuple of int
        The place on every axis (0 on the one that is time).
    warning : str
        What was taken without having been asked for; empty if nothing was.
    """

    time: int | None
    place: tuple[int, ...]
    warning: str = ""


def _listed(axis: Axis) -> str:
    if not axis.labels:
        return f"0 to {axis.size - 1}"
    more = ", ..." if axis.size > _SHOWN else ""
    return ", ".join(axis.labels[:_SHOWN]) + more


def _place(path: Path, axis: Axis, wanted: int | str) -> int:
    """Return the index of a place on an axis."""
    if isinstance(wanted, str):
        if wanted in axis.labels:
            return axis.labels.index(wanted)
        if not wanted.isdecimal():
            hint = suggest(wanted, axis.labels) if axis.labels else f"Choose {_listed(axis)}."
            raise ParameterError(f"{path.name}: there is no {axis.name} {wanted!r}. {hint}")
        wanted = int(wanted)
    if isinstance(wanted, bool) or not 0 <= int(wanted) < axis.size:
        raise ParameterError(
            f"{path.name}: there is no {axis.name} {wanted}. Choose one of 0 to {axis.size - 1}"
            + (f" ({_listed(axis)})." if axis.labels else ".")
        )
    return int(wanted)


def _time(path: Path, axes: Sequence[Axis], wanted: str | None) -> tuple[int | None, str]:
    """Return which axis is time, and what is to be said of it."""
    names = [a.name for a in axes]
    if wanted is not None:
        if wanted not in names:
            raise ParameterError(
                f"{path.name}: there is no axis {wanted!r} to be taken as time. "
                f"{suggest(wanted, names)}"
            )
        return names.index(wanted), ""
    if "time" in names and axes[names.index("time")].size > 1:
        return names.index("time"), ""
    longer = [k for k, a in enumerate(axes) if a.size > 1 and a.name not in _NEVER_TIME]
    if not longer:
        return (names.index("time") if "time" in names else None), ""
    best = max(longer, key=lambda k: (axes[k].name == "z", axes[k].size))
    axis = axes[best]
    return (
        best,
        f"it has no time points, so that its {axis.size} {_word(axis)}s are taken as frames",
    )


def _word(axis: Axis) -> str:
    return _WORDS.get(axis.name, axis.name)


def choose(
    path: Path,
    axes: Sequence[Axis],
    wanted: Mapping[str, int | str | None],
    time_axis: str | None = None,
) -> Choice:
    """Choose one movie among those that a file holds.

    Parameters
    ----------
    path : path
        The file, for messages.
    axes : sequence of Axis
        All axes but y and x.
    wanted : mapping
        Place on the axes that were chosen: a number from 0 or a label; None: not chosen.
    time_axis : str, optional
        Axis to be taken as time.

    Returns
    -------
    Choice
        Axes that were not chosen are at their first place; its ``warning`` says so.

    Raises
    ------
    ParameterError
        If there is no such axis or place.
    """
    names = [a.name for a in axes]
    if len(set(names)) < len(names):
        raise FileError(path, "two of its axes have the same name.", "Save it again.")
    for name, value in wanted.items():
        if value not in (None, 0, "0") and name not in names:
            raise ParameterError(
                f"{path.name}: it has no axis {name!r} to choose {value!r} on. "
                + suggest(name, names)
            )
    time, said = _time(path, axes, time_axis)
    place: list[int] = []
    left: list[str] = []
    taken: list[str] = []
    for k, axis in enumerate(axes):
        value = wanted.get(axis.name)
        if k == time:
            if value is not None:
                raise ParameterError(
                    f"{path.name}: {axis.name} is taken as time, so that no place on it can be "
                    "chosen. Choose another time_axis, or leave it out."
                )
            place.append(0)
        elif value is not None:
            place.append(_place(path, axis, value))
        else:
            place.append(0)
            if axis.size > 1:
                left.append(f"{axis.size} {_word(axis)}s ({_listed(axis)})")
                taken.append(f"{_word(axis)} {axis.choices[0]}")
    if taken:
        besides = ""
        if time is not None and axes[time].size > 1 and not said:
            besides = f"besides its {axes[time].size} {_word(axes[time])}s "
        which = next(
            a.name
            for k, a in enumerate(axes)
            if a.size > 1 and k != time and not wanted.get(a.name)
        )
        how = f"open_movie(path, {which}=...)" if which in wanted else f"time_axis={which!r}"
        said += (
            f"{'; ' if said else ''}{besides}it has {' and '.join(left)}; the movie is that of "
            f"{' and '.join(taken)}. {how} opens another one"
        )
    return Choice(time, tuple(place), said and said + ".")
