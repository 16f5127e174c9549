"""Numbers of each frame: how bright, how sharp."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from limelight.core.settings import Settings, setting
from limelight.core.stream import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limelight.core.frame import Frame
    from limelight.core.stream import Output, Stream

__all__ = ["Statistics"]


class Statistics(Settings):
    """Mean, spread, least and greatest count, and sharpness of each frame."""

    alters: ClassVar[bool] = False

    sharpness: Literal["brenner", "laplacian", "variance", "none"] = setting(
        "brenner", help="How sharpness is measured; it is greatest in focus."
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield a reading for each frame."""
        from limelight.core.image.sharpness import intensities, sharpness

        offset = stream.camera.baseline
        dark = float(offset) if isinstance(offset, float) else float(offset.mean())
        for frame in frames:
            values = intensities(frame.pixels)
            if self.sharpness != "none":
                values["sharpness"] = sharpness(frame.pixels, self.sharpness, dark)
            yield Reading(frame.index, values, frame.axes)
