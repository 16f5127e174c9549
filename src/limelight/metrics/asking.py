"""From a filter to a statement, and from what came back to columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import func

from limelight.metrics.schema import runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Select

    from limelight.metrics.rows import Filter

__all__ = ["TEXTS", "array_of", "narrowed", "order_of"]

TEXTS = ("kind", "name", "file", "source", "group", "tags", "camera", "software", "uid")
"""Columns that hold texts."""


def narrowed(statement: Select[Any], wanted: Filter | None) -> Select[Any]:
    """Return a statement for the runs that a filter lets through."""
    if wanted is None:
        return statement
    for word in wanted.words:
        statement = statement.where(runs.c.search.contains(word, autoescape=True))
    for column, allowed in (
        ("kind", wanted.kinds),
        ("group", wanted.groups),
        ("camera", wanted.cameras),
    ):
        if allowed:
            statement = statement.where(runs.c[column].in_(allowed))
    for tag in wanted.tags:
        # not LIKE, which in SQLite does not heed the case
        statement = statement.where(func.replace(runs.c.tags, f" {tag} ", "") != runs.c.tags)
    if wanted.since is not None:
        statement = statement.where(runs.c.started >= wanted.since.timestamp())
    if wanted.until is not None:
        statement = statement.where(runs.c.started < wanted.until.timestamp())
    return statement


def array_of(name: str, values: Sequence[Any]) -> NDArray[Any]:
    """Return the values of a column, missing numbers as NaN."""
    if name in TEXTS:
        array = np.empty(len(values), object)
        array[:] = values
        return array
    if name == "id":
        return np.array(values, np.int64)
    return np.array(values, np.float64)


def order_of(values: NDArray[Any], ids: NDArray[np.int64], down: bool) -> NDArray[np.intp]:
    """Return the order by a column, what is missing last, newer rows first among equals."""
    newest = np.argsort(-ids, kind="stable")
    if values.dtype == object:
        known = [v is not None for v in values[newest]]
        texts = sorted(
            newest[known].tolist(), key=lambda k: values[k], reverse=down
        )  # sorted keeps the order of equals, also in reverse
        return np.array([*texts, *newest[~np.array(known, np.bool_)]], np.intp)
    keys = -values[newest] if down else values[newest]
    return newest[np.argsort(keys, kind="stable")]  # NaN comes last
