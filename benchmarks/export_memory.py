"""How much memory the export of a large picture takes, and how long.

The picture is written into a temporary folder, which must have room for it: a million molecules on
100,000 x 100,000 pixels take 19 GB as an OME-TIFF.

    python benchmarks/export_memory.py                                    20,000 x 20,000 pixels
    python benchmarks/export_memory.py --side 100000 --format .ome.tif    as the manual says
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from _report import Row, arguments, report
from redraw import FIELD, PIXEL_NM, molecules

FORMATS = (".ome.tif", ".ome.zarr", ".png")


def peak_mb() -> float:
    """Return the most memory that this process had, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    from limelight.io.picture import write_picture

    parser = arguments("Memory and time of exporting a picture.")
    parser.add_argument("--side", type=int, default=20_000, help="pixels (default 20000)")
    parser.add_argument("--molecules", type=float, default=1e6, help="how many (default 1e6)")
    parser.add_argument("--format", choices=FORMATS, action="append", help="default: all")
    options = parser.parse_args()
    locs = molecules(int(options.molecules))
    pixel = FIELD * PIXEL_NM / options.side
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_picture(Path(folder) / "small.tif", locs, 1000.0)  # compiles
        before = peak_mb()
        for suffix in options.format or FORMATS:
            path = Path(folder) / f"picture{suffix}"
            begun = time.perf_counter()
            write_picture(path, locs, pixel)
            seconds = time.perf_counter() - begun
            files = path.rglob("*") if path.is_dir() else [path]
            size = sum(file.stat().st_size for file in files if file.is_file())
            name = f"{suffix}, {options.side:,} x {options.side:,}"
            rows += [
                Row(f"{name}: memory above the table", peak_mb() - before, unit="MB"),
                Row(f"{name}: pixels", options.side**2 / 1e6 / seconds, unit="M/s"),
                Row(f"{name}: size of the file", size / 1e6, unit="MB"),
            ]
    report("export_memory", rows, options)


if __name__ == "__main__":
    main()
