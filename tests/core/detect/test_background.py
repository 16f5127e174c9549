from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.detect import background_context, temporal_background
from limelight.core.errors import ParameterError

RNG = np.random.default_rng(11)
MOVIE = RNG.poisson(50, (64, 9, 21)).astype(np.uint16)
METHODS = ["mean", "median", "percentile"]


def frames_of_window(t, length, window):
    size = min(window[1] - window[0], length)
    first = min(max(t + window[0], 0), length - size)
    return np.arange(first, first + size)


def twin(movie, window, method, percentile=25.0, every=10):
    movie = movie.astype(np.float64)
    out = []
    for t, frame in enumerate(movie):
        if method == "mean":
            index = frames_of_window(t, len(movie), window)
            index = index[index != t]
            out.append(movie[index].mean(0) if len(index) else np.zeros_like(frame))
            continue
        index = frames_of_window(t // every * every, len(movie), window)
        rank = 50.0 if method == "median" else percentile
        image = np.percentile(movie[index], rank, axis=0)
        shift = np.median(frame) - np.median(image) if method == "percentile" else 0.0
        out.append(image + shift)
    return np.array(out)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "i8", "f4", "f8"])
@pytest.mark.parametrize("method", METHODS)
def test_twin_for_every_type(method, dtype):
    movie = MOVIE.astype(dtype)
    if dtype == "i2":
        movie -= 60
    found = temporal_background(movie, method=method)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, twin(movie, (-30, 0), method), rtol=1e-5, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.integers(-40, 40),
    st.integers(1, 45),
    st.integers(1, 64),
    st.integers(1, 20),
    st.floats(0, 100),
)
def test_twin_for_any_window(method, a, size, length, every, percentile):
    movie, window = MOVIE[:length], (a, a + size)
    found = temporal_background(
        movie, window=window, method=method, every=every, percentile=percentile
    )
    expected = twin(movie, window, method, percentile, every)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.booleans(),
    st.sampled_from([(-30, 0), (-5, 5), (1, 12), (-200, 0), (-3, 1)]),
    st.lists(st.integers(1, 63), max_size=5, unique=True),
)
def test_blocks_do_not_matter(method, as_float, window, cuts):
    movie = MOVIE.astype(np.float32) * np.float32(0.37) if as_float else MOVIE
    whole = temporal_background(movie, window=window, method=method)
    for a, b in pairwise([0, *sorted(cuts), len(movie)]):
        first, last = background_context(a, b, len(movie), window=window, method=method)
        part = temporal_background(
            movie[first:last],
            a,
            b,
            first=first,
            length=len(movie),
            window=window,
            method=method,
        )
        np.testing.assert_array_equal(part, whole[a:b])


def test_the_frame_itself_does_not_count():
    movie = MOVIE.copy()
    before = temporal_background(movie[:20])
    movie[7] += 1000
    np.testing.assert_array_equal(temporal_background(movie[:20])[7], before[7])


def test_largest_counts_do_not_overflow():
    movie = np.full((300, 3, 40), 65535, np.uint16)
    np.testing.assert_allclose(temporal_background(movie, window=(-299, 0)), 65535, rtol=1e-6)
    assert (temporal_background(movie[:100]) == 65535).all()
    movie = np.full((40, 3, 40), 2**31 - 1, np.int32)
    np.testing.assert_allclose(temporal_background(movie), 2.0**31, rtol=1e-6)
    movie = RNG.integers(0, 2**32, (40, 3, 40)).astype(np.uint32)
    np.testing.assert_allclose(temporal_background(movie), twin(movie, (-30, 0), "mean"), rtol=1e-6)
    movie = np.full((40, 3, 40), -(2**15), np.int16)
    for method in METHODS:
        assert (temporal_background(movie, method=method) == -(2.0**15)).all()


def test_median_forgets_molecules_that_the_mean_remembers():
    movie = np.full((40, 5, 5), 20, np.uint16)
    movie[20:30, 2, 2] = 500
    assert temporal_background(movie)[35, 2, 2] > 100
    assert temporal_background(movie, method="median")[35, 2, 2] == 20
    movie[10:30, 2, 2] = 500
    assert temporal_background(movie, method="percentile")[35, 2, 2] == 20


def test_percentile_follows_the_lamp():
    movie = np.full((40, 6, 6), 100, np.uint16)
    movie[35] = 130
    assert (temporal_background(movie, method="percentile")[35] == 130).all()


def test_a_pixel_that_is_no_number_stays_alone():
    movie = MOVIE.astype(np.float32)
    movie[12, 3, 4] = np.nan
    movie[13, 3, 6] = np.inf
    found = temporal_background(movie)
    found[:, 3, [4, 6]] = 0
    assert np.isfinite(found).all()
    median = temporal_background(movie, method="median")
    median[:, 3, [4, 6]] = 0
    assert np.isfinite(median).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 1, 1), (3, 0, 5), (0, 4, 4)])
def test_short_and_empty_movies(method, shape):
    movie = np.full(shape, 7, np.uint16)
    found = temporal_background(movie, method=method)
    assert found.shape == shape
    assert (found == (0 if method == "mean" and shape[0] == 1 else 7)).all()


def test_context_is_what_is_needed():
    assert background_context(100, 110, 1000) == (70, 110)
    assert background_context(0, 5, 1000) == (0, 30)
    assert background_context(0, 5, 12) == (0, 12)
    assert background_context(100, 110, 1000, window=(-5, 6)) == (95, 115)
    assert background_context(105, 107, 1000, method="median") == (70, 107)
    assert background_context(9, 9, 12) == (9, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "mode"}, "no method 'mode'"),
        ({"window": (0, 0)}, "window"),
        ({"window": (5, -5)}, "window"),
        ({"every": 0, "method": "median"}, "every 0"),
        ({"percentile": 101.0}, "percentile"),
        ({"stop": 65}, "not in a movie of 64"),
        ({"start": 30, "first": 10, "length": 100}, "needs frames"),
        ({"frames": np.zeros(5)}, "T, Y, X"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"frames": MOVIE} | change
    with pytest.raises(ParameterError, match=message):
        temporal_background(arguments.pop("frames"), **arguments)
