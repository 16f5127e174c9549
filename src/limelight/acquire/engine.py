"""Engine: moves the hardware and takes the images, one event or one hardware run at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limelight.acquire.hardware import Hardware, Refusal, first_line
from limelight.acquire.sequencing import Plan, Sequencer
from limelight.core.errors import LimelightError
from limelight.core.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from limelight.acquire.events import Event
    from limelight.acquire.hooks import Hook
    from limelight.acquire.room import Room
    from limelight.core.stream import Request

__all__ = ["Engine", "Stopped"]

_IDLE_SLEEP = 0.0003
_FIRST_FRAME_S = 20.0
_FRAME_S = 5.0


class Stopped(Exception):
    """The acquisition was told to stop."""


class Engine:
    """Executes events on a core.

    Parameters
    ----------
    core : pymmcore_plus.CMMCorePlus
        The microscope.
    room : Room
        Bounds the frames that are in memory.
    deliver : callable
        Called with each `Frame`, in order.
    hooks : dict
        Lists of `Hook` under ``pre_hardware``, ``post_hardware`` and ``post_camera``.
    say : callable
        Called with messages for a person.
    notify : callable
        Called with a milestone and the axes that it concerns.
    failed : callable
        Called with index, axes and reason where an image is missing.
    sequencing : bool
        Whether the hardware may run through several events.
    patience : int
        Number of failures in a row after which the acquisition is ended.
    """

    def __init__(
        self,
        core: Any,
        room: Room,
        deliver: Callable[[Frame], None],
        *,
        hooks: dict[str, list[Hook]],
        say: Callable[[str], None],
        notify: Callable[[str, Any], None],
        failed: Callable[[int, dict[str, int | str], str], None],
        sequencing: bool = True,
        patience: int = 5,
    ) -> None:
        self.core, self.room, self._deliver = core, room, deliver
        self._hooks, self._say, self._notify, self._failed = hooks, say, notify, failed
        self._sequencer = Sequencer(core, enabled=sequencing)
        self._patience = patience
        self._in_a_row = 0
        self.acquired = 0
        self.next_index = 0
        self.overflows = 0
        self.cameras = 1
        self.started = time.perf_counter()
        self._timer = self.started
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._paused = False
        self.paused_now = False
        self._requests: deque[Request] = deque()
        self._hardware = Hardware(core, say, notify)

    # ---- called by others ----

    def stop(self) -> None:
        """End as soon as possible: running exposures are ended, nothing more is taken."""
        self._stop.set()
        self._wake.set()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def pause(self, paused: bool) -> None:
        """Hold between two images, within a hardware run too; or go on."""
        self._paused = paused
        self._wake.set()

    @property
    def paused(self) -> bool:
        """Whether it was told to hold."""
        return self._paused

    def request(self, request: Request) -> None:
        """Set properties or the focus between two images."""
        self._requests.append(request)
        self._wake.set()

    # ---- the engine's thread ----

    def begin(self) -> None:
        """Take over the microscope."""
        core = self.core
        if core.isSequenceRunning():
            core.stopSequenceAcquisition()
        with contextlib.suppress(RuntimeError):
            self.cameras = max(core.getNumberOfCameraChannels(), 1)
        self.started = self._timer = time.perf_counter()
        self._hardware.begin()

    def execute(self, events: Iterable[Event]) -> None:
        """Execute events; those that the hardware can run through, together.

        Raises
        ------
        Stopped
            If it was told to stop.
        LimelightError
            If a hook fails, or too much of the hardware does.
        """
        for run in self._sequencer.runs(events):
            while run:
                self._hold()
                run = self._execute(run)

    def end(self) -> None:
        """Leave the microscope in order, whatever happened."""
        core = self.core
        with contextlib.suppress(RuntimeError):
            if core.isSequenceRunning():
                core.stopSequenceAcquisition()
        with contextlib.suppress(RuntimeError):
            self._hardware.release_shutter()

    def _hold(self) -> None:
        """Stand still while paused; do what was requested."""
        while True:
            if self._stop.is_set():
                raise Stopped
            self.serve()
            if not self._paused:
                self.paused_now = False
                return
            self.paused_now = True
            self._sleep(0.1)

    def _sleep(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def serve(self) -> None:
        """Do what was requested."""
        while self._requests:
            self._hardware.follow(self._requests.popleft())

    def _wait_for_start(self, event: Event) -> None:
        if event.reset_timer:
            self._timer = time.perf_counter()
        if event.min_start_time is None:
            return
        due = self._timer + event.min_start_time
        while (left := due - time.perf_counter()) > 0:
            self._sleep(min(left, 0.5))
            self._hold()

    def _execute(self, run: list[Event]) -> list[Event]:
        """Execute a run; return those of its events that are still to be done."""
        self._wait_for_start(run[0])
        todo: list[Event] = []
        if self._hooks["pre_hardware"]:
            before = run
            for hook in self._hooks["pre_hardware"]:
                run = hook(run) if run else run
            if len(run) > 1 and len(before) > 1:
                # A changed event may no longer fit with its neighbours.
                parts = list(self._sequencer.runs(run))
                if len(parts) > 1:
                    for part in parts:
                        self._execute_checked(part)
                    return []
            if not run:
                return []
        todo = self._execute_checked(run)
        return todo

    def _execute_checked(self, run: list[Event]) -> list[Event]:
        axes = [e.axes for e in run if e.axes is not None]
        for event in run:
            if event.takes_image and event.index < 0:
                event.index = self.next_index
                self.next_index += 1
        self._notify("pre_hardware", axes)
        plan = self._sequencer.plan(run)
        try:
            self._hardware.set(run[0], plan)
        except Refusal as refusal:
            self._fail(run[:1], str(refusal))
            return run[1:]
        self._notify("post_hardware", axes)
        for hook in self._hooks["post_hardware"]:
            if not hook(run):
                self._hardware.stop_tables(plan)
                return []
        if run[0].autofocus is not None:
            self._hardware.autofocus(run[0])
            return []
        if not run[0].takes_image:
            return []
        todo: list[Event] = []
        if len(run) == 1 and not self._hooks["post_camera"]:
            self._snap(run[0])
        else:
            try:
                todo = self._run_camera(run, plan)
            finally:
                self._hardware.stop_tables(plan)
        if not (todo or run[-1].keep_shutter_open):
            self._hardware.release_shutter()
        return todo

    # ---- images ----

    def _snap(self, event: Event) -> None:
        core = self.core
        self._notify("pre_snap", [event.axes])
        try:
            if event.timeout_ms is None:
                core.snapImage()
            else:
                self._snap_within(event.timeout_ms / 1e3)
            elapsed = (time.perf_counter() - self.started) * 1e3
            self._notify("post_snap", [event.axes])
            channels = core.getNumberOfCameraChannels()
            images = (
                [core.getImage()] if channels == 1 else [core.getImage(i) for i in range(channels)]
            )
        except (RuntimeError, IndexError) as error:
            if self._stop.is_set():
                raise Stopped from None
            self._fail([event], f"{event.where()}: no image: {first_line(error)}")
            return
        self._in_a_row = 0
        for channel in range(channels):
            camera = None if channels == 1 else core.getPhysicalCameraDevice(channel)
            self._hand_on(event, images.pop(0), elapsed, None, channel, channels, camera)

    def _snap_within(self, seconds: float) -> None:
        """Snap, but do not wait for ever: a thread is left behind with a camera that hangs."""
        problem: list[BaseException] = []

        def snap() -> None:
            try:
                self.core.snapImage()
            except BaseException as error:
                problem.append(error)

        thread = threading.Thread(target=snap, name="limelight-snap", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            raise LimelightError(
                f"The camera gave no image within {seconds:g} s, and does not answer. What was "
                "acquired is kept. Check the camera and its trigger, and load the configuration "
                "again."
            )
        if problem:
            raise problem[0]

    def _run_camera(self, run: list[Event], plan: Plan) -> list[Event]:
        """Let the camera run by itself; return the events that are still to be done."""
        core = self.core
        channels = core.getNumberOfCameraChannels()
        names = [core.getPhysicalCameraDevice(i) for i in range(channels)] if channels > 1 else []
        counts = [0] * channels
        axes = [e.axes for e in run]
        self._notify("pre_sequence_started", axes)
        try:
            core.startSequenceAcquisition(len(run), 0.0, True)
        except RuntimeError as error:
            self._fail(run, f"The camera did not start: {first_line(error)}")
            return []
        offset = (time.perf_counter() - self.started) * 1e3
        cut_short = False
        try:
            for hook in self._hooks["post_camera"]:
                hook(run)
            cut_short = self._drain(run, plan, channels, names, counts, offset)
        finally:
            if core.isSequenceRunning():
                core.stopSequenceAcquisition()
        self._notify("post_sequence_stopped", axes)
        done = min(counts)
        if self._stop.is_set():
            raise Stopped
        return run[done:] if cut_short else []

    def _drain(
        self,
        run: list[Event],
        plan: Plan,
        channels: int,
        names: list[str],
        counts: list[int],
        offset: float,
    ) -> bool:
        """Take the frames as they come; True if the rest of the run is to be taken up again."""
        core = self.core
        pop, remaining = core.popNextImageAndMD, core.getRemainingImageCount
        total = len(run) * channels
        got = 0
        exposure_s = max([*plan.exposures, run[0].exposure or 0.0, 0.0]) / 1e3
        usual = max(_FRAME_S, 5 * exposure_s)
        if run[0].timeout_ms is not None:
            usual = run[0].timeout_ms / 1e3
        first = usual if run[0].timeout_ms is not None else max(_FIRST_FRAME_S, usual)
        deadline = time.perf_counter() + first
        interrupted = False
        while got < total:
            if remaining():
                pixels, said = pop()
                channel = _camera_channel(said) if channels > 1 else 0
                place = counts[channel]
                if place >= len(run):
                    continue  # a camera of several that ran ahead
                counts[channel] += 1
                got += 1
                self._in_a_row = 0
                if channels == 1 or channel not in run[place].done:
                    elapsed = offset + float(said.get("ElapsedTime-ms", 0.0))
                    camera = names[channel] if names else None
                    self._hand_on(run[place], pixels, elapsed, said, channel, channels, camera)
                    if names:
                        run[place].done.add(channel)
                del pixels  # or its memory would be held while waiting for the next
                if self._requests:
                    self.serve()
                deadline = time.perf_counter() + usual
                if self._stop.is_set():
                    raise Stopped
                continue
            if interrupted:
                return True
            if self._stop.is_set():
                raise Stopped
            if self._paused:
                core.stopSequenceAcquisition()
                interrupted = True  # what is still in the buffer is taken first
                continue
            if core.isBufferOverflowed():
                self.overflows += 1
                self._say(
                    f"The camera's buffer was full before frame {self.next_event(run, counts)}: "
                    "the disk or a processor is slower than the camera. The camera was held, and "
                    "goes on now: no frame is missing, but there is a gap in time."
                )
                interrupted = True
                continue
            if not core.isSequenceRunning() and not remaining():
                missing = run[min(counts) :]
                self._fail(
                    missing,
                    f"The camera stopped after {min(counts)} of {len(run)} images.",
                    stop=False,
                )
                return False
            if time.perf_counter() > deadline:
                core.stopSequenceAcquisition()
                waited = first if got == 0 else usual
                missing = run[min(counts) :]
                self._fail(
                    missing,
                    f"The camera gave no image for {waited:g} s after {min(counts)} of {len(run)}. "
                    "If it waits for a trigger, set timeout_ms in the events.",
                )
                return False
            time.sleep(_IDLE_SLEEP)
        return False

    def next_event(self, run: list[Event], counts: list[int]) -> int:
        """Return the index of the frame that comes next."""
        return run[min(min(counts), len(run) - 1)].index

    def _hand_on(
        self,
        event: Event,
        pixels: Any,
        elapsed: float,
        said: Any,
        channel: int,
        channels: int,
        camera: str | None,
    ) -> None:
        axes = dict(event.axes or {})
        if camera is not None:
            axes["camera"] = camera
        metadata = self._metadata(event, axes, elapsed, said, pixels)
        while not self.room.admit(pixels, 0.2):
            if self._stop.is_set():
                raise Stopped
        frame = Frame(pixels, event.index * channels + channel, axes, metadata)
        self._deliver(frame)
        self.acquired += 1

    def _metadata(
        self, event: Event, axes: dict[str, int | str], elapsed: float, said: Any, pixels: Any
    ) -> dict[str, Any]:
        metadata = dict(self._hardware.base)
        if said is not None:
            metadata.update(said)
            metadata["Camera-ElapsedTime-ms"] = said.get("ElapsedTime-ms", "")
        metadata["Axes"] = axes
        metadata["ElapsedTime-ms"] = elapsed
        metadata["Time"] = datetime.now().isoformat(" ", "milliseconds")
        metadata["Height"], metadata["Width"] = pixels.shape[:2]
        metadata["Channel"] = axes.get("channel", event.config[1] if event.config else "Default")
        if event.config is not None:
            metadata["ChannelGroup"] = event.config[0]
        if event.exposure is not None:
            metadata["Exposure"] = event.exposure
        if event.z is not None:
            metadata["ZPosition_um_Intended"] = event.z
        if event.x is not None:
            metadata["XPosition_um_Intended"] = event.x
        if event.y is not None:
            metadata["YPosition_um_Intended"] = event.y
        if event.tags:
            metadata["tags"] = dict(event.tags)
            if "PositionName" in event.tags:
                metadata["PositionName"] = event.tags["PositionName"]
        return metadata

    def _fail(self, events: list[Event], why: str, *, stop: bool = True) -> None:
        """Note images that are missing; their indices are not given to others."""
        for event in events:
            if event.axes is not None:
                self._failed(event.index, dict(event.axes), why)
        self._say(why)
        self._in_a_row += 1
        if stop and self._in_a_row >= self._patience:
            raise LimelightError(
                f"{self._in_a_row} failures in a row, the last of them: {why} The acquisition was "
                "ended; what was acquired is kept."
            )


def _camera_channel(said: Any) -> int:
    for key in said:
        if key.endswith("CameraChannelIndex"):
            return int(said[key])
    return 0
