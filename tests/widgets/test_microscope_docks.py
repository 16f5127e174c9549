from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pymmcore
import pytest
import useq
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from limelight.acquire import Acquisition, Dataset, find_core
from limelight.io import load_localizations, open_movie
from limelight.widgets.acquisition_dock import AcquisitionDock
from limelight.widgets.icons import icon_svg
from limelight.widgets.layers import movie_of
from limelight.widgets.localize_dock import LocalizeDock
from limelight.widgets.microscope_dock import MicroscopeDock

LEFT = Qt.MouseButton.LeftButton
SECONDS = 40_000


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


@pytest.fixture
def microscope(viewer, qtbot, core):
    core.unloadAllDevices()
    dock = MicroscopeDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    yield dock
    dock.stop()
    dock.panels.clear()
    dock._listeners.close()


@pytest.fixture
def loaded(microscope):
    microscope.configuration.setCurrentIndex(microscope.configuration.findData("simulated"))
    microscope.load.click()
    return microscope


@pytest.fixture
def acquisition(loaded, viewer, qtbot, core, tmp_path):
    core.setProperty("Camera", "RealTime", 0)
    dock = AcquisitionDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.folder.setText(str(tmp_path))
    dock.title.setText("blink")
    yield dock
    dock.runner.cancel()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    dock._later.stop()
    dock.view.stop()
    dock._listeners.close()


def snap(dock, qtbot):
    qtbot.mouseClick(dock.snap, LEFT)
    assert not dock.snap.isEnabled()  # the window stays alive meanwhile
    finish(dock, qtbot)


def acquired(dock):
    return dock.acquisition.status.saved if dock.acquisition is not None else 0


def finish(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)


def test_without_a_microscope_it_says_what_to_do(microscope):
    assert "load it" in microscope.message.text()
    assert not microscope.snap.isEnabled()
    microscope.open("/nowhere/scope.cfg")
    assert "no such configuration" in microscope.message.text()


def test_snap_shows_an_image_in_micrometres(loaded, viewer, qtbot, core):
    assert "is loaded" in loaded.message.text()
    assert {"Presets", "Stages", "Shutters", "Camera region"} == set(loaded.panels.sections)
    snap(loaded, qtbot)
    layer = viewer.layers["Live"]
    assert layer.data.shape == (core.getImageHeight(), core.getImageWidth())
    assert layer.scale[0] == pytest.approx(core.getPixelSizeUm())
    low, high = layer.contrast_limits
    assert low < np.median(layer.data) < high
    assert loaded.histogram.counts.sum() > 0


def test_presets_that_are_set_are_shown(loaded, qtbot, core):
    from pymmcore_widgets import PresetsWidget

    def shown():
        found = loaded.panels.findChildren(PresetsWidget)
        return {w._group: w._combo.currentText() for w in found}

    assert shown() == {
        "Channel": "A647",
        "Lens": "2D",
        "Slide": "Molecules",
        "System": "Startup",
    }
    core.setConfig("Channel", "Cy3B")
    qtbot.waitUntil(lambda: shown()["Channel"] == "Cy3B", timeout=SECONDS)
    core.setProperty("Laser-561", "On", 0)
    qtbot.waitUntil(lambda: "no match" in shown()["Channel"], timeout=SECONDS)


def test_live_shows_the_newest_image_and_stops(loaded, viewer, qtbot, core):
    loaded.exposure.setValue(5)
    assert core.getExposure() == 5
    qtbot.mouseClick(loaded.live, LEFT)
    assert core.isSequenceRunning()
    assert loaded.live.text() == "Stop"
    qtbot.waitUntil(lambda: loaded.view.status.shown > 4, timeout=SECONDS)
    newest = core.getLastImage()
    assert viewer.layers["Live"].data.shape == newest.shape
    loaded._tell_rate()
    assert "images/s" in loaded.rates.text()
    qtbot.mouseClick(loaded.live, LEFT)
    assert not core.isSequenceRunning()
    assert loaded.live.text() == "Live"


