"""The processors of an acquisition, in whatever form they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.acquire.hooks import FunctionProcessor, takes
from limelight.core import parts
from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from limelight.core.parts import Processor

__all__ = ["make_processors"]


def make_processors(
    given: Sequence[Any],
    function: Callable[..., Any] | None,
    queue: Any,
    processes: ExitStack | None = None,
) -> list[tuple[str, Processor]]:
    """Make processors, each under a name of its own.

    Parameters
    ----------
    given : sequence
        Processors, names of contributed ones, or pairs of a name and a processor or a dictionary
        of settings.
    function : callable, optional
        An image processing function, which comes first.
    queue : object
        The event queue, for the function.
    processes : ExitStack, optional
        The function runs in a process of its own, which this ends.

    Returns
    -------
    list of (str, Processor)
        The processors.

    Raises
    ------
    ParameterError
        If something is no processor, or the function has a wrong number of arguments.
    PartError
        If there is no processor of a name.
    """
    made = [_named(one) for one in given]
    if function is not None:
        if processes is not None:
            from limelight.acquire.subprocess_function import SubprocessFunction

            what = "image_process_fn"
            wanted = queue if takes(function, 2, 3, what) == 3 else None
            function = SubprocessFunction(function, what, wanted)
            processes.callback(function.close)
        made.insert(0, ("image_process_fn", FunctionProcessor(function, queue)))
    names: dict[str, int] = {}
    for i, (name, processor) in enumerate(made):
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            made[i] = (f"{name} {names[name]}", processor)
    return made


def _named(one: Any) -> tuple[str, Processor]:
    if isinstance(one, str):
        return one, parts.make("processors", one)
    if isinstance(one, tuple | list) and len(one) == 2:
        name, settings = one
        if isinstance(settings, dict):
            settings = parts.make("processors", name, **settings)
        return str(name), settings
    if hasattr(one, "process") and hasattr(one, "alters"):
        return parts.name_of("processors", one), one
    raise ParameterError(
        "A processor is an object with 'process' and 'alters', or the name of one, "
        f"not {one!r:.60}."
    )
