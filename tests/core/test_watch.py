from __future__ import annotations

import threading
import time

import pytest

from limelight.core.errors import ParameterError
from limelight.core.job import run
from limelight.core.pool import each
from limelight.core.watch import Stopped, watched


def slow(n: int) -> int:
    time.sleep(0.02)
    return n * n


def alive() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "limelight-watched"]


def test_a_function_runs_as_a_job_and_its_pieces_are_counted() -> None:
    steps = []
    found = run(watched(lambda: each(slow, range(30), 2), "Squaring"), steps.append)
    assert found == [n * n for n in range(30)]
    assert steps[0].done == 0 and all(s.message == "Squaring" for s in steps)
    assert any(0 < s.done < 30 and s.total == 30 for s in steps)
    assert not alive()


def test_what_a_function_raises_is_raised_by_the_job() -> None:
    def fail() -> None:
        raise ParameterError("no good")

    with pytest.raises(ParameterError, match="no good"):
        run(watched(fail))
    assert not alive()


def test_a_closed_job_goes_over_no_further_pieces() -> None:
    seen: list[int] = []

    def piece(n: int) -> None:
        seen.append(n)
        time.sleep(0.02)

    job = watched(lambda: each(piece, range(1000), 1))
    next(job)
    next(job)
    job.close()
    count = len(seen)
    assert 0 < count < 100 and not alive()
    time.sleep(0.1)
    assert len(seen) == count


def test_a_job_that_was_not_begun_starts_no_thread() -> None:
    job = watched(lambda: pytest.fail("it was not wanted"))
    next(job)
    job.close()
    assert not alive()


def test_pieces_outside_a_job_are_not_watched() -> None:
    assert each(slow, range(3)) == [0, 1, 4]
    assert issubclass(Stopped, Exception)
