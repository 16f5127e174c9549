"""An acquisition as a job, for docks and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.core.job import Progress

if TYPE_CHECKING:
    from limelight.acquire.acquisition import Acquisition
    from limelight.core.job import Job

__all__ = ["acquire_job"]


def acquire_job(acquisition: Acquisition, events: Any) -> Job[Acquisition]:
    """Acquire events as a job: progress while it runs, canceled when it is closed.

    To pause, call `Acquisition.pause`: the acquisition runs by itself, not between the job's steps.

    Parameters
    ----------
    acquisition : Acquisition
        The acquisition; it is ended by the job.
    events : object
        As `Acquisition.acquire` takes them.

    Yields
    ------
    Progress
        Ten times per second: images saved and expected; ``partial`` is the `Status`.

    Returns
    -------
    Acquisition
        The acquisition, ended.
    """
    done = False
    try:
        acquisition.acquire(events)
        acquisition.mark_finished()
        while not acquisition.await_completion(0.1):
            yield _progress(acquisition)
        yield _progress(acquisition)
        done = True
        return acquisition
    finally:
        if not done and acquisition.is_running:
            acquisition.abort()
            acquisition.await_end()


def _progress(acquisition: Acquisition) -> Progress:
    status = acquisition.status
    text = f"{status.acquired} images, {status.rate:.0f}/s"
    if status.phase == "paused":
        text += ", held"
    if status.failed:
        text += f", {status.failed} missing"
    done = status.saved if acquisition.format != "none" else status.acquired
    return Progress(done + status.failed, status.expected, text, status)
