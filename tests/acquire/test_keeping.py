from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.acquire import Acquisition, Dataset, recover_results
from limelight.acquire.journal import Journal, read_blocks
from limelight.acquire.keeping import Keeping, read_results
from limelight.acquire.results import Results
from limelight.cli import main
from limelight.core.errors import FileError, LimelightError
from limelight.core.localizations import Localizations
from limelight.core.remarks import collected
from limelight.core.settings import Settings
from limelight.core.stream import Objects, Reading
from limelight.io import load_localizations, open_movie
from limelight.io.in_progress import JOURNAL

SCRIPT = Path(__file__).with_name("killed_results.py")


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def molecules(frames):
    columns = {"frame": frames, "x": np.arange(len(frames)), "y": np.full(len(frames), 2.5)}
    return Localizations.from_columns(columns, [{"Frames": 100, "Pixelsize": 108.0}])


def times(count):
    return [{"axes": {"time": t}} for t in range(count)]


# ---- the journal ----


def test_blocks_come_back(tmp_path):
    journal = Journal(tmp_path / "j")
    words = np.array(["a", "µ", 3], object)
    journal.append({"key": ["x"]}, {"n": np.arange(3, dtype=">u2"), "w": words})
    journal.append({"key": ["y"]}, {"n": np.empty(0, np.float32), "b": np.array([True, False])})
    (one, first), (two, second) = read_blocks(tmp_path / "j")  # while it is open
    assert one == {"key": ["x"]} and two == {"key": ["y"]}
    assert first["n"].tolist() == [0, 1, 2] and first["w"].tolist() == ["a", "µ", 3]
    assert second["n"].dtype == np.float32 and second["b"].tolist() == [True, False]
    journal.close()


def test_a_journal_cut_or_damaged_anywhere_reads_up_to_there(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path)
    ends = [path.stat().st_size]
    for k in range(4):
        journal.append({"k": k}, {"n": np.full(5, k)})
        ends.append(path.stat().st_size)
    journal.close()
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        expected = max(sum(end <= cut for end in ends) - 1, 0)
        assert [about["k"] for about, _ in read_blocks(path)] == list(range(expected))
    for at in range(ends[2], ends[3]):
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        assert [about["k"] for about, _ in read_blocks(path)] == [0, 1]


def test_a_full_disk_takes_whole_blocks_only(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "j")
    journal.append({"k": 0}, {"n": np.arange(9)})
    real = os.pwritev

    def half(descriptor, buffers, offset):
        real(descriptor, [b"".join(map(bytes, buffers))[:20]], offset)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwritev", half)
    with pytest.raises(OSError):
        journal.append({"k": 1}, {"n": np.arange(9)})
    monkeypatch.undo()
    journal.append({"k": 2}, {"n": np.arange(9)})
    journal.close()
    assert [about["k"] for about, _ in read_blocks(tmp_path / "j")] == [0, 2]


# ---- results as they come ----


def fill(results, first, last):
    for k in range(first, last):
        results.add("find", molecules([k, k]))
        results.add("read", Reading(k, {"a": k, "b (nm)": k / 3}, {"time": k, "channel": "DAPI"}))
        table = pd.DataFrame({"area": [1.0 * k, 2.0]}, index=[1, 2])
        results.add("cut", Objects(k, "Nuclei", np.ones((2, 2)), table, {"time": k}))


def same(one, two):
    for name in one.tables:
        found, expected = two.localizations(name), one.localizations(name)
        pd.testing.assert_frame_equal(found.table, expected.table)
        assert found.provenance == expected.provenance
    for name, readings in one.readings.items():
        pd.testing.assert_frame_equal(two.readings[name].table(True), readings.table(True))
    pd.testing.assert_frame_equal(one.features("Nuclei"), two.features("Nuclei"))


