"""The light that stays: what each pixel shows in the frames around a frame.

The background of frame t is taken from the frames t + a to t + b - 1 of a window (a, b). Where such
a window leaves the movie it is moved back into it: the first frames use the first b - a frames of
the movie, and a movie that is shorter than the window is used whole. Nothing depends on the blocks
in which a movie is handled: sums of integers are exact, floats are added in a fixed order, and
medians and percentiles belong to key frames counted from the first frame of the movie.

- "mean": exact for each frame. The frame itself is left out where the window holds it, so that a
  molecule does not take away from its own signal.
- "median": of each pixel over the window, for every `every`-th frame and the ones that follow it.
  Molecules that stay for less than half of the window leave no trace in it.
- "percentile": the same with a lower rank, for molecules that stay longer. What the percentile
  lies too low by is corrected with the difference between the median of all pixels of the frame
  and the median of all pixels of the percentile image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numba import njit

from limelight.core.detect.inputs import as_block
from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Method", "background_context", "check_method", "temporal_background"]

Method: TypeAlias = Literal["mean", "median", "percentile"]

_LONGEST = 32767
"""Frames in a window: sums of 16-bit counts stay below 2**31."""


def check_method(method: str, allowed: tuple[str, ...] = ("mean", "median", "percentile")) -> None:
    """Raise if a method of that name is not allowed.

    Raises
    ------
    ParameterError
        Says what is allowed and what was perhaps meant.
    """
    if method not in allowed:
        raise ParameterError(
            f"There is no method {method!r} for the background. {suggest(str(method), allowed)}"
        )


def _check(
    start: int, stop: int, length: int, window: tuple[int, int], method: str, every: int
) -> None:
    check_method(method)
    if not 0 < window[1] - window[0] <= _LONGEST:
        raise ParameterError(
            f"The background's window must be two frame offsets, the second greater by 1 to "
            f"{_LONGEST}, such as (-30, 0), not {window!r}."
        )
    if every < 1:
        raise ParameterError(f"A background for every {every} frames is not possible; give 1 up.")
    if not 0 <= start <= stop <= length:
        raise ParameterError(
            f"Frames {start} to {stop} (excluded) are not in a movie of {length} frames."
        )


def _window(t: int, length: int, window: tuple[int, int]) -> tuple[int, int]:
    """Return the frames that count for frame t, first and stop, within a movie of that length."""
    size = min(window[1] - window[0], length)
    first = min(max(t + window[0], 0), length - size)
    return first, first + size


def background_context(
    start: int,
    stop: int,
    length: int,
    *,
    window: tuple[int, int] = (-30, 0),
    method: Method = "mean",
    every: int = 10,
) -> tuple[int, int]:
    """Return the range of frames that the background of frames start to stop - 1 is made of.

    Parameters
    ----------
    start, stop : int
        Frames of the movie, stop excluded.
    length : int
        Number of frames of the movie.
    window, method, every
        As in `temporal_background`.

    Returns
    -------
    first, stop : int
        It includes the frames themselves.
    """
    _check(start, stop, length, window, method, every)
    if start == stop:
        return start, stop
    one, other = start, stop - 1
    if method != "mean":
        one, other = one // every * every, other // every * every
    return (
        min(start, _window(one, length, window)[0]),
        max(stop, _window(other, length, window)[1]),
    )


@njit(nogil=True, cache=True)
def _mean_of_integers(frames, own, firsts, stops, total, out):  # type: ignore[no-untyped-def]
    """Slide a window over the frames; its sums are exact, so the way to them does not matter."""
    height, width = total.shape
    total[:] = 0
    low, high = firsts[0], firsts[0]
    for n in range(len(own)):
        first, stop = firsts[n], stops[n]
        for k in range(high, stop):
            for y in range(height):
                for x in range(width):
                    total[y, x] += frames[k, y, x]
        for k in range(low, first):
            for y in range(height):
                for x in range(width):
                    total[y, x] -= frames[k, y, x]
        low, high = first, stop
        t = own[n]
        if first <= t < stop:
            share = np.float32(max(stop - first - 1, 1))
            for y in range(height):
                for x in range(width):
                    out[n, y, x] = np.float32(total[y, x] - frames[t, y, x]) / share
        else:
            share = np.float32(stop - first)
            for y in range(height):
                for x in range(width):
                    out[n, y, x] = np.float32(total[y, x]) / share


@njit(nogil=True, cache=True)
def _mean_of_floats(frames, own, firsts, stops, out):  # type: ignore[no-untyped-def]
    height, width = frames.shape[1:]
    total = np.empty(width, np.float64)
    for n in range(len(own)):
        t = own[n]
        count = stops[n] - firsts[n]
        if firsts[n] <= t < stops[n]:
            count -= 1
        share = 1.0 / max(count, 1)
        for y in range(height):
            total[:] = 0.0
            for k in range(firsts[n], stops[n]):
                if k != t:
                    for x in range(width):
                        total[x] += frames[k, y, x]
            for x in range(width):
                out[n, y, x] = total[x] * share


@njit(nogil=True, cache=True)
def _order(rows, one, other):  # type: ignore[no-untyped-def]
    """Exchange two rows pixel by pixel, so that the smaller value is in the first."""
    for x in range(rows.shape[1]):
        a, b = rows[one, x], rows[other, x]
        rows[one, x] = b if b < a else a
        rows[other, x] = a if b < a else b


@njit(nogil=True, cache=True)
def _ranks(frames, first, stop, rank, weight, out):  # type: ignore[no-untyped-def]
    """Write the value between two ranks of each pixel over frames first to stop - 1.

    Bubble sort, as far as the ranks that count: each step orders two rows of pixels, which the
    compiler turns into vector minima and maxima.
    """
    count = stop - first
    height, width = out.shape
    rows = np.empty((count, width), frames.dtype)
    needed = min(rank + 2, count)
    for y in range(height):
        for k in range(count):
            rows[k] = frames[first + k, y]
        for k in range(needed):
            for other in range(k + 1, count):
                _order(rows, k, other)
        below, above = rows[rank], rows[needed - 1]
        for x in range(width):
            # not interpolated where both are equal, so that infinite values do not become NaN
            value = np.float64(below[x])
            if weight > 0 and above[x] != below[x]:
                value += weight * (np.float64(above[x]) - value)
            out[y, x] = value


@njit(nogil=True, cache=True)
def _median_of_counts(image, lowest, histogram):  # type: ignore[no-untyped-def]
    """Return the median of an image of 8 or 16-bit integers, by counting."""
    histogram[:] = 0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            histogram[np.int64(image[y, x]) - lowest] += 1
    size = image.size
    seen = 0
    below = -1
    for level in range(len(histogram)):
        seen += histogram[level]
        if below < 0 and 2 * seen >= size:
            below = level
        if 2 * seen > size:
            return (below + level) / 2 + lowest
    return np.nan


def _median(image: NDArray[Any]) -> float:
    if image.dtype.kind in "iu" and image.dtype.itemsize <= 2:
        levels = np.iinfo(image.dtype)
        histogram = np.empty(int(levels.max) - int(levels.min) + 1, np.int32)
        return float(_median_of_counts(image, int(levels.min), histogram))
    return float(np.median(image))


def _ranked(block: NDArray[Any], first: int, stop: int, percentile: float) -> NDArray[np.float32]:
    """Return the percentile of each pixel over some frames, as `numpy.percentile` defines it."""
    position = (stop - first - 1) * percentile / 100
    rank = int(position)
    image = np.empty(block.shape[1:], np.float32)
    _ranks(block, first, stop, rank, position - rank, image)
    return image


def temporal_background(
    frames: ArrayLike,
    start: int | None = None,
    stop: int | None = None,
    *,
    first: int = 0,
    length: int | None = None,
    window: tuple[int, int] = (-30, 0),
    method: Method = "mean",
    percentile: float = 25.0,
    every: int = 10,
) -> NDArray[np.float32]:
    """Return the background of each frame, from the frames around it.

    Parameters
    ----------
    frames : array_like (N, Y, X)
        Frames `first` to ``first + N - 1`` of a movie; any integer or float type. It must hold the
        range that `background_context` gives.
    start, stop : int, optional
        Frames of the movie whose background is asked for, stop excluded; all if not given.
    first : int, optional
        Index in the movie of ``frames[0]``.
    length : int, optional
        Number of frames of the movie; by default it ends with the last of `frames`.
    window : tuple of int, optional
        Offsets (a, b): frames t + a to t + b - 1 count for frame t.
    method : {"mean", "median", "percentile"}, optional
        How each pixel's values over the window become one, see the module.
    percentile : float, optional
        Rank for that method, 0 to 100.
    every : int, optional
        Distance of the key frames of the median and the percentile, frames.

    Returns
    -------
    3D array of float32 (stop - start, Y, X)
        In the unit of the frames; a pixel that is NaN in a frame of the window may be NaN in it. In
        a movie of a single frame there is nothing to compare with, and "mean" returns zeros.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or `frames` lacks frames that are needed.
    """
    block = as_block(frames)
    length = first + len(block) if length is None else length
    start = first if start is None else start
    stop = first + len(block) if stop is None else stop
    low, high = background_context(start, stop, length, window=window, method=method, every=every)
    if low < first or high > first + len(block):
        raise ParameterError(
            f"The background of frames {start} to {stop} needs frames {low} to {high}; given are "
            f"{first} to {first + len(block)} (stop excluded)."
        )
    if not 0 <= percentile <= 100:
        raise ParameterError(f"The percentile must be from 0 to 100, not {percentile}.")
    out = np.zeros((stop - start, *block.shape[1:]), np.float32)
    if not out.size:
        return out
    if method == "mean":
        own = np.arange(start, stop)
        windows = np.array([_window(t, length, window) for t in range(start, stop)]) - first
        firsts, stops = np.ascontiguousarray(windows.T)
        if block.dtype.kind == "f":
            _mean_of_floats(block, own - first, firsts, stops, out)
        else:
            total = np.empty(block.shape[1:], np.int32 if block.dtype.itemsize < 4 else np.int64)
            _mean_of_integers(block, own - first, firsts, stops, total, out)
        return out
    for key in range(start // every * every, stop, every):
        low, high = _window(key, length, window)
        rank = 50.0 if method == "median" else percentile
        image = _ranked(block, low - first, high - first, rank)
        begin, end = max(key, start), min(key + every, stop)
        out[begin - start : end - start] = image
        if method == "percentile":
            typical = _median(image)
            for t in range(begin, end):
                out[t - start] += np.float32(_median(block[t - first]) - typical)
    return out
