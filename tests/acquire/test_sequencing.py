from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.acquire import Acquisition, multi_d_acquisition_events
from limelight.acquire.events import Event
from limelight.acquire.mmcore import SLMDevice
from limelight.acquire.scope import bench_of, load_simulated
from limelight.acquire.sequencing import Sequencer
from limelight.core.errors import ParameterError

PRESETS = {
    "fast": [("Wheel", "Label", "a"), ("Laser", "Power", "1")],
    "other": [("Wheel", "Label", "a"), ("Laser", "Power", "2")],
    "slow": [("Wheel", "Label", "b"), ("Laser", "Power", "1")],
}


class Devices:
    """What a core says of devices of which some can be sequenced."""

    def __init__(self, z=5, xy=4, exposure=3, power=6):
        self.lengths = {"z": z, "xy": xy, "exposure": exposure, ("Laser", "Power"): power}
        self.asked = 0

    def getCameraDevice(self):
        return "Camera"

    def getFocusDevice(self):
        return "Z"

    def getXYStageDevice(self):
        return "XY"

    def getSLMDevice(self):
        return ""

    def isStageSequenceable(self, _):
        self.asked += 1
        return self.lengths["z"] > 0

    def getStageSequenceMaxLength(self, _):
        return self.lengths["z"]

    def isXYStageSequenceable(self, _):
        return self.lengths["xy"] > 0

    def getXYStageSequenceMaxLength(self, _):
        return self.lengths["xy"]

    def isExposureSequenceable(self, _):
        return self.lengths["exposure"] > 0

    def getExposureSequenceMaxLength(self, _):
        return self.lengths["exposure"]

    def isPropertySequenceable(self, device, name):
        return (device, name) in self.lengths

    def getPropertySequenceMaxLength(self, device, name):
        return self.lengths[device, name]

    def getConfigData(self, _, preset):
        return PRESETS[preset]


def runs(events, **devices):
    return list(Sequencer(Devices(**devices)).runs(Event.parse(e) for e in events))


def lengths(events, **devices):
    return [len(run) for run in runs(events, **devices)]


def at(**values):
    return {"axes": {"time": 0}, **values}


def test_what_can_be_run_through():
    assert lengths([at()] * 7) == [7]
    assert lengths([at(z=i) for i in range(12)]) == [5, 5, 2]
    assert lengths([at(z=i) for i in range(3)], z=0) == [1, 1, 1]
    assert lengths([at(x=i, y=0) for i in range(6)]) == [4, 2]
    assert lengths([at(exposure=1 + i) for i in range(4)]) == [3, 1]
    assert lengths([at(properties=[["Laser", "Power", i]]) for i in range(8)]) == [6, 2]
    assert lengths([at(properties=[["Lamp", "Power", i]]) for i in range(3)]) == [1, 1, 1]
    assert lengths([at(config_group=["C", p]) for p in ("fast", "other", "fast")]) == [3]
    assert lengths([at(config_group=["C", p]) for p in ("fast", "slow", "slow")]) == [1, 2]


def test_what_cannot():
    assert lengths([at(min_start_time=t) for t in (0, 1, 2)]) == [1, 1, 1]
    assert lengths([at(min_start_time=0), at(min_start_time=0), at()]) == [3]
    assert lengths([at(min_start_time=1), at(min_start_time=1), at(min_start_time=2)]) == [2, 1]
    assert lengths([at(roi=[0, 0, 5, 5]), at(roi=[0, 0, 6, 5])]) == [1, 1]
    assert lengths([at(camera="A"), at(camera="B")]) == [1, 1]
    assert lengths([at(), {"z": 3}, at(), at(autofocus=True), at()]) == [1, 1, 1, 1, 1]
    assert lengths([at(slm_pattern=np.zeros((2, 2))), at(slm_pattern=np.ones((2, 2)))]) == [1, 1]
    assert lengths([at(slm_pattern=np.ones((2, 2))), at(slm_pattern=np.ones((2, 2)))]) == [2]
    assert lengths([at(), at(reset_event_timer=True)]) == [1, 1]
    assert lengths([at(), at(keep_shutter_open=True), at()]) == [1, 2]
    assert lengths([at(), at(z=1)]) == [1, 1]  # where it was for the first is not known
    assert lengths([at(stage_positions=[["A", 1]]), at(stage_positions=[["A", 2]])]) == [1, 1]
    assert [len(r) for r in Sequencer(Devices(), enabled=False).runs([Event.parse(at())] * 3)] == [
        1,
        1,
        1,
    ]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "z": st.integers(0, 2),
                "x": st.integers(0, 1),
                "exposure": st.integers(1, 2),
                "properties": st.sampled_from([[["Laser", "Power", 1]], [["Laser", "Power", 2]]]),
                "config_group": st.sampled_from([["C", p] for p in PRESETS]),
            },
        ),
        max_size=25,
    )
)
def test_runs_leave_nothing_out_and_tables_say_what_steps_would(settings):
    """Each run, stepped through by its tables, sets what the events would one by one."""
    events = [at(**s) for s in settings]
    sequencer = Sequencer(Devices())
    cut = list(sequencer.runs(Event.parse(e) for e in events))
    assert [e.source for run in cut for e in run] == events
    for run in cut:
        plan = sequencer.plan(run)
        tables = [plan.exposures, plan.z, plan.xy, *plan.properties.values()]
        assert all(not t or len(t) == len(run) for t in tables)
        assert len(plan.z) <= 5 and len(plan.xy) <= 4 and len(plan.exposures) <= 3
        assert set(plan.properties) <= {("Laser", "Power")}
        state = {}
        for i, event in enumerate(run):
            if event.z is not None:
                state["z"] = event.z
            if event.exposure is not None:
                state["exposure"] = event.exposure
            if event.config is not None:
                state["power"] = {d: v for d, _, v in PRESETS[event.config[1]]}["Laser"]
            for _, _, value in event.properties:
                state["power"] = value
            if plan.z:
                assert plan.z[i] == state["z"]
            elif i and "z" in state:
                assert state["z"] == run[0].z
            if plan.exposures:
                assert plan.exposures[i] == state["exposure"]
            if ("Laser", "Power") in plan.properties:
                assert plan.properties["Laser", "Power"][i] == state["power"]


