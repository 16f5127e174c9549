"""How the sample moves while it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["linear_drift", "random_walk_drift"]


def linear_drift(frames: int, total: tuple[float, float]) -> NDArray[np.float64]:
    """Constant velocity.

    Parameters
    ----------
    frames : int
        Length of the movie.
    total : tuple of float
        Displacement (x, y) in pixels from the first to the last frame.

    Returns
    -------
    ndarray, shape (frames, 2)
        Displacement in x and y of each frame in pixels; 0 in the first.
    """
    _check(frames)
    course = np.linspace(0.0, 1.0, frames)[:, None] if frames > 1 else np.zeros((frames, 1))
    return course * np.asarray(total, dtype=np.float64)


def random_walk_drift(frames: int, step: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Brownian motion of the stage.

    Parameters
    ----------
    frames : int
        Length of the movie.
    step : float
        Standard deviation of one frame's step along each axis, in pixels, >= 0.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (frames, 2)
        Displacement in x and y of each frame in pixels; 0 in the first.
    """
    _check(frames)
    if step < 0:
        raise ParameterError(f"step must not be negative, not {step}")
    course = np.zeros((frames, 2))
    if frames > 1:
        course[1:] = np.cumsum(rng.normal(0.0, step, (frames - 1, 2)), axis=0)
    return course


def _check(frames: int) -> None:
    if frames < 0:
        raise ParameterError(f"frames must not be negative, not {frames}")
