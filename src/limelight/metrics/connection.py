"""The way to the database: one engine, transactions, and what can go wrong, said well."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from limelight.core.errors import LimelightError
from limelight.metrics.places import file_of
from limelight.metrics.schema import VERSION, prepare, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

__all__ = ["DatabaseError", "Gate", "safe_url"]


class DatabaseError(LimelightError):
    """The database cannot be used; the message says why, and what happens to rows meanwhile."""


def safe_url(url: str) -> str:
    """Return the URL without its password."""
    from sqlalchemy import make_url

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


class Gate:
    """Connections to one database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    patience_s : float
        How long to wait for others who write, seconds.
    """

    def __init__(self, url: str, patience_s: float = 5.0) -> None:
        self.url = url
        self._patience = patience_s
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._ready = False

    def _make(self) -> Engine:
        file = file_of(self.url)
        try:
            if file is None:
                return create_engine(self.url, pool_pre_ping=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(
                self.url, poolclass=NullPool, connect_args={"timeout": self._patience}
            )
        except (ArgumentError, NoSuchModuleError) as error:
            raise DatabaseError(
                f"LIMELIGHT_DB is {safe_url(self.url)!r}, which is no SQLAlchemy URL and no file. "
                "Write a file name, or sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME."
            ) from error
        except ModuleNotFoundError as error:
            raise DatabaseError(
                f"The driver {error.name!r} of {safe_url(self.url)} is not installed. "
                "Install it: pip install "
                + ('"napari-limelight[postgresql]"' if error.name == "psycopg" else f"{error.name}")
            ) from error
        except OSError as error:
            raise DatabaseError(
                f"The folder of the database {file} cannot be made ({error.strerror}). Set "
                "LIMELIGHT_DB to a file in a folder that you may write into."
            ) from error
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading.

        Raises
        ------
        DatabaseError
            If the database cannot be reached or read.
        """
        with self._explained(), self._connected() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are all made at the end, or none.

        Raises
        ------
        DatabaseError
            If the database cannot be reached or written.
        """
        with (
            self._explained(),
            self._connected() as connection,
            connection.execution_options(limelight_writes=True).begin(),
        ):
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._lock:
            if self._engine is None:
                self._engine = self._make()
        with self._engine.connect() as connection:
            if not self._ready:
                self._prepare(connection)
                self._ready = True
            yield connection

    def _prepare(self, connection: Connection) -> None:
        """Make the tables or bring them up to date; who only reads needs neither."""
        version = version_of(connection)
        connection.rollback()
        if version is not None and version > VERSION:
            raise DatabaseError(
                f"{safe_url(self.url)} was written by a newer Limelight (its tables are of version "
                f"{version}, this one knows {VERSION}). Update Limelight; until then rows wait."
            )
        if version == VERSION:
            return
        try:
            with connection.execution_options(limelight_writes=True).begin():
                prepare(connection)
        except DBAPIError:
            # where others may make tables meanwhile, they may have been quicker
            if file_of(self.url) is not None or version_of(connection) != VERSION:
                raise
            connection.rollback()
        finally:
            connection.execution_options(limelight_writes=False)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise DatabaseError(_explain(self.url, error)) from error
        except SQLAlchemyError as error:
            raise DatabaseError(f"{safe_url(self.url)}: {error}") from error

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        with self._lock:
            engine, self._engine, self._ready = self._engine, None, False
        if engine is not None:
            engine.dispose()


def _set_up(connection: Any, _record: Any) -> None:
    # The driver's own transactions begin too late: two writers that first read would block
    # each other.  See _begin.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        try:
            connection.execute(f"PRAGMA {pragma}").close()
        except Exception:
            if "journal_mode" not in pragma:
                raise
            # a database that may only be read stays as it is


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("limelight_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explain(url: str, error: DBAPIError) -> str:
    where = safe_url(url)
    file = file_of(url)
    text = str(error.orig).strip()
    low = text.lower()
    if file is None:
        return f"The database {where} cannot be used: {text}. Rows wait until it can be reached."
    if "locked" in low or "busy" in low:
        return f"{file} is locked by another program. Rows wait until it lets go."
    if "readonly" in low or "read-only" in low:
        return (
            f"{file} may only be read. Rows wait until it may be written: change its permissions, "
            "or set LIMELIGHT_DB to another file."
        )
    if "malformed" in low or "not a database" in low or "corrupt" in low:
        return (
            f"{file} is damaged ({text}). Move it away: a new one is made, and the rows that wait "
            "are added to it. The command `sqlite3 FILE .recover` saves what can be saved of it."
        )
    if "unable to open" in low:
        why = "it is a folder" if os.path.isdir(file) else "its folder is missing or not yours"
        return f"{file} cannot be opened: {why}. Set LIMELIGHT_DB to another file."
    if "full" in low:
        return f"The disk of {file} is full. Free some space; rows wait."
    return f"{file} cannot be used: {text}. Rows wait until it can be."
