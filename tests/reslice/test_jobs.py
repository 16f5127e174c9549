"""The bead tools from stack to files: what they write, and what they say of bad stacks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile

from limelight.cli import main
from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.job import run
from limelight.core.simulate import PupilPSF, bead_stack
from limelight.io import load_calibration, open_array
from limelight.io.image_writer import OutgoingImage, write_image
from limelight.reslice import (
    BeadSettings,
    CalibrationSettings,
    SplineSettings,
    Stack,
    calibrate_job,
    measure_job,
    open_stack,
    spline_job,
)

PLACES = ((20, 20), (20, 60), (60, 20), (60, 60))


def beads(kind, slices, step, photons=30_000, seed=0):
    rng = np.random.default_rng(seed)
    psf = PupilPSF(kind)
    y, x = np.array(PLACES).T + rng.uniform(-0.5, 0.5, (2, len(PLACES)))
    expected = bead_stack(psf, (slices, 81, 81), x, y, photons, step_nm=step, reach=13)
    return (rng.poisson(expected) + 100).astype(np.uint16)


def write(path, volume, step):
    scale = (step / 1000, 0.11, 0.11)
    return write_image(path, OutgoingImage(volume, ("z",), scale, ("um",) * 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beads")
    write(folder / "plain.ome.tif", beads("plain", 31, 100), 100)
    write(folder / "astigmatic.ome.tif", beads("astigmatic", 41, 30), 30)
    return folder


def test_a_stack_brings_its_scale(folder):
    stack = open_stack(folder / "plain.ome.tif")
    assert stack.volume.shape == (31, 81, 81)
    assert stack.scale_um == pytest.approx((0.1, 0.11, 0.11))
    other = open_stack(folder / "plain.ome.tif", step_nm=50, pixel_nm=65)
    assert other.scale_um == pytest.approx((0.05, 0.065, 0.065))
    assert open_stack(stack, step_nm=70).step_nm == 70


def test_channel_and_time_are_chosen(tmp_path):
    solid = np.random.default_rng(0).integers(0, 99, (2, 3, 7, 20, 20)).astype(np.uint16)
    write_image(
        tmp_path / "a.ome.tif",
        OutgoingImage(solid, ("time", "channel", "z"), labels={"channel": ("A", "B", "C")}),
    )
    assert (open_stack(tmp_path / "a.ome.tif").volume == solid[0, 0]).all()
    chosen = open_stack(tmp_path / "a.ome.tif", channel="C", time=1)
    assert (chosen.volume == solid[1, 2]).all()
    for wrong in ({"channel": "D"}, {"channel": 3}, {"time": 2}):
        with pytest.raises(ParameterError, match="there is no"):
            open_stack(tmp_path / "a.ome.tif", **wrong)


def test_measure_writes_tables_and_a_picture(folder, capsys):
    arguments = ["measure", str(folder / "plain.ome.tif"), "--baseline", "100", "--quiet"]
    assert main(["psf", *arguments, "--na", "1.4", "--wavelength-nm", "670"]) == 0
    said = capsys.readouterr().out
    assert "4 of 4 beads measured" in said and "theory 0.244" in said
    table = pd.read_csv(folder / "plain_beads.csv")
    assert len(table) == 4 and table["fwhm_lateral_um"].median() == pytest.approx(0.247, rel=0.03)
    assert 20 < table["background"].median() < 45  # 20, and the halo of the bead itself
    for suffix in (".hdf5", ".yaml", ".png"):
        assert (folder / f"plain_beads{suffix}").stat().st_size > 500
    import h5py

    with h5py.File(folder / "plain_beads.hdf5") as file:
        assert file["beads"]["fwhm_z_um"].tolist() == table["fwhm_z_um"].tolist()


def test_calibrate_writes_a_calibration_that_localizes(folder, capsys):
    assert main(["psf", "calibrate", str(folder / "astigmatic.ome.tif"), "--quiet"]) == 0
    assert "4 of 4 beads; usable from" in capsys.readouterr().out
    calibration = load_calibration(folder / "astigmatic_3d_calib.yaml")
    low, high = calibration.usable
    assert low < -250 and high > 250 and calibration.step_nm == pytest.approx(30)
    below, above = (np.array(w) for w in calibration.widths([-250, 250]))
    assert below[0] > below[1] and above[0] < above[1]  # wide in x below, z rises with the stage
    assert (folder / "astigmatic_3d_calib.png").exists()


def test_spline_writes_model_image_and_picture(folder, capsys):
    arguments = ["psf", "spline", str(folder / "astigmatic.ome.tif"), "--box", "21", "--quiet"]
    assert main([*arguments, "--out", str(folder / "mine")]) == 0
    assert "4 of 4 beads averaged" in capsys.readouterr().out
    model = load_calibration(folder / "mine.hdf5")
    assert model.shape == (41, 21, 21) and model.step_nm == pytest.approx(30)
    image = open_array(folder / "mine.ome.tif")
    assert image.scale == pytest.approx((0.03, 0.11, 0.11)) and image.units == ("um",) * 3
    assert np.asarray(image.array) == pytest.approx(model.volume(), abs=1e-6)
    image.close()
    assert (folder / "mine.png").exists()


def test_bad_stacks_say_what_to_change(folder, tmp_path, capsys):
    noise = np.random.default_rng(0).poisson(50, (15, 60, 60)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "noise.tif", noise)
    bright = beads("plain", 31, 100)
    tifffile.imwrite(tmp_path / "bright.tif", np.minimum(bright, 1023).astype(np.uint16))
    tifffile.imwrite(tmp_path / "single.tif", bright[15])
    rim = bright[:, 15:26, 15:]
    tifffile.imwrite(tmp_path / "rim.tif", np.ascontiguousarray(rim[:, :, :60]))
    scale = ["--step-nm", "100", "--pixel-size", "110", "--quiet"]
    for name, extra, words in (
        ("noise.tif", scale, "No bead was found. Lower the threshold"),
        ("bright.tif", scale, "saturated). Lower the exposure"),
        ("single.tif", scale, "1 slice; at least 5 are needed"),
        ("rim.tif", scale, "Choose a smaller box"),
        ("noise.tif", ["--quiet"], "--step-nm"),
        ("noise.tif", ["--step-nm", "100", "--quiet"], "--pixel-size"),
        ("missing.tif", scale, "missing.tif"),
    ):
        assert main(["psf", "measure", str(tmp_path / name), *extra]) == 1
        said = capsys.readouterr().err
        assert words in said and "Traceback" not in said
    assert main(["psf", "calibrate", str(tmp_path / "noise.tif"), "--quiet"]) == 1
    assert "--step-nm" in capsys.readouterr().err
    assert main(["psf", "calibrate", str(folder / "plain.ome.tif"), "--quiet"]) == 1
    assert "cylindrical lens" in capsys.readouterr().err
    assert main(["psf", "measure", "a.tif", "b.tif", "--out", "c"]) == 2


def test_jobs_run_on_arrays_and_can_be_closed(folder):
    camera = Camera(baseline=100)
    stack = Stack(beads("plain", 31, 100), 100, 110, camera)
    settings = BeadSettings(box=13, method="mle", na=1.4, wavelength_nm=670)
    result = run(measure_job(stack, settings, threads=2))
    assert len(result.good) == 4 and set(result.maps) >= {"fwhm_z_um", "tilt_deg"}
    job = measure_job(stack, settings)
    next(job)
    job.close()
    with pytest.raises(ParameterError, match="--na"):
        run(measure_job(stack, BeadSettings(na=1.4)))
    with pytest.raises(ParameterError, match="choose 15 or 17"):
        BeadSettings(box=16)


def test_a_stack_taken_downwards_has_the_same_z():
    volume = beads("astigmatic", 41, 30)
    settings = CalibrationSettings(box=13)
    up = run(calibrate_job(Stack(volume, 30, 110), settings)).calibration
    down = run(calibrate_job(Stack(volume[::-1], -30, 110), settings)).calibration
    z = np.linspace(-250, 250, 20)
    assert up.widths(z)[0] == pytest.approx(down.widths(z)[0], abs=1e-6)
    quick = SplineSettings(box=15)
    first = run(spline_job(Stack(volume, 30, 110), quick)).model
    second = run(spline_job(Stack(volume[::-1], -30, 110), quick)).model
    assert first.coefficients == pytest.approx(second.coefficients, abs=1e-6)
