"""The index of an NDTiff data set: which frame of which file is where on the axes.

``NDTiff.index`` is a row of entries of little-endian 32 bit numbers and texts: length and text of
the axes (JSON), length and text of the file's name, place of the pixels, width, height, type and
compression of the pixels, place, length and compression of the metadata (NDTiff, version 3).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

__all__ = ["read_index"]

_REST = struct.Struct("<8I")


def read_index(file: str | Path) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the axes of every frame, by its file's name and the place of its pixels.

    Parameters
    ----------
    file : path
        A TIFF file of the data set; the index lies beside it.

    Returns
    -------
    dict
        Empty where there is no index; without the entries behind a damaged one.
    """
    try:
        body = Path(file).with_name("NDTiff.index").read_bytes()
    except OSError:
        return {}
    found: dict[tuple[str, int], dict[str, Any]] = {}
    place = 0
    try:
        while place < len(body):
            texts: list[str] = []
            for _ in range(2):
                (length,) = struct.unpack_from("<I", body, place)
                texts.append(body[place + 4 : place + 4 + length].decode("utf-8"))
                place += 4 + length
            pixels = _REST.unpack_from(body, place)[0]
            place += _REST.size
            axes = json.loads(texts[0])
            if isinstance(axes, dict):
                found[texts[1], pixels] = axes
    except (struct.error, ValueError):
        pass
    return found
