"""Sample data: a simulated movie and the molecules found in it, made when first asked for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from limelight.core.errors import FileError
from limelight.widgets import persistence
from limelight.widgets.layers import Placement, molecules_layer, picture_layer
from limelight.widgets.reader import movie_layer
from limelight.widgets.writer import progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.core.job import Progress
    from limelight.io import FileMovie

__all__ = ["molecules_sample", "movie_sample"]

LayerData = tuple[Any, dict[str, Any], str]
FRAMES = 500
_STEP = 20


def _movie() -> FileMovie:
    """Open the simulated movie; write it first if it is not there, or damaged."""
    from limelight.core.simulate import scene
    from limelight.io import open_movie, write_tiff

    simulated = scene("demo", frames=FRAMES)
    path = persistence.cache_folder() / "samples" / f"blinking_{FRAMES}.tif"
    with suppress(FileError):
        movie = open_movie(path, camera=simulated.camera)
        if movie.problem is None and movie.shape == simulated.shape:
            return movie
        movie.close()
    path.parent.mkdir(parents=True, exist_ok=True)

    def frames() -> Iterator[NDArray[Any]]:
        for start in range(0, FRAMES, _STEP):
            yield simulated.read(start, min(start + _STEP, FRAMES))
            if tell is not None:
                tell(min(start + _STEP, FRAMES), FRAMES)

    with progress("Simulating the movie…") as tell:
        write_tiff(
            path,
            frames(),
            frames=FRAMES,
            pixel_size_nm=simulated.camera.pixel_size_nm,
            camera=simulated.camera.name,
        )
    return open_movie(path, camera=simulated.camera)


def movie_sample() -> list[LayerData]:
    """Return the movie: filaments and rings whose molecules blink."""
    movie = _movie()
    size = movie.camera.pixel_size_nm / 1000
    data, options, kind = movie_layer(movie)
    place = {"scale": (1.0, size, size), "units": ("pixel", "um", "um")}
    return [(data, {**options, **place, "name": "blinking (simulated)"}, kind)]


def molecules_sample() -> list[LayerData]:
    """Return the molecules that `limelight.localize` finds in the movie: picture and points."""
    from limelight.core.render import render
    from limelight.io import load_localizations, save_localizations
    from limelight.localize import localize, results_path

    with _movie() as movie:
        path: Path = results_path(movie)
        if not path.exists() or path.stat().st_mtime < movie.path.stat().st_mtime:
            with progress("Localizing the molecules…") as tell:

                def on_progress(now: Progress) -> None:
                    if tell is not None:
                        tell(now.done, now.total or FRAMES)

                save_localizations(localize(movie, on_progress=on_progress), path)
        locs = load_localizations(path)
    size = locs.pixel_size_nm
    place = Placement((size / 1000, size / 1000), (0.0, 0.0), ("um", "um"))
    picture, options = picture_layer(render(locs, 10.0), place, size, locs)
    points, point_options = molecules_layer(locs, place, "blinking molecules")
    return [
        (picture, {"name": "blinking super-resolution", **options}, "image"),
        (points, point_options, "points"),
    ]
