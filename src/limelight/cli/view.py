"""``limelight view PATH...``: files in napari."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limelight.cli.options import add_choices, choices_of, open_chosen
from limelight.core.errors import LimelightError

if TYPE_CHECKING:
    import argparse

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
            from limelight.widgets.reader import movie_layer

            data = movie_layer(movies.pop(0))
            viewer.add_layer(napari.layers.Layer.create(*data))
        else:
            viewer.open(path, plugin="napari-limelight")
    if not options.no_dock:
        viewer.window.add_plugin_dock_widget("napari-limelight", "Localize")
    napari.run()
    return 0
