"""From a stack that shows beads on cells to an image of the cells' height."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image.inputs import as_image, as_labels, check_number
from limelight.core.image.labels import label

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["generate_volume_image"]


def generate_volume_image(
    image: ArrayLike,
    mask: ArrayLike,
    threshold: float = 150,
    bead_size: float = 2,
    superpixel_size: int = 4,
    close_surface: bool = False,
    close_disc_size: int = 8,
) -> NDArray[np.float32]:
    """Turn a stack of beads that lie on cells into the height of the cells at each pixel.

    Beads are connected voxels above the threshold; the brightest voxel says where a bead is.  Those
    outside of all cells lie on the slide, to which a plane is fitted (those in the upper quarter
    are left out).  The height of the beads over that plane is interpolated linearly between them.

    Parameters
    ----------
    image : 3D (Z, Y, X) array
        The counts of the beads' channel.
    mask : 2D (Y, X) array of integers
        The cells.
    threshold : float
        Least counts of a bead.
    bead_size : float
        Least voxels of a bead.
    superpixel_size : int
        Of the beads within squares of that many pixels only the highest counts, px, 1 to 1000.
    close_surface : bool
        Whether to close dents in the surface that are narrower than a disc.
    close_disc_size : int
        Diameter of that disc, px, 1 to 999.

    Returns
    -------
    2D array of float32 (Y, X)
        Height in planes, at least 0; 0 outside of the cells.

    Raises
    ------
    ParameterError
        If the shapes do not fit, or too few beads are found.
    """
    where = "generate_volume_image"
    stack = as_image(image, where, dimensions=(3,))
    cells = as_labels(mask, where, "mask", dimensions=(2,))
    if stack.shape[1:] != cells.shape:
        raise ParameterError(
            f"{where}: image has planes of the shape {stack.shape[1:]}, mask {cells.shape}; they "
            "must be of the same field."
        )
    check_number(threshold, where, "threshold")
    check_number(bead_size, where, "bead_size", low=0)
    check_number(superpixel_size, where, "superpixel_size", low=1, high=1000, whole=True)
    check_number(close_disc_size, where, "close_disc_size", low=1, high=999, whole=True)
    if not cells.any():
        return np.zeros(cells.shape, np.float32)
    beads = _beads(stack, threshold, bead_size)
    slide = beads[cells[beads[:, 1], beads[:, 2]] == 0]
    if len(slide) < 3:
        raise ParameterError(
            f"{where}: {len(slide)} beads were found beside the cells; 3 are needed to see where "
            f"the slide is. Lower threshold ({threshold:g}) or bead_size ({bead_size:g})."
        )
    low = slide[slide[:, 0] <= np.percentile(slide[:, 0], 75)]
    low = low if len(low) >= 3 else slide
    terms = np.column_stack([np.ones(len(low)), low[:, 1:]])
    plane = np.linalg.lstsq(terms, low[:, 0].astype(np.float64), rcond=None)[0]
    height = beads[:, 0] - (plane[0] + beads[:, 1:] @ plane[1:])
    height = np.maximum(height, 0.0)
    place, height = _highest(beads[:, 1:], height, int(superpixel_size))
    surface = _interpolated(place, height, cells.shape)
    if close_surface:
        from scipy.ndimage import grey_closing

        radius = close_disc_size / 2
        span = np.arange(close_disc_size) - (close_disc_size - 1) / 2
        disc = span[:, None] ** 2 + span**2 <= radius**2
        surface = grey_closing(surface, footprint=disc)
    return np.where(cells > 0, surface, 0).astype(np.float32)


def _beads(stack: NDArray[Any], threshold: float, least: float) -> NDArray[np.int64]:
    """Return z, y, x of the brightest voxel of each bead."""
    found = label(stack > threshold)
    inside = np.flatnonzero(found)
    number = found.ravel()[inside]
    # by bead, then the brightest first, then in raster order
    order = np.lexsort((inside, -stack.ravel()[inside].astype(np.float64), number))
    number, inside = number[order], inside[order]
    _, first, count = np.unique(number, return_index=True, return_counts=True)
    place = inside[first][count >= least]
    return np.column_stack(np.unravel_index(place, stack.shape)).astype(np.int64)


def _highest(
    place: NDArray[np.int64], height: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Keep the highest of the points of each square."""
    square = place // size
    key = square[:, 0] << 32 | square[:, 1]
    order = np.lexsort((-height, key))
    _, first = np.unique(key[order], return_index=True)
    chosen = order[first]
    return place[chosen], height[chosen]


def _interpolated(
    place: NDArray[np.int64], height: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the height between points, linearly; beyond them that of the nearest point."""
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    grid = np.mgrid[: shape[0], : shape[1]].reshape(2, -1).T
    surface = NearestNDInterpolator(place, height)(grid)
    try:
        between = LinearNDInterpolator(place, height)(grid)
    except QhullError:  # all on one line
        between = np.full(len(grid), np.nan)
    found: NDArray[np.float64] = np.where(np.isnan(between), surface, between).reshape(shape)
    return found
