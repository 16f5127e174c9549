"""What the formats of the Open Microscopy Environment need: three axes, and a description.

An OME image has the axes time, channel and z.  Images at different positions on any other axis
(position, row, column, ...) are different OME images, here called series.
"""

from __future__ import annotations

import math
import re
from array import array
from itertools import permutations
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.sax.saxutils import quoteattr

import numpy as np

from limelight.io.frame_entries import KINDS
from limelight.io.micromanager import pixel_size_nm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from limelight.io.frame_index import FrameIndex

__all__ = ["INSIDE", "Series", "channel_names", "ome_xml", "series_key", "series_label"]

INSIDE = ("time", "channel", "z")
_LETTERS = {"time": "T", "channel": "C", "z": "Z"}
_MOST_PLANES = 50_000  # beyond it, what is known of each image is only beside its pixels
_FROM = (
    ("DeltaT", 'DeltaTUnit="ms"', ("ElapsedTime-ms", "ElapsedTimeMs")),
    ("ExposureTime", 'ExposureTimeUnit="ms"', ("Exposure-ms", "Exposure")),
    ("PositionX", 'PositionXUnit="&#181;m"', ("XPosition_um_Intended", "XPositionUm")),
    ("PositionY", 'PositionYUnit="&#181;m"', ("YPosition_um_Intended", "YPositionUm")),
    ("PositionZ", 'PositionZUnit="&#181;m"', ("ZPosition_um_Intended", "ZPositionUm")),
)
_KEYS = tuple(keys for _, _, keys in _FROM)
_TYPES = {
    "u1": "uint8",
    "u2": "uint16",
    "u4": "uint32",
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "f4": "float",
    "f8": "double",
}

Key = tuple[tuple[str, int | str], ...]


def series_key(axes: Mapping[str, int | str]) -> Key:
    """Return the positions on all axes but time, channel and z."""
    outside = [(name, value) for name, value in axes.items() if name not in INSIDE]
    return tuple(sorted(outside)) if outside else ()


def series_label(key: Key, taken: Sequence[str]) -> str:
    """Return a name for a series that no other one has and that a file may have."""
    parts = []
    for name, value in key:
        word = str(value)
        if isinstance(value, int):
            word = f"{'Pos' if name == 'position' else name}{value}"
        parts.append(re.sub(r"[^\w.-]", "-", word).strip(".") or "-")
    label = "_".join(parts) or "Pos0"
    lower, number, free = {t.lower() for t in taken}, 1, label
    while free.lower() in lower or free.upper() == "OME":
        number += 1
        free = f"{label}-{number}"
    return free


def channel_names(index: FrameIndex, summary: Mapping[str, Any]) -> list[str]:
    """Return the names of the channels, in the order of their numbers."""
    if words := index.words("channel"):
        return words
    names = summary.get("ChNames")
    return [str(n) for n in names] if isinstance(names, list) else []


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


class Series:
    """One OME image: which images of the acquisition it has, in the order of their pages.

    Parameters
    ----------
    key : tuple
        Its positions on the axes that an OME image does not have.
    label : str
        Its name.
    height, width, kind : int
        Size and type of its images, as in `limelight.io.frame_entries.Place`.
    """

    def __init__(self, key: Key, label: str, height: int, width: int, kind: int) -> None:
        self.key, self.label = key, label
        self.height, self.width, self.kind = height, width, kind
        self.rows = array("q")
        self._values = array("d")

    def add(self, row: int, metadata: Mapping[str, Any]) -> None:
        """Add an image, by its number in the index."""
        self.rows.append(row)
        if len(self.rows) <= _MOST_PLANES:
            get, append = metadata.get, self._values.append
            for first, second in _KEYS:
                value = get(first)
                if value is None:
                    value = get(second)
                append(value if type(value) is float else _number(value))

    def planes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what is known of the first images, shape (n, 5); nan where it is not known."""
        return np.frombuffer(self._values, float).reshape(-1, len(_FROM))


def _text(value: Any) -> str:
    """Return an attribute's value in quotes, of letters that XML has."""
    clean = "".join(c if c.isprintable() and ord(c) < 0x10000 else "?" for c in str(value))
    return quoteattr(clean).encode("ascii", "xmlcharrefreplace").decode()


def _order(places: Any, sizes: Sequence[int]) -> str | None:
    """Return the order of axes in which the pages follow each other; None if in none."""
    count = np.arange(len(places))
    for fast in permutations(range(3)):  # 0 time, 1 channel, 2 z
        expected, rest = np.empty_like(places), count
        for k in fast:
            rest, expected[:, k] = np.divmod(rest, sizes[k])
        if not rest.any() and np.array_equal(expected, places):
            return "XY" + "".join("TCZ"[k] for k in fast)
    return None


