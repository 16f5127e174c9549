from __future__ import annotations

from datetime import UTC, date, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.metrics import (
    Rows,
    bar_fractions,
    common_histograms,
    control_chart,
    daily_boxes,
    locs_over_time,
    to_csv,
    trend,
)

DAY = 86400.0
ANY = hnp.arrays(np.float64, st.integers(0, 40))


@given(ANY)
def test_bars_are_parts_of_the_maximum(values):
    bars = bar_fractions(values)
    assert np.all((bars >= 0) & (bars <= 1))
    known = np.isfinite(values)
    assert np.all(bars[~known] == 0)
    top = values[known].max(initial=0)
    if top > 0:
        assert bars[np.flatnonzero(known & (values == top))[0]] == 1
        assert np.all(bars[known & (values < 0)] == 0)
    else:
        assert not bars.any()


def test_boxes_are_those_of_the_textbook():
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 100.0, np.nan, 5.0])
    started = np.full(11, 10 * DAY + 100)
    started[10] = 12 * DAY
    first, second = daily_boxes(started, values, UTC)
    assert (first.day, first.count) == (date(1970, 1, 11), 9)
    quartiles = np.quantile(values[:9], (0.25, 0.5, 0.75))
    assert (first.q1, first.median, first.q3) == tuple(quartiles)
    assert (first.low, first.high) == (1.0, 8.0) and first.outliers.tolist() == [100.0]
    assert first.start == 10 * DAY and (second.count, second.low, second.high) == (1, 5.0, 5.0)
    assert daily_boxes([], [], UTC) == []


def test_days_are_those_of_the_zone():
    started = [10 * DAY - 3600]
    assert daily_boxes(started, [1.0], UTC)[0].day == date(1970, 1, 10)
    east = timezone(timedelta(hours=2))
    (box,) = daily_boxes(started, [1.0], east)
    assert box.day == date(1970, 1, 11) and box.start == 10 * DAY - 7200
    (own,) = daily_boxes(started, [1.0])
    assert own.start <= started[0] < own.start + 25 * 3600


def test_a_trend_is_not_turned_by_wild_values():
    rng = np.random.default_rng(1)
    started = 20000 * DAY + np.arange(60) * DAY / 2
    values = 12 + 0.1 * (started - started[0]) / DAY + rng.normal(0, 0.2, 60)
    values[::10] += 300
    found = trend(started, values)
    assert found.slope_per_day == pytest.approx(0.1, abs=0.02) and found.significant
    assert found.low < 0.1 < found.high
    at = np.array([started[0], started[-1]])
    assert found.line(at) == pytest.approx([12, 12 + 2.95], abs=0.4)
    reference = stats.theilslopes(values, (started - started[0]) / DAY)
    assert found.slope_per_day == pytest.approx(reference.slope)
    flat = trend(started, rng.normal(5, 1, 60))
    assert not flat.significant


def test_a_trend_through_many_or_few_points():
    started = np.arange(50_000) * 600.0
    values = 5 - 2 * started / DAY
    shuffle = np.random.default_rng(0).permutation(len(started))
    found = trend(started[shuffle], values[shuffle])
    assert found.slope_per_day == pytest.approx(-2) and found.count == 1000
    assert trend([1, 2], [1, 2]) is None and trend([1, 1, 1], [1, 2, 3]) is None
    assert trend([1, 2, np.nan], [1, 2, 3]) is None
    with pytest.raises(ParameterError, match="same length"):
        trend([1, 2], [1])


def test_the_chart_of_individual_values_is_that_of_the_textbook():
    # NIST/SEMATECH e-Handbook, 6.3.2.2: ten flow rates
    flow = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
    chart = control_chart(np.arange(10), flow, spread="mean-moving-range")
    assert chart.centre[0] == pytest.approx(50.81)
    assert chart.high[0] == pytest.approx(55.8041, abs=0.005)
    assert chart.low[0] == pytest.approx(45.8159, abs=0.005)
    assert not chart.outside.any()


@pytest.mark.parametrize("spread", ["mad", "moving-range", "mean-moving-range"])
def test_every_spread_measures_the_standard_deviation_of_noise(spread):
    values = np.random.default_rng(2).normal(10, 2, 20_000)
    chart = control_chart(np.arange(len(values)), values, spread=spread)
    assert (chart.high[0] - chart.centre[0]) / 3 == pytest.approx(2, rel=0.03)
    assert chart.outside.mean() == pytest.approx(2 * stats.norm.sf(3), abs=0.001)


