"""The controllers against simple plants with delay and noise."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from limelight.acquire.processors import HoldDensity, HoldFocus
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.stream import Reading, Request, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

STREAM = Stream((8, 8), np.dtype(np.uint16))


def drive(
    processor: Any,
    answer: Callable[[int, float], dict[str, float]],
    frames: int,
    start: float,
    delay: int = 3,
    first: Frame | None = None,
) -> tuple[list[float], list[Any]]:
    """Close the loop: each reading follows from what was asked `delay` frames before."""
    state = [start]
    pipe: deque[float] = deque([start] * delay)
    course = []

    def items():
        if first is not None:
            yield first
        for i in range(frames):
            pipe.append(state[0])
            course.append(pipe.popleft())
            yield Reading(i, answer(i, course[-1]))

    outputs = []
    for output in processor.process(items(), STREAM):
        outputs.append(output)
        if isinstance(output, Request):
            state[0] = output.z if output.z is not None else float(output.properties[0][2])
    return course, outputs


@pytest.mark.parametrize("start", [0.02, 1.0, 15.0])
def test_density_converges_and_follows_bleaching(start: float) -> None:
    rng = np.random.default_rng(1)
    density = []

    def answer(i: int, power: float) -> dict[str, float]:
        mean = (10 + 25 * power) * np.exp(-i / 3000)  # bleaches to a third meanwhile
        density.append(mean)
        return {"molecules": float(rng.poisson(mean))}

    power, outputs = drive(HoldDensity(target=50, start=start), answer, 3000, start)
    late = np.array(density[400:])
    assert np.abs(late / 50 - 1).max() < 0.2
    assert late.mean() == pytest.approx(50, rel=0.05)
    readings = [o for o in outputs if isinstance(o, Reading)]
    assert readings[-1].values == {"Laser-405 Power_mW": pytest.approx(power[-1], rel=0.3)}


def test_density_stays_within_limits_and_returns_from_them() -> None:
    too_many = True

    def answer(i: int, power: float) -> dict[str, float]:
        return {"molecules": 500.0 if i < 500 else 40 * power}

    power, _ = drive(HoldDensity(target=50, start=5, lowest=0.1, highest=8), answer, 2000, 5.0)
    assert too_many
    assert min(power) == 0.1
    assert max(power) <= 8
    assert power[-1] * 40 == pytest.approx(50, rel=0.05)


def test_density_without_molecules_goes_to_the_greatest_power() -> None:
    power, _ = drive(HoldDensity(highest=8), lambda i, p: {"molecules": 0.0}, 500, 1.0)
    assert power[-1] == 8


def test_density_asks_for_the_device_that_was_named() -> None:
    part = HoldDensity(device="UV", property="Intensity", start=3)
    first = next(iter(part.process(iter(()), STREAM)))
    assert first.properties == (("UV", "Intensity", 3.0),)
    with pytest.raises(ParameterError, match="below the greatest"):
        HoldDensity(lowest=5, highest=2)


def widths(drift_um_per_frame: float, seed: int = 0) -> tuple[list[float], Callable[..., Any]]:
    rng = np.random.default_rng(seed)
    off = []

    def answer(i: int, z: float) -> dict[str, float]:
        away = z - 0.3 - drift_um_per_frame * i
        off.append(away)
        sigma = 125 * np.hypot(1, away / 0.35)
        return {"sigma (nm)": sigma * rng.normal(1, 0.01)}

    return off, answer


def test_focus_is_found_and_held_against_drift() -> None:
    off, answer = widths(0.0003)  # 30 nm per second at 100 frames per second
    drive(HoldFocus(pause=50, z=0.0), answer, 4000, 0.0)
    late = np.abs(off[600:])
    assert np.median(late) < 0.05
    assert late.max() < 0.15 + 0.08  # the probing itself, and little more


def test_focus_is_found_from_far_away() -> None:
    off, answer = widths(0.0)
    drive(HoldFocus(pause=0, z=-1.5), answer, 3000, -1.5)
    assert np.median(np.abs(off[-500:])) < 0.16


def test_focus_never_leaves_its_reach() -> None:
    z, _ = drive(HoldFocus(pause=0, reach=0.4), lambda i, z: {"sigma (nm)": 300 + 60 * z}, 3000, 0)
    assert min(z) == -0.4
    assert max(z) <= 0.4


def test_focus_begins_where_the_frames_say() -> None:
    frame = Frame(np.zeros((8, 8)), 0, metadata={"ZPosition_um_Intended": 12.0})
    _off, answer = widths(0.0)
    _z, outputs = drive(HoldFocus(pause=5), answer, 60, 12.0, first=frame)
    asked = [o.z for o in outputs if isinstance(o, Request)]
    assert asked[0] == pytest.approx(12 - 0.15)


def test_flat_widths_move_nothing() -> None:
    _z, outputs = drive(HoldFocus(pause=0), lambda i, z: {"sigma (nm)": 130.0}, 1000, 0.0)
    found = [o.values["focus (µm)"] for o in outputs if isinstance(o, Reading)]
    assert found
    assert set(found) == {0.0}


@pytest.mark.parametrize("lag", [0, 40])
def test_readings_that_come_late_are_known_to_be_late(lag: int) -> None:
    """Readings may be far behind the camera: what the frames say of it is heeded."""
    part = HoldFocus(pause=10, window=5, settle=3, z=0.0)
    at, course, asked = [0.0], [], []

    def items():
        for i in range(2500):
            course.append(at[0])
            yield Frame(np.zeros((8, 8)), i)
            if i >= lag:
                sigma = 125 * np.hypot(1, (course[i - lag] - 0.4) / 0.35)
                yield Reading(i - lag, {"sigma (nm)": sigma})

    for output in part.process(items(), STREAM):
        if isinstance(output, Request):
            at[0] = output.z
        else:
            asked.append(output.values["focus (µm)"])
    np.testing.assert_allclose(asked[4:], 0.4, atol=0.005)


def test_other_readings_are_of_no_matter() -> None:
    part = HoldDensity(window=2, settle=0)
    readings = iter([Reading(i, {"photons": 5.0}) for i in range(50)])
    assert len(list(part.process(readings, STREAM))) == 1
