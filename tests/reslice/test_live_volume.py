"""A volume that is filled while it is looked at."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.psf import line_profile
from limelight.reslice import LiveVolume, central_clip


def slices(count, shape=(8, 10), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4000, (count, *shape)).astype(np.uint16)


@pytest.mark.parametrize("stacks", [1, 2, 3])
@pytest.mark.parametrize("mode", ["slice", "max"])
def test_views_show_the_newest_of_every_slice(stacks, mode):
    live = LiveVolume(20, (8, 10), stacks=stacks)
    first, second = slices(20), slices(20, seed=1)
    for z in range(20):
        live.put(first[z], z)
    now = first.copy()
    for z in range(7):
        live.put(second[z], z)
        now[z] = second[z]
        views = live.views((3, 4, 5), mode=mode)
        if mode == "max":
            expected = (now.max(0), now.max(1), now.max(2).T)
        else:
            expected = (now[3], now[:, 4], now[:, :, 5].T)
        for seen, plane in zip((views.xy, views.xz, views.yz), expected, strict=True):
            assert (seen == plane).all()
    assert (live.volume() == now).all()
    for axis in ("x", "y", "z"):
        assert (
            live.profile((3, 4, 5), axis).value == line_profile(now, (3, 4, 5), axis).value
        ).all()


def test_a_complete_stack_stays_whole_while_the_next_is_filled():
    one, two = LiveVolume(5, (8, 10)), LiveVolume(5, (8, 10), stacks=2)
    first, second = slices(5), slices(5, seed=1)
    assert two.stack() is None and two.completed == -1
    for live in (one, two):
        for z in range(5):
            live.put(first[z], z)
        assert (live.stack() == first).all() and live.completed == 0 and live.filled == 1
        live.put(second[0], 0)
    assert one.stack() is None
    assert (two.stack() == first).all()
    assert two.filled == pytest.approx(0.2)
    for z in range(1, 5):
        two.put(second[z], z)
    assert (two.stack() == second).all() and two.completed == 1


def test_channels_and_the_central_field():
    live = LiveVolume(3, (8, 10), channels=2, clip=(4, 6), scale_um=(0.3, 0.1, 0.1))
    frames = slices(6)
    for z in range(3):
        for c in range(2):
            live.put(frames[2 * z + c], z, c)
    assert live.shape == (3, 4, 6)
    assert (live.views((1, 0, 0), 1).xy == frames[3, 2:6, 2:8]).all()
    assert live.views((0, 0, 0)).pixel_um["yz"] == (0.1, 0.3)
    assert central_clip((8, 10), (99, 4)) == (slice(0, 8), slice(3, 7))


def test_contrast_follows_the_slices_or_stays():
    live = LiveVolume(4, (64, 64))
    assert live.limits() == (0, 1)
    for z in range(4):
        live.put(np.full((64, 64), 100 * (z + 1), np.uint16), z)
    assert live.limits() == (100, 400)
    live.put(np.full((64, 64), 150, np.uint16), 3)
    assert live.limits() == (100, 300)
    live.set_contrast("fixed", 50, 80)
    live.put(np.full((64, 64), 999, np.uint16), 0)
    assert live.limits() == (50, 80)
    live.set_contrast("rolling")
    with pytest.raises(ParameterError, match="below"):
        live.set_contrast("fixed", 5, 1)
    with pytest.raises(ParameterError, match="rolling"):
        live.set_contrast("auto")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"slices": 0}, "slices"),
        ({"channels": 0}, "channels"),
        ({"scale_um": (0, 1, 1)}, "scale_um"),
        ({"clip": (0, 5)}, "central field"),
    ],
)
def test_bad_sizes_are_named(arguments, word):
    with pytest.raises(ParameterError, match=word):
        LiveVolume(**({"slices": 3, "shape": (8, 8)} | arguments))


def test_bad_slices_are_named():
    live = LiveVolume(3, (8, 8))
    with pytest.raises(ParameterError, match="changing the camera"):
        live.put(np.zeros((9, 8), np.uint16), 0)
    with pytest.raises(ParameterError, match="slice 3"):
        live.put(np.zeros((8, 8), np.uint16), 3)
    with pytest.raises(ParameterError, match="mode"):
        live.views((0, 0, 0), mode="min")


def test_one_thread_writes_while_others_look():
    live = LiveVolume(10, (32, 32), stacks=2)
    torn, ended = [], threading.Event()

    def look(mode):
        while not ended.is_set():
            views = live.views((5, 5, 5), mode=mode)
            if not (views.xy == views.xy[0, 0]).all():
                torn.append(mode)

    threads = [threading.Thread(target=look, args=(m,)) for m in ("slice", "max")]
    for thread in threads:
        thread.start()
    for k in range(1000):
        live.put(np.full((32, 32), k, np.uint16), k % 10)
    ended.set()
    for thread in threads:
        thread.join()
    assert not torn and live.received == 1000 and live.completed == 99
