"""Detection by the net gradient, as Picasso defines it, so that its thresholds carry over.

A pixel is a local maximum if it is the largest of the `box` x `box` pixels around it. Its net gradient
is the sum, over the other pixels of that box, of the central-difference gradient projected on the unit
vector that points to the centre. It is in counts (ADU) and is compared with one threshold.

The sum is linear in the pixels: it equals one fixed correlation with ``box + 2`` pixels a side, which
is evaluated only at the local maxima; these come from a running maximum along rows and then columns.

Two details of the definition decide which pixels are found. Among equal pixels of a box the first one
in reading order is the maximum. And the last row and column that a box would fit are not searched, as
the gradient there needs a pixel beyond the image. (The same pixel is missing at the top and on the
left; there the border pixel is repeated, where Picasso takes the opposite border of the image.)

Source: Schnitzbauer, Strauss, Schlichthaerle, Schueder, Jungmann, Nature Protocols 12, 1198 (2017).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core.detect.candidates import (
    Candidates,
    Explanation,
    as_block,
    check_box,
    check_roi,
    no_candidates,
)
from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from limelight.core.detect.candidates import Roi

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
def _padded_weights(box: int) -> NDArray[np.float64]:
    weights = gradient_weights(box)
    size = len(weights)
    padded = np.zeros((size, -(-size // _LANES) * _LANES))
    padded[:, :size] = weights
    return padded


@njit(nogil=True, cache=True)
def _window_maximum(frame, y0, y1, x0, x1, window, first, second, out):  # type: ignore[no-untyped-def]
    """Fill ``out[i, j]`` with the maximum of the window that begins at pixel (y0 + i, x0 + j)."""
    height, width = y1 - y0, x1 - x0
    for i in range(height):
        row = frame[y0 + i, x0:x1]
        # The reach doubles with each pass. Passes alternate between two buffers: in place, the
        # compiler could not prove that neighbouring lanes are independent.
        for j in range(width - 1):
            a, b = row[j], row[j + 1]
            first[j] = a if a > b else b
        source, target = first, second
        reach = 2
        while reach < window:
            step = min(reach, window - reach)
            for j in range(width - reach - step + 1):
                a, b = source[j], source[j + step]
                target[j] = a if a > b else b
            source, target = target, source
            reach += step
        out[i, : width - window + 1] = source[: width - window + 1]
    reach = 1
    while reach < window:
        step = min(reach, window - reach)
        for i in range(height - reach - step + 1):
            upper, lower = out[i], out[i + step]
            for j in range(width - window + 1):
                a, b = upper[j], lower[j]
                upper[j] = a if a > b else b
        reach += step


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
def _correlate(frame, y, x, y0, y1, x0, x1, weights, sums):  # type: ignore[no-untyped-def]
    """Correlate at one pixel; pixels beyond the region repeat its border."""
    size, lanes = weights.shape
    reach = size // 2
    sums[:] = 0.0
    left = x - reach
    if left >= x0 and x + reach < x1 and y - reach >= y0 and y + reach < y1:
        if left + lanes <= frame.shape[1]:
            for i in range(size):
                row = frame[y - reach + i, left : left + lanes]
                for j in range(lanes):
                    # pixels beyond the kernel must not count, not even a NaN times zero
                    sums[j] += weights[i, j] * row[j] if j < size else 0.0
        else:
            for i in range(size):
                for j in range(size):
                    sums[j] += weights[i, j] * frame[y - reach + i, left + j]
    else:
        for i in range(size):
            yi = min(max(y - reach + i, y0), y1 - 1)
            for j in range(size):
                xj = min(max(left + j, x0), x1 - 1)
                sums[j] += weights[i, j] * frame[yi, xj]
    total = 0.0
    for j in range(size):
        total += sums[j]
    return total


@njit(nogil=True, cache=True)
def _find(  # type: ignore[no-untyped-def]
    frames, y0, y1, x0, x1, box, window, weights, threshold, out_frame, out_y, out_x, out_score
):
    """Write the maxima above `threshold` as far as there is room; return how many there are."""
    height, width = y1 - y0, x1 - x0
    first = np.empty(width, frames.dtype)
    second = np.empty(width, frames.dtype)
    maximum = np.empty((height, width), frames.dtype)
    sums = np.empty(weights.shape[1])
    half_box, half = box // 2, window // 2
    found = 0
    chunk = 32
    for t in range(frames.shape[0]):
        frame = frames[t]
        _window_maximum(frame, y0, y1, x0, x1, window, first, second, maximum)
        for y in range(y0 + half_box, y1 - half_box - 1):
            row = frame[y, x0 + half_box : x1 - half_box - 1]
            largest = maximum[y - half - y0, half_box - half :]
            for begin in range(0, len(row), chunk):
                end = min(begin + chunk, len(row))
                equal = 0
                for j in range(begin, end):
                    equal += row[j] == largest[j]
                if equal == 0:
                    continue
                for j in range(begin, end):
                    x = x0 + half_box + j
                    if row[j] == largest[j] and _is_first(frame, y, x, half):
                        score = _correlate(frame, y, x, y0, y1, x0, x1, weights, sums)
                        if score > threshold and score < np.inf:
                            if found < len(out_score):
                                out_frame[found] = t
                                out_y[found] = y
                                out_x[found] = x
                                out_score[found] = score
                            found += 1
    return found


@njit(nogil=True, cache=True)
def _score(frames, frame, y, x, weights, out):  # type: ignore[no-untyped-def]
    sums = np.empty(weights.shape[1])
    height, width = frames.shape[1:]
    for n in range(len(out)):
        out[n] = _correlate(frames[frame[n]], y[n], x[n], 0, height, 0, width, weights, sums)


def _maxima(
    block: NDArray[np.generic], region: tuple[int, int, int, int], box: int, window: int, threshold: float
) -> Candidates:
    y0, x0, y1, x1 = region
    if min(y1 - y0, x1 - x0) <= box or not len(block):
        return no_candidates()
    weights = _padded_weights(box)
    room = max(256, 64 * len(block))
    while True:
        result = Candidates(
            np.empty(room, np.int32),
            np.empty(room, np.int32),
            np.empty(room, np.int32),
            np.empty(room, np.float32),
        )
        found = _find(block, y0, y1, x0, x1, box, window, weights, threshold, *result)
        if found <= room:
            return Candidates(*(column[:found].copy() for column in result))
        room = found


def detect_net_gradient(
    frames: ArrayLike, threshold: float, box: int = 7, *, roi: Roi | None = None
) -> Candidates:
    """Find the local maxima of each frame whose net gradient exceeds a threshold.

    Parameters
    ----------
    frames : array_like, (T, Y, X) or (Y, X)
        Raw counts, or counts less a background, of any integer or float type.
    threshold : float
        Minimal net gradient in counts; a spot is kept if its net gradient is greater.
    box : int, optional
        Side of the box in pixels, odd, 3 or more.
    roi : ((y0, x0), (y1, x1)), optional
        Search only these rows and columns, as if the frames were cut to them. The positions returned
        are those in the full frame.

    Returns
    -------
    Candidates
        Positions and net gradients (counts). Empty where the region is not larger than the box. A box
        with a NaN or an infinite pixel has no candidate.
    """
    box = check_box(box)
    if np.isnan(threshold):
        raise ParameterError("the minimal net gradient is NaN; give a number")
    block = as_block(frames)
    region = check_roi(roi, (block.shape[1], block.shape[2]))
    return _maxima(block, region, box, box, float(threshold))


def net_gradient(
    frames: ArrayLike, frame: ArrayLike, y: ArrayLike, x: ArrayLike, box: int = 7
) -> NDArray[np.float32]:
    """Return the net gradient at given pixels, (n,) float32, in counts.

    Parameters
    ----------
    frames : array_like, (T, Y, X) or (Y, X)
        Counts of any integer or float type. Beyond its rim an image repeats its border pixels.
    frame, y, x : array_like of int, (n,)
        Frame, row and column of each pixel.
    box : int, optional
        Side of the box in pixels, odd, 3 or more.

    Raises
    ------
    ParameterError
        If a position is outside the frames.
    """
    block = as_block(frames)
    weights = _padded_weights(check_box(box))
    columns = [np.atleast_1d(np.asarray(a)).astype(np.int64, casting="same_kind") for a in (frame, y, x)]
    for name, column, size in zip(("frame", "y", "x"), columns, block.shape, strict=True):
        if len(column) and (column.min() < 0 or column.max() >= size):
            raise ParameterError(
                f"{name} must be from 0 to {size - 1}; it runs from {column.min()} to {column.max()}"
            )
    scores = np.empty(len(columns[0]), np.float32)
    _score(block, *columns, weights, scores)
    return scores


def explain_net_gradient(
    image: ArrayLike, threshold: float, box: int = 7, *, roi: Roi | None = None
) -> Explanation:
    """Tell for each local maximum of one image whether the detector takes it, and if not, why.

    Parameters
    ----------
    image : array_like, (Y, X)
        Counts of any integer or float type.
    threshold, box, roi
        As in `detect_net_gradient`.

    Returns
    -------
    Explanation
        All local maxima of a `box`, inside and outside the region, and those smaller peaks that would
        pass the threshold if no brighter pixel were in their box.
    """
    box = check_box(box)
    half = box // 2
    block = as_block(image)[:1]
    shape = (block.shape[1], block.shape[2])
    y0, x0, y1, x1 = check_roi(roi, shape)
    taken = detect_net_gradient(block, threshold, box, roi=roi)
    accepted = set(zip(taken.y.tolist(), taken.x.tolist(), strict=True))

    # The same search on an image with a dark rim shows the maxima whose box leaves the image.
    low = np.iinfo(block.dtype).min if block.dtype.kind in "iu" else -np.finfo(block.dtype).max
    rim = half + 1
    padded = np.pad(block, ((0, 0), (rim, rim), (rim, rim)), constant_values=low)
    whole = (0, 0, padded.shape[1], padded.shape[2])
    rows: list[tuple[int, int, float, str]] = []
    seen: set[tuple[int, int]] = set()

    def add(y: int, x: int, score: float, reason: str) -> None:
        if (y, x) not in seen:
            seen.add((y, x))
            rows.append((y, x, score, reason))

    for y, x, score in zip(taken.y.tolist(), taken.x.tolist(), taken.score.tolist(), strict=True):
        add(y, x, score, "")
    large = _everywhere(padded, whole, box, box)
    pixels = block[0]
    for y, x in large - accepted:
        y, x = y - rim, x - rim
        if (y, x) in accepted or not (0 <= y < shape[0] and 0 <= x < shape[1]):
            continue
        inside_image = half <= y < shape[0] - half - 1 and half <= x < shape[1] - half - 1
        inside_roi = y0 <= y < y1 and x0 <= x < x1
        box_inside = y0 + half <= y < y1 - half - 1 and x0 + half <= x < x1 - half - 1
        score = float(net_gradient(pixels, 0, y, x, box)[0]) if inside_image else float("nan")
        if not inside_roi:
            add(y, x, score, "outside the region of interest")
        elif not inside_image:
            add(y, x, score, "box leaves the image")
        elif not box_inside:
            add(y, x, score, "box leaves the region of interest")
        elif not np.isfinite(score):
            add(y, x, score, "box holds a pixel that is not a number")
        else:
            add(y, x, score, f"below threshold: {score:.5g} <= {threshold:.5g}")
    return _finish(rows)
