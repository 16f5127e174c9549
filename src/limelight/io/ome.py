"""What the OME-XML text in an OME-TIFF says: size of a pixel, axes, and where planes are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

__all__ = ["Ome", "Planes", "nanometres", "parse_ome"]

_LONGEST = 16 << 20  # characters; longer texts are read up to the first image's size only

_NANOMETRES = {
    "m": 1e9,
    "dm": 1e8,
    "cm": 1e7,
    "mm": 1e6,
    "µm": 1e3,
    "μm": 1e3,
    "um": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "\\u00b5m": 1e3,
    "nm": 1.0,
    "nanometer": 1.0,
    "pm": 1e-3,
    "å": 0.1,
}
_MILLISECONDS = {"s": 1e3, "sec": 1e3, "ms": 1.0, "µs": 1e-3, "μs": 1e-3, "us": 1e-3, "min": 6e4}


def nanometres(value: float, unit: str) -> float | None:
    """Return a length in nm; None for a unit that is no length, or no positive length."""
    factor = _NANOMETRES.get(unit.strip().strip("\0").lower())
    return value * factor if factor and 0 < value < float("inf") else None


@dataclass(frozen=True)
class Planes:
    """A run of planes in one file.

    Parameters
    ----------
    file : str
        Name of the file; empty for the one that the text is in.
    page : int
        Index of the first one in that file.
    first : dict
        Its place on the axes T, Z, C.
    count : int
        How many follow each other.
    """

    file: str
    page: int
    first: dict[str, int]
    count: int


@dataclass(frozen=True)
class Ome:
    """What the first image of an OME-XML text is.

    Parameters
    ----------
    axes : list of (str, int)
        Names (T, Z, C) and lengths of the axes, the slowest first.
    planes : list of Planes
        Where the planes are; empty: one behind the other.
    pixel_size_nm, exposure_ms : float, optional
        Where they are known.
    camera : str
        The detector's model or name.
    z_step_um, interval_s : float, optional
        Distance of two planes and of two time points, where they are known.
    channels : tuple of str
        Names of the channels; empty where not every one has a name of its own.
    """

    axes: list[tuple[str, int]]
    planes: list[Planes] = field(default_factory=list)
    pixel_size_nm: float | None = None
    exposure_ms: float | None = None
    camera: str = ""
    z_step_um: float | None = None
    interval_s: float | None = None
    channels: tuple[str, ...] = ()


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _number(element: ElementTree.Element, name: str, default: float = 0.0) -> float:
    try:
        return float(element.get(name, default))
    except ValueError:
        return default


def _find(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((e for e in element.iter() if _local(e) == name), None)


def parse_ome(text: str) -> Ome | None:
    """Return what an OME-XML text says of its first image; None where it cannot be read."""
    if len(text) > _LONGEST:
        # Hundreds of thousands of planes: close the elements before the first one.
        start = text.find("<Pixels")
        ends = [k for k in (text.find(f"<{n}", start) for n in ("TiffData", "Plane ")) if k > 0]
        if start < 0 or not ends:
            return None
        text = f"<OME><Image>{text[start : min(ends)]}</Pixels></Image></OME>"
    try:
        root = ElementTree.fromstring(text.strip().strip("\0"))
    except (ElementTree.ParseError, ValueError):
        return None
    pixels = _find(root, "Pixels")
    if pixels is None:
        return None
    order = pixels.get("DimensionOrder", "XYCZT")[2:]
    if sorted(order) != ["C", "T", "Z"]:
        return None
    axes = [(a, max(1, int(_number(pixels, f"Size{a}", 1)))) for a in reversed(order)]
    size = nanometres(_number(pixels, "PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm"))
    step = nanometres(_number(pixels, "PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit", "µm"))
    interval = _number(pixels, "TimeIncrement") * _MILLISECONDS.get(
        pixels.get("TimeIncrementUnit", "s"), 0.0
    )
    names = tuple(e.get("Name", "") for e in pixels if _local(e) == "Channel")
    exposure = None
    if (plane := _find(pixels, "Plane")) is not None:
        seconds = _number(plane, "ExposureTime")
        factor = _MILLISECONDS.get(plane.get("ExposureTimeUnit", "s"), 0.0)
        exposure = seconds * factor or None
    camera = ""
    if (detector := _find(root, "Detector")) is not None:
        camera = detector.get("Model") or detector.get("ID") or ""
    return Ome(
        axes,
        _planes(pixels, axes),
        size,
        exposure,
        camera,
        z_step_um=step / 1000 if step else None,
        interval_s=interval / 1000 if 0 < interval < float("inf") else None,
        channels=names if all(names) and len(set(names)) == len(names) else (),
    )


def _planes(pixels: ElementTree.Element, axes: list[tuple[str, int]]) -> list[Planes]:
    total = 1
    for _, length in axes:
        total *= length
    found: list[Planes] = []
    for element in pixels:
        if _local(element) != "TiffData":
            continue
        uuid = _find(element, "UUID")
        file = (uuid.get("FileName") or "") if uuid is not None else ""
        has_page = element.get("IFD") is not None
        count = int(_number(element, "PlaneCount", 1 if has_page else total))
        first = {a: int(_number(element, f"First{a}")) for a, _ in axes}
        found.append(Planes(file, int(_number(element, "IFD")), first, count))
    return found


def spread(planes: Planes, axes: list[tuple[str, int]]) -> list[tuple[dict[str, int], int]]:
    """Return place on the axes and page of every plane of a run."""
    lengths = dict(axes)
    index = 0
    for name, length in axes:
        index = index * length + min(planes.first.get(name, 0), length - 1)
    total = 1
    for length in lengths.values():
        total *= length
    result: list[tuple[dict[str, int], int]] = []
    for k in range(min(planes.count, total - index)):
        rest: Any = index + k
        place: dict[str, int] = {}
        for name, length in reversed(axes):
            rest, place[name] = divmod(rest, length)
        result.append((place, planes.page + k))
    return result
