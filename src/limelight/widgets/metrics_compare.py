"""The Compare view of the Metrics dock: results over time, in histograms, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from limelight.core.localizations import COLUMNS
from limelight.metrics import common_histograms, locs_over_time, side_by_side_job
from limelight.metrics.comparing import Compared, common_columns, compare_job, family, short_names
from limelight.widgets.chart_view import Chart, ChartView, style_axes
from limelight.widgets.controls import ChoiceBox, WholeBox
from limelight.widgets.dock import button, say
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.plot_view import COLOURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["ComparePanel"]

_VIEWS = (
    ("time", "Molecules per frame, over time"),
    ("histogram", "Histogram of a column"),
    ("pictures", "Pictures side by side"),
)


class ComparePanel(QWidget):
    """Compares results.

    Signals
    -------
    job_wanted : object, object
        A job, and the function that is to be given its result and tells how it went.
    show_wanted : object
        Path of a table that is to be shown in the viewer.
    changed : a setting that is worth remembering.
    told : str, bool
        What to tell, and whether it is an error.
    """

    job_wanted = Signal(object, object)
    show_wanted = Signal(object)
    changed = Signal()
    told = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tables: list[Compared] = []
        self._pictures: tuple[list[NDArray[np.uint8]], float] | None = None
        self.list = QListWidget(self)
        self.list.setObjectName("compared")
        self.list.setToolTip("Results to compare; double click to show one in the viewer")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.list.setFixedHeight(96)
        self.add = button(self, "add_compared", "Add file…", "Add tables of localizations")
        self.related = button(
            self, "related", "Same movie", "Add other tables that were made from the same movie"
        )
        self._related = QMenu(self.related)
        self.related.setMenu(self._related)
        self.remove = button(self, "remove_compared", "Remove", "Leave out what is selected")
        self.start = button(self, "compare", "Compare", "Read the results and draw them")
        self.view = ChoiceBox(self)
        self.view.setObjectName("compare_view")
        self.view.setToolTip("What is compared")
        for name, title in _VIEWS:
            self.view.addItem(title, name)
        self.column = ChoiceBox(self)
        self.column.setObjectName("compare_column")
        self.column.setToolTip("Which column; all results share the bins")
        self.bins = WholeBox(5, 1000, self)
        self.bins.setObjectName("bins")
        self.bins.setValue(100)
        self.bins.setSuffix(" bins")
        self.bins.setToolTip("Bins of the histogram")
        self.chart = ChartView(self)
        self.chart.show_chart(None, _HINT)
        side = QVBoxLayout()
        side.setSpacing(2)
        for widget in (self.add, self.related, self.remove):
            widget.setSizePolicy(self.add.sizePolicy())
            side.addWidget(widget)
        side.addStretch(1)
        top = QHBoxLayout()
        top.addWidget(self.list, 1)
        top.addLayout(side)
        row = QHBoxLayout()
        row.addWidget(self.view, 3)
        row.addWidget(self.column, 2)
        row.addWidget(self.bins, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.start)
        layout.addLayout(row)
        layout.addWidget(self.chart, 1)
        self.mailbox = NewestOnly(self)
        self.mailbox.answered.connect(self._on_counted)
        self.mailbox.failed.connect(lambda _, error: self.told.emit(say(error), True))
        self.add.clicked.connect(self._on_add)
        self.remove.clicked.connect(self._on_remove)
        self.start.clicked.connect(self.compare)
        self._related.aboutToShow.connect(self._list_related)
        self.list.itemDoubleClicked.connect(
            lambda item: self.show_wanted.emit(item.data(Qt.ItemDataRole.UserRole))
        )
        self.list.itemSelectionChanged.connect(self._enable)
        self.view.currentIndexChanged.connect(self._on_view)
        self.column.currentIndexChanged.connect(self._on_view)
        self.bins.valueChanged.connect(self._on_view)
        self.chart.told.connect(self.told)
        self._on_view()
        self._enable()

    # -- what is compared -----------------------------------------------------------------------
    @property
    def paths(self) -> list[str]:
        """The tables that are listed."""
        items = (self.list.item(k) for k in range(self.list.count()))
        return [str(i.data(Qt.ItemDataRole.UserRole)) for i in items if i is not None]

    def add_paths(self, paths: Sequence[str]) -> None:
        """Add tables to the list, each once."""
        self._show_list(list(dict.fromkeys([*self.paths, *(str(p) for p in paths if p)])))
        self.changed.emit()

    def _show_list(self, paths: list[str]) -> None:
        self.list.clear()
        names = short_names([Path(p) for p in paths])
        for k, (path, name) in enumerate(zip(paths, names, strict=True)):
            item = QListWidgetItem(_swatch(COLOURS[k % len(COLOURS)]), name)
            item.setData(Qt.ItemDataRole.UserRole, path)
            there = Path(path).exists()
            item.setToolTip(path if there else f"{path}\nThe file is not there")
            if not there:
                item.setForeground(QColor("#ff8589"))
            self.list.addItem(item)
        self._enable()

    def _on_add(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self,
            "Tables to compare",
            "",
            "Tables (*.hdf5 *.csv *.h5r *.h5 *.parquet *.smlm);;* (*)",
        )
        if names:
            self.add_paths(names)

    def _on_remove(self) -> None:
        chosen = {i.data(Qt.ItemDataRole.UserRole) for i in self.list.selectedItems()}
        if chosen:
            self._show_list([p for p in self.paths if p not in chosen])
            self.changed.emit()

    def _list_related(self) -> None:
        self._related.clear()
        chosen = [i.data(Qt.ItemDataRole.UserRole) for i in self.list.selectedItems()]
        found = {p: None for path in chosen or self.paths for p in family(path)}
        for path in found:
            if str(path) not in self.paths:
                action = self._related.addAction(path.name)
                if action is not None:
                    action.triggered.connect(lambda *_, p=str(path): self.add_paths([p]))
        if self._related.isEmpty():
            action = self._related.addAction("There are no others")
            if action is not None:
                action.setEnabled(False)

    def _enable(self) -> None:
        count = self.list.count()
        self.start.setEnabled(count > 0 and self._idle)
        self.start.setText(f"Compare {count} results" if count > 1 else "Compare")
        self.related.setEnabled(count > 0)
        self.remove.setEnabled(bool(self.list.selectedItems()))

    _idle = True

    def enable_jobs(self, on: bool) -> None:
        """Let jobs be started, or not."""
        self._idle = on
        self._enable()

    # -- reading --------------------------------------------------------------------------------
    def compare(self) -> None:
        """Read the tables that are listed, and draw them."""
        self.job_wanted.emit(compare_job(self.paths), self._on_read)

    def _on_read(self, tables: list[Compared]) -> str:
        self.tables, self._pictures = tables, None
        wanted = self.column.currentData() or self.column.property("wanted") or "photons"
        with QSignalBlocker(self.column):
            self.column.clear()
            for name in common_columns([t.locs for t in tables]):
                self.column.addItem(_titled(name), name)
            self.column.setCurrentIndex(max(self.column.findData(wanted), 0))
        total = sum(len(t.locs) for t in tables)
        self._on_view()
        return f"{len(tables)} {'result' if len(tables) == 1 else 'results'}, {total:,} molecules."

    def _on_view(self, *_: object) -> None:
        view = self.view.currentData()
        for widget in (self.column, self.bins):
            widget.setVisible(view == "histogram")
        self.changed.emit()
        tables = self.tables
        if not tables:
            return
        if view == "pictures":
            if self._pictures is not None:
                self.chart.show_chart(_picture_chart(tables, *self._pictures))
            elif self._idle:
                self.chart.show_chart(None, "Drawing…")
                self.job_wanted.emit(side_by_side_job([t.locs for t in tables]), self._on_pictures)
            return
        if view == "time":
            self.mailbox.request((view, tables), lambda: _time_chart(tables))
            return
        column, bins = self.column.currentData(), int(self.bins.value())
        if column is None:
            self.chart.show_chart(None, "The results have no column in common.")
            return
        self.mailbox.request((view, tables), lambda: _histogram_chart(tables, column, bins))

    def _on_counted(self, tag: tuple[str, list[Compared]], chart: Chart) -> None:
        if tag[1] is self.tables and tag[0] == self.view.currentData():
            self.chart.show_chart(chart)

    def _on_pictures(self, found: tuple[list[NDArray[np.uint8]], float]) -> str:
        self._pictures = found
        if self.view.currentData() == "pictures":
            self.chart.show_chart(_picture_chart(self.tables, *found))
        return "All pictures have the same scale, and the same contrast per frame."

    def give_up(self) -> None:
        """Tell that a job was cancelled or failed."""
        if self.chart.chart is None or self.view.currentData() == "pictures":
            self.chart.show_chart(None, _HINT)

    def as_script(self) -> str:
        """Return the script that reads and compares the results."""
        column = self.column.currentData() or "photons"
        lines = ["import limelight", "from limelight.metrics import (", "    common_histograms,"]
        lines += ["    compare_job,", "    locs_over_time,", ")", ""]
        lines += [f"found = limelight.run(compare_job({self.paths!r}))"]
        lines += ["tables = [one.locs for one in found]"]
        lines += ["curves = locs_over_time(tables)"]
        lines += [f"edges, heights = common_histograms(tables, {column!r}, {self.bins.value()})"]
        return "\n".join(lines) + "\n"

    # -- memory ---------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        return {
            "paths": self.paths,
            "view": self.view.currentData(),
            "column": self.column.currentData() or self.column.property("wanted"),
            "bins": int(self.bins.value()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what `state` returned; nothing is read before it is asked for."""
        if isinstance(paths := state.get("paths"), list):
            self._show_list([p for p in paths if isinstance(p, str)])
        if isinstance(state.get("column"), str):
            self.column.setProperty("wanted", state["column"])
        if isinstance(bins := state.get("bins"), int):
            self.bins.setValue(bins)
        self.view.setCurrentIndex(max(self.view.findData(state.get("view")), 0))


