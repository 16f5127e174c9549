"""Pictures of molecules as files: PNG, TIFF and OME-Zarr, of any size, tile by tile."""

from __future__ import annotations

import itertools
import math
import os
import queue
import secrets
import shutil
import struct
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, ParameterError
from limelight.core.job import Progress, run
from limelight.core.locs.filter import filter_locs
from limelight.core.render import Layer, Scene, compose
from limelight.core.render.colour import contrast_of, limits_of
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.render import Tiles
    from limelight.core.render.picture import Viewport

__all__ = ["PictureChannel", "picture_job", "picture_shape", "write_picture"]

_IN_MEMORY = 2**26  # pixels of a plain TIFF file that ImageJ opens without a plugin
_BAND = 512  # rows of a PNG that are held at a time
_TILE = 1024
_MOST_PNG = 2**31 - 1
_OVERVIEW = 1024


@dataclass(frozen=True, eq=False)
class PictureChannel:
    """A table and how it is drawn.

    Parameters
    ----------
    locs : Localizations
        The molecules.
    ranges : mapping of column to (low, high)
        Filters, as `limelight.core.locs.filter.filter_locs` takes them.
    mode, min_blur_nm, blur_nm
        As in `limelight.core.render.render`.
    colour : str, optional
        PNG only: column that chooses the colour.
    colours : str or array (N, 3)
        PNG only: colour map, as `limelight.core.render.lookup_table` takes it.
    high : float, optional
        PNG only: molecules per µm² that are shown brightest; by default 99.7 % of the lit pixels
        of an overview are darker.
    limits : tuple of float, optional
        PNG only: values of the first and last colour.
    gamma : float
        PNG only: brightness is intensity to this power.
    name : str
        The channel's name.
    """

    locs: Localizations
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    mode: str = "gaussian"
    min_blur_nm: float = 0.0
    blur_nm: float | None = None
    colour: str | None = None
    colours: str | NDArray[Any] = "hot"
    high: float | None = None
    limits: tuple[float, float] | None = None
    gamma: float = 1.0
    name: str = "molecules"


def _kind(path: Path) -> str:
    name = path.name.lower()
    if name.endswith(".png"):
        return "png"
    if name.endswith((".tif", ".tiff")):
        return "tiff"
    if name.endswith(".zarr"):
        return "zarr"
    raise FileError(
        path,
        "a picture cannot be written in this format.",
        "Choose a name that ends with .png, .tif, .ome.tif or .ome.zarr.",
    )


def _viewport(channels: Sequence[PictureChannel], viewport: Viewport | None) -> Viewport:
    if viewport is not None:
        return viewport
    heights, widths = zip(*(channel.locs.shape for channel in channels), strict=True)
    return -0.5, -0.5, max(heights) - 0.5, max(widths) - 0.5


def picture_shape(
    channels: Sequence[PictureChannel], pixel_size_nm: float, viewport: Viewport | None = None
) -> tuple[int, int]:
    """Return about how many pixels (Y, X) a picture will have.

    Raises
    ------
    ParameterError
        If the pixel size is not positive.
    """
    if not 0 < pixel_size_nm < np.inf:
        raise ParameterError(f"The pixel size must be greater than 0 nm, not {pixel_size_nm}.")
    y0, x0, y1, x1 = _viewport(channels, viewport)
    zoom = channels[0].locs.pixel_size_nm / pixel_size_nm
    return math.ceil((y1 - y0) * zoom - 1e-6), math.ceil((x1 - x0) * zoom - 1e-6)


@dataclass(frozen=True, eq=False)
class _Plan:
    """Channels ready to be drawn."""

    path: Path
    channels: Sequence[PictureChannel]
    scenes: Sequence[Scene]
    viewport: Viewport
    pixel_size_nm: float

    def tiles(self, index: int, side: int, colour: bool = False) -> Tiles:
        channel = self.channels[index]
        return self.scenes[index].tiles(
            self.pixel_size_nm,
            channel.mode,
            side=side,
            viewport=self.viewport,
            colour=channel.colour if colour else None,
            min_blur_nm=channel.min_blur_nm,
            blur_nm=channel.blur_nm,
        )


