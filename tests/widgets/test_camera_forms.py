from __future__ import annotations

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.movie import ArrayMovie
from limelight.widgets.camera_config_form import CameraConfigForm
from limelight.widgets.camera_form import CameraForm

CONFIG = """
Cameras:
  Andor Zyla:
    Baseline: 100
    Pixelsize: 130
    Gain Property Name: EMGain
    Sensitivity Categories: [PixelReadoutRate, Mode]
    Sensitivity:
      540 MHz:
        low noise: 0.29
        high capacity: 7.18
      200 MHz:
        low noise: 0.26
        16-bit: 0.45
  Simple:
    Baseline: 50
    Sensitivity: 2.0
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "cameras.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch):
    monkeypatch.setattr("limelight.widgets.camera_config_form.find_camera_config", lambda: None)


@pytest.fixture
def form(qtbot):
    form = CameraConfigForm()
    qtbot.addWidget(form)
    form.heard = []
    form.chosen.connect(form.heard.append)
    form.show()
    return form


def movie(**properties):
    metadata = {"Micro-Manager Metadata": properties} if properties else {}
    return ArrayMovie(np.zeros((3, 8, 8), np.uint16), name="movie", metadata=metadata)


def test_the_metadata_choose_camera_mode_and_gain(form, config):
    form.show_movie(
        movie(
            **{
                "Camera": "Andor Zyla",
                "Andor Zyla-PixelReadoutRate": "200 MHz",
                "Andor Zyla-Mode": "16-bit",
                "Andor Zyla-EMGain": "5",
            }
        )
    )
    assert not form.heard
    assert form.load(config)
    assert form.cameras.currentText() == "Andor Zyla"
    chosen = {name: box.currentText() for name, box in form.categories.items()}
    assert chosen == {"PixelReadoutRate": "200 MHz", "Mode": "16-bit"}
    camera = form.heard[-1]
    assert (camera.baseline, camera.sensitivity, camera.gain) == (100, 0.45, 5)
    assert camera.pixel_size_nm == 130


def test_choices_by_hand(form, config):
    form.load(config)
    form.show_movie(movie())
    assert "taken" in form._message.text(), "a guess is told"
    form.cameras.setCurrentText("Andor Zyla")
    form.categories["Mode"].setCurrentText("high capacity")
    assert form.heard[-1].sensitivity == 7.18
    # another read-out rate has other modes
    form.categories["PixelReadoutRate"].setCurrentText("200 MHz")
    mode = form.categories["Mode"]
    assert [mode.itemText(i) for i in range(mode.count())] == ["low noise", "16-bit"]
    assert form.heard[-1].sensitivity == 0.26
    form.cameras.setCurrentText("Simple")
    assert not form.categories and form.heard[-1].sensitivity == 2.0
    heard = len(form.heard)
    form.cameras.setCurrentIndex(0)
    assert len(form.heard) == heard, "typed below: the numbers stay"


def test_a_movie_that_knows_its_camera_keeps_it(form, config):
    form.load(config)
    own = ArrayMovie(np.zeros((3, 8, 8)), Camera(baseline=400, sensitivity=0.46))
    form.show_movie(own)
    assert not form.heard and form.cameras.currentIndex() == 0


def test_a_wrong_file_tells_line_and_key(form, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("Cameras:\n  A:\n    Baseline: dark\n")
    assert not form.load(bad)
    assert "line 3" in form._message.text() and "Baseline" in form._message.text()
    assert not form.load(tmp_path / "none.yaml")


def test_the_file_is_remembered(form, config, qtbot):
    form.load(config)
    again = CameraConfigForm()
    qtbot.addWidget(again)
    again.restore(form.state())
    assert again.cameras.count() == 3
    again.restore({"path": "/gone.yaml"})
    again.restore({})


# -- the numbers -----------------------------------------------------------------------------------
def test_typed_numbers_make_the_camera(qtbot):
    form = CameraForm()
    qtbot.addWidget(form)
    form.set_camera(Camera(name="Zyla", baseline=99.123456, pixel_size_nm=106.6666))
    assert form.camera().baseline == 99.123456, "what is not touched keeps all its digits"
    form.boxes["gain"].setValue(300)
    camera = form.camera()
    assert camera.gain == 300 and camera.excess_noise == 2 and camera.name == "Zyla"


def test_maps_are_kept(qtbot):
    form = CameraForm()
    qtbot.addWidget(form)
    offset = np.full((8, 8), 101.0, np.float32)
    form.set_camera(Camera(baseline=offset, sensitivity=0.5))
    assert not form.boxes["baseline"].isEnabled() and "map" in form.boxes["baseline"].text()
    form.boxes["sensitivity"].setValue(0.7)
    camera = form.camera()
    np.testing.assert_array_equal(camera.baseline, offset)
    assert camera.sensitivity == 0.7


@pytest.mark.parametrize("state", [{}, {"gain": "x"}, {"gain": -1}, {"baseline": None}])
def test_useless_memories_are_left_out(state):
    assert CameraForm.restored(state, Camera()).to_dict() == Camera().to_dict()


def test_what_the_movie_knows_goes_before_what_was_typed(qtbot):
    camera = CameraForm.restored(
        {"baseline": 100.0, "pixel_size_nm": 108.0, "gain": 5}, Camera(pixel_size_nm=65.0)
    )
    assert (camera.baseline, camera.pixel_size_nm, camera.gain) == (100.0, 65.0, 5.0)
