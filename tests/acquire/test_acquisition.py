from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import useq

from limelight.acquire import Acquisition, acquire_job, multi_d_acquisition_events
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.frame import Frame
from limelight.core.job import run
from limelight.core.settings import Settings
from limelight.core.stream import Reading, Request


def times(count, **more):
    return [{"axes": {"time": t}, **more} for t in range(count)]


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ---- images, axes, metadata ----


@pytest.mark.parametrize("form", ["list", "single", "generator", "useq", "iterator"])
def test_events_in_every_form(demo, tmp_path, form):
    with Acquisition(tmp_path, "a", core=demo, show_display=False) as acq:
        if form == "list":
            acq.acquire(times(6))
        elif form == "single":
            for event in times(6):
                acq.acquire(event)
        elif form == "generator":
            acq.acquire(e for e in times(6))
        elif form == "iterator":
            acq.acquire(iter([times(3), times(6)[3:]]))
        else:
            acq.acquire(useq.MDASequence(time_plan={"interval": 0, "loops": 6}))
    assert acq.finish_reason == "completed"
    dataset = acq.get_dataset()
    assert dataset.axes == {"time": list(range(6))}
    assert (acq.status.acquired, acq.status.saved) == (6, 6)
    assert dataset.read_image(time=5).shape == (512, 512)
    assert acq.path.parent == tmp_path


def test_axes_with_words_channels_and_stage_positions(demo, tmp_path):
    with Acquisition(tmp_path, "a", core=demo, show_display=False) as acq:
        acq.acquire(
            multi_d_acquisition_events(
                num_time_points=2,
                channel_group="Channel",
                channels=["DAPI", "FITC"],
                channel_exposures_ms=[2, 3],
                xyz_positions=[[10, 20, 1], [30, 40, 2]],
                position_labels=["left", "right"],
                z_start=0,
                z_end=2,
                z_step=1,
            )
        )
    dataset = acq.get_dataset()
    assert len(dataset) == 24
    said = dataset.read_metadata(time=1, channel="FITC", position="right", z=2)
    assert said["Axes"] == {"time": 1, "position": "right", "channel": "FITC", "z": 2}
    assert (said["Channel"], said["ChannelGroup"], said["Exposure"]) == ("FITC", "Channel", 3.0)
    assert said["ZPosition_um_Intended"] == 4
    assert (said["XPosition_um_Intended"], said["YPosition_um_Intended"]) == (30, 40)
    assert (said["Width"], said["Height"], said["PixelType"]) == (512, 512, "GRAY16")
    assert said["Core-Focus"] == "Z" and said["Binning"] == "1"
    assert demo.getPosition() == pytest.approx(4)
    assert demo.getCurrentConfig("Channel") == "FITC"
    elapsed = [dataset.read_metadata(**a)["ElapsedTime-ms"] for a in dataset.get_index_keys()]
    assert elapsed == sorted(elapsed)


def test_every_key_reaches_the_hardware(demo):
    seen = {}

    def look(event):
        seen["exposure"] = demo.getExposure()
        seen["z"] = demo.getPosition()
        seen["xy"] = demo.getXYPosition()
        seen["gain"] = demo.getProperty("Camera", "Gain")
        seen["roi"] = demo.getROI()
        seen["auto"] = demo.getAutoShutter()
        seen["open"] = demo.getShutterOpen()
        return event

    with Acquisition(core=demo, post_hardware_hook_fn=look, show_display=False) as acq:
        acq.acquire(
            {
                "axes": {"time": 0},
                "exposure": 4,
                "z": 3,
                "x": 5,
                "y": 6,
                "row": 1,
                "col": 2,
                "properties": [["Camera", "Gain", 2]],
                "stage_positions": [["Z", 7]],
                "roi": [0, 0, 64, 32],
                "camera": "Camera",
                "timeout_ms": 5000,
                "keep_shutter_open": True,
                "tags": {"mine": 1},
                "config_group": ["Channel", "Cy5"],
            }
        )
    assert seen["exposure"] == 4 and seen["z"] == 7 and seen["gain"] == "2"
    assert seen["xy"] == pytest.approx([5, 6], abs=0.02) and seen["roi"] == [0, 0, 64, 32]
    assert seen["auto"] is False and seen["open"] is True
    assert demo.getAutoShutter() and not demo.getShutterOpen()
    dataset = acq.get_dataset()
    assert dataset.read_image(time=0, row=1, column=2).shape == (32, 64)
    assert dataset.read_metadata(time=0, row=1, column=2)["tags"] == {"mine": 1}


def test_hardware_only_events_take_no_image(demo):
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire([{"z": 5}, {"axes": {"time": 0}}, {"properties": [["Camera", "Gain", "4"]]}])
    assert demo.getPosition() == 5 and demo.getProperty("Camera", "Gain") == "4"
    assert len(acq.get_dataset()) == 1 and acq.status.acquired == 1


