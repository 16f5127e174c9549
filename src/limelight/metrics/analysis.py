"""What the views of the history show, as functions on arrays.

A control chart tells the usual spread of an instrument from what is not usual (Shewhart, Economic
Control of Quality of Manufactured Product, 1931).  Here it is the chart of individual values
(Montgomery, Introduction to Statistical Quality Control, chapter 6.4; NIST/SEMATECH e-Handbook of
Statistical Methods, 6.3.2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from limelight.core.localizations import Localizations
    from limelight.metrics.rows import Rows

__all__ = [
    "ControlChart",
    "DayBox",
    "Trend",
    "bar_fractions",
    "common_histograms",
    "control_chart",
    "daily_boxes",
    "locs_over_time",
    "to_csv",
    "trend",
]

_MAD = 1.4826022185056018  # 1 / the third quartile of the standard normal distribution
_MEDIAN_RANGE = 0.9538725524045  # median of |a - b| of two standard normal numbers
_MEAN_RANGE = 1.1283791670955126  # its mean, 2 / sqrt(pi): d2 for n = 2
_LONG_RUN = 9  # Nelson, J. Quality Technology 16, 237 (1984), test 2
_FEW = 8  # values below which limits say little
_MOST_SLOPES = 1000


def bar_fractions(values: ArrayLike) -> NDArray[np.float64]:
    """Return how long the bar in each cell is, relative to the column's maximum.

    Parameters
    ----------
    values : 1D array (N,)
        A column of figures.

    Returns
    -------
    1D array of float64 (N,)
        0 to 1; 0 for what is not a number, negative, or where no value is positive.
    """
    column = np.asarray(values, np.float64)
    known = np.where(np.isfinite(column), column, 0.0)
    top = known.max(initial=0.0)
    if top <= 0:
        return np.zeros(len(column))
    # What is negative would overflow over a tiny maximum, and has no bar anyway.
    return np.asarray(np.maximum(known, 0.0) / top, np.float64)


@dataclass(frozen=True)
class DayBox:
    """The box of a day in a box plot (Tukey, Exploratory Data Analysis, 1977).

    Parameters
    ----------
    day : date
        The day, in the time zone that was asked for.
    start : float
        When it began, seconds since 1970.
    count : int
        Values of that day.
    q1, median, q3 : float
        Quartiles, interpolated between values.
    low, high : float
        Ends of the whiskers: the outermost values within 1.5 box heights of the box.
    outliers : 1D array of float64
        Values beyond the whiskers, rising.
    """

    day: Any
    start: float
    count: int
    q1: float
    median: float
    q3: float
    low: float
    high: float
    outliers: NDArray[np.float64]


def daily_boxes(started: ArrayLike, values: ArrayLike, zone: tzinfo | None = None) -> list[DayBox]:
    """Summarize a figure day by day.

    Parameters
    ----------
    started : 1D array (N,)
        Seconds since 1970 UTC.
    values : 1D array (N,)
        The figure; what is not a number is left out.
    zone : tzinfo, optional
        Whose days; by default the computer's own.

    Returns
    -------
    list of DayBox
        Days with at least one value, oldest first.
    """
    times, column = _pair(started, values)
    days: dict[Any, list[float]] = {}
    for moment, value in zip(times.tolist(), column.tolist(), strict=True):
        days.setdefault(_local(moment, zone).date(), []).append(value)
    boxes = []
    for day in sorted(days):
        these = np.sort(days[day])
        q1, median, q3 = (float(v) for v in np.quantile(these, (0.25, 0.5, 0.75)))
        reach = 1.5 * (q3 - q1)
        inside = these[(these >= q1 - reach) & (these <= q3 + reach)]
        beyond = these[(these < q1 - reach) | (these > q3 + reach)]
        begin = datetime(day.year, day.month, day.day, tzinfo=zone)
        ends = (float(inside[0]), float(inside[-1])) if len(inside) else (q1, q3)
        boxes.append(
            DayBox(day, begin.timestamp(), len(these), q1, median, q3, ends[0], ends[1], beyond)
        )
    return boxes


def _local(moment: float, zone: tzinfo | None) -> datetime:
    utc = datetime.fromtimestamp(moment, UTC)
    return utc.astimezone(zone)


@dataclass(frozen=True)
class Trend:
    """A straight line through a figure over time.

    Parameters
    ----------
    slope_per_day : float
        Change per day.
    low, high : float
        Between these the slope lies with 95 percent confidence.
    at : float
        A point in time (seconds since 1970) ...
    level : float
        ... and the line's value there.
    count : int
        Values that it is drawn through.
    """

    slope_per_day: float
    low: float
    high: float
    at: float
    level: float
    count: int

    @property
    def significant(self) -> bool:
        """Whether 0 lies outside of the confidence interval."""
        return self.low > 0 or self.high < 0

    def line(self, started: ArrayLike) -> NDArray[np.float64]:
        """Return the line's values at these times (seconds since 1970)."""
        return self.level + self.slope_per_day * (np.asarray(started, np.float64) - self.at) / 86400


