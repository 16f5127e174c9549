"""Light that comes from no molecule: mean background images in photons per pixel and frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gradient_background", "structured_background", "uniform_background"]


def uniform_background(shape: tuple[int, int], level: float) -> NDArray[np.float32]:
    """Return the same background everywhere, shape (Y, X), in photons per pixel."""
    _check(level)
    return np.full(shape, level, dtype=np.float32)


def gradient_background(
    shape: tuple[int, int], low: float, high: float, angle: float = 0.0
) -> NDArray[np.float32]:
    """Background that rises evenly across the view.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    low, high : float
        Photons per pixel at the two ends, >= 0.
    angle : float
        Direction of the rise in radians; 0 is along x, pi / 2 along y.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Photons per pixel; its least value is `low` and its greatest is `high`.
    """
    _check(low)
    _check(high)
    y, x = np.indices(shape, dtype=np.float64)
    ramp = x * np.cos(angle) + y * np.sin(angle)
    span = float(np.ptp(ramp))
    ramp = (ramp - ramp.min()) / span if span > 0 else np.zeros(shape)
    return np.asarray(low + (high - low) * ramp, dtype=np.float32)


def structured_background(
    shape: tuple[int, int],
    low: float,
    high: float,
    rng: np.random.Generator,
    *,
    scale: float = 30.0,
) -> NDArray[np.float32]:
    """Cloudy background: the out-of-focus haze of a cell.

    White noise is smoothed with a Gaussian of `scale` pixels and stretched to the given range.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    low, high : float
        Least and greatest photons per pixel, >= 0.
    rng : numpy.random.Generator
        Source of randomness.
    scale : float
        Size of the clouds (standard deviation) in pixels, > 0.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Photons per pixel.
    """
    from scipy.ndimage import gaussian_filter

    _check(low)
    _check(high)
    if scale <= 0:
        raise ParameterError(f"scale must be positive, not {scale}")
    cloud = gaussian_filter(rng.normal(size=shape), scale, mode="reflect")
    span = float(np.ptp(cloud))
    cloud = (cloud - cloud.min()) / span if span > 0 else np.zeros(shape)
    return np.asarray(low + (high - low) * cloud, dtype=np.float32)


def _check(level: float) -> None:
    if not level >= 0:
        raise ParameterError(f"background must be 0 or more photons per pixel, not {level}")
