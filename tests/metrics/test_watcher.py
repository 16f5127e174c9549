from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from limelight.core.errors import FileError, ParameterError
from limelight.core.job import run
from limelight.io import load_localizations
from limelight.metrics import Database, Filter, Watcher, WatchSettings, load_watch, watch_job
from limelight.metrics.schema import claims

QUICK = {"poll_s": 0.05, "settle_s": 0.05, "quality": False}
PHASOR = {"localize": {"fit": "phasor", "box": 7, "pixel_size": 100}}


@pytest.fixture
def settings(movies):
    def make(**values) -> WatchSettings:
        return WatchSettings(**{"folders": movies.folder, "groups": (PHASOR,), **QUICK, **values})

    return make


def once(settings, **values):
    return run(watch_job(settings, once=True, **values))


def names(rows) -> list[str]:
    return sorted(Path(f).name for f in rows["file"])


def states() -> dict[tuple[str, int], str]:
    database = Database()
    with database.gate.read() as connection:
        found = connection.execute(select(claims)).all()
    database.close()
    assert len({(c.watch, c.path, c.part) for c in found}) == len(found)
    return {(Path(c.path).name, c.part): c.state for c in found}


def test_movies_are_processed_once_and_remembered(place, movies, settings):
    movies("a", "b")
    watch = settings(group="paint", tags=("live",))
    assert len(once(watch).done) == 2
    rows = Database().query(Filter(groups="paint", tags=("live",)))
    assert names(rows) == ["a.ome_locs.hdf5", "b.ome_locs.hdf5"]
    assert set(rows["n_locs"]) == {8.0}
    locs = load_localizations(movies.folder / "a.ome_locs.hdf5")
    assert locs.pixel_size_nm == 100 and len(locs) == 8
    written = (movies.folder / "a.ome_locs.hdf5").stat().st_mtime_ns
    movies("c")
    again = once(watch)
    assert (again.done, again.known) == (["c.ome.tif"], [])
    assert (movies.folder / "a.ome_locs.hdf5").stat().st_mtime_ns == written
    assert Database().count() == 3


def test_quality_and_picture_are_part_of_the_record(place, movies, settings):
    movies("a")
    once(settings(quality=True))
    database = Database()
    (run_id,) = database.query()["id"]
    assert "nena_nm" in database.details(run_id).figures
    assert database.preview(run_id).startswith(b"\x89PNG")


def test_parameter_groups_name_their_results(place, movies, settings):
    movies("a")
    other = {"localize": {"fit": "phasor", "box": 9}}
    result = once(settings(groups=(PHASOR, other)))
    assert result.done == ["a.ome.tif pg 1", "a.ome.tif pg 2"]
    assert names(Database().query()) == ["a.ome_pg_1_locs.hdf5", "a.ome_pg_2_locs.hdf5"]


def test_steps_and_commands_follow_one_another(place, movies, settings, tmp_path):
    movies("a b; echo $HOME")  # a name that a shell would take to pieces
    told = tmp_path / "told.txt"
    code = "import sys; open(sys.argv[1], 'a').write('|'.join(sys.argv[2:]) + chr(10))"
    group = {
        **PHASOR,
        "steps": [{"filter": {"where": "photons > 0"}}, "frc", "neighbours"],
        "commands": [[sys.executable, "-c", code, str(told), "x=$FILENAME", "$MOVIE", "$HOME"]],
    }
    result = once(settings(groups=(group,)))
    assert result.failed == [] and len(result.done) == 1
    newest = movies.folder / "a b; echo $HOME.ome_locs_filter_neighbours.hdf5"
    assert newest.exists()
    movie = movies.folder / "a b; echo $HOME.ome.tif"
    assert told.read_text().splitlines() == [f"x={newest}|{movie}|$HOME"]
    database = Database()
    assert Counter(database.query()["kind"]) == {"localization": 1, "tool": 2}
    # eight molecules are too few to measure a resolution; the rest goes on
    assert "frc: " in "\n".join(Watcher(settings(groups=(group,))).log())
    assert database.count(Filter(tags=("filter",))) == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([sys.executable, "-c", "print('no good'); raise SystemExit(3)"], "failed with status 3"),
        (["no_such_program_anywhere", "$FILENAME"], "cannot be run"),
    ],
)
def test_a_command_that_fails_is_told_and_the_result_kept(
    place, movies, settings, command, message
):
    movies("a", "b")
    watch = settings(groups=({**PHASOR, "commands": [command]},))
    assert len(once(watch).failed) == 2
    log = "\n".join(Watcher(watch).log())
    assert message in log and ("no good" in log) == ("status" in message)
    assert Database().count() == 2
    assert once(watch).failed == []  # not tried again and again


