"""Modules on stacks: the height of cells."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from limelight.core import image as core
from limelight.segment.module import About, version
from limelight.segment.pipes import IntensityImage, LabelImage

__all__ = ["generate_volume_image"]


class Volume(NamedTuple):
    """What finding heights gives.

    Attributes
    ----------
    volume_image : IntensityImage
        Height over the slide at each pixel, in steps of z.
    """

    volume_image: IntensityImage


@version("0.1.0")
def generate_volume_image(
    image: IntensityImage,
    mask: LabelImage,
    *,
    threshold: Annotated[float, About(unit="counts")] = 150,
    bead_size: Annotated[float, About(unit="px", low=0)] = 2,
    superpixel_size: Annotated[int, About(unit="px", low=1)] = 4,
    close_surface: bool = False,
    close_disc_size: Annotated[int, About(unit="px", low=1)] = 8,
) -> Volume:
    """Turn a stack of beads that lie on cells into the height of the cells.

    Parameters
    ----------
    image : IntensityImage
        The stack.
    mask : LabelImage
        The cells; beads outside of them lie on the slide.
    threshold : float
        Beads are brighter.
    bead_size : float
        Smaller things are no beads.
    superpixel_size : int
        Beads are looked for one in each square of this side.
    close_surface : bool
        Whether holes in the surface are closed.
    close_disc_size : int
        Size of the holes that are closed.
    """
    heights = core.generate_volume_image(
        image, mask, threshold, bead_size, superpixel_size, close_surface, close_disc_size
    )
    return Volume(heights)