def trend(started: ArrayLike, values: ArrayLike) -> Trend | None:
    """Draw a line through a figure that a few wild values do not turn.

    The slope is the median of the slopes between pairs of points (Theil 1950; Sen, J. Am. Stat.
    Assoc. 63, 1379 (1968)).  Of more than a thousand points, a thousand evenly spaced in time order
    are taken.

    Parameters
    ----------
    started : 1D array (N,)
        Seconds since 1970.
    values : 1D array (N,)
        The figure; what is not a number is left out.

    Returns
    -------
    Trend or None
        None with fewer than three values, or where all are of one moment.
    """
    from scipy.stats import theilslopes

    times, column = _pair(started, values)
    if len(times) < 3 or times.min() == times.max():
        return None
    if len(times) > _MOST_SLOPES:
        keep = np.linspace(0, len(times) - 1, _MOST_SLOPES).round().astype(np.intp)
        times, column = times[keep], column[keep]
    at = float(np.median(times))
    found = theilslopes(column, (times - at) / 86400, 0.95)
    slope = float(found.slope)
    level = float(np.median(column - slope * (times - at) / 86400))
    low, high = float(found.low_slope), float(found.high_slope)
    return Trend(slope, low, high, at, level, len(times))


@dataclass(frozen=True, eq=False)
class ControlChart:
    """What is usual for each instrument, and what is not.

    Parameters
    ----------
    centre, low, high : 1D arrays of float64 (N,)
        Centre line and limits of each run's instrument; NaN where there are too few runs.
    outside : 1D array of bool (N,)
        Runs beyond the limits.
    shifted : 1D array of bool (N,)
        Runs that end nine or more in a row on one side of the centre: the level has shifted,
        although each single one is usual.
    """

    centre: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    outside: NDArray[np.bool_]
    shifted: NDArray[np.bool_]


def control_chart(
    started: ArrayLike,
    values: ArrayLike,
    instruments: Sequence[Any] | NDArray[Any] | None = None,
    *,
    spread: Literal["mad", "moving-range", "mean-moving-range"] = "mad",
    width: float = 3.0,
    least: int = _FEW,
) -> ControlChart:
    """Mark the runs that are outside of their instrument's usual range.

    Parameters
    ----------
    started : 1D array (N,)
        Seconds since 1970; runs may come in any order.
    values : 1D array (N,)
        The figure; what is not a number is in no range and marked nowhere.
    instruments : sequence (N,), optional
        What tells instruments apart, such as the names of cameras; one for all by default.
    spread : {"mad", "moving-range", "mean-moving-range"}
        Where the standard deviation comes from.  The median absolute deviation from the median
        heeds all that is usual.  Moving ranges, between one run and the next, heed only how
        runs scatter from one to the next, so that a slow drift of the level shows: their median,
        or their mean as in the textbook, which wild values widen.
    width : float
        Limits in standard deviations, > 0.
    least : int
        Fewest values of an instrument for limits to be drawn, >= 2.

    Returns
    -------
    ControlChart
        In the order of the runs.

    Raises
    ------
    ParameterError
        If arrays differ in length or a parameter is of no use.
    """
    times, column = np.asarray(started, np.float64), np.asarray(values, np.float64)
    names = np.zeros(len(times), object) if instruments is None else np.asarray(instruments, object)
    if not (len(times) == len(column) == len(names)):
        raise ParameterError("The control chart needs columns of the same length.")
    if spread not in ("mad", "moving-range", "mean-moving-range"):
        raise ParameterError(
            f"The control chart's spread is mad, moving-range or mean-moving-range, not {spread!r}."
        )
    if not width > 0 or least < 2:
        raise ParameterError("The control chart needs a width above 0 and at least 2 values.")
    centre, sigma = np.full(len(times), np.nan), np.full(len(times), np.nan)
    shifted = np.zeros(len(times), np.bool_)
    known = np.isfinite(times) & np.isfinite(column)
    codes = {name: k for k, name in enumerate(dict.fromkeys(names.tolist()))}
    code = np.fromiter((codes[n] for n in names.tolist()), np.intp, len(names))
    for k in codes.values():
        all_of = np.flatnonzero(code == k)
        these = np.flatnonzero((code == k) & known)
        if len(these) < least:
            continue
        these = these[np.argsort(times[these], kind="stable")]
        own = column[these]
        middle = float(np.median(own))
        if spread == "mad":
            one = _MAD * float(np.median(np.abs(own - middle)))
        elif spread == "moving-range":
            one = float(np.median(np.abs(np.diff(own)))) / _MEDIAN_RANGE
        else:
            middle = float(own.mean())
            one = float(np.abs(np.diff(own)).mean()) / _MEAN_RANGE
        centre[all_of], sigma[all_of] = middle, one
        shifted[these] = _long_runs(np.sign(own - middle))
    low, high = centre - width * sigma, centre + width * sigma
    # limits come from rounded sums: what equals a limit is inside
    slack = 1e-9 * np.maximum(np.abs(low), np.abs(high))
    with np.errstate(invalid="ignore"):
        outside = known & ((column < low - slack) | (column > high + slack))
    return ControlChart(centre, low, high, outside, shifted)


