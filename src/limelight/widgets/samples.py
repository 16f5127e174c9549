"""Sample data: a simulated movie and the molecules found in it, made when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.widgets.layers import Placement, molecules_layer, picture_layer
from limelight.widgets.persistence import cache_folder
from limelight.widgets.reader import movie_layer

if TYPE_CHECKING:
    from pathlib import Path

    from limelight.io import FileMovie

__all__ = ["molecules_sample", "movie_sample"]

LayerData = tuple[Any, dict[str, Any], str]
FRAMES = 1000


def _movie() -> FileMovie:
    """Open the simulated movie; write it first if it is not there."""
    from limelight.core.simulate import scene
    from limelight.io import open_movie, write_tiff

    simulated = scene("demo", frames=FRAMES)
    path = cache_folder() / "samples" / f"blinking_{FRAMES}.tif"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}")
        write_tiff(new, simulated)
        new.replace(path)
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
        if not path.exists():
            save_localizations(localize(movie), path)
        locs = load_localizations(path)
    size = locs.pixel_size_nm
    place = Placement((size / 1000, size / 1000), (0.0, 0.0), ("um", "um"))
    picture, options = picture_layer(render(locs, 10.0), place, size)
    points, point_options = molecules_layer(locs, place, "blinking molecules")
    return [
        (picture, {"name": "blinking super-resolution", **options}, "image"),
        (points, point_options, "points"),
    ]
