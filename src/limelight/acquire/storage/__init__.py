"""Storage: the images of an acquisition to disk, as fast as the disk takes them.

One file per format.  All hand every image to the system at once, so that neither a process that
is killed nor a disk that gets full takes anything that was written.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.acquire.storage.writer import Writer
    from limelight.core.stream import Stream

__all__ = ["FORMATS", "create"]

FORMATS: dict[str, tuple[str, str]] = {
    "ndtiff": ("limelight.acquire.storage.ndtiff:NDTiffWriter", ""),
    "ome-tiff": ("limelight.acquire.storage.ome_tiff:OmeTiffWriter", ""),
    "ome-zarr": ("limelight.acquire.storage.ome_zarr:OmeZarrWriter", ".ome.zarr"),
    "ome-zarr-0.4": ("limelight.acquire.storage.ome_zarr:OmeZarr4Writer", ".ome.zarr"),
}
"""Writer and ending of the folder's name, by the format's name."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def _free_path(folder: Path, name: str, ending: str) -> Path:
    """Return ``name_1``, or the next number that no data set in the folder has."""
    pattern = re.compile(re.escape(name) + r"_(\d+)(?:\D.*)?", re.IGNORECASE)
    try:
        there = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    except OSError:
        there = []
    numbers = [int(found[1]) for n in there if (found := pattern.fullmatch(n))]
    return folder / f"{name}_{max(numbers, default=0) + 1}{ending}"


def create(
    folder: str | Path,
    name: str,
    format: str = "ndtiff",
    *,
    stream: Stream,
    summary: Mapping[str, Any] | None = None,
    continues: Writer | None = None,
) -> Writer:
    """Begin a data set.

    Parameters
    ----------
    folder : path
        Where to put its folder; made where it does not exist.
    name : str
        Name; the folder is called ``name_1``, or the next number that is free.
    format : str
        ``ndtiff``, ``ome-tiff``, ``ome-zarr`` (version 0.5), or ``ome-zarr-0.4`` for programs that
        do not know 0.5.
    stream : Stream
        What kind of frames will come.
    summary : mapping, optional
        The summary metadata: Micro-Manager's keys, and whatever else is to be kept, such as the
        settings of all processors.
    continues : Writer, optional
        A data set that could not be written on, and that this one goes on with.  Both say so.

    Returns
    -------
    Writer
        To be given the frames, and to be finished.

    Raises
    ------
    StorageError
        If the folder cannot be written to.
    ParameterError
        If there is no such format, or the name is of no use.
    """
    if format not in FORMATS:
        raise ParameterError(f"There is no storage format {format!r}. {suggest(format, FORMATS)}")
    clean = _FORBIDDEN.sub("-", str(name)).strip(" .")
    if not clean:
        raise ParameterError(f"The acquisition needs a name of letters or digits, not {name!r}.")
    target, ending = FORMATS[format]
    module, _, attribute = target.partition(":")
    kind: type[Writer] = getattr(import_module(module), attribute)
    values = dict(summary or {})
    if continues is not None:
        values["Continues"] = str(continues.path)
        values.setdefault("AcquisitionUUID", continues.summary.get("UUID"))
    path = _free_path(Path(folder).expanduser(), clean, ending)
    writer = kind(path, stream, values)
    if continues is not None:
        continues.annotate(ContinuedIn=str(writer.path))
    return writer
