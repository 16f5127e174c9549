"""Processors one behind the other, over a movie."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from limelight.core.chain import Selection, chain, process_job, process_movie, stream_of
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.job import run
from limelight.core.movie import ArrayMovie
from limelight.core.readings import Readings
from limelight.core.stream import Reading, Request

MOVIE = ArrayMovie(np.arange(10)[:, None, None] * np.ones((1, 4, 5), np.uint16))


class AddOne:
    alters = True

    def process(self, frames, stream):
        for frame in frames:
            yield replace(frame, pixels=frame.pixels + 1)


class Silent:
    """Looks at everything and speaks at the end."""

    alters = False

    def process(self, frames, stream):
        seen = [frame.index for frame in frames]
        yield Reading(seen[-1], {"seen": float(len(seen))})


class Stops:
    alters = True

    def process(self, frames, stream):
        yield replace(next(frames), pixels=np.zeros((4, 5)))


class Raises:
    alters = False

    def process(self, frames, stream):
        for frame in frames:
            if frame.index == 3:
                raise ValueError("three")
            yield frame


def test_frames_go_through_all_and_are_shown_once() -> None:
    given = list(process_movie(MOVIE, [AddOne(), Silent(), AddOne()]))
    frames = [o for o in given if isinstance(o, Frame)]
    assert [f.pixels[0, 0] for f in frames] == [i + 2 for i in range(10)]
    assert given[-1].values == {"seen": 10.0}


def test_one_that_only_looks_holds_nothing_back() -> None:
    outputs = process_movie(MOVIE, [Silent(), AddOne(), Silent()])
    first = next(outputs)
    assert isinstance(first, Frame)
    assert first.index == 0
    outputs.close()


def test_what_follows_one_that_stopped_passes_as_it_is() -> None:
    given = run(process_job(MOVIE, Stops())).frames
    assert [f.pixels.max() for f in given] == [0, *range(1, 10)]


def test_an_error_is_raised_where_the_frames_are_taken() -> None:
    outputs = process_movie(MOVIE, [AddOne(), Raises()])
    with pytest.raises(ValueError, match="three"):
        list(outputs)


def test_no_thread_stays() -> None:
    outputs = process_movie(MOVIE, [AddOne(), Silent()])
    next(outputs)
    outputs.close()
    list(process_movie(MOVIE, [AddOne(), Silent()]))
    with pytest.raises(ValueError, match="three"):
        list(process_movie(MOVIE, [Raises(), AddOne()]))
    assert not [t for t in threading.enumerate() if t.name == "limelight-chain"]


def test_the_job_collects_everything() -> None:
    class Asks:
        alters = False

        def process(self, frames, stream):
            for frame in frames:
                yield Request(z=float(frame.index))

    steps = []
    result = run(process_job(MOVIE, [Asks(), Silent()]), steps.append)
    assert [r.z for r in result.requests] == list(range(10))
    assert len(result.frames) == 10
    assert result.locs is None
    assert steps[-1].fraction == 1
    seen = []
    assert run(process_job(MOVIE, AddOne(), on_frame=seen.append)).frames == []
    assert len(seen) == 10


def test_chain_tells_what_is_known_of_the_frames() -> None:
    class Asks:
        alters = False

        def process(self, frames, stream):
            told.append(stream)
            yield from frames

    told = []
    movie = ArrayMovie(np.zeros((3, 4, 5), np.uint8), metadata={"Exposure-ms": 20.0})
    list(process_movie(movie, Asks()))
    (stream,) = told
    assert (stream.shape, stream.dtype, stream.length) == ((4, 5), np.uint8, 3)
    assert stream.exposure_ms == 20.0
    assert list(chain(iter(()), [Asks()], stream_of(movie))) == []


def test_selection_of_frames() -> None:
    some = Selection("channel=A|B, z=0")
    assert {"channel": "A", "z": 0} in some
    assert {"channel": "B", "z": "0"} in some
    assert {"channel": "C", "z": 0} not in some
    assert {"channel": "A"} not in some
    assert {} in Selection("  ")
    with pytest.raises(ParameterError, match="channel=A647"):
        Selection("channel:3")


def test_readings_are_curves() -> None:
    readings = Readings()
    readings.add(Reading(3, {"a": 1.0, "b (nm)": 2.0}))
    readings.add(Reading(5, {"a": 4.0}))
    readings.add(Reading(5, {"a": 5.0}))
    assert readings.names == ["a", "b (nm)"]
    assert len(readings) == 3
    assert readings.latest() == {"a": 5.0, "b (nm)": 2.0}
    frames, values = readings.curve("a", last=2)
    np.testing.assert_array_equal(frames, [5, 5])
    np.testing.assert_array_equal(values, [4.0, 5.0])
    table = readings.table()
    assert table.index.name == "frame"
    assert table.loc[5, "a"] == 5.0
    assert np.isnan(table.loc[5, "b (nm)"])
    assert len(readings.curve("c")[0]) == 0
    assert Readings().table().empty