def test_each_instrument_has_a_range_of_its_own():
    rng = np.random.default_rng(3)
    names = np.array(["a", "b"] * 50, object)
    values = np.where(names == "a", 10, 1000) + rng.uniform(-1, 1, 100)
    values[6] = 20.0  # unusual for a, though far below all of b
    values[20] = np.nan
    order = rng.permutation(100)
    chart = control_chart(np.arange(100)[order], values[order], names[order])
    assert np.flatnonzero(chart.outside[np.argsort(order)]).tolist() == [6]
    assert not control_chart(np.arange(100), values, names, width=30).outside.any()
    few = control_chart([1, 2, 3], [1, 2, 300])
    assert np.isnan(few.centre).all() and not few.outside.any()
    same = control_chart(np.arange(9), np.full(9, 0.1))
    assert not same.outside.any() and not same.shifted.any()


def test_a_level_that_shifts_is_marked_though_each_value_is_usual():
    values = np.r_[np.tile([9.0, 11.0], 20), np.full(10, 10.8), np.full(10, 9.2)]
    chart = control_chart(np.arange(60), values)
    assert not chart.outside.any()
    assert np.flatnonzero(chart.shifted).tolist() == [47, 48, 49, 58, 59]  # the last 11 counts, too


@pytest.mark.parametrize(
    "values", [{"spread": "sigma"}, {"width": 0}, {"least": 1}, {"instruments": ["a"]}]
)
def test_a_chart_of_no_use_is_refused(values):
    with pytest.raises(ParameterError):
        control_chart([1, 2], [1, 2], **values)


def table(frames, values, total=None):
    n = len(frames)
    columns = {"frame": frames, "x": np.zeros(n), "y": np.zeros(n), "photons": values}
    return Localizations.from_columns(columns, [{"Frames": total}] if total else [])


def test_localizations_over_time():
    frames = np.repeat(np.arange(100), np.arange(100) % 3)
    one = table(frames, np.ones(len(frames)), total=100)
    short = table(np.array([0, 0, 2]), np.ones(3), total=4)
    (x, y), (x2, y2) = locs_over_time([one, short], 10)
    assert len(x) == 10 and x[0] == 4.5
    assert np.sum(y) * 10 == pytest.approx(len(frames))
    assert x2.tolist() == [0, 1, 2, 3] and y2.tolist() == [2, 0, 1, 0]
    ((x3, y3),) = locs_over_time([table(np.array([], int), np.array([]))])
    assert x3.tolist() == [0] and y3.tolist() == [0]


def test_histograms_on_common_bins():
    rng = np.random.default_rng(0)
    one = table(np.arange(1000), rng.normal(100, 10, 1000))
    other = table(np.arange(50), np.r_[rng.normal(200, 10, 49), np.nan])
    edges, (a, b) = common_histograms([one, other], "photons", 40)
    assert edges[0] < 90 and edges[-1] > 210 and len(a) == 40
    assert (a * np.diff(edges)).sum() == pytest.approx(0.99, abs=0.006)
    edges, (a, b) = common_histograms([one, other], "photons", limits=(0, 400), density=False)
    assert (a.sum(), b.sum()) == (1000, 49)
    np.testing.assert_array_equal(a, np.histogram(one["photons"], edges)[0])
    edges, (a,) = common_histograms(
        [table(np.arange(3), np.full(3, 7.0))], "photons", density=False
    )
    assert edges[0] < 7 < edges[-1] and a.sum() == 3
    edges, (a,) = common_histograms([table(np.array([], int), np.array([]))], "photons")
    assert not a.any()
    with pytest.raises(ParameterError, match="Did you mean 'photons'"):
        common_histograms([one], "photon")
    with pytest.raises(ParameterError, match="no width"):
        common_histograms([one], "photons", limits=(1, 1))


def test_csv():
    rows = Rows(
        {
            "id": np.array([1, 2]),
            "file": np.array(['a "b", c', None], object),
            "tags": np.array([" x y ", ""], object),
            "started": np.array([0.0, 86400.0]),
            "nena_nm": np.array([1 / 3, np.nan]),
        }
    )
    assert to_csv(rows).splitlines() == [
        "id,file,tags,started,nena_nm",
        '1,"a ""b"", c",x y,1970-01-01T00:00:00+00:00,0.3333333333',
        "2,,,1970-01-02T00:00:00+00:00,",
    ]
    assert to_csv({"x": [1.0, np.nan]}) == 'x\n1\n""\n' or to_csv({"x": [1.0]}) == "x\n1\n"
