"""``limelight view PATH...``: files in napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limelight.cli.options import add_choices, choices_of, open_chosen
from limelight.core.errors import LimelightError

if TYPE_CHECKING:
    import argparse

    import napari

    from limelight.io import FileMovie

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="movies or tables")
    add_choices(parser)
    parser.add_argument("--no-dock", action="store_true", help="do not open the Localize dock")


def main(options: argparse.Namespace) -> int:
    """Open napari with the files and the Localize dock; returns when it is closed."""
    try:
        import napari
    except ImportError as error:
        raise LimelightError(
            "Viewing needs napari and a Qt binding. "
            "Install them with: pip install 'napari-limelight[all]'"
        ) from error
    choices = choices_of(options)
    movies = []
    if choices:
        from limelight.io.opening import MOVIE_SUFFIXES

        chosen = [p for p in options.paths if p.is_dir() or p.suffix.lower() in MOVIE_SUFFIXES]
        movies = [open_chosen(path, choices) for path in chosen]
    viewer = napari.Viewer()
    for path in options.paths:
        if movies and path in chosen:
            _add(viewer, movies.pop(0))
        else:
            viewer.open(path, plugin="napari-limelight")
    if not options.no_dock:
        viewer.window.add_plugin_dock_widget("napari-limelight", "Localize")
    napari.run()
    return 0


def _add(viewer: napari.Viewer, movie: FileMovie) -> None:
    """Show one movie of a file, as the reader does."""
    import numpy as np

    from limelight.io import LazyFrames

    size = movie.metadata.get("Pixelsize")
    um = float(size) / 1000 if isinstance(size, int | float) and size > 0 else None
    low, high = (float(q) for q in np.nanquantile(movie.read(0, 1), (0.001, 0.9995)))
    viewer.add_image(
        LazyFrames(movie),
        name=movie.name.removesuffix(".ome"),
        scale=(1.0, um or 1.0, um or 1.0),
        units=("pixel", "um", "um") if um else ("pixel",) * 3,
        axis_labels=("time", "y", "x"),
        contrast_limits=(low, max(high, low + 1.0)),
        metadata={**movie.metadata, "movie": movie},
        rgb=False,
        multiscale=False,
    )
