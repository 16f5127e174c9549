"""What the Metrics dock has done off the main thread, beside the jobs of `limelight.metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.core.job import Progress
from limelight.metrics import report_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from limelight.core.job import Job
    from limelight.metrics import Database, Filter

__all__ = ["lab_book_job", "one_step_job", "query_script"]


def one_step_job(title: str, function: Callable[[], Any]) -> Job[Any]:
    """Do something that cannot be ended half-way, such as a change of the database."""
    yield Progress(0, 1, title)
    result = function()
    yield Progress(1, 1, title)
    return result


def lab_book_job(database: Database, row: Mapping[str, Any]) -> Job[Path]:
    """Write the page of a result for the lab book, and remember what was measured for it.

    Parameters
    ----------
    database : Database
        Where the run is.
    row : mapping
        Its row, as `Rows.row` returns; when it began and what it was stay.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    uid = database.uid_of(int(row["id"]))
    record, _, page = yield from report_job(str(row["file"]))
    began = datetime.fromtimestamp(float(row["started"]), UTC)
    database.keep(replace(record, uid=uid, kind=row["kind"], started=began))
    return page


def query_script(place: str, wanted: Filter, columns: Sequence[str]) -> str:
    """Return the script that asks a database for the runs of a filter.

    Parameters
    ----------
    place : str
        File or URL of the database.
    wanted : Filter
        Which runs.
    columns : sequence of str
        Which columns.
    """
    arguments = [f"    text={wanted.text!r},"] if wanted.text.strip() else []
    for name in ("kinds", "groups", "cameras", "tags"):
        if value := getattr(wanted, name):
            arguments.append(f"    {name}={value!r},")
    for name in ("since", "until"):
        if (moment := getattr(wanted, name)) is not None:
            arguments.append(f"    {name}=datetime.fromisoformat({moment.isoformat()!r}),")
    lines = ["from datetime import datetime", ""] if "datetime" in " ".join(arguments) else []
    lines += ["from limelight.metrics import Database, Filter, to_csv", ""]
    lines += [f"database = Database({place!r})"]
    chosen = ["wanted = Filter(", *arguments, ")"] if arguments else ["wanted = Filter()"]
    listed = ", ".join(repr(c) for c in columns)
    lines += [*chosen, f"rows = database.query(wanted, [{listed}])", "print(to_csv(rows))"]
    return "\n".join(lines) + "\n"
