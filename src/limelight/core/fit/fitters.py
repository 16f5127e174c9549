"""The fits as parts that a person chooses by name: settings and one method.

Each is registered under its name in the entry-point group ``limelight.fitters``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from limelight.core.fit.avg import fit_avg
from limelight.core.fit.lq import fit_lq
from limelight.core.fit.mle import fit_mle
from limelight.core.fit.phasor import fit_phasor
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Callable

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
    "PhasorFixed",
    "PhasorSigmaXY",
]

Width = Literal["shared", "separate"]


class _Iterative(Settings):
    """What the fits that go step by step have in common."""

    max_iterations: int = setting(
        50, help="A spot that needs more iterations is given up.", low=1, high=1000, advanced=True
    )
    tolerance: float = setting(
        0.01,
        help="A fit ends with a step shorter than this, in standard errors of the result.",
        low=1e-4,
        high=0.5,
        advanced=True,
    )

    def _fit(
        self, method: Callable[..., Columns], spots: Spots, sigma: Width | float, **more: Any
    ) -> Columns:
        return method(
            spots.photons,
            sigma=sigma,
            variance=spots.variance,
            excess=spots.excess_noise,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            **more,
        )


class _Free(_Iterative):
    """A width that is fitted."""

    start_sigma: float | None = setting(
        None,
        help="Width to start from; none: estimated for each spot.",
        unit="px",
        low=0.3,
        high=18.0,
    )


class _Fixed(Settings):
    """A width that is known."""

    one_width: ClassVar[bool] = True  # said to those who need widths along x and y, for z

    sigma: float = setting(
        1.2,
        help="Width (standard deviation) of the point spread function.",
        unit="px",
        low=0.3,
        high=18.0,
    )


class MLE(_Free):
    """Maximum likelihood, pixel-integrated Gaussian with one width (Smith et al. 2010)."""

    one_width: ClassVar[bool] = True

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return self._fit(fit_mle, spots, "shared", start_sigma=self.start_sigma)


class MLESigmaXY(_Free):
    """Maximum likelihood, pixel-integrated Gaussian with a width for x and one for y."""

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return self._fit(fit_mle, spots, "separate", start_sigma=self.start_sigma)


class MLEFixed(_Fixed, _Iterative):
    """Maximum likelihood, pixel-integrated Gaussian of known width."""

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_mle`."""
        return self._fit(fit_mle, spots, self.sigma)


class LQ(_Free):
    """Least squares, pixel-integrated Gaussian with one width."""

    one_width: ClassVar[bool] = True

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return self._fit(fit_lq, spots, "shared", start_sigma=self.start_sigma)


class LQSigmaXY(_Free):
    """Least squares, pixel-integrated Gaussian with a width for x and one for y."""

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return self._fit(fit_lq, spots, "separate", start_sigma=self.start_sigma)


class LQFixed(_Fixed, _Iterative):
    """Least squares, pixel-integrated Gaussian of known width."""

    def fit(self, spots: Spots) -> Columns:
        """Fit every box; columns as of `limelight.core.fit.fit_lq`."""
        return self._fit(fit_lq, spots, self.sigma)


class Average(Settings):
    """Sum of the box; the molecule stays at its centre."""

    one_width: ClassVar[bool] = True

    def fit(self, spots: Spots) -> Columns:
        """Sum every box; columns as of `limelight.core.fit.fit_avg`."""
        return fit_avg(spots.photons)


def _phasor(spots: Spots, sigma: Width | float) -> Columns:
    return fit_phasor(
        spots.photons, sigma=sigma, variance=spots.variance, excess=spots.excess_noise
    )


class Phasor(Settings):
    """Phases of Fourier coefficients, one width, instantly (Martens et al. 2018)."""

    one_width: ClassVar[bool] = True

    def fit(self, spots: Spots) -> Columns:
        """Locate every box's molecule; columns as of `limelight.core.fit.fit_phasor`."""
        return _phasor(spots, "shared")


class PhasorSigmaXY(Settings):
    """Phases of Fourier coefficients, a width for x and one for y."""

    def fit(self, spots: Spots) -> Columns:
        """Locate every box's molecule; columns as of `limelight.core.fit.fit_phasor`."""
        return _phasor(spots, "separate")


class PhasorFixed(_Fixed):
    """Phases of Fourier coefficients, a known width."""

    def fit(self, spots: Spots) -> Columns:
        """Locate every box's molecule; columns as of `limelight.core.fit.fit_phasor`."""
        return _phasor(spots, self.sigma)
