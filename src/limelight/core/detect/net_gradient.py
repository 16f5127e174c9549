"""Detection by the net gradient, as Picasso defines it, so that its thresholds carry over.

A pixel is a local maximum if it is the largest of the `box` x `box` pixels around it. Its net
gradient is the sum, over the other pixels of that box, of the central-difference gradient projected
on the unit vector that points to the centre. It is in counts and is compared with one threshold.

The sum is linear in the pixels: it equals one fixed correlation with ``box + 2`` pixels a side,
evaluated only at the local maxima; these come from a running maximum along rows, then columns.

Two details of the definition decide which pixels are found. Among equal pixels of a box, the first
in reading order is the maximum. And the last row and column that a box would fit are not searched,
as the gradient there needs a pixel beyond the image. (Such a pixel is missing at the top and on the
left as well; there the border is repeated, where Picasso takes the opposite border of the image.)

Source: Schnitzbauer, Strauss, Schlichthaerle, Schueder, Jungmann, Nature Protocols 12, 1198 (2017).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.detect.inputs import (
    as_block,
    as_indices,
    check_box,
    check_roi,
    no_candidates,
    read_only,
)
from limelight.core.detect.verdicts import explain_maxima
from limelight.core.errors import ParameterError
from limelight.core.spots import Candidates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from limelight.core.parts import ROI, Verdicts

__all__ = ["detect_net_gradient", "explain_net_gradient", "gradient_weights", "net_gradient_at"]

_LANES = 16
"""Columns that the correlation handles at once; rows of weights are padded with zeros to it."""


@lru_cache(maxsize=32)
def gradient_weights(box: int) -> NDArray[np.float64]:
    """Return the correlation kernel whose response is the net gradient, (box + 2, box + 2) float64.

    Parameters
    ----------
    box : int
        Side of the box in pixels, odd, 3 or more.
    """
    half = check_box(box) // 2
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    distance = np.hypot(dy, dx)
    distance[half, half] = 1.0  # the centre itself has no direction and adds nothing
    weights = np.zeros((box + 2, box + 2))
    weights[2:, 1:-1] -= dy / distance
    weights[:-2, 1:-1] += dy / distance
    weights[1:-1, 2:] -= dx / distance
    weights[1:-1, :-2] += dx / distance
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=32)
def _padded_weights(box: int) -> NDArray[np.float32]:
    weights = gradient_weights(box)
    size = len(weights)
    padded = np.zeros((size, -(-size // _LANES) * _LANES), np.float32)
    padded[:, :size] = weights
    return padded


@njit(nogil=True, cache=True)
def _maximum_along_rows(image, y0, x0, step, width, out):  # type: ignore[no-untyped-def]
    """Write the larger of each pixel and the one `step` to its right; `out` is another array."""
    if y0 < 0 or x0 < 0 or step < 0:
        return  # never so; it spares the compiler the indices from the end, so that it vectorizes
    for i in range(out.shape[0]):
        for j in range(width):
            a, b = image[y0 + i, x0 + j], image[y0 + i, x0 + j + step]
            out[i, j] = a if a > b else b


@njit(nogil=True, cache=True)
def _maximum_along_columns(image, step, height, width, out):  # type: ignore[no-untyped-def]
    """Write the larger of each pixel and the one `step` below; `out` is another array."""
    for i in range(height):
        for j in range(width):
            a, b = image[i, j], image[i + step, j]
            out[i, j] = a if a > b else b


@njit(nogil=True, cache=True)
def _window_maximum(image, y0, x0, window, first, second):  # type: ignore[no-untyped-def]
    """Return ``m[i, j]``, the maximum of the window that begins at pixel (y0 + i, x0 + j).

    The reach of a running maximum doubles with each pass. Passes alternate between the buffers
    `first` and `second`, whose shape is that of the part of the image that is looked at.
    """
    height, width = first.shape
    _maximum_along_rows(image, y0, x0, 1, width - 1, first)
    source, target = first, second
    reach = 2
    while reach < window:
        step = min(reach, window - reach)
        reach += step
        _maximum_along_rows(source, 0, 0, step, width - reach + 1, target)
        source, target = target, source
    reach = 1
    while reach < window:
        step = min(reach, window - reach)
        reach += step
        _maximum_along_columns(source, step, height - reach + 1, width - window + 1, target)
        source, target = target, source
    return source


@njit(nogil=True, cache=True)
def _mark_equal(image, y, x0, maximum, i, marks):  # type: ignore[no-untyped-def]
    """Mark the pixels of a row that equal the maximum of their window."""
    if y < 0 or x0 < 0:
        return  # as above
    for j in range(len(marks)):
        marks[j] = image[y, x0 + j] == maximum[i, j]


@njit(nogil=True, cache=True)
def _is_first(frame, y, x, half):  # type: ignore[no-untyped-def]
    """Tell whether no earlier pixel of the window, in reading order, equals the one at (y, x)."""
    value = frame[y, x]
    for i in range(y - half, y + 1):
        end = x if i == y else x + half + 1
        for j in range(x - half, end):
            if frame[i, j] == value:
                return False
    return True


@njit(nogil=True, cache=True)
def _correlate(frame, y, x, weights, sums):  # type: ignore[no-untyped-def]
    """Correlate at one pixel; an image repeats its border pixels beyond its rim.

    The weights sum to zero, so the centre's value is subtracted first: that keeps single precision
    exact enough whatever the baseline.
    """
    size, lanes = weights.shape
    height, width = frame.shape
    reach = size // 2
    top, left = y - reach, x - reach
    centre = np.float32(frame[y, x])
    sums[:] = 0.0
    if top >= 0 and left >= 0 and y + reach < height and left + lanes <= width:
        for i in range(size):
            for j in range(lanes):
                # pixels beyond the kernel must not count, not even a NaN times zero
                value = weights[i, j] * (np.float32(frame[top + i, left + j]) - centre)
                sums[j] += value if j < size else np.float32(0.0)
    else:
        for i in range(size):
            yi = min(max(top + i, 0), height - 1)
            for j in range(size):
                xj = min(max(left + j, 0), width - 1)
                sums[j] += weights[i, j] * (np.float32(frame[yi, xj]) - centre)
    total = 0.0
    for j in range(size):
        total += sums[j]
    return total


@njit(nogil=True, cache=True)
def _find(  # type: ignore[no-untyped-def]
    frames, area, window, weights, threshold, out_frame, out_y, out_x, out_score
):
    """Write the maxima of an area above a threshold as far as there is room; return their number.

    A NaN as threshold stands for all maxima, whatever their score.
    """
    y0, x0, y1, x1 = area
    half = window // 2
    height, width = y1 - y0 + 2 * half, x1 - x0 + 2 * half
    first = np.empty((height, width), frames.dtype)
    second = np.empty((height, width), frames.dtype)
    # Maxima are rare: eight marks are looked at as one 64-bit number, to pass over most of a row.
    words = np.zeros((x1 - x0 + 7) // 8, np.uint64)
    marks = words.view(np.uint8)[: x1 - x0]
    sums = np.empty(weights.shape[1], np.float32)
    found = 0
    for t in range(frames.shape[0]):
        frame = frames[t]
        maximum = _window_maximum(frame, y0 - half, x0 - half, window, first, second)
        for y in range(y0, y1):
            _mark_equal(frame, y, x0, maximum, y - y0, marks)
            for word in range(len(words)):
                if words[word] == 0:
                    continue
                for j in range(8 * word, min(8 * word + 8, x1 - x0)):
                    x = x0 + j
                    if marks[j] and _is_first(frame, y, x, half):
                        score = _correlate(frame, y, x, weights, sums)
                        if (score > threshold and score < np.inf) or np.isnan(threshold):
                            if found < len(out_score):
                                out_frame[found] = t
                                out_y[found] = y
                                out_x[found] = x
                                out_score[found] = score
                            found += 1
    return found


@njit(nogil=True, cache=True)
def _score(frames, frame, y, x, weights, out):  # type: ignore[no-untyped-def]
    sums = np.empty(weights.shape[1], np.float32)
    for n in range(len(out)):
        out[n] = _correlate(frames[frame[n]], y[n], x[n], weights, sums)


def _maxima(block: NDArray[Any], area: ROI, box: int, window: int, threshold: float) -> Candidates:
    """Return the maxima of `window` pixels a side, in an area that is searched."""
    if area[0] >= area[2] or area[1] >= area[3] or not len(block):
        return no_candidates()
    weights = _padded_weights(box)
    room = max(256, 64 * len(block))
    while True:
        frame, y, x = (np.empty(room, np.int32) for _ in range(3))
        score = np.empty(room, np.float32)
        found = _find(block, area, window, weights, threshold, frame, y, x, score)
        if found <= room:
            return Candidates(
                frame[:found].copy(), y[:found].copy(), x[:found].copy(), score[:found].copy()
            )
        room = found


def _searched(shape: tuple[int, ...], box: int, roi: ROI) -> ROI:
    """Return the part of a region in which a box and its gradient fit into the image."""
    half = box // 2
    y0, x0, y1, x1 = roi
    height, width = shape[-2:]
    return max(y0, half), max(x0, half), min(y1, height - half - 1), min(x1, width - half - 1)


def detect_net_gradient(
    frames: ArrayLike, threshold: float, box: int = 7, *, roi: ROI | None = None
) -> Candidates:
    """Find the local maxima of each frame whose net gradient exceeds a threshold.

    Parameters
    ----------
    frames : array_like (T, Y, X) or (Y, X)
        Raw counts, or counts less a background, of any integer or float type.
    threshold : float
        Minimal net gradient in counts; a spot is kept if its own is greater.
    box : int, optional
        Side length of the box in pixels, odd, 3 or more.
    roi : tuple of int, optional
        ``y0, x0, y1, x1`` (stop excluded): only peaks in this region. The pixels around it are
        used; give ``frames[:, y0:y1, x0:x1]`` to search as if they were not there.

    Returns
    -------
    Candidates
        Positions and net gradients (counts); none where no box fits. A box with a NaN or an
        infinite pixel has no candidate.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or the frames are not of numbers.
    """
    box = check_box(box)
    threshold = float(threshold)
    if np.isnan(threshold):
        raise ParameterError("The minimal net gradient is not a number; give a number of counts.")
    block = as_block(frames)
    region = check_roi(roi, (block.shape[1], block.shape[2]))
    return _maxima(block, _searched(block.shape, box, region), box, box, threshold)


def net_gradient_at(
    frames: ArrayLike, frame: ArrayLike, y: ArrayLike, x: ArrayLike, box: int = 7
) -> NDArray[np.float32]:
    """Return the net gradient at given pixels.

    Parameters
    ----------
    frames : array_like (T, Y, X) or (Y, X)
        Counts of any integer or float type. Beyond its rim an image repeats its border pixels.
    frame, y, x : array_like of int (n,)
        Frame, row and column of each pixel.
    box : int, optional
        Side length of the box in pixels, odd, 3 or more.

    Returns
    -------
    1D array of float32 (n,)
        In counts.

    Raises
    ------
    ParameterError
        If a position is outside the frames.
    """
    block = as_block(frames)
    weights = _padded_weights(check_box(box))
    columns = as_indices(frame=frame, y=y, x=x)
    for name, column, size in zip(("frame", "y", "x"), columns, block.shape, strict=True):
        if len(column) and (column.min() < 0 or column.max() >= size):
            raise ParameterError(
                f"{name} must be from 0 to {size - 1}, not {column.min()} to {column.max()}."
            )
    scores = np.empty(len(columns[0]), np.float32)
    _score(block, *columns, weights, scores)
    return scores


def explain_net_gradient(
    image: ArrayLike, threshold: float, box: int = 7, *, roi: ROI | None = None
) -> Verdicts:
    """Tell for each local maximum of one image whether the detector takes it, and if not, why.

    Parameters
    ----------
    image : array_like (Y, X)
        Counts of any integer or float type.
    threshold, box, roi
        As in `detect_net_gradient`.

    Returns
    -------
    Verdicts
        All local maxima of a box, inside and outside the region, and those smaller peaks that
        would pass the threshold if there were no brighter pixel in their box.
    """
    taken = detect_net_gradient(image, threshold, box, roi=roi)
    block = as_block(image)[:1]
    half = check_box(box) // 2
    shape = (block.shape[1], block.shape[2])
    fits = _searched(shape, box, (0, 0, *shape))

    # The same search, on an image within a dark rim, also shows maxima whose box leaves the image.
    low = np.iinfo(block.dtype).min if block.dtype.kind in "iu" else -np.inf
    padded = read_only(np.pad(block, ((0, 0), (half, half), (half, half)), constant_values=low))
    every = _maxima(padded, (half, half, half + shape[0], half + shape[1]), box, box, np.nan)
    y, x = every.y - half, every.x - half
    score = net_gradient_at(block, every.frame, y, x, box)
    inside = (y >= fits[0]) & (y < fits[2]) & (x >= fits[1]) & (x < fits[3])
    broken = np.zeros(shape, np.bool_)
    broken[y, x] = ~np.isfinite(score)
    score[~inside] = np.nan
    return explain_maxima(
        taken,
        [
            Candidates(every.frame, y, x, score),
            _maxima(block, fits, box, 3, float(threshold)),
        ],
        roi=check_roi(roi, shape),
        fits=fits,
        broken=broken,
        threshold=float(threshold),
        otherwise=f"brighter pixel within {half} px",
    )
