"""Curves drawn in a dock: `Plot`s, one at a time, in the window's own colours; saved on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from limelight.core.errors import FileError
from limelight.io.atomic import replacing
from limelight.widgets.controls import ChoiceBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from limelight.core.locs.result import Plot

__all__ = ["COLOURS", "PlotView", "draw_plot", "save_drawing", "save_plot"]

COLOURS = ("#35d0ff", "#ffb224", "#3fb68b", "#ff8589", "#b79cff", "#c9d13c")
_HEIGHT = 210
_PLACES = {"left": 0.1, "right": 0.98, "bottom": 0.1, "top": 0.92, "hspace": 0.62, "wspace": 0.24}


def draw_plot(axes: Any, plot: Plot, ink: str) -> None:
    """Draw a plot.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where.
    plot : Plot
        What.
    ink : str
        Colour of axes and text.
    """
    for i, line in enumerate(plot.lines):
        colour = COLOURS[i % len(COLOURS)]
        if line.style == "bars" and len(line.x) > 1:
            step = float(np.min(np.diff(line.x)))
            axes.bar(line.x, line.y, width=step, color=colour, alpha=0.7, label=line.name)
        elif line.style == "points":
            axes.plot(line.x, line.y, ".", color=colour, markersize=2, alpha=0.6, label=line.name)
        else:
            axes.plot(line.x, line.y, color=colour, linewidth=1.2, label=line.name)
    for name, at in plot.marks:
        axes.axvline(at, color=ink, linewidth=1, linestyle="--", label=name)
    axes.set_xlabel(plot.x_title, color=ink, fontsize=8)
    axes.set_ylabel(plot.y_title, color=ink, fontsize=8)
    axes.tick_params(colors=ink, labelsize=7)
    axes.margins(x=0.01)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_color(ink)
        spine.set_alpha(0.4)
    if len(plot.lines) + len(plot.marks) > 1:
        legend = axes.legend(fontsize=7, frameon=False, labelcolor=ink)
        legend.set_in_layout(False)


def save_plot(plot: Plot, path: str | Path) -> Path:
    """Write a plot as a picture (PNG, SVG, PDF), or its numbers as CSV.

    Raises
    ------
    FileError
        If the suffix is none of these, or it cannot be written.
    """
    return save_drawing(
        path,
        plot.title,
        lambda figure, ink: draw_plot(figure.add_subplot(), plot, ink),
        lambda: _numbers(plot),
    )


def save_drawing(
    path: str | Path,
    title: str,
    draw: Callable[[Any, str], None],
    numbers: Callable[[], str],
    size: tuple[float, float] = (6, 3.6),
) -> Path:
    """Write a drawing as a picture (PNG, SVG, PDF), or its numbers as CSV.

    Parameters
    ----------
    path : path
        Its suffix says which.
    title : str
        Above the picture.
    draw : callable
        Draws, given a matplotlib figure and the colour of axes and text.
    numbers : callable
        Returns the CSV.
    size : (float, float)
        Width and height of the picture, inches.

    Raises
    ------
    FileError
        If the suffix is none of these, or it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf", ".csv"):
        raise FileError(path, "plots are saved as .png, .svg, .pdf or .csv.", "Choose one of them.")
    with replacing(path) as temporary:
        if path.suffix.lower() == ".csv":
            temporary.write_text(numbers(), encoding="utf-8")
            return path
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        draw(figure, "black")
        figure.suptitle(title, fontsize=10)
        figure.savefig(temporary, dpi=200, format=path.suffix[1:].lower())
    return path


def _kind(plot: Plot) -> tuple[Any, ...]:
    """Return what a drawing of a plot can be used again for: other points of the same curves."""
    simple = not plot.marks and all(line.style == "line" for line in plot.lines)
    return (plot.title, *(line.name for line in plot.lines)) if simple else (id(plot),)


def _numbers(plot: Plot) -> str:
    """Return a row per point: which curve, x and y."""
    rows = [f"curve,{_quoted(plot.x_title)},{_quoted(plot.y_title)}"]
    for line in plot.lines:
        rows += [
            f"{_quoted(line.name)},{x:.9g},{y:.9g}" for x, y in zip(line.x, line.y, strict=True)
        ]
    return "\n".join(rows) + "\n"


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text or '"' in text else text


