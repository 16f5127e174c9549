"""One door for all movies: the format is told by suffix and content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.errors import FileError

if TYPE_CHECKING:
    from limelight.core.camera import Camera
    from limelight.io.file_movie import FileMovie
    from limelight.io.raw import RawSpecification

__all__ = ["MOVIE_SUFFIXES", "open_movie"]

MOVIE_SUFFIXES = (".tif", ".tiff", ".raw", ".npy")
"""Suffixes of the files that hold movies."""


def open_movie(
    path: str | Path,
    *,
    camera: Camera | None = None,
    raw: RawSpecification | None = None,
) -> FileMovie:
    """Open a movie without reading its frames.

    Parameters
    ----------
    path : path
        A ``.tif``, ``.tiff``, ``.raw`` or ``.npy`` file, or a folder of numbered TIFF files.
    camera : Camera, optional
        Used instead of what the file says of the camera.
    raw : RawSpecification, optional
        How to read a ``.raw`` file that has no YAML file beside it.

    Returns
    -------
    FileMovie
        The movie; its ``problem`` tells if frames are missing.  It is a context manager, and is
        safe to read from several threads.

    Raises
    ------
    FileError
        If it cannot be read.

    Examples
    --------
    >>> with open_movie("movie.ome.tif") as movie:  # doctest: +SKIP
    ...     print(movie.shape, movie.camera.pixel_size_nm)
    """
    path = Path(path).expanduser()
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
    if suffix in (".tif", ".tiff"):
        from limelight.io.tiff import open_tiff

        return open_tiff(path, camera)
    raise FileError(
        path,
        f"movies of this kind ({suffix or 'no suffix'}) cannot be opened.",
        f"Those that can: {', '.join(MOVIE_SUFFIXES)}, and folders of TIFF files.",
    )
