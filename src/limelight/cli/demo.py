"""``limelight demo [MOVIE]``: from a movie to a super-resolution image, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limelight.cli.options import add_fields, given, part_fields
from limelight.core import parts
from limelight.core.settings import fields_of
from limelight.demo import demo
from limelight.io import open_movie
from limelight.localize.api import CAMERA_VALUES, camera_of
from limelight.localize.settings import DEFAULT_DETECTOR, DEFAULT_FITTER, LocalizeSettings

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "movie",
        nargs="?",
        type=Path,
        metavar="MOVIE",
        help="your movie; else a simulated microscope",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("limelight-demo"),
        metavar="FOLDER",
        help="where everything is written (default: limelight-demo)",
    )
    parser.add_argument(
        "--simulate",
        type=int,
        metavar="FRAMES",
        help="how many frames the simulated microscope takes",
    )
    window = parser.add_mutually_exclusive_group()
    window.add_argument(
        "--window",
        action="store_true",
        default=None,
        help="open napari (default: where there is a screen)",
    )
    window.add_argument(
        "--no-window", dest="window", action="store_false", help="do not open napari"
    )
    how = parser.add_argument_group("how to localize (see limelight localize --help)")
    how.add_argument("--detect", metavar="NAME", choices=parts.names("detectors"))
    how.add_argument("--fit", metavar="NAME", choices=parts.names("fitters"))
    own = [f for f in fields_of(LocalizeSettings) if f.name in ("box", "background")]
    add_fields(how, [("", field) for field in own] + part_fields("detectors"))
    for name in CAMERA_VALUES:
        how.add_argument("--" + name.replace("_", "-"), type=float, metavar="NUMBER")
    how.add_argument("--camera", type=Path, metavar="CONFIG.yaml")


def main(options: argparse.Namespace) -> int:
    """Run the demonstration; returns when napari, if opened, is closed."""
    chosen: list[type] = [LocalizeSettings]
    detectors = [options.detect] if options.detect else parts.names("detectors")
    chosen += [parts.load("detectors", name) for name in [DEFAULT_DETECTOR, *detectors]]
    settings = LocalizeSettings.of(
        options.detect, options.fit or DEFAULT_FITTER, **given(options, chosen)
    )
    camera = None
    if options.movie is not None:
        values = {name: getattr(options, name) for name in CAMERA_VALUES}
        with open_movie(options.movie) as movie:
            camera = camera_of(movie, options.camera, **values)
    return demo(
        options.movie,
        options.output,
        options.window,
        frames=options.simulate or 2000,
        camera=camera,
        settings=settings,
    )
