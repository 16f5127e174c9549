from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.compare import Score, challenge_score, match, score
from limelight.core.errors import ParameterError


def _table(rows):
    array = np.asarray(rows, dtype=float).reshape(-1, 3)
    return {"frame": array[:, 0], "x": array[:, 1], "y": array[:, 2]}


def test_counts_by_hand():
    truth = _table([(0, 10, 10), (0, 20, 20), (1, 10, 10), (2, 30, 30)])
    found = _table([(0, 10.3, 10.4), (1, 10.0, 9.0), (1, 10.0, 11.5), (3, 30, 30)])
    result = score(truth, found)
    assert (result.true_positives, result.false_positives, result.false_negatives) == (2, 2, 2)
    assert result.jaccard == pytest.approx(2 / 6)
    assert result.recall == result.precision == pytest.approx(0.5)
    assert result.rmse == pytest.approx(np.sqrt((0.25 + 1.0) / 2))
    assert result.bias_x == pytest.approx(0.15)
    assert np.isnan(result.rmse_z)
    assert result.as_dict()["jaccard"] == result.jaccard


def test_greedy_takes_the_closest_and_optimal_the_most():
    truth = _table([(0, 0.0, 0), (0, 1.0, 0)])
    found = _table([(0, 0.6, 0), (0, 1.9, 0)])
    assert [i.tolist() for i in match(truth, found)] == [[1], [0]]
    both = match(truth, found, method="optimal")
    assert [i.tolist() for i in both] == [[0, 1], [0, 1]]


def test_rim_and_dim_molecules_count_neither_way():
    truth = {**_table([(0, 7.4, 30), (0, 30, 30), (0, 50, 50)]), "photons": [900, 900, 10]}
    found = _table([(0, 7.7, 30), (0, 30, 30), (0, 50, 50), (0, 3, 3)])
    result = score(truth, found, shape=(64, 64), rim=8, min_photons=100)
    assert (result.true_positives, result.false_positives, result.false_negatives) == (1, 0, 0)
    everything = score(truth, found)
    assert (everything.true_positives, everything.false_positives) == (3, 1)


def test_axial_tolerance():
    truth = {**_table([(0, 5, 5), (1, 5, 5)]), "z": [0.0, 0.0]}
    found = {**_table([(0, 5, 5), (1, 5, 5)]), "z": [100.0, 700.0]}
    result = score(truth, found, tolerance_z=500.0)
    assert result.true_positives == 1
    assert result.rmse_z == pytest.approx(100.0)
    assert score(truth, found).true_positives == 2


def test_challenge_figures():
    truth = {**_table([(0, 3000, 3000), (0, 100, 3000)]), "z": [0.0, 0.0]}
    found = {**_table([(0, 3010, 3000)]), "z": [20.0]}
    result = challenge_score(truth, found, size=(6400, 6400), axial=True)
    assert result.jaccard == 1
    assert result.efficiency == pytest.approx(90)
    assert result.efficiency_3d == pytest.approx(100 - np.sqrt(200))
    # The rim is 450 nm from the outer edge.
    edge = {**_table([(0, 449.0, 3000), (0, 451.0, 3000)]), "z": [0.0, 0.0]}
    assert challenge_score(edge, found, size=(6400, 6400)).false_negatives == 1


def test_tables_and_empty_tables():
    truth = pd.DataFrame(_table([(0, 1, 1)]))
    nothing = pd.DataFrame(_table([]))
    assert score(truth, nothing).false_negatives == 1
    assert score(nothing, truth).false_positives == 1
    assert np.isnan(score(nothing, nothing).jaccard)
    assert np.isnan(Score(0, 0, 3, np.nan, np.nan, np.nan, np.nan).precision)
    lost = _table([(0, np.nan, 1), (0, 1, 1)])
    assert score(truth, lost).true_positives == 1


def test_bad_input_is_named():
    table = _table([(0, 1, 1)])
    with pytest.raises(ParameterError, match="tolerance"):
        match(table, table, tolerance=0)
    with pytest.raises(ParameterError, match="method"):
        match(table, table, method="best")
    with pytest.raises(ParameterError, match="'x'"):
        match({"frame": [0], "y": [1]}, table)


def _brute_force(truth, found, tolerance):
    """Most pairs, then least sum of squares, by trying everything."""
    best = (0, 0.0)
    n, m = len(truth), len(found)
    slots = [*range(m), *([-1] * n)]
    for choice in set(permutations(slots, n)):
        pairs, cost = 0, 0.0
        for i, j in enumerate(choice):
            if j < 0:
                continue
            square = float(((truth[i] - found[j]) ** 2).sum())
            if square <= tolerance**2:
                pairs, cost = pairs + 1, cost + square
        best = max(best, (pairs, -cost))
    return best


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_optimal_matches_brute_force(seed):
    rng = np.random.default_rng(seed)
    truth, found = rng.uniform(0, 2.5, (3, 2)), rng.uniform(0, 2.5, (4, 2))
    a, b = match(
        _table(np.column_stack((np.zeros(3), truth))),
        _table(np.column_stack((np.zeros(4), found))),
        method="optimal",
    )
    pairs, cost = _brute_force(truth, found, 1.0)
    assert a.size == pairs
    assert ((truth[a] - found[b]) ** 2).sum() == pytest.approx(-cost)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["greedy", "optimal"]))
def test_matching_is_one_to_one_within_frames(seed, method):
    rng = np.random.default_rng(seed)
    truth = _table(np.column_stack((rng.integers(0, 3, 40), rng.uniform(0, 12, (40, 2)))))
    found = _table(np.column_stack((rng.integers(0, 3, 40), rng.uniform(0, 12, (40, 2)))))
    a, b = match(truth, found, method=method)
    assert len(set(a)) == len(a) == len(set(b))
    assert (truth["frame"][a] == found["frame"][b]).all()
    gap = np.hypot(truth["x"][a] - found["x"][b], truth["y"][a] - found["y"][b])
    assert (gap <= 1).all()
    if method == "greedy":
        free_a = np.setdiff1d(np.arange(40), a)
        free_b = np.setdiff1d(np.arange(40), b)
        left = [
            np.hypot(truth["x"][i] - found["x"][j], truth["y"][i] - found["y"][j])
            for i in free_a
            for j in free_b
            if truth["frame"][i] == found["frame"][j]
        ]
        assert not left or min(left) > 1
