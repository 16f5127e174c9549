"""Correct each frame by itself: camera offset, uneven light, noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["Denoise", "FlatDark"]

_MOST = 1000  # frames of a calibration that are averaged


class FlatDark(Settings):
    """Take off the dark image, and divide by the flat one."""

    alters: ClassVar[bool] = True

    flat: str = setting(
        "", help="File with images of an even field; they are averaged. Empty: no correction."
    )
    dark: str = setting(
        "", help="File with images without light; they are averaged. Empty: the offset below."
    )
    offset: float = setting(
        100.0,
        help="Counts in the dark, where there is no dark image.",
        unit="counts",
        low=0.0,
    )
    keep: float = setting(
        100.0,
        help="Counts that are added, so that noise about zero is not cut off.",
        unit="counts",
        low=0.0,
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield each frame, corrected."""
        from limelight.core.image.illumination import correct_illumination, flat_gain

        dark: NDArray[np.float32] | float = self.offset
        if self.dark:
            dark = _mean_of(self.dark, "dark", stream.shape)
        gain = flat_gain(_mean_of(self.flat, "flat", stream.shape), dark) if self.flat else None
        for frame in frames:
            yield replace(frame, pixels=correct_illumination(frame.pixels, gain, dark, self.keep))


def _mean_of(path: str, what: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    from limelight.io import open_movie

    with open_movie(path) as movie:
        if movie.shape[1:] != shape:
            raise ParameterError(
                f"The {what} image {path} has {movie.shape[2]} x {movie.shape[1]} pixels, the "
                f"camera's frames have {shape[1]} x {shape[0]}. Record it with the same region of "
                "interest and binning."
            )
        total = np.zeros(shape)
        count = min(len(movie), _MOST)
        for i in range(count):
            total += movie.read(i, i + 1)[0]
    return np.asarray(total / count, np.float32)


class Denoise(Settings):
    """Smooth each frame."""

    alters: ClassVar[bool] = True

    filter: Literal["gaussian", "average", "median", "bilateral"] = setting(
        "gaussian", help="How pixels and their neighbours are combined."
    )
    size: float = setting(
        1.0,
        help="Gaussian and bilateral: standard deviation. Average and median: side of the window, "
        "a whole number.",
        unit="px",
        low=0.1,
        high=50.0,
    )

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Frame]:
        """Yield each frame, smoothed."""
        from limelight.core.image.filters import smooth

        for frame in frames:
            smoothed: NDArray[Any] = smooth(frame.pixels, self.filter, self.size, threads=1)
            yield replace(frame, pixels=smoothed)
