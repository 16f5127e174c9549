"""The PSF dock as a person uses it: live on the simulated microscope, on layers, with beads."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import pymmcore
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from limelight.acquire import find_core
from limelight.acquire.scope import load_simulated
from limelight.core.simulate import PupilPSF, bead_stack
from limelight.widgets.psf_dock import PsfDock

LEFT = Qt.MouseButton.LeftButton
SECONDS = 20_000
PLACES = ((20, 20), (20, 60), (60, 20), (60, 60))


@pytest.fixture(scope="module")
def core():
    core = find_core(load=False)
    yield core
    with contextlib.suppress(Exception):
        core.stopSequenceAcquisition()
    core.unloadAllDevices()
    pymmcore.CMMCore.registerCallback(core, None)


@pytest.fixture
def viewer():
    return ViewerModel()


def open_dock(viewer, qtbot):
    dock = PsfDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    return dock


def close_dock(dock, qtbot):
    dock.stop()
    dock.runner.cancel()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    dock._listeners.close()


@pytest.fixture
def scope(core):
    load_simulated(core, seed=3, real_time=False)
    core.setROI(192, 192, 128, 128)
    core.setExposure(5)
    core.setPosition(3.0)
    return core


@pytest.fixture
def dock(viewer, qtbot, scope):
    dock = open_dock(viewer, qtbot)
    dock.live.low.setValue(-0.5)
    dock.live.high.setValue(0.5)
    dock.live.step.setValue(0.1)
    dock.live.clip.setValue(0)
    yield dock
    close_dock(dock, qtbot)


def names():
    found = {t.name for t in threading.enumerate() if t.name.startswith("limelight")}
    return found - {"limelight-report"}  # tells the metrics, and ends by itself


def beads(kind="plain", slices=31, step=100, photons=30_000, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.array(PLACES).T + rng.uniform(-0.5, 0.5, (2, len(PLACES)))
    expected = bead_stack(PupilPSF(kind), (slices, 81, 81), x, y, photons, step_nm=step, reach=13)
    return (rng.poisson(expected) + 100).astype(np.uint16)


def drag(viewer, layer, start, stop):
    """Press at a place in µm, move in steps, and let go."""

    class Event:
        button, type, position, modifiers = 1, "mouse_press", start, ()

    event = Event()
    for callback in list(viewer.mouse_drag_callbacks):
        motion = callback(viewer, event)
        if motion is None:
            continue
        with contextlib.suppress(StopIteration):
            next(motion)
            event.type = "mouse_move"
            for share in (0.5, 1.0):
                event.position = tuple(
                    a + share * (b - a) for a, b in zip(start, stop, strict=True)
                )
                next(motion)
            event.type = "mouse_release"
            next(motion)


def live(dock, qtbot, stacks=1):
    qtbot.mouseClick(dock.start, LEFT)
    assert dock.stream is not None, dock.message.text()
    qtbot.waitUntil(
        lambda: dock.volume is not None and dock.volume.completed >= stacks - 1, timeout=SECONDS
    )


def test_live_fills_a_volume_and_stops_at_once(dock, viewer, qtbot, scope):
    live(dock, qtbot, stacks=2)
    assert not dock.start.isEnabled()
    qtbot.waitUntil(lambda: "slices/s" in dock.rate.text(), timeout=SECONDS)
    assert dock.volume.shape == (11, 128, 128)
    assert dock.volume.scale_um == pytest.approx((0.1, 0.1, 0.1))
    views = {layer.name: layer for layer in viewer.layers}
    assert views["PSF XY"].data.shape == (128, 128)
    assert views["PSF XZ"].data.shape == (11, 128)
    assert views["PSF YZ"].data.shape == (128, 11)
    begun = time.perf_counter()
    qtbot.mouseClick(dock.stop_button, LEFT)
    assert time.perf_counter() - begun < 0.3
    assert scope.getPosition() == pytest.approx(3.0)
    assert not scope.isSequenceRunning()
    assert "back at 3.00" in dock.message.text()
    assert dock.start.isEnabled() and not dock.stop_button.isEnabled()
    assert not names()
    qtbot.mouseClick(dock.start, LEFT)
    qtbot.waitUntil(lambda: dock.volume is not None, timeout=SECONDS)
    dock.stop()
    assert scope.getPosition() == pytest.approx(3.0)


def test_closing_the_dock_stops_the_camera_and_returns_the_stage(dock, qtbot, scope):
    live(dock, qtbot)
    dock._listeners.close()
    assert not scope.isSequenceRunning()
    assert scope.getPosition() == pytest.approx(3.0)
    assert not names()


def test_stop_does_not_wait_for_a_long_exposure(dock, qtbot, scope):
    scope.setProperty("Camera", "RealTime", 1)
    scope.setExposure(100)
    dock.begin()
    qtbot.waitUntil(lambda: dock.volume is not None, timeout=SECONDS)
    begun = time.perf_counter()
    dock.stop()
    assert time.perf_counter() - begun < 0.3
    assert scope.getPosition() == pytest.approx(3.0)
    scope.setProperty("Camera", "RealTime", 0)


def test_the_point_is_dragged_in_every_view(dock, viewer, qtbot):
    live(dock, qtbot)
    dock.stop()
    assert dock.point == (5.0, 63.5, 63.5)
    volume = dock.volume.volume()
    drag(viewer, "xy", (1.0, 2.0), (3.0, 4.0))
    assert dock.point == pytest.approx((5, 30, 40))
    assert (viewer.layers["PSF XZ"].data == volume[:, 30]).all()
    assert (viewer.layers["PSF YZ"].data == volume[:, :, 40].T).all()
    top, left = dock.views.origins()["xz"]
    drag(viewer, "xz", (top + 0.2, left + 2), (top + 0.8, left + 2))
    assert dock.point == pytest.approx((8, 30, 20), abs=1e-6)
    assert (viewer.layers["PSF XY"].data == volume[8]).all()
    top, left = dock.views.origins()["yz"]
    drag(viewer, "yz", (top + 5, left + 0.3), (top + 6, left + 0.1))
    assert dock.point == pytest.approx((1, 60, 20), abs=1e-6)
    assert list(dock.profiles.profiles) == ["x", "y", "z"] and dock.profiles.isVisible()
    dock.profiles.grab()
    qtbot.waitUntil(lambda: not dock._curves_later.isActive(), timeout=SECONDS)
    dock.tabs.setCurrentWidget(dock.curves)
    assert [p.title for p in dock.plots.plots] == [f"Profile along {a}" for a in "xyz"]
    assert (dock.plots.plots[0].lines[0].y == volume[1, 60]).all()
    before = dock.point
    drag(viewer, "beside", (-50.0, -50.0), (-60.0, -60.0))
    assert dock.point == before
    assert viewer.scene.camera.mouse_pan


def test_maximum_and_contrast(dock, viewer, qtbot):
    live(dock, qtbot)
    dock.mode.setCurrentIndex(dock.mode.findData("max"))
    dock.stop()
    assert (viewer.layers["PSF XY"].data == dock.volume.volume().max(axis=0)).all()
    assert (viewer.layers["PSF XZ"].data == dock.volume.volume().max(axis=1)).all()
    dock.fixed.setChecked(True)
    viewer.layers["PSF XY"].contrast_limits = (7, 70)
    dock.draw()
    assert viewer.layers["PSF XY"].contrast_limits == [7, 70]
    dock.fixed.setChecked(False)
    assert viewer.layers["PSF XY"].contrast_limits == list(dock.volume.limits())


def test_channels_come_one_after_another(dock, viewer, qtbot, scope):
    dock.live.channels.setCurrentIndex(1)
    assert "A647, Cy3B" in dock.live.channels.currentText()
    live(dock, qtbot)
    dock.stop()
    assert dock.volume.channels == 2
    assert dock.live.channels.currentIndex() == 1
    assert {"PSF XY A647", "PSF XZ Cy3B"} <= {x.name for x in viewer.layers}
    assert dock.channel.isVisible()
    dock.tabs.setCurrentWidget(dock.curves)
    dock.channel.setCurrentIndex(1)
    line = dock.volume.profile(dock.point, "x", 1)
    assert (dock.plots.plots[0].lines[0].y == line.value).all()


def test_a_central_field_is_kept(dock, viewer, qtbot):
    dock.live.clip.setValue(40)
    live(dock, qtbot)
    dock.stop()
    assert viewer.layers["PSF XY"].data.shape == (40, 40)


def test_another_controller_moves_the_stage(dock, qtbot, scope):
    dock.live.external.setChecked(True)
    moves = []
    slot = moves.append
    scope.events.stagePositionChanged.connect(lambda *a: slot(a))
    live(dock, qtbot, stacks=2)
    dock.stop()
    assert not moves and scope.getPosition() == pytest.approx(3.0)
    assert dock.volume.completed >= 1
    assert "stage" not in dock.message.text()


@pytest.mark.parametrize(
    ("low", "high", "step", "words"),
    [(1, -1, 0.1, "above the first"), (-5000, 5000, 0.001, "choose 2 to 5000")],
)
def test_a_bad_range_is_told(dock, low, high, step, words):
    dock.live.low.setValue(low)
    dock.live.high.setValue(high)
    dock.live.step.setValue(step)
    assert words in dock.live.slices.text()
    dock.begin()
    assert words in dock.message.text()
    assert dock.stream is None and dock.start.isEnabled()


def test_without_focus_drive_or_camera_it_says_so(dock, qtbot, scope):
    scope.unloadDevice("Z")
    dock.begin()
    assert "no focus drive" in dock.message.text()
    scope.unloadAllDevices()
    dock._on_configuration()
    assert not dock.start.isEnabled()
    dock.begin()
    assert "no camera" in dock.message.text()
    dock.look_at_layer()
    assert "Open a stack" in dock.message.text()
    dock.run_tool()
    assert "Look at a stack first" in dock.message.text()


def test_a_camera_that_fails_ends_it_with_a_message(dock, qtbot, scope):
    live(dock, qtbot)
    scope.setProperty("Camera", "FailNext", 1_000_000)
    qtbot.waitUntil(lambda: dock.stream is None, timeout=SECONDS)
    assert "ended by itself" in dock.message.text()
    assert "camera stopped" in dock.message.text()
    assert dock.start.isEnabled()
    assert scope.getPosition() == pytest.approx(3.0)
    scope.setProperty("Camera", "FailNext", 0)


def test_beads_are_measured_live_with_a_trend(dock, qtbot, scope):
    scope.setConfig("Slide", "Beads")
    scope.setExposure(10)
    scope.setPosition(0.0)
    scope.setROI(128, 128, 256, 256)
    dock.live.low.setValue(-1.0)
    dock.live.high.setValue(1.0)
    dock.beads.follow.setChecked(True)
    live(dock, qtbot)
    qtbot.waitUntil(lambda: len(dock.trend) >= 2, timeout=SECONDS)
    assert "Best" in dock.message.text()
    dock.stop()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    dock.tabs.setCurrentWidget(dock.curves)
    assert dock.plots.plots[0].title == "Trend: axial FWHM (µm)"
    good = dock.beads.result.good
    assert len(good) >= 4
    assert good["fwhm_lateral_um"].median() == pytest.approx(0.1 * 1.25 * 2.3548, rel=0.1)


# -- layers and files -----------------------------------------------------------------------------


@pytest.fixture
def plain():
    return beads()


def add(viewer, data, labels, scale):
    units = ["pixel" if a in "tc" else "um" for a in labels]
    return viewer.add_image(data, name="stack", axis_labels=labels, scale=scale, units=units)


def run_tool(dock, qtbot, name):
    dock.beads.tool.setCurrentIndex(dock.beads.tool.findData(name))
    qtbot.mouseClick(dock.beads.go, LEFT)
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)


@pytest.fixture
def looking(viewer, qtbot, core, plain):
    core.unloadAllDevices()
    dock = open_dock(viewer, qtbot)
    add(viewer, plain, ("z", "y", "x"), (0.1, 0.11, 0.11))
    qtbot.mouseClick(dock.show_layer, LEFT)
    yield dock
    close_dock(dock, qtbot)


def test_a_layer_is_seen_from_three_sides_in_micrometres(looking, viewer, plain):
    assert not viewer.layers["stack"].visible
    assert viewer.layers["PSF XZ"].data.shape == (31, 81)
    assert tuple(viewer.layers["PSF XZ"].scale) == pytest.approx((0.1, 0.11))
    assert tuple(viewer.layers["PSF YZ"].scale) == pytest.approx((0.11, 0.1))
    assert (viewer.layers["PSF XY"].data == plain[15]).all()
    assert "slices" in looking.live.slices.text()
    assert looking.layers.count() == 1  # the views are no stacks


def test_the_z_axis_of_many_axes_is_found(viewer, qtbot, core, plain):
    core.unloadAllDevices()
    solid = np.stack([np.stack([plain + t + 10 * c for c in range(2)], axis=1) for t in range(3)])
    dock = open_dock(viewer, qtbot)
    add(viewer, solid, ("t", "z", "c", "y", "x"), (1, 0.2, 1, 0.11, 0.11))
    viewer.dims.set_point([0, 2], [2, 1])
    dock.look_at_layer()
    assert (dock.stack == plain + 2 + 10).all()
    assert dock.scale_um == pytest.approx((0.2, 0.11, 0.11))
    close_dock(dock, qtbot)


def test_a_file_is_opened(viewer, qtbot, core, plain, tmp_path):
    from limelight.io.image_writer import OutgoingImage, write_image

    core.unloadAllDevices()
    dock = open_dock(viewer, qtbot)
    path = write_image(
        tmp_path / "a.ome.tif", OutgoingImage(plain, ("z",), (0.1, 0.11, 0.11), ("um",) * 3)
    )
    dock.open_file(path)
    assert dock.scale_um == pytest.approx((0.1, 0.11, 0.11))
    assert (viewer.layers["PSF XY"].data == plain[15]).all()
    flat = write_image(tmp_path / "flat.ome.tif", OutgoingImage(plain[:1], ("z",)))
    dock.open_file(flat)
    assert "one slice" in dock.message.text()
    (tmp_path / "no.tif").write_text("none")
    dock.open_file(tmp_path / "no.tif")
    assert "no.tif" in dock.message.text()
    dock.copy_script()
    close_dock(dock, qtbot)


def test_beads_are_measured_mapped_and_saved(looking, viewer, qtbot, tmp_path):
    form = looking.beads.forms["Measure beads"]
    form.set_values({"na": 1.4, "wavelength_nm": 600.0})
    run_tool(looking, qtbot, "Measure beads")
    assert "4 beads measured" in looking.message.text()
    assert "perfect microscope" in looking.message.text()
    panel = looking.beads
    assert panel.view.model().rowCount() == 4
    panel.view.selectRow(2)
    row = panel.table.iloc[2]
    assert looking.point[1:] == pytest.approx((row["y"], row["x"]))
    z = round(float(row["z_um"]) / 0.1)
    assert (viewer.layers["PSF XY"].data == looking.stack[z]).all()
    panel.shown.setCurrentIndex(1)
    table = panel.view.features.table
    assert {"quantity", "median", "theory"} <= set(table.columns)
    if panel.map.count() > 1:
        panel.map.setCurrentIndex(1)
        layer = viewer.layers["PSF field map"]
        size = np.array(layer.data.shape) * layer.scale
        assert size == pytest.approx((81 * 0.11, 81 * 0.11))
        panel.map.setCurrentIndex(0)
        assert "PSF field map" not in viewer.layers
    looking.write(tmp_path / "beads")
    assert {p.name for p in tmp_path.iterdir()} >= {"beads.csv", "beads.hdf5", "beads.png"}
    assert "beads.csv" in looking.message.text()


def test_the_copied_script_runs(looking, qtbot, tmp_path, plain, monkeypatch):
    from qtpy.QtWidgets import QApplication

    from limelight.io.image_writer import OutgoingImage, write_image

    path = write_image(
        tmp_path / "b.ome.tif", OutgoingImage(plain, ("z",), (0.1, 0.11, 0.11), ("um",) * 3)
    )
    looking.open_file(path)
    qtbot.mouseClick(looking.beads.copy, LEFT)
    text = QApplication.clipboard().text()
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(text, names)
    assert len(names["result"].good) == 4
    assert len(list(tmp_path.glob("*_psf.csv"))) == 1


def test_a_calibration_is_plotted_and_saved(viewer, qtbot, core, tmp_path):
    from limelight.io import load_calibration

    core.unloadAllDevices()
    dock = open_dock(viewer, qtbot)
    add(viewer, beads("astigmatic", 41, 30), ("z", "y", "x"), (0.03, 0.11, 0.11))
    dock.look_at_layer()
    run_tool(dock, qtbot, "Calibrate z (astigmatism)")
    assert "usable from" in dock.message.text()
    assert dock.plots.current.title == "Calibration curves"
    assert [name for name, _ in dock.plots.current.marks] == ["usable range", "_"]
    dock.write(tmp_path / "lens")
    assert load_calibration(tmp_path / "lens.yaml") is not None
    (tmp_path / "file").write_text("x")
    dock.write(tmp_path / "file" / "lens")
    assert "file" in dock.message.text()
    close_dock(dock, qtbot)


def test_beads_are_averaged_to_a_layer_and_an_image(looking, viewer, qtbot, tmp_path):
    from limelight.io import open_array

    run_tool(looking, qtbot, "Average beads, make a spline")
    assert "of 4 beads are averaged" in looking.message.text()
    layer = viewer.layers["averaged PSF"]
    assert tuple(layer.scale) == pytest.approx((0.1, 0.11, 0.11))
    for name in ("psf.ome.tif", "psf.ome.zarr"):
        looking.write(tmp_path / name)
        image = open_array(tmp_path / name)
        assert image.scale == pytest.approx((0.1, 0.11, 0.11))
        assert np.allclose(np.asarray(image.array), layer.data, atol=1e-4)
        image.close()
    looking.write(tmp_path / "model")
    assert (tmp_path / "model.hdf5").exists()


def test_bad_stacks_are_told(viewer, qtbot, core):
    core.unloadAllDevices()
    dock = open_dock(viewer, qtbot)
    add(viewer, np.zeros((1, 20, 20), np.uint16), ("z", "y", "x"), (0.1, 0.1, 0.1))
    dock.look_at_layer()
    assert "several slices" in dock.message.text()
    viewer.layers.clear()
    rng = np.random.default_rng(0)
    noise = rng.poisson(100, (21, 60, 60)).astype(np.uint16)
    add(viewer, noise, ("z", "y", "x"), (0.1, 0.1, 0.1))
    dock.look_at_layer()
    for tool in ("Measure beads", "Calibrate z (astigmatism)", "Average beads, make a spline"):
        run_tool(dock, qtbot, tool)
        assert "bead" in dock.message.text()
        assert dock.beads.go.isEnabled()
    close_dock(dock, qtbot)


def test_a_live_calibration_gives_z_to_live_localization(dock, qtbot, scope, tmp_path):
    from limelight.acquire import Acquisition, multi_d_acquisition_events
    from limelight.localize.live import LiveLocalize

    scope.setConfig("Slide", "Beads")
    scope.setConfig("Lens", "Astigmatic")
    scope.setExposure(10)
    scope.setROI(128, 128, 256, 256)
    scope.setPosition(0.0)
    dock.live.low.setValue(-0.6)
    dock.live.high.setValue(0.6)
    dock.live.step.setValue(0.03)
    live(dock, qtbot)
    dock.stop()
    run_tool(dock, qtbot, "Calibrate z (astigmatism)")
    dock.write(tmp_path / "lens")
    events = multi_d_acquisition_events(z_start=-0.3, z_end=0.3, z_step=0.1)
    with Acquisition(
        str(tmp_path),
        "beads",
        core=scope,
        processors=[("localize", LiveLocalize(calibration=str(tmp_path / "lens.yaml")))],
        show_display=False,
    ) as acquisition:
        acquisition.acquire(events)
    locs = acquisition.results.localizations("localize").table
    assert {"z", "lpz"} <= set(locs.columns)
    z = [np.median(locs["z"][locs["frame"] == k]) for k in range(7)]
    assert np.polyfit(np.arange(7) * 100.0, z, 1)[0] == pytest.approx(1, abs=0.1)


def test_settings_are_remembered(viewer, qtbot, core):
    core.unloadAllDevices()
    dock = open_dock(viewer, qtbot)
    dock.live.step.setValue(0.07)
    dock.live.external.setChecked(True)
    dock.beads.forms["Measure beads"].set_values({"na": 1.2, "box": 21})
    dock.remember()
    close_dock(dock, qtbot)
    again = open_dock(viewer, qtbot)
    assert again.live.step.value() == pytest.approx(0.07) and again.live.external.isChecked()
    settings = again.beads.settings("Measure beads")
    assert settings.na == 1.2 and settings.box == 21
    close_dock(again, qtbot)
