"""Do something when a condition on the frame, or on what was measured in it, holds."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting
from limelight.core.stream import Reading, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from limelight.core.frame import Frame
    from limelight.core.stream import Output, Stream

__all__ = ["Condition", "TriggerWhen", "properties_of"]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_CLAUSE = re.compile(r"^\s*([^<>=!]+?)\s*(<=|>=|==|!=|<|>)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*$")
OF_FRAMES = ("mean", "std", "min", "max", "sharpness")
"""Names that are measured on the frame itself."""


class Condition:
    """``"mean > 500"``, ``"molecules > 80 and sigma (nm) < 140 or max == 65535"``.

    Parameters
    ----------
    text : str
        Comparisons of a name with a number, joined by "and" and "or"; "and" binds more tightly.

    Raises
    ------
    ParameterError
        If it cannot be read.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._any: list[list[tuple[str, Callable[[float, float], bool], float]]] = []
        for part in re.split(r"\bor\b", text):
            clauses = []
            for clause in re.split(r"\band\b", part):
                match = _CLAUSE.match(clause)
                try:
                    name, sign, number = match.groups()  # type: ignore[union-attr]
                    clauses.append((name, _COMPARE[sign], float(number)))
                except (AttributeError, ValueError) as error:
                    raise ParameterError(
                        f"A condition is written like 'mean > 500' or 'molecules > 80 and "
                        f"sigma (nm) < 140', not {text!r}."
                    ) from error
            self._any.append(clauses)

    @property
    def names(self) -> set[str]:
        """The names that it asks for."""
        return {name for clauses in self._any for name, _, _ in clauses}

    def holds(self, values: Mapping[str, float]) -> bool:
        """Return whether it holds; a name that is not known makes its comparison false."""
        return any(
            all(
                name in values and compare(values[name], number)
                for name, compare, number in clauses
            )
            for clauses in self._any
        )


def properties_of(text: str) -> tuple[tuple[str, str, str], ...]:
    """Read ``"Laser-405.Power_mW=0; Shutter.State=1"``.

    Raises
    ------
    ParameterError
        If it cannot be read.
    """
    found = []
    for part in text.split(";"):
        if not part.strip():
            continue
        match = re.match(r"^\s*([^.=]+)\.([^=]+?)\s*=\s*(.*?)\s*$", part)
        if match is None:
            raise ParameterError(
                "Properties are written like 'Laser-405.Power_mW=0; Shutter.State=1', "
                f"not {text!r}."
            )
        found.append((match[1].strip(), match[2].strip(), match[3]))
    return tuple(found)


class TriggerWhen(Settings):
    """Set properties, move the focus, add events, call a function or stop when a condition holds.

    The condition may use ``mean``, ``std``, ``min``, ``max`` and ``sharpness`` of the frame, its
    ``index``, its axes where they are numbers, and every reading of the processors before this one
    (``molecules``, ``sigma (nm)``, ...).
    """

    alters: ClassVar[bool] = False
    listens: ClassVar[bool] = True
    requests: ClassVar[bool] = True

    condition: str = setting(
        "mean > 1000",
        help="When to act, such as 'mean > 500' or 'molecules > 80 and sigma (nm) < 140'.",
    )
    again: Literal["once", "edge", "always"] = setting(
        "edge",
        help="Act once; each time the condition begins to hold; or on every frame on which it "
        "holds.",
    )
    rest: int = setting(
        0, help="Frames to wait after an action.", unit="frames", low=0, advanced=True
    )
    properties: str = setting(
        "", help="Properties to set, such as 'Laser-405.Power_mW=0; Shutter.State=0'."
    )
    z: float | None = setting(None, help="Position for the focus drive.", unit="µm")
    call: str | Callable[..., Any] = setting(
        "",
        help="Function to call, as 'module:function'. It gets the frame and the numbers, and may "
        "return events or a Request.",
    )
    stop: bool = setting(False, help="End the acquisition.")

    def __post_init__(self) -> None:
        super().__post_init__()
        Condition(self.condition)
        properties_of(self.properties)

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield requests."""
        from limelight.core.image.sharpness import intensities, sharpness

        condition, function = Condition(self.condition), _function(self.call)
        measures = condition.names & set(OF_FRAMES)
        base = stream.camera.baseline
        dark = float(base) if isinstance(base, float) else float(base.mean())
        known: dict[str, float] = {}
        newest: Frame | None = None
        held, last = False, None
        for item in frames:
            index = item.index
            if isinstance(item, Reading):
                fresh = dict(item.values)
            else:
                newest = item
                places = {k: float(v) for k, v in item.axes.items() if not isinstance(v, str)}
                fresh = {**places, "index": float(index)}
                if measures - {"sharpness"}:
                    fresh |= intensities(item.pixels)
                if "sharpness" in measures:
                    fresh["sharpness"] = sharpness(item.pixels, offset=dark)
            known |= fresh
            if not condition.names & set(fresh):
                continue
            holds = condition.holds(known)
            act = holds and (self.again == "always" or not held)
            held = holds or (held and self.again == "once")
            if not act or (last is not None and index - last <= self.rest):
                continue
            last = index
            yield from self._act(newest, dict(known), function, index)

    def _act(
        self,
        frame: Frame | None,
        values: dict[str, float],
        function: Callable[..., Any] | None,
        index: int,
    ) -> Iterator[Output]:
        reason = f"frame {index}: {self.condition}"
        properties = properties_of(self.properties)
        if properties or self.z is not None or self.stop:
            yield Request(properties, z=self.z, stop=self.stop, reason=reason)
        yield Reading(index, {"triggered": 1.0}, frame.axes if frame is not None else {})
        if function is None:
            return
        answer = function(frame, values)
        if isinstance(answer, Request | Reading):
            yield answer
        elif answer is not None:
            events = tuple(answer) if isinstance(answer, list | tuple) else (answer,)
            yield Request(events=events, reason=reason)


def _function(call: str | Callable[..., Any]) -> Callable[..., Any] | None:
    if not isinstance(call, str):
        return call
    if not call:
        return None
    module, colon, name = call.partition(":")
    try:
        function = getattr(import_module(module), name) if colon else None
    except (ImportError, AttributeError) as error:
        raise ParameterError(f"The function {call!r} cannot be found: {error}.") from error
    if not callable(function):
        raise ParameterError(f"A function is named as 'module:function', not {call!r}.")
    found: Callable[..., Any] = function
    return found
