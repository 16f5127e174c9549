"""Calibration files: there and back, Picasso's, and files that are none."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import yaml

from limelight.core.errors import FileError
from limelight.core.psf import SplinePSF, ZCalibration
from limelight.io import load_calibration, save_calibration

CURVES = ((0, 0, 0, 0, 3e-6, -2e-3, 1.4), (0, 0, 0, 0, 3e-6, 2e-3, 1.4))


def test_an_astigmatic_calibration_comes_back(tmp_path):
    calibration = ZCalibration(*CURVES, (-400, 420), (-350, 360), 0.8, 10.0, 83, {"Beads": 7})
    path = save_calibration(calibration, tmp_path / "calib")
    assert path.name == "calib.yaml"
    again = load_calibration(path)
    for name in ("x_coefficients", "y_coefficients", "calibrated_nm", "usable_nm"):
        assert getattr(again, name) == getattr(calibration, name)
    assert (again.magnification, again.step_nm, again.frames) == (0.8, 10.0, 83)
    assert again.about["Beads"] == 7


def test_picasso_finds_what_it_needs(tmp_path):
    calibration = ZCalibration(*CURVES, (-400, 420), (-350, 360), 0.8, 10.0, 83)
    path = save_calibration(calibration, tmp_path / "calib.yaml")
    # its loader takes one document, with lists of plain numbers
    found = yaml.safe_load(path.read_text())
    for key in ("X Coefficients", "Y Coefficients"):
        assert len(found[key]) == 7 and all(isinstance(v, float) for v in found[key])
    assert found["Magnification factor"] == 0.8 and found["Number of frames"] == 83
    assert found["Step size in nm"] == 10.0


def test_one_by_picasso_has_a_range(root):
    calibration = load_calibration(root / "tests" / "data" / "picasso_3d_calib.yaml")
    assert calibration.calibrated_nm == (-600, 600) and calibration.magnification == 0.8
    low, high = calibration.usable
    assert -600 <= low < -300 and 300 < high <= 600


def test_a_spline_comes_back(tmp_path):
    solid = np.random.default_rng(0).normal(size=(9, 8, 7)).astype(np.float32)
    model = SplinePSF(solid, 110.0, 20.0, (3.5, 2.9, 2.4), {"beads": 5})
    path = save_calibration(model, tmp_path / "psf")
    again = load_calibration(path)
    assert path.suffix == ".hdf5" and (again.coefficients == solid).all()
    assert again.centre == model.centre and again.about == {"beads": 5}
    assert (again.pixel_nm, again.step_nm) == (110, 20)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.yaml", "Box Size: 7\n", "no 3D calibration"),
        ("a.yaml", "X: [1,\n", "not valid YAML"),
        ("a.yaml", "X Coefficients: [1]\nY Coefficients: [1]\n", "7 finite"),
        ("a.yaml", "X Coefficients: [a]\nY Coefficients: [1]\n", "numbers cannot be read"),
        ("a.txt", "", "cannot be opened"),
        ("a.hdf5", "no hdf5", "HDF5"),
    ],
)
def test_what_is_no_calibration_is_named(tmp_path, name, content, word):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(FileError, match=word):
        load_calibration(path)


def test_files_that_are_not_there_or_hold_something_else(tmp_path):
    with pytest.raises(FileError, match=r"nothing\.yaml"):
        load_calibration(tmp_path / "nothing.yaml")
    with h5py.File(tmp_path / "locs.hdf5", "w") as file:
        file["locs"] = np.arange(3)
    with pytest.raises(FileError, match="limelight psf spline"):
        load_calibration(tmp_path / "locs.hdf5")
    with pytest.raises(FileError, match="no folder"):
        save_calibration(ZCalibration(*CURVES, (-400, 420)), tmp_path / "no" / "calib.yaml")
