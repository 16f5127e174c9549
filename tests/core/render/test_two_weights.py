"""Two weights drawn in one go are those drawn one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.localizations import Localizations
from limelight.core.render import Scene, _draw, _view


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_crowd_is_drawn_once(monkeypatch, filtered, threads):
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
    scene = Scene(Localizations.from_columns(columns, [about]), threads)
    if filtered:
        scene.filters.set("frame", 100, 700)
    called = []
    crowds = _draw.crowds

    def counting(*arguments):
        called.append(len(arguments))
        return crowds(*arguments)

    monkeypatch.setattr(_draw, "crowds", counting)
    monkeypatch.setattr(_view, "CROWD", 100)
    options = {"pixel_size_nm": 25.0, "weight": "photons"}
    picture = scene.draw(colour="frame", **options)
    assert called == [7]  # with the second weight
    monkeypatch.setattr(_view.View, "_is_crowd", lambda *_: False)
    monkeypatch.setattr(_view.View, "draw", _one_by_one)
    apart = scene.draw(colour="frame", **options)
    np.testing.assert_array_equal(picture.image, apart.image)
    np.testing.assert_array_equal(picture.value, apart.value)
    assert np.isfinite(picture.value).sum() > 1000


def _one_by_one(view, window, style, weight):
    known = (view.molecules, window, view.threads, weight, view.fails)
    return _draw.crowd(*known, style.least)
