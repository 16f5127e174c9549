"""Two weights drawn in one go are those drawn one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.localizations import Localizations
from limelight.core.render import Scene, _draw, _view


@pytest.fixture(scope="module")
def locs():
    rng = np.random.default_rng(2)
    count = 20_000
    columns = {
        **{name: rng.uniform(0, 40, count) for name in ("x", "y")},
        # most are narrow; some are wide, and some have no width
        **{name: 0.05 * np.exp(rng.normal(0, 0.8, count)) for name in ("lpx", "lpy")},
        "frame": rng.integers(0, 999, count),
        "photons": rng.uniform(1, 9, count),
    }
    columns["lpx"][:50] = np.nan
    columns["lpx"][50:90] = 1.5
    about = {"Height": 40, "Width": 40, "Frames": 999, "Pixelsize": 100.0}
    return Localizations.from_columns(columns, [about])


WAYS = {
    "crowds": {"pixel_size_nm": 25.0},
    "two_gaussians": {"pixel_size_nm": 12.5},
    "gaussians_by_scale": {"pixel_size_nm": 1.0, "viewport": (10.0, 10.0, 18.0, 18.0)},
    "exact": {"pixel_size_nm": 12.5, "exact": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("weight", [None, "photons"])
@pytest.mark.parametrize(("filtered", "threads"), [(False, 3), (True, 1)])
def test_both_are_drawn_at_once(monkeypatch, locs, way, weight, filtered, threads):
    scene = Scene(locs, threads)
    if filtered:
        scene.filters.set("frame", 100, 700)
    name = way if way != "exact" else "two_gaussians"
    function, called = getattr(_draw, name), []

    def noting(*arguments, **options):
        called.append(name)
        return function(*arguments, **options)

    monkeypatch.setattr(_draw, name, noting)
    monkeypatch.setattr(_view, "CROWD", 100 if way == "crowds" else 2**18)
    options = {"weight": weight, "colour": "frame", **WAYS[way]}
    picture = scene.draw(**options)
    once = len(called)
    monkeypatch.setattr(_view.View, "draw_two", _one_after_the_other)
    apart = scene.draw(**options)
    assert once and len(called) == 3 * once  # twice as often as before
    np.testing.assert_array_equal(picture.image, apart.image)
    np.testing.assert_array_equal(picture.value, apart.value)
    assert np.isfinite(picture.value).sum() > 1000


def _one_after_the_other(view, window, style, weight, second):
    return view.draw(window, style, weight), view.draw(window, style, second)
