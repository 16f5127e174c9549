"""Pipeline: modules in an order, their settings, and what is connected to what.

A pipeline is immutable.  An edit returns a new one, so that undoing is keeping the old.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError, PartError, suggest
from limelight.segment.module import Module, load
from limelight.segment.pipes import fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Channel", "Pipeline", "PipelineError", "Problem", "SavedObjects", "Step"]


class PipelineError(LimelightError):
    """A step of a pipeline cannot be run.

    Parameters
    ----------
    step : str
        Name of the step.
    reason : str
        What is wrong, and what to do.
    """

    def __init__(self, step: str, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"{step}: {reason}")

    def __reduce__(self) -> tuple[type[PipelineError], tuple[str, str]]:
        return type(self), (self.step, self.reason)


@dataclass(frozen=True)
class Channel:
    """An image that the pipeline starts from.

    Parameters
    ----------
    name : str
        Key under which modules find it, such as ``"DAPI"``.
    correct : bool
        Whether uneven illumination is to be corrected before, where it is known.
    """

    name: str
    correct: bool = False


@dataclass(frozen=True)
class SavedObjects:
    """Objects that are to be kept.

    Parameters
    ----------
    name : str
        Their name.
    as_polygons : bool
        Whether their outlines are kept, besides their labels.
    """

    name: str
    as_polygons: bool = True


@dataclass(frozen=True)
class Step:
    """A module at its place in a pipeline.

    Parameters
    ----------
    name : str
        Its own name there; each is used once.
    module : str
        Name of the module.
    inputs : mapping
        Key that each input is connected to.
    values : mapping
        The settings that were chosen; others have their defaults.
    outputs : mapping
        Key of each output, ``<step>.<output>`` where none is given.
    active : bool
        Whether it runs.
    plot : bool
        Whether it makes a figure.
    source : mapping
        What its file holds beyond this (texts of help, versions), so that it is written again.
    """

    name: str
    module: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    plot: bool = False
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def load(self) -> Module:
        """Load its module."""
        return load(self.module)

    def key(self, output: str) -> str:
        """Return the key of an output."""
        return self.outputs.get(output) or f"{self.name}.{output}"


@dataclass(frozen=True)
class Problem:
    """Something that keeps a pipeline from running.

    Parameters
    ----------
    step : str
        Name of the step; empty where it is the pipeline's.
    key : str
        The input, setting or output.
    message : str
        What is wrong, and what would do.
    """

    step: str
    key: str
    message: str

    def __str__(self) -> str:
        where = " > ".join(w for w in (self.step, self.key) if w)
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True)
class Pipeline:
    """Modules in order.

    Parameters
    ----------
    name, description, version : str
        What a person wants to know of it.
    channels : tuple of Channel
        The images that it starts from.
    objects : tuple of str
        Objects that it starts from, made before.
    steps : tuple of Step
        What is done, in order.
    saved : tuple of SavedObjects
        The objects that are kept.
    """

    name: str = "pipeline"
    description: str = ""
    version: str = ""
    channels: tuple[Channel, ...] = ()
    objects: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    saved: tuple[SavedObjects, ...] = ()

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def index(self, name: str) -> int:
        """Return the place of a step.

        Raises
        ------
        ParameterError
            If there is none of that name.
        """
        names = [s.name for s in self.steps]
        if name not in names:
            raise ParameterError(f"There is no step {name!r}. {suggest(name, names)}")
        return names.index(name)

    def __getitem__(self, name: str) -> Step:
        return self.steps[self.index(name)]

    # What there is to connect to

    def available(self, name: str | None = None, pipe: str | None = None) -> dict[str, str]:
        """Return the keys that exist before a step, with the kind of what they hold.

        Parameters
        ----------
        name : str, optional
            The step; by default, after the last one.
        pipe : str, optional
            Only what fits an input of this kind.
        """
        found = {c.name: "IntensityImage" for c in self.channels}
        found |= dict.fromkeys(self.objects, "SegmentedObjects")
        for step in self.steps[: None if name is None else self.index(name)]:
            if not step.active:
                continue
            try:
                outputs = step.load().outputs
            except PartError:
                continue
            found |= {step.key(o.name): o.pipe for o in outputs if o.pipe != "Measurement"}
        return {k: kind for k, kind in found.items() if pipe is None or fits(kind, pipe)}

    # Edits

    def add(
        self,
        module: str,
        at: int | None = None,
        *,
        name: str | None = None,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Pipeline:
        """Return the pipeline with one more step.

        An input that is not given is connected to the newest output that fits.  A name that is
        taken gets a number.

        Parameters
        ----------
        module : str
            Name of the module.
        at : int, optional
            Place, from 0; by default the end.
        name : str, optional
            Name of the step; by default that of the module.
        inputs, outputs : mapping, optional
            Keys that inputs are connected to, and under which outputs are found.
        **values
            Settings.

        Raises
        ------
        PartError
            If there is no such module.
        ParameterError
            If it has no such input, output or setting, or a setting is wrong.
        """
        part = load(module)
        at = len(self.steps) if at is None else at
        given = dict(inputs or {})
        _check_names(part, "input", given, [i.name for i in part.inputs])
        _check_names(part, "output", outputs or {}, [o.name for o in part.outputs])
        part.settings(**values)
        before = replace(self, steps=self.steps[:at]).available()
        for wanted in part.inputs:
            fitting = [k for k, kind in before.items() if fits(kind, wanted.pipe)]
            same = [k for k in fitting if before[k] == wanted.pipe]
            if wanted.name not in given and not wanted.optional and fitting:
                given[wanted.name] = (same or fitting)[-1]
        step = Step(self.free_name(name or module), module, given, values, dict(outputs or {}))
        return replace(self, steps=(*self.steps[:at], step, *self.steps[at:]))

    def free_name(self, name: str) -> str:
        """Return the name, with a number where it is taken."""
        taken = {s.name for s in self.steps}
        if name not in taken:
            return name
        stem = name.rstrip("0123456789").rstrip("_")
        number = 2
        while f"{stem}_{number}" in taken:
            number += 1
        return f"{stem}_{number}"

    def remove(self, name: str) -> Pipeline:
        """Return the pipeline without a step."""
        at = self.index(name)
        return replace(self, steps=self.steps[:at] + self.steps[at + 1 :])

    def move(self, name: str, to: int) -> Pipeline:
        """Return the pipeline with a step at another place, from 0."""
        rest = self.remove(name).steps
        to = min(max(to, 0), len(rest))
        return replace(self, steps=(*rest[:to], self[name], *rest[to:]))

    def rename(self, name: str, new: str) -> Pipeline:
        """Return the pipeline with a step renamed, and what is connected to it kept so.

        Raises
        ------
        ParameterError
            If the new name is empty or taken.
        """
        new = new.strip()
        if not new:
            raise ParameterError("A step needs a name.")
        if new != name and new in {s.name for s in self.steps}:
            raise ParameterError(f"There is a step {new!r} already; choose another name.")
        old = self[name]
        moved = {}
        for output in old.load().outputs:
            key = old.key(output.name)
            if key == f"{name}.{output.name}":
                moved[key] = f"{new}.{output.name}"
        outputs = {o: moved.get(k, k) for o, k in old.outputs.items()}
        renamed = self._with(old, replace(old, name=new, outputs=outputs))
        return renamed._reconnected(moved)

    def duplicate(self, name: str) -> Pipeline:
        """Return the pipeline with a copy of a step behind it."""
        step = self[name]
        copy = replace(step, name=self.free_name(name), outputs={})
        at = self.index(name) + 1
        return replace(self, steps=(*self.steps[:at], copy, *self.steps[at:]))

    def activate(self, name: str, active: bool = True) -> Pipeline:
        """Return the pipeline with a step switched on or off."""
        return self._with(self[name], replace(self[name], active=active))

    def connect(self, name: str, **inputs: str) -> Pipeline:
        """Return the pipeline with inputs of a step connected to other keys."""
        step = self[name]
        _check_names(step.load(), "input", inputs, [i.name for i in step.load().inputs])
        return self._with(step, replace(step, inputs={**step.inputs, **inputs}))

    def configure(self, name: str, **values: Any) -> Pipeline:
        """Return the pipeline with settings of a step changed.

        A setting that has its default is not kept.

        Raises
        ------
        ParameterError
            If there is no such setting, or the value is wrong.
        """
        step = self[name]
        module = step.load()
        chosen = module.settings(**{**step.values, **values}).to_dict()
        merged = {k: v for k, v in chosen.items() if v != module.defaults[k]}
        return self._with(step, replace(step, values=merged))

    def name_output(self, name: str, output: str, key: str) -> Pipeline:
        """Return the pipeline with an output under another key, such as the name of objects."""
        step = self[name]
        old = step.key(output)
        if not key.strip():
            raise ParameterError("An output needs a name.")
        if key != old and key in self.available():
            raise ParameterError(f"There is {key!r} already; choose another name.")
        changed = self._with(step, replace(step, outputs={**step.outputs, output: key}))
        saved = tuple(replace(s, name=key) if s.name == old else s for s in self.saved)
        return replace(changed, saved=saved)._reconnected({old: key})

    def rename_channel(self, name: str, new: str) -> Pipeline:
        """Return the pipeline with a channel renamed, and what is connected to it kept so.

        Raises
        ------
        ParameterError
            If the new name is empty or taken.
        """
        if not new.strip() or (new != name and new in self.available()):
            raise ParameterError(f"The name {new!r} is taken or empty; choose another one.")
        channels = tuple(replace(c, name=new) if c.name == name else c for c in self.channels)
        return replace(self, channels=channels)._reconnected({name: new})

    def _with(self, old: Step, new: Step) -> Pipeline:
        return replace(self, steps=tuple(new if s is old else s for s in self.steps))

    def _reconnected(self, keys: Mapping[str, str]) -> Pipeline:
        steps = (
            replace(s, inputs={i: keys.get(k, k) for i, k in s.inputs.items()}) for s in self.steps
        )
        return replace(self, steps=tuple(steps))

    # Checks

    def problems(self) -> list[Problem]:
        """List what keeps the pipeline from running; empty where nothing does."""
        found: list[Problem] = []
        names: set[str] = set()
        keys = [c.name for c in self.channels] + list(self.objects)
        for key in {k for k in keys if keys.count(k) > 1}:
            found.append(Problem("", key, "two inputs of the pipeline have this name."))
        for step in self.steps:
            if step.name in names:
                found.append(Problem(step.name, "", "two steps have this name; rename one."))
            names.add(step.name)
            if step.active:
                found.extend(self._problems_of(step))
        everything = {k for k, kind in self.available().items() if kind == "SegmentedObjects"}
        for saved in self.saved:
            if saved.name not in everything:
                found.append(
                    Problem(
                        "",
                        saved.name,
                        "no step registers objects of this name. "
                        + suggest(saved.name, everything),
                    )
                )
        return found

    def _problems_of(self, step: Step) -> Iterator[Problem]:
        try:
            part = step.load()
        except PartError as error:
            yield Problem(step.name, "", str(error))
            return
        before = self.available(step.name) if self[step.name] is step else {}
        for wanted in part.inputs:
            key = step.inputs.get(wanted.name)
            fitting = [k for k, kind in before.items() if fits(kind, wanted.pipe)]
            choice = f"There is: {', '.join(fitting) or 'nothing that fits'}."
            if not key:
                if not wanted.optional:
                    reason = f"is not connected; it takes a {wanted.pipe}. {choice}"
                    yield Problem(step.name, wanted.name, reason)
            elif key not in before:
                yield Problem(
                    step.name,
                    wanted.name,
                    f"is connected to {key!r}, which does not exist before this step. {choice}",
                )
            elif key not in fitting:
                reason = f"takes a {wanted.pipe}, and {key!r} is a {before[key]}. {choice}"
                yield Problem(step.name, wanted.name, reason)
        for output in part.outputs:
            if step.key(output.name) in before:
                reason = f"{step.key(output.name)!r} exists before this step; choose another name."
                yield Problem(step.name, output.name, reason)
        try:
            chosen = part.settings(**step.values)
        except ParameterError as error:
            yield Problem(step.name, "", str(error))
            return
        for name in part.required:
            if getattr(chosen, name) is None:
                yield Problem(step.name, name, "has to be given.")

    def check(self) -> None:
        """Raise the first problem, if there is one.

        Raises
        ------
        PipelineError
            Naming the step and what is wrong.
        """
        for problem in self.problems():
            where = problem.step or self.name
            what = f"{problem.key}: {problem.message}" if problem.key else problem.message
            raise PipelineError(where, what)


def _check_names(part: Module, what: str, given: Mapping[str, Any], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise ParameterError(f"{part.name} has no {what} {name!r}. {suggest(name, known)}")
