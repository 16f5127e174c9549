from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import nena
from limelight.core.locs.precision import _model, _slopes


def plain_histogram(locs, lag, reach, bins, nearest):
    """Look for neighbours with a tree per frame."""
    frame = locs["frame"].astype(int)
    xy = np.column_stack([locs["x"], locs["y"]]).astype(float)
    distances = []
    for f in range(frame.min(), frame.max() + 1 - lag):
        here, there = xy[frame == f], xy[frame == f + lag]
        if len(here) and len(there):
            if nearest:
                d, _ = cKDTree(there).query(here)
            else:
                d = np.sqrt(((here[:, None] - there) ** 2).sum(-1)).ravel()
            distances.append(d)
    return np.histogram(np.concatenate(distances), bins, (0, reach))[0]


@pytest.mark.parametrize("pairs", ["nearest", "all"])
def test_histogram_is_that_of_a_tree(blinking_maker, pairs) -> None:
    locs = blinking_maker(4_000, 60, size=20.0, sites=400)
    result = nena(locs, 1.0, pairs)
    expected = plain_histogram(locs, 1, 1.0, len(result.counts), pairs == "nearest")
    # A distance on a bin's edge may fall to either side.
    assert np.abs(np.cumsum(result.counts) - np.cumsum(expected)).max() <= 2


@pytest.mark.parametrize("precision", [0.03, 0.1, 0.2])
@pytest.mark.parametrize("pairs", ["nearest", "all"])
def test_precision_is_found(blinking_maker, precision: float, pairs) -> None:
    locs = blinking_maker(40_000, 4_000, precision=precision, sites=4_000, size=128.0)
    result = nena(locs, 1.5, pairs)
    assert result.reliable, result.notes
    assert abs(result.sigma_px / precision - 1) < 0.05
    assert abs(result.sigma_nm - result.sigma_px * 100.0) < 1e-9
    assert result.sigma_error_px < 0.05 * precision
    expected = 40_000 * (1 - 1 / 3.0)
    assert abs(result.repeated / expected - 1) < 0.1


def test_molecules_that_shine_once_are_not_believed(blinking_maker) -> None:
    rng = np.random.default_rng(4)
    for molecules, size in ((20_000, 64.0), (200_000, 64.0), (500, 64.0)):
        columns = {"frame": np.sort(rng.integers(0, 1000, molecules))}
        columns |= {axis: rng.uniform(0, size, molecules) for axis in "xy"}
        result = nena(Localizations.from_columns(columns))
        assert not result.reliable
        assert result.notes


def test_structures_without_repeats_are_not_believed() -> None:
    # Narrow lines: neighbours are near each other in all frames alike.
    rng = np.random.default_rng(5)
    n = 200_000
    line = rng.integers(0, 20, n)
    columns = {
        "frame": np.sort(rng.integers(0, 500, n)),
        "x": 3.0 * line + rng.normal(0, 0.15, n),
        "y": rng.uniform(0, 60, n),
    }
    result = nena(Localizations.from_columns(columns))
    assert not result.reliable
    assert abs(result.significance) < 5


def test_a_stated_precision_that_is_wrong_is_noted(blinking_maker) -> None:
    locs = blinking_maker(20_000, 2_000)
    wrong = Localizations(locs.table.assign(lpx=np.float32(0.02)), locs.provenance)
    result = nena(wrong)
    assert result.reliable
    assert "camera gain" in " ".join(result.notes)


def test_slopes_are_those_of_differences() -> None:
    d = np.linspace(0.01, 1.0, 50)
    p = np.array([900.0, 0.11, 300.0, 0.4, 0.2, 70.0])
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6 * p[k]
        difference = (_model(p + step, d) - _model(p - step, d)) / (2 * step[k])
        np.testing.assert_allclose(_slopes(p, d)[:, k], difference, rtol=1e-5, atol=1e-6)


def test_threads_do_not_matter(blinking: Localizations) -> None:
    one, four = nena(blinking, threads=1), nena(blinking, threads=4)
    assert one.sigma_px == four.sigma_px
    assert np.array_equal(one.counts, four.counts)


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match="empty"):
        nena(broken["empty"])
    with pytest.raises(ParameterError, match="drop_nan"):
        nena(broken["nan"])
    with pytest.raises(ParameterError, match="in one frame"):
        nena(blinking.table.assign(frame=np.uint32(7)))
    with pytest.raises(ParameterError, match="max_distance"):
        nena(blinking, 0.0)
    with pytest.raises(ParameterError, match="pairs"):
        nena(blinking, pairs="some")  # type: ignore[arg-type]
    short = nena(blinking.table[blinking["frame"] < 3])
    assert not short.reliable
