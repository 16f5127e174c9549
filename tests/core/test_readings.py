from __future__ import annotations

import threading

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.readings import Readings
from limelight.core.stream import Reading

PLACE = st.one_of(st.integers(-(2**40), 2**40), st.sampled_from(["DAPI", "A647", "", "µ"]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(PLACE, st.floats(allow_nan=False)), max_size=30))
def test_numbers_and_places_come_back(rows):
    readings = Readings()
    for index, (place, value) in enumerate(rows):
        readings.add(Reading(index, {"a": value, "b": -value}, {"z": place}))
    frames, values = readings.curve("a")
    assert frames.tolist() == list(range(len(rows))) and values.tolist() == [v for _, v in rows]
    assert readings.places("z")[1] == [place for place, _ in rows]
    again = Readings()
    for start in (0, 7):  # in two parts, as a journal gives them
        stop = 7 if start == 0 else None
        for name in readings.names:
            f, v = readings.curve(name, start=start)
            again.extend(name, f[: stop and stop - start], v[: stop and stop - start])
        for axis in readings.axes:
            f, p = readings.places(axis, start)
            again.extend_axis(axis, f[: stop and stop - start], p[: stop and stop - start])
    pd.testing.assert_frame_equal(again.table(axes=True), readings.table(axes=True))


def test_the_table_has_a_row_per_frame():
    readings = Readings()
    readings.add(Reading(4, {"a": 1}, {"time": 2, "channel": "DAPI"}))
    readings.add(Reading(4, {"b": 2}, {"time": 2, "channel": "DAPI"}))
    readings.add(Reading(1, {"a": 3}, {"time": 1}))
    table = readings.table(axes=True)
    assert table.columns.tolist() == ["time", "channel", "a", "b"]
    assert table.index.tolist() == [1, 4] and table["time"].tolist() == [1, 2]
    assert table.loc[4, ["channel", "a", "b"]].tolist() == ["DAPI", 1, 2]
    assert np.isnan(table.loc[1, "b"])
    assert readings.table().columns.tolist() == ["a", "b"]


def test_it_grows_while_it_is_looked_at():
    readings, count = Readings(), 20_000
    done = threading.Event()

    def look():
        while not done.is_set():
            frames, values = readings.curve("a")
            assert len(frames) == len(values) and (frames == values).all()

    looking = threading.Thread(target=look)
    looking.start()
    for index in range(count):
        readings.add(Reading(index, {"a": index}, {"time": index}))
    done.set()
    looking.join()
    assert len(readings) == count and readings.latest() == {"a": count - 1}
