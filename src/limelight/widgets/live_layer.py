"""The layer that shows the newest image of a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        self._core = core
        self._name = name
        self.layer: Image | None = None

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
        """Show an image.

        Parameters
        ----------
        pixels : array (Y, X) or (Y, X, 3)
            The image.
        limits : tuple of float, optional
            Contrast limits; those of before if not given.
        """
        layer = self.layer
        rgb = pixels.ndim == 3
        if layer is not None and layer in self._viewer.layers and layer.data.shape == pixels.shape:
            layer.data = pixels
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
            pixels,
            name=self._name,
            rgb=rgb,
            metadata={LIVE_KEY: True},
            axis_labels=("y", "x"),
            **({} if rgb else {"colormap": "gray", "contrast_limits": limits}),
            **place,
        )
        self.layer = layer
        return layer
