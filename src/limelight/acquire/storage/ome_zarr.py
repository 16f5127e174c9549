"""OME-Zarr, versions 0.5 and 0.4: chunks of some 16 images, written image by image.

A chunk is not compressed, so that it is its images one behind the other; every image goes to its
place in the file at once, and none has to wait in memory until a chunk is full.  What was not
written reads as zeros.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from operator import lt
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.storage.ome import INSIDE, Key, Series, channel_names, ome_xml, series_label
from limelight.acquire.storage.ome_tiff import different
from limelight.acquire.storage.output import OutputFile, write_text
from limelight.acquire.storage.writer import Writer, encode
from limelight.core.errors import ParameterError
from limelight.io.frame_entries import FRAMES, KINDS, Place, head, kind_of
from limelight.io.frame_store import SUMMARY
from limelight.io.micromanager import positive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["OmeZarr4Writer", "OmeZarrWriter"]

_CHUNK = 16
_OPEN = 48
_METADATA = "frames.jsonl"
_FARTHEST = 10_000_000
_COLOURS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


class _Image:
    """One OME image: a group with one array (t, c, z, y, x)."""

    def __init__(
        self, folder: Path, inside: str, series: Series, chunk: tuple[int, int, int]
    ) -> None:
        self.folder, self.inside, self.series, self.chunk = folder, inside, series, chunk
        dtype, _ = KINDS[series.kind]
        self.dtype = np.dtype(dtype)
        self.frame_bytes = series.height * series.width * self.dtype.itemsize
        self.shape = [0, 0, 0]
        self.used = [0, 0, 0]
        self.channels: list[str] = []


class OmeZarrWriter(Writer):
    """Writes an acquisition as OME-Zarr 0.5 (zarr 3)."""

    format = "ome-zarr"
    version = "0.5"
    index_name = FRAMES
    metadata_file = _METADATA

    def _start(self) -> None:
        self._images: dict[Key, _Image] = {}
        self._words: dict[str, dict[str, int]] = {name: {} for name in INSIDE}
        self._chunks: OrderedDict[str, OutputFile] = OrderedDict()
        self._stack.callback(self._close_chunks)
        self._index_file.append([head({"format": self.format, "metadata": _METADATA})])
        self._metadata = OutputFile(self.path / _METADATA)
        self._stack.callback(self._metadata.close)
        self._single = False
        self._rewrite_summary()

    def _close_chunks(self) -> None:
        while self._chunks:
            self._chunks.popitem()[1].close()

    def _kind(self, pixels: NDArray[Any]) -> int:
        kind = kind_of(pixels.dtype) if pixels.ndim == 2 and pixels.size else None
        if kind is None:
            raise ParameterError(
                "OME-Zarr holds images (Y, X) of whole numbers of 8 to 32 bits or real numbers of "
                f"32 or 64 bits, not {pixels.shape} of {pixels.dtype}. Save images in colour as "
                "OME-TIFF, or convert them."
            )
        return kind

    def _where(self, axes: Mapping[str, int | str]) -> tuple[Key, list[int]]:
        """Return the series of an image, and its place on the axes of the array."""
        outside = {n: v for n, v in axes.items() if n not in INSIDE}
        place = [0, 0, 0]
        for k, name in enumerate(INSIDE):
            value = axes.get(name, 0)
            if isinstance(value, str):
                known = self._words[name]
                place[k] = known.setdefault(value, len(known))
            elif 0 <= value < _FARTHEST:
                place[k] = value
            else:
                outside[name] = value  # an array has no such place: an image of its own
        return tuple(sorted(outside.items())), place

    def _image(self, key: Key, axes: Mapping[str, int | str], pixels: Any, kind: int) -> _Image:
        height, width = pixels.shape
        image = self._images.get(key)
        if image is None:
            taken = [i.inside for i in self._images.values()]
            if not self._images:
                # Positions that were announced are positions, be it only one of them.
                self._single = not key
            inside = "" if self._single and not key else series_label(key, taken)
            series = Series(key, inside or "Pos0", height, width, kind)
            image = _Image(self.path / inside, inside, series, self._chunk(axes))
            sizes = self.stream.sizes
            image.shape = [
                max(1, int(sizes.get(n, 0))) if n in axes and n != "channel" else 1 for n in INSIDE
            ]
            self._write_image(image)
            self._images[key] = image
            if not self._single:
                self._write_root()
        series = image.series
        if (height, width, kind) != (series.height, series.width, series.kind):
            raise different(pixels, series)
        return image

    def _chunk(self, axes: Mapping[str, int | str]) -> tuple[int, int, int]:
        """Return how many times, channels and planes go into a chunk."""
        sizes = self.stream.sizes
        planes = int(sizes.get("z", _CHUNK if "time" not in axes else 4)) if "z" in axes else 1
        planes = min(max(planes, 1), _CHUNK)
        times = max(1, _CHUNK // planes) if "time" in axes or "z" not in axes else 1
        if "time" in axes and sizes.get("time"):
            times = min(times, int(sizes["time"]))
        return times, 1, planes

    def _put(
        self, axes: dict[str, int | str], pixels: NDArray[Any], kind: int, metadata: bytes
    ) -> Place:
        key, place = self._where(axes)
        image = self._image(key, axes, pixels, kind)
        self._grow(image, place)
        number = [p // c for p, c in zip(place, image.chunk, strict=True)]
        t, c, z = (p % n for p, n in zip(place, image.chunk, strict=True))
        offset = ((t * image.chunk[1] + c) * image.chunk[2] + z) * image.frame_bytes
        name = self._chunk_name(image, number)
        chunk = self._open(name, image)
        height, width = pixels.shape
        fresh = self.index.find(axes) < 0
        try:
            chunk.put(offset, pixels.reshape(-1).view(np.uint8).data)
            at = self._metadata.append([metadata, b"\n"])
        except OSError:
            if fresh:
                chunk.clear(offset, image.frame_bytes)
            raise
        self._last = (image, chunk, offset, at, place, fresh)
        return Place(name, offset, height, width, kind, at, len(metadata))

    def _undo(self) -> None:
        image, chunk, offset, at, _, fresh = self._last
        if fresh:
            chunk.clear(offset, image.frame_bytes)
        self._metadata.cut(at)

    def _commit(self, row: int, metadata: Mapping[str, Any]) -> None:
        image, _, _, _, place, _ = self._last
        image.series.add(row, metadata)
        image.used = [max(u, p + 1) for u, p in zip(image.used, place, strict=True)]

    def _open(self, name: str, image: _Image) -> OutputFile:
        chunk = self._chunks.get(name)
        if chunk is None:
            self._look(closely=True)
            path = self.path / name
            if len(self._chunks) >= _OPEN:
                self._chunks.popitem(last=False)[1].close()
            try:
                chunk = OutputFile(path, again=True)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                chunk = OutputFile(path, again=True)
            try:
                chunk.reserve(int(np.prod(image.chunk)) * image.frame_bytes)
            except OSError:
                chunk.close()
                raise
            self._chunks[name] = chunk
        else:
            self._chunks.move_to_end(name)
        return chunk

    def _grow(self, image: _Image, place: list[int]) -> None:
        """Make the array large enough, in steps of whole chunks along time."""
        shape, words = image.shape, self._words["channel"]
        if all(map(lt, place, shape)) and len(words) <= len(image.channels):
            return
        step = image.chunk[0]
        times, channels, planes = (max(n, p + 1) for n, p in zip(shape, place, strict=True))
        if times > shape[0]:
            times = -(-times // step) * step
        image.shape = [times, channels, planes]
        image.channels = list(words) or channel_names(self.index, self.summary)[:channels]
        self._write_image(image)

    # The descriptions

    def _chunk_name(self, image: _Image, number: list[int]) -> str:
        t, c, z = number
        return f"{image.inside}/0/c/{t}/{c}/{z}/0/0".lstrip("/")

    def _array(self, image: _Image) -> dict[str, Any]:
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [*image.shape, image.series.height, image.series.width],
            "data_type": image.dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {
                    "chunk_shape": [*image.chunk, image.series.height, image.series.width]
                },
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "attributes": {},
            "dimension_names": ["t", "c", "z", "y", "x"],
            "storage_transformers": [],
        }

    def _write_array(self, image: _Image) -> None:
        folder = image.folder / "0"
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "zarr.json", json.dumps(self._array(image)))

    def _write_group(self, folder: Path, ome: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"ome": {"version": self.version, **ome}, **more},
        }
        write_text(folder / "zarr.json", json.dumps(about))

    def _write_image(self, image: _Image) -> None:
        self._look(closely=True)  # no folder is made anew that was moved away
        self._write_array(image)
        more = {"micromanager": {"summary": self.summary}} if not image.inside else {}
        self._write_group(image.folder, self._about(image), more)

    def _write_root(self) -> None:
        self._write_group(
            self.path,
            {"bioformats2raw.layout": 3},
            {"micromanager": {"summary": self.summary}},
        )
        series = [image.inside for image in self._images.values()]
        self._write_group(self.path / "OME", {"series": series}, {})

    def _about(self, image: _Image) -> dict[str, Any]:
        """Return what OME-Zarr says of an image: axes, scale, channels."""
        summary = self.summary
        pixel = self.pixel_size_um
        step = positive(str(summary.get("z-step_um") or "").lstrip("-"))
        interval = positive(summary.get("Interval_ms"))
        axes: list[dict[str, str]] = [
            {"name": "t", "type": "time"},
            {"name": "c", "type": "channel"},
        ]
        if interval:
            axes[0]["unit"] = "millisecond"
        for name, size in (("z", step), ("y", pixel), ("x", pixel)):
            axes.append({"name": name, "type": "space"})
            if size:
                axes[-1]["unit"] = "micrometer"
        scale = [interval or 1.0, 1.0, step or 1.0, pixel or 1.0, pixel or 1.0]
        change = [{"type": "scale", "scale": scale}]
        name = " ".join(filter(None, (str(summary.get("Prefix") or ""), image.inside)))
        image_: dict[str, Any] = {
            "name": name,
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": change}],
        }
        if self.version == "0.4":
            image_["version"] = "0.4"
        found: dict[str, Any] = {"multiscales": [image_]}
        if image.channels:
            top = float(np.iinfo(image.dtype).max) if image.dtype.kind in "ui" else 1.0
            found["omero"] = {
                "channels": [
                    {
                        "label": label,
                        "color": _COLOURS[k % len(_COLOURS)],
                        "active": True,
                        "window": {"min": 0.0, "max": top, "start": 0.0, "end": top},
                    }
                    for k, label in enumerate(image.channels)
                ]
            }
        return found

    def _rewrite_summary(self) -> None:
        write_text(self.path / SUMMARY, encode(self.summary).decode())

    def _end(self) -> None:
        for image in self._images.values():
            if any(image.used):
                image.shape = list(image.used)
            self._write_image(image)
            text = ome_xml(image.series, self.index, self.summary, pages=False)
            folder = image.folder / "OME"
            folder.mkdir(exist_ok=True)
            if not image.inside or not any(folder.iterdir()):
                self._write_group(folder, {}, {})
            write_text(folder / "METADATA.ome.xml", text)
        if self._images and not self._single:
            self._write_root()
        self._close_chunks()
        self._metadata.close()


class OmeZarr4Writer(OmeZarrWriter):
    """Writes an acquisition as OME-Zarr 0.4 (zarr 2), for programs that do not know 0.5."""

    format = "ome-zarr-0.4"
    version = "0.4"

    def _chunk_name(self, image: _Image, number: list[int]) -> str:
        t, c, z = number
        return f"{image.inside}/0/{t}/{c}/{z}/0/0".lstrip("/")

    def _write_array(self, image: _Image) -> None:
        folder = image.folder / "0"
        folder.mkdir(parents=True, exist_ok=True)
        dtype = image.dtype.newbyteorder("<").str
        about = {
            "zarr_format": 2,
            "shape": [*image.shape, image.series.height, image.series.width],
            "chunks": [*image.chunk, image.series.height, image.series.width],
            "dtype": dtype,
            "compressor": None,
            "filters": None,
            "fill_value": 0,
            "order": "C",
            "dimension_separator": "/",
        }
        write_text(folder / ".zarray", json.dumps(about))

    def _write_group(self, folder: Path, ome: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / ".zgroup", json.dumps({"zarr_format": 2}))
        write_text(folder / ".zattrs", json.dumps({**ome, **more}))
