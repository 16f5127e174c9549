"""Notifications: what an acquisition tells at its milestones, and waiting for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from limelight.acquire.acquisition import Acquisition

__all__ = ["MILESTONES", "EventsFuture", "Notification"]

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
        wanted = {_key(a) for a in self._axes(axes)}
        end = None if timeout is None else time.monotonic() + timeout
        seen = 0
        with acquisition._passed:
            while True:
                passed = acquisition._milestones.get(milestone, [])
                for payload in passed[seen:]:
                    for one in payload if isinstance(payload, list) else [payload]:
                        wanted.discard(_key(one))
                seen = len(passed)
                if not wanted:
                    return
                if acquisition._phase == "finished":
                    raise LimelightError(
                        f"The acquisition ended ({acquisition.finish_reason}) before {milestone} "
                        f"was reached for {len(wanted)} of the images."
                    )
                if end is not None and time.monotonic() > end:
                    raise LimelightError(
                        f"{milestone} was not reached within {timeout:g} s for {len(wanted)} of "
                        "the images."
                    )
                acquisition._passed.wait(0.2)

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
                if acquisition._phase == "finished":
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