def test_all_that_was_kept_is_read(tmp_path):
    results = Results()
    keeping = Keeping(results, lambda: tmp_path, pytest.fail)
    for part in range(4):
        fill(results, 5 * part, 5 * part + 5)
        assert keeping.keep()
        same(results, read_results(tmp_path))
    size = (tmp_path / JOURNAL).stat().st_size
    assert keeping.keep() and (tmp_path / JOURNAL).stat().st_size == size
    results.add("none", Localizations.empty([{"Frames": 1}]))
    results.add("none", Localizations.empty([{"Frames": 2}]))
    keeping.keep()
    assert len(read_results(tmp_path).localizations("none")) == 0
    keeping.finish()
    assert not (tmp_path / JOURNAL).exists()
    assert len(load_localizations(tmp_path / f"{tmp_path.name}_locs_find.hdf5")) == 40


def test_in_another_folder_all_is_written_again(tmp_path):
    folder = tmp_path / "one"
    results, said = Results(), []
    keeping = Keeping(results, lambda: folder, said.append)
    (tmp_path / "two").mkdir()
    fill(results, 0, 3)
    assert not keeping.keep() and not keeping.keep()
    assert len(said) == 1 and "kept in memory" in said[0]
    folder.mkdir()
    assert keeping.keep()
    folder = tmp_path / "two"
    fill(results, 3, 6)
    assert keeping.keep()
    same(results, read_results(folder))
    keeping.finish()
    assert not list(tmp_path.rglob(JOURNAL)) and len(list(folder.iterdir())) == 4


def test_a_journal_that_was_deleted_is_begun_again(tmp_path):
    results = Results()
    keeping = Keeping(results, lambda: tmp_path, pytest.fail)
    fill(results, 0, 3)
    keeping.keep()
    (tmp_path / JOURNAL).unlink()
    fill(results, 3, 6)
    keeping.keep()
    same(results, read_results(tmp_path))
    keeping.finish()


# ---- a killed process ----


def test_a_killed_process_loses_no_molecules_that_were_kept(tmp_path, capsys):
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    with subprocess.Popen(command) as process:
        try:

            def kept():
                return [r for path in tmp_path.rglob(JOURNAL) for r in read_blocks(path)]

            def blocks():
                return sum(about["key"][0] == "table" for about, _ in kept())

            wait_for(lambda: process.poll() is not None or blocks() >= 3)
            assert process.poll() is None
            (folder,) = tmp_path.iterdir()
            with pytest.raises(FileError, match="still runs"):
                recover_results(folder)
            assert Dataset(folder).problem is None
            seen = sum(len(c["frame"]) for about, c in kept() if about["key"][0] == "table")
        finally:
            process.kill()
    dataset = Dataset(folder)
    assert "interrupted" in dataset.problem and "recover_results" in dataset.problem
    dataset.close()
    with collected() as said:  # as napari does, too
        open_movie(folder).close()
    assert any("limelight recover" in text for text in said)
    assert main(["recover", str(folder)]) == 0
    assert "molecules" in capsys.readouterr().out
    locs = load_localizations(folder / "killed_1_locs.hdf5")
    assert len(locs) >= seen > 0
    frames = np.repeat(np.arange(locs["frame"][-1] + 1), np.arange(locs["frame"][-1] + 1) % 3)
    assert locs["frame"].tolist() == frames[: len(locs)].tolist()
    np.testing.assert_array_equal(locs["y"], np.float32(locs["frame"] / 4))
    assert locs.pixel_size_nm == 108 and "Recovered" in locs.find("Note")
    readings = pd.read_csv(folder / "find-it_readings.csv")
    assert readings.columns.tolist() == ["index", "time", "channel", "molecules", "mean"]
    assert (readings["index"] == np.arange(len(readings))).all()
    assert (readings["molecules"] == readings["index"] % 3).all()
    assert set(readings["channel"]) == {"DAPI"}
    nuclei = pd.read_csv(folder / "find-it_Nuclei.csv")
    assert (nuclei["area"] == nuclei["index"] + 1).all() and set(nuclei["kind"]) == {"round"}
    assert not (folder / JOURNAL).exists() and "recover" not in Dataset(folder).problem
    assert main(["recover", str(folder), str(tmp_path / "none")]) == 1
    said = capsys.readouterr()
    assert "nothing to recover" in said.out and "no such folder" in said.err
    with open_movie(folder) as movie:
        assert len(movie) > 0


