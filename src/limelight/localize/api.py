"""The one call: ``limelight.localize``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.job import Progress, run
from limelight.core.movie import as_movie
from limelight.io import load_camera_config, open_movie
from limelight.localize.job import localize_job
from limelight.localize.record import results_path
from limelight.localize.saving import save_job
from limelight.localize.settings import LocalizeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from limelight.core.camera import Camera
    from limelight.core.localizations import Localizations
    from limelight.core.movie import Movie
    from limelight.io import RawSpecification

__all__ = ["CAMERA_VALUES", "camera_of", "localize"]

CAMERA_VALUES = {
    "baseline": "baseline",
    "sensitivity": "sensitivity",
    "gain": "gain",
    "pixel_size": "pixel_size_nm",
    "read_noise": "read_noise",
}
"""Short names of the photon conversion's values and the camera's own."""


def camera_of(movie: Movie, camera: Camera | str | Path | None = None, **values: Any) -> Camera:
    """Decide which camera a movie is seen through.

    Parameters
    ----------
    movie : Movie
        Its metadata name the camera and its pixel size.
    camera : Camera or path, optional
        A camera, or a camera configuration in which the movie's one is looked up.
    **values
        ``baseline``, ``sensitivity``, ``gain``, ``pixel_size`` (nm), ``read_noise`` (e): take
        precedence over all else.

    Returns
    -------
    Camera
        The camera.
    """
    if isinstance(camera, str | Path):
        camera = load_camera_config(camera).camera_for(movie)
    camera = camera or movie.camera
    return camera.replace(**{CAMERA_VALUES[k]: v for k, v in values.items() if v is not None})


def localize(
    source: Any,
    *,
    detect: str | None = None,
    fit: str | None = None,
    camera: Camera | str | Path | None = None,
    save: bool | str | Path = False,
    quality: bool = False,
    group: str = "",
    tags: Sequence[str] = (),
    threads: int | None = None,
    client: Any = None,
    on_progress: Callable[[Progress], object] | None = None,
    raw: RawSpecification | None = None,
    channel: int | str | None = None,
    z: int | None = None,
    position: int | str | None = None,
    resolution: int | None = None,
    time_axis: str | None = None,
    **values: Any,
) -> Localizations:
    """Find and fit the molecules of a movie.

    Parameters
    ----------
    source : path, Movie or array (T, Y, X)
        The movie: a file, a folder of numbered TIFFs, or counts in memory.
    detect : str, optional
        Detector, such as ``"snr"`` (the default: needs no threshold) or ``"net-gradient"``.
    fit : str, optional
        Fitter, such as ``"mle"``, ``"mle-sigmaxy"``, ``"lq"``, ``"phasor"``, ``"multi"``.
    camera : Camera or path, optional
        A camera, or a camera configuration (YAML) in which the movie's one is looked up.
    save : bool or path, optional
        Save ``<name>_locs.hdf5`` and ``.yaml`` beside the movie, or under that path; a result that
        is saved is added to the history of runs (`limelight.metrics`).
    quality : bool
        Measure the quality of a result that is saved (precision, resolution, drift), for the
        history.
    group, tags
        Experiment and further words under which it is found there.
    threads : int, optional
        Number of threads; all cores if not given.
    client : dask.distributed.Client or str, optional
        A cluster, or its address, that does the work instead.
    on_progress : callable, optional
        Called with a `limelight.core.job.Progress` for every block.
    raw, channel, z, position, resolution, time_axis
        How to open the file, and which movie of it; see `limelight.open_movie`.
    **values
        Settings of `LocalizeSettings`, of the detector and of the fitter (``box=7``,
        ``min_net_gradient=5000``, ``roi=(y0, x0, y1, x1)``, ...), and of the photon conversion:
        ``baseline``, ``sensitivity``, ``gain``, ``pixel_size`` (nm), ``read_noise`` (e).

    Returns
    -------
    Localizations
        The molecules, sorted by frame.

    Raises
    ------
    ParameterError
        If a setting is unknown or of no use.
    FileError
        If the movie cannot be read, or the result not be saved.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> y, x = np.mgrid[:32, :32]
    >>> spot = 300 * np.exp(-((y - 15.2) ** 2 + (x - 16.4) ** 2) / 2.9)
    >>> locs = localize(rng.poisson(spot + 10, (5, 32, 32)).astype("uint16"))
    >>> len(locs), round(float(locs["x"].mean()), 1)
    (5, 16.4)
    """
    conversion = {name: values.pop(name) for name in CAMERA_VALUES if name in values}
    settings = LocalizeSettings.of(detect, fit, **values)
    opened = isinstance(source, str | Path)
    choices: dict[str, Any] = {"raw": raw, "channel": channel, "z": z, "position": position}
    choices |= {"resolution": resolution, "time_axis": time_axis}
    if not opened and (given := [name for name, value in choices.items() if value is not None]):
        raise ParameterError(
            f"{', '.join(given)}: what there is to choose in a file is chosen when it is opened; "
            "give the path, or limelight.open_movie(path, ...)."
        )
    movie = open_movie(source, **choices) if opened else as_movie(source)
    try:
        seen_through = camera_of(movie, camera, **conversion)
        begun = time.monotonic()
        locs = run(
            localize_job(movie, settings, camera=seen_through, threads=threads, client=client),
            on_progress,
        )
        if save:
            path = results_path(movie) if save is True else Path(save)
            took = time.monotonic() - begun
            saving = save_job(
                *(locs, path, movie, settings, seen_through),
                duration_s=took,
                quality=quality,
                group=group,
                tags=tags,
            )
            run(saving)
    finally:
        if opened:
            movie.close()  # type: ignore[attr-defined]
    return locs
