"""Movies in numpy's ``.npy`` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import FileError
from limelight.io.contiguous import ContiguousMovie
from limelight.io.file_movie import NotAMovieError
from limelight.io.shared_file import explain

if TYPE_CHECKING:
    from limelight.core.camera import Camera

__all__ = ["open_npy"]


def open_npy(path: str | Path, camera: Camera | None = None) -> ContiguousMovie:
    """Open an array of frames (T, Y, X) or one frame (Y, X).

    Raises
    ------
    FileError
        If it is no such array.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read_header(file)
            offset = file.tell()
    except OSError as error:
        raise explain(path, error) from error
    except ValueError as error:
        raise FileError(
            path, "this is not a numpy array.", "Save it again with numpy.save."
        ) from error
    if dtype.kind not in "uif":
        raise NotAMovieError(
            path, f"it holds {dtype}, not numbers.", "Convert it to uint16 or float32."
        )
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or 0 in shape:
        raise NotAMovieError(
            path,
            f"its shape is {shape}, not frames (T, Y, X).",
            "Choose one channel, position or plane and save that.",
        )
    if fortran:
        raise FileError(
            path,
            "its frames are not stored one behind the other (Fortran order).",
            "Save numpy.ascontiguousarray(array).",
        )
    return ContiguousMovie(path, shape, dtype, offset=offset, camera=camera)