def picture_job(
    path: str | Path,
    channels: Sequence[PictureChannel],
    pixel_size_nm: float,
    *,
    viewport: Viewport | None = None,
    threads: int | None = None,
) -> Job[Path]:
    """Draw tables at a chosen pixel size into a file, in bounded memory.

    Parameters
    ----------
    path : path
        The suffix says the format: ``.png`` shows the channels in their colours, laid over one
        another; ``.tif``, ``.ome.tif`` and ``.ome.zarr`` hold the molecules per pixel (float32), a
        channel each.
    channels : sequence of PictureChannel
        What is drawn; their camera pixels must be of the same size.
    pixel_size_nm : float
        Size of a pixel, nm.
    viewport : tuple of float (y0, x0, y1, x1), optional
        Part of the field, camera pixels; by default the whole.
    threads : int, optional
        Threads.

    Yields
    ------
    Progress
        Tiles.

    Returns
    -------
    path
        The file.  What was there before is replaced when it is complete, not sooner.

    Raises
    ------
    FileError
        If it cannot be written.
    ParameterError
        If there is no channel, or their pixels differ, or a parameter is of no use.

    Notes
    -----
    An OME-Zarr has a pyramid, whose levels are means of 2 x 2 pixels.  A TIFF file of less than
    2^26 pixels is plain, and opens in ImageJ with its scale; a larger one is a tiled and compressed
    OME-TIFF.
    """
    path = Path(path)
    kind = _kind(path)
    if not channels:
        raise ParameterError("There is no table to draw.")
    nm = channels[0].locs.pixel_size_nm
    if any(abs(channel.locs.pixel_size_nm / nm - 1) > 1e-6 for channel in channels):
        raise ParameterError(
            "Tables of cameras with different pixel sizes cannot be drawn into one picture; "
            "export them one by one."
        )
    shape = picture_shape(channels, pixel_size_nm, viewport)
    if kind == "png" and max(shape) > _MOST_PNG:
        raise ParameterError(
            f"A PNG cannot have {shape[0]:,} x {shape[1]:,} pixels, at most {_MOST_PNG:,} along a "
            "side. Choose larger pixels, or a name that ends with .ome.tif or .ome.zarr."
        )
    yield Progress(0, 1, "Sorting the molecules…")
    scenes = []
    for channel in channels:
        locs = filter_locs(channel.locs, channel.ranges) if channel.ranges else channel.locs
        scenes.append(Scene(locs, threads))
    plan = _Plan(path, channels, scenes, _viewport(channels, viewport), pixel_size_nm)
    writer = {"png": _write_png, "tiff": _write_tiff, "zarr": _write_zarr}[kind]
    yield from writer(plan)
    return path


def write_picture(
    path: str | Path,
    what: Localizations | Sequence[PictureChannel],
    pixel_size_nm: float = 10.0,
    *,
    viewport: Viewport | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    **drawing: Any,
) -> Path:
    """Draw a table, or several, into a file; see `picture_job`.

    Parameters
    ----------
    path : path
        The suffix says the format: ``.png``, ``.tif``, ``.ome.tif`` or ``.ome.zarr``.
    what : Localizations or sequence of PictureChannel
        A table, or several with their colours.
    pixel_size_nm : float
        Size of a pixel, nm.
    viewport, threads
        As in `picture_job`.
    on_progress : callable, optional
        Called with every `Progress`.
    **drawing
        For a table: what `PictureChannel` takes, such as ``mode`` or ``min_blur_nm``.

    Returns
    -------
    path
        The file.
    """
    from limelight.core.localizations import Localizations

    channels = [PictureChannel(what, **drawing)] if isinstance(what, Localizations) else list(what)
    job = picture_job(path, channels, pixel_size_nm, viewport=viewport, threads=threads)
    return run(job, on_progress)


# -- PNG -------------------------------------------------------------------------------------------
def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def _colouring(plan: _Plan, index: int) -> dict[str, Any]:
    """Return the arguments of a channel's `Layer`, contrast per pixel."""
    channel, scene = plan.channels[index], plan.scenes[index]
    y0, x0, y1, x1 = plan.viewport
    nm = scene.pixel_size_nm
    high = channel.high
    if high is None:
        coarse = max(plan.pixel_size_nm, max(y1 - y0, x1 - x0) * nm / _OVERVIEW)
        overview = scene.draw(
            plan.viewport,
            coarse,
            channel.mode,
            min_blur_nm=channel.min_blur_nm,
            blur_nm=channel.blur_nm,
        )
        high = contrast_of(overview.image)[1] / (coarse / 1000) ** 2
    limits = channel.limits
    if limits is None and channel.colour is not None:
        limits = limits_of(scene.column(channel.colour)[None, :])
    return {
        "colours": channel.colours,
        "contrast": (0.0, high * (plan.pixel_size_nm / 1000) ** 2),
        "limits": limits,
        "gamma": channel.gamma,
    }


