"""Typed settings: one declaration serves script, command line, dock, file and manual.

A class of settings lists its fields once, each with default, unit, range and help:

>>> class Blur(Settings):
...     '''Smooth a frame.'''
...     sigma: float = setting(1.0, help="Width of the Gaussian.", unit="px", low=0.0)
>>> Blur(sigma=2).sigma
2.0

Values are checked when an object is made, objects are frozen, and `Settings.replace` makes a
changed copy.  `fields_of` tells a dock or a command line what to offer.
"""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Self,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Field", "Settings", "fields_of", "setting"]

_KEY = "limelight"


@dataclass(frozen=True)
class Field:
    """One setting, as a dock or the command line has to know it."""

    name: str
    type: Any
    default: Any
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    advanced: bool = False
    group: str = ""
    files: str = ""

    @property
    def optional(self) -> bool:
        """Whether None is allowed."""
        return type(None) in _alternatives(self.type)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values, empty where any value of the type will do."""
        for alternative in _alternatives(self.type):
            if get_origin(alternative) is Literal:
                return get_args(alternative)
        return ()

    @property
    def kinds(self) -> tuple[type, ...]:
        """The plain types that are allowed (without None and without choices)."""
        kinds = (get_origin(a) or a for a in _alternatives(self.type))
        return tuple(k for k in kinds if isinstance(k, type) and k is not type(None))

    def check(self, value: Any, owner: str) -> Any:
        """Return the value in the declared type, or raise.

        Raises
        ------
        ParameterError
            If the value is of another type, out of range or not among the choices.
        """
        if value is None and self.optional:
            return None
        if self.choices and any(value == c and type(value) is type(c) for c in self.choices):
            return value
        for kind in self.kinds:
            converted = _convert(value, kind)
            if converted is not None:
                self._check_range(converted, owner)
                return converted
        what = " or ".join(
            [repr(c) for c in self.choices]
            + [_NAMES.get(k, k.__name__) for k in self.kinds]
            + (["None"] if self.optional else [])
        )
        hint = (
            " " + suggest(value, [c for c in self.choices if isinstance(c, str)])
            if isinstance(value, str) and self.choices
            else ""
        )
        raise ParameterError(f"{owner}: {self.name} must be {what}, not {value!r}.{hint}")

    def _check_range(self, value: Any, owner: str) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        unit = f" {self.unit}" if self.unit else ""
        if isinstance(value, float) and not np.isfinite(value):
            raise ParameterError(f"{owner}: {self.name} must be a finite number, not {value}.")
        if self.low is not None and value < self.low:
            raise ParameterError(
                f"{owner}: {self.name} must be at least {self.low}{unit}, not {value}."
            )
        if self.high is not None and value > self.high:
            raise ParameterError(
                f"{owner}: {self.name} must be at most {self.high}{unit}, not {value}."
            )

    def parse(self, text: str, owner: str) -> Any:
        """Read the value from text, as the command line gives it.

        Tuples are comma-separated; ``none`` stands for None where that is allowed.
        """
        if self.optional and text.lower() == "none":
            return None
        if text in self.choices:
            return text
        for kind in self.kinds:
            try:
                if kind is bool:
                    words = {"true": True, "yes": True, "1": True}
                    words |= {"false": False, "no": False, "0": False}
                    return self.check(words[text.lower()], owner)
                if kind is tuple:
                    return self.check(tuple(float(v) for v in text.split(",")), owner)
                return self.check(kind(text), owner)
            except (KeyError, ParameterError) as error:
                if isinstance(error, ParameterError):
                    raise
            except ValueError:
                continue
        return self.check(text, owner)


_NAMES = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _convert(value: Any, kind: type) -> Any:
    """Return the value as that kind, or None where it is not one."""
    if isinstance(value, np.generic):
        value = value.item()
    if kind is bool:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if kind is int:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if isinstance(value, int) else None
    if kind is float:
        return float(value) if isinstance(value, int | float) else None
    if kind is tuple:
        if not isinstance(value, list | tuple):
            return None
        numbers = [v.item() if isinstance(v, np.generic) else v for v in value]
        return tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in numbers)
    return value if isinstance(value, kind) else None


def setting(
    default: Any,
    *,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    advanced: bool = False,
    group: str = "",
    files: str = "",
) -> Any:
    """Declare one field of a `Settings` class.

    Parameters
    ----------
    default : object
        Value when none is given.
    help : str
        One sentence, shown as tooltip, in ``--help`` and in the manual.
    unit : str
        Unit of the value, such as ``"px"``.
    low, high : float, optional
        Inclusive range of a number.
    advanced : bool
        Shown by a dock only when asked for.
    group : str
        Group of contributed parts of which the value is a name, such as ``"fitters"``; a dock
        offers them to choose from.
    files : str
        For the path of a file: the kinds that are offered, such as ``"Tables (*.csv *.hdf5)"``.
    """
    about = {"help": help, "unit": unit, "low": low, "high": high, "advanced": advanced}
    about["group"], about["files"] = group, files
    return dataclasses.field(default=default, metadata={_KEY: about})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings; a subclass becomes a frozen, keyword-only, checked dataclass."""

    if TYPE_CHECKING:

        def __init__(self, **values: Any) -> None: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        inner = cls.__init__

        def __init__(self: Any, **values: Any) -> None:
            known = [f.name for f in dataclasses.fields(cls)]
            for name in values:
                if name not in known:
                    raise ParameterError(
                        f"{cls.__name__} has no setting {name!r}. {suggest(name, known)}"
                    )
            inner(self, **values)

        cls.__init__ = __init__  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for field in fields_of(type(self)):
            value = field.check(getattr(self, field.name), type(self).__name__)
            object.__setattr__(self, field.name, value)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some settings changed."""
        return type(self)(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary, in the order of their declaration."""
        return {f.name: getattr(self, f.name) for f in fields_of(type(self))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make settings from a dictionary, as a file holds them."""
        return cls(**dict(values))

    @classmethod
    def from_text(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Make settings from texts, as the command line gives them."""
        known = {f.name: f for f in fields_of(cls)}
        values = {}
        for name, text in pairs:
            if name not in known:
                raise ParameterError(
                    f"{cls.__name__} has no setting {name!r}. {suggest(name, known)}"
                )
            values[name] = known[name].parse(text, cls.__name__)
        return cls(**values)


_FIELDS: dict[type[Settings], tuple[Field, ...]] = {}


def fields_of(cls: type[Settings]) -> tuple[Field, ...]:
    """Return the fields of a class of settings, in the order of their declaration."""
    if cls not in _FIELDS:
        hints = get_type_hints(cls)
        _FIELDS[cls] = tuple(
            Field(name=f.name, type=hints[f.name], default=f.default, **f.metadata[_KEY])
            for f in dataclasses.fields(cls)
            if _KEY in f.metadata
        )
    return _FIELDS[cls]