def test_closing_the_dock_stops_the_camera(loaded, qtbot, core):
    qtbot.mouseClick(loaded.live, LEFT)
    assert core.isSequenceRunning()
    loaded._listeners.close()
    assert not core.isSequenceRunning()


def test_contrast_follows_or_stays(loaded, viewer, qtbot):
    snap(loaded, qtbot)
    loaded.histogram.range_changed.emit((150.0, 700.0))
    assert not loaded.auto.isChecked()
    assert tuple(viewer.layers["Live"].contrast_limits) == (150.0, 700.0)
    snap(loaded, qtbot)
    assert tuple(viewer.layers["Live"].contrast_limits) == (150.0, 700.0)


def test_a_camera_that_fails_is_told(loaded, qtbot, core):
    core.setProperty("Camera", "FailNext", 1)
    snap(loaded, qtbot)
    assert "gave no image" in loaded.message.text()
    snap(loaded, qtbot)
    assert loaded.message.text() == ""


def test_every_image_is_saved_localized_and_shown(acquisition, viewer, qtbot, tmp_path):
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 25}))
    assert acquisition.processors.add("localize")
    acquisition._tell_estimate()
    assert acquisition.estimate.text().startswith("25 images, 13.1 MB")
    qtbot.mouseClick(acquisition.start, LEFT)
    assert not acquisition.start.isEnabled()
    finish(acquisition, qtbot)
    assert acquisition.message.text().startswith("25 images in")
    dataset = Dataset(tmp_path / "blink_1")
    assert len(dataset) == 25
    shown = viewer.layers["blink"]
    assert shown.data.shape[0] == 25
    assert np.array_equal(np.asarray(shown.data[7]), dataset.read_image(time=7))
    dataset.close()
    names = [x.name for x in viewer.layers]
    assert "blink super-resolution (localize)" in names
    assert any(n.startswith("blink molecules") for n in names)
    assert "molecules" in [p.title for p in acquisition.plots.plots]
    assert acquisition.start.isEnabled()


def test_it_is_cancelled_and_what_was_acquired_is_kept(acquisition, qtbot, core, tmp_path):
    core.setProperty("Camera", "RealTime", 1)
    core.setExposure(20)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 5000}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(
        lambda: acquisition.acquisition is not None and acquisition.acquisition.status.saved > 10,
        timeout=SECONDS,
    )
    qtbot.mouseClick(acquisition.bar.cancel, LEFT)
    finish(acquisition, qtbot)
    assert "Cancelled" in acquisition.message.text()
    dataset = Dataset(tmp_path / "blink_1")
    assert 10 < len(dataset) < 5000
    dataset.close()


def test_a_folder_that_cannot_be_written_is_told(acquisition, qtbot, tmp_path):
    (tmp_path / "file").write_text("x")
    acquisition.folder.setText(str(tmp_path / "file" / "inside"))
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 3}))
    qtbot.mouseClick(acquisition.start, LEFT)
    finish(acquisition, qtbot)
    assert "inside" in acquisition.message.text() or "file" in acquisition.message.text()
    assert acquisition.start.isEnabled()


def test_sequences_are_saved_and_loaded(acquisition, tmp_path):
    wanted = useq.MDASequence(
        time_plan={"interval": 2, "loops": 7}, z_plan={"range": 4, "step": 0.5}
    )
    acquisition.sequence.setValue(wanted)
    acquisition.save(tmp_path / "s.yaml")
    acquisition.save(tmp_path / "s.json")
    acquisition.sequence.setValue(useq.MDASequence())
    acquisition.open(tmp_path / "s.json")
    value = acquisition.sequence.value()
    assert value.time_plan.loops == 7
    acquisition.sequence.setValue(useq.MDASequence())
    acquisition.open(tmp_path / "s.yaml")
    assert acquisition.sequence.value().z_plan.step == 0.5
    (tmp_path / "bad.yaml").write_text("time_plan: [")
    acquisition.open(tmp_path / "bad.yaml")
    assert "no sequence that can be read" in acquisition.message.text()


