"""Label images that are written while an acquisition runs."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest
import tifffile

from limelight.acquire.label_images import LabelImages, LabelWriter
from limelight.core.errors import FileError, LimelightError
from limelight.core.stream import Objects


def objects(index=0, name="Nuclei", shape=(40, 50), **axes):
    labels = np.random.default_rng(index).integers(0, 9, shape).astype(np.int32)
    return Objects(index, name, labels, pd.DataFrame(), axes)


def test_what_was_found_is_read_again(tmp_path):
    writer = LabelWriter(lambda: tmp_path, print)
    found = [objects(k, time=k // 2, position=k % 2) for k in range(6)]
    for one in found:
        writer.add("segment", one)
    writer.add("segment", objects(7, "Cells / all", (3, 20, 30)))
    writer.add("other", found[0])
    writer.add("segment", Objects(9, "Nuclei", found[0].labels, pd.DataFrame(), {}, save=False))
    writer.finish()
    assert (writer.written, writer.lost) == (8, 0)
    assert LabelImages.names(tmp_path) == ["Cells-all", "Nuclei"]
    nuclei = LabelImages(tmp_path, "Nuclei")
    assert len(nuclei) == 7
    assert nuclei.axes[3] == {"time": 1, "position": 1}
    assert nuclei.indices == [0, 1, 2, 3, 4, 5, 0]
    for one in found:
        assert np.array_equal(nuclei.read(**one.axes), one.labels)
        assert np.array_equal(nuclei.read(one.index), one.labels)
    assert np.array_equal(tifffile.imread(nuclei.files[2]), found[2].labels)
    assert LabelImages(tmp_path, "Cells / all").read().shape == (3, 20, 30)
    with pytest.raises(LimelightError, match="time=9"):
        nuclei.read(time=9)
    with pytest.raises(FileError, match="Nuclei"):
        LabelImages(tmp_path, "Nuclej")
    with pytest.raises(FileError, match="Was a segmentation"):
        LabelImages(tmp_path / "nothing", "Nuclei")


def test_a_process_that_was_killed_leaves_what_was_written(tmp_path):
    writer = LabelWriter(lambda: tmp_path, print)
    writer.add("s", objects(0, time=0))
    writer.add("s", objects(1, time=1))
    writer.finish()
    folder = tmp_path / "labels" / "Nuclei"
    with (folder / "index.jsonl").open("a") as file:
        file.write('{"file": "Nuclei_0000')
    (folder / ".limelight-half.tif").write_bytes(b"II")
    assert len(LabelImages(tmp_path, "Nuclei")) == 2


def test_memory_is_bounded_and_the_first_images_wait_for_the_folder(tmp_path):
    folder = []
    size = objects().labels.nbytes
    writer = LabelWriter(lambda: folder[0] if folder else None, print, limit=2 * size)
    writer.add("s", objects(0))
    writer.add("s", objects(1))
    third = threading.Thread(target=writer.add, args=("s", objects(2)))
    third.start()
    third.join(0.3)
    assert third.is_alive()  # two wait already
    assert writer.written == 0
    folder.append(tmp_path)
    third.join(60)
    assert not third.is_alive()
    writer.finish()
    assert len(LabelImages(tmp_path, "Nuclei")) == 3


def test_one_that_is_larger_than_the_limit_is_written(tmp_path):
    writer = LabelWriter(lambda: tmp_path, print, limit=10)
    for k in range(3):
        writer.add("s", objects(k))
    writer.finish()
    assert writer.written == 3


def test_a_disk_that_takes_nothing_is_told_once(tmp_path):
    (tmp_path / "labels").write_text("in the way")
    said = []
    writer = LabelWriter(lambda: tmp_path, said.append)
    for k in range(3):
        writer.add("s", objects(k))
    writer.finish()
    assert writer.lost == 3
    assert len(said) == 2
    assert "cannot be written" in said[0]
    assert said[1].startswith("3 label images")


def test_a_disk_that_hangs_does_not_hold_the_end(tmp_path, monkeypatch):
    wait = threading.Event()
    writer = LabelWriter(lambda: tmp_path, print, limit=1)
    monkeypatch.setattr(writer, "_write", lambda *_: wait.wait(60))
    writer.add("s", objects(0))
    second = threading.Thread(target=writer.add, args=("s", objects(1)))
    second.start()
    writer.finish(patience=0.05)
    second.join(60)
    assert not second.is_alive()
    assert writer.lost >= 1
    wait.set()
    writer._thread.join(60)
    assert not writer._thread.is_alive()
