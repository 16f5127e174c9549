"""Regions that a person drew: napari's shapes as regions in camera pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError
from limelight.core.locs.regions import CircleRegion, PolygonRegion, RectangleRegion

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from limelight.core.locs.regions import Region
    from limelight.widgets.layers import Placement

__all__ = ["is_shapes", "regions_of"]

_CORNERS = 72  # of an ellipse
_ROUND = 0.02  # by which the axes of a circle may differ


def is_shapes(layer: Any) -> bool:
    """Whether a layer holds shapes."""
    return type(layer).__name__ == "Shapes"


def regions_of(layer: Layer, placement: Placement) -> tuple[list[Region], int]:
    """Return the regions of a layer of shapes.

    Parameters
    ----------
    layer : Shapes
        Ellipses, rectangles and polygons; an ellipse that is no circle becomes a polygon.
    placement : Placement
        Where the camera's pixels lie.

    Returns
    -------
    regions : list of Region
        In camera pixels.
    ignored : int
        Shapes that enclose nothing, such as lines.
    """
    regions: list[Region] = []
    ignored = 0
    for data, kind in zip(layer.data, layer.shape_type, strict=True):
        corners = _in_pixels(np.asarray(data, float), layer, placement)
        try:
            region = _region(corners, str(kind))
        except LimelightError:  # such as one without an extent
            region = None
        if region is None:
            ignored += 1
        else:
            regions.append(region)
    return regions, ignored


def _in_pixels(
    data: NDArray[np.float64], layer: Layer, placement: Placement
) -> NDArray[np.float64]:
    """Return corners as (x, y) in camera pixels."""
    world = np.array([layer.data_to_world(point)[-2:] for point in data])
    yx = (world - np.array(placement.translate)) / np.array(placement.scale)
    xy: NDArray[np.float64] = yx[:, ::-1].astype(np.float64)
    return xy


def _region(corners: NDArray[np.float64], kind: str) -> Region | None:
    if kind == "ellipse":
        centre = corners.mean(axis=0)
        along, across = 0.5 * (corners[1] - corners[0]), 0.5 * (corners[3] - corners[0])
        a, b = float(np.hypot(*along)), float(np.hypot(*across))
        if abs(a - b) <= _ROUND * max(a, b):
            return CircleRegion(float(centre[0]), float(centre[1]), 0.5 * (a + b))
        angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)[:, None]
        outline = centre + np.cos(angle) * along + np.sin(angle) * across
        return PolygonRegion(tuple((float(x), float(y)) for x, y in outline))
    if kind == "rectangle":
        start, end = 0.5 * (corners[0] + corners[3]), 0.5 * (corners[1] + corners[2])
        width = float(np.hypot(*(corners[3] - corners[0])))
        (x0, y0), (x1, y1) = start.tolist(), end.tolist()
        return RectangleRegion(x0, y0, x1, y1, width)
    if kind == "polygon":
        return PolygonRegion(tuple((float(x), float(y)) for x, y in corners))
    return None
