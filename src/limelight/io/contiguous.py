"""Movies whose frames lie one behind the other in one file, uncompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.io.file_movie import FileMovie
from limelight.io.shared_file import SharedFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.core.camera import Camera

__all__ = ["ContiguousMovie"]


class ContiguousMovie(FileMovie):
    """A movie whose frames lie one behind the other in one file.

    Parameters
    ----------
    path : path
        The file.
    shape : tuple of int
        Frames, height, width, as the file promises them.
    dtype : dtype
        Type of the counts, with their byte order.
    offset : int
        Place of the first frame, bytes.
    metadata, camera
        As in `FileMovie`.

    Raises
    ------
    FileError
        If the file cannot be opened or holds no whole frame.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        offset: int = 0,
        metadata: Mapping[str, Any] | None = None,
        camera: Camera | None = None,
    ) -> None:
        self._file = SharedFile(path)
        self._offset = offset
        self._stored = np.dtype(dtype)
        self._frame_bytes = shape[1] * shape[2] * self._stored.itemsize
        there = max(0, self._file.size - offset) // self._frame_bytes
        problem = None
        if there < shape[0]:
            self_path = self._file.path
            if there == 0:
                self._file.close()
                raise FileError(
                    self_path,
                    f"it has no whole frame of {shape[1]} x {shape[2]} pixels, {dtype}.",
                    "Check the specification, or copy the file again.",
                )
            problem = TruncatedError(self_path, there, there)
            shape = (there, shape[1], shape[2])
        super().__init__(path, shape, dtype, metadata=metadata, camera=camera, problem=problem)

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        frames = np.empty((stop - start, *self.shape[1:]), self._stored)
        done = self._file.read_into(self._offset + start * self._frame_bytes, frames)
        if done < frames.nbytes:
            raise self._changed(start + done // self._frame_bytes)
        return frames.astype(self.dtype, copy=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
