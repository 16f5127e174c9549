"""One table as a layer that follows the camera."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from limelight.core.errors import LimelightError
from limelight.widgets.layers import RESULT_KEY
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.molecules_draw import GAMMA, Drawn, Look, Source, Sprinkled, Stacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

    from limelight.core.localizations import Localizations
    from limelight.core.render.picture import Viewport
    from limelight.widgets.layers import Placement
    from limelight.widgets.molecules_draw import Ranges

__all__ = ["PICTURE_KEY", "TableView", "view_of"]

PICTURE_KEY = "limelight_picture"
"""Layers whose metadata have this key are drawn anew whenever the camera moves."""


def view_of(
    viewer: ViewerModel, placement: Placement, ratio: float = 1.0
) -> tuple[Viewport, tuple[float, float]] | None:
    """Return what the viewer shows, and on how many pixels of the screen.

    Parameters
    ----------
    viewer : ViewerModel
        Its camera, in two dimensions.
    placement : Placement
        Where the camera's pixels lie in the viewer's world.
    ratio : float
        Physical pixels per pixel of the window.

    Returns
    -------
    tuple or None
        The viewport (y0, x0, y1, x1) in camera pixels and the screen's pixels (Y, X); None where
        the viewer shows other axes than the last two.
    """
    order = tuple(viewer.dims.order)
    if order[-2:] != (viewer.dims.ndim - 2, viewer.dims.ndim - 1):
        return None
    camera = viewer.scene.camera
    size = [max(float(n), 1.0) for n in viewer.canvas.viewbox_size(viewer.layers)]
    low, high = [], []
    for axis in (0, 1):
        world = _world_unit(viewer, placement, axis)
        centre = float(camera.center[axis - 2]) * world
        half = size[axis] / float(camera.zoom) / 2 * world
        ends = [
            (centre + sign * half - placement.translate[axis]) / placement.scale[axis]
            for sign in (-1, 1)
        ]
        low.append(min(ends))
        high.append(max(ends))
    return (low[0], low[1], high[0], high[1]), (size[0] * ratio, size[1] * ratio)


def _world_unit(viewer: ViewerModel, placement: Placement, axis: int) -> float:
    """Return the viewer's unit in that of the placement."""
    units = viewer.layers.units
    if units is None:
        return 1.0
    try:
        factor = (1.0 * units[axis - 2]).to(placement.units[axis]).magnitude
    except Exception:  # pint's own error where one is a length and the other is not
        return 1.0
    return float(factor)


