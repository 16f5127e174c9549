"""``limelight history``: what was measured, when, and how well."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.report import KINDS
from limelight.metrics import Database, Filter, moment

if TYPE_CHECKING:
    import argparse

    from limelight.metrics import Rows

__all__ = ["add_to", "main"]

_SHOWN = ("started", "kind", "n_locs", "nena_nm", "frc_nm", "median_photons", "group", "file")
_FORMS = dict.fromkeys(("n_locs", "median_photons"), "{:,.0f}")
_FORMS |= dict.fromkeys(("nena_nm", "frc_nm"), "{:.1f}")


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="words in the file's path")
    which = parser.add_argument_group("which runs")
    which.add_argument("--since", metavar="TIME", help="30d, 12h, 2026-11-20, ...")
    which.add_argument("--until", metavar="TIME", help="before this time")
    which.add_argument("--kind", action="append", choices=KINDS, default=[])
    which.add_argument("--group", action="append", default=[], help="experiment")
    which.add_argument("--camera", action="append", default=[], help="name of the camera")
    which.add_argument("--tag", action="append", default=[], help="has this tag")
    which.add_argument(
        "--limit", type=int, help="at most so many (default: 50; all as CSV or JSON)"
    )
    which.add_argument("--order", default="-started", help="column; with -: largest first")
    how = parser.add_argument_group("how")
    how.add_argument("--columns", metavar="A,B,...", help="columns, or any figures by name")
    how.add_argument("--csv", action="store_true", help="print CSV")
    how.add_argument("--json", action="store_true", help="print JSON, one object per run")
    do = parser.add_argument_group("the database")
    do.add_argument("--status", action="store_true", help="tell how the database is")
    do.add_argument(
        "--relocate", nargs=2, metavar=("OLD", "NEW"), help="a file or folder was moved"
    )
    do.add_argument(
        "--import-picasso",
        nargs="?",
        const="",
        metavar="FILE",
        help="add what Picasso Server remembers",
    )


def main(options: argparse.Namespace) -> int:
    """Print runs; 1 if the database has a problem."""
    database = Database()
    try:
        if options.status:
            return _status(database)
        if options.relocate:
            old, new = options.relocate
            if not Path(new).expanduser().exists():
                raise ParameterError(f"There is nothing at {new}. Move the files there first.")
            changed = database.relocate(Path(old).expanduser(), Path(new).expanduser())
            print(f"{changed} runs relocated.")
            return 0
        if options.import_picasso is not None:
            from limelight.metrics.adding import import_picasso

            print(f"{import_picasso(database, options.import_picasso or None)} runs imported.")
            return 0
        database.drain()
        _list(database, options)
    finally:
        database.close()
    return 0


def _list(database: Database, options: argparse.Namespace) -> None:
    wanted = Filter(
        text=" ".join(options.words),
        kinds=tuple(options.kind),
        groups=tuple(options.group),
        cameras=tuple(options.camera),
        tags=tuple(options.tag),
        since=moment(options.since) if options.since else None,
        until=moment(options.until) if options.until else None,
    )
    limit = options.limit
    if limit is not None and limit < 1:
        raise ParameterError(f"--limit must be at least 1, not {limit}.")
    machine = options.csv or options.json
    if limit is None and not machine:
        limit = 50
    columns = options.columns.split(",") if options.columns else None
    rows = database.query(
        wanted, columns if machine or columns else _SHOWN, order=options.order, limit=limit
    )
    if options.csv:
        from limelight.metrics import to_csv

        print(to_csv(rows), end="")
    elif options.json:
        for row in rows:
            if row.get("started") is not None:
                row["started"] = datetime.fromtimestamp(row["started"]).astimezone().isoformat()
            print(json.dumps(row))
    else:
        _table(rows, columns or list(_SHOWN))
        total = database.count(wanted)
        if total > len(rows):
            print(f"... and {total - len(rows):,} more (--limit, --csv).")


def _table(rows: Rows, columns: list[str]) -> None:
    if not len(rows):
        print("No runs.")
        return
    texts = [columns, *([_text(name, row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[k]) for line in texts) for k in range(len(columns))]
    for line in texts:
        print("  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip())


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "started":
        return datetime.fromtimestamp(value).isoformat(" ", "minutes")
    if isinstance(value, float):
        return _FORMS.get(name, "{:.4g}").format(value)
    return str(value).strip()


def _status(database: Database) -> int:
    status = database.status()
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(status.kinds.items()))
    print(f"database  {status.path or status.url}")
    tables = f", tables of version {status.version}" if status.version else ""
    print(f"software  {status.software}{tables}")
    print(f"runs      {status.runs:,}" + (f" ({kinds})" if kinds else ""))
    print(f"size      {status.size_bytes / 1e6:.1f} MB")
    print(f"waiting   {status.waiting}" + (f" in {status.journal}" if status.waiting else ""))
    for watcher in status.watchers:
        print(f"watcher   {watcher.name}: {watcher.state} on {watcher.host}, {watcher.message}")
        print(f"          log {watcher.log}")
    if status.problem:
        print(f"limelight: {status.problem}", file=sys.stderr)
        return 1
    return 0
