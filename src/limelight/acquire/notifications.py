"""Notifications: what an acquisition tells at its milestones, and waiting for them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from limelight.acquire.acquisition import Acquisition

__all__ = ["MILESTONES", "EventsFuture", "Notification", "Notifier"]

MILESTONES = {
    "acq_started": "global",
    "acq_events_finished": "global",
    "pre_hardware": "hardware",
    "pre_z_drive": "hardware",
    "post_hardware": "hardware",
    "pre_sequence_started": "camera",
    "post_sequence_stopped": "camera",
    "pre_snap": "camera",
    "post_snap": "camera",
    "image_saved": "image",
    "data_sink_finished": "image",
}
"""The milestones, and what they are about."""


@dataclass(frozen=True)
class Notification:
    """What is told at a milestone.

    Parameters
    ----------
    milestone : str
        One of `MILESTONES`.
    payload : dict, list of dict, or None
        Axes of the events that it concerns.
    """

    milestone: str
    payload: Any = None

    @property
    def type(self) -> str:
        """What it is about: global, hardware, camera or image."""
        return MILESTONES.get(self.milestone, "global")

    def to_json(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        return {"type": self.type, "milestone": self.milestone, "payload": self.payload}


class Notifier:
    """Keeps which milestones were passed, and tells a function of them in a thread of its own.

    Parameters
    ----------
    function : callable, optional
        Called with every `Notification`.
    say : callable
        Called with a message if the function raises.

    Attributes
    ----------
    passed : threading.Condition
        Told of every milestone.
    milestones : dict
        Payloads by milestone, in order.  What is on the disk, the data set itself tells.
    """

    def __init__(
        self, function: Callable[[Notification], Any] | None, say: Callable[[str], None]
    ) -> None:
        self.passed = threading.Condition()
        self.milestones: dict[str, list[Any]] = {}
        self._function, self._say = function, say
        self._notices: SimpleQueue[Notification | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        if function is not None:
            self._thread = threading.Thread(target=self._run, name="limelight-notify", daemon=True)
            self._thread.start()

    @property
    def listening(self) -> bool:
        """Whether a function is told."""
        return self._thread is not None

    def tell(self, milestone: str, payload: Any) -> None:
        """Say that a milestone is passed."""
        if milestone != "image_saved":
            with self.passed:
                self.milestones.setdefault(milestone, []).append(payload)
                self.passed.notify_all()
        if self._thread is not None:
            if isinstance(payload, list) and len(payload) == 1:
                payload = payload[0]
            self._notices.put(Notification(milestone, payload))

    def wake(self) -> None:
        """Let those who wait look whether there is still something to wait for."""
        with self.passed:
            self.passed.notify_all()

    def close(self, patience: float = 5.0) -> None:
        """Wait until the function has been told of everything."""
        if self._thread is not None:
            self._notices.put(None)
            self._thread.join(patience)

    def _run(self) -> None:
        assert self._function is not None
        broken = False
        while (notice := self._notices.get()) is not None:
            if broken:
                continue
            try:
                self._function(notice)
            except Exception as error:
                broken = True
                self._say(
                    f"The notification callback was switched off: {type(error).__name__}: {error}"
                )


class EventsFuture:
    """Waits for events that were submitted.

    Parameters
    ----------
    acquisition : Acquisition
        The acquisition.
    events : list of dict, optional
        The events; None where a generator makes them as it goes.
    """

    def __init__(self, acquisition: Acquisition, events: list[dict[str, Any]] | None) -> None:
        self._acquisition = acquisition
        self._events = events

    def await_execution(
        self,
        milestone: str,
        axes: Mapping[str, int | str] | Sequence[Mapping[str, int | str]] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Wait until a milestone is reached.

        Parameters
        ----------
        milestone : str
            One of `MILESTONES`.
        axes : dict or list of dict, optional
            For these images; by default for all of the events.
        timeout : float, optional
            Longest time to wait, seconds.

        Raises
        ------
        LimelightError
            If the acquisition ends before.
        """
        if milestone not in MILESTONES:
            raise ParameterError(
                f"There is no milestone {milestone!r}. {suggest(milestone, MILESTONES)}"
            )
        if milestone == "image_saved":
            self.await_image_saved(axes, timeout=timeout)
            return
        acquisition = self._acquisition
        notifier = acquisition.notifier
        wanted = {_key(a) for a in self._axes(axes)}
        end = None if timeout is None else time.monotonic() + timeout
        seen = 0
        with notifier.passed:
            while True:
                passed = notifier.milestones.get(milestone, [])
                for payload in passed[seen:]:
                    for one in payload if isinstance(payload, list) else [payload]:
                        wanted.discard(_key(one))
                seen = len(passed)
                if not wanted:
                    return
                if acquisition.course.phase == "finished":
                    raise LimelightError(
                        f"The acquisition ended ({acquisition.finish_reason}) before {milestone} "
                        f"was reached for {len(wanted)} of the images."
                    )
                if end is not None and time.monotonic() > end:
                    raise LimelightError(
                        f"{milestone} was not reached within {timeout:g} s for {len(wanted)} of "
                        "the images."
                    )
                notifier.passed.wait(0.2)

    def await_image_saved(
        self,
        axes: Mapping[str, int | str] | Sequence[Mapping[str, int | str]] | None = None,
        return_image: bool = False,
        return_metadata: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Wait until images are saved, and return them if wanted.

        Parameters
        ----------
        axes : dict or list of dict, optional
            Which; by default all images of the events.
        return_image, return_metadata : bool
            Return pixels, metadata, or a pair of both; a list of these for several images.
        timeout : float, optional
            Longest time to wait, seconds.

        Raises
        ------
        LimelightError
            If the acquisition ends before.
        """
        wanted = self._axes(axes)
        end = None if timeout is None else time.monotonic() + timeout
        acquisition = self._acquisition
        dataset = acquisition.get_dataset(timeout)
        found = []
        for one in wanted:
            while not dataset.has_image(**one):
                if acquisition.course.phase == "finished":
                    raise LimelightError(f"The acquisition ended before {one} was saved.")
                if end is not None and time.monotonic() > end:
                    raise LimelightError(f"{one} was not saved within {timeout:g} s.")
                dataset.await_new_image(0.1)
            if return_image and return_metadata:
                found.append((dataset.read_image(**one), dataset.read_metadata(**one)))
            elif return_image:
                found.append(dataset.read_image(**one))
            elif return_metadata:
                found.append(dataset.read_metadata(**one))
        if not (return_image or return_metadata):
            return None
        return found[0] if len(wanted) == 1 else found

    def _axes(self, axes: Any) -> list[dict[str, Any]]:
        if axes is None:
            if self._events is None:
                raise ParameterError("The events come from a generator: say which axes.")
            return [dict(e["axes"]) for e in self._events if "axes" in e]
        return [dict(axes)] if isinstance(axes, dict) else [dict(a) for a in axes]


def _key(axes: Mapping[str, Any] | None) -> Any:
    return None if axes is None else frozenset(axes.items())
