"""Frames as fast as a camera takes them: noise from tables, shot noise where molecules are.

`limelight.core.simulate.expose` draws every pixel of a frame exactly.  Here the pixels without
molecules, which are nearly all, take one of 4,096 equally likely values that were worked out before
for their background, and the photons of molecules are drawn where they fall and added: Poisson
numbers add up.  Mean and variance are right to a few parts in a thousand; counts that occur in
fewer than one of 8,192 pixels do not occur.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

from limelight.core.simulate.kernels import poisson

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STEPS", "add_photons", "noise_kernel", "noise_tables"]

STEPS = 4096
"""Values in a table, equally likely."""

_REACH = 4.5  # standard deviations; a millionth of the light is left out
_EXACT = 150.0  # photons; above, Poisson's quantiles are expanded about the normal ones


def noise_tables(
    means: NDArray[np.float64], read_noise: float, baseline: float
) -> NDArray[np.uint16]:
    """Work out the counts of pixels without molecules.

    Parameters
    ----------
    means : ndarray, shape (n,)
        Expected photoelectrons, >= 0.
    read_noise : float
        Standard deviation of the read noise, photoelectrons, >= 0.
    baseline : float
        Counts in the dark; a count is one photoelectron.

    Returns
    -------
    ndarray of uint16, shape (n, STEPS)
        The quantiles (i + 1/2) / STEPS of the counts, rising.
    """
    from scipy.special import gammaln, ndtr, ndtri

    chances = (np.arange(STEPS) + 0.5) / STEPS
    tables = np.empty((len(means), STEPS))
    normal = ndtri(chances)
    sigma = max(read_noise, 1e-6)
    for row, mean in enumerate(np.asarray(means, np.float64)):
        if mean > _EXACT:
            # Cornish and Fisher's first term: the skewness of a Poisson number is mean^(-1/2)
            width = math.sqrt(mean + read_noise**2)
            skew = (normal**2 - 1) / 6.0 * mean / (mean + read_noise**2)
            tables[row] = np.rint(mean + width * normal + skew)
            continue
        most = int(mean + 12 * math.sqrt(mean) + 20)
        photons = np.arange(most + 1)
        if mean > 0:
            weight = np.exp(photons * math.log(mean) - mean - gammaln(photons + 1))
        else:
            weight = (photons == 0).astype(np.float64)
        reach = int(6 * sigma + 2)
        # chance that photons and read noise, rounded, are at most c, for c from -reach up
        below = ndtr((np.arange(-reach, reach + 1) + 0.5) / sigma)
        full = np.convolve(weight, below)
        full[len(below) :] += np.cumsum(weight)[: len(full) - len(below)]
        tables[row] = np.searchsorted(full, chances) - reach
    return np.clip(np.rint(tables + baseline), 0, 65535).astype(np.uint16)


@numba.njit(nogil=True, cache=True)
def noise_kernel(level, tables, seed, out):  # type: ignore[no-untyped-def]
    """Fill a frame: each pixel takes a random entry of its level's table.

    Parameters
    ----------
    level : 2D array of uint8 (Y, X)
        Row of ``tables``.
    tables : 2D array of uint16 (n, 4096)
        As `noise_tables` returns them.
    seed : uint64
        Seed of the frame; every row has a stream of its own (splitmix64, Steele 2014).
    out : 2D array of uint16 (Y, X)
        The frame.
    """
    height, width = out.shape
    step = np.uint64(0x9E3779B97F4A7C15)
    first = np.uint64(0xBF58476D1CE4E5B9)
    second = np.uint64(0x94D049BB133111EB)
    mask = np.uint64(4095)
    state = seed
    for i in range(height):
        bits = np.uint64(0)
        left = 0
        for j in range(width):
            if left == 0:
                state += step
                bits = (state ^ (state >> np.uint64(30))) * first
                bits = (bits ^ (bits >> np.uint64(27))) * second
                bits ^= bits >> np.uint64(31)
                left = 5
            out[i, j] = tables[level[i, j], bits & mask]
            bits >>= np.uint64(12)
            left -= 1


@numba.njit(nogil=True, cache=True)
def add_photons(rng, out, x, y, photons, sigma_x, sigma_y):  # type: ignore[no-untyped-def]
    """Add the photons of molecules to a frame, drawn pixel by pixel; one count is one photon.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    out : 2D array of uint16 (Y, X)
        The frame; stops at 65,535.
    x, y : 1D arrays of float64
        Positions, pixels; molecules may lie outside.
    photons : 1D array of float64
        Expected photons over the whole plane.
    sigma_x, sigma_y : 1D arrays of float64
        Standard deviations of the pixel-integrated Gaussian, pixels.
    """
    height, width = out.shape
    root_half = math.sqrt(0.5)
    for k in range(x.shape[0]):
        reach_x = _REACH * sigma_x[k] + 0.5
        reach_y = _REACH * sigma_y[k] + 0.5
        left = max(0, math.ceil(x[k] - reach_x))
        right = min(width - 1, math.floor(x[k] + reach_x))
        top = max(0, math.ceil(y[k] - reach_y))
        bottom = min(height - 1, math.floor(y[k] + reach_y))
        if left > right or top > bottom:
            continue
        share_x = np.empty(right - left + 1)
        scale = root_half / sigma_x[k]
        before = math.erf((left - 0.5 - x[k]) * scale)
        for j in range(left, right + 1):
            after = math.erf((j + 0.5 - x[k]) * scale)
            share_x[j - left] = 0.5 * (after - before)
            before = after
        scale = root_half / sigma_y[k]
        before = math.erf((top - 0.5 - y[k]) * scale)
        for i in range(top, bottom + 1):
            after = math.erf((i + 0.5 - y[k]) * scale)
            row = 0.5 * (after - before) * photons[k]
            before = after
            for j in range(left, right + 1):
                count = out[i, j] + poisson(rng, row * share_x[j - left])
                out[i, j] = min(count, 65535)
