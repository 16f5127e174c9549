"""The charts of the history: a figure over time or over another one, day by day, and controlled."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.metrics import control_chart, daily_boxes, title_of, trend
from limelight.widgets.chart_view import Chart, style_axes
from limelight.widgets.plot_view import COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from numpy.typing import NDArray

    from limelight.metrics import Rows

__all__ = ["box_chart", "control_chart_of", "figure_columns", "scatter_chart"]

_DAY = 86400.0
_MANY = 20_000  # more points are pixels in a vector picture, too
_OUT, _SHIFT = "#ff5d5d", "#ffb224"
_NO_CAMERA = "no camera named"


def figure_columns(rows: Rows) -> list[str]:
    """Return the columns of figures that at least one run has, in the order of the table."""
    return [
        name
        for name, values in rows.columns.items()
        if name not in ("id", "started") and values.dtype != object and np.isfinite(values).any()
    ]


def _points(
    rows: Rows, shown: NDArray[np.intp], x: str, y: str
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return which runs have both figures, and the figures; a time is in days since 1970."""
    xs, ys = rows[x][shown].astype(np.float64), rows[y][shown].astype(np.float64)
    if x == "started":
        xs = xs / _DAY
    known = np.isfinite(xs) & np.isfinite(ys)
    return shown[known], xs[known], ys[known]


def _dates(axes: Any) -> None:
    from matplotlib import dates

    ticks: Any = dates
    locator = ticks.AutoDateLocator(tz=_here(), maxticks=12)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ticks.ConciseDateFormatter(locator, tz=_here()))


def _here() -> tzinfo:
    """Return the zone of this computer, which knows of summer time."""
    tz: Any = import_module("dateutil.tz")  # matplotlib needs it, too
    zone: tzinfo = tz.tzlocal()
    return zone