def test_start_times_are_kept(demo):
    stamps = []
    with Acquisition(
        core=demo, pre_hardware_hook_fn=lambda e: stamps.append(time.perf_counter()) or e
    ) as acq:
        acq.acquire(multi_d_acquisition_events(num_time_points=4, time_interval_s=0.1))
    late = np.diff(stamps) - 0.1
    assert np.all(late > -0.05) and stamps[-1] - stamps[0] > 0.28


def test_autofocus_shifts_what_follows(demo, monkeypatch):
    monkeypatch.setattr(demo, "fullFocus", lambda: demo.setPosition(demo.getPosition() + 2))
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire([{"axes": {}, "autofocus": True}, {"axes": {"z": 0}, "z": 10}])
    assert demo.getPosition() == 12
    monkeypatch.setattr(demo, "fullFocus", _refuse("no light"))
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire([{"axes": {}, "autofocus": 3.0}, {"axes": {"z": 0}, "z": 10}])
    assert acq.finish_reason == "completed" and "no light" in acq.messages[0]
    assert len(acq.get_dataset()) == 1


def test_light_modulator(demo, monkeypatch):
    shown = []
    monkeypatch.setattr(demo, "getSLMDevice", lambda: "SLM")
    monkeypatch.setattr(demo, "setSLMImage", lambda d, image: shown.append(image))
    monkeypatch.setattr(demo, "setSLMPixelsTo", lambda d, *v: shown.append(v))
    monkeypatch.setattr(demo, "displaySLMImage", lambda d: None)
    patterns = [np.eye(4, dtype=bool), 7, True, [1, 2, 3]]
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire([{"axes": {"time": i}, "slm_pattern": p} for i, p in enumerate(patterns)])
    assert np.array_equal(shown[0], np.eye(4, dtype=np.uint8) * 255)
    assert shown[1:] == [(7,), (255,), (1, 2, 3)]
    assert acq.status.acquired == 4


def both(demo):
    demo.loadDevice("Camera 2", "DemoCamera", "DCam")
    demo.loadDevice("Both", "Utilities", "Multi Camera")
    for label in ("Camera 2", "Both"):
        demo.initializeDevice(label)
    demo.setProperty("Camera 2", "PixelType", "16bit")
    demo.setProperty("Both", "Physical Camera 1", "Camera")
    demo.setProperty("Both", "Physical Camera 2", "Camera 2")
    demo.setCameraDevice("Both")


def test_several_cameras_at_once(demo):
    both(demo)
    for sequencing in (True, False):
        with Acquisition(core=demo, sequencing=sequencing, show_display=False) as acq:
            acq.acquire(times(5))
        dataset = acq.get_dataset()
        assert dataset.axes == {"time": [0, 1, 2, 3, 4], "camera": ["Camera", "Camera 2"]}
        assert len(dataset) == 10
        assert acq.status.acquired == acq.status.expected == 10
        assert acq.stream.sizes == {"time": 5, "camera": 2} and acq.stream.length == 10


def test_colour_images(demo):
    demo.setProperty("Camera", "PixelType", "32bitRGB")
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(times(2))
    assert acq.get_dataset().read_image(time=1).shape == (512, 512, 3)


# ---- hooks ----


def test_hooks_come_in_order(demo):
    order = []

    def note(name):
        def hook(event):
            kind = "run" if isinstance(event, list) else event["axes"]["time"]
            order.append((name, kind))
            return event

        return hook

    hooks = {
        f"{kind}_hook_fn": note(kind)
        for kind in ("event_generation", "pre_hardware", "post_hardware", "post_camera")
    }
    with Acquisition(core=demo, sequencing=False, show_display=False, **hooks) as acq:
        acq.acquire(times(2))
    one = ["event_generation", "pre_hardware", "post_hardware", "post_camera"]
    assert [n for n, _ in order if n != "event_generation"] == one[1:] * 2
    assert [k for n, k in order if n == "event_generation"] == [0, 1]
    order.clear()
    with Acquisition(core=demo, show_display=False, **hooks) as acq:
        acq.acquire(times(3))
    assert order == [("event_generation", i) for i in range(3)] + [(n, "run") for n in one[1:]]
    assert acq.status.acquired == 3


