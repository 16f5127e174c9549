"""How bright a molecule is: distributions of photon numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PhotonBudget"]


@dataclass(frozen=True)
class PhotonBudget:
    """Distribution of the photons that a molecule emits while it is on for one whole frame.

    Parameters
    ----------
    low, high : float
        For "uniform": the range. For "lognormal" and "exponential": drawn values are clipped to it.
        0 <= low <= high; equal values give a constant.
    kind : {"uniform", "lognormal", "exponential"}
        Shape of the distribution.
    median : float
        Median of the log-normal, mean of the exponential distribution; not used by "uniform".
    spread : float
        Standard deviation of the natural logarithm, for "lognormal".
    """

    low: float = 1000.0
    high: float = 5000.0
    kind: Literal["uniform", "lognormal", "exponential"] = "uniform"
    median: float = 2000.0
    spread: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ParameterError(
                f"photons must satisfy 0 <= low <= high, not low={self.low}, high={self.high}"
            )
        if self.kind not in ("uniform", "lognormal", "exponential"):
            raise ParameterError(f"unknown photon distribution {self.kind!r}")
        if self.median <= 0 or self.spread < 0:
            raise ParameterError("median must be positive and spread must not be negative")

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw `count` photon numbers per whole frame, shape (count,)."""
        if self.kind == "uniform":
            return rng.uniform(self.low, self.high, count)
        if self.kind == "lognormal":
            drawn = rng.lognormal(np.log(self.median), self.spread, count)
        else:
            drawn = rng.exponential(self.median, count)
        return np.clip(drawn, self.low, self.high)
