from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import COLUMNS, Localizations


def table(**more):
    return {"x": [1.5, 2.0], "frame": [0, 3], "y": [0.0, 7.2], **more}


def test_columns_get_their_documented_type_and_order():
    locs = Localizations.from_columns(table(mine=[1, 2], photons=[10, 20]))
    assert locs.columns == ["frame", "x", "y", "photons", "mine"]
    assert locs["frame"].dtype == np.uint32 and locs["photons"].dtype == np.float32
    assert "mine" in locs and len(locs) == 2


def test_provenance_is_searched_from_the_newest_step():
    steps = [{"Frames": 10, "Width": 4, "Height": 3, "Pixelsize": 100}, {"Pixelsize": 160}]
    locs = Localizations.from_columns(table(), steps)
    assert locs.pixel_size_nm == 160 and locs.frames == 10 and locs.shape == (3, 4)


def test_without_provenance_the_table_tells_what_it_can():
    locs = Localizations.from_columns(table())
    assert (locs.frames, locs.shape, locs.pixel_size_nm) == (4, (9, 3), 130.0)
    assert Localizations.empty().shape == (1, 1)
    assert Localizations.from_columns(table(x=[np.nan, 2.0])).shape == (9, 3)


def test_what_is_missing_is_named():
    with pytest.raises(ParameterError, match="'y'"):
        Localizations(pd.DataFrame({"frame": [], "x": []}))
    with pytest.raises(ParameterError, match="Did you mean 'frame'"):
        Localizations.from_columns(table())["frames"]


def test_a_step_is_added_not_written_over():
    locs = Localizations.from_columns(table(), [{"a": 1}])
    after = locs.with_table(locs.table[:1], {"b": 2})
    assert after.provenance == [{"a": 1}, {"b": 2}] and locs.provenance == [{"a": 1}]


def test_every_column_says_what_it_is():
    assert all(c.meaning and np.dtype(c.dtype) for c in COLUMNS.values())
