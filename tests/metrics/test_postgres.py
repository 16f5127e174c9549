"""The same on PostgreSQL: a server of the test's own, where its programs are found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import select, text

from limelight.core.report import flush
from limelight.metrics import Database, DatabaseError, Filter, WatchSettings, watch_job
from limelight.metrics.schema import VERSION, claims

psycopg = pytest.importorskip("psycopg")


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; the newest, where Debian has several."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


class Server:
    """A server in a folder, reached by a socket there: no port is taken."""

    def __init__(self, folder: Path, bin_: Path, user: str | None) -> None:
        self.folder, self._bin, self._user = folder, bin_, user
        self.url = f"postgresql+psycopg://limelight@/postgres?host={folder}"
        data = str(folder / "data")
        self._call("initdb", "-D", data, "-U", "limelight", "--auth=trust", "-E", "UTF8", "-N")

    def _call(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words],
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def _control(self, *words: str) -> None:
        folder = self.folder
        self._call("pg_ctl", "-w", "-D", f"{folder}/data", "-l", f"{folder}/log", *words)

    def start(self) -> None:
        self._control("-o", f"-k {self.folder} -c listen_addresses= -F", "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")  # as when its power fails


@pytest.fixture(scope="module")
def running():
    bin_ = programs()
    if bin_ is None or os.name == "nt":
        pytest.skip("PostgreSQL is not installed")
    user = None
    # the server refuses to run as root; another user cannot look into root's folders
    folder = Path(tempfile.mkdtemp(prefix="limelight-pg-"))
    try:
        if os.geteuid() == 0:
            import pwd

            known = {p.pw_name for p in pwd.getpwall()}
            user = next((u for u in ("postgres", "nobody") if u in known), None)
            if user is None:
                pytest.skip("there is no user but root to run PostgreSQL")
            shutil.chown(folder, user)
        server = Server(folder, bin_, user)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(running, tmp_path, monkeypatch):
    """The server with an empty database, which is that of this process and of its children."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LIMELIGHT_DB", running.url)
    place = f"host={running.folder} user=limelight dbname=postgres"
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    yield running
    flush(10)


@pytest.fixture
def database(server):
    found = Database()
    yield found
    found.close()


def test_what_is_added_comes_back(database, make_record):
    png = b"\x89PNG and more"
    ids = database.add_many([make_record(0, preview=png), make_record(1, tags=("x", "é 100%_"))])
    rows = database.query(columns=("file", "n_locs", "extra"), order="started")
    assert rows["n_locs"].tolist() == [0.0, 100.0] and rows["extra"].tolist() == [0.0, 1.0]
    assert database.preview(ids[0]) == png and database.details(ids[1]).camera["name"] == "camera 1"
    assert database.count(Filter(tags=("é_100%_",))) == 1
    assert database.count(Filter(text="cell_1")) == 1 and database.tags() == ["x", "é_100%_"]
    assert database.query(limit=1, offset=1)["id"].tolist() == [ids[0]]
    assert database.relocate("/data/day0", "/moved") == 2
    database.remove(ids[:1])
    status = database.status()
    assert (status.runs, status.version, status.problem) == (1, VERSION, "")
    assert status.path is None and status.kinds == {"localization": 1}


def test_a_second_report_adds_to_the_first(database, make_record):
    record = make_record(3)
    first = database.add(record)
    assert database.add(record.with_figures({"frc_nm": 40.0})) == first
    assert database.query()["frc_nm"].tolist() == [40.0]


WRITER = """
import sys
from limelight.core.report import RunRecord
from limelight.metrics import Database
who = sys.argv[1]
database = Database()
for k in range(20):
    database.add(RunRecord(kind="tool", file=f"/data/{who}_{k}", figures={"n_locs": k}))
    # both tell of these
    database.add(RunRecord(kind="tool", file=f"/data/{k}", uid=f"shared {k}", figures={who: k}))
"""


def test_two_writers_at_once_lose_nothing(server):
    """They also make the tables at once."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, who], stderr=subprocess.PIPE)
        for who in ("a", "b")
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=200)
        assert writer.returncode == 0, said.decode()
    database = Database()
    try:
        names = database.query()["file"].tolist()
        assert sorted(names) == sorted(
            [f"/data/{who}_{k}" for who in "ab" for k in range(20)]
            + [f"/data/{k}" for k in range(20)]
        )
        shared = database.query(Filter(text="/data/7"), columns=("a", "b"))
        assert (shared["a"].tolist(), shared["b"].tolist()) == ([7.0], [7.0])
    finally:
        database.close()


def test_rows_wait_while_the_server_is_away(server, database, make_record):
    assert database.keep(make_record(0))
    server.stop()
    try:
        assert not database.keep(make_record(1))
        assert not database.keep(make_record(2))
        with pytest.raises(DatabaseError, match="Rows wait until it can be reached"):
            database.query()
        with pytest.raises(DatabaseError):
            database.drain()
        status = database.status()
        assert status.waiting == 2 and "cannot be used" in status.problem
    finally:
        server.start()
    # the same object goes on: its old connections are known to be dead
    assert database.keep(make_record(3))
    assert database.drain() == 2 and len(database.journal) == 0
    assert sorted(database.query()["n_locs"]) == [0.0, 100.0, 200.0, 300.0]


def test_an_older_database_opens_in_a_newer_version(server, database, make_record):
    database.add(make_record(5))
    with database.gate.write() as connection:
        connection.execute(text("DROP TABLE watchers"))
        connection.execute(text("DROP TABLE claims"))
        connection.execute(text("UPDATE limelight_schema SET version = 1"))
    database.close()
    assert database.query()["n_locs"].tolist() == [500.0]
    assert database.status().version == VERSION and database.watchers() == []


def test_a_database_of_a_newer_version_is_left_alone(server, database, make_record):
    database.add(make_record())
    with database.gate.write() as connection:
        connection.execute(text("UPDATE limelight_schema SET version = 99"))
    database.close()
    assert not database.keep(make_record(1))
    assert "newer" in database.status().problem and database.status().waiting == 1


def test_two_watchers_share_movies(server, movies):
    movies("a", "b", "c")
    watch = WatchSettings(
        folders=movies.folder,
        groups=({"localize": {"fit": "phasor", "box": 7, "pixel_size": 100}},),
        poll_s=0.05,
        settle_s=0.05,
        quality=False,
    )
    jobs, done = [watch_job(watch, once=True) for _ in range(2)], []
    while jobs:
        for job in list(jobs):
            try:
                next(job)
            except StopIteration as ended:
                done += ended.value.done
                jobs.remove(job)
    assert sorted(done) == ["a.ome.tif", "b.ome.tif", "c.ome.tif"]
    database = Database()
    with database.gate.read() as connection:
        assert {c.state for c in connection.execute(select(claims))} == {"done"}
    assert database.count() == 3
    database.close()
