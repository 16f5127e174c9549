import numpy as np
import pytest
from limelight_radial_symmetry import RadialSymmetry

from limelight.core.simulate import scene
from limelight.core.spots import Spots


def spot(x, y, box=7, photons=2000.0, background=10.0, sigma=1.2):
    axis = np.arange(box) - box // 2
    square = (axis[:, None] - y) ** 2 + (axis - x) ** 2
    image = photons * np.exp(-square / 2 / sigma**2) / (2 * np.pi * sigma**2)
    return (image + background).astype(np.float32)


@pytest.mark.parametrize("smooth", [True, False])
def test_finds_the_centre_without_noise(smooth):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-0.5, 0.5, (2, 100))
    boxes = np.stack([spot(*p) for p in zip(x, y, strict=True)])
    found = RadialSymmetry(smooth=smooth).fit(Spots(boxes))
    np.testing.assert_allclose(found["x"], x, atol=0.05)
    np.testing.assert_allclose(found["y"], y, atol=0.05)


def test_says_where_there_is_nothing():
    found = RadialSymmetry().fit(Spots(np.zeros((3, 7, 7), np.float32)))
    assert np.isnan(found["x"]).all()


def test_is_used_by_name():
    import limelight

    movie = scene("standard", frames=5)
    locs = limelight.localize(movie, fit="radial-symmetry", box=9)
    assert locs.find("Fit method") == "radial-symmetry"
    assert np.isfinite(locs["lpx"]).all()
