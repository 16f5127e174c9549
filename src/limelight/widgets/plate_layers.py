"""Layers of a plate: its wells beside each other, with objects and their features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.io.plate_view import view_plate

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["plate_layers"]

LayerData = tuple[Any, ...]
_MOST_SITES = 2000


def plate_layers(path: Path) -> list[LayerData]:
    """Return a plate, or an image with objects, as the data of layers.

    Raises
    ------
    FileError
        If it is damaged.
    """
    view = view_plate(path)
    axes: dict[str, Any] = {
        "scale": view.scale,
        "units": tuple(view.unit if a in "yx" or view.unit == "um" else "pixel" for a in view.axes),
        "axis_labels": tuple(view.axes),
    }
    many = len(view.channels) > 1
    layers: list[LayerData] = []
    for channel in view.channels:
        arguments = {
            **axes,
            "name": f"{view.name} {channel.name}",
            "multiscale": len(channel.levels) > 1,
            "contrast_limits": channel.limits,
            "colormap": channel.colour if many else "gray",
            "blending": "additive" if many else "translucent_no_depth",
        }
        layers.append((_data(channel.levels), arguments, "image"))
    for name, levels in view.labels.items():
        arguments = {
            **axes,
            "name": name,
            "multiscale": len(levels) > 1,
            "features": view.features[name],
        }
        layers.append((_data(levels), arguments, "labels"))
    for title, table, colour in (
        ("Wells", view.wells, "#8899aa"),
        ("Sites", view.sites, "#667788"),
    ):
        if 0 < len(table) <= _MOST_SITES:
            layers.append(_outlines(title, table, colour, view.scale[-2:], axes))
    return layers


def _data(levels: tuple[Any, ...]) -> Any:
    # One level is small: napari can then paint on its labels.
    return list(levels) if len(levels) > 1 else np.asarray(levels[0])


def _outlines(
    title: str, table: pd.DataFrame, colour: str, scale: tuple[float, ...], axes: dict[str, Any]
) -> LayerData:
    corners: list[NDArray[Any]] = []
    frames = table[["y", "x", "height", "width"]].to_numpy(np.float64)
    for y, x, height, width in frames - (0.5, 0.5, 0, 0):
        ends = y + height, x + width
        corners.append(np.array([(y, x), (y, ends[1]), ends, (ends[0], x)]))
    wide = float(np.median(table["width"]))
    arguments = {
        "name": title,
        "shape_type": "rectangle",
        "scale": scale,
        "units": axes["units"][-2:],
        "axis_labels": axes["axis_labels"][-2:],
        "face_color": "transparent",
        "edge_color": colour,
        "edge_width": wide / 400,
        "features": table[["name"]],
        "text": {"string": "{name}", "color": "white", "size": 10, "anchor": "upper_left"},
        "visible": title == "Wells",
    }
    return corners, arguments, "shapes"
