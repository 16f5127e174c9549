"""Kernels of the simulator: draw spots, draw camera noise. Imported on first use (numba)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["add_spots_kernel", "expose_kernel", "normal_array", "poisson_array"]

_LOG_FACTORIAL = np.array([math.lgamma(k + 1.0) for k in range(512)])
_WHOLES, _SHARES = 64, 64
_LAYERS, _TAIL, _AREA = 128, 3.442619855899, 9.91256303526217e-3


def _alias_tables(
    means: NDArray[np.float64], outcomes: int
) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Walker's alias tables of Poisson distributions, one row per mean."""
    keep = np.ones((means.size, outcomes))
    alias = np.zeros((means.size, outcomes), dtype=np.int16)
    k = np.arange(outcomes)
    for row, mean in enumerate(means.tolist()):
        log_mean = math.log(mean) if mean > 0 else -math.inf
        with np.errstate(invalid="ignore"):
            exponent = np.where(k > 0, k * log_mean, 0.0)
        weight = outcomes * np.exp(exponent - mean - _LOG_FACTORIAL[:outcomes])
        alias[row] = k
        small = np.flatnonzero(weight < 1).tolist()
        large = np.flatnonzero(weight >= 1).tolist()
        while small and large:
            low, high = small.pop(), large[-1]
            keep[row, low], alias[row, low] = weight[low], high
            weight[high] -= 1 - weight[low]
            if weight[high] < 1:
                small.append(large.pop())
    return keep, alias


def _layers() -> NDArray[np.float64]:
    """Right edges of the layers of the ziggurat, from the lowest to the top."""
    edge = np.zeros(_LAYERS + 1)
    height = math.exp(-0.5 * _TAIL**2)
    edge[0], edge[1] = _AREA / height, _TAIL
    for i in range(2, _LAYERS):
        height += _AREA / edge[i - 1]
        edge[i] = math.sqrt(-2 * math.log(height))
    return edge


# Outcomes that are left out have probabilities below 1e-35.
_KEEP, _ALIAS = _alias_tables(np.arange(_WHOLES, dtype=np.float64), 256)
_KEEP_SHARE, _ALIAS_SHARE = _alias_tables(np.arange(_SHARES) / _SHARES, 32)
_EDGE = _layers()


@numba.njit(nogil=True, cache=True)
def add_spots_kernel(image, x, y, photons, sigma_x, sigma_y):  # type: ignore[no-untyped-def]
    """Add pixel-integrated Gaussians; see `limelight.core.simulate.optics.add_spots`."""
    height, width = image.shape
    root_half = math.sqrt(0.5)
    for k in range(x.shape[0]):
        reach_x = 6.0 * sigma_x[k] + 0.5
        reach_y = 6.0 * sigma_y[k] + 0.5
        left = max(0, math.ceil(x[k] - reach_x))
        right = min(width - 1, math.floor(x[k] + reach_x))
        top = max(0, math.ceil(y[k] - reach_y))
        bottom = min(height - 1, math.floor(y[k] + reach_y))
        if left > right or top > bottom:
            continue
        scale = root_half / sigma_x[k]
        share_x = np.empty(right - left + 1)
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
                image[i, j] += row * share_x[j - left]


