"""Frames of an acquisition become the slices of a live volume."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.stream import Stream
from limelight.reslice.feed import SliceFeed


def stream(pixel_nm=100.0):
    return Stream((6, 8), np.dtype(np.uint16), Camera(pixel_size_nm=pixel_nm))


def frame(value, axes, index=0):
    return Frame(np.full((6, 8), value, np.uint16), index, axes=axes)


def test_axes_say_where_a_frame_goes():
    feed = SliceFeed(3, 0.2, ["A", "B"])
    frames = [
        frame(100 * t + 10 * c + z, {"time": t, "channel": "AB"[c], "z": z})
        for t in range(2)
        for c in range(2)
        for z in (2, 0, 1)
    ]
    passed = list(feed.process(iter(frames), stream()))
    assert all(a is b for a, b in zip(passed, frames, strict=True))
    volume = feed.volume
    assert volume.channels == 2
    assert volume.scale_um == pytest.approx((0.2, 0.1, 0.1))
    for channel in range(2):
        assert volume.stack(channel)[:, 0, 0].tolist() == [100 + 10 * channel + z for z in range(3)]
    assert volume.received == 12


def test_without_axes_frames_follow_one_another():
    feed = SliceFeed(3, 0.2, ["A", "B"], by_axes=False)
    list(feed.process((frame(k, {"slice": k}) for k in range(9)), stream()))
    assert feed.volume.stack(0)[:, 0, 0].tolist() == [0, 1, 2]
    assert feed.volume.stack(1)[:, 0, 0].tolist() == [3, 4, 5]
    assert feed.volume.volume(0)[:, 0, 0].tolist() == [6, 7, 8]


def test_the_middle_is_cut_out_and_the_pixel_size_is_told():
    feed = SliceFeed(2, 0.2, clip=(2, 4), pixel_um=0.065)
    list(feed.process(iter([frame(1, {"z": 0})]), stream()))
    assert feed.volume.shape == (2, 2, 4)
    assert feed.volume.scale_um == pytest.approx((0.2, 0.065, 0.065))


@pytest.mark.parametrize(("slices", "step"), [(1, 0.1), (5, 0.0), (5, float("nan"))])
def test_a_stack_that_is_none_is_refused(slices, step):
    with pytest.raises(ParameterError):
        SliceFeed(slices, step)