def test_the_script_does_what_was_clicked(acquisition, qtbot, tmp_path):
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 4}))
    acquisition.processors.add("average", {"count": 2})
    qtbot.mouseClick(acquisition.copy_button, LEFT)
    text = QApplication.clipboard().text()
    assert "start_headless(config_file='simulated')" in text
    text += "print('images', len(dataset))\n"
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert "images 2" in told.stdout


def test_processors_are_ordered_set_and_remembered(acquisition, viewer, qtbot):
    chain = acquisition.processors
    chain.add("denoise")
    chain._form.editors["size"].set(3)
    chain.add("statistics")
    assert [name for name, _, _ in chain.entries()] == ["denoise", "statistics"]
    assert chain.entries()[0][1]["size"] == 3
    chain.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert len(chain.processors()) == 1
    acquisition.remember()
    again = AcquisitionDock(viewer)
    qtbot.addWidget(again)
    assert again.processors.entries() == chain.entries()
    again._listeners.close()
    assert not chain.add("nothing-like-it")
    assert "There is no" in chain.message.text()


@pytest.mark.parametrize(
    "name", ["mdi:chevron-triple-up", "mdi:camera-outline", "bi:sign-stop-fill"]
)
def test_icons_need_no_network(name):
    from qtpy.QtSvg import QSvgRenderer

    svg = icon_svg(name, "#ff0000")
    assert QSvgRenderer(svg.encode()).isValid()
    assert "#ff0000" in svg


def test_channels_are_layers_and_planes_are_micrometres_apart(acquisition, viewer, qtbot):
    acquisition.format.setCurrentIndex(acquisition.format.findData("ome-zarr"))
    acquisition.sequence.setValue(
        useq.MDASequence(
            axis_order="tcz",
            time_plan={"interval": 0, "loops": 2},
            z_plan={"range": 1, "step": 0.5},
            channels=[{"config": "A647", "exposure": 5}, {"config": "Cy3B", "exposure": 5}],
        )
    )
    qtbot.mouseClick(acquisition.start, LEFT)
    finish(acquisition, qtbot)
    assert acquisition.message.text().startswith("12 images in")
    for name in ("blink A647", "blink Cy3B"):
        layer = viewer.layers[name]
        assert layer.data.shape == (2, 3, 512, 512)
        assert layer.axis_labels == ("time", "z", "y", "x")
        assert layer.scale[1] == pytest.approx(0.5)
        assert str(layer.units[1]) in ("um", "micrometer")
    colours = {viewer.layers[n].colormap.name for n in ("blink A647", "blink Cy3B")}
    assert len(colours) == 2
    assert viewer.dims.nsteps[:2] == (2, 3)


@pytest.mark.parametrize("format_", ["ndtiff", "ome-zarr", "ome-tiff"])
def test_every_channel_and_plane_is_localized_as_a_movie(
    acquisition, viewer, qtbot, format_, tmp_path
):
    acquisition.format.setCurrentIndex(acquisition.format.findData(format_))
    acquisition.sequence.setValue(
        useq.MDASequence(
            axis_order="tcz",
            time_plan={"interval": 0, "loops": 3},
            z_plan={"range": 0.2, "step": 0.2},
            channels=[{"config": "A647", "exposure": 7}, {"config": "Cy3B", "exposure": 5}],
        )
    )
    qtbot.mouseClick(acquisition.start, LEFT)
    finish(acquisition, qtbot)
    dock = LocalizeDock(viewer)
    qtbot.addWidget(dock)
    dataset = Dataset(acquisition.acquisition.path)
    folder = acquisition.acquisition.path.name
    for channel, exposure, names in (
        ("A647", 7, (folder, f"{folder}_z1")),
        ("Cy3B", 5, (f"{folder}_Cy3B", f"{folder}_Cy3B_z1")),
    ):
        dock.layers.choose(viewer.layers[f"blink {channel}"])
        for z, name in enumerate(names):
            viewer.dims.set_current_step(1, z)
            movie = dock.movie
            assert movie.name == name and len(movie) == 3
            assert movie.camera.pixel_size_nm == 100 and movie.camera.name == "Camera"
            assert movie.metadata["exposure_ms"] == exposure
            assert movie.metadata["Micro-Manager Metadata"]["Axes"]["z"] == z
            for t in range(3):
                expected = dataset.read_image(time=t, channel=channel, z=z)
                np.testing.assert_array_equal(movie.read(t, t + 1)[0], expected)
            path, choices = movie.opened_as
            with open_movie(path, **choices) as again:  # what "Copy as Python" writes
                np.testing.assert_array_equal(again.read(0, 3), movie.read(0, 3))
    assert dock.form.camera.camera().pixel_size_nm == 100
    dock.localize.click()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    (path,) = tmp_path.rglob("*_locs.hdf5")
    assert path.stem == f"{folder}_Cy3B_z1_locs"
    locs = load_localizations(path)
    assert len(locs) > 0 and locs.pixel_size_nm == 100 and locs.frames == 3
    dataset.close()
    dock.runner.cancel()
    dock._listeners.close()


