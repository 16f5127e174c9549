"""Stacks from the microscope, without a window."""

from __future__ import annotations

import time

import pytest

from limelight.acquire.scope import simulated_core
from limelight.core.errors import LimelightError, ParameterError
from limelight.widgets.psf_stream import StackPlan, StackStream


@pytest.fixture
def core():
    core = simulated_core(seed=1, real_time=False)
    core.setROI(0, 0, 64, 64)
    core.setExposure(5)
    yield core
    core.unloadAllDevices()


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (StackPlan(step_um=0), "above 0"),
        (StackPlan(step_um=float("nan")), "above 0"),
        (StackPlan(1, 1), "above the first"),
        (StackPlan(0, 1, 5), "1 slices"),
        (StackPlan(-100, 100, 0.001), "5000"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, words):
    with pytest.raises(ParameterError, match=words):
        plan.check()


def test_every_slice_of_every_stack_arrives(core):
    core.setPosition(1.0)
    stream = StackStream(core, StackPlan(-0.2, 0.2, 0.1))
    until(lambda: stream.volume is not None and stream.volume.completed >= 3)
    stream.stop()
    assert stream.volume.received >= 20
    assert stream.acquisition.status.failed == 0
    assert core.getPosition() == pytest.approx(1.0)
    assert not stream.running and not core.isSequenceRunning()
    stream.stop()


def test_live_view_gives_way(core):
    core.startContinuousSequenceAcquisition()
    stream = StackStream(core, StackPlan(-0.2, 0.2, 0.1))
    until(lambda: stream.volume is not None)
    stream.stop()
    assert not core.isSequenceRunning()


def test_a_stage_that_refuses_ends_it_with_a_word(core):
    core.setProperty("Z", "FailNextMove", 1)
    stream = StackStream(core, StackPlan(-0.2, 0.2, 0.1))
    until(lambda: stream.volume is not None or not stream.running)
    stream.stop()


def test_without_a_camera_it_says_so(core):
    core.unloadAllDevices()
    with pytest.raises(LimelightError, match="no camera"):
        StackStream(core, StackPlan())