def _long_runs(side: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark where nine or more in a row, this one included, are on one side."""
    marked = np.zeros(len(side), np.bool_)
    length, last = 0, 0.0
    for k, now in enumerate(side.tolist()):
        length = length + 1 if now == last and now != 0 else (1 if now != 0 else 0)
        last = now
        marked[k] = length >= _LONG_RUN
    return marked


def locs_over_time(
    tables: Sequence[Localizations], bins: int = 200
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Count the localizations per frame over time, for results side by side.

    Parameters
    ----------
    tables : sequence of Localizations
        The results.
    bins : int
        Points of each curve, fewer where there are fewer frames; >= 1.

    Returns
    -------
    list of (1D array, 1D array)
        For each table the middle of each bin, frames, and localizations per frame there.
    """
    if bins < 1:
        raise ParameterError(f"There must be at least 1 bin, not {bins}.")
    curves = []
    for table in tables:
        frame = table["frame"].astype(np.int64)
        frames = max(table.frames, int(frame.max()) + 1 if len(frame) else 1, 1)
        counts = np.bincount(frame, minlength=frames)
        edges = np.linspace(0, frames, min(bins, frames) + 1).round().astype(np.int64)
        sums = np.add.reduceat(counts, edges[:-1])
        middle = np.asarray(0.5 * (edges[1:] + edges[:-1] - 1), np.float64)
        curves.append((middle, np.asarray(sums / np.diff(edges), np.float64)))
    return curves


def common_histograms(
    tables: Sequence[Localizations],
    column: str,
    bins: int = 100,
    *,
    limits: tuple[float, float] | None = None,
    density: bool = True,
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Histogram a column of several results on common bins.

    Parameters
    ----------
    tables : sequence of Localizations
        The results.
    column : str
        Any column that all of them have.
    bins : int
        Number of bins, >= 1.
    limits : tuple of float, optional
        First and last edge; by default the range that holds all but half a percent of each table's
        finite values at either end.
    density : bool
        Divide by the number of values and the width of the bins, so that a large and a small
        result compare; else counts.

    Returns
    -------
    edges : 1D array (bins + 1,)
    heights : list of 1D arrays (bins,)
        One per table; zeros for a table without finite values.

    Raises
    ------
    ParameterError
        If a table has no such column, or the parameters are of no use.
    """
    if bins < 1:
        raise ParameterError(f"There must be at least 1 bin, not {bins}.")
    columns = []
    for table in tables:
        values = np.asarray(table[column], np.float64)
        columns.append(values[np.isfinite(values)])
    if limits is None:
        ends = [np.quantile(c, (0.005, 0.995)) for c in columns if len(c)]
        low = min((float(e[0]) for e in ends), default=0.0)
        high = max((float(e[1]) for e in ends), default=1.0)
        if not high > low:  # all values are one
            low, high = low - 0.5, low + 0.5
            if not high > low:
                low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    else:
        low, high = limits
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ParameterError(f"A histogram from {low} to {high} has no width.")
    edges = np.linspace(low, high, bins + 1)
    heights = []
    for values in columns:
        counts = np.histogram(values, edges)[0].astype(np.float64)
        if density and len(values):
            counts /= len(values) * (high - low) / bins
        heights.append(counts)
    return edges, heights


def to_csv(columns: Mapping[str, ArrayLike] | Rows) -> str:
    """Write columns as CSV; times in a column ``started`` are written as ISO 8601 in UTC.

    Parameters
    ----------
    columns : mapping of str to 1D array, or Rows
        Columns of equal length.

    Returns
    -------
    str
        With a heading; what is not a number is empty.
    """
    import csv
    import io

    from limelight.metrics.rows import Rows as History

    held = columns.columns if isinstance(columns, History) else columns
    lists = {name: np.asarray(values).tolist() for name, values in held.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lists)
    for values in zip(*lists.values(), strict=True):
        writer.writerow([_cell(n, v) for n, v in zip(lists, values, strict=True)])
    return text.getvalue()


def _cell(name: str, value: Any) -> Any:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if name == "started":
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    if isinstance(value, float):
        return f"{value:.10g}"
    return value.strip() if isinstance(value, str) else value


def _pair(started: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and values that are numbers, in the order of time."""
    times, column = np.asarray(started, np.float64), np.asarray(values, np.float64)
    if times.shape != column.shape or times.ndim != 1:
        raise ParameterError("Times and values must be columns of the same length.")
    known = np.isfinite(times) & np.isfinite(column)
    times, column = times[known], column[known]
    order = np.argsort(times, kind="stable")
    return times[order], column[order]
