"""Feed: frames of a running acquisition become the slices of a live volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from limelight.core.errors import ParameterError
from limelight.reslice.live_volume import LiveVolume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from limelight.core.frame import Frame
    from limelight.core.stream import Output, Stream

__all__ = ["SliceFeed"]


class SliceFeed:
    """A processor that puts every frame into a volume, and passes it on as it is.

    The volume is made with the first frame, when the size of the camera's images is known.

    Parameters
    ----------
    slices : int
        Slices of a stack.
    step_um : float
        Distance of the slices, µm.
    channels : sequence of str
        Names of the channels, in order; empty: one.
    clip : tuple of int, optional
        Height and width of the central field that is kept.
    by_axes : bool
        Whether a frame's axes say which slice it is.  If not, another controller moves the stage
        and frames follow one another: slices first, then channels.
    pixel_um : float, optional
        Size of a pixel, µm; by default what the camera says.
    """

    alters: ClassVar[bool] = True  # so that no slice is kept from it

    def __init__(
        self,
        slices: int,
        step_um: float,
        channels: Sequence[str] = (),
        clip: tuple[int, int] | None = None,
        by_axes: bool = True,
        pixel_um: float | None = None,
    ) -> None:
        if slices < 2:
            raise ParameterError(f"A stack needs at least 2 slices, not {slices}.")
        if not step_um > 0:
            raise ParameterError(f"The step of a stack must be above 0 µm, not {step_um}.")
        self.slices, self.step_um = slices, step_um
        self.channels = list(channels) or [""]
        self.clip, self.by_axes, self.pixel_um = clip, by_axes, pixel_um
        self.volume: LiveVolume | None = None
        self._count = 0

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Put frames into the volume."""
        for frame in frames:
            if self.volume is None:
                self.volume = self._make(stream)
            stack, channel, z = self._place(frame)
            self.volume.put(frame.pixels, z, channel, stack)
            yield frame

    def _make(self, stream: Stream) -> LiveVolume:
        pixel = self.pixel_um or stream.camera.pixel_size_nm / 1000
        return LiveVolume(
            self.slices,
            stream.shape,
            stream.dtype,
            channels=len(self.channels),
            scale_um=(self.step_um, pixel, pixel),
            clip=self.clip,
            stacks=2,
        )

    def _place(self, frame: Frame) -> tuple[int, int, int]:
        """Return stack, channel and slice of a frame."""
        if not self.by_axes:
            count, self._count = self._count, self._count + 1
            rest, z = divmod(count, self.slices)
            stack, channel = divmod(rest, len(self.channels))
            return stack, channel, z
        name = str(frame.axes.get("channel", ""))
        channel = self.channels.index(name) if name in self.channels else 0
        return int(frame.axes.get("time", 0)), channel, int(frame.axes.get("z", 0))
