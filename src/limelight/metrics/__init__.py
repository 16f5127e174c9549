"""Every measurement remembered, compared, watched.

Capabilities say what they did with `limelight.core.report.report`; the recorder of this package
puts it into a `Database`.  Nothing here knows a window.

**The database.**  ``Database()`` is the one that ``LIMELIGHT_DB`` names (a file, an SQLAlchemy URL,
or ``none``), else a file in the user's data folder.  All its methods raise `DatabaseError` with a
message for a person, and are safe to call from several threads and processes.

.. code-block:: python

    database = Database()
    rows = database.query()  # all runs, newest first, as columns
    rows["nena_nm"], rows["started"], rows["file"]  # numpy arrays
    shown = rows.where(Filter(text="cell 3", kinds=("localization",)))  # indices
    database.preview(int(rows["id"][0]))  # PNG

- ``query(Filter, columns, order=, limit=, offset=) -> Rows``: in SQL; ``Rows.where(Filter)`` does
  the same in memory, for filtering as a person types.  ``revision()`` changes when there is
  something new.  ``details(id)`` has settings, camera, all figures and notes.
- ``status() -> Status``: place, versions, counts, rows that wait, watchers; never raises.
- ``values_of("group" | "camera" | "kind")``, ``tags()``: for the filter's choices.
- ``missing(rows)`` tells whose files are gone; ``relocate(old, new)``, ``remove(ids)`` and
  ``regroup(ids, group, tags)`` change rows.
- ``add_files_job(paths, database)`` adds results that exist already, of files and folders;
  ``import_picasso(database, path)`` what Picasso Server has remembered; ``report_job(table)``
  writes the page of a result for the lab book.

**What the views need**, as pure functions on arrays: `daily_boxes`, `trend`, `control_chart`,
`bar_fractions`, `locs_over_time`, `common_histograms`, `to_csv`; `compare_job` reads results that
are compared, `side_by_side_job` draws them at one scale, `title_of` names columns for people.

**The watcher.**  ``Watcher(WatchSettings(folders=(...,)))`` with ``start()``, ``stop()``,
``running``, ``log(lines)``; or ``watch_job(settings)`` as a job that ends when it is closed.
``Database.watchers()`` lists those of all processes, ``Database.ask_to_stop(uid)`` stops one
anywhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.metrics.adding import Added, add_files_job, import_picasso, picasso_database
    from limelight.metrics.analysis import (
        ControlChart,
        DayBox,
        Trend,
        bar_fractions,
        common_histograms,
        control_chart,
        daily_boxes,
        locs_over_time,
        to_csv,
        trend,
    )
    from limelight.metrics.comparing import Compared, compare_job, side_by_side_job
    from limelight.metrics.connection import DatabaseError
    from limelight.metrics.database import COLUMNS, Database, Details, Status, WatcherState
    from limelight.metrics.page import page_path, report_job
    from limelight.metrics.places import choose_database
    from limelight.metrics.rows import Filter, Rows, missing, moment
    from limelight.metrics.thumbnails import previews_of
    from limelight.metrics.titles import TITLES, title_of
    from limelight.metrics.watch_settings import ParameterGroup, WatchSettings, load_watch
    from limelight.metrics.watcher import Watched, Watcher, log_path, watch_job

_HOMES = {
    "Added": "adding",
    "add_files_job": "adding",
    "import_picasso": "adding",
    "picasso_database": "adding",
    "report_job": "page",
    "page_path": "page",
    "ParameterGroup": "watch_settings",
    "WatchSettings": "watch_settings",
    "Watched": "watcher",
    "Watcher": "watcher",
    "load_watch": "watch_settings",
    "watch_job": "watcher",
    "log_path": "watcher",
    "COLUMNS": "database",
    "Compared": "comparing",
    "compare_job": "comparing",
    "side_by_side_job": "comparing",
    "choose_database": "places",
    "previews_of": "thumbnails",
    "TITLES": "titles",
    "title_of": "titles",
    "ControlChart": "analysis",
    "DayBox": "analysis",
    "Trend": "analysis",
    "bar_fractions": "analysis",
    "common_histograms": "analysis",
    "control_chart": "analysis",
    "daily_boxes": "analysis",
    "locs_over_time": "analysis",
    "to_csv": "analysis",
    "trend": "analysis",
    "Database": "database",
    "DatabaseError": "connection",
    "Details": "database",
    "Filter": "rows",
    "Rows": "rows",
    "Status": "database",
    "WatcherState": "database",
    "missing": "rows",
    "moment": "rows",
}

__all__ = [
    "COLUMNS",
    "TITLES",
    "Added",
    "Compared",
    "ControlChart",
    "Database",
    "DatabaseError",
    "DayBox",
    "Details",
    "Filter",
    "ParameterGroup",
    "Rows",
    "Status",
    "Trend",
    "WatchSettings",
    "Watched",
    "Watcher",
    "WatcherState",
    "add_files_job",
    "bar_fractions",
    "choose_database",
    "common_histograms",
    "compare_job",
    "control_chart",
    "daily_boxes",
    "import_picasso",
    "load_watch",
    "locs_over_time",
    "log_path",
    "missing",
    "moment",
    "page_path",
    "picasso_database",
    "previews_of",
    "report_job",
    "side_by_side_job",
    "title_of",
    "to_csv",
    "trend",
    "watch_job",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