# ---- what goes wrong at the end ----


class Finder(Settings):
    """Find two molecules in every frame."""

    alters = False

    def process(self, frames, stream):
        for frame in frames:
            yield molecules([frame.index, frame.index])
            yield Reading(frame.index, {"molecules": 2}, frame.axes)


class Late(Settings):
    """Raise when all frames were seen."""

    alters = True

    def process(self, frames, stream):
        yield from frames
        raise ZeroDivisionError("no frames to divide by")


def test_nothing_of_a_journal_is_left_after_an_acquisition(demo, tmp_path):
    with Acquisition(tmp_path, "a", core=demo, processors=[Finder()], show_display=False) as acq:
        acq.acquire(times(5))
        wait_for(lambda: acq.path is not None and (acq.path / JOURNAL).exists())
    assert not (acq.path / JOURNAL).exists() and acq.get_dataset().problem is None
    assert len(load_localizations(acq.path / "a_1_locs.hdf5")) == 10


def test_a_disk_that_is_full_when_results_are_written(demo, tmp_path, monkeypatch):
    import limelight.io.atomic as atomic

    real = atomic.os.replace

    def full(source, target):
        if str(target).endswith("_locs.hdf5") and "other" not in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    acq = Acquisition(tmp_path, "a", core=demo, processors=[Finder()], show_display=False)
    acq.acquire(times(5))
    acq.mark_finished()
    with pytest.raises(LimelightError, match="disk is full"):
        acq.await_completion(60)
    said = acq.messages[-1]
    assert "What processors found could not be saved" in said
    assert "results.save(folder)" in said and "recover_results(folder)" in said
    assert acq.status.saved == 5 and len(acq.get_dataset()) == 5
    # The readings were written nevertheless, and nothing half is left.
    names = {p.name for p in acq.path.iterdir()}
    assert "Finder_readings.csv" in names and not any(n.startswith(".") for n in names)
    other = tmp_path / "other"
    other.mkdir()
    acq.results.save(other)
    assert len(load_localizations(other / "other_locs.hdf5")) == 10
    monkeypatch.undo()
    assert "recover_results" in acq.get_dataset().problem
    recover_results(acq.path)
    assert len(load_localizations(acq.path / "a_1_locs.hdf5")) == 10


def test_a_disk_that_takes_no_results_at_all(demo, tmp_path, monkeypatch):
    import limelight.acquire.journal as journal
    import limelight.io.atomic as atomic

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", full)
    monkeypatch.setattr(journal.OutputFile, "append", _only_images(journal.OutputFile.append))
    acq = Acquisition(tmp_path, "a", core=demo, processors=[Finder()], show_display=False)
    acq.acquire(times(5))
    acq.mark_finished()
    with pytest.raises(LimelightError, match="disk is full"):
        acq.await_completion(60)
    assert "in memory" in acq.messages[-1] and "recover_results" not in acq.messages[-1]
    assert acq.results.localizations().table["frame"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def _only_images(real):
    def append(self, buffers):
        if self.name == JOURNAL:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, buffers)

    return append


def test_a_processor_that_raises_at_the_end(demo, tmp_path):
    with Acquisition(
        tmp_path, "a", core=demo, processors=[Finder(), Late()], show_display=False
    ) as acq:
        acq.acquire(times(5))
    assert acq.finish_reason == "completed" and acq.status.saved == 5
    assert len(acq.messages) == 1 and "Late" in acq.messages[0]
    assert "after the last frame" in acq.messages[0]
    assert "no frames to divide by" in acq.messages[0] and "switched off" not in acq.messages[0]
    assert len(load_localizations(acq.path / "a_1_locs.hdf5")) == 10
