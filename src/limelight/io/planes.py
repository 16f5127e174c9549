"""Movies taken out of files with more axes than time, y and x."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.core.frame import Frame
from limelight.core.movie import resolve_index
from limelight.core.remarks import remark
from limelight.io.axes import Axis, Choice, choose
from limelight.io.file_movie import FileMovie

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.core.camera import Camera
    from limelight.core.errors import TruncatedError

__all__ = ["PlaneSource", "PlanesMovie", "movie_at", "open_planes"]


class PlaneSource:
    """Planes (Y, X) along any number of axes, in files.

    Each format derives from it and has `read_run`.  It is safe to read from several threads.

    Parameters
    ----------
    path : path
        The file or folder.
    axes : tuple of Axis
        All axes but y and x, the slowest first.
    height, width : int
        Size of a plane, pixels.
    dtype : dtype
        Type of the counts.
    metadata : mapping
        As in `FileMovie`.
    """

    resolutions: tuple[tuple[int, int], ...] = ()
    """Height and width at every level of resolution, where the file has several."""
    camera: Camera | None = None
    """The camera, where the file says more of it than name and pixel size."""

    def __init__(
        self,
        path: str | Path,
        axes: tuple[Axis, ...],
        height: int,
        width: int,
        dtype: np.dtype[Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.axes = axes
        self.height = height
        self.width = width
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.metadata: dict[str, Any] = dict(metadata or {})

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of all axes, y and x last."""
        return (*(a.size for a in self.axes), self.height, self.width)

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis, shape (count, Y, X).

        Parameters
        ----------
        place : tuple of int
            Place of the first one on every axis.
        axis : int or None
            The axis; None: `count` is 1.
        count : int
            How many, at least 1.

        Raises
        ------
        FileError
            If they cannot be read.
        """
        raise AssertionError("every format reads in its own way")

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return which planes there are along an axis, and why there are fewer than promised."""
        return np.arange(1 if axis is None else self.axes[axis].size), None

    def refresh(self) -> bool:
        """Look for planes that came after it was opened; tell if there are any."""
        return False

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what the file says of that plane alone."""
        return {}

    def name(self) -> str:
        """Name to show, and to name results after."""
        return self.path.name if self.path.is_dir() else self.path.stem

    def locator(self) -> str:
        """Return what `open_movie` finds it by."""
        return str(self.path)

    def close(self) -> None:
        """Close the files."""


class PlanesMovie(FileMovie):
    """A movie along one axis of a file, at one place on the others.

    Parameters
    ----------
    source : PlaneSource
        The planes.
    choice : Choice
        Which of them.
    options : mapping
        What was chosen when it was opened; a copy on another computer is opened with it.
    camera : Camera, optional
        Used instead of what the file says.

    Attributes
    ----------
    source : PlaneSource
        The planes along all axes.
    chosen : dict
        Axis and place, of all axes but the one that is time.
    """

    def __init__(
        self,
        source: PlaneSource,
        choice: Choice,
        options: Mapping[str, Any] | None = None,
        camera: Camera | None = None,
    ) -> None:
        self.source = source
        self._choice = choice
        self._options = {k: v for k, v in (options or {}).items() if v is not None}
        self.chosen = {
            a.name: choice.place[k] for k, a in enumerate(source.axes) if k != choice.time
        }
        self._indices, problem = source.readable(choice.place, choice.time)
        if not len(self._indices):
            raise problem or FileError(
                source.path, "there is no frame at the chosen place.", "Choose another one."
            )
        super().__init__(
            source.path,
            (len(self._indices), source.height, source.width),
            source.dtype,
            metadata=source.metadata,
            camera=camera,
            problem=problem,
        )
        if camera is None and source.camera is not None:
            self.camera = source.camera

    @property
    def name(self) -> str:
        """Name of the file; where another than the first place was chosen, with that place."""
        parts = [self.source.name()]
        for axis in self.source.axes:
            if k := self.chosen.get(axis.name, 0):
                label = axis.choices[k]
                plain = "".join(c if c.isalnum() or c in "-." else "-" for c in label)
                parts.append(plain if axis.labels else f"{axis.name}{k}")
        if level := self._options.get("resolution"):
            parts.append(f"resolution{level}")
        return "_".join(parts)

    @property
    def axes_sizes(self) -> dict[str, int]:
        """All axes of the file and their lengths, the slowest first."""
        sizes = {a.name: a.size for a in self.source.axes}
        return {**sizes, "y": self.source.height, "x": self.source.width}

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """What can be chosen when it is opened: axis, and the labels of its places."""
        found = {
            a.name: a.choices for a in self.source.axes if a.size > 1 and a.name in self.chosen
        }
        if len(levels := self.source.resolutions) > 1:
            found["resolution"] = tuple(f"{h} x {w}" for h, w in levels)
        return found

    @property
    def time_axis(self) -> str | None:
        """Name of the axis that is taken as time."""
        return None if self._choice.time is None else self.source.axes[self._choice.time].name

    def _place(self, index: int) -> tuple[int, ...]:
        place = list(self._choice.place)
        if self._choice.time is not None:
            place[self._choice.time] = int(self._indices[index])
        return tuple(place)

    def refresh(self) -> bool:
        """Look for frames that came after the movie was opened.

        Returns
        -------
        bool
            Whether there are more than before; then `shape` tells how many.
        """
        if not self.source.refresh():
            return False
        self._indices, self.problem = self.source.readable(self._choice.place, self._choice.time)
        grown = len(self._indices) > len(self)
        self.shape = (len(self._indices), *self.shape[1:])
        self.metadata["Frames"] = self.shape[0]
        return grown

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        if start == stop:
            return np.empty((0, *self.shape[1:]), self.dtype)
        count, time = stop - start, self._choice.time
        if self._indices[stop - 1] - self._indices[start] == count - 1:
            frames = self.source.read_run(self._place(start), time, count)
            return np.ascontiguousarray(frames, self.dtype)
        runs = [self.source.read_run(self._place(k), time, 1) for k in range(start, stop)]
        return np.concatenate(runs).astype(self.dtype, copy=False)

    def __getitem__(self, index: int) -> Frame:
        index = resolve_index(index, len(self))
        axes: dict[str, Any] = {"time": index}
        for axis in self.source.axes:
            if axis.size > 1 and axis.name in self.chosen:
                k = self.chosen[axis.name]
                axes[axis.name] = axis.labels[k] if axis.labels else k
        return Frame(self.read(index, index + 1)[0], index, axes, self.frame_metadata(index))

    def frame_metadata(self, index: int) -> dict[str, Any]:
        """Return what the file says of that frame alone."""
        return self.source.plane_metadata(self._place(index))

    def close(self) -> None:
        """Close the files; frames cannot be read any more."""
        self.source.close()

    @property
    def opened_as(self) -> tuple[str, dict[str, Any]]:
        """What `limelight.io.open_movie` has to be given to open it again: path and choices."""
        chosen = {k: v for k, v in self.chosen.items() if k in ("channel", "z", "position")}
        return self.source.locator(), {**chosen, **self._options, "time_axis": self.time_axis}

    def __reduce__(self) -> tuple[Any, ...]:
        from limelight.io.opening import open_movie

        # What there is to say of the choice was said when it was opened first.
        path, options = self.opened_as
        return partial(open_movie, **options), (path,), {"camera": self._given_camera}


def movie_at(
    source: PlaneSource,
    time_axis: str | None,
    places: Mapping[str, int],
    camera: Camera | None = None,
) -> PlanesMovie:
    """Return the movie at certain places of a source that is open.

    Parameters
    ----------
    source : PlaneSource
        The planes.
    time_axis : str or None
        Name of the axis that is taken as time; None: the movie is one frame.
    places : mapping of str to int
        Place on the other axes; 0 where none is given.
    camera : Camera, optional
        Used instead of what the file says.
    """
    names = [a.name for a in source.axes]
    time = names.index(time_axis) if time_axis in names else None
    place = tuple(0 if k == time else int(places.get(n, 0)) for k, n in enumerate(names))
    return PlanesMovie(source, Choice(time, place), {"time_axis": time_axis}, camera)


def open_planes(
    source: PlaneSource,
    *,
    channel: int | str | None = None,
    z: int | None = None,
    position: int | str | None = None,
    resolution: int | None = None,
    time_axis: str | None = None,
    camera: Camera | None = None,
) -> PlanesMovie:
    """Choose one movie of a source.

    The source is closed where that fails.

    Warns
    -----
    UserWarning
        If a choice was needed and not given: which one was taken.

    Raises
    ------
    ParameterError
        If there is no such place or axis.
    FileError
        If there is no frame at the chosen place.
    """
    wanted = {"channel": channel, "z": z, "position": position}
    options = {**wanted, "resolution": resolution, "time_axis": time_axis}
    try:
        choice = choose(source.path, source.axes, wanted, time_axis)
        movie = PlanesMovie(source, choice, options, camera)
    except BaseException:
        source.close()
        raise
    if choice.warning:
        remark(f"{source.path.name}: {choice.warning}", stacklevel=4)
    return movie
