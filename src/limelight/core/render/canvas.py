"""A picture that molecules are added to, and a whole table drawn at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.pool import each, runs, thread_count
from limelight.core.render import _draw
from limelight.core.render._index import Molecules
from limelight.core.render._paint import draw_gaussians, draw_points
from limelight.core.render._sigma import blur_sigma, least_sigma, medians, pixels_of, precisions
from limelight.core.render.picture import Picture, Window, mode_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.render.picture import Viewport

__all__ = ["Canvas", "render"]

_SMALL = 2**22  # pixels; such an image stays in the cache, and the molecules' order matters little
_FEW = 50_000


class Canvas:
    """A picture that molecules are added to, as they come.

    Every pixel is the sum over the molecules in the order in which they came, whatever the
    threads and however the molecules were shared out among the calls.

    Parameters
    ----------
    shape : tuple of int (Y, X)
        The camera's field in pixels.
    camera_pixel_nm : float
        Size of a camera pixel, nm.
    pixel_size_nm : float
        Size of a drawn pixel, nm.
    mode : {"gaussian", "histogram", "smooth", "blur"}
        A Gaussian of each molecule's own precision, a count per pixel, or a count that is blurred
        by one drawn pixel or by ``blur_nm``.
    min_blur_nm : float
        Smallest standard deviation of a drawn Gaussian, nm; half a drawn pixel is the least.
    viewport : tuple of float (y0, x0, y1, x1), optional
        Part of the field, camera pixels; the first pixel reaches from -0.5 to 0.5.
    blur_nm : float or tuple of float (y, x), optional
        Standard deviation of the mode "blur", nm.
    threads : int, optional
        Threads; by default as many as there are cores.

    Raises
    ------
    ParameterError
        If the picture would have more than 2^30 pixels, or a size is not positive.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        camera_pixel_nm: float,
        pixel_size_nm: float = 10.0,
        mode: str | None = "gaussian",
        min_blur_nm: float = 0.0,
        viewport: Viewport | None = None,
        blur_nm: float | tuple[float, float] | None = None,
        threads: int | None = None,
    ) -> None:
        self.mode = mode_of(mode)
        if viewport is None:
            viewport = (-0.5, -0.5, shape[0] - 0.5, shape[1] - 0.5)
        self.window = Window.of(viewport, camera_pixel_nm, pixel_size_nm, snap=False)
        self._camera_pixel_nm = camera_pixel_nm
        self._least = least_sigma(min_blur_nm, pixel_size_nm)
        self._threads = thread_count(threads)
        self._sigma: tuple[float, float] | None = None
        if self.mode == "smooth":
            self._sigma = (1.0, 1.0)
        elif self.mode == "blur":
            wanted = blur_sigma(blur_nm, None, camera_pixel_nm, min_blur_nm)
            self._sigma = pixels_of(wanted, pixel_size_nm)
        # what is drawn on: where all is blurred, a histogram with a margin around the window
        self._inner, self._margin = self.window, 0
        if self._sigma:
            factor = _draw.coarsening(self._sigma)
            self._inner = self.window.coarser(factor) if factor > 1 else self.window
            self._margin = _draw.margin(self._sigma)
        height, width = (n + 2 * self._margin for n in self._inner.shape)
        self._drawn = np.zeros((height, width), np.float32)

    @property
    def zoom(self) -> float:
        """Drawn pixels per camera pixel."""
        return self.window.zoom

    @property
    def image(self) -> NDArray[np.float32]:
        """The image as it is now; where nothing is blurred, it is not copied."""
        if self._sigma is None:
            return self._drawn
        counts = _draw.held(self._drawn, self._inner, self._margin)
        return _draw.blurred(lambda _: counts, self.window, self._threads, self._sigma)

    def add(self, locs: Localizations) -> None:
        """Draw more molecules; those with NaN as position or precision are left out."""
        y, x = (np.ascontiguousarray(locs[c], np.float32) for c in ("y", "x"))
        first = tuple(f - self._margin for f in self._inner.first)
        grid = (self._inner.origin, self._inner.zoom, first)
        run = (np.array([0]), np.array([len(y)]))
        sigma = precisions(locs) if self.mode == "gaussian" else None
        height, width = self._drawn.shape
        threads = self._threads if len(y) * (1 if sigma is None else 4) > _FEW else 1

        if sigma is None and threads > 1 and height * width <= _SMALL:
            # whole numbers, so that the order of the sum is of no matter
            pieces = runs(len(y), threads)
            own = [self._drawn, *(np.zeros_like(self._drawn) for _ in pieces[1:])]

            def count(k: int) -> None:
                run = (np.array(pieces[k][:1]), np.array(pieces[k][1:]))
                box = (0, 0, height, width)
                draw_points(own[k], box, y, x, _draw.NONE, _draw.ALL, *run, *grid)

            each(count, range(len(pieces)), threads)
            for image in own[1:]:
                self._drawn += image
            return

        def draw(band: tuple[int, int]) -> None:
            box = (band[0], 0, band[1], width)
            if sigma is None:
                draw_points(self._drawn, box, y, x, _draw.NONE, _draw.ALL, *run, *grid)
                return
            draw_gaussians(
                *(self._drawn, box, y, x, *widths, _draw.NONE, _draw.ALL, *run, *grid),
                *(self._least, _draw.EXACT, (0.0, np.inf), 0.0, None, None),
            )

        if sigma is not None:
            widths = [np.ascontiguousarray(s, np.float32) for s in sigma]
        each(draw, runs(height, threads), threads)

    @property
    def picture(self) -> Picture:
        """The picture as it is now."""
        return self.window.picture(self.image, self._camera_pixel_nm)


