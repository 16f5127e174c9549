"""Layers of a file that holds more than one movie: what the person chose to see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.io.plane_views import AxesView, has_choices, look, time_of
from limelight.widgets import reader

if TYPE_CHECKING:
    from pathlib import Path

    from limelight.io.array import LazyImage

__all__ = ["axes_layers"]

LayerData = tuple[Any, ...]
_COLOURS = ("green", "magenta", "cyan", "yellow", "red", "blue")


def axes_layers(file: Path) -> list[LayerData]:
    """Return the layers of a file along all its axes; asks what to show where it can.

    Without a window all axes become sliders, at the finest resolution.

    Parameters
    ----------
    file : path
        The file or folder.
    """
    from limelight.io.array import open_array

    image = open_array(file)
    source = image.source
    view: AxesView | None = AxesView(None if source is None else time_of(source))
    try:
        if source is not None and has_choices(source) and reader.can_ask():
            from limelight.widgets.axes_dialog import ask_axes

            view = ask_axes(source)
        if view is None:
            image.close()
            return [(None,)]
        if view.resolution:
            image.close()
            image = open_array(file, resolution=view.resolution)
        return planes_layers(image, view)
    except BaseException:
        image.close()
        raise


def planes_layers(image: LazyImage, view: AxesView) -> list[LayerData]:
    """Return what a person wants to see as data of image layers.

    There is a slider for every axis that is not at one place.  A movie of such a layer runs along
    the axis that was chosen as time, at the places of the other sliders: `layers.movie_of` finds
    what it needs in the metadata, under ``planes``, ``places`` and ``time_axis``.  Names of
    channels and positions are under ``labels``.
    """
    from limelight.io.planes import movie_at

    shown = look(image, view)
    layers: list[LayerData] = []
    for k, each in enumerate(shown):
        place: dict[str, Any] = {"axis_labels": (*each.axes,), "scale": each.scale}
        place |= {"units": each.units, "name": each.name}
        if len(shown) > 1:
            place["colormap"] = _COLOURS[k % len(_COLOURS)]
            place["blending"] = "additive" if k else "translucent_no_depth"
        movie = None
        if image.source is not None:
            movie = movie_at(image.source, view.time, each.places)
        if movie is not None and each.axes[:-2] == (view.time,):
            data, arguments, kind = reader.movie_layer(movie)
            layers.append((data, {**arguments, **place}, kind))
            continue
        metadata: dict[str, Any] = {**image.metadata, "labels": each.labels}
        if movie is not None:
            metadata |= {"planes": image.source, "places": each.places, "time_axis": view.time}
            place["contrast_limits"] = reader.contrast_of(movie)
        if each.units[-1] != "um":
            metadata["note"] = "The file does not tell the pixel size: the layer is in pixels."
        about = {**place, "metadata": metadata, "rgb": False, "multiscale": False}
        layers.append((each.array, about, "image"))
    return layers
