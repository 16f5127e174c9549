"""A rendered image, its place in the sample, and the grid of pixels that it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "MODES", "Picture", "Viewport", "Window", "mode_of"]

Viewport = tuple[float, float, float, float]
"""Part of the field, camera pixels: y0, x0, y1, x1; the first pixel reaches from -0.5 to 0.5."""

MAX_PIXELS = 2**30
MODES = ("histogram", "gaussian", "blur", "smooth")
_PICASSO = {"none": "histogram", "convolve": "blur", "points": "histogram"}


def mode_of(name: str | None) -> str:
    """Return the mode of that name; Picasso's names are known too.

    ============  ===============  ====================================================
    Limelight     Picasso          what is drawn
    ============  ===============  ====================================================
    histogram     None             molecules per pixel
    gaussian      gaussian         a Gaussian of each molecule's own precision
    blur          convolve         the histogram, blurred by the median precision
    smooth        smooth           the histogram, blurred by one drawn pixel
    ============  ===============  ====================================================

    Raises
    ------
    ParameterError
        If there is no such mode.
    """
    wanted = "histogram" if name is None else _PICASSO.get(name, name)
    if wanted not in MODES:
        raise ParameterError(f"render: mode must be one of {', '.join(MODES)}, not {name!r}.")
    return wanted


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered image and its place in the sample.

    Parameters
    ----------
    image : 2D array of float32 (Y, X)
        Molecules per pixel, or the sum of their weights.
    scale_um : tuple of float (y, x)
        Size of a pixel, µm.
    translate_um : tuple of float (y, x)
        Centre of the first pixel, µm, where the centre of the camera's first pixel is 0; a
        napari layer made of these overlays the camera's image exactly.
    value : 2D array of float32 (Y, X), optional
        Mean of the column that the picture is coloured by, over the molecules of each pixel;
        NaN where there are none.
    """

    image: NDArray[np.float32]
    scale_um: tuple[float, float]
    translate_um: tuple[float, float]
    value: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Window:
    """Pixels of the endless grid of drawn pixels.

    Parameters
    ----------
    zoom : float
        Drawn pixels per camera pixel.
    first : tuple of int (row, column)
        Grid pixel that the window begins with.
    shape : tuple of int (Y, X)
        Its size in drawn pixels.
    origin : tuple of float (y, x)
        Corner of grid pixel (0, 0), camera pixels.
    """

    zoom: float
    first: tuple[int, int]
    shape: tuple[int, int]
    origin: tuple[float, float] = (-0.5, -0.5)

    @classmethod
    def of(
        cls,
        viewport: Viewport,
        camera_pixel_nm: float,
        pixel_size_nm: float,
        snap: bool,
        most: int = MAX_PIXELS,
    ) -> Window:
        """Return the window that covers a viewport.

        Parameters
        ----------
        viewport : tuple of float (y0, x0, y1, x1)
            Camera pixels.
        camera_pixel_nm, pixel_size_nm : float
            Sizes of a camera pixel and of a drawn pixel, nm.
        snap : bool
            Take whole pixels of the grid of the field, so that two viewports at the same pixel
            size share their pixels; otherwise the window begins at the viewport's very corner.
        most : int
            Most pixels that it may have.

        Raises
        ------
        ParameterError
            If a size is not positive, or there are no pixels, or more than ``most``.
        """
        if not (0 < pixel_size_nm < np.inf and 0 < camera_pixel_nm < np.inf):
            raise ParameterError("render: pixel sizes must be greater than 0 nm.")
        y0, x0, y1, x1 = (float(v) for v in viewport)
        if not np.isfinite([y0, x0, y1, x1]).all():
            raise ParameterError(f"render: the viewport {viewport} must be four finite numbers.")
        zoom = camera_pixel_nm / pixel_size_nm
        origin = (-0.5, -0.5) if snap else (y0, x0)
        ends = [
            (np.floor((a - o) * zoom + 1e-6), np.ceil((b - o) * zoom - (1e-6 if snap else 1e-9)))
            for a, b, o in ((y0, y1, origin[0]), (x0, x1, origin[1]))
        ]
        height, width = (b - a for a, b in ends)
        if not (height >= 1 and width >= 1 and height * width <= most):
            raise ParameterError(
                f"render: a picture of {height:.0f} x {width:.0f} pixels cannot be drawn at once. "
                f"Choose a pixel size other than {pixel_size_nm} nm, or a part of the field."
            )
        if max(abs(ends[0][0]), abs(ends[1][0])) > 2**52:
            raise ParameterError(f"render: the viewport {viewport} is too far from the field.")
        return cls(zoom, (int(ends[0][0]), int(ends[1][0])), (int(height), int(width)), origin)

    def viewport(self, r0: int = 0, r1: int | None = None, margin: float = 0.0) -> Viewport:
        """Return what rows r0 to r1 - 1 show, and so many pixels around, in camera pixels."""
        r1 = self.shape[0] if r1 is None else r1
        rows = (self.first[0] + r0 - margin, self.first[0] + r1 + margin)
        columns = (self.first[1] - margin, self.first[1] + self.shape[1] + margin)
        y0, y1 = (self.origin[0] + r / self.zoom for r in rows)
        x0, x1 = (self.origin[1] + c / self.zoom for c in columns)
        return y0, x0, y1, x1

    def picture(
        self,
        image: NDArray[np.float32],
        camera_pixel_nm: float,
        value: NDArray[np.float32] | None = None,
    ) -> Picture:
        """Return the image with its place."""
        scale = self.scale_um(camera_pixel_nm)
        return Picture(image, (scale, scale), self.translation_um(camera_pixel_nm), value)

    def scale_um(self, camera_pixel_nm: float) -> float:
        """Return the size of a drawn pixel, µm."""
        return camera_pixel_nm / self.zoom / 1000.0

    def translation_um(self, camera_pixel_nm: float) -> tuple[float, float]:
        """Return the centre of the first pixel (y, x), µm."""
        y, x = (
            (o + (f + 0.5) / self.zoom) * camera_pixel_nm / 1000.0
            for o, f in zip(self.origin, self.first, strict=True)
        )
        return y, x

    def part(self, row: int, column: int, shape: tuple[int, int]) -> Window:
        """Return the window of so many pixels that begins at a pixel of this one."""
        first = (self.first[0] + row, self.first[1] + column)
        return Window(self.zoom, first, shape, self.origin)

    def finer(self, factor: int) -> Window:
        """Return the window of the same view whose pixels are smaller by a whole factor."""
        first = (self.first[0] * factor, self.first[1] * factor)
        shape = (self.shape[0] * factor, self.shape[1] * factor)
        return Window(self.zoom * factor, first, shape, self.origin)

    def coarser(self, factor: int) -> Window:
        """Return the window of the same view, and two pixels around, with larger pixels."""
        low = [f // factor - 2 for f in self.first]
        high = [(f + n - 1) // factor + 3 for f, n in zip(self.first, self.shape, strict=True)]
        shape = (high[0] - low[0], high[1] - low[1])
        return Window(self.zoom / factor, (low[0], low[1]), shape, self.origin)
