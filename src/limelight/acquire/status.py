"""Status: how an acquisition stands, in one glance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from limelight.acquire.acquisition import Acquisition

__all__ = ["Failure", "Status", "status_of"]


@dataclass(frozen=True)
class Failure:
    """An image that is missing.

    Parameters
    ----------
    index : int
        Its place; no other image has it.
    axes : mapping
        Where it would have belonged.
    reason : str
        Why there is none.
    """

    index: int
    axes: Mapping[str, int | str]
    reason: str


@dataclass(frozen=True)
class Status:
    """How an acquisition stands.

    Parameters
    ----------
    phase : {"waiting", "running", "paused", "finishing", "finished"}
        What it does.
    finish_reason : {"", "completed", "canceled", "stopped", "failed"}
        How it ended: ``stopped`` by a processor, ``canceled`` by a person.
    acquired, saved : int
        Images taken, and on the disk.
    expected : int
        Images that the events given so far ask for; 0 where that is not known.
    failed : int
        Images that could not be taken; see `Acquisition.failures`.
    unsaved : int
        Images in memory that could not be written.
    waiting : int
        Images on the way to the disk.
    skipped : mapping
        Frames that each looking processor did not see.
    overflows : int
        How often the camera had to be held because its buffer was full.
    rate : float
        Images per second, over the last second or more.
    elapsed_s, remaining_s : float
        Seconds since the start, and to the end (NaN where not known).
    ms_per_frame : mapping
        Mean time that each processor, and the writer, take for a frame, milliseconds.
    messages : tuple of str
        What was said last, in order; what was said several times stands there once.
    said : int
        How often something was said, since the beginning.
    path : Path, optional
        Folder of the data set.
    """

    phase: str
    finish_reason: str = ""
    acquired: int = 0
    saved: int = 0
    expected: int = 0
    failed: int = 0
    unsaved: int = 0
    waiting: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    overflows: int = 0
    rate: float = 0.0
    elapsed_s: float = 0.0
    remaining_s: float = float("nan")
    ms_per_frame: Mapping[str, float] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    said: int = 0
    path: Path | None = None


def status_of(acquisition: Acquisition) -> Status:
    """Return how an acquisition stands now."""
    course, engine, pipeline = acquisition.course, acquisition.engine, acquisition.pipeline
    acquired, elapsed = engine.acquired, course.elapsed_s
    expected = course.expected * engine.cameras
    left = expected - acquired - len(course.failures) * engine.cameras
    known = course.expected > 0 and not course.open_ended
    mean = acquired / elapsed if elapsed > 0 else 0.0
    moving: dict[str, Any] = {}
    if pipeline is not None:
        times = {stage.name: stage.ms_per_frame for stage in pipeline.stages}
        if pipeline.saved:
            times["storage"] = pipeline.write_seconds / pipeline.saved * 1e3
        moving = {
            "saved": pipeline.saved if acquisition.format != "none" else 0,
            "unsaved": len(pipeline.unsaved),
            "waiting": pipeline.waiting,
            "skipped": pipeline.skipped(),
            "ms_per_frame": times,
        }
    return Status(
        phase="paused" if course.phase == "running" and engine.paused_now else course.phase,
        finish_reason=course.reason if course.phase == "finished" else "",
        acquired=acquired,
        expected=expected,
        failed=len(course.failures),
        overflows=engine.overflows,
        rate=course.rate(acquired),
        elapsed_s=elapsed,
        remaining_s=max(left, 0) / mean if known and mean else float("nan"),
        messages=acquisition.messages.shown(),
        said=acquisition.messages.said,
        path=acquisition.path,
        **moving,
    )
