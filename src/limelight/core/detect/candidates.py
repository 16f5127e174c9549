"""What a detector hands to the fit: pixels that may hold a molecule, and how sure it is of each.

Everything here is plain numpy; the detectors and their tests build on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Roi: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Region of interest in pixels, ``((y0, x0), (y1, x1))``; the end row and column are outside."""


class Candidates(NamedTuple):
    """Pixels that may hold a molecule, sorted by frame, y, x.

    Attributes
    ----------
    frame : ndarray of int32, (n,)
        Index of the frame within the block that was searched.
    y, x : ndarray of int32, (n,)
        Row and column of the peak, in pixels of the full frame.
    score : ndarray of float32, (n,)
        The detector's own measure (net gradient in counts, or signal to noise).
    """

    frame: NDArray[np.int32]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    score: NDArray[np.float32]


class Explanation(NamedTuple):
    """Every local maximum of one frame, and why it is or is not a candidate.

    Attributes
    ----------
    y, x : ndarray of int32, (n,)
        Row and column of the local maximum, in pixels of the full frame.
    score : ndarray of float32, (n,)
        Score of the maximum; NaN where its box leaves the image, so that none is defined.
    accepted : ndarray of bool, (n,)
        True for what the detector returns.
    reason : list of str, (n,)
        Why a maximum was rejected, in words; empty where it was accepted.
    """

    y: NDArray[np.int32]
    x: NDArray[np.int32]
    score: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    reason: list[str]


def no_candidates() -> Candidates:
    """Return an empty table of candidates."""
    index = np.empty(0, np.int32)
    return Candidates(index, index.copy(), index.copy(), np.empty(0, np.float32))


def check_box(box: int) -> int:
    """Return `box` as an int after checking that it is an odd number of pixels, 3 or more."""
    if isinstance(box, bool) or int(box) != box or box < 3 or box % 2 == 0:
        raise ParameterError(
            f"the box side length must be an odd number of pixels, 3 or more, not {box!r}"
        )
    return int(box)


def check_roi(roi: Roi | None, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the region of interest as ``(y0, x0, y1, x1)`` within an image of `shape` (Y, X).

    An end beyond the image is cut back to it; without a region the whole image is returned.

    Raises
    ------
    ParameterError
        If the region is not ``((y0, x0), (y1, x1))`` or has no pixel inside the image.
    """
    height, width = shape
    if roi is None:
        return 0, 0, height, width
    try:
        (y0, x0), (y1, x1) = ((int(a), int(b)) for a, b in roi)
    except (TypeError, ValueError):
        raise ParameterError(
            f"the region of interest must be ((y0, x0), (y1, x1)) in pixels, not {roi!r}"
        ) from None
    inside = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ParameterError(
            f"the region of interest, rows {y0} to {y1} and columns {x0} to {x1}, has no pixel "
            f"inside the image of {height} rows and {width} columns"
        )
    return inside


def as_block(frames: ArrayLike) -> NDArray[np.generic]:
    """Return `frames` as a C-contiguous (T, Y, X) array that a kernel accepts, copying only if needed.

    A single (Y, X) image becomes a block of one frame. Every integer and float type is kept, except
    that booleans become uint8 and half floats float32, and the byte order becomes the machine's.
    """
    block = np.asarray(frames)
    if block.ndim == 2:
        block = block[None]
    if block.ndim != 3:
        raise ParameterError(
            f"frames must be (T, Y, X) or one image (Y, X), not an array of shape {block.shape}"
        )
    if block.dtype == np.bool_:
        block = block.view(np.uint8)
    elif block.dtype == np.float16:
        block = block.astype(np.float32)
    elif block.dtype.kind not in "iuf" or block.dtype.itemsize > 8:
        raise ParameterError(
            f"frames must hold integer or floating-point numbers, not {block.dtype}"
        )
    return np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("="))