def _write_png(plan: _Plan) -> Generator[Progress, None, None]:
    tiles = [plan.tiles(i, _BAND, colour=True) for i in range(len(plan.channels))]
    colouring = [_colouring(plan, i) for i in range(len(plan.channels))]
    height, width = tiles[0].shape
    rows, columns = tiles[0].grid
    packer = zlib.compressobj(4)
    per_metre = min(round(1e9 / plan.pixel_size_nm), 2**32 - 1)
    with replacing(plan.path) as temporary, temporary.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(_chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)))
        for i in range(rows):
            band: NDArray[np.uint8] | None = None
            for j in range(columns):
                parts = [t[i, j] for t in tiles]
                rgb = compose(
                    [Layer(p.picture, **c) for p, c in zip(parts, colouring, strict=True)]
                )
                if band is None:
                    # a byte before each row says that it is not filtered
                    band = np.zeros((len(rgb), 1 + 3 * width), np.uint8)
                begin = 1 + 3 * parts[0].column
                band[:, begin : begin + 3 * rgb.shape[1]] = rgb.reshape(len(rgb), -1)
                yield Progress(i * columns + j + 1, rows * columns)
            assert band is not None
            if data := packer.compress(band.data):
                file.write(_chunk(b"IDAT", data))
        file.write(_chunk(b"IDAT", packer.flush()))
        file.write(_chunk(b"IEND", b""))


# -- TIFF ------------------------------------------------------------------------------------------
def _write_tiff(plan: _Plan) -> Generator[Progress, None, None]:
    tiles = [plan.tiles(i, _TILE) for i in range(len(plan.channels))]
    height, width = tiles[0].shape
    named_ome = plan.path.name.lower().endswith((".ome.tif", ".ome.tiff"))
    if height * width * len(tiles) <= _IN_MEMORY and not named_ome:
        yield from _write_plain_tiff(plan, tiles)
    else:
        yield from _write_tiled_tiff(plan, tiles)


def _write_plain_tiff(plan: _Plan, tiles: list[Tiles]) -> Generator[Progress, None, None]:
    from limelight.io.tiff_writer import TiffWriter

    total, done = sum(len(t) for t in tiles), 0
    with TiffWriter(plan.path, len(tiles), pixel_size_nm=plan.pixel_size_nm) as writer:
        for channel in tiles:
            image = np.zeros(channel.shape, np.float32)
            for tile in channel:
                part = tile.picture.image
                image[
                    tile.row : tile.row + part.shape[0], tile.column : tile.column + part.shape[1]
                ] = part
                done += 1
                yield Progress(done, total)
            writer.write(image)


class _Cancelled(Exception):
    """The job was closed."""


class _Pipe:
    """Tiles on their way from the one who draws to the thread that writes."""

    def __init__(self, depth: int = 2) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def put(self, item: Any) -> None:
        """Hand an item over; raise what the writer raised."""
        while True:
            if self.ended.is_set():
                if self.error is not None:
                    raise self.error
                return
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item


def _write_tiled_tiff(plan: _Plan, tiles: list[Tiles]) -> Generator[Progress, None, None]:
    import tifffile

    um = plan.pixel_size_nm / 1000
    per_cm = min(max(1e4 / um, 1e-3), 4e9)
    total, done = sum(len(t) for t in tiles), 0
    pipe = _Pipe()
    shape = (len(tiles), *tiles[0].shape)
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "PhysicalSizeX": um,
        "PhysicalSizeY": um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": [channel.name for channel in plan.channels]},
    }

    def write(temporary: Path) -> None:
        try:
            with tifffile.TiffWriter(temporary, bigtiff=True, ome=True) as writer:
                writer.write(
                    iter(pipe),
                    shape=shape,
                    dtype=np.float32,
                    tile=(_TILE, _TILE),
                    compression="zlib",
                    photometric="minisblack",
                    metadata=metadata,
                    resolution=(per_cm, per_cm),
                    resolutionunit="CENTIMETER",
                    software="Limelight",
                )
        except BaseException as error:
            pipe.error = error
        finally:
            pipe.ended.set()

    with replacing(plan.path) as temporary:
        thread = threading.Thread(target=write, args=(temporary,), name="limelight-tiff")
        thread.start()
        try:
            for channel in tiles:
                for tile in channel:
                    part = tile.picture.image
                    if part.shape != (_TILE, _TILE):
                        whole = np.zeros((_TILE, _TILE), np.float32)
                        whole[: part.shape[0], : part.shape[1]] = part
                        part = whole
                    pipe.put(part)
                    done += 1
                    yield Progress(done, total)
            pipe.put(None)
        except BaseException:
            if not pipe.ended.is_set():
                pipe.put(_Cancelled())
            raise
        finally:
            thread.join()
        if pipe.error is not None:
            raise pipe.error


