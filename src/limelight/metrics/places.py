"""Where the database is, and the folder for what waits beside it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from limelight.core.errors import FileError

__all__ = ["choose_database", "data_folder", "database_url", "file_of", "journal_folder"]

OFF = ("none", "off")
_CHOICE = "database.txt"


def data_folder() -> Path:
    """Return the folder of this user's data, which need not exist yet."""
    from platformdirs import user_data_path

    return user_data_path("limelight", appauthor=False)


def database_url(place: str | Path | None = None) -> str | None:
    """Return the SQLAlchemy URL of the database, None where it is switched off.

    Parameters
    ----------
    place : str or path, optional
        A file (SQLite), an SQLAlchemy URL such as ``postgresql+psycopg://lab/limelight``, or
        ``none``.  By default what the environment variable ``LIMELIGHT_DB`` says; without it, what
        `choose_database` was told, else the file ``metrics.sqlite`` in the user's data folder.
    """
    if place is None:
        place = os.environ.get("LIMELIGHT_DB") or _chosen() or data_folder() / "metrics.sqlite"
    if str(place).strip().lower() in OFF:
        return None
    if isinstance(place, str) and "://" in place:
        return place
    return f"sqlite:///{Path(place).expanduser().absolute()}"


def choose_database(place: str | Path | None) -> None:
    """Keep runs in another database from now on, in all programs of this user.

    Parameters
    ----------
    place : str, path or None
        As for `database_url`; None for the file in the user's data folder.  The environment
        variable ``LIMELIGHT_DB`` takes precedence.

    Raises
    ------
    FileError
        If the choice cannot be kept.
    """
    file = data_folder() / _CHOICE
    try:
        if place is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{database_url(place) or OFF[0]}\n", encoding="utf-8")
    except OSError as error:
        raise FileError(file, f"it cannot be written ({error.strerror or error}).") from error


def _chosen() -> str:
    try:
        return (data_folder() / _CHOICE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite database, None for others."""
    if not url.startswith("sqlite") or ":///" not in url:
        return None
    name = url.split(":///", 1)[1].split("?", 1)[0]
    return Path(name) if name and name != ":memory:" else None


def journal_folder(url: str) -> Path:
    """Return the folder in which rows wait for that database; each database has its own."""
    return data_folder() / "journal" / hashlib.sha256(url.encode()).hexdigest()[:16]
