"""Tables of the database, and how an older database becomes a newer one.

Version 1 has ``runs`` (one slim row per run, so that a hundred thousand are read in a moment),
``details`` (all else that is known of a run, as JSON) and ``previews``.  Version 2 adds
``watchers`` and ``claims``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

__all__ = ["FIGURES", "VERSION", "claims", "details", "previews", "runs", "version_of", "watchers"]

VERSION = 2

FIGURES = (
    *("frames", "n_locs", "locs_per_frame", "median_photons", "median_bg"),
    *("median_sx", "median_sy", "median_lpx", "median_lpy"),
    *("nena_px", "nena_nm", "frc_nm", "bright_time"),
    *("drift_rcc_x", "drift_rcc_y", "drift_aim_x", "drift_aim_y"),
    *("n_beads", "fwhm_x_nm", "fwhm_y_nm", "fwhm_z_nm", "n_objects", "dropped_frames"),
)
"""Figures with a column of their own; any other is kept in the details."""

_metadata = MetaData()

schema = Table("limelight_schema", _metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("file", Text),
    Column("source", Text),
    Column("search", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("started", Float, nullable=False),
    Column("duration_s", Float),
    *(Column(name, Float) for name in FIGURES),
    Column("packed", LargeBinary, nullable=False),
    Column("software", Text, nullable=False),
    Column("changed", Float, nullable=False),
    Column("stamp", Float, nullable=False),
    Index("runs_started", "started"),
    Index("runs_file", "file"),
    Index("runs_source", "source"),
    Index("runs_changed", "changed"),
)
"""Times are seconds since 1970-01-01 UTC; tags are words between spaces; ``search`` is both
paths in lower case.  ``packed`` has the figures once more, float64 in the order of `FIGURES`, NaN
for none, so that a whole history is read at once; new figures go to the end of `FIGURES`."""

details = Table(
    "details",
    _metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("settings", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("notes", Text, nullable=False),
)

previews = Table(
    "previews",
    _metadata,
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("png", LargeBinary, nullable=False),
)

watchers = Table(
    "watchers",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("folders", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Float, nullable=False),
    Column("started", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("wish", String(16), nullable=False),
)
"""One row per start of a watcher; ``wish`` is what others ask of it ("stop")."""

claims = Table(
    "claims",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("watch", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("size", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("steps", Text, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("run_uid", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("changed", Float, nullable=False),
    UniqueConstraint("watch", "path", "part", name="claims_once"),
    Index("claims_owner", "owner"),
)
"""Who works, or has worked, on a file with a parameter group; there is one row for each."""


def _one_to_two(connection: Connection) -> None:
    watchers.create(connection, checkfirst=True)
    claims.create(connection, checkfirst=True)


MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: _one_to_two}
"""What makes a database of a version one of the next."""


def version_of(connection: Connection) -> int | None:
    """Return the version of a database's tables, None where there are none."""
    if not inspect(connection).has_table("limelight_schema"):
        return None
    found = connection.execute(select(schema.c.version)).scalar()
    return None if found is None else int(found)


def prepare(connection: Connection) -> None:
    """Make the tables, or bring older ones up to date, in the connection's transaction."""
    version = version_of(connection)
    if version is None:
        _metadata.create_all(connection)
        connection.execute(schema.insert().values(version=VERSION))
        return
    for step in range(version, VERSION):
        MIGRATIONS[step](connection)
    if version < VERSION:
        connection.execute(schema.update().values(version=VERSION))
