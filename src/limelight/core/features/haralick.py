"""Haralick's texture features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.features import _haralick_kernels as kernels
from limelight.core.features._regions import find_regions, matching_plane, named, table
from limelight.core.features._runs import find_runs
from limelight.core.image.inputs import check_number
from limelight.core.pool import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["HARALICK", "grey_levels", "measure_haralick"]

HARALICK = (
    "angular_second_moment",
    "contrast",
    "correlation",
    "sum_of_squares",
    "inverse_difference_moment",
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "entropy",
    "difference_variance",
    "difference_entropy",
    "information_measure_1",
    "information_measure_2",
)


def grey_levels(
    image: NDArray[Any],
    levels: int = 256,
    limits: tuple[float, float] | None = None,
    where: str = "grey_levels",
) -> NDArray[np.uint16]:
    """Bring counts into a few levels, 1 to ``levels``, of equal width.

    Parameters
    ----------
    image : 2D array
        The counts.
    levels : int
        How many, 2 to 4096.
    limits : (float, float), optional
        Counts of the lowest and the highest level; what is beyond belongs to these.  By default
        0 and 255 for 8-bit images, else the smallest and the largest count of the image.  Give
        them where features of several images are to be compared.
    where : str
        The function, for messages.

    Returns
    -------
    2D array of uint16
    """
    check_number(levels, where, "levels", low=2, high=4096, whole=True)
    if limits is None:
        if image.dtype == np.uint8:
            low, high = 0.0, 255.0
        else:
            low, high = (float(image.min()), float(image.max())) if image.size else (0.0, 1.0)
    else:
        low, high = map(float, limits)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ParameterError(
                f"{where}: limits must be two numbers, the first below the second, not {limits!r}."
            )
    factor = (levels - 1) / (high - low) if high > low else 0.0
    found: NDArray[np.uint16] = kernels.quantize(
        image.reshape(-1), low, factor, int(levels)
    ).reshape(image.shape)
    return found


def measure_haralick(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    scales: Sequence[int] = (1,),
    levels: int = 256,
    limits: tuple[float, float] | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure how the grey levels of neighbouring pixels of an object go together.

    The 13 features of Haralick, Shanmugam and Dinstein (IEEE Trans. Syst. Man Cybern. 3, 610,
    1973), as mahotas has them, on pairs of pixels that are both of the object, in the mean of four
    directions; a direction without a pair is left out.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    scales : sequence of int
        Distances between the pixels of a pair, px, 1 to 1000.
    levels, limits
        As in `grey_levels`.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_haralick_<feature>_<scale>``, with
        the channel's name behind.  NaN for objects without a pair.
    """
    where = "measure_haralick"
    regions = find_regions(labels, where, dimensions=(2,))
    array = matching_plane(regions, image, where)
    for scale in scales:
        check_number(scale, where, "scales", low=1, high=1000, whole=True)
    grey = grey_levels(array, levels, limits, where)
    pieces = find_runs(regions.plane, len(regions))
    logarithms = kernels.logarithms(1 << 14)
    columns: dict[str, NDArray[Any]] = {}
    for scale in scales:
        found = np.empty((len(regions), len(HARALICK)))

        def work(band: tuple[int, int], scale: int = int(scale), found: Any = found) -> None:
            kernels.haralick(
                *pieces.arrays, regions.plane, grey, scale, int(levels), logarithms, *band, found
            )

        each(work, pieces.bands(16), threads)
        for name, values in zip(HARALICK, found.T, strict=True):
            columns[named("Texture", f"haralick_{name}_{scale}", channel)] = values
    return table(regions, columns)
