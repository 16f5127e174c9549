"""What every function of images, masks and objects asks of its input.

The words are the field's: an *image* holds counts, a *mask* says yes or no, *labels* hold 0 for
background and one positive integer per object.  Planes are (Y, X), stacks (Z, Y, X).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_image",
    "as_labels",
    "as_mask",
    "cast_like",
    "check_choice",
    "check_number",
    "check_same_shape",
]

_LARGEST = 2**31 - 1


def _as_array(
    values: ArrayLike, where: str, what: str, dimensions: tuple[int, ...]
) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim not in dimensions:
        wanted = " or ".join({2: "2D (Y, X)", 3: "3D (Z, Y, X)"}[d] for d in dimensions)
        raise ParameterError(
            f"{where}: {what} must be {wanted}, but has the shape {array.shape}. "
            "Choose one plane or one channel of it."
        )
    if array.dtype.kind not in "buif":
        raise ParameterError(
            f"{where}: {what} must hold real numbers, not values of type {array.dtype}."
        )
    return array


def as_image(
    image: ArrayLike,
    where: str,
    what: str = "image",
    *,
    dimensions: tuple[int, ...] = (2, 3),
) -> NDArray[Any]:
    """Check an image of counts.

    Parameters
    ----------
    image : 2D (Y, X) or 3D (Z, Y, X) array of integers or floats
        A mask is taken as 0 and 1.
    where, what : str
        Function and parameter, for the message.
    dimensions : tuple of int
        How many axes are allowed.

    Returns
    -------
    array
        The image, in C order.

    Raises
    ------
    ParameterError
        If the shape does not fit, or a pixel is not finite.
    """
    array = _as_array(image, where, what, dimensions)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        doubtful = array.dtype.kind == "f" and not np.isfinite(np.sum(array))
    if doubtful:  # or the sum is too large for its type
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        if bad:
            raise ParameterError(
                f"{where}: {what} has {bad} pixels that are not finite (NaN or infinity). "
                "Replace them first, with np.nan_to_num for instance."
            )
    return np.ascontiguousarray(array)


def as_mask(
    mask: ArrayLike,
    where: str,
    what: str = "mask",
    *,
    dimensions: tuple[int, ...] = (2, 3),
) -> NDArray[np.bool_]:
    """Check a mask; labels are taken as a mask of all objects.

    Raises
    ------
    ParameterError
        If it is neither of bool nor of integers, or its shape does not fit.
    """
    array = _as_array(mask, where, what, dimensions)
    if array.dtype.kind == "f":
        raise ParameterError(
            f"{where}: {what} is of type {array.dtype}; a mask must be of bool or integers. "
            "Threshold the image first."
        )
    return np.ascontiguousarray(array if array.dtype == np.bool_ else array != 0)


def as_labels(
    labels: ArrayLike,
    where: str,
    what: str = "labels",
    *,
    dimensions: tuple[int, ...] = (2, 3),
) -> NDArray[np.int32]:
    """Check labels: integers, 0 for background, at most 2**31 - 1.

    Raises
    ------
    ParameterError
        If they are of float or bool, negative or too large, or the shape does not fit.
    """
    array = _as_array(labels, where, what, dimensions)
    if array.dtype == np.bool_:
        raise ParameterError(
            f"{where}: {what} is a mask (bool), not labels. Give each object its number first, "
            "with label(mask)."
        )
    if array.dtype.kind == "f":
        raise ParameterError(
            f"{where}: {what} is of type {array.dtype}; labels must be integers. Convert them "
            "with .astype(np.int32) if they are whole numbers."
        )
    if array.size and array.dtype.kind == "i" and array.min() < 0:
        raise ParameterError(
            f"{where}: {what} has negative numbers; labels are 0 for background and positive "
            "for objects."
        )
    if array.size and array.dtype.itemsize >= 4 and array.max() > _LARGEST:
        raise ParameterError(
            f"{where}: {what} has numbers above {_LARGEST}. Number the objects anew with relabel."
        )
    return np.ascontiguousarray(array, np.int32)


def check_same_shape(where: str, **arrays: NDArray[Any]) -> None:
    """Raise if arrays that belong together differ in shape.

    Raises
    ------
    ParameterError
        Names both and their shapes.
    """
    (first, array), *others = arrays.items()
    for name, other in others:
        if other.shape != array.shape:
            raise ParameterError(
                f"{where}: {first} has the shape {array.shape}, {name} {other.shape}; they must "
                "be of the same field."
            )


def check_choice(value: object, allowed: Iterable[str], where: str, what: str) -> None:
    """Raise if a word is not one of those that are allowed.

    Raises
    ------
    ParameterError
        Says what there is.
    """
    names = list(allowed)
    if value not in names:
        raise ParameterError(f"{where}: there is no {what} {value!r}. {suggest(str(value), names)}")


def check_number(
    value: float,
    where: str,
    what: str,
    *,
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
) -> None:
    """Raise if a number is out of its range.

    Raises
    ------
    ParameterError
        Says which range is allowed.
    """
    good = isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value)
    good = good and (low is None or value >= low) and (high is None or value <= high)
    if good and (not whole or float(value).is_integer()):
        return
    kind = "a whole number" if whole else "a number"
    span = {
        (False, False): f" from {low} to {high}",
        (False, True): f", at least {low}",
        (True, False): f", at most {high}",
        (True, True): "",
    }[low is None, high is None]
    raise ParameterError(f"{where}: {what} must be {kind}{span}, not {value!r}.")


def cast_like(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in another type: rounded and limited to its range if it is of integers."""
    if dtype.kind == "f":
        return values.astype(dtype, copy=False)
    if dtype.kind == "b":
        return values > 0.5
    limits = np.iinfo(dtype)
    whole: NDArray[Any] = np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return whole
