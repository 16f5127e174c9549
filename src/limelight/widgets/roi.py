"""A region of interest: drawn as a rectangle on the image, or typed in pixels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from limelight.core.errors import ParameterError
from limelight.widgets.controls import mark_invalid
from limelight.widgets.layers import Placement, unwrap

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer, Shapes
    from numpy.typing import NDArray

    from limelight.core.parts import ROI

__all__ = ["RoiControl", "roi_of_corners", "roi_to_corners"]

_TIP = (
    "Only spots with y0 ≤ y < y1 and x0 ≤ x < x1 are localized (whole pixels, rows first).\n"
    "Empty: the whole image."
)


def roi_of_corners(corners: NDArray[Any], shape: tuple[int, int]) -> ROI | None:
    """Return the pixels that a drawn rectangle holds, within the image; None without any.

    Parameters
    ----------
    corners : array (N, 2)
        Corners y, x in pixels; pixel centres are whole numbers.
    shape : tuple of int (Y, X)
        The image.
    """
    low = np.clip(np.rint(np.min(corners, axis=0) + 0.5), 0, shape)
    high = np.clip(np.rint(np.max(corners, axis=0) + 0.5), 0, shape)
    if (low >= high).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def roi_to_corners(roi: ROI) -> NDArray[np.float64]:
    """Return the corners (4, 2) of the rectangle that holds these pixels."""
    y0, x0, y1, x1 = (v - 0.5 for v in roi)
    return np.array([(y0, x0), (y0, x1), (y1, x1), (y1, x0)])


class RoiControl(QWidget):
    """A line to type four numbers into, a button to draw them, one to clear them.

    Signals
    -------
    changed : after any change.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer: ViewerModel = unwrap(viewer)
        self._movie_layer: Layer | None = None
        self._shape = (0, 0)
        self._shapes: Shapes | None = None
        self._updating = False
        self.line = QLineEdit(self)
        self.line.setObjectName("roi")
        self.line.setPlaceholderText("whole image")
        self.line.setToolTip(_TIP)
        self.draw = QPushButton("Draw", self)
        self.draw.setObjectName("roi_draw")
        self.draw.setCheckable(True)
        self.draw.setToolTip("Draw the region as a rectangle on the image: press, drag, release")
        self.clear_button = QToolButton(self)
        self.clear_button.setObjectName("roi_clear")
        self.clear_button.setText("✕")
        self.clear_button.setToolTip("Forget the region: localize the whole image")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.draw)
        layout.addWidget(self.clear_button)
        self.line.textChanged.connect(self._on_text)
        self.draw.toggled.connect(self._on_draw)
        self.clear_button.clicked.connect(lambda: self.set_value(None))
        self._viewer.layers.events.removed.connect(self._on_removed)

    def attach(self, layer: Layer | None, shape: tuple[int, int] = (0, 0)) -> None:
        """Say which layer's image is meant.

        Parameters
        ----------
        layer : Layer, optional
            The movie's layer.
        shape : tuple of int (Y, X)
            Its image.
        """
        if layer is not self._movie_layer:
            self._drop_shapes()
        self._movie_layer = layer
        self._shape = shape
        self.draw.setEnabled(layer is not None)
        self._on_text()

    def value(self) -> ROI | None:
        """Return y0, x0, y1, x1; None for the whole image.

        Raises
        ------
        ParameterError
            If what was typed is not a region of the image.
        """
        text = str(self.line.text()).strip()
        if not text:
            return None
        words = [w for w in re.split(r"[\s,;]+", text) if w]
        try:
            y0, x0, y1, x1 = (int(w) for w in words)
        except ValueError:
            raise ParameterError(
                f"The region of interest needs four whole numbers y0, x0, y1, x1, not {text!r}."
            ) from None
        if y0 < 0 or x0 < 0 or y0 >= y1 or x0 >= x1:
            raise ParameterError(
                f"The region of interest {text} is empty: it needs 0 ≤ y0 < y1 and 0 ≤ x0 < x1."
            )
        height, width = self._shape
        if height and (y0 >= height or x0 >= width):
            raise ParameterError(
                f"The region of interest {text} lies outside the image of {height} x {width} "
                "pixels (Y, X)."
            )
        return y0, x0, y1, x1

    def set_value(self, roi: ROI | None) -> None:
        """Show a region."""
        self.line.setText("" if roi is None else ", ".join(str(v) for v in roi))

    def detach(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self._shapes is not None:
            self._shapes.events.data.disconnect(self._on_shapes)

    # -- from the line to the image and back ----------------------------------------------------
    def _on_text(self) -> None:
        try:
            roi = self.value()
        except ParameterError as error:
            mark_invalid(self.line, True)
            self.line.setToolTip(str(error))
        else:
            mark_invalid(self.line, False)
            self.line.setToolTip(_TIP)
            if not self._updating:
                self._show(roi)
        self.changed.emit()

    def _show(self, roi: ROI | None) -> None:
        if roi is None:
            self._drop_shapes()
            return
        if self._movie_layer is None:
            return
        self._updating = True
        try:
            shapes = self._need_shapes()
            shapes.data = []
            shapes.add_rectangles(roi_to_corners(roi))
            shapes.selected_data = set()
        finally:
            self._updating = False

    def _need_shapes(self) -> Shapes:
        if self._shapes is None or self._shapes not in self._viewer.layers:
            assert self._movie_layer is not None
            before = self._viewer.layers.selection.active
            self._shapes = self._viewer.add_shapes(
                ndim=2,
                name=f"{self._movie_layer.name} ROI",
                edge_color="#ffb224",
                face_color="transparent",
                edge_width=0.7,
                **Placement.of(self._movie_layer).in_pixels(),
            )
            self._shapes.events.data.connect(self._on_shapes)
            if before is not None:
                self._viewer.layers.selection.active = before
        return self._shapes

    def _drop_shapes(self) -> None:
        shapes, self._shapes = self._shapes, None
        if shapes is not None:
            shapes.events.data.disconnect(self._on_shapes)
            if shapes in self._viewer.layers:
                self._viewer.layers.remove(shapes)
        with QSignalBlocker(self.draw):
            self.draw.setChecked(False)

    def _on_draw(self, on: bool) -> None:
        if self._movie_layer is None:
            return
        if on:
            shapes = self._need_shapes()
            self._viewer.layers.selection.active = shapes
            shapes.mode = "add_rectangle"
        elif self._shapes is not None:
            self._shapes.mode = "pan_zoom"
            if self._movie_layer in self._viewer.layers:
                self._viewer.layers.selection.active = self._movie_layer

    def _on_shapes(self, event: Any) -> None:
        """Take over what was drawn or moved; the newest rectangle counts."""
        action = str(getattr(event, "action", ""))
        if self._updating or self._shapes is None or action not in ("added", "changed", "removed"):
            return
        self._updating = True
        try:
            if not len(self._shapes.data):
                self.set_value(None)
                return
            if len(self._shapes.data) > 1:
                self._shapes.selected_data = set(range(len(self._shapes.data) - 1))
                self._shapes.remove_selected()
            self.set_value(roi_of_corners(np.asarray(self._shapes.data[-1])[:, -2:], self._shape))
        finally:
            self._updating = False
        if action == "added":
            self.draw.setChecked(False)

    def _on_removed(self, event: Any) -> None:
        if self._shapes is not None and event.value is self._shapes:
            self._shapes.events.data.disconnect(self._on_shapes)
            self._shapes = None
            self.set_value(None)
