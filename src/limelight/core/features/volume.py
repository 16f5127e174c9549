"""The volume of objects whose height is given pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core.features._regions import find_regions, matching_plane, table
from limelight.core.features.intensity import measure_intensity
from limelight.core.image.inputs import check_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["measure_volume_image"]


def measure_volume_image(
    labels: ArrayLike,
    image: ArrayLike,
    pixel_size: float = 0.1625,
    z_step: float = 0.25,
    *,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure height, volume and surface of objects.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        Height of the upper surface at each pixel, in steps of z.
    pixel_size : float
        Size of a pixel, um, above 0.
    z_step : float
        Step of z, um, above 0.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Volume_max_height``, ``Volume_mean_height``
        (um), ``Volume_volume`` (um^3), ``Volume_lower_surface_area`` (of its pixels),
        ``Volume_upper_surface_area`` (of the triangles between the heights of pixels of the
        object; its edge, half a pixel wide, has no triangles) and ``Volume_total_surface_area``
        (um^2).
    """
    where = "measure_volume_image"
    check_number(pixel_size, where, "pixel_size", low=1e-9)
    check_number(z_step, where, "z_step", low=1e-9)
    regions = find_regions(labels, where, dimensions=(2,))
    heights = matching_plane(regions, image, where)
    found = measure_intensity(regions.plane, heights, threads=threads)
    square = pixel_size * pixel_size
    area = np.bincount(regions.plane.ravel(), minlength=len(regions) + 1)[1:] * square
    upper = _surface(regions.plane, heights, float(pixel_size), float(z_step), len(regions))
    columns = {
        "Volume_max_height": found["Intensity_max"].to_numpy() * z_step,
        "Volume_mean_height": found["Intensity_mean"].to_numpy() * z_step,
        "Volume_volume": found["Intensity_sum"].to_numpy() * z_step * square,
        "Volume_lower_surface_area": area,
        "Volume_upper_surface_area": upper,
        "Volume_total_surface_area": area + upper,
    }
    return table(regions, columns)


@njit(nogil=True, cache=True)
def _surface(index, heights, size, step, count):  # type: ignore[no-untyped-def]
    """Return the area of two triangles per square of four pixels that are of one object."""
    out = np.zeros(count)
    flat = size * size
    for y in range(index.shape[0] - 1):
        for x in range(index.shape[1] - 1):
            one = index[y, x]
            if one == 0 or index[y, x + 1] != one:
                continue
            if index[y + 1, x] != one or index[y + 1, x + 1] != one:
                continue
            a, b = np.float64(heights[y, x]) * step, np.float64(heights[y, x + 1]) * step
            c, d = np.float64(heights[y + 1, x]) * step, np.float64(heights[y + 1, x + 1]) * step
            # |cross product| of the sides, over the diagonal from a to d
            first = np.sqrt(flat + (b - a) ** 2 + (d - b) ** 2)
            second = np.sqrt(flat + (c - a) ** 2 + (d - c) ** 2)
            out[one - 1] += size * (first + second) / 2
    return out
