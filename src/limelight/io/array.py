"""A file along all its axes as one lazy array: what napari shows with a slider per axis."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dask.array
import numpy as np

from limelight.core.remarks import remark
from limelight.io.axes import Axis
from limelight.io.file_movie import believable
from limelight.io.planes import PlaneSource

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.io.file_movie import FileMovie

__all__ = ["LazyImage", "LazyPlanes", "open_array"]


@dataclass(frozen=True, eq=False)
class LazyImage:
    """An image along all axes of a file.

    Parameters
    ----------
    array : dask.array.Array
        One chunk per plane; nothing is read before it is computed.
    axes : tuple of str
        Names of the axes, ``y`` and ``x`` last.
    scale : tuple of float
        Distance of two places on each axis.
    units : tuple of str
        ``um``, ``s`` or ``pixel`` (places are counted), one per axis.
    name : str
        Name to show.
    metadata : dict
        What the file says.
    labels : dict
        Names of the places on an axis, such as channels and positions, where they have names.
    source : PlaneSource
        The planes.
    """

    array: dask.array.Array
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str
    metadata: dict[str, Any]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    source: PlaneSource | None = None

    def close(self) -> None:
        """Close the files; nothing can be computed any more."""
        if self.source is not None:
            self.source.close()


class LazyPlanes:
    """The planes of a source as an array that reads the planes that a key asks for.

    Parameters
    ----------
    source : PlaneSource
        The planes.
    """

    def __init__(self, source: PlaneSource) -> None:
        self.source = source
        self.shape = source.shape
        self.dtype: np.dtype[Any] = source.dtype.newbyteorder("=")
        self.ndim = len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        keys = (*keys, *[slice(None)] * (self.ndim - len(keys)))
        outer = keys[:-2]
        places = [
            range(*k.indices(n)) if isinstance(k, slice) else range(int(k), int(k) + 1)
            for k, n in zip(outer, self.shape, strict=False)
        ]
        counts = [len(p) for p in places]
        planes = np.empty((*counts, *self.shape[-2:]), self.dtype)
        for at in itertools.product(*(range(n) for n in counts)):
            place = tuple(p[k] for p, k in zip(places, at, strict=True))
            planes[at] = self.source.read_run(place, 0 if place else None, 1)[0]
        drop = tuple(0 if not isinstance(k, slice) else slice(None) for k in outer)
        result: NDArray[Any] = planes[(*drop, *keys[-2:])]
        return result


class _MovieSource(PlaneSource):
    """A movie as a source with one axis."""

    def __init__(self, movie: FileMovie) -> None:
        frames, height, width = movie.shape
        self._movie = movie
        super().__init__(
            movie.path, (Axis("time", frames),), height, width, movie.dtype, movie.metadata
        )

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        return self._movie.read(place[0], place[0] + count)

    def name(self) -> str:
        return self._movie.name

    def close(self) -> None:
        self._movie.close()


def open_array(path: str | Path, *, resolution: int | None = None) -> LazyImage:
    """Open a file along all its axes, without reading pixels.

    Axes of length 1 are left out, but time.  Planes that were never taken are zeros.

    Parameters
    ----------
    path : path
        As for `limelight.io.open_movie`.
    resolution : int, optional
        Which level of resolution, 0 is the finest.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    from limelight.io.opening import open_movie
    from limelight.io.sources import open_source

    source = open_source(path, resolution=resolution, several=True)
    if source is None:
        movie = open_movie(path)
        if movie.problem is not None:
            remark(str(movie.problem), stacklevel=2)
        source = _MovieSource(movie)
    lazy = LazyPlanes(source)
    array = dask.array.from_array(  # type: ignore[no-untyped-call]
        lazy,
        chunks=(*[1] * len(source.axes), source.height, source.width),
        asarray=False,
        name=False,
        inline_array=True,
        meta=np.empty((0,) * lazy.ndim, lazy.dtype),
    )
    kept = [k for k, a in enumerate(source.axes) if a.size > 1 or a.name == "time"]
    dropped = tuple(0 if k not in kept else slice(None) for k in range(len(source.axes)))
    axes = [source.axes[k] for k in kept]
    metadata = believable(source.path, source.metadata)
    size = metadata.get("Pixelsize")
    um = size / 1000 if size is not None else None
    return LazyImage(
        array[dropped] if dropped else array,
        (*(a.name for a in axes), "y", "x"),
        (*(a.step if a.unit else 1.0 for a in axes), um or 1.0, um or 1.0),
        (*(a.unit or "pixel" for a in axes), *(["um"] * 2 if um else ["pixel"] * 2)),
        source.name().removesuffix(".ome"),
        metadata,
        {a.name: a.labels for a in axes if a.labels},
        source,
    )
