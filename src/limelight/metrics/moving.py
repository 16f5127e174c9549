"""Files that were moved: what has changed in a path, and what else has moved with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limelight.metrics.rows import Rows

__all__ = ["affected", "changed_prefix"]


def changed_prefix(old: str | Path, new: str | Path) -> tuple[Path, Path]:
    """Return the folders by which two paths to one file differ.

    ``/data/2026/a/x.hdf5`` that is now ``/archive/2026/a/x.hdf5`` gives ``/data`` and
    ``/archive``: whatever else was in the one is likely in the other.  Files of different names
    give themselves.
    """
    was, now = Path(old), Path(new)
    while was.name and was.name == now.name and was.parent != was and now.parent != now:
        was, now = was.parent, now.parent
    return was, now


def affected(rows: Rows, old: str | Path, new: str | Path, look: int = 200) -> tuple[int, int, int]:
    """Tell what it would mean that ``old`` is now ``new``, as `Database.relocate` does it.

    Parameters
    ----------
    rows : Rows
        With ``file`` and ``source``.
    old, new : path
        A file, or a folder with all in it.
    look : int
        At most so many of the new paths are looked for.

    Returns
    -------
    runs : int
        Runs that would change.
    looked : int
        Results that were looked for at their new place...
    there : int
        ... and those of them that are there.
    """
    was, now = str(old), Path(new)
    inside = tuple(was.rstrip("/\\") + end for end in "/\\")
    runs = looked = there = 0
    for file, source in zip(rows["file"].tolist(), rows["source"].tolist(), strict=True):
        hit = [p for p in (file, source) if p and (p == was or p.startswith(inside))]
        runs += bool(hit)
        if file in hit and looked < look:
            looked += 1
            rest = file[len(was) :].lstrip("/\\")
            there += (now / rest if rest else now).exists()
    return runs, looked, there
