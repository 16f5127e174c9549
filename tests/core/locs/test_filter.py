from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import column_histogram, drop_nan, filter_locs


def test_ranges_include_their_ends(blinking: Localizations) -> None:
    low = float(np.median(blinking["photons"]))
    kept = filter_locs(blinking, {"photons": (low, None), "frame": (10, 900)})
    table = blinking.table
    expected = table[(table["photons"] >= low) & table["frame"].between(10, 900)]
    assert np.array_equal(kept["x"], expected["x"])
    step = kept.provenance[-1]
    assert step["Ranges"] == {"photons": [low, None], "frame": [10.0, 900.0]}
    assert step["Molecules removed"] == len(blinking) - len(kept)
    assert len(filter_locs(blinking, {})) == len(blinking)


def test_a_tenth_is_not_less_than_a_tenth() -> None:
    columns = {"frame": [0, 1], "x": [0.1, 0.3], "y": [0.0, 0.0]}
    locs = Localizations.from_columns({k: np.array(v) for k, v in columns.items()})
    assert len(filter_locs(locs, {"x": (0.1, 0.3)})) == 2


def test_nan_lies_in_no_range(broken) -> None:
    kept = filter_locs(broken["nan"], {"x": (None, None)})
    assert len(kept) == len(broken["nan"]) - 4
    assert len(drop_nan(broken["nan"])) == len(kept)
    assert len(drop_nan(broken["nan"], ["y"])) == len(broken["nan"])
    assert len(drop_nan(broken["infinite"])) == len(broken["infinite"]) - 1


def test_histograms(blinking: Localizations) -> None:
    counts, edges = column_histogram(blinking, "photons", cut=0.0)
    assert counts.sum() == len(blinking) and len(edges) == len(counts) + 1
    table = blinking.table.copy()
    table.loc[0, "photons"] = 1e9
    _, cut = column_histogram(table, "photons")
    assert cut[-1] < 1e5
    assert len(column_histogram(table.assign(photons=5.0), "photons")[0]) == 1
    assert len(column_histogram(blinking, "sx", 37)[0]) == 37


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match=r"no column 'photon'.*Did you mean 'photons'"):
        filter_locs(blinking, {"photon": (0, 1)})
    with pytest.raises(ParameterError, match="range of 'x'"):
        filter_locs(blinking, {"x": (3, 1)})
    with pytest.raises(ParameterError, match="range of 'x'"):
        filter_locs(blinking, {"x": (np.nan, 1)})
    with pytest.raises(ParameterError, match="must be of numbers"):
        filter_locs(broken["text"], {"frame": (0, 1)})
    with pytest.raises(ParameterError, match="no finite value"):
        column_histogram(broken["empty"], "x")
    with pytest.raises(ParameterError, match="bins"):
        column_histogram(blinking, "x", 0)
    with pytest.raises(ParameterError, match="cut"):
        column_histogram(blinking, "x", cut=0.7)
