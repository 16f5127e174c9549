"""Pipeline: from the camera through the processors to the disk, each in a thread of its own.

.. code-block:: text

    engine ──> altering processor ──> altering processor ──> writer ──> saved callbacks
          └─> looking processor                         └─> newest frame, for display

Frames that will be saved are never dropped: a full queue holds back the one that fills it, up to
the engine, which then lets the camera's own buffer fill.  A processor that only looks has a short
queue of its own; frames that find it full pass it by, and are counted.  Where the raw frames are
saved, all processors together stand on such a side branch.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError
from limelight.core.frame import Frame
from limelight.core.stream import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from limelight.core.parts import Processor
    from limelight.core.stream import Output, Stream

__all__ = ["Pipeline", "Stage"]

_END = object()
_POLL = 0.2
_SIDE_QUEUE = 256


class _Channel:
    """A bounded queue between two threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting = False
        self._items: SimpleQueue[Any] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._room.put(None)

    def put(self, item: Any, given_up: threading.Event) -> bool:
        """Put an item, waiting for room; False if it was given up."""
        while True:
            try:
                self._room.get(timeout=_POLL)
            except Empty:
                if given_up.is_set():
                    return False
                continue
            self._items.put(item)
            return True

    def offer(self, item: Any) -> bool:
        """Put an item if there is room."""
        try:
            self._room.get_nowait()
        except Empty:
            return False
        self._items.put(item)
        return True

    def tell(self, reading: Reading) -> None:
        """Put a reading; it takes no room."""
        self._items.put(reading)

    def end(self) -> None:
        """Say that nothing more will come; this always finds room."""
        self._items.put(_END)

    def get(self) -> Any:
        """Return the next item."""
        self.waiting = True
        item = self._items.get()
        self.waiting = False
        if isinstance(item, Frame):
            self._room.put(None)
        return item

    @property
    def idle(self) -> bool:
        return self.waiting and self._items.empty()

    def __len__(self) -> int:
        return self._items.qsize()


class Stage:
    """A processor in its thread.

    Parameters
    ----------
    name : str
        As it is called in messages.
    processor : Processor
        What it does.
    """

    def __init__(self, name: str, processor: Processor) -> None:
        self.name = name
        self.processor = processor
        self.alters = bool(processor.alters)
        self.listens = bool(getattr(processor, "listens", False))
        self.listeners: list[Stage] = []
        self.frames = 0
        self.skipped = 0
        self.busy = 0.0
        self.switched_off = ""
        self.lossy = False
        self.copies = False
        self._taken = 0.0
        self._hand: Frame | None = None
        self._ended = False

    def connect(
        self,
        inbox: _Channel,
        out: Callable[[Frame], None],
        ended: Callable[[], None],
        pipeline: Pipeline,
    ) -> None:
        """Tell where frames come from and go to."""
        self.inbox, self._out, self._end, self._pipeline = inbox, out, ended, pipeline
        self.thread = threading.Thread(target=self._run, name=f"limelight-{self.name}", daemon=True)

    def offer(self, frame: Frame) -> None:
        """Take a frame if there is room for it, else count it as skipped."""
        if self.switched_off and not self.alters:
            return
        if not self.inbox.offer(frame):
            self.skipped += 1
            if self.skipped == 1:
                self._pipeline.say(
                    f"The processor {self.name} is slower than the camera: it does not see every "
                    "frame. Every frame is saved."
                )

    @property
    def ms_per_frame(self) -> float:
        """Mean time that it takes for a frame, milliseconds."""
        return self.busy / self.frames * 1e3 if self.frames else 0.0

    def _pull(self) -> Iterator[Any]:
        while True:
            now = time.perf_counter()
            if self._taken:
                self.busy += now - self._taken
            frame = self.inbox.get()
            if frame is _END:
                self._ended, self._hand, self._taken = True, None, 0.0
                return
            if isinstance(frame, Reading):
                if not self.switched_off:
                    yield frame
                continue
            if self.copies:
                pixels = frame.pixels.view()
                pixels.flags.writeable = False
                frame = replace(frame, pixels=pixels)
            self._hand = frame
            self._taken = time.perf_counter()
            self.frames += 1
            yield frame

    def _give(self, output: Output) -> None:
        if isinstance(output, Frame):
            if self.alters:
                # Waiting for room further on is not this processor's time.
                before = time.perf_counter()
                self._out(output)
                if self._taken:
                    self._taken += time.perf_counter() - before
            if self._hand is not None and output.index == self._hand.index:
                self._hand = None
        else:
            if isinstance(output, Reading):
                for stage in self.listeners:
                    stage.inbox.tell(output)
            self._pipeline.on_output(self.name, output)

    def _run(self) -> None:
        try:
            try:
                stream = replace(self._pipeline.stream, waiting=self.inbox.__len__)
                for output in self.processor.process(self._pull(), stream):
                    self._give(output)
                if not self._ended:
                    self._switch_off("it ended before the acquisition")
            except Exception as error:
                self._switch_off(f"{type(error).__name__}: {error}")
            hand, self._hand = self._hand, None
            if self.alters and hand is not None:
                self._out(hand)
            if not self._ended:
                for frame in self._pull():
                    if self.alters:
                        self._out(frame)
        finally:
            self._end()

    def _switch_off(self, why: str) -> None:
        if self._ended:
            self.switched_off = f"{why} after the last frame"
            self._pipeline.say(
                f"The processor {self.name} failed after the last frame: {why}. What it would have "
                "said at the end is missing; what it gave before is kept."
            )
            return
        where = "" if self._hand is None else f" at frame {self._hand.index}"
        self.switched_off = f"{why}{where}"
        rest = "The frames from there on pass it unchanged. " if self.alters else ""
        self._pipeline.say(
            f"The processor {self.name} was switched off{where}: {why}. {rest}"
            "The acquisition goes on."
        )


