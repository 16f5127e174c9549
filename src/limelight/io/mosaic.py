"""Mosaics: the sites of a well as one OME-Zarr image, with labels, tables and resolutions.

Sites come one at a time, and each coarser level is made of the one before piece by piece, so that
memory does not grow with the well.  What no site covers is not stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError
from limelight.core.pool import each
from limelight.io.atomic import replacing_folder
from limelight.io.label_zarr import (
    CHUNK,
    SMALLEST,
    VERSION,
    channels_about,
    features_of,
    halved,
    level_about,
    list_name,
    multiscales,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from limelight.io.label_zarr import Scale

__all__ = ["Tile", "write_mosaic"]

_NAME = "sites"


@dataclass(frozen=True)
class Tile:
    """A site of a mosaic.

    Parameters
    ----------
    name : str
        Name of the site.
    place : (int, int)
        Its first row and column in the mosaic, pixels.
    shape : tuple of int
        (Y, X) or (Z, Y, X) of its images.
    images : callable
        Returns the image of each channel.
    labels : callable
        Returns the labels of each kind of objects, numbered as they are to be in the mosaic.
    """

    name: str
    place: tuple[int, int]
    shape: tuple[int, ...]
    images: Callable[[], Mapping[str, NDArray[Any]]]
    labels: Callable[[], Mapping[str, NDArray[Any]]]


def write_mosaic(
    path: str | Path,
    tiles: Sequence[Tile],
    size: tuple[int, int],
    channels: Sequence[str],
    dtype: np.dtype[Any],
    tables: Mapping[str, pd.DataFrame],
    *,
    scale: Scale | None = None,
    name: str = "",
    about: Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> Path:
    """Write the sites of a well as one image.

    Where sites overlap, the later lies on top, in images and labels alike.

    Parameters
    ----------
    path : path
        The folder; one that is there is replaced when all is written.
    tiles : sequence of Tile
        The sites.
    size : (int, int)
        Height and width of the mosaic, pixels.
    channels : sequence of str
        The channels, in their order.
    dtype : numpy.dtype
        Type of the pixels.
    tables : mapping
        Features of each kind of objects, with a column ``label``; their names are the labels that
        are written.
    scale : (float, float, float), optional
        Size of a voxel (z, y, x), micrometres.
    name : str
        Name of the image.
    about : mapping, optional
        What else to remember of it, as its attribute ``limelight``.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    path
        The folder.  Where the sites lie is in ``tables/sites``, a table of regions.

    Raises
    ------
    ParameterError
        If a site reaches out of the mosaic, or its planes are not as many as those of the others.
    FileError
        If it cannot be written; what was there before is still there then.
    """
    import zarr

    path = Path(path)
    depths = {tile.shape[:-2] for tile in tiles}
    if len(depths) > 1:
        raise ParameterError(
            f"{path.name}: the sites of a well have to have as many planes each, not "
            f"{', '.join(str(d[0]) if d else 'one' for d in sorted(depths))}."
        )
    for tile in tiles:
        ends = (tile.place[0] + tile.shape[-2], tile.place[1] + tile.shape[-1])
        if min(tile.place) < 0 or ends[0] > size[0] or ends[1] > size[1]:
            raise ParameterError(f"{path.name}: the site {tile.name} reaches out of the mosaic.")
    depth = depths.pop() if depths else ()
    axes = "zyx" if depth else "yx"
    chunks, aligned = _chunks(tiles, size)
    workers = threads if aligned else 1  # chunks that sites share are written one after the other
    with replacing_folder(path) as folder:
        group = zarr.create_group(str(folder), zarr_format=3)
        pixels = _array(group, (len(channels), *depth, *size), dtype, chunks, f"c{axes}")
        marks = {}
        if tables:
            group.create_group("labels")
        for one in tables:
            kind = group.create_group(f"labels/{one}")
            marks[one] = kind, _array(kind, (*depth, *size), np.dtype(np.int32), chunks, axes)

        def put(tile: Tile) -> None:
            (y, x), (height, width) = tile.place, tile.shape[-2:]
            images = tile.images()
            stacked = np.stack([np.asarray(images[c]) for c in channels])
            pixels[..., y : y + height, x : x + width] = stacked.astype(dtype, copy=False)
            labels = tile.labels()
            for one, (_, array) in marks.items():
                array[..., y : y + height, x : x + width] = labels[one]

        each(put, tiles, workers)
        smallest, levels = _pyramid(group, pixels, f"c{axes}", scale, False, threads)
        sample = {c: np.asarray(smallest[k]) for k, c in enumerate(channels)}
        group.attrs["ome"] = {
            "version": VERSION,
            "multiscales": multiscales(name or path.name, f"c{axes}", scale, levels),
            "omero": {"channels": channels_about(sample)},
        }
        if about:
            group.attrs["limelight"] = dict(about)
        for one, (kind, array) in marks.items():
            _, levels = _pyramid(kind, array, axes, scale, True, threads)
            kind.attrs["ome"] = {
                "version": VERSION,
                "multiscales": multiscales(one, axes, scale, levels),
                "image-label": {"source": {"image": "../../"}},
            }
            list_name(folder / "labels", "labels", one, 3, VERSION)
            write_table(folder, one, tables[one], 3, features_of(one))
        write_table(folder, _NAME, _regions(tiles, scale), 3, _REGIONS)
    return path


_REGIONS = {
    "type": "roi_table",
    "table_version": "1",
    "index_key": "FieldIndex",
    "index_type": "str",
}


def _regions(tiles: Sequence[Tile], scale: Scale | None) -> pd.DataFrame:
    """Return where the sites lie: micrometres where the pixel size is known, else pixels."""
    z, y, x = scale or (1.0, 1.0, 1.0)
    rows = []
    for tile in tiles:
        depth = tile.shape[0] if len(tile.shape) > 2 else 1
        rows.append(
            (
                tile.name,
                tile.place[1] * x,
                tile.place[0] * y,
                0.0,
                tile.shape[-1] * x,
                tile.shape[-2] * y,
                depth * z,
                tile.place[0],
                tile.place[1],
            )
        )
    lengths = [f"{part}{axis}_micrometer" for part in ("", "len_") for axis in "xyz"]
    return pd.DataFrame(rows, columns=["FieldIndex", *lengths, "y_pixel", "x_pixel"])


def _chunks(tiles: Sequence[Tile], size: tuple[int, int]) -> tuple[tuple[int, int], bool]:
    """Return height and width of a chunk, and whether no chunk is shared by two sites.

    Sites of one size on a grid are divided evenly, so that they can be written at a time.
    """
    shapes = {tile.shape[-2:] for tile in tiles}
    if len(shapes) == 1:
        (shape,) = shapes
        pieces = [
            next((n // k for k in range(1, n + 1) if n % k == 0 and n // k <= CHUNK), n)
            for n in shape
        ]
        # an odd length has few divisors: then a site is one chunk, unless it is very large
        found = (
            pieces[0] if pieces[0] >= CHUNK // 4 or shape[0] <= CHUNK else shape[0],
            pieces[1] if pieces[1] >= CHUNK // 4 or shape[1] <= CHUNK else shape[1],
        )
        on_grid = all(not p % n for t in tiles for p, n in zip(t.place, shape, strict=True))
        distinct = len({t.place for t in tiles}) == len(tiles)
        if on_grid and distinct and max(found) <= 4 * CHUNK:
            return found, True
    return (min(size[0], CHUNK), min(size[1], CHUNK)), len(tiles) == 1


def _array(
    group: Any,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    chunks: tuple[int, int],
    axes: str,
    number: int = 0,
) -> Any:
    return group.create_array(
        str(number),
        shape=shape,
        dtype=dtype,
        chunks=(*[1] * (len(shape) - 2), *chunks),
        dimension_names=list(axes),
    )


def _pyramid(
    group: Any, finest: Any, axes: str, scale: Scale | None, labels: bool, threads: int | None
) -> tuple[Any, list[dict[str, Any]]]:
    """Write the coarser levels; return the coarsest and what describes all of them."""
    levels, finer, number = [level_about(0, axes, scale)], finest, 0
    while max(finer.shape[-2:]) > SMALLEST and min(finer.shape[-2:]) >= 2:
        number += 1
        more = int(labels)  # of labels the first of two is kept, also where there is no second
        height, width = ((n + more) // 2 for n in finer.shape[-2:])
        shape = (*finer.shape[:-2], height, width)
        chunks = (min(height, CHUNK), min(width, CHUNK))
        coarser = _array(group, shape, finer.dtype, chunks, axes, number)

        def fill(place: tuple[int, ...], source: Any = finer, target: Any = coarser) -> None:
            *lead, y, x = place
            part = source[(*lead, slice(2 * y, 2 * (y + CHUNK)), slice(2 * x, 2 * (x + CHUNK)))]
            target[(*lead, slice(y, y + CHUNK), slice(x, x + CHUNK))] = halved(
                np.asarray(part), labels
            )

        starts = [range(0, n, CHUNK) for n in (height, width)]
        each(fill, product(*map(range, shape[:-2]), *starts), threads)
        levels.append(level_about(number, axes, scale))
        finer = coarser
    return finer, levels
