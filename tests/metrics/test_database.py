from __future__ import annotations

import itertools
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.metrics import Database, Filter, missing, moment
from limelight.metrics.connection import DatabaseError
from limelight.metrics.schema import FIGURES, VERSION


def test_what_is_added_comes_back(database, make_record):
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    record = make_record(
        3,
        group="paint",
        tags=("live", "two words"),
        duration_s=2.5,
        settings={"fit": "mle", "roi": (1, 2)},
        preview=picture,
        notes={"nena_nm": "doubtful"},
    )
    run = database.add(record)
    row = database.query().row(0)
    assert row["id"] == run and row["file"] == "/data/day0/cell_3_locs.hdf5"
    assert (row["group"], row["tags"].split()) == ("paint", ["live", "two_words"])
    assert (row["n_locs"], row["nena_nm"], row["frc_nm"]) == (300.0, 10.0, None)
    assert row["started"] == record.started.timestamp() and row["duration_s"] == 2.5
    details = database.details(run)
    assert details.settings == {"fit": "mle", "roi": [1, 2]}
    assert details.figures == {"n_locs": 300.0, "nena_nm": 10.0, "extra": 3.0}
    assert details.notes == {"nena_nm": "doubtful"}
    import imagecodecs

    np.testing.assert_array_equal(imagecodecs.png_decode(database.preview(run)), picture)
    assert database.query(columns=["extra", "uid"]).row(0)["extra"] == 3.0
    assert database.find(record.file) == [run] and database.uid_of(run) == record.uid
    assert database.values_of("group") == ["paint"] and database.tags() == ["live", "two_words"]


def test_an_empty_history(database):
    rows = database.query()
    assert len(rows) == 0 and len(rows.where(Filter(text="x", tags=("y",)))) == 0
    assert list(rows) == [] and database.preview(7) is None and database.count() == 0
    assert database.details(7).figures == {} and database.revision() == (0, 0.0)
    assert len(database.query(columns=["extra"], limit=3)) == 0


def test_a_second_report_adds_to_the_first(database, make_record):
    first = make_record(1, group="paint", tags=("a",))
    later = replace(first, figures={"frc_nm": 25.0, "nena_nm": 8.0}, group="", tags=())
    database.add_many([first], [10.0])
    before = database.revision()
    database.add_many([later], [20.0])
    row = database.query().row(0)
    assert (row["n_locs"], row["frc_nm"], row["nena_nm"]) == (100.0, 25.0, 8.0)
    assert (row["group"], row["tags"].split()) == ("paint", ["a"])
    assert database.revision() != before and database.count() == 1


def test_the_order_in_which_reports_arrive_does_not_matter(database, make_record):
    first = make_record(1)
    later = replace(first, figures={"nena_nm": 8.0, "frc_nm": 25.0}, group="paint")
    for k, order in enumerate(itertools.permutations([(first, 10.0), (later, 20.0)])):
        these = [(replace(r, uid=f"run {k}"), stamp) for r, stamp in order]
        for record, stamp in these:
            database.add_many([record], [stamp])
    rows = list(database.query(columns=["nena_nm", "frc_nm", "group", "n_locs"]))
    assert [{k: v for k, v in r.items() if k != "id"} for r in rows] == 2 * [
        {"nena_nm": 8.0, "frc_nm": 25.0, "group": "paint", "n_locs": 100.0}
    ]


FILTERS = [
    Filter(),
    Filter(text="CELL_1"),
    Filter(text="day1 cell"),
    Filter(text="%"),
    Filter(text="µ"),
    Filter(kinds="beads"),
    Filter(kinds=("beads", "localization"), cameras=("camera 1",)),
    Filter(groups=("a", "")),
    Filter(tags=("Live",)),
    Filter(tags=("live", "x")),
    Filter(
        since=datetime(2026, 11, 1, 14, tzinfo=UTC), until=datetime(2026, 11, 1, 20, tzinfo=UTC)
    ),
]


@pytest.mark.parametrize("wanted", FILTERS, ids=range(len(FILTERS)))
def test_filters_do_the_same_in_memory_and_in_the_database(database, make_record, wanted):
    database.add_many(
        [
            make_record(
                k,
                kind=("localization", "beads", "tool")[k % 3],
                group=("a", "b", "")[k % 3],
                tags=(("live", "Live", "x")[k % 3], "x"),
                file=f"/data/100%/Cell_{k}" if k == 7 else f"/data/day{k // 10}/µCell_{k}",
            )
            for k in range(25)
        ]
    )
    everything = database.query()
    kept = everything.take(everything.where(wanted))
    found = database.query(wanted)
    assert kept["id"].tolist() == found["id"].tolist()
    assert database.count(wanted) == len(found)
    assert 0 < len(found) <= 25


