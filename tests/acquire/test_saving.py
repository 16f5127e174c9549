from __future__ import annotations

import gc
import os
import resource
import shutil
import threading
import time

import numpy as np
import pytest

from limelight.acquire import Acquisition, Dataset, storage
from limelight.acquire.storage.writer import Writer
from limelight.core.errors import LimelightError, ParameterError, StorageError

FORMATS = ["ndtiff", "ome-zarr", "ome-tiff"]


def times(count, **more):
    return [{"axes": {"time": t}, **more} for t in range(count)]


@pytest.fixture
def full_after(monkeypatch):
    """Have the disk of the first data set full after so many images."""

    def prepare(count, error=None):
        real = Writer.write

        def write(self, frame):
            if self.path.parent.name == "one" and self.frames_written >= count:
                raise error or StorageError(self.path, "the disk is full.", "Free some space.")
            real(self, frame)

        monkeypatch.setattr(Writer, "write", write)

    return prepare


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_is_said_and_nothing_is_lost(demo, tmp_path, full_after, format_):
    full_after(7)
    other = tmp_path / "other"
    acq = Acquisition(tmp_path / "one", "a", core=demo, format=format_, show_display=False)
    acq.acquire(times(30))
    acq.mark_finished()
    with pytest.raises(StorageError, match="disk is full"):
        acq.await_completion(30)
    status = acq.status
    assert status.finish_reason == "failed" and status.saved == 7
    assert status.unsaved == status.acquired - 7 and "continue_in" in status.messages[0]
    assert len(acq.get_dataset()) == 7

    acq.continue_in(other)
    assert acq.status.unsaved == 0 and acq.status.saved == status.acquired
    dataset = acq.get_dataset()
    assert dataset.axes == {"time": list(range(status.acquired))}
    assert "Failed" in Dataset(dataset.path).problem or "goes on" in Dataset(dataset.path).problem
    assert acq.path.parent == other
    with pytest.raises(ParameterError, match="Nothing is wrong"):
        acq.continue_in(other)


@pytest.mark.parametrize("sequencing", [True, False])
def test_held_until_another_folder_is_given(demo, tmp_path, full_after, sequencing):
    full_after(7)
    acq = Acquisition(
        tmp_path / "one",
        "a",
        core=demo,
        on_storage_error="pause",
        saving_queue_size=4,
        sequencing=sequencing,
        show_display=False,
    )
    acq.acquire(times(200))
    acq.mark_finished()
    wait_for(lambda: acq.saving.error is not None)
    time.sleep(0.3)
    held = acq.status
    assert held.acquired < 30 and held.saved == 7 and acq.is_running
    assert "held after 7 saved images" in held.messages[0]
    with pytest.raises(StorageError):
        (tmp_path / "file").write_text("")
        acq.continue_in(tmp_path / "file")
    acq.continue_in(tmp_path / "other")
    assert acq.await_completion(30)
    assert acq.finish_reason == "completed"
    assert acq.get_dataset().axes == {"time": list(range(200))}
    assert acq.status.saved == acq.status.acquired == 200
    assert len(Dataset(acq.path)) == 193


def test_held_and_then_canceled(demo, tmp_path, full_after):
    full_after(3)
    acq = Acquisition(
        tmp_path / "one", "a", core=demo, on_storage_error="pause", saving_queue_size=4
    )
    acq.acquire(times(100))
    wait_for(lambda: acq.saving.error is not None)
    acq.abort()
    acq.await_end()
    assert acq.finish_reason == "canceled"
    assert acq.status.saved == 3 and len(acq.unsaved) == acq.status.acquired - 3
    acq.continue_in(tmp_path / "other")
    assert len(acq.get_dataset()) == acq.status.acquired


def test_it_goes_on_in_a_spare_folder_by_itself(demo, tmp_path, full_after):
    full_after(5)
    with Acquisition(
        tmp_path / "one", "a", core=demo, on_storage_error=tmp_path / "spare", show_display=False
    ) as acq:
        acq.acquire(times(20))
    assert acq.finish_reason == "completed" and acq.status.saved == 20
    assert acq.get_dataset().axes == {"time": list(range(20))}
    assert acq.path.parent == tmp_path / "spare" and "goes on in" in acq.messages[0]


@pytest.mark.parametrize("format_", FORMATS)
def test_a_folder_that_vanishes(demo, tmp_path, format_):
    demo.setExposure(5)
    acq = Acquisition(
        tmp_path / "one",
        "a",
        core=demo,
        format=format_,
        on_storage_error="pause",
        show_display=False,
    )
    acq.acquire(times(400))
    acq.mark_finished()
    wait_for(lambda: acq.status.saved > 5)
    shutil.rmtree(tmp_path / "one")
    wait_for(lambda: acq.saving.error is not None)
    assert "cannot be reached" in acq.messages[0]
    acq.continue_in(tmp_path / "other")
    assert acq.await_completion(60)
    # What was in the deleted folder is gone, up to the moment when that was noticed.
    got = Dataset(acq.path).axes["time"]
    assert got == list(range(got[0], 400)) and acq.status.acquired == 400


