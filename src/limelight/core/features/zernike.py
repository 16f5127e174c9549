"""The outline of objects in Zernike moments."""

from __future__ import annotations

from functools import cache
from math import comb, factorial
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from limelight.core.features._regions import find_regions, table
from limelight.core.features._runs import find_runs
from limelight.core.image.inputs import check_number
from limelight.core.pool import each

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["measure_zernike", "zernike_names"]

DEGREE = 12


def zernike_names(degree: int = DEGREE) -> list[tuple[int, int]]:
    """Return degree n and repetition l of all moments up to a degree."""
    return [(n, m) for n in range(degree + 1) for m in range(n % 2, n + 1, 2)]


def measure_zernike(
    labels: ArrayLike, degree: int = DEGREE, *, threads: int | None = None
) -> pd.DataFrame:
    """Measure the magnitudes of the Zernike moments of objects' masks.

    The unit circle is around the centroid and reaches half a pixel beyond the farthest pixel's
    centre.  Values are those of mahotas' ``zernike_moments`` with that radius (Teague, J. Opt. Soc.
    Am. 70, 920, 1980).  Sums along rows are differences of sums of powers, so the cost is that of
    rows, not of pixels.

    Parameters
    ----------
    labels : 2D (Y, X) array of integers
        The objects.
    degree : int
        Highest degree, 0 to 20.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    DataFrame
        One row per object, index ``label``; columns ``Morphology_zernike_<n>_<l>``: 49 for a degree
        of 12.
    """
    check_number(degree, "measure_zernike", "degree", low=0, high=20, whole=True)
    degree = int(degree)
    regions = find_regions(labels, "measure_zernike", dimensions=(2,))
    pieces = find_runs(regions.plane, len(regions))
    powers = _powers(degree)
    exponents = np.array(powers, np.int64).reshape(-1, 2)
    moments = np.zeros((len(regions), len(powers)))
    each(
        lambda band: _moments(*pieces.arrays, *band, degree, exponents, moments),
        pieces.bands(16),
        threads,
    )
    real, imaginary = _expansion(degree)
    values = np.hypot(moments @ real, moments @ imaginary)
    names = [f"Morphology_zernike_{n}_{m}" for n, m in zernike_names(degree)]
    return table(regions, dict(zip(names, values.T, strict=True)))


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(degree + 1) for b in range(degree + 1 - a)]


@cache
def _expansion(degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Zernike polynomials as sums of powers x^a y^b, real and imaginary part.

    V(n, l) = sum over k of c(k) r^(n - 2k) exp(-il phi), and r^(n - 2k) exp(-il phi) is
    (x^2 + y^2)^((n - l)/2 - k) (x - iy)^l.
    """
    place = {power: i for i, power in enumerate(_powers(degree))}
    names = zernike_names(degree)
    found = np.zeros((len(place), len(names)), np.complex128)
    for column, (n, m) in enumerate(names):
        for k in range((n - m) // 2 + 1):
            c = (-1) ** k * factorial(n - k)
            c //= factorial(k) * factorial((n + m) // 2 - k) * factorial((n - m) // 2 - k)
            rest = (n - m) // 2 - k
            for i in range(rest + 1):
                for j in range(m + 1):
                    power = (2 * i + m - j, 2 * (rest - i) + j)
                    found[place[power], column] += c * comb(rest, i) * comb(m, j) * (-1j) ** j
        found[:, column] *= (n + 1) / np.pi
    return np.ascontiguousarray(found.real), np.ascontiguousarray(found.imag)


@njit(nogil=True, cache=True)
def _moments(rows, begin, end, starts, first, stop, degree, exponents, out):  # type: ignore[no-untyped-def]
    """Write the mean of x^a y^b over the pixels of objects first to stop - 1, in the circle."""
    sums = np.empty(degree + 1)
    ys = np.empty(degree + 1)
    for i in range(first, stop):
        area, sx, sy = 0, 0, 0
        low, high = end[starts[i]], begin[starts[i]]
        for r in range(starts[i], starts[i + 1]):
            n = end[r] - begin[r]
            area += n
            sx += n * (np.int64(begin[r]) + end[r] - 1) // 2
            sy += n * np.int64(rows[r])
            low, high = min(low, begin[r]), max(high, end[r])
        cx, cy = sx / area, sy / area
        far = 0.0
        for r in range(starts[i], starts[i + 1]):
            d = max(abs(begin[r] - cx), abs(end[r] - 1 - cx))
            far = max(far, d * d + (rows[r] - cy) ** 2)
        radius = np.sqrt(far) + 0.5
        # sums of powers of x up to each pixel
        width = high - low
        table = np.zeros((width + 1, degree + 1))
        for j in range(width):
            x = (low + j - cx) / radius
            p = 1.0
            for a in range(degree + 1):
                table[j + 1, a] = table[j, a] + p
                p *= x
        for r in range(starts[i], starts[i + 1]):
            y = (rows[r] - cy) / radius
            p = 1.0
            for b in range(degree + 1):
                ys[b] = p
                p *= y
                sums[b] = table[end[r] - low, b] - table[begin[r] - low, b]
            for k in range(len(exponents)):
                out[i, k] += sums[exponents[k, 0]] * ys[exponents[k, 1]]
        for k in range(len(exponents)):
            out[i, k] /= area
