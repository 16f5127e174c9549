"""Molecules as voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.pool import each, runs, thread_count
from limelight.core.render._paint import REACH, add_gaussian, two_lines
from limelight.core.render._sigma import least_sigma, precisions
from limelight.core.render.picture import MAX_PIXELS, Window, mode_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.render.picture import Viewport

__all__ = ["Volume", "render_volume"]


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels and their place in the sample.

    Parameters
    ----------
    image : 3D array of float32 (Z, Y, X)
        Molecules per voxel.
    scale_um : tuple of float (z, y, x)
        Size of a voxel, µm.
    translate_um : tuple of float (z, y, x)
        Centre of the first voxel, µm.
    """

    image: NDArray[np.float32]
    scale_um: tuple[float, float, float]
    translate_um: tuple[float, float, float]


@njit(nogil=True, cache=True)
def _count_voxels(image, r0, r1, y, x, z, origin, zoom, z0, per_plane):  # type: ignore[no-untyped-def]
    for n in range(len(x)):
        plane = (z[n] - z0) * per_plane
        row = (y[n] - origin[0]) * zoom
        column = (x[n] - origin[1]) * zoom
        if (
            (plane >= 0)
            & (plane < image.shape[0])
            & (row >= r0)
            & (row < r1)
            & (column >= 0)
            & (column < image.shape[2])
        ):
            image[int(plane), int(row), int(column)] += np.float32(1)


@njit(nogil=True, cache=True)
def _blur_voxels(image, r0, r1, y, x, z, sy, sx, sz, origin, zoom, z0, per_plane, least):  # type: ignore[no-untyped-def]
    """Draw each molecule's Gaussian in every plane within its reach."""
    planes, _, width = image.shape
    box = (r0, 0, r1, width)
    scratch, iota = two_lines()
    for n in range(len(x)):
        plane = (z[n] - z0) * per_plane - 0.5
        row = (y[n] - origin[0]) * zoom - 0.5
        column = (x[n] - origin[1]) * zoom - 0.5
        a, b, c = max(sy[n] * zoom, least), max(sx[n] * zoom, least), sz[n] * per_plane
        inside = (
            (plane + REACH * c >= 0)
            & (plane - REACH * c <= planes - 1)
            & (row + REACH * a >= r0)
            & (row - REACH * a <= r1 - 1)
            & (column + REACH * b >= 0)
            & (column - REACH * b <= width - 1)
            & (a < np.inf)
            & (b < np.inf)
            & (c < np.inf)
        )
        if not inside:
            continue
        first = max(int(np.ceil(plane - REACH * c)), 0)
        last = min(int(np.floor(plane + REACH * c)), planes - 1)
        for k in range(first, last + 1):
            d = (k - plane) / c
            share = np.exp(-0.5 * d * d) / (np.sqrt(2.0 * np.pi) * c)
            add_gaussian(image[k], None, box, row, column, a, b, share, 0.0, scratch, iota)


def render_volume(
    locs: Localizations,
    pixel_nm: float = 20.0,
    z_step_nm: float = 40.0,
    *,
    mode: str | None = "gaussian",
    viewport: Viewport | None = None,
    z_range_nm: tuple[float, float] | None = None,
    min_blur_nm: float = 0.0,
    threads: int | None = None,
) -> Volume:
    """Draw a table of molecules as voxels, as napari shows them in three dimensions.

    Parameters
    ----------
    locs : Localizations
        The molecules, with a column ``z``.
    pixel_nm : float
        Size of a voxel along y and x, nm.
    z_step_nm : float
        Size of a voxel along z, nm.
    mode : {"gaussian", "histogram"}
        A Gaussian of each molecule's own precision, or a count per voxel.  Along z the precision
        is ``lpz`` (nm); a table without it takes the mean of lpx and lpy.
    viewport : tuple of float (y0, x0, y1, x1), optional
        Part of the field, camera pixels.
    z_range_nm : tuple of float (low, high), optional
        Part along z; by default that of the molecules.
    min_blur_nm : float
        Smallest standard deviation, nm; half a voxel is the least.
    threads : int, optional
        Threads; the voxels do not depend on them.

    Returns
    -------
    Volume
        Voxels and their place.

    Raises
    ------
    ParameterError
        If there is no column z, there would be more than 2^30 voxels, or a parameter is of no use.
    """
    mode = mode_of(mode)
    if mode not in ("gaussian", "histogram"):
        raise ParameterError(
            f"render: a volume is drawn as 'gaussian' or 'histogram', not {mode!r}."
        )
    if not 0 < z_step_nm < np.inf:
        raise ParameterError("render: the step in z must be greater than 0 nm.")
    y, x, z = (np.ascontiguousarray(locs[c], np.float32) for c in ("y", "x", "z"))
    camera = locs.pixel_size_nm
    if viewport is None:
        height, width = locs.shape
        viewport = (-0.5, -0.5, height - 0.5, width - 0.5)
    window = Window.of(viewport, camera, pixel_nm, snap=False)
    if z_range_nm is None:
        finite = z[np.isfinite(z)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        # the outermost molecules in the middle of their voxels
        z_range_nm = (low - z_step_nm / 2, high + z_step_nm / 2)
    low, high = (float(v) for v in z_range_nm)
    planes = float(np.ceil((high - low) / z_step_nm - 1e-6))
    if not (planes >= 1 and planes * window.shape[0] * window.shape[1] <= MAX_PIXELS):
        raise ParameterError(
            f"render: {planes:.0f} planes of {window.shape[0]} x {window.shape[1]} voxels cannot "
            "be drawn at once. Choose larger voxels, or a part of the field."
        )
    image = np.zeros((int(planes), *window.shape), np.float32)
    count = thread_count(threads)
    sigma = precisions(locs) if mode == "gaussian" else None
    place = (window.origin, window.zoom, low, 1.0 / z_step_nm)
    if sigma is None:

        def draw(band: tuple[int, int]) -> None:
            _count_voxels(image, *band, y, x, z, *place)

    else:
        sy, sx = (np.ascontiguousarray(s, np.float32) for s in sigma)
        sz = np.ascontiguousarray(
            locs["lpz"] if "lpz" in locs else (sy + sx) * np.float32(camera / 2), np.float32
        )
        least = least_sigma(min_blur_nm, pixel_nm)
        least_z = least_sigma(min_blur_nm, z_step_nm)
        sz = np.maximum(sz, np.float32(least_z * z_step_nm))

        def draw(band: tuple[int, int]) -> None:
            _blur_voxels(image, *band, y, x, z, sy, sx, sz, *place, least)

    each(draw, runs(window.shape[0], count), count)
    scale, translate = window.scale_um(camera), window.translation_um(camera)
    return Volume(
        image,
        (z_step_nm / 1000.0, scale, scale),
        ((low + z_step_nm / 2) / 1000.0, *translate),
    )