def test_a_command_that_hangs_is_ended(place, movies, settings):
    movies("a")
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    watch = settings(groups=({**PHASOR, "commands": [command]},), command_s=1.0)
    assert once(watch).failed == ["a.ome.tif"]  # and does not take the hour
    assert "took longer than 1 s" in "\n".join(Watcher(watch).log())


def test_a_bad_movie_does_not_stop_the_others(place, movies, settings):
    folder = movies("a", "c")
    (folder / "b.ome.tif").write_bytes(b"no TIFF" * 100)
    watch = settings(patience_s=0.2)
    result = once(watch)
    assert (len(result.done), result.failed) == (2, ["b.ome.tif"])
    assert states()["b.ome.tif", 0] == "failed"
    movies("b")  # now a good one: its size has changed
    assert once(watch).done == ["b.ome.tif"]


def test_a_movie_that_goes_on_growing_is_processed_again(place, movies, settings, counts):
    from limelight.io import write_tiff

    folder = movies("a")
    watch = settings()
    once(watch)
    write_tiff(folder / "a.ome.tif", list(counts) * 2, frames=16)
    assert once(watch).done == ["a.ome.tif"]
    rows = Database().query()
    assert rows["n_locs"].tolist() == [16.0]  # the same run, told anew


def test_a_result_that_is_there_is_not_replaced(place, movies, settings):
    folder = movies("a")
    (folder / "a.ome_locs.hdf5").write_bytes(b"somebody's")
    assert once(settings()).known == ["a.ome.tif"]
    assert (folder / "a.ome_locs.hdf5").read_bytes() == b"somebody's"
    assert once(settings(), again=True).done == ["a.ome.tif"]
    assert once(settings(), again=True).done == ["a.ome.tif"]
    assert Database().count() == 1


def test_movies_that_were_there_before_may_be_left_alone(place, movies, settings):
    movies("old")
    job = watch_job(settings(existing=False))
    for step in job:
        if "Waits" in step.message:
            break
    movies("new")
    done = next(step for step in job if "1 processed" in step.message)
    assert done
    job.close()
    assert names(Database().query()) == ["new.ome_locs.hdf5"]
    assert Database().watchers()[0].state == "stopped"


def test_a_watcher_in_a_thread_is_seen_and_stopped_from_elsewhere(place, movies, settings):
    watcher = Watcher(settings())
    assert not watcher.running
    watcher.start()
    with pytest.raises(ParameterError, match="runs"):
        watcher.start()
    database = Database()
    end = time.monotonic() + 120
    while not (found := database.watchers()) and time.monotonic() < end:
        time.sleep(0.05)
    assert found[0].state == "running" and found[0].pid == os.getpid()
    assert found[0].log == watcher.log_path
    assert [w.uid for w in database.status().watchers] == [found[0].uid]
    database.ask_to_stop(found[0].uid)
    while watcher.running and time.monotonic() < end:
        time.sleep(0.05)
    assert not watcher.running and database.watchers()[0].state == "stopped"
    watcher.start()
    assert watcher.stop() and watcher.message == "Stopped."


def test_two_watchers_of_one_name_share_the_work(place, movies, settings):
    movies(*"abcdefgh")
    watchers = [Watcher(settings()) for _ in range(2)]
    for watcher in watchers:
        watcher.start(once=True)
    end = time.monotonic() + 240
    while any(w.running for w in watchers) and time.monotonic() < end:
        time.sleep(0.05)
    done = [title for w in watchers for title in w.result.done]
    assert sorted(done) == [f"{c}.ome.tif" for c in "abcdefgh"]
    assert Database().count() == 8


def test_a_watcher_waits_for_a_database_that_is_locked(place, movies, settings):
    import sqlite3

    movies("a")
    Database().count()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    job = watch_job(settings(), Database(patience_s=0.05), once=True)
    assert "locked" in next(job).message
    other.execute("ROLLBACK")
    other.close()
    assert run(job).done == ["a.ome.tif"]


WATCH = ("-m", "limelight", "watch", "--quiet", "--settings")