def test_hooks_change_delete_and_add_events(demo):
    def change(event):
        if event["axes"]["time"] == 1:
            return None
        event["z"] = 10.0 + event["axes"]["time"]
        return event

    with Acquisition(core=demo, pre_hardware_hook_fn=change, sequencing=False) as acq:
        acq.acquire(times(3))
    dataset = acq.get_dataset()
    assert dataset.axes == {"time": [0, 2]}
    assert dataset.read_metadata(time=2)["ZPosition_um_Intended"] == 12

    def add(event, event_queue):
        if event["axes"]["time"] < 4:
            event_queue.put({"axes": {"time": event["axes"]["time"] + 1}})
        else:
            event_queue.put(None)
        return event

    acq = Acquisition(core=demo, post_hardware_hook_fn=add, show_display=False)
    acq.acquire(times(1))
    assert acq.await_completion(20)
    assert acq.get_dataset().axes == {"time": [0, 1, 2, 3, 4]}

    with Acquisition(core=demo, event_generation_hook_fn=lambda e: [e, {"z": 3.0}]) as acq:
        acq.acquire(times(2))
    assert acq.status.acquired == 2 and demo.getPosition() == 3


def test_a_hook_that_deletes_part_of_a_run(demo):
    def every_second(events):
        return [e for e in events if e["axes"]["time"] % 2 == 0]

    with Acquisition(core=demo, pre_hardware_hook_fn=every_second, show_display=False) as acq:
        acq.acquire(times(10))
    assert acq.get_dataset().axes == {"time": [0, 2, 4, 6, 8]}


def test_an_external_leader_is_started_when_the_camera_is_ready(demo):
    running = []

    def lead(event):
        running.append(demo.isSequenceRunning())
        return event

    with Acquisition(core=demo, post_camera_hook_fn=lead, show_display=False) as acq:
        acq.acquire(times(200))
        acq.acquire(times(201)[200:])
    assert running[0] and len(running) == 2
    assert acq.status.acquired == 201


@pytest.mark.parametrize(
    "kind", ["event_generation", "pre_hardware", "post_hardware", "post_camera"]
)
def test_a_hook_that_raises_ends_the_acquisition(demo, kind):
    def bad(event):
        raise KeyError("laser")

    acq = Acquisition(core=demo, show_display=False, **{f"{kind}_hook_fn": bad})
    acq.acquire(times(3))
    acq.mark_finished()
    with pytest.raises(LimelightError, match=rf"{kind}_hook_fn bad failed.*laser"):
        acq.await_completion(20)
    assert acq.finish_reason == "failed" and not demo.isSequenceRunning()


def test_hooks_in_a_process_of_their_own(demo):
    here = os.getpid()

    def before(event, event_queue):
        import os

        assert os.getpid() != here
        if event["axes"]["time"] == 1:
            return None
        if event["axes"]["time"] == 2 and "more" not in event["axes"]:
            event_queue.put({"axes": {"time": 2, "more": 1}})
        event["exposure"] = 3.0 + event["axes"]["time"]  # in place
        return event

    def replaced(event):
        return dict(event, tags={"seen": True})

    seen = []
    with Acquisition(
        core=demo,
        event_generation_hook_fn=replaced,
        pre_hardware_hook_fn=before,
        process=True,
        sequencing=False,
        notification_callback_fn=seen.append,
        show_display=False,
    ) as acq:
        acq.acquire(times(4))
        wait_for(lambda: acq.status.acquired == 4, 120)
    dataset = acq.get_dataset()
    keys = [(k["time"], k.get("more")) for k in dataset.get_index_keys()]
    assert sorted(keys, key=str) == [(0, None), (2, 1), (2, None), (3, None)]
    said = dataset.read_metadata(time=3)
    assert said["Exposure"] == 6.0 and said["tags"] == {"seen": True}


def test_a_run_whose_hooks_are_in_a_process_is_held_and_goes_on(demo):
    """The events that come back keep their numbers."""

    def both(events):
        return events

    acq = Acquisition(core=demo, post_hardware_hook_fn=both, process=True, show_display=False)
    acq.acquire(times(300))
    wait_for(lambda: acq.status.acquired > 20, 120)
    acq.pause()
    wait_for(lambda: acq.status.phase == "paused", 120)
    acq.resume()
    acq.mark_finished()
    assert acq.await_completion(120)
    assert len(acq.get_dataset()) == 300 and not acq.failures


@pytest.mark.parametrize("what", ["raise", "exit", "wrong"])
def test_a_hook_in_a_process_that_fails_ends_the_acquisition(demo, what):
    def hook(event):
        if what == "exit":
            import os

            os._exit(3)
        return 1 / 0 if what == "raise" else "no event"

    acq = Acquisition(core=demo, pre_hardware_hook_fn=hook, process=True, show_display=False)
    acq.acquire(times(3))
    acq.mark_finished()
    said = {"raise": "ZeroDivisionError", "exit": "process ended", "wrong": "must return an event"}
    with pytest.raises(LimelightError, match=said[what]):
        acq.await_completion(120)


def test_functions_that_cannot_be_sent_to_a_process(demo):
    lock = threading.Lock()
    with pytest.raises(ParameterError, match="cannot be sent"):
        Acquisition(core=demo, pre_hardware_hook_fn=lambda e: lock, process=True)
    with pytest.raises(ParameterError, match="bridge"):
        Acquisition(core=demo, post_camera_hook_fn=lambda e, b, q: e, process=True)
    with pytest.raises(ParameterError, match="arguments"):
        Acquisition(
            core=demo, pre_hardware_hook_fn=lambda e: e, image_process_fn=lambda i: i, process=True
        )


