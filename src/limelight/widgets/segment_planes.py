"""The images of a pipeline's channels: the planes of layers that are in view."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.widgets.layers import steps_in_view

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from limelight.segment import Cache

__all__ = ["PlanesInView"]

_KEPT = 6


class PlanesInView:
    """Planes of layers; the same array as long as it is the same plane, so that results are kept.

    Parameters
    ----------
    viewer : Viewer
        Where the layers are.
    cache : Cache
        Told when a plane is kept no more.
    """

    def __init__(self, viewer: ViewerModel, cache: Cache) -> None:
        self._viewer, self._cache = viewer, cache
        self._planes: OrderedDict[tuple[Any, ...], NDArray[Any]] = OrderedDict()

    def plane(self, layer: Layer, whole_stack: bool = False) -> NDArray[Any]:
        """Return the plane in view of a layer, or its z stack.

        Parameters
        ----------
        layer : Layer
            An image; of one with several resolutions the finest.
        whole_stack : bool
            Whether all planes along z are wanted.
        """
        steps: tuple[Any, ...] = tuple(steps_in_view(layer, self._viewer))
        if whole_stack and steps:
            labels = [str(a).lower() for a in layer.axis_labels[:-2]]
            z = labels.index("z") if "z" in labels else len(steps) - 1
            steps = (*steps[:z], None, *steps[z + 1 :])
        data = layer.data[0] if layer.multiscale else layer.data
        key = (id(layer), id(layer.data), steps)
        plane = self._planes.get(key)
        if plane is None:
            index = tuple(slice(None) if s is None else s for s in steps)
            plane = np.asarray(data[index] if index else data)
            self._planes[key] = plane
            while len(self._planes) > _KEPT:
                _, old = self._planes.popitem(last=False)
                self._cache.forget(old)
        return plane