def test_devices_are_asked_once():
    devices = Devices()
    list(Sequencer(devices).runs(Event.parse(at(z=i)) for i in range(50)))
    assert devices.asked == 1


@pytest.fixture
def scope(demo):
    load_simulated(demo, real_time=False)
    demo.setExposure(1)
    return demo


def test_the_hardware_runs_through_a_stack(scope):
    starts = []
    with Acquisition(core=scope, post_camera_hook_fn=starts.append, show_display=False) as acq:
        acq.acquire(multi_d_acquisition_events(num_time_points=3, z_start=-1, z_end=1, z_step=0.5))
    assert len(starts) == 1 and len(starts[0]) == 15
    assert len(acq.get_dataset()) == 15


def test_stepped_and_sequenced_see_the_same_places(scope, monkeypatch):
    """The simulated bench knows where stage and focus really were for every frame."""
    bench = bench_of(scope)
    expose, seen = bench.expose, []

    def look(*arguments, **more):
        light = bench.light
        seen.append((round(light.x_um), round(light.y_um), round(light.z_um, 3)))
        return expose(*arguments, **more)

    monkeypatch.setattr(bench, "expose", look)
    xy = [[0, 0], [5, 0], [5, 5]]
    events = multi_d_acquisition_events(xy_positions=xy, z_start=-1, z_end=1, z_step=1)
    wanted = [(x, y, z) for x, y in xy for z in (-1, 0, 1)]
    for sequencing in (True, False):
        seen.clear()
        starts = []
        hook = {"post_camera_hook_fn": starts.append} if sequencing else {}
        with Acquisition(core=scope, sequencing=sequencing, show_display=False, **hook) as acq:
            acq.acquire(events)
        assert seen == wanted and len(starts) == int(sequencing)
        dataset = acq.get_dataset()
        said = [dataset.read_metadata(**k) for k in dataset.get_index_keys()]
        names = [f"{n}Position_um_Intended" for n in "XYZ"]
        assert [tuple(m[n] for n in names) for m in said] == wanted


# ---- light modulators ----


class Modulator(SLMDevice):
    """Shows patterns; steps through a table as the camera's triggers would have it."""

    def __init__(self, longest):
        super().__init__()
        self.longest, self.shown, self.tables, self.stopped = longest, [], [], 0

    def shape(self):
        return (3, 4)

    def dtype(self):
        return np.uint8

    def set_image(self, pixels):
        self._pixels = np.array(pixels)

    def display_image(self):
        self.shown.append(self._pixels)

    def set_exposure(self, interval_ms):
        pass

    def get_exposure(self):
        return 0.0

    def get_sequence_max_length(self):
        return self.longest

    def send_sequence(self, sequence):
        self.tables.append(np.array(sequence))

    def start_sequence(self):
        self.running = True

    def stop_sequence(self):
        self.stopped += 1


