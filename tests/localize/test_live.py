"""Localization on the stream: the rows of the recorded file, in time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from limelight.core import parts
from limelight.core.chain import process_job, process_movie, stream_of
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.job import run
from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.movie import ArrayMovie
from limelight.core.render import render
from limelight.core.render.live import LivePicture
from limelight.core.simulate import scene
from limelight.core.stream import Reading
from limelight.localize import LocalizeSettings, localize
from limelight.localize.live import LiveLocalize

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations as Table


def same(one: Table, other: Table) -> None:
    pd.testing.assert_frame_equal(
        one.table.reset_index(drop=True), other.table.reset_index(drop=True)
    )


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"fit": "mle", "box": 9},
        {"detect": "net-gradient", "more": "min_net_gradient=800", "fit": "lq"},
        {"fit": "phasor", "roi": (10, 10, 200, 180)},
        {"background": "mean"},
        {"background": "mean", "background_window": (-5, 6), "fit": "mle"},
        {"background": "median", "background_window": (-20, 0), "fit": "mle"},
        {"background": "percentile", "background_window": (-8, 13), "fit": "mle"},
        {"background": "median", "background_window": (-100, 0), "background_in_fit": False},
        {"baseline": 90.0, "sensitivity": 0.5, "fit": "mle"},
    ],
    ids=str,
)
def test_live_is_the_recorded_file_row_for_row(movie: ArrayMovie, values: dict[str, Any]) -> None:
    live = LiveLocalize(**values)
    result = run(process_job(movie, live))
    assert result.locs is not None
    camera = live.camera(movie.camera)
    recorded = localize(movie, camera=camera, **_flat(live))
    assert len(recorded) > 100
    same(result.locs, recorded)
    assert result.locs.frames == recorded.frames == len(movie)
    assert result.locs.shape == recorded.shape
    assert result.locs.pixel_size_nm == recorded.pixel_size_nm


def _flat(live: LiveLocalize) -> dict[str, Any]:
    settings = live.settings()
    record = settings.to_record()
    return {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}


def test_each_frame_is_answered_before_the_next_is_asked_for(movie: ArrayMovie) -> None:
    asked: list[int] = []

    def frames():
        for i in range(10):
            asked.append(i)
            yield movie[i]

    outputs = LiveLocalize(fit="mle").process(frames(), stream_of(movie))
    for i in range(10):
        table, reading = next(outputs), next(outputs)
        assert isinstance(table, Localizations)
        assert set(table["frame"]) == {i}
        assert isinstance(reading, Reading)
        assert reading.index == i
        assert asked[-1] == i


def test_frames_that_were_kept_back_leave_gaps(movie: ArrayMovie) -> None:
    kept = [3, 4, 9, 20]
    frames = (movie[i] for i in kept)
    outputs = list(LiveLocalize(fit="mle").process(frames, stream_of(movie)))
    rows = pd.concat([o.table for o in outputs if isinstance(o, Localizations)])
    whole = localize(movie, fit="mle").table
    expected = whole[whole["frame"].isin(kept)]
    np.testing.assert_array_equal(rows["x"], expected["x"])
    np.testing.assert_array_equal(rows["frame"], expected["frame"])


@pytest.mark.parametrize("only", ["", "time=9"])
def test_frames_that_wait_are_caught_up_with_and_give_the_same(
    movie: ArrayMovie, only: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.localize import live as module

    shown = [Frame(movie.read(i, i + 1)[0], i, {"time": i}) for i in range(0, len(movie), 3)]
    sizes = []
    localize_block = module.localize_block

    def counted(block: Any, settings: LocalizeSettings) -> Any:
        sizes.append(block.stop - block.start)
        return localize_block(block, settings)

    def answers(backlog: int) -> list[Any]:
        """As if so many frames waited whenever somebody asks."""
        left = list(shown)

        def frames() -> Any:
            while left:
                yield left.pop(0)

        stream = replace(stream_of(movie), waiting=lambda: min(backlog, len(left)))
        with monkeypatch.context() as patch:
            patch.setattr(module, "_warm_up", lambda *_: None)
            patch.setattr(module, "localize_block", counted)
            return list(LiveLocalize(fit="mle", only=only).process(frames(), stream))

    alone, sizes_alone = answers(0), sizes.copy()
    sizes.clear()
    together = answers(100)
    assert set(sizes_alone) == {1} and (max(sizes) == 8 or only)
    assert len(alone) == len(together) and len(alone) > 1
    for one, other in zip(alone, together, strict=True):
        if isinstance(one, Reading):
            assert (one.index, one.axes) == (other.index, other.axes)
            assert one.values == pytest.approx(other.values)
        else:
            same(one, other)


def test_readings_are_the_medians_of_the_frame(movie: ArrayMovie) -> None:
    result = run(process_job(movie, LiveLocalize(fit="mle-sigmaxy")))
    rows = result.locs.table
    seventh = rows[rows["frame"] == 7]
    reading = result.readings.table().loc[7]
    assert reading["molecules"] == len(seventh)
    assert reading["photons"] == pytest.approx(seventh["photons"].median(), rel=1e-5)
    sigma = ((seventh["sx"] + seventh["sy"]) / 2).median() * movie.camera.pixel_size_nm
    assert reading["sigma (nm)"] == pytest.approx(sigma, rel=1e-5)
    precision = ((seventh["lpx"] + seventh["lpy"]) / 2).median() * movie.camera.pixel_size_nm
    assert reading["precision (nm)"] == pytest.approx(precision, rel=1e-5)
    assert reading["background (photons/px)"] == pytest.approx(seventh["bg"].median(), rel=1e-5)


def test_resolution_is_measured_beside() -> None:
    movie = scene("demo", frames=250, seed=7)  # its molecules stay on for several frames
    still = ArrayMovie(movie.read(0, 250), movie.camera)

    part = LiveLocalize(fit="mle", quality=True)
    frames = (still[i] for i in range(len(still)))
    outputs = list(part.process(frames, stream_of(still)))
    names = {name for o in outputs if isinstance(o, Reading) for name in o.values}
    assert "Precision by NeNA (nm)" in names
    rows = sum(len(o) for o in outputs if isinstance(o, Localizations))
    assert rows == len(localize(still, fit="mle"))


def test_empty_frames_give_empty_tables_and_zero_molecules() -> None:
    dark = ArrayMovie(np.full((5, 40, 40), 100, np.uint16))
    result = run(process_job(dark, LiveLocalize(baseline=100)))
    assert len(result.locs) == 0
    _, counts = result.readings.curve("molecules")
    np.testing.assert_array_equal(counts, np.zeros(5))
    assert result.readings.names == ["molecules"]


def test_only_the_frames_that_are_meant(movie: ArrayMovie) -> None:
    def frames():
        for i in range(8):
            axes = {"channel": "A647" if i % 2 else "Cy3B", "z": i // 4}
            yield replace(movie[i], axes=axes)

    part = LiveLocalize(fit="mle", only="channel=A647, z=1")
    outputs = list(part.process(frames(), stream_of(movie)))
    assert [o.index for o in outputs if isinstance(o, Reading)] == [5, 7]


def test_settings_from_a_localization_and_back() -> None:
    settings = LocalizeSettings.of("net-gradient", "mle", box=9, min_net_gradient=777.0)
    live = LiveLocalize.of(settings, baseline=3.0)
    assert live.settings().to_record() == settings.to_record()
    assert LiveLocalize.from_dict(live.to_dict()) == live
    assert parts.load("processors", "localize") is LiveLocalize
    text = LiveLocalize.from_text([("fit", "lq"), ("more", "min_snr=2")])
    assert text.settings().to_record()["min_snr"] == 2.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"detect": "snrr"}, "snr"),
        ({"box": 8}, "centre pixel"),
        ({"more": "min_snrr=2"}, "min_snr"),
        ({"more": "min_snr 2"}, "name=value"),
        ({"only": "channel"}, "channel=A647"),
    ],
)
def test_wrong_settings_are_told_at_once(values: dict[str, Any], says: str) -> None:
    with pytest.raises((ParameterError, parts.PartError), match=says):
        LiveLocalize(**values)


def test_a_processor_behind_it_hears_its_readings(movie: ArrayMovie) -> None:
    class Listener:
        alters = False
        listens = True

        def process(self, frames, stream):
            for item in frames:
                if isinstance(item, Reading):
                    heard.append(("reading", item.index))
                else:
                    heard.append(("frame", item.index))
                    yield item

    heard: list[tuple[str, int]] = []
    short = ArrayMovie(movie.read(0, 3), movie.camera)
    shown = [
        o.index
        for o in process_movie(short, [LiveLocalize(fit="mle"), Listener()])
        if isinstance(o, Frame)
    ]
    assert [h for h in heard if h[0] == "reading"] == [("reading", i) for i in range(3)]
    assert [h for h in heard if h[0] == "frame"] == [("frame", i) for i in range(3)]
    assert shown == [0, 1, 2]


def test_growing_table_and_picture_are_those_of_the_whole(movie: ArrayMovie) -> None:
    whole = localize(movie)
    table = LiveTable()
    picture = LivePicture(whole.shape, whole.pixel_size_nm, 20.0)
    views = []
    for output in process_movie(movie, LiveLocalize()):
        if isinstance(output, Localizations):
            table.add(output)
            picture.add(output)
            views.append((len(table), table.snapshot(), picture.picture()))
    same(table.snapshot(), whole)
    drawn = render(whole, 20.0, mode="histogram")
    np.testing.assert_array_equal(picture.picture().image, drawn.image)
    assert picture.picture().translate_um == drawn.translate_um
    for rows, seen, image in views[::7]:  # what was looked at stays as it was
        assert len(seen) == rows
        np.testing.assert_array_equal(seen["x"], whole["x"][:rows])
        assert image.image.sum() == rows


def test_growing_table_is_safe_while_it_grows() -> None:
    import threading

    table = LiveTable()
    wrong = []

    def look() -> None:
        while len(table) < 30_000:
            rows = table.snapshot()
            if len(rows) and not (rows["x"] == rows["frame"]).all():
                wrong.append(len(rows))

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for thread in lookers:
        thread.start()
    for i in range(1000):
        values = np.full(30, i, np.float32)
        table.add(Localizations.from_columns({"frame": values, "x": values, "y": values}))
    for thread in lookers:
        thread.join()
    assert not wrong
    assert len(table) == 30_000


def test_tables_with_other_columns_are_joined() -> None:
    table = LiveTable()
    base = {"frame": [0], "x": [1.0], "y": [1.0]}
    table.add(Localizations.from_columns(base))
    table.add(Localizations.from_columns({**base, "photons": [5.0]}))
    table.add(Localizations.from_columns(base))
    photons = table.snapshot()["photons"]
    np.testing.assert_array_equal(photons, [np.nan, 5.0, np.nan])
    assert len(table.snapshot(2)) == 1
