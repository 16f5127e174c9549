from __future__ import annotations

import numpy as np
import pytest
import useq
from hypothesis import given
from hypothesis import strategies as st

from limelight.acquire.events import (
    KEYS,
    Event,
    as_event_dicts,
    expected_sizes,
)
from limelight.acquire.multi_d import multi_d_acquisition_events
from limelight.core.errors import ParameterError


def twin(times, interval, positions, channels, stack, order):
    """The events of nested loops, written out plainly."""
    found = []

    def go(letters, axes, rest, height):
        if not letters:
            event = {"axes": axes, **rest}
            found.append(event)
            return
        letter, letters = letters[0], letters[1:]
        if letter == "t" and times:
            for t in range(times):
                more = {"min_start_time": t * interval} if interval else {}
                go(letters, {**axes, "time": t}, {**rest, **more}, height)
        elif letter == "p" and positions:
            for p, (x, y, z) in enumerate(positions):
                go(letters, {**axes, "position": p}, {**rest, "x": x, "y": y}, z)
        elif letter == "c" and channels:
            for name, exposure in channels:
                more = {"config_group": ["Channel", name], "exposure": exposure}
                go(letters, {**axes, "channel": name}, {**rest, **more}, height)
        elif letter == "z" and stack:
            for i, z in enumerate(stack):
                go(letters, {**axes, "z": i}, {**rest, "z": height + z}, height)
        else:
            go(letters, axes, rest, height)

    go(list(order), {}, {}, 0.0)
    return found


ORDERS = ["tpcz", "tcpz", "ptcz", "pctz", "ctpz", "cptz", "ptzc", "tpzc", "pzct", "tz"]


@given(
    times=st.integers(0, 4),
    interval=st.sampled_from([0.0, 0.5, 10.0]),
    positions=st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), max_size=3),
    channels=st.lists(
        st.tuples(st.sampled_from("ABCD"), st.floats(0, 100)), max_size=3, unique_by=lambda c: c[0]
    ),
    planes=st.integers(0, 4),
    step=st.sampled_from([0.25, 1.0, -0.5]),
    order=st.sampled_from(ORDERS),
)
def test_events_are_those_of_nested_loops(
    times, interval, positions, channels, planes, step, order
):
    stack = [2.0 + i * step for i in range(planes)]
    events = multi_d_acquisition_events(
        num_time_points=times or None,
        time_interval_s=interval,
        z_start=2.0 if planes else None,
        z_end=2.0 + (planes - 1) * step if planes else None,
        z_step=step if planes else None,
        channel_group="Channel",
        channels=[c for c, _ in channels],
        channel_exposures_ms=[e for _, e in channels],
        xyz_positions=positions if positions and planes else None,
        xy_positions=[p[:2] for p in positions] if positions and not planes else None,
        order=order,
    )
    expected = twin(times, interval, positions, channels, stack, order)
    assert events == expected


def test_a_stack_has_both_ends_and_no_more():
    for step in (0.1, 0.2, 0.3, 0.7):
        for planes in (1, 3, 11, 100):
            end = (planes - 1) * step
            events = multi_d_acquisition_events(z_start=0.0, z_end=end, z_step=step)
            assert len(events) == planes
            assert events[-1]["z"] == pytest.approx(end)
    assert len(multi_d_acquisition_events(z_start=0, z_end=10, z_step=0.5)) == 21
    assert len(multi_d_acquisition_events(z_start=0, z_end=1, z_step=0.4)) == 3


def test_positions_with_their_own_height():
    xyz = np.array([[0, 0, 0], [1, -1, 1.0]])
    plain = multi_d_acquisition_events(xyz_positions=xyz)
    assert plain == [
        {"axes": {"position": 0, "z": 0}, "x": 0, "y": 0, "z": 0},
        {"axes": {"position": 1, "z": 0}, "x": 1, "y": -1, "z": 1},
    ]
    relative = multi_d_acquisition_events(xyz_positions=xyz, z_start=-1, z_end=1, z_step=1)
    assert [e["z"] for e in relative] == [-1, 0, 1, 0, 1, 2]
    labelled = multi_d_acquisition_events(xy_positions=xyz[:, :2], position_labels=["a", "b"])
    assert [e["axes"]["position"] for e in labelled] == ["a", "b"]
    times = multi_d_acquisition_events(num_time_points=3, time_interval_s=[1, 2, 3])
    assert [e["min_start_time"] for e in times] == [1, 3, 6]


