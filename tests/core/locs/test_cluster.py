from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, cKDTree

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import cluster_statistics, dbscan, group_statistics, hdbscan
from limelight.core.locs.cluster import dbscan_labels


def plain_dbscan(points: np.ndarray, radius: float, least: int) -> np.ndarray:
    """Grow clusters from core points in the order of the table, as the paper has it."""
    near = [
        np.flatnonzero(((points - p) ** 2).sum(axis=1) <= radius**2) if len(points) else []
        for p in points
    ]
    core = np.array([len(n) >= least for n in near], bool)
    labels = np.full(len(points), -1)
    number = 0
    for i in range(len(points)):
        if labels[i] >= 0 or not core[i]:
            continue
        todo = [i]
        while todo:
            k = todo.pop()
            if labels[k] < 0:
                labels[k] = number
                if core[k]:
                    todo.extend(near[k])
        number += 1
    return labels


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 150),
    st.sampled_from([2, 3]),
    st.sampled_from([0.5, 1.0, 1.5, 4.0]),
    st.integers(1, 6),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_labels_are_those_of_the_paper(n, dimensions, radius, least, lattice, seed) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 12, (n, dimensions))
    if lattice:  # many distances of exactly one radius
        points = np.round(points * 2) / 2
    found = dbscan_labels(points, radius, least)
    assert np.array_equal(found, plain_dbscan(points, radius, least))
    assert np.array_equal(found, dbscan_labels(points, radius, least, threads=1))


def test_labels_are_those_of_scikit_learn(blinking: Localizations) -> None:
    sklearn = pytest.importorskip("sklearn.cluster")
    points = np.column_stack([blinking["x"], blinking["y"]]).astype(float)
    for radius, least in ((0.05, 3), (0.2, 8), (1.0, 20)):
        expected = sklearn.DBSCAN(eps=radius, min_samples=least).fit(points).labels_
        assert np.array_equal(dbscan_labels(points, radius, least), expected)


def test_sites_become_clusters(blinking_maker) -> None:
    locs = blinking_maker(20_000, 2_000, size=256.0, sites=200, precision=0.05)
    found = dbscan(locs, 0.1, 5, min_locs=10)
    assert 190 <= found["group"].max() + 1 <= 200  # a few sites lie near each other
    assert len(found) > 0.95 * len(locs)
    assert found.provenance[-1]["Number of clusters"] == found["group"].max() + 1
    assert np.bincount(found["group"]).min() >= 10
    statistics = cluster_statistics(found)
    assert np.median(statistics["std_x"]) == pytest.approx(0.05, rel=0.1)
    again = dbscan(found, 0.1, 5)
    assert "group_input" in again


def test_z_counts_in_nanometres(blinking_maker) -> None:
    locs = blinking_maker(3_000, 500, sites=40, precision=0.02)
    frame = locs["frame"].astype(int)
    apart = locs.table.assign(z=np.float32(500.0) * (frame % 2))
    found = dbscan(Localizations(apart, locs.provenance), 0.2, 5)
    flat = dbscan(locs, 0.2, 5)
    assert found["group"].max() + 1 == 2 * (flat["group"].max() + 1)
    wide = dbscan(Localizations(apart, locs.provenance), 0.2, 5, radius_z_nm=5000.0)
    assert wide["group"].max() == flat["group"].max()
    assert {"z", "std_z", "lpz"} <= set(group_statistics(found).columns)


def test_hdbscan_finds_sites(blinking_maker) -> None:
    pytest.importorskip("sklearn.cluster")
    locs = blinking_maker(3_000, 500, size=256.0, sites=30, precision=0.05)
    found = hdbscan(locs, 20)
    assert 28 <= found["group"].max() + 1 <= 32
    assert len(hdbscan(locs.table.iloc[:5], 20)) == 0


def test_hdbscan_says_what_is_missing(blinking: Localizations, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ParameterError, match=r"napari-limelight\[hdbscan\]"):
        hdbscan(blinking)


def test_statistics_are_those_of_pandas_and_scipy(blinking: Localizations) -> None:
    found = dbscan(blinking, 0.2, 5)
    statistics = group_statistics(found).set_index("group")
    by = found.table.groupby("group")
    np.testing.assert_allclose(statistics["x"], by["x"].mean(), rtol=1e-5)
    np.testing.assert_allclose(statistics["std_y"], by["y"].std(), rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(statistics["photons"], by["photons"].mean(), rtol=1e-5)
    assert np.array_equal(statistics["n_locs"], by.size())
    hulls = [ConvexHull(g[["x", "y"]].to_numpy(float)).volume for _, g in by if len(g) > 3]
    enough = by.size().to_numpy() > 3
    np.testing.assert_allclose(statistics["convexhull"][enough], hulls, rtol=1e-3, atol=1e-6)
    events = by["frame"].apply(lambda f: 1 + (np.diff(np.sort(f)) > 4).sum())
    assert np.array_equal(statistics["n_events"], events)


def test_hulls_of_few_and_of_lines() -> None:
    for x, y, area in (
        ([1.0], [1.0], 0.0),
        ([1.0, 2.0], [1.0, 5.0], 0.0),
        ([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0], 0.0),
        ([0.0, 1.0, 1.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.0, 0.5], 1.0),
        ([2.0, 2.0, 2.0], [2.0, 2.0, 2.0], 0.0),
    ):
        columns = {"frame": np.zeros(len(x)), "x": np.array(x), "y": np.array(y)}
        locs = Localizations.from_columns({**columns, "group": np.zeros(len(x), int)})
        assert group_statistics(locs)["convexhull"][0] == pytest.approx(area, abs=1e-9)


def test_empty_tables_stay_empty() -> None:
    found = dbscan(Localizations.empty(), 0.1, 3)
    assert len(found) == 0
    assert len(group_statistics(found)) == 0


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match="drop_nan"):
        dbscan(broken["nan"])
    with pytest.raises(ParameterError, match="radius must be"):
        dbscan(blinking, 0.0)
    with pytest.raises(ParameterError, match="too small against"):
        dbscan(blinking, 1e-7)
    with pytest.raises(ParameterError, match="min_samples"):
        dbscan(blinking, 0.1, 0)
    with pytest.raises(ParameterError, match="radius_z_nm"):
        dbscan(blinking, 0.1, 3, radius_z_nm=-1)
    with pytest.raises(ParameterError, match="min_cluster_size"):
        hdbscan(blinking, 1)
    with pytest.raises(ParameterError, match="merge_distance"):
        hdbscan(blinking, 5, merge_distance=-1)
    with pytest.raises(ParameterError, match="no column 'group'"):
        group_statistics(blinking)


def test_neighbours_within_one_radius_are_all_there() -> None:
    # A tree as an independent judge of who is a core point.
    points = np.random.default_rng(0).normal(0, 3, (3_000, 2))
    tree = cKDTree(points)
    counts = tree.query_ball_point(points, 0.3, return_length=True)
    labels = dbscan_labels(points, 0.3, 6)
    assert (labels[counts >= 6] >= 0).all()
