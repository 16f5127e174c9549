from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from limelight.core.errors import FileError, ParameterError
from limelight.segment.gating import (
    classified,
    inside,
    limits_of,
    numeric_features,
    write_features,
)

PLACE = st.floats(-10, 10, allow_nan=False)


@given(st.lists(st.tuples(PLACE, PLACE), min_size=3, max_size=12), st.integers(0, 2**32 - 1))
def test_inside_is_that_of_matplotlib(corners, seed):
    points = np.random.default_rng(seed).uniform(-11, 11, (40, 2))
    outline = np.array([*corners, corners[0]])
    # matplotlib counts windings, not crossings: the same for outlines that do not cross themselves
    centre = outline[:-1].mean(axis=0)
    angle = np.arctan2(*(outline[:-1] - centre).T)
    outline = outline[:-1][np.argsort(angle, kind="stable")]
    if len(np.unique(np.round(angle, 6))) < len(angle):
        return
    expected = Path(np.vstack([outline, outline[:1]])).contains_points(points)
    assert np.array_equal(inside(points[:, 0], points[:, 1], outline), expected)


def test_nan_is_never_inside():
    square = [[0, 0], [0, 2], [2, 2], [2, 0]]
    assert inside([1, np.nan, 1], [1, 1, np.nan], square).tolist() == [True, False, False]
    with pytest.raises(ParameterError, match="three corners"):
        inside([1], [1], square[:2])


def test_classes_are_given_and_taken():
    table = pd.DataFrame({"index": [1, 2, 3], "A": [1.0, 2.0, 3.0]})
    one = classified(table, [True, False, True], " big ")
    assert one["class"].tolist() == ["big", "", "big"]
    two = classified(one, [False, False, True], "round")
    assert two["class"].tolist() == ["big", "", "round"]
    assert classified(two, [True] * 3, "")["class"].tolist() == ["", "", ""]
    assert numeric_features(two) == ["A"]


def test_limits_leave_the_tails_out():
    assert limits_of([np.nan]) == (0.0, 1.0)
    assert limits_of([3.0, 3.0]) == (3.0, 4.0)
    low, high = limits_of(np.arange(1001.0))
    assert (low, high) == (10.0, 990.0)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_features_are_written(tmp_path, name):
    table = pd.DataFrame({"index": [1, 2], "A": [0.5, np.nan], "class": ["x", ""]})
    path = write_features(table, tmp_path / name)
    back = pd.read_parquet(path) if name.endswith("parquet") else None
    if back is None:
        back = pd.read_csv(path, sep="\t" if name.endswith("tsv") else ",")
    assert list(back.columns) == ["label", "A", "class"]
    assert back["A"].tolist()[0] == 0.5
    with pytest.raises(FileError, match="written as"):
        write_features(table, tmp_path / "a.xls")
