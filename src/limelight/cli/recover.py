"""``limelight recover FOLDER...``: tables of an acquisition whose process was killed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.acquire import recover_results
from limelight.core.errors import LimelightError

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="folders of data sets"
    )


def main(options: argparse.Namespace) -> int:
    """Write what the journals in the folders hold; 1 if any cannot be read or written."""
    status = 0
    for folder in options.folders:
        try:
            results = recover_results(folder)
        except LimelightError as error:
            print(f"{folder}: {error}", file=sys.stderr)
            status = 1
            continue
        print(f"{folder}: {results.described() or 'nothing to recover'}")
    return status