def test_a_real_limit_of_the_system(demo, tmp_path):
    """The system itself refuses to let a file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    acq = Acquisition(tmp_path, "a", core=demo, show_display=False)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, before[1]))
        acq.acquire(times(30))
        acq.mark_finished()
        with pytest.raises(StorageError):
            acq.await_completion(30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    saved = acq.status.saved
    assert saved == 5  # of 524,288 bytes each
    dataset = Dataset(acq.path)
    assert dataset.axes == {"time": list(range(saved))}
    assert all(dataset.read_image(time=t).shape == (512, 512) for t in range(saved))


def test_an_error_that_another_folder_does_not_cure(demo, tmp_path):
    def turn(image, metadata):
        return (image if metadata["Axes"]["time"] < 2 else image * 1j), metadata

    acq = Acquisition(
        tmp_path,
        "a",
        core=demo,
        image_process_fn=turn,
        on_storage_error="pause",
        show_display=False,
    )
    acq.acquire(times(3))
    acq.mark_finished()
    with pytest.raises(LimelightError):
        acq.await_completion(20)
    assert acq.status.saved == 2 and len(acq.unsaved) == 1
    with pytest.raises(ParameterError, match="Nothing is wrong"):
        acq.continue_in(tmp_path / "other")


def test_memory_is_bounded_whatever_the_disk_does(demo, tmp_path, monkeypatch):
    real, most = Writer.write, [0]

    def write(self, frame):
        most[0] = max(most[0], acq.status.acquired - self.frames_written)
        time.sleep(0.01)
        real(self, frame)

    monkeypatch.setattr(Writer, "write", write)
    with Acquisition(tmp_path, "a", core=demo, saving_queue_size=5, show_display=False) as acq:
        acq.acquire(times(100))
    assert acq.status.saved == 100 and acq.finish_reason == "completed"
    assert most[0] <= 7


def test_a_closing_disk_is_waited_for(demo, tmp_path, monkeypatch):
    """However slow the disk: an acquisition is complete when it says so."""
    real = Writer.write

    def write(self, frame):
        time.sleep(0.03)
        real(self, frame)

    monkeypatch.setattr(Writer, "write", write)
    acq = Acquisition(tmp_path, "a", core=demo, format="ome-tiff", show_display=False)
    acq.acquire(times(40))
    wait_for(lambda: acq.status.acquired == 40)
    acq.abort()
    assert acq.await_completion(30)
    assert len(Dataset(acq.path)) == 40


def test_a_folder_that_cannot_be_used_is_refused_at_once(demo, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        Acquisition(tmp_path / "file" / "x", core=demo)
    if os.getuid() != 0:
        (tmp_path / "shut").mkdir(mode=0o500)
        with pytest.raises(StorageError, match="cannot be written"):
            Acquisition(tmp_path / "shut", core=demo)


def test_nothing_is_left_open(demo, tmp_path):
    def handles():
        return len(os.listdir("/proc/self/fd"))

    for form in (*FORMATS, "ram"):
        with Acquisition(tmp_path, "warm", core=demo, format=form, show_display=False) as acq:
            acq.acquire(times(3))
    del acq
    gc.collect()
    threads, files = threading.active_count(), handles()
    for form in (*FORMATS, "ram", "none"):
        with Acquisition(tmp_path, "b", core=demo, format=form, show_display=False) as acq:
            acq.acquire(times(5))
    del acq
    gc.collect()
    assert threading.active_count() <= threads and handles() <= files


def test_memory_has_a_limit(demo, monkeypatch):
    from limelight.acquire.storage import ram

    monkeypatch.setattr(ram, "_memory", lambda: 10 * 512 * 512 * 2)
    acq = Acquisition(core=demo, show_display=False)
    acq.acquire(times(20))
    acq.mark_finished()
    with pytest.raises(StorageError, match="which is full"):
        acq.await_completion(20)
    assert len(acq.get_dataset()) == 6


def test_data_sets_in_memory_are_like_those_on_the_disk(demo, tmp_path):
    events = [
        {"axes": {"time": t, "channel": c}, "config_group": ["Channel", c]}
        for t in range(3)
        for c in ("DAPI", "FITC")
    ]
    found = []
    for directory in (None, tmp_path):
        with Acquisition(directory, "a", core=demo, show_display=False) as acq:
            acq.acquire(events)
        found.append(acq.get_dataset())
    for dataset in found:
        assert dataset.axes == {"time": [0, 1, 2], "channel": ["DAPI", "FITC"]}
        assert dataset.get_channel_names() == ["DAPI", "FITC"]
        assert dataset.has_image(time=1, channel="FITC") and not dataset.has_image(time=9)
        assert dataset.as_array().shape == (3, 2, 512, 512)
        assert np.asarray(dataset.as_array(time=0, channel="DAPI")).shape == (512, 512)
        assert dataset.has_new_image() and not dataset.has_new_image()
        assert dataset.is_finished() and dataset.problem is None
        assert len(dataset.movie("time", channel="DAPI")) == 3
    assert storage.FORMATS.keys() >= set(FORMATS)
