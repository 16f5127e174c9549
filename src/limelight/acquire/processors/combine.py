"""Many frames become one, or few."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from limelight.core.image.inputs import cast_like
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

_Key = tuple[tuple[str, int | str], ...]

__all__ = ["AverageFrames", "Project", "SaveEvery"]


class _Sum:
    """Frames of one group, combined as they come."""

    def __init__(self, method: str) -> None:
        self.method, self.count = method, 0
        self.image: NDArray[Any]
        self.last: Frame

    def add(self, frame: Frame) -> None:
        image = frame.pixels
        if self.method in ("mean", "sum"):
            image = image.astype(np.float64)
        if not self.count:
            self.image = image.copy()
        elif self.method == "max":
            np.maximum(self.image, image, out=self.image)
        elif self.method == "min":
            np.minimum(self.image, image, out=self.image)
        else:
            self.image += image
        self.count += 1
        self.last = frame

    def frame(self, axes: dict[str, int | str]) -> Frame:
        image = self.image / self.count if self.method == "mean" else self.image
        pixels = cast_like(image, self.last.pixels.dtype)
        return replace(self.last, pixels=pixels, axes=axes)


class Project(Settings):
    """Project the frames along an axis, such as a z-stack: one frame per stack."""

    alters: ClassVar[bool] = True

    axis: str = setting("z", help="Axis that is projected; the frames no longer have it.")
    method: Literal["max", "mean", "min", "sum"] = setting(
        "max", help="How the frames are combined, pixel by pixel; a sum stops at the largest count."
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield a frame for each stack, when it is complete; others as they are."""
        size = stream.sizes.get(self.axis, 0)
        open_: dict[_Key, _Sum] = {}
        for frame in frames:
            if self.axis not in frame.axes:
                yield frame
                continue
            rest = {k: v for k, v in frame.axes.items() if k != self.axis}
            key = tuple(sorted(rest.items()))
            group = open_.setdefault(key, _Sum(self.method))
            group.add(frame)
            if group.count == size:
                yield open_.pop(key).frame(rest)
        for key, group in open_.items():
            yield group.frame(dict(key))


class AverageFrames(Settings):
    """Average successive frames; each channel, position and plane by itself."""

    alters: ClassVar[bool] = True

    count: int = setting(10, help="Frames that become one.", unit="frames", low=1, high=100_000)
    axis: str = setting("time", help="Axis along which frames follow one another.", advanced=True)

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield a frame for every few; what is left at the end is averaged too."""
        open_: dict[_Key, _Sum] = {}
        given: dict[_Key, int] = {}

        def close(key: _Key) -> Frame:
            group = open_.pop(key)
            place = given[key] = given.get(key, -1) + 1
            axes = dict(group.last.axes)
            if self.axis in axes:
                axes[self.axis] = place
            return group.frame(axes)

        for frame in frames:
            key = tuple(sorted((k, v) for k, v in frame.axes.items() if k != self.axis))
            group = open_.setdefault(key, _Sum("mean"))
            group.add(frame)
            if group.count == self.count:
                yield close(key)
        for key in list(open_):
            yield close(key)


class SaveEvery(Settings):
    """Let only every nth frame pass; the others are neither saved nor shown."""

    alters: ClassVar[bool] = True

    nth: int = setting(10, help="Distance of the frames that pass.", unit="frames", low=1)
    first: int = setting(0, help="Index of the first frame that passes.", low=0, advanced=True)

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield every nth frame."""
        for frame in frames:
            if frame.index >= self.first and (frame.index - self.first) % self.nth == 0:
                yield frame
