"""What the writers of all formats have in common."""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic_core import to_json

from limelight.acquire.storage.output import OutputFile, explain
from limelight.core.camera import Camera
from limelight.core.errors import ParameterError, StorageError
from limelight.io.frame_entries import Place, pack
from limelight.io.frame_index import FrameIndex
from limelight.io.in_progress import InProgress
from limelight.io.micromanager import pixel_size_nm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.acquire.dataset import Dataset
    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["Writer", "encode", "plain_axes"]

_HEIGHTS = ("ZPosition_um_Intended", "ZPositionUm")
_LOOK_EVERY = 0.1  # seconds between two looks whether the folder is still where it was


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def _texts(value: Any) -> Any:
    """Return a value without what JSON does not have: other keys than texts, infinite numbers."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(v) for v in value]
    return value


def encode(value: Mapping[str, Any]) -> bytes:
    """Return metadata as JSON; what JSON does not have becomes text."""
    # Four times as fast as the json module, which for a small image is as long as writing it.
    try:
        return to_json(value, fallback=_plain, inf_nan_mode="strings")
    except ValueError:
        text = json.dumps(_texts(dict(value)), default=_plain, separators=(",", ":"))
        return text.encode(errors="replace")


def plain_axes(axes: Mapping[str, Any]) -> dict[str, int | str]:
    """Return axes with positions that are plain whole numbers or words.

    Raises
    ------
    ParameterError
        If a position is something else.
    """
    found: dict[str, int | str] = {}
    for name, value in axes.items():
        if type(value) is int or type(value) is str:
            found[name] = value
        elif isinstance(value, str):
            found[str(name)] = str(value)
        elif isinstance(value, int | np.integer) and not isinstance(value, bool):
            found[str(name)] = int(value)
        else:
            raise ParameterError(
                f"The position {value!r} on the axis {name!r} is neither a whole number nor a "
                "word. Give one of these."
            )
    return found


class Writer:
    """Writes the images of an acquisition, one after the other, in any order of positions.

    Every image is handed to the system before `write` returns: its pixels' buffer may be used
    again, the image can be read, and it is not lost if the process is killed.  One thread writes;
    any number may read through `dataset`.

    Parameters
    ----------
    path : path
        The data set's folder; made, must not exist.
    stream : Stream
        What kind of frames will come.
    summary : mapping
        The summary metadata.

    Attributes
    ----------
    path : Path
        The data set's folder.
    summary : dict
        The summary metadata as it is written.
    index : FrameIndex
        Where the images are.
    arrived : threading.Condition
        Told of every image.
    """

    format = ""
    index_name = ""
    long_index = True
    metadata_file = ""

    def __init__(self, path: Path, stream: Stream, summary: Mapping[str, Any]) -> None:
        self.path = path
        self.stream = stream
        self.summary = _complete(summary, stream, path)
        self.index = FrameIndex()
        self.arrived = threading.Condition()
        self.bytes_written = 0
        self._plane: tuple[int, float] | None = None
        self._finished = False
        self._looked = time.monotonic()
        self._stack = contextlib.ExitStack()
        try:
            path.mkdir(parents=True)
            about = {"format": self.format, "sizes": dict(stream.sizes), "length": stream.length}
            self._mark = InProgress(path, about)
            self._stack.callback(self._mark.release, finished=False)
            self._index_file = OutputFile(path / self.index_name)
            self._stack.callback(self._index_file.close)
            self._identity = _identity(path)
            self._start()
        except OSError as error:
            self._close()
            raise explain(path, error) from error
        except BaseException:
            self._close()
            raise

    # What the formats do in their own way

    def _start(self) -> None:
        """Make the first files."""

    def _put(
        self, axes: dict[str, int | str], pixels: NDArray[Any], kind: int, metadata: bytes
    ) -> Place:
        """Write pixels and metadata; nothing of it is left when that fails."""
        raise AssertionError("every format writes in its own way")

    def _commit(self, row: int, metadata: Mapping[str, Any]) -> None:
        """Link an image that is in the index, under that number."""

    def _undo(self) -> None:
        """Take back what `_put` wrote."""

    def _kind(self, pixels: NDArray[Any]) -> int:
        """Return the number of the pixels' type; raise if the format does not have it."""
        raise AssertionError("every format has its own types")

    def _rewrite_summary(self) -> None:
        """Write the summary again after it was changed."""

    def _end(self) -> None:
        """Write what belongs to the end."""

    # What is the same for all

    def write(self, frame: Frame) -> None:
        """Write one image.

        Parameters
        ----------
        frame : Frame
            Pixels (Y, X), or (Y, X, 3) in colour where the format has that; axes with positions
            that are whole numbers or words; metadata.

        Raises
        ------
        StorageError
            If the disk is full, the folder is gone or there is no permission.  All images before
            are readable; this one is not there, and can be written by another writer.
        ParameterError
            If the format cannot hold the image, or its axes are of no use.
        """
        if self._finished:
            raise StorageError(self.path, "this data set is finished.", "Begin another one.")
        axes = plain_axes(frame.axes)
        self.index.check(axes)
        pixels = np.asarray(frame.pixels)
        kind = self._kind(pixels)
        if pixels.dtype.byteorder == ">" or not pixels.flags.c_contiguous:
            pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
        metadata = frame.metadata
        if metadata.get("Axes") != axes:
            metadata = {**metadata, "Axes": axes}
        text = encode(metadata)
        try:
            place = self._put(axes, pixels, kind, text)
            try:
                entry = pack(to_json(axes), place, long=self.long_index)
                before = self._index_file.append([entry])
                try:
                    self._look()
                except OSError:
                    self._index_file.cut(before)
                    raise
            except OSError:
                self._undo()
                raise
            self._commit(self.index.add(axes, place), metadata)
        except OSError as error:
            raise explain(self.path, error) from error
        if "z" in axes and not self.summary.get("z-step_um"):
            self._note_height(axes["z"], metadata)
        self.bytes_written += pixels.nbytes + len(text)
        with self.arrived:
            self.arrived.notify_all()

    def _note_height(self, plane: int | str, metadata: Mapping[str, Any]) -> None:
        """Put the distance of the planes into the summary, as soon as two were seen."""
        height = next((metadata[key] for key in _HEIGHTS if key in metadata), None)
        try:
            place, height = int(plane), float(height)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return
        if self._plane is None:
            self._plane = place, height
        elif place != self._plane[0]:
            step = (height - self._plane[1]) / (place - self._plane[0])
            if math.isfinite(step) and step:
                self.summary["z-step_um"] = round(step, 6)

    def _look(self, *, closely: bool = False) -> None:
        """Raise if the files were deleted, or the folder is not where it was."""
        now = time.monotonic()
        if closely or now - self._looked > _LOOK_EVERY:
            self._looked = now
            if self._index_file.is_gone:
                raise FileNotFoundError(2, "it was deleted")
            if _identity(self.path) != self._identity:
                raise FileNotFoundError(2, "it was moved or replaced")

    def annotate(self, **values: Any) -> None:
        """Add values to the summary, as far as the disk still takes them.

        Such as where an acquisition goes on.
        """
        self.summary |= values
        with contextlib.suppress(OSError):
            self._rewrite_summary()

    def finish(self, note: str = "") -> None:
        """Complete the data set and close its files.

        Parameters
        ----------
        note : str
            Why it ended before its time, kept in the summary as ``Note``; empty otherwise.

        Raises
        ------
        StorageError
            If the last of it could not be written.  The images are readable all the same, and the
            data set opens with a note of what is missing.
        """
        if self._finished:
            return
        self._finished = True
        problem: OSError | None = None
        if note:
            self.summary["Note"] = note
        for step in (partial(self._look, closely=True), self._rewrite_summary, self._end):
            try:
                step()
            except OSError as error:
                problem = problem or error
        try:
            self._index_file.close()
        except OSError as error:
            problem = problem or error
        if problem is None:
            self._mark.release()
        self._close()
        with self.arrived:
            self.arrived.notify_all()
        if problem is not None:
            raise explain(self.path, problem) from problem

    @property
    def is_finished(self) -> bool:
        """Whether no image will come any more."""
        return self._finished

    @property
    def frames_written(self) -> int:
        """Number of images that are written."""
        return len(self.index)

    @property
    def pixel_size_um(self) -> float | None:
        """Size of a pixel in the sample, micrometres; None where it is not known."""
        size = pixel_size_nm({}, self.summary)
        return size / 1000 if size else None

    def dataset(self) -> Dataset:
        """Return the images as a `Dataset` that grows while they are written."""
        from limelight.acquire.dataset import Dataset

        return Dataset(self)

    def _close(self) -> None:
        self._finished = True
        with contextlib.suppress(OSError):
            self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self.finish("" if kind is None else f"It was interrupted by an error ({error}).")


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _complete(summary: Mapping[str, Any], stream: Stream, path: Path) -> dict[str, Any]:
    """Return the summary with what a reader needs, under Micro-Manager's names."""
    height, width = stream.shape
    bits = np.dtype(stream.dtype).itemsize * 8
    known: dict[str, Any] = {
        "Directory": str(path.parent),
        "Prefix": path.name,
        "UUID": str(uuid.uuid4()),
        "Height": height,
        "Width": width,
        "PixelType": f"GRAY{bits}",
        "BitDepth": bits,
    }
    camera = stream.camera
    measured = camera.name or camera.pixel_size_nm != Camera().pixel_size_nm
    if measured and "PixelSizeUm" not in summary:
        known["PixelSize_um"] = camera.pixel_size_nm / 1000
    if stream.sizes:
        known["IntendedDimensions"] = dict(stream.sizes)
    if stream.exposure_ms is not None:
        known["Exposure-ms"] = stream.exposure_ms
    given = {k: v for k, v in summary.items() if v is not None}
    plain: dict[str, Any] = json.loads(encode({**known, **given}))
    return plain
