"""When emitters are on: blinking, bleaching, and the frames that a blink falls into.

An emitter switches between a dark and a bright state, both with exponentially distributed times
(a Markov process in continuous time, unrelated to the frame clock), and bleaches at the end of a
blink with a fixed probability. A blink that starts or ends within a frame gives that frame only its
share of photons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.simulate.photons import PhotonBudget

__all__ = ["Blinks", "Kinetics", "blink"]


@dataclass(frozen=True)
class Kinetics:
    """Rates of a blinking emitter, in frames.

    Parameters
    ----------
    on_frames : float
        Mean duration of a blink, > 0.
    off_frames : float
        Mean dark time between blinks, > 0.
    bleach : float
        Probability that a blink is the last, 0 (never bleaches) to 1 (blinks once).
    """

    on_frames: float = 3.0
    off_frames: float = 1000.0
    bleach: float = 0.1

    def __post_init__(self) -> None:
        if self.on_frames <= 0 or self.off_frames <= 0:
            raise ParameterError("on_frames and off_frames must be positive")
        if not 0 <= self.bleach <= 1:
            raise ParameterError(f"bleach is a probability, not {self.bleach}")


@dataclass(frozen=True, eq=False)
class Blinks:
    """All blinks of a movie, in order of their start.

    Attributes
    ----------
    emitter : ndarray of int64, shape (n,)
        Which emitter is on.
    start, end : ndarray of float64, shape (n,)
        When it is on, in frames; frame i lasts from i to i + 1.
    rate : ndarray of float64, shape (n,)
        Photons per whole frame.
    """

    emitter: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    rate: NDArray[np.float64]

    def __post_init__(self) -> None:
        # The latest end so far never decreases: with it the blinks of a frame are two bisections.
        latest = np.maximum.accumulate(self.end) if self.end.size else self.end
        object.__setattr__(self, "_latest", latest)

    def __len__(self) -> int:
        return int(self.emitter.size)

    def in_frame(
        self, frame: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Blinks that give light to a frame.

        Parameters
        ----------
        frame : int
            Index of the frame.

        Returns
        -------
        blink, emitter : ndarray of int64
            Index of the blink and of its emitter.
        photons : ndarray of float64
            Expected photons within this frame.
        """
        latest: NDArray[np.float64] = self._latest  # type: ignore[attr-defined]
        first = int(np.searchsorted(latest, frame, side="right"))
        last = int(np.searchsorted(self.start, frame + 1, side="left"))
        which = np.arange(first, max(first, last))
        share = np.minimum(self.end[which], frame + 1) - np.maximum(self.start[which], frame)
        lit = share > 0
        which = which[lit]
        return which, self.emitter[which], self.rate[which] * share[lit]


def blink(
    emitters: int,
    frames: int,
    kinetics: Kinetics,
    photons: PhotonBudget,
    rng: np.random.Generator,
) -> Blinks:
    """Simulate the blinks of all emitters over a movie.

    All emitters start dark and alive. Memory is proportional to the number of blinks, about
    emitters * min(frames / (on_frames + off_frames), 1 / bleach).

    Parameters
    ----------
    emitters : int
        Number of emitters.
    frames : int
        Length of the movie.
    kinetics : Kinetics
        On and off times and bleaching.
    photons : PhotonBudget
        Brightness; each blink draws its own.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Blinks
        Sorted by start.
    """
    if emitters < 0 or frames < 0:
        raise ParameterError("emitters and frames must not be negative")
    alive = np.arange(emitters)
    now = np.zeros(emitters)
    index, starts, ends = [], [], []
    # One round gives every emitter that is still alive its next blink.
    while alive.size:
        start = now + rng.exponential(kinetics.off_frames, alive.size)
        end = start + rng.exponential(kinetics.on_frames, alive.size)
        survives = rng.random(alive.size) >= kinetics.bleach
        seen = start < frames
        index.append(alive[seen])
        starts.append(start[seen])
        ends.append(np.minimum(end[seen], frames))
        going_on = survives & (end < frames)
        alive, now = alive[going_on], end[going_on]
    if not index:
        empty = np.empty(0)
        return Blinks(np.empty(0, np.int64), empty, empty.copy(), empty.copy())
    emitter = np.concatenate(index).astype(np.int64)
    start, end = np.concatenate(starts), np.concatenate(ends)
    order = np.argsort(start, kind="stable")
    rate = photons.draw(emitter.size, rng)
    return Blinks(emitter[order], start[order], end[order], rate)
