"""Movies to read, and files of Micro-Manager built byte by byte from the format's description."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def frames() -> np.ndarray:
    """Counts (12, 20, 26): every pixel of every frame has another value."""
    rng = np.random.default_rng(3)
    return rng.permutation(12 * 20 * 26).reshape(12, 20, 26).astype(np.uint16)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def micromanager_file(
    path: Path,
    frames: np.ndarray,
    properties: Sequence[dict[str, Any]],
    summary: dict[str, Any] | None = None,
    *,
    description: str = "",
    comment: str = "",
    index: Sequence[tuple[int, int, int, int]] | None = None,
) -> Path:
    """Write a TIFF file as Micro-Manager does: header, summary, frames, index map, comments.

    `index` has channel, slice, frame and position of every frame; None leaves the map out, as in
    a file whose program died.
    """
    summary_text = json.dumps(summary or {}).encode()
    _, height, width = frames.shape
    body = bytearray(40) + summary_text
    places = []
    link = 4  # where the place of the next directory is to be written
    for k, (frame, about) in enumerate(zip(frames, properties, strict=True)):
        body += b"\0" * (len(body) % 2)
        text = json.dumps(about).encode() + b"\0"
        place = len(body)
        places.append(place)
        struct.pack_into("<I", body, link, place)
        count = 13 if k == 0 and description else 12
        after = place + 2 + 12 * count + 4
        pixels = after + 16
        meta = pixels + frame.nbytes
        told = meta + len(text)
        entries = [
            _entry(256, 4, 1, width),
            _entry(257, 4, 1, height),
            _entry(258, 3, 1, frame.itemsize * 8),
            _entry(259, 3, 1, 1),
            _entry(262, 3, 1, 1),
        ]
        if count == 13:
            entries.append(_entry(270, 2, len(description.encode()) + 1, told))
        entries += [
            _entry(273, 4, 1, pixels),
            _entry(277, 3, 1, 1),
            _entry(278, 3, 1, height),
            _entry(279, 4, 1, frame.nbytes),
            _entry(282, 5, 1, after),
            _entry(296, 3, 1, 3),
            _entry(51123, 2, len(text), meta),
        ]
        link = place + 2 + 12 * count
        body += struct.pack("<H", count) + b"".join(entries) + b"\0\0\0\0"
        body += struct.pack("<4I", 1, 1, 1, 1) + frame.astype("<u2").tobytes() + text
        if count == 13:
            body += description.encode() + b"\0"
    struct.pack_into("<2sH", body, 0, b"II", 42)
    map_place = comment_place = 0
    if index is not None:
        map_place = len(body)
        body += struct.pack("<II", 3453623, len(index))
        for place, row in zip(places, index, strict=True):
            body += struct.pack("<5I", *row, place)
    if comment:
        comment_place = len(body)
        text = json.dumps({"Summary": comment}).encode()
        body += struct.pack("<II", 84720485, len(text)) + text
    header = (54773648, map_place, 483765892, 0, 99384722, comment_place, 2355492)
    struct.pack_into("<8I", body, 8, *header, len(summary_text))
    path.write_bytes(bytes(body))
    return path


@pytest.fixture(scope="session")
def write_micromanager() -> Callable[..., Path]:
    return micromanager_file
