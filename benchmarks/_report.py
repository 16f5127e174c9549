"""What all benchmarks share: how a figure is timed, printed, and kept as JSON for the manual.

>>> from _report import Row, arguments, report
>>> options = arguments("Fits per second.").parse_args()
>>> rows = [Row("MLE, fixed sigma", 1.6e6, peer=None, goal=">= 1 M", unit="fits/s")]
>>> report("fit_speed", rows, options)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Row", "arguments", "machine", "report", "seconds"]


@dataclass
class Row:
    """One figure.

    Parameters
    ----------
    what : str
        What was measured.
    limelight : float or str
        Our figure.
    peer : float or str, optional
        Picasso's, measured in the same run.
    unit : str
        Unit of both.
    goal : str
        What was to be reached, such as ``">= 1,000,000"``.
    ratio : float, optional
        How many times better ours is; by default limelight / peer, for "more is better".
    """

    what: str
    limelight: float | str
    peer: float | str | None = None
    unit: str = ""
    goal: str = ""
    ratio: float | None = None

    def __post_init__(self) -> None:
        ours, theirs = self.limelight, self.peer
        if self.ratio is None and isinstance(ours, int | float) and isinstance(theirs, int | float):
            self.ratio = ours / theirs if theirs else None


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--json``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser


def seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """Return the median time of that many calls, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> dict[str, Any]:
    """Describe where the figures were measured."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    found = {"Processor": model, "Cores": os.cpu_count(), "System": platform.system()}
    found["Python"] = platform.python_version()
    for package in ("napari-limelight", "picassosr", "numpy", "numba", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def report(
    name: str, rows: Iterable[Row], options: argparse.Namespace, *, peer: str = "Picasso"
) -> None:
    """Print the figures, and write them to ``--json`` if asked for."""
    rows = list(rows)
    for row in rows:
        other = "" if row.peer is None else f"   {peer} {_text(row.peer)}"
        ratio = "" if row.ratio is None else f"   x {row.ratio:.2f}"
        goal = f"   goal {row.goal}" if row.goal else ""
        print(f"{row.what:<56} {_text(row.limelight):>12} {row.unit}{other}{ratio}{goal}")
    if options.json:
        content = {"name": name, "machine": machine(), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sys.stdout.flush()


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
