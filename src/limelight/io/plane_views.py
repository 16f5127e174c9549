"""What is shown of a file with several axes: some of them at one place, the others as sliders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.io.axes import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.io.array import LazyImage
    from limelight.io.planes import PlaneSource

__all__ = ["AxesView", "View", "has_choices", "look", "time_of"]


@dataclass(frozen=True)
class AxesView:
    """What a person wants to see of a file.

    Parameters
    ----------
    time : str, optional
        Axis along which the frames of a movie follow each other.
    places : mapping of str to int
        Axes that stay at one place; the others become sliders.
    resolution : int
        Level of resolution, 0 is the finest.
    split : bool
        Whether every channel becomes an image of its own.
    """

    time: str | None = None
    places: Mapping[str, int] = field(default_factory=dict)
    resolution: int = 0
    split: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """One image of what is shown.

    Parameters
    ----------
    array : array (..., Y, X)
        Reads what a key asks for.
    axes, scale, units : tuple
        Of every axis, as in `limelight.io.LazyImage`.
    name : str
        Name of the file, and of the places that were chosen.
    places : dict
        Axes that stay at one place.
    labels : dict
        Names of the places on the axes that are shown, where they have names.
    """

    array: Any
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str
    places: dict[str, int]
    labels: dict[str, tuple[str, ...]]


def time_of(source: PlaneSource) -> str | None:
    """Return the axis that is taken as time where nobody says another one."""
    chosen = choose(source.path, source.axes, {}).time
    return None if chosen is None else source.axes[chosen].name


def has_choices(source: PlaneSource) -> bool:
    """Tell whether a file holds more than one movie."""
    time = time_of(source)
    longer = any(a.size > 1 and a.name != time for a in source.axes)
    return longer or len(source.resolutions) > 1 or time not in (None, "time")


def look(image: LazyImage, view: AxesView) -> list[View]:
    """Return what a person wants to see, one image or one per channel.

    Parameters
    ----------
    image : LazyImage
        The file along all its axes, at the resolution of the view.
    view : AxesView
        What is wanted.

    Raises
    ------
    ParameterError
        If there is no such axis or place.
    """
    channels = image.array.shape[image.axes.index("channel")] if "channel" in image.axes else 1
    each = [dict(view.places)]
    if view.split and channels > 1 and "channel" not in view.places:
        each = [{**view.places, "channel": k} for k in range(channels)]
    return [_at(image, places, view.time) for places in each]


def _at(image: LazyImage, places: dict[str, int], time: str | None) -> View:
    for name, place in places.items():
        size = image.array.shape[image.axes.index(name)] if name in image.axes else 0
        if not 0 <= place < size or name == time:
            raise ParameterError(f"{image.name}: there is no {name} {place} to be chosen.")
    key = tuple(places.get(a, slice(None)) for a in image.axes)
    kept = [k for k, a in enumerate(image.axes) if a not in places]
    words = [image.name]
    for name, place in places.items():
        labels = image.labels.get(name)
        words.append(labels[place] if labels else f"{name} {place}")
    return View(
        image.array[key],
        tuple(image.axes[k] for k in kept),
        tuple(image.scale[k] for k in kept),
        tuple(image.units[k] for k in kept),
        " ".join(words),
        places,
        {a: t for a, t in image.labels.items() if a not in places},
    )
