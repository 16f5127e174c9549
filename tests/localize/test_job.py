from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest

from limelight.core import parts
from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.job import run
from limelight.core.localizations import COLUMNS, Localizations
from limelight.core.movie import ArrayMovie
from limelight.localize import LocalizeSettings, inspect_frame, localize, localize_job
from limelight.localize.job import frames_per_block

SINGLE = ["mle", "mle-sigmaxy", "mle-fixed", "lq", "lq-sigmaxy", "lq-fixed", "phasor"]


@pytest.mark.parametrize("detect", ["snr", "net-gradient"])
@pytest.mark.parametrize("fit", [*SINGLE, "multi"])
def test_a_molecule_is_found_where_it_is(small, detect, fit):
    values = {"min_net_gradient": 500} if detect == "net-gradient" else {}
    locs = localize(small, detect=detect, fit=fit, **values)
    assert len(locs) == 12 and locs["frame"].tolist() == list(range(12))
    assert locs["x"].mean() == pytest.approx(30.6, abs=0.05)
    assert locs["y"].mean() == pytest.approx(20.3, abs=0.05)
    true = 400 * 2 * np.pi * 1.3**2
    if "fixed" not in fit:
        assert np.median(locs["photons"]) == pytest.approx(true, rel=0.1)
    assert locs.pixel_size_nm == 100
    for column in ("sx", "sy", "bg", "lpx", "lpy", "ellipticity", "net_gradient"):
        assert column in locs
    for name in locs.columns:
        assert locs[name].dtype == COLUMNS[name].dtype


@pytest.mark.parametrize("fit", ["mle", "multi"])
@pytest.mark.parametrize("background", ["none", "mean", "median"])
def test_blocks_and_threads_do_not_change_a_bit(movie, fit, background):
    settings = LocalizeSettings.of(fit=fit, background=background)
    whole = run(localize_job(movie, settings, threads=1, block_frames=60))
    assert len(whole) > 1000
    for threads, block in ((1, 7), (2, 16), (3, 1)):
        part = run(localize_job(movie, settings, threads=threads, block_frames=block))
        pd.testing.assert_frame_equal(part.table, whole.table, check_exact=True)


def test_a_frame_range_is_that_part_of_the_whole(movie):
    whole = localize(movie).table
    part = localize(movie, frames=(20, 35)).table
    expected = whole[(whole.frame >= 20) & (whole.frame < 35)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, expected, check_exact=True)


def test_a_region_of_interest_keeps_full_frame_coordinates(movie):
    locs = localize(movie, roi=(100, 50, 150, 120))
    assert len(locs) > 20
    assert locs["y"].min() > 99.5 and locs["y"].max() < 149.5
    assert locs["x"].min() > 49.5 and locs["x"].max() < 119.5


def test_inspecting_a_frame_gives_what_the_run_gives(movie):
    whole = localize(movie).table
    report = inspect_frame(movie, 41)
    expected = whole[whole.frame == 41].reset_index(drop=True)
    pd.testing.assert_frame_equal(report.locs.table, expected, check_exact=True)
    assert report.verdicts.accepted.sum() >= len(expected) * 0.9
    assert all(isinstance(r, str) for r in report.verdicts.reason)


def test_progress_comes_with_the_molecules_of_each_block(movie):
    steps = []
    locs = run(localize_job(movie, block_frames=20, threads=2), steps.append)
    assert [s.done for s in steps] == [20, 40, 60] and steps[0].total == 60
    joined = pd.concat([s.partial.table for s in steps], ignore_index=True)
    pd.testing.assert_frame_equal(joined, locs.table)
    assert f"{len(locs):,} molecules" in steps[-1].message


def test_a_cancelled_job_leaves_no_thread(movie):
    job = localize_job(movie, block_frames=5)
    next(job)
    job.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("limelight-localize")]


def test_an_error_while_reading_ends_the_job_and_its_threads(small):
    class Broken(ArrayMovie):
        def read(self, start, stop):
            if start >= 4:
                raise OSError("the disk went away")
            return super().read(start, stop)

    broken = Broken(small.read(0, 12), small.camera)
    settings = LocalizeSettings.of(min_net_gradient=500)
    with pytest.raises(OSError, match="went away"):
        run(localize_job(broken, settings, block_frames=2))
    assert not [t for t in threading.enumerate() if t.name.startswith("limelight-localize")]


