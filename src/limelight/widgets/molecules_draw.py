"""From a table and a look to what a layer shows; runs on worker threads and touches no window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.locs.filter import filter_locs
from limelight.core.locs.sample import rows_in_view
from limelight.core.render import COLOURS, Layer, Scene, compose, lookup_table, render_volume
from limelight.core.render.colour import contrast_of, limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.render import Picture
    from limelight.core.render.picture import Viewport

__all__ = [
    "Drawn",
    "Look",
    "Ranges",
    "Source",
    "Sprinkled",
    "Stacked",
    "colours_of",
    "density",
]

Ranges = dict[str, tuple[float | None, float | None]]
"""What is kept of each column: (low, high), both included; None is open."""

MODES = ("gaussian", "histogram", "blur", "scatter")
GAMMA = 0.6
"""Brightness is intensity to this power: faint structures show beside bright ones."""

_MARGIN = 1 / 12  # drawn beyond each edge of the view, so that a small move shows no border
_SHARPNESS = 1.4  # drawn pixels are between 1/1.4 and 1.4 of the screen's
_PER_WIDTH = 2.5  # pixels per standard deviation; with more the picture looks the same
_MOST_POINTS = 30_000
_MOST_IN_SPACE = 200_000
_POINTS_PER_SIDE = 400  # points of the least size beside each other
_POINT = 4.0  # screen pixels
_TYPICAL = 200  # of 256 colours: that of points which are coloured by no column
_LOOKED_AT = 2**19  # pixels; of more, a quarter tells the contrast
_VOLUME_SIDE = 512
_VOLUME_PLANES = 96
_FINEST_VOXEL_NM = 2.0


@dataclass(frozen=True)
class Look:
    """How a table is shown.

    Parameters
    ----------
    mode : {"gaussian", "histogram", "blur", "scatter"}
        What a molecule is shown as.
    min_blur_nm : float
        Smallest standard deviation of a molecule's Gaussian, nm.
    blur_nm : float
        Standard deviation of the mode "blur", nm; 0 is the median precision.
    colour : str, optional
        Column that chooses the colour; None for the intensity.
    colours : str
        Colour map: one of `limelight.core.render.COLOURS` or of napari.
    percent : float
        So many of the lit pixels are not saturated, %.
    held : float, optional
        Brightest density, molecules per µm², where the contrast is held.
    limits : tuple of float (low, high), optional
        Values of the first and last colour; None for those that nearly all molecules are within.
    """

    mode: str = "gaussian"
    min_blur_nm: float = 0.0
    blur_nm: float = 0.0
    colour: str | None = None
    colours: str = "inferno"
    percent: float = 99.7
    held: float | None = None
    limits: tuple[float, float] | None = None

    @property
    def blur(self) -> float | None:
        """The width of the mode "blur", as the core takes it."""
        return self.blur_nm or None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture for an image layer.

    Parameters
    ----------
    picture : Picture
        Densities (molecules per µm²), and its place.
    high : float
        Density that is shown brightest.
    limits : tuple of float, optional
        Values of the first and last colour, where a column chooses the colour.
    rgb : 3D array of uint8 (Y, X, 3), optional
        Red, green, blue, where a column chooses the colour.
    viewport : tuple of float
        What it shows, camera pixels.
    pixel_nm : float
        Size of its pixels.
    kept : int
        Molecules within all filters.
    """

    picture: Picture
    high: float
    limits: tuple[float, float] | None
    rgb: NDArray[np.uint8] | None
    viewport: Viewport
    pixel_nm: float
    kept: int


@dataclass(frozen=True, eq=False)
class Sprinkled:
    """Molecules for a points layer.

    Parameters
    ----------
    positions : 2D array of float32 (N, 2 or 3)
        y, x, camera pixels; in three dimensions z, y, x, all in camera pixels.
    rows : DataFrame
        Their rows of the table.
    rgb : 2D array of uint8 (N or 1, 3)
        Their colours.
    size : float
        Diameter of a point, camera pixels.
    limits : tuple of float, optional
        Values of the first and last colour.
    total : int
        How many molecules are in view.
    viewport : tuple of float
        What is in view, camera pixels.
    kept : int
        Molecules within all filters.
    """

    positions: NDArray[np.float32]
    rows: pd.DataFrame
    rgb: NDArray[np.uint8]
    size: float
    limits: tuple[float, float] | None
    total: int
    viewport: Viewport
    kept: int

    @property
    def solid(self) -> bool:
        """Whether the points are in three dimensions."""
        return bool(self.positions.shape[1] == 3)


@dataclass(frozen=True, eq=False)
class Stacked:
    """Voxels for an image layer in three dimensions.

    Parameters
    ----------
    image : 3D array of float32 (Z, Y, X)
        Molecules per voxel.
    scale_um, translate_um : tuple of float (z, y, x)
        Its place.
    high : float
        Intensity that is shown brightest.
    kept : int
        Molecules within all filters.
    """

    image: NDArray[np.float32]
    scale_um: tuple[float, float, float]
    translate_um: tuple[float, float, float]
    high: float
    kept: int


