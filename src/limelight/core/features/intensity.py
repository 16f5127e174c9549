"""How bright objects are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.features import _intensity_kernels as kernels
from limelight.core.features._regions import find_regions, matching_image, named, table
from limelight.core.pool import each, runs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["INTENSITY", "measure_intensity"]

INTENSITY = ("max", "mean", "min", "sum", "std")


def measure_intensity(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure the counts of objects.

    Sums of integers of up to 16 bits are exact.

    Parameters
    ----------
    labels : 2D (Y, X) or 3D (Z, Y, X) array of integers
        The objects.
    image : array of the same shape
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Intensity_max``, ``_mean``, ``_min``,
        ``_sum`` and ``_std`` (of the population), with the channel's name behind.
    """
    where = "measure_intensity"
    regions = find_regions(labels, where)
    array = matching_image(regions, image, where)
    width = array.shape[-1]
    index, values = regions.index.reshape(-1, width), array.reshape(-1, width)
    count = len(regions)
    # Fixed bands: sums of floats must not depend on the number of threads.
    bands = runs(len(index), min(8, max(1, len(index) * width // 2**18)))
    exact = values.dtype.kind in "ui" and values.dtype.itemsize <= 2
    kernel = kernels.integers if exact else kernels.floats
    shift = 0.0 if exact or not values.size else float(values.mean())
    pieces = each(lambda b: kernel(index, values, *b, count, shift), bands, threads)
    areas = np.sum([p[0] for p in pieces], axis=0)
    total = np.sum([p[1] for p in pieces], axis=0)
    low = np.min([p[3] for p in pieces], axis=0)
    high = np.max([p[4] for p in pieces], axis=0)
    if exact:
        square = np.sum([p[2] for p in pieces], axis=0)
        mean = total / areas
        # n * squares - sum^2 in whole numbers would overflow; the mean as a whole number and a
        # rest does not cancel.
        whole = total // areas
        rest = (total - whole * areas) / areas
        spread = square - 2 * whole * total + areas * whole * whole
        variance = spread / areas - rest * rest
    else:
        mean = total / areas + shift
        square = kernels.spread(index, values, mean)
        total = mean * areas
        variance = square / areas
    found = (high, mean, low, total, np.sqrt(np.maximum(variance, 0)))
    columns = {
        named("Intensity", statistic, channel): np.asarray(v, np.float64)
        for statistic, v in zip(INTENSITY, found, strict=True)
    }
    return table(regions, columns)
