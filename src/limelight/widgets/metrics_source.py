"""What the Metrics dock looks at: a database, asked off the main thread, and its newest rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from limelight.core.errors import LimelightError
from limelight.metrics import Database, Filter, Rows, missing
from limelight.widgets.dock import say
from limelight.widgets.mailbox import NewestOnly

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.metrics import Details, Status

__all__ = ["HistorySource", "RunPage"]

_LOOK_MS = 3000
_AGAIN_MS = 10_000  # where something is wrong
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class RunPage:
    """All that is shown of one run beside its row.

    Parameters
    ----------
    run : int
        Its id.
    details : Details
        Settings, camera, figures, notes.
    png : bytes or None
        Its small picture.
    """

    run: int
    details: Details
    png: bytes | None


@dataclass
class _Known:
    """What was read of a database; only the thread that reads looks at it."""

    revision: tuple[int, float] | None = None


@dataclass(frozen=True)
class _Answer:
    rows: Rows | None
    status: Status


class HistorySource(QObject):
    """Follows a database: reads its rows when there are new ones, a few seconds later.

    A database that is slow, locked or out of reach never holds up the window.

    Signals
    -------
    rows_changed : there are other rows.
    gone_changed : it is known anew which files are missing.
    status_changed : object
        The newest `Status`.
    page_ready : object
        A `RunPage` that was asked for.
    failed : str
        What went wrong; empty when all is well again.
    """

    rows_changed = Signal()
    gone_changed = Signal()
    status_changed = Signal(object)
    page_ready = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.database: Database | None = None
        self.rows = _no_rows()
        self.gone = np.zeros(0, np.bool_)
        self.status: Status | None = None
        self.problem = ""
        self._known = _Known()
        self._looker = NewestOnly(self)
        self._looker.answered.connect(self._on_look)
        self._looker.failed.connect(self._on_failed)
        self._checker = NewestOnly(self)
        self._checker.answered.connect(self._on_checked)
        self._pager = NewestOnly(self)
        self._pager.answered.connect(self._on_page)
        self._pager.failed.connect(self._on_failed)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._on_time)

    # -- which database -------------------------------------------------------------------------
    def use(self, place: str | Path | None = None) -> None:
        """Look at another database; by default the one that runs are kept in."""
        old, self.database = self.database, None
        for mailbox in (self._looker, self._checker, self._pager):
            mailbox.forget()
        self._known, self.status = _Known(), None
        self.rows, self.gone = _no_rows(), np.zeros(0, np.bool_)
        try:
            self.database = Database(place, patience_s=_PATIENCE_S)
        except LimelightError as error:
            self._tell(str(error))
        self.rows_changed.emit()
        if old is not None:
            old.close()
        self.look()

    def follow(self, on: bool) -> None:
        """Look for new rows by itself, or not."""
        if on == self._timer.isActive():
            return
        if on:
            self._timer.start()
            self.look()
        else:
            self._timer.stop()

    def close(self) -> None:
        """End all work."""
        self._timer.stop()
        self.finish()

    def finish(self) -> None:
        """End all work on other threads; touches nothing of Qt."""
        for mailbox in (self._looker, self._checker, self._pager):
            mailbox.close(_PATIENCE_S)
        if self.database is not None:
            self.database.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return self._looker.idle and self._checker.idle and self._pager.idle

    # -- rows -----------------------------------------------------------------------------------
    def look(self) -> None:
        """Look whether there is anything new."""
        database, known = self.database, self._known
        if database is not None:
            self._looker.request(database, lambda: _look(database, known))

    def _on_time(self) -> None:
        if self._looker.idle:  # one that is locked takes longer to answer than it is asked
            self.look()

    def _on_look(self, database: Database, answer: _Answer) -> None:
        if database is not self.database:
            return
        self.status = answer.status
        self.status_changed.emit(answer.status)
        self._tell(answer.status.problem)
        if answer.rows is not None:
            self.rows = answer.rows
            self.gone = _carried(self.gone, len(self.rows))
            self.rows_changed.emit()
            self.check_files()

    def check_files(self) -> None:
        """Look which files are where they were."""
        rows = self.rows
        self._checker.request(rows, lambda: _check(rows))

    def _on_checked(self, rows: Rows, gone: NDArray[np.bool_]) -> None:
        if rows is self.rows:
            self.gone = gone
            self.gone_changed.emit()

    def ask_page(self, run: int) -> None:
        """Ask for all that is known of a run."""
        database = self.database
        if database is not None:
            self._pager.request(
                database, lambda: RunPage(run, database.details(run), database.preview(run))
            )

    def _on_page(self, database: Database, page: RunPage) -> None:
        if database is self.database:
            self.page_ready.emit(page)

    def _on_failed(self, database: Database, error: Exception) -> None:
        if database is self.database:
            self._tell(say(error))

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._timer.setInterval(_AGAIN_MS if problem else _LOOK_MS)
            self.failed.emit(problem)


def _look(database: Database, known: _Known) -> _Answer:
    status = database.status()
    if status.problem:
        return _Answer(None, status)
    revision = database.revision()
    if revision == known.revision:
        return _Answer(None, status)
    rows = database.query()
    known.revision = revision
    return _Answer(rows, status)


def _check(rows: Rows) -> NDArray[np.bool_]:
    rows.where(Filter(text="-"))  # the first search of a snapshot prepares it for the others
    return missing(rows)


def _no_rows() -> Rows:
    from limelight.metrics import COLUMNS

    texts = ("kind", "file", "source", "group", "tags", "camera")
    return Rows({c: np.empty(0, object if c in texts else np.float64) for c in COLUMNS})


def _carried(gone: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return a mask of that length until the files were looked for."""
    return np.zeros(count, np.bool_) if len(gone) != count else gone
