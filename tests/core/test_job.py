from __future__ import annotations

import pytest

from limelight.core.job import Progress, run


def count(n, log):
    try:
        for i in range(n):
            yield Progress(i + 1, n, partial=i)
        return n * n
    finally:
        log.append("cleaned")


def test_run_returns_the_result_and_shows_progress():
    log, seen = [], []
    assert run(count(3, log), seen.append) == 9
    assert [p.done for p in seen] == [1, 2, 3] and log == ["cleaned"]
    assert seen[-1].fraction == 1.0


def test_an_exception_of_the_watcher_ends_the_job_and_cleans_up():
    log = []

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(count(3, log), stop)
    assert log == ["cleaned"]


def test_fraction_of_nothing_to_do():
    assert Progress(0, 0).fraction == 1.0
