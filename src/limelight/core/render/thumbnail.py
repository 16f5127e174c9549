"""A small picture of a table, to know a run again by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limelight.core.errors import ParameterError
from limelight.core.render.canvas import render
from limelight.core.render.colour import Layer, compose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["thumbnail"]


def thumbnail(locs: Localizations, side: int = 320) -> NDArray[np.uint8]:
    """Draw the whole field, small.

    Parameters
    ----------
    locs : Localizations
        The molecules; an empty table gives a black picture.
    side : int
        Longest side of the picture, pixels, >= 16.

    Returns
    -------
    3D array of uint8 (Y, X, 3)
        Red, green, blue.  Brightness is the square root of the number of molecules: at this size
        a pixel holds many where there is a structure, and few where there is something to see.

    Raises
    ------
    ParameterError
        If the side is too small.
    """
    if side < 16:
        raise ParameterError(f"A thumbnail needs a side of at least 16 pixels, not {side}.")
    height, width = (max(n, 1) for n in locs.shape)
    pixel_nm = max(height, width) * locs.pixel_size_nm / side
    # a field that is a thousand times as long as wide still has a row of pixels
    pixel_nm = min(pixel_nm, min(height, width) * locs.pixel_size_nm)
    picture = render(locs, pixel_nm, mode="histogram")
    return compose([Layer(picture, "hot", gamma=0.5)])[:side, :side]
