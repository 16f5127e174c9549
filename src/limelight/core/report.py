"""Report: how a capability says what it did, without knowing who keeps the record.

>>> report(RunRecord(kind="localization", file="movie_locs.hdf5", figures={"n_locs": 1e6}))

The call costs microseconds and raises nothing.  Every part of the group ``limelight.recorders``
is handed the record, in a thread of its own; the database of `limelight.metrics` is one of them.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from limelight.core.errors import ParameterError, suggest
from limelight.core.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["KINDS", "Kind", "Recorder", "RunRecord", "flush", "recording", "report"]

Kind = Literal["localization", "calibration", "beads", "acquisition", "segmentation", "tool"]
KINDS: tuple[str, ...] = get_args(Kind)
"""What a run can be."""

_log = logging.getLogger(__name__)


def _version() -> str:
    import limelight

    return f"Limelight {limelight.__version__}"


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What is remembered of one run.

    Parameters
    ----------
    kind : {"localization", "calibration", "beads", "acquisition", "segmentation", "tool"}
        What was done.
    file : path, optional
        What was written; it is made absolute.
    source : path, optional
        What it was made from, such as the movie; it is made absolute.
    group : str
        Experiment, person or project that it belongs to.
    tags : tuple of str
        Further words to find it by.
    started : datetime
        When the measurement or the computation began; taken as local time if it has no zone.
    duration_s : float, optional
        How long it took, seconds.
    settings : mapping
        With what settings; plain values, or what can be written as text.
    camera : mapping
        As `limelight.core.camera.Camera.to_dict` returns; ``name`` tells instruments apart.
    figures : mapping
        Numbers by name: summary statistics such as ``n_locs`` and ``median_photons``, and quality
        such as ``nena_nm`` and ``frc_nm``; `limelight.core.locs.assess.Quality` has the names.
        None and NaN: not measured.
    notes : mapping
        Text by the name of a figure: why it is missing or not to be trusted.
    preview : 2D or 3D array of uint8 (Y, X) or (Y, X, 3), or bytes, optional
        A small picture, or one as PNG.
    software : str
        Program and version.
    uid : str
        Identifies the run: a second report of the same run adds to the first.
    """

    kind: Kind
    file: Path | str | None = None
    source: Path | str | None = None
    group: str = ""
    tags: tuple[str, ...] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    duration_s: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    preview: NDArray[np.uint8] | bytes | None = field(default=None, repr=False)
    software: str = field(default_factory=_version)
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(
                f"There is no kind of run {self.kind!r}. {suggest(self.kind, KINDS)}"
            )
        put = object.__setattr__  # a snapshot: what the caller does with its objects is its own
        for name in ("file", "source"):
            value = getattr(self, name)
            put(self, name, None if value is None else Path(value).absolute())
        put(self, "tags", tuple(str(tag) for tag in self.tags))
        if self.started.tzinfo is None:
            put(self, "started", self.started.astimezone())
        for name in ("settings", "camera", "notes"):
            put(self, name, plain(dict(getattr(self, name))))
        put(self, "figures", {str(k): _number(v) for k, v in dict(self.figures).items()})
        if isinstance(self.preview, np.ndarray):
            image = self.preview
            if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
                raise ParameterError(
                    "The preview of a run must be a picture of uint8, (Y, X) or (Y, X, 3), not "
                    f"{image.dtype} of shape {image.shape}."
                )

    def with_figures(
        self,
        figures: Mapping[str, float | None],
        notes: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> RunRecord:
        """Return the record of the same run with more figures (and other changes)."""
        return replace(
            self,
            figures={**self.figures, **figures},
            notes={**self.notes, **(notes or {})},
            **changes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values but for the preview, which stays as it is."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("file", "source"):
            values[name] = None if values[name] is None else str(values[name])
        return {**values, "tags": list(self.tags), "started": self.started.isoformat()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunRecord:
        """Make a record from what `to_dict` returned; unknown names are left out."""
        known = {f.name for f in fields(cls)}
        chosen = {k: v for k, v in values.items() if k in known}
        chosen["tags"] = tuple(chosen.get("tags") or ())
        if isinstance(chosen.get("started"), str):
            chosen["started"] = datetime.fromisoformat(chosen["started"])
        return cls(**chosen)


def _number(value: Any) -> float | None:
    """Return a finite number, else None."""
    if value is None:
        return None
    number = float(value)
    return number if np.isfinite(number) else None


class Recorder(Protocol):
    """Keeps records; a `Settings` class with these, registered as a part."""

    @property
    def on(self) -> bool:
        """Whether it keeps anything now."""
        ...

    def record(self, record: RunRecord) -> None:
        """Keep a record.  Called in a thread; quick, as the interpreter waits for it at its end."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait until all is where it belongs; return whether it is."""
        ...


class _Desk:
    """Takes records and hands them to the recorders in a thread that ends when none is left.

    The thread is no daemon: a program that ends right after its last report still hands it over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[RunRecord] = deque()
        self._thread: threading.Thread | None = None
        self._recorders: list[Recorder] | None = None

    def put(self, record: RunRecord) -> None:
        with self._lock:
            self._waiting.append(record)
            if self._thread is None:
                # Said, as it would be inherited from a daemon that reports.
                thread = threading.Thread(target=self._work, name="limelight-report", daemon=False)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending: no thread may be started
                    self._thread = None
                else:
                    return
            else:
                return
        self._hand_over(self._waiting.popleft())

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                record = self._waiting.popleft()
            self._hand_over(record)

    def _hand_over(self, record: RunRecord) -> None:
        for recorder in self.recorders():
            try:
                recorder.record(record)
            except Exception:
                _log.exception("The recorder %r failed on %s.", recorder, record.file)

    def recorders(self) -> list[Recorder]:
        if self._recorders is None:
            from limelight.core import parts

            found: list[Recorder] = []
            for name in parts.names("recorders"):
                try:
                    found.append(parts.make("recorders", name))
                except Exception:
                    _log.exception("The recorder %r cannot be used.", name)
            self._recorders = found
        return self._recorders

    def flush(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while (thread := self._thread) is not None:
            thread.join(max(end - time.monotonic(), 0.0))
            if thread.is_alive():
                return False
        done = [r.flush(max(end - time.monotonic(), 0.0)) for r in self._recorders or []]
        return all(done)


_desk = _Desk()


def report(record: RunRecord) -> None:
    """Have the record kept.  Costs microseconds, raises nothing, and waits for nothing.

    Parameters
    ----------
    record : RunRecord
        What was done.  A later one with the same ``uid`` adds to it.
    """
    try:
        _desk.put(record)
    except Exception:
        _log.exception("A record of %s could not be handed over.", record.file)


def recording() -> bool:
    """Tell whether anything keeps records, so that what is measured for them alone can be left."""
    return any(recorder.on for recorder in _desk.recorders())


def flush(timeout: float = 5.0) -> bool:
    """Wait until all reports are where they belong, for tests and for the end of a script.

    Parameters
    ----------
    timeout : float
        Longest time to wait, seconds.

    Returns
    -------
    bool
        Whether they are.  If not, they are added later: nothing is lost.
    """
    return _desk.flush(timeout)
