"""Cutting boxes out of frames, in photoelectrons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.detect.inputs import as_block, as_indices, check_box
from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["cut_map", "cut_spots"]


@njit(nogil=True, cache=True)
def _cut(frames, frame, y, x, baseline, scale, out):  # type: ignore[no-untyped-def]
    box = out.shape[1]
    half = box // 2
    for n in range(len(frame)):
        image = frames[frame[n]]
        for i in range(box):
            row = image[y[n] - half + i, x[n] - half : x[n] + half + 1]
            for j in range(box):
                # the conversion first: unsigned counts below the baseline must not wrap around
                out[n, i, j] = (np.float32(row[j]) - baseline) * scale


@njit(nogil=True, cache=True)
def _cut_with_maps(frames, frame, y, x, baseline, scale, out):  # type: ignore[no-untyped-def]
    box = out.shape[1]
    half = box // 2
    for n in range(len(frame)):
        top, left = y[n] - half, x[n] - half
        image = frames[frame[n]]
        for i in range(box):
            for j in range(box):
                count = np.float32(image[top + i, left + j])
                out[n, i, j] = (count - baseline[top + i, left + j]) * scale[top + i, left + j]


def _check_positions(
    shape: tuple[int, ...], columns: Sequence[NDArray[np.int32]], box: int
) -> None:
    frame, y, x = columns
    half = box // 2
    frames, height, width = shape
    bad = (frame < 0) | (frame >= frames) | (y < half) | (y >= height - half)
    bad |= (x < half) | (x >= width - half)
    if bad.any():
        n = int(np.argmax(bad))
        raise ParameterError(
            f"The box of {box} px around spot {n} (frame {frame[n]}, y {y[n]}, x {x[n]}) is not "
            f"inside the {frames} frames of {height} x {width} pixels; {int(bad.sum())} of "
            f"{len(bad)} spots are not. Leave out spots nearer than {half} px to the rim."
        )


def _as_map(
    name: str, value: float | ArrayLike, shape: tuple[int, int]
) -> np.float32 | NDArray[np.float32]:
    array = np.asarray(value, np.float32)
    if array.ndim == 0:
        return np.float32(array)
    if array.shape != shape:
        raise ParameterError(
            f"The {name} map of {array.shape} pixels does not fit frames of {shape} (Y, X)."
        )
    return array


def cut_spots(
    frames: ArrayLike,
    frame: ArrayLike,
    y: ArrayLike,
    x: ArrayLike,
    box: int = 7,
    *,
    baseline: float | ArrayLike = 0.0,
    sensitivity: float | ArrayLike = 1.0,
    gain: float = 1.0,
) -> NDArray[np.float32]:
    """Cut a box around each position and convert it to photoelectrons.

    ``photons = (counts - baseline) * sensitivity / gain``; values below the baseline stay negative.

    Parameters
    ----------
    frames : array_like (T, Y, X) or (Y, X)
        Raw counts of any integer or float type.
    frame, y, x : array_like of int (n,)
        Frame of the block, row and column of each box's centre.
    box : int, optional
        Side length of the box in pixels, odd, 3 or more.
    baseline : float or 2D array (Y, X), optional
        Count in the dark, one for all pixels or one for each (sCMOS).
    sensitivity : float or 2D array (Y, X), optional
        Photoelectrons per count.
    gain : float, optional
        EM gain.

    Returns
    -------
    3D array of float32 (n, box, box)
        Photoelectrons.

    Raises
    ------
    ParameterError
        If a box is not wholly inside the frames, or a map does not fit them.
    """
    block = as_block(frames)
    box = check_box(box)
    columns = as_indices(frame=frame, y=y, x=x)
    _check_positions(block.shape, columns, box)
    shape = (block.shape[1], block.shape[2])
    offset = _as_map("baseline", baseline, shape)
    scale = _as_map("sensitivity", np.asarray(sensitivity, np.float64) / gain, shape)
    photons = np.empty((len(columns[0]), box, box), np.float32)
    if offset.ndim == 0 and scale.ndim == 0:
        _cut(block, *columns, offset, scale, photons)
    else:
        offset, scale = (np.ascontiguousarray(np.broadcast_to(m, shape)) for m in (offset, scale))
        _cut_with_maps(block, *columns, offset, scale, photons)
    return photons


def cut_map(
    values: ArrayLike, frame: ArrayLike, y: ArrayLike, x: ArrayLike, box: int = 7
) -> NDArray[np.float32]:
    """Cut the same boxes out of a map, such as the read-out variance or a known background.

    Parameters
    ----------
    values : array_like (Y, X) or (T, Y, X)
        One map for all frames, or one for each.
    frame, y, x, box
        As in `cut_spots`.

    Returns
    -------
    3D array of float32 (n, box, box)
        In the unit of the map.

    Raises
    ------
    ParameterError
        If a box is not wholly inside the map.
    """
    array: NDArray[Any] = np.asarray(values)
    frame, y, x = as_indices(frame=frame, y=y, x=x)
    return cut_spots(array, np.zeros_like(frame) if array.ndim == 2 else frame, y, x, box)
