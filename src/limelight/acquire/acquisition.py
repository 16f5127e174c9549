"""Acquisition: events in, images on the disk, with a person's functions in between."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, Self

from limelight.acquire.core_access import at_exit, find_core
from limelight.acquire.course import Course
from limelight.acquire.engine import Engine
from limelight.acquire.event_queue import EventQueue, is_lazy
from limelight.acquire.events import Event, as_event_dicts
from limelight.acquire.hooks import make_hooks, takes
from limelight.acquire.keeping import Keeping
from limelight.acquire.label_images import LabelWriter
from limelight.acquire.messages import Messages
from limelight.acquire.notifications import EventsFuture, Notification, Notifier
from limelight.acquire.processor_list import make_processors
from limelight.acquire.results import Results
from limelight.acquire.room import Room
from limelight.acquire.running import Runner
from limelight.acquire.saving import Saving
from limelight.acquire.status import Failure, Status, status_of
from limelight.acquire.use import USE
from limelight.core.errors import ParameterError
from limelight.core.stream import Objects, Request, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from limelight.acquire.pipeline import Pipeline
    from limelight.core.camera import Camera
    from limelight.core.frame import Frame

__all__ = ["Acquisition"]

_FEW = 8  # places for frames, as long as it is not known how large they are
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
        the event queue; with three, the second is a `Bridge`, as scripts for older Pycro-Manager
        take it.
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
        Run hooks and the image processing function each in a process of its own.  They see events
        and images there, not the microscope.
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
        self.core = find_core(core)
        self.course = Course()
        self.messages = Messages()
        self._on_message = on_message
        self.saving = Saving(self, directory, self.name, format, on_storage_error)
        self.results = Results()
        self.keeping = Keeping(self.results, lambda: self.saving.path, self.say)
        self.labels = LabelWriter(lambda: self.saving.path, self.say)
        self.listeners: list[Callable[[str, Any], None]] = [on_output] if on_output else []
        self.while_waiting: Callable[[], object] | None = None
        with_queue = False
        if image_saved_fn is not None:
            with_queue = takes(image_saved_fn, 2, 3, "image_saved_fn") == 3
        room = Room(saving_queue_size or _FEW, lambda: self.runner.is_idle())
        self.runner = Runner(
            self,
            on_saved=image_saved_fn,
            with_queue=with_queue,
            save=save,
            room=room,
            buffer=buffer_mb * 1e6 if saving_queue_size is None else None,
            camera=camera,
            metadata=dict(metadata or {}),
        )
        USE.reserve(self)
        functions = {
            "event_generation": event_generation_hook_fn,
            "pre_hardware": pre_hardware_hook_fn,
            "post_hardware": post_hardware_hook_fn,
            "post_camera": post_camera_hook_fn,
        }
        with ExitStack() as closing:  # nothing is left if an argument is of no use
            closing.callback(USE.withdraw, self)
            processes = closing if process else None
            hooks = make_hooks(functions, self.event_queue, processes)
            self.processors = make_processors(
                processors, image_process_fn, self.event_queue, processes
            )
            self.runner.generation_hooks = hooks["event_generation"]
            self.notifier = Notifier(notification_callback_fn, self.say)
            self.engine = Engine(
                self.core,
                room,
                self.runner.deliver,
                hooks=hooks,
                say=self.say,
                notify=self.notifier.tell,
                failed=self.course.miss,
                sequencing=sequencing,
            )
            self._viewer = napari_viewer
            self._show(show_display)
            self.closing = closing.pop_all()
        self._thread = threading.Thread(
            target=self.runner.run, name="limelight-engine", daemon=True
        )
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
        if not self.runner.takes_events or self.course.phase == "finished":
            raise ParameterError(
                "This acquisition takes no more events: it was marked as finished, or it ended. "
                "Make another Acquisition."
            )
        if not is_lazy(events):
            events = list(as_event_dicts(events))
            for event in events:
                Event.parse(event)
        self.runner.busy = True  # from now on, not only once they are taken
        self.event_queue.put(events)
        return EventsFuture(self, events if isinstance(events, list) else None)

    def mark_finished(self) -> None:
        """Say that no more events will come; those that were submitted are still acquired."""
        self.event_queue.put(None)

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
        self.course.raise_once()
        return True

    def abort(self, exception: BaseException | None = None) -> None:
        """End at once: nothing more is acquired; what was acquired is saved.

        Parameters
        ----------
        exception : Exception, optional
            Why; `await_completion` raises it.
        """
        self.course.error = self.course.error or exception
        self.course.end("canceled" if exception is None else "failed")
        self.runner.takes_events = False
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
        return (
            self.is_running
            and not self.runner.busy
            and self.event_queue.empty
            and (self.pipeline is None or self.pipeline.idle())
        )

    @property
    def latest(self) -> Frame | None:
        """The newest frame after all processors, for display; None before the first."""
        pipeline = self.pipeline
        return pipeline.latest if pipeline is not None else None

    @property
    def event_queue(self) -> EventQueue:
        """The queue for further events."""
        return self.runner.queue

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
        return self._viewer

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
            self.course.seen()  # the person's own error is the one to be raised
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
        return self.course.is_expecting

    @property
    def pipeline(self) -> Pipeline | None:
        """Where frames go; None before the first."""
        return self.runner.pipeline

    @property
    def stream(self) -> Stream | None:
        """What is known of the frames; None before the first."""
        return self.runner.stream

    @property
    def unsaved(self) -> list[Frame]:
        """Images that could not be written and are held in memory."""
        return list(self.pipeline.unsaved) if self.pipeline is not None else []

    @property
    def failures(self) -> list[Failure]:
        """Images that could not be taken."""
        return self.course.failures

    @property
    def finish_reason(self) -> str:
        """How it ended: completed, canceled, stopped or failed; empty before the end."""
        return self.course.reason if self.course.phase == "finished" else ""

    @property
    def error(self) -> BaseException | None:
        """Why it failed."""
        return self.course.error

    @property
    def status(self) -> Status:
        """How it stands."""
        return status_of(self)

    def note(self) -> str:
        """Say what is missing and why, for the summary metadata; empty if nothing is."""
        return self.course.note()

    # ---- what its parts call ----

    def say(self, message: str) -> None:
        """Keep a message for the person."""
        self.messages.add(message)
        if self.debug:
            print(message)
        if self._on_message is not None:
            with contextlib.suppress(Exception):
                self._on_message(message)

    def give(self, name: str, output: Any) -> None:
        """Take what a processor gave."""
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
        self.runner.request(request, by)

    def fail(self, error: Exception) -> None:
        """End because a frame cannot be written."""
        self.course.error = self.course.error or error
        self.course.end("failed")
        if self.pipeline is not None:
            self.pipeline.give_up()
        self.engine.stop()

    def await_end(self) -> None:
        """Wait for the end without raising what went wrong."""
        self._thread.join()

    def _show(self, show: bool | str) -> None:
        if self._viewer is None and not show:
            return
        from limelight.acquire.display import show_in

        self._viewer = show_in(self, self._viewer, show)
