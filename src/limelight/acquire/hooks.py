"""Hooks: a person's functions, called by the engine and by the pipeline.

Functions may take one argument fewer than they are offered: the last one, the queue for further
events, is passed to those that have room for it.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.events import Event
from limelight.core.errors import LimelightError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["FunctionProcessor", "Hook", "make_hooks", "takes"]


def takes(function: Callable[..., Any], least: int, most: int, what: str) -> int:
    """Return how many positional arguments a function is to be called with.

    Raises
    ------
    ParameterError
        If it cannot be called with ``least`` to ``most`` arguments.
    """
    if not callable(function):
        raise ParameterError(f"{what} must be a function, not {function!r:.60}.")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin
        return least
    required = optional = 0
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            optional += most
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            if parameter.default is parameter.empty:
                required += 1
            else:
                optional += 1
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            required = most + 1
    if not (required <= most and required + optional >= least):
        or_ = "or" if most == least + 1 else "to"
        raise ParameterError(
            f"{what} must take {least} {or_} {most} arguments, but {_name(function)} takes "
            f"{required}."
        )
    return max(required, least)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


class Hook:
    """A function that sees events, and may change them, delete them, or queue others.

    Parameters
    ----------
    function : callable
        Takes an event (a list of events where the hardware runs through several), and perhaps
        the queue.  What it returns takes the place of what it was given; None deletes it.
    kind : str
        Such as ``pre_hardware_hook_fn``, for messages.
    queue : object
        With ``put``.
    processes : ExitStack, optional
        The function runs in a process of its own, which this ends.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        kind: str,
        queue: Any,
        processes: ExitStack | None = None,
    ) -> None:
        self.kind = kind
        count = takes(function, 1, 3, kind)
        self._rest: tuple[Any, ...] = (queue,) if count == 2 else ()
        if count == 3:  # as Pycro-Manager's hooks once did: event, bridge and queue
            from limelight.acquire.bridge import Bridge

            self._rest = (Bridge(), queue)
        if processes is not None:
            from limelight.acquire.subprocess_function import SubprocessHook

            if count == 3:
                raise ParameterError(
                    f"{kind} takes a bridge to the microscope, which is in this process. Leave "
                    "process=True out, or take event and queue only."
                )
            function = SubprocessHook(function, kind, queue if count == 2 else None)
            processes.callback(function.close)
            self._rest = ()
        self._function = function

    def __call__(self, events: list[Event]) -> list[Event]:
        """Return what becomes of the events.

        Raises
        ------
        LimelightError
            If the function raises: what it should have done to the microscope is not known.
        """
        given: Any = [e.source for e in events] if len(events) > 1 else events[0].source
        try:
            result = self._function(given, *self._rest)
        except Exception as error:
            raise LimelightError(
                f"{self.kind} {_name(self._function)} failed at {events[0].where()}: "
                f"{type(error).__name__}: {error}. The acquisition was stopped, because the state "
                "of the microscope is not known. What was acquired is kept."
            ) from error
        if result is None:
            return []
        if isinstance(result, dict):
            result = [result]
        if not isinstance(result, list | tuple):
            raise LimelightError(
                f"{self.kind} {_name(self._function)} must return an event, a list of events or "
                f"None, not {result!r:.60}."
            )
        known = {id(event.source): event for event in events}
        changed = []
        for one in result:
            event = Event.parse(one)
            if (before := known.get(id(one))) is not None:
                # An event that is taken up again after a pause keeps its number.
                event.index, event.done = before.index, before.done
            changed.append(event)
        return changed


def make_hooks(
    functions: Mapping[str, Callable[..., Any] | None],
    queue: Any,
    processes: ExitStack | None = None,
) -> dict[str, list[Hook]]:
    """Make hooks of a person's functions.

    Parameters
    ----------
    functions : mapping
        The function of each kind, such as ``pre_hardware``; None where there is none.
    queue : object
        The event queue.
    processes : ExitStack, optional
        Each function runs in a process of its own, which this ends.

    Returns
    -------
    dict of list of Hook
        The hooks of each kind.

    Raises
    ------
    ParameterError
        If a function has a wrong number of arguments, or cannot be sent to a process.
    """
    return {
        kind: [] if function is None else [Hook(function, f"{kind}_hook_fn", queue, processes)]
        for kind, function in functions.items()
    }


class FunctionProcessor:
    """An image processor that is a function of pixels and metadata.

    Parameters
    ----------
    function : callable
        Takes pixels and metadata, and perhaps the queue; returns a pair of both, a list of such
        pairs, or None.
    queue : object
        With ``put``.
    """

    alters = True

    def __init__(self, function: Callable[..., Any], queue: Any) -> None:
        self._function = function
        self._rest = (queue,) if takes(function, 2, 3, "image_process_fn") == 3 else ()

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield what the function returns."""
        for frame in frames:
            pixels = frame.pixels if frame.pixels.flags.writeable else frame.pixels.copy()
            metadata = {**frame.metadata, "Axes": dict(frame.axes)}
            result = self._function(pixels, metadata, *self._rest)
            if result is None:
                continue
            for image, said in result if isinstance(result, list) else [result]:
                yield self._frame(frame, np.asarray(image), said)

    def _frame(self, frame: Frame, image: Any, said: dict[str, Any]) -> Frame:
        axes = dict(said.get("Axes", frame.axes))
        channel = said.get("Channel")
        if channel != frame.metadata.get("Channel") and axes.get("channel") == frame.axes.get(
            "channel"
        ):
            axes["channel"] = channel  # saying another channel is enough to be told apart
        return replace(frame, pixels=image, axes=axes, metadata={**said, "Axes": axes})
