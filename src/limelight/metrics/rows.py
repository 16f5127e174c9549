"""Rows of the history as columns, and what to look for in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Filter", "Rows", "missing", "moment"]

_AGO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d|w|y)\s*", re.I)
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}


def moment(text: str | datetime | date, *, now: datetime | None = None) -> datetime:
    """Return a point in time from what a person writes.

    Parameters
    ----------
    text : str, date or datetime
        ``30d``, ``12h``, ``90min``, ``2w``, ``1y`` (so long ago), ``2026-11-20``, or
        ``2026-11-20T14:30``; local time where no zone is given.
    now : datetime, optional
        What "ago" counts from.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    if isinstance(text, datetime):
        return text if text.tzinfo else text.astimezone()
    if isinstance(text, date):
        return datetime(text.year, text.month, text.day).astimezone()
    try:
        if ago := _AGO.fullmatch(text):
            seconds = float(ago[1]) * _SECONDS[ago[2].lower()]
            return (now or datetime.now(UTC)) - timedelta(seconds=seconds)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ParameterError(
            f"{text!r} is no time. Write 30d, 12h or 90min (ago), or a date such as 2026-11-20 or "
            "2026-11-20T14:30."
        ) from None
    return found if found.tzinfo else found.astimezone()


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which runs to look for; what is empty allows all.

    Parameters
    ----------
    text : str
        Words that all have to occur in the file's path, in any order and case.
    kinds, groups, cameras : tuple of str
        Any of these.
    tags : tuple of str
        All of these.
    since, until : datetime, optional
        Started at or after, and before.
    """

    text: str = ""
    kinds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("kinds", "groups", "cameras", "tags"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))

    @property
    def words(self) -> list[str]:
        """The words of the text, lower case."""
        return self.text.lower().split()


class Rows:
    """Runs as columns.

    Parameters
    ----------
    columns : mapping of str to 1D array
        Texts are arrays of objects, figures are float64 with NaN where there is none; times are
        seconds since 1970 UTC.  ``id`` identifies a row in the database.
    """

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns
        self._paths: list[str] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise ParameterError(
                f"The history has no column {name!r}. {suggest(name, self.columns)}"
            )
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give row after row as a dictionary; not measured is None."""
        names = list(self.columns)
        for values in zip(*(self.columns[n].tolist() for n in names), strict=True):
            yield {
                n: None if isinstance(v, float) and v != v else v
                for n, v in zip(names, values, strict=True)
            }

    def __repr__(self) -> str:
        return f"Rows({len(self)} runs, {', '.join(self.columns)})"

    def row(self, index: int) -> dict[str, Any]:
        """Return one row as a dictionary."""
        return next(iter(self.take(np.array([index]))))

    def take(self, indices: NDArray[Any]) -> Rows:
        """Return the rows of these indices, or of a mask."""
        return Rows({name: values[indices] for name, values in self.columns.items()})

    def where(self, wanted: Filter) -> NDArray[np.intp]:
        """Return the indices of the rows that a filter lets through, in their order.

        Needs the columns that the filter looks at: ``file`` and ``source`` for its text, ``kind``,
        ``group``, ``camera``, ``tags``, ``started``.
        """
        keep = np.ones(len(self), np.bool_)
        if wanted.since is not None:
            keep &= self["started"] >= wanted.since.timestamp()
        if wanted.until is not None:
            keep &= self["started"] < wanted.until.timestamp()
        for column, allowed in (
            ("kind", wanted.kinds),
            ("group", wanted.groups),
            ("camera", wanted.cameras),
        ):
            if allowed:
                known = frozenset(allowed)
                keep &= np.fromiter((v in known for v in self[column]), np.bool_, len(self))
        for tag in wanted.tags:
            padded = f" {tag} "
            keep &= np.fromiter((padded in v for v in self["tags"]), np.bool_, len(self))
        if words := wanted.words:
            if self._paths is None:
                # once per snapshot: the person types one letter after the other
                both = zip(self["file"], self["source"], strict=True)
                self._paths = [f"{f or ''}\n{s or ''}".lower() for f, s in both]
            for word in words:
                keep &= np.fromiter((word in p for p in self._paths), np.bool_, len(self))
        return np.flatnonzero(keep)


def missing(rows: Rows) -> NDArray[np.bool_]:
    """Tell which runs' files are not where they were.

    Parameters
    ----------
    rows : Rows
        With the column ``file``.

    Returns
    -------
    1D array of bool
        True where a file was written and is not there now.
    """
    there: dict[Path, set[str]] = {}
    gone = np.zeros(len(rows), np.bool_)
    for k, text in enumerate(rows["file"]):
        if not text:
            continue
        path = Path(text)
        names = there.get(path.parent)
        if names is None:
            # one listing per folder: a look at each file takes long on a network drive
            try:
                names = {p.name for p in path.parent.iterdir()}
            except OSError:
                names = set()
            there[path.parent] = names
        gone[k] = path.name not in names
    return gone
