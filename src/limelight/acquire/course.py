"""Course: what is expected of an acquisition, how far it is, what is missing, how it ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from limelight.acquire.events import expected_sizes
from limelight.acquire.status import Failure
from limelight.core.errors import LimelightError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Course"]

_SHOWN = 20


class Course:
    """Is told by everybody what happens, and asked by everybody how it stands.

    Attributes
    ----------
    phase : {"waiting", "running", "finishing", "finished"}
        What the acquisition does.
    reason : {"", "completed", "canceled", "stopped", "failed"}
        How it ends.
    why_stopped : str
        Why a processor asked for the end.
    error : Exception, optional
        Why it failed.
    expected : int
        Number of images that the events given so far ask for, by one camera.
    open_ended : bool
        Whether a generator makes events, nobody knows how many.
    sizes : dict
        Number of positions on each axis, as far as they are known.
    failures : list of Failure
        Images that could not be taken.
    """

    def __init__(self) -> None:
        self.phase = "waiting"
        self.reason = ""
        self.why_stopped = ""
        self.error: BaseException | None = None
        self.expected = 0
        self.open_ended = False
        self.sizes: dict[str, int] = {}
        self.failures: list[Failure] = []
        self._raised = False
        self._begun_s = self._ended_s = 0.0
        self._rates: list[tuple[float, int]] = []
        self._lock = threading.Lock()

    # ---- what is told ----

    def expect(self, events: Sequence[dict[str, Any]], *, sizes: bool = True) -> None:
        """Note that events were given; what they tell of the sizes of axes counts, or not."""
        images, found = expected_sizes(events)
        self.expected += images
        for axis, size in found.items() if sizes else ():
            self.sizes[axis] = max(self.sizes.get(axis, 0), size)

    def begin(self, now: float) -> None:
        """Count time from now (`time.perf_counter`), as the first events are begun."""
        self.phase, self._begun_s = "running", now

    def miss(self, index: int, axes: dict[str, int | str], reason: str) -> None:
        """Note an image that could not be taken."""
        self.failures.append(Failure(index, axes, reason))

    def fail(self, error: BaseException) -> None:
        """Note that something went wrong; what did so first is why it failed."""
        self.error = self.error or error
        self.reason = "failed"

    def end(self, reason: str) -> None:
        """Note why it ends, unless it does so for another reason."""
        self.reason = self.reason or reason

    def finish(self) -> None:
        """Note that nothing more will happen."""
        self._ended_s = time.perf_counter()

    def seen(self) -> None:
        """Note that a person knows what went wrong: nothing is raised from now on."""
        self._raised = True

    # ---- what is asked ----

    @property
    def is_expecting(self) -> bool:
        """Whether images may still come."""
        if self.phase == "waiting":
            return self.expected > 0 or self.open_ended
        return self.phase != "finished"

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first events were begun, up to the end."""
        if self.phase == "waiting" or not self._begun_s:
            return 0.0
        return (self._ended_s or time.perf_counter()) - self._begun_s

    def rate(self, acquired: int) -> float:
        """Return images per second, over the last second or more; in the end, over all."""
        if self._ended_s:
            return acquired / max(self.elapsed_s, 1e-9)
        now = time.perf_counter()
        with self._lock:
            self._rates.append((now, acquired))
            while len(self._rates) > 2 and now - self._rates[1][0] > 1.0:
                self._rates.pop(0)
            then, before = self._rates[0]
        if now - then < 0.05:
            then, before = self._begun_s or now, 0
        return (acquired - before) / (now - then) if now > then else 0.0

    def note(self) -> str:
        """Say what is missing and why; empty if nothing is."""
        if self.reason == "completed" and not self.failures:
            return ""
        said = []
        if self.reason == "canceled":
            said.append("Canceled.")
        elif self.reason == "stopped":
            said.append(f"Stopped: {self.why_stopped}")
        elif self.reason == "failed":
            said.append(f"Failed: {self.error}")
        if self.failures:
            shown = ", ".join(str(dict(f.axes)) for f in self.failures[:_SHOWN])
            more = " and more" if len(self.failures) > _SHOWN else ""
            said.append(f"{len(self.failures)} images are missing: {shown}{more}.")
        return " ".join(said)

    def raise_once(self) -> None:
        """Raise what went wrong, unless a person has seen it."""
        if self.error is not None and not self._raised:
            self._raised = True
            if isinstance(self.error, LimelightError) or self.reason == "failed":
                raise self.error
