from __future__ import annotations

import time

import npe2
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from limelight.widgets import samples

FRAMES = 60


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(samples, "FRAMES", FRAMES)


def add(layers):
    viewer = ViewerModel()
    return [viewer.add_layer(Layer.create(*layer)) for layer in layers]


def test_the_movie_is_made_once_and_kept(own_folders):
    [first] = add(samples.movie_sample())
    assert first.data.shape[0] == FRAMES and first.scale[-1] == pytest.approx(0.13, abs=0.1)
    assert [str(u) for u in first.units] == ["pixel", "micrometer", "micrometer"]
    [path] = (own_folders / "cache" / "samples").iterdir()
    made = path.stat().st_mtime_ns
    [again] = add(samples.movie_sample())
    assert path.stat().st_mtime_ns == made
    np.testing.assert_array_equal(again.data[FRAMES - 1], first.data[FRAMES - 1])
    for layer in (first, again):
        layer.metadata["movie"].close()


def test_the_molecules_lie_on_the_movie_and_are_found_once(own_folders):
    picture, points = add(samples.molecules_sample())
    locs = points.metadata["localizations"]
    assert len(locs) == len(points.data) > 100 and locs.frames == FRAMES
    assert picture.metadata["localizations"] is locs
    [movie] = add(samples.movie_sample())
    low, high = movie.extent.world
    assert (picture.extent.world[0] >= low[1:] - movie.scale[-1] / 2).all()
    assert (picture.extent.world[1] <= high[1:] + movie.scale[-1]).all()
    movie.metadata["movie"].close()
    start = time.perf_counter()
    samples.molecules_sample()
    assert time.perf_counter() - start < 2  # read, not found again


def test_a_damaged_copy_is_made_anew(own_folders):
    [first] = add(samples.movie_sample())
    first.metadata["movie"].close()
    [path] = (own_folders / "cache" / "samples").iterdir()
    for damage in (path.stat().st_size // 2, 0):
        with path.open("rb+") as file:
            file.truncate(damage)
        [again] = add(samples.movie_sample())
        assert again.data.shape[0] == FRAMES
        again.metadata["movie"].close()


def test_both_are_in_the_menu(root):
    offered = npe2.PluginManifest.from_file(root / "napari.yaml").contributions.sample_data
    assert [s.display_name for s in offered] == [
        "Blinking molecules (simulated movie)",
        "Blinking molecules (localized)",
    ]
    commands = {
        c.id for c in npe2.PluginManifest.from_file(root / "napari.yaml").contributions.commands
    }
    # napari registers a sample under "<plugin>.<key>": none may be the name of a command
    assert not {f"napari-limelight.{s.key}" for s in offered} & commands
