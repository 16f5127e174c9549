"""Closed loops: what was measured steers the microscope.

Both listen to the readings of a processor before them, usually of live localization.  They see the
frames too, and so know how far the readings are behind the camera: readings of frames that were
taken before a change are passed over, however late they come.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting
from limelight.core.stream import Reading, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from limelight.core.frame import Frame
    from limelight.core.stream import Output, Stream

__all__ = ["HoldDensity", "HoldFocus"]


class HoldDensity(Settings):
    """Hold the molecules per frame at a set point with the activation laser.

    After every window of frames the power is multiplied by (set point / mean) ^ gain, within
    limits: where molecules answer in proportion to the power, a gain of 1 would be there at once,
    and less forgives delays and what comes up by itself.
    """

    alters: ClassVar[bool] = False
    listens: ClassVar[bool] = True

    target: float = setting(
        50.0, help="Set point: molecules per frame.", unit="molecules", low=0.1, high=1e6
    )
    device: str = setting("Laser-405", help="Device of the activation laser.")
    property: str = setting("Power_mW", help="Its property that is the power.")
    start: float = setting(1.0, help="Power at the start, in the laser's unit.", low=0.0)
    lowest: float = setting(
        0.01, help="Least power; more than 0, so that it can rise again.", low=1e-9
    )
    highest: float = setting(20.0, help="Greatest power.", low=0.0)
    gain: float = setting(
        0.5, help="How much of the error is corrected at once.", low=0.01, high=1.0, advanced=True
    )
    window: int = setting(20, help="Frames that are averaged.", unit="frames", low=1, high=10_000)
    settle: int = setting(
        5,
        help="Frames after a change that are passed over, until it shows.",
        unit="frames",
        low=0,
        high=10_000,
        advanced=True,
    )
    reading: str = setting("molecules", help="Name of the reading to hold.", advanced=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.lowest < self.highest:
            raise ParameterError(
                f"hold-density: the least power {self.lowest} must be below the greatest, "
                f"{self.highest}."
            )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield requests for the laser, and its power as a reading."""
        power = min(max(self.start, self.lowest), self.highest)
        name = f"{self.device} {self.property}"
        yield self._ask(power)
        newest, seen = -1, []
        blind = self.settle - 1
        for item in frames:
            newest = max(newest, item.index)
            if not isinstance(item, Reading) or self.reading not in item.values:
                continue
            if item.index <= blind:
                continue
            seen.append(item.values[self.reading])
            if len(seen) < self.window:
                continue
            mean = float(np.mean(seen))
            seen.clear()
            ratio = min(max(self.target / max(mean, 1e-9), 0.2), 5.0)
            power = min(max(power * ratio**self.gain, self.lowest), self.highest)
            yield self._ask(power)
            yield Reading(item.index, {name: power}, item.axes)
            blind = newest + self.settle

    def _ask(self, power: float) -> Request:
        # without a reason: there are many of these, and the readings tell them
        return Request(((self.device, self.property, round(power, 6)),))


_Z_KEYS = ("ZPosition_um_Intended", "ZPositionUm", "ZPosition_um", "Z-um")


class HoldFocus(Settings):
    """Keep the molecules sharp: look a little above and below, and go where spots are narrowest.

    The squared width of a spot is a parabola of the focus, so that its widths at three positions
    tell where the narrowest is.  Needs a reading of the width, as live localization gives it.
    """

    alters: ClassVar[bool] = False
    listens: ClassVar[bool] = True

    step: float = setting(
        0.15, help="How far above and below is looked.", unit="µm", low=0.001, high=10.0
    )
    window: int = setting(
        10, help="Frames that are averaged at each position.", unit="frames", low=1, high=10_000
    )
    settle: int = setting(
        5,
        help="Frames after a move that are passed over, until it shows.",
        unit="frames",
        low=0,
        high=10_000,
        advanced=True,
    )
    pause: int = setting(
        100, help="Frames to stay in focus before looking again.", unit="frames", low=0
    )
    reach: float = setting(
        5.0,
        help="Farthest from the first position that is allowed, to protect objective and sample.",
        unit="µm",
        low=0.01,
        high=1000.0,
    )
    z: float | None = setting(
        None,
        help="First position of the focus; none: what the frames say, else 0.",
        unit="µm",
        advanced=True,
    )
    reading: str = setting("sigma (nm)", help="Name of the width's reading.", advanced=True)

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield requests for the focus drive, and where the focus was found as a reading."""
        first = self.z
        centre = math.nan
        plan: list[float] = []
        found: list[float] = []
        seen: list[float] = []
        newest = -1
        blind = self.pause - 1
        for item in frames:
            newest = max(newest, item.index)
            if not isinstance(item, Reading):
                if first is None:
                    first = _position(item.metadata)
                continue
            if self.reading not in item.values:
                continue
            if math.isnan(centre):
                first = 0.0 if first is None else first
                centre = first
            if item.index <= blind:
                continue
            if not plan:
                plan = [centre - self.step, centre + self.step, centre]
                found.clear()
                seen.clear()
                yield Request(z=self._within(plan[0], first))
                blind = newest + self.settle
                continue
            seen.append(item.values[self.reading] ** 2)
            if len(seen) < self.window:
                continue
            found.append(float(np.median(seen)))
            seen.clear()
            if len(found) < 3:
                yield Request(z=self._within(plan[len(found)], first))
                blind = newest + self.settle
                continue
            centre = self._within(centre + self._vertex(*found), first)
            plan = []
            yield Request(z=centre)
            yield Reading(item.index, {"focus (µm)": centre}, item.axes)
            blind = newest + self.settle + self.pause

    def _within(self, z: float, first: float | None) -> float:
        at = first or 0.0
        return round(min(max(z, at - self.reach), at + self.reach), 4)

    def _vertex(self, below: float, above: float, middle: float) -> float:
        """Return how far to go, µm: the vertex of the parabola, or two steps downhill."""
        curvature = below - 2 * middle + above
        slope = above - below
        if curvature <= 0.01 * middle:
            # far from focus there is no valley to be seen, only a slope
            return -2 * self.step * float(np.sign(slope)) if abs(slope) > 0.02 * middle else 0.0
        move = -0.5 * self.step * slope / curvature
        return float(np.clip(move, -4 * self.step, 4 * self.step))


def _position(metadata: Mapping[str, object]) -> float | None:
    for key in _Z_KEYS:
        value = metadata.get(key)
        if isinstance(value, int | float | str):
            try:
                return float(value)
            except ValueError:
                continue
    return None
