"""The steps that were taken from table to table, which can be undone and done again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.localizations import Localizations
from limelight.widgets.layers import (
    RESULT_KEY,
    add_molecules,
    placement_of_table,
    show_picture,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from limelight.widgets.layers import Placement
    from limelight.widgets.tools_jobs import Finished

__all__ = ["Step", "StepHistory", "group_colours"]


def group_colours(groups: NDArray[Any]) -> NDArray[np.float32]:
    """Return a bright colour (N, 4) for the number of each group; near numbers differ much."""
    hue = np.mod(0.55 + 0.618033988749895 * groups.astype(np.float64), 1.0)
    # From hue to red, green and blue at full value; a little white keeps blue readable on black.
    wheel = np.abs(np.mod(hue[:, None] * 6 + np.array([0.0, 4.0, 2.0]), 6.0) - 3.0) - 1.0
    colours = np.ones((len(hue), 4), np.float32)
    colours[:, :3] = 0.25 + 0.75 * np.clip(wheel, 0.0, 1.0)
    return colours


@dataclass(eq=False)
class Step:
    """A tool that was applied to a layer's table."""

    finished: Finished
    layer: Layer
    name: str
    placement: Placement
    locs: Localizations
    hidden: list[Layer] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What was done."""
        return self.finished.tool.title


class StepHistory:
    """Puts the tables that tools make into the viewer, and takes them away again.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.done: list[Step] = []
        self.undone: list[Step] = []

    def add(self, finished: Finished, layer: Layer) -> Layer | None:
        """Show the new table of a tool that was applied to a layer; None where there is none."""
        locs = finished.result.locs
        if locs is None:
            return None
        placement = placement_of_table(layer)
        base = str(layer.name).split(" (")[0]
        for word in (" molecules", " super-resolution"):
            base = base.removesuffix(word)
        name = f"{base}{finished.tool.suffix.replace('_', ' ')}"
        step = Step(finished, layer, name, placement, locs)
        self.done.append(step)
        self.undone.clear()
        return self._show(step)

    def undo(self) -> Layer | None:
        """Take the newest table away; return the layer that it came from, if that is there."""
        if not self.done:
            return None
        step = self.done.pop()
        self.undone.append(step)
        for layer in [x for x in self._viewer.layers if x.metadata.get(RESULT_KEY) is step.locs]:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        for layer in step.hidden:
            if layer in self._viewer.layers:
                layer.visible = True
        return step.layer if step.layer in self._viewer.layers else None

    def redo(self) -> Layer | None:
        """Show the table again that was undone last."""
        if not self.undone:
            return None
        step = self.undone.pop()
        # As a table of its own: other docks may have forgotten the old one.
        step.locs = Localizations(step.locs.table, step.locs.provenance)
        self.done.append(step)
        return self._show(step)

    def _show(self, step: Step) -> Layer:
        viewer, locs, finished = self._viewer, step.locs, step.finished
        if finished.replaces:
            step.hidden = [
                layer
                for layer in viewer.layers
                if layer.visible and layer.metadata.get(RESULT_KEY) is finished.source
            ]
            for layer in step.hidden:
                layer.visible = False
        if finished.picture is not None:
            show_picture(
                viewer,
                finished.picture,
                step.placement,
                locs.pixel_size_nm,
                name=f"{step.name} super-resolution",
                locs=locs,
            )
        added = add_molecules(viewer, locs, step.placement, name=f"{step.name} molecules")
        if "group" in locs and len(added.data) and finished.result.groups is not None:
            colours = group_colours(added.features["group"].to_numpy())
            added.face_color = colours
            added.border_color = colours  # of small points hardly more than the border is seen
            added.opacity = 0.9
            added.visible = True
        return added
