"""Processors over a movie: what they would have made of it while it was acquired.

An acquisition runs each processor in a thread of its own; here one pulls from the other.  What
comes out is the same.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.job import Job, Progress
from limelight.core.localizations import Localizations
from limelight.core.movie import as_movie
from limelight.core.readings import Readings
from limelight.core.stream import Reading, Request, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.parts import Processor
    from limelight.core.stream import Output

__all__ = ["Processed", "Selection", "chain", "process_job", "process_movie", "stream_of"]


def stream_of(movie: Movie, camera: Camera | None = None) -> Stream:
    """Describe the frames of a movie for processors."""
    length, height, width = movie.shape
    exposure = movie.metadata.get("Exposure-ms")
    return Stream(
        shape=(height, width),
        dtype=movie.dtype,
        camera=camera or movie.camera,
        length=length,
        exposure_ms=float(exposure) if isinstance(exposure, int | float) else None,
        sizes={"time": length},
        metadata=movie.metadata,
    )


def process_movie(
    movie: Any, processors: Processor | Sequence[Processor], camera: Camera | None = None
) -> Iterator[Output]:
    """Run processors over a movie, one after the other.

    Parameters
    ----------
    movie : Movie or array (T, Y, X)
        The frames.
    processors : Processor or sequence of Processor
        The first sees the movie's frames, each other what the one before made of them.
    camera : Camera, optional
        Used instead of what the movie knows of its camera.

    Yields
    ------
    Frame, Localizations, Reading or Request
        Frames as the last processor left them, and all else that any of them gave.

    Examples
    --------
    >>> from limelight.acquire.processors import SaveEvery
    >>> [f.index for f in process_movie(np.zeros((6, 4, 4)), SaveEvery(nth=3))]
    [0, 3]
    """
    source = as_movie(movie, camera)
    parts: list[Any] = list(processors) if isinstance(processors, list | tuple) else [processors]
    frames = (source[i] for i in range(len(source)))
    return chain(frames, parts, stream_of(source, camera))


def chain(
    items: Iterable[Output], processors: Iterable[Processor], stream: Stream
) -> Iterator[Output]:
    """Send frames through processors, each pulling from the one before."""
    for processor in processors:
        items = _stage(processor, items, stream)
    yield from items


def _stage(processor: Processor, items: Iterable[Output], stream: Stream) -> Iterator[Output]:
    alters = bool(processor.alters)
    listens = bool(getattr(processor, "listens", False))
    step = _LockStep(processor, stream)
    try:
        for item in items:
            frame = isinstance(item, Frame)
            if not (frame and alters) or step.ended:
                yield item
            if (frame or (listens and isinstance(item, Reading))) and not step.ended:
                for output in step.feed(item):
                    if alters or not isinstance(output, Frame):
                        yield output
        for output in step.finish():
            if alters or not isinstance(output, Frame):
                yield output
    finally:
        step.close()
        if isinstance(items, Generator):
            items.close()  # it may have a thread, and a traceback may hold it


class _Abandoned(BaseException):
    """Nobody wants the rest: ends a processor that waits for a frame."""


class _LockStep:
    """A processor that works when it is given something, until it asks for more.

    A generator that pulls cannot be given to; so it waits in a thread of its own, which runs only
    while the one that gives waits for it.
    """

    def __init__(self, processor: Processor, stream: Stream) -> None:
        self._outputs: list[Output] = []
        self._error: BaseException | None = None
        self._given: Any = None
        self._go, self._asks = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = False
        self._process = processor.process
        self._stream = stream
        self._thread = threading.Thread(target=self._run, name="limelight-chain", daemon=True)
        self._thread.start()
        self._asks.acquire()

    def _pull(self) -> Iterator[Any]:
        while True:
            self._asks.release()
            self._go.acquire()
            if self._given is _Abandoned:
                raise _Abandoned
            if self._given is None:
                return
            yield self._given

    def _run(self) -> None:
        try:
            for output in self._process(self._pull(), self._stream):
                self._outputs.append(output)
        except _Abandoned:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.ended = True
            self._asks.release()

    def feed(self, item: Any) -> list[Output]:
        """Give an item; return what came of it."""
        if not self.ended:
            self._given = item
            self._go.release()
            self._asks.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        given, self._outputs = self._outputs, []
        return given

    def finish(self) -> list[Output]:
        """Say that nothing more will come; return what is left to say."""
        given = self.feed(None)
        self._thread.join()
        return given

    def close(self) -> None:
        """End it, wherever it is."""
        self._error = None
        if not self.ended:
            self._given = _Abandoned
            self._go.release()
        self._thread.join()


@dataclass(eq=False)
class Processed:
    """What processors made of a movie.

    Parameters
    ----------
    frames : list of Frame
        The frames as the last processor left them.
    locs : Localizations or None
        The molecules, if a processor gave any.
    readings : Readings
        The numbers by name and frame.
    requests : list of Request
        What the processors would have asked of the microscope.
    others : list
        What else they gave, such as objects.
    """

    frames: list[Frame] = field(default_factory=list)
    locs: Localizations | None = None
    readings: Readings = field(default_factory=Readings)
    requests: list[Request] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)


def process_job(
    movie: Any,
    processors: Processor | Sequence[Processor],
    *,
    camera: Camera | None = None,
    on_frame: Callable[[Frame], object] | None = None,
) -> Job[Processed]:
    """Run processors over a movie and collect what they give.

    Parameters
    ----------
    movie, processors, camera
        As in `process_movie`.
    on_frame : callable, optional
        Takes the frames, which are then not collected: for movies larger than the memory.

    Yields
    ------
    Progress
        Frames that came out, and as ``partial`` a table where one was given.

    Returns
    -------
    Processed
        All of it.
    """
    from limelight.core.locs.live_table import LiveTable

    source = as_movie(movie, camera)
    result, table = Processed(), LiveTable()
    total, done = len(source), 0
    for output in process_movie(source, processors, camera):
        if isinstance(output, Frame):
            (on_frame or result.frames.append)(output)
            done = max(done, min(output.index + 1, total))
            yield Progress(done, total)
        elif isinstance(output, Localizations):
            table.add(output)
            yield Progress(done, total, f"{len(table):,} molecules", output)
        elif isinstance(output, Reading):
            result.readings.add(output)
        elif isinstance(output, Request):
            result.requests.append(output)
        else:
            result.others.append(output)
    if table.tables:
        result.locs = table.snapshot()
    return result


class Selection:
    """Which frames are meant, by their axes: ``"channel=A647 z=0"``; an empty text means all.

    Parameters
    ----------
    text : str
        Axes and positions, separated by blanks or commas; several positions of one axis by "|".

    Raises
    ------
    ParameterError
        If the text cannot be read.
    """

    def __init__(self, text: str) -> None:
        self._wanted: dict[str, set[str]] = {}
        for word in re.split(r"[,\s]+", text.strip()):
            if not word:
                continue
            axis, equals, values = word.partition("=")
            if not (axis and equals and values):
                raise ParameterError(
                    f"Frames are chosen as in 'channel=A647 z=0', not by {text!r}."
                )
            self._wanted[axis] = set(values.split("|"))

    def __contains__(self, axes: Mapping[str, int | str]) -> bool:
        return all(str(axes.get(axis)) in values for axis, values in self._wanted.items())
