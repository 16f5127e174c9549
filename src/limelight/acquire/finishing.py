"""Finishing: all that was acquired and found is safe, and the microscope is left in order."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from limelight.acquire.use import USE
from limelight.core.errors import LimelightError
from limelight.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.acquire.acquisition import Acquisition

__all__ = ["described", "finish"]

_PATIENCE_S = 10.0


def finish(acquisition: Acquisition) -> None:
    """End an acquisition; whatever goes wrong in a step is told, and those after it are done."""
    course, saving = acquisition.course, acquisition.saving

    def carefully(step: Callable[[], Any], what: str) -> None:
        try:
            step()
        except BaseException as error:
            acquisition.say(f"{what}: {error}")
            if course.error is None:
                course.fail(error)

    carefully(acquisition.engine.end, "The microscope could not be left in order")
    pipeline = acquisition.pipeline
    if pipeline is not None:
        stopping = course.reason in ("canceled", "failed")
        if not pipeline.finish(_PATIENCE_S if stopping else None):
            acquisition.say("A processor or the disk does not answer; it was left behind.")
            pipeline.give_up()
    course.end("completed")
    # Before the data set: who sees that it is complete finds all that belongs to it.
    carefully(acquisition.keeping.finish, "What processors found could not be saved")
    carefully(acquisition.labels.finish, "Label images could not be saved")
    note = course.note()
    for writer in saving.writers[:-1]:
        with contextlib.suppress(LimelightError):  # what is wrong with it was said
            writer.finish(note)
    if saving.writers:
        carefully(lambda: saving.writers[-1].finish(note), "The data set could not be completed")
    carefully(acquisition.closing.close, "A process could not be ended")
    _tell_skipped(acquisition)
    course.finish()
    acquisition.notifier.tell("data_sink_finished", None)
    acquisition.notifier.close()
    USE.withdraw(acquisition)
    USE.give_back(acquisition.core, acquisition)
    course.phase = "finished"
    with saving.there:
        saving.there.notify_all()
    acquisition.notifier.wake()
    _report(acquisition)


def _tell_skipped(acquisition: Acquisition) -> None:
    for stage in acquisition.pipeline.stages if acquisition.pipeline is not None else ():
        if stage.skipped:
            acquisition.say(
                f"The processor {stage.name} saw {stage.frames} of "
                f"{stage.frames + stage.skipped} frames."
            )


def _report(acquisition: Acquisition) -> None:
    from limelight.core.report import RunRecord, report

    status, stream = acquisition.status, acquisition.stream
    if not status.acquired:
        return
    report(
        RunRecord(
            kind="acquisition",
            file=acquisition.path,
            duration_s=status.elapsed_s,
            settings={"format": acquisition.format, "processors": described(acquisition)},
            camera=stream.camera.to_dict() if stream is not None else {},
            figures={
                "frames": status.acquired,
                "frames_saved": status.saved,
                "frames_failed": status.failed,
                "frames_skipped": sum(status.skipped.values()),
                "rate_hz": status.acquired / status.elapsed_s if status.elapsed_s else None,
            },
            notes={"finish_reason": acquisition.course.reason},
        )
    )


def described(acquisition: Acquisition) -> list[dict[str, Any]]:
    """Return name and settings of every processor."""
    return [
        {"name": name, **(p.to_dict() if isinstance(p, Settings) else {})}
        for name, p in acquisition.processors
    ]