_HINT = "Choose results in the history and press Compare there, or add files; then press Compare."


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)


def _time_chart(tables: list[Compared]) -> Chart:
    curves = locs_over_time([t.locs for t in tables])

    def draw(figure: Any, ink: str) -> None:
        axes = figure.add_subplot()
        for k, (table, (frame, count)) in enumerate(zip(tables, curves, strict=True)):
            axes.plot(frame, count, color=COLOURS[k % len(COLOURS)], lw=1.3, label=table.name)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        style_axes(axes, ink, "Frame", "Molecules per frame")
        _names(axes, ink)

    columns = _stacked(tables, curves, ("frame", "molecules_per_frame"))
    means = [f"{len(t.locs) / max(t.locs.frames, 1):,.1f}" for t in tables]
    note = f"Mean per frame: {', '.join(means)}."
    return Chart("Molecules per frame over time", draw, columns, note)


def _histogram_chart(tables: list[Compared], column: str, bins: int) -> Chart:
    edges, heights = common_histograms([t.locs for t in tables], column, bins)
    unit = COLUMNS[column].unit if column in COLUMNS else ""

    def draw(figure: Any, ink: str) -> None:
        axes = figure.add_subplot()
        for k, (table, height) in enumerate(zip(tables, heights, strict=True)):
            colour = COLOURS[k % len(COLOURS)]
            axes.stairs(height, edges, fill=True, color=colour, alpha=0.18)
            axes.stairs(height, edges, color=colour, lw=1.4, label=table.name)
        axes.margins(x=0.01)
        per = f" (1/{unit})" if unit and "/" not in unit else ""
        style_axes(axes, ink, _titled(column), f"Share of the molecules{per}")
        _names(axes, ink)

    middle = 0.5 * (edges[1:] + edges[:-1])
    columns = _stacked(tables, [(middle, h) for h in heights], (column, "density"))
    values = [t.locs[column] for t in tables]
    medians = [f"{np.nanmedian(v):.4g}" if len(v) else "–" for v in values]
    note = f"Medians: {', '.join(medians)}{f' {unit}' if unit else ''}."
    return Chart(f"Histogram of {column}", draw, columns, note)


