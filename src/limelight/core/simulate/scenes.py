"""Movies with a name, for tests, benchmarks and the demonstration."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError, suggest
from limelight.core.simulate.background import gradient_background, structured_background
from limelight.core.simulate.blinking import Kinetics
from limelight.core.simulate.drift import linear_drift, random_walk_drift
from limelight.core.simulate.emission import Blinking, Scattered
from limelight.core.simulate.movie import SimulatedMovie
from limelight.core.simulate.optics import GaussianPSF
from limelight.core.simulate.photons import PhotonBudget
from limelight.core.simulate.structures import filaments, rings

__all__ = ["SCENES", "SceneName", "scene"]

SceneName = Literal["standard", "dim", "uneven", "dense", "demo"]
SCENES: tuple[str, ...] = get_args(SceneName)

_FRAMES = {"standard": 2000, "dim": 2000, "uneven": 2000, "dense": 500, "demo": 2000}


def scene(name: SceneName, frames: int | None = None, seed: int = 0) -> SimulatedMovie:
    """Return a movie by its name.

    All have 256 x 256 pixels of 100 nm, a baseline of 100 counts and one photoelectron per count.

    - ``"standard"``: 2,000 frames with 25 molecules each, placed evenly at random; sigma 1.2
      pixels, 1,000 to 5,000 photons, background 20 photons per pixel.
    - ``"dim"``: the same with 200 to 800 photons.
    - ``"uneven"``: background 10 to 50 across the view, log-normal photons about 1,500, sigma 1.0
      to 1.3 pixels, read noise 1.5 electrons.
    - ``"dense"``: 500 frames as in "standard" with 250 molecules each.
    - ``"demo"``: filaments and rings whose emitters blink over several frames and bleach, a cloudy
      background, a drifting stage.

    Parameters
    ----------
    name : str
        One of the above.
    frames : int, optional
        Length of the movie; any length, since frames are made when they are asked for.
    seed : int
        Another seed gives another movie of the same kind.

    Returns
    -------
    SimulatedMovie
        With `truth()`.

    Raises
    ------
    ParameterError
        If there is no scene of that name.
    """
    if name not in SCENES:
        raise ParameterError(f"There is no scene {name!r}. {suggest(str(name), SCENES)}")
    length = _FRAMES[name] if frames is None else frames
    if name == "demo":
        return _demo(length, seed)
    size = (256, 256)
    camera = Camera(name="simulated", baseline=100.0, pixel_size_nm=100.0)
    background = np.float32(20.0)
    sigma: float | tuple[float, float] = 1.2
    photons = PhotonBudget(1000, 5000)
    if name == "dim":
        photons = PhotonBudget(200, 800)
    elif name == "uneven":
        photons = PhotonBudget(300, 20000, "lognormal", median=1500, spread=0.5)
        sigma = (1.0, 1.3)
        camera = camera.replace(read_noise=1.5)
        return SimulatedMovie(
            size,
            length,
            Scattered(size, 25, photons),
            psf=GaussianPSF(sigma),
            background=gradient_background(size, 10, 50),
            camera=camera,
            seed=seed,
            name=name,
        )
    return SimulatedMovie(
        size,
        length,
        Scattered(size, 250 if name == "dense" else 25, photons),
        psf=GaussianPSF(sigma),
        background=background,
        camera=camera,
        seed=seed,
        name=name,
    )


def _demo(frames: int, seed: int) -> SimulatedMovie:
    size = (256, 256)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    lines = filaments(size, 14, rng, density=6.0, stiffness=150.0)
    pores = rings(size, 220, rng, radius=1.0, labels_per_corner=5, efficiency=0.8, scatter=0.06)
    points = np.concatenate((lines, pores))
    # About 35 emitters are on at any time, whatever the length of the movie.
    off_frames = max(len(points) * 2.5 / 35, 100.0)
    drift = linear_drift(frames, (0.25, -0.15)) + random_walk_drift(frames, 0.002, rng)
    return SimulatedMovie(
        size,
        frames,
        Blinking(
            points,
            frames,
            Kinetics(on_frames=2.5, off_frames=off_frames, bleach=0.02),
            PhotonBudget(300, 12000, "lognormal", median=1800, spread=0.5),
            seed,
        ),
        psf=GaussianPSF((1.15, 1.3)),
        background=structured_background(size, 8, 45, rng, scale=35.0),
        camera=Camera(
            name="simulated", baseline=100.0, sensitivity=1.0, pixel_size_nm=100.0, read_noise=1.4
        ),
        drift=drift,
        seed=seed,
        name="demo",
    )
