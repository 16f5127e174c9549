from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.transpose import transpose_planes


@given(st.tuples(st.integers(0, 3), st.integers(1, 75), st.integers(1, 75)), st.integers(0, 99))
def test_as_numpy_does(shape, seed):
    source = np.random.default_rng(seed).integers(0, 1 << 16, shape, dtype=np.uint16)
    target = np.full((shape[0], shape[2], shape[1]), 7, np.uint16)
    transpose_planes(source, target)
    np.testing.assert_array_equal(target, source.transpose(0, 2, 1))


@pytest.mark.parametrize("dtype", ["u1", "i2", ">u2", "f2", "f4", "f8"])
def test_types(dtype):
    source = np.arange(2 * 17 * 40).reshape(2, 17, 40).astype(dtype)
    target = np.empty((2, 40, 17), dtype)
    transpose_planes(source, target)
    np.testing.assert_array_equal(target, source.transpose(0, 2, 1))


def test_nothing_beyond_the_planes_is_touched():
    room = np.full(4 * 33 * 41 + 64, 5, np.uint16)
    source = np.arange(4 * 33 * 41, dtype=np.uint16).reshape(4, 33, 41)
    transpose_planes(source, room[32:-32].reshape(4, 41, 33))
    assert (room[:32] == 5).all() and (room[-32:] == 5).all()


def test_readonly_source():
    source = np.arange(64, dtype=np.uint16).reshape(1, 8, 8)
    source.setflags(write=False)
    target = np.empty((1, 8, 8), np.uint16)
    transpose_planes(source, target)
    np.testing.assert_array_equal(target[0], source[0].T)