def test_a_stack_alone_is_a_movie_of_its_data_set(acquisition, viewer, qtbot):
    acquisition.sequence.setValue(useq.MDASequence(z_plan={"range": 2, "step": 0.5}))
    qtbot.mouseClick(acquisition.start, LEFT)
    finish(acquisition, qtbot)
    movie = movie_of(viewer.layers["blink"], viewer)
    assert movie.path == acquisition.acquisition.path and movie.camera.pixel_size_nm == 100
    assert len(movie) == 5 and movie.metadata["exposure_ms"] > 0


def test_the_data_set_grows_while_it_is_looked_at(acquisition, viewer, qtbot, core):
    core.setProperty("Camera", "RealTime", 1)
    core.setExposure(20)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 250}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(lambda: bool(acquisition.view.dataset.layers), timeout=SECONDS)
    (layer,) = acquisition.view.dataset.layers
    assert not layer.visible  # the newest image is followed
    viewer.dims.set_current_step(0, 3)  # a person moves the slider
    assert not acquisition.follow.isChecked()
    assert layer.visible
    there = layer.data.shape[0]
    qtbot.waitUntil(lambda: layer.data.shape[0] > there, timeout=SECONDS)
    assert viewer.dims.current_step[0] == 3
    finish(acquisition, qtbot)
    assert layer.data.shape[0] == viewer.dims.nsteps[0] == 250
    assert "blink (newest)" not in [x.name for x in viewer.layers]
    movie = movie_of(layer, viewer)
    assert movie.path == acquisition.acquisition.path
    assert movie.camera.pixel_size_nm == 100
    assert len(movie) == 250


def test_it_is_held_and_goes_on(acquisition, qtbot, core):
    core.setProperty("Camera", "RealTime", 1)
    core.setExposure(10)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 60}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(lambda: acquired(acquisition) > 5, timeout=SECONDS)
    qtbot.mouseClick(acquisition.bar.pause, LEFT)
    qtbot.waitUntil(lambda: acquisition.acquisition.status.phase == "paused", timeout=SECONDS)
    held = acquisition.acquisition.status.acquired  # those on the way are saved meanwhile
    qtbot.wait(150)
    assert acquisition.acquisition.status.acquired == held < 60
    qtbot.mouseClick(acquisition.bar.pause, LEFT)
    finish(acquisition, qtbot)
    assert acquisition.message.text().startswith("60 images in")


def test_it_is_cancelled_while_it_is_held(acquisition, qtbot, core):
    core.setProperty("Camera", "RealTime", 1)
    core.setExposure(10)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 6000}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(lambda: acquired(acquisition) > 5, timeout=SECONDS)
    qtbot.mouseClick(acquisition.bar.pause, LEFT)
    qtbot.waitUntil(lambda: acquisition.acquisition.status.phase == "paused", timeout=SECONDS)
    qtbot.mouseClick(acquisition.bar.cancel, LEFT)
    finish(acquisition, qtbot)
    status = acquisition.acquisition.status
    assert 5 < status.saved == status.acquired < 6000 and not core.isSequenceRunning()


