"""``limelight undrift | link | filter | ... FILE...``: one command for each table tool."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from limelight.cli.options import add_fields, given
from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Progress, run
from limelight.core.remarks import collected
from limelight.core.report import report
from limelight.core.settings import fields_of
from limelight.io.tables.dispatch import TABLE_SUFFIXES
from limelight.io.tools import Applied, apply_tool_job

if TYPE_CHECKING:
    import argparse

    from limelight.core.locs.result import Measure
    from limelight.core.locs.tools.tool import Tool

__all__ = ["add_to", "main"]


def _tool_class(name: str) -> type[Tool]:
    return parts.load("tools", name)  # type: ignore[return-value]


def add_to(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the arguments of the command of that tool."""
    cls = _tool_class(name)
    parser.add_argument(
        "paths", nargs="+", metavar="FILE", help="tables of any format, or patterns such as *.hdf5"
    )
    fields = fields_of(cls)
    if fields:
        add_fields(parser.add_argument_group("settings"), [("", field) for field in fields])
    results = parser.add_argument_group("results and running")
    results.add_argument("--json", action="store_true", help="print JSON, one object per file")
    results.add_argument(
        "--pixel-size",
        type=float,
        metavar="NM",
        help="size of a camera pixel, where FILE is silent",
    )
    if cls.suffix:
        results.add_argument(
            "--suffix", default="", help=f"added to the results' names: NAME{cls.suffix}+SUFFIX"
        )
        results.add_argument(
            "--format",
            default="hdf5",
            metavar="SUFFIX",
            help="kind of file that is written: csv, parquet, ... (default: hdf5, Picasso's)",
        )
        results.add_argument(
            "--overwrite", action="store_true", help="replace files that another program wrote"
        )
        results.add_argument("--no-save", action="store_true", help="print the figures only")
    results.add_argument("--quiet", action="store_true", help="no progress bar")


def main(options: argparse.Namespace, name: str) -> int:
    """Apply the tool to all tables; go on after a bad one.

    Returns
    -------
    int
        0, or 1 if any table failed.
    """
    cls = _tool_class(name)
    tool = cls(**given(options, [cls]))
    paths = _tables(options.paths)
    kind = "." + getattr(options, "format", "hdf5").lstrip(".").lower()
    if kind not in TABLE_SUFFIXES:
        raise ParameterError(
            f"--format: there is no {kind!r}. Those that are known: {', '.join(TABLE_SUFFIXES)}."
        )
    failed = 0
    for path in paths:
        try:
            applied = _one(path, tool, kind, options)
        except (LimelightError, OSError, MemoryError) as error:
            failed += 1
            reason = str(error) or type(error).__name__
            if options.json:
                print(json.dumps({"file": str(path), "tool": name, "error": reason}))
            print(f"{path}: failed: {reason}", file=sys.stderr)
            continue
        report(applied.record())
        if options.json:
            print(json.dumps(_record(applied)))
        else:
            print(_text(applied))
    if failed and len(paths) > 1:
        print(f"{failed} of {len(paths)} files failed.", file=sys.stderr)
    return 1 if failed else 0


def _tables(words: list[str]) -> list[Path]:
    """Return the files that paths and patterns mean, each once.

    Raises
    ------
    ParameterError
        If a pattern means none.
    """
    import glob

    found: list[Path] = []
    for word in words:
        path = Path(word).expanduser()
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        matching = sorted(Path(p) for p in glob.glob(str(path), recursive=True))
        if not matching:
            raise ParameterError(f"No file matches {word!r}.")
        found += [p for p in matching if p.suffix.lower() in TABLE_SUFFIXES]
    return list({path.absolute(): path for path in found}.values())


def _one(path: Path, tool: Tool, kind: str, options: argparse.Namespace) -> Applied:
    if path.is_dir():
        raise ParameterError(f"{path.name} is a folder. Give its tables: {path}/*.hdf5")
    with (
        collected() as said,
        tqdm(total=None, desc=path.name, disable=options.quiet or None, leave=False) as bar,
    ):

        def show(step: Progress) -> None:
            bar.total = step.total
            bar.set_postfix_str(step.message, refresh=False)
            bar.update(step.done - bar.n)

        job = apply_tool_job(
            tool,
            path,
            save=not getattr(options, "no_save", False),
            suffix=getattr(options, "suffix", ""),
            kind=kind,
            overwrite=getattr(options, "overwrite", False),
            pixel_size_nm=options.pixel_size,
        )
        applied = run(job, show)
    for remark in said:
        print(f"{path.name}: {remark}", file=sys.stderr)
    return applied


def _record(applied: Applied) -> dict[str, Any]:
    """Return what is printed as JSON."""
    result = applied.result
    return {
        "file": str(applied.source),
        "tool": applied.tool.name,
        "settings": applied.tool.settings_record(),
        "values": {k: None if v is None or math.isnan(v) else v for k, v in result.values.items()},
        "units": {m.name: m.unit for m in result.measures if m.unit},
        "reliable": {m.name: m.reliable for m in result.measures if not m.reliable},
        "notes": list(result.notes),
        "saved": [str(path) for path in applied.saved],
        "seconds": round(applied.seconds, 3),
    }


def _text(applied: Applied) -> str:
    """Return what is printed for a person."""
    measures = applied.result.measures
    width = max((len(m.title) for m in measures), default=0)
    lines = [str(applied.source)]
    lines += [f"  {m.title:<{width}}  {_value(m)}" for m in measures]
    lines += [f"  note: {note}" for note in applied.result.notes]
    lines += [f"  saved {path.name}" for path in applied.saved]
    return "\n".join(lines)


def _value(measure: Measure) -> str:
    if measure.value is None:
        return "not measured"
    value = measure.value
    whole = float(value).is_integer() and measure.unit == ""
    text = f"{value:,.0f}" if whole or abs(value) >= 1e5 else f"{value:.4g}"
    doubt = "" if measure.reliable else "  (not reliable)"
    return f"{text} {measure.unit}".rstrip() + doubt
