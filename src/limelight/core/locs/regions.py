"""Regions of a picture, and the molecules in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["CircleRegion", "PolygonRegion", "RectangleRegion", "Region", "pick"]


class Region(Protocol):
    """A part of the field of view, in camera pixels."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y, px."""
        ...

    @property
    def area(self) -> float:
        """Area, px²."""
        ...

    def contains(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which points lie in it; its border belongs to it."""
        ...


def _check(*values: float) -> None:
    if not np.isfinite(values).all():
        raise ParameterError(f"pick: a region's coordinates must be finite numbers, not {values}.")


@dataclass(frozen=True)
class CircleRegion:
    """A disk.

    Parameters
    ----------
    x, y : float
        Centre, px.
    radius : float
        Radius, px, > 0.
    """

    x: float
    y: float
    radius: float

    def __post_init__(self) -> None:
        _check(self.x, self.y, self.radius)
        if self.radius <= 0:
            raise ParameterError(f"pick: radius must be more than 0 px, not {self.radius}.")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y, px."""
        r = self.radius
        return self.x - r, self.y - r, self.x + r, self.y + r

    @property
    def area(self) -> float:
        """Area, px²."""
        return float(np.pi * self.radius**2)

    def contains(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which points lie in it; its border belongs to it."""
        inside: NDArray[np.bool_] = (x - self.x) ** 2 + (y - self.y) ** 2 <= self.radius**2
        return inside


@dataclass(frozen=True)
class RectangleRegion:
    """A rectangle along a line, as one drags it.

    Parameters
    ----------
    x0, y0, x1, y1 : float
        Start and end of its middle line, px.
    width : float
        Extent across the line, px, > 0.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    width: float

    def __post_init__(self) -> None:
        _check(self.x0, self.y0, self.x1, self.y1, self.width)
        if self.width <= 0 or np.hypot(self.x1 - self.x0, self.y1 - self.y0) == 0:
            raise ParameterError("pick: a rectangle needs a length and a width of more than 0 px.")

    @classmethod
    def from_bounds(cls, x0: float, y0: float, x1: float, y1: float) -> RectangleRegion:
        """Return the upright rectangle between two corners."""
        middle = 0.5 * (y0 + y1)
        return cls(min(x0, x1), middle, max(x0, x1), middle, abs(y1 - y0))

    @property
    def _length(self) -> float:
        return float(np.hypot(self.x1 - self.x0, self.y1 - self.y0))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y, px."""
        across_x = 0.5 * self.width * abs(self.y1 - self.y0) / self._length
        across_y = 0.5 * self.width * abs(self.x1 - self.x0) / self._length
        return (
            min(self.x0, self.x1) - across_x,
            min(self.y0, self.y1) - across_y,
            max(self.x0, self.x1) + across_x,
            max(self.y0, self.y1) + across_y,
        )

    @property
    def area(self) -> float:
        """Area, px²."""
        return self._length * self.width

    def contains(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which points lie in it; its border belongs to it."""
        ux, uy = (self.x1 - self.x0) / self._length, (self.y1 - self.y0) / self._length
        along = (x - self.x0) * ux + (y - self.y0) * uy
        across = (y - self.y0) * ux - (x - self.x0) * uy
        inside: NDArray[np.bool_] = (
            (along >= 0) & (along <= self._length) & (np.abs(across) <= 0.5 * self.width)
        )
        return inside


@njit(nogil=True, cache=True)
def _in_polygon(px, py, x, y):  # type: ignore[no-untyped-def]
    """Tell by the parity of crossings; a point on an edge is inside."""
    inside = np.zeros(len(x), np.bool_)
    corners = len(px)
    for k in range(len(x)):
        odd = False
        for i in range(corners):
            j = (i + 1) % corners
            cross = (px[j] - px[i]) * (y[k] - py[i]) - (py[j] - py[i]) * (x[k] - px[i])
            on_span = min(px[i], px[j]) <= x[k] <= max(px[i], px[j]) and min(py[i], py[j]) <= y[
                k
            ] <= max(py[i], py[j])
            if cross == 0.0 and on_span:
                odd = True
                break
            if (py[i] > y[k]) != (py[j] > y[k]) and (cross > 0) == (py[j] > py[i]):
                odd = not odd
        inside[k] = odd
    return inside


@dataclass(frozen=True)
class PolygonRegion:
    """A polygon, closed from its last corner to the first.

    Parameters
    ----------
    corners : sequence of (x, y)
        At least three corners, px.  Where it crosses itself, parity decides.
    """

    corners: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        corners = tuple((float(x), float(y)) for x, y in self.corners)
        object.__setattr__(self, "corners", corners)
        if len(corners) < 3:
            raise ParameterError(
                f"pick: a polygon needs three corners or more, not {len(corners)}."
            )
        _check(*(v for corner in corners for v in corner))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest x, smallest y, largest x, largest y, px."""
        x, y = zip(*self.corners, strict=True)
        return min(x), min(y), max(x), max(y)

    @property
    def area(self) -> float:
        """Area, px² (of a polygon that does not cross itself)."""
        x, y = np.array(self.corners).T
        return float(0.5 * abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))

    def contains(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which points lie in it; its border belongs to it."""
        px, py = (np.ascontiguousarray(c) for c in np.array(self.corners, np.float64).T)
        inside: NDArray[np.bool_] = _in_polygon(
            px, py, np.asarray(x, np.float64), np.asarray(y, np.float64)
        )
        return inside


def pick(table: Table, regions: Sequence[Region]) -> Localizations:
    """Return the molecules in regions, with the region's number in the column ``group``.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules.
    regions : sequence of Region
        Circles, rectangles, polygons, or anything with their methods.

    Returns
    -------
    Localizations
        The molecules by region; one that lies in two regions is there twice.  An older column
        ``group`` becomes ``group_input``.

    Raises
    ------
    ParameterError
        If there is no region, or a column is missing or not finite.
    """
    if len(regions) == 0:
        raise ParameterError("pick: there is no region. Draw one, or give a list of them.")
    locs = as_locs(table)
    x, y = checked(locs, "pick", "x", "y", least=0)
    # By x, so that each region looks only at its own stretch.
    order = np.argsort(x, kind="stable")
    xs = x[order]
    rows, groups = [], []
    for number, region in enumerate(regions):
        left, _, right, _ = region.bounds
        # One step of float32 further, or the rounded border would be lost.
        low = np.searchsorted(xs, np.nextafter(np.float32(left), np.float32(-np.inf)), "left")
        high = np.searchsorted(xs, np.nextafter(np.float32(right), np.float32(np.inf)), "right")
        near = order[low:high]
        found = np.sort(
            near[region.contains(x[near].astype(np.float64), y[near].astype(np.float64))]
        )
        rows.append(found)
        groups.append(np.full(len(found), number, np.int32))
    kept = locs.table.iloc[np.concatenate(rows)].reset_index(drop=True)
    if "group" in kept.columns:
        kept = kept.rename(columns={"group": "group_input"})
    kept["group"] = np.concatenate(groups)
    return locs.with_table(
        kept,
        {
            "Generated by": "Limelight Pick",
            "Number of picks": len(regions),
            "Area (px^2)": [float(region.area) for region in regions],
        },
    )
