from __future__ import annotations

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.movie import ArrayMovie
from limelight.core.simulate import scene


@pytest.fixture(scope="session")
def truth_and_movie():
    """A short movie in memory with its known molecules."""
    simulated = scene("standard", frames=60, seed=11)
    return simulated.truth, ArrayMovie(simulated.read(0, 60), simulated.camera, name="standard")


@pytest.fixture(scope="session")
def movie(truth_and_movie):
    return truth_and_movie[1]


@pytest.fixture
def small():
    """Twelve frames with one bright molecule each, at a known place."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:40, :48]
    spot = 400 * np.exp(-((y - 20.3) ** 2 + (x - 30.6) ** 2) / (2 * 1.3**2))
    counts = rng.poisson(spot + 10, (12, 40, 48)) + 100
    camera = Camera(name="Andor", baseline=100, sensitivity=1.0, pixel_size_nm=100)
    return ArrayMovie(counts.astype(np.uint16), camera, name="small")