def test_hooks_of_three_arguments_get_a_bridge(demo, monkeypatch):
    """As tutorials for older Pycro-Manager write them."""
    from limelight.acquire import bridge

    monkeypatch.setattr(bridge, "Core", lambda: demo)

    def hook(event, bridge, event_queue):
        bridge.get_core().setExposure(4.0)
        if event["axes"]["time"] == 0:
            event_queue.put({"axes": {"time": 7}})
        return event

    with Acquisition(core=demo, post_hardware_hook_fn=hook, show_display=False) as acq:
        acq.acquire(times(1))
        wait_for(lambda: acq.status.acquired == 2)
    assert demo.getExposure() == 4.0 and acq.get_dataset().has_image(time=7)


@pytest.mark.parametrize("name", ["image_process_fn", "pre_hardware_hook_fn", "image_saved_fn"])
def test_functions_with_a_wrong_number_of_arguments(demo, name):
    with pytest.raises(ParameterError, match="arguments"):
        Acquisition(core=demo, **{name: lambda a, b, c, d: None})
    with pytest.raises(ParameterError, match="must be a function"):
        Acquisition(core=demo, **{name: 3})


# ---- image processors ----


@pytest.mark.parametrize("process", [False, True])
def test_functions_of_images(demo, tmp_path, process):
    def plus_one(image, metadata):
        metadata["mine"] = metadata["Axes"]["time"] * 2
        return image * 0 + 1 + metadata["Axes"]["time"], metadata

    with Acquisition(
        tmp_path, "a", core=demo, image_process_fn=plus_one, process=process, show_display=False
    ) as acq:
        acq.acquire(times(5))
    dataset = acq.get_dataset()
    assert [int(dataset.read_image(time=t).mean()) for t in range(5)] == [1, 2, 3, 4, 5]
    assert dataset.read_metadata(time=3)["mine"] == 6


def test_functions_that_give_several_images_or_none(demo):
    def split(image, metadata):
        t = metadata["Axes"]["time"]
        if t == 1:
            return None
        other = {**metadata, "Channel": "second"}
        return [(image, metadata), (image[:10], other)]

    with Acquisition(core=demo, image_process_fn=split, show_display=False) as acq:
        acq.acquire([{"axes": {"time": t, "channel": "first"}} for t in range(3)])
    keys = acq.get_dataset().get_index_keys()
    assert {(k["time"], k["channel"]) for k in keys} == {
        (t, c) for t in (0, 2) for c in ("first", "second")
    }
    assert acq.get_dataset().read_image(time=2, channel="second").shape == (10, 512)


def test_functions_that_divert_all_images(demo):
    got = []
    with Acquisition(core=demo, image_process_fn=lambda i, m: got.append(i.shape)) as acq:
        acq.acquire(times(4))
    assert got == [(512, 512)] * 4 and acq.status.saved == 0
    with pytest.raises(LimelightError, match="no image was saved"):
        acq.get_dataset()


@pytest.mark.parametrize("process", [False, True])
def test_functions_that_add_events(demo, process):
    def adapt(image, metadata, event_queue):
        t = metadata["Axes"]["time"]
        event_queue.put({"axes": {"time": t + 1}} if t < 3 else None)
        return image, metadata

    acq = Acquisition(core=demo, image_process_fn=adapt, process=process, show_display=False)
    acq.acquire(times(1))
    assert acq.await_completion(30)
    assert acq.get_dataset().axes == {"time": [0, 1, 2, 3]}


@pytest.mark.parametrize("process", [False, True])
def test_a_function_that_raises_is_switched_off(demo, process):
    demo.setProperty("Camera", "FastImage", "0")

    def bad(image, metadata):
        if metadata["Axes"]["time"] == 2:
            raise ValueError("too dark")
        return image * 0, metadata

    with Acquisition(core=demo, image_process_fn=bad, process=process, show_display=False) as acq:
        acq.acquire(times(6))
    dataset = acq.get_dataset()
    assert dataset.axes == {"time": list(range(6))}
    means = [dataset.read_image(time=t).mean() for t in range(6)]
    assert means[:2] == [0, 0] and min(means[2:]) > 0
    assert acq.finish_reason == "completed"
    assert "switched off at frame 2" in acq.messages[0] and "too dark" in acq.messages[0]


def test_a_function_that_changes_pixels_in_place(demo):
    demo.setProperty("Camera", "FastImage", "0")

    def dark(image, metadata):
        image[:100, :100] = 0
        return image, metadata

    with Acquisition(core=demo, image_process_fn=dark, show_display=False) as acq:
        acq.acquire(times(3))
    image = acq.get_dataset().read_image(time=1)
    assert not image[:100, :100].any() and image[100:].any()


