"""Every processor against plain numpy, on a movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from limelight.acquire.processors import (
    AverageFrames,
    Denoise,
    FlatDark,
    Project,
    SaveEvery,
    Statistics,
    SubtractBackground,
    TemporalMedian,
    TriggerWhen,
)
from limelight.acquire.processors.trigger import Condition, properties_of
from limelight.core import parts
from limelight.core.chain import chain, process_job, process_movie
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.job import run
from limelight.core.movie import ArrayMovie
from limelight.core.parts import Processor
from limelight.core.stream import Reading, Request, Stream

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
MOVIE = RNG.poisson(200, (23, 40, 50)).astype(np.uint16)


def frames_of(movie: Any, *processors: Any) -> np.ndarray:
    return np.array([f.pixels for f in run(process_job(movie, list(processors))).frames])


def through(processor: Any, frames: list[Frame], **stream: Any) -> list[Any]:
    shape = frames[0].shape
    described = Stream(shape, frames[0].pixels.dtype, **stream)
    return list(chain(iter(frames), [processor], described))


def counts_like(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("name", parts.names("processors"))
def test_every_processor_of_limelight_is_one(name: str) -> None:
    cls = parts.load("processors", name)
    assert isinstance(cls(), Processor)
    assert cls.__doc__ and all(f.help.endswith(".") for f in parts_fields(cls))


def parts_fields(cls: Any) -> Any:
    from limelight.core.settings import fields_of

    return fields_of(cls)


def test_background_is_a_wide_gaussian() -> None:
    given = frames_of(MOVIE[:3], SubtractBackground(sigma=6, keep=80))
    for image, before in zip(given, MOVIE, strict=False):
        wide = ndimage.gaussian_filter(before.astype(float), 6, mode="reflect")
        assert np.abs(image - (before - wide + 80)).max() <= 1.0
    assert given.dtype == np.uint16


def test_temporal_median_takes_what_stays_and_leaves_what_blinks() -> None:
    still = MOVIE.copy()
    still[:, 10:14, 10:14] += 500
    still[15, 30, 30] += 900
    given = frames_of(still, TemporalMedian(frames=9, every=1, keep=100))
    assert given[12:, 10:14, 10:14].mean() == pytest.approx(100, abs=3)
    assert given[15, 30, 30] > 850
    shown = frames_of(still, TemporalMedian(frames=9, every=1, give="background"))
    np.testing.assert_array_equal(shown[20], counts_like(np.median(still[12:21], axis=0)))


def test_flat_and_dark_come_from_files(tmp_path: Path) -> None:
    y, x = np.mgrid[:40, :50]
    light = 1 - ((y - 20) ** 2 + (x - 25) ** 2) / 4000
    dark = RNG.poisson(100, (30, 40, 50)).astype(np.uint16)
    flat = RNG.poisson(100 + 2000 * light, (30, 40, 50)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dark.tif", dark)
    tifffile.imwrite(tmp_path / "flat.tif", flat)
    sample = RNG.poisson(100 + 800 * light, (6, 40, 50)).astype(np.uint16)
    part = FlatDark(flat=str(tmp_path / "flat.tif"), dark=str(tmp_path / "dark.tif"), keep=10)
    given = frames_of(sample, part)
    ours, theirs = flat.mean(axis=0), dark.mean(axis=0)
    expected = (sample - theirs) * (ours - theirs).mean() / (ours - theirs) + 10
    assert np.abs(given - expected).max() <= 0.51
    mean = given.mean(axis=0)
    assert mean[:5].mean() == pytest.approx(mean[18:22].mean(), rel=0.02)
    with pytest.raises(ParameterError, match="region of interest"):
        frames_of(MOVIE[:, :20], part)
    np.testing.assert_array_equal(frames_of(sample, FlatDark(keep=100)), sample)


def test_denoise_is_the_filter_of_core() -> None:
    given = frames_of(MOVIE[:2], Denoise(filter="gaussian", size=1.5))
    for image, before in zip(given, MOVIE, strict=False):
        expected = ndimage.gaussian_filter(before.astype(float), 1.5, mode="reflect")
        assert np.abs(image - expected).max() <= 1.0
    median = frames_of(MOVIE[:1], Denoise(filter="median", size=3))[0]
    inner = ndimage.median_filter(MOVIE[0], 3)
    np.testing.assert_array_equal(median[1:-1, 1:-1], inner[1:-1, 1:-1])


@pytest.mark.parametrize("method", ["max", "min", "mean", "sum"])
def test_projection_along_z(method: str) -> None:
    stack = [Frame(MOVIE[i], i, {"time": i // 5, "z": i % 5, "channel": "DAPI"}) for i in range(18)]
    given = through(Project(axis="z", method=method), stack, sizes={"z": 5})
    assert [dict(f.axes) for f in given] == [{"time": t, "channel": "DAPI"} for t in range(4)]
    for t, frame in enumerate(given):
        part = MOVIE[5 * t : min(5 * t + 5, 18)].astype(float)
        np.testing.assert_array_equal(frame.pixels, counts_like(getattr(np, method)(part, axis=0)))
    assert [f.index for f in given] == [4, 9, 14, 17]


def test_projection_of_channels_that_alternate_and_of_frames_without_the_axis() -> None:
    mixed = [Frame(MOVIE[i], i, {"z": i // 2, "channel": "ab"[i % 2]}) for i in range(8)]
    given = through(Project(), mixed)
    assert [dict(f.axes) for f in given] == [{"channel": "a"}, {"channel": "b"}]
    np.testing.assert_array_equal(given[1].pixels, MOVIE[1:8:2].max(axis=0))
    plain = [Frame(MOVIE[i], i, {"time": i}) for i in range(3)]
    assert through(Project(), plain) == plain


def test_averaging_successive_frames() -> None:
    given = run(process_job(MOVIE, AverageFrames(count=5))).frames
    assert [dict(f.axes) for f in given] == [{"time": t} for t in range(5)]
    for t, frame in enumerate(given):
        expected = MOVIE[5 * t : 5 * t + 5].mean(axis=0)
        assert np.abs(frame.pixels - expected).max() <= 0.5


def test_only_every_nth_frame_passes() -> None:
    given = run(process_job(MOVIE, SaveEvery(nth=7, first=2))).frames
    assert [f.index for f in given] == [2, 9, 16]


def test_statistics_and_frames_that_pass() -> None:
    result = run(process_job(MOVIE, Statistics()))
    table = result.readings.table()
    np.testing.assert_allclose(table["mean"], MOVIE.mean(axis=(1, 2)))
    np.testing.assert_allclose(table["std"], MOVIE.std(axis=(1, 2)))
    assert (table["sharpness"] > 0).all()
    assert [f.index for f in result.frames] == list(range(23))
    np.testing.assert_array_equal(result.frames[5].pixels, MOVIE[5])


def test_a_chain_is_one_after_the_other() -> None:
    both = frames_of(MOVIE, SaveEvery(nth=2), AverageFrames(count=3), Denoise(size=1))
    alone = frames_of(MOVIE, SaveEvery(nth=2))
    alone = frames_of(alone, AverageFrames(count=3))
    np.testing.assert_array_equal(both, frames_of(alone, Denoise(size=1)))


def test_pixels_that_must_not_be_written_to() -> None:
    locked = MOVIE.copy()
    locked.flags.writeable = False
    for cls in (SubtractBackground, TemporalMedian, Denoise, FlatDark, AverageFrames, Project):
        frames_of(locked[:4], cls())
    np.testing.assert_array_equal(locked, MOVIE)


def movie_with_flashes() -> np.ndarray:
    movie = np.full((12, 8, 8), 100, np.uint16)
    movie[[3, 4, 8]] = 1000
    return movie


@pytest.mark.parametrize(
    ("again", "expected"), [("once", [3]), ("edge", [3, 8]), ("always", [3, 4, 8])]
)
def test_trigger_acts_when_the_condition_holds(again: str, expected: list[int]) -> None:
    part = TriggerWhen(
        condition="mean > 500",
        again=again,
        properties="Laser-405.Power_mW=0; Shutter.State=1",
        z=3.5,
        stop=True,
    )
    result = run(process_job(movie_with_flashes(), part))
    _, triggered = result.readings.curve("triggered")
    assert len(triggered) == len(expected) == len(result.requests)
    assert [int(r.reason.split(":")[0].split()[1]) for r in result.requests] == expected
    request = result.requests[0]
    assert request.properties == (("Laser-405", "Power_mW", "0"), ("Shutter", "State", "1"))
    assert (request.z, request.stop) == (3.5, True)
    assert len(result.frames) == 12


def test_trigger_rests_after_an_action() -> None:
    part = TriggerWhen(condition="mean > 500", again="always", rest=1, stop=True)
    result = run(process_job(movie_with_flashes(), part))
    frames, _ = result.readings.curve("triggered")
    np.testing.assert_array_equal(frames, [3, 8])


def test_trigger_hears_what_was_measured_before_it() -> None:
    part = TriggerWhen(condition="std < 1 and max == 1000", again="always", stop=True)
    given = list(process_movie(movie_with_flashes(), [Statistics(), part]))
    asked = [o for o in given if isinstance(o, Request)]
    assert len(asked) >= 3
    distant = TriggerWhen(condition="molecules > 3", again="always", stop=True)
    items = [Reading(i, {"molecules": float(i)}) for i in range(6)]
    outputs = list(chain(iter(items), [distant], Stream((8, 8), np.dtype(np.uint16))))
    assert sum(isinstance(o, Request) for o in outputs) == 2


def test_trigger_calls_a_function_and_takes_its_events() -> None:
    calls = []

    def look(frame: Frame, values: dict[str, float]) -> Any:
        calls.append((frame.index, values["mean"]))
        return {"axes": {"time": 100}} if frame.index == 3 else Request(stop=True)

    result = run(process_job(movie_with_flashes(), TriggerWhen(condition="mean > 500", call=look)))
    assert calls == [(3, 1000.0), (8, 1000.0)]
    assert result.requests[0].events == ({"axes": {"time": 100}},)
    assert result.requests[1].stop
    named = TriggerWhen(condition="index >= 3", again="once", call="builtins:print")
    run(process_job(movie_with_flashes(), named))
    with pytest.raises(ParameterError, match="cannot be found"):
        run(process_job(movie_with_flashes(), TriggerWhen(call="limelight:nonsense")))


def test_conditions() -> None:
    both = Condition("molecules > 80 and sigma (nm) < 140 or max == 65535")
    assert both.names == {"molecules", "sigma (nm)", "max"}
    assert both.holds({"molecules": 90, "sigma (nm)": 120})
    assert not both.holds({"molecules": 90, "sigma (nm)": 150})
    assert not both.holds({"molecules": 90})
    assert both.holds({"max": 65535})
    assert Condition("x >= -1.5e2").holds({"x": -150})
    for text in ("", "mean", "mean >", "mean > x", "mean >> 3", "and mean > 3"):
        with pytest.raises(ParameterError, match="written like"):
            Condition(text)
    with pytest.raises(ParameterError, match="written like"):
        TriggerWhen(condition="never")
    assert properties_of("") == ()
    with pytest.raises(ParameterError, match="Properties"):
        properties_of("Laser-405=3")


def test_a_movie_is_not_read_ahead() -> None:
    class Counting(ArrayMovie):
        read_frames = 0

        def __getitem__(self, index: int) -> Frame:
            type(self).read_frames += 1
            return super().__getitem__(index)

    outputs = process_movie(Counting(MOVIE), [Denoise(), SaveEvery(nth=2)])
    next(outputs)
    assert Counting.read_frames == 1
