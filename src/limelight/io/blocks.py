"""Frames to be written, in blocks of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.movie import Movie

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["blocks_of"]

_BYTES = 32 << 20


def blocks_of(
    source: Movie | NDArray[Any] | Iterable[NDArray[Any]],
) -> tuple[int | None, Iterable[NDArray[Any]]]:
    """Return the number of frames, where it is known, and the frames block by block.

    Parameters
    ----------
    source : Movie, array (T, Y, X) or (Y, X), or iterable of arrays (Y, X) or (N, Y, X)
        What is to be written.

    Raises
    ------
    ParameterError
        If an array has another shape.
    """
    if isinstance(source, Movie):
        return source.shape[0], _cut(source)
    if not (hasattr(source, "shape") and hasattr(source, "dtype")):
        return None, source
    array: Any = source
    array = array[None] if len(array.shape) == 2 else array
    if len(array.shape) != 3:
        raise ParameterError(f"Frames (T, Y, X) are needed, not the shape {source.shape}.")
    return int(array.shape[0]), _cut(array)


def _cut(source: Any) -> Iterator[NDArray[Any]]:
    frames, height, width = source.shape
    step = max(1, _BYTES // max(1, height * width * np.dtype(source.dtype).itemsize))
    for start in range(0, frames, step):
        stop = min(start + step, frames)
        if isinstance(source, Movie):
            yield source.read(start, stop)
        else:
            yield np.asarray(source[start:stop])
