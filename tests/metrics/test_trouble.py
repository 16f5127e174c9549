"""What happens to rows when something happens to the database."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from limelight.core.report import flush, report
from limelight.metrics import Database, DatabaseError
from limelight.metrics.journal import Journal
from limelight.metrics.places import journal_folder
from limelight.metrics.recorder import DatabaseRecorder

WRITER = """
import sys
from limelight.core.report import RunRecord, flush, report
from limelight.metrics import Database
who, count = sys.argv[1], int(sys.argv[2])
for k in range(count):
    record = RunRecord(kind="tool", file=f"/data/{who}_{k}", figures={"n_locs": k})
    if k % 2:
        report(record)
    else:
        Database(patience_s=30).add(record)
"""


def test_several_processes_write_at_once_and_no_row_is_lost(place):
    # the database is made by all of them at once, too
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, f"p{k}", "16"], stderr=subprocess.PIPE)
        for k in range(3)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()
    database = Database()
    database.drain()
    names = database.query()["file"].tolist()
    assert len(names) == len(set(names)) == 48
    assert len(database.journal) == 0


def test_rows_wait_while_the_database_is_locked(database, make_record, place):
    database.add(make_record(0))
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DatabaseError, match="locked by another program"):
            database.add(make_record(1))
        assert not database.keep(make_record(1))
        with pytest.raises(DatabaseError):
            database.drain()
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert database.drain() == 1 and database.count() == 2


@pytest.mark.skipif(os.name == "nt", reason="permissions of files are others there")
def test_a_database_that_may_only_be_read_is_read(database, make_record, place, monkeypatch):
    database.add(make_record(0))
    database.close()
    # root may write whatever the permissions say: have SQLite open it for reading
    from limelight.metrics import connection

    plain = connection._set_up

    def read_only(opened, record):
        plain(opened, record)
        opened.execute("PRAGMA query_only=ON").close()

    monkeypatch.setattr(connection, "_set_up", read_only)
    assert database.query()["n_locs"].tolist() == [0.0]
    with pytest.raises(DatabaseError, match="may only be read"):
        database.add(make_record(1))
    assert not database.keep(make_record(1))
    database.close()
    monkeypatch.undo()
    monkeypatch.setenv("LIMELIGHT_DB", str(place))


@pytest.mark.parametrize(
    "damage", [b"no database at all" * 300, b"", b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_damaged_database_stops_nobody(place, make_record, damage):
    place.write_bytes(damage)
    database = Database(patience_s=0.1)
    if damage:
        with pytest.raises(DatabaseError, match="damaged"):
            database.query()
        assert not database.keep(make_record(1))
        status = database.status()
        assert "damaged" in status.problem and status.waiting == 1
        database.close()
        place.unlink()  # what the message says
    else:
        assert database.keep(make_record(1))  # an empty file is an empty database
    database.drain()
    assert database.count() == 1 and database.status().problem == ""
    database.close()


def test_a_page_of_the_database_is_destroyed(database, make_record, place):
    database.add_many([make_record(k) for k in range(300)])
    database.close()
    content = bytearray(place.read_bytes())
    content[4096 * 2 : 4096 * 12] = b"\xa5" * 4096 * 10
    place.write_bytes(content)
    assert not database.keep(make_record(301)) or database.status().problem == ""
    with pytest.raises(DatabaseError):
        database.query()


@pytest.mark.parametrize(
    ("place_", "message"),
    [
        ("nonsense://here/there", "no SQLAlchemy URL"),
        ("oracle+no_driver://x", "no SQLAlchemy URL|not installed"),
        ("postgresql+pg_no_such://x", "no SQLAlchemy URL"),
    ],
)
def test_a_url_of_no_use_is_told(place, make_record, place_, message):
    database = Database(place_)
    with pytest.raises(DatabaseError, match=message):
        database.query()
    assert not database.keep(make_record())
    assert database.status().problem and database.status().waiting == 1


def test_a_folder_in_the_way_is_told(tmp_path, place, make_record):
    (tmp_path / "folder").mkdir()
    database = Database(tmp_path / "folder")
    with pytest.raises(DatabaseError, match="it is a folder"):
        database.query()
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="folder of the database"):
        Database(tmp_path / "file" / "m.sqlite").query()


def test_a_password_is_not_shown(place):
    assert "secret" not in Database("postgresql+nope://me:secret@lab/x").status().url


def test_switched_off(monkeypatch, make_record, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LIMELIGHT_DB", "none")
    with pytest.raises(DatabaseError, match="switched off"):
        Database()
    recorder = DatabaseRecorder()
    recorder.record(make_record())
    assert recorder.flush(0.1) and not recorder.on and not list(tmp_path.iterdir())


def test_a_report_ends_in_the_database(place, make_record):
    report(make_record(1))
    report(make_record(2))
    assert flush(20)
    database = Database()
    assert database.count() == 2 and len(database.journal) == 0


def test_a_row_waits_across_a_crash(place, make_record):
    """What is in the journal when a process dies is added by the next one."""
    journal = Journal(journal_folder(Database().url))
    kept = make_record(1)
    journal.write(kept)
    journal.write(kept)  # died after adding it, before taking it out
    database = Database()
    assert database.drain() == 2 and database.count() == 1 and len(journal) == 0


def test_damaged_rows_of_the_journal_are_put_aside(place, make_record):
    database = Database()
    database.journal.write(make_record(1))
    (database.journal.folder / "0-cut.row.json").write_text('{"kind": "tool", "fi')
    (database.journal.folder / "1-odd.row.json").write_text('{"kind": "nonsense", "stamp": 1}')
    (database.journal.folder / "2-list.row.json").write_text("[]")
    (database.journal.folder / "notes.txt").write_text("not ours")
    assert database.drain() == 1 and database.count() == 1
    names = sorted(p.name for p in database.journal.folder.iterdir())
    assert names == [
        "0-cut.row.json.damaged",
        "1-odd.row.json.damaged",
        "2-list.row.json.damaged",
        "notes.txt",
    ]


@pytest.mark.parametrize("daemon", [False, True])
def test_a_process_that_ends_at_once_has_lost_nothing(place, daemon):
    code = (
        "import threading\n"
        "from limelight.core.report import RunRecord, report\n"
        "def end(): report(RunRecord(kind='beads', file='/data/a'))\n"
        f"thread = threading.Thread(target=end, daemon={daemon})\n"
        "thread.start(); thread.join()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    database = Database()
    database.drain()
    assert database.count() == 1
