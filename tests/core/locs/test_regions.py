from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import (
    CircleRegion,
    PolygonRegion,
    RectangleRegion,
    group_statistics,
    nearest_neighbours,
    pick,
)


def test_molecules_in_regions(blinking: Localizations) -> None:
    regions = [
        CircleRegion(20, 30, 8),
        RectangleRegion(10, 10, 40, 50, 6),
        PolygonRegion(((5, 5), (60, 10), (30, 55))),
        CircleRegion(500, 500, 3),
    ]
    picked = pick(blinking, regions)
    x, y = blinking["x"].astype(float), blinking["y"].astype(float)
    for number, region in enumerate(regions):
        inside = region.contains(x, y)
        mine = picked.table[picked["group"] == number]
        pd.testing.assert_frame_equal(
            mine.drop(columns="group").reset_index(drop=True),
            blinking.table[inside].reset_index(drop=True),
        )
        # Inside the bounds there are as many as chance and area say.
        share = inside.sum() / len(x) * 58**2 if number < 3 else 0.0
        assert share == pytest.approx(region.area if number < 3 else 0.0, rel=0.25)
    assert picked.provenance[-1]["Number of picks"] == 4
    assert list(group_statistics(picked)["group"]) == [0, 1, 2]


def test_molecules_in_two_regions_are_there_twice() -> None:
    table = pd.DataFrame({"frame": [0], "x": [1.0], "y": [1.0], "group": [7]})
    picked = pick(table, [CircleRegion(1, 1, 1), CircleRegion(1.5, 1, 1)])
    assert picked["group"].tolist() == [0, 1]
    assert picked["group_input"].tolist() == [7, 7]


def test_borders_belong_to_regions() -> None:
    x, y = np.array([0.0, 4.0, 2.0, 4.1]), np.array([0.0, 3.0, 1.5, 3.0])
    square = PolygonRegion(((0, 0), (4, 0), (4, 3), (0, 3)))
    assert square.contains(x, y).tolist() == [True, True, True, False]
    upright = RectangleRegion.from_bounds(4, 3, 0, 0)
    assert upright.contains(x, y).tolist() == [True, True, True, False]
    assert upright.bounds == (0, 0, 4, 3) and upright.area == square.area == 12
    assert CircleRegion(0, 0, 5).contains(x, y).tolist() == [True, True, True, False]


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 9), st.integers(0, 10_000))
def test_polygons_are_those_of_matplotlib(corners: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    outline = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.2, 1, (corners, 1))
    points = rng.uniform(-1, 1, (200, 2))
    region = PolygonRegion(tuple(map(tuple, outline)))
    expected = Outline(np.vstack([outline, outline[:1]]), closed=True).contains_points(points)
    if np.diff(angle, append=angle[0] + 2 * np.pi).max() < np.pi:  # star-shaped: no crossings
        assert np.array_equal(region.contains(*points.T), expected)


def test_nearest_neighbours(blinking_maker) -> None:
    locs = blinking_maker(600, 100)
    xy = np.column_stack([locs["x"], locs["y"]]).astype(float) * 100.0
    distance = np.sort(np.sqrt(((xy[:, None] - xy) ** 2).sum(-1)), axis=1)
    np.testing.assert_allclose(nearest_neighbours(locs, 3), distance[:, 1:4])
    np.testing.assert_allclose(nearest_neighbours(locs, 1, locs)[:, 0], 0)
    space = Localizations(locs.table.assign(z=locs["frame"].astype(np.float32)), locs.provenance)
    assert (nearest_neighbours(space)[:, 0] >= distance[:, 1] - 1e-9).all()
    assert np.isinf(nearest_neighbours(locs.table.iloc[:2], 2)[:, 1]).all()


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match="no region"):
        pick(blinking, [])
    with pytest.raises(ParameterError, match="drop_nan"):
        pick(broken["nan"], [CircleRegion(1, 1, 1)])
    with pytest.raises(ParameterError, match="radius"):
        CircleRegion(1, 1, 0)
    with pytest.raises(ParameterError, match="finite"):
        CircleRegion(np.nan, 1, 1)
    with pytest.raises(ParameterError, match="length and a width"):
        RectangleRegion(1, 1, 1, 1, 3)
    with pytest.raises(ParameterError, match="three corners"):
        PolygonRegion(((0, 0), (1, 1)))
    with pytest.raises(ParameterError, match="count"):
        nearest_neighbours(blinking, 0)
    with pytest.raises(ParameterError, match="empty"):
        nearest_neighbours(broken["empty"])
