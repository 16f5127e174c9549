"""Which movies are in a folder, and whether they are completely written.

Folders are looked at again and again, since network drives tell nobody of changes.  A movie that is
known to be complete is not looked at again, so that the cost of a look is one listing per folder.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.errors import LimelightError
from limelight.core.remarks import collected
from limelight.io.series import find_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Arrivals", "Movie", "extent"]

_MOST_ENTRIES = 20_000  # of one folder tree in one look
_INDEX = "NDTiff.index"


@dataclass(frozen=True)
class Movie:
    """A movie that is there.

    Parameters
    ----------
    path : path
        What `open_movie` opens: the file, the first of several, or the folder.
    size : int
        Bytes of all its files together.
    ready : bool
        Whether it is complete, or given up to become so.
    why : str
        What it waits for, or what is wrong with it.
    """

    path: Path
    size: int
    ready: bool
    why: str = ""


@dataclass
class _Seen:
    extent: tuple[int, int, float]
    since: float
    checked: bool = False
    why: str = ""


class Arrivals:
    """Looks at folders, and tells which movies are complete.

    Parameters
    ----------
    folders : iterable of path
        Where.
    kinds : iterable of str
        Suffixes, and ``ndtiff``.
    subfolders : bool
        Whether to look into them.
    settle_s : float
        Time for which a movie has to stay as it is, seconds.
    patience_s : float
        Time after which one that cannot be read to its end is given up to become complete.
    clock : callable
        Seconds that only rise; for tests.
    """

    def __init__(
        self,
        folders: Iterable[str | Path],
        kinds: Iterable[str],
        *,
        subfolders: bool = False,
        settle_s: float = 10.0,
        patience_s: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = [Path(f) for f in folders]
        self._kinds = tuple(kinds)
        self._subfolders = subfolders
        self._settle, self._patience, self._clock = settle_s, patience_s, clock
        self._seen: dict[Path, _Seen] = {}
        self._later: set[Path] = set()

    def look(self, skip: Callable[[Path], bool] = lambda path: False) -> list[Movie]:
        """Look at the folders once.

        Parameters
        ----------
        skip : callable
            Tells of a path that it need not be looked at.

        Returns
        -------
        list of Movie
            Those that are not skipped, by name.
        """
        now = self._clock()
        found = []
        there = set()
        for path in self._candidates():
            there.add(path)
            if skip(path):
                continue
            movie = self._judge(path, now)
            if movie is not None:
                found.append(movie)
        for gone in set(self._seen) - there:
            del self._seen[gone]
        self._later &= there
        return sorted(found, key=lambda m: str(m.path))

    def _candidates(self) -> Iterator[Path]:
        left = _MOST_ENTRIES
        waiting = list(self._folders)
        while waiting and left > 0:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    listing = list(entries)
            except OSError:
                continue  # such as a network drive that is away for a while
            left -= len(listing)
            for entry in listing:
                name = entry.name.lower()
                if name.startswith("."):
                    continue
                try:
                    is_folder = entry.is_dir()
                except OSError:
                    continue
                path = Path(entry.path)
                if not is_folder:
                    if any(name.endswith(k) for k in self._suffixes()):
                        yield path
                elif name.endswith(".zarr"):
                    if ".zarr" in self._kinds:
                        yield path
                elif "ndtiff" in self._kinds and (path / _INDEX).is_file():
                    yield path
                elif self._subfolders:
                    waiting.append(path)

    def _suffixes(self) -> list[str]:
        found = [k for k in self._kinds if k.startswith(".") and k != ".zarr"]
        return [*found, ".ome.tiff"] if ".ome.tif" in found else found

    def _judge(self, path: Path, now: float) -> Movie | None:
        if path in self._later:
            return None
        try:
            files, missing = (
                find_parts(path)
                if path.suffix.lower().startswith(".tif")
                else (
                    [path],
                    None,
                )
            )
        except LimelightError:
            return None  # a later part whose first one is not there, yet
        except OSError:
            return None
        if files[0] != path:
            self._later.add(path)
            return None
        try:
            measured = extent(files)
        except OSError as error:
            self._seen.pop(path, None)
            return Movie(path, 0, False, f"it cannot be looked at ({error.strerror})")
        seen = self._seen.get(path)
        if seen is None or seen.extent != measured:
            seen = self._seen[path] = _Seen(measured, now)
        quiet = now - seen.since
        size = measured[0]
        if quiet < self._settle:
            return Movie(path, size, False, "it is being written")
        if size == 0:
            return Movie(path, size, False, "it is empty")
        if missing is not None:
            seen.why = f"{missing.name} is missing"
        elif not seen.checked or seen.why:
            running, seen.why = _trouble(path)
            seen.checked = True
            if running:
                seen.since = now
                return Movie(path, size, False, "it is being acquired")
        if seen.why and quiet < self._patience:
            return Movie(path, size, False, seen.why)
        return Movie(path, size, True, seen.why)


def extent(files: Iterable[Path]) -> tuple[int, int, float]:
    """Return bytes, number of files and newest change of files and folders together.

    Of a folder with very many files, only the first twenty thousand are looked at.

    Raises
    ------
    OSError
        If one cannot be looked at.
    """
    size = count = 0
    newest = 0.0
    left = _MOST_ENTRIES
    for top in files:
        waiting = [top]
        while waiting and left > 0:
            path = waiting.pop()
            status = path.stat()
            newest = max(newest, status.st_mtime)
            if not path.is_dir():
                size, count = size + status.st_size, count + 1
                continue
            with os.scandir(path) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir():
                        waiting.append(Path(entry.path))
                        continue
                    about = entry.stat()
                    size, count = size + about.st_size, count + 1
                    newest = max(newest, about.st_mtime)
    return size, count, newest


def _trouble(path: Path) -> tuple[bool, str]:
    """Return whether a movie is just being acquired here, and what is wrong with it."""
    from limelight.io import open_movie
    from limelight.io.in_progress import unfinished

    folder = path if path.is_dir() else path.parent
    mark = unfinished(folder)
    if mark is not None and mark[1]:
        return True, ""
    try:
        with collected():  # of choices that are made again, and told, later
            with open_movie(path) as movie:
                return False, "" if movie.problem is None else str(movie.problem)
    except (LimelightError, OSError, ValueError) as error:
        return False, str(error)
