"""Settings as options: what a Settings class declares, the command line offers."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from limelight.core import parts
from limelight.core.errors import ParameterError
from limelight.core.remarks import collected
from limelight.core.settings import Field, Settings, fields_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from limelight.io import FileMovie

__all__ = ["add_choices", "add_fields", "choices_of", "given", "open_chosen", "part_fields"]

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


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Offer what `limelight.open_movie` lets one choose in a file."""
    group = parser.add_argument_group("which movie, where a file has several")
    group.add_argument("--channel", metavar="NAME", help="channel, by its name or from 0")
    group.add_argument("--z", type=int, metavar="PLANE", help="plane, from 0")
    group.add_argument("--position", metavar="NAME", help="position, by its name or from 0")
    group.add_argument(
        "--resolution", type=int, metavar="LEVEL", help="level of resolution, 0: the finest"
    )
    group.add_argument(
        "--time-axis", metavar="AXIS", help="axis that is taken as time, such as z (default: time)"
    )
    group.add_argument(
        "--raw",
        metavar="TYPE,HEIGHT,WIDTH[,HEADER]",
        help="what a .raw file without a YAML file holds, such as uint16,512,512 (>uint16: high "
        "byte first; HEADER: bytes before the first frame)",
    )


def choices_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return those choices that were made, as `limelight.open_movie` takes them."""
    names = ("channel", "z", "position", "resolution", "time_axis", "raw")
    chosen = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if "raw" in chosen:
        from limelight.io import RawSpecification

        chosen["raw"] = RawSpecification.parse(chosen["raw"])
    return chosen


def open_chosen(path: Path, choices: dict[str, Any], *, quiet: bool = False) -> FileMovie:
    """Open a movie; say on standard error, in the command line's words, what was taken of it."""
    from limelight.io import open_movie

    if path.suffix.lower() != ".raw":
        choices = {name: value for name, value in choices.items() if name != "raw"}
    with collected() as said:
        movie = open_movie(path, **choices)
    for remark in [] if quiet else said:
        text = re.sub(r"open_movie\(path, (\w+)=\.\.\.\)", r"--\1", remark)
        text = re.sub(r"time_axis='(\w+)'", r"--time-axis \1", text)
        print(text.replace("--time_axis", "--time-axis"), file=sys.stderr)
    return movie
