"""How long the Metrics dock takes with 100,000 runs: to open, to filter, to sort, to draw.

Measured is what a person waits for, to the last painted pixel: from making the dock to the table
that shows the newest runs; from a changed filter to the table that shows what is left (without the
60 ms that the dock waits for the next letter); and, while the history is read in the background,
the longest time for which the window does not answer.  Needs a screen; without one:

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/metrics_dock.py
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import Row, arguments, report, seconds
from metrics_database import RUNS, fill

PATTERN = 500  # runs that are added as a lab adds them; the others are copies with other names


def fill_quickly(database: object, count: int) -> None:
    """Add so many runs; what is measured here is reading them."""
    from limelight.metrics.schema import FIGURES, runs

    fill(database, min(PATTERN, count))
    with database.gate.write() as connection:
        pattern = [dict(row._mapping) for row in connection.execute(runs.select())]
        begin = min(row["started"] for row in pattern)
        rng = np.random.default_rng(2)
        for first in range(len(pattern), count, 10_000):
            rows = []
            for k in range(first, min(first + 10_000, count)):
                file = f"/data/day{k // 100}/cell_{k}_locs.hdf5"
                source = f"/data/day{k // 100}/cell_{k}.ome.tif"
                figures = rng.random(len(FIGURES))
                rows.append(
                    {
                        **pattern[k % len(pattern)],
                        "id": k + 1,
                        "uid": f"{k:032x}",
                        "name": f"cell_{k}_locs.hdf5",
                        "file": file,
                        "source": source,
                        "search": f"{file}\n{source}",
                        "started": begin + 1200 * k,
                        "packed": figures.tobytes(),
                    }
                )
            connection.execute(runs.insert(), rows)


def main() -> None:
    parser = arguments("The Metrics dock with 100,000 runs.")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="limelight-metrics-"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        os.environ[name] = str(folder)
    os.environ["LIMELIGHT_DB"] = str(folder / "metrics.sqlite")

    from napari.components import ViewerModel
    from qtpy.QtWidgets import QApplication

    application = QApplication.instance() or QApplication([])
    from limelight.metrics import Database
    from limelight.widgets.metrics_dock import MetricsDock

    fill_quickly(Database(), options.runs)

    opened, longest = [], []
    docks = []
    for _ in range(4):
        begin = last = time.perf_counter()
        dock = MetricsDock(ViewerModel())
        dock.resize(720, 700)
        dock.show()
        longest.append(time.perf_counter() - begin)
        gaps = []
        while len(dock.source.rows) < options.runs:
            last = time.perf_counter()
            application.processEvents()
            gaps.append(time.perf_counter() - last)
            time.sleep(0.001)
        dock.history.table.viewport().repaint()
        opened.append(time.perf_counter() - begin)
        longest.append(max(gaps))
        while not dock.source.idle:
            application.processEvents()
            time.sleep(0.001)
        docks.append(dock)
        if len(docks) < 4:
            dock.hide()
            dock.source.close()
    dock.source.follow(False)
    history = dock.history

    def painted() -> None:
        history.table.viewport().repaint()

    def filtered(change: object, back: object) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            change()
            history.filters._later.stop()
            history.refilter()
            painted()
            times.append(time.perf_counter() - begin)
            back()
            history.refilter()
        return sorted(times)[2]

    bar = history.filters
    found = [
        Row(
            f"open the dock with {options.runs:,} runs, painted",
            sorted(opened[1:])[1] * 1000,
            unit="ms",
            goal="< 1000",
        ),
        Row(
            "longest stall of the window meanwhile",
            sorted(longest[2:])[len(longest[2:]) // 2] * 1000,
            unit="ms",
        ),
    ]
    half = (0.3, 0.6)
    days = [float(np.quantile(dock.source.rows["started"], q)) for q in half]

    def dates() -> None:
        from datetime import date

        bar.when.setCurrentText("Dates…")
        bar.since.setDate(date.fromtimestamp(days[0]))
        bar.until.setDate(date.fromtimestamp(days[1]))

    changes = {
        "a letter of the file name": (
            lambda: bar.text.setText("cell_7"),
            lambda: bar.text.setText(""),
        ),
        "group": (lambda: bar.group.setCurrentIndex(7), lambda: bar.group.setCurrentIndex(0)),
        "kind": (lambda: bar.kind.setCurrentIndex(1), lambda: bar.kind.setCurrentIndex(0)),
        "dates": (dates, lambda: bar.when.setCurrentIndex(0)),
    }
    for name, (change, back) in changes.items():
        # what the controls do by themselves is measured once, not twice
        bar.blockSignals(True)
        spent = filtered(change, back)
        bar.blockSignals(False)
        found.append(Row(f"filter by {name}, painted", spent * 1000, unit="ms", goal="< 100"))

    down = [True]

    def sort(column: str) -> None:
        down[0] = not down[0]
        history.table.sort_by(column, down[0])
        painted()

    for column in ("nena_nm", "file"):
        spent = seconds(lambda c=column: sort(c), 3)
        found.append(Row(f"sort by {column}, painted", spent * 1000, unit="ms"))

    def draw(view: str) -> None:
        history.choose_view(view)
        history.chart._canvas.draw()

    for view in ("scatter", "boxes", "control"):
        spent = seconds(lambda v=view: draw(v), 3)
        found.append(Row(f"draw the {view} of all runs", spent * 1000, unit="ms"))
    history.choose_view("table")
    dock.hide()
    dock.source.close()
    report("metrics_dock", found, options)


if __name__ == "__main__":
    main()