class Pipeline:
    """Threads between the engine and the disk.

    Parameters
    ----------
    stream : Stream
        What is known of the frames.
    processors : sequence of (name, Processor)
        In the order in which they see the frames.
    writer : object, optional
        With ``write(frame)``: see `limelight.acquire.storage`.  Without it nothing is saved.
    save : {"processed", "raw"}
        Which frames are saved.
    room : int
        Number of frames that each queue on the way to the disk holds.
    on_output : callable
        Called with the name of a processor and a table, reading or request that it gave.
    on_saved : callable
        Called with index and axes of each frame when it is on the disk, in a thread of its own.
    on_trouble : callable
        Called with the error when a frame cannot be written; returns the writer to go on with
        (after a person has mended things), or None to give up.
    say : callable
        Called with messages for a person.
    """

    def __init__(
        self,
        stream: Stream,
        processors: Sequence[tuple[str, Processor]],
        writer: Any,
        *,
        save: str = "processed",
        room: int = 16,
        on_output: Callable[[str, Any], None],
        on_saved: Callable[[int, Mapping[str, int | str]], None] | None,
        on_trouble: Callable[[Exception], Any],
        say: Callable[[str], None],
    ) -> None:
        self.stream, self.writer, self._saves = stream, writer, writer is not None
        self.on_output, self.say = on_output, say
        self._on_trouble, self._on_saved = on_trouble, on_saved
        self.given_up = threading.Event()
        self.saved = 0
        self.write_seconds = 0.0
        self.unsaved: list[Frame] = []
        self.latest: Frame | None = None
        self.stages = [Stage(name, processor) for name, processor in processors]
        for i, stage in enumerate(self.stages):
            stage.listeners = [later for later in self.stages[i + 1 :] if later.listens]
        self._to_writer = _Channel(room)
        self._to_saved: SimpleQueue[Any] = SimpleQueue()
        self._channels = [self._to_writer]
        self._threads: list[threading.Thread] = []
        self._put = self._plan(save, room)
        self._writing = threading.Thread(target=self._write, name="limelight-writer", daemon=True)
        self._telling = threading.Thread(target=self._tell, name="limelight-saved", daemon=True)
        self._begin()

    # ---- layout ----

    def _plan(self, save: str, room: int) -> Callable[[Frame], None]:
        """Connect the stages, from the last to the first; return what takes the engine's frames."""
        lookers = sum(not stage.alters for stage in self.stages)
        side = max(1, min(_SIDE_QUEUE, room // (2 * max(lookers, 1))))
        raw = save == "raw" and bool(self.stages) and self._saves
        last = self._to_disk if self._saves else self._show
        put: Callable[[Frame], None] = self._show if raw else last
        end: Callable[[], None] = (lambda: None) if raw else self._to_writer.end
        for stage in reversed(self.stages):
            stage.copies = lookers > 0 or raw
            stage.lossy = raw or not stage.alters
            inbox = _Channel(side if stage.lossy else room)
            self._channels.append(inbox)
            if stage.alters:
                stage.connect(inbox, put, end, self)
                put = stage.offer if raw else self._blocking(inbox)
                end = inbox.end
            else:
                stage.connect(inbox, put, lambda: None, self)
                put, end = self._both(stage.offer, put), self._chain(inbox.end, end)
        if raw:
            put, end = self._both(put, self._save), self._chain(end, self._to_writer.end)
        self._end = end
        return put

    def _blocking(self, inbox: _Channel) -> Callable[[Frame], None]:
        def put(frame: Frame) -> None:
            if not inbox.put(frame, self.given_up):
                self.unsaved.append(frame)

        return put

    @staticmethod
    def _both(first: Callable[[Frame], None], second: Callable[[Frame], None]) -> Any:
        def put(frame: Frame) -> None:
            first(frame)
            second(frame)

        return put

    @staticmethod
    def _chain(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
        def end() -> None:
            first()
            second()

        return end

    def _show(self, frame: Frame) -> None:
        self.latest = frame

    def _save(self, frame: Frame) -> None:
        if not self._to_writer.put(frame, self.given_up):
            self.unsaved.append(frame)

    def _to_disk(self, frame: Frame) -> None:
        self.latest = frame
        self._save(frame)

    # ---- running ----

    def _begin(self) -> None:
        self._threads = [self._writing, *(stage.thread for stage in self.stages)]
        if self._on_saved is not None:
            self._threads.append(self._telling)
        for thread in self._threads:
            thread.start()

    def put(self, frame: Frame) -> None:
        """Hand a frame on; waits as long as there is no room."""
        self._put(frame)

    def idle(self) -> bool:
        """Whether all threads wait for frames."""
        return all(channel.idle for channel in self._channels)

    def finish(self, patience: float | None = None) -> bool:
        """Wait until all frames have passed.

        Parameters
        ----------
        patience : float, optional
            Seconds without any progress after which the wait is given up.

        Returns
        -------
        bool
            False if it was given up.
        """
        self._end()
        before, since = -1, time.monotonic()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.1)
                done = self.saved + sum(stage.frames for stage in self.stages)
                if done != before:
                    before, since = done, time.monotonic()
                elif patience is not None and time.monotonic() - since > patience:
                    self.latest = None
                    return False
        self.latest = None
        return True

    def give_up(self) -> None:
        """Save nothing more: what is under way is kept in `unsaved`."""
        self.given_up.set()

    @property
    def waiting(self) -> int:
        """Number of frames on the way to the disk."""
        return len(self._to_writer)

    def skipped(self) -> Mapping[str, int]:
        """Return the number of frames that each processor skipped."""
        return {stage.name: stage.skipped for stage in self.stages if stage.skipped}

    def _write(self) -> None:
        try:
            while (frame := self._to_writer.get()) is not _END:
                before = time.perf_counter()
                if self._write_one(frame):
                    self.write_seconds += time.perf_counter() - before
                    self.saved += 1
                    if self._on_saved is not None:
                        # The pixels are on the disk; only where they belong has to be kept.
                        self._to_saved.put((frame.index, frame.axes))
                else:
                    self.unsaved.append(frame)
                del frame  # or its memory would be held until the next one comes
        finally:
            self._to_saved.put(_END)

    def _write_one(self, frame: Frame) -> bool:
        while self.writer is not None:
            try:
                self.writer.write(frame)
            except (LimelightError, OSError) as error:
                self.writer = self._on_trouble(error)
            except Exception as error:
                self.writer = self._on_trouble(
                    LimelightError(
                        f"Frame {frame.index} could not be written: {type(error).__name__}: {error}"
                    )
                )
            else:
                return True
        return False

    def _tell(self) -> None:
        assert self._on_saved is not None
        broken = False
        while (item := self._to_saved.get()) is not _END:
            if broken:
                continue
            try:
                self._on_saved(*item)
            except Exception as error:
                broken = True
                self.say(
                    f"The saved-image callback was switched off at frame {item[0]}: "
                    f"{type(error).__name__}: {error}. The acquisition goes on."
                )