def test_events_do_not_share_what_a_hook_may_change():
    events = multi_d_acquisition_events(
        num_time_points=2, channel_group="Channel", channels=["DAPI"]
    )
    events[0]["axes"]["time"] = 9
    events[0]["config_group"][1] = "Cy5"
    assert events[1] == {
        "axes": {"time": 1, "channel": "DAPI"},
        "config_group": ["Channel", "DAPI"],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"z_start": 0}, "z_start, z_end and z_step"),
        ({"z_start": 0, "z_end": 1, "z_step": 0}, "z_step must not be 0"),
        ({"z_start": 0, "z_end": 1, "z_step": -1}, "change its sign"),
        ({"channels": ["A"]}, "channel_group"),
        ({"channels": "DAPI", "channel_group": "Channel"}, "list of names"),
        ({"channels": ["A"], "channel_group": "C", "channel_exposures_ms": [1, 2]}, "do not fit"),
        ({"xy_positions": [[0, 0]], "xyz_positions": [[0, 0, 0]]}, "not both"),
        ({"xy_positions": [0, 0]}, r"shape \(N, 2\)"),
        ({"order": "tzpc"}, "p must be first"),
        ({"order": "tx"}, "order"),
        ({"num_time_points": 3, "time_interval_s": [1, 2]}, "3 time points"),
        ({"num_time_points": 3, "time_interval_s": -1}, "0 or more"),
        ({"xy_positions": [[0, 0]], "position_labels": ["a", "b"]}, "do not fit"),
        ({"xy_positions": [[0, 0], [1, 1]], "position_labels": ["a", "a"]}, "differ"),
    ],
)
def test_arguments_that_contradict(arguments, said):
    with pytest.raises(ParameterError, match=said):
        multi_d_acquisition_events(**arguments)


def test_every_key_is_understood():
    event = Event.parse(
        {
            "axes": {"time": np.int64(3), "place": "left", "z": 2.0},
            "config_group": ["Channel", "DAPI"],
            "exposure": 12,
            "z": -1.5,
            "x": 10,
            "y": np.float32(20),
            "row": 1,
            "col": 2,
            "min_start_time": 4.5,
            "properties": [["Camera", "Gain", 3], ("Camera", "Binning", np.int32(1))],
            "stage_positions": [["Z2", 7]],
            "camera": "Camera",
            "timeout_ms": 100,
            "keep_shutter_open": True,
            "slm_pattern": [[0, 255]],
            "roi": [1, 2, 30, 40],
            "reset_event_timer": True,
            "tags": {"mine": 1},
        }
    )
    assert event.axes == {"time": 3, "place": "left", "z": 2, "row": 1, "column": 2}
    assert event.config == ("Channel", "DAPI")
    assert (event.exposure, event.z, event.x, event.y) == (12.0, -1.5, 10.0, 20.0)
    assert event.properties == (("Camera", "Gain", "3"), ("Camera", "Binning", "1"))
    assert event.stages == (("Z2", 7.0),)
    assert (event.camera, event.timeout_ms, event.roi) == ("Camera", 100.0, (1, 2, 30, 40))
    assert event.keep_shutter_open and event.reset_timer and event.takes_image
    assert np.array_equal(event.slm, [[0, 255]]) and event.tags == {"mine": 1}
    assert Event.parse({"autofocus": True}).autofocus is True
    assert not Event.parse({"axes": {"time": 0}, "autofocus": 2.5}).takes_image
    assert not Event.parse({"z": 1.0}).takes_image
    old = Event.parse({"channel": {"group": "Channel", "config": "Cy5"}})
    assert old.axes == {"channel": "Cy5"} and old.config == ("Channel", "Cy5")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"axes": {"time": 0}, "expsure": 3}, "Did you mean 'exposure'"),
        ({"axes": {"time": 0}, "whatever": 3}, "There is:"),
        ({"axes": {"time": 0.5}}, "whole number or text"),
        ({"axes": {"time": True}}, "whole number or text"),
        ({"axes": [0]}, "dictionary of axis names"),
        ({"axes": {}, "z": "high"}, "position in µm"),
        ({"axes": {}, "z": float("nan")}, "position in µm"),
        ({"axes": {}, "exposure": -1}, "0 ms or more"),
        ({"axes": {}, "properties": ["Camera"]}, "device, property, value"),
        ({"axes": {}, "roi": [0, 0, 0, 5]}, "width, height"),
        ({"axes": {}, "config_group": "DAPI"}, r"\[group, preset\]"),
        ("time 0", "An event is a dictionary"),
    ],
)
def test_events_of_no_use(event, said):
    with pytest.raises(ParameterError, match=said):
        Event.parse(event)


