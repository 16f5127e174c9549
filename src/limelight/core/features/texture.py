"""The texture of objects: Gabor, Hu, threshold adjacency, local binary patterns, Haralick."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.features import _texture_kernels as kernels
from limelight.core.features._regions import find_regions, matching_plane, named, table
from limelight.core.features._runs import find_runs
from limelight.core.features.haralick import measure_haralick
from limelight.core.image.inputs import check_number
from limelight.core.image.threshold import otsu_value
from limelight.core.pool import each

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["measure_gabor", "measure_hu", "measure_lbp", "measure_tas", "measure_texture"]

_ANGLES = 4


def measure_texture(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    frequencies: Sequence[float] = (1, 5, 10),
    tas: bool = False,
    lbp: bool = False,
    radii: Sequence[float] = (1, 5, 10),
    haralick: bool = False,
    scales: Sequence[int] = (1, 2),
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure the texture of objects: Gabor and Hu, and more if asked for.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    frequencies : sequence of float
        For `measure_gabor`.
    tas, lbp, haralick : bool
        Whether to add `measure_tas`, `measure_lbp`, `measure_haralick`.
    radii : sequence of float
        For `measure_lbp`.
    scales : sequence of int
        For `measure_haralick`.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_<statistic>``, with the channel's
        name behind.
    """
    import pandas as pd

    parts = [
        measure_gabor(labels, image, channel, frequencies=frequencies, threads=threads),
        measure_hu(labels, image, channel, threads=threads),
    ]
    if tas:
        parts.append(measure_tas(labels, image, channel, threads=threads))
    if lbp:
        parts.append(measure_lbp(labels, image, channel, radii=radii, threads=threads))
    if haralick:
        parts.append(measure_haralick(labels, image, channel, scales=scales, threads=threads))
    return pd.concat(parts, axis=1)