@pytest.mark.parametrize("longest", [0, 4, 100])
def test_patterns_are_stepped_through_where_the_modulator_can(demo, longest):
    modulator = Modulator(longest)
    demo.loadPyDevice("Modulator", modulator)
    demo.initializeDevice("Modulator")
    demo.setSLMDevice("Modulator")
    patterns = [np.full((3, 4), k, np.uint8) for k in range(4)]
    patterns += [np.eye(3, 4, dtype=bool), 7, True, None]
    events = [{"axes": {"time": t}} for t in range(len(patterns))]
    for event, pattern in zip(events, patterns, strict=True):
        if pattern is not None:
            event["slm_pattern"] = pattern
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(events)
    assert acq.status.saved == 8 and not acq.failures
    expected = [*patterns[:4], np.eye(3, 4) * 255, np.full((3, 4), 7), np.full((3, 4), 255)]
    expected.append(expected[-1])  # what an event leaves out stays
    lengths = {0: [], 4: [4, 4], 100: [8]}[longest]
    assert [len(table) for table in modulator.tables] == lengths
    if lengths:
        np.testing.assert_array_equal(np.concatenate(modulator.tables), expected)
        assert modulator.stopped == len(lengths)
        assert len(modulator.shown) == len(lengths)  # the first of each, before it begins
    else:
        np.testing.assert_array_equal(modulator.shown, expected[:-1])


def test_a_pattern_of_another_size_is_refused_with_its_event(demo):
    modulator = Modulator(10)
    demo.loadPyDevice("Modulator", modulator)
    demo.initializeDevice("Modulator")
    demo.setSLMDevice("Modulator")
    shapes = [(3, 4), (2, 2), (3, 4)]
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(
            [
                {"axes": {"time": t}, "slm_pattern": np.full(shape, t, np.uint8)}
                for t, shape in enumerate(shapes)
            ]
        )
    assert acq.status.saved + acq.status.failed == 3 and acq.status.failed > 0
    assert "(2, 2)" in acq.failures[0].reason or "(2, 2)" in " ".join(acq.messages)


# ---- shutter ----


def test_the_shutter_stays_open_within_a_stack_and_closes_after_it(demo):
    events = multi_d_acquisition_events(
        num_time_points=2, z_start=0, z_end=2, z_step=1, keep_shutter_open_between_z_steps=True
    )
    assert [e.get("keep_shutter_open", False) for e in events] == [True, True, False] * 2
    demo.setAutoShutter(True)
    shutter = demo.getShutterDevice()
    done, told = [], []
    real = demo.setShutterOpen

    def heard(*arguments):
        told.append(bool(arguments[-1]))
        return real(*arguments)

    demo.setShutterOpen = heard

    def hook(event):
        done.append(demo.getShutterOpen(shutter))
        return event

    with Acquisition(
        core=demo, post_hardware_hook_fn=hook, sequencing=False, show_display=False
    ) as acq:
        acq.acquire(events)
    assert done == [True] * 6 and told == [True, False, True, False]
    assert demo.getAutoShutter() and not demo.getShutterOpen(shutter)
    assert acq.status.saved == 6


def test_which_shutters_stay_open():
    def kept(**more):
        events = multi_d_acquisition_events(
            num_time_points=2,
            channel_group="Channel",
            channels=["DAPI", "FITC"],
            z_start=0,
            z_end=1,
            z_step=1,
            **more,
        )
        return "".join("01"[e.get("keep_shutter_open", False)] for e in events)

    assert kept() == "0" * 8
    assert kept(keep_shutter_open_between_z_steps=True) == "10101010"
    assert kept(keep_shutter_open_between_channels=True) == "00000000"  # z begins again, too
    assert kept(keep_shutter_open_between_channels=True, order="tzc") == "10101010"
    both = {
        "keep_shutter_open_between_channels": True,
        "keep_shutter_open_between_z_steps": True,
    }
    assert kept(**both) == "11101110"


def test_heights_of_every_position():
    xy = [(0, 0), (10, 20)]
    events = multi_d_acquisition_events(xy_positions=xy, z_positions=[5, 7])
    assert [(e["x"], e["z"]) for e in events] == [(0, 5), (10, 7)]
    events = multi_d_acquisition_events(
        xy_positions=xy, z_positions=[5, 7], z_start=-1, z_end=1, z_step=1
    )
    assert [e["z"] for e in events] == [4, 5, 6, 6, 7, 8]
    events = multi_d_acquisition_events(xy_positions=xy, z_positions=[[1, 2, 4], [5, 6, 9]])
    assert [e["z"] for e in events] == [1, 2, 4, 5, 6, 9]
    assert [e["axes"]["z"] for e in events] == [0, 1, 2, 0, 1, 2]
    for wrong in (
        {"z_positions": [1, 2]},
        {"xy_positions": xy, "z_positions": [1, 2, 3]},
        {"xy_positions": xy, "z_positions": 4},
        {"xy_positions": xy, "z_positions": [[1], [2]], "z_start": 0, "z_end": 1, "z_step": 1},
    ):
        with pytest.raises(ParameterError, match="z_positions"):
            multi_d_acquisition_events(**wrong)
