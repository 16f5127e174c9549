from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.camera import Camera
from limelight.core.detect import cut_map, cut_spots
from limelight.core.errors import ParameterError

RNG = np.random.default_rng(5)
MOVIE = RNG.integers(0, 65536, (6, 24, 31)).astype(np.uint16)


def twin(frames, frame, y, x, box):
    half = box // 2
    return np.array(
        [
            frames[t, j - half : j + half + 1, i - half : i + half + 1]
            for t, j, i in zip(frame, y, x, strict=True)
        ]
    )


def positions(n, box, rng):
    half = box // 2
    return (
        rng.integers(0, 6, n),
        rng.integers(half, 24 - half, n),
        rng.integers(half, 31 - half, n),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 7, 13]), st.booleans(), st.booleans())
def test_boxes_are_those_of_the_converted_movie(seed, box, offset_map, scale_map):
    rng = np.random.default_rng(seed)
    frame, y, x = positions(20, box, rng)
    baseline = rng.uniform(90, 110, (24, 31)).astype(np.float32) if offset_map else 100.0
    sensitivity = rng.uniform(0.4, 0.6, (24, 31)).astype(np.float32) if scale_map else 0.47
    camera = Camera(baseline=baseline, sensitivity=sensitivity, gain=30.0)
    spots = cut_spots(
        MOVIE, frame, y, x, box, baseline=baseline, sensitivity=sensitivity, gain=30.0
    )
    assert spots.dtype == np.float32
    np.testing.assert_allclose(
        spots, twin(camera.to_photons(MOVIE), frame, y, x, box), rtol=1e-6, atol=1e-5
    )


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8", ">u2"])
def test_every_type_of_number(dtype):
    movie = (MOVIE >> 9).astype(dtype)
    frame, y, x = positions(5, 5, RNG)
    expected = twin(movie.astype(np.float64), frame, y, x, 5) - 100
    np.testing.assert_array_equal(cut_spots(movie, frame, y, x, 5, baseline=100), expected)


def test_below_the_baseline_is_negative():
    spots = cut_spots(np.zeros((9, 9), np.uint16), 0, 4, 4, baseline=100, sensitivity=0.5)
    assert (spots == -50).all()


def test_map_for_all_frames_and_map_for_each():
    frame, y, x = positions(9, 7, RNG)
    each = RNG.random((6, 24, 31)).astype(np.float32)
    np.testing.assert_array_equal(cut_map(each, frame, y, x), twin(each, frame, y, x, 7))
    one = np.repeat(each[:1], 6, 0)
    np.testing.assert_array_equal(cut_map(each[0], frame, y, x), twin(one, frame, y, x, 7))


def test_nothing_to_cut():
    none = np.empty(0, np.int32)
    assert cut_spots(MOVIE, none, none, none).shape == (0, 7, 7)
    assert cut_spots(MOVIE, [], [], []).shape == (0, 7, 7)


@pytest.mark.parametrize("where", [(6, 9, 9), (-1, 9, 9), (0, 2, 9), (0, 21, 9), (0, 9, 28)])
def test_a_box_that_leaves_the_frames_is_named(where):
    frame, y, x = where
    with pytest.raises(ParameterError, match=f"spot 1 .frame {frame}, y {y}, x {x}."):
        cut_spots(MOVIE, [0, frame], [9, y], [9, x])


def test_corner_boxes_fit():
    spots = cut_spots(MOVIE, [0, 5], [3, 20], [3, 27])
    np.testing.assert_array_equal(spots[0], MOVIE[0, :7, :7])
    np.testing.assert_array_equal(spots[1], MOVIE[5, -7:, -7:])


def test_a_map_that_does_not_fit_is_named():
    with pytest.raises(ParameterError, match="baseline map"):
        cut_spots(MOVIE, 0, 9, 9, baseline=np.zeros((24, 30)))
    with pytest.raises(ParameterError, match="sensitivity map"):
        cut_spots(MOVIE, 0, 9, 9, sensitivity=np.ones((31, 24)))
