"""Events: what the microscope is to do for one image, as dictionaries, useq events or axes.

An event is a dictionary.  Every key is optional; one without ``axes`` takes no image and only
sets the hardware.

================== ======================================================================
key                meaning
================== ======================================================================
axes               where the image belongs: ``{"time": 3, "z": 0, "channel": "DAPI"}``
config_group       ``[group, preset]`` of the configuration
exposure           exposure time, ms
z                  position of the focus drive, µm
x, y               position of the XY stage, µm
row, col           place in a grid; kept as the axes ``row`` and ``column``
min_start_time     earliest start, s after the start of the acquisition
properties         list of ``[device, property, value]``
stage_positions    list of ``[device, µm]`` for further stages
camera             label of the camera to use
timeout_ms         how long to wait for the image, ms
keep_shutter_open  leave the shutter open until the next event
slm_pattern        image, level or RGB triple for the spatial light modulator (SLM)
autofocus          True, or the offset of the autofocus device, µm: focus, take no image
roi                ``[x, y, width, height]`` of the camera, pixels
reset_event_timer  count ``min_start_time`` from here on
tags               what else to keep in the image's metadata, under ``tags``
================== ======================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "KEYS",
    "Event",
    "EventDict",
    "as_event_dicts",
    "expected_sizes",
    "from_useq",
    "load_sequence",
]

EventDict = dict[str, Any]

KEYS = (
    "axes",
    "config_group",
    "exposure",
    "z",
    "x",
    "y",
    "row",
    "col",
    "min_start_time",
    "properties",
    "stage_positions",
    "camera",
    "timeout_ms",
    "keep_shutter_open",
    "slm_pattern",
    "autofocus",
    "roi",
    "reset_event_timer",
    "tags",
    "channel",
)
_KNOWN = frozenset(KEYS)
_ALIASES = {"column": "col", "keepShutterOpen": "keep_shutter_open", "timeout": "timeout_ms"}


@dataclass(slots=True)
class Event:
    """An event, checked, as the engine uses it.

    Parameters
    ----------
    source : dict
        The dictionary that it was made from, which hooks see.
    axes : dict, optional
        Where the image belongs; None where no image is taken.
    config : (group, preset), optional
        Configuration preset.
    exposure : float, optional
        Milliseconds.
    x, y, z : float, optional
        Micrometres.
    min_start_time : float, optional
        Seconds.
    properties : tuple of (device, property, value)
        Device properties.
    stages : tuple of (device, position)
        Further stages, micrometres.
    camera : str, optional
        Label of the camera.
    timeout_ms : float, optional
        How long to wait for the image.
    keep_shutter_open, reset_timer : bool
        As in the table of this module.
    slm : object, optional
        Pattern for the spatial light modulator.
    autofocus : float or True, optional
        Focus instead of taking an image.
    roi : tuple of int, optional
        x, y, width, height.
    tags : dict, optional
        Kept in the metadata.
    index : int
        Number of the image, once it has one.
    done : set of int
        Cameras that have taken it, where several do.
    """

    source: EventDict
    axes: dict[str, int | str] | None = None
    config: tuple[str, str] | None = None
    exposure: float | None = None
    x: float | None = None
    y: float | None = None
    z: float | None = None
    min_start_time: float | None = None
    properties: tuple[tuple[str, str, str], ...] = ()
    stages: tuple[tuple[str, float], ...] = ()
    camera: str | None = None
    timeout_ms: float | None = None
    keep_shutter_open: bool = False
    reset_timer: bool = False
    slm: Any = None
    autofocus: float | bool | None = None
    roi: tuple[int, int, int, int] | None = None
    tags: Mapping[str, Any] | None = None
    index: int = field(default=-1, compare=False)
    done: set[int] = field(default_factory=set, compare=False)

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Event:
        """Check a dictionary.

        Raises
        ------
        ParameterError
            If a key is unknown, or a value is of no use.
        """
        if not isinstance(event, dict):
            raise ParameterError(
                f"An event is a dictionary with an 'axes' key, or a useq event, not {event!r:.80}."
            )
        if not _KNOWN.issuperset(event):
            event = _renamed(event)
        parsed = cls(event)
        for key, value in event.items():
            if value is None:
                continue
            try:
                _SETTERS[key](parsed, value)
            except (AttributeError, TypeError, ValueError, LookupError) as error:
                if isinstance(error, ParameterError):
                    raise
                raise ParameterError(
                    f"Event {event.get('axes', '')}: {key!r} cannot be {value!r:.80}: "
                    f"{_EXPECTED[key]} is expected."
                ) from None
        return parsed

    @property
    def takes_image(self) -> bool:
        """Whether an image is taken."""
        return self.axes is not None and self.autofocus is None

    def where(self) -> str:
        """Say which event it is, for messages."""
        if self.axes is None:
            return "hardware-only event"
        return ", ".join(f"{name} {value}" for name, value in self.axes.items()) or "event"


def _renamed(event: Mapping[str, Any]) -> EventDict:
    renamed = {_ALIASES.get(key, key): value for key, value in event.items()}
    for key in renamed:
        if key not in _KNOWN:
            raise ParameterError(
                f"Event {event.get('axes', '')}: there is no key {key!r}. "
                f"{suggest(str(key), KEYS)} What is to be kept with the image belongs into 'tags'."
            )
    return renamed


def _number(value: Any) -> float:
    if isinstance(value, bool | str):
        raise ValueError
    number = float(value)
    if not np.isfinite(number):
        raise ValueError
    return number


def _set_axes(event: Event, value: Any) -> None:
    axes = event.axes if event.axes is not None else {}
    for name, place in value.items():
        if type(place) is int or type(place) is str:
            axes[name] = place
        elif isinstance(place, bool):
            raise ParameterError(f"Axis {name!r}: the position must be a whole number or text.")
        elif isinstance(place, str):
            axes[name] = str(place)
        elif float(place).is_integer():
            axes[name] = int(place)
        else:
            raise ParameterError(
                f"Axis {name!r}: the position must be a whole number or text, not {place!r}. "
                "Where the stage goes is said by 'z', 'x' and 'y'."
            )
    event.axes = axes


def _set_channel(event: Event, value: Any) -> None:
    if isinstance(value, dict):
        value = (value["group"], value["config"])
    _set_config(event, value)
    axes = event.axes if event.axes is not None else {}
    axes.setdefault("channel", str(value[1]))
    event.axes = axes


def _set_config(event: Event, value: Any) -> None:
    if isinstance(value, str):
        raise ValueError
    group, preset = value
    event.config = (str(group), str(preset))


def _set_grid(axis: str) -> Any:
    def put(event: Event, value: Any) -> None:
        axes = event.axes if event.axes is not None else {}
        axes[axis] = int(value)
        event.axes = axes

    return put


def _set_number(name: str, low: float | None = None) -> Any:
    def put(event: Event, value: Any) -> None:
        number = _number(value)
        if low is not None and number < low:
            raise ValueError
        setattr(event, name, number)

    return put


def _set_properties(event: Event, value: Any) -> None:
    event.properties = tuple(
        (str(device), str(name), _text(setting)) for device, name, setting in value
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return str(value.item() if isinstance(value, np.generic) else value)


def _set_stages(event: Event, value: Any) -> None:
    if isinstance(value, dict):
        value = value.items()
    event.stages = tuple((str(device), _number(position)) for device, position in value)


def _set_roi(event: Event, value: Any) -> None:
    x, y, width, height = (int(v) for v in value)
    if min(x, y) < 0 or min(width, height) < 1:
        raise ValueError
    event.roi = (x, y, width, height)


def _set_slm(event: Event, value: Any) -> None:
    event.slm = value if isinstance(value, bool | int | np.ndarray) else np.asarray(value)


def _set_autofocus(event: Event, value: Any) -> None:
    event.autofocus = (True if value else None) if isinstance(value, bool) else _number(value)


def _set(name: str, kind: type) -> Any:
    def put(event: Event, value: Any) -> None:
        setattr(event, name, kind(value))

    return put


_SETTERS: dict[str, Any] = {
    "axes": _set_axes,
    "config_group": _set_config,
    "channel": _set_channel,
    "exposure": _set_number("exposure", 0.0),
    "z": _set_number("z"),
    "x": _set_number("x"),
    "y": _set_number("y"),
    "row": _set_grid("row"),
    "col": _set_grid("column"),
    "min_start_time": _set_number("min_start_time"),
    "properties": _set_properties,
    "stage_positions": _set_stages,
    "camera": _set("camera", str),
    "timeout_ms": _set_number("timeout_ms", 0.0),
    "keep_shutter_open": _set("keep_shutter_open", bool),
    "slm_pattern": _set_slm,
    "autofocus": _set_autofocus,
    "roi": _set_roi,
    "reset_event_timer": _set("reset_timer", bool),
    "tags": _set("tags", dict),
}

_EXPECTED = {
    "axes": "a dictionary of axis names and positions",
    "config_group": "[group, preset]",
    "channel": "{'group': ..., 'config': ...} or [group, preset]",
    "exposure": "a time of 0 ms or more",
    "z": "a position in µm",
    "x": "a position in µm",
    "y": "a position in µm",
    "row": "a whole number",
    "col": "a whole number",
    "min_start_time": "a time in s",
    "properties": "a list of [device, property, value]",
    "stage_positions": "a list of [device, µm]",
    "camera": "the label of a camera",
    "timeout_ms": "a time of 0 ms or more",
    "keep_shutter_open": "True or False",
    "slm_pattern": "an image, a level or an RGB triple",
    "autofocus": "True, or an offset in µm",
    "roi": "[x, y, width, height] in pixels",
    "reset_event_timer": "True or False",
    "tags": "a dictionary",
}


def from_useq(event: Any) -> EventDict:
    """Return a useq event as a dictionary.

    Parameters
    ----------
    event : useq.MDAEvent
        The event.  The axes t, p, z and c are called time, position, z and channel; the channel
        is named by its preset, and a position by its index.

    Raises
    ------
    ParameterError
        If the event asks for something that cannot be done (a custom action).
    """
    axes: dict[str, int | str] = {_USEQ_AXES.get(k, k): v for k, v in event.index.items()}
    made: EventDict = {"axes": axes}
    if event.channel is not None:
        axes["channel"] = event.channel.config
        made["config_group"] = [event.channel.group, event.channel.config]
    for name, key in (("x_pos", "x"), ("y_pos", "y"), ("z_pos", "z"), ("exposure", "exposure")):
        if (value := getattr(event, name)) is not None:
            made[key] = float(value)
    if event.min_start_time is not None:
        made["min_start_time"] = float(event.min_start_time)
    if event.properties:
        made["properties"] = [list(p) for p in event.properties]
    if event.keep_shutter_open:
        made["keep_shutter_open"] = True
    if getattr(event, "reset_event_timer", False):
        made["reset_event_timer"] = True
    if (roi := getattr(event, "roi", None)) is not None:
        made["roi"] = [roi.offset_x, roi.offset_y, roi.width, roi.height]
    if event.slm_image is not None:
        made["slm_pattern"] = np.asarray(event.slm_image)
    tags = {k: v for k, v in (event.metadata or {}).items() if k != "runner_t0"}
    if event.pos_name:
        tags["PositionName"] = event.pos_name
    if tags:
        made["tags"] = tags
    action = getattr(event.action, "type", "acquire_image")
    if action == "hardware_autofocus":
        offset = event.action.autofocus_motor_offset
        made["autofocus"] = True if offset is None else float(offset)
    elif action != "acquire_image":
        raise ParameterError(
            f"Event {axes}: the action {action!r} is not known. "
            "Give a hook function to the acquisition instead."
        )
    return made


_USEQ_AXES = {"t": "time", "p": "position", "c": "channel", "g": "grid", "z": "z"}


def as_event_dicts(events: Any) -> Iterator[EventDict]:
    """Return events, in whatever form they come, as dictionaries, one after the other.

    Parameters
    ----------
    events : dict, useq.MDAEvent, useq.MDASequence, or iterable of these
        The events.
    """
    if isinstance(events, dict):
        yield events
    elif hasattr(events, "index") and hasattr(events, "min_start_time"):
        yield from_useq(events)
    elif hasattr(events, "__iter__") and not isinstance(events, str | bytes):
        for event in events:
            yield from as_event_dicts(event)
    else:
        raise ParameterError(
            f"Events are dictionaries, useq events or a useq sequence, not {events!r:.80}."
        )


def expected_sizes(events: Iterable[EventDict]) -> tuple[int, dict[str, int]]:
    """Return how many images the events take, and the number of positions on each axis."""
    images = 0
    places: dict[str, set[int | str]] = {}
    for event in events:
        if not ("axes" in event or "channel" in event) or event.get("autofocus") is not None:
            continue
        images += 1
        for name, place in (event.get("axes") or {}).items():
            places.setdefault(name, set()).add(place)
    return images, {name: len(found) for name, found in places.items()}


def load_sequence(path: str | Path) -> list[EventDict]:
    """Read a sequence from a file.

    Parameters
    ----------
    path : path
        A useq sequence as YAML or JSON, or a list of event dictionaries as JSON.

    Returns
    -------
    list of dict
        The events.

    Raises
    ------
    FileError
        If it cannot be read, or is no sequence.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"it cannot be read ({error}).", "Choose another file.") from error
    try:
        found = json.loads(text) if path.suffix.lower() == ".json" else None
        if isinstance(found, list):
            events = list(as_event_dicts(found))
        else:
            import useq

            events = list(as_event_dicts(useq.MDASequence.from_file(path)))
    except ParameterError as error:
        raise FileError(path, str(error)) from error
    except Exception as error:
        raise FileError(
            path,
            f"it is no sequence: {str(error).splitlines()[0] if str(error) else error!r}.",
            "A useq sequence as YAML or JSON is expected, or a list of events as JSON.",
        ) from error
    for number, event in enumerate(events):
        try:
            Event.parse(event)
        except ParameterError as error:
            raise FileError(path, f"event {number}: {error}") from error
    return events