@numba.njit(nogil=True, cache=True)
def poisson(rng, mean):  # type: ignore[no-untyped-def]
    """One Poisson number, exactly distributed.

    Below 64 the mean is split in whole ones, 64ths and a rest, and the number is the sum of three:
    two by Walker's alias method, and the last by multiplying uniforms (Knuth), which is nearly
    always 0. Above, transformed rejection (Hörmann 1993, algorithm PTRS).
    """
    if mean <= 0.0:
        return 0
    if mean < 64.0:
        row = int(mean)
        count = 0
        if row > 0:
            cell = rng.random() * 256.0
            count = int(cell)
            if cell - count >= _KEEP[row, count]:
                count = int(_ALIAS[row, count])
        rest = mean - row
        if rest > 0.0:
            row = int(rest * 64.0)
            if row > 0:
                cell = rng.random() * 32.0
                more = int(cell)
                count += more if cell - more < _KEEP_SHARE[row, more] else _ALIAS_SHARE[row, more]
            rest -= row / 64.0
            product = rng.random()
            # exp(-rest) >= 1 - rest: the exponential is rarely needed.
            if product > 1.0 - rest:
                floor = math.exp(-rest)
                while product > floor:
                    count += 1
                    product *= rng.random()
        return count
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u = rng.random() - 0.5
        v = rng.random()
        edge = 0.5 - abs(u)
        if edge < 1e-300:
            continue
        count = math.floor((2.0 * a / edge + b) * u + mean + 0.43)
        if edge >= 0.07 and v <= squeeze:
            return int(count)
        if count < 0.0 or (edge < 0.013 and v > edge):
            continue
        if v <= 0.0:
            return int(count)
        k = int(count)
        log_factorial = _LOG_FACTORIAL[k] if k < 512 else math.lgamma(k + 1.0)
        if math.log(v * inverse_alpha / (a / (edge * edge) + b)) <= (
            count * math.log(mean) - mean - log_factorial
        ):
            return k


@numba.njit(nogil=True, cache=True)
def poisson_array(rng, mean, out):  # type: ignore[no-untyped-def]
    """Fill `out` with Poisson numbers of the means in `mean`; both 1-D."""
    for i in range(mean.shape[0]):
        out[i] = poisson(rng, mean[i])


@numba.njit(nogil=True, cache=True)
def normal(rng):  # type: ignore[no-untyped-def]
    """One standard normal number, by the ziggurat of Marsaglia and Tsang (2000)."""
    while True:
        cell = rng.random() * 128.0
        layer = int(cell)
        u = 2.0 * (cell - layer) - 1.0
        x = u * _EDGE[layer]
        if abs(x) < _EDGE[layer + 1]:
            return x
        if layer == 0:
            while True:
                beyond = -math.log(1.0 - rng.random()) / 3.442619855899
                if -2.0 * math.log(1.0 - rng.random()) > beyond * beyond:
                    return math.copysign(3.442619855899 + beyond, u)
        below = math.exp(-0.5 * (_EDGE[layer] * _EDGE[layer] - x * x))
        above = math.exp(-0.5 * (_EDGE[layer + 1] * _EDGE[layer + 1] - x * x))
        if below + rng.random() * (above - below) < 1.0:
            return x


@numba.njit(nogil=True, cache=True)
def normal_array(rng, out):  # type: ignore[no-untyped-def]
    """Fill `out` (1-D) with standard normal numbers."""
    for i in range(out.shape[0]):
        out[i] = normal(rng)


@numba.njit(nogil=True, cache=True)
def expose_kernel(  # type: ignore[no-untyped-def]
    rng, expected, em, read_noise, counts_per_photon, baseline, top, out
):
    """Turn expected photoelectrons into camera counts, pixel by pixel in reading order.

    `read_noise` (photoelectrons), `counts_per_photon` and `baseline` have shape (Y, X) or (1, 1).
    """
    height, width = expected.shape
    noise_y, noise_x = read_noise.shape[0] > 1, read_noise.shape[1] > 1
    scale_y, scale_x = counts_per_photon.shape[0] > 1, counts_per_photon.shape[1] > 1
    base_y, base_x = baseline.shape[0] > 1, baseline.shape[1] > 1
    for i in range(height):
        for j in range(width):
            electrons = float(poisson(rng, expected[i, j]))
            if em and electrons > 0.0:
                electrons = rng.standard_gamma(electrons)
            noise = read_noise[i if noise_y else 0, j if noise_x else 0]
            if noise > 0.0:
                electrons += noise * normal(rng)
            value = (
                electrons * counts_per_photon[i if scale_y else 0, j if scale_x else 0]
                + baseline[i if base_y else 0, j if base_x else 0]
            )
            value = math.floor(value + 0.5)
            if value < 0.0:
                value = 0.0
            if value > top:
                value = top
            out[i, j] = value