def _picture_chart(
    tables: list[Compared], pictures: list[NDArray[np.uint8]], pixel_nm: float
) -> Chart:
    def draw(figure: Any, ink: str) -> None:
        count = len(pictures)
        across = min(count, 2 if count in (2, 4) else 3)
        height = max(p.shape[0] for p in pictures) * pixel_nm / 1000
        width = max(p.shape[1] for p in pictures) * pixel_nm / 1000
        bar = _round_length(width / 4)
        for k, (table, picture) in enumerate(zip(tables, pictures, strict=True)):
            axes = figure.add_subplot(-(-count // across), across, k + 1)
            um = pixel_nm / 1000
            extent = (0, picture.shape[1] * um, picture.shape[0] * um, 0)
            axes.imshow(picture, extent=extent, interpolation="antialiased")
            axes.set_xlim(0, width)
            axes.set_ylim(height, 0)
            axes.set_facecolor("black")
            axes.set_xticks([])
            axes.set_yticks([])
            colour = COLOURS[k % len(COLOURS)]
            axes.set_title(table.name, fontsize=8, color=ink)
            for spine in axes.spines.values():
                spine.set_color(colour)
                spine.set_linewidth(1.5)
            axes.plot(
                [width * 0.05, width * 0.05 + bar], [height * 0.94] * 2, color="white", lw=3,
                solid_capstyle="butt",
            )  # fmt: skip
            axes.text(
                width * 0.05, height * 0.915, f"{bar:g} µm", color="white", fontsize=8, va="bottom"
            )

    columns = {
        "file": [str(t.path) for t in tables],
        "molecules": [len(t.locs) for t in tables],
        "frames": [t.locs.frames for t in tables],
        "drawn_pixel_nm": [pixel_nm] * len(tables),
    }
    note = f"One scale ({pixel_nm:.3g} nm per pixel), one contrast per frame."
    return Chart("Pictures side by side", draw, columns, note)


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer."""
    power = 10.0 ** np.floor(np.log10(length)) if length > 0 else 1.0
    return float(max(m * power for m in (1, 2, 5) if m * power <= length))


def _titled(column: str) -> str:
    unit = COLUMNS[column].unit if column in COLUMNS else ""
    return column if unit in ("", column) else f"{column} ({unit})"


def _names(axes: Any, ink: str) -> None:
    axes.legend(
        fontsize=8, frameon=False, labelcolor=ink, loc="lower left",
        bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1, ncols=2,
    )  # fmt: skip


def _stacked(
    tables: list[Compared], curves: Sequence[tuple[Any, Any]], names: tuple[str, str]
) -> dict[str, Any]:
    """Return curves below one another, as a file has them."""
    counts = [len(x) for x, _ in curves]
    named = np.repeat(np.array([t.name for t in tables], object), counts)
    x, y = (np.concatenate([curve[k] for curve in curves]) for k in (0, 1))
    return {"result": named, names[0]: x, names[1]: y}
