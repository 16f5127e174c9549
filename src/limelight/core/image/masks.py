"""Operations on masks, and on images by masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image.inputs import (
    as_image,
    as_mask,
    cast_like,
    check_choice,
    check_number,
    check_same_shape,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LOGICAL_OPERATIONS",
    "PROJECTIONS",
    "apply_mask",
    "clip",
    "combine_channels",
    "combine_masks",
    "fill",
    "invert",
    "project",
    "rescale",
]

LOGICAL_OPERATIONS = ("AND", "OR", "EXCLUSIVE_OR")
PROJECTIONS = ("max", "sum")


def apply_mask(image: ArrayLike, mask: ArrayLike) -> NDArray[Any]:
    """Return an image that is 0 outside of a mask or of objects."""
    array, inside = as_image(image, "apply_mask"), as_mask(mask, "apply_mask")
    check_same_shape("apply_mask", image=array, mask=inside)
    return np.where(inside, array, array.dtype.type(0))


def clip(image: ArrayLike, clipping_mask: ArrayLike) -> NDArray[Any]:
    """Take away from a mask or from labels what another mask covers.

    Parameters
    ----------
    image : array of bool or integers
        Mask or labels.
    clipping_mask : array of bool or integers
        Where the result is background.

    Returns
    -------
    array
        Of the type of the image; labels keep their numbers.
    """
    covered = as_mask(clipping_mask, "clip", "clipping_mask")
    as_mask(image, "clip", "image")
    array = np.asarray(image)
    check_same_shape("clip", image=array, clipping_mask=covered)
    return np.where(covered, array.dtype.type(0), array)


def combine_masks(
    mask_1: ArrayLike, mask_2: ArrayLike, logical_operation: str
) -> NDArray[np.bool_]:
    """Combine two masks pixel by pixel with AND, OR or EXCLUSIVE_OR."""
    check_choice(logical_operation, LOGICAL_OPERATIONS, "combine_masks", "logical_operation")
    one = as_mask(mask_1, "combine_masks", "mask_1")
    other = as_mask(mask_2, "combine_masks", "mask_2")
    check_same_shape("combine_masks", mask_1=one, mask_2=other)
    operation = {"AND": np.logical_and, "OR": np.logical_or}
    result: NDArray[np.bool_] = operation.get(logical_operation, np.logical_xor)(one, other)
    return result


def combine_channels(
    image_1: ArrayLike, image_2: ArrayLike, weight_1: float = 1, weight_2: float = 1
) -> NDArray[Any]:
    """Return the weighted mean of two images, in the wider of their types.

    Parameters
    ----------
    image_1, image_2 : arrays of one shape
        The counts.
    weight_1, weight_2 : float
        The weights, at least 0, not both 0.
    """
    where = "combine_channels"
    one, other = as_image(image_1, where, "image_1"), as_image(image_2, where, "image_2")
    check_same_shape(where, image_1=one, image_2=other)
    check_number(weight_1, where, "weight_1", low=0)
    check_number(weight_2, where, "weight_2", low=0)
    if weight_1 + weight_2 == 0:
        raise ParameterError(f"{where}: weight_1 and weight_2 are both 0; give one of them more.")
    mean = (one.astype(np.float64) * weight_1 + other * float(weight_2)) / (weight_1 + weight_2)
    return cast_like(mean, np.result_type(one, other))


def invert(image: ArrayLike) -> NDArray[Any]:
    """Make bright pixels dark and dark ones bright.

    Masks and unsigned integers become their complement (65535 - counts for 16 bits); signed
    integers and floats are mirrored within their own range: smallest + largest - counts.
    """
    if np.asarray(image).dtype == np.bool_:
        return ~as_mask(image, "invert", "image")
    array = as_image(image, "invert")
    if array.dtype.kind == "u" or not array.size:
        return np.invert(array) if array.dtype.kind == "u" else array.copy()
    return cast_like(
        float(array.min()) + float(array.max()) - array.astype(np.float64), array.dtype
    )


def rescale(intensity_image: ArrayLike, min_value: float, max_value: float) -> NDArray[Any]:
    """Stretch the counts between two values to the whole range of the image's type.

    Counts up to the first become 0, from the second on the largest number of an integer type, or 1
    for floats.

    Parameters
    ----------
    intensity_image : array
        The counts.
    min_value, max_value : float
        The range that is stretched, counts; the first below the second.
    """
    array = as_image(intensity_image, "rescale", "intensity_image")
    check_number(min_value, "rescale", "min_value")
    check_number(max_value, "rescale", "max_value")
    if not min_value < max_value:
        raise ParameterError(
            f"rescale: min_value ({min_value:g}) must be below max_value ({max_value:g})."
        )
    top = 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)
    share = np.clip((array.astype(np.float64) - min_value) / (max_value - min_value), 0, 1)
    return cast_like(share * top, array.dtype)


def project(image: ArrayLike, method: str = "max") -> NDArray[Any]:
    """Bring a stack (Z, Y, X) into one plane.

    Parameters
    ----------
    image : 3D (Z, Y, X) array
        The stack; a plane (Y, X) is returned as it is.
    method : {"max", "sum"}
        Brightest value, or sum, of each pixel over z.

    Returns
    -------
    2D array (Y, X)
        Of the type of the image for "max"; uint32 for the sum of integers of up to 16 bits, so
        that none overflows, else float64.
    """
    check_choice(method, PROJECTIONS, "project", "method")
    array = as_image(image, "project")
    if array.ndim == 2:
        return array
    if array.shape[0] == 0:
        raise ParameterError("project: the stack has no planes.")
    if method == "max":
        highest: NDArray[Any] = array.max(axis=0)
        return highest
    narrow = array.dtype.kind == "u" and array.dtype.itemsize <= 2
    total: NDArray[Any] = array.sum(axis=0, dtype=np.uint32 if narrow else np.float64)
    return total


def fill(mask: ArrayLike) -> NDArray[np.bool_]:
    """Fill the holes of a mask: background that no path of edges joins to the border.

    Parameters
    ----------
    mask : 2D (Y, X) or 3D (Z, Y, X) array of bool or integers
        The mask; in a stack, holes are closed in space.

    Returns
    -------
    array of bool
        The mask without holes.
    """
    from limelight.core.image.labels import label_background

    inside = as_mask(mask, "fill")
    if not inside.size:
        return inside
    return inside | ~label_background(inside)
