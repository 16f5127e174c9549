"""From a table of molecules to a picture.

`render` draws a table once, `Canvas` molecules as they come, and `Scene` a table that is looked
at again and again: any part of it, at any zoom, filtered, coloured by any column, from any side,
or tile by tile.  `render_volume` draws voxels, `compose` lays coloured pictures over one another.
"""

from __future__ import annotations

from limelight.core.render.canvas import Canvas, render
from limelight.core.render.colour import COLOURS, Layer, compose, lookup_table
from limelight.core.render.picture import MODES, Picture, mode_of
from limelight.core.render.scene import Scene
from limelight.core.render.tiles import Tile, Tiles
from limelight.core.render.volume import Volume, render_volume

__all__ = [
    "COLOURS",
    "MODES",
    "Canvas",
    "Layer",
    "Picture",
    "Scene",
    "Tile",
    "Tiles",
    "Volume",
    "compose",
    "lookup_table",
    "mode_of",
    "render",
    "render_volume",
]
