"""From masks to numbered objects, and what is done to their numbers and outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _label_kernels as kernels
from limelight.core.image.inputs import (
    as_labels,
    as_mask,
    check_choice,
    check_number,
    check_same_shape,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "border_objects",
    "clear_border",
    "expand_or_shrink",
    "filter_objects",
    "label",
    "label_background",
    "object_ids",
    "object_table",
    "parents",
    "register_objects",
    "relabel",
    "use_label_image",
]

FILTER_FEATURES = ("area", "eccentricity", "circularity", "convexity")


def label(mask: ArrayLike, connectivity: int = 8) -> NDArray[np.int32]:
    """Label the connected pieces of a mask, from the first pixel on.

    Parameters
    ----------
    mask : 2D (Y, X) or 3D (Z, Y, X) array of bool or integers
        The mask; labels are taken as a mask.
    connectivity : {4, 8}
        Whether pixels that touch by edges only are connected, or by corners too; in a stack 4
        means the 6 voxels that share a face, 8 all 26.

    Returns
    -------
    array of int32
        0 for background, 1 to N for the pieces.
    """
    from scipy import ndimage

    inside = as_mask(mask, "label")
    if connectivity not in (4, 8):
        raise ParameterError(f"label: connectivity must be 4 or 8, not {connectivity!r}.")
    if inside.ndim == 2:
        pieces: NDArray[np.int32] = kernels.label(inside, connectivity == 8)
        return pieces
    found = np.empty(inside.shape, np.int32)
    ndimage.label(inside, np.ones((3, 3, 3)) if connectivity == 8 else None, output=found)
    return found


def label_background(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the background that is joined to the border by faces."""
    outside = label(~mask, 4)
    touching = np.zeros(int(outside.max(initial=0)) + 1, np.bool_)
    for axis in range(outside.ndim):
        for side in (0, -1):
            touching[np.take(outside, side, axis=axis).ravel()] = True
    touching[0] = False
    return touching[outside]


def object_ids(labels: ArrayLike) -> NDArray[np.int64]:
    """Return the numbers of the objects, ascending."""
    array = as_labels(labels, "object_ids")
    return kernels.ids(array)


def relabel(label_image: ArrayLike) -> NDArray[np.int32]:
    """Give objects new numbers, from 1 on without gaps, in the order of their old numbers."""
    array = as_labels(label_image, "relabel", "label_image")
    numbers = kernels.ids(array)
    return kernels.renumber(array, numbers, np.arange(1, len(numbers) + 1, dtype=np.int32))


def use_label_image(input_image: ArrayLike) -> NDArray[np.int32]:
    """Take an image of whole numbers as labels."""
    array = np.asarray(input_image)
    if array.dtype.kind == "f" and array.size and np.isfinite(array).all():
        whole = np.rint(array)
        if (whole == array).all():
            array = whole.astype(np.int64)
    return as_labels(array, "use_label_image", "input_image")


def register_objects(mask: ArrayLike) -> NDArray[np.int32]:
    """Return objects with numbers that stay: a mask's connected pieces, or labels as they are."""
    array = np.asarray(mask)
    return label(array) if array.dtype == np.bool_ else as_labels(array, "register_objects", "mask")


def border_objects(labels: ArrayLike) -> NDArray[np.int64]:
    """Return the numbers of the objects that touch the border of the field, ascending.

    In a stack the borders are those of Y and X.
    """
    array = as_labels(labels, "border_objects")
    if not array.size:
        return np.empty(0, np.int64)
    sides = [array[..., 0, :], array[..., -1, :], array[..., 0], array[..., -1]]
    numbers = np.unique(np.concatenate([s.ravel() for s in sides]))
    return numbers[numbers > 0].astype(np.int64)


def clear_border(labels: ArrayLike) -> NDArray[np.int32]:
    """Remove the objects that touch the border of the field; the others keep their numbers."""
    array = as_labels(labels, "clear_border")
    numbers = kernels.ids(array)
    kept = np.where(np.isin(numbers, border_objects(array)), 0, numbers).astype(np.int32)
    return kernels.renumber(array, numbers, kept)


