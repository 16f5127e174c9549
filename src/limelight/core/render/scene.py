"""A table that is looked at again and again."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.pool import each, runs, thread_count
from limelight.core.render import _draw
from limelight.core.render._index import Molecules
from limelight.core.render._pyramid import Pyramid
from limelight.core.render._sigma import (
    LEAST,
    blur_sigma,
    least_sigma,
    medians,
    pixels_of,
    precisions,
    typical,
)
from limelight.core.render._view import Style, View
from limelight.core.render.filters import Filters
from limelight.core.render.picture import Picture, Window, mode_of
from limelight.core.render.rotate import project, rotation_matrix
from limelight.core.render.tiles import Tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.render.picture import Viewport
    from limelight.core.render.rotate import Angles

__all__ = ["Scene"]

_EXACT_INTEGERS = 2**24  # above, float32 has no longer every whole number
_MANY = 3_000_000  # so many Gaussians are not drawn one by one in no time
_MOST_IN_TILES = 2**40
_NEARLY_ALL = 0.999


@njit(nogil=True, cache=True)
def _gather(values, order, out, a, b):  # type: ignore[no-untyped-def]
    for n in range(a, b):
        out[n] = values[order[n]]


class Scene:
    """A table that is looked at again and again: any part, any zoom, filtered, coloured.

    Its molecules are sorted by where they are, once; a picture then takes time for what it shows
    only, and one of the whole field none for single molecules.

    Parameters
    ----------
    locs : Localizations
        The molecules.  The table is kept, and must not be changed.  Molecules at NaN or infinity
        are not drawn; those without a precision (NaN) not as Gaussians.
    threads : int, optional
        Threads; by default as many as there are cores.  No picture depends on them.

    Attributes
    ----------
    locs : Localizations
        The table.
    shape : tuple of int (Y, X)
        The field, camera pixels.
    pixel_size_nm : float
        Size of a camera pixel, nm.
    filters : Filters
        Ranges on columns; ``filters.set(column, low, high)`` acts on the next picture.

    Notes
    -----
    A molecule's picture does not depend on what else is in view: pictures of the same pixel size
    share their pixels, and parts of a picture are equal to those of the whole.  The exception are
    crowded views from afar in the mode "gaussian" (see ``exact`` of `draw`).

    Pictures may be drawn in one thread while filters are changed in another: such a picture may
    show some molecules by the old range and some by the new, and the next one is right.
    """

    def __init__(self, locs: Localizations, threads: int | None = None) -> None:
        self.locs = locs
        self.shape = locs.shape
        self.pixel_size_nm = locs.pixel_size_nm
        self._threads = thread_count(threads)
        sy, sx = precisions(locs) or (None, None)
        self._molecules = Molecules(locs["y"], locs["x"], sy, sx, self.shape, self._threads)
        self._columns: dict[str, NDArray[Any]] = {}
        self._colour: tuple[str, NDArray[np.float32], float, NDArray[np.uint8]] | None = None
        self.filters = Filters(len(self._molecules), self.column, self._threads)

    def __len__(self) -> int:
        return len(self._molecules)

    @property
    def field(self) -> Viewport:
        """The whole field, camera pixels (y0, x0, y1, x1)."""
        return (-0.5, -0.5, self.shape[0] - 0.5, self.shape[1] - 0.5)

    @cached_property
    def _pyramid(self) -> Pyramid:
        return Pyramid(self._molecules, self.shape, self._threads)

    @cached_property
    def _median(self) -> tuple[float, float] | None:
        return medians(precisions(self.locs), self._threads)

    @cached_property
    def _middle(self) -> float:
        return max(self._median or (0.0,))

    @cached_property
    def _widest(self) -> float:
        widths = (self._molecules.sy, self._molecules.sx)
        return max(typical(s, _NEARLY_ALL) for s in widths)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column in the order of the drawn molecules; it is kept for next time.

        Raises
        ------
        ParameterError
            If there is no such column, or it does not hold numbers.
        """
        own = {"y": self._molecules.y, "x": self._molecules.x}
        if self._molecules.sy.size:
            own |= {"lpy": self._molecules.sy, "lpx": self._molecules.sx}
        if name in own:
            return own[name]
        if name not in self._columns:
            values = self.locs[name]
            if values.dtype.kind not in "biuf":
                raise ParameterError(f"The column {name!r} does not hold numbers.")
            small = values.dtype.itemsize <= 2 or values.dtype == np.float32
            if not small and len(values):
                with np.errstate(invalid="ignore"):
                    small = values.dtype.kind == "f" or np.abs(values).max() < _EXACT_INTEGERS
            out = np.empty(len(self), np.float32 if small else np.float64)
            each(
                lambda run: _gather(values, self._molecules.order, out, *run),
                runs(len(out), 4 * self._threads, 2**15),
                self._threads,
            )
            self._columns[name] = out
        return self._columns[name]

    def kept(self) -> NDArray[np.bool_]:
        """Return which rows of the table are drawn: at a place, and within all filters."""
        rows = np.zeros(len(self.locs), np.bool_)
        rows[self._molecules.order[self.filters.fails == 0]] = True
        return rows

    def count(self, viewport: Viewport) -> int:
        """Return about how many molecules are in a viewport; never too few."""
        return self._molecules.count(viewport)

    def pixel_size(
        self,
        viewport: Viewport | None = None,
        size: tuple[int, int] = (1024, 1024),
        mode: str | None = "gaussian",
    ) -> float:
        """Return the size of drawn pixels, nm, that suits a screen.

        Parameters
        ----------
        viewport : tuple of float (y0, x0, y1, x1), optional
            What is to be seen, camera pixels; by default the whole field.
        size : tuple of int (Y, X)
            The screen's pixels that it is seen on.
        mode : str
            How it is to be drawn.

        Returns
        -------
        float
            The largest of camera pixel / 2^k that is no larger than a pixel of the screen.
            Pictures of these sizes share their pixels, and are drawn quickest.  Where millions of
            Gaussians are in view, the pixels are larger, about twice the median precision.
        """
        viewport = viewport or self.field
        y0, x0, y1, x1 = viewport
        wanted = min((y1 - y0) / max(size[0], 1), (x1 - x0) / max(size[1], 1))
        if not 0 < wanted < np.inf:
            raise ParameterError(f"render: the viewport {viewport} is empty.")
        pixel = 2.0 ** np.floor(np.log2(wanted))
        if mode_of(mode) == "gaussian" and self.count(viewport) > _MANY:
            while self._middle > _draw.NARROW * LEAST * pixel:
                pixel *= 2
        return float(self.pixel_size_nm * pixel)

    def draw(
        self,
        viewport: Viewport | None = None,
        pixel_size_nm: float | None = None,
        mode: str | None = "gaussian",
        *,
        weight: str | None = None,
        colour: str | None = None,
        min_blur_nm: float = 0.0,
        blur_nm: float | tuple[float, float] | None = None,
        exact: bool = False,
        rotation: Angles | NDArray[Any] | None = None,
        centre: tuple[float, float, float] | None = None,
    ) -> Picture:
        """Draw what is in view.

        Parameters
        ----------
        viewport : tuple of float (y0, x0, y1, x1), optional
            Part of the field, camera pixels, where the first pixel reaches from -0.5 to 0.5; by
            default the whole.  The picture has all pixels of the field's grid that it touches.
        pixel_size_nm : float, optional
            Size of a drawn pixel, nm; by default that of `pixel_size`.
        mode : {"gaussian", "histogram", "smooth", "blur"}
            As in `render`.
        weight : str, optional
            Column whose values the molecules count with, such as ``photons``; NaN counts as 0.
        colour : str, optional
            Column whose mean over each pixel's molecules is returned as ``value``.  Molecules
            without a value are not drawn.
        min_blur_nm : float
            Smallest standard deviation of a drawn Gaussian, nm; half a drawn pixel is the least.
        blur_nm : float or tuple of float (y, x), optional
            Standard deviation of the mode "blur", nm; by default the table's median precision.
        exact : bool
            In the mode "gaussian", draw every molecule exactly where it is.  Otherwise narrow ones
            are drawn from a table, at most 1/64 of a drawn pixel beside; and in a crowded view
            those that have nearly the least width at most a quarter of a pixel beside; and those
            many pixels wide are drawn on larger pixels, and enlarged.
        rotation : three floats or array (3, 3), optional
            See the molecules from another side: angles about x, y and z, degrees, or a matrix, as
            `limelight.core.render.rotate.rotation_matrix` takes them.  The viewport is then of
            what is seen.  A Gaussian has the width of ``lpz`` (nm) along z, or where the table
            has none, the mean of lpx and lpy.
        centre : tuple of float (z, y, x), optional
            What stays in its place: z in nm, y and x in camera pixels; by default the middle of
            the field at the median z.

        Returns
        -------
        Picture
            Image, place, and with ``colour`` the values.

        Raises
        ------
        ParameterError
            If the picture would have more than 2^30 pixels, or a parameter is of no use.
        """
        viewport = viewport or self.field
        if pixel_size_nm is None:
            pixel_size_nm = self.pixel_size(viewport, mode=mode)
        window = Window.of(viewport, self.pixel_size_nm, pixel_size_nm, snap=True)
        style = self._style(mode, pixel_size_nm, min_blur_nm, blur_nm, exact)
        return self._draw(window, style, weight, colour, rotation, centre)

    def tiles(
        self,
        pixel_size_nm: float,
        mode: str | None = "gaussian",
        *,
        side: int = 4096,
        viewport: Viewport | None = None,
        weight: str | None = None,
        colour: str | None = None,
        min_blur_nm: float = 0.0,
        blur_nm: float | tuple[float, float] | None = None,
    ) -> Tiles:
        """Draw a picture of any size, tile by tile.

        Parameters
        ----------
        side : int
            Height and width of a tile, drawn pixels.
        pixel_size_nm, mode, viewport, weight, colour, min_blur_nm, blur_nm
            As in `draw`; Gaussians are drawn exactly.

        Returns
        -------
        Tiles
            Iterate over it; it tells the shape of the whole picture beforehand.

        Raises
        ------
        ParameterError
            If the picture would have more than 2^40 pixels, or a parameter is of no use.
        """
        viewport = viewport or self.field
        window = Window.of(
            viewport, self.pixel_size_nm, pixel_size_nm, snap=True, most=_MOST_IN_TILES
        )
        style = self._style(mode, pixel_size_nm, min_blur_nm, blur_nm, True)

        def draw(part: Window) -> Picture:
            return self._draw(part, style, weight, colour, None, None)

        return Tiles(window, side, draw, self.pixel_size_nm)

    def _style(
        self,
        mode: str | None,
        pixel_size_nm: float,
        min_blur_nm: float,
        blur_nm: float | tuple[float, float] | None,
        exact: bool,
    ) -> Style:
        mode = mode_of(mode)
        if mode == "gaussian" and not self._molecules.sy.size and len(self):
            mode = "histogram"
        sigma = None
        if mode == "smooth":
            sigma = (1.0, 1.0)
        elif mode == "blur":
            wanted = blur_sigma(blur_nm, self._median, self.pixel_size_nm, min_blur_nm)
            sigma = pixels_of(wanted, pixel_size_nm)
        return Style(mode, sigma, least_sigma(min_blur_nm, pixel_size_nm), exact)

    def _draw(
        self,
        window: Window,
        style: Style,
        weight: str | None,
        colour: str | None,
        rotation: Angles | NDArray[Any] | None,
        centre: tuple[float, float, float] | None,
    ) -> Picture:
        weights = _draw.NONE
        if weight is not None:
            weights = np.nan_to_num(self.column(weight).astype(np.float32, copy=False))
        fails = self.filters.fails if self.filters else _draw.ALL
        moments, middle = _draw.NONE, 0.0
        if colour is not None:
            moments, middle, missing = self._values(colour)
            if missing.size:
                fails = fails | missing if fails.size else missing
            if weights.size:
                moments = moments * weights
        if rotation is None:
            view = View(
                molecules=self._molecules,
                threads=self._threads,
                fails=fails,
                middle=self._middle,
                widest=self._widest,
                pyramid=lambda: self._pyramid,
            )
        else:
            view, rows = self._turned(window, style, fails, rotation, centre)
            weights, moments = (c[rows] if c.size else c for c in (weights, moments))
        if colour is None:
            return window.picture(view.draw(window, style, weights), self.pixel_size_nm)
        image, moment = view.draw_two(window, style, weights, moments)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = moment / image
        mean += np.float32(middle)
        mean[image == 0] = np.nan
        return window.picture(image, self.pixel_size_nm, mean)

    def _turned(
        self,
        window: Window,
        style: Style,
        fails: NDArray[np.uint8],
        rotation: Angles | NDArray[Any],
        centre: tuple[float, float, float] | None,
    ) -> tuple[View, NDArray[Any]]:
        """Return the view of the turned molecules, and which of ours they are, in its order."""
        own = self._molecules
        pixel = self.pixel_size_nm
        z = self.column("z").astype(np.float32, copy=False) / np.float32(pixel)
        if centre is None:
            y0, x0, y1, x1 = self.field
            centre = (self._depth, (y0 + y1) / 2, (x0 + x1) / 2)
        middle = (centre[0] / pixel, centre[1], centre[2])
        sigma = None
        if style.mode == "gaussian":
            if "lpz" in self.locs:
                sz = self.column("lpz").astype(np.float32, copy=False) / np.float32(pixel)
            else:
                sz = (own.sy + own.sx) / np.float32(2)
            sigma = (own.sy, own.sx, sz)
        least = style.least / window.zoom
        y, x, sy, sx, tilt = project(
            own.y, own.x, z, sigma, rotation_matrix(rotation), middle, least, self._threads
        )
        reach = 4 * least
        if style.blur:
            coarse = _draw.coarsening(style.blur)
            reach = (_draw.margin(style.blur) + 32) * coarse / window.zoom
        ry, rx = (3 * s + reach if s.size else reach for s in (sy, sx))
        top, left, bottom, right = window.viewport()
        seen = (y + ry >= top) & (y - ry <= bottom) & (x + rx >= left) & (x - rx <= right)
        if fails.size:
            seen &= fails == 0
        rows = np.flatnonzero(seen)
        wide_y, wide_x = (s[rows] if sigma else None for s in (sy, sx))
        turned = Molecules(y[rows], x[rows], wide_y, wide_x, self.shape, self._threads)
        rows = rows[turned.order]
        tilt = tilt[rows] if sigma else _draw.NONE
        return View(turned, self._threads, _draw.ALL, tilt=tilt), rows

    @cached_property
    def _depth(self) -> float:
        return typical(self.column("z"))

    def _values(self, name: str) -> tuple[NDArray[np.float32], float, NDArray[np.uint8]]:
        """Return a column less its middle, the middle, and where it has no value."""
        if self._colour is None or self._colour[0] != name:
            column = self.column(name)
            missing = np.isnan(column)
            middle = typical(column)
            values = (column - column.dtype.type(middle)).astype(np.float32, copy=False)
            flags = np.empty(0, np.uint8)
            if missing.any():
                values[missing] = 0
                flags = missing.view(np.uint8)
            self._colour = (name, values, middle, flags)
        return self._colour[1:]
