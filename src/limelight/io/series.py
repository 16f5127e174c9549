"""Movies that were split over several files, because a TIFF file holds 4 GB."""

from __future__ import annotations

import re
from pathlib import Path

from limelight.core.errors import FileError, TruncatedError
from limelight.io.micromanager import read_header
from limelight.io.shared_file import SharedFile
from limelight.io.tiff_index import TiffFormatError, TiffIndex

__all__ = ["MissingPartError", "find_parts", "natural"]

_NAME = re.compile(r"(?P<base>.+?)(?:_(?P<number>[1-9]\d*))?(?P<suffix>(?:\.ome)?\.tiff?)", re.I)
_STACK = re.compile(r"_(?:MM|NDTiff)Stack(?:_|$)", re.I)
_SURELY_LATER = re.compile(r".*_(?:MMStack(?:_Pos\d+|_Default)?|NDTiffStack)", re.I)


class MissingPartError(TruncatedError):
    """A file in the middle of a movie of several files is missing."""

    def __init__(self, path: str | Path, first_bad: int, readable: int) -> None:
        super().__init__(path, first_bad, readable)
        reason = f"this part of the movie is missing, and with it frame {first_bad} and later ones."
        remedy = f"The {readable} frames before it are offered; put the file beside the others."
        self.reason, self.remedy = reason, remedy
        self.args = (f"{self.path.name}: {reason} {remedy}",)


def natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts names as people do: 2 before 10."""
    pieces = re.findall(r"\d+|\D+", path.name)
    return [(int(p), "") if p.isdecimal() else (-1, p.lower()) for p in pieces]


def _summary(path: Path) -> bytes:
    """Return what Micro-Manager says of the acquisition, empty for other files."""
    try:
        file = SharedFile(path)
    except FileError:
        return b""
    try:
        header = read_header(file, TiffIndex(file).byte_order)
    except TiffFormatError:
        return b""
    finally:
        file.close()
    return header.summary_text if header else b""


def find_parts(path: str | Path) -> tuple[list[Path], Path | None]:
    """Find the files that a movie was split into, from any one of them.

    Micro-Manager names them ``<base>_MMStack_Pos0.ome.tif``, ``<base>_MMStack_Pos0_1.ome.tif`` and
    so on; files that were renamed are recognized by their equal summaries.

    Parameters
    ----------
    path : path
        One of the files.

    Returns
    -------
    list of path
        The files in order, up to the first that is missing; only `path` for a movie in one file.
    path or None
        The file that is missing in the middle.

    Raises
    ------
    FileError
        If the first file is missing.
    """
    path = Path(path)
    match = _NAME.fullmatch(path.name)
    if not match:
        return [path], None
    base, number, suffix = match["base"], match["number"], match["suffix"]
    if number is not None:
        head = path.with_name(base + suffix)
        if head.exists():
            siblings = _siblings(head, base, suffix)
            if int(number) in siblings:
                return _up_to_gap(head, siblings, base, suffix)
        elif _SURELY_LATER.fullmatch(base):
            raise FileError(
                path,
                f"this is a later part of a movie, whose first part {head.name} is missing.",
                "Put it beside this file, or rename this file to open it alone.",
            )
        base = f"{base}_{number}"  # it only looked like a later part
    return _up_to_gap(path, _siblings(path, base, suffix), base, suffix)


def _siblings(head: Path, base: str, suffix: str) -> dict[int, Path]:
    """Return the later parts of a movie by their number."""
    pattern = re.compile(re.escape(base) + r"_([1-9]\d*)" + re.escape(suffix), re.I)
    try:
        siblings = {
            int(found[1]): other
            for other in head.parent.iterdir()
            if (found := pattern.fullmatch(other.name))
        }
    except OSError:
        return {}
    if siblings and not _STACK.search(base):
        own = _summary(head)
        siblings = {k: p for k, p in siblings.items() if own and _summary(p) == own}
    return siblings


def _up_to_gap(
    head: Path, siblings: dict[int, Path], base: str, suffix: str
) -> tuple[list[Path], Path | None]:
    parts = [head]
    for k in range(1, max(siblings, default=0) + 1):
        if k not in siblings:
            return parts, head.with_name(f"{base}_{k}{suffix}")
        parts.append(siblings[k])
    return parts, None
