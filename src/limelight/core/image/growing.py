"""Objects grow from seeds: watershed of a landscape, and propagation over an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _growing_kernels as kernels
from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.distance import shares
from limelight.core.image.inputs import (
    as_image,
    as_labels,
    as_mask,
    check_number,
    check_same_shape,
)
from limelight.core.image.labels import label
from limelight.core.pool import each

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["flood", "propagate", "watershed"]

_LEVELS = 2**16
_NESTED = 4


def watershed(
    image: ArrayLike,
    markers: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    connectivity: int = 4,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Flood a landscape from markers; where two floods meet is the border between them.

    Meyer's algorithm (Meyer, Signal Process. 38, 113, 1994): the lowest pixel beside a flood is
    next, of pixels of one height the one that was reached first, and water does not fall again.

    Without a mask, or where what is to be flooded hangs together, the result is that of
    scikit-image's `watershed`, plateaus included.  Where a mask cuts it into pieces, each is
    flooded by itself, on threads, which is several times as fast; then markers of equal height
    may begin in another order.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array
        The landscape; low places are flooded first.  In pieces, integers of a range up to 2**20
        are taken exactly, all else in 65,536 levels of equal height.
    markers : array of integers
        Where floods begin, 0 elsewhere.
    mask : array of bool, optional
        What may be flooded.
    connectivity : {4, 8}
        Whether water runs over edges only, or over corners too (6 and 26 neighbours in a stack).
    threads : int, optional
        Threads; the result does not depend on it.

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
    return flood(array, seeds, inside, connectivity=connectivity, threads=threads, exact=True)


def flood(
    array: NDArray[Any],
    seeds: NDArray[np.int32],
    inside: NDArray[np.bool_] | None = None,
    pieces: NDArray[np.int32] | None = None,
    *,
    inverted: bool = False,
    connectivity: int = 4,
    threads: int | None = None,
    exact: bool = False,
) -> NDArray[np.int32]:
    """Flood a landscape whose inputs are checked.

    Parameters
    ----------
    array, seeds, inside, connectivity, threads
        As in `watershed`.
    pieces : array of int32, optional
        Instead of ``inside``: labels, none of which may be flooded from another.
    inverted : bool
        Whether high places are flooded first.
    exact : bool
        Whether markers of equal height begin in scikit-image's order, where there is no mask or
        what is to be flooded hangs together.

    Returns
    -------
    array of int32
        Labels.
    """
    if not array.size:
        return seeds.copy()
    stack = (1, *array.shape) if array.ndim == 2 else array.shape
    near = _neighbours(array.ndim, connectivity)
    image, marks = array.reshape(stack), seeds.reshape(stack)
    out = np.zeros(stack, np.int32)
    exact = exact and pieces is None and image.size < 2**31
    if pieces is None:
        everywhere = inside is None
        allowed = np.ones(stack, np.bool_) if inside is None else inside.reshape(stack)
        if exact and everywhere:
            return _flood_exactly(image, marks, allowed, near, inverted).reshape(array.shape)
        inside = np.zeros(stack, np.bool_)
        kernels.concerned(marks, allowed, near, inside)
        np.copyto(out, marks, where=allowed)
        pieces = label(inside.reshape(array.shape), connectivity)
    pieces = pieces.reshape(stack)
    numbers = label_kernels.ids(pieces)
    if exact and len(numbers) == 1:
        return _flood_exactly(image, marks, allowed, near, inverted).reshape(array.shape)
    if len(numbers) and int(numbers[-1]) != len(numbers):
        pieces = label_kernels.index_of(pieces, numbers)
    areas, _, bounds = label_kernels.boxes(pieces, np.arange(1, len(numbers) + 1))
    windows = np.prod(bounds[:, 1::2] - bounds[:, ::2] + 2, axis=1).sum()
    if inside is not None and windows > _NESTED * array.size:
        # long pieces that lie across each other: one window for all costs less
        pieces = inside.astype(np.int32)
        areas, _, bounds = label_kernels.boxes(pieces, np.arange(1, 2))
    low, high = float(array.min()), float(array.max())
    exact = array.dtype.kind in "ui" and high - low < 2**20
    count = int(high - low) + 1 if exact else _LEVELS
    factor = 1.0 if exact else ((_LEVELS - 1) / (high - low) if high > low else 0.0)
    offset, factor = (high, -factor) if inverted else (low, factor)
    # the largest first: whoever is done takes the next share
    order = np.argsort(-areas, kind="stable")
    each(
        lambda run: kernels.grow(
            image, marks, pieces, order, bounds, near, offset, factor, count, *run, out
        ),
        shares(areas[order], 16),
        threads,
    )
    return out.reshape(array.shape)


def _flood_exactly(
    image: NDArray[Any],
    marks: NDArray[np.int32],
    allowed: NDArray[np.bool_],
    near: NDArray[np.int64],
    inverted: bool,
) -> NDArray[np.int32]:
    """Flood all at a time, in the order of a heap."""
    level = np.zeros([n + 2 for n in image.shape], np.int32)
    state = np.full(level.shape, -1, np.int32)
    core = (slice(1, -1),) * 3
    level[core] = _heights(image, inverted)
    state[core] = np.where(allowed, marks, np.int32(-1))
    steps = near @ np.array([level.shape[1] * level.shape[2], level.shape[2], 1])
    kernels.grow_exactly(level.ravel(), state.ravel(), steps)
    return np.maximum(state[core], np.int32(0))


def _heights(image: NDArray[Any], inverted: bool) -> NDArray[np.int32]:
    """Return whole numbers, at least 0, in the order of the values."""
    if image.dtype.kind in "buif" and image.dtype.itemsize <= 2:
        image = image.astype(np.int32 if image.dtype.kind != "f" else np.float32)
    if image.dtype.kind in "iu":
        low, high = int(image.min()), int(image.max())
        if high - low < 2**31:
            wide = image.astype(np.int64)
            return (high - wide if inverted else wide - low).astype(np.int32)
    if image.dtype == np.float32:
        bits = ((-image if inverted else image) + np.float32(0)).view(np.int32)
        # Bits of positive numbers are in order, those of negative ones in the reverse.
        ordered = np.where(bits < 0, np.int64(-(2**31)) - bits, bits)
        low, high = int(ordered.min()), int(ordered.max())
        if high - low < 2**31:
            return (ordered - low).astype(np.int32)
    values, ranks = np.unique(image, return_inverse=True)
    ranks = ranks.reshape(image.shape)
    return (len(values) - 1 - ranks if inverted else ranks).astype(np.int32)


def _neighbours(axes: int, connectivity: int) -> NDArray[np.int64]:
    """Return the steps (z, y, x) to the neighbours: the nearest first, then in raster order."""
    reach = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    if axes == 2:
        reach = reach[reach[:, 0] == 0]
    far = np.abs(reach).sum(axis=1)
    wanted = (far > 0) & ((far == 1) | (connectivity == 8))
    reach, far = reach[wanted], far[wanted]
    steps: NDArray[np.int64] = reach[np.argsort(far, kind="stable")].astype(np.int64)
    return steps


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
