"""The fits as parts that a person chooses by name: settings and one method.

Each is registered under its name in the entry-point group ``limelight.fitters``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limelight.core.fit.avg import fit_avg
from limelight.core.fit.lq import fit_lq
from limelight.core.fit.mle import fit_mle
from limelight.core.fit.phasor import fit_phasor
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from limelight.core.spots import Columns, Spots

__all__ = [
    "LQ",
    "MLE",
    "Average",
    "LQFixed",
    "LQSigmaXY",
    "MLEFixed",
    "MLESigmaXY",
    "Phasor",
    "PhasorSigmaXY",
]

_START = "Width to start from; none: estimated for each spot."
_FIXED = "Width (standard deviation) of the point spread function."
_ITERATIONS = "A spot that needs more iterations is given up."
_TOLERANCE = "A fit ends with a step shorter than this, in standard errors of the result."


class MLE(Settings):
    """Maximum likelihood, pixel-integrated Gaussian with one width (Smith et al. 2010)."""

    start_sigma: float | None = setting(None, help=_START, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return fit_mle(
            spots.photons,
            sigma="shared",
            start_sigma=self.start_sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class MLESigmaXY(Settings):
    """Maximum likelihood, pixel-integrated Gaussian with a width for x and one for y."""

    start_sigma: float | None = setting(None, help=_START, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return fit_mle(
            spots.photons,
            sigma="separate",
            start_sigma=self.start_sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class MLEFixed(Settings):
    """Maximum likelihood, pixel-integrated Gaussian of known width."""

    sigma: float = setting(1.2, help=_FIXED, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return fit_mle(
            spots.photons,
            sigma=self.sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class LQ(Settings):
    """Least squares, pixel-integrated Gaussian with one width."""

    start_sigma: float | None = setting(None, help=_START, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return fit_lq(
            spots.photons,
            sigma="shared",
            start_sigma=self.start_sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class LQSigmaXY(Settings):
    """Least squares, pixel-integrated Gaussian with a width for x and one for y."""

    start_sigma: float | None = setting(None, help=_START, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return fit_lq(
            spots.photons,
            sigma="separate",
            start_sigma=self.start_sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class LQFixed(Settings):
    """Least squares, pixel-integrated Gaussian of known width."""

    sigma: float = setting(1.2, help=_FIXED, unit="px", low=0.3, high=18.0)
    max_iterations: int = setting(50, help=_ITERATIONS, low=1, high=1000, advanced=True)
    tolerance: float = setting(0.01, help=_TOLERANCE, low=1e-4, high=0.5, advanced=True)

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return fit_lq(
            spots.photons,
            sigma=self.sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )


class Average(Settings):
    """Sum of the box; the molecule stays at its centre."""

    def fit(self, spots: Spots) -> Columns:
        """Sum every box; columns as of `limelight.core.fit.fit_avg`."""
        return fit_avg(spots.photons)


class Phasor(Settings):
    """Phases of Fourier coefficients, one width, instantly (Martens et al. 2018)."""

    def fit(self, spots: Spots) -> Columns:
        """Locate every box's molecule; columns as of `limelight.core.fit.fit_phasor`."""
        return fit_phasor(
            spots.photons, sigma="shared", variance=spots.variance, excess=spots.excess_noise
        )


class PhasorSigmaXY(Settings):
    """Phases of Fourier coefficients, a width for x and one for y."""

    def fit(self, spots: Spots) -> Columns:
        """Locate every box's molecule; columns as of `limelight.core.fit.fit_phasor`."""
        return fit_phasor(
            spots.photons, sigma="separate", variance=spots.variance, excess=spots.excess_noise
        )
