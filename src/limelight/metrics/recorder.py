"""The recorder that puts every reported run into the database."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import TYPE_CHECKING

from limelight.core.errors import LimelightError
from limelight.core.settings import Settings
from limelight.metrics.places import database_url, journal_folder

if TYPE_CHECKING:
    from limelight.core.report import RunRecord

__all__ = ["DatabaseRecorder"]

_log = logging.getLogger(__name__)
_AT_EXIT_S = 2.0
_RETRY_S = (0.5, 2.0, 10.0, 60.0)
_TRIES = 10  # then the next report, or the next start of Limelight, tries again


class DatabaseRecorder(Settings):
    """Keep every run in the database that ``LIMELIGHT_DB`` names.

    A row first goes to the journal, and a thread of this process adds it from there: whatever
    happens to the database or to the process, the row is added now or later.
    """

    @property
    def on(self) -> bool:
        """Whether ``LIMELIGHT_DB`` names a database."""
        return database_url() is not None

    def record(self, record: RunRecord) -> None:
        """Write the row to the journal, and have it added."""
        url = database_url()
        if url is None:
            return
        from limelight.metrics.journal import Journal

        Journal(journal_folder(url)).write(record)
        _drain.wake(url)

    def flush(self, timeout: float) -> bool:
        """Wait until the journal is empty."""
        url = database_url()
        return url is None or _drain.wait(url, timeout)


class _Drain:
    """A thread that empties the journal, tries again where it cannot, and is there while needed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted: set[str] = set()
        self._thread: threading.Thread | None = None
        self._ending = False

    def wake(self, url: str) -> None:
        with self._changed:
            self._wanted.add(url)
            if self._thread is None and not self._ending:
                # a daemon: a locked database must not keep the program from ending
                self._thread = threading.Thread(
                    target=self._work, name="limelight-recorder", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def wait(self, url: str, timeout: float) -> bool:
        from limelight.metrics.journal import Journal

        end = time.monotonic() + timeout
        journal = Journal(journal_folder(url))
        if len(journal):
            self.wake(url)
        while len(journal):
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, end - time.monotonic())

    def end(self) -> None:
        """Give the thread a moment at the end of the program."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_AT_EXIT_S)

    def _work(self) -> None:
        tries = 0
        while True:
            with self._changed:
                wanted = set(self._wanted)
                self._wanted.clear()
            failed = {url for url in wanted if not self._drained(url)}
            tries = tries + 1 if failed else 0
            with self._changed:
                self._wanted |= failed
                if not self._wanted or self._ending or tries > _TRIES:
                    self._thread = None
                    self._changed.notify_all()
                    return
                if failed:
                    self._changed.wait(_RETRY_S[min(tries, len(_RETRY_S)) - 1])

    @staticmethod
    def _drained(url: str) -> bool:
        from limelight.metrics.database import Database

        database = Database(url)
        try:
            database.drain()
        except LimelightError as error:
            _log.warning("%s", error)
            return False
        except Exception:
            _log.exception("Rows could not be added to the database.")
            return False
        finally:
            database.close()
        return True


_drain = _Drain()
atexit.register(_drain.end)