def _planes(places: Any, known: Any) -> str:
    """Return what is known of each image alone."""
    there = np.isfinite(known)
    lines = []
    shapes: dict[bytes, str] = {}
    for place, values, finite in zip(places.tolist(), known.tolist(), there, strict=True):
        if not finite.any():
            continue
        shape = shapes.get(finite.tobytes())
        if shape is None:
            about = "".join(
                f' {name}="{{{k + 3}!r}}" {unit}'
                for k, (name, unit, _) in enumerate(_FROM)
                if finite[k]
            )
            shape = f'<Plane TheZ="{{2}}" TheT="{{0}}" TheC="{{1}}"{about}/>'
            shapes[finite.tobytes()] = shape
        lines.append(shape.format(*place, *values))
    return "".join(lines)


def ome_xml(
    series: Series,
    index: FrameIndex,
    summary: Mapping[str, Any],
    *,
    pages: bool,
    brief: bool = False,
) -> str:
    """Return the OME-XML (2016-06) of one series, of ASCII letters.

    Parameters
    ----------
    series : Series
        The images.
    index : FrameIndex
        Where all images of the acquisition are.
    summary : mapping
        The summary metadata, kept whole as an annotation.
    pages : bool
        Whether the images are pages of the TIFF file that the text is in.
    brief : bool
        Whether to leave out what is known of each image alone.
    """
    dtype, colours = KINDS[series.kind]
    table = index.ordinals(INSIDE)
    rows = np.frombuffer(series.rows, np.int64) if len(series.rows) else np.zeros(0, np.int64)
    places = table[rows]
    sizes = [int(n) for n in places.max(axis=0) + 1] if len(places) else [1, 1, 1]
    order = _order(places, sizes)

    pixel = (pixel_size_nm({}, summary) or math.nan) / 1000
    um = {"X": pixel, "Y": pixel, "Z": abs(_number(summary.get("z-step_um")))}
    physical = "".join(
        f' PhysicalSize{a}="{v!r}" PhysicalSize{a}Unit="&#181;m"' for a, v in um.items() if v > 0
    )
    interval = _number(summary.get("Interval_ms"))
    if interval > 0:
        physical += f' TimeIncrement="{interval!r}" TimeIncrementUnit="ms"'
    names = channel_names(index, summary)
    channels = "".join(
        f'<Channel ID="Channel:0:{k}"'
        + (f" Name={_text(names[k])}" if k < len(names) else "")
        + f' SamplesPerPixel="{colours}"/>'
        for k in range(sizes[1])
    )
    if not pages:
        where = "<MetadataOnly/>"
    elif order is not None:
        where = f'<TiffData IFD="0" PlaneCount="{len(rows)}"/>'
    else:
        # Where a position was taken twice, the page that was written last counts.
        last = {tuple(p): k for k, p in enumerate(places.tolist())}
        where = "".join(
            f'<TiffData FirstT="{t}" FirstC="{c * colours}" FirstZ="{z}" IFD="{k}" PlaneCount="1"/>'
            for (t, c, z), k in last.items()
        )
    planes = "" if brief or len(rows) > _MOST_PLANES else _planes(places, series.planes())
    camera = summary.get("Camera") or summary.get("Core-Camera") or ""
    instrument = (
        f'<Instrument ID="Instrument:0"><Detector ID="Detector:0" Model={_text(camera)}/>'
        "</Instrument>"
        if camera
        else ""
    )
    reference = '<InstrumentRef ID="Instrument:0"/>' if camera else ""
    date = str(summary.get("StartTime") or "")[:19].replace(" ", "T")
    when = ""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", date):
        when = f"<AcquisitionDate>{date}</AcquisitionDate>"
    from limelight.acquire.storage.writer import encode

    whole = _text(encode(dict(summary)).decode())[1:-1].replace('"', "&quot;")
    name = str(summary.get("Prefix") or "")
    title = _text(f"{name} {series.label}".strip() if series.key else name)
    note = summary.get("Note")
    said = f"<Description>{_text(note)[1:-1]}</Description>" if note else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 '
        'http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd" '
        f'UUID="urn:uuid:{uuid4()}" Creator="Limelight">{instrument}'
        f'<Image ID="Image:0" Name={title}>{when}{said}{reference}'
        f'<Pixels ID="Pixels:0" DimensionOrder="{order or "XYZCT"}" Type="{_TYPES[dtype[1:]]}" '
        f'SizeX="{series.width}" SizeY="{series.height}" SizeZ="{sizes[2]}" '
        f'SizeC="{sizes[1] * colours}" SizeT="{sizes[0]}"{physical}>'
        f"{channels}{where}{planes}</Pixels>"
        '<AnnotationRef ID="Annotation:0"/></Image>'
        '<StructuredAnnotations><CommentAnnotation ID="Annotation:0" '
        'Namespace="micro-manager.org/summary-metadata">'
        f"<Value>{whole}</Value></CommentAnnotation></StructuredAnnotations></OME>"
    )
