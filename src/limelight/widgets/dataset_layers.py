"""The layers of a data set that may still grow: one per channel, axes named, sizes in µm."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.live import contrast_of
from limelight.core.errors import LimelightError
from limelight.widgets.layers import DATASET_KEY, MOVIE_KEY

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from limelight.acquire import Acquisition, Dataset

__all__ = ["DatasetLayers"]

_COLOURS = ("green", "magenta", "cyan", "yellow", "red", "blue")
_HEIGHTS = ("ZPosition_um_Intended", "ZPositionUm")


class DatasetLayers:
    """Shows a data set, and what is added to it.

    Parameters
    ----------
    viewer : ViewerModel
        Where.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers: dict[str, Image] = {}
        self._count = 0

    @property
    def layers(self) -> list[Image]:
        """The layers that a person has not removed."""
        return [layer for layer in self._layers.values() if layer in self._viewer.layers]

    def set_visible(self, on: bool) -> None:
        """Show them, or not."""
        for layer in self.layers:
            if layer.visible != on:
                layer.visible = on

    def show(self, acquisition: Acquisition, visible: bool) -> None:
        """Show what there is now; waits for nothing.

        Parameters
        ----------
        acquisition : Acquisition
            Whose data set.
        visible : bool
            Whether new layers are visible.
        """
        dataset = _dataset_of(acquisition)
        if dataset is None:
            return
        count = len(dataset)  # of now: it grows meanwhile
        if count == self._count:
            return
        axes = dataset.axes
        names = [n for n, values in axes.items() if n == "time" or len(values) > 1]
        channels = [str(v) for v in axes.get("channel", ())]
        if len(channels) > 1:
            names.remove("channel")
        else:
            channels = [""]
        try:
            for channel in channels:
                fixed = {"channel": channel} if channel else {}
                array = dataset.as_array(names, **fixed)
                self._show(acquisition, dataset, names, channel, channels, array, visible)
        except (LimelightError, OSError):
            return  # still being written: it is looked at again
        self._count = count

    def _show(
        self,
        acquisition: Acquisition,
        dataset: Dataset,
        names: list[str],
        channel: str,
        channels: list[str],
        array: Any,
        visible: bool,
    ) -> None:
        layer = self._layers.get(channel)
        if layer is not None and layer in self._viewer.layers:
            if layer.data.ndim == array.ndim:
                if layer.data.shape != array.shape:
                    layer.data = array
                    # A layer that is not visible does not tell that it has grown; this does.
                    layer.scale = layer.scale
                return
            self._viewer.layers.remove(layer)
        elif layer is not None:
            return  # a person removed it
        first = np.asarray(array[(0,) * len(names)])
        rgb = first.ndim == 3
        um = acquisition.stream.camera.pixel_size_nm / 1000 if acquisition.stream else 0.0
        steps = [_z_step(dataset) if name == "z" else 0.0 for name in names]
        colour = _COLOURS[channels.index(channel) % len(_COLOURS)] if channel else "gray"
        look = (
            {}
            if rgb
            else {
                "colormap": colour,
                "contrast_limits": contrast_of(first),
                "blending": "additive" if channel else "translucent_no_depth",
            }
        )
        layer = self._viewer.add_image(
            array,
            name=f"{acquisition.name} {channel}".strip(),
            rgb=rgb,
            visible=visible,
            scale=(*(step or 1.0 for step in steps), um or 1.0, um or 1.0),
            units=(
                *("um" if step else "pixel" for step in steps),
                *(("um", "um") if um else ("pixel", "pixel")),
            ),
            axis_labels=(*names, "y", "x"),
            **look,
        )
        self._layers[channel] = layer

    def finish(self, acquisition: Acquisition) -> None:
        """Let the layers be movies that can be localized, with results beside the data set."""
        dataset = _dataset_of(acquisition)
        if dataset is None:
            return
        if acquisition.path is None:
            return
        for channel, layer in self._layers.items():
            fixed = {"channel": channel} if channel else {}
            layer.metadata[DATASET_KEY] = dataset, fixed
            if layer.ndim == 3:  # it has no sliders but that of its frames
                with suppress(LimelightError):  # such as in colour
                    layer.metadata[MOVIE_KEY] = dataset.movie(**fixed)


def _dataset_of(acquisition: Acquisition) -> Dataset | None:
    try:
        dataset: Dataset | None = acquisition.get_dataset(timeout=0)
        return dataset if dataset is not None and len(dataset) else None
    except (LimelightError, OSError, TimeoutError):
        return None  # nothing is there yet


def _z_step(dataset: Dataset) -> float:
    """Return the distance of two planes, µm; 0 where it is not known."""
    keys = dataset.get_index_keys()
    if not keys:
        return 0.0
    heights = []
    for z in dataset.axes["z"][:2]:
        place = {**keys[0], "z": z}
        try:
            said = dataset.read_metadata(**place)
        except LimelightError:
            return 0.0
        heights.append(next((float(said[key]) for key in _HEIGHTS if key in said), np.nan))
    step = abs(heights[-1] - heights[0])
    return float(step) if np.isfinite(step) else 0.0
