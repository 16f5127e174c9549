"""A sample that answers to light: emitters that blink on while lasers change, bleach and drift.

Unlike a `SimulatedMovie`, whose frames can be made in any order, a sample has a present: every
exposure moves its clock on by its own length, and what happens in it depends on the light of that
moment.  The same seed and the same exposures give the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.simulate.structures import filaments, rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Drift", "Dye", "Glow", "Sample", "cell"]


@dataclass(frozen=True)
class Dye:
    """How a kind of emitter answers to light.

    Rates are those under the reference intensity of the readout laser (1.0).

    Parameters
    ----------
    on_ms : float
        Mean time that it stays on, ms; inversely proportional to the readout intensity.
    photons_per_ms : float
        Median brightness while it is on, photons per ms; proportional to the readout intensity.
    spread : float
        Standard deviation of the natural logarithm of the brightness, from blink to blink.
    spontaneous_per_s : float
        Blinks per dark emitter and second that the readout laser causes by itself.
    activated_per_s : float
        Blinks per dark emitter and second, and per mW of the activation laser.
    bleach : float
        Probability that a blink is the last, 0 to 1, under the reference intensity; under p times
        that it is 1 - (1 - bleach)^p.
    """

    on_ms: float = 25.0
    photons_per_ms: float = 120.0
    spread: float = 0.35
    spontaneous_per_s: float = 0.01
    activated_per_s: float = 0.02
    bleach: float = 0.05

    def __post_init__(self) -> None:
        if self.on_ms <= 0 or self.photons_per_ms < 0 or self.spread < 0:
            raise ParameterError(
                "A dye needs on_ms > 0, photons_per_ms >= 0 and spread >= 0, not "
                f"{self.on_ms}, {self.photons_per_ms} and {self.spread}."
            )
        if self.spontaneous_per_s < 0 or self.activated_per_s < 0:
            raise ParameterError("The rates of a dye must be 0 or more per second.")
        if not 0 <= self.bleach <= 1:
            raise ParameterError(f"bleach is a probability from 0 to 1, not {self.bleach}.")


@dataclass(frozen=True)
class Drift:
    """How the sample moves against the microscope.

    Parameters
    ----------
    x_nm_per_s, y_nm_per_s, z_nm_per_s : float
        Velocity of the sample, nm per second of exposure.
    walk_nm : float
        Standard deviation of the random walk on each axis after one second, nm, >= 0.
    """

    x_nm_per_s: float = 0.0
    y_nm_per_s: float = 0.0
    z_nm_per_s: float = 0.0
    walk_nm: float = 0.0

    def __post_init__(self) -> None:
        if not self.walk_nm >= 0:
            raise ParameterError(f"walk_nm must be 0 or more, not {self.walk_nm}.")


class Glow(NamedTuple):
    """The emitters that were on during an exposure; arrays of one length.

    Attributes
    ----------
    emitter : ndarray of int64
        Index of the emitter.
    photons : ndarray of float64
        Photons that it sent to the camera.
    """

    emitter: NDArray[np.int64]
    photons: Floats


class Sample:
    """Emitters of several dyes, and the time that passes for them.

    The number of random draws of an exposure grows with the emitters that are on, not with all.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        x, y in pixels and z in nm.
    kinds : ndarray of int, shape (n,)
        Which of the dyes each emitter is.
    dyes : sequence of Dye
        The dyes.
    drift : Drift
        How it moves.
    seed : int
        Seed of all that happens, >= 0.
    """

    def __init__(
        self,
        points: Floats,
        kinds: NDArray[np.integer],
        dyes: Sequence[Dye],
        drift: Drift | None = None,
        seed: int = 0,
    ) -> None:
        points = np.asarray(points, np.float64)
        kinds = np.asarray(kinds)
        if points.ndim != 2 or points.shape[1] != 3 or kinds.shape != (len(points),):
            raise ParameterError(
                "A sample needs points of shape (n, 3) and one kind for each, not "
                f"{points.shape} and {kinds.shape}."
            )
        if len(kinds) and not (kinds.min() >= 0 and kinds.max() < len(dyes)):
            raise ParameterError(f"The kinds must be 0 to {len(dyes) - 1}: one for each dye.")
        self.points = points
        self.kinds = kinds
        self.dyes = tuple(dyes)
        self.drift = drift or Drift()
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Begin anew: nothing is on, nothing bleached, the clock at 0."""
        self.rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3,)))
        self.seconds = 0.0
        self.displacement_nm = np.zeros(3)
        self._members = [np.flatnonzero(self.kinds == k) for k in range(len(self.dyes))]
        self._dark = np.ones(len(self.points), np.bool_)
        self._bleached = 0
        self._on = [np.empty(0, np.int64) for _ in self.dyes]
        self._brightness = [np.empty(0) for _ in self.dyes]

    @property
    def bleached(self) -> int:
        """Number of emitters that will not come back."""
        return self._bleached

    def expose(
        self, milliseconds: float, readout: Sequence[float], activation_mw: float = 0.0
    ) -> list[Glow]:
        """Let time pass under light.

        Parameters
        ----------
        milliseconds : float
            Length of the exposure, > 0.
        readout : sequence of float
            Intensity of each dye's readout laser, relative to the reference, >= 0.
        activation_mw : float
            Power of the activation laser, mW, >= 0.

        Returns
        -------
        list of Glow
            What each dye sent, one entry per dye.
        """
        glows = [
            self._expose_kind(k, milliseconds, float(intensity), activation_mw)
            for k, intensity in enumerate(readout)
        ]
        seconds = milliseconds / 1000.0
        self.seconds += seconds
        drift = self.drift
        velocity = np.array((drift.x_nm_per_s, drift.y_nm_per_s, drift.z_nm_per_s))
        step = velocity * seconds
        if drift.walk_nm:
            step = step + self.rng.normal(0.0, drift.walk_nm * np.sqrt(seconds), 3)
        self.displacement_nm = self.displacement_nm + step
        return glows

    def _expose_kind(self, kind: int, dt: float, intensity: float, activation: float) -> Glow:
        """One dye: those that are on stay on or end, and some of the dark ones begin.

        On times are memoryless, so that each exposure can draw them anew with its own rate.
        Blinks begin as a Poisson process; one that falls on an emitter that is not dark is void,
        which leaves exactly the process of the dark ones.
        """
        dye, rng = self.dyes[kind], self.rng
        mean_on = dye.on_ms / intensity if intensity > 0 else np.inf
        rate = dye.spontaneous_per_s * intensity + dye.activated_per_s * activation
        members = self._members[kind]
        begun = int(rng.poisson(rate * dt / 1000.0 * len(members))) if len(members) else 0
        chosen = np.unique(members[rng.integers(0, len(members), begun)]) if begun else members[:0]
        chosen = chosen[self._dark[chosen]]
        self._dark[chosen] = False

        emitter = np.concatenate((self._on[kind], chosen))
        bright = np.concatenate(
            (
                self._brightness[kind],
                dye.photons_per_ms * np.exp(rng.normal(0.0, dye.spread, len(chosen))),
            )
        )
        left = np.full(len(emitter), dt)
        left[len(self._on[kind]) :] -= rng.uniform(0.0, dt, len(chosen))
        lasting = (
            rng.exponential(mean_on, len(emitter))
            if np.isfinite(mean_on)
            else np.full(len(emitter), np.inf)
        )
        ended = lasting < left
        gone = emitter[ended]
        last = rng.random(len(gone)) < 1.0 - (1.0 - dye.bleach) ** intensity
        self._dark[gone[~last]] = True
        self._bleached += int(last.sum())
        self._on[kind], self._brightness[kind] = emitter[~ended], bright[~ended]
        return Glow(emitter, bright * intensity * np.minimum(lasting, left))


def cell(size: tuple[int, int], seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Return a labelled cell: filaments of the first dye, rings of the second.

    Parameters
    ----------
    size : tuple of int
        Height and width in pixels.
    seed : int
        Another seed gives another cell of the same kind.

    Returns
    -------
    points : ndarray, shape (n, 3)
        x, y in pixels and z in nm.
    kinds : ndarray of int64, shape (n,)
        0 on a filament, 1 on a ring.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    area = size[0] * size[1] / 2**20
    lines = filaments(
        size,
        max(round(44 * np.sqrt(area)), 4),
        rng,
        density=4.0,
        stiffness=250.0,
        z_range=(-60.0, 60.0),
    )
    pores = rings(
        size, max(round(1200 * area), 8), rng, radius=1.0, labels_per_corner=5, scatter=0.06
    )
    kinds = np.repeat(np.arange(2), (len(lines), len(pores)))
    return np.concatenate((lines, pores)), kinds
