"""Which movies are meant by a path, a folder or a pattern."""

from __future__ import annotations

import glob
from pathlib import Path

from limelight.core.errors import FileError
from limelight.io.file_movie import NotAMovieError
from limelight.io.folder import tiffs_in
from limelight.io.ome_zarr import is_zarr
from limelight.io.opening import MOVIE_SUFFIXES
from limelight.io.series import find_parts, natural

__all__ = ["find_movies"]


def find_movies(path: str | Path) -> list[Path]:
    """Return the movies that a path, a folder or a pattern such as ``day1/*.tif`` means.

    A folder of single numbered images is one movie; any other folder gives the movies in it (not
    those in its subfolders).  Of a movie that was split over several files the first is returned.

    Parameters
    ----------
    path : path
        What a person typed.  A file that is not there is returned too, so that opening it tells
        what is wrong.

    Returns
    -------
    list of path
        In natural order (2 before 10).
    """
    path = Path(path).expanduser()
    if not path.exists() and glob.has_magic(str(path)):
        found = [Path(p) for p in glob.glob(str(path), recursive=True)]
        movies = [m for p in sorted(found, key=natural) for m in _in(p, chosen=False)]
        return list(dict.fromkeys(movies)) or [path]
    return list(dict.fromkeys(_in(path, chosen=True)))


def _in(path: Path, *, chosen: bool) -> list[Path]:
    if path.is_dir():
        if is_zarr(path) or _is_image_folder(path):
            return [path]
        try:
            files = sorted((p for p in path.iterdir() if p.is_file() or is_zarr(p)), key=natural)
        except OSError:
            return [path]
        return [m for p in files for m in _in(p, chosen=False)] or ([path] if chosen else [])
    if chosen:
        return [_head(path)]
    known = path.suffix.lower() in MOVIE_SUFFIXES and not path.name.startswith(".")
    if path.suffix.lower() == ".h5":
        known = known and _holds_frames(path)
    return [_head(path)] if known else []


def _holds_frames(path: Path) -> bool:
    """Tell whether an HDF5 file is a movie, and not a table or something else."""
    from limelight.io.hdf5_movie import open_hdf5

    try:
        open_hdf5(path).close()
    except NotAMovieError:
        return False
    except FileError:
        return True  # opening it tells what is wrong
    return True


def _head(path: Path) -> Path:
    try:
        return find_parts(path)[0][0]
    except FileError:
        return path


def _is_image_folder(folder: Path) -> bool:
    """Tell whether a folder's TIFF files are the single images of one movie."""
    from limelight.io.tiff_part import TiffPart

    try:
        tiffs = tiffs_in(folder)
        if len(tiffs) < 2 or len(find_parts(tiffs[0])[0]) > 1:
            return False
        part = TiffPart(tiffs[0], keep_open=False)
    except FileError:
        return False
    part.index()
    part.close()
    return len(part) == 1
