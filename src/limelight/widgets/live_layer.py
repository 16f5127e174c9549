"""The layer that shows the newest image of a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.widgets.free_painting import paint_freely

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from numpy.typing import NDArray

__all__ = ["LIVE_KEY", "LiveLayer"]

LIVE_KEY = "limelight_live"


class LiveLayer:
    """One image layer whose pixels are replaced; it is made anew if a person removes it.

    Parameters
    ----------
    viewer : ViewerModel
        Where.
    core : CMMCorePlus, optional
        The microscope, for the size of a pixel.
    name : str
        Name of the layer.
    """

    def __init__(self, viewer: ViewerModel, core: Any = None, name: str = "Live") -> None:
        self._viewer = viewer
        paint_freely(viewer)
        self._core = core
        self._name = name
        self.layer: Image | None = None
        self._napari = 0  # who hears of new data anyway, and need not

    @property
    def contrast(self) -> tuple[float, float] | None:
        """Limits that are shown."""
        if self.layer is None:
            return None
        low, high = self.layer.contrast_limits
        return float(low), float(high)

    def set_contrast(self, low: float, high: float) -> None:
        """Show these limits."""
        if self.layer is not None and high > low:
            self.layer.contrast_limits = (low, high)

    def reveal(self) -> None:
        """Make the layer visible, where something hid it."""
        if self.layer is not None and not self.layer.visible:
            self.layer.visible = True

    def pixel_um(self) -> float:
        """Return the size of a pixel in the sample, µm; 0 where the microscope does not say."""
        try:
            return float(self._core.getPixelSizeUm(True)) if self._core is not None else 0.0
        except RuntimeError:
            return 0.0

    def show(self, pixels: NDArray[Any], limits: tuple[float, float] | None = None) -> Image:
        """Show an image; it is copied.

        Parameters
        ----------
        pixels : array (Y, X) or (Y, X, 3)
            The image.
        limits : tuple of float, optional
            Contrast limits; those of before if not given.  The layer's small picture in napari's
            list of layers is drawn anew with them.
        """
        layer = self.layer
        rgb = pixels.ndim == 3
        if layer is not None and layer in self._viewer.layers and _alike(layer.data, pixels):
            # Another array would have napari look at all that a layer may become: 3 ms of 10.
            np.copyto(layer.data, pixels)
            layer.refresh(extent=False, highlight=False, thumbnail=limits is not None)
            if len(layer.events.data.callbacks) > self._napari:
                layer.events.data(value=layer.data)
            if limits is not None and not rgb:
                layer.contrast_limits = limits
            return layer
        before = layer if layer is not None and layer in self._viewer.layers else None
        if before is not None:
            self._viewer.layers.remove(before)
        um = self.pixel_um()
        place: dict[str, Any] = (
            {"scale": (um, um), "units": ("um", "um")} if um else {"units": ("pixel", "pixel")}
        )
        layer = self._viewer.add_image(
            np.array(pixels),
            name=self._name,
            rgb=rgb,
            metadata={LIVE_KEY: True},
            axis_labels=("y", "x"),
            **({} if rgb else {"colormap": "gray", "contrast_limits": limits}),
            **place,
        )
        self.layer = layer
        self._napari = len(layer.events.data.callbacks)
        return layer


def _alike(held: Any, pixels: NDArray[Any]) -> bool:
    return isinstance(held, np.ndarray) and (held.shape, held.dtype) == (pixels.shape, pixels.dtype)
