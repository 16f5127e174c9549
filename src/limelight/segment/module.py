"""Module: a function with annotated arguments, as a pipeline, a dock and a file see it.

A function becomes a module by its signature alone: arguments annotated with a pipe are inputs,
the keyword-only ones are settings, what it returns are the outputs.  Its docstring is the help.

>>> class Brightened(NamedTuple):
...     brightened_image: IntensityImage
>>> def brighten(image: IntensityImage, *, factor: float = 2.0) -> Brightened:
...     '''Multiply grey values.'''
...     return Brightened(image * factor)

It is contributed by an entry point of the group ``limelight.modules``.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError, PartError
from limelight.core.remarks import remark
from limelight.core.settings import Field, Settings, fields_of, setting
from limelight.segment.pipes import Measurement, Pipe, SegmentedObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["About", "Input", "Module", "Output", "load", "load_all", "module_of", "version"]

F = TypeVar("F", bound="Callable[..., Any]")
Kind = Literal["Numeric", "Character", "Boolean", "Scalar", "Sequence", "Set"]


@dataclass(frozen=True)
class About:
    """What an annotation may say of a setting, beside its type.

    Parameters
    ----------
    unit : str
        Unit of the value.
    low, high : float, optional
        Inclusive range.
    kind : str, optional
        TissueMAPS' type of it, where it does not follow from the Python type.
    advanced : bool
        Shown by a dock only when asked for.
    """

    unit: str = ""
    low: float | None = None
    high: float | None = None
    kind: Kind | None = None
    advanced: bool = False


@dataclass(frozen=True)
class Input:
    """An argument that is connected to what flows."""

    name: str
    pipe: str
    help: str = ""
    optional: bool = False


@dataclass(frozen=True)
class Output:
    """Something that a module gives."""

    name: str
    pipe: str
    help: str = ""


def version(number: str) -> Callable[[F], F]:
    """Mark a function with the version of its module; a pipeline's files remember it."""

    def mark(function: F) -> F:
        function.__limelight_version__ = number  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True, eq=False)