# ---- processors ----


class Mean(Settings):
    """Tell the mean of every frame."""

    alters = False

    def process(self, frames, stream):
        for frame in frames:
            yield Reading(frame.index, {"mean": float(frame.pixels.mean())}, frame.axes)


class Double(Settings):
    """Double the counts."""

    alters = True

    def process(self, frames, stream):
        for frame in frames:
            yield Frame(frame.pixels * 0 + 2, frame.index, frame.axes, frame.metadata)


class Every(Settings):
    """Give every third frame."""

    alters = True

    def process(self, frames, stream):
        kept = []
        for frame in frames:
            kept.append(frame)
            if len(kept) == 3:
                yield kept[0]
                kept.clear()


def test_processors_see_what_those_before_them_made(demo, tmp_path):
    with Acquisition(
        tmp_path, "a", core=demo, processors=[Mean(), Double(), ("after", Mean())]
    ) as acq:
        acq.acquire(times(5))
    assert len(acq.results.readings["Mean"]) == 5
    assert acq.results.readings["after"].curve("mean")[1].tolist() == [2.0] * 5
    assert acq.get_dataset().read_image(time=4).max() == 2
    text = (acq.path / "after_readings.csv").read_text().splitlines()
    assert text[0] == "index,time,mean" and text[5] == "4,4,2"
    settings = acq.get_dataset().summary_metadata["Processors"]
    assert [s["name"] for s in settings] == ["Mean", "Double", "after"]


def test_raw_frames_are_saved_while_processed_ones_are_shown(demo):
    demo.setProperty("Camera", "FastImage", "0")
    with Acquisition(core=demo, processors=[Double()], save="raw", show_display=False) as acq:
        acq.acquire(times(5))
        while acq.latest is None:
            time.sleep(0.001)
        assert acq.latest.pixels.max() == 2
    assert acq.get_dataset().read_image(time=3).max() > 2 and len(acq.get_dataset()) == 5


def test_processors_may_keep_frames_for_themselves(demo):
    class Hoard(Settings):
        """Keep every frame."""

        alters = True

        def process(self, frames, stream):
            yield from list(frames)

    with Acquisition(core=demo, processors=[Hoard()], saving_queue_size=4) as acq:
        acq.acquire(times(30))
    assert len(acq.get_dataset()) == 30
    with Acquisition(core=demo, processors=[Every()], show_display=False) as acq:
        acq.acquire(times(9))
    assert acq.get_dataset().axes == {"time": [0, 3, 6]}


def test_a_slow_looking_processor_skips_and_says_so(demo):
    class Slow(Settings):
        """Take its time."""

        alters = False

        def process(self, frames, stream):
            for frame in frames:
                time.sleep(0.02)
                yield Reading(frame.index, {"one": 1.0})

    with Acquisition(
        core=demo, processors=[Slow()], show_display=False, saving_queue_size=32
    ) as acq:
        acq.acquire(times(150))
    skipped = acq.status.skipped["Slow"]
    assert skipped > 0 and skipped + len(acq.results.readings["Slow"]) == 150
    assert len(acq.get_dataset()) == 150
    assert "slower than the camera" in acq.messages[0]
    assert f"{150 - skipped} of 150" in acq.messages[-1]


def test_a_slow_altering_processor_loses_nothing(demo):
    class Slow(Settings):
        """Take its time."""

        alters = True

        def process(self, frames, stream):
            for frame in frames:
                time.sleep(0.01)
                yield frame

    with Acquisition(core=demo, processors=[Slow()], saving_queue_size=4) as acq:
        acq.acquire(times(60))
    assert len(acq.get_dataset()) == 60 and not acq.status.skipped


@pytest.mark.parametrize("looks", [True, False])
def test_a_processor_that_raises_is_switched_off(demo, looks):
    class Bad(Settings):
        """Fail at the third frame."""

        alters = not looks

        def process(self, frames, stream):
            for frame in frames:
                if frame.index == 3:
                    raise ZeroDivisionError("no molecules")
                yield (
                    Reading(0, {"n": 1})
                    if looks
                    else Frame(frame.pixels[:5], frame.index, frame.axes)
                )

    with Acquisition(core=demo, processors=[Bad()], show_display=False) as acq:
        acq.acquire(times(8))
    dataset = acq.get_dataset()
    assert len(dataset) == 8
    assert dataset.read_image(time=2).shape == ((512, 512) if looks else (5, 512))
    assert dataset.read_image(time=3).shape == (512, 512)
    assert "switched off at frame 3: ZeroDivisionError: no molecules" in acq.messages[0]