def measure_gabor(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    frequencies: Sequence[float] = (1, 5, 10),
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure how strongly the counts of an object swing in space.

    The counts of an object, with mean 0 and standard deviation 1, are multiplied with a wave and a
    Gaussian around its centroid whose standard deviation is a third of the object's equivalent
    radius; the response is the magnitude of the weighted mean, for the best of four directions
    (after Gabor, J. IEE 93, 429, 1946).

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    frequencies : sequence of float
        Periods of the wave over the object's equivalent diameter, above 0.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_gabor_<frequency>``, with the
        channel's name behind; 0 where all counts of an object are the same, NaN where the wave is
        shorter than two pixels.
    """
    where = "measure_gabor"
    for value in frequencies:
        check_number(value, where, "frequencies", low=1e-6)
    regions = find_regions(labels, where, dimensions=(2,))
    array = matching_plane(regions, image, where)
    pieces = find_runs(regions.plane, len(regions))
    waves = np.asarray(frequencies, np.float64)
    found = np.zeros((len(regions), len(waves)))
    each(
        lambda band: kernels.gabor(*pieces.arrays, array, waves, _ANGLES, *band, found),
        pieces.bands(16),
        threads,
    )
    names = [named("Texture", f"gabor_{value:g}", channel) for value in frequencies]
    return table(regions, dict(zip(names, found.T, strict=True)))


def measure_hu(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure Hu's seven moments of objects' counts.

    They do not change when an object is moved, turned or magnified (Hu, IRE Trans. Inf. Theory 8,
    179, 1962); the seventh changes its sign in a mirror.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_hu_0`` to ``Texture_hu_6``, with the
        channel's name behind; NaN where the counts of an object sum up to 0.
    """
    where = "measure_hu"
    regions = find_regions(labels, where, dimensions=(2,))
    array = matching_plane(regions, image, where)
    pieces = find_runs(regions.plane, len(regions))
    moments = np.zeros((len(regions), 4, 4))
    each(
        lambda band: kernels.central_moments(*pieces.arrays, array, *band, moments),
        pieces.bands(16),
        threads,
    )
    mass = moments[:, 0, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = {
            (a, b): moments[:, a, b] / mass ** (1 + (a + b) / 2)
            for a in range(4)
            for b in range(4)
            if a + b >= 2
        }
    names = [named("Texture", f"hu_{i}", channel) for i in range(7)]
    values = [np.where(mass != 0, v, np.nan) for v in _hu(scaled)]
    return table(regions, dict(zip(names, values, strict=True)))


def _hu(n: dict[tuple[int, int], NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the invariants of scaled central moments (power of y, power of x)."""
    sum2, difference2 = n[2, 0] + n[0, 2], n[2, 0] - n[0, 2]
    p, q = n[3, 0] + n[1, 2], n[2, 1] + n[0, 3]
    r, s = n[3, 0] - 3 * n[1, 2], 3 * n[2, 1] - n[0, 3]
    return [
        sum2,
        difference2**2 + 4 * n[1, 1] ** 2,
        r**2 + s**2,
        p**2 + q**2,
        r * p * (p**2 - 3 * q**2) + s * q * (3 * p**2 - q**2),
        difference2 * (p**2 - q**2) + 4 * n[1, 1] * p * q,
        s * p * (p**2 - 3 * q**2) - r * q * (3 * p**2 - q**2),
    ]


def measure_tas(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    threshold: float | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure threshold adjacency statistics of objects.

    Hamilton et al., BMC Bioinformatics 8, 110 (2007), with the mean and the standard deviation of
    the pixels above a threshold instead of fixed numbers (Coelho et al., Lect. Notes Comput. Sci.
    6004, 23, 2010): an object's pixels within a standard deviation of that mean, those above mean
    less standard deviation, and those above the mean are each counted by how many of their eight
    neighbours are of the same kind, and so are the object's other pixels.  Neighbours outside the
    object are of no kind.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts.
    channel : str, optional
        Name of the channel, for the names of the columns.
    threshold : float, optional
        Counts; Otsu's of the whole image by default.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_tas_0`` to ``Texture_tas_53``, with
        the channel's name behind: shares of pixels with 0 to 8 such neighbours, for three kinds
        and then for their opposites; 0 for a kind without pixels.
    """
    where = "measure_tas"
    regions = find_regions(labels, where, dimensions=(2,))
    array = matching_plane(regions, image, where)
    level = otsu_value(array) if threshold is None else threshold
    check_number(level, where, "threshold")
    pieces = find_runs(regions.plane, len(regions))
    found = np.zeros((len(regions), 6, 9))
    each(
        lambda band: kernels.tas(*pieces.arrays, regions.plane, array, level, *band, found),
        pieces.bands(16),
        threads,
    )
    names = [named("Texture", f"tas_{i}", channel) for i in range(54)]
    return table(regions, dict(zip(names, found.reshape(-1, 54).T, strict=True)))


@cache
def _pattern_classes() -> NDArray[np.int64]:
    """Return the class, 0 to 35, of each of 256 patterns: that of its smallest rotation."""
    smallest = [
        min((pattern >> k | pattern << (8 - k)) & 255 for k in range(8)) for pattern in range(256)
    ]
    return np.unique(smallest, return_inverse=True)[1].astype(np.int64)


def measure_lbp(
    labels: ArrayLike,
    image: ArrayLike,
    channel: str | None = None,
    *,
    radii: Sequence[float] = (1, 5, 10),
    threads: int | None = None,
) -> pd.DataFrame:
    """Count the local binary patterns of objects.

    Each pixel is compared with eight places on a circle around it; the pattern of those at least
    as bright, whichever way it is turned, is one of 36 (Ojala, Pietikainen and Maenpaa, IEEE Trans.
    Pattern Anal. 24, 971, 2002).  Places between pixels are interpolated bilinearly; beyond the
    border of the field its border pixels count.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    image : 2D array
        The counts; places outside of an object count as they are.
    channel : str, optional
        Name of the channel, for the names of the columns.
    radii : sequence of float
        Radii of the circle, px, above 0 to 1000.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Texture_lbp_<radius>_<pattern>``, with the
        channel's name behind: the shares of the object's pixels.
    """
    where = "measure_lbp"
    for radius in radii:
        check_number(radius, where, "radii", low=1e-6, high=1000)
    regions = find_regions(labels, where, dimensions=(2,))
    array = matching_plane(regions, image, where)
    pieces = find_runs(regions.plane, len(regions))
    classes = _pattern_classes()
    columns: dict[str, NDArray[Any]] = {}
    for radius in radii:
        angle = 2 * np.pi * np.arange(8) / 8
        # rounded, so that a place that is meant to be on a pixel is on it
        dy, dx = np.round(-radius * np.sin(angle), 5), np.round(radius * np.cos(angle), 5)
        found = np.zeros((len(regions), 36))

        def work(band: tuple[int, int], dy: Any = dy, dx: Any = dx, found: Any = found) -> None:
            kernels.lbp(*pieces.arrays, array, dy, dx, classes, *band, found)

        each(work, pieces.bands(16), threads)
        for i, values in enumerate(found.T):
            columns[named("Texture", f"lbp_{radius:g}_{i}", channel)] = values
    return table(regions, columns)
