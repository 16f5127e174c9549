from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from limelight.acquire import Core, find_core, load_configuration
from limelight.acquire.core_access import _snake
from limelight.core.errors import FileError


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_core_under_pythonic_names(demo):
    core = Core(demo)
    core.set_exposure(7)
    assert core.get_exposure() == core.getExposure() == 7
    assert core.get_camera_device() == "Camera"
    core.set_property("Core", "AutoShutter", 0)
    assert core.get_property("Core", "AutoShutter") == "0"
    core.set_roi(1, 2, 30, 40)
    assert core.get_roi() == [1, 2, 30, 40]
    core.set_xy_position(3, 4)
    core.wait_for_device("XY")
    assert core.get_x_position() == pytest.approx(3, abs=0.02)
    assert core.get_pixel_size_um() == demo.getPixelSizeUm()
    assert "get_exposure" in dir(core) and "getExposure" in dir(core)
    assert "Camera" in repr(core)
    with pytest.raises(AttributeError, match="get_exposure"):
        core.get_exposur  # noqa: B018
    assert find_core(core) is demo is find_core(demo)


def test_every_name_of_the_core_has_a_pythonic_one(demo):
    core = Core(demo)
    missing = []
    for name in dir(demo):
        if name.startswith("_") or not callable(getattr(demo, name, None)):
            continue
        try:
            getattr(core, _snake(name))
        except AttributeError:
            missing.append(name)
    assert missing == []
    assert _snake("setXYPosition") == "set_xy_position"


def test_tagged_images(demo):
    core = Core(demo)
    core.snap_image()
    tagged = core.get_tagged_image()
    pixels = np.reshape(tagged.pix, [tagged.tags["Height"], tagged.tags["Width"]])
    assert pixels.shape == (512, 512) and tagged.tags["Camera"] == "Camera"
    demo.startSequenceAcquisition(2, 0, True)
    while demo.isSequenceRunning():
        pass
    assert core.pop_next_tagged_image().tags["ImageNumber"] == "0"
    assert core.get_last_tagged_image().pix.size == 512 * 512


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_core_tells_what_changes(demo):
    told = []
    callback = Core(demo).get_core_callback(lambda name, *a: told.append((name, *a)))
    demo.setExposure(9)
    demo.setProperty("Camera", "Gain", 3)
    wanted = {("exposureChanged", "Camera", 9.0), ("propertyChanged", "Camera", "Gain", "3")}
    wait_for(lambda: wanted <= set(told))  # the core tells in a thread of its own
    heard = []
    other = Core(demo).get_core_callback(lambda *said: heard.append(said))
    callback.close()
    told.clear()
    demo.setExposure(8)
    wait_for(lambda: ("exposureChanged", "Camera", 8.0) in heard)
    assert not told
    other.close()


def test_configurations(demo, tmp_path):
    load_configuration(demo, "simulated")
    assert "Sample" in demo.getLoadedDevices()
    load_configuration(demo, "demo")
    assert "Sample" not in demo.getLoadedDevices()
    with pytest.raises(FileError, match="no such configuration"):
        load_configuration(demo, tmp_path / "none.cfg")
    bad = tmp_path / "bad.cfg"
    bad.write_text("Device,Camera,NoSuchLibrary,DCam\n")
    with pytest.raises(FileError, match="could not be loaded"):
        load_configuration(demo, bad)
    with pytest.raises(FileError, match="no such folder"):
        load_configuration(demo, "demo", tmp_path / "none")
    load_configuration(demo, "demo")


def test_a_first_script_needs_no_preparation():
    done = python(
        """
        from limelight import Acquisition, Core, multi_d_acquisition_events, start_headless
        core = start_headless(config_file="demo", buffer_size_mb=64)
        assert core.get_circular_buffer_memory_footprint() == 64
        with Acquisition(show_display=False) as acq:
            acq.acquire(multi_d_acquisition_events(num_time_points=3))
        assert Core().core is core.core is acq.core
        print(len(acq.get_dataset()))
        import sys
        assert not any("Qt" in name for name in sys.modules)
        """
    )
    assert done.stdout.strip() == "3", done.stderr


@pytest.mark.parametrize(
    "end",
    [
        "acq.acquire(events); import time; time.sleep(0.2)",
        "core.startContinuousSequenceAcquisition(1)",
    ],
)
def test_the_interpreter_ends_without_aborting(end):
    """An acquisition, or live view, that is still running must not take the process down."""
    code = f"""
    from limelight import Acquisition, multi_d_acquisition_events
    from limelight.acquire import find_core
    core = find_core()
    acq = Acquisition(show_display=False)
    events = [{{"axes": {{"time": t}}}} for t in range(100000)]
    {end}
    """
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_script_is_the_one_that_is_seen():
    done = python(
        """
        from limelight import Acquisition
        with Acquisition(show_display=False) as acq:
            acq.acquire([{"axes": {"time": t}} for t in range(100000)])
            raise KeyError("mine")
        """
    )
    assert done.returncode == 1 and done.stderr.strip().endswith("KeyError: 'mine'")


def test_importing_costs_nothing():
    done = python(
        """
        import sys, limelight, limelight.acquire
        assert "pymmcore_plus" not in sys.modules and "useq" not in sys.modules
        limelight.multi_d_acquisition_events(num_time_points=3)
        assert "pymmcore_plus" not in sys.modules and "pandas" not in sys.modules
        """
    )
    assert done.returncode == 0, done.stderr


def test_the_log_of_the_program_stays_as_it_is():
    """pymmcore-plus would have everything log at the finest level."""
    said = python("""
        import logging
        from limelight.acquire import find_core
        from limelight.acquire.scope import devices
        find_core()
        print(logging.getLogger().level, logging.getLogger("napari").isEnabledFor(logging.DEBUG))
    """)
    assert said.stdout.split() == ["30", "False"], said.stderr
