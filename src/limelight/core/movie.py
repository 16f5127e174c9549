"""Movie: frames in order, on disk, in memory or made on the fly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["ArrayMovie", "Block", "Movie", "as_movie", "resolve_index"]


@runtime_checkable
class Movie(Protocol):
    """Frames in order.

    Reading is safe from several threads at once, and cheap to start: a movie opens without
    reading its pixels.
    """

    @property
    def name(self) -> str:
        """Name to show, and to name results after."""
        ...

    @property
    def path(self) -> Path | None:
        """File or folder that it came from, if any."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        ...

    @property
    def camera(self) -> Camera:
        """What is known of the camera."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the file or the microscope says of it."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Frame: ...

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the counts of frames start to stop - 1, shape (stop - start, Y, X)."""
        ...


def resolve_index(index: int, length: int) -> int:
    """Return a frame's index from 0, counting negative ones from the end.

    Raises
    ------
    IndexError
        If there is no such frame.
    """
    resolved = index + length if index < 0 else index
    if not 0 <= resolved < length:
        raise IndexError(f"There is no frame {index}: the movie has {length} frames.")
    return resolved


class ArrayMovie:
    """A movie over an array: numpy, dask, memory map, zarr.

    Parameters
    ----------
    array : array (T, Y, X) or (Y, X)
        Counts; anything with ``shape``, ``dtype`` and slicing that numpy understands.
    camera : Camera, optional
        What is known of the camera.
    name : str
        Name to show.
    path : path, optional
        Where it came from; results are saved beside it.
    metadata : mapping, optional
        What is known of it.

    Raises
    ------
    ParameterError
        If the array has no frames, is not 2D or 3D, or is not of numbers.
    """

    def __init__(
        self,
        array: Any,
        camera: Camera | None = None,
        *,
        name: str = "movie",
        path: str | Path | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not hasattr(array, "shape") or not hasattr(array, "dtype"):
            array = np.asarray(array)
        if len(array.shape) == 2:
            array = array[None]
        if len(array.shape) != 3 or 0 in array.shape:
            raise ParameterError(
                f"A movie needs an array of frames (T, Y, X), not one of shape {array.shape}. "
                "Choose one channel, position or plane first."
            )
        if np.dtype(array.dtype).kind not in "uif":
            raise ParameterError(
                f"A movie needs whole or real numbers, not {array.dtype}. Convert it first."
            )
        self._array = array
        self._camera = camera or Camera()
        self._name = name
        self._path = Path(path) if path is not None else None
        self._metadata = dict(metadata or {})

    @property
    def name(self) -> str:
        """Name to show, and to name results after."""
        return self._name

    @property
    def path(self) -> Path | None:
        """File or folder that it came from, if any."""
        return self._path

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        frames, height, width = self._array.shape
        return int(frames), int(height), int(width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        dtype: np.dtype[Any] = np.dtype(self._array.dtype)
        return dtype

    @property
    def camera(self) -> Camera:
        """What is known of the camera."""
        return self._camera

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What is known of it."""
        return self._metadata

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> Frame:
        index = resolve_index(index, len(self))
        return Frame(np.asarray(self._array[index]), index, {"time": index})

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the counts of frames start to stop - 1, shape (stop - start, Y, X)."""
        return np.asarray(self._array[start:stop])


def as_movie(source: Any, camera: Camera | None = None) -> Movie:
    """Return the source as a movie: a movie as it is, an array wrapped.

    Parameters
    ----------
    source : Movie or array (T, Y, X)
        What to look at.
    camera : Camera, optional
        Used for an array.
    """
    return source if isinstance(source, Movie) else ArrayMovie(source, camera)


@dataclass(frozen=True, eq=False)
class Block:
    """A run of frames that one worker handles, and the frames around it that it may look at.

    Parameters
    ----------
    frames : 3D array (N, Y, X)
        Counts of the frames ``first`` to ``first + N - 1`` of the movie.
    first : int
        Index in the movie of ``frames[0]``.
    start, stop : int
        The block's own frames, as indices in the movie.
    length : int
        Number of frames of the movie.
    camera : Camera
        The camera.
    background : 3D array of float32 (stop - start, Y, X), optional
        Counts of a temporal background that was asked to be subtracted from the own frames,
        baseline included.  A detector works on ``own - background``, and takes the noise from
        ``own``.
    """

    frames: NDArray[Any]
    first: int
    start: int
    stop: int
    length: int
    camera: Camera
    background: NDArray[np.float32] | None = None

    @property
    def own(self) -> NDArray[Any]:
        """Counts of the block's own frames (stop - start, Y, X)."""
        return self.frames[self.start - self.first : self.stop - self.first]
