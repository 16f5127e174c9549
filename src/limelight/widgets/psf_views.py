"""Three views of a volume side by side in one picture, linked by a point that is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from limelight.widgets.free_painting import paint_freely

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Vectors

    from limelight.core.psf.views import Views

__all__ = ["PsfViews"]

_GAP = 0.06  # between two views, as a share of the larger side of XY
_COLOURMAPS = ("gray", "green", "magenta", "cyan", "yellow")
_CROSS = "#ffb224"
_KEY = "limelight_psf"
_SEEN = 0.02  # share of the contrast's range that is seen as a change


def _differ(shown: tuple[float, float], limits: tuple[float, float]) -> bool:
    """Tell whether an eye would see it; napari draws much anew for every change of contrast."""
    least = _SEEN * (limits[1] - limits[0])
    return any(abs(a - b) > least for a, b in zip(shown, limits, strict=True))


class PsfViews(QObject):
    """XY, with XZ below it and YZ to its right, all in µm.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are drawn.

    Signals
    -------
    moved : tuple of float
        z, y, x in voxels, when the point is dragged.
    """

    moved = Signal(tuple)

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        paint_freely(viewer)
        self.layers: dict[tuple[str, int], Image] = {}
        self._cross: Vectors | None = None
        self._lined: np.ndarray[Any, Any] = np.zeros((0, 2, 2))
        self._shape = (1, 1, 1)
        self._scale = (1.0, 1.0, 1.0)
        self._point = (0.0, 0.0, 0.0)
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def close(self) -> None:
        """Follow the mouse no more; the pictures stay."""
        if self._on_drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_drag)

    def clear(self) -> None:
        """Take the pictures away."""
        for layer in [*self.layers.values(), self._cross]:
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.layers, self._cross = {}, None

    # -- places -----------------------------------------------------------------------------------
    def _sizes(self) -> tuple[float, float, float]:
        return tuple(n * s for n, s in zip(self._shape, self._scale, strict=True))  # type: ignore[return-value]

    def origins(self) -> dict[str, tuple[float, float]]:
        """Return where the first pixel of each view lies: y, x in µm."""
        _, height, width = self._sizes()
        gap = _GAP * max(height, width)
        return {
            "xy": (0.0, 0.0),
            "xz": (height + gap, 0.0),
            "yz": (0.0, width + gap),
        }

    def _point_at(self, y: float, x: float) -> tuple[float, float, float] | None:
        """Return the point that a place in the picture means; None beside the views."""
        depth, height, width = self._sizes()
        z0, y0, x0 = self._point
        sz, sy, sx = self._scale
        for name, (top, left) in self.origins().items():
            rows = depth if name == "xz" else height
            columns = depth if name == "yz" else width
            row, column = y - top, x - left
            if not (-sy <= row < rows and -sx <= column < columns):
                continue
            if name == "xy":
                return z0, row / sy, column / sx
            if name == "xz":
                return row / sz, y0, column / sx
            return column / sz, row / sy, x0
        return None

    def _on_drag(self, _viewer: Any, event: Any) -> Iterator[None]:
        if not self.layers or event.button != 1:
            return
        start = self._point_at(*event.position[-2:])
        if start is None:
            return
        self._viewer.scene.camera.mouse_pan = False
        try:
            self._move(start)
            yield
            while event.type == "mouse_move":
                place = self._point_at(*event.position[-2:])
                if place is not None:
                    self._move(place)
                yield
        finally:
            self._viewer.scene.camera.mouse_pan = True

    def _move(self, point: tuple[float, float, float]) -> None:
        limits = np.array(self._shape) - 1
        self._point = tuple(np.clip(point, 0, limits).tolist())
        self._draw_cross()
        self.moved.emit(self._point)

    # -- drawing ----------------------------------------------------------------------------------
    def show(
        self,
        views: Sequence[Views],
        limits: Sequence[tuple[float, float]],
        shape: tuple[int, int, int],
        point: tuple[float, float, float],
        names: Sequence[str] = (),
        keep: bool = False,
    ) -> None:
        """Show the views of each channel.

        Parameters
        ----------
        views : sequence of Views
            One per channel.
        limits : sequence of tuple
            Contrast limits of each channel.
        shape : tuple of int
            Voxels along z, y, x.
        point : tuple of float
            z, y, x in voxels.
        names : sequence of str
            Names of the channels.
        keep : bool
            Whether views that are there keep the contrast that they have.
        """
        new = shape != self._shape or views[0].scale_um != self._scale
        if new or len(self.layers) != 3 * len(views):
            self.clear()
        self._shape, self._scale = shape, views[0].scale_um
        self._point = point
        origins = self.origins()
        for channel, (one, limit) in enumerate(zip(views, limits, strict=True)):
            title = f" {names[channel]}" if channel < len(names) and names[channel] else ""
            for name in ("xy", "xz", "yz"):
                self._show(
                    (name, channel),
                    getattr(one, name),
                    one.pixel_um[name],
                    origins[name],
                    limit,
                    f"PSF {name.upper()}{title}",
                    keep,
                )
        self._draw_cross()
        if new:
            self._viewer.reset_view()

    def _show(
        self,
        key: tuple[str, int],
        pixels: Any,
        scale: tuple[float, float],
        origin: tuple[float, float],
        limits: tuple[float, float],
        name: str,
        keep: bool,
    ) -> None:
        layer = self.layers.get(key)
        if layer is not None and layer in self._viewer.layers:
            if layer.data.shape == pixels.shape and layer.data.dtype == pixels.dtype:
                # the plane through the point is another only when its own slice has come
                if not np.array_equal(layer.data, pixels):
                    # in place: a new array has napari look through all axes of all layers again
                    layer.data[...] = pixels
                    layer.refresh(extent=False, highlight=False, thumbnail=False)
            else:
                layer.data = np.array(pixels)
            low, high = layer.contrast_limits
            if not keep and _differ((float(low), float(high)), limits):
                layer.contrast_limits = limits
            return
        self.layers[key] = self._viewer.add_image(
            np.array(pixels),  # a copy: it is written into
            name=name,
            scale=scale,
            translate=origin,
            units=("um", "um"),
            contrast_limits=limits,
            colormap=_COLOURMAPS[key[1] % len(_COLOURMAPS)],
            blending="additive",
            metadata={_KEY: True},
        )

    def _lines(self) -> np.ndarray[Any, Any]:
        """Return start and direction of the lines through the point, two per view."""
        depth, height, width = self._sizes()
        z, y, x = (p * s for p, s in zip(self._point, self._scale, strict=True))
        o = self.origins()
        (bottom, _), (_, right) = o["xz"], o["yz"]
        return np.array(
            [
                [[y, 0], [0, width]],
                [[0, x], [height, 0]],
                [[bottom + z, 0], [0, width]],
                [[bottom, x], [depth, 0]],
                [[y, right], [0, depth]],
                [[0, right + z], [height, 0]],
            ]
        )

    def _draw_cross(self) -> None:
        lines = self._lines()
        if self._cross is not None and self._cross in self._viewer.layers:
            if not np.array_equal(lines, self._lined):
                self._lined = lines
                self._cross.data = lines
            return
        self._lined = lines
        active = self._viewer.layers.selection.active
        # Vectors, not shapes: those compile their triangulation for seconds when they come first.
        self._cross = self._viewer.add_vectors(
            lines,
            vector_style="line",
            edge_color=_CROSS,
            edge_width=0.003 * max(self._sizes()[1:]),
            opacity=0.6,
            name="PSF point",
            units=("um", "um"),
            metadata={_KEY: True},
        )
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active