def test_requests_are_followed(demo):
    class Steer(Settings):
        """Ask for all that can be asked for."""

        alters = False

        def process(self, frames, stream):
            for frame in frames:
                if frame.index == 0:
                    yield Request(properties=(("Camera", "Gain", 3),), z=4.0, reason="brighter")
                    yield Request(events=({"axes": {"time": 50}},))
                if frame.index == 1:
                    yield Request(stop=True, reason="enough")

    acq = Acquisition(core=demo, processors=[Steer()], sequencing=False, show_display=False)
    acq.acquire({"axes": {"time": 0}})
    assert acq.await_completion(20)
    assert acq.finish_reason == "stopped" and acq.get_dataset().axes == {"time": [0, 50]}
    assert demo.getProperty("Camera", "Gain") == "3" and demo.getPosition() == 4
    assert "brighter" in acq.messages and "enough" in acq.note()


def test_requests_are_followed_within_a_run(demo):
    demo.setExposure(5)
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(times(100))
        while acq.status.acquired < 5:
            time.sleep(0.002)
        acq.request(Request(properties=(("Camera", "Gain", 5),)))
        while demo.getProperty("Camera", "Gain") != "5":
            assert acq.status.acquired < 100
            time.sleep(0.002)


# ---- control ----


def test_pause_within_a_run_and_go_on(demo):
    demo.setExposure(5)
    acq = Acquisition(core=demo, show_display=False)
    acq.acquire(times(100))
    acq.mark_finished()
    while acq.status.acquired < 10:
        time.sleep(0.002)
    acq.pause()
    while acq.status.phase != "paused":
        time.sleep(0.005)
    held = acq.status.acquired
    time.sleep(0.2)
    assert acq.status.acquired == held < 100 and not demo.isSequenceRunning()
    acq.resume()
    assert acq.await_completion(20)
    dataset = acq.get_dataset()
    assert dataset.axes == {"time": list(range(100))} and acq.finish_reason == "completed"


@pytest.mark.parametrize("sequencing", [True, False])
def test_abort_keeps_what_was_acquired(demo, tmp_path, sequencing):
    demo.setExposure(5)
    acq = Acquisition(tmp_path, "a", core=demo, sequencing=sequencing, show_display=False)
    acq.acquire(times(1000))
    while acq.status.acquired < 10:
        time.sleep(0.002)
    acq.abort()
    assert acq.await_completion(10)
    status = acq.status
    assert status.finish_reason == "canceled" and status.acquired < 1000
    assert status.saved == status.acquired == len(acq.get_dataset())
    with pytest.raises(ParameterError, match="no more events"):
        acq.acquire(times(1))


def test_abort_while_waiting_for_a_time_or_a_generator(demo):
    acq = Acquisition(core=demo, show_display=False)
    acq.acquire([{"axes": {"time": 0}, "min_start_time": 100}])
    time.sleep(0.2)
    acq.abort()
    assert acq.await_completion(5) and acq.finish_reason == "canceled"

    release = threading.Event()

    def never():
        yield {"axes": {"time": 0}}
        release.wait(20)

    acq = Acquisition(core=demo, show_display=False)
    acq.acquire(never())
    while acq.status.acquired < 1:
        time.sleep(0.005)
    acq.abort()
    assert acq.await_completion(5)
    release.set()


def test_abort_with_a_reason_is_raised(demo):
    acq = Acquisition(core=demo, show_display=False)
    acq.abort(ValueError("because"))
    with pytest.raises(ValueError, match="because"):
        acq.await_completion(5)


def test_an_error_of_the_script_ends_the_acquisition(demo):
    with (
        pytest.raises(KeyError, match="mine"),
        Acquisition(core=demo, show_display=False) as acq,
    ):
        acq.acquire([{"axes": {"time": t}, "min_start_time": 10 * t} for t in range(5)])
        raise KeyError("mine")
    assert acq.finish_reason == "canceled" and not acq.is_running


def test_a_generator_sees_what_was_acquired(demo):
    acq = Acquisition(core=demo, show_display=False)

    def steered():
        for t in range(4):
            assert acq.status.acquired == t
            yield {"axes": {"time": t}}

    with acq:
        acq.acquire(steered())
    assert len(acq.get_dataset()) == 4

    def bad():
        yield {"axes": {"time": 0}}
        raise RuntimeError("lost")

    acq = Acquisition(core=demo, show_display=False)
    acq.acquire(bad())
    with pytest.raises(LimelightError, match=r"generator of events failed.*lost"):
        acq.await_completion(20)
    assert len(acq.get_dataset()) == 1


def test_events_of_no_use_are_refused_at_once(demo):
    with Acquisition(core=demo, show_display=False) as acq:
        with pytest.raises(ParameterError, match="exposure"):
            acq.acquire({"axes": {"time": 0}, "exposur": 3})
        acq.acquire(times(1))
    assert len(acq.get_dataset()) == 1


