"""Size and shape of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.features import _morphology_kernels as kernels
from limelight.core.features._regions import find_regions, table
from limelight.core.features._runs import find_runs
from limelight.core.image.distance import inner_distance, scattered
from limelight.core.pool import each

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MORPHOLOGY", "measure_morphology"]

MORPHOLOGY = (
    "local_centroid_x",
    "local_centroid_y",
    "area",
    "perimeter",
    "eccentricity",
    "extent",
    "convexity",
    "circularity",
    "roundness",
    "elongation",
    "equivalent_diameter",
    "major_axis_length",
    "minor_axis_length",
    "maximum_radius",
    "mean_radius",
)

_ROOT2 = float(np.sqrt(2.0))


def measure_morphology(
    labels: ArrayLike, zernike: bool = False, *, threads: int | None = None
) -> pd.DataFrame:
    """Measure size and shape of objects.

    Area, perimeter, axes, eccentricity, extent and convexity are defined as in scikit-image's
    `regionprops`: the axes are those of the ellipse with the same second moments, the convex hull
    is that of the pixels' edge midpoints.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    zernike : bool
        Whether to add the Zernike moments (`measure_zernike`).
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Morphology_`` and

        - ``local_centroid_x``, ``local_centroid_y``: within the bounding box, px
        - ``area``: px; ``perimeter``: px, along the centres of the border pixels
        - ``eccentricity``: of the ellipse, 0 for a circle
        - ``extent``: area / area of the bounding box
        - ``convexity``: area / area of the convex hull
        - ``circularity``: 4 pi area / perimeter^2; NaN for a perimeter of 0
        - ``roundness``: 4 area / (pi major^2); NaN for a major axis of 0
        - ``elongation``: 1 - minor / major; 0 for a major axis of 0
        - ``equivalent_diameter``: of the disc of that area, px
        - ``major_axis_length``, ``minor_axis_length``: px
        - ``maximum_radius``, ``mean_radius``: of the distances of the object's pixels to the
          nearest pixel outside, px
    """
    where = "measure_morphology"
    regions = find_regions(labels, where, dimensions=(2,))
    count = len(regions)
    pieces = find_runs(regions.plane, count)
    bounds = kernels.boxes(*pieces.arrays, regions.plane.shape[1])
    windowed = not scattered(bounds, regions.plane.size)
    sums, hull = np.zeros((count, 9), np.int64), np.zeros(count, np.int64)
    radius, radii = np.zeros(count, np.int32), np.zeros(count)
    each(
        lambda band: kernels.shapes(
            *pieces.arrays, regions.plane, bounds, windowed, *band, sums, hull, radius, radii
        ),
        pieces.bands(16),
        threads,
    )
    if not windowed:
        square = inner_distance(regions.plane, threads=threads)
        kernels.radii_of(regions.plane, square, radius, radii)
    return table(regions, _columns(sums, bounds, hull, radius, radii)).pipe(
        _with_zernike, labels, zernike, threads
    )


def _with_zernike(
    found: pd.DataFrame, labels: ArrayLike, zernike: bool, threads: int | None
) -> pd.DataFrame:
    if not zernike:
        return found
    from limelight.core.features.zernike import measure_zernike

    return found.join(measure_zernike(labels, threads=threads))


def _columns(
    sums: NDArray[np.int64],
    bounds: NDArray[np.int64],
    hull: NDArray[np.int64],
    radius: NDArray[np.int32],
    radii: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    area, sy, sx = (sums[:, i].astype(np.float64) for i in range(3))
    cy, cx = sy / area, sx / area
    # Sums are taken from the corner of the bounding box on: nothing large cancels.
    yy = sums[:, 3] / area - cy * cy
    xx = sums[:, 4] / area - cx * cx
    xy = sums[:, 5] / area - cy * cx
    middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    large = np.maximum(middle + half, 0.0)
    small = np.maximum(middle - half, 0.0)
    # what rounding leaves of a straight line is no width
    small = np.where(small < 1e-12 * large, 0.0, small)
    major, minor = 4 * np.sqrt(large), 4 * np.sqrt(small)
    perimeter = sums[:, 6] + sums[:, 7] * _ROOT2 + sums[:, 8] * (1 + _ROOT2) / 2
    box = (bounds[:, 1] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        eccentricity = np.where(large > 0, np.sqrt(1 - small / large), 0.0)
        circularity = np.where(perimeter > 0, 4 * np.pi * area / perimeter**2, np.nan)
        roundness = np.where(major > 0, 4 * area / (np.pi * major**2), np.nan)
        elongation = np.where(major > 0, 1 - minor / major, 0.0)
    values = [cx, cy, area, perimeter, eccentricity, area / box, area / hull, circularity]
    values += [roundness, elongation, np.sqrt(4 * area / np.pi), major, minor]
    values += [np.sqrt(radius.astype(np.float64)), radii / area]
    names = (f"Morphology_{name}" for name in MORPHOLOGY)
    return dict(zip(names, values, strict=True))
