"""Movies in Nikon's ``.nd2`` files, through the package ``nd2`` (an optional dependency).

The package tells where the frames are; uncompressed ones are read directly, because it gives
zeros for a frame that is missing.
"""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.io.axes import Axis
from limelight.io.file_movie import NotAMovieError
from limelight.io.planes import PlaneSource
from limelight.io.shared_file import SharedFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Nd2Source"]

_SCRATCH = 1 << 19
_NAMES = {"T": "time", "Z": "z", "P": "position", "C": "channel"}


class Nd2Source(PlaneSource):
    """The planes of an ``.nd2`` file.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    FileError
        If it cannot be read, or the package ``nd2`` is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self._shared = SharedFile(path)
        self._lock = threading.Lock()
        try:
            import nd2
        except ImportError as error:
            self._shared.close()
            raise FileError(
                path,
                "files of this kind need the package nd2.",
                "Install it with: pip install nd2.",
            ) from error
        self._file: Any = None
        try:
            # The package raises errors of many kinds for damaged files.
            self._file = nd2.ND2File(path)
            self._open(path)
        except FileError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise FileError(
                path,
                "it is not an ND2 file, or a damaged or incomplete one.",
                "Copy it again, or wait until the program that writes it has ended.",
            ) from error

    def _open(self, path: Path) -> None:
        file = self._file
        sizes = {k: int(v) for k, v in file.sizes.items()}
        if "S" in sizes:
            raise NotAMovieError(path, "it is in colour.", "Save it in gray values.")
        self._loops = [k for k in sizes if k not in "CYX"]
        attributes = file.attributes
        height, width = int(attributes.heightPx), int(attributes.widthPx or 0)
        self._channels = int(attributes.componentCount)
        dtype = np.dtype(file.dtype)
        self._row_bytes = int(attributes.widthBytes or width * self._channels * dtype.itemsize)
        least = width * self._channels * dtype.itemsize
        if min(height, width) < 1 or self._row_bytes < least or dtype.kind not in "uif":
            raise NotAMovieError(path, "there are no images in it.", "Copy it again.")
        self._plain = getattr(attributes, "compressionType", None) is None
        reader = getattr(file, "_rdr", None)
        offsets = getattr(reader, "_frame_offsets", None)
        self._offsets: dict[int, int] | None = offsets if isinstance(offsets, dict) else None
        axes = [Axis(_NAMES.get(k, k), sizes[k], *self._about(k)) for k in self._loops]
        if not any(a.name == "time" for a in axes):
            axes.insert(0, Axis("time", 1))
            self._first = 1
        else:
            self._first = 0
        if self._channels > 1:
            axes.append(Axis("channel", self._channels, self._channel_names()))
        super().__init__(path, tuple(axes), height, width, dtype)
        self._counts = [sizes[k] for k in self._loops]
        self._describe()

    def _about(self, key: str) -> tuple[tuple[str, ...], float, str]:
        """Return labels, distance and unit of an axis."""
        if key == "Z":
            step = self._voxel_um(2)
            return ((), step, "um") if 0 < step < np.inf else ((), 1.0, "")
        for loop in self._file.experiment:
            parameters = loop.parameters
            if key == "T" and loop.type == "TimeLoop":
                seconds = float(parameters.periodMs or 0) / 1000
                return ((), seconds, "s") if 0 < seconds < np.inf else ((), 1.0, "")
            if key == "P" and loop.type == "XYPosLoop":
                names = tuple(p.name or f"position {k}" for k, p in enumerate(parameters.points))
                unique = len(set(names)) == len(names) == loop.count
                return (names if unique else ()), 1.0, ""
        return (), 1.0, ""

    def _voxel_um(self, axis: int) -> float:
        """Return the size of a voxel along x, y or z; 0 where the file does not tell."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(self._file.voxel_size()[axis])
        except Exception:  # the package stumbles over metadata that it has not met
            return 0.0

    def _channel_names(self) -> tuple[str, ...]:
        try:
            names = tuple(str(c.channel.name) for c in self._file.metadata.channels)
        except Exception:  # as above
            return ()
        return names if len(set(names)) == len(names) == self._channels else ()

    def _describe(self) -> None:
        size = self._voxel_um(0)
        text = {k: v for k, v in dict(self._file.text_info).items() if isinstance(v, str)}
        if 0 < size < np.inf and size != 1.0:  # 1: not calibrated
            self.metadata["Pixelsize"] = size * 1000
        if text:
            self.metadata["ND2"] = text

    def _sequence(self, place: tuple[int, ...]) -> tuple[int, int]:
        """Return number of the frame in the file, and the channel."""
        index = 0
        for count, k in zip(self._counts, place[self._first :], strict=False):
            index = index * count + k
        return index, (place[-1] if self._channels > 1 else 0)

    def _is_there(self, index: int) -> bool:
        if self._offsets is None:
            return True
        offset = self._offsets.get(index)
        size = self.height * self._row_bytes if self._plain else 1
        return offset is not None and offset + size <= self._shared.size

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis, up to the first that is missing."""
        indices, _ = super().readable(place, axis)
        if axis is None:
            return indices, None
        where = list(place)
        for k in indices.tolist():
            where[axis] = k
            if not self._is_there(self._sequence(tuple(where))[0]):
                return indices[:k], TruncatedError(self.path, k, k)
        return indices, None

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        target = np.empty((count, self.height, self.width), self.dtype)
        where = list(place)
        sequence = []
        for _ in range(count):
            sequence.append(self._sequence(tuple(where)))
            if axis is not None:
                where[axis] += 1
        for index, _ in sequence:
            if not self._is_there(index):
                raise FileError(self.path, f"frame {index} is not in it.", "Copy it again.")
        if self._plain and self._offsets is not None:
            self._read_directly(sequence, self._offsets, target)
            return target
        for plane, (index, channel) in zip(target, sequence, strict=True):
            try:
                with self._lock:
                    frame = np.asarray(self._file.read_frame(index))
            except Exception as error:
                raise FileError(
                    self.path, f"frame {index} cannot be read.", "Copy the file again."
                ) from error
            plane[...] = frame.reshape(self._channels, self.height, self.width)[channel]
        return target

    def _read_directly(
        self, sequence: list[tuple[int, int]], offsets: dict[int, int], target: NDArray[Any]
    ) -> None:
        """Fill an array with frames that are not compressed."""
        places = np.array([offsets[index] for index, _ in sequence], np.int64)
        used = self.width * self._channels * self.dtype.itemsize
        if used == self._row_bytes and self._channels == 1:
            self._fill(places, sequence, target)
            return
        # Rows have a rest, or channels are side by side: a few frames at a time, in the cache.
        step = max(1, min(len(target), _SCRATCH // (self.height * self._row_bytes)))
        raw = np.empty((step, self.height, self._row_bytes), np.uint8)
        for first in range(0, len(target), step):
            planes, those = target[first : first + step], sequence[first : first + step]
            block = raw[: len(planes)]
            self._fill(places[first : first + step], those, block)
            rows = block[:, :, :used].view(self.dtype)
            for plane, values, (_, channel) in zip(planes, rows, those, strict=True):
                plane[...] = values[:, channel :: self._channels]

    def _fill(
        self, places: NDArray[np.int64], sequence: list[tuple[int, int]], block: NDArray[Any]
    ) -> None:
        if (done := self._shared.read_pieces(places, block)) < len(block):
            index = sequence[done][0]
            raise FileError(self.path, f"frame {index} is cut off.", "Copy it again.")

    def close(self) -> None:
        """Close the file."""
        self._shared.close()
        if self._file is not None:
            with self._lock:
                self._file.close()