class TableView(QObject):
    """Shows one table in a layer, drawn for what is in view, off the main thread.

    Parameters
    ----------
    viewer : ViewerModel
        Where.
    locs : Localizations
        What.
    placement : Placement
        Of the camera's pixels.
    name : str
        The layer's name.
    look : Look
        How.
    parent : QObject
        The dock.

    Signals
    -------
    drawn : the layer is up to date.
    failed : Exception
        Why it could not be drawn.
    """

    drawn = Signal()
    failed = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        locs: Localizations,
        placement: Placement,
        name: str,
        look: Look,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.placement = placement
        self.name = name
        self.look = look
        self.ranges: Ranges = {}
        self.hold = False
        self.ratio = 1.0
        self.source = Source(locs)
        self.layer: Layer | None = None
        self.newest: Drawn | Sprinkled | Stacked | None = None
        self.shown = look
        self._kind = ""
        self._solid = False
        self._colours = ""
        self._setting = False
        self._closed = False
        self._asked: Any = None
        self._there: Any = None
        self._flat_view: Any = None
        self.mailbox = NewestOnly(self)
        self.mailbox.answered.connect(self._on_drawn)
        self.mailbox.failed.connect(self._on_failed)

    @property
    def locs(self) -> Localizations:
        """The table."""
        return self.source.locs

    @property
    def kept(self) -> int:
        """How many molecules are within all ranges, as of the newest picture."""
        return len(self.locs) if self.newest is None else self.newest.kept

    @property
    def has_depth(self) -> bool:
        """Whether there is a third dimension."""
        return "z" in self.locs

    @property
    def visible(self) -> bool:
        """Whether it is to be seen."""
        return self.layer is None or bool(self.layer.visible)

    # -- what is wanted -------------------------------------------------------------------------
    def set_look(self, look: Look, hold: bool) -> None:
        """Show it in another way."""
        if hold and look.held is None and isinstance(self.newest, Drawn):
            look = replace(look, held=self.newest.high)
        if not hold:
            look = replace(look, held=None)
        self.hold = hold
        if look != self.look:
            self.look = look
            self.redraw()

    def set_ranges(self, ranges: Ranges) -> None:
        """Show other molecules."""
        if ranges != self.ranges:
            self.ranges = dict(ranges)
            self.redraw()

    def set_solid(self, solid: bool) -> None:
        """Show it in three dimensions, or in two."""
        if solid and not self._solid:
            self._flat_view = view_of(self._viewer, self.placement, self.ratio)
        self._solid = solid and self.has_depth
        self._there = None
        self.redraw()

    def redraw(self) -> None:
        """Draw what is in view, unless the layer shows just that."""
        if self._closed or not self.visible:
            return
        if self._solid:
            self._redraw_solid()
            return
        if self._viewer.dims.ndisplay != 2:
            return
        seen = view_of(self._viewer, self.placement, self.ratio)
        if seen is None:
            return
        view, screen = seen
        size = (round(view[2] - view[0], 9), round(view[3] - view[1], 9))
        key = (self.look, tuple(self.ranges.items()), size, screen)
        if self._is_there(key, view) or self._asked == (key, view):
            return
        self._asked = (key, view)
        function = partial(self.source.draw, self.look, dict(self.ranges), view, screen)
        self.mailbox.request((key, view, self.look), function)

    def _redraw_solid(self) -> None:
        if self._flat_view is None:
            return
        view, _ = self._flat_view
        key = ("solid", self.look, tuple(self.ranges.items()))
        if key != self._asked:
            self._asked = key
            function = partial(self.source.stack, self.look, dict(self.ranges), view)
            self.mailbox.request((key, view, self.look), function)

    def _is_there(self, key: Any, view: Viewport) -> bool:
        """Tell whether the layer shows all of the view already."""
        if self._there is None or self._there[0] != key:
            return False
        known = self._there[1]
        return all(k <= v for k, v in zip(known[:2], view[:2], strict=True)) and all(
            k >= v for k, v in zip(known[2:], view[2:], strict=True)
        )

    # -- what is shown --------------------------------------------------------------------------
    def _on_failed(self, _: Any, error: Exception) -> None:
        self._asked = None
        if isinstance(error, LimelightError | MemoryError):
            self.failed.emit(error)
        else:
            self.failed.emit(RuntimeError(f"It cannot be drawn: {type(error).__name__}: {error}"))

    def _on_drawn(self, tag: Any, result: Drawn | Sprinkled | Stacked | None) -> None:
        key, view, look = tag
        solid = isinstance(result, Stacked) or (isinstance(result, Sprinkled) and result.solid)
        if self._closed or (solid != self._solid and result is not None):
            return
        if result is None:
            self._there = (key, view)
            self.drawn.emit()
            return
        if self.layer is not None and self.layer not in self._viewer.layers:
            return  # taken away meanwhile; the dock hears of it
        self.newest, self.shown = result, look
        if self.hold and self.look.held is None and isinstance(result, Drawn):
            self.look = replace(self.look, held=result.high)
        self._setting = True
        try:
            if isinstance(result, Drawn):
                self._show_picture(result)
            elif isinstance(result, Sprinkled):
                self._show_points(result)
            else:
                self._show_voxels(result)
        finally:
            self._setting = False
        if not isinstance(result, Stacked) and not solid:
            # beyond what was drawn there is nothing, or it would have been drawn
            margin = [min(a, b) for a, b in zip(view[:2], result.viewport[:2], strict=True)]
            reach = [max(a, b) for a, b in zip(view[2:], result.viewport[2:], strict=True)]
            self._there = (key, (*margin, *reach))
        self.drawn.emit()

    def _common(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "blending": "additive",
            "metadata": {RESULT_KEY: self.locs, PICTURE_KEY: True},
            "interpolation2d": "linear",
        }

    def _show_picture(self, drawn: Drawn) -> None:
        place = self.placement.of_picture(drawn.picture, self.locs.pixel_size_nm)
        coloured = drawn.rgb is not None
        data = drawn.rgb if coloured else drawn.picture.image
        if self._kind != ("rgb" if coloured else "image") or self.layer is None:
            more: dict[str, Any] = (
                {"rgb": True}
                if coloured
                else {
                    "rgb": False,
                    "colormap": self.shown.colours,
                    "contrast_limits": (0.0, drawn.high),
                    "gamma": GAMMA,
                }
            )
            self._replace("rgb" if coloured else "image", data, **place, **more)
            self._colours = self.shown.colours
            return
        layer: Any = self.layer
        with layer._block_refresh():
            # each of these has the viewer measure all layers anew; the second tells of both
            with layer.events.scale.blocker():
                layer.scale = place["scale"]
            layer.translate = place["translate"]
        layer.data = data
        if not coloured:
            if layer.contrast_limits_range[1] < drawn.high:
                layer.contrast_limits_range = (0.0, drawn.high * 4)
            if layer.contrast_limits[1] != drawn.high:
                layer.contrast_limits = (0.0, drawn.high)
            if self._colours != self.shown.colours:
                layer.colormap = self._colours = self.shown.colours

    def _show_points(self, points: Sprinkled) -> None:
        face = np.ones((len(points.rgb), 4), np.float32)
        face[:, :3] = points.rgb / np.float32(255)
        if len(face) != len(points.positions):
            face = np.repeat(face[:1], len(points.positions), axis=0)
        kind = "points in space" if points.solid else "points"
        if self._kind == kind and self.layer is not None and len(face):
            layer: Any = self.layer
            with layer._block_refresh():
                layer.selected_data = set()
                layer.data = points.positions
                layer.features = points.rows
                layer.size = points.size
                layer.face_color = face
                layer.border_color = face
            layer.refresh()
            return
        place = self.placement.in_pixels()
        if points.solid:
            scale, zero, unit = (place[k] for k in ("scale", "translate", "units"))
            place = {"scale": (scale[1], *scale), "translate": (0.0, *zero)}
            place |= {"units": (unit[1], *unit), "axis_labels": ("z", "y", "x")}
        self._replace(
            kind,
            points.positions,
            **place,
            ndim=3 if points.solid else 2,
            features=points.rows,
            size=points.size,
            face_color=face if len(face) else "white",
            # of small points hardly more than the border is seen, even of one without width
            border_color=face if len(face) else "white",
            border_width=0,
            opacity=0.8,
        )

    def _show_voxels(self, voxels: Stacked) -> None:
        per_um = 1000.0 / self.locs.pixel_size_nm
        unit = (self.placement.scale[1], *self.placement.scale)
        zero = (0.0, *self.placement.translate)
        scale = [u * s * per_um for u, s in zip(unit, voxels.scale_um, strict=True)]
        translate = [
            o + u * t * per_um for o, u, t in zip(zero, unit, voxels.translate_um, strict=True)
        ]
        self._replace(
            "voxels",
            voxels.image,
            rgb=False,
            scale=scale,
            translate=translate,
            units=(self.placement.units[1], *self.placement.units),
            axis_labels=("z", "y", "x"),
            colormap=self.shown.colours,
            contrast_limits=(0.0, voxels.high),
            gamma=GAMMA,
            rendering="mip",
        )

    def _replace(self, kind: str, data: Any, **options: Any) -> None:
        """Put a layer in the place of the one that is there."""
        from napari.layers import Image, Points

        old, layers = self.layer, self._viewer.layers
        are_points = kind.startswith("points")
        make = Points if are_points else Image
        common = self._common()
        if are_points:
            del common["interpolation2d"]
        new = make(data, **{**common, **options})
        self._kind = kind
        with self.selection_kept():
            self.layer = new
            if old is None or old not in layers:
                layers.append(new)
            else:
                new.visible = old.visible
                new.name, new.opacity = old.name, old.opacity
                place = layers.index(old)
                layers.remove(old)
                layers.insert(place, new)
                new.name = old.name
        new.events.visible.connect(self._on_visible)
        if kind == "image":
            new.events.contrast_limits.connect(self._on_contrast)
            new.events.colormap.connect(self._on_colormap)

    @contextmanager
    def selection_kept(self) -> Iterator[None]:
        """Keep the layer selected that was; napari selects what is added."""
        selected = self._viewer.layers.selection.active
        # napari's own sliders act on the picture, not on the hidden points behind it
        own = selected is None or selected.metadata.get(RESULT_KEY) is self.locs
        yield
        if own and self.layer is not None:
            selected = self.layer
        if selected is not None and selected in self._viewer.layers:
            self._viewer.layers.selection.active = selected

    def _on_visible(self, _: Any) -> None:
        self._asked = None
        self.redraw()
        self.drawn.emit()

    def _on_contrast(self, _: Any) -> None:
        """Keep the contrast that was chosen at napari's own slider."""
        if self._setting or self.layer is None:
            return
        self.hold = True
        self.look = replace(self.look, held=float(self.layer.contrast_limits[1]))
        self.drawn.emit()

    def _on_colormap(self, _: Any) -> None:
        if self._setting or self.layer is None:
            return
        self._colours = str(self.layer.colormap.name)
        self.look = replace(self.look, colours=self._colours)
        self.drawn.emit()

    def close(self, timeout: float = 0.0) -> None:
        """Show nothing more, and take the layer away."""
        self._closed = True
        self.mailbox.close(timeout)
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