def parents(labels: ArrayLike, of: ArrayLike) -> pd.Series:
    """Return in which object each object lies.

    Parameters
    ----------
    labels : array of integers
        The children: nuclei, say.
    of : array of integers
        The parents: cells, say.

    Returns
    -------
    Series of int64
        The number of the parent that covers most of a child, by the child's number; 0 for none,
        the lowest where two cover as much.
    """
    import pandas as pd

    child, parent = as_labels(labels, "parents"), as_labels(of, "parents", "of")
    check_same_shape("parents", labels=child, of=parent)
    numbers = kernels.ids(child)
    inside = child > 0
    pairs = child[inside].astype(np.int64) << 32 | parent[inside]
    pairs, counts = np.unique(pairs, return_counts=True)
    child_of, parent_of = pairs >> 32, pairs & 0xFFFFFFFF
    counts = np.where(parent_of == 0, 0, counts)
    order = np.lexsort((parent_of, -counts, child_of))
    first = np.unique(child_of[order], return_index=True)[1]
    found = parent_of[order][first]
    index = pd.Index(numbers, name="label")
    return pd.Series(found.astype(np.int64), index=index, name="parent")


def object_table(labels: ArrayLike) -> pd.DataFrame:
    """List objects: centroid, bounding box, and whether they touch the border.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``centroid_y``, ``centroid_x`` (px, and
        ``centroid_z`` first in a stack), ``y0``, ``x0``, ``y1``, ``x1`` (px, the last excluded;
        with ``z0``, ``z1``), ``is_border`` (bool).
    """
    import pandas as pd

    array = as_labels(labels, "object_table")
    numbers = kernels.ids(array)
    stack = array if array.ndim == 3 else array[None]
    areas, sums, boxes = kernels.boxes(stack, numbers)
    index = pd.Index(numbers, name="label")
    table: dict[str, NDArray[Any]] = {}
    axes = "zyx"[3 - array.ndim :]
    with np.errstate(invalid="ignore"):
        for a in axes:
            table[f"centroid_{a}"] = sums[:, "zyx".index(a)] / areas
    for side in (0, 1):
        for a in axes:
            table[f"{a}{side}"] = boxes[:, 2 * "zyx".index(a) + side]
    table["is_border"] = np.isin(numbers, border_objects(array))
    return pd.DataFrame(table, index=index)


def expand_or_shrink(image: ArrayLike, n: float) -> NDArray[np.int32]:
    """Grow objects by n pixels, or shrink them.

    Parameters
    ----------
    image : 2D (Y, X) array of integers
        Labels.
    n : float
        Distance, px.  Above 0, background within it of an object becomes that of the nearest
        object (of equally near ones that with the lowest number); objects do not merge.  Below 0,
        pixels within it of background, of another object or of the border of the field are lost,
        and an object that is no thicker vanishes.

    Returns
    -------
    2D array of int32
        Labels; the numbers stay.
    """
    from limelight.core.image.distance import inner_distance, nearest_label

    array = as_labels(image, "expand_or_shrink", "image", dimensions=(2,))
    check_number(n, "expand_or_shrink", "n", low=-10000, high=10000)
    if n == 0 or not array.size:
        return array.copy()
    if n > 0:
        return nearest_label(array, n)
    square = inner_distance(array)
    return np.where(square > float(n) * float(n), array, np.int32(0))


def filter_objects(
    mask: ArrayLike,
    feature: str,
    lower_threshold: float | None = None,
    upper_threshold: float | None = None,
) -> NDArray[Any]:
    """Keep objects whose feature is within a range.

    Parameters
    ----------
    mask : 2D (Y, X) array of bool or integers
        Mask, whose connected pieces are the objects, or labels.
    feature : {"area", "eccentricity", "circularity", "convexity"}
        The feature, as `measure_morphology` has it (area in px).
    lower_threshold, upper_threshold : float, optional
        The range; its ends belong to it.  An object whose feature is not defined is removed.

    Returns
    -------
    2D array
        A mask for a mask, labels with their numbers for labels.
    """
    from limelight.core.features.morphology import measure_morphology

    where = "filter"
    check_choice(feature, FILTER_FEATURES, where, "feature")
    for name, value in (("lower_threshold", lower_threshold), ("upper_threshold", upper_threshold)):
        if value is not None:
            check_number(value, where, name)
    array = np.asarray(mask)
    binary = array.dtype == np.bool_
    labels = label(array) if binary else as_labels(array, where, "mask", dimensions=(2,))
    table = measure_morphology(labels)
    values = table[f"Morphology_{feature}"].to_numpy()
    low = -np.inf if lower_threshold is None else lower_threshold
    high = np.inf if upper_threshold is None else upper_threshold
    numbers = table.index.to_numpy()
    kept = np.where((values >= low) & (values <= high), numbers, 0).astype(np.int32)
    result = kernels.renumber(labels, numbers, kept)
    return result > 0 if binary else result
