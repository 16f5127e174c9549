from __future__ import annotations

import shutil

import numpy as np
import pytest

from limelight.core.movie import ArrayMovie
from limelight.io import write_raw, write_tiff
from limelight.metrics.arrivals import Arrivals, extent
from limelight.metrics.watch_settings import KINDS


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def arrivals(tmp_path, clock):
    def make(folder=tmp_path, **values):
        chosen = {"settle_s": 5.0, "patience_s": 100.0, "clock": clock, "kinds": KINDS}
        return Arrivals([folder], **{**chosen, **values})

    return make


def ready(arrivals, clock, seconds=6.0):
    """Look twice, so long after one another; return the names of what is complete."""
    arrivals.look()
    clock.now += seconds
    return [m.path.name for m in arrivals.look() if m.ready]


def test_a_movie_is_ready_when_it_does_not_change_any_more(tmp_path, arrivals, clock, counts):
    look = arrivals()
    assert look.look() == []
    path = tmp_path / "a.ome.tif"
    write_tiff(path, counts)
    whole = path.read_bytes()
    for part in (1000, 2000, 3000):
        path.write_bytes(whole[:part])
        (found,) = look.look()
        assert not found.ready and "being written" in found.why
        clock.now += 4
    clock.now += 4  # it has paused, but cannot be read to its end
    (found,) = look.look()
    assert not found.ready and found.why
    path.write_bytes(whole)
    look.look()
    clock.now += 6
    (found,) = look.look()
    assert found.ready and found.why == "" and found.size == len(whole)


def test_a_movie_that_never_becomes_complete_is_given_up_waiting_for(
    tmp_path, arrivals, clock, counts
):
    path = tmp_path / "a.ome.tif"
    write_tiff(path, counts)
    path.write_bytes(path.read_bytes()[:3000])
    look = arrivals()
    assert ready(look, clock) == []
    clock.now += 200
    (found,) = look.look()
    assert found.ready and "a.ome.tif" in found.why


def test_only_movies_of_the_kinds_are_found(tmp_path, arrivals, clock, counts):
    for name in ("a.ome.tif", "b.tif", ".c.ome.tif"):
        write_tiff(tmp_path / name, counts)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a.ome_locs.hdf5").write_bytes(b"x" * 10)
    np.save(tmp_path / "d.npy", counts)
    assert ready(arrivals(), clock) == ["a.ome.tif"]
    assert ready(arrivals(kinds=(".npy", ".tif")), clock) == ["a.ome.tif", "b.tif", "d.npy"]
    assert ready(arrivals(kinds=("ndtiff",)), clock) == []


def test_a_raw_movie_waits_for_its_yaml(tmp_path, arrivals, clock, counts):
    write_raw(tmp_path / "a.raw", ArrayMovie(counts))
    (tmp_path / "a.yaml").rename(tmp_path / "later.yaml")
    look = arrivals()
    assert ready(look, clock) == []
    assert "yaml" in look.look()[0].why
    (tmp_path / "later.yaml").rename(tmp_path / "a.yaml")
    assert ready(look, clock) == ["a.raw"]


def test_a_raw_movie_with_frames_missing_waits(tmp_path, arrivals, clock, counts):
    write_raw(tmp_path / "a.raw", ArrayMovie(counts))
    whole = (tmp_path / "a.raw").read_bytes()
    (tmp_path / "a.raw").write_bytes(whole[: len(whole) // 2])
    look = arrivals()
    assert ready(look, clock) == []
    (tmp_path / "a.raw").write_bytes(whole)
    assert ready(look, clock) == ["a.raw"]


def test_consecutive_files_of_micro_manager_are_one_movie(tmp_path, arrivals, clock, counts):
    names = [f"run_MMStack_Pos0{k}.ome.tif" for k in ("", "_1", "_2")]
    for name in names:
        write_tiff(tmp_path / name, counts)
    look = arrivals()
    assert ready(look, clock) == [names[0]]
    sizes = sum((tmp_path / n).stat().st_size for n in names)
    assert look.look()[0].size == sizes
    # one more part comes: the movie is not complete any more
    shutil.copy(tmp_path / names[2], tmp_path / "run_MMStack_Pos0_3.ome.tif")
    assert not look.look()[0].ready
    # a part in the middle is missing: it has not come, yet
    (tmp_path / names[1]).unlink()
    assert ready(look, clock) == []
    assert "Pos0_1" in look.look()[0].why


def test_a_later_part_alone_is_no_movie(tmp_path, arrivals, clock, counts):
    write_tiff(tmp_path / "run_MMStack_Pos0_1.ome.tif", counts)
    assert ready(arrivals(), clock) == []


def test_folders_that_are_movies(tmp_path, root, arrivals, clock):
    data = root / "tests" / "data"
    shutil.unpack_archive(data / "zarr" / "ome_zarr_py_tczyx.zarr.zip", tmp_path / "packed")
    store = next(p for p in (tmp_path / "packed").rglob("*") if p.name in (".zattrs", "zarr.json"))
    shutil.move(store.parent, tmp_path / "a.zarr")
    source = next(p.parent for p in (data / "ndtiff").rglob("NDTiff.index"))
    shutil.copytree(source, tmp_path / "scan_1")
    assert ready(arrivals(), clock) == ["a.zarr", "scan_1"]
    size, count, _ = extent([tmp_path / "scan_1"])
    files = [p for p in (tmp_path / "scan_1").rglob("*") if p.is_file()]
    assert (size, count) == (sum(p.stat().st_size for p in files), len(files))


def test_subfolders_are_looked_into_when_asked(tmp_path, arrivals, clock, counts):
    (tmp_path / "day1" / "cell2").mkdir(parents=True)
    write_tiff(tmp_path / "day1" / "cell2" / "a.ome.tif", counts)
    assert ready(arrivals(), clock) == []
    assert ready(arrivals(subfolders=True), clock) == ["a.ome.tif"]


def test_a_folder_that_goes_away_comes_back(tmp_path, arrivals, clock, counts):
    folder = tmp_path / "drive"
    folder.mkdir()
    write_tiff(folder / "a.ome.tif", counts)
    look = arrivals(folder)
    assert ready(look, clock) == ["a.ome.tif"]
    folder.rename(tmp_path / "away")
    assert look.look() == []
    (tmp_path / "away").rename(folder)
    assert ready(look, clock) == ["a.ome.tif"]


def test_what_is_done_costs_nothing(tmp_path, arrivals, clock, counts, monkeypatch):
    for k in range(5):
        write_tiff(tmp_path / f"{k}.ome.tif", counts)
    look = arrivals()
    ready(look, clock)
    from limelight.metrics import arrivals as module

    monkeypatch.setattr(module, "extent", lambda files: pytest.fail("it was looked at"))
    assert look.look(lambda path: True) == []
