"""Where the database is, and the folder for what waits beside it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

__all__ = ["data_folder", "database_url", "file_of", "journal_folder"]

OFF = ("none", "off")


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
        ``none``.  By default what the environment variable ``LIMELIGHT_DB`` says; without it, the
        file ``metrics.sqlite`` in the user's data folder.
    """
    if place is None:
        place = os.environ.get("LIMELIGHT_DB") or data_folder() / "metrics.sqlite"
    if str(place).strip().lower() in OFF:
        return None
    if isinstance(place, str) and "://" in place:
        return place
    return f"sqlite:///{Path(place).expanduser().absolute()}"


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite database, None for others."""
    if not url.startswith("sqlite") or ":///" not in url:
        return None
    name = url.split(":///", 1)[1].split("?", 1)[0]
    return Path(name) if name and name != ":memory:" else None


def journal_folder(url: str) -> Path:
    """Return the folder in which rows wait for that database; each database has its own."""
    return data_folder() / "journal" / hashlib.sha256(url.encode()).hexdigest()[:16]
