"""Killed processes, full disks, folders that vanish: what was written is there and readable."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limelight.acquire.dataset import Dataset
from limelight.acquire.storage import create
from limelight.core.errors import FileError, StorageError
from limelight.core.frame import Frame
from limelight.core.stream import Stream
from limelight.io import open_movie

SCRIPT = Path(__file__).with_name("killed.py")


@pytest.mark.parametrize(
    ("wait", "announced"), [(0.0, "unknown"), (0.03, "announced"), (0.2, "unknown")]
)
def test_a_killed_process_loses_nothing(
    format_: str, wait: float, announced: str, tmp_path: Path
) -> None:
    command = [sys.executable, str(SCRIPT), str(tmp_path), format_, "64", "80", announced]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(4)  # it runs
        (folder,) = tmp_path.iterdir()
        growing = Dataset(folder)
        assert not growing.is_finished()
        assert growing.problem is None
        time.sleep(wait * (0.5 + np.random.default_rng().random()))
        process.kill()
        said = process.stdout.read()
    count = len(said) // 4 + 1
    dataset = Dataset(folder)
    assert growing.is_finished()
    # The last one may have been written, and the process killed before it could say so.
    assert count <= len(dataset) <= count + 1
    assert len(growing) == len(dataset)
    assert dataset.problem is not None
    assert f"interrupted: {len(dataset)}" in dataset.problem
    for k in {*range(0, count, max(1, count // 50)), count - 1}:
        axes = {"time": k // 2, "channel": "AB"[k % 2]}
        pixels = dataset.read_image(**axes)
        assert pixels[0, 0] == 1
        assert (pixels.ravel()[1:] == k % 60_000).all()
        assert dataset.read_metadata(**axes)["number"] == k
    movie = open_movie(folder, channel=0)
    with movie:
        assert len(movie) in ((count + 1) // 2, count // 2 + 1)
        assert movie.read(len(movie) - 1, len(movie))[0, 5, 5] == (2 * len(movie) - 2) % 60_000
    if format_ in ("ndtiff", "ome-tiff"):
        import tifffile

        (path,) = folder.glob("*.tif")
        with tifffile.TiffFile(path) as file:
            assert len(file.pages) >= count - 1
            assert (file.pages[len(file.pages) - 1].asarray() > 0).any()
    else:
        import zarr

        array = zarr.open_group(str(folder), mode="r")["0"]
        assert (np.asarray(array[(count - 1) // 2, (count - 1) % 2, 0]) > 0).any()


class FullDisk:
    """Makes the disk full after some bytes: the write that crosses the limit is cut in half."""

    def __init__(self, monkeypatch: Any, room: int) -> None:
        self.room = room
        self.errno = errno.ENOSPC
        real = os.pwritev

        def pwritev(descriptor: int, buffers: Any, offset: int) -> int:
            size = sum(len(b) for b in buffers)
            if size > self.room:
                half = b"".join(bytes(b) for b in buffers)[: self.room]
                if not half:
                    raise OSError(self.errno, os.strerror(self.errno))
                self.room = 0
                return real(descriptor, [half], offset)
            self.room -= size
            return real(descriptor, buffers, offset)

        def pwrite(descriptor: int, buffer: Any, offset: int) -> int:
            return pwritev(descriptor, [buffer], offset)

        monkeypatch.setattr(os, "pwritev", pwritev)
        monkeypatch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("more", [0, 60, 960, 1100, 1300])
def test_a_full_disk_is_said_and_takes_nothing(
    format_: str, more: int, begin: Any, monkeypatch: Any, tmp_path: Path, image: Any, frame: Any
) -> None:
    writer = begin(format_)
    for k in range(7):
        writer.write(frame(k, {"time": k}))
    disk = FullDisk(monkeypatch, more)
    with pytest.raises(StorageError, match="the disk is full") as raised:
        for k in range(7, 12):
            writer.write(frame(k, {"time": k}))
    assert "free some space" in str(raised.value)
    assert "another disk" in str(raised.value)
    good = len(writer.dataset())
    assert good in (7, 8)
    with pytest.raises(StorageError):
        writer.write(frame(good, {"time": good}))

    # On another disk it goes on, and both say so.
    disk.room = 1 << 40
    other = create(
        tmp_path / "other", "scan", format_, stream=writer.stream, summary={}, continues=writer
    )
    disk.room = 0
    with contextlib.suppress(StorageError):
        writer.finish("The disk was full.")
    disk.room = 1 << 40
    for k in range(good, 12):
        other.write(frame(k, {"time": k}))
    other.finish()
    first, second = Dataset(writer.path), Dataset(other.path)
    assert second.problem is None
    assert len(first) == good
    assert first.problem is not None
    assert str(other.path) in first.problem
    assert "The disk was full." in first.problem or "interrupted" in first.problem
    assert second.summary_metadata["Continues"] == str(writer.path)
    both = Dataset([writer.path, other.path])
    np.testing.assert_array_equal(np.asarray(both.as_array()), [image(k) for k in range(12)])
    np.testing.assert_array_equal(both.movie().read(0, 12), [image(k) for k in range(12)])
    with open_movie(writer.path) as movie:
        np.testing.assert_array_equal(movie.read(0, good), [image(k) for k in range(good)])


def test_after_room_was_made_it_goes_on(
    format_: str, begin: Any, monkeypatch: Any, image: Any, frame: Any
) -> None:
    writer = begin(format_)
    disk = FullDisk(monkeypatch, 1 << 40)
    for k in range(20):
        if k % 3 == 1:
            disk.room = 250 * (k % 5)
            with pytest.raises(StorageError):
                writer.write(frame(k, {"time": k}))
            disk.room = 1 << 40
        writer.write(frame(k, {"time": k}))
    writer.finish()
    dataset = Dataset(writer.path)
    assert dataset.problem is None
    np.testing.assert_array_equal(np.asarray(dataset.as_array()), [image(k) for k in range(20)])
    if format_ in ("ndtiff", "ome-tiff"):
        import tifffile

        (path,) = writer.path.glob("*.tif")
        np.testing.assert_array_equal(tifffile.imread(path), [image(k) for k in range(20)])


def test_a_disk_that_is_really_full(format_: str, tmp_path: Path) -> None:
    """Fault: others ended as completed with a warning, or with 2 of 50 files."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(small)]
    if sys.platform != "linux" or os.getuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may make a small disk")
    try:
        stream = Stream((256, 256), np.dtype(np.uint16))
        writer = create(small, "full", format_, stream=stream, summary={})
        pixels = np.empty((256, 256), np.uint16)
        with pytest.raises(StorageError, match="disk is full"):
            for k in range(50):
                pixels[...] = k + 1
                writer.write(Frame(pixels, k, {"time": k}, {"number": k}))
        good = len(writer.dataset())
        assert good == k
        assert 20 < good < 33
        with contextlib.suppress(StorageError):
            writer.finish("The disk was full.")
        with Dataset(writer.path) as dataset:
            assert dataset.problem is not None
            for k in range(good):
                assert (dataset.read_image(time=k) == k + 1).all()
                assert dataset.read_metadata(time=k)["number"] == k
        with open_movie(writer.path) as movie:
            assert len(movie) == good
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_vanishes(format_: str, begin: Any, tmp_path: Path, frame: Any) -> None:
    import shutil

    writer = begin(format_)
    writer.write(frame(0, {"time": 0}))
    shutil.rmtree(writer.path)
    time.sleep(0.11)
    with pytest.raises(StorageError, match=r"cannot be reached.*another folder"):
        writer.write(frame(1, {"time": 1}))
    assert writer.frames_written == 1
    with pytest.raises(StorageError):
        writer.finish()
    writer.finish()
    with pytest.raises(StorageError, match="finished"):
        writer.write(frame(1, {"time": 1}))


