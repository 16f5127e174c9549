"""Take the background off: what is wide in space, or what stays in time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from limelight.core.image.inputs import cast_like
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["SubtractBackground", "TemporalMedian"]


class SubtractBackground(Settings):
    """Take off what is wider than a given size: the frame, smoothed with a wide Gaussian."""

    alters: ClassVar[bool] = True

    sigma: float = setting(
        15.0,
        help="Width of the Gaussian; larger than anything that should stay.",
        unit="px",
        low=1.0,
        high=200.0,
    )
    keep: float = setting(
        100.0,
        help="Counts that are added, so that noise about zero is not cut off.",
        unit="counts",
        low=0.0,
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield each frame less its background."""
        from limelight.core.image.filters import gaussian

        for frame in frames:
            image = frame.pixels.astype(np.float32)
            image -= gaussian(image, self.sigma, threads=1)
            image += np.float32(self.keep)
            yield replace(frame, pixels=cast_like(image, frame.pixels.dtype))


class TemporalMedian(Settings):
    """Take off what stays: the median of each pixel over the newest frames."""

    alters: ClassVar[bool] = True

    frames: int = setting(
        30,
        help="Frames that the median is taken over; molecules are on for less than half of them.",
        unit="frames",
        low=1,
        high=1000,
    )
    every: int = setting(
        10,
        help="After how many frames the median is worked out again.",
        unit="frames",
        low=1,
        high=1000,
        advanced=True,
    )
    give: Literal["difference", "background"] = setting(
        "difference", help="Give the frame less the median, or the median itself."
    )
    keep: float = setting(
        100.0,
        help="Counts that are added to the difference, so that noise is not cut off.",
        unit="counts",
        low=0.0,
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield each frame less the median, or the median."""
        from limelight.core.image.temporal import RunningMedian

        median = RunningMedian(self.frames, self.every)
        for frame in frames:
            image = median.add(frame.pixels)
            if self.give == "difference":
                image = frame.pixels.astype(np.float32) - image + np.float32(self.keep)
            yield replace(frame, pixels=cast_like(image, frame.pixels.dtype))
