"""Job: a generator that yields its progress and returns its result.

Every long operation is written once, as a generator function.  napari's ``thread_worker`` runs it
natively (progress, pause and cancel between two yields), a script exhausts it with `run`, the
command line does the same under a progress bar.  A job does not know who is watching; closing the
generator cancels it, so clean-up belongs into ``try ... finally``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Job", "Progress", "run"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Parameters
    ----------
    done, total : int
        Units of work done and to be done (frames, images, files).
    message : str
        What a person wants to read beside the bar.
    partial : object, optional
        The part of the result that came with this step.
    """

    done: int
    total: int
    message: str = ""
    partial: Any = None

    @property
    def fraction(self) -> float:
        """Part of the work that is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 1.0


Job = Generator[Progress, None, T]


def run(job: Job[T], on_progress: Callable[[Progress], object] | None = None) -> T:
    """Exhaust a job and return its result.

    Parameters
    ----------
    job : Job
        The generator.
    on_progress : callable, optional
        Called with every `Progress`.  An exception that it raises (``KeyboardInterrupt`` too)
        ends the job, whose clean-up is run.

    Returns
    -------
    object
        What the job returns.
    """
    try:
        while True:
            step = next(job)
            if on_progress is not None:
                on_progress(step)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        job.close()