def colours_of(name: str) -> NDArray[np.uint8]:
    """Return the 256 colours (256, 3) of one of our colour maps, or of napari's."""
    if name in COLOURS:
        return lookup_table(name)
    from napari.utils.colormaps import ensure_colormap

    try:
        colours = ensure_colormap(name).map(np.linspace(0, 1, 256))
    except KeyError:  # somebody's own, which napari knows by no name
        return lookup_table("gray")
    return lookup_table(np.asarray(colours, np.float64))


def _brightest(image: NDArray[np.float32], percent: float) -> float:
    """Return the intensity that so many of the lit pixels do not exceed, from some of them."""
    every = 2 if image.size > _LOOKED_AT else 1
    return contrast_of(image[::every, ::every], percent / 100)[1]


def density(picture: Picture) -> Picture:
    """Return the picture in molecules per µm², so that its contrast holds at any zoom."""
    from dataclasses import replace

    area = picture.scale_um[0] * picture.scale_um[1]
    return replace(picture, image=picture.image * np.float32(1 / area))


@dataclass(eq=False)
class Source:
    """A table, and its index once it was drawn.

    Parameters
    ----------
    locs : Localizations
        The table.
    """

    locs: Localizations
    _scene: Scene | None = field(default=None, repr=False)
    _everywhere: Viewport | None = None
    _left_out: tuple[dict[str, tuple[float, float]], NDArray[np.bool_] | None] = field(
        default_factory=lambda: ({}, None), repr=False
    )

    _sharpest: float | None = None

    def _ready(self, ranges: Mapping[str, tuple[float | None, float | None]]) -> Scene:
        """Return the index, with these filters."""
        if self._scene is None:
            scene = Scene(self.locs)
            y0, x0, y1, x1 = scene.field
            for column, low, high in (("y", y0, y1), ("x", x0, x1)):
                values = scene.column(column)
                if len(values):
                    # molecules may lie beside the field, after a correction of the drift
                    low = min(low, float(np.nanmin(values)) - 1)
                    high = max(high, float(np.nanmax(values)) + 1)
                if column == "y":
                    y0, y1 = low, high
                else:
                    x0, x1 = low, high
            self._everywhere, self._scene = (y0, x0, y1, x1), scene
        filters = self._scene.filters
        for column in [c for c in filters.ranges if c not in ranges]:
            filters.clear(column)
        for column, (a, b) in ranges.items():
            filters.set(column, -np.inf if a is None else a, np.inf if b is None else b)
        return self._scene

    def _in_view(self, view: Viewport) -> Viewport | None:
        """Return what is to be drawn for a view: a little more, where there may be molecules."""
        assert self._everywhere is not None
        dy, dx = _MARGIN * (view[2] - view[0]), _MARGIN * (view[3] - view[1])
        low = [max(v - d, e) for v, d, e in zip(view[:2], (dy, dx), self._everywhere, strict=False)]
        high = [
            min(v + d, e) for v, d, e in zip(view[2:], (dy, dx), self._everywhere[2:], strict=True)
        ]
        if high[0] <= low[0] or high[1] <= low[1]:
            return None
        return low[0], low[1], high[0], high[1]

    def draw(
        self, look: Look, ranges: Ranges, view: Viewport, screen: tuple[float, float]
    ) -> Drawn | Sprinkled | None:
        """Draw what is in view.

        Parameters
        ----------
        look : Look
            How.
        ranges : dict
            Filters.
        view : tuple of float (y0, x0, y1, x1)
            What is in view, camera pixels.
        screen : tuple of float (Y, X)
            Pixels of the screen that it is seen on.

        Returns
        -------
        Drawn, Sprinkled or None
            None where there is nothing in view.
        """
        scene = self._ready(ranges)
        viewport = self._in_view(view)
        if viewport is None:
            return None
        if look.mode == "scatter":
            return self._sprinkle(scene, look, viewport, (view[3] - view[1]) / max(screen[1], 1))
        # by the view itself: the part of it that is drawn must not change the size of pixels
        size = (max(int(screen[0] / _SHARPNESS), 1), max(int(screen[1] / _SHARPNESS), 1))
        pixel = self._pixel(scene, look, scene.pixel_size(view, size, look.mode))
        raw = scene.draw(
            viewport,
            pixel,
            look.mode,
            colour=look.colour,
            min_blur_nm=look.min_blur_nm,
            blur_nm=look.blur if look.mode == "blur" else None,
        )
        picture = density(raw)
        high = look.held or _brightest(picture.image, look.percent)
        rgb = limits = None
        if look.colour is not None:
            limits = look.limits or self._limits(scene, look.colour)
            colours = colours_of(look.colours)
            rgb = compose([Layer(picture, colours, (0.0, high), limits, GAMMA)])
        return Drawn(picture, high, limits, rgb, viewport, pixel, scene.filters.kept)

    def _pixel(self, scene: Scene, look: Look, pixel_nm: float) -> float:
        """Return the size of pixels, no smaller than the blur makes sense."""
        if look.mode == "histogram":
            return pixel_nm
        if self._sharpest is None:
            self._sharpest = np.inf
            if "lpx" in self.locs and "lpy" in self.locs and len(scene):
                low = [limits_of(scene.column(c)[None, :], 0.05)[0] for c in ("lpy", "lpx")]
                self._sharpest = min(low) * scene.pixel_size_nm
        width = self._sharpest
        if look.mode == "blur" and look.blur is not None:
            width = look.blur
        width = max(width, look.min_blur_nm)
        while np.isfinite(width) and 2 * pixel_nm * _PER_WIDTH <= width:
            pixel_nm *= 2
        return pixel_nm

    def _limits(self, scene: Scene, column: str) -> tuple[float, float]:
        return limits_of(scene.column(column)[None, :])

    def _sprinkle(self, scene: Scene, look: Look, viewport: Viewport, pixel: float) -> Sprinkled:
        locs = self.locs
        y, x = locs["y"], locs["x"]
        ranges = dict(scene.filters.ranges)
        if ranges != self._left_out[0]:
            self._left_out = (ranges, ~scene.kept() if ranges else None)
        rows, total = rows_in_view(y, x, viewport, left_out=self._left_out[1], most=_MOST_POINTS)
        rgb, limits = self._point_colours(scene, look, rows)
        return Sprinkled(
            np.column_stack((y[rows], x[rows])).astype(np.float32, copy=False),
            locs.table.iloc[rows].reset_index(drop=True),
            rgb,
            _POINT * pixel,
            limits,
            total,
            viewport,
            scene.filters.kept,
        )

    def _point_colours(
        self, scene: Scene, look: Look, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], tuple[float, float] | None]:
        """Return the colours of some rows (N or 1, 3), and the values of the first and last."""
        colours = colours_of(look.colours)
        if look.colour is None:
            return colours[_TYPICAL : _TYPICAL + 1], None
        values = self.locs[look.colour][rows].astype(np.float64)
        limits = look.limits or self._limits(scene, look.colour)
        with np.errstate(invalid="ignore"):
            part = (values - limits[0]) / max(limits[1] - limits[0], 1e-30)
        return colours[np.nan_to_num(np.clip(part, 0, 1) * 255).astype(int)], limits

    def _scatter_in_space(
        self, scene: Scene, look: Look, ranges: Ranges, viewport: Viewport
    ) -> Sprinkled:
        """Return points in three dimensions, each in its colour."""
        locs, nm = self.locs, self.locs.pixel_size_nm
        left_out = ~np.isfinite(locs["z"])
        if ranges:
            left_out |= ~scene.kept()
        rows, total = rows_in_view(
            locs["y"], locs["x"], viewport, left_out=left_out, most=_MOST_IN_SPACE
        )
        rgb, limits = self._point_colours(scene, look, rows)
        size = max(viewport[2] - viewport[0], viewport[3] - viewport[1]) / _POINTS_PER_SIDE
        if "lpx" in locs and len(rows):
            precision = float(np.nanmedian(locs["lpx"][rows].astype(np.float64)))
            size = max(size, 2 * precision) if np.isfinite(precision) else size
        return Sprinkled(
            np.column_stack((locs["z"][rows] / nm, locs["y"][rows], locs["x"][rows])).astype(
                np.float32, copy=False
            ),
            locs.table.iloc[rows].reset_index(drop=True),
            rgb,
            size,
            limits,
            total,
            viewport,
            scene.filters.kept,
        )

    def stack(self, look: Look, ranges: Ranges, view: Viewport) -> Stacked | Sprinkled | None:
        """Draw what is in view in three dimensions; None where there is nothing.

        Voxels hold one number, which is the brightness: where a column chooses the colour, the
        molecules are points.
        """
        scene = self._ready(ranges)
        viewport = self._in_view(view)
        if viewport is None:
            return None
        if look.colour is not None or look.mode == "scatter":
            return self._scatter_in_space(scene, look, ranges, viewport)
        locs = filter_locs(self.locs, ranges) if ranges else self.locs
        nm = locs.pixel_size_nm
        height, width = (viewport[2] - viewport[0]) * nm, (viewport[3] - viewport[1]) * nm
        pixel = max(height / _VOLUME_SIDE, width / _VOLUME_SIDE, _FINEST_VOXEL_NM)
        rows, _ = rows_in_view(locs["y"], locs["x"], viewport, most=2**20)
        z = locs["z"][rows]
        z = z[np.isfinite(z)]
        low, high = (float(q) for q in np.quantile(z, (0.001, 0.999))) if len(z) else (0.0, 0.0)
        step = max(pixel, (high - low) / _VOLUME_PLANES)
        volume = render_volume(
            locs,
            pixel,
            step,
            mode="gaussian" if look.mode in ("gaussian", "blur") else "histogram",
            viewport=viewport,
            z_range_nm=(low - step, high + step),
            min_blur_nm=look.min_blur_nm,
        )
        flat = volume.image.reshape(-1, volume.image.shape[-1])
        _, brightest = contrast_of(flat, look.percent / 100)
        return Stacked(volume.image, volume.scale_um, volume.translate_um, brightest, len(locs))
