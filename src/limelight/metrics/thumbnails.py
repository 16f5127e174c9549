"""Small pictures of several runs at once, as a page of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from limelight.metrics.schema import previews

if TYPE_CHECKING:
    from collections.abc import Iterable

    from limelight.metrics.database import Database

__all__ = ["previews_of"]

_AT_ONCE = 200


def previews_of(database: Database, runs: Iterable[int]) -> dict[int, bytes]:
    """Return the small pictures of runs as PNG, by id; those without one are left out.

    Parameters
    ----------
    database : Database
        Where they are.
    runs : iterable of int
        Ids of runs.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    wanted = [int(run) for run in runs]
    found: dict[int, bytes] = {}
    with database.gate.read() as connection:
        for k in range(0, len(wanted), _AT_ONCE):
            chunk = wanted[k : k + _AT_ONCE]
            rows = connection.execute(
                select(previews.c.run, previews.c.png).where(previews.c.run.in_(chunk))
            )
            found |= {int(run): bytes(png) for run, png in rows}
    return found
