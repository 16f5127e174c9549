from __future__ import annotations

import threading
import time

import pytest
from qtpy.QtCore import Qt

from limelight.core.job import Progress
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.worker import JobRunner, RunBar, describe_time


class Steps:
    """A job that goes on only when the test lets it."""

    def __init__(self, total=5, error=None):
        self.gate = threading.Semaphore(0)
        self.total, self.error = total, error
        self.closed = threading.Event()
        self.done = 0
        self.thread = None

    def job(self):
        try:
            for i in range(self.total):
                assert self.gate.acquire(timeout=10)
                self.thread = threading.current_thread()
                self.done = i + 1
                yield Progress(i + 1, self.total, f"step {i + 1}")
            if self.error is not None:
                raise self.error
            return "all"
        finally:
            self.closed.set()

    def step(self, n=1):
        for _ in range(n):
            self.gate.release()


@pytest.fixture
def runner(qapp):
    runner = JobRunner()
    yield runner
    assert not runner.running
    runner.deleteLater()


@pytest.fixture
def bar(runner, qtbot):
    bar = RunBar(runner)
    qtbot.addWidget(bar)
    return bar


def test_a_job_runs_off_the_main_thread_to_its_result(runner, qtbot):
    steps = Steps()
    seen = []
    runner.progressed.connect(seen.append)
    with qtbot.waitSignal(runner.finished) as ended:
        runner.start(steps.job())
        with pytest.raises(RuntimeError, match="running"):
            runner.start(steps.job())
        steps.step(5)
    outcome = ended.args[0]
    assert (outcome.state, outcome.result) == ("done", "all")
    assert seen[-1].done == 5
    assert steps.thread is not threading.main_thread()


@pytest.mark.parametrize("error", [ValueError("bad frame"), RuntimeError("also this")])
def test_an_error_is_an_outcome_and_no_traceback(runner, qtbot, error):
    steps = Steps(error=error)
    steps.step(5)
    with qtbot.waitSignal(runner.finished) as ended:
        runner.start(steps.job())
    assert ended.args[0].state == "failed" and ended.args[0].error is error
    assert steps.closed.is_set()


def test_cancel_ends_after_the_step_and_lets_the_job_clean_up(runner, bar, qtbot):
    steps = Steps(total=1000)
    bar.begin(1000)
    runner.start(steps.job())
    steps.step(2)
    qtbot.waitUntil(lambda: steps.done == 2)
    with qtbot.waitSignal(runner.finished) as ended:
        qtbot.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)
        steps.step(1)
    assert ended.args[0].state == "cancelled"
    assert steps.done == 3 and steps.closed.is_set()
    assert bar.isHidden()


def test_pause_holds_and_goes_on(runner, bar, qtbot):
    steps = Steps(total=6)
    bar.begin(6)
    runner.start(steps.job())
    steps.step(1)
    qtbot.waitUntil(lambda: steps.done == 1)
    qtbot.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert runner.is_paused and bar.pause.text() == "Go on"
    steps.step(5)
    qtbot.wait(120)
    assert steps.done <= 2, "one step may have been under way"
    before = runner.seconds
    qtbot.wait(50)
    assert runner.seconds == before, "a pause does not count"
    with qtbot.waitSignal(runner.finished) as ended:
        qtbot.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert ended.args[0].result == "all"


def test_a_held_job_can_be_cancelled(runner, qtbot):
    steps = Steps(total=6)
    runner.start(steps.job())
    runner.pause()
    steps.step(6)  # not before, or the job might end before it is held
    qtbot.waitUntil(lambda: steps.done >= 1)
    with qtbot.waitSignal(runner.finished) as ended:
        runner.cancel()
    assert ended.args[0].state == "cancelled" and steps.closed.is_set()
    assert not runner.is_paused


def test_the_bar_tells_how_far_and_how_long(runner, bar, qtbot, monkeypatch):
    bar.begin(2000)
    monkeypatch.setattr(JobRunner, "seconds", property(lambda self: 4.0))
    bar.show_progress(Progress(500, 2000, "12,345 molecules"))
    assert bar.bar.text() == "500 / 2,000"
    assert bar.text.text() == "12,345 molecules · 125 frames/s · 12 s left"


def test_times_for_people():
    told = [describe_time(s) for s in (0, 0.2, 59.6, 200, 7500)]
    assert told == ["0 s", "1 s", "1 min 0 s", "3 min 20 s", "2 h 5 min"]


# -- the mailbox -----------------------------------------------------------------------------------
@pytest.fixture
def mailbox(qapp):
    mailbox = NewestOnly()
    yield mailbox
    mailbox.close()
    assert mailbox.idle
    mailbox.deleteLater()


def test_the_newest_request_wins_and_there_is_no_queue(mailbox, qtbot):
    gate = threading.Event()
    computed, answers = [], []

    def compute(n):
        gate.wait(5)
        computed.append(n)
        return n * 10

    mailbox.answered.connect(lambda tag, result: answers.append((tag, result)))
    for n in range(50):
        mailbox.request(n, lambda n=n: compute(n))
        if n == 0:
            qtbot.waitUntil(lambda: mailbox._slot is None)  # the first is being computed
    gate.set()
    qtbot.waitUntil(lambda: (49, 490) in answers)
    assert computed == [0, 49]
    assert answers == [(0, 0), (49, 490)]
    qtbot.waitUntil(lambda: mailbox.idle)


def test_a_failure_is_told(mailbox, qtbot):
    def fail():
        raise ValueError("no such frame")

    with qtbot.waitSignal(mailbox.failed) as failed:
        mailbox.request("tag", fail)
    assert failed.args[0] == "tag" and "no such frame" in str(failed.args[1])
    with qtbot.waitSignal(mailbox.answered):
        mailbox.request("next", lambda: 1)


def test_what_was_forgotten_is_not_answered(mailbox, qtbot):
    answers = []
    mailbox.answered.connect(lambda tag, _: answers.append(tag))
    mailbox.request("old", lambda: time.sleep(0.05))
    mailbox.forget()
    with qtbot.waitSignal(mailbox.answered):
        mailbox.request("new", lambda: 1)
    assert answers == ["new"]


def test_a_closed_mailbox_takes_nothing(mailbox):
    mailbox.close()
    mailbox.request("late", lambda: pytest.fail("computed"))
    assert mailbox.idle
