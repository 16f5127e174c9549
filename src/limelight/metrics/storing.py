"""From a record to rows of the tables, and what happens where a run is there already."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import delete, insert, select, update

from limelight.metrics.journal import png_of
from limelight.metrics.schema import FIGURES, details, previews, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.engine import Connection

    from limelight.core.report import RunRecord

__all__ = ["moved", "put", "searched", "tag_words", "unpacked", "with_png"]


def put(connection: Connection, record: RunRecord, stamp: float) -> int:
    """Add a record within a transaction, or add it to the run of the same ``uid``."""
    values = _values(record, stamp)
    found = connection.execute(
        select(runs, details.c.settings, details.c.camera.label("camera_json"))
        .add_columns(details.c.figures, details.c.notes)
        .join_from(runs, details, details.c.run == runs.c.id, isouter=True)
        .where(runs.c.uid == record.uid)
    ).first()
    more = {
        "settings": dict(record.settings),
        "camera": dict(record.camera),
        "figures": {k: v for k, v in record.figures.items() if v is not None},
        "notes": dict(record.notes),
    }
    png = png_of(record.preview)
    if found is None:
        run = int(connection.execute(insert(runs).values(values)).inserted_primary_key[0])  # type: ignore[index]
        connection.execute(insert(details).values(run=run, **_as_json(more)))
        if png is not None:
            connection.execute(insert(previews).values(run=run, png=png))
        return run
    run = int(found.id)
    newer = stamp >= found.stamp
    earlier = {
        "settings": json.loads(found.settings or "{}"),
        "camera": json.loads(found.camera_json or "{}"),
        "figures": json.loads(found.figures or "{}"),
        "notes": json.loads(found.notes or "{}"),
    }
    merged = {
        name: {**earlier[name], **more[name]} if newer else {**more[name], **earlier[name]}
        for name in more
    }
    changes: dict[str, Any] = {}
    for name, value in values.items():
        first, second = (value, getattr(found, name)) if newer else (getattr(found, name), value)
        changes[name] = second if first in (None, "") else first
    changes["search"] = searched(changes["file"], changes["source"])
    changes |= {n: merged["figures"].get(n) for n in FIGURES}
    changes["packed"] = _packed(merged["figures"])
    changes |= {"changed": time.time(), "stamp": max(stamp, found.stamp)}
    connection.execute(update(runs).where(runs.c.id == run).values(changes))
    connection.execute(update(details).where(details.c.run == run).values(**_as_json(merged)))
    if png is not None:
        connection.execute(delete(previews).where(previews.c.run == run))
        connection.execute(insert(previews).values(run=run, png=png))
    return run


def _values(record: RunRecord, stamp: float) -> dict[str, Any]:
    file, source = (None if p is None else str(p) for p in (record.file, record.source))
    return {
        "uid": record.uid,
        "kind": record.kind,
        "name": Path(file or source or "").name,
        "file": file,
        "source": source,
        "search": searched(file, source),
        "group": record.group,
        "tags": tag_words(record.tags),
        "camera": str(record.camera.get("name") or ""),
        "started": record.started.timestamp(),
        "duration_s": record.duration_s,
        **{name: record.figures.get(name) for name in FIGURES},
        "packed": _packed(record.figures),
        "software": record.software,
        "changed": time.time(),
        "stamp": stamp,
    }


def _packed(figures: Mapping[str, float | None]) -> bytes:
    values = [figures.get(name) for name in FIGURES]
    return np.array(values, "<f8").tobytes()


def unpacked(packed: Sequence[bytes], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return figures as columns."""
    width = 8 * len(FIGURES)
    if any(len(p) != width for p in packed):  # of an older version, which knew fewer figures
        packed = [p[:width].ljust(width, b"\xff") for p in packed]  # eight of these are a NaN
    table = np.frombuffer(b"".join(packed), "<f8").reshape(-1, len(FIGURES))
    return {n: table[:, FIGURES.index(n)].astype(np.float64) for n in names}


def with_png(record: RunRecord) -> RunRecord:
    """Return the record with its preview as PNG."""
    if record.preview is None or isinstance(record.preview, bytes):
        return record
    return replace(record, preview=png_of(record.preview))


def searched(file: str | None, source: str | None) -> str:
    """Return the text in which a person's words are looked for."""
    return f"{file or ''}\n{source or ''}".lower()


def tag_words(tags: Iterable[str]) -> str:
    """Return tags as words between spaces; within a tag, spaces become underscores."""
    words = ["_".join(tag.split()) for tag in tags]
    return f" {' '.join(words)} " if words else ""


def _as_json(values: dict[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in values.items()}


def moved(path: str | None, was: str, now: str) -> str | None:
    """Return where a path is after a file or folder was moved."""
    if path is None or not (path == was or path.startswith((was + "/", was + "\\"))):
        return path
    return now + path[len(was) :]