def test_unknown_keys_are_never_ignored():
    assert "exposure" in KEYS
    for key in ("Exposure", "zz", "shutter"):
        with pytest.raises(ParameterError):
            Event.parse({"axes": {}, key: 1})


@given(
    times=st.integers(1, 3),
    channels=st.lists(st.sampled_from(["DAPI", "FITC", "Cy5"]), unique=True, max_size=3),
    planes=st.integers(0, 3),
    positions=st.integers(0, 2),
)
def test_useq_and_our_own_say_the_same(times, channels, planes, positions):
    sequence = useq.MDASequence(
        axis_order="tpcz",
        time_plan={"interval": 0, "loops": times},
        channels=[{"group": "Channel", "config": c, "exposure": 5} for c in channels],
        z_plan={"range": planes - 1, "step": 1} if planes > 1 else None,
        stage_positions=[{"x": 5 * i, "y": i, "z": 1.0} for i in range(positions)],
    )
    ours = multi_d_acquisition_events(
        num_time_points=times,
        channel_group="Channel",
        channels=channels,
        channel_exposures_ms=[5] * len(channels),
        xyz_positions=[[5 * i, i, 1.0] for i in range(positions)] or None,
        z_start=-(planes - 1) / 2 if planes > 1 else None,
        z_end=(planes - 1) / 2 if planes > 1 else None,
        z_step=1 if planes > 1 else None,
    )
    theirs = list(as_event_dicts(sequence))
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours, strict=True):
        for key in ("config_group", "exposure", "x", "y"):
            assert a.get(key) == b.get(key)
        if positions:
            assert a.get("z") == pytest.approx(b.get("z"))
        axes = {k: v for k, v in b["axes"].items() if k in a["axes"]}
        assert {k: v for k, v in a["axes"].items() if k in axes} == axes
        Event.parse(a)


def test_useq_events_with_more():
    event = useq.MDAEvent(
        index={"t": 1, "c": 0},
        channel="DAPI",
        exposure=7,
        z_pos=3,
        min_start_time=2,
        keep_shutter_open=True,
        properties=[("Camera", "Gain", 1)],
        metadata={"mine": 2},
        pos_name="A1",
    )
    (made,) = as_event_dicts(event)
    assert made == {
        "axes": {"time": 1, "channel": "DAPI"},
        "config_group": ["Channel", "DAPI"],
        "exposure": 7.0,
        "z": 3.0,
        "min_start_time": 2.0,
        "keep_shutter_open": True,
        "properties": [["Camera", "Gain", 1]],
        "tags": {"mine": 2, "PositionName": "A1"},
    }
    focus = useq.MDAEvent(action=useq.HardwareAutofocus(autofocus_motor_offset=25))
    assert next(as_event_dicts(focus))["autofocus"] == 25.0
    custom = useq.MDAEvent(action=useq.CustomAction(name="x"))
    with pytest.raises(ParameterError, match="custom"):
        list(as_event_dicts(custom))
    with pytest.raises(ParameterError, match="Events are dictionaries"):
        list(as_event_dicts(3))


def test_what_is_to_be_expected():
    events = multi_d_acquisition_events(num_time_points=3, z_start=0, z_end=1, z_step=1)
    assert expected_sizes([*events, {"z": 3.0}]) == (6, {"time": 3, "z": 2})
