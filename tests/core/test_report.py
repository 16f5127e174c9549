from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from limelight.core import report as reporting
from limelight.core.errors import ParameterError
from limelight.core.report import RunRecord


class Keeper:
    on = True

    def __init__(self, error: Exception | None = None, wait: float = 0.0) -> None:
        self.kept: list[RunRecord] = []
        self.error, self.wait = error, wait

    def record(self, record):
        time.sleep(self.wait)
        if self.error:
            raise self.error
        self.kept.append(record)

    def flush(self, timeout):
        return True


@pytest.fixture
def desk(monkeypatch):
    desk = reporting._Desk()
    monkeypatch.setattr(reporting, "_desk", desk)
    return desk


def test_a_report_costs_little_whatever_the_recorder_does(desk):
    slow = Keeper(wait=0.05)
    desk._recorders = [slow]
    records = [RunRecord(kind="tool", preview=np.zeros((8, 8), np.uint8)) for _ in range(5)]
    start = time.perf_counter()
    for record in records:
        reporting.report(record)
    assert time.perf_counter() - start < 0.025  # five of them
    assert reporting.flush(5)
    assert slow.kept == records  # in their order


def test_a_recorder_that_fails_disturbs_nobody(desk, caplog):
    good = Keeper()
    desk._recorders = [Keeper(ValueError("broken")), good]
    reporting.report(RunRecord(kind="beads"))
    assert reporting.flush(5)
    assert len(good.kept) == 1
    assert "broken" in caplog.text


def test_flush_says_when_it_took_too_long(desk):
    desk._recorders = [Keeper(wait=0.3)]
    reporting.report(RunRecord(kind="beads"))
    assert not reporting.flush(0.01)
    assert reporting.flush(5)


def test_a_record_is_a_snapshot_of_plain_values():
    settings = {"roi": (1, 2), "size": np.float32(3), "path": Path("a")}
    record = RunRecord(
        kind="localization",
        file="a.hdf5",
        settings=settings,
        figures={"nan": float("nan"), "one": np.int64(1), "none": None},
        started=datetime(2026, 1, 1),
        tags=["a"],
    )
    settings["roi"] = None
    assert record.settings == {"roi": [1, 2], "size": 3.0, "path": "a"}
    assert record.figures == {"nan": None, "one": 1.0, "none": None}
    assert record.file == Path("a.hdf5").absolute()
    assert record.started.tzinfo is not None and record.tags == ("a",)
    again = RunRecord.from_dict({**record.to_dict(), "of a newer version": 1})
    assert again.to_dict() == record.to_dict()
    more = record.with_figures({"two": 2}, {"two": "doubtful"}, duration_s=1.0)
    assert (more.uid, more.figures["two"], more.notes["two"]) == (record.uid, 2.0, "doubtful")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "localisation"}, "Did you mean 'localization'"),
        ({"kind": "tool", "preview": np.zeros((3, 3))}, "uint8"),
        ({"kind": "tool", "preview": np.zeros(3, np.uint8)}, "shape"),
    ],
)
def test_a_record_of_no_use_is_refused(values, message):
    with pytest.raises(ParameterError, match=message):
        RunRecord(**values)


def test_nothing_is_recorded_where_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("LIMELIGHT_DB", "none")
    assert not reporting.recording()
    assert RunRecord(kind="tool", started=datetime.now(UTC)).software.startswith("Limelight")