def kill_and_restart(folder: Path, watch: WatchSettings, kills: int, seed: int, place: Path) -> str:
    """Start a watcher as a program, kill it at random moments, and let it end at last."""
    file = folder.parent / "watch.yaml"
    file.write_text(watch.to_yaml(), encoding="utf-8")
    chance = random.Random(seed)
    log = Watcher(watch).log_path
    for _ in range(kills):
        begun = log.read_text().count("Watches") if log.exists() else 0
        process = subprocess.Popen([sys.executable, *WATCH, str(file)])
        end = time.monotonic() + 120
        while (not log.exists() or log.read_text().count("Watches") == begun) and (
            time.monotonic() < end
        ):
            time.sleep(0.01)
        time.sleep(chance.expovariate(2.0))
        process.kill()
        process.wait()
    subprocess.run([sys.executable, *WATCH, str(file), "--once"], check=True, timeout=900)
    return log.read_text()


def check_each_once(folder: Path, log: str, count: int) -> None:
    movies = sorted(folder.glob("*.ome.tif"))
    assert len(movies) == count
    database = Database()
    database.drain()
    assert Counter(database.query(Filter(kinds="localization"))["file"]) == Counter(
        str(m).replace(".tif", "_locs.hdf5") for m in movies
    )
    assert Counter(database.query(Filter(kinds="tool"))["file"]) == Counter(
        str(m).replace(".tif", "_locs_link.hdf5") for m in movies
    )
    assert states() == {(m.name, 0): "done" for m in movies}
    for movie in movies:
        # one that is killed between a deed and its line in the log has no line
        assert log.count(f"  {movie.name}: new.") <= 1
        assert log.count(f"  {movie.name}: ") >= 1
        assert log.count(f"{movie.stem}_locs.hdf5: link") <= 1
        assert len(load_localizations(str(movie).replace(".tif", "_locs.hdf5"))) == 8
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []


@pytest.mark.timeout(1200)  # three programs that may all have to compile, on a busy machine
def test_a_watcher_that_is_killed_goes_on_where_it_was(place, movies, settings):
    folder = movies(*(f"m{k}" for k in range(6)))
    watch = settings(groups=({**PHASOR, "steps": [{"link": {"max_distance": 0.5}}]},))
    log = kill_and_restart(folder, watch, 2, 1, place)
    check_each_once(folder, log, 6)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_movies_and_ten_kills(place, movies, settings):
    folder = movies(*(f"m{k}" for k in range(100)))
    watch = settings(groups=({**PHASOR, "steps": [{"link": {"max_distance": 0.5}}]},))
    log = kill_and_restart(folder, watch, 10, 2, place)
    assert log.count("Watches") == 11
    check_each_once(folder, log, 100)


@pytest.mark.parametrize("step", ["localize", "saved", "1 link"])
def test_killed_between_any_two_steps(place, movies, settings, monkeypatch, step):
    """The worst moments: after a result is on the disk, before that is noted."""
    from limelight.metrics import claims as module
    from limelight.metrics import database as holder

    movies("a")
    watch = settings(groups=({**PHASOR, "steps": [{"link": {"max_distance": 0.5}}]},))

    class Killed(BaseException):
        pass

    def die(self, *arguments):
        raise Killed

    note = module.Claims.note
    with monkeypatch.context() as patch:
        patch.setattr(module.Claims, "sign_out", lambda self, message: None)
        patch.setattr(module.Claims, "release", lambda self, claim: None)
        if step == "saved":
            patch.setattr(holder.Database, "keep", die)
        else:
            patch.setattr(
                module.Claims, "note", lambda s, c, n, f: die(s) if n == step else note(s, c, n, f)
            )
        with pytest.raises(Killed):
            once(watch)
        # a process that is dead cannot be asked
        patch.setattr(module, "is_lost", lambda *process: True)
        assert once_after(patch, module, note, watch).done == ["a.ome.tif"]
    log = "\n".join(Watcher(watch).log())
    assert log.count("goes on after attempt 1") == 1
    database = Database()
    assert Counter(database.query()["kind"]) == {"localization": 1, "tool": 1}


LINKS = {**PHASOR, "steps": [{"link": {"max_distance": 0.5}}]}


def test_stopped_while_the_quality_is_measured(place, movies, settings):
    """The result is on the disk, but what follows is not done: it is not somebody else's."""
    folder = movies("a")
    watch = settings(groups=(LINKS,), quality=True)
    job = watch_job(watch, once=True)
    while not (folder / "a.ome_locs.hdf5").exists():
        next(job)
    job.close()
    assert states() == {("a.ome.tif", 0): "free"}
    assert once(watch).done == ["a.ome.tif"]
    assert (folder / "a.ome_locs_link.hdf5").exists()
    assert Counter(Database().query()["kind"]) == {"localization": 1, "tool": 1}
    assert "a.ome.tif: goes on where it was stopped." in "\n".join(Watcher(watch).log())


