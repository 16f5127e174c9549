"""The simulated microscope in the real core."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from limelight.acquire.scope import (
    CONFIGURATION,
    bench_of,
    camera_of,
    load_simulated,
    simulated_core,
)
from limelight.core.compare import score
from limelight.core.errors import ParameterError
from limelight.core.movie import ArrayMovie
from limelight.core.simulate.sample import Drift
from limelight.localize import localize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from limelight.acquire.mmcore import UniMMCore


@pytest.fixture
def core() -> Iterator[UniMMCore]:
    core = simulated_core(real_time=False, drift=Drift())
    yield core
    core.unloadAllDevices()


def film(core: UniMMCore, frames: int) -> tuple[np.ndarray, list[int]]:
    """Run a sequence and return the frames and the numbers of their exposures."""
    core.startSequenceAcquisition(frames, 0, True)
    images, numbers = [], []
    until = time.monotonic() + 30
    while len(images) < frames and time.monotonic() < until:
        if core.getRemainingImageCount():
            image, metadata = core.popNextImageAndMD()
            images.append(image)
            numbers.append(int(metadata["SampleFrame"]))
        elif not core.isSequenceRunning() and not core.getRemainingImageCount():
            break
        else:
            time.sleep(0.001)
    core.stopSequenceAcquisition()
    return np.array(images), numbers


def test_devices_roles_and_presets(core: UniMMCore) -> None:
    assert core.getCameraDevice() == "Camera"
    assert core.getFocusDevice() == "Z"
    assert core.getXYStageDevice() == "XY"
    assert core.getShutterDevice() == "Shutter"
    assert core.getPixelSizeUm() == pytest.approx(0.1)
    assert core.getChannelGroup() == "Channel"
    assert set(core.getAvailableConfigs("Channel")) == {"A647", "Cy3B"}
    assert core.getCurrentConfig("Channel") == "A647"
    camera = camera_of(core)
    assert (camera.baseline, camera.pixel_size_nm, camera.read_noise) == (100, 100, 1.4)
    assert camera.name == "Simulated"


def test_localizing_finds_the_truth(core: UniMMCore) -> None:
    core.setExposure(10)
    film(core, 5)
    frames, numbers = film(core, 40)
    truth = bench_of(core).truth(numbers[0], numbers[-1] + 1)
    truth["frame"] -= numbers[0]
    assert len(truth) / 40 == pytest.approx(50, rel=0.25)
    locs = localize(ArrayMovie(frames, camera_of(core)))
    result = score(truth, locs.table, shape=(512, 512), min_photons=300)
    assert result.jaccard > 0.9
    assert result.rmse * 100 < 20


def test_same_seed_same_frames() -> None:
    def run(seed: int) -> np.ndarray:
        core = simulated_core(seed=seed, real_time=False)
        core.snap()
        core.setProperty("Laser-405", "Power_mW", 3)
        frames, _ = film(core, 8)
        core.unloadAllDevices()
        return frames

    np.testing.assert_array_equal(run(3), run(3))
    assert (run(3) != run(4)).any()


def test_seed_property_restarts_the_sample(core: UniMMCore) -> None:
    first = core.snap()
    core.snap()
    core.setProperty("Sample", "Seed", 0)
    np.testing.assert_array_equal(core.snap(), first)


def molecules(core: UniMMCore, frames: int = 25) -> float:
    film(core, 12)
    _, numbers = film(core, frames)
    truth = bench_of(core).truth(numbers[0])
    return len(truth) / frames


def test_activation_laser_sets_the_density(core: UniMMCore) -> None:
    core.setProperty("Laser-405", "Power_mW", 0)
    few = molecules(core)
    core.setProperty("Laser-405", "Power_mW", 3.0)
    many = molecules(core)
    assert many / few == pytest.approx((0.25 + 2.25) / 0.25, rel=0.5)
    core.setProperty("Laser-405", "On", 0)
    assert molecules(core) < many / 3


def test_readout_laser_shutter_and_filter(core: UniMMCore) -> None:
    film(core, 10)
    bright = core.snap().astype(float)
    core.setProperty("Laser-647", "Power_mW", 300)
    assert core.snap().mean() - 100 > 2 * (bright.mean() - 100)
    core.setShutterOpen(False)
    dark = core.snap().astype(float)
    assert dark.mean() == pytest.approx(100.4, abs=0.1)
    assert dark.std() == pytest.approx(np.sqrt(1.96 + 0.4 + 1 / 12), rel=0.05)
    core.setShutterOpen(True)
    core.setConfig("Channel", "Cy3B")
    assert core.getCurrentConfig("Channel") == "Cy3B"
    core.snap()
    truth = bench_of(core).truth(bench_of(core).taken - 1)
    assert (bench_of(core)._kinds[truth["emitter"]] == 1).all()
    core.setProperty("Filter", "Label", "A647")  # its laser is off
    assert core.snap().mean() == pytest.approx(100.4, abs=0.1)


def test_focus_blurs_and_the_lens_tells_the_side(core: UniMMCore) -> None:
    def widths(z: float) -> tuple[float, float]:
        core.setPosition(z)
        core.snap()
        truth = bench_of(core).truth(bench_of(core).taken - 1)
        return truth["sx"].median(), truth["sy"].median()

    film(core, 10)
    sharp = widths(0.0)
    assert sharp[0] == pytest.approx(1.25, abs=0.05)
    assert widths(0.5)[0] == pytest.approx(1.25 * np.hypot(1, 500 / 350), rel=0.08)
    assert widths(-0.5)[0] == pytest.approx(widths(0.5)[0], rel=0.08)
    core.setConfig("Lens", "Astigmatic")
    above, below = widths(0.3), widths(-0.3)
    assert above[1] < above[0] and below[0] < below[1]


def test_drift_moves_focus_and_field() -> None:
    core = simulated_core(real_time=False, drift=Drift(100.0, 50.0, 200.0))
    core.setExposure(100)
    film(core, 10)
    bench = bench_of(core)
    np.testing.assert_allclose(bench.displacement_nm, (100, 50, 200))
    before = bench.truth(0, 1).set_index("emitter")
    after = bench.truth(9, 10).set_index("emitter")
    points = bench._points
    for frame, seconds in ((before, 0.0), (after, 0.9)):
        np.testing.assert_allclose(frame["x"], points[frame.index, 0] + seconds * 1.0, atol=1e-9)
        np.testing.assert_allclose(frame["z"], points[frame.index, 2] + seconds * 200, atol=1e-9)
    core.unloadAllDevices()


def test_stage_shows_another_part_of_the_same_sample(core: UniMMCore) -> None:
    film(core, 10)
    core.setXYPosition(10.0, -5.0)
    assert core.getXYPosition() == (10.0, -5.0)
    core.snap()
    truth = bench_of(core).truth(bench_of(core).taken - 1)
    points = bench_of(core)._points[truth["emitter"]]
    np.testing.assert_allclose((points[:, 0] - truth["x"]) % 1024, 100, atol=1e-9)
    np.testing.assert_allclose((points[:, 1] - truth["y"]) % 1024, 1024 - 50, atol=1e-9)


def test_region_and_binning_are_parts_of_the_whole_frame() -> None:
    images = {}
    for what in ("full", "roi", "binned"):
        core = simulated_core(real_time=False)
        if what == "roi":
            core.setROI(40, 60, 128, 96)
        if what == "binned":
            core.setProperty("Camera", "Binning", "2")
            assert core.getPixelSizeUm() == pytest.approx(0.2)
        film(core, 5)
        images[what] = core.snap()
        truth = bench_of(core).truth(5)
        if what == "roi":
            assert core.getROI() == [40, 60, 128, 96]
            region = truth
        elif what == "full":
            full = truth
        else:
            binned = truth
        core.unloadAllDevices()
    assert images["full"].shape == (512, 512)
    assert images["roi"].shape == (96, 128)
    assert images["binned"].shape == (256, 256)
    together = full.merge(region, on="emitter", suffixes=("", "_roi"))
    assert len(together) == len(region) > 0
    np.testing.assert_allclose(together["x"] - together["x_roi"], 40, atol=1e-9)
    np.testing.assert_allclose(together["y"] - together["y_roi"], 60, atol=1e-9)
    together = full.merge(binned, on="emitter", suffixes=("", "_b"))
    np.testing.assert_allclose((together["x"] + 0.5) / 2 - 0.5, together["x_b"], atol=1e-9)
    whole = images["full"].astype(float).mean() - 100
    assert images["binned"].mean() - 100 == pytest.approx(4 * whole, rel=0.01)


def test_sequences_of_stage_laser_and_exposure(core: UniMMCore) -> None:
    assert core.isStageSequenceable("Z")
    assert core.isXYStageSequenceable("XY")
    assert core.isExposureSequenceable("Camera")
    assert core.isPropertySequenceable("Laser-405", "Power_mW")
    film(core, 10)
    core.loadStageSequence("Z", (0.0, 0.4, -0.8))
    core.loadPropertySequence("Laser-647", "Power_mW", [100.0, 50.0, 0.0])
    core.loadExposureSequence("Camera", [5.0, 10.0, 20.0])
    for start in (
        lambda: core.startStageSequence("Z"),
        lambda: core.startPropertySequence("Laser-647", "Power_mW"),
        lambda: core.startExposureSequence("Camera"),
    ):
        start()
    frames, numbers = film(core, 6)
    core.stopStageSequence("Z")
    core.stopPropertySequence("Laser-647", "Power_mW")
    core.stopExposureSequence("Camera")
    truth = bench_of(core).truth(numbers[0])
    points = bench_of(core)._points
    for i, z in ((0, 0.0), (1, 0.4), (3, 0.0), (4, 0.4)):
        rows = truth[truth["frame"] == numbers[i]]
        np.testing.assert_allclose(rows["z"], points[rows["emitter"], 2] - 1000 * z, atol=1e-9)
    means = frames.mean(axis=(1, 2)) - 100
    assert means[2] == pytest.approx(0.04 * 20, abs=0.1)  # laser off, 20 ms of stray light
    assert means[0] == pytest.approx(means[1], rel=0.2)  # half the power for twice the time


def test_camera_in_real_time_keeps_its_rate() -> None:
    core = simulated_core()
    core.setROI(0, 0, 64, 64)
    core.setExposure(5)
    core.snap()
    begun = time.perf_counter()
    frames, _ = film(core, 100)
    took = time.perf_counter() - begun
    assert len(frames) == 100
    assert 0.49 < took < 2.0
    core.unloadAllDevices()


def test_camera_fails_on_demand(core: UniMMCore) -> None:
    core.setProperty("Camera", "FailNext", 1)
    with pytest.raises(RuntimeError, match="did not deliver"):
        core.snap()
    assert core.snap().shape == (512, 512)
    core.setProperty("Camera", "FailNext", 1)
    frames, _ = film(core, 5)
    assert len(frames) == 0
    assert not core.isSequenceRunning()


def test_camera_hangs_on_demand() -> None:
    core = simulated_core()
    core.snap()
    core.setProperty("Camera", "HangNext_ms", 300)
    begun = time.perf_counter()
    core.snap()
    assert time.perf_counter() - begun > 0.3
    core.unloadAllDevices()


def test_stages_refuse_on_demand(core: UniMMCore) -> None:
    core.setProperty("Z", "FailNextMove", 1)
    with pytest.raises(RuntimeError, match="did not move"):
        core.setPosition(5.0)
    core.setPosition(5.0)
    assert core.getPosition() == 5.0
    core.setProperty("XY", "FailNextMove", 1)
    with pytest.raises(RuntimeError, match="did not move"):
        core.setXYPosition(1.0, 1.0)


def test_second_camera_sees_the_other_dye(core: UniMMCore) -> None:
    core.setProperty("Laser-561", "On", 1)
    core.setCameraDevice("Camera-2")
    film(core, 5)
    core.snap()
    truth = bench_of(core).truth(bench_of(core).taken - 1)
    assert len(truth)
    assert (bench_of(core)._kinds[truth["emitter"]] == 1).all()


def test_changes_are_told_and_may_be_asked_about(core: UniMMCore) -> None:
    heard = []
    core.events.propertyChanged.connect(
        lambda device, name, value: heard.append(
            (device, name, value, core.getProperty(device, name))
        )
    )
    core.setProperty("Laser-405", "Power_mW", 2.5)
    assert ("Laser-405", "Power_mW", "2.5", 2.5) in heard
    with pytest.raises(ValueError, match="range"):
        core.setProperty("Laser-405", "Power_mW", 1000)


def test_mda_of_pymmcore_plus_runs_on_it(core: UniMMCore) -> None:
    import useq

    sequence = useq.MDASequence(
        axis_order="cz",
        channels=[{"config": "A647", "exposure": 5}, {"config": "Cy3B", "exposure": 5}],
        z_plan={"range": 1.0, "step": 0.5},
    )
    got = []
    core.mda.events.frameReady.connect(lambda image, event, meta: got.append(event.index))
    core.mda.run(sequence)
    assert len(got) == 6


def test_configuration_file_and_saved_copy(tmp_path: Path) -> None:
    from limelight.acquire.mmcore import UniMMCore

    core = UniMMCore()
    core.loadSystemConfiguration(CONFIGURATION)
    assert core.snap().shape == (512, 512)
    first = bench_of(core)
    core.saveSystemConfiguration(tmp_path / "mine.cfg")
    other = UniMMCore()
    other.loadSystemConfiguration(tmp_path / "mine.cfg")
    assert other.getPixelSizeUm() == pytest.approx(0.1)
    assert bench_of(other) is first  # one microscope, two programs
    load_simulated(core, seed=2)
    assert bench_of(core) is not first
    for one in (core, other):
        one.unloadAllDevices()


def test_nothing_stays_behind() -> None:
    import weakref

    core = simulated_core(real_time=False)
    core.snap()
    bench = weakref.ref(bench_of(core))
    core.unloadAllDevices()
    del core
    gc.collect()
    assert bench() is None


def test_other_cores_are_told() -> None:
    from limelight.acquire.mmcore import CMMCorePlus

    core = CMMCorePlus()
    with pytest.raises(ParameterError, match="UniMMCore"):
        load_simulated(core)
    with pytest.raises(ParameterError, match="no simulated microscope"):
        bench_of(core)
    assert camera_of(core).pixel_size_nm == 130


def test_an_offset_of_another_camera_is_not_taken_for_counts() -> None:
    from limelight.acquire.mmcore import CMMCorePlus

    core = CMMCorePlus()
    core.loadSystemConfiguration()
    assert core.hasProperty("Camera", "Offset")
    camera = camera_of(core)
    assert camera.baseline == 0
    assert camera.pixel_size_nm == pytest.approx(core.getPixelSizeUm() * 1000)
    assert camera.name


def test_beads_glow_steadily_and_go_out_of_focus(core: UniMMCore) -> None:
    core.setConfig("Slide", "Beads")
    assert core.getProperty("Sample", "Slide") == "beads"
    bench = bench_of(core)
    core.setPosition(0.0)
    core.snap()
    core.snap()
    first, second = (bench.truth(k, k + 1) for k in (0, 1))
    assert len(first) > 30
    assert (first["emitter"].to_numpy() == second["emitter"].to_numpy()).all()
    assert (first["photons"].to_numpy() == second["photons"].to_numpy()).all()
    assert np.allclose(first["sx"], 1.25, rtol=0.01)
    core.setPosition(0.35)
    core.snap()
    wide = bench.truth(2, 3)
    assert np.median(wide["sx"]) == pytest.approx(1.25 * 2**0.5, rel=0.05)
    core.setConfig("Channel", "Cy3B")
    core.snap()
    assert len(bench.truth(3, 4)) == len(wide)
    core.setConfig("Slide", "Molecules")
    core.snap()
    assert (bench.truth(4, 5)["photons"].to_numpy() != wide["photons"].to_numpy()[0]).all()
    with pytest.raises(Exception, match=r"slide|allowed|Slide"):
        core.setProperty("Sample", "Slide", "cheese")