def test_a_full_disk_holds_and_it_goes_on_elsewhere(
    acquisition, viewer, qtbot, core, tmp_path, monkeypatch
):
    core.setProperty("Camera", "RealTime", 1)
    core.setExposure(10)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 80}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(lambda: acquired(acquisition) > 5, timeout=SECONDS)

    def full(_frame):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(acquisition.acquisition.saving.writers[0], "write", full)
    qtbot.waitUntil(acquisition.elsewhere.isVisible, timeout=SECONDS)
    assert "No space left" in acquisition.message.text()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(
        "limelight.widgets.acquisition_dock.QFileDialog.getExistingDirectory", lambda *_: str(other)
    )
    qtbot.mouseClick(acquisition.elsewhere, LEFT)
    finish(acquisition, qtbot)
    assert not acquisition.elsewhere.isVisible()
    parts = [Dataset(next(tmp_path.glob("blink_*"))), Dataset(next(other.glob("blink_*")))]
    assert sum(len(p) for p in parts) == 80
    for part in parts:
        part.close()
    assert viewer.layers["blink"].data.shape[0] == 80


def test_live_view_gives_way_and_comes_back(acquisition, loaded, viewer, qtbot, core):
    qtbot.mouseClick(loaded.live, LEFT)
    qtbot.waitUntil(lambda: loaded.view.status.shown > 1, timeout=SECONDS)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 5}))
    qtbot.mouseClick(acquisition.start, LEFT)
    assert not loaded.live.isChecked()
    assert not loaded.load.isEnabled()  # the microscope stays as it is
    finish(acquisition, qtbot)
    assert acquisition.message.text().startswith("5 images in")
    assert loaded.live.isChecked()
    assert loaded.load.isEnabled()
    assert viewer.layers["Live"].visible
    qtbot.mouseClick(loaded.live, LEFT)
    assert not core.isSequenceRunning()


def test_two_docks_share_one_microscope(acquisition, viewer, qtbot, core):
    other = AcquisitionDock(viewer)
    qtbot.addWidget(other)
    core.setProperty("Camera", "RealTime", 1)
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 5000}))
    qtbot.mouseClick(acquisition.start, LEFT)
    qtbot.waitUntil(lambda: acquired(acquisition) > 5, timeout=SECONDS)
    assert not other.start.isEnabled()
    other.begin()
    finish(other, qtbot)
    assert "in use" in other.message.text()
    assert acquisition.runner.running
    other._listeners.close()
    acquisition._listeners.close()  # as when napari is closed
    finish(acquisition, qtbot)
    assert not core.isSequenceRunning()
    assert acquisition.acquisition.finish_reason == "canceled"
    dataset = Dataset(acquisition.acquisition.path)
    assert 5 < len(dataset) < 5000
    dataset.close()


def test_a_processor_that_fails_is_marked_and_the_rest_goes_on(acquisition, qtbot, monkeypatch):
    from limelight.core import parts

    def broken(*_):
        raise ValueError("no light")
        yield

    part = parts.load("processors", "statistics")
    monkeypatch.setattr(part, "process", broken)
    acquisition.processors.add("statistics")
    acquisition.processors.add("denoise")
    acquisition.sequence.setValue(useq.MDASequence(time_plan={"interval": 0, "loops": 6}))
    qtbot.mouseClick(acquisition.start, LEFT)
    assert not acquisition.processors.add_button.isEnabled()
    finish(acquisition, qtbot)
    assert "switched off" in acquisition.processors.list.item(0).text()
    assert "no light" in acquisition.processors.list.item(0).toolTip()
    assert "ms per frame" in acquisition.processors.list.item(1).text()
    assert acquisition.processors.add_button.isEnabled()


