"""Checks and conversions that the detectors and the cutting of boxes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.spots import Candidates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from limelight.core.parts import ROI

__all__ = ["as_block", "as_indices", "check_box", "check_roi", "no_candidates", "read_only"]


def no_candidates() -> Candidates:
    """Return an empty table of candidates."""
    frame, y, x = (np.empty(0, np.int32) for _ in range(3))
    return Candidates(frame, y, x, np.empty(0, np.float32))


def check_box(box: int) -> int:
    """Return the side of a box as an int.

    Raises
    ------
    ParameterError
        If it is not an odd number, 3 or more.
    """
    if isinstance(box, bool) or int(box) != box or box < 3 or box % 2 == 0:
        raise ParameterError(
            f"The box side length must be an odd number of pixels, 3 or more, not {box!r}."
        )
    return int(box)


def check_roi(roi: ROI | None, shape: tuple[int, int]) -> ROI:
    """Return a region of interest cut back to an image of that shape (Y, X).

    Parameters
    ----------
    roi : tuple of int, optional
        ``y0, x0, y1, x1`` in pixels, stop excluded; None stands for the whole image.
    shape : tuple of int
        Height and width of the image.

    Raises
    ------
    ParameterError
        If the region is not four whole numbers, or has no pixel inside the image.
    """
    height, width = shape
    if roi is None:
        return 0, 0, height, width
    try:
        y0, x0, y1, x1 = (int(value) for value in roi)
    except (TypeError, ValueError):
        raise ParameterError(
            f"The region of interest must be y0, x0, y1, x1 in pixels, not {roi!r}."
        ) from None
    inside = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ParameterError(
            f"The region of interest, rows {y0} to {y1} and columns {x0} to {x1} (stop excluded), "
            f"has no pixel inside the image of {height} rows and {width} columns."
        )
    return inside


def as_block(frames: ArrayLike) -> NDArray[Any]:
    """Return frames as a C-contiguous (T, Y, X) array of a type that the kernels take.

    A single image becomes a block of one frame. Integer and float types are kept, and nothing is
    copied, unless the memory layout or byte order demands it; booleans become uint8, half floats
    float32, and unsigned 64-bit integers float64.

    Raises
    ------
    ParameterError
        If the array is not 2D or 3D, or not of real numbers.
    """
    block = np.asarray(frames)
    if block.ndim == 2:
        block = block[None]
    if block.ndim != 3:
        raise ParameterError(
            f"Frames must be (T, Y, X), or one image (Y, X), not of shape {block.shape}."
        )
    if block.dtype == np.bool_:
        block = block.view(np.uint8)
    elif block.dtype == np.float16:
        block = block.astype(np.float32)
    elif block.dtype.kind == "u" and block.dtype.itemsize == 8:
        block = block.astype(np.float64)  # no signed integer could hold the differences
    elif block.dtype.kind not in "iuf" or block.dtype.itemsize > 8:
        raise ParameterError(f"Frames must hold whole or real numbers, not {block.dtype}.")
    return read_only(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("=")))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that a kernel only reads, marked so.

    The compiler tells read-only arrays (a memory map may be one) from others; marking them all
    spares a second compilation.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def as_indices(**columns: ArrayLike) -> list[NDArray[np.int32]]:
    """Return columns of pixel or frame numbers as int32 arrays of one length.

    Raises
    ------
    ParameterError
        If one is not of whole numbers, or their lengths differ.
    """
    arrays = {name: np.atleast_1d(np.asarray(value)) for name, value in columns.items()}
    for name, array in arrays.items():
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise ParameterError(
                f"{name} must be a list of whole numbers, not an array of {array.dtype} and shape "
                f"{array.shape}."
            )
    if len({len(array) for array in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(array)}" for name, array in arrays.items())
        raise ParameterError(f"The columns differ in length: {lengths}.")
    return [np.ascontiguousarray(array, dtype=np.int32) for array in arrays.values()]
