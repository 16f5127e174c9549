"""Regions from Picasso's files of picks (``_picks.yaml``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import FileError, LimelightError
from limelight.core.locs.regions import CircleRegion, PolygonRegion, RectangleRegion
from limelight.io.documents import load_documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.locs.regions import Region

__all__ = ["load_picks"]


def load_picks(path: str | Path, pixel_size_nm: float) -> list[Region]:
    """Read the regions that were picked in Picasso's Render.

    Circles, rectangles, squares, boxes and polygons are known; what was painted with its brush is
    not.  A file of Limelight's own text, such as ``circle 10 20 1.5``, is read too.

    Parameters
    ----------
    path : path
        The file.
    pixel_size_nm : float
        Size of a camera pixel: files have sizes in nm.

    Raises
    ------
    FileError
        If it holds no such regions.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        documents = load_documents(text)
    except (OSError, ValueError) as error:
        raise FileError(path, f"it cannot be read: {error}.") from error
    if not documents:
        from limelight.core.locs.region_text import parse_regions

        try:
            return parse_regions(";".join(text.splitlines()))
        except LimelightError as error:
            raise FileError(path, str(error)) from error
    picks = documents[0]
    shape = picks.get("Shape", "Circle" if {"Centers", "Diameter"} <= set(picks) else None)
    makers: dict[Any, Callable[[], list[Region]]] = {
        "Circle": lambda: _circles(picks, pixel_size_nm),
        "Rectangle": lambda: _rectangles(picks, pixel_size_nm),
        "Square": lambda: _squares(picks, pixel_size_nm),
        "Box": lambda: [RectangleRegion.from_bounds(*a, *b) for a, b in picks["Corners"]],
        "Polygon": lambda: [
            PolygonRegion(tuple((x, y) for x, y in corners)) for corners in picks["Vertices"]
        ],
    }
    if shape not in makers:
        raise FileError(
            path,
            f"its regions are of the kind {shape!r}.",
            f"Those that are known: {', '.join(makers)}.",
        )
    try:
        return makers[shape]()
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(
            path, f"its regions cannot be read ({error}).", "Save them again in Picasso."
        ) from error


def _size(picks: dict[str, Any], key: str, pixel_size_nm: float) -> float:
    """Return a size in px; older files have it in px."""
    in_nm = picks.get(f"{key} (nm)")
    return float(picks[key]) if in_nm is None else float(in_nm) / pixel_size_nm


def _circles(picks: dict[str, Any], pixel_size_nm: float) -> list[Region]:
    radius = 0.5 * _size(picks, "Diameter", pixel_size_nm)
    return [CircleRegion(float(x), float(y), radius) for x, y in picks["Centers"]]


def _rectangles(picks: dict[str, Any], pixel_size_nm: float) -> list[Region]:
    width = _size(picks, "Width", pixel_size_nm)
    return [
        RectangleRegion(float(x0), float(y0), float(x1), float(y1), width)
        for (x0, y0), (x1, y1) in picks["Center-Axis-Points"]
    ]


def _squares(picks: dict[str, Any], pixel_size_nm: float) -> list[Region]:
    half = 0.5 * _size(picks, "Side Length", pixel_size_nm)
    return [
        RectangleRegion.from_bounds(x - half, y - half, x + half, y + half)
        for x, y in picks["Centers"]
    ]