def test_a_folder_that_is_moved(format_: str, begin: Any, frame: Any, image: Any) -> None:
    writer = begin(format_)
    writer.write(frame(0, {"time": 0}))
    moved = writer.path.rename(writer.path.with_name("elsewhere"))
    time.sleep(0.11)
    with pytest.raises(StorageError, match="moved"):
        writer.write(frame(1, {"time": 1}))
    moved.rename(writer.path)
    writer.write(frame(1, {"time": 1}))
    writer.finish()
    np.testing.assert_array_equal(np.asarray(Dataset(writer.path).as_array()), [image(0), image(1)])


def test_no_rights(format_: str, begin: Any, tmp_path: Path, monkeypatch: Any, frame: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        begin(format_, folder=tmp_path / "file" / "inside")
    if os.name == "posix" and os.getuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(StorageError, match="no permission"):
            begin(format_, folder=tmp_path / "closed")
    writer = begin(format_)
    disk = FullDisk(monkeypatch, 0)
    for number, said in ((errno.EROFS, "no permission"), (errno.EFBIG, "as large"), (5, "reached")):
        disk.errno = number
        with pytest.raises(StorageError, match=said):
            writer.write(frame(0, {"time": 0}))


def test_a_slow_disk_is_waited_for(
    format_: str, begin: Any, monkeypatch: Any, image: Any, frame: Any
) -> None:
    """Fault: others closed a file that was still being written, and called it completed."""
    writer = begin(format_)
    real = os.pwritev

    def slow(*arguments: Any) -> int:
        time.sleep(0.01)
        return real(*arguments)

    monkeypatch.setattr(os, "pwritev", slow)
    for k in range(10):
        given = frame(k, {"time": k})
        alive = weakref.ref(given.pixels)
        writer.write(given)
        del given
        assert alive() is None  # nothing waits in memory, however slow the disk is
    writer.finish()
    assert Dataset(writer.path).problem is None
    np.testing.assert_array_equal(
        np.asarray(Dataset(writer.path).as_array()), [image(k) for k in range(10)]
    )


def test_files_that_were_lost_later_are_said(format_: str, begin: Any, frame: Any) -> None:
    writer = begin(format_)
    for k in range(40):
        writer.write(frame(k, {"time": k}))
    writer.finish("The person stopped it.")
    assert Dataset(writer.path).problem == f"{writer.path.name}: The person stopped it."
    victims = sorted(writer.path.rglob("*.tif")) or [writer.path / "0/c/1/0/0/0/0"]
    if format_ == "ome-zarr-0.4":
        victims = [writer.path / "0/1/0/0/0/0"]
    os.truncate(victims[0], 24 * 20 * 2 * 5)
    dataset = Dataset(writer.path)
    assert dataset.problem is not None
    assert "of 40 images cannot be read" in dataset.problem
    with pytest.raises(FileError, match="not all there"):
        dataset.read_image(time=30)
    victims[0].unlink()
    with pytest.raises(FileError):
        Dataset(writer.path).read_image(time=30)
    assert "images cannot be read" in str(Dataset(writer.path).problem)


def test_files_and_threads_are_given_back(format_: str, begin: Any, frame: Any) -> None:
    import threading

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the number of open files is not known")
    before, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(3):
        writer = begin(format_)
        for k in range(30):
            writer.write(frame(k, {"time": k, "position": k % 4}))
        dataset = writer.dataset()
        for k in range(30):
            dataset.read_image(time=k, position=k % 4)
        writer.finish()
        dataset.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert threading.active_count() == threads