def test_a_camera_that_stops_in_live_view_is_told(loaded, qtbot, core):
    core.setProperty("Camera", "FailNext", 1)
    qtbot.mouseClick(loaded.live, LEFT)
    qtbot.waitUntil(lambda: "stopped" in loaded.message.text(), timeout=SECONDS)
    assert not loaded.live.isChecked()
    assert loaded.snap.isEnabled()


def test_a_stage_that_refuses_is_told(loaded, qtbot, core):
    from qtpy.QtWidgets import QTabWidget

    stages = loaded.panels.sections["Stages"].findChild(QTabWidget)
    core.setProperty("Z", "FailNextMove", 1)
    names = [stages.tabText(i) for i in range(stages.count())]
    stages.widget(names.index("Z"))._do_move(1.0, relative=True)
    qtbot.waitUntil(lambda: "Z does not answer" in loaded.message.text(), timeout=SECONDS)


def test_configurations_of_an_installation_are_listed(microscope, tmp_path, monkeypatch):
    (tmp_path / "MyScope.cfg").write_text("Property,Core,Initialize,0\n")
    choice = microscope.configuration
    monkeypatch.setattr(
        "limelight.widgets.microscope_dock.QFileDialog.getExistingDirectory",
        lambda *_: str(tmp_path),
    )
    index = choice.findText("Folder of Micro-Manager…")
    choice.setCurrentIndex(index)
    choice.activated.emit(index)
    assert choice.currentText() == "MyScope.cfg"
    assert str(tmp_path) in microscope.message.text()
    assert microscope.state()["installation"] == str(tmp_path)


def test_a_core_that_was_made_before_the_application_calls_docks_in_their_thread():
    script = Path(__file__).with_name("core_first.py")
    environment = {**os.environ, "PYMM_SIGNALS_BACKEND": "auto"}
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "all in the main thread" in done.stdout and not done.stderr


@pytest.mark.parametrize("thread", ["main", "another"])
def test_live_view_gives_way_to_a_script(loaded, qtbot, core, thread):
    loaded.live.click()
    qtbot.waitUntil(lambda: loaded.view.status.shown > 0, timeout=SECONDS)
    acq = Acquisition(core=core, show_display=False)
    assert loaded.live.isChecked()  # it has nothing to do yet

    def acquire():
        acq.acquire([{"axes": {"time": t}, "min_start_time": 0.02 * t} for t in range(20)])

    if thread == "main":
        acquire()
    else:
        other = threading.Thread(target=acquire)
        other.start()
        other.join()
    qtbot.waitUntil(lambda: not loaded.live.isEnabled(), timeout=SECONDS)
    assert not loaded.live.isChecked() and "acquisition" in loaded.rates.text()
    acq.mark_finished()
    qtbot.waitUntil(lambda: loaded.live.isChecked(), timeout=SECONDS)
    assert acq.await_completion(60) and acq.status.saved == 20 and not acq.messages
    qtbot.waitUntil(lambda: loaded.view.running, timeout=SECONDS)
    loaded.stop()


def test_live_view_stays_away_while_the_next_acquisition_runs(loaded, qtbot, core):
    loaded.live.click()
    qtbot.waitUntil(lambda: loaded.view.status.shown > 0, timeout=SECONDS)
    for _ in range(3):  # the ends are told later than the next begins
        with Acquisition(core=core, show_display=False) as acq:
            acq.acquire([{"axes": {"time": t}} for t in range(5)])
        assert acq.status.saved == 5
    last = Acquisition(core=core, show_display=False)
    last.acquire([{"axes": {"time": 0}}])
    qtbot.waitUntil(lambda: last.status.saved == 1, timeout=SECONDS)
    qtbot.wait(50)
    assert not loaded.live.isEnabled() and not loaded.live.isChecked()
    dock = MicroscopeDock(ViewerModel())  # one that is opened meanwhile knows
    qtbot.addWidget(dock)
    assert not dock.live.isEnabled()
    last.mark_finished()
    last.await_completion(60)
    qtbot.waitUntil(lambda: loaded.live.isChecked() and dock.live.isEnabled(), timeout=SECONDS)
    loaded.stop()
    dock.panels.clear()
    dock._listeners.close()
