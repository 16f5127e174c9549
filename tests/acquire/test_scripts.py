"""Scripts as people have them from Pycro-Manager, with only the import line changed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

IMPORT = """
import numpy as np
from limelight import (
    Acquisition, Bridge, Core, Dataset, multi_d_acquisition_events, start_headless
)
"""

FEATURES = """
start_headless("/nowhere" if False else None, timeout=5000)
core = Core()
exposure = core.get_exposure()
core.set_property("Core", "AutoShutter", 0)
core.snap_image()
tagged = core.get_tagged_image()
pixels = np.reshape(tagged.pix, newshape_of(tagged))

with Acquisition(directory=folder, name="stack") as acq:
    acq.acquire(multi_d_acquisition_events(z_start=0, z_end=2, z_step=0.5))
assert acq.get_dataset().axes == {"z": [0, 1, 2, 3, 4]}

with Acquisition(directory=folder, name="tcz") as acq:
    acq.acquire(multi_d_acquisition_events(
        num_time_points=2, time_interval_s=0, channel_group="Channel",
        channels=["DAPI", "FITC"], z_start=0, z_end=1.2, z_step=0.4, order="tcz"))
    dataset = acq.get_dataset()
assert len(dataset.get_index_keys()) == 16

with Acquisition(folder, "own") as acq:
    events = []
    for index, z_um in enumerate(np.arange(start=0, stop=2, step=0.5)):
        events.append({"axes": {"z": index}, "z": z_um})
    acq.acquire(events)

with Acquisition(folder, "arbitrary") as acq:
    acq.acquire([
        {"axes": {"arbitrary_axis_name": i},
         "properties": [["Camera", "Gain", i], ["Camera", "Offset", i]]} for i in range(3)])

with Acquisition(folder, "named") as acq:
    acq.acquire({"axes": {"channel": "mine"}, "config_group": ["Channel", "DAPI"]})
assert acq.get_dataset().get_channel_names() == ["mine"]

def hook_fn(event):
    return event

def delete_fn(event):
    if event["axes"]["time"] != 1:
        return event

with Acquisition(directory=folder, name="hooks", post_hardware_hook_fn=hook_fn,
                 pre_hardware_hook_fn=delete_fn, post_camera_hook_fn=hook_fn) as acq:
    for t in range(3):
        acq.acquire({"axes": {"time": t}})
assert acq.get_dataset().axes == {"time": [0, 2]}

def end_fn(event, event_queue):
    if event["axes"]["time"] == 3:
        event_queue.put(None)
        return event
    event_queue.put({"axes": {"time": event["axes"]["time"] + 1}})
    return event

acq = Acquisition(directory=folder, name="queue", post_hardware_hook_fn=end_fn)
acq.acquire({"axes": {"time": 0}})
acq.await_completion()
assert len(acq.get_dataset().get_index_keys()) == 4

def img_process_fn(image, metadata):
    metadata["a_new_metadata_key"] = "a new value"
    image[:100, :100] = 0
    return image, metadata

with Acquisition(directory=folder, name="process", image_process_fn=img_process_fn) as acq:
    acq.acquire({"axes": {"time": 0}})
assert acq.get_dataset().read_metadata(time=0)["a_new_metadata_key"] == "a new value"

def two_fn(image, metadata):
    import copy
    other, said = np.array(image, copy=True), copy.deepcopy(metadata)
    said["Channel"] = "A_new_channel"
    return [(image, metadata), (other, said)]

with Acquisition(directory=folder, name="two", image_process_fn=two_fn) as acq:
    acq.acquire({"axes": {"time": 0, "channel": "first"}})
assert acq.get_dataset().get_channel_names() == ["first", "A_new_channel"]

seen = []
with Acquisition(image_process_fn=lambda image, metadata: seen.append(image)) as acq:
    acq.acquire({"axes": {"time": 0}})
assert len(seen) == 1

def stack_fn(image, metadata):
    if not hasattr(stack_fn, "images"):
        stack_fn.images = []
    stack_fn.images.append(image)
    if len(stack_fn.images) == 4:
        assert np.stack(stack_fn.images, axis=0).shape == (4, 512, 512)
    return image, metadata

def image_saved_fn(axes, dataset):
    assert dataset.read_image(**axes).shape == (512, 512)

with Acquisition(directory=folder, name="saved", show_display=False, saving_queue_size=30,
                 image_process_fn=stack_fn, image_saved_fn=image_saved_fn) as acq:
    acq.acquire(multi_d_acquisition_events(num_time_points=2, z_start=0, z_end=0.4, z_step=0.4))
assert len(stack_fn.images) == 4 and not acq.messages

data = Dataset(str(acq.path))
array = data.as_array()
assert np.max(array[0], axis=0).compute().shape == (512, 512)
assert data.as_array(z=0, time=1).shape == (512, 512)
"""

TIMELAPSE_OF_STACKS = """
bridge = Bridge()
mmc = bridge.get_core()
mmStudio = bridge.get_studio()
path, name = folder, "subsets"
subset_interval, z_start, z_end, z_step = 0.3, -0.5, 0.5, 0.25
relative, num_subsets, num_time_points = True, 2, 4
z_sequence = np.arange(z_start, z_end + z_step, z_step)
num_z_slices = len(z_sequence)
mmc.set_property("Camera", "Gain", 2)
z_stage = mmc.get_focus_device()
if relative:
    z_pos = mmc.get_position(z_stage)
    z_sequence += z_pos