# -- OME-Zarr --------------------------------------------------------------------------------------
def _write_zarr(plan: _Plan) -> Generator[Progress, None, None]:
    import zarr

    tiles = [plan.tiles(i, _TILE) for i in range(len(plan.channels))]
    path, folder = plan.path, plan.path.parent
    if path.exists() and not any((path / n).exists() for n in (".zgroup", ".zarray", "zarr.json")):
        raise FileError(path, "something that is no Zarr has that name.", "Choose another name.")
    if not folder.is_dir():
        raise FileError(path, f"there is no folder {folder}.", "Make it, or save somewhere else.")
    temporary = folder / f".{path.name[:60]}-{secrets.token_hex(6)}"
    shapes: list[tuple[int, int]] = [tiles[0].shape]
    while max(shapes[-1]) > _TILE:
        height, width = shapes[-1]
        shapes.append(((height + 1) // 2, (width + 1) // 2))
    total = sum(math.ceil(h / _TILE) * math.ceil(w / _TILE) * len(tiles) for h, w in shapes)
    done = 0
    try:
        try:
            root = zarr.open_group(temporary, mode="w", zarr_format=2)
            levels = [
                root.create_array(
                    str(k),
                    shape=(len(tiles), *shape),
                    chunks=(1, _TILE, _TILE),
                    dtype="float32",
                    fill_value=0.0,
                    chunk_key_encoding={"name": "v2", "separator": "/"},
                )
                for k, shape in enumerate(shapes)
            ]
            root.attrs.update(_multiscales(plan, tiles[0], len(shapes)))
            for c, channel in enumerate(tiles):
                for tile in channel:
                    part = tile.picture.image
                    rows = slice(tile.row, tile.row + part.shape[0])
                    levels[0][c, rows, tile.column : tile.column + part.shape[1]] = part
                    done += 1
                    yield Progress(done, total)
                for fine, coarse in itertools.pairwise(levels):
                    for _ in _halve(fine, coarse, c):
                        done += 1
                        yield Progress(done, total, "Smaller levels")
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
        except OSError as error:
            raise FileError(
                path, f"it cannot be written ({error.strerror or error}).", "Save somewhere else."
            ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _halve(fine: Any, coarse: Any, channel: int) -> Iterator[None]:
    """Write means of 2 x 2 pixels, chunk by chunk; the last of an odd number counts alone."""
    _, height, width = coarse.shape
    for row in range(0, height, _TILE):
        for column in range(0, width, _TILE):
            part = np.asarray(
                fine[channel, 2 * row : 2 * (row + _TILE), 2 * column : 2 * (column + _TILE)]
            )
            part = np.pad(part, [(0, n % 2) for n in part.shape], mode="edge")
            mean = part.reshape(part.shape[0] // 2, 2, part.shape[1] // 2, 2).mean((1, 3))
            coarse[channel, row : row + mean.shape[0], column : column + mean.shape[1]] = mean
            yield


def _multiscales(plan: _Plan, tiles: Tiles, levels: int) -> dict[str, Any]:
    um, (ty, tx) = tiles.scale_um[0], tiles.translate_um
    datasets = []
    for k in range(levels):
        size = um * 2**k
        shift = (size - um) / 2
        datasets.append(
            {
                "path": str(k),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [1.0, size, size]},
                    {"type": "translation", "translation": [0.0, ty + shift, tx + shift]},
                ],
            }
        )
    axes = [
        {"name": "c", "type": "channel"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    name = plan.path.name.removesuffix(".zarr").removesuffix(".ome")
    return {
        "multiscales": [
            {"version": "0.4", "name": name, "axes": axes, "datasets": datasets, "type": "mean"}
        ],
        "omero": {
            "version": "0.4",
            "channels": [
                {
                    "label": channel.name,
                    "active": True,
                    "color": "FFFFFF",
                    "window": {"start": 0.0, "end": 10.0, "min": 0.0, "max": 1000.0},
                }
                for channel in plan.channels
            ],
        },
    }
