"""TIFF files along all their axes: channels, planes and positions beside time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.core.remarks import collected
from limelight.io import micromanager
from limelight.io.axes import Axis
from limelight.io.ome import nanometres
from limelight.io.planes import PlaneSource
from limelight.io.tiff import imagej_of, imagej_unit, ome_of, open_tiff, page_properties

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.io.tiff import TiffMovie

__all__ = ["TiffSource", "about_axis"]

_NAMES = {"T": "time", "Z": "z", "C": "channel", "P": "position"}
_ORDER = ("position", "time", "channel", "z")


def about_axis(movie: TiffMovie, name: str, size: int) -> tuple[tuple[str, ...], float, str]:
    """Return labels, distance and unit of an axis, by whichever description the file has."""
    summary = movie.summary
    text = movie.parts[0].description
    ome, imagej = ome_of(text), imagej_of(text)
    if name == "channel":
        names = summary.get("ChNames") or (ome.channels if ome is not None else ())
        if isinstance(names, list | tuple) and len(names) == size:
            return tuple(map(str, names)), 1.0, ""
    elif name == "z":
        step = micromanager.positive(summary.get("z-step_um"))
        if ome is not None:
            step = step or ome.z_step_um
        if imagej and (value := micromanager.positive(imagej.get("spacing"))) is not None:
            nm = nanometres(value, imagej_unit(imagej))
            step = step or (nm / 1000 if nm else None)
        if step is not None:
            return (), step, "um"
    elif name == "time":
        interval = micromanager.positive(imagej.get("finterval"))
        if ome is not None:
            interval = interval or ome.interval_s
        if interval is not None:
            return (), interval, "s"
    return (), 1.0, ""


class TiffSource(PlaneSource):
    """The planes of a TIFF file, or of a series of them.

    Parameters
    ----------
    path : path
        The file; any file of a series.

    Raises
    ------
    FileError
        If it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        with collected():  # of the choice that a movie would be
            self._movie: TiffMovie = open_tiff(path)
        movie = self._movie
        self._pages = movie.pages
        axes, self._table = self._arrange()
        _, height, width = movie.shape
        super().__init__(movie.path, axes, height, width, movie.dtype)
        skip = ("Frames", "Height", "Width", "Data Type", "Byte Order", "File")
        self.metadata = {k: v for k, v in movie.metadata.items() if k not in skip}
        if movie.summary:
            self.metadata["Micro-Manager Summary"] = movie.summary
        self.camera = movie.camera

    def _arrange(self) -> tuple[tuple[Axis, ...], NDArray[np.int64]]:
        """Return the axes, and the page at every place on them (-1: none)."""
        pages, planes = self._pages, self._movie.planes
        if planes is None:
            count = len(pages)
            return (Axis("time", count, *about_axis(self._movie, "time", count)),), np.arange(count)
        places, rows = planes
        named = {_NAMES.get(k, k): v for k, v in places.items()}
        order = sorted(named, key=lambda n: (n in _ORDER, n in _ORDER and _ORDER.index(n)))
        index: list[NDArray[np.int64]] = []
        axes: list[Axis] = []
        for name in order:
            values, inverse = np.unique(named[name], return_inverse=True)
            index.append(inverse.reshape(-1))
            axes.append(Axis(name, len(values), *about_axis(self._movie, name, len(values))))
        table = np.full(tuple(a.size for a in axes), -1, np.int64)
        table[tuple(index)] = np.where(rows < len(pages), rows, -1)
        return tuple(axes), table

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis that are there."""
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(None) if k == axis else p for k, p in enumerate(place))
        )
        there = np.flatnonzero(np.atleast_1d(self._table[key]) >= 0)
        problem = self._movie.problem
        if problem is not None:
            problem = TruncatedError(problem.path, len(there), len(there))
        return there, problem

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis; zeros where there is none."""
        key: tuple[Any, ...] = (
            place
            if axis is None
            else tuple(slice(p, p + count) if k == axis else p for k, p in enumerate(place))
        )
        planes = np.zeros((count, self.height, self.width), self.dtype)
        for target, row in zip(planes, np.atleast_1d(self._table[key]).tolist(), strict=True):
            if row >= 0:
                part, page = self._pages[row].tolist()
                self._movie.parts[part].read_into(np.array([page]), target[None])
        return planes

    def plane_metadata(self, place: tuple[int, ...]) -> dict[str, Any]:
        """Return what Micro-Manager says of that plane."""
        row = int(self._table[place])
        if row < 0:
            return {}
        part, page = self._pages[row].tolist()
        return page_properties(self._movie.parts[part], page)

    def close(self) -> None:
        """Close the files."""
        self._movie.close()


def same_planes(path: Path, first: PlaneSource, other: PlaneSource) -> None:
    """Raise if the planes of two sources differ in size, type or axes.

    Raises
    ------
    FileError
        If they do.
    """
    if (other.shape, other.dtype) != (first.shape, first.dtype):
        raise FileError(
            path,
            f"its planes are {other.shape} of {other.dtype}, those of {first.path.name} "
            f"{first.shape} of {first.dtype}.",
            "Open it alone.",
        )
