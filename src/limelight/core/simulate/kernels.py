"""Kernels of the simulator: draw spots, draw camera noise. Imported on first use (numba)."""

from __future__ import annotations

import math

import numba
import numpy as np

__all__ = ["add_spots_kernel", "expose_kernel", "poisson"]

_LOG_FACTORIAL = np.array([math.lgamma(k + 1.0) for k in range(512)])


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
    """One Poisson number.

    Multiplication of uniforms (Knuth) below 10, transformed rejection (Hörmann 1993, algorithm PTRS)
    above; both exact.
    """
    if mean <= 0.0:
        return 0
    if mean < 10.0:
        floor = math.exp(-mean)
        count = -1
        product = 1.0
        while True:
            product *= rng.random()
            count += 1
            if product <= floor:
                return count
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
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
        inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
        if math.log(v * inverse_alpha / (a / (edge * edge) + b)) <= (
            count * math.log(mean) - mean - log_factorial
        ):
            return k


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
                electrons += noise * rng.standard_normal()
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
