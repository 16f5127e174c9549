"""What Micro-Manager writes into its TIFF files beside the pixels.

Each frame's directory has a JSON text in tag 51123.  The header of a file names the places of the
summary, the comments and a map of the frames (Micro-Manager 1.4 and 2.0; NDTiff has a shorter
header).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.io.shared_file import SharedFile

__all__ = [
    "FRAME_TAG",
    "OWN_FRAME_TAG",
    "Header",
    "camera_name",
    "coordinates",
    "exposure_ms",
    "flatten",
    "frame_properties",
    "pixel_size_nm",
    "positive",
    "read_header",
]

FRAME_TAG = 51123
OWN_FRAME_TAG = 65123
"""The same in Limelight's OME-TIFF: other programs take files with Micro-Manager's tag for files
with Micro-Manager's header too, which BigTIFF has no room for."""
_MAP_POINTER, _MAP = 54773648, 3453623
_COMMENT_POINTER, _COMMENTS = 99384722, 84720485
_SUMMARY = 2355492
_NDTIFF = 483729


@dataclass(frozen=True)
class Header:
    """What the header of a file says of the whole acquisition.

    Parameters
    ----------
    summary : dict
        The settings of the acquisition.
    summary_text : bytes
        The same as it is in the file, equal in all files of an acquisition.
    comments : list of str
        What the person wrote about it, line by line.
    index : 2D array of int32 (pages, 5), optional
        Channel, slice, frame, position and directory of every frame in the file.
    """

    summary: dict[str, Any]
    summary_text: bytes
    comments: list[str] = field(default_factory=list)
    index: NDArray[np.int32] | None = None


def parse_json(text: bytes | str) -> dict[str, Any]:
    """Return the JSON object of a text; empty where it is none."""
    if isinstance(text, bytes):
        text = text.strip(b"\0 \r\n\t").decode("utf-8", errors="replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_header(file: SharedFile, byte_order: str) -> Header | None:
    """Read the header of a file; None where Micro-Manager did not write it."""
    head = file.read(8, 32)
    if len(head) < 32:
        return None
    words = struct.unpack(f"{byte_order}8I", head)
    if words[6] == _SUMMARY:
        text = file.read(40, words[7])
        comments = (
            _block(file, byte_order, words[5], _COMMENTS) if (words[4] == _COMMENT_POINTER) else b""
        )
        index = _index(file, byte_order, words[1]) if words[0] == _MAP_POINTER else None
        lines = str(parse_json(comments).get("Summary") or "")
        return Header(parse_json(text), text, lines.split("\n") if lines.strip() else [], index)
    if words[0] == _NDTIFF:
        for k in (2, 3):
            if words[k] == _SUMMARY:
                text = file.read(8 + 4 * (k + 2), words[k + 1])
                return Header(parse_json(text), text)
    return None


def _block(file: SharedFile, byte_order: str, offset: int, mark: int) -> bytes:
    head = file.read(offset, 8)
    if not offset or len(head) < 8:
        return b""
    found, size = struct.unpack(f"{byte_order}2I", head)
    return file.read(offset + 8, size) if found == mark else b""


def _index(file: SharedFile, byte_order: str, offset: int) -> NDArray[np.int32] | None:
    head = file.read(offset, 8)
    if not offset or len(head) < 8:
        return None
    found, count = struct.unpack(f"{byte_order}2I", head)
    raw = file.read(offset + 8, count * 20) if found == _MAP else b""
    if not count or len(raw) != count * 20:
        return None
    return np.frombuffer(raw, f"{byte_order}i4").reshape(count, 5).astype(np.int32)


def frame_properties(text: bytes | str) -> dict[str, Any]:
    """Return a frame's properties from its JSON text, flat."""
    return flatten(parse_json(text))


def flatten(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a frame's properties, flat.

    Micro-Manager 2.0 writes a property as ``{"PropName": ..., "PropVal": ...}``, of which the
    value is taken.
    """
    flat: dict[str, Any] = {}
    for key, value in properties.items():
        if key == "scopeDataKeys":
            continue
        if isinstance(value, dict) and "PropVal" in value:
            value = value["PropVal"]
        flat[key] = value
    return flat


def coordinates(properties: Mapping[str, Any]) -> dict[str, int | str]:
    """Return where in the experiment a frame belongs: axes and their values.

    Only axes that are named are returned, among ``time``, ``z``, ``channel``, ``position``.
    """
    axes = properties.get("Axes")
    if isinstance(axes, dict):
        return {str(k): v for k, v in axes.items() if isinstance(v, int | str)}
    names = {
        "time": ("FrameIndex", "Frame"),
        "z": ("SliceIndex", "Slice"),
        "channel": ("ChannelIndex",),
        "position": ("PositionIndex",),
    }
    found: dict[str, int | str] = {}
    for axis, keys in names.items():
        value = next((properties[k] for k in keys if isinstance(properties.get(k), int)), None)
        if value is not None and not isinstance(value, bool):
            found[axis] = value
    return found


def positive(value: Any) -> float | None:
    """Return the number at a text's beginning; None where it is not positive and finite."""
    try:
        number = float(str(value).split()[0])
    except (ValueError, IndexError):
        return None
    return number if 0 < number < float("inf") else None


def pixel_size_nm(properties: Mapping[str, Any], summary: Mapping[str, Any]) -> float | None:
    """Return the size of a pixel in the sample, nm; None where it is not calibrated."""
    for source, keys in (
        (properties, ("PixelSizeUm", "PixelSize_um")),
        (summary, ("PixelSize_um", "PixelSizeUm")),
    ):
        for key in keys:
            um = positive(source.get(key))
            if um is not None and (nm := positive(um * 1000)) is not None:
                return nm
    return None


def exposure_ms(properties: Mapping[str, Any]) -> float | None:
    """Return the exposure time, ms; None where it is not known."""
    camera = camera_name(properties)
    for key in ("Exposure-ms", "Exposure", f"{camera}-Exposure"):
        if (value := positive(properties.get(key))) is not None:
            return value
    return None


def camera_name(properties: Mapping[str, Any]) -> str:
    """Return the camera's name; empty where it is not known."""
    for key in ("Camera", "Core-Camera"):
        value = properties.get(key)
        if isinstance(value, str) and value and value != "None":
            return value
    return ""
