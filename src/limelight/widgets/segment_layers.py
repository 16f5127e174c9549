"""What a pipeline gives, as layers: the step that is looked at, and the objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.segment.pipes import Measurement, SegmentedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

    from limelight.segment.running import StepResult

__all__ = ["OBJECTS_KEY", "STEP_KEY", "SegmentLayers"]

STEP_KEY = "limelight_step"
OBJECTS_KEY = "limelight_objects"
_CONTOUR = 1


class SegmentLayers:
    """The layers of one pipeline dock.

    The results of the step that is looked at are shown, and taken away when another one is; the
    objects stay.  A person who wants to keep a step's layer renames or duplicates it in napari.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shown: dict[str, Layer] = {}
        self._objects: dict[str, Labels] = {}

    def placement(self, layer: Layer | None, ndim: int = 2) -> dict[str, Any]:
        """Return scale, place and units for what was computed from a layer's plane or stack."""
        if layer is None or layer.ndim < ndim:
            return {}
        axes = list(range(layer.ndim))[-2:]
        if ndim == 3:
            names = [str(a).lower() for a in layer.axis_labels[:-2]]
            axes = [names.index("z") if "z" in names else layer.ndim - 3, *axes]
        return {
            "scale": [float(layer.scale[a]) for a in axes],
            "translate": [float(layer.translate[a]) for a in axes],
            "units": [layer.units[a] for a in axes],
            "axis_labels": [layer.axis_labels[a] for a in axes],
        }

    def show_step(self, result: StepResult | None, like: Layer | None) -> None:
        """Show what a step gave; what another one gave goes."""
        wanted: dict[str, Any] = {}
        if result is not None:
            for name, value in result.outputs.items():
                if isinstance(value, Measurement | SegmentedObjects):
                    continue  # objects have layers of their own, tables have none
                if np.asarray(value).ndim in (2, 3):
                    wanted[f"{result.step.name}: {name}"] = np.asarray(value)
        for name in [n for n in self._shown if n not in wanted]:
            layer = self._shown.pop(name)
            if layer in self._viewer.layers and layer.metadata.get(STEP_KEY) == layer.name:
                self._viewer.layers.remove(layer)
        for name, pixels in wanted.items():
            self._show(name, pixels, like)

    def _show(self, name: str, pixels: np.ndarray[Any, Any], like: Layer | None) -> None:
        mask = pixels.dtype == np.bool_ or pixels.dtype == np.int32
        old = self._shown.get(name)
        data = pixels.astype(np.int32) if pixels.dtype == np.bool_ else pixels
        if old is not None and old in self._viewer.layers and old.data.shape == data.shape:
            if old.data.dtype == data.dtype:
                old.data = data
                return
        if old is not None and old in self._viewer.layers:
            self._viewer.layers.remove(old)
        about = {"name": name, "metadata": {STEP_KEY: name}, **self.placement(like, data.ndim)}
        active = self._viewer.layers.selection.active
        if mask:
            layer: Layer = self._viewer.add_labels(data, opacity=0.8, **about)
            layer.contour = _CONTOUR
        else:
            layer = self._viewer.add_image(data, colormap="gray", **about)
            # Under the objects, so that these stay in sight.
            if like in self._viewer.layers:
                self._viewer.layers.move(
                    self._viewer.layers.index(layer), self._viewer.layers.index(like) + 1
                )
        self._shown[name] = layer
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def show_objects(self, objects: Mapping[str, SegmentedObjects], like: Layer | None) -> None:
        """Show objects with their features; those that are gone go."""
        for name in [n for n in self._objects if n not in objects]:
            layer = self._objects.pop(name)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        for name, found in objects.items():
            if found.labels.ndim not in (2, 3):
                continue
            features = found.features.reset_index(names="index")  # napari's name for the label
            layer = self._objects.get(name)
            if layer is not None and layer.data.ndim != found.labels.ndim:
                if layer in self._viewer.layers:  # a plane before, a stack now
                    self._viewer.layers.remove(layer)
                layer = None
            if layer is None or layer not in self._viewer.layers:
                place = self.placement(like, found.labels.ndim)
                layer = self._viewer.add_labels(found.labels.copy(), name=name, **place)
                layer.contour = _CONTOUR
                self._objects[name] = layer
            else:
                layer.data = found.labels.copy()
            layer.features = features
            layer.metadata[OBJECTS_KEY] = found

    def corrected(self) -> dict[str, SegmentedObjects]:
        """Return the objects whose labels were changed by hand."""
        changed = {}
        for name, layer in self._objects.items():
            found = layer.metadata.get(OBJECTS_KEY)
            if layer not in self._viewer.layers or found is None:
                continue
            if found.labels.shape == layer.data.shape and not np.array_equal(
                found.labels, layer.data
            ):
                changed[name] = SegmentedObjects(np.asarray(layer.data).astype(np.int32), name)
        return changed
