"""Objects grow from seeds: watershed of a landscape, and propagation over an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _growing_kernels as kernels
from limelight.core.image.inputs import (
    as_image,
    as_labels,
    as_mask,
    check_number,
    check_same_shape,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["propagate", "watershed"]

_LEVELS = 2**16


def watershed(
    image: ArrayLike,
    markers: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    connectivity: int = 4,
) -> NDArray[np.int32]:
    """Flood a landscape from markers; where two floods meet is the border between them.

    Meyer's algorithm (Meyer, Signal Process. 38, 113, 1994) on a queue with one first-in first-out
    list per level, in the order of scikit-image's `watershed`.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The landscape; low places are flooded first.  Integers of a range up to 2**20 are taken
        exactly, all else in 65,536 levels of equal height.
    markers : array of integers
        Where floods begin, 0 elsewhere.
    mask : array of bool, optional
        What may be flooded.
    connectivity : {4, 8}
        Whether water runs over edges only, or over corners too (6 and 26 neighbours in a stack).

    Returns
    -------
    array of int32
        Labels, 0 where no flood came.

    Raises
    ------
    ParameterError
        If the shapes differ, or the markers are no labels.
    """
    where = "watershed"
    array, seeds = as_image(image, where), as_labels(markers, where, "markers")
    check_same_shape(where, image=array, markers=seeds)
    if connectivity not in (4, 8):
        raise ParameterError(f"{where}: connectivity must be 4 or 8, not {connectivity!r}.")
    inside = None
    if mask is not None:
        inside = as_mask(mask, where)
        check_same_shape(where, image=array, mask=inside)
    if not array.size:
        return seeds.copy()
    levels, count = _levels(array)
    return flood(levels, count, seeds, inside, connectivity)


def _levels(array: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    low, high = array.min(), array.max()
    if array.dtype.kind in "ui" and int(high) - int(low) < 2**20:
        return (array.astype(np.int64) - int(low)).astype(np.int32), int(high) - int(low) + 1
    span = float(high) - float(low)
    factor = (_LEVELS - 1) / span if span > 0 else 0.0
    return ((array.astype(np.float64) - float(low)) * factor).astype(np.int32), _LEVELS


def flood(
    levels: NDArray[np.int32],
    count: int,
    seeds: NDArray[np.int32],
    inside: NDArray[np.bool_] | None,
    connectivity: int,
) -> NDArray[np.int32]:
    """Flood levels 0 to count - 1; the inputs are checked."""
    shape = levels.shape
    stack = (1, *shape) if len(shape) == 2 else shape
    if inside is None:
        inside = np.ones(shape, np.bool_)
    level, out, starts = kernels.prepare(
        levels.reshape(stack), seeds.reshape(stack), inside.reshape(stack)
    )
    padded = (stack[0] + 2, stack[1] + 2, stack[2] + 2)
    kernels.flood(level, out, starts, _steps(padded, len(shape), connectivity), count)
    found = out.reshape(padded)[1:-1, 1:-1, 1:-1]
    labels: NDArray[np.int32] = np.maximum(found, 0).reshape(shape)
    return labels


def _steps(padded: tuple[int, int, int], axes: int, connectivity: int) -> NDArray[np.int64]:
    """Return the steps to the neighbours: the nearest first, then in raster order."""
    reach = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    if axes == 2:
        reach = reach[reach[:, 0] == 0]
    far = np.abs(reach).sum(axis=1)
    wanted = (far > 0) & ((far == 1) | (connectivity == 8))
    reach, far = reach[wanted], far[wanted]
    reach = reach[np.argsort(far, kind="stable")]
    steps: NDArray[np.int64] = reach @ np.array([padded[1] * padded[2], padded[2], 1])
    return steps.astype(np.int64)


def propagate(
    image: ArrayLike,
    markers: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    regularization: float = 0.05,
) -> NDArray[np.int32]:
    """Give each pixel to the marker from which the easiest path leads to it.

    A step costs the root of the squared difference of the image around its two ends plus
    ``regularization`` squared times its squared length (Jones, Carpenter and Golland, Lect. Notes
    Comput. Sci. 3765, 535, 2005).  With 0 only the image counts; with large values the nearest
    marker wins.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.  They are scaled to 0 to 1, so that the weight means the same everywhere.
    markers : 2D array of integers
        Where the paths begin, 0 elsewhere.
    mask : 2D array of bool, optional
        Where paths may lead.
    regularization : float
        The weight of distance, at least 0.

    Returns
    -------
    2D array of int32
        Labels, 0 where no path leads.
    """
    where = "propagate"
    array = as_image(image, where, dimensions=(2,))
    seeds = as_labels(markers, where, "markers", dimensions=(2,))
    check_same_shape(where, image=array, markers=seeds)
    check_number(regularization, where, "regularization", low=0)
    inside = np.ones(array.shape, np.bool_)
    if mask is not None:
        inside = as_mask(mask, where, dimensions=(2,))
        check_same_shape(where, image=array, mask=inside)
    if not array.size:
        return seeds.copy()
    low, span = float(array.min()), float(np.ptp(array))
    scaled = (array.astype(np.float32) - np.float32(low)) / np.float32(span or 1.0)
    grown: NDArray[np.int32] = kernels.propagate(scaled, seeds, inside, float(regularization))
    return grown