def test_one_acquisition_at_a_time(demo):
    acq = Acquisition(core=demo, show_display=False)
    acq.acquire([{"axes": {"time": t}, "min_start_time": 100 * t} for t in range(2)])
    with pytest.raises(ParameterError, match="in use"):
        Acquisition(core=demo, show_display=False)
    acq.abort()
    acq.await_completion(5)
    forgotten = Acquisition(core=demo, show_display=False)
    forgotten.acquire(times(2))
    wait_for(lambda: forgotten.is_idle)
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(times(1))
    assert forgotten.finish_reason == "completed" and len(forgotten.get_dataset()) == 2


def test_several_cameras_that_are_held_and_go_on(demo):
    both(demo)
    demo.setExposure(5)
    seen = []
    hook = {"pre_hardware_hook_fn": lambda e: seen.append(e) or e}
    acq = Acquisition(core=demo, show_display=False, **hook)
    acq.acquire(times(60))
    acq.mark_finished()
    wait_for(lambda: acq.status.acquired >= 10)
    acq.pause()
    wait_for(lambda: acq.status.phase == "paused")
    acq.resume()
    assert acq.await_completion(20)
    assert len(acq.get_dataset()) == acq.status.acquired == 120
    assert acq.engine.next_index == 60 and len(seen) == 2


def test_nothing_to_do(demo, tmp_path):
    with Acquisition(tmp_path, "a", core=demo, show_display=False) as acq:
        pass
    assert acq.finish_reason == "completed" and not list(tmp_path.iterdir())
    with pytest.raises(ParameterError, match="format"):
        Acquisition(tmp_path, core=demo, format="png")
    with pytest.raises(ParameterError, match="directory"):
        Acquisition(core=demo, format="ndtiff")
    with pytest.raises(ParameterError, match="save"):
        Acquisition(core=demo, save="both")


# ---- callbacks ----


def test_saved_images_can_be_read_in_the_callback(demo, tmp_path):
    got = []

    def saved(axes, dataset):
        got.append((axes["time"], dataset.read_image(**axes).copy()))

    with Acquisition(tmp_path, "a", core=demo, image_saved_fn=saved, show_display=False) as acq:
        acq.acquire(times(20))
    dataset = acq.get_dataset()
    assert [t for t, _ in got] == list(range(20))
    assert all(np.array_equal(image, dataset.read_image(time=t)) for t, image in got)


def test_saved_callbacks_may_add_events_and_fail(demo):
    def more(axes, dataset, event_queue):
        event_queue.put({"axes": {"time": axes["time"] + 1}} if axes["time"] < 3 else None)

    acq = Acquisition(core=demo, image_saved_fn=more, show_display=False)
    acq.acquire(times(1))
    assert acq.await_completion(20)
    assert len(acq.get_dataset()) == 4

    def bad(axes, dataset):
        raise ValueError("no")

    with Acquisition(core=demo, image_saved_fn=bad, show_display=False) as acq:
        acq.acquire(times(3))
    assert len(acq.get_dataset()) == 3 and "callback was switched off" in acq.messages[0]


def test_notifications_and_waiting_for_them(demo, tmp_path):
    told = []
    with Acquisition(
        tmp_path, "a", core=demo, notification_callback_fn=told.append, sequencing=False
    ) as acq:
        future = acq.acquire(times(3, z=1.0))
        future.await_execution("post_snap", {"time": 1}, timeout=10)
        image = future.await_image_saved({"time": 2}, return_image=True, timeout=10)
        both = future.await_image_saved(return_image=True, return_metadata=True, timeout=10)
        assert image.shape == (512, 512) and len(both) == 3 and both[0][1]["Axes"] == {"time": 0}
        with pytest.raises(ParameterError, match="post_snap"):
            future.await_execution("post_snip")
        with pytest.raises(LimelightError, match="within"):
            future.await_execution("post_snap", {"time": 99}, timeout=0.1)
    names = [n.milestone for n in told]
    first = ["acq_started", "pre_hardware", "pre_z_drive", "post_hardware", "pre_snap", "post_snap"]
    assert names[: len(first)] == first
    assert names.count("image_saved") == 3 and names[-1] == "data_sink_finished"
    assert told[1].type == "hardware" and told[1].payload == {"time": 0}


# ---- faults of the hardware ----


def _refuse(text):
    def call(*_):
        raise RuntimeError(text)

    return call


def _fail_at(demo, monkeypatch, name, when):
    real, calls = getattr(demo, name), [0]

    def call(*arguments):
        calls[0] += 1
        if calls[0] in when:
            raise RuntimeError("the device says no")
        return real(*arguments)

    monkeypatch.setattr(demo, name, call)


