"""A chart that fills its place in a dock: points that can be clicked, saved as picture or CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from limelight.core.errors import FileError
from limelight.metrics import to_csv
from limelight.widgets.dock import button
from limelight.widgets.plot_view import save_drawing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["Chart", "ChartView", "style_axes"]

_REACH = 8.0  # a click counts for a point at most so many pixels away
_INCHES = (7.0, 4.2)


@dataclass(frozen=True, eq=False)
class Chart:
    """A drawing with the numbers behind it.

    Parameters
    ----------
    title : str
        What is seen; also the name of a saved file.
    draw : callable
        Draws, given a matplotlib figure and the colour of axes and text.
    columns : mapping of str to 1D array
        The numbers, as they are saved.
    note : str
        What is to be told below.
    x, y : 1D arrays (n,)
        Points that can be clicked, in the coordinates of the first axes.
    rows : 1D array of int (n,)
        What each of them stands for.
    """

    title: str
    draw: Callable[[Any, str], None] = field(repr=False)
    columns: Mapping[str, Any] = field(repr=False)
    note: str = ""
    x: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False)
    y: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False)
    rows: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp), repr=False)


def style_axes(axes: Any, ink: str, x_title: str, y_title: str) -> None:
    """Give axes the colours of the window."""
    axes.set_xlabel(x_title, color=ink, fontsize=9)
    axes.set_ylabel(y_title, color=ink, fontsize=9)
    axes.tick_params(colors=ink, labelsize=8)
    axes.xaxis.get_offset_text().set_color(ink)
    axes.yaxis.get_offset_text().set_color(ink)
    axes.set_facecolor("none")
    axes.grid(color=ink, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(ink)
        spine.set_alpha(0.4)


class ChartView(QWidget):
    """Shows a chart.

    Signals
    -------
    picked : int
        The row of a point that was clicked.
    opened : int
        The row of a point that was double clicked.
    told : str, bool
        What to tell, and whether it is an error.
    """

    picked = Signal(int)
    opened = Signal(int)
    told = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart: Chart | None = None
        self._canvas: Any = None
        self._mark: Any = None
        self._row: int | None = None
        self.empty = QLabel("", self)
        self.empty.setWordWrap(True)
        self.note = QLabel("", self)
        self.note.setObjectName("chart_note")
        self.note.setWordWrap(True)
        self.save = button(
            self, "save_chart", "Save chart…", "Save the picture (PNG, SVG, PDF) or its data (CSV)"
        )
        row = QHBoxLayout()
        row.addWidget(self.note, 1)
        row.addWidget(self.save)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(self.empty, 1)
        self._layout.addLayout(row)
        self.save.clicked.connect(self._on_save)
        self.setMinimumHeight(160)
        self.show_chart(None)

    def show_chart(self, chart: Chart | None, why: str = "") -> None:
        """Show another chart; where there is none, say why."""
        self.chart = chart
        self.empty.setText(why)
        self.empty.setVisible(chart is None)
        self.save.setEnabled(chart is not None)
        self.note.setText(chart.note if chart is not None else "")
        if self._canvas is not None:
            self._canvas.setVisible(chart is not None)
        if chart is None:
            return
        figure = self._figure()
        figure.clear()
        self._mark = None
        chart.draw(figure, self.palette().text().color().name())
        self.mark(self._row)
        tip = "; click a point to see the run, double click to open it" if len(chart.rows) else ""
        self._canvas.setToolTip(chart.title + tip)
        self._canvas.draw_idle()

    def _figure(self) -> Any:
        if self._canvas is None:
            from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
            from matplotlib.figure import Figure

            canvas: Any = FigureCanvasQTAgg
            self._canvas = canvas(Figure(layout="constrained"))
            self._canvas.setStyleSheet("background: transparent;")
            self._canvas.figure.patch.set_alpha(0.0)
            self._canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            self._canvas.setMinimumSize(120, 120)
            self._canvas.mpl_connect("button_press_event", self._on_press)
            self._layout.insertWidget(0, self._canvas, 1)
        return self._canvas.figure

    # -- points ---------------------------------------------------------------------------------
    def mark(self, row: int | None) -> None:
        """Draw a ring around the point of a row, or none."""
        self._row = row
        if self._mark is not None:
            self._mark.remove()
            self._mark = None
        chart = self.chart
        if chart is None or self._canvas is None or not self._canvas.figure.axes:
            return
        places = np.flatnonzero(chart.rows == (-1 if row is None else row))
        if len(places):
            axes, k = self._canvas.figure.axes[0], int(places[0])
            ink = self.palette().text().color().name()
            (self._mark,) = axes.plot(
                chart.x[k], chart.y[k], "o", ms=11, mfc="none", mec=ink, mew=1.6,
                scalex=False, scaley=False,
            )  # fmt: skip
        self._canvas.draw_idle()

    def place_of(self, row: int) -> tuple[float, float]:
        """Return where on the canvas the point of a row is: pixels from the lower left."""
        assert self.chart is not None
        k = int(np.flatnonzero(self.chart.rows == row)[0])
        at = self._canvas.figure.axes[0].transData.transform((self.chart.x[k], self.chart.y[k]))
        return float(at[0]), float(at[1])

    def _on_press(self, event: Any) -> None:
        chart = self.chart
        if chart is None or not len(chart.rows) or event.inaxes is None or event.button != 1:
            return
        at = event.inaxes.transData.transform(np.column_stack([chart.x, chart.y]))
        away = np.hypot(at[:, 0] - event.x, at[:, 1] - event.y)
        away[~np.isfinite(away)] = np.inf
        nearest = int(np.argmin(away))
        if away[nearest] <= _REACH * self.devicePixelRatioF():
            (self.opened if event.dblclick else self.picked).emit(int(chart.rows[nearest]))

    # -- files ----------------------------------------------------------------------------------
    def _on_save(self) -> None:
        if self.chart is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the chart", f"{self.chart.title}.png", "Charts (*.png *.svg *.pdf *.csv)"
        )
        if name:
            self.save_as(name)

    def save_as(self, path: str) -> None:
        """Save the chart, or its data where the name ends in .csv."""
        chart = self.chart
        if chart is None:
            return
        try:
            saved = save_drawing(
                path, chart.title, chart.draw, lambda: to_csv(chart.columns), _INCHES
            )
        except FileError as error:
            self.told.emit(str(error), True)
        else:
            self.told.emit(f"Saved as {saved}.", False)
