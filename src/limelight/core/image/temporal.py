"""The light that stays, from frames as they come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RunningMedian"]


class RunningMedian:
    """The median of each pixel over the newest frames, worked out anew every few frames.

    Molecules that stay for less than half of the frames leave no trace in it.

    Parameters
    ----------
    frames : int
        Number of frames that count, the newest among them, >= 1.
    every : int
        After how many frames it is worked out again, >= 1.

    Raises
    ------
    ParameterError
        If a number is below 1.
    """

    def __init__(self, frames: int = 30, every: int = 10) -> None:
        if frames < 1 or every < 1:
            raise ParameterError(
                f"A running median needs at least one frame and one step, not {frames}, {every}."
            )
        self._held: deque[NDArray[Any]] = deque(maxlen=frames)
        self._every, self._seen = every, 0
        self._median: NDArray[np.float32] | None = None

    def add(self, frame: NDArray[Any]) -> NDArray[np.float32]:
        """Take a frame (Y, X) and return the median as of the last time it was worked out.

        While fewer frames have come than count, those that have come count; it is then worked out
        whenever their number has doubled, too.
        """
        from limelight.core.detect import temporal_background

        self._held.append(frame)
        t = self._seen
        self._seen += 1
        young = t < self._held.maxlen and (t & (t + 1)) == 0  # type: ignore[operator]
        if self._median is None or t % self._every == 0 or young:
            stack = np.stack(self._held)
            window = (0, len(stack))
            self._median = temporal_background(
                stack, 0, 1, length=len(stack), window=window, method="median", every=1
            )[0]
        return self._median
