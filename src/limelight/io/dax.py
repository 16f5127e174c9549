"""Movies in ``.dax`` files (Zhuang lab): pixels, described by an ``.inf`` file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.io.contiguous import ContiguousMovie
from limelight.io.shared_file import SharedFile, explain

if TYPE_CHECKING:
    from limelight.core.camera import Camera

__all__ = ["open_dax"]

_LINE = re.compile(r"^\s*([^=]+?)\s*=\s*(.*?)\s*$")
_MOST = 1 << 20


def _information(path: Path) -> dict[str, str]:
    if not path.exists():
        raise FileError(
            path.with_suffix(".dax"),
            f"there is no {path.name} beside it that tells the size of its frames.",
            "Copy that file too.",
        )
    file = SharedFile(path)
    text = file.read(0, _MOST).decode("utf-8", errors="replace")
    file.close()
    found = (_LINE.match(line) for line in text.splitlines())
    return {m[1].lower(): m[2] for m in found if m}


def open_dax(path: str | Path, camera: Camera | None = None) -> ContiguousMovie:
    """Open a ``.dax`` file.

    The ``.inf`` file names the size of a frame (``frame dimensions = width x height``), the number
    of frames and the type; the high byte comes first unless it says ``little endian``.

    Parameters
    ----------
    path : path
        The ``.dax`` file, or the ``.inf`` file beside it.
    camera : Camera, optional
        Used instead of what the file says.

    Raises
    ------
    FileError
        If it cannot be read, or the ``.inf`` file is missing or of no use.
    """
    path = Path(path).with_suffix(".dax") if Path(path).suffix == ".inf" else Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise explain(path, error) from error
    beside = path.with_suffix(".inf")
    said = _information(beside)
    dimensions = re.match(r"(\d+)\s*x\s*(\d+)", said.get("frame dimensions", ""))
    width, height = (int(dimensions[1]), int(dimensions[2])) if dimensions else (0, 0)
    if not width or not height:
        raise FileError(
            beside,
            "it does not tell the size of a frame.",
            "It needs a line such as: frame dimensions = 256 x 256.",
        )
    if max(width, height) > 1 << 20:
        raise FileError(
            beside, f"frames of {width} x {height} pixels are implausible.", "Correct it."
        )
    kind = said.get("data type", "16 bit integers (binary, big endian)").lower()
    bits = re.match(r"(\d+)\s*bit", kind)
    if bits is None or bits[1] not in ("8", "16"):
        raise FileError(
            beside, f"pixels of the type {kind!r} are not known.", "16 bit integers are."
        )
    order = "<" if "little endian" in kind else ">"
    dtype = np.dtype("u1") if bits[1] == "8" else np.dtype(f"{order}u2")
    promised = said.get("number of frames", "")
    frames = int(promised) if promised.isdecimal() else 0
    frames = frames or max(1, size // (width * height * dtype.itemsize))
    metadata: dict[str, Any] = {"DAX": said}
    try:
        seconds = float(said.get("exposure time", said.get("exposure", "")).split()[0])
    except (ValueError, IndexError):
        seconds = 0.0
    if 0 < seconds < 1e4:
        metadata["exposure_ms"] = seconds * 1000
    return ContiguousMovie(path, (frames, height, width), dtype, metadata=metadata, camera=camera)
