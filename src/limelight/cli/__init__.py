"""The command line: ``limelight localize | convert | info | view | demo``.

One file per command; each has ``add_to`` (its arguments) and ``main`` (its work).  A command's file
is imported only when it is the one that runs.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = {
    "localize": "find and fit the molecules of movies",
    "convert": "write a table of molecules in another format",
    "info": "tell what a movie or a table of molecules is",
    "view": "open files in napari",
    "demo": "simulate a movie, localize it and show the result",
}


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
    if wanted is not None and wanted not in COMMANDS:
        print(
            f"limelight: there is no command {wanted!r}. {suggest(wanted, COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name == wanted:
            import_module(f"limelight.cli.{name}").add_to(command)
    try:
        options = parser.parse_args(words)
        if options.version:
            import limelight

            print(f"limelight {limelight.__version__}")
            return 0
        if options.command is None:
            parser.print_help()
            return 2
        status: int = import_module(f"limelight.cli.{options.command}").main(options)
        return status
    except LimelightError as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("limelight: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
