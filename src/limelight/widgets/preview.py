"""A look at the frame in view: what is found there, and the marks that show it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from limelight.localize import inspect_frame
from limelight.localize.block import read_block
from limelight.widgets.layers import Placement, unwrap

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer, Points
    from numpy.typing import NDArray

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.parts import Detector, Verdicts
    from limelight.localize import LocalizeSettings

__all__ = ["FOUND", "REJECTED", "Look", "Marks", "look_at"]

FOUND = "#35d0ff"
REJECTED = "#ff5c8a"
PICKED = "#ffe14d"


def _rgba(color: str) -> NDArray[np.float32]:
    rgb = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.array([*rgb, 1.0], np.float32)


def _colors(
    verdicts: Verdicts, good: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return a colour for each mark; the farther from the threshold, the fainter."""
    colors = np.where(good[:, None], _rgba(FOUND), _rgba(REJECTED)).astype(np.float32)
    if verdicts.threshold > 0:
        near = np.nan_to_num(verdicts.score[chosen] / verdicts.threshold)
        colors[:, 3] = np.where(good, 1.0, np.clip(near, 0.0, 1.0) ** 2 * 0.85 + 0.15)
    return colors


@dataclass(frozen=True, eq=False)
class Look:
    """What is found on one frame.

    Parameters
    ----------
    verdicts : Verdicts
        Every local maximum.
    box : int
        Side of the box that is fitted, pixels.
    milliseconds : float
        Time that it took.
    molecules : int, optional
        How many were fitted, if they were.
    """

    verdicts: Verdicts
    box: int
    milliseconds: float
    molecules: int | None = None

    @property
    def summary(self) -> str:
        """A line for people."""
        spots = f"{int(self.verdicts.accepted.sum()):,} spots"
        return spots if self.molecules is None else f"{spots}, {self.molecules:,} fitted"


def look_at(
    movie: Movie, index: int, settings: LocalizeSettings, camera: Camera, *, fit: bool
) -> Look:
    """Find the spots of one frame, and fit them if asked to.

    Detection alone is what a preview has time for; a fit of overlapping molecules may take long.
    """
    if fit:
        report = inspect_frame(movie, index, settings, camera)
        return Look(report.verdicts, settings.box, report.milliseconds, len(report.locs))
    begun = time.perf_counter()
    block = read_block(movie, index, index + 1, settings, camera)
    verdicts = cast("Detector", settings.detector).explain(block, settings.box, settings.roi)
    return Look(verdicts, settings.box, (time.perf_counter() - begun) * 1000)


class Marks:
    """A Points layer of boxes around spots, which follows the movie's layer.

    Parameters
    ----------
    viewer : ViewerModel
        Where.
    suffix : str
        The layer is called after the movie's layer, with this behind.
    """

    def __init__(self, viewer: ViewerModel, suffix: str) -> None:
        self._viewer: ViewerModel = unwrap(viewer)
        self._suffix = suffix
        self.layer: Points | None = None
        self._colors: NDArray[np.float32] = np.empty((0, 4), np.float32)

    @property
    def shown(self) -> bool:
        """Whether the layer is in the viewer."""
        return self.layer is not None and self.layer in self._viewer.layers

    def show(self, movie_layer: Layer, verdicts: Verdicts, box: int, rejected: bool) -> None:
        """Mark the spots.

        Parameters
        ----------
        movie_layer : Layer
            What they were found on.
        verdicts : Verdicts
            All maxima of the frame.
        box : int
            Side of the fitted box, pixels.
        rejected : bool
            Whether to mark the rejected maxima too, in another colour and with their reason.
        """
        accepted = verdicts.accepted
        chosen = np.ones(len(accepted), bool) if rejected else accepted
        positions = np.column_stack((verdicts.y, verdicts.x)).astype(np.float32)[chosen]
        placement = Placement.of(movie_layer)
        layer = self.layer if self.shown else None
        if layer is None:
            layer = self._add(movie_layer, placement, box)
        elif (layer.scale[0], layer.scale[1]) != placement.scale:
            layer.scale, layer.translate = placement.scale, placement.translate
            layer.units = placement.units
        # The marks lie within the movie: the viewer, which would measure all layers anew for each
        # change of one, need not hear of this.
        with layer.events.data.blocker():
            layer.data = positions
        if not rejected:
            if not (layer.size == box).all():  # each change is drawn anew
                layer.size = box
        else:
            good = accepted[chosen]
            layer.features = {
                "x": verdicts.x[chosen],
                "y": verdicts.y[chosen],
                "score": np.round(verdicts.score[chosen], 3),
                "verdict": [r or "found" for r in verdicts.reason],
            }
            self._colors = _colors(verdicts, good, chosen)
            layer.border_color = self._colors
            layer.size = np.where(good, box, max(box // 2, 3))

    def _add(self, movie_layer: Layer, placement: Placement, box: int) -> Points:
        selected = self._viewer.layers.selection.active
        self.layer = self._viewer.add_points(
            np.empty((0, 2)),
            ndim=2,
            name=f"{movie_layer.name} {self._suffix}",
            symbol="square",
            size=box,
            face_color="transparent",
            border_color=FOUND,
            border_width=0.08,
            **placement.in_pixels(),
        )
        if selected is not None:  # the sliders and keys stay with what was selected
            self._viewer.layers.selection.active = selected
        return self.layer

    def point_out(self, row: int) -> None:
        """Outline one mark and bring it into the middle of the view."""
        if self.layer is None or not self.shown or row >= len(self.layer.data):
            return
        colors = self._colors.copy()
        colors[row] = _rgba(PICKED)
        self.layer.border_color = colors
        centre = self.layer.data_to_world(self.layer.data[row])
        self._viewer.scene.camera.center = (0.0, *centre[-2:])

    def remove(self) -> None:
        """Take the layer away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