bridge.close()
events = []
for s in range(num_subsets):
    for t in range(num_time_points):
        events.append({"axes": {"subset": s, "time": t, "z": 0}, "z": z_sequence[0],
                       "min_start_time": s * subset_interval})
    for z in range(num_z_slices):
        events.append({"axes": {"subset": s, "time": num_time_points, "z": z},
                       "z": z_sequence[z], "min_start_time": s * subset_interval})
with Acquisition(directory=path, name=name) as acq:
    acq.acquire(events)
dataset = acq.get_dataset()
assert len(dataset.get_index_keys()) == 18
first = dataset.read_metadata(subset=1, time=0, z=0)["ElapsedTime-ms"]
assert first >= 300
"""

POSITIONS = """
x = np.arange(0, 5)
y = np.arange(0, -5, -1)
z = np.arange(0, 5)
xy = np.hstack([x[:, None], y[:, None]])
xyz = np.hstack([x[:, None], y[:, None], z[:, None]])
assert multi_d_acquisition_events(xy_positions=xy)[2] == {"axes": {"position": 2}, "x": 2, "y": -2}
assert multi_d_acquisition_events(xyz_positions=xyz)[4]["z"] == 4
relative = multi_d_acquisition_events(xyz_positions=xyz, z_start=-1, z_end=1, z_step=1)
assert [e["z"] for e in relative[-3:]] == [3, 4, 5]
assert len(multi_d_acquisition_events(xy_positions=xy, z_start=-1, z_end=1, z_step=1)) == 15
times = multi_d_acquisition_events(num_time_points=5, time_interval_s=10)
assert [e["min_start_time"] for e in times] == [0, 10, 20, 30, 40]
both = multi_d_acquisition_events(num_time_points=2, time_interval_s=10, xy_positions=xy[:2, :],
                                  order="ptz", z_start=-1, z_end=0, z_step=1)
assert [tuple(e["axes"].values()) for e in both] == [
    (p, t, z) for p in (0, 1) for t in (0, 1) for z in (0, 1)]
channels = multi_d_acquisition_events(
    xy_positions=xy, channels=["BF", "GFP"], channel_group="your-channel-group",
    channel_exposures_ms=[15.5, 200])
assert channels[1]["exposure"] == 200 and channels[1]["axes"]["channel"] == "GFP"
"""

TRIGGERED = """
core = start_headless(config_file="simulated")

def upload_piezo_sequence(bridge, start_end_pos, mid_pos, step_size, relative=True):
    mmc = bridge.get_core()
    z_stage = mmc.get_focus_device()
    pos_sequence = np.hstack((np.arange(start_end_pos, mid_pos + step_size, step_size),
                              np.arange(mid_pos, start_end_pos - step_size, -step_size)))
    z_pos = 0
    if relative:
        z_pos = mmc.get_position(z_stage)
        pos_sequence += z_pos
    positionJ = bridge.construct_java_object("mmcorej.DoubleVector")
    for i in pos_sequence:
        positionJ.add(float(i))
    mmc.load_stage_sequence(z_stage, positionJ)
    mmc.start_stage_sequence(z_stage)
    return z_pos, pos_sequence

bridge = Bridge()
mmc = bridge.get_core()
start_end_pos, mid_pos, step_size = -0.5, 0.5, 0.25
mmc.set_exposure(3)
mmc.set_roi(*[192, 170, 61, 51])
z_stage = mmc.get_focus_device()
z_pos, pos_sequence = upload_piezo_sequence(bridge, start_end_pos, mid_pos, step_size)
z_idx = list(range(len(pos_sequence)))
mmc.set_position(z_stage, pos_sequence[0])
events = []
z_idx_ = z_idx.copy()
for i in range(6):
    for j in z_idx_:
        events.append({"axes": {"time": i, "z": j}})
    z_idx_.reverse()
with Acquisition(directory=folder, name="fast") as acq:
    acq.acquire(events)
mmc.stop_stage_sequence(z_stage)
mmc.set_position(z_stage, z_pos)
bridge.close()
assert len(acq.get_dataset().get_index_keys()) == 60
assert acq.get_dataset().read_image(time=5, z=9).shape == (51, 61)
"""

SCRIPTS = {
    "features": FEATURES,
    "timelapse of stacks": TIMELAPSE_OF_STACKS,
    "positions": POSITIONS,
    "triggered": TRIGGERED,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_runs(name, tmp_path):
    helper = (
        "folder = '.'\n"
        "def newshape_of(image):\n"
        "    return [image.tags['Height'], image.tags['Width']]\n"
    )
    code = IMPORT + helper + textwrap.dedent(SCRIPTS[name])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_there_is_not_is_said(demo, monkeypatch):
    from limelight.acquire import Bridge, core_access
    from limelight.core.errors import LimelightError

    monkeypatch.setattr(core_access, "find_core", lambda core=None, **_: demo)
    with Bridge() as bridge:
        assert bridge.get_core().get_camera_device() == "Camera"
        with pytest.raises(LimelightError, match="napari"):
            bridge.get_studio().live()
        with pytest.raises(LimelightError, match="no Java"):
            bridge.construct_java_object("java.lang.Object")