def render(
    locs: Localizations,
    pixel_size_nm: float = 10.0,
    *,
    mode: str | None = "gaussian",
    min_blur_nm: float = 0.0,
    viewport: Viewport | None = None,
    blur_nm: float | tuple[float, float] | None = None,
    threads: int | None = None,
) -> Picture:
    """Draw a table of molecules.

    Parameters
    ----------
    locs : Localizations
        The molecules.
    pixel_size_nm : float
        Size of a drawn pixel, nm.
    mode : {"gaussian", "histogram", "smooth", "blur"}
        A Gaussian of each molecule's own precision (a count where the table has none), a count
        per pixel, or a count that is blurred by one drawn pixel or, with "blur", by ``blur_nm``.
    min_blur_nm : float
        Smallest standard deviation of a drawn Gaussian, nm; half a drawn pixel is the least.
    viewport : tuple of float (y0, x0, y1, x1), optional
        Part of the field, camera pixels; the first pixel reaches from -0.5 to 0.5.
    blur_nm : float or tuple of float (y, x), optional
        Standard deviation of the mode "blur", nm; by default the median precision of the table.
    threads : int, optional
        Threads; the picture does not depend on them.

    Returns
    -------
    Picture
        Image and its place.

    Raises
    ------
    ParameterError
        If the picture would have more than 2^30 pixels, or a parameter is of no use.

    See Also
    --------
    limelight.core.render.Scene : for a table that is looked at again and again.
    """
    mode = mode_of(mode)
    camera_pixel_nm = locs.pixel_size_nm
    if viewport is None:
        height, width = locs.shape
        viewport = (-0.5, -0.5, height - 0.5, width - 0.5)
    window = Window.of(viewport, camera_pixel_nm, pixel_size_nm, snap=False)
    count = thread_count(threads)
    sigma = precisions(locs)
    if mode == "gaussian" and sigma is None:
        mode = "histogram"
    if mode == "blur":
        blur_nm = blur_sigma(
            blur_nm,
            medians(sigma, count) if blur_nm is None else None,
            camera_pixel_nm,
            min_blur_nm,
        )
    large = window.shape[0] * window.shape[1] > _SMALL
    if len(locs) < _FEW or mode == "histogram" or not (mode == "gaussian" or large):
        canvas = Canvas(
            *(locs.shape, camera_pixel_nm, pixel_size_nm, mode, min_blur_nm, viewport),
            *(blur_nm, count),
        )
        canvas.add(locs)
        return canvas.picture
    sy, sx = sigma if sigma and mode == "gaussian" else (None, None)
    molecules = Molecules(locs["y"], locs["x"], sy, sx, locs.shape, count)
    if mode == "gaussian":
        least = least_sigma(min_blur_nm, pixel_size_nm)
        image = _draw.gaussians(molecules, window, count, least=least)
        return window.picture(image, camera_pixel_nm)
    alike = (1.0, 1.0)
    if mode == "blur" and isinstance(blur_nm, tuple):
        alike = pixels_of(blur_nm, pixel_size_nm)
    counts = _draw.counted(molecules)
    image = _draw.blurred(lambda _: counts, window, count, alike)
    return window.picture(image, camera_pixel_nm)