class PlotView(QWidget):
    """Shows plots; a drop-down chooses among several.

    Parameters
    ----------
    together : bool
        Whether all of them can be shown at once, which is chosen at first.

    Signals
    -------
    told : str, bool
        What to tell, and whether it is an error.
    """

    told = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None, together: bool = False) -> None:
        super().__init__(parent)
        self.plots: tuple[Plot, ...] = ()
        self._together = together
        self._drawn: tuple[Any, ...] = ()
        self._canvas: Any = None
        self.choice = ChoiceBox(self)
        self.choice.setObjectName("plot")
        self.choice.setToolTip("Which curves are shown")
        self.save = QToolButton(self)
        self.save.setObjectName("save_plot")
        self.save.setText("Save plot…")
        self.save.setToolTip("Save the picture (PNG, SVG, PDF) or its numbers (CSV)")
        row = QHBoxLayout()
        row.addWidget(self.choice, 1)
        row.addWidget(self.save)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addLayout(row)
        self.choice.currentIndexChanged.connect(self._draw)
        self.save.clicked.connect(self._on_save)
        self.hide()

    @property
    def current(self) -> Plot | None:
        """The plot that is shown."""
        index = self.choice.currentIndex() - int(self._shares)
        return self.plots[index] if 0 <= index < len(self.plots) else None

    @property
    def _shares(self) -> bool:
        """Whether the drop-down begins with all of them."""
        return self._together and len(self.plots) > 1

    def show_plots(self, plots: Sequence[Plot]) -> None:
        """Show others; the one of the same title stays chosen."""
        before = self.current.title if self.current else ""
        self.plots = tuple(plots)
        titles = [plot.title for plot in self.plots]
        if self._shares:
            titles.insert(0, "All curves")
        with QSignalBlocker(self.choice):
            self.choice.clear()
            self.choice.addItems(titles)
            self.choice.setCurrentIndex(titles.index(before) if before in titles else 0)
        self.setVisible(bool(titles))
        self._draw()

    def _draw(self, *_: object) -> None:
        plot = self.current
        self.save.setEnabled(plot is not None)
        all_of_them = self._shares and plot is None
        if plot is None and not all_of_them:
            return
        if self._canvas is None:
            from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
            from matplotlib.figure import Figure

            canvas: Any = FigureCanvasQTAgg
            self._canvas = canvas(Figure(layout="constrained"))
            self._canvas.setFixedHeight(_HEIGHT)
            self._canvas.setStyleSheet("background: transparent;")
            self._canvas.figure.patch.set_alpha(0.0)
            self._layout.addWidget(self._canvas)
        ink = self.palette().text().color().name()
        figure = self._canvas.figure
        if all_of_them and self._redraw(ink):
            return
        figure.clear()
        figure.set_layout_engine("none" if all_of_them else "constrained")
        self._drawn = (ink, *(_kind(p) for p in self.plots)) if all_of_them else ()
        if plot is not None:
            draw_plot(figure.add_subplot(), plot, ink)
        else:
            rows = -(-len(self.plots) // 2)
            # fixed places: laying out takes longer than drawing
            grid: Any = figure.add_gridspec(rows, 2, **_PLACES)
            for i, one in enumerate(self.plots):
                axes = figure.add_subplot(grid[divmod(i, 2)])
                draw_plot(axes, one, ink)
                axes.set_title(one.title, color=ink, fontsize=8, pad=2)
                axes.set_xlabel("")
                axes.set_ylabel("")
                axes.locator_params(axis="both", nbins=3)
                axes.tick_params(labelbottom=i >= len(self.plots) - 2)
        self._canvas.setToolTip(plot.title if plot is not None else "All curves, by frame")
        self._canvas.draw_idle()

    def _redraw(self, ink: str) -> bool:
        """Give the curves that are drawn their new points, which is quicker than to draw anew."""
        if self._drawn != (ink, *(_kind(p) for p in self.plots)) or self._canvas.figure is None:
            return False
        figure = self._canvas.figure
        for axes, plot in zip(figure.axes, self.plots, strict=True):
            for drawn, line in zip(axes.lines, plot.lines, strict=True):
                drawn.set_data(line.x, line.y)
            axes.relim()
            axes.autoscale_view()
        self._canvas.draw_idle()
        return True

    def _on_save(self) -> None:
        plot = self.current
        if plot is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the plot", f"{plot.title}.png", "Plots (*.png *.svg *.pdf *.csv)"
        )
        if not name:
            return
        try:
            self.told.emit(f"Saved as {save_plot(plot, name)}.", False)
        except FileError as error:
            self.told.emit(str(error), True)
