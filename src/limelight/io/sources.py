"""Which of the formats with several axes a file or folder is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limelight.io.planes import PlaneSource

__all__ = ["open_source"]


def open_source(
    path: str | Path, *, resolution: int | None = None, several: bool = False
) -> PlaneSource | None:
    """Open a file along all its axes.

    Parameters
    ----------
    path : path
        The file or folder; ``file.h5::/path`` names a data set of an HDF5 file.
    resolution : int, optional
        Which level of resolution, 0 is the finest.
    several : bool
        Whether to open TIFF files along all axes too.

    Returns
    -------
    PlaneSource or None
        None for formats that hold nothing but movies.

    Raises
    ------
    FileError
        If it is of such a format and cannot be read.
    """
    path = Path(path).expanduser()
    if "::" in str(path) or path.suffix.lower() in (".h5", ".hdf5", ".hdf"):
        from limelight.io.hdf5_movie import open_hdf5

        return open_hdf5(path)
    suffix = path.suffix.lower()
    if suffix == ".ims":
        from limelight.io.ims import ImsSource

        return ImsSource(path, resolution or 0)
    if suffix == ".nd2":
        from limelight.io.nd2_movie import Nd2Source

        return Nd2Source(path)
    from limelight.io.ndtiff_dataset import NDTiffSource, find_index

    if find_index(path) is not None:
        return NDTiffSource(path)
    from limelight.io.ome_zarr import OmeZarrSource, is_zarr

    if is_zarr(path):
        return OmeZarrSource(path, resolution or 0)
    if path.is_dir():
        from limelight.io.positions import (
            ImagesSource,
            PositionsSource,
            find_images,
            find_positions,
        )

        if len(positions := find_positions(path)) > 1:
            return PositionsSource(path, positions)
        if images := find_images(path):
            return ImagesSource(path, images)
    if several and suffix in (".tif", ".tiff"):
        from limelight.io.tiff_planes import TiffSource

        return TiffSource(path)
    return None
