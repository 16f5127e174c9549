"""``limelight info PATH...``: what a movie or a table of molecules is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError
from limelight.io import is_table, load_localizations, open_movie

if TYPE_CHECKING:
    import argparse

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="movies or tables")
    parser.add_argument("--json", action="store_true", help="print JSON, one object per path")


def main(options: argparse.Namespace) -> int:
    """Describe every path; 1 if any cannot be read."""
    status = 0
    for path in options.paths:
        try:
            facts = _facts(path)
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


def _facts(path: Path) -> dict[str, Any]:
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
    with open_movie(path) as movie:
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
        for key in ("exposure_ms", "Exposure"):
            if key in movie.metadata:
                facts["exposure, ms"] = movie.metadata[key]
        if movie.problem is not None:
            facts["problem"] = str(movie.problem)
        return facts
