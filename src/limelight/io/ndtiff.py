"""The index of an NDTiff data set, for its TIFF files that are opened one by one."""

from __future__ import annotations

from pathlib import Path

from limelight.io.frame_entries import INDEX, unpack

__all__ = ["read_index"]


def read_index(file: str | Path) -> dict[tuple[str, int], dict[str, int | str]]:
    """Return the axes of every frame, by its file's name and the place of its pixels.

    Parameters
    ----------
    file : path
        A TIFF file of the data set; the index lies beside it.

    Returns
    -------
    dict
        Empty where there is no index; without the entries behind a damaged one.
    """
    try:
        body = Path(file).with_name(INDEX).read_bytes()
    except OSError:
        return {}
    found: dict[tuple[str, int], dict[str, int | str]] = {}
    try:
        for axes, place, _ in unpack(body, long=False):
            found[place.file, place.pixels] = axes
    except ValueError:
        pass
    return found
