from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.movie import ArrayMovie
from limelight.io import LazyFrames

ARRAY = np.arange(7 * 4 * 5, dtype=np.uint16).reshape(7, 4, 5)


class Watched(ArrayMovie):
    """A movie that counts the frames that are read."""

    def __init__(self):
        super().__init__(ARRAY)
        self.frames_read = 0

    def read(self, start, stop):
        self.frames_read += stop - start
        return super().read(start, stop)


def _index(length):
    return (
        st.integers(-length, length - 1)
        | st.slices(length)
        | st.lists(st.integers(-length, length - 1), min_size=1, max_size=3)
    )


@given(_index(7))
def test_first_axis_as_numpy(key):
    np.testing.assert_array_equal(LazyFrames(ArrayMovie(ARRAY))[key], ARRAY[key])


@given(
    st.integers(-7, 6) | st.slices(7),
    st.integers(-4, 3) | st.slices(4),
    st.integers(-5, 4) | st.slices(5),
    st.integers(1, 3),
)
def test_all_axes_as_numpy(t, y, x, count):
    key = (t, y, x)[:count]
    np.testing.assert_array_equal(LazyFrames(ArrayMovie(ARRAY))[key], ARRAY[key])


@pytest.mark.parametrize(
    "key",
    [
        ...,
        (..., 2),
        (2, ...),
        (1, ..., slice(1, 3)),
        np.int64(3),
        np.array(3),
        (np.array(3), slice(None)),
        np.arange(7) % 2 == 0,
        (),
        (None, 2),
    ],
)
def test_other_keys_as_numpy(key):
    np.testing.assert_array_equal(LazyFrames(ArrayMovie(ARRAY))[key], ARRAY[key])


def test_only_what_is_asked_for_is_read():
    movie = Watched()
    lazy = LazyFrames(movie)
    assert lazy.shape == ARRAY.shape and lazy.size == ARRAY.size and lazy.nbytes == ARRAY.nbytes
    assert len(lazy) == 7 and lazy.ndim == 3 and lazy.dtype == np.uint16
    assert movie.frames_read == 0
    lazy[3]
    assert movie.frames_read == 1
    lazy[2:4, 1]
    assert movie.frames_read == 3
    np.testing.assert_array_equal(np.asarray(lazy), ARRAY)
    assert np.asarray(lazy, dtype=float).dtype == float


def test_wrong_keys():
    lazy = LazyFrames(ArrayMovie(ARRAY))
    for key in (7, -8, (0, 0, 0, 0)):
        with pytest.raises(IndexError):
            lazy[key]
    with pytest.raises(TypeError):
        lazy[1.5]


def test_dask_takes_it():
    da = pytest.importorskip("dask.array")
    lazy = LazyFrames(ArrayMovie(ARRAY))
    array = da.from_array(lazy, chunks=(2, 4, 5))
    np.testing.assert_array_equal(array.mean(axis=0).compute(), ARRAY.mean(axis=0))
