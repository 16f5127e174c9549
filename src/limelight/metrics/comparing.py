"""Results side by side: tables that are read one after the other, pictures at one scale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import FileError, ParameterError
from limelight.core.job import Progress
from limelight.core.remarks import collected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations

__all__ = [
    "Compared",
    "common_columns",
    "compare_job",
    "family",
    "short_names",
    "side_by_side_job",
]

_SIDE = 600  # pixels of the longest side of a picture


@dataclass(frozen=True, eq=False)
class Compared:
    """One of several results that are compared.

    Parameters
    ----------
    path : path
        The table.
    name : str
        What tells it from the others.
    locs : Localizations
        Its molecules.
    """

    path: Path
    name: str
    locs: Localizations


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each path: the file's, with folders where names are the same."""
    parts = [p.parts for p in paths]
    for deep in range(1, max((len(p) for p in parts), default=1) + 1):
        names = ["/".join(p[-deep:]) for p in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names if parts else []


def family(path: str | Path) -> list[Path]:
    """Return the tables that were made from the same movie, the one itself left out.

    Parameters
    ----------
    path : path
        A table such as ``cell_locs.hdf5``; ``cell_locs_undrift.hdf5`` is of its family.
    """
    path = Path(path)
    stem = path.name.split("_locs")[0]
    try:
        found = sorted(path.parent.glob(f"{_literal(stem)}_locs*.hdf5"))
        found += sorted(path.parent.glob(f"{_literal(stem)}_pg_*_locs*.hdf5"))
    except OSError:
        return []
    return [p for p in dict.fromkeys(found) if p != path]


def _literal(text: str) -> str:
    import glob

    return glob.escape(text)


def compare_job(paths: Sequence[str | Path]) -> Job[list[Compared]]:
    """Read several results.

    Parameters
    ----------
    paths : sequence of path
        Tables of any format; at least one.

    Yields
    ------
    Progress
        Tables read, of all.

    Returns
    -------
    list of Compared
        In the order of the paths, each file once.

    Raises
    ------
    FileError
        If one cannot be read.
    ParameterError
        If there are none.
    """
    from limelight.io import load_table

    files = [Path(p).absolute() for p in dict.fromkeys(str(p) for p in paths)]
    if not files:
        raise ParameterError("There is nothing to compare. Add results first.")
    found = []
    for k, (file, name) in enumerate(zip(files, short_names(files), strict=True)):
        yield Progress(k, len(files), f"Reading {file.name}")
        if not file.exists():
            raise FileError(
                file, "the file is not there.", "Locate it in the history, or leave it out."
            )
        with collected():  # a pixel size that is not known is no matter here
            found.append(Compared(file, name, load_table(file)))
    yield Progress(len(files), len(files))
    return found


def common_columns(tables: Sequence[Localizations]) -> list[str]:
    """Return the columns that all of the tables have, numbers only, as they come in the first."""
    if not tables:
        return []
    return [
        str(name)
        for name in tables[0].table.columns
        if all(name in t.table.columns and t.table[name].dtype.kind in "iuf" for t in tables)
    ]


def side_by_side_job(
    tables: Sequence[Localizations], side: int = _SIDE
) -> Job[tuple[list[NDArray[np.uint8]], float]]:
    """Draw several results at one scale and one contrast.

    Parameters
    ----------
    tables : sequence of Localizations
        The results.
    side : int
        Longest side of the largest picture, pixels; no pixel is finer than 5 nm.

    Yields
    ------
    Progress
        Pictures drawn, of all.

    Returns
    -------
    pictures : list of 3D arrays of uint8 (Y, X, 3)
        One per table; the contrast is the same for each molecule per area and frame.
    pixel_nm : float
        Size of a drawn pixel in all of them.
    """
    from limelight.core.render import Layer, compose, render
    from limelight.core.render.colour import contrast_of

    if not tables:
        raise ParameterError("There is nothing to draw. Add results first.")
    longest = max(max(t.shape) * t.pixel_size_nm for t in tables)
    pixel_nm = max(longest / side, 5.0)
    drawn = []
    for k, table in enumerate(tables):
        yield Progress(k, len(tables) + 1, "Drawing")
        drawn.append(render(table, pixel_nm, min_blur_nm=pixel_nm / 2))
    yield Progress(len(tables), len(tables) + 1, "Colouring")
    # per frame, so that a long measurement does not outshine a short one
    frames = [max(table.frames, 1) for table in tables]
    tops = [
        contrast_of(p.image)[1] / n for p, n in zip(drawn, frames, strict=True) if p.image.any()
    ]
    top = float(np.median(tops)) if tops else 1.0
    pictures = [
        compose([Layer(p, "hot", contrast=(0.0, top * n), gamma=0.6)])
        for p, n in zip(drawn, frames, strict=True)
    ]
    yield Progress(len(tables) + 1, len(tables) + 1)
    return pictures, pixel_nm
