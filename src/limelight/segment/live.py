"""Live: a pipeline as a processor of a running acquisition."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import run
from limelight.core.settings import Settings, setting
from limelight.core.stream import Objects, Reading, Request
from limelight.segment.files import load_pipeline
from limelight.segment.pipeline import PipelineError
from limelight.segment.running import Cache, pipeline_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from limelight.core.frame import Frame
    from limelight.core.stream import Output, Stream
    from limelight.segment.pipeline import Pipeline
    from limelight.segment.pipes import SegmentedObjects

__all__ = ["Segment"]

_WAITING = 8  # fields whose channels are still to come


class Segment(Settings):
    """Find and measure objects as frames arrive; go back to those that fulfil a condition."""

    alters: ClassVar[bool] = False

    pipeline: str = setting(
        "nuclei", help="Pipeline: a file, or the name of one that comes with Limelight."
    )
    channels: str = setting(
        "",
        help="The acquisition's channels in the order of the pipeline's, separated by commas; by "
        "default those of the same names, else in order of appearance.",
    )
    save_labels: bool = setting(
        True, help="Write the label images beside the data set; the features are kept always."
    )
    revisit: str = setting(
        "",
        help="Condition on features, such as 'Intensity_mean_DAPI > 900': fields with such "
        "objects are taken again.",
        advanced=True,
    )
    revisits: int = setting(
        1, help="How often a field is taken again.", low=1, high=1000, advanced=True
    )
    at: Literal["field", "object"] = setting(
        "field",
        help="Take the same field again, or one with the object in its middle.",
        advanced=True,
    )

    @property
    def requests(self) -> bool:
        """Whether events may come of it after the last frame."""
        return bool(self.revisit)

    def prepare(self) -> None:
        """Run the pipeline once on noise, so that its kernels are there when frames come."""
        pipeline = load_pipeline(self.pipeline)
        pipeline.check()
        noise = np.random.default_rng(0).integers(90, 110, (64, 64)).astype(np.uint16)
        noise[20:40, 20:40] += 500
        try:
            run(pipeline_job(pipeline, {c.name: noise for c in pipeline.channels}))
        except PipelineError:  # what cannot be done on noise may be done on images
            return

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield the objects of each field once its channels are there.

        Yields
        ------
        Objects
            One per kind of objects and field.
        Reading
            Number of objects of each kind, and the time that it took.
        Request
            Events that go back to where the condition holds.
        """
        pipeline = load_pipeline(self.pipeline)
        pipeline.check()
        chosen = [c.strip() for c in self.channels.split(",") if c.strip()]
        wanted = [c.name for c in pipeline.channels]
        if chosen and len(chosen) != len(wanted):
            raise ParameterError(
                f"segment: the pipeline takes {len(wanted)} channels ({', '.join(wanted)}), and "
                f"{len(chosen)} are named."
            )
        mapping: dict[str, str | None] = dict(zip(chosen, wanted, strict=bool(chosen)))
        waiting: OrderedDict[tuple[Any, ...], dict[str, Frame]] = OrderedDict()
        seen: dict[tuple[Any, ...], int] = {}
        for frame in frames:
            channel = _channel(str(frame.axes.get("channel", "")), wanted, mapping, bool(chosen))
            if channel is None:
                continue
            place = tuple(sorted((k, v) for k, v in frame.axes.items() if k != "channel"))
            field = waiting.setdefault(place, {})
            # What a frame is kept in may be used for the next one, once this one is let go.
            field[channel] = frame if len(wanted) == 1 else _kept(frame)
            if len(field) < len(wanted):
                while len(waiting) > _WAITING:
                    waiting.popitem(last=False)
                continue
            del waiting[place]
            yield from self._field(pipeline, field, stream, seen)

    def _field(
        self,
        pipeline: Pipeline,
        field: dict[str, Frame],
        stream: Stream,
        seen: dict[tuple[Any, ...], int],
    ) -> Iterator[Output]:
        last = max(field.values(), key=lambda f: f.index)
        axes = {k: v for k, v in last.axes.items() if k != "channel"}
        start = time.perf_counter()
        images = {name: frame.pixels for name, frame in field.items()}
        result = run(pipeline_job(pipeline, images, cache=Cache(0)))
        counts: dict[str, float] = {name: len(o) for name, o in result.objects.items()}
        counts["segmentation (ms)"] = 1000 * (time.perf_counter() - start)
        for name, objects in result.objects.items():
            yield Objects(
                last.index, name, objects.labels, objects.features, axes, self.save_labels
            )
        yield Reading(last.index, counts, axes)
        if self.revisit:
            yield from self._back(result.objects, last, stream, seen)

    def _back(
        self,
        objects: Mapping[str, SegmentedObjects],
        frame: Frame,
        stream: Stream,
        seen: dict[tuple[Any, ...], int],
    ) -> Iterator[Request]:
        """Ask for the field again where the condition holds; for a place not more than so often."""
        x = frame.metadata.get("XPosition_um_Intended")
        y = frame.metadata.get("YPosition_um_Intended")
        for row, column in self._places(objects):
            place: dict[str, Any] = {}
            if x is not None and y is not None:
                pixel = stream.camera.pixel_size_nm / 1000
                height, width = stream.shape
                move = self.at == "object"
                place = {
                    "x": float(x) + (column - (width - 1) / 2) * pixel * move,
                    "y": float(y) + (row - (height - 1) / 2) * pixel * move,
                }
            key = tuple(round(v, 1) for v in place.values()) or tuple(
                (k, v) for k, v in frame.axes.items() if k in ("position", "row", "column")
            )
            count = seen[key] = seen.get(key, 0) + 1
            if count > self.revisits:
                continue
            event = {"axes": {**dict(frame.axes), "revisit": count}, **place}
            yield Request(events=(event,), reason=self.revisit)
            if self.at == "field":
                return

    def _places(self, objects: Mapping[str, SegmentedObjects]) -> list[tuple[float, float]]:
        """Return row and column of the middle of each object that fulfils the condition."""
        places: list[tuple[float, float]] = []
        problems: list[str] = []
        for name, found in objects.items():
            try:
                fulfil = found.features.query(self.revisit)
            except Exception as error:  # pandas raises whatever the text leads to
                columns = ", ".join(map(str, found.features.columns[:8]))
                problems.append(f"{name}: {error} (there is: {columns})")
                continue
            for label in fulfil.index:
                rows, columns_ = np.nonzero(found.labels == label)[-2:]
                places.append((float(rows.mean()), float(columns_.mean())))
        if problems and len(problems) == len(objects):
            raise LimelightError(
                f"segment: the condition {self.revisit!r} cannot be applied. {problems[0]}."
            )
        return places


def _channel(
    name: str, wanted: list[str], mapping: dict[str, str | None], chosen: bool
) -> str | None:
    """Return which of the pipeline's channels a channel of the acquisition is."""
    if name not in mapping:
        free = [w for w in wanted if w not in mapping.values()]
        if name in wanted:
            mapping[name] = name
        else:
            mapping[name] = free[0] if free and not chosen else None
    return mapping[name]


def _kept(frame: Frame) -> Frame:
    return replace(frame, pixels=frame.pixels.copy())
