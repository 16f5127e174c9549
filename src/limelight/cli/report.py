"""``limelight report PATH...``: measure results, add them to the history, write their pages."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Progress, run
from limelight.core.report import recording
from limelight.metrics.adding import find_results
from limelight.metrics.page import page_path, report_job, with_unit

if TYPE_CHECKING:
    import argparse

    from limelight.core.locs.assess import Quality
    from limelight.core.report import RunRecord

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="tables, localized movies, or folders of these"
    )
    parser.add_argument("--output", type=Path, metavar="PAGE.html", help="the page (of one table)")
    parser.add_argument("--no-page", action="store_true", help="only measure and remember")
    parser.add_argument("--group", default="", help="experiment, for the history")
    parser.add_argument("--tag", action="append", default=[], metavar="WORD", help="likewise")
    parser.add_argument("--json", action="store_true", help="print JSON, one object per table")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def main(options: argparse.Namespace) -> int:
    """Report on every table; go on after a bad one; 1 if any failed."""
    status = 0
    tables: list[Path] = []
    for path in options.paths:
        try:
            tables += find_results(path)
        except LimelightError as error:
            print(f"limelight: {error}", file=sys.stderr)
            status = 1
    tables = list(dict.fromkeys(t.absolute() for t in tables))
    if options.output is not None and len(tables) > 1:
        raise ParameterError(f"--output names one page, and there are {len(tables)} tables.")
    for table in tables:
        try:
            record, quality, page = _measured(table, options)
        except (LimelightError, OSError, MemoryError) as error:
            print(f"{table}: {error or type(error).__name__}", file=sys.stderr)
            status = 1
            continue
        _remember(record)
        _tell(table, record, quality, page, options.json)
    return status


def _measured(
    table: Path, options: argparse.Namespace
) -> tuple[RunRecord, Quality | None, Path | None]:
    bar: tqdm[Any] = tqdm(desc=table.name, disable=options.quiet or None, leave=False)

    def show(step: Progress) -> None:
        bar.total = step.total
        bar.set_postfix_str(step.message, refresh=False)
        bar.update(step.done - bar.n)

    with bar:
        if options.no_page:
            from limelight.metrics.adding import measured_job

            _, record, quality = run(
                measured_job(table, group=options.group, tags=options.tag), show
            )
            return record, quality, None
        page = options.output or page_path(table)
        return run(report_job(table, page, group=options.group, tags=options.tag), show)


def _remember(record: RunRecord) -> None:
    """Add the run to the history, or its quality to the run that is there."""
    from dataclasses import replace

    from limelight.metrics.connection import DatabaseError
    from limelight.metrics.database import Database

    if not recording() or record.file is None:
        return
    database = Database()
    try:
        known = database.find(record.file, "localization")
        if known:
            # the oldest of all reports: only what the run itself did not tell is taken from it
            record = replace(record, uid=database.uid_of(known[0]))
            database.add_many([record], [0.0])
        else:
            database.add(record)
    except DatabaseError as error:
        database.journal.write(record)
        print(f"limelight: {error}", file=sys.stderr)
    finally:
        database.close()


def _tell(
    table: Path, record: RunRecord, quality: Quality | None, page: Path | None, as_json: bool
) -> None:
    if as_json:
        told = {"file": str(table), "page": page and str(page), **record.figures}
        print(json.dumps({**told, "notes": dict(record.notes)}))
        return
    print(table)
    measures = quality.measures if quality is not None else ()
    width = max((len(m.title) for m in measures), default=0)
    for m in measures:
        value = with_unit(m.value, m.unit)
        doubt = f"   ({m.note})" if m.note else ""
        print(f"  {m.title:<{width}}  {value}{doubt}")
    if not measures:
        print("  The table is empty: there is nothing to measure.")
    if page is not None:
        print(f"  Page: {page}")
