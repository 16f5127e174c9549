from __future__ import annotations

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.camera import Camera
from limelight.core.errors import CameraConfigError, FileError, ParameterError
from limelight.core.movie import ArrayMovie
from limelight.io import find_camera_config, load_camera_config
from limelight.io.camera_config import ENVIRONMENT

TEXT = """
CameraPriority:
  - sCMOS B
Cameras:
  EMCCD A:
    Baseline: 200
    Gain Property Name: Gain
    Sensitivity Categories:
      - Amplifier
      - Readout
      - PreAmp
    Sensitivity:
      EM:
        17.000 MHz:
          1: 15.9
          2: 9.34
        10.000 MHz:
          1: 16.5
          2: 8.4
      Conventional:
        3.000 MHz:
          1: 4.03
    Quantum Efficiency:
      525: 0.95
      700: 0.9
  sCMOS B:
    Pixelsize: 130
    Baseline: 100
    Sensitivity: 0.47
    Read Noise: 1.4
    Quantum Efficiency: 0.82
    Channel Device:
      Name: Filter-Label
      Emission Wavelengths:
        red: 700
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "cameras.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _movie(**properties):
    metadata = {"Micro-Manager Metadata": properties} if properties else {}
    return ArrayMovie(np.zeros((2, 4, 6), np.uint16), Camera(pixel_size_nm=99), metadata=metadata)


def test_the_whole_of_it(write):
    config = load_camera_config(write(TEXT))
    assert list(config.cameras) == ["sCMOS B", "EMCCD A"]
    assert config.default.name == "sCMOS B"
    b, a = config.cameras.values()
    assert b.camera().to_dict() == {
        "name": "sCMOS B",
        "baseline": 100,
        "sensitivity": 0.47,
        "gain": 1,
        "pixel_size_nm": 130,
        "read_noise": 1.4,
        "quantum_efficiency": 0.82,
    }
    assert b.channel_device["Emission Wavelengths"] == {"red": 700}
    assert a.quantum_efficiency == {"525": 0.95, "700": 0.9}
    assert a.pixel_size_nm is None
    assert a.camera(base=Camera(pixel_size_nm=107)).pixel_size_nm == 107


def test_drop_downs(write):
    entry = load_camera_config(write(TEXT)).entry("EMCCD A")
    assert entry.options() == {
        "Amplifier": ["EM", "Conventional"],
        "Readout": ["17.000 MHz", "10.000 MHz"],
        "PreAmp": ["1", "2"],
    }
    assert entry.options({"Amplifier": "Conventional"})["Readout"] == ["3.000 MHz"]
    chosen = {"Amplifier": "EM", "Readout": "10.000 MHz", "PreAmp": "2"}
    assert entry.camera(chosen).sensitivity == 8.4
    assert entry.camera({"Readout": "10.000 MHz"}).sensitivity == 16.5
    assert entry.camera().sensitivity == 15.9
    # An impossible choice falls back to the first option of its level.
    assert entry.camera({"Amplifier": "Conventional", "Readout": "10.000 MHz"}).sensitivity == 4.03


def test_matching(write):
    config = load_camera_config(write(TEXT))
    properties = {
        "Camera": "EMCCD A",
        "EMCCD A-Amplifier": "EM",
        "EMCCD A-Readout": "10.000 MHz",
        "EMCCD A-PreAmp": 2,
        "EMCCD A-Gain": "150",
    }
    entry, choices = config.match({"Micro-Manager Metadata": properties})
    assert entry.name == "EMCCD A"
    assert choices == {"Amplifier": "EM", "Readout": "10.000 MHz", "PreAmp": "2"}
    camera = config.camera_for(_movie(**properties))
    assert camera.sensitivity == 8.4
    assert camera.gain == 150 and camera.excess_noise == 2
    assert camera.pixel_size_nm == 99 and camera.baseline == 200
    assert config.camera_for(_movie(Camera="scmos b")).pixel_size_nm == 130


def test_guesses_are_told(write):
    config = load_camera_config(write(TEXT))
    with pytest.warns(UserWarning, match="camera = 'sCMOS B'"):
        config.camera_for(_movie())
    with pytest.warns(UserWarning, match=r"Readout = '17\.000 MHz', PreAmp = '1'"):
        camera = config.camera_for(_movie(**{"Camera": "EMCCD A", "EMCCD A-Amplifier": "EM"}))
    assert camera.sensitivity == 15.9
    with pytest.raises(ParameterError, match="Did you mean 'EMCCD A'"):
        config.entry("EMCCD")


@pytest.mark.parametrize(
    "text",
    [
        "Baseline: 100\nSensitivity: 0.5\nQuantum Efficiency: 1.0\n",
        "Cam:\n  Baseline: 100\n  Sensitivity: 0.5\n",
        "Cameras:\n  Cam:\n    Baseline: 100\n    Sensitivity: 0.5\n    Pixelsize:\n",
        "\ufeffCameras:\n  Cam: {Baseline: 1e2, Sensitivity: 5e-1}\n",
    ],
)
def test_a_single_camera_is_always_taken(write, text):
    camera = load_camera_config(write(text)).camera_for(_movie(Camera="another"))
    assert (camera.baseline, camera.sensitivity) == (100, 0.5)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Baseline: 200", "Baseline: many", "Cameras > EMCCD A > Baseline"),
        ("Baseline: 200", "Baseline: .nan", "Baseline"),
        ("Baseline: 200", "Baseline: [1, 2]", "Baseline"),
        ("Baseline: 200", "Baseline: dark.npy", "no file dark.npy"),
        ("Baseline: 200", "Basline: 200", "Did you mean 'Baseline'"),
        ("2: 8.4", "2: -8.4", "Sensitivity > EM > 10.000 MHz > 2: must be greater than 0"),
        ("2: 8.4", "1: 8.4", "twice (first in line"),
        ("2: 8.4", "2: {a: 3}", "more choices"),
        ("3.000 MHz:\n          1: 4.03", "3.000 MHz:\n          {}", "nothing to choose"),
        ("3.000 MHz:\n          1: 4.03", "3.000 MHz: 4.03", "another category"),
        ("Pixelsize: 130", "Pixelsize: 0", "sCMOS B > Pixelsize"),
        ("Read Noise: 1.4", "Read Noise: -1", "Read Noise"),
        ("- Amplifier", "- {x: 1}", "Sensitivity Categories"),
        ("Sensitivity: 0.47", "Sensitivity Categories: [a]", "no key 'Sensitivity'"),
        ("Cameras:", "Camera:", "Did you mean 'Cameras'"),
        ("Gain Property Name: Gain", "Gain Property Name: [Gain]", "Gain Property Name"),
        ("    Sensitivity:\n      EM:", "      EM:", "not valid YAML"),
        ("    Baseline: 200", "\tBaseline: 200", "not valid YAML"),
        ("sCMOS B:\n", "sCMOS C: 3\n  sCMOS B:\n", "a camera needs keys"),
    ],
)
def test_a_wrong_file_says_line_and_key(write, old, new, says):
    before, found, after = TEXT.partition(old)
    assert found
    with pytest.raises(CameraConfigError) as error:
        load_camera_config(write(before + new + after))
    line = before.count("\n") + 1
    assert str(error.value).startswith(f"cameras.yaml: line {line}")
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n", "Cameras:\n", "Cameras: {}\n"])
def test_a_file_without_cameras(write, text):
    with pytest.raises(CameraConfigError, match=r"cameras\.yaml"):
        load_camera_config(write(text))


def test_maps(write, tmp_path):
    offset = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.save(tmp_path / "offset.npy", offset)
    tifffile.imwrite(tmp_path / "gain.tif", offset + 1)
    config = load_camera_config(
        write("Cameras:\n  Cam:\n    Baseline: offset.npy\n    Sensitivity: gain.tif\n")
    )
    camera = config.camera_for(_movie())
    np.testing.assert_array_equal(camera.baseline, offset)
    np.testing.assert_array_equal(camera.sensitivity, offset + 1)
    np.save(tmp_path / "offset.npy", np.zeros((2, 4, 6)))
    with pytest.raises(FileError, match="one image, not 2"):
        config.camera_for(_movie())


def test_maps_are_cut_to_what_was_read_out(write, tmp_path):
    chip = np.arange(20 * 30, dtype=np.float32).reshape(20, 30)
    np.save(tmp_path / "offset.npy", chip)
    config = load_camera_config(write("Cameras: {Cam: {Baseline: offset.npy}}\n"))
    camera = config.camera_for(_movie(ROI="7-3-6-4"))
    np.testing.assert_array_equal(camera.baseline, chip[3:7, 7:13])
    assert config.camera_for(_movie(ROI="7-3-60-4")).shape == (20, 30)


def test_where_it_is_looked_for(write, monkeypatch, tmp_path):
    path = write(TEXT)
    monkeypatch.setenv(ENVIRONMENT, str(path))
    assert find_camera_config() == path
    assert load_camera_config().path == path
    monkeypatch.delenv(ENVIRONMENT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert find_camera_config() is None
    with pytest.raises(FileError, match=ENVIRONMENT):
        load_camera_config()
    picasso = tmp_path / ".picasso" / "config.yaml"
    picasso.parent.mkdir()
    picasso.write_text(TEXT)
    assert find_camera_config() == picasso
    with pytest.raises(FileError, match="no such file"):
        load_camera_config(tmp_path / "absent.yaml")


words = st.text("abc XYZ-.0123456789", min_size=1).filter(lambda t: t.strip())
leaf = st.none() | st.booleans() | st.integers() | st.floats() | words
nested = st.recursive(
    leaf, lambda x: st.lists(x, max_size=3) | st.dictionaries(words, x, max_size=3), max_leaves=12
)
keys = st.sampled_from(["Baseline", "Sensitivity", "Sensitivity Categories", "Pixelsize", "Gain"])


@given(st.dictionaries(words, st.dictionaries(keys, nested), max_size=2) | nested)
def test_any_configuration_is_read_or_refused(tmp_path_factory, cameras):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump({"Cameras": cameras}, allow_unicode=True), encoding="utf-8")
    try:
        config = load_camera_config(path)
    except CameraConfigError as error:
        assert "line " in str(error)
        return
    entry, choices = config.match({})
    assert set(entry.options(choices)) == set(choices)


@given(st.text(), st.booleans())
def test_any_text_is_read_or_refused(tmp_path_factory, text, wrap):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(f"Cameras:\n  {text}\n" if wrap else text, encoding="utf-8", newline="")
    try:
        load_camera_config(path)
    except CameraConfigError:
        pass
