"""Sequencing: which events the hardware can run through by itself.

A camera can take many images in a row, and devices that hold a table of values step through it on
the camera's triggers, without the computer.  Events that follow each other form one run if they
differ in such settings only, and no table becomes longer than the device allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from limelight.acquire.events import Event

__all__ = ["Plan", "Sequencer"]


@dataclass
class Plan:
    """What a run of events loads into the devices.

    Parameters
    ----------
    exposures, z : list of float
        Values for the camera (ms) and the focus drive (micrometres), empty if they stay.
    xy : list of (x, y)
        Values for the XY stage, micrometres.
    properties : dict
        Values for each (device, property).
    patterns : list
        Patterns for the spatial light modulator.
    """

    exposures: list[float] = field(default_factory=list)
    z: list[float] = field(default_factory=list)
    xy: list[tuple[float, float]] = field(default_factory=list)
    properties: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    patterns: list[Any] = field(default_factory=list)


class Sequencer:
    """Cuts events into runs.

    Parameters
    ----------
    core : pymmcore_plus.CMMCorePlus
        Tells what the devices can do.
    enabled : bool
        False for runs of one event only.
    longest : int
        Limit for the length of a run.
    """

    def __init__(self, core: Any, *, enabled: bool = True, longest: int = 1_000_000) -> None:
        self._core = core
        self.enabled = enabled
        self.longest = longest
        self._limits: dict[Any, int] = {}
        self._presets: dict[tuple[str, str], dict[tuple[str, str], str]] = {}

    def runs(self, events: Iterable[Event]) -> Iterator[list[Event]]:
        """Yield lists of events that can be run through in hardware."""
        run: list[Event] = []
        limit = self.longest
        for event in events:
            if run:
                allowed = self._limit(run[0], run[-1], event)
                if len(run) < min(limit, allowed):
                    limit = min(limit, allowed)
                    run.append(event)
                    continue
                yield run
            run = [event]
            limit = self.longest
        if run:
            yield run

    def plan(self, run: list[Event]) -> Plan:
        """Return the tables for a run; a setting that an event leaves out stays as it was."""
        plan = Plan()
        if len(run) < 2:
            return plan
        plan.exposures = _varying([e.exposure for e in run])
        plan.z = _varying([e.z for e in run])
        xs, ys = [e.x for e in run], [e.y for e in run]
        if _varying(xs) or _varying(ys):
            plan.xy = list(zip(_filled(xs), _filled(ys), strict=True))
        patterns = _filled([e.slm for e in run])
        if any(not _same_pattern(pattern, patterns[0]) for pattern in patterns):
            plan.patterns = patterns
        first = self._settings(run[0])
        if any(e.config != run[0].config or e.properties != run[0].properties for e in run[1:]):
            settings = [self._settings(e) for e in run]
            for key in first:
                values = _varying([s.get(key) for s in settings])
                if values:
                    plan.properties[key] = values
        return plan

    def _limit(self, first: Event, last: Event, event: Event) -> int:
        """Return how long a run may be that is continued with this event; 0 if it may not."""
        if not (self.enabled and first.takes_image and event.takes_image):
            return 0
        if (
            event.camera != last.camera
            or event.roi != last.roi
            or event.timeout_ms != last.timeout_ms
            or event.reset_timer
            or event.stages != last.stages
            # It may close after the last image of a run.
            or (event.keep_shutter_open and not last.keep_shutter_open)
        ):
            return 0
        if event.min_start_time != first.min_start_time and (event.min_start_time or 0.0) > 0.0:
            return 0
        limit = self.longest
        if event.exposure != last.exposure:
            limit = min(limit, self._exposure_limit(last, event))
        if event.z != last.z:
            limit = min(limit, self._z_limit(last, event))
        if event.x != last.x or event.y != last.y:
            limit = min(limit, self._xy_limit(last, event))
        if not _same_pattern(event.slm, last.slm):
            limit = min(limit, self._pattern_limit(last, event))
        if event.config != last.config or event.properties != last.properties:
            limit = min(limit, self._property_limit(first, last, event))
        return limit

    def _asked(self, key: Any, able: Any, longest: Any) -> int:
        if key not in self._limits:
            try:
                self._limits[key] = int(longest()) if able() else 0
            except RuntimeError:  # there is no such device, or it does not know
                self._limits[key] = 0
        return self._limits[key]

    def _exposure_limit(self, last: Event, event: Event) -> int:
        if last.exposure is None or event.exposure is None:
            return 0 if event.exposure is not None else self.longest
        core, camera = self._core, event.camera or self._core.getCameraDevice()
        return self._asked(
            ("exposure", camera),
            lambda: core.isExposureSequenceable(camera),
            lambda: core.getExposureSequenceMaxLength(camera),
        )

    def _z_limit(self, last: Event, event: Event) -> int:
        if last.z is None or event.z is None:
            return 0 if event.z is not None else self.longest
        core, stage = self._core, self._core.getFocusDevice()
        if not stage:
            return 0
        return self._asked(
            ("z", stage),
            lambda: core.isStageSequenceable(stage),
            lambda: core.getStageSequenceMaxLength(stage),
        )

    def _xy_limit(self, last: Event, event: Event) -> int:
        if None in (last.x, last.y, event.x, event.y):
            return 0
        core, stage = self._core, self._core.getXYStageDevice()
        if not stage:
            return 0
        return self._asked(
            ("xy", stage),
            lambda: core.isXYStageSequenceable(stage),
            lambda: core.getXYStageSequenceMaxLength(stage),
        )

    def _pattern_limit(self, last: Event, event: Event) -> int:
        if last.slm is None or event.slm is None:
            return 0 if event.slm is not None else self.longest
        core, device = self._core, self._core.getSLMDevice()
        if not device:
            return 0
        return self._asked(
            ("slm", device),
            # The core takes the patterns of a table as one byte per pixel.
            lambda: core.getSLMNumberOfComponents(device) * core.getSLMBytesPerPixel(device) == 1,
            lambda: core.getSLMSequenceMaxLength(device),
        )

    def _property_limit(self, first: Event, last: Event, event: Event) -> int:
        start, before, now = (self._settings(e) for e in (first, last, event))
        limit = self.longest
        for key, value in now.items():
            if key not in start:
                return 0  # the table could not say what it was for the first image
            if before.get(key) == value and start[key] == value:
                continue
            limit = min(limit, self._settable(key))
        return limit

    def _settable(self, key: tuple[str, str]) -> int:
        core = self._core
        return self._asked(
            key,
            lambda: core.isPropertySequenceable(*key),
            lambda: core.getPropertySequenceMaxLength(*key),
        )

    def _settings(self, event: Event) -> dict[tuple[str, str], str]:
        """Return all device properties that an event sets, those of its preset among them."""
        settings: dict[tuple[str, str], str] = {}
        if event.config is not None:
            if event.config not in self._presets:
                try:
                    data = self._core.getConfigData(*event.config)
                    preset = {(d, p): str(v) for d, p, v in data}
                except (RuntimeError, ValueError):
                    # The name itself stands for what is not known, so that it is not sequenced.
                    preset = {("", "/".join(event.config)): "1"}
                self._presets[event.config] = preset
            settings.update(self._presets[event.config])
        settings.update({(device, name): value for device, name, value in event.properties})
        return settings


def _same_pattern(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and np.array_equal(a, b))


def _filled(values: list[Any]) -> list[Any]:
    filled, last = [], values[0]
    for value in values:
        last = last if value is None else value
        filled.append(last)
    return filled


def _varying(values: list[Any]) -> list[Any]:
    first = values[0]
    if all(v is None or v == first for v in values):
        return []
    return _filled(values)
