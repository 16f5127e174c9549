"""Which molecules give light to a frame: anew in every frame, or blinking on a structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from limelight.core.errors import ParameterError
from limelight.core.simulate.blinking import Blinks, Kinetics, blink
from limelight.core.simulate.photons import PhotonBudget
from limelight.core.simulate.structures import uniform

__all__ = ["Blinking", "Emission", "Lit", "Scattered"]

Floats = NDArray[np.float64]


class Lit(NamedTuple):
    """Molecules that are on in one frame; arrays of one length.

    Attributes
    ----------
    emitter : ndarray of int64
        Identity of the emitter; -1 where emitters have none.
    x, y : ndarray of float64
        Position in pixels, before drift.
    z : ndarray of float64
        Position in nm.
    photons : ndarray of float64
        Expected photons in this frame.
    """

    emitter: NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats
    photons: Floats


class Emission(Protocol):
    """Anything that says which molecules are on in a frame."""

    def in_frame(self, frame: int, rng: np.random.Generator) -> Lit:
        """Molecules that are on in a frame; `rng` is that frame's own generator."""
        ...


@dataclass(frozen=True)
class Scattered:
    """Molecules that appear anew in every frame, anywhere in the field.

    A movie of any length costs no memory, and frames are statistically independent.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field in pixels.
    per_frame : float
        Molecules in each frame, >= 0; rounded unless `varying`.
    photons : PhotonBudget
        Brightness.
    varying : bool
        Draw the number of molecules of a frame from a Poisson distribution.
    z_range : tuple of float
        Lowest and highest z in nm.
    """

    shape: tuple[int, int]
    per_frame: float = 25
    photons: PhotonBudget = field(default_factory=PhotonBudget)
    varying: bool = False
    z_range: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.per_frame >= 0:
            raise ParameterError(f"per_frame must not be negative, not {self.per_frame}")

    def in_frame(self, frame: int, rng: np.random.Generator) -> Lit:
        """Molecules of a frame, drawn from its generator."""
        count = int(rng.poisson(self.per_frame)) if self.varying else round(self.per_frame)
        points = uniform(self.shape, count, rng, z_range=self.z_range)
        return Lit(
            np.full(count, -1, dtype=np.int64),
            points[:, 0],
            points[:, 1],
            points[:, 2],
            self.photons.draw(count, rng),
        )


@dataclass(frozen=True, eq=False)
class Blinking:
    """Emitters on a structure that blink and bleach.

    The blinks of the whole movie are drawn when the first frame is asked for, and held.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        x, y in pixels, z in nm.
    frames : int
        Length of the movie.
    kinetics : Kinetics
        On and off times, bleaching.
    photons : PhotonBudget
        Photons of a blink per whole frame.
    seed : int
        Seed of the blinks.
    """

    points: Floats
    frames: int
    kinetics: Kinetics = field(default_factory=Kinetics)
    photons: PhotonBudget = field(default_factory=PhotonBudget)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise ParameterError(f"points must have shape (n, 3), not {self.points.shape}")

    @cached_property
    def blinks(self) -> Blinks:
        """All blinks of the movie."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(1,)))
        return blink(len(self.points), self.frames, self.kinetics, self.photons, rng)

    def in_frame(self, frame: int, rng: np.random.Generator) -> Lit:
        """Molecules that are on in a frame."""
        _, emitter, photons = self.blinks.in_frame(frame)
        x, y, z = self.points[emitter].T
        return Lit(emitter, x, y, z, photons)
