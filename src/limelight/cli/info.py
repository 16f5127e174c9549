"""``limelight info PATH...``: what a movie or a table of molecules is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.cli.options import add_choices, choices_of, open_chosen
from limelight.core.errors import LimelightError
from limelight.io import is_table, load_localizations

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "main"]

_SHOWN = 12


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="movies or tables")
    add_choices(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, one object per path")


def main(options: argparse.Namespace) -> int:
    """Describe every path; 1 if any cannot be read."""
    status = 0
    choices = choices_of(options)
    for path in options.paths:
        try:
            facts = _facts(path, choices)
        except LimelightError as error:
            print(f"{path}: {error}", file=sys.stderr)
            status = 1
            continue
        if options.json:
            print(json.dumps(facts, default=str))
        else:
            width = max(map(len, facts))
            print("\n".join(f"{name:<{width}}  {value}" for name, value in facts.items()))
            print()
    return status


def _facts(path: Path, choices: dict[str, Any]) -> dict[str, Any]:
    if is_table(path):
        locs = load_localizations(path)
        medians = locs.table.median(numeric_only=True)
        return {
            "file": str(path),
            "molecules": len(locs),
            "frames": locs.frames,
            "field (y, x), px": locs.shape,
            "pixel size, nm": locs.pixel_size_nm,
            **{f"median {name}": float(f"{value:.4g}") for name, value in medians.items()},
        }
    with open_chosen(path, choices, quiet=True) as movie:
        frames, height, width = movie.shape
        facts = {
            "file": str(path),
            "frames": frames,
            "frame (y, x), px": (height, width),
            "type": movie.dtype.name,
            "size, MB": round(frames * height * width * movie.dtype.itemsize / 1e6, 1),
            "camera": movie.camera.name or "not named",
            "pixel size, nm": movie.metadata.get("Pixelsize", "not known"),
        }
        sizes = movie.axes_sizes
        if len([n for n in sizes.values() if n > 1]) > 3 or movie.choices:
            facts["axes"] = ", ".join(f"{name} {length}" for name, length in sizes.items())
        for axis, labels in movie.choices.items():
            few = ", ".join(labels[:_SHOWN]) + (", ..." if len(labels) > _SHOWN else "")
            facts[f"to choose: {axis}"] = few
        for key in ("exposure_ms", "Exposure"):
            if key in movie.metadata:
                facts["exposure, ms"] = movie.metadata[key]
        if movie.problem is not None:
            facts["problem"] = str(movie.problem)
        return facts