class Module:
    """A function as a part of pipelines.

    Parameters
    ----------
    name : str
        Under which it is registered.
    function : callable
        The function itself.
    version : str
        Its version.
    summary, help : str
        First line and first paragraphs of its docstring.
    inputs : tuple of Input
        What has to be connected.
    settings : class of Settings
        What can be chosen.
    outputs : tuple of Output
        What it gives, in order.
    kinds : mapping
        TissueMAPS' type of each setting.
    """

    name: str
    function: Callable[..., Any]
    version: str
    summary: str
    help: str
    inputs: tuple[Input, ...]
    settings: type[Settings]
    outputs: tuple[Output, ...]
    kinds: Mapping[str, Kind]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The settings, as a form or a command line has to know them."""
        return fields_of(self.settings)

    @property
    def defaults(self) -> dict[str, Any]:
        """The settings' values where none are chosen."""
        return {f.name: f.default for f in self.fields}

    @property
    def required(self) -> tuple[str, ...]:
        """The settings that have no default."""
        parameters = inspect.signature(self.function).parameters
        return tuple(
            f.name for f in self.fields if parameters[f.name].default is inspect.Parameter.empty
        )

    def output(self, name: str) -> Output:
        """Return the output of that name."""
        return next(o for o in self.outputs if o.name == name)

    def run(self, inputs: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function, and return its outputs by name.

        Raises
        ------
        ParameterError
            If an input is missing, or a setting is wrong.
        """
        for wanted in self.inputs:
            if not wanted.optional and inputs.get(wanted.name) is None:
                raise ParameterError(f"{self.name}: the input {wanted.name!r} is not connected.")
        chosen = self.settings(**values)
        for name in self.required:
            if getattr(chosen, name) is None:
                raise ParameterError(f"{self.name}: {name} has to be given.")
        given = {name: value for name, value in inputs.items() if value is not None}
        result = self.function(**given, **chosen.to_dict())
        if len(self.outputs) == 1 and not isinstance(result, tuple):
            result = (result,)
        return dict(zip((o.name for o in self.outputs), result, strict=True))


def _pipe_of(annotation: Any) -> str | None:
    if annotation is SegmentedObjects or annotation is Measurement:
        return str(annotation.__name__)
    if get_origin(annotation) is Annotated:
        return next((m.name for m in get_args(annotation)[1:] if isinstance(m, Pipe)), None)
    alternatives = [a for a in get_args(annotation) if a is not type(None)]
    if len(alternatives) == 1 and get_origin(annotation) is not Literal:
        return _pipe_of(alternatives[0])
    return None


def _sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Return the text before the sections of a numpydoc string, and the help per name."""
    text, *rest = re.split(r"\n(?=[A-Z][A-Za-z ]+\n-{3,}\n)", docstring)
    helps: dict[str, str] = {}
    for section in rest:
        title, _, body = section.split("\n", 2)
        if title not in ("Parameters", "Returns", "Attributes"):
            continue
        for entry in re.split(r"\n(?=\S)", body.strip("\n")):
            head, _, explanation = entry.partition("\n")
            told = " ".join(explanation.split())
            for name in re.split(r"\s*,\s*", head.split(" : ")[0]):
                helps.setdefault(name.strip("* "), told)
    return text.strip(), helps


def _kind_of(annotation: Any) -> Kind:
    alternatives = [a for a in get_args(annotation) if a is not type(None)]
    kind = get_origin(annotation) or annotation
    if kind is Literal and all(isinstance(a, int | float) for a in alternatives):
        return "Numeric"
    if kind is Literal or annotation is str:
        return "Character"
    if annotation is bool:
        return "Boolean"
    if kind is tuple:
        return "Sequence"
    if kind not in (tuple, Literal) and alternatives:
        return _kind_of(alternatives[0])
    return "Numeric"


def module_of(name: str, function: Callable[..., Any]) -> Module:
    """Make a module of a function.

    Parameters
    ----------
    name : str
        Name of the module.
    function : callable
        A function with annotated arguments.

    Raises
    ------
    PartError
        If the signature does not say what it takes and gives.
    """
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise PartError(f"The annotations of {name!r} cannot be read: {error}") from error
    told, helps = _sections(inspect.getdoc(function) or "")
    inputs, made, kinds = [], {}, {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        pipe = _pipe_of(hint)
        needed = parameter.default is inspect.Parameter.empty
        if pipe is not None:
            help_text = helps.get(parameter.name, "")
            inputs.append(Input(parameter.name, pipe, help_text, optional=not needed))
            continue
        if hint is None:
            raise PartError(
                f"The argument {parameter.name!r} of the module {name!r} has no annotation: say "
                "with a pipe or a type what it is."
            )
        about = About()
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
            about = next((m for m in marks if isinstance(m, About)), about)
        kinds[parameter.name] = about.kind or _kind_of(hint)
        made[parameter.name] = (
            hint | None if needed else hint,
            setting(
                None if needed else parameter.default,
                help=helps.get(parameter.name, ""),
                unit=about.unit,
                low=about.low,
                high=about.high,
                advanced=about.advanced,
            ),
        )
    settings = type(
        name,
        (Settings,),
        {
            "__annotations__": {key: kind for key, (kind, _) in made.items()},
            "__doc__": told,
            "__module__": function.__module__,
            **{key: default for key, (_, default) in made.items()},
        },
    )
    return Module(
        name=name,
        function=function,
        version=getattr(function, "__limelight_version__", "0.0.0"),
        summary=told.split("\n")[0],
        help=told,
        inputs=tuple(inputs),
        settings=settings,
        outputs=_outputs(name, hints.get("return"), helps),
        kinds=kinds,
    )


def _outputs(name: str, returned: Any, helps: Mapping[str, str]) -> tuple[Output, ...]:
    pipe = _pipe_of(returned)
    if pipe is not None:
        return (Output(f"{name}_output", pipe),)
    if isinstance(returned, type) and issubclass(returned, tuple) and hasattr(returned, "_fields"):
        _, own = _sections(inspect.getdoc(returned) or "")
        hints = get_type_hints(returned, include_extras=True)
        found = [(key, _pipe_of(hints[key])) for key in returned._fields]
        if all(kind is not None for _, kind in found):
            return tuple(
                Output(key, str(kind), own.get(key, helps.get(key, ""))) for key, kind in found
            )
    raise PartError(
        f"The module {name!r} does not say what it returns: annotate it with a pipe, or with a "
        "NamedTuple whose fields are pipes."
    )


@cache
def load(name: str) -> Module:
    """Load the module of that name.

    Raises
    ------
    PartError
        If there is none, or it is of no use.
    """
    function = parts.load_object("modules", name)
    if not callable(function):
        raise PartError(f"The module {name!r} is not a function.")
    return module_of(name, function)


def load_all() -> dict[str, Module]:
    """Load every module; one that fails is reported as a warning and left out."""
    found = {}
    for name in parts.names("modules"):
        try:
            found[name] = load(name)
        except LimelightError as error:
            remark(str(error), stacklevel=2)
    return found
