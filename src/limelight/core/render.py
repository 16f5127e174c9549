"""From a table of molecules to a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["Canvas", "Picture", "render"]

Mode = Literal["gaussian", "histogram"]
_REACH = 3.0  # a molecule is drawn out to so many standard deviations
_MAX_PIXELS = 2**30


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered image and its place in the sample.

    Parameters
    ----------
    image : 2D array of float32 (Y, X)
        Molecules per pixel.
    scale_um : tuple of float (y, x)
        Size of a pixel, µm.
    translate_um : tuple of float (y, x)
        Centre of the first pixel, µm, where the centre of the camera's first pixel is 0; a
        napari layer made of these overlays the camera's image exactly.
    """

    image: NDArray[np.float32]
    scale_um: tuple[float, float]
    translate_um: tuple[float, float]


@njit(nogil=True, cache=True)
def _draw_points(image, y, x, top, left, zoom):  # type: ignore[no-untyped-def]
    height, width = image.shape
    for n in range(len(x)):
        row = (y[n] - top) * zoom
        column = (x[n] - left) * zoom
        if row >= 0 and column >= 0 and row < height and column < width:
            image[int(row), int(column)] += np.float32(1)


@njit(nogil=True, cache=True)
def _draw_gaussians(image, y, x, sy, sx, top, left, zoom):  # type: ignore[no-untyped-def]
    """Add unit-volume Gaussians, sampled at pixel centres; sigmas are in drawn pixels."""
    height, width = image.shape
    profile = np.empty(width + 1, np.float32)
    for n in range(len(x)):
        row = (y[n] - top) * zoom - 0.5
        column = (x[n] - left) * zoom - 0.5
        ry, rx = _REACH * sy[n], _REACH * sx[n]
        if not (
            row + ry >= 0
            and row - ry <= height - 1
            and column + rx >= 0
            and column - rx <= width - 1
        ):
            continue  # also where a value is not a number
        i0, i1 = max(int(np.ceil(row - ry)), 0), min(int(np.floor(row + ry)), height - 1)
        j0, j1 = max(int(np.ceil(column - rx)), 0), min(int(np.floor(column + rx)), width - 1)
        for j in range(j0, j1 + 1):
            d = (j - column) / sx[n]
            profile[j - j0] = np.exp(-0.5 * d * d)
        norm = 1.0 / (2.0 * np.pi * sx[n] * sy[n])
        for i in range(i0, i1 + 1):
            d = (i - row) / sy[n]
            weight = np.float32(norm * np.exp(-0.5 * d * d))
            for j in range(j1 - j0 + 1):
                image[i, j0 + j] += weight * profile[j]


class Canvas:
    """A picture that molecules are added to, as they come.

    Parameters
    ----------
    shape : tuple of int (Y, X)
        The camera's field in pixels.
    camera_pixel_nm : float
        Size of a camera pixel, nm.
    pixel_size_nm : float
        Size of a drawn pixel, nm.
    mode : {"gaussian", "histogram"}
        A Gaussian of each molecule's own precision, or a count per pixel.
    min_blur_nm : float
        Smallest standard deviation of a drawn Gaussian, nm; half a drawn pixel is the least.

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
        mode: Mode = "gaussian",
        min_blur_nm: float = 0.0,
        viewport: tuple[float, float, float, float] | None = None,
    ) -> None:
        if mode not in ("gaussian", "histogram"):
            raise ParameterError(f"render: mode must be 'gaussian' or 'histogram', not {mode!r}.")
        if not (pixel_size_nm > 0 and camera_pixel_nm > 0):
            raise ParameterError("render: pixel sizes must be greater than 0 nm.")
        y0, x0, y1, x1 = viewport or (-0.5, -0.5, shape[0] - 0.5, shape[1] - 0.5)
        self.zoom = camera_pixel_nm / pixel_size_nm
        size = [int(np.ceil((b - a) * self.zoom - 1e-9)) for a, b in ((y0, y1), (x0, x1))]
        if min(size) < 1 or size[0] * size[1] > _MAX_PIXELS:
            raise ParameterError(
                f"render: a picture of {size[0]} x {size[1]} pixels cannot be drawn at once. "
                f"Choose a pixel size other than {pixel_size_nm} nm, or a part of the field."
            )
        self.image = np.zeros((size[0], size[1]), np.float32)
        self.mode = mode
        self._corner = (y0, x0)
        self._camera_pixel_nm = camera_pixel_nm
        self._min_sigma = max(min_blur_nm / pixel_size_nm, 0.5)

    def add(self, locs: Localizations) -> None:
        """Draw more molecules; those with NaN as position or precision are left out."""
        y, x = (np.ascontiguousarray(locs[c], np.float64) for c in ("y", "x"))
        top, left = self._corner
        if self.mode == "histogram" or "lpx" not in locs or "lpy" not in locs:
            _draw_points(self.image, y, x, top, left, self.zoom)
            return
        sy, sx = (
            np.maximum(np.asarray(locs[c], np.float64) * self.zoom, self._min_sigma)
            for c in ("lpy", "lpx")
        )
        _draw_gaussians(self.image, y, x, sy, sx, top, left, self.zoom)

    @property
    def picture(self) -> Picture:
        """The picture as it is now (its image is not copied)."""
        scale = self._camera_pixel_nm / self.zoom / 1000.0
        y, x = ((c + 0.5 / self.zoom) * self._camera_pixel_nm / 1000.0 for c in self._corner)
        return Picture(self.image, (scale, scale), (y, x))


def render(locs: Localizations, pixel_size_nm: float = 10.0, **options: Any) -> Picture:
    """Draw a table of molecules.

    Parameters
    ----------
    locs : Localizations
        The molecules.
    pixel_size_nm : float
        Size of a drawn pixel, nm.
    **options
        ``mode``, ``min_blur_nm`` and ``viewport`` (y0, x0, y1, x1 in camera pixels, where the
        first pixel reaches from -0.5 to 0.5) of `Canvas`.

    Returns
    -------
    Picture
        Image and its place.
    """
    canvas = Canvas(locs.shape, locs.pixel_size_nm, pixel_size_nm, **options)
    canvas.add(locs)
    return canvas.picture
