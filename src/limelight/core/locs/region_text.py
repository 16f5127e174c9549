"""Regions as text, so that settings, files and command lines can hold them.

``circle X Y RADIUS``, ``rectangle X0 Y0 X1 Y1`` (two corners), ``line X0 Y0 X1 Y1 WIDTH`` (a
rectangle along a line), ``polygon X Y X Y X Y ...``; in camera pixels, several parted by ``;``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limelight.core.errors import ParameterError, suggest
from limelight.core.locs.regions import CircleRegion, PolygonRegion, RectangleRegion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from limelight.core.locs.regions import Region

__all__ = ["FORMS", "parse_regions", "write_regions"]

FORMS = {
    "circle": "circle X Y RADIUS",
    "rectangle": "rectangle X0 Y0 X1 Y1",
    "line": "line X0 Y0 X1 Y1 WIDTH",
    "polygon": "polygon X Y X Y X Y ...",
}
"""What each kind of region looks like."""


def parse_regions(text: str) -> list[Region]:
    """Read regions.

    Parameters
    ----------
    text : str
        Such as ``"circle 12.5 20 1.5; rectangle 10 10 30 20"``.

    Raises
    ------
    ParameterError
        If a region is of no known form.
    """
    regions: list[Region] = []
    for part in text.split(";"):
        words = part.replace(",", " ").split()
        if not words:
            continue
        kind = words[0].lower()
        if kind not in FORMS:
            raise ParameterError(f"pick: there is no region {words[0]!r}. {suggest(kind, FORMS)}")
        try:
            numbers = [float(word) for word in words[1:]]
        except ValueError as error:
            raise ParameterError(
                f"pick: {part.strip()!r} must have the form {FORMS[kind]!r}, with numbers in px."
            ) from error
        regions.append(_region(kind, numbers, part.strip()))
    return regions


def _region(kind: str, numbers: list[float], text: str) -> Region:
    count = len(numbers)
    if kind == "circle" and count == 3:
        return CircleRegion(*numbers)
    if kind == "rectangle" and count == 4:
        return RectangleRegion.from_bounds(*numbers)
    if kind == "line" and count == 5:
        return RectangleRegion(*numbers)
    if kind == "polygon" and count >= 6 and count % 2 == 0:
        return PolygonRegion(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    raise ParameterError(f"pick: {text!r} must have the form {FORMS[kind]!r}.")


def write_regions(regions: Iterable[Region]) -> str:
    """Return the text that `parse_regions` reads as the same regions.

    Raises
    ------
    ParameterError
        If one is none of Limelight's own kinds.
    """
    parts = []
    for region in regions:
        if isinstance(region, CircleRegion):
            parts.append(_words("circle", region.x, region.y, region.radius))
        elif isinstance(region, RectangleRegion):
            ends = (region.x0, region.y0, region.x1, region.y1)
            parts.append(_words("line", *ends, region.width))
        elif isinstance(region, PolygonRegion):
            parts.append(_words("polygon", *(v for corner in region.corners for v in corner)))
        else:
            raise ParameterError(
                f"pick: {type(region).__name__} cannot be written as text; use pick() in a script."
            )
    return "; ".join(parts)


def _words(kind: str, *numbers: float) -> str:
    return " ".join([kind, *(f"{float(n):.10g}" for n in numbers)])
