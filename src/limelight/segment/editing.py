"""Editing a pipeline by hand: what can be undone, and what comes along with a module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from limelight.segment.pipeline import Channel, SavedObjects
from limelight.segment.pipes import SegmentedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.segment.pipeline import Pipeline
    from limelight.segment.running import StepResult

__all__ = ["History", "free_name", "objects_before", "with_module"]

_NAMES = ("Nuclei", "Cells", "Objects")
_REGISTERING = ("register_objects", "register_objects_channel")


class History:
    """The pipelines that there were; as a pipeline never changes, to keep them is all.

    Parameters
    ----------
    limit : int
        How many changes can be undone.
    """

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._before: list[Pipeline] = []
        self._after: list[Pipeline] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to do again."""
        return bool(self._after)

    def changed(self, before: Pipeline) -> None:
        """Remember the pipeline that was changed; what was undone cannot be done again then."""
        self._before = [*self._before, before][-self._limit :]
        self._after = []

    def undo(self, now: Pipeline) -> Pipeline | None:
        """Return the pipeline before the last change; none if there is none."""
        if not self._before:
            return None
        self._after.append(now)
        return self._before.pop()

    def redo(self, now: Pipeline) -> Pipeline | None:
        """Return the pipeline after a change that was undone; none if there is none."""
        if not self._after:
            return None
        self._before.append(now)
        return self._after.pop()


def with_module(
    pipeline: Pipeline, module: str, at: int | None = None, channel: str = "DAPI"
) -> Pipeline:
    """Add a module with what it needs: a first channel, and a name for objects it registers.

    Parameters
    ----------
    pipeline : Pipeline
        What it is added to.
    module : str
        Its name.
    at : int, optional
        Its place; by default the end.
    channel : str
        Name of the channel, where the pipeline has none yet.

    Returns
    -------
    Pipeline
        The new one.

    Raises
    ------
    LimelightError
        If there is no such module.
    """
    if not pipeline.channels:
        pipeline = replace(pipeline, channels=(Channel(channel),))
    if module not in _REGISTERING:
        return pipeline.add(module, at)
    name = free_name(pipeline)
    added = pipeline.add(module, at, outputs={"objects": name})
    return replace(added, saved=(*added.saved, SavedObjects(name)))


def free_name(pipeline: Pipeline) -> str:
    """Return a name for objects that the pipeline does not use."""
    there = pipeline.available()
    for name in _NAMES:
        if name not in there:
            return name
    number = 2
    while f"{_NAMES[-1]}_{number}" in there:
        number += 1
    return f"{_NAMES[-1]}_{number}"


def objects_before(
    pipeline: Pipeline, step: str, results: Mapping[str, StepResult]
) -> dict[str, SegmentedObjects]:
    """Return the objects that the steps before one gave, where their results are still true.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline.
    step : str
        The step.
    results : mapping
        Results by name of the step.
    """
    found: dict[str, SegmentedObjects] = {}
    for one in pipeline.steps[: pipeline.index(step)]:
        result = results.get(one.name)
        if not one.active or result is None or result.step != one:
            continue
        for name, value in result.outputs.items():
            if isinstance(value, SegmentedObjects):
                found[one.key(name)] = value.named(one.key(name))
    return found
