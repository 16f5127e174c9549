"""Database: every run remembered, whatever happens to the file that it is remembered in."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from limelight.core.errors import LimelightError, ParameterError, suggest
from limelight.metrics.asking import TEXTS, array_of, narrowed, order_of
from limelight.metrics.connection import DatabaseError, Gate, safe_url
from limelight.metrics.journal import Journal
from limelight.metrics.places import database_url, file_of, journal_folder
from limelight.metrics.rows import Filter, Rows
from limelight.metrics.schema import FIGURES, details, previews, runs, version_of, watchers
from limelight.metrics.states import Details, Status, WatcherState
from limelight.metrics.storing import moved, put, searched, tag_words, unpacked, with_png

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Select

    from limelight.core.report import RunRecord

__all__ = ["COLUMNS", "Database", "DatabaseError", "Details", "Status", "WatcherState"]

COLUMNS = (
    *("id", "kind", "file", "source", "group", "tags", "camera", "started", "duration_s"),
    *FIGURES,
)
"""Columns that `Database.query` returns when none are named."""


class Database:
    """The database of runs; made when it is first used, safe to use from several threads.

    Parameters
    ----------
    place : str or path, optional
        A file, an SQLAlchemy URL; by default what ``LIMELIGHT_DB`` says, else a file in the user's
        data folder.
    patience_s : float
        How long to wait for others who write, seconds.

    Raises
    ------
    DatabaseError
        If the database is switched off (``LIMELIGHT_DB=none``).
    """

    def __init__(self, place: str | Path | None = None, *, patience_s: float = 5.0) -> None:
        url = database_url(place)
        if url is None:
            raise DatabaseError(
                "The database is switched off (LIMELIGHT_DB=none). Unset LIMELIGHT_DB, or set it "
                "to a file."
            )
        self.url = url
        self.path = file_of(url)
        self.journal = Journal(journal_folder(url))
        self.gate = Gate(url, patience_s)

    def close(self) -> None:
        """Close connections; the next use opens them again."""
        self.gate.close()

    # -- adding ----------------------------------------------------------------------------------
    def add(self, record: RunRecord) -> int:
        """Add a run, or add to one of the same ``uid``.

        Returns
        -------
        int
            Its ``id``.

        Raises
        ------
        DatabaseError
            If it cannot be added; `keep` never fails for that.
        """
        return self.add_many([record])[0]

    def add_many(
        self, records: Sequence[RunRecord], stamps: Sequence[float] | None = None
    ) -> list[int]:
        """Add runs in one transaction: all or none.

        Parameters
        ----------
        records : sequence of RunRecord
            The runs.
        stamps : sequence of float, optional
            When they were reported, seconds since 1970; where two reports of one run differ, the
            newer counts.
        """
        times = list(stamps) if stamps is not None else [time.time()] * len(records)
        if len(records) > 1:  # a PNG takes a moment, and the others wait while we write
            records = [with_png(r) for r in records]
        for attempt in range(3):
            try:
                with self.gate.write() as connection:
                    return [put(connection, r, s) for r, s in zip(records, times, strict=True)]
            except DatabaseError as error:
                # another process has added the same run between our look and our row
                if not isinstance(error.__cause__, IntegrityError) or attempt == 2:
                    raise
        return []

    def keep(self, record: RunRecord) -> bool:
        """Add a run, or have it wait in the journal; return whether it was added.

        Raises
        ------
        FileError
            If the journal cannot be written either.
        """
        path = self.journal.write(record)
        try:
            self.add(record)
        except DatabaseError:
            return False
        self.journal.remove(path)
        return True

    def drain(self, most: int = 200) -> int:
        """Add the rows that wait in the journal; return how many were added.

        Parameters
        ----------
        most : int
            Rows of one transaction.

        Raises
        ------
        DatabaseError
            If they cannot be added now; they go on waiting.
        """
        total = 0
        bunch: list[tuple[Path, RunRecord, float]] = []

        def flush() -> None:
            nonlocal total
            if bunch:
                self.add_many([b[1] for b in bunch], [b[2] for b in bunch])
                for path, _, _ in bunch:
                    self.journal.remove(path)
                total += len(bunch)
                bunch.clear()

        for row in self.journal.rows():
            bunch.append(row)
            if len(bunch) >= most:
                flush()
        flush()
        return total

    # -- looking ---------------------------------------------------------------------------------
    def query(
        self,
        wanted: Filter | None = None,
        columns: Iterable[str] | None = None,
        *,
        order: str = "-started",
        limit: int | None = None,
        offset: int = 0,
    ) -> Rows:
        """Return runs as columns.

        Parameters
        ----------
        wanted : Filter, optional
            Which; all by default.
        columns : iterable of str, optional
            Of `COLUMNS`, or the name of any figure; ``id`` is always there.
        order : str
            Column to sort by, newest or largest first with a leading ``-``.
        limit, offset : int
            Page.

        Raises
        ------
        ParameterError
            If there is no such column to sort by.
        DatabaseError
            If the database cannot be read.
        """
        names = list(dict.fromkeys(["id", *(COLUMNS if columns is None else columns)]))
        key = order.removeprefix("-")
        if key not in runs.c:
            raise ParameterError(f"The history has no column {key!r}. {suggest(key, COLUMNS)}")
        paged = limit is not None or offset
        own = [n for n in dict.fromkeys([*names, key]) if n in runs.c and n not in FIGURES]
        figures = [n for n in dict.fromkeys([*names, key]) if n in FIGURES]
        others = [n for n in names if n not in runs.c]
        picked = [runs.c[n] for n in own]
        picked += [runs.c.packed] if figures else []
        if others:
            picked += [details.c.figures]
        statement: Select[Any] = select(*picked)
        if others:
            statement = statement.join_from(runs, details, details.c.run == runs.c.id, isouter=True)
        statement = narrowed(statement, wanted)
        down = order.startswith("-")
        if paged:
            by = (runs.c[key].desc() if down else runs.c[key].asc()).nulls_last()
            statement = statement.order_by(by, runs.c.id.desc())
            # SQLite knows no offset without a limit
            statement = statement.limit(2**62 if limit is None else limit).offset(offset)
        with self.gate.read() as connection:
            # plain tuples of the driver: rows as objects take several times as long
            found = connection.execute(statement).cursor.fetchall()
        parts = list(zip(*found, strict=True)) or [()] * (len(own) + bool(figures) + bool(others))
        made = {name: array_of(name, values) for name, values in zip(own, parts, strict=False)}
        if figures:
            made |= unpacked(parts[len(own)], figures)
        if others:
            texts = [json.loads(t) if t else {} for t in parts[-1]]
            for name in others:
                made[name] = np.array([t.get(name) for t in texts], np.float64)
        rows = Rows({n: made[n] for n in names})
        return rows if paged else rows.take(order_of(made[key], made["id"], down))

    def count(self, wanted: Filter | None = None) -> int:
        """Return how many runs a filter lets through."""
        with self.gate.read() as connection:
            statement = narrowed(select(func.count()).select_from(runs), wanted)
            return int(connection.execute(statement).scalar_one())

    def revision(self) -> tuple[int, float]:
        """Return what changes whenever a run is added, changed or removed; cheap to ask for."""
        statement = select(func.count(), func.max(runs.c.changed)).select_from(runs)
        with self.gate.read() as connection:
            count, newest = connection.execute(statement).one()
        return int(count), float(newest or 0.0)

    def values_of(self, column: str) -> list[str]:
        """Return the different texts of a column (``group``, ``camera``, ``kind``), sorted."""
        if column not in TEXTS:
            raise ParameterError(f"{column!r} is no column of texts. {suggest(column, TEXTS)}")
        with self.gate.read() as connection:
            found = connection.execute(select(runs.c[column]).distinct()).scalars().all()
        return sorted({str(v) for v in found if v})

    def tags(self) -> list[str]:
        """Return all tags, sorted."""
        with self.gate.read() as connection:
            found = connection.execute(select(runs.c.tags).distinct()).scalars().all()
        return sorted({tag for tags in found for tag in tags.split()})

    def details(self, run: int) -> Details:
        """Return all that is known of a run beside its row; empty where nothing is."""
        with self.gate.read() as connection:
            found = connection.execute(select(details).where(details.c.run == int(run))).first()
        if found is None:
            return Details({}, {}, {}, {})
        return Details(*(json.loads(t) for t in found[1:]))

    def preview(self, run: int) -> bytes | None:
        """Return the small picture of a run as PNG, None where there is none."""
        with self.gate.read() as connection:
            found = connection.execute(select(previews.c.png).where(previews.c.run == int(run)))
            png = found.scalar()
        return None if png is None else bytes(png)

    def uid_of(self, run: int) -> str:
        """Return the identity of a run, which a record of the same run has to have.

        Raises
        ------
        ParameterError
            If there is no such run.
        """
        with self.gate.read() as connection:
            found = connection.execute(select(runs.c.uid).where(runs.c.id == int(run))).scalar()
        if found is None:
            raise ParameterError(f"There is no run {run} in the history.")
        return str(found)

    def find(self, file: str | Path, kind: str | None = None) -> list[int]:
        """Return the ids of the runs that wrote a file, newest first."""
        statement = select(runs.c.id).where(runs.c.file == str(Path(file).absolute()))
        if kind is not None:
            statement = statement.where(runs.c.kind == kind)
        with self.gate.read() as connection:
            found = connection.execute(statement.order_by(runs.c.stamp.desc())).scalars()
            return [int(run) for run in found]

    # -- changing --------------------------------------------------------------------------------
    def relocate(self, old: str | Path, new: str | Path) -> int:
        """Tell that a file, or a folder with all in it, is now elsewhere.

        Parameters
        ----------
        old, new : path
            Where it was and where it is.  Results and the movies that they were made from follow.

        Returns
        -------
        int
            Runs that were changed.
        """
        was, now = str(Path(old).absolute()), str(Path(new).absolute())
        changed = 0
        with self.gate.write() as connection:
            inside = [
                or_(
                    column == was,
                    *(func.substr(column, 1, len(was) + 1) == was + end for end in "/\\"),
                )
                for column in (runs.c.file, runs.c.source)
            ]
            found = connection.execute(
                select(runs.c.id, runs.c.file, runs.c.source).where(or_(*inside))
            ).all()
            for run, *paths in found:
                file, source = (moved(p, was, now) for p in paths)
                connection.execute(
                    update(runs)
                    .where(runs.c.id == run)
                    .values(
                        file=file,
                        source=source,
                        name=Path(file or source or "").name,
                        search=searched(file, source),
                        changed=time.time(),
                    )
                )
                changed += 1
        return changed

    def regroup(
        self,
        ids: Iterable[int],
        group: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> None:
        """Give runs another group, other tags, or both."""
        values: dict[str, Any] = {"changed": time.time()}
        if group is not None:
            values["group"] = group
        if tags is not None:
            values["tags"] = tag_words(tags)
        with self.gate.write() as connection:
            for chunk in _chunks(ids):
                connection.execute(update(runs).where(runs.c.id.in_(chunk)).values(values))

    def remove(self, ids: Iterable[int]) -> None:
        """Forget runs; their files stay."""
        with self.gate.write() as connection:
            for chunk in _chunks(ids):
                connection.execute(delete(details).where(details.c.run.in_(chunk)))
                connection.execute(delete(previews).where(previews.c.run.in_(chunk)))
                connection.execute(delete(runs).where(runs.c.id.in_(chunk)))

    # -- how it is -------------------------------------------------------------------------------
    def status(self) -> Status:
        """Return how the database is; a problem is told, not raised."""
        from limelight.core.report import _version

        known: dict[str, Any] = {
            "url": safe_url(self.url),
            "path": self.path,
            "journal": self.journal.folder,
            "software": _version(),
        }
        try:
            with self.gate.read() as connection:
                known["version"] = version_of(connection)
                found = connection.execute(select(runs.c.kind, func.count()).group_by(runs.c.kind))
                known["kinds"] = {kind: int(n) for kind, n in found}
            known["runs"] = sum(known["kinds"].values())
            known["watchers"] = self.watchers()
        except LimelightError as error:
            known["problem"] = str(error)
        if self.path is not None and self.path.exists():
            known["size_bytes"] = self.path.stat().st_size
        return Status(**known, waiting=len(self.journal))

    def watchers(self) -> list[WatcherState]:
        """Return the watchers that run, and of each that does not its last start."""
        from limelight.metrics.processes import is_lost

        with self.gate.read() as connection:
            found = connection.execute(select(watchers).order_by(watchers.c.started.desc())).all()
        states: list[WatcherState] = []
        seen: set[tuple[str, str]] = set()
        for row in found:
            state = row.state
            if state == "running" and is_lost(row.host, row.pid, row.pid_started, row.heartbeat):
                state = "lost"
            if state != "running" and (row.host, row.name) in seen:
                continue
            seen.add((row.host, row.name))
            states.append(
                WatcherState(
                    *(row.uid, row.name, json.loads(row.folders), row.settings, Path(row.log)),
                    *(row.host, row.pid, row.started, row.heartbeat, state, row.message),
                )
            )
        return states

    def ask_to_stop(self, uid: str) -> None:
        """Ask a watcher to stop, in whichever process it runs; it does so after its file."""
        with self.gate.write() as connection:
            connection.execute(update(watchers).where(watchers.c.uid == uid).values(wish="stop"))


def _chunks(ids: Iterable[int], size: int = 500) -> Iterable[list[int]]:
    every = [int(i) for i in ids]
    return [every[k : k + size] for k in range(0, len(every), size)]
