from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.movie import Movie
from limelight.core.simulate import (
    SCENES,
    AstigmaticPSF,
    GaussianPSF,
    PhotonBudget,
    Scattered,
    SimulatedMovie,
    expose,
    linear_drift,
    scene,
)


def _movie(**changes):
    size = (40, 50)
    emission = Scattered(size, 5, PhotonBudget(500, 900), z_range=(-300, 300))
    return SimulatedMovie(size, changes.pop("frames", 12), emission, **changes)


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_is_a_movie_with_truth(name):
    movie = scene(name, frames=6)
    assert isinstance(movie, Movie)
    assert movie.shape == (6, 256, 256)
    assert movie.dtype == np.uint16
    assert movie.camera.pixel_size_nm == 100
    block, truth = movie.read(0, 6), movie.truth()
    assert block.shape == movie.shape
    assert 100 < np.median(block) < 160
    assert set(truth["frame"]) <= set(range(6))
    per_frame = {"standard": 25, "dim": 25, "uneven": 25, "dense": 250}.get(name)
    if per_frame:
        assert (truth.groupby("frame").size() == per_frame).all()
    assert scene(name, frames=6, seed=1).read(0, 2).tobytes() != block[:2].tobytes()


def test_frames_do_not_depend_on_how_they_are_read():
    movie = _movie(seed=3)
    whole = movie.read(0, 12)
    parts = np.concatenate([_movie(seed=3).read(i, i + 5) for i in (0, 5, 10)])
    np.testing.assert_array_equal(whole, parts)
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda i: movie[i].pixels, reversed(range(12))))[::-1]
    np.testing.assert_array_equal(whole, threaded)
    np.testing.assert_array_equal(movie[-1].pixels, whole[11])
    np.testing.assert_array_equal(_movie(seed=3, frames=100_000_000).read(5, 8), whole[5:8])


def test_truth_describes_the_frames():
    movie = _movie(background=0.0, drift=linear_drift(12, (3, -2)), psf=AstigmaticPSF())
    truth = movie.truth(4, 6)
    assert truth["frame"].unique().tolist() == [4, 5]
    np.testing.assert_array_equal(movie.truth().query("4 <= frame < 6").to_numpy(), truth)
    image = np.zeros((40, 50))
    rows, columns = np.indices(image.shape)
    for _, row in truth[truth["frame"] == 4].iterrows():
        # A point-sampled Gaussian of the pixel's own width is close to the integrated one.
        vx, vy = row["sx"] ** 2 + 1 / 12, row["sy"] ** 2 + 1 / 12
        image += (
            row["photons"]
            / (2 * np.pi * np.sqrt(vx * vy))
            * np.exp(-((columns - row["x"]) ** 2) / 2 / vx - (rows - row["y"]) ** 2 / 2 / vy)
        )
    np.testing.assert_allclose(movie.expected(4), image, atol=0.02 * image.max())


def test_drift_moves_everything():
    still, moving = _movie(), _movie(drift=linear_drift(12, (2.0, -1.0)))
    a, b = still.truth(), moving.truth()
    last = a["frame"] == 11
    np.testing.assert_allclose((b["x"] - a["x"])[last], 2.0)
    np.testing.assert_allclose((b["y"] - a["y"])[last], -1.0)
    np.testing.assert_allclose((b["x"] - a["x"])[a["frame"] == 0], 0.0)


@pytest.mark.parametrize(
    ("camera", "variance_factor"),
    [
        (Camera(baseline=100, sensitivity=0.5), 1.0),
        (Camera(baseline=200, sensitivity=5.0, gain=100), 2.0),
    ],
)
def test_camera_converts_back_to_photons(camera, variance_factor):
    rng = np.random.default_rng(0)
    photons = camera.to_photons(expose(np.full((300, 300), 40.0), rng, camera))
    assert photons.mean() == pytest.approx(40, rel=0.01)
    assert photons.var() == pytest.approx(40 * variance_factor, rel=0.03)
    assert camera.excess_noise == variance_factor


def test_read_noise_is_in_photoelectrons_before_the_gain():
    camera = Camera(baseline=500, sensitivity=0.1, read_noise=3.0)
    dark = camera.to_photons(expose(np.zeros((200, 200)), np.random.default_rng(0), camera))
    assert dark.std() == pytest.approx(3.0, rel=0.02)
    camera = camera.replace(gain=50.0, sensitivity=4.0)
    dark = camera.to_photons(expose(np.zeros((200, 200)), np.random.default_rng(0), camera))
    assert dark.std() == pytest.approx(3.0, rel=0.02)


def test_maps_act_pixel_by_pixel():
    baseline = np.full((20, 30), 100, np.float32)
    baseline[:, 15:] = 300
    noise = np.zeros((20, 30), np.float32)
    noise[10:] = 8
    camera = Camera(baseline=baseline, read_noise=noise, sensitivity=np.full((20, 30), 2.0))
    movie = SimulatedMovie(
        (20, 30), 200, Scattered((20, 30), 0), background=0.0, camera=camera, seed=1
    )
    counts = movie.read(0, 200)
    assert (counts[:, :10, :15] == 100).all()
    assert (counts[:, :10, 15:] == 300).all()
    spread = camera.to_photons(counts).std(axis=0)
    np.testing.assert_allclose(spread[10:], 8, rtol=0.25)
    with pytest.raises(ParameterError, match="do not fit"):
        SimulatedMovie((21, 30), 2, Scattered((21, 30), 0), camera=camera)


def test_sigma_range_is_used():
    movie = _movie(psf=GaussianPSF((1.0, 1.3)))
    sigma = movie.truth()["sx"]
    assert sigma.between(1.0, 1.3).all()
    assert sigma.std() > 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 0}, "at least one frame"),
        ({"seed": -1}, "seed"),
        ({"background": -1.0}, "background"),
        ({"background": np.nan}, "background"),
        ({"background": np.ones((3, 3))}, "background"),
        ({"drift": np.zeros((3, 2))}, "drift"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(ParameterError, match=message):
        _movie(**changes)


def test_bad_requests_are_named():
    with pytest.raises(ParameterError, match="standard"):
        scene("standart")
    with pytest.raises(IndexError):
        _movie()[12]
    with pytest.raises(ParameterError, match="whole numbers"):
        expose(np.ones((3, 3)), np.random.default_rng(0), Camera(), dtype=np.float32)
    assert _movie().truth(5, 5).empty
    assert _movie().read(11, 40).shape == (1, 40, 50)


def test_astigmatic_widths():
    psf = AstigmaticPSF(sigma=1.2, focus=250, depth=400)
    z = np.array([-250.0, 0.0, 250.0])
    sx, sy = psf.widths(z)
    assert sx[2] == pytest.approx(1.2)
    assert sy[0] == pytest.approx(1.2)
    assert sx[1] == pytest.approx(sy[1])
    assert sx[0] == pytest.approx(1.2 * np.sqrt(1 + (500 / 400) ** 2))
    with pytest.raises(ParameterError):
        AstigmaticPSF(depth=0)
    with pytest.raises(ParameterError):
        GaussianPSF((1.3, 1.0))
