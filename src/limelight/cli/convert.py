"""``limelight convert A B``: a table of molecules from one format into another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.remarks import collected
from limelight.io.tables.dispatch import BY_SUFFIX, FORMATS, load_table, save_table
from limelight.io.tables.kept import columns_lost
from limelight.io.tables.mapping import limitations

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("source", type=Path, metavar="A", help="table to read")
    parser.add_argument(
        "target", type=Path, metavar="B", help="table to write; its suffix tells the format"
    )
    parser.add_argument(
        "--format", choices=sorted(FORMATS), help="format of B, where its suffix tells another"
    )
    parser.add_argument(
        "--pixel-size", type=float, metavar="NM", help="size of a camera pixel, where A is silent"
    )
    parser.add_argument("--force", action="store_true", help="replace B if it is there")


def main(options: argparse.Namespace) -> int:
    """Convert; 1 if B is there already."""
    if options.target.exists() and not options.force:
        print(
            f"{options.target.name} is there already. Give --force to replace it.", file=sys.stderr
        )
        return 1
    with collected() as said:
        locs = load_table(options.source, pixel_size_nm=options.pixel_size)
        written = save_table(locs, options.target, options.format)
    for remark in said:
        print(remark, file=sys.stderr)
    lacking = limitations(locs.columns)
    for limit in lacking:
        print(f"{options.source.name}: {limit}.", file=sys.stderr)
    lost = columns_lost(locs, options.format or BY_SUFFIX[options.target.suffix.lower()])
    for limit in limitations(c for c in locs.columns if c not in lost):
        if limit not in lacking:
            print(f"{written.name}: {limit}.", file=sys.stderr)
    print(f"{written}: {len(locs):,} molecules, {len(locs.columns) - len(lost)} columns")
    return 0
