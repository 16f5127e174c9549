"""Settings as options: what a Settings class declares, the command line offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.core import parts
from limelight.core.errors import ParameterError
from limelight.core.settings import Field, Settings, fields_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

__all__ = ["add_fields", "given", "part_fields"]

_GIVEN = "_given_"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_fields(
    group: argparse._ArgumentGroup, fields: Iterable[tuple[str, Field]], default_of: bool = True
) -> None:
    """Offer fields as options of a group; a name that several owners share is offered once.

    Parameters
    ----------
    group : argparse group
        Where to.
    fields : iterable of (str, Field)
        Owner (empty: everyone) and field.
    default_of : bool
        Show the default in the help.
    """
    offered: dict[str, tuple[list[str], Field]] = {}
    for owner, field in fields:
        offered.setdefault(field.name, ([], field))[0].append(owner)
    for name, (owners, field) in offered.items():
        unit = f" [{field.unit}]" if field.unit else ""
        default = f" (default: {field.default})" if default_of else ""
        whose = f" For: {', '.join(o for o in owners if o)}." if any(owners) else ""
        group.add_argument(
            _flag(name),
            dest=_GIVEN + name,
            metavar="|".join(map(str, field.choices)) or field.name.split("_")[-1].upper(),
            help=f"{field.help}{unit}{default}{whose}".replace("%", "%%"),
        )


def part_fields(group: parts.Group) -> list[tuple[str, Field]]:
    """List the settings of all parts of a group, with the names of the parts."""
    return [
        (name, field) for name, part in parts.load_all(group).items() for field in fields_of(part)
    ]


def given(options: argparse.Namespace, classes: Iterable[type[Settings]]) -> dict[str, Any]:
    """Return the values that were given, in the types that the first class with each declares.

    Raises
    ------
    ParameterError
        If a value is of the wrong type or out of range.
    """
    known: dict[str, Field] = {}
    for cls in classes:
        for field in fields_of(cls):
            known.setdefault(field.name, field)
    values = {}
    for key, text in vars(options).items():
        if not key.startswith(_GIVEN) or text is None:
            continue
        name = key.removeprefix(_GIVEN)
        if name not in known:
            raise ParameterError(
                f"{_flag(name)} has no meaning for the detector and the fitter that were chosen."
            )
        values[name] = known[name].parse(text, _flag(name))
    return values
