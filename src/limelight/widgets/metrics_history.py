"""The History view of the Metrics dock: filter, table, charts, and one run in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from limelight.io.atomic import replacing
from limelight.metrics import COLUMNS, title_of, to_csv
from limelight.widgets.chart_view import ChartView
from limelight.widgets.controls import ChoiceBox, NumberBox
from limelight.widgets.dock import button
from limelight.widgets.metrics_charts import (
    box_chart,
    control_chart_of,
    figure_columns,
    scatter_chart,
)
from limelight.widgets.metrics_details import RunDetails
from limelight.widgets.metrics_filter import FilterBar
from limelight.widgets.metrics_table import RunTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from limelight.metrics import Rows
    from limelight.widgets.metrics_source import HistorySource, RunPage

__all__ = ["VIEWS", "HistoryPanel"]

VIEWS = {
    "table": ("Table", "A row per run, with bars relative to the column's maximum"),
    "scatter": ("Scatter", "A point per run, with a line for the trend"),
    "boxes": ("Box plots", "A box per day"),
    "control": ("Control chart", "The usual range of each camera, and the runs outside of it"),
}
_SHOWN = (
    *("started", "file", "group", "nena_nm", "frc_nm", "n_locs", "locs_per_frame"),
    *("median_photons", "drift_aim_x", "bright_time", "kind", "camera", "duration_s"),
)
_SPREADS = (
    ("mad", "All runs", "Limits from how all runs scatter (median absolute deviation)"),
    ("moving-range", "Run to run", "Limits from how runs differ from the one before: shows drifts"),
)
_DRAW_MS = 120


class HistoryPanel(QWidget):
    """Shows the runs of a `HistorySource`.

    Signals
    -------
    shown_changed : other runs are shown.
    run_chosen : int
        Index into the rows of the run that was chosen.
    open_run : int
        ... that was double clicked.
    changed : a setting that is worth remembering.
    told : str, bool
        What to tell, and whether it is an error.
    """

    shown_changed = Signal()
    run_chosen = Signal(int)
    open_run = Signal(int)
    changed = Signal()
    told = Signal(str, bool)

    def __init__(self, source: HistorySource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.shown: NDArray[np.intp] = np.zeros(0, np.intp)
        self.row: int | None = None
        self._run: int | None = None
        self.filters = FilterBar(self)
        self.table = RunTable(self)
        self.chart = ChartView(self)
        self.details = RunDetails(self)
        self.count = QLabel("", self)
        self.count.setObjectName("count")
        self.count.setToolTip("Runs that the filter lets through, of all")
        self.columns = self._column_menu()
        self.save = button(
            self, "save_rows", "Save table…", "Save the runs that are shown, all columns, as CSV"
        )
        self._views = QButtonGroup(self)
        self._views.setExclusive(True)
        views = QHBoxLayout()
        views.setSpacing(2)
        self.view_buttons: dict[str, QPushButton] = {}
        for name, (title, tip) in VIEWS.items():
            made = button(self, f"view_{name}", title, tip)
            made.setCheckable(True)
            self._views.addButton(made)
            self.view_buttons[name] = made
            views.addWidget(made, 1)
        self._options = QStackedWidget(self)
        self._options.addWidget(self._table_options())
        self._options.addWidget(self._chart_options())
        self._options.setFixedHeight(self._options.sizeHint().height())
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.chart)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.filters)
        layout.addLayout(views)
        layout.addWidget(self._options)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.details)
        self._draw_later = QTimer(self)
        self._draw_later.setSingleShot(True)
        self._draw_later.setInterval(_DRAW_MS)
        self._draw_later.timeout.connect(self._draw)
        self.show_columns(_SHOWN)
        self.choose_view("table")
        self._connect()

    def _table_options(self) -> QWidget:
        made = QWidget(self)
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.count, 1)
        row.addWidget(self.columns)
        row.addWidget(self.save)
        return made

    def _chart_options(self) -> QWidget:
        made = QWidget(self)
        self.figure_y = ChoiceBox(made)
        self.figure_y.setObjectName("figure_y")
        self.figure_y.setToolTip("Which figure is shown")
        self.figure_x = ChoiceBox(made)
        self.figure_x.setObjectName("figure_x")
        self.figure_x.setToolTip("Over the time, or against which other figure")
        self.spread = ChoiceBox(made)
        self.spread.setObjectName("spread")
        for name, title, _ in _SPREADS:
            self.spread.addItem(title, name)
        self.spread.setToolTip("\n".join(f"{title}: {tip}" for _, title, tip in _SPREADS))
        self.width_ = NumberBox(1.0, 10.0, made)
        self.width_.setObjectName("limits")
        self.width_.setValue(3.0)
        self.width_.setPrefix("± ")
        self.width_.setSuffix(" σ")
        self.width_.setToolTip("Limits, in standard deviations")
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        self._over = QLabel("over", made)
        self._limits = QLabel("limits from", made)
        for widget, stretch in (
            (self.figure_y, 2), (self._over, 0), (self.figure_x, 2),
            (self._limits, 0), (self.spread, 2), (self.width_, 1),
        ):  # fmt: skip
            row.addWidget(widget, stretch)
        return made

    def _column_menu(self) -> QPushButton:
        made = button(
            self, "columns", "Columns", "Which columns are shown; drag a heading to move its column"
        )
        menu = QMenu(made)
        self.column_list = QListWidget(menu)
        self.column_list.setToolTip(made.toolTip())
        for name in COLUMNS:
            if name == "id":
                continue
            item = QListWidgetItem(title_of(name).full)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setToolTip(title_of(name).meaning)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.column_list.addItem(item)
        self.column_list.setMinimumSize(220, 300)
        holder = QWidgetAction(menu)
        holder.setDefaultWidget(self.column_list)
        menu.addAction(holder)
        made.setMenu(menu)
        return made

    def _connect(self) -> None:
        self.source.rows_changed.connect(self._on_rows)
        self.source.gone_changed.connect(self._on_gone)
        self.source.page_ready.connect(self._on_page)
        self.filters.changed.connect(self.refilter)
        self.filters.changed.connect(self.changed)
        self.table.picked.connect(self.choose_row)
        self.table.opened.connect(self.open_run)
        self.table.sorted_by.connect(self.changed)
        selection = self.table.selectionModel()
        if selection is not None:
            selection.selectionChanged.connect(lambda *_: self._show_details())
        self.chart.picked.connect(self._on_point)
        self.chart.opened.connect(self.open_run)
        self.chart.told.connect(self.told)
        self.save.clicked.connect(self._on_save)
        self.column_list.itemChanged.connect(self._on_columns)
        self._views.buttonClicked.connect(self._on_view)
        for box in (self.figure_y, self.figure_x, self.spread):
            box.currentIndexChanged.connect(self._on_option)
        self.width_.valueChanged.connect(self._on_option)

    # -- rows -----------------------------------------------------------------------------------
    @property
    def rows(self) -> Rows:
        """All runs."""
        return self.source.rows

    def _on_rows(self) -> None:
        rows = self.rows
        self.filters.show_rows(rows)
        self._offer_figures()
        if self._run is not None:  # the same run is elsewhere in the new rows
            found = np.flatnonzero(rows["id"] == self._run)
            self.row = int(found[0]) if len(found) else None
            if self.row is None:
                self._run = None
        self.refilter()

    def refilter(self) -> None:
        """Filter anew."""
        self.shown = self.filters.apply(self.rows)
        self.table.show_runs(self.rows, self.shown)
        self.table.show_gone(self.source.gone)
        self._tell_count()
        self._show_details()
        if self.view != "table":
            self._draw_later.start()
        self.shown_changed.emit()

    def _on_gone(self) -> None:
        self.table.show_gone(self.source.gone)
        self._tell_count()
        self._show_details()

    def _tell_count(self) -> None:
        total, some = len(self.rows), len(self.shown)
        gone = self.source.gone
        lost = int(gone[self.shown].sum()) if len(gone) == total else 0
        text = f"{total:,} runs" if some == total else f"{some:,} of {total:,} runs"
        self.count.setText(f"{text}, {lost:,} missing" if lost else text)

    # -- one run --------------------------------------------------------------------------------
    def choose_row(self, row: int) -> None:
        """Show a run in detail."""
        self.row, self._run = row, int(self.rows["id"][row])
        self._show_details()
        self.chart.mark(row)
        self.source.ask_page(self._run)
        self.run_chosen.emit(row)

    def _on_point(self, row: int) -> None:
        self.table.go_to(row)
        self.choose_row(row)

    def _on_page(self, page: RunPage) -> None:
        self.details.show_page(page)

    def selected(self) -> list[int]:
        """Return the selected runs, or the one that is shown, as indices into the rows."""
        chosen = self.table.selected()
        if self.row is not None and self.row not in chosen:
            chosen = [self.row]
        return chosen

    def _show_details(self) -> None:
        row = self.row
        if row is None or row >= len(self.rows):
            self.details.show_run(None, False)
            return
        gone = self.source.gone
        self.details.show_run(
            self.rows.row(row), bool(gone[row]) if row < len(gone) else False, len(self.selected())
        )

    # -- views ----------------------------------------------------------------------------------
    @property
    def view(self) -> str:
        """Which view is shown, of `VIEWS`."""
        return next((n for n, b in self.view_buttons.items() if b.isChecked()), "table")

    def choose_view(self, name: str) -> None:
        """Show another view."""
        self.view_buttons.get(name, self.view_buttons["table"]).setChecked(True)
        self._on_view()

    def _on_view(self, *_: object) -> None:
        view = self.view
        is_table = view == "table"
        self._options.setCurrentIndex(int(not is_table))
        self._stack.setCurrentIndex(int(not is_table))
        for widget in (self._over, self.figure_x):
            widget.setVisible(view == "scatter")
        for other in (self._limits, self.spread, self.width_):
            other.setVisible(view == "control")
        if not is_table:
            self._draw()
        self.changed.emit()

    def _offer_figures(self) -> None:
        figures = figure_columns(self.rows)
        self._offer(self.figure_y, figures, "nena_nm" if "nena_nm" in figures else "n_locs")
        self._offer(self.figure_x, ["started", *figures], "started")

    def _offer(self, box: ChoiceBox, names: Sequence[str], default: str) -> None:
        wanted = box.currentData() or box.property("wanted") or default
        if [box.itemData(i) for i in range(box.count())] == list(names):
            return
        with QSignalBlocker(box):
            box.clear()
            for name in names:
                title = "time" if name == "started" else title_of(name).full
                box.addItem(title, name)
                box.setItemData(
                    box.count() - 1, title_of(name).meaning, Qt.ItemDataRole.ToolTipRole
                )
            at = box.findData(wanted)
            box.setCurrentIndex(at if at >= 0 else max(box.findData(default), 0))

    def _on_option(self, *_: object) -> None:
        self._draw_later.start()
        self.changed.emit()

    def _draw(self) -> None:
        self._draw_later.stop()
        view, y = self.view, self.figure_y.currentData()
        if view == "table":
            return
        if y is None or not len(self.shown):
            self.chart.show_chart(None, "There is nothing to draw: no run is shown.")
            return
        if view == "scatter":
            chart = scatter_chart(
                self.rows, self.shown, y, self.figure_x.currentData() or "started"
            )
        elif view == "boxes":
            chart = box_chart(self.rows, self.shown, y)
        else:
            chart = control_chart_of(
                self.rows,
                self.shown,
                y,
                spread=self.spread.currentData(),
                width=float(self.width_.value()),
            )
        why = f"None of the runs that are shown has the figure “{title_of(y).name}”."
        self.chart.show_chart(chart, why)
        self.chart.mark(self.row)

    # -- columns and files ----------------------------------------------------------------------
    def show_columns(self, columns: Sequence[str]) -> None:
        """Show these columns."""
        wanted = [c for c in columns if c in COLUMNS and c != "id"] or list(_SHOWN)
        with QSignalBlocker(self.column_list):
            for k in range(self.column_list.count()):
                item = self.column_list.item(k)
                if item is not None:
                    on = item.data(Qt.ItemDataRole.UserRole) in wanted
                    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.table.show_columns(wanted)

    def _on_columns(self, item: QListWidgetItem) -> None:
        name, columns = item.data(Qt.ItemDataRole.UserRole), list(self.table.model_.columns)
        if item.checkState() == Qt.CheckState.Checked:
            if name not in columns:
                after = [c for c in columns if COLUMNS.index(c) < COLUMNS.index(name)]
                columns.insert(columns.index(after[-1]) + 1 if after else 0, name)
        elif name in columns and len(columns) > 1:
            columns.remove(name)
        self.table.show_columns(columns)
        self.changed.emit()

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the table", "history.csv", "Tables (*.csv)"
        )
        if name:
            self.save_table(name)

    def save_table(self, path: str) -> None:
        """Save the runs that are shown, in their order, as CSV."""
        from pathlib import Path

        from limelight.core.errors import FileError

        target = Path(path)
        try:
            with replacing(target) as temporary:
                text = to_csv(self.rows.take(self.table.model_.shown))
                temporary.write_text(text, encoding="utf-8")
        except FileError as error:
            self.told.emit(str(error), True)
        else:
            self.told.emit(f"Saved {len(self.shown):,} runs as {target}.", False)

    # -- memory ---------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        column, down = self.table.model_.sorting
        return {
            "filter": self.filters.state(),
            "view": self.view,
            "columns": list(self.table.model_.columns),
            "sort": [column, down],
            "y": self.figure_y.currentData() or self.figure_y.property("wanted"),
            "x": self.figure_x.currentData() or self.figure_x.property("wanted"),
            "spread": self.spread.currentData(),
            "limits": float(self.width_.value()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what `state` returned; what is of no use is left out."""
        if isinstance(filters := state.get("filter"), dict):
            self.filters.restore(filters)
        if isinstance(columns := state.get("columns"), list):
            self.show_columns([c for c in columns if isinstance(c, str)])
        for name, box in (("y", self.figure_y), ("x", self.figure_x)):
            if isinstance(state.get(name), str):
                box.setProperty("wanted", state[name])
        if (at := self.spread.findData(state.get("spread"))) >= 0:
            self.spread.setCurrentIndex(at)
        if isinstance(limits := state.get("limits"), int | float):
            self.width_.setValue(float(limits))
        sort = state.get("sort")
        if isinstance(sort, list) and len(sort) == 2 and sort[0] in COLUMNS:
            self.table.sort_by(str(sort[0]), bool(sort[1]))
        self.choose_view(str(state.get("view", "table")))
