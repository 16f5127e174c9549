"""Running: a pipeline on the images of one field.

A step is known by its module, its settings and what it is connected to, down to the images.  What
was computed before under the same description is taken from the cache; so after a change only the
step and what depends on it are run.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import threading
import time
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Job, Progress
from limelight.segment.objects import relate_all
from limelight.segment.pipeline import PipelineError
from limelight.segment.pipes import Measurement, SegmentedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.segment.pipeline import Pipeline, Step

__all__ = ["Cache", "PipelineResult", "StepResult", "note", "pipeline_job"]

_LOG = logging.getLogger("limelight.segment")
_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


def note(message: str) -> None:
    """Say something in the log of the module that is running."""
    lines = _notes.get()
    if lines is not None:
        lines.append(message)
    _LOG.info(message)


@dataclass(frozen=True, eq=False)
class StepResult:
    """What a step gave.

    Parameters
    ----------
    step : Step
        The step.
    outputs : mapping
        What it gave, by name of the output.
    seconds : float
        Time that it took when it ran.
    log : tuple of str
        What it said.
    cached : bool
        Whether it was taken from before.
    """

    step: Step
    outputs: Mapping[str, Any]
    seconds: float
    log: tuple[str, ...] = ()
    cached: bool = False


@dataclass(frozen=True, eq=False)
class PipelineResult:
    """What a pipeline gave.

    Parameters
    ----------
    steps : mapping
        Result of each active step, by name.
    values : mapping
        All images and objects, by key.
    objects : mapping
        The registered objects with their features and relations, by name.
    """

    steps: Mapping[str, StepResult]
    values: Mapping[str, Any]
    objects: Mapping[str, SegmentedObjects]

    @property
    def seconds(self) -> float:
        """Time that all steps took, those from before included."""
        return sum(s.seconds for s in self.steps.values())


class Cache:
    """Results of steps, kept while there is room; the ones not used for longest go first.

    Parameters
    ----------
    limit : int
        Bytes that are kept at most.
    """

    def __init__(self, limit: int = 2 << 30) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, tuple[StepResult, int]] = OrderedDict()
        self._images: dict[int, tuple[Any, str]] = {}
        self._counter = itertools.count()
        self._lock = threading.Lock()

    def token(self, image: Any) -> str:
        """Return the name of an image: the same as long as it is the same array."""
        with self._lock:
            known = self._images.get(id(image))
            if known is None or known[0] is not image:
                known = (image, f"image {next(self._counter)}")
                self._images[id(image)] = known
            return known[1]

    def forget(self, image: Any) -> None:
        """Take note that the pixels of an array have changed, or that it is gone."""
        with self._lock:
            self._images.pop(id(image), None)

    def get(self, token: str) -> StepResult | None:
        """Return what is kept under a description."""
        with self._lock:
            found = self._kept.get(token)
            if found is None:
                return None
            self._kept.move_to_end(token)
            return found[0]

    def put(self, token: str, result: StepResult) -> None:
        """Keep a result."""
        size = sum(_size(v) for v in result.outputs.values())
        with self._lock:
            self._kept[token] = (result, size)
            while sum(s for _, s in self._kept.values()) > self.limit and len(self._kept) > 1:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._images.clear()


def _size(value: Any) -> int:
    if isinstance(value, SegmentedObjects):
        return int(value.labels.nbytes)
    if isinstance(value, Measurement):
        return int(value.table.memory_usage().sum())
    return int(getattr(value, "nbytes", 0))


@dataclass
class _State:
    """What flows, while a pipeline runs."""

    values: dict[str, Any]
    tokens: dict[str, str]
    results: dict[str, StepResult] = field(default_factory=dict)
    measured: list[tuple[Step, Measurement]] = field(default_factory=list)


def pipeline_job(
    pipeline: Pipeline,
    images: Mapping[str, NDArray[Any]],
    *,
    objects: Mapping[str, SegmentedObjects] | None = None,
    cache: Cache | None = None,
    until: str | None = None,
    corrected: Mapping[str, SegmentedObjects] | None = None,
) -> Job[PipelineResult]:
    """Run a pipeline on the images of one field.

    Parameters
    ----------
    pipeline : Pipeline
        What to do.
    images : mapping
        Image (Y, X) or (Z, Y, X) of each channel, all of one shape.
    objects : mapping, optional
        The objects that the pipeline starts from.
    cache : Cache, optional
        Results from before, to be used and added to.
    until : str, optional
        Last step to run.
    corrected : mapping, optional
        Objects that were corrected by hand, by key: they take the place of those that the
        pipeline finds, and all that follows is done with them.

    Yields
    ------
    Progress
        After every step, its `StepResult` as partial result.

    Returns
    -------
    PipelineResult
        Images, objects, features.

    Raises
    ------
    PipelineError
        If an image is missing or of another shape, or a step fails; what ran before is cached.
    """
    pipeline.check()
    cache = Cache() if cache is None else cache
    state = _start(pipeline, images, objects or {}, cache)
    steps = [s for s in pipeline.steps if s.active]
    if until is not None:
        names = [s.name for s in pipeline.steps[: pipeline.index(until) + 1]]
        steps = [s for s in steps if s.name in names]
    for done, step in enumerate(steps):
        if done == 0:
            yield Progress(0, len(steps), step.name)
        result = _run_step(step, state, cache, corrected or {})
        following = steps[done + 1].name if done + 1 < len(steps) else "done"
        yield Progress(done + 1, len(steps), following, partial=result)
    return PipelineResult(state.results, state.values, _collect(state))


def _start(
    pipeline: Pipeline,
    images: Mapping[str, NDArray[Any]],
    objects: Mapping[str, SegmentedObjects],
    cache: Cache,
) -> _State:
    values: dict[str, Any] = {}
    shape: tuple[int, ...] | None = None
    for channel in pipeline.channels:
        if channel.name not in images:
            raise PipelineError(
                pipeline.name,
                f"there is no image for the channel {channel.name!r}; there is: "
                f"{', '.join(images) or 'none'}.",
            )
        image = values[channel.name] = images[channel.name]
        if np.ndim(image) not in (2, 3) or not np.size(image):
            raise PipelineError(
                pipeline.name,
                f"the channel {channel.name!r} has the shape {np.shape(image)}; an image (Y, X) "
                "or a stack (Z, Y, X) is needed.",
            )
        shape = np.shape(image) if shape is None else shape
        if np.shape(image) != shape:
            raise PipelineError(
                pipeline.name,
                f"the channel {channel.name!r} has the shape {np.shape(image)}, another one "
                f"{shape}; the channels of a field have to be of one size.",
            )
    for name in pipeline.objects:
        if name not in objects:
            raise PipelineError(pipeline.name, f"the objects {name!r} are not given.")
        values[name] = objects[name].named(name)
    tokens = {c.name: cache.token(images[c.name]) for c in pipeline.channels}
    tokens |= {name: cache.token(objects[name]) for name in pipeline.objects}
    return _State(values, tokens)


def _run_step(
    step: Step, state: _State, cache: Cache, corrected: Mapping[str, SegmentedObjects]
) -> StepResult:
    part = step.load()
    keys = {i.name: step.inputs[i.name] for i in part.inputs if step.inputs.get(i.name)}
    token = _describe(step, part.version, keys, state)
    result = cache.get(token)
    if result is None:
        inputs = {name: state.values[key] for name, key in keys.items()}
        pipes = {i.name: i.pipe for i in part.inputs}
        # An array is what a function works on; objects stay objects where they are asked for.
        inputs = {
            name: v.labels
            if isinstance(v, SegmentedObjects) and pipes[name] != "SegmentedObjects"
            else v
            for name, v in inputs.items()
        }
        result = _call(step, inputs)
        cache.put(token, result)
    else:
        result = StepResult(step, result.outputs, result.seconds, result.log, cached=True)
    state.results[step.name] = result
    for name, value in result.outputs.items():
        key = step.key(name)
        if isinstance(value, Measurement):
            state.measured.append((step, value))
        elif key in corrected:
            state.values[key] = corrected[key].named(key)
            state.tokens[key] = cache.token(corrected[key])
        else:
            state.values[key] = value.named(key) if isinstance(value, SegmentedObjects) else value
            state.tokens[key] = f"{token} > {name}"
    return result


def _describe(step: Step, version: str, keys: Mapping[str, str], state: _State) -> str:
    chosen = step.load().settings(**step.values).to_dict()
    text = repr((step.module, version, sorted(chosen.items()))) + repr(
        [(name, state.tokens[key]) for name, key in sorted(keys.items())]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _call(step: Step, inputs: Mapping[str, Any]) -> StepResult:
    lines: list[str] = []
    before = _notes.set(lines)
    start = time.perf_counter()
    try:
        outputs = step.load().run(inputs, step.values)
    except LimelightError as error:
        raise PipelineError(step.name, str(error).removeprefix(f"{step.module}: ")) from error
    except MemoryError as error:
        raise PipelineError(
            step.name, "the memory does not suffice; use smaller images or fewer channels."
        ) from error
    except Exception as error:
        raise PipelineError(
            step.name, f"the module {step.module!r} failed: {type(error).__name__}: {error}"
        ) from error
    finally:
        _notes.reset(before)
    return StepResult(step, outputs, time.perf_counter() - start, tuple(lines))


def _collect(state: _State) -> dict[str, SegmentedObjects]:
    """Give every object what was measured on it, in the order of the steps."""
    objects = {k: v for k, v in state.values.items() if isinstance(v, SegmentedObjects)}
    for step, measured in state.measured:
        owner = step.inputs.get(measured.objects, "")
        if owner not in objects:
            raise PipelineError(
                step.name, f"what was measured belongs to {owner!r}, which are no objects."
            )
        table = measured.named_for(step.inputs)
        try:
            objects[owner] = objects[owner].with_features(table)
        except ValueError as error:
            raise ParameterError(
                f"{step.name}: its features do not belong to {owner!r}: {error}"
            ) from error
    return relate_all(objects)
