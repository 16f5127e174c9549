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
def _add(frames, start, stop, sign, total):  # type: ignore[no-untyped-def]
    for k in range(start, stop):
        for y in range(total.shape[0]):
            for x in range(total.shape[1]):
                total[y, x] += sign * frames[k, y, x]


@njit(nogil=True, cache=True)
def _mean_of_integers(frames, t, low, high, first, stop, total, out):  # type: ignore[no-untyped-def]
    """Slide the sum of frames low to high - 1 on to first to stop - 1, and write their mean.

    Sums of integers are exact, so the way to them does not matter. Frame t itself does not count.
    """
    if first == low + 1 and stop == high + 1:
        for y in range(total.shape[0]):
            for x in range(total.shape[1]):
                total[y, x] = total[y, x] + frames[high, y, x] - frames[low, y, x]
    else:
        _add(frames, high, stop, 1, total)
        _add(frames, low, first, -1, total)
    if first <= t < stop:
        count = np.float32(max(stop - first - 1, 1))
        for y in range(total.shape[0]):
            for x in range(total.shape[1]):
                out[y, x] = np.float32(total[y, x] - frames[t, y, x]) / count
    else:
        count = np.float32(stop - first)
        for y in range(total.shape[0]):
            for x in range(total.shape[1]):
                out[y, x] = np.float32(total[y, x]) / count


@njit(nogil=True, cache=True)
def _mean_of_floats(frames, t, first, stop, out):  # type: ignore[no-untyped-def]
    height, width = out.shape
    total = np.empty(width, np.float64)
    count = max(stop - first - (1 if first <= t < stop else 0), 1)
    for y in range(height):
        total[:] = 0.0
        for k in range(first, stop):
            if k != t:
                for x in range(width):
                    total[x] += frames[k, y, x]
        for x in range(width):
            out[y, x] = total[x] / count


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


class SlidingBackground:
    """The background of one frame after the other.

    Parameters
    ----------
    block : 3D array (N, Y, X)
        As `as_block` returns it: frames `first` to ``first + N - 1`` of a movie.
    first, length, window, method, percentile, every
        As in `temporal_background`.
    """

    def __init__(
        self,
        block: NDArray[Any],
        *,
        first: int,
        length: int,
        window: tuple[int, int],
        method: Method,
        percentile: float,
        every: int,
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ParameterError(f"The percentile must be from 0 to 100, not {percentile}.")
        self._block, self._first, self._length = block, first, length
        self._window, self._method, self._every = window, method, every
        self._rank = 50.0 if method == "median" else percentile
        shape = block.shape[1:]
        self._image = np.empty(shape, np.float32)
        self._shifted = np.empty(shape, np.float32)
        self._total = np.zeros(shape, np.int32 if block.dtype.itemsize < 4 else np.int64)
        self._summed = (0, 0)
        self._key = -1
        self._typical = 0.0

    def of(self, t: int) -> NDArray[np.float32]:
        """Return the background of frame t (Y, X); the next call may overwrite it."""
        if self._method != "mean":
            return self._at_key(t)
        low, high = (k - self._first for k in _window(t, self._length, self._window))
        own = t - self._first
        if self._block.dtype.kind == "f":
            _mean_of_floats(self._block, own, low, high, self._image)
            return self._image
        before, after = self._summed
        if not before <= low <= after:  # a jump: begin anew
            self._total[:] = 0
            before, after = low, low
        _mean_of_integers(self._block, own, before, after, low, high, self._total, self._image)
        self._summed = (low, high)
        return self._image

    def _at_key(self, t: int) -> NDArray[np.float32]:
        key = t // self._every * self._every
        if key != self._key:
            low, high = _window(key, self._length, self._window)
            position = (high - low - 1) * self._rank / 100
            rank = int(position)
            low, high = low - self._first, high - self._first
            _ranks(self._block, low, high, rank, position - rank, self._image)
            self._key = key
            if self._method == "percentile":
                self._typical = _median(self._image)
        if self._method == "median":
            return self._image
        shift = np.float32(_median(self._block[t - self._first]) - self._typical)
        np.add(self._image, shift, out=self._shifted)
        return self._shifted


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
    check_context(block, start, stop, first, length, window=window, method=method, every=every)
    background = SlidingBackground(
        block,
        first=first,
        length=length,
        window=window,
        method=method,
        percentile=percentile,
        every=every,
    )
    out = np.empty((stop - start, *block.shape[1:]), np.float32)
    if out.size:
        for t in range(start, stop):
            out[t - start] = background.of(t)
    return out


def check_context(
    block: NDArray[Any],
    start: int,
    stop: int,
    first: int,
    length: int,
    *,
    window: tuple[int, int],
    method: Method,
    every: int,
) -> None:
    """Raise if a block lacks frames that the background of frames start to stop - 1 is made of.

    Raises
    ------
    ParameterError
        Says which frames are needed and which are there.
    """
    low, high = background_context(start, stop, length, window=window, method=method, every=every)
    if low < first or high > first + len(block):
        raise ParameterError(
            f"The background of frames {start} to {stop} needs frames {low} to {high}; given are "
            f"{first} to {first + len(block)} (stop excluded)."
        )
