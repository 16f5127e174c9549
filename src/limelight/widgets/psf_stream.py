"""Stacks from the microscope, one after another, into a live volume."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from limelight.acquire import Acquisition, multi_d_acquisition_events
from limelight.core.errors import LimelightError, ParameterError
from limelight.reslice.feed import SliceFeed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limelight.reslice.live_volume import LiveVolume

_PATIENCE = 3  # stacks without a slice, after which it ends

__all__ = ["StackPlan", "StackStream"]


@dataclass(frozen=True)
class StackPlan:
    """What stacks are to be like.

    Parameters
    ----------
    low_um, high_um : float
        First and last slice, relative to where the focus is now, µm.
    step_um : float
        Distance of the slices, µm.
    group : str
        Group of the channels; empty: as the microscope is set.
    channels : tuple of str
        Presets of that group.
    clip : int, optional
        Side of the central field that is kept, pixels.
    external : bool
        Whether another controller moves the stage; the camera only runs.
    """

    low_um: float = -2.0
    high_um: float = 2.0
    step_um: float = 0.1
    group: str = ""
    channels: tuple[str, ...] = ()
    clip: int | None = None
    external: bool = False

    @property
    def slices(self) -> int:
        """Number of slices."""
        return round((self.high_um - self.low_um) / self.step_um) + 1

    def check(self) -> None:
        """Raise if such a stack cannot be taken.

        Raises
        ------
        ParameterError
            Saying what to change.
        """
        if not self.step_um > 0:
            raise ParameterError("The step has to be above 0 µm.")
        if not self.high_um > self.low_um:
            raise ParameterError("The last slice has to lie above the first.")
        if not 2 <= self.slices <= 5000:
            raise ParameterError(
                f"The range and the step give {self.slices} slices; choose 2 to 5000."
            )


class StackStream:
    """Takes stacks until it is stopped, and leaves the stage where it was.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    plan : StackPlan
        What stacks are like.

    Raises
    ------
    LimelightError
        If there is no camera, or no focus drive where one is needed.
    """

    def __init__(self, core: Any, plan: StackPlan) -> None:
        plan.check()
        if not core.getCameraDevice():
            raise LimelightError("There is no camera; load a microscope first.")
        self._focus = str(core.getFocusDevice())
        if not plan.external and not self._focus:
            raise LimelightError(
                "There is no focus drive in this configuration; choose the external controller, "
                "or load a configuration that has one."
            )
        self.core, self.plan = core, plan
        self.home_um = float(core.getPosition(self._focus)) if self._focus else 0.0
        clip = (plan.clip, plan.clip) if plan.clip else None
        pixel_um = float(core.getPixelSizeUm(True)) or None
        self.feed = SliceFeed(
            plan.slices, plan.step_um, plan.channels, clip, not plan.external, pixel_um
        )
        self._stopping = threading.Event()
        self.gave_up = False
        if core.isSequenceRunning():  # live view gives way
            core.stopSequenceAcquisition()
        self.acquisition = Acquisition(
            None,
            "psf",
            core=core,
            format="none",
            processors=[("reslice", self.feed)],
            show_display=False,
        )
        self.acquisition.acquire(self._stacks())
        self.acquisition.mark_finished()

    @property
    def volume(self) -> LiveVolume | None:
        """The volume; None before the first slice."""
        return self.feed.volume

    @property
    def trouble(self) -> str:
        """What went wrong last; empty if nothing did."""
        messages = self.acquisition.status.messages
        return str(messages[-1]) if messages else ""

    @property
    def running(self) -> bool:
        """Whether stacks are being taken."""
        return bool(self.acquisition.is_running)

    def _stacks(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the events of stack after stack."""
        plan = self.plan
        failed = received = 0
        for number in itertools.count():
            if self._stopping.is_set() or self.gave_up:
                return
            status = self.acquisition.status
            came = self.volume.received if self.volume is not None else 0
            if came > received:
                failed, received = status.failed, came
            self.gave_up = status.failed - failed >= _PATIENCE * plan.slices
            if plan.external:
                count = plan.slices * max(len(plan.channels), 1)
                yield [{"axes": {"time": number, "slice": k}} for k in range(count)]
                continue
            events = multi_d_acquisition_events(
                z_start=self.home_um + plan.low_um,
                z_end=self.home_um + plan.low_um + (plan.slices - 1) * plan.step_um,
                z_step=plan.step_um,
                channel_group=plan.group or None,
                channels=list(plan.channels) or None,
                order="cz",
            )
            for event in events:
                event["axes"] = {"time": number, **event["axes"]}
            yield events

    def stop(self) -> None:
        """Stop at once, and bring the stage back to where it was."""
        self._stopping.set()
        if self.acquisition.is_running:
            self.acquisition.abort()
        with contextlib.suppress(LimelightError):
            self.acquisition.await_completion(10.0)
        if self._focus and not self.plan.external:
            with contextlib.suppress(RuntimeError):
                self.core.setPosition(self._focus, self.home_um)
                self.core.waitForDevice(self._focus)
