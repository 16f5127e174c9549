"""A measured point spread function as a cubic spline in x, y and z (Li et al. 2018).

The image of a point is a tensor product of cubic B-splines on the voxels of a bead stack.  All
pixels of a spot lie at the same place within their voxels, so that the sums over the three axes can
be taken one after the other: about 43 multiplications for value and gradient of a pixel instead
of 256, from a sixty-fourth of the numbers that the polynomial of every voxel would need.

References
----------
.. [1] Li et al., Nat. Methods 15, 367 (2018): fits with experimental point spread functions.
.. [2] Unser, IEEE Signal Process. Mag. 16 (6), 22 (1999): B-spline interpolation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["SplinePSF", "basis", "coefficients_of", "sampling"]

_SMALLEST = 5


def basis(u: ArrayLike) -> tuple[Floats, Floats]:
    """Return the four cubic B-splines at 0 <= u <= 1 in a cell, and their slopes (4, ...)."""
    t = np.asarray(u, np.float64)
    s = 1 - t
    values = (s**3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    slopes = (-(s**2), 3 * t**2 - 4 * t, -3 * t**2 + 2 * t + 1, t**2)
    return np.stack(values) / 6, np.stack(slopes) / 2


def sampling(places: ArrayLike, samples: int) -> Floats:
    """Return the matrix (places, samples + 2) that turns coefficients into values at places.

    Places are voxels from 0 to ``samples - 1``; those outside take the cell at the rim.
    """
    at = np.atleast_1d(np.asarray(places, np.float64))
    cell = np.clip(np.floor(at), 0, samples - 2).astype(np.int64)
    weights, _ = basis(at - cell)
    matrix = np.zeros((len(at), samples + 2))
    for k in range(4):
        matrix[np.arange(len(at)), cell + k] += weights[k]
    return matrix


@lru_cache(maxsize=64)
def _interpolation(samples: int) -> Floats:
    """Return the matrix (samples + 2, samples) from samples to coefficients.

    At both ends the third derivative has no step at the last sample but one ("not a knot").
    """
    system = np.zeros((samples + 2, samples + 2))
    for k in range(samples):
        system[k + 1, k : k + 3] = (1 / 6, 4 / 6, 1 / 6)
    system[0, :5] = system[-1, -5:] = (1, -4, 6, -4, 1)
    right = np.zeros((samples + 2, samples))
    right[1:-1] = np.eye(samples)
    return np.asarray(np.linalg.solve(system, right), np.float64)


def coefficients_of(volume: ArrayLike) -> Floats:
    """Return the B-spline coefficients (Z + 2, Y + 2, X + 2) that interpolate a volume (Z, Y, X).

    Raises
    ------
    ParameterError
        If an axis has fewer than five samples.
    """
    samples = np.asarray(volume, np.float64)
    if samples.ndim != 3 or min(samples.shape) < _SMALLEST:
        raise ParameterError(
            f"A spline needs a volume (Z, Y, X) of at least {_SMALLEST} samples along each axis, "
            f"not {samples.shape}."
        )
    matrices = [_interpolation(n) for n in samples.shape]
    found: Floats = np.einsum("az,by,cx,zyx->abc", *matrices, samples, optimize=True)
    return found


@dataclass(frozen=True, eq=False)
class SplinePSF:
    """The image of a point as a cubic spline.

    Parameters
    ----------
    coefficients : 3D array of float32 (Z + 2, Y + 2, X + 2)
        B-spline coefficients; their cell k belongs to the voxels k to k + 1.
    pixel_nm, step_nm : float
        Size of a pixel and distance of the slices, nm.
    centre : tuple of float
        Voxel z, y, x that is the origin.
    about : mapping
        How it came to be.

    Raises
    ------
    ParameterError
        If the coefficients are no volume or not finite, or a size is not above 0.
    """

    coefficients: NDArray[np.float32]
    pixel_nm: float
    step_nm: float
    centre: tuple[float, float, float]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        solid = np.ascontiguousarray(self.coefficients, np.float32)
        if solid.ndim != 3 or min(solid.shape) < _SMALLEST + 2 or not np.isfinite(solid).all():
            raise ParameterError(
                f"The coefficients of a spline must be finite, along z, y and x; "
                f"these have the shape {solid.shape}."
            )
        if not (self.pixel_nm > 0 and self.step_nm > 0):
            raise ParameterError("A spline needs the size of a pixel and the step in nm, above 0.")
        object.__setattr__(self, "coefficients", solid)
        object.__setattr__(self, "centre", tuple(float(c) for c in self.centre))

    @classmethod
    def of(
        cls,
        volume: ArrayLike,
        pixel_nm: float,
        step_nm: float,
        centre: tuple[float, float, float] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> SplinePSF:
        """Make it from a volume (Z, Y, X) that is free of background.

        The light in the slice of the origin is 1; without `centre` that is the middle voxel.
        """
        samples = np.asarray(volume, np.float64)
        middle = centre or tuple((n - 1) / 2 for n in samples.shape)
        coefficients = coefficients_of(samples)
        return cls(
            _normalized(coefficients, middle[0]).astype(np.float32),
            pixel_nm,
            step_nm,
            middle,
            dict(about or {}),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = self.coefficients.shape
        return z - 2, y - 2, x - 2

    @property
    def range_nm(self) -> tuple[float, float]:
        """Lowest and highest z, nm."""
        low = -self.centre[0] * self.step_nm
        return low, low + (self.shape[0] - 1) * self.step_nm

    @property
    def largest_box(self) -> int:
        """Side of the largest box whose pixels the spline knows, odd, pixels."""
        y, x = self.shape[1:]
        side = min(y, x) - 2
        return side - (side % 2 == 0)

    def volume(self) -> Floats:
        """Return the samples (Z, Y, X)."""
        z, y, x = (sampling(np.arange(n), n) for n in self.shape)
        solid = self.coefficients.astype(np.float64)
        found: Floats = np.einsum("az,by,cx,zyx->abc", z, y, x, solid, optimize=True)
        return found

    def image(self, x: ArrayLike, y: ArrayLike, z: ArrayLike, box: int) -> Floats:
        """Return the images of points (N, box, box), in plain numpy.

        Parameters
        ----------
        x, y : array_like (N,)
            Position from the centre pixel of the box, pixels.
        z : array_like (N,)
            nm; clipped to `range_nm`.
        box : int
            Side of the box, odd.  Pixels outside the spline are continued from its rim.
        """
        at_x, at_y, at_z = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(v, np.float64)) for v in (x, y, z))
        )
        depth, height, width = self.shape
        level = np.clip(at_z / self.step_nm + self.centre[0], 0, depth - 1)
        pixel = np.arange(box) - box // 2
        images = np.empty((len(at_x), box, box))
        for n in range(len(at_x)):
            along_y = np.clip(pixel - at_y[n] + self.centre[1], 0, height - 1)
            along_x = np.clip(pixel - at_x[n] + self.centre[2], 0, width - 1)
            plane = np.tensordot(sampling(level[n], depth)[0], self.coefficients, 1)
            images[n] = sampling(along_y, height) @ plane @ sampling(along_x, width).T
        return images


def _normalized(coefficients: Floats, slice_: float) -> Floats:
    depth, height, width = (n - 2 for n in coefficients.shape)
    plane = np.tensordot(sampling(slice_, depth)[0], coefficients, 1)
    light = sampling(np.arange(height), height) @ plane @ sampling(np.arange(width), width).T
    total = float(light.sum())
    if not (math.isfinite(total) and total > 0):
        raise ParameterError(
            "The averaged beads have no light in the slice of their focus. Were they found?"
        )
    return coefficients / total
