"""What all movies in files have in common."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import FileError, ParameterError, TruncatedError
from limelight.core.frame import Frame
from limelight.core.movie import resolve_index
from limelight.core.remarks import remark
from limelight.io.micromanager import positive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FileMovie", "NotAMovieError", "believable", "movie_information"]

# A damaged file says anything.  What lies outside is no camera's, and no picture can be drawn so.
_BELIEVABLE = {
    "Pixelsize": ("pixel size", "nm", 1e-3, 1e9),
    "exposure_ms": ("exposure time", "ms", 1e-9, 1e12),
}


class NotAMovieError(FileError):
    """A sound file whose pixels are no movie: in colour, not of numbers, of another shape."""


def movie_information(
    path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> dict[str, Any]:
    """Return what Picasso's files say of a movie, under the names that they use."""
    return {
        "Byte Order": ">" if dtype.newbyteorder("=") != dtype else "<",
        "Data Type": dtype.newbyteorder("=").name,
        "File": str(path),
        "Frames": shape[0],
        "Height": shape[1],
        "Width": shape[2],
    }


def believable(path: Path, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says, without numbers that cannot be true.

    Parameters
    ----------
    path : path
        The file, for the remark.
    metadata : mapping
        As in `FileMovie`.

    Warns
    -----
    UserWarning
        If a number was left out.
    """
    kept = dict(metadata)
    for key, (name, unit, low, high) in _BELIEVABLE.items():
        if (value := kept.get(key)) is None:
            continue
        number = positive(value)
        if number is not None and low <= number <= high:
            kept[key] = number
            continue
        del kept[key]
        remark(
            f"{path.name}: it says that the {name} is {str(value)[:40]} {unit}, which cannot be. "
            "It is taken as not known.",
            stacklevel=4,
        )
    return kept


class FileMovie:
    """A movie in files, read when its frames are asked for.

    Parameters
    ----------
    path : path
        The file or folder.
    shape : tuple of int
        Frames, height, width.
    dtype : dtype
        Type of the counts in the file.
    metadata : mapping, optional
        What the file says beyond `movie_information`.  ``Pixelsize`` (nm), ``exposure_ms`` and
        ``Camera`` are there where they are known.
    camera : Camera, optional
        Used instead of what the file says.
    problem : TruncatedError, optional
        Why there are fewer frames than the file promises.

    Attributes
    ----------
    other_axes : mapping
        Axes beside time, y and x that the file has, and their lengths.
    """

    other_axes: Mapping[str, int] = MappingProxyType({})

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        camera: Camera | None = None,
        problem: TruncatedError | None = None,
    ) -> None:
        self.path = Path(path)
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
        self.problem = problem
        self.metadata: dict[str, Any] = movie_information(self.path, shape, np.dtype(dtype))
        self.metadata |= believable(self.path, metadata or {})
        self._given_camera = camera
        self.camera = camera or Camera(
            name=str(self.metadata.get("Camera", "")),
            pixel_size_nm=self.metadata.get("Pixelsize", 130.0),
        )

    @property
    def name(self) -> str:
        """Name of the file without its last suffix, as Picasso names results."""
        return self.path.name if self.path.is_dir() else self.path.stem

    @property
    def axes_sizes(self) -> dict[str, int]:
        """All axes of the file and their lengths, the slowest first."""
        frames, height, width = self.shape
        return {"time": frames, **self.other_axes, "y": height, "x": width}

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """What can be chosen when it is opened: axis, and the labels of its places."""
        return {a: tuple(map(str, range(n))) for a, n in self.other_axes.items() if n > 1}

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        frames, height, width = self.shape
        return (
            f"{type(self).__name__}({self.path.name}: {frames} frames of {height} x {width} "
            f"pixels, {self.dtype})"
        )

    def __getitem__(self, index: int) -> Frame:
        index = resolve_index(index, len(self))
        pixels = self.read(index, index + 1)[0]
        return Frame(pixels, index, {"time": index}, self.frame_metadata(index))

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the counts of frames start to stop - 1, shape (stop - start, Y, X).

        Several threads may read at once.

        Raises
        ------
        ParameterError
            If there are no such frames.
        FileError
            If the file cannot be read any more.
        """
        if not 0 <= start <= stop <= len(self):
            raise ParameterError(
                f"{self.path.name}: there are no frames {start} to {stop}; "
                f"the movie has {len(self)} frames."
            )
        return self._read(start, stop)

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        raise AssertionError("every format reads in its own way")

    def frame_metadata(self, index: int) -> dict[str, Any]:
        """Return what the file says of that frame alone."""
        return {}

    def _changed(self, frame: int) -> FileError:
        return FileError(
            self.path,
            f"frame {frame} is not there any more: the file changed after it was opened.",
            "Open it again.",
        )

    def close(self) -> None:
        """Close the files; frames cannot be read any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def opened_as(self) -> tuple[str, dict[str, Any]]:
        """What `limelight.io.open_movie` has to be given to open it again: path and choices."""
        return str(self.path), {}

    def __reduce__(self) -> tuple[Any, ...]:
        from limelight.io.opening import open_movie

        return open_movie, (str(self.path),), {"camera": self._given_camera}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A movie goes to the workers of a cluster as its path, and opens there anew.
        if state["camera"] is not None:
            self._given_camera = self.camera = state["camera"]