def test_cut_off_while_a_movie_that_has_grown_is_processed_again(place, movies, settings, counts):
    """The older result is there, made with the same settings; it is not taken for the new one."""
    from limelight.io import write_tiff

    folder = movies("a")
    watch = settings(groups=(LINKS,))
    once(watch)
    write_tiff(folder / "a.ome.tif", list(counts) * 2, frames=16)
    job = watch_job(watch, once=True)
    while states()["a.ome.tif", 0] != "claimed":
        next(job)
    job.close()
    assert once(watch).done == ["a.ome.tif"]
    assert len(load_localizations(folder / "a.ome_locs.hdf5")) == 16
    assert Database().count() == 2


def test_what_a_killed_step_had_begun_to_write_is_removed(place, movies, settings):
    folder = movies("a")
    watch = settings(groups=(LINKS,))
    job = watch_job(watch, once=True)
    step = next(s for s in job if "link" in s.message.lower() or "Reading" in s.message)
    job.close()
    assert step is not None
    part = folder / f".a.ome_locs_link-{'0a' * 6}.hdf5"
    part.write_bytes(b"half a table")
    other = folder / ".somebody-else.hdf5"
    other.touch()
    assert once(watch).done == ["a.ome.tif"]
    assert not part.exists() and other.exists()


def test_a_movie_that_another_watcher_has_is_waited_for_at_leisure(
    place, movies, settings, monkeypatch
):
    from limelight.metrics.claims import Claims

    movies("a")
    asked = []
    take = Claims.take
    monkeypatch.setattr(Claims, "take", lambda *a: asked.append(a) or take(*a))
    slow = settings(poll_s=600.0, settle_s=0.0)
    first, second = watch_job(settings(), once=True), watch_job(slow, once=True)
    while not asked:
        next(first)
    assert states() == {("a.ome.tif", 0): "claimed"}
    while len(asked) < 2:
        next(second)
    for _ in range(8):  # it looks away, and need not be asked whether it may
        next(second)
    assert len(asked) == 2
    second.close()
    assert run(first).done == ["a.ome.tif"]


def once_after(patch, module, note, watch):
    from limelight.metrics import database as holder

    patch.setattr(module.Claims, "note", note)
    patch.setattr(holder.Database, "keep", holder_keep)
    return once(watch)


holder_keep = Database.keep


def test_settings_from_a_file(tmp_path, movies):
    path = tmp_path / "watch.yaml"
    watch = WatchSettings(folders=movies.folder, groups=(PHASOR, {"steps": ["link"]}))
    path.write_text(watch.to_yaml(), encoding="utf-8")
    assert load_watch(path) == watch
    assert load_watch(path, poll_s=3.0, name="x").poll_s == 3.0
    path.write_text("fit: phasor\nroi: [0, 0, 8, 8]\n")
    short = load_watch(path, folders=(movies.folder,))
    assert short.groups[0].localize_settings().roi == (0, 0, 8, 8)
    path.write_text(
        f"folders: ['{movies.folder}']\nlocalize: {{fit: lq}}\ncommands: ['a \"b c\"']\n"
    )
    assert load_watch(path).groups[0].commands == (("a", "b c"),)
    from limelight.cli.watch import EXAMPLE

    path.write_text(EXAMPLE.format(folder=movies.folder))
    assert load_watch(path).groups[0].steps[1] == ("link", {"max_distance": 0.3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folders: [{folder}]\npol_s: 3", "Did you mean 'poll_s'"),
        ("folders: [{folder}]\nlocalize: {{fitt: mle}}", "Did you mean 'fit'|no setting|fitt"),
        ("folders: [{folder}]\nlocalize: {{fit: mel}}", "Did you mean 'mle'"),
        ("folders: [{folder}]\nsteps: [undrft]", "Did you mean 'undrift'"),
        ("folders: [{folder}]\nsteps: [{{link: {{max_dist: 1}}}}]", "max_distance"),
        ("folders: [{folder}]\ncommands: [3]", "list of arguments"),
        ("folders: [{folder}]\nkinds: [.tiff, .czi]", "kind '.czi'"),
        ("folders: [{folder}]\nlocalize: {{}}\ngroups: [{{}}]", "not both"),
        ("folders: [{folder}/nowhere]", "no folder"),
        ("poll_s: 1", "at least one folder"),
        ("- a", "names and values"),
        ("a: [", "not YAML"),
    ],
)
def test_settings_of_no_use_are_told(tmp_path, movies, text, message):
    path = tmp_path / "watch.yaml"
    path.write_text(text.format(folder=movies.folder))
    with pytest.raises(FileError, match=message):
        load_watch(path)
