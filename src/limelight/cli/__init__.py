"""The command line: ``limelight localize | convert | info | view | demo | undrift | link | ...``.

One file per command, and one for all table tools; each has ``add_to`` (its arguments) and ``main``
(its work).  A command's file is imported only when it is the one that runs.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

COMMANDS = {
    "acquire": "acquire a sequence of images, without a window",
    "recover": "write the tables of an acquisition that was interrupted",
    "localize": "find and fit the molecules of movies",
    "psf": "measure beads, calibrate z, average the point spread function",
    "segment": "find the objects of images and measure them",
    "convert": "write a table of molecules in another format",
    "info": "tell what a movie or a table of molecules is",
    "view": "open files in napari",
    "history": "list what was measured, when, and how well",
    "report": "measure results, remember them, and write a page of each",
    "watch": "process every movie that comes into folders",
    "demo": "simulate a movie, localize it and show the result",
}
TOOLS = {
    "undrift": "measure the drift of tables and take it out",
    "link": "join the appearances of a molecule in successive frames",
    "filter": "keep the molecules that a condition holds for",
    "pick": "keep the molecules in regions and describe these",
    "dbscan": "find clusters by density",
    "hdbscan": "find clusters of different densities",
    "nena": "measure the precision from repeated molecules",
    "frc": "measure the resolution by Fourier ring correlation",
    "neighbours": "measure the distances to the nearest molecules",
    "quality": "measure precision, resolution, drift and more",
}
"""The table tools; those of other packages are commands too, by their names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``limelight``; those of this process if not given.

    Returns
    -------
    int
        Exit status: 0 if all went well, 1 if any file failed, 2 if the arguments are wrong,
        130 if interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    from limelight.core.errors import LimelightError, suggest

    parser = argparse.ArgumentParser(
        prog="limelight", description="Live microscopy and single-molecule analysis."
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    wanted = next((w for w in words if not w.startswith("-")), None)
    known = {**COMMANDS, **TOOLS}
    if wanted is not None and wanted not in known:
        known |= _contributed()
    if wanted is not None and wanted not in known:
        print(
            f"limelight: there is no command {wanted!r}. {suggest(wanted, known)}",
            file=sys.stderr,
        )
        return 2
    for name, summary in known.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name == wanted:
            add_to, _ = _command(name)
            add_to(command)
    try:
        options = parser.parse_args(words)
        if options.version:
            import limelight

            print(f"limelight {limelight.__version__}")
            return 0
        if options.command is None:
            parser.print_help()
            return 2
        _, work = _command(options.command)
        return work(options)
    except LimelightError as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("limelight: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _command(name: str) -> tuple[Callable[[Any], None], Callable[[Any], int]]:
    """Return what declares a command's arguments, and what does its work."""
    if name in COMMANDS:
        module = import_module(f"limelight.cli.{name}")
        return module.add_to, module.main
    tools = import_module("limelight.cli.tools")
    return partial(tools.add_to, name=name), partial(tools.main, name=name)


def _contributed() -> dict[str, str]:
    """Return the table tools of other packages."""
    from limelight.core import parts

    return dict.fromkeys(parts.names("tools"), "a table tool of another package")
