"""One door for all movies: the format is told by suffix and content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.errors import FileError, ParameterError

if TYPE_CHECKING:
    from limelight.core.camera import Camera
    from limelight.io.file_movie import FileMovie
    from limelight.io.raw import RawSpecification

__all__ = ["MOVIE_SUFFIXES", "open_movie"]

MOVIE_SUFFIXES = (".tif", ".tiff", ".raw", ".npy", ".dax", ".ims", ".nd2", ".h5", ".zarr")
"""Suffixes of the files and folders that hold movies."""


def open_movie(
    path: str | Path,
    *,
    camera: Camera | None = None,
    raw: RawSpecification | None = None,
    channel: int | str | None = None,
    z: int | None = None,
    position: int | str | None = None,
    resolution: int | None = None,
    time_axis: str | None = None,
) -> FileMovie:
    """Open a movie without reading its frames.

    Parameters
    ----------
    path : path
        A file or folder of one of the formats in `MOVIE_SUFFIXES`, an NDTiff data set (the folder
        or a file in it), a folder of numbered TIFF files, or ``file.h5::/path`` for one data set
        of an HDF5 file.
    camera : Camera, optional
        Used instead of what the file says of the camera.
    raw : RawSpecification, optional
        How to read a ``.raw`` file that has no YAML file beside it.
    channel, position : int or str, optional
        Which one, from 0 or by name, where the file has several.
    z : int, optional
        Which plane, from 0, where the file has several beside its time points.
    resolution : int, optional
        Which level of resolution, 0 is the finest.
    time_axis : str, optional
        Which axis is taken as time.  By default it is the one that is called so; where there is
        none, the planes (z) are taken as frames, and a warning says so.

    Returns
    -------
    FileMovie
        The movie; its ``problem`` tells if frames are missing.  It is a context manager, and is
        safe to read from several threads.  Its ``axes_sizes`` and ``choices`` tell what else
        there is in the file, where that is more than one movie.

    Warns
    -----
    UserWarning
        If a choice was needed and not given: which one was taken.

    Raises
    ------
    FileError
        If it cannot be read.
    ParameterError
        If there is no such channel, plane, position, resolution or axis.

    Examples
    --------
    >>> with open_movie("movie.ome.tif") as movie:  # doctest: +SKIP
    ...     print(movie.shape, movie.camera.pixel_size_nm)
    """
    path = Path(path).expanduser()
    from limelight.io.sources import open_source

    choices = (channel, z, position, resolution, time_axis)
    asked = any(v is not None for v in choices)
    source = open_source(path, resolution=resolution, several=asked)
    if source is not None:
        from limelight.io.planes import open_planes

        return open_planes(
            source,
            channel=channel,
            z=z,
            position=position,
            resolution=resolution,
            time_axis=time_axis,
            camera=camera,
        )
    if any(v not in (None, 0, "time") for v in choices):
        raise ParameterError(
            f"{path.name}: it has no axes but time, y and x, so that there is nothing to choose."
        )
    if path.is_dir():
        from limelight.io.folder import open_folder

        return open_folder(path, camera)
    suffix = path.suffix.lower()
    if suffix == ".raw":
        from limelight.io.raw import open_raw

        return open_raw(path, raw, camera)
    if suffix == ".npy":
        from limelight.io.npy import open_npy

        return open_npy(path, camera)
    if suffix == ".dax":
        from limelight.io.dax import open_dax

        return open_dax(path, camera)
    if suffix in (".tif", ".tiff"):
        from limelight.io.tiff import open_tiff

        return open_tiff(path, camera)
    raise FileError(
        path,
        f"movies of this kind ({suffix or 'no suffix'}) cannot be opened.",
        f"Those that can: {', '.join(MOVIE_SUFFIXES)}, and folders of TIFF files.",
    )
