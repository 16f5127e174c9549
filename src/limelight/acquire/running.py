"""Running: the thread that takes an acquisition's events, and hands on its frames.

One frame's way: `Engine` takes it and calls `deliver`, which puts it into the `Pipeline`; that one
is made for the first frame, when size and type are known.
"""

from __future__ import annotations

import contextlib
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.engine import Stopped
from limelight.acquire.event_queue import EventQueue, fed, is_lazy
from limelight.acquire.events import Event, as_event_dicts
from limelight.acquire.finishing import described, finish
from limelight.acquire.pipeline import Pipeline
from limelight.acquire.scope.load import camera_of
from limelight.acquire.turns import short_turns
from limelight.acquire.use import USE
from limelight.core.errors import LimelightError
from limelight.core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from limelight.acquire.acquisition import Acquisition
    from limelight.acquire.hooks import Hook
    from limelight.acquire.room import Room
    from limelight.core.camera import Camera
    from limelight.core.frame import Frame
    from limelight.core.stream import Request

__all__ = ["Runner"]

_MOST_PLACES = 512


class Runner:
    """Runs an acquisition from its first event to its end.

    Parameters
    ----------
    acquisition : Acquisition
        What is run.
    on_saved : callable, optional
        A person's function: called with axes and data set for every image that was saved.
    with_queue : bool
        Whether it is called with the event queue, too.
    save : {"processed", "raw"}
        Which images are saved.
    room : Room
        Places for frames on their way.
    buffer : float, optional
        Bytes that it may grow to; None: it is as large as it should be.
    camera : Camera, optional
        Instead of what the microscope says.
    metadata : mapping
        Added to the summary.

    Attributes
    ----------
    queue : EventQueue
        Events that are still to be acquired.
    pipeline : Pipeline, optional
        Where frames go; None before the first.
    stream : Stream, optional
        What is known of them.
    generation_hooks : list of Hook
        See every event before it is acquired.
    busy : bool
        Whether there are events that it has not yet done.
    takes_events : bool
        Whether more may be given.
    """

    def __init__(
        self,
        acquisition: Acquisition,
        *,
        on_saved: Callable[..., Any] | None,
        with_queue: bool,
        save: str,
        room: Room,
        buffer: float | None,
        camera: Camera | None,
        metadata: Mapping[str, Any],
    ) -> None:
        self._acquisition = acquisition
        self.generation_hooks: list[Hook] = []
        self._save, self._room, self._buffer = save, room, buffer
        self._camera, self._metadata = camera, metadata
        self.queue = EventQueue(self._accept)
        self._late = EventQueue(lambda _: True)
        self._on_saved, self._saved_rest = on_saved, (self.queue,) if with_queue else ()
        self.takes_events = True
        self._told_late = False
        self.busy = False
        self.pipeline: Pipeline | None = None
        self.stream: Stream | None = None
        self._dataset: tuple[int, Any] | None = None

    # ---- what comes in ----

    def _accept(self, events: Any) -> bool:
        """Take note of what is put into the queue; False if it comes too late."""
        course = self._acquisition.course
        if not self.takes_events:
            if events is not None and not self._told_late:
                self._told_late = True
                self._acquisition.say(
                    "Events were added after the end was marked, and were not acquired."
                )
            return False
        if events is None:
            self.takes_events = False
        elif is_lazy(events):
            course.open_ended = True
        else:
            course.expect(list(as_event_dicts(events)))
        return True

    def request(self, request: Request, by: str) -> None:
        """Do what a processor asks for."""
        acquisition = self._acquisition
        if request.properties or request.z is not None or request.reason:
            acquisition.engine.request(request)
        if request.events:
            events = list(request.events)
            if not self.takes_events and self._awaited():
                acquisition.course.expect(list(as_event_dicts(events)), sizes=False)
                self._late.put(events)
            else:
                self.queue.put(events)
        if request.stop:
            course = acquisition.course
            course.why_stopped = request.reason or f"{by or 'A processor'} asked for the end."
            course.end("stopped")
            self.takes_events = False
            acquisition.engine.stop()

    def _awaited(self) -> list[str]:
        """Return the processors whose requests are waited for when the end was marked."""
        return [n for n, p in self._acquisition.processors if getattr(p, "requests", False)]

    def _requested(self) -> Any:
        """Return events that a processor asked for once all frames were seen; None: no more."""
        while self._awaited() and not self._acquisition.course.why_stopped:
            try:
                return self._late.get(0.02)
            except Empty:
                self._meanwhile()
                self._acquisition.engine.execute([])
                if self.is_idle() and self._late.empty:
                    break
        return None

    # ---- the engine's thread ----

    def run(self) -> None:
        """Acquire all that is given, and finish."""
        acquisition = self._acquisition
        course = acquisition.course
        try:
            with short_turns():
                self._prepare()
                self._acquire_all()
        except Stopped:
            course.end("canceled")
        except LimelightError as error:
            course.fail(error)
            acquisition.say(str(error))
        except BaseException as error:
            course.fail(error)
            acquisition.say(f"The acquisition failed: {type(error).__name__}: {error}")
        finally:
            course.phase = "finishing"
            finish(acquisition)

    def _prepare(self) -> None:
        """Let processors do what takes long the first time, before the camera runs."""
        acquisition = self._acquisition
        for name, processor in list(acquisition.processors):
            prepare = getattr(processor, "prepare", None)
            if prepare is None:
                continue
            try:
                prepare()
            except Exception as error:
                acquisition.processors.remove((name, processor))
                acquisition.say(
                    f"The processor {name} was switched off before the first frame: "
                    f"{type(error).__name__}: {error}. The acquisition goes on."
                )

    def _acquire_all(self) -> None:
        acquisition, engine = self._acquisition, self._acquisition.engine
        begun = False
        while True:
            if engine.stopping:
                raise Stopped
            try:
                batch = self.queue.get(0.1)
            except Empty:
                if begun:
                    engine.execute([])
                    engine.serve()
                continue
            if batch is None:
                if begun and (batch := self._requested()) is not None:
                    self.queue.put_again(None)
                else:
                    break
            if not begun:
                begun = True
                USE.take(acquisition.core, acquisition)
                engine.begin()
                acquisition.course.begin(engine.started)
                acquisition.notifier.tell("acq_started", None)
            self.busy = True
            for events in self._batches(batch):
                engine.execute(self._parsed(events))
            self.busy = False
        acquisition.notifier.tell("acq_events_finished", None)

    def _batches(self, batch: Any) -> Iterator[Iterable[Any]]:
        """Yield events that may be run through together."""
        if not is_lazy(batch):
            yield as_event_dicts(batch)
            return
        for item in fed(batch, self._meanwhile):
            events = list(as_event_dicts(item))
            self._acquisition.course.expect(events, sizes=False)
            yield events

    def _meanwhile(self) -> None:
        engine = self._acquisition.engine
        if engine.stopping:
            raise Stopped
        engine.serve()

    def _parsed(self, events: Iterable[Any]) -> Iterator[Event]:
        for one in events:
            made = [Event.parse(one)]
            for hook in self.generation_hooks:
                made = [changed for event in made for changed in hook([event])]
            yield from made

    # ---- frames ----

    def deliver(self, frame: Frame) -> None:
        """Hand a frame on; waits as long as there is no room."""
        pipeline = self.pipeline
        if pipeline is None:
            pipeline = self._begin_pipeline(frame)
        pipeline.put(frame)

    def is_idle(self) -> bool:
        """Whether all frames that came have passed."""
        return self.pipeline is not None and self.pipeline.idle()

    def _begin_pipeline(self, frame: Frame) -> Pipeline:
        acquisition = self._acquisition
        course, saving = acquisition.course, acquisition.saving
        height, width = frame.shape
        exposure = frame.metadata.get("Exposure")
        cameras = acquisition.engine.cameras
        self.stream = Stream(
            shape=(height, width),
            dtype=frame.pixels.dtype,
            camera=self._camera or camera_of(acquisition.core, frame.metadata.get("Camera")),
            length=None if course.open_ended else course.expected * cameras or None,
            exposure_ms=float(exposure) if exposure is not None else None,
            sizes={**course.sizes, **({"camera": cameras} if cameras > 1 else {})},
            metadata=self._summary(),
        )
        if self._buffer is not None:
            wanted = self._buffer // max(frame.pixels.nbytes, 1)
            self._room.grow(int(np.clip(wanted, 8, _MOST_PLACES)))
        if acquisition.processors and saving.on_disk:
            acquisition.keeping.start()
        saves = saving.format != "none"
        told = self._on_saved is not None or acquisition.notifier.listening
        self.pipeline = Pipeline(
            self.stream,
            acquisition.processors,
            saving if saves else None,
            save=self._save,
            room=max(self._room.places - 2, 2),
            on_output=acquisition.give,
            on_saved=self._saved if saves and told else None,
            on_trouble=saving.trouble,
            say=acquisition.say,
        )
        return self.pipeline

    def _saved(self, index: int, axes: Mapping[str, int | str]) -> None:
        acquisition = self._acquisition
        acquisition.notifier.tell("image_saved", dict(axes))
        if self._on_saved is None:
            return
        parts = len(acquisition.saving.writers)
        if self._dataset is None or self._dataset[0] != parts:
            self._dataset = parts, acquisition.get_dataset()
        self._on_saved(dict(axes), self._dataset[1], *self._saved_rest)

    def _summary(self) -> dict[str, Any]:
        core = self._acquisition.core
        summary: dict[str, Any] = {
            "Software": "Limelight",
            "StartTime": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "ChannelGroup": core.getChannelGroup(),
            "Saved": self._save,
            "Processors": described(self._acquisition),
        }
        with contextlib.suppress(RuntimeError, ValueError):
            size = core.getPixelSizeUm(True)
            if size > 0:
                summary["PixelSize_um"] = size
            summary["AffineTransform"] = "_".join(str(v) for v in core.getPixelSizeAffine(True))
        summary.update(self._metadata)
        return summary
