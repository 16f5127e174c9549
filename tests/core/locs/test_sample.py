from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.locs.sample import rows_in_view

VIEW = (2.0, 3.0, 11.5, 17.0)


def places(n, dtype=np.float32, seed=1):
    rng = np.random.default_rng(seed)
    y, x = rng.uniform(0, 20, (2, n)).astype(dtype)
    y[::7], x[::11] = np.nan, np.nan
    return y, x


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_those_inside(dtype, threads):
    y, x = places(300_000, dtype)
    left_out = np.random.default_rng(2).random(len(x)) < 0.5
    inside = (y >= 2) & (y <= 11.5) & (x >= 3) & (x <= 17)
    rows, total = rows_in_view(y, x, VIEW, most=10**6, threads=threads)
    np.testing.assert_array_equal(rows, np.flatnonzero(inside))
    assert total == inside.sum()
    rows, total = rows_in_view(y, x, VIEW, left_out=left_out, most=10**6, threads=threads)
    np.testing.assert_array_equal(rows, np.flatnonzero(inside & ~left_out))


def test_edges_belong_and_few_are_spread_evenly():
    x = np.arange(10.0)
    rows, total = rows_in_view(x, x, (2, 2, 5, 5))
    np.testing.assert_array_equal(rows, [2, 3, 4, 5])
    rows, total = rows_in_view(x, x, (0, 0, 9, 9), most=4)
    np.testing.assert_array_equal(rows, [0, 3, 6, 9])
    assert total == 10


def test_strided_and_empty_columns():
    both = np.random.default_rng(3).uniform(0, 20, (500, 2))
    rows, _ = rows_in_view(both[:, 0], both[:, 1], VIEW)
    again, _ = rows_in_view(both[:, 0].copy(), both[:, 1].copy(), VIEW)
    np.testing.assert_array_equal(rows, again)
    rows, _ = rows_in_view(np.arange(9), np.arange(9), (2.5, 2.5, 6.5, 6.5))
    np.testing.assert_array_equal(rows, [3, 4, 5, 6])
    rows, total = rows_in_view(np.empty(0), np.empty(0), VIEW)
    assert len(rows) == total == 0


def test_bad_requests():
    y, x = places(10)
    with pytest.raises(ParameterError, match="length"):
        rows_in_view(y, x[:5], VIEW)
    with pytest.raises(ParameterError, match="length"):
        rows_in_view(y, x, VIEW, left_out=np.zeros(3))
    with pytest.raises(ParameterError, match="at least 1"):
        rows_in_view(y, x, VIEW, most=0)
