"""Live localization through the whole acquisition, and loops that it closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from limelight.acquire import Acquisition, multi_d_acquisition_events
from limelight.acquire.processors import HoldDensity, HoldFocus, TriggerWhen
from limelight.acquire.scope import bench_of, camera_of, simulated_core
from limelight.core.localizations import Localizations
from limelight.core.locs.live_table import LiveTable
from limelight.core.readings import Readings
from limelight.core.simulate.sample import Drift
from limelight.core.stream import Reading, Request
from limelight.io import open_movie
from limelight.localize import localize
from limelight.localize.live import LiveLocalize

if TYPE_CHECKING:
    from pathlib import Path

    from limelight.acquire.mmcore import UniMMCore


class Heard:
    """Keeps what processors give."""

    def __init__(self) -> None:
        self.table, self.readings, self.requests = LiveTable(), Readings(), []

    def __call__(self, name: str, output: Any) -> None:
        if isinstance(output, Localizations):
            self.table.add(output)
        elif isinstance(output, Reading):
            self.readings.add(output)
        elif isinstance(output, Request):
            self.requests.append(output)


def acquire(
    core: UniMMCore, frames: int, processors: list[Any], folder: Path | None = None
) -> tuple[Acquisition, Heard]:
    heard = Heard()
    with Acquisition(
        folder,
        "live",
        core=core,
        processors=processors,
        show_display=False,
        format=None if folder else "none",
        on_output=heard,
    ) as acquisition:
        acquisition.acquire(multi_d_acquisition_events(num_time_points=frames))
    return acquisition, heard


def small(**values: Any) -> UniMMCore:
    """A corner of the camera at 50 frames per second: light work for a busy machine."""
    core = simulated_core(**values)
    core.setExposure(20.0)
    core.setROI(128, 128, 256, 256)
    return core


def test_live_table_is_that_of_the_recorded_file(tmp_path: Path) -> None:
    core = small(seed=5)
    camera = camera_of(core)
    acquisition, heard = acquire(core, 60, ["localize"], tmp_path)
    assert acquisition.status.saved == 60
    assert not acquisition.status.skipped
    assert acquisition.stream is not None
    assert acquisition.stream.camera.baseline == camera.baseline == 100
    assert acquisition.path is not None
    with open_movie(acquisition.path) as movie:
        recorded = localize(movie, camera=camera)
    live = heard.table.snapshot()
    assert len(live) > 300
    pd.testing.assert_frame_equal(live.table, recorded.table)
    _, counts = heard.readings.curve("molecules")
    np.testing.assert_array_equal(counts, np.bincount(live["frame"].astype(int), minlength=60))
    core.unloadAllDevices()


def test_density_is_held_and_focus_found() -> None:
    # bleaching lowers the density, and the sample sinks out of focus, 40 nm per second
    core = small(seed=2, molecules=60, bleach=0.3, drift=Drift(z_nm_per_s=40.0))
    core.setPosition(-0.35)
    processors = [
        LiveLocalize(fit="mle"),
        HoldDensity(target=30, window=15, settle=8),
        HoldFocus(pause=20, window=8, settle=8, z=-0.35),
    ]
    _, heard = acquire(core, 600, processors)
    _, molecules = heard.readings.curve("molecules")
    _, sigma = heard.readings.curve("sigma (nm)")
    assert molecules[300:].mean() == pytest.approx(30, rel=0.15)
    assert np.median(sigma[:15]) > 160
    assert np.median(sigma[300:]) < 138
    assert heard.readings.latest()["Laser-405 Power_mW"] != 1.0
    drifted = bench_of(core).displacement_nm[2] / 1000
    assert drifted == pytest.approx(0.48, abs=0.03)
    assert core.getPosition() == pytest.approx(drifted, abs=0.25)  # it may be looking about
    found = heard.readings.curve("focus (µm)")[1]
    assert found[-1] == pytest.approx(drifted, abs=0.12)
    core.unloadAllDevices()


def test_a_trigger_ends_the_acquisition_when_enough_was_seen() -> None:
    core = small(seed=3)
    acquisition, heard = acquire(
        core,
        2000,
        [
            LiveLocalize(fit="mle"),
            TriggerWhen(condition="index >= 40 and molecules > 2", stop=True),
        ],
    )
    assert acquisition.status.finish_reason == "stopped"
    assert 40 <= acquisition.status.acquired < 2000
    assert any(r.stop for r in heard.requests)
    core.unloadAllDevices()


def test_events_that_a_processor_asks_for_are_acquired_after_all_others() -> None:
    def again(frame: Any, values: dict[str, float]) -> Any:
        return [{"axes": {"time": 100 + frame.index + k}} for k in range(2)]

    core = simulated_core(real_time=False)
    core.setROI(0, 0, 64, 64)
    # the image with index 10 is one of those that were added; it adds two more
    trigger = TriggerWhen(condition="index == 3 or index == 10", again="always", call=again)
    with Acquisition(core=core, processors=[trigger], show_display=False) as acquisition:
        acquisition.acquire(multi_d_acquisition_events(num_time_points=10))
    assert acquisition.status.finish_reason == "completed"
    assert acquisition.get_dataset().axes == {"time": [*range(10), 103, 104, 110, 111]}
    assert not [m for m in acquisition.status.messages if "not acquired" in m]
    core.unloadAllDevices()
