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
        self._frames: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        if isinstance(offsets, dict):
            end = self._shared.size
            known = sorted((k, v) for k, v in offsets.items() if 0 <= k < 1 << 62 and 0 <= v < end)
            numbers, places = np.array(known, np.int64).reshape(-1, 2).T
            self._frames = numbers.copy(), places.copy()
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

    def _sequence(
        self, place: tuple[int, ...], axis: int | None, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return numbers of the frames in the file, and channels, of planes along an axis."""
        along = np.tile(np.array(place, np.int64)[:, None], count)
        if axis is not None:
            along[axis] += np.arange(count)
        index = np.zeros(count, np.int64)
        for length, k in zip(self._counts, along[self._first :], strict=False):
            index = index * length + k
        return index, (along[-1] if self._channels > 1 else np.zeros(count, np.int64))

    def _places(self, index: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return where frames are in the file, -1: nowhere; None: only the package knows."""
        if self._frames is None:
            return None
        numbers, places = self._frames
        if not len(numbers):
            return np.full(len(index), -1)
        row = np.searchsorted(numbers, index).clip(max=len(numbers) - 1)
        size = self.height * self._row_bytes if self._plain else 1
        there = (numbers[row] == index) & (places[row] <= self._shared.size - size)
        return np.where(there, places[row], -1)

    def readable(
        self, place: tuple[int, ...], axis: int | None
    ) -> tuple[NDArray[np.int64], TruncatedError | None]:
        """Return the planes along an axis, up to the first that is missing."""
        indices, _ = super().readable(place, axis)
        if axis is None:
            return indices, None
        start = (*place[:axis], 0, *place[axis + 1 :])
        places = self._places(self._sequence(start, axis, len(indices))[0])
        if places is None or (places >= 0).all():
            return indices, None
        k = int(np.argmin(places >= 0))
        return indices[:k], TruncatedError(self.path, k, k)

    def read_run(self, place: tuple[int, ...], axis: int | None, count: int) -> NDArray[Any]:
        """Return planes that follow each other along an axis."""
        target = np.empty((count, self.height, self.width), self.dtype)
        index, channels = self._sequence(place, axis, count)
        places = self._places(index)
        if places is not None and (places < 0).any():
            missing = index[int(np.argmin(places >= 0))]
            raise FileError(self.path, f"frame {missing} is not in it.", "Copy it again.")
        if self._plain and places is not None:
            self._read_directly(index, channels, places, target)
            return target
        for plane, k, channel in zip(target, index.tolist(), channels.tolist(), strict=True):
            try:
                with self._lock:
                    frame = np.asarray(self._file.read_frame(k))
            except Exception as error:
                raise FileError(
                    self.path, f"frame {k} cannot be read.", "Copy the file again."
                ) from error
            plane[...] = frame.reshape(self._channels, self.height, self.width)[channel]
        return target

    def _read_directly(
        self,
        index: NDArray[np.int64],
        channels: NDArray[np.int64],
        places: NDArray[np.int64],
        target: NDArray[Any],
    ) -> None:
        """Fill an array with frames that are not compressed."""
        used = self.width * self._channels * self.dtype.itemsize
        if used == self._row_bytes and self._channels == 1:
            self._fill(places, index, target)
            return
        # Rows have a rest, or channels are side by side: a few frames at a time, in the cache.
        step = max(1, min(len(target), _SCRATCH // (self.height * self._row_bytes)))
        raw = np.empty((step, self.height, self._row_bytes), np.uint8)
        for first in range(0, len(target), step):
            those = slice(first, first + step)
            planes = target[those]
            block = raw[: len(planes)]
            self._fill(places[those], index[those], block)
            rows = block[:, :, :used].view(self.dtype)
            for plane, values, channel in zip(planes, rows, channels[those].tolist(), strict=True):
                plane[...] = values[:, channel :: self._channels]

    def _fill(
        self, places: NDArray[np.int64], index: NDArray[np.int64], block: NDArray[Any]
    ) -> None:
        if (done := self._shared.read_pieces(places, block)) < len(block):
            raise FileError(self.path, f"frame {index[done]} is cut off.", "Copy it again.")

    def close(self) -> None:
        """Close the file."""
        self._shared.close()
        if self._file is not None:
            with self._lock:
                self._file.close()
