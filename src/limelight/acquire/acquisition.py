"""Acquisition: events in, images on the disk, with a person's functions in between."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from limelight.acquire.core_access import at_exit, find_core
from limelight.acquire.engine import Engine, Stopped
from limelight.acquire.event_queue import EventQueue, fed, is_lazy
from limelight.acquire.events import Event, as_event_dicts, expected_sizes
from limelight.acquire.hooks import Hook, takes
from limelight.acquire.keeping import Keeping
from limelight.acquire.label_images import LabelWriter
from limelight.acquire.messages import Messages
from limelight.acquire.notifications import EventsFuture, Notification, Notifier
from limelight.acquire.pipeline import Pipeline
from limelight.acquire.processor_list import make_processors
from limelight.acquire.results import Results
from limelight.acquire.room import Room
from limelight.acquire.saving import Saving
from limelight.acquire.scope.load import camera_of
from limelight.acquire.status import Failure, Status
from limelight.acquire.use import USE
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.settings import Settings
from limelight.core.stream import Objects, Request, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from limelight.core.camera import Camera
    from limelight.core.frame import Frame

__all__ = ["Acquisition"]

Format = Literal["ndtiff", "ome-zarr", "ome-tiff", "ram", "none"]


class Acquisition:
    """An acquisition: give it events, and it takes, processes and saves the images.

    >>> with Acquisition("data", "stack") as acq:  # doctest: +SKIP
    ...     acq.acquire(multi_d_acquisition_events(z_start=0, z_end=10, z_step=0.5))

    Parameters
    ----------
    directory : path, optional
        Where the folder of the data set is made.  Without it, the images are kept in memory.
    name : str
        Name of the data set.
    image_process_fn : callable, optional
        Called with pixels and metadata (and the event queue, if it takes three arguments) of
        every image; returns a pair of both, a list of such pairs, or None to keep the image from
        being saved.
    event_generation_hook_fn, pre_hardware_hook_fn, post_hardware_hook_fn : callable, optional
        Called with each event when it is submitted, before and after the hardware is set; return
        the event, changed or not, or None to delete it.  Where the hardware runs through several
        events by itself, the last two are called with a list.  With two arguments, the second is
        the event queue.
    post_camera_hook_fn : callable, optional
        Called when the camera has been started, such as to start an external trigger.
    notification_callback_fn : callable, optional
        Called with a `Notification` at every milestone, in a thread of its own.
    image_saved_fn : callable, optional
        Called with the axes and the data set (and the event queue) after an image was written.
    napari_viewer : napari.Viewer, optional
        Shows the images while they come.
    show_display : bool or str
        True: in a napari that is already open; ``"napari"``: open one; False: do not show.
    process : bool
        Run the image processing function in a process of its own.
    saving_queue_size : int, optional
        Number of images that may wait in memory; by default as many as fit ``buffer_mb``.
    timeout, port, debug, core_log_debug
        Accepted, so that scripts for Pycro-Manager run; only ``debug`` has an effect: messages
        are printed.
    core : pymmcore_plus.CMMCorePlus, optional
        The microscope; by default the one in use, or the demonstration microscope.
    format : {"ndtiff", "ome-zarr", "ome-tiff", "ram", "none"}, optional
        How to save; by default NDTiff, and memory where there is no directory.
    processors : sequence, optional
        Processors: objects, names, or pairs (name, settings), in order.
    save : {"processed", "raw"}
        Which images are saved.
    sequencing : bool
        Whether the hardware may run through several events by itself.
    on_storage_error : {"stop", "pause"} or path
        What to do when the disk is full or the folder gone: end, hold until `continue_in` is
        called, or go on in another folder.
    buffer_mb : float
        Memory for images on their way, megabytes.
    camera : Camera, optional
        What turns counts into photons, for processors.
    metadata : mapping, optional
        Kept in the summary metadata.
    on_output : callable, optional
        Called with the name of a processor, and a table, reading or request that it gave.
    on_message : callable, optional
        Called with every message for a person.

    Attributes
    ----------
    listeners : list of callable
        Called with the name of a processor and what it gave, in its thread.
    while_waiting : callable, optional
        Called many times per second by whoever waits in `await_completion`: what keeps a window
        alive.

    Raises
    ------
    ParameterError
        If arguments are of no use, or the microscope is in use by another acquisition.
    StorageError
        If the directory cannot be written to.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        name: str | None = None,
        image_process_fn: Callable[..., Any] | None = None,
        event_generation_hook_fn: Callable[..., Any] | None = None,
        pre_hardware_hook_fn: Callable[..., Any] | None = None,
        post_hardware_hook_fn: Callable[..., Any] | None = None,
        post_camera_hook_fn: Callable[..., Any] | None = None,
        notification_callback_fn: Callable[[Notification], Any] | None = None,
        image_saved_fn: Callable[..., Any] | None = None,
        napari_viewer: Any = None,
        show_display: bool | str = True,
        process: bool = False,
        saving_queue_size: int | None = None,
        timeout: int = 500,
        port: int = 4827,
        debug: bool = False,
        core_log_debug: bool = False,
        *,
        core: Any = None,
        format: Format | None = None,
        processors: Sequence[Any] = (),
        save: Literal["processed", "raw"] = "processed",
        sequencing: bool = True,
        on_storage_error: str | Path = "stop",
        buffer_mb: float = 128.0,
        camera: Camera | None = None,
        metadata: Mapping[str, Any] | None = None,
        on_output: Callable[[str, Any], None] | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        if save not in ("processed", "raw"):
            raise ParameterError(f"save must be 'processed' or 'raw', not {save!r}.")
        if saving_queue_size is not None and saving_queue_size < 2:
            raise ParameterError(f"saving_queue_size must be 2 or more, not {saving_queue_size}.")
        self.name = name or "acquisition"
        self.debug = debug
        self.saving = Saving(self, directory, self.name, format, on_storage_error)
        self._save = save
        self._buffer = buffer_mb * 1e6
        self._slots = saving_queue_size
        self._camera = camera
        self._given_metadata = dict(metadata or {})
        self.listeners: list[Callable[[str, Any], None]] = [on_output] if on_output else []
        self.while_waiting: Callable[[], object] | None = None
        self._on_message = on_message
        self.core = find_core(core)
        self._queue = EventQueue(self._accept)
        self._late = EventQueue(lambda _: True)
        self._ended_input = False
        self.messages = Messages()
        self.failures: list[Failure] = []
        self.results = Results()
        self.keeping = Keeping(self.results, lambda: self.saving.path, self.say)
        self.labels = LabelWriter(lambda: self.saving.path, self.say)
        hooks = {
            kind: [Hook(f, f"{kind}_hook_fn", self._queue)] if f is not None else []
            for kind, f in (
                ("event_generation", event_generation_hook_fn),
                ("pre_hardware", pre_hardware_hook_fn),
                ("post_hardware", post_hardware_hook_fn),
                ("post_camera", post_camera_hook_fn),
            )
        }
        self._generation_hooks = hooks["event_generation"]
        self._saved_fn = image_saved_fn
        self._saved_rest: tuple[Any, ...] = ()
        if image_saved_fn is not None and takes(image_saved_fn, 2, 3, "image_saved_fn") == 3:
            self._saved_rest = (self._queue,)

        self.pipeline: Pipeline | None = None
        self._stream: Stream | None = None
        self._expected = 0
        self._sizes: dict[str, int] = {}
        self._unknown_length = False
        self._error: BaseException | None = None
        self._raised = False
        self._reason = ""
        self._stop_reason = ""
        self._phase = "waiting"
        self._rates: list[tuple[float, int]] = []
        self._rates_lock = threading.Lock()
        self._busy = False
        self._told_late = False
        self._ended_s: float | None = None
        self._room = Room(self._slots or 8, self._idle)
        self.engine = Engine(
            self.core,
            self._room,
            self._deliver,
            hooks=hooks,
            say=self.say,
            notify=self._notify,
            failed=self._note_failure,
            sequencing=sequencing,
        )
        USE.reserve(self)
        self._show(napari_viewer, show_display)
        self._processors, self._closing = make_processors(
            processors, image_process_fn, self._queue, process=process
        )
        self.notifier = Notifier(notification_callback_fn, self.say)
        self._thread = threading.Thread(target=self._run, name="limelight-engine", daemon=True)
        self._thread.start()
        at_exit(self)

    # ---- what a script calls ----

    def acquire(self, events: Any) -> EventsFuture:
        """Submit events.

        The hardware is given a run of events where it can run through them by itself; runs reach
        across the events of one call, not across calls.

        Parameters
        ----------
        events : dict, useq.MDAEvent, list of these, useq.MDASequence, or generator
            What to acquire.  A generator is asked for an event when the one before is done, so
            that it can take what was seen into account; it may also yield lists of events.

        Returns
        -------
        EventsFuture
            To wait for these events.

        Raises
        ------
        ParameterError
            If an event has an unknown key or a value of no use, or the acquisition has ended.
        """
        if self._ended_input or self._phase == "finished":
            raise ParameterError(
                "This acquisition takes no more events: it was marked as finished, or it ended. "
                "Make another Acquisition."
            )
        if not is_lazy(events):
            events = list(as_event_dicts(events))
            for event in events:
                Event.parse(event)
        self._busy = True  # from now on, not only once they are taken
        self._queue.put(events)
        return EventsFuture(self, events if isinstance(events, list) else None)

    def mark_finished(self) -> None:
        """Say that no more events will come; those that were submitted are still acquired."""
        self._queue.put(None)

    def await_completion(self, timeout: float | None = None) -> bool:
        """Wait until everything is acquired, processed and saved.

        Parameters
        ----------
        timeout : float, optional
            Longest time to wait, seconds.

        Returns
        -------
        bool
            False if it is still under way after that time.

        Raises
        ------
        LimelightError
            If the acquisition failed; once.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while self._thread.is_alive():
                step = 0.5 if self.while_waiting is None else 0.02
                left = step if end is None else min(step, end - time.monotonic())
                if left <= 0:
                    return False
                self._thread.join(left)
                if self.while_waiting is not None:
                    self.while_waiting()
        except KeyboardInterrupt:
            self.abort()
            self._thread.join()
            raise
        self._raise()
        return True

    def abort(self, exception: BaseException | None = None) -> None:
        """End at once: nothing more is acquired; what was acquired is saved.

        Parameters
        ----------
        exception : Exception, optional
            Why; `await_completion` raises it.
        """
        if exception is not None and self._error is None:
            self._error = exception
        if not self._reason:
            self._reason = "canceled" if exception is None else "failed"
        self._ended_input = True
        self.engine.stop()
        self.saving.give_up()

    def pause(self, paused: bool = True) -> None:
        """Hold between two images, even while the hardware runs through several."""
        self.engine.pause(paused)

    def resume(self) -> None:
        """Go on after `pause`."""
        self.pause(False)

    @property
    def is_paused(self) -> bool:
        """Whether it was told to hold."""
        return self.engine.paused

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive() if hasattr(self, "_thread") else False

    @property
    def is_idle(self) -> bool:
        """Whether it waits for events, with all that were given to it done."""
        pipeline = self.pipeline
        return (
            self.is_running
            and not self._busy
            and self._queue.empty
            and (pipeline is None or pipeline.idle())
        )

    @property
    def latest(self) -> Frame | None:
        """The newest frame after all processors, for display; None before the first."""
        pipeline = self.pipeline
        return pipeline.latest if pipeline is not None else None

    @property
    def event_queue(self) -> EventQueue:
        """The queue for further events."""
        return self._queue

    def get_dataset(self, timeout: float | None = None) -> Any:
        """Return the data set, which grows while the acquisition runs.

        Waits for the first image to be there, if one is to come.

        Parameters
        ----------
        timeout : float, optional
            Longest time to wait, seconds.

        Raises
        ------
        LimelightError
            If no image was saved.
        """
        return self.saving.dataset(timeout)

    def get_viewer(self) -> Any:
        """Return the viewer that shows the images, if there is one."""
        return getattr(self, "_viewer", None)

    def continue_in(self, directory: str | Path) -> None:
        """Go on in another folder after the disk was full or the folder gone.

        Also after the acquisition ended for that reason: what it holds in memory is saved there.

        Parameters
        ----------
        directory : path
            The other folder.

        Raises
        ------
        StorageError
            If that folder cannot be written to either.
        ParameterError
            If nothing is wrong with the storage.
        """
        self.saving.continue_in(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            self.abort()
            self._raised = True  # the person's own error is the one to be seen
            self._thread.join()
            return
        self.mark_finished()
        self.await_completion()

    # ---- what is to be known ----

    @property
    def format(self) -> str:
        """How images are saved."""
        return self.saving.format

    @property
    def path(self) -> Path | None:
        """Folder of the data set, the last one where it went on in another."""
        return self.saving.path

    @property
    def is_expecting(self) -> bool:
        """Whether images may still come."""
        if self._phase == "waiting":
            return self._expected > 0 or self._unknown_length
        return self._phase != "finished"

    @property
    def unsaved(self) -> list[Frame]:
        """Images that could not be written and are held in memory."""
        return list(self.pipeline.unsaved) if self.pipeline is not None else []

    @property
    def finish_reason(self) -> str:
        """How it ended: completed, canceled, stopped or failed; empty before the end."""
        return self._reason if self._phase == "finished" else ""

    @property
    def error(self) -> BaseException | None:
        """Why it failed."""
        return self._error

    @property
    def stream(self) -> Stream | None:
        """What is known of the frames; None before the first."""
        return self._stream

    @property
    def status(self) -> Status:
        """How it stands."""
        engine, pipeline = self.engine, self.pipeline
        now = self._ended_s or time.perf_counter()
        elapsed = now - engine.started if self._phase != "waiting" else 0.0
        acquired = engine.acquired
        rate = self._rate(acquired)
        expected = self._expected * engine.cameras
        left = expected - acquired - len(self.failures) * engine.cameras
        known = self._expected > 0 and not self._unknown_length
        mean = acquired / elapsed if elapsed > 0 else 0.0
        phase = self._phase
        if phase == "running" and engine.paused_now:
            phase = "paused"
        times = {}
        if pipeline is not None:
            times = {stage.name: stage.ms_per_frame for stage in pipeline.stages}
            if pipeline.saved:
                times["storage"] = pipeline.write_seconds / pipeline.saved * 1e3
        return Status(
            phase=phase,
            finish_reason=self.finish_reason,
            acquired=acquired,
            saved=pipeline.saved if pipeline is not None and self.format != "none" else 0,
            expected=expected,
            failed=len(self.failures),
            unsaved=len(pipeline.unsaved) if pipeline is not None else 0,
            waiting=pipeline.waiting if pipeline is not None else 0,
            skipped=pipeline.skipped() if pipeline is not None else {},
            overflows=engine.overflows,
            rate=rate,
            elapsed_s=elapsed,
            remaining_s=max(left, 0) / mean if known and mean else float("nan"),
            ms_per_frame=times,
            messages=self.messages.shown(),
            said=self.messages.said,
            path=self.path,
        )

    def _rate(self, acquired: int) -> float:
        if self._ended_s is not None:
            return acquired / max(self._ended_s - self.engine.started, 1e-9)
        now = time.perf_counter()
        with self._rates_lock:
            self._rates.append((now, acquired))
            while len(self._rates) > 2 and now - self._rates[1][0] > 1.0:
                self._rates.pop(0)
            then, before = self._rates[0]
        if now - then < 0.05:
            then, before = self.engine.started, 0
        return (acquired - before) / (now - then) if now > then else 0.0

    def say(self, message: str) -> None:
        """Keep a message for the person."""
        self.messages.add(message)
        if self.debug:
            print(message)
        if self._on_message is not None:
            with contextlib.suppress(Exception):
                self._on_message(message)

    # ---- processors ----

    def _output(self, name: str, output: Any) -> None:
        if isinstance(output, Request):
            self.request(output, name)
        else:
            self.results.add(name, output)
            if isinstance(output, Objects) and self.saving.on_disk:
                self.labels.add(name, output)
        for listener in self.listeners:
            listener(name, output)

    def request(self, request: Request, by: str = "") -> None:
        """Do what a processor asks for: properties at once, events after those that wait."""
        if request.properties or request.z is not None or request.reason:
            self.engine.request(request)
        if request.events:
            events = list(request.events)
            if self._ended_input and self._awaited():
                self._expected += expected_sizes(list(as_event_dicts(events)))[0]
                self._late.put(events)
            else:
                self._queue.put(events)
        if request.stop:
            self._stop_reason = request.reason or f"{by or 'A processor'} asked for the end."
            if not self._reason:
                self._reason = "stopped"
            self._ended_input = True
            self.engine.stop()

    # ---- storage ----

    def fail(self, error: Exception) -> None:
        """End because a frame cannot be written."""
        self._error = self._error or error
        self._reason = self._reason or "failed"
        if self.pipeline is not None:
            self.pipeline.give_up()
        self.engine.stop()

    def await_end(self) -> None:
        """Wait for the end without raising what went wrong."""
        self._thread.join()

    def _idle(self) -> bool:
        return self.pipeline is not None and self.pipeline.idle()

    def _deliver(self, frame: Frame) -> None:
        pipeline = self.pipeline
        if pipeline is None:
            pipeline = self._begin_pipeline(frame)
        pipeline.put(frame)

    def _begin_pipeline(self, frame: Frame) -> Pipeline:
        height, width = frame.shape
        exposure = frame.metadata.get("Exposure")
        cameras = self.engine.cameras
        self._stream = Stream(
            shape=(height, width),
            dtype=frame.pixels.dtype,
            camera=self._camera or camera_of(self.core, frame.metadata.get("Camera")),
            length=None if self._unknown_length else self._expected * cameras or None,
            exposure_ms=float(exposure) if exposure is not None else None,
            sizes={**self._sizes, **({"camera": cameras} if cameras > 1 else {})},
            metadata=self._summary(),
        )
        if self._slots is None:
            wanted = int(np.clip(self._buffer // max(frame.pixels.nbytes, 1), 8, 512))
            self._room.grow(wanted)
        saving = self.format != "none"
        if self._processors and self.saving.on_disk:
            self.keeping.start()
        self.pipeline = Pipeline(
            self._stream,
            self._processors,
            self.saving if saving else None,
            save=self._save,
            room=max(self._room.places - 2, 2),
            on_output=self._output,
            on_saved=self._saved if saving and self._wants_saved() else None,
            on_trouble=self.saving.trouble,
            say=self.say,
        )
        return self.pipeline

    def _wants_saved(self) -> bool:
        return self._saved_fn is not None or self.notifier.listening

    def _saved(self, index: int, axes: Mapping[str, int | str]) -> None:
        self._notify("image_saved", dict(axes))
        if self._saved_fn is not None:
            self._saved_fn(dict(axes), self._dataset_for_saved(), *self._saved_rest)

    def _dataset_for_saved(self) -> Any:
        kept = getattr(self, "_saved_dataset", None)
        if kept is None or kept[0] != len(self.saving.writers):
            self._saved_dataset = kept = (len(self.saving.writers), self.get_dataset())
        return kept[1]

    def _summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = {
            "Software": "Limelight",
            "StartTime": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "ChannelGroup": self.core.getChannelGroup(),
            "Saved": self._save,
            "Processors": [
                {"name": name, **(p.to_dict() if isinstance(p, Settings) else {})}
                for name, p in self._processors
            ],
        }
        with contextlib.suppress(RuntimeError, ValueError):
            size = self.core.getPixelSizeUm(True)
            if size > 0:
                summary["PixelSize_um"] = size
            summary["AffineTransform"] = "_".join(
                str(v) for v in self.core.getPixelSizeAffine(True)
            )
        summary.update(self._given_metadata)
        return summary

    # ---- the engine's thread ----

    def _meanwhile(self) -> None:
        if self.engine.stopping:
            raise Stopped
        self.engine.serve()

    def _awaited(self) -> list[str]:
        """Return the processors whose requests are waited for when the end was marked."""
        return [name for name, p in self._processors if getattr(p, "requests", False)]

    def _requested(self) -> Any:
        """Return events that a processor asked for once all frames were seen; None: no more."""
        while self._awaited() and not self._stop_reason:
            try:
                return self._late.get(0.02)
            except Empty:
                if self.engine.stopping:
                    raise Stopped from None
                self.engine.execute([])
                self.engine.serve()
                if self._idle() and self._late.empty:
                    break
        return None

    def _accept(self, events: Any) -> bool:
        if self._ended_input:
            if events is not None and not self._told_late:
                self._told_late = True
                self.say("Events were added after the end was marked, and were not acquired.")
            return False
        if events is None:
            self._ended_input = True
        elif is_lazy(events):
            self._unknown_length = True
        else:
            items = list(as_event_dicts(events))
            images, sizes = expected_sizes(items)
            self._expected += images
            for axis, size in sizes.items():
                self._sizes[axis] = max(self._sizes.get(axis, 0), size)
        return True

    def _run(self) -> None:
        try:
            self._acquire_all()
        except Stopped:
            self._reason = self._reason or "canceled"
        except LimelightError as error:
            self._error = self._error or error
            self._reason = "failed"
            self.say(str(error))
        except BaseException as error:
            self._error = self._error or error
            self._reason = "failed"
            self.say(f"The acquisition failed: {type(error).__name__}: {error}")
        finally:
            self._phase = "finishing"
            self._finish()

    def _prepare(self) -> None:
        """Let processors do what takes long the first time, before the camera runs."""
        for name, processor in list(self._processors):
            prepare = getattr(processor, "prepare", None)
            if prepare is None:
                continue
            try:
                prepare()
            except Exception as error:
                self._processors.remove((name, processor))
                self.say(
                    f"The processor {name} was switched off before the first frame: "
                    f"{type(error).__name__}: {error}. The acquisition goes on."
                )

    def _acquire_all(self) -> None:
        begun = False
        self._prepare()
        while True:
            if self.engine.stopping:
                raise Stopped
            try:
                batch = self._queue.get(0.1)
            except Empty:
                if begun:
                    self.engine.execute([])
                    self.engine.serve()
                continue
            if batch is None:
                if begun and (batch := self._requested()) is not None:
                    self._queue.put_again(None)
                else:
                    break
            if not begun:
                begun = True
                USE.take(self.core, self)
                self.engine.begin()
                self._phase = "running"
                self._notify("acq_started", None)
            self._busy = True
            for events in self._batches(batch):
                self.engine.execute(self._parsed(events))
            self._busy = False
        self._notify("acq_events_finished", None)

    def _batches(self, batch: Any) -> Iterator[Iterable[Any]]:
        """Yield events that may be run through together."""
        if not is_lazy(batch):
            yield as_event_dicts(batch)
            return
        for item in fed(batch, self._meanwhile):
            events = list(as_event_dicts(item))
            images, _ = expected_sizes(events)
            self._expected += images
            yield events

    def _parsed(self, events: Iterable[Any]) -> Iterator[Event]:
        for one in events:
            event = Event.parse(one)
            if self._generation_hooks:
                made = [event]
                for hook in self._generation_hooks:
                    made = [changed for e in made for changed in hook([e])]
                yield from made
            else:
                yield event

    def _finish(self) -> None:
        def carefully(step: Callable[[], Any], what: str) -> None:
            try:
                step()
            except BaseException as error:
                self.say(f"{what}: {error}")
                if self._error is None:
                    self._error = error
                    self._reason = "failed"

        carefully(self.engine.end, "The microscope could not be left in order")
        pipeline = self.pipeline
        if pipeline is not None:
            stopping = self._reason in ("canceled", "failed")
            if not pipeline.finish(10.0 if stopping else None):
                self.say("A processor or the disk does not answer; it was left behind.")
                pipeline.give_up()
        self._reason = self._reason or "completed"
        # Before the data set: who sees that it is complete finds all that belongs to it.
        carefully(self.labels.finish, "Label images could not be saved")
        carefully(self.keeping.finish, "What processors found could not be saved")
        note = self.note()
        for writer in self.saving.writers[:-1]:
            with contextlib.suppress(LimelightError):  # what is wrong with it was said
                writer.finish(note)
        for writer in self.saving.writers[-1:]:
            carefully(partial(writer.finish, note), "The data set could not be completed")
        for close in self._closing:
            carefully(close, "A process could not be ended")
        self._tell_skipped()
        self._ended_s = time.perf_counter()
        self._notify("data_sink_finished", None)
        self.notifier.close()
        USE.withdraw(self)
        USE.give_back(self.core, self)
        self._phase = "finished"
        with self.saving.there:
            self.saving.there.notify_all()
        self.notifier.wake()
        self._report()

    def note(self) -> str:
        """Say what is missing and why, for the summary metadata; empty if nothing is."""
        if self._reason == "completed" and not self.failures:
            return ""
        said = []
        if self._reason == "canceled":
            said.append("Canceled.")
        elif self._reason == "stopped":
            said.append(f"Stopped: {self._stop_reason}")
        elif self._reason == "failed":
            said.append(f"Failed: {self._error}")
        if self.failures:
            shown = ", ".join(str(dict(f.axes)) for f in self.failures[:20])
            more = " and more" if len(self.failures) > 20 else ""
            said.append(f"{len(self.failures)} images are missing: {shown}{more}.")
        return " ".join(said)

    def _tell_skipped(self) -> None:
        if self.pipeline is None:
            return
        for stage in self.pipeline.stages:
            if stage.skipped:
                self.say(
                    f"The processor {stage.name} saw {stage.frames} of "
                    f"{stage.frames + stage.skipped} frames."
                )

    def _report(self) -> None:
        from limelight.core.report import RunRecord, report

        status = self.status
        if not status.acquired:
            return
        report(
            RunRecord(
                kind="acquisition",
                file=self.path,
                duration_s=status.elapsed_s,
                settings={
                    "format": self.format,
                    "processors": self._summary()["Processors"],
                },
                camera=self._stream.camera.to_dict() if self._stream is not None else {},
                figures={
                    "frames": status.acquired,
                    "frames_saved": status.saved,
                    "frames_failed": status.failed,
                    "frames_skipped": sum(status.skipped.values()),
                    "rate_hz": status.acquired / status.elapsed_s if status.elapsed_s else None,
                },
                notes={"finish_reason": self._reason},
            )
        )

    def _raise(self) -> None:
        if self._error is not None and not self._raised:
            self._raised = True
            if isinstance(self._error, LimelightError) or self._reason == "failed":
                raise self._error

    def _note_failure(self, index: int, axes: dict[str, int | str], reason: str) -> None:
        self.failures.append(Failure(index, axes, reason))

    def _notify(self, milestone: str, payload: Any) -> None:
        self.notifier.tell(milestone, payload)

    def _show(self, viewer: Any, show: bool | str) -> None:
        self._viewer = viewer
        if viewer is None and not show:
            return
        from limelight.acquire.display import show_in

        self._viewer = show_in(self, viewer, show)
