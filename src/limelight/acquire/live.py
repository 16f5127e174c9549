"""Live view: the newest image of a running camera, and how fast it comes.

Nothing waits for anything: the camera runs by itself into the core's buffer, which overwrites its
oldest images; whoever looks takes the newest one, and those in between are not shown.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.use import USE
from limelight.core.errors import LimelightError
from limelight.core.frame import Frame
from limelight.core.job import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.job import Job

__all__ = ["LiveStatus", "LiveView", "contrast_of", "histogram_of", "snap", "snap_job"]

_WINDOW_S = 2.0
_SAMPLE = 1 << 16
_NUMBER = "ImageNumber"


@dataclass(frozen=True)
class LiveStatus:
    """How fast images come and are looked at.

    Parameters
    ----------
    camera_rate, shown_rate : float
        Images per second that the camera delivers, and that were taken to be shown; over the last
        seconds.
    delivered, shown : int
        Images since the start.
    """

    camera_rate: float = 0.0
    shown_rate: float = 0.0
    delivered: int = 0
    shown: int = 0

    @property
    def passed_over(self) -> int:
        """Images that came and were not shown, as a newer one was there; none of them is missed."""
        return max(self.delivered - self.shown, 0)


class LiveView:
    """Runs the camera and hands out its newest image.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self._last = -1
        self._shown = 0
        self._seen: deque[tuple[float, int, int]] = deque()

    @property
    def running(self) -> bool:
        """Whether the camera runs."""
        return bool(self._core.isSequenceRunning())

    def start(self) -> None:
        """Start the camera, unless it runs.

        Raises
        ------
        LimelightError
            If there is no camera, or it cannot be started.
        """
        self._last, self._shown = -1, 0
        self._seen.clear()
        if USE.is_taken(self._core):
            raise LimelightError("An acquisition uses the camera. Wait for its end, or cancel it.")
        if self.running:
            return
        if not self._core.getCameraDevice():
            raise LimelightError("There is no camera; load a configuration that has one.")
        try:
            self._core.startContinuousSequenceAcquisition(0)
        except RuntimeError as error:
            raise LimelightError(f"The camera cannot be started: {_first_line(error)}") from error

    def stop(self) -> None:
        """Stop the camera, unless an acquisition has it: that has ended live view already."""
        if USE.is_taken(self._core):
            return
        with contextlib.suppress(RuntimeError):
            if self.running:
                self._core.stopSequenceAcquisition()

    def newest(self) -> Frame | None:
        """Return the newest image if it was not handed out before.

        Raises
        ------
        LimelightError
            If the camera has stopped by itself.
        """
        try:
            pixels, said = self._core.getLastImageAndMD()
        except (IndexError, RuntimeError):
            if not self.running:
                raise LimelightError(
                    "The camera has stopped. Check its connection, and start live again."
                ) from None
            return None  # nothing has come yet
        number = int(dict(said).get(_NUMBER, self._last + 1))
        if number == self._last:
            if not self.running:
                raise LimelightError(
                    "The camera has stopped. Check its connection, and start live again."
                )
            return None
        self._last = number
        self._shown += 1
        now = time.perf_counter()
        self._seen.append((now, number, self._shown))
        while now - self._seen[0][0] > _WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()
        return Frame(pixels, number, {}, dict(said))

    @property
    def status(self) -> LiveStatus:
        """How fast images come and are looked at."""
        if len(self._seen) < 2:
            return LiveStatus(delivered=self._last + 1, shown=self._shown)
        (t0, n0, s0), (t1, n1, s1) = self._seen[0], self._seen[-1]
        seconds = max(t1 - t0, 1e-9)
        return LiveStatus((n1 - n0) / seconds, (s1 - s0) / seconds, self._last + 1, self._shown)


def snap(core: Any) -> Frame:
    """Take one image.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.

    Raises
    ------
    LimelightError
        If there is no camera, or it does not deliver.
    """
    if not core.getCameraDevice():
        raise LimelightError("There is no camera; load a configuration that has one.")
    try:
        core.snapImage()
        pixels = core.getImage()
    except (RuntimeError, TimeoutError) as error:
        raise LimelightError(
            f"The camera gave no image: {_first_line(error)}. Check its connection."
        ) from error
    return Frame(pixels)


def snap_job(core: Any) -> Job[Frame]:
    """Take one image as a job, so that a window does not wait for a long exposure.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.

    Yields
    ------
    Progress
        Once, before.

    Returns
    -------
    Frame
        The image.

    Raises
    ------
    LimelightError
        If there is no camera, or it does not deliver.
    """
    yield Progress(0, 1)
    return snap(core)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _sample(pixels: NDArray[Any]) -> NDArray[Any]:
    flat = pixels.ravel()
    return flat[:: max(flat.size // _SAMPLE, 1)]


def contrast_of(
    pixels: NDArray[Any], shares: tuple[float, float] = (0.1, 99.9)
) -> tuple[float, float]:
    """Return contrast limits that show all but the darkest and brightest pixels.

    Parameters
    ----------
    pixels : 2D array
        The image; a sample of some 65,000 pixels is looked at.
    shares : tuple of float
        Percentiles.
    """
    low, high = np.percentile(_sample(pixels), shares)
    return float(low), float(max(high, low + 1))


def histogram_of(pixels: NDArray[Any], bins: int = 128) -> tuple[NDArray[np.int64], float, float]:
    """Return the counts of a histogram and its two ends.

    Parameters
    ----------
    pixels : 2D array
        The image; a sample of some 65,000 pixels is counted.
    bins : int
        Number of bins.
    """
    sample = _sample(pixels)
    low, high = float(sample.min()), float(sample.max())
    counts, _ = np.histogram(sample, bins=bins, range=(low, max(high, low + 1)))
    return counts.astype(np.int64), low, max(high, low + 1)
