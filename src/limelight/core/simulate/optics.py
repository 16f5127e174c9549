"""What the microscope makes of a point: the PSF as a Gaussian, in 2D or astigmatic.

References
----------
.. [1] Smith et al., Nat. Methods 7, 373 (2010): the pixel-integrated Gaussian.
.. [2] Huang B. et al., Science 319, 810 (2008): the width of an astigmatic PSF along z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from limelight.core.errors import ParameterError

__all__ = ["PSF", "AstigmaticPSF", "GaussianPSF", "add_spots"]

Floats = NDArray[np.float64]


class PSF(Protocol):
    """Anything that gives the widths of a molecule's image."""

    def widths(self, z: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return (sigma_x, sigma_y), standard deviations in pixels, for molecules at z (nm)."""
        ...


@dataclass(frozen=True)
class GaussianPSF:
    """A round Gaussian, independent of z.

    Parameters
    ----------
    sigma : float or tuple of float
        Standard deviation in pixels, > 0. A pair (low, high) gives every molecule and frame its own
        width, uniformly distributed between the two.
    """

    sigma: float | tuple[float, float] = 1.2

    def __post_init__(self) -> None:
        low, high = self._range()
        if not 0 < low <= high:
            raise ParameterError(f"sigma must be positive pixels, not {self.sigma}")

    def _range(self) -> tuple[float, float]:
        if isinstance(self.sigma, tuple):
            return self.sigma
        return self.sigma, self.sigma

    def widths(self, z: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return (sigma_x, sigma_y), standard deviations in pixels; `z` only says how many."""
        low, high = self._range()
        sigma = rng.uniform(low, high, len(z)) if high > low else np.full(len(z), float(low))
        return sigma, sigma


@dataclass(frozen=True)
class AstigmaticPSF:
    """A Gaussian whose two widths depend on z, as behind a cylindrical lens.

    sigma(z) = sigma0 * sqrt(1 + u^2 + A u^3 + B u^4), u = (z - c) / d, with c = +focus for x and
    -focus for y (Huang 2008, eq. 1).

    Parameters
    ----------
    sigma : float
        Width in focus, in pixels, > 0.
    focus : float
        Half the distance between the two foci, in nm.
    depth : float
        Focal depth d in nm, > 0.
    cubic, quartic : float
        The coefficients A and B.
    """

    sigma: float = 1.2
    focus: float = 250.0
    depth: float = 400.0
    cubic: float = 0.0
    quartic: float = 0.0

    def __post_init__(self) -> None:
        if self.sigma <= 0 or self.depth <= 0:
            raise ParameterError("sigma and depth of an astigmatic PSF must be positive")

    def widths(self, z: Floats, rng: np.random.Generator | None = None) -> tuple[Floats, Floats]:
        """Return (sigma_x, sigma_y), standard deviations in pixels, at z (nm)."""
        return self._width(z, self.focus), self._width(z, -self.focus)

    def _width(self, z: Floats, focus: float) -> Floats:
        u = (np.asarray(z, dtype=np.float64) - focus) / self.depth
        square = 1 + u**2 + self.cubic * u**3 + self.quartic * u**4
        # A polynomial fitted elsewhere may dip below zero far from focus; a width can't.
        return np.asarray(self.sigma * np.sqrt(np.maximum(square, 1e-2)), dtype=np.float64)


def add_spots(
    image: Floats, x: Floats, y: Floats, photons: Floats, sigma_x: Floats, sigma_y: Floats
) -> None:
    """Add pixel-integrated Gaussian spots to an image, in place.

    Parameters
    ----------
    image : ndarray of float64, shape (Y, X)
        Expected photons per pixel; spots are added to it. Spots may lie partly or fully outside.
    x, y : ndarray of float64, shape (n,)
        Positions in pixels, pixel centres at integers.
    photons : ndarray of float64, shape (n,)
        Expected photons of each spot over the infinite plane.
    sigma_x, sigma_y : ndarray of float64, shape (n,)
        Standard deviations in pixels. Each spot is drawn to 6 standard deviations.
    """
    from limelight.core.simulate.kernels import add_spots_kernel

    add_spots_kernel(image, x, y, photons, sigma_x, sigma_y)