def test_a_movie_without_molecules_gives_an_empty_table_with_all_columns():
    flat = np.full((5, 32, 32), 100, np.uint16)
    locs = localize(flat)
    assert len(locs) == 0 and "photons" in locs and locs["photons"].dtype == np.float32


@pytest.mark.parametrize("fit", [*SINGLE, "avg", "multi"])
def test_hostile_pixels_do_not_stop_a_run(fit):
    rng = np.random.default_rng(0)
    frames = rng.poisson(20, (6, 40, 40)).astype(np.float32)
    frames[0] = 0
    frames[1] = 65535
    frames[2, 10:14, 10:14] = np.nan
    frames[3, 20, 20] = np.inf
    frames[4] *= -1
    locs = localize(frames, fit=fit, baseline=10)
    assert np.isfinite(locs["x"]).all() and np.isfinite(locs["y"]).all()


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 7, 7), (2, 1, 50)])
def test_frames_smaller_than_the_box_have_no_molecules(shape):
    assert len(localize(np.full(shape, 50, np.uint16))) == 0


def test_camera_values_scale_the_photons(small):
    one = localize(small, min_net_gradient=500)
    half = localize(small, min_net_gradient=500, sensitivity=0.5, pixel_size=160)
    assert np.median(half["photons"]) == pytest.approx(np.median(one["photons"]) / 2, rel=0.05)
    assert half.pixel_size_nm == 160


def test_em_gain_worsens_the_stated_precision(small):
    plain = localize(small, min_net_gradient=500)
    em = localize(small, min_net_gradient=500, gain=10, sensitivity=10)
    assert np.median(em["lpx"] / plain["lpx"]) == pytest.approx(np.sqrt(2), rel=0.02)


def test_scmos_maps_of_equal_values_change_nothing(small):
    plain = localize(small, min_net_gradient=500)
    shape = small.shape[1:]
    maps = Camera(
        baseline=np.full(shape, 100), sensitivity=np.full(shape, 1.0), read_noise=np.zeros(shape)
    )
    mapped = localize(small, min_net_gradient=500, camera=maps)
    np.testing.assert_allclose(mapped["x"], plain["x"], atol=1e-4)
    with pytest.raises(ParameterError, match="do not fit"):
        localize(small, camera=Camera(baseline=np.zeros((3, 3))))


def test_a_static_structure_is_removed_by_the_temporal_background():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:48, :48]
    bead = 500 * np.exp(-((y - 12) ** 2 + (x - 12) ** 2) / 3.0)
    blink = 300 * np.exp(-((y - 30) ** 2 + (x - 33) ** 2) / 3.0)
    on = np.zeros(80)
    on[5::20] = 1
    frames = rng.poisson(20 + bead + on[:, None, None] * blink).astype(np.uint16)
    locs = localize(frames, background="median", background_window=(-20, 20), detect="snr")
    near_bead = (abs(locs["x"] - 12) < 2) & (abs(locs["y"] - 12) < 2)
    near_blink = (abs(locs["x"] - 33) < 1) & (abs(locs["y"] - 30) < 1)
    assert sorted(locs["frame"][near_blink]) == [5, 25, 45, 65]
    assert near_bead.sum() <= 4


def test_a_block_is_small_enough_to_bound_the_memory():
    class Big(ArrayMovie):
        shape = (100_000, 2048, 2048)
        dtype = np.dtype(np.uint16)

    movie = Big(np.zeros((1, 2, 2)))
    for workers in (1, 2, 16, 64):
        size = frames_per_block(movie, workers) * 2048 * 2048 * 2
        assert size * (workers + 1) <= 96 * 2**20 or frames_per_block(movie, workers) == 1


class Brightest(parts.Settings):
    """A fitter that somebody contributes: the brightest pixel of each box."""

    def fit(self, spots):
        flat = spots.photons.reshape(len(spots), -1)
        y, x = np.divmod(flat.argmax(axis=1), spots.box)
        half = spots.box // 2
        one = np.ones(len(spots), np.float32)
        return {
            "x": x - half,
            "y": y - half,
            "photons": flat.max(axis=1),
            "bg": flat.min(axis=1),
            "sx": one,
            "sy": one,
            "lpx": one,
            "lpy": one,
        }


def test_any_object_of_the_fitters_shape_can_fit(small):
    settings = LocalizeSettings(fitter=Brightest())
    locs = run(localize_job(small, settings))
    assert isinstance(locs, Localizations) and set(locs["x"]) <= {30.0, 31.0}
