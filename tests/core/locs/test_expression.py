from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs.expression import matches, range_text
from limelight.core.locs.filter import filter_locs


@pytest.fixture
def locs() -> Localizations:
    rng = np.random.default_rng(0)
    n = 500
    return Localizations.from_columns(
        {
            "frame": rng.integers(0, 50, n),
            "x": rng.uniform(0, 32, n),
            "y": rng.uniform(0, 32, n),
            "photons": np.where(rng.random(n) < 0.1, np.nan, rng.exponential(1000, n)),
            "sx": rng.normal(1.2, 0.2, n),
        }
    )


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("photons > 500", lambda t: t.photons > 500),
        ("photons>500 and 1 < sx <= 1.3", lambda t: (t.photons > 500) & (t.sx > 1) & (t.sx <= 1.3)),
        ("photons > 500, sx < 1.2", lambda t: (t.photons > 500) & (t.sx < 1.2)),
        ("not (sx < 1 or sx > 1.4)", lambda t: ~((t.sx < 1) | (t.sx > 1.4))),
        ("(x > 16) & (y > 16) | (frame == 3)", lambda t: (t.x > 16) & (t.y > 16) | (t.frame == 3)),
        ("hypot(x - 16, y - 16) < 5", lambda t: np.hypot(t.x - 16, t.y - 16) < 5),
        ("frame - 40 > 0", lambda t: t.frame.astype(int) - 40 > 0),
        ("photons != photons", lambda t: t.photons.isna()),
        ("isfinite(photons)", lambda t: np.isfinite(t.photons)),
        ("abs(sx - 1.2) / 0.2 < 1", lambda t: abs(t.sx - 1.2) / 0.2 < 1),
        ("log10(photons) >= 3 and frame % 2 == 0",
         lambda t: (np.log10(t.photons) >= 3) & (t.frame % 2 == 0)),
        ("-x < -16", lambda t: -t.x < -16),
        ("sx ** 2 > 1.44", lambda t: t.sx**2 > 1.44),
        ("True", lambda t: t.x > -1),
    ],
)  # fmt: skip
def test_conditions_are_what_pandas_makes_of_them(locs, text, twin) -> None:
    np.testing.assert_array_equal(matches(locs, text), twin(locs.table).to_numpy())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photon > 500", "no column 'photon'. Did you mean 'photons'"),
        ("photons >", "cannot be read"),
        ("photons = 500", "cannot be read"),
        ("photons", "is no condition"),
        ("photons + 3", "is no condition"),
        ("photons and sx", "is no condition"),
        ("__import__('os').system('x')", "not understood"),
        ("open('x') == 3", "no function 'open'"),
        ("photons.max() > 3", "not understood"),
        ("photons[0] > 3", "not understood"),
        ("photons > 'a'", "not understood"),
        ("(lambda: 1)() > 0", "not understood"),
        ("photons in sx", "not understood"),
        ("hypot(x) > 3", "cannot be computed"),
        ("x > 1 +" * 3000, "cannot be read"),
    ],
)
def test_what_is_no_condition_is_told(locs, text, message) -> None:
    with pytest.raises(ParameterError, match=message):
        matches(locs, text)


def test_a_column_of_words_is_told() -> None:
    table = pd.DataFrame({"frame": [0], "x": [1.0], "y": [1.0], "who": ["me"]})
    with pytest.raises(ParameterError, match="must be of numbers"):
        matches(Localizations(table), "who == 3")


ends = st.one_of(st.none(), st.floats(-10, 2000, allow_nan=False, width=32))


@given(st.dictionaries(st.sampled_from(["photons", "sx", "frame"]), st.tuples(ends, ends)))
def test_ranges_as_text_keep_what_the_filter_keeps(ranges) -> None:
    rng = np.random.default_rng(1)
    locs = Localizations.from_columns(
        {"frame": np.arange(40), "x": rng.random(40), "y": rng.random(40),
         "photons": rng.exponential(500, 40), "sx": rng.normal(1, 0.3, 40)}
    )  # fmt: skip
    ranges = {
        c: (low, high) if None in (low, high) or low <= high else (high, low)
        for c, (low, high) in ranges.items()
    }
    text = range_text(ranges)
    kept = locs.table[matches(locs, text)] if text else locs.table
    wanted = filter_locs(locs, ranges).table
    np.testing.assert_array_equal(kept["frame"], wanted["frame"])