@pytest.mark.parametrize("order", ["-started", "started", "-nena_nm", "nena_nm", "file", "-group"])
def test_pages_are_cut_from_the_whole(database, make_record, order):
    records = [make_record(k, group="ab"[k % 2]) for k in range(23)]
    records[4] = make_record(4, figures={})
    database.add_many(records)
    whole = database.query(order=order)["id"].tolist()
    pages = [database.query(order=order, limit=5, offset=k)["id"].tolist() for k in range(0, 25, 5)]
    assert list(itertools.chain(*pages)) == whole and len(whole) == 23
    assert database.query(order=order, offset=20)["id"].tolist() == whole[20:]
    if "nena" in order:
        assert np.isnan(database.query(order=order)["nena_nm"][-1])


def test_a_column_that_there_is_not(database, make_record):
    database.add(make_record())
    with pytest.raises(ParameterError, match="Did you mean 'nena_nm'"):
        database.query(order="nena_mm")
    with pytest.raises(ParameterError, match="no column 'nonsense'"):
        database.query()["nonsense"]
    assert np.isnan(database.query(columns=["nonsense"])["nonsense"]).all()


def test_files_that_moved_are_known_and_relocated(database, make_record, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    for k in range(3):
        (old / f"{k}_locs.hdf5").touch()
        database.add(make_record(k, file=old / f"{k}_locs.hdf5", source=old / f"{k}.tif"))
    beside = tmp_path / "old2" / "x_locs.hdf5"
    database.add(make_record(9, file=beside, source=None))
    rows = database.query(order="started")
    assert missing(rows).tolist() == [False, False, False, True]
    old.rename(new)
    assert missing(rows).all()
    assert database.relocate(old, new) == 3
    rows = database.query(order="started")
    assert missing(rows).tolist() == [False, False, False, True]
    assert rows["source"][0] == str(new / "0.tif") and rows["file"][3] == str(beside)
    assert database.count(Filter(text="new/0")) == 1
    (new / "0_locs.hdf5").rename(new / "zero.hdf5")
    assert database.relocate(new / "0_locs.hdf5", new / "zero.hdf5") == 1
    assert Path(database.query(order="started")["file"][0]).exists()


def test_runs_are_regrouped_and_removed(database, make_record):
    ids = database.add_many([make_record(k) for k in range(4)])
    database.regroup(ids[:2], group="new", tags=["a", "b c"])
    assert sorted(database.query(Filter(groups="new"))["id"]) == ids[:2]
    assert database.tags() == ["a", "b_c"]
    database.remove(ids[1:])
    assert database.query()["id"].tolist() == ids[:1]


def test_an_older_database_opens_in_a_newer_version(place):
    script = (Path(__file__).parent / "data" / "version_1.sql").read_text(encoding="utf-8")
    with sqlite3.connect(place) as connection:
        connection.executescript(script)
    connection.close()
    database = Database()
    rows = database.query()
    assert rows["n_locs"].tolist() == [200.0, 100.0] and set(FIGURES) <= set(rows.columns)
    status = database.status()
    assert (status.version, status.problem, status.runs) == (VERSION, "", 2)
    assert status.watchers == []
    assert database.preview(int(rows["id"][0])).startswith(b"\x89PNG")


def test_figures_that_an_older_version_did_not_know_are_missing(database, make_record):
    database.add(make_record(1))
    with database.gate.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET packed = substr(packed, 1, 16)")
    rows = database.query()
    assert rows["n_locs"].tolist() == [100.0] and np.isnan(rows["dropped_frames"]).all()


def test_a_database_of_a_newer_version_is_left_alone(database, make_record, place):
    database.add(make_record())
    database.close()
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE limelight_schema SET version = 99")
    connection.close()
    with pytest.raises(DatabaseError, match="newer Limelight"):
        database.add(make_record(1))
    assert not database.keep(make_record(1))
    assert "newer" in database.status().problem and database.status().waiting == 1


def test_times_as_a_person_writes_them():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert moment("30d", now=now) == now - timedelta(days=30)
    assert moment(" 1.5 h", now=now) == now - timedelta(minutes=90)
    assert moment("2026-11-20T12:00+00:00") == now
    assert moment("2026-11-20") == datetime(2026, 11, 20).astimezone()
    assert moment(now.date()) == datetime(2026, 11, 20).astimezone()
    for nonsense in ("yesterday", "", "30", "2026-13-01", "9" * 400 + "d"):
        with pytest.raises(ParameterError, match="is no time"):
            moment(nonsense)
