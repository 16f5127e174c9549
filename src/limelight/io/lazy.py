"""A movie as an array that napari can show: nothing is read before it is asked for."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.movie import resolve_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.movie import Movie

__all__ = ["LazyFrames"]


class LazyFrames:
    """A movie as an array of shape (T, Y, X).

    It is indexed as numpy arrays are (whole numbers, slices, ``...`` and lists along one axis) and
    gives numpy arrays.  Unlike a dask array of one chunk per frame it needs no time and no memory
    for movies of many frames.

    Parameters
    ----------
    movie : Movie
        The movie, kept as ``movie``.
    """

    ndim = 3

    def __init__(self, movie: Movie) -> None:
        self.movie = movie

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return self.movie.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        return self.movie.dtype

    @property
    def size(self) -> int:
        """Number of pixels."""
        frames, height, width = self.shape
        return frames * height * width

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyFrames({self.movie!r})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        frames = self.movie.read(0, len(self))
        return frames if dtype is None else frames.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is None for k in keys):
            return np.asarray(self)[key]
        if any(k is Ellipsis for k in keys):
            place = next(i for i, k in enumerate(keys) if k is Ellipsis)
            fill = (slice(None),) * (self.ndim - len(keys) + 1)
            keys = keys[:place] + fill + keys[place + 1 :]
        if len(keys) > self.ndim:
            raise IndexError(f"A movie has 3 axes (time, y, x), not {len(keys)}.")
        first, rest = keys[0] if keys else slice(None), keys[1:]
        if isinstance(first, slice):
            frames = self._slice(first)
            return frames[(slice(None), *rest)]
        if np.ndim(first) == 0:
            index = resolve_index(operator.index(np.asarray(first).item()), len(self))
            frame = self.movie.read(index, index + 1)[0]
            return frame[rest] if rest else frame
        return self._pick(np.asarray(first))[(slice(None), *rest)]

    def _slice(self, wanted: slice) -> NDArray[Any]:
        start, stop, step = wanted.indices(len(self))
        if step == 1:
            return self.movie.read(start, max(start, stop))
        return self._pick(np.arange(start, stop, step))

    def _pick(self, wanted: NDArray[Any]) -> NDArray[Any]:
        if wanted.dtype == bool:
            wanted = np.flatnonzero(wanted)
        frames = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        for target, index in zip(frames, wanted.tolist(), strict=True):
            index = resolve_index(index, len(self))
            target[...] = self.movie.read(index, index + 1)[0]
        return frames