def _cameras(rows: Rows, these: NDArray[np.intp]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the names of the cameras, and the number of each run's."""
    names = [str(n or _NO_CAMERA) for n in rows["camera"][these]]
    known = sorted(set(names))
    number = {name: k for k, name in enumerate(known)}
    return known, np.array([number[n] for n in names], np.intp)


def _legend(axes: Any, ink: str, count: int) -> None:
    if 1 < count <= 8:
        legend = axes.legend(
            fontsize=8, frameon=False, labelcolor=ink, loc="lower left", ncols=min(count, 4),
            bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1, handletextpad=0.3, columnspacing=1.2,
        )  # fmt: skip
        legend.set_in_layout(True)


def _size(count: int) -> float:
    return 4.5 if count < 500 else 3.0 if count < 5000 else 1.5


def _table(rows: Rows, these: NDArray[np.intp], *columns: str) -> dict[str, Any]:
    names = dict.fromkeys(("file", "started", "group", "camera", *columns))
    return {name: rows[name][these] for name in names}


def scatter_chart(rows: Rows, shown: NDArray[np.intp], y: str, x: str = "started") -> Chart | None:
    """Return a point per run, and a line that shows the trend; None where no run has both.

    Parameters
    ----------
    rows : Rows
        The history.
    shown : 1D array of int
        Which of its rows.
    y, x : str
        Columns of figures; ``started`` is the time.
    """
    these, xs, ys = _points(rows, shown, x, y)
    if not len(these):
        return None
    cameras, camera = _cameras(rows, these)
    # the trend counts per day: figures along x are given to it as days
    line = trend(xs * _DAY, ys)
    wide, title = title_of(x), title_of(y)

    def draw(figure: Any, ink: str) -> None:
        axes = figure.add_subplot()
        for k, name in enumerate(cameras):
            of = camera == k
            axes.plot(
                xs[of], ys[of], "o", ms=_size(len(xs)), mew=0, alpha=0.75, label=name,
                color=COLOURS[k % len(COLOURS)], rasterized=len(xs) > _MANY,
            )  # fmt: skip
        if line is not None:
            ends = np.array([xs.min(), xs.max()])
            axes.plot(ends, line.line(ends * _DAY), color=ink, lw=1.6, ls="--")
        if x == "started":
            _dates(axes)
        style_axes(axes, ink, "" if x == "started" else wide.full, title.full)
        _legend(axes, ink, len(cameras))

    note = f"{len(these):,} runs."
    if line is not None:
        per = "day" if x == "started" else wide.unit or wide.name.lower()
        unit = f" {title.unit}" if title.unit else ""
        sure = "" if line.significant else "; no trend is certain"
        note = (
            f"{note} Trend {line.slope_per_day:+.3g}{unit} per {per} "
            f"({line.low:+.3g} to {line.high:+.3g} with 95 % confidence{sure})."
        )
    over = "over time" if x == "started" else f"against {wide.name}"
    return Chart(f"{title.name} {over}", draw, _table(rows, these, x, y), note, xs, ys, these)


def box_chart(rows: Rows, shown: NDArray[np.intp], y: str) -> Chart | None:
    """Return a box per day; None where no run has the figure."""
    these, days, ys = _points(rows, shown, "started", y)
    if not len(these):
        return None
    boxes = daily_boxes(days * _DAY, ys)
    title = title_of(y)

    def draw(figure: Any, ink: str) -> None:
        from matplotlib.collections import PolyCollection

        axes = figure.add_subplot()
        places = np.array([b.start / _DAY + 0.5 for b in boxes])
        low, q1, middle, q3, high = (
            np.array([getattr(box, name) for box in boxes])
            for name in ("low", "q1", "median", "q3", "high")
        )
        # as collections: an artist per box takes seconds where there are years of them
        colour, half = COLOURS[0], 0.36
        left, right = places - half, places + half
        corners = np.stack([left, q1, right, q1, right, q3, left, q3], axis=1)
        axes.add_collection(
            PolyCollection(
                list(corners.reshape(-1, 4, 2)), facecolor=f"{colour}55", edgecolor=colour
            )
        )
        for y0, y1 in ((low, q1), (q3, high)):
            axes.vlines(places, y0, y1, color=colour, lw=1)
        for end in (low, high):
            axes.hlines(end, places - half / 2, places + half / 2, color=colour, lw=1)
        axes.hlines(middle, left, right, color=COLOURS[1], lw=1.6)
        far = np.repeat(places, [len(b.outliers) for b in boxes])
        axes.plot(far, np.concatenate([b.outliers for b in boxes]), "o", ms=3, mfc="none", mec=ink)
        axes.set_xlim(places[0] - 1, places[-1] + 1)
        _dates(axes)
        style_axes(axes, ink, "", title.full)

    columns = {
        "day": [str(b.day) for b in boxes],
        **{
            name: [getattr(b, name) for b in boxes]
            for name in ("count", "low", "q1", "median", "q3", "high")
        },
        "outliers": [len(b.outliers) for b in boxes],
    }
    middle = float(np.median(ys))
    unit = f" {title.unit}" if title.unit else ""
    note = (
        f"{len(these):,} runs on {len(boxes):,} days; median {middle:.4g}{unit}. Boxes reach "
        "from quartile to quartile, whiskers to the last run within 1.5 boxes."
    )
    return Chart(f"{title.name} by day", draw, columns, note)


def control_chart_of(
    rows: Rows,
    shown: NDArray[np.intp],
    y: str,
    *,
    spread: str = "mad",
    width: float = 3.0,
) -> Chart | None:
    """Return the usual range of each camera, and what is outside of it; None where no run has it.

    Parameters
    ----------
    rows : Rows
        The history.
    shown : 1D array of int
        Which of its rows.
    y : str
        Column of a figure.
    spread, width
        As for `limelight.metrics.control_chart`.
    """
    these, days, ys = _points(rows, shown, "started", y)
    if not len(these):
        return None
    cameras, camera = _cameras(rows, these)
    kind: Any = spread
    chart = control_chart(days * _DAY, ys, camera, spread=kind, width=width)
    title = title_of(y)
    usual = ~(chart.outside | chart.shifted)

    def draw(figure: Any, ink: str) -> None:
        axes = figure.add_subplot()
        size = _size(len(days))
        for k, name in enumerate(cameras):
            of, colour = camera == k, COLOURS[k % len(COLOURS)]
            good = of & usual
            axes.plot(
                days[good], ys[good], "o", ms=size, mew=0, alpha=0.75, label=name, color=colour,
                rasterized=len(days) > _MANY,
            )  # fmt: skip
            centre, low, high = (float(a[of][0]) for a in (chart.centre, chart.low, chart.high))
            if np.isfinite(centre):
                axes.axhline(centre, color=colour, lw=1)
                axes.axhspan(low, high, color=colour, alpha=0.08, lw=0)
                for limit in (low, high):
                    axes.axhline(limit, color=colour, lw=1, ls="--", alpha=0.8)
        marked = [(chart.shifted & ~chart.outside, _SHIFT, "shifted level")]
        marked += [(chart.outside, _OUT, "outside")]
        for which, colour, name in marked:
            if which.any():
                axes.plot(days[which], ys[which], "D", ms=size + 2, mew=0, color=colour, label=name)
        _dates(axes)
        style_axes(axes, ink, "", title.full)
        _legend(axes, ink, len(cameras) + sum(bool(w.any()) for w, *_ in marked))

    return Chart(
        f"{title.name} under control",
        draw,
        {
            **_table(rows, these, y),
            "centre": chart.centre,
            "low": chart.low,
            "high": chart.high,
            "outside": chart.outside.astype(int),
            "shifted": chart.shifted.astype(int),
        },
        _verdict(chart, cameras, camera, len(these)),
        days,
        ys,
        these,
    )


def _verdict(chart: Any, cameras: Sequence[str], camera: NDArray[np.intp], count: int) -> str:
    out, shifted = int(chart.outside.sum()), int((chart.shifted & ~chart.outside).sum())
    limited = [k for k in range(len(cameras)) if np.isfinite(chart.centre[camera == k]).any()]
    if not limited:
        return "Limits need at least 8 runs of a camera."
    words = [f"{out:,} of {count:,} runs are outside of the usual range of their camera"]
    if shifted:
        words.append(f"{shifted:,} more end nine or more in a row on one side of the middle")
    few = len(cameras) - len(limited)
    note = "; ".join(words) + "."
    if few:
        note += f" {few} {'camera has' if few == 1 else 'cameras have'} fewer than 8 runs."
    return note
