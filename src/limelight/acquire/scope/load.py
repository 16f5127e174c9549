"""Load the simulated microscope, and find what it was looking at."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.acquire.loading import told_once
from limelight.acquire.scope.bench import Bench, bench_named, standing_on
from limelight.core.camera import Camera
from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from limelight.acquire.mmcore import CMMCorePlus, UniMMCore
    from limelight.core.simulate.sample import Drift

__all__ = ["CONFIGURATION", "bench_of", "camera_of", "load_simulated", "simulated_core"]

CONFIGURATION = Path(__file__).with_name("simulated.cfg")
"""The microscope as a configuration file, for a `UniMMCore`."""


def load_simulated(
    core: CMMCorePlus,
    *,
    seed: int = 0,
    molecules: float = 50.0,
    bleach: float | None = None,
    drift: Drift | None = None,
    real_time: bool = True,
) -> Bench:
    """Load the simulated microscope into a core, in place of what was loaded.

    Parameters
    ----------
    core : UniMMCore
        The core; Python devices need pymmcore-plus' unified one.
    seed : int
        Another seed gives another sample, and other blinks and noise.
    molecules : float
        Molecules per frame of 10 ms at the powers that the lasers start with.
    bleach : float, optional
        Probability that a blink is the last.
    drift : Drift, optional
        How the sample moves; by default a few nm per second in x and y.
    real_time : bool
        Whether a frame takes as long as its exposure; else it comes as soon as it is made.

    Returns
    -------
    Bench
        The bench, which knows the truth.

    Raises
    ------
    ParameterError
        If the core cannot load Python devices.
    """
    if not hasattr(core, "loadPyDevice"):
        raise ParameterError(
            "The simulated microscope needs a core that loads Python devices: make it with "
            "pymmcore_plus.experimental.unicore.UniMMCore()."
        )
    bench = Bench(seed, molecules)
    if bleach is not None:
        bench.bleach = bleach
    if drift is not None:
        bench.drift = drift
    with told_once(core), standing_on(bench):
        core.loadSystemConfiguration(CONFIGURATION)
        for camera in ("Camera", "Camera-2"):
            core.setProperty(camera, "RealTime", int(real_time))
    return bench


def simulated_core(
    *,
    seed: int = 0,
    molecules: float = 50.0,
    bleach: float | None = None,
    drift: Drift | None = None,
    real_time: bool = True,
) -> UniMMCore:
    """Return a new core with the simulated microscope; arguments as in `load_simulated`.

    >>> core = simulated_core(real_time=False)
    >>> core.snap().shape
    (512, 512)
    """
    from limelight.acquire.mmcore import UniMMCore

    core = UniMMCore()
    load_simulated(
        core, seed=seed, molecules=molecules, bleach=bleach, drift=drift, real_time=real_time
    )
    return core


def bench_of(core: CMMCorePlus) -> Bench:
    """Return the bench of a core's simulated microscope.

    Raises
    ------
    ParameterError
        If there is none.
    """
    bench = None
    if "Sample" in core.getLoadedDevices() and core.hasProperty("Sample", "Bench"):
        bench = bench_named(str(core.getProperty("Sample", "Bench")))
    if bench is None:
        raise ParameterError("There is no simulated microscope in this core: load it first.")
    return bench


def camera_of(core: CMMCorePlus, label: str | None = None) -> Camera:
    """Return what a core knows of a camera.

    Parameters
    ----------
    core : CMMCorePlus
        The core.
    label : str, optional
        Which camera; the current one if not given.

    Returns
    -------
    Camera
        Its name, the pixel size in the sample, and, from a camera that says so, its baseline
        (``Offset``), ``Sensitivity_e_per_count`` and ``ReadNoise_e``.
    """
    label = label or core.getCameraDevice()
    known: dict[str, float] = {}
    pixel = core.getPixelSizeUm() * 1000.0
    if pixel > 0:
        known["pixel_size_nm"] = pixel
    if not label:
        return Camera(**known)  # type: ignore[arg-type]
    names = {
        "Sensitivity_e_per_count": "sensitivity",
        "ReadNoise_e": "read_noise",
        "Offset": "baseline",
    }
    # "Offset" of other cameras may be a setting of their electronics, not counts
    trusted = core.hasProperty(label, "Sensitivity_e_per_count")
    for name, field in names.items():
        if trusted and core.hasProperty(label, name):
            with suppress(ValueError):
                known[field] = float(core.getProperty(label, name))
    name = label
    if core.hasProperty(label, "CameraName"):
        name = str(core.getProperty(label, "CameraName")) or label
    return Camera(name=name, **known)