def test_a_failed_snap_shifts_no_other_image(demo, monkeypatch):
    _fail_at(demo, monkeypatch, "snapImage", {3, 5})
    indices = []
    with Acquisition(
        core=demo,
        sequencing=False,
        post_hardware_hook_fn=lambda e: indices.append(e["axes"]["time"]) or e,
        show_display=False,
    ) as acq:
        acq.acquire(times(8))
    assert indices == list(range(8))
    assert acq.get_dataset().axes == {"time": [0, 1, 3, 5, 6, 7]}
    assert [(f.index, dict(f.axes)) for f in acq.failures] == [(2, {"time": 2}), (4, {"time": 4})]
    assert acq.status.failed == 2 and "the device says no" in acq.failures[0].reason
    assert "2 images are missing" in acq.get_dataset().summary_metadata["Note"]


def test_a_stage_that_refuses_gives_no_image_of_another_place(demo, monkeypatch):
    real = demo.setPosition

    def far(*arguments):
        if arguments[-1] > 2:
            raise RuntimeError("out of range")
        return real(*arguments)

    monkeypatch.setattr(demo, "setPosition", far)
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(multi_d_acquisition_events(z_start=0, z_end=4, z_step=1))
    assert acq.get_dataset().axes == {"z": [0, 1, 2]}
    assert [f.axes["z"] for f in acq.failures] == [3, 4]
    assert "Z to 3 µm: out of range" in acq.failures[0].reason


def test_a_camera_that_always_fails_ends_the_acquisition(demo, monkeypatch):
    monkeypatch.setattr(demo, "snapImage", _refuse("unplugged"))
    acq = Acquisition(core=demo, sequencing=False, show_display=False)
    acq.acquire(times(100))
    acq.mark_finished()
    with pytest.raises(LimelightError, match=r"5 failures in a row.*unplugged"):
        acq.await_completion(20)
    assert acq.status.failed == 5 and acq.finish_reason == "failed"
    assert acq.await_completion(1)  # raised once


def test_a_camera_that_hangs(demo, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(demo, "snapImage", lambda: release.wait(20))
    acq = Acquisition(core=demo, sequencing=False, show_display=False)
    acq.acquire(times(3, timeout_ms=100))
    with pytest.raises(LimelightError, match=r"within 0\.1 s"):
        acq.await_completion(20)
    release.set()


@pytest.mark.parametrize("trigger", ["never", "stops"])
def test_a_camera_that_gives_too_few_images(demo, monkeypatch, trigger):
    real, calls = demo.startSequenceAcquisition, []

    def start(count, *rest):
        calls.append(count)
        if trigger == "stops":
            real(4, *rest)

    monkeypatch.setattr(demo, "startSequenceAcquisition", start)
    if trigger == "never":
        monkeypatch.setattr(demo, "isSequenceRunning", lambda: True)
        monkeypatch.setattr(demo, "stopSequenceAcquisition", lambda: None)
    with Acquisition(core=demo, show_display=False) as acq:
        acq.acquire(times(10, timeout_ms=200))
        if trigger == "never":
            time.sleep(0.4)
            monkeypatch.setattr(demo, "isSequenceRunning", lambda: False)
    got = 4 if trigger == "stops" else 0
    assert acq.status.acquired == got and acq.status.failed == 10 - got
    said = "stopped after 4 of 10" if trigger == "stops" else "no image for 0.2 s"
    assert said in acq.messages[0]


def test_a_full_buffer_of_the_camera_holds_it_and_loses_nothing(demo):
    demo.setCircularBufferMemoryFootprint(2)  # four images

    class Slow(Settings):
        """Take its time."""

        alters = True

        def process(self, frames, stream):
            for frame in frames:
                time.sleep(0.02)
                yield frame

    with Acquisition(core=demo, processors=[Slow()], saving_queue_size=3) as acq:
        acq.acquire(times(40))
    assert acq.get_dataset().axes == {"time": list(range(40))}
    assert acq.status.overflows > 0 and "no frame is missing" in acq.messages[0]
    demo.setCircularBufferMemoryFootprint(250)


# ---- job ----


def test_as_a_job(demo, tmp_path):
    steps = []
    acq = Acquisition(tmp_path, "a", core=demo, show_display=False)
    demo.setExposure(10)
    result = run(acquire_job(acq, times(40)), steps.append)
    assert result is acq and steps[-1].done == steps[-1].total == 40
    assert steps[-1].partial.phase == "finished" and "images" in steps[-1].message

    acq = Acquisition(tmp_path, "b", core=demo, show_display=False)
    job = acquire_job(acq, times(1000))
    next(job)
    job.close()
    assert acq.finish_reason == "canceled" and not acq.is_running


def test_messages_are_for_people(demo, tmp_path, capsys):
    heard = []
    with Acquisition(
        tmp_path, "a", core=demo, debug=True, on_message=heard.append, show_display=False
    ) as acq:
        acq.say("hello")
    assert heard == ["hello"] and capsys.readouterr().out == "hello\n"
    assert isinstance(acq.path, Path | None)
