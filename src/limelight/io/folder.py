"""Movies in a folder of numbered TIFF files, one or several frames in each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.core.remarks import remark
from limelight.io.file_movie import NotAMovieError
from limelight.io.series import find_parts, natural
from limelight.io.shared_file import explain
from limelight.io.tiff import TiffMovie, check_alike, join_parts, open_tiff, read_metadata
from limelight.io.tiff_part import TiffPart

if TYPE_CHECKING:
    from limelight.core.camera import Camera

__all__ = ["open_folder", "tiffs_in"]

_SUFFIXES = (".tif", ".tiff")


def tiffs_in(folder: str | Path) -> list[Path]:
    """Return the TIFF files of a folder in natural order (2 before 10)."""
    folder = Path(folder)
    try:
        names = [
            p
            for p in folder.iterdir()
            if p.suffix.lower() in _SUFFIXES and not p.name.startswith(".")
        ]
    except OSError as error:
        raise explain(folder, error) from error
    return sorted(names, key=natural)


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", path.name))


def _kind(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def _one_movie(folder: Path, paths: list[Path]) -> list[Path]:
    """Return the files that make one movie; raise where it would be a mixture."""
    kinds: dict[str, int] = {}
    for path in paths:
        kinds[_kind(path)] = kinds.get(_kind(path), 0) + 1
    if len(kinds) > 1:
        listed = ", ".join(f"{n} x {kind}" for kind, n in list(kinds.items())[:4])
        raise FileError(
            folder,
            f"it holds TIFF files of several kinds ({listed}).",
            "Open one of the files, or give each movie a folder of its own.",
        )
    fields = np.array([_numbers(p) for p in paths])
    distinct = [len(np.unique(column)) for column in fields.T]
    if len(paths) in distinct or sum(n > 1 for n in distinct) < 2:
        return paths
    # Several counters, none of which counts the files: time and, say, channel or plane.
    main = int(np.argmax(distinct))
    keep = np.ones(len(paths), bool)
    for column, values in enumerate(fields.T):
        keep &= (values == values.min()) | (column == main)
    chosen = [p for p, k in zip(paths, keep.tolist(), strict=True) if k]
    remark(
        f"{folder.name}: the file names count {sum(n > 1 for n in distinct)} things (time, and "
        f"channels or planes); the movie is {chosen[0].name} to {chosen[-1].name}, "
        f"{len(chosen)} of {len(paths)} files. Put the others into a folder of their own to "
        "localize them.",
        stacklevel=5,
    )
    return chosen


def open_folder(path: str | Path, camera: Camera | None = None) -> TiffMovie:
    """Open a folder of numbered TIFF files as a movie.

    Parameters
    ----------
    path : path
        The folder.
    camera : Camera, optional
        Used instead of what the files say.

    Raises
    ------
    FileError
        If there is no TIFF file in it, or those in it are no single movie.
    """
    folder = Path(path)
    paths = tiffs_in(folder)
    if not paths:
        raise NotAMovieError(
            folder, "there is no TIFF file in this folder.", "Open the folder with the images."
        )
    series, _ = find_parts(paths[0])
    if len(series) > 1 and set(paths) <= set(series):
        return open_tiff(series[0], camera)
    if len(paths) == 1:
        return open_tiff(paths[0], camera)
    paths = _one_movie(folder, paths)
    parts: list[TiffPart] = []
    problem: TruncatedError | None = None
    frames = 0
    try:
        for p in paths:
            try:
                part = TiffPart(p, keep_open=False, like=parts[0] if parts else None)
            except FileError:
                if not parts:
                    raise
                problem = TruncatedError(p, frames, frames)
                break
            part.index()
            parts.append(part)
            frames += len(part)
            if part.broken:
                problem = TruncatedError(p, frames, frames)
                break
        check_alike(parts)
        if not frames:
            raise FileError(paths[0], "its first frame is not there.", "Copy the file again.")
        metadata, summary = read_metadata(parts[0])
        return TiffMovie(
            folder,
            parts,
            join_parts(parts),
            summary=summary,
            metadata=metadata,
            camera=camera,
            problem=problem,
        )
    except BaseException:
        for part in parts:
            part.close()
        raise
