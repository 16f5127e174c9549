"""A plot of objects' features: a histogram or a scatter, with a lasso."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ObjectsPlot", "class_colours"]

_COLOURS = ("#35d0ff", "#ffb224", "#3fb68b", "#ff8589", "#b79cff", "#c9d13c")
_NO_CLASS = "#7c8590"
_BINS = 60
_HEIGHT = 260


def class_colours(classes: NDArray[Any]) -> dict[str, str]:
    """Return a colour for each class: the same in the plot and in the picture."""
    names = sorted(set(map(str, classes.tolist())) - {""})
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
    return {"": _NO_CLASS, **colours}


class ObjectsPlot(QWidget):
    """Draws features; what is drawn around is told.

    Signals
    -------
    outlined : object
        Corners (m, 2) of an outline that was drawn, in the units of the axes.
    clicked : float, float
        Where the plot was clicked.
    """

    outlined = Signal(object)
    clicked = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._canvas: Any = None
        self._lasso: Any = None
        self.axes: Any = None
        self.setMinimumHeight(_HEIGHT)
        self.setToolTip("Draw around points with the mouse to put them into a class")

    def _make(self) -> None:
        from matplotlib.backends import backend_qtagg
        from matplotlib.figure import Figure

        backend: Any = backend_qtagg
        self._canvas = backend.FigureCanvasQTAgg(Figure(layout="constrained"))
        self._canvas.setStyleSheet("background: transparent;")
        self._canvas.figure.patch.set_alpha(0.0)
        self._layout.addWidget(self._canvas)
        self._canvas.mpl_connect("button_release_event", self._on_click)

    def _style(self, x_title: str, y_title: str) -> None:
        ink = self.palette().text().color().name()
        axes = self.axes
        axes.set_facecolor("none")
        axes.set_xlabel(x_title, color=ink, fontsize=8)
        axes.set_ylabel(y_title, color=ink, fontsize=8)
        axes.tick_params(colors=ink, labelsize=7)
        for spine in axes.spines.values():
            spine.set_color(ink)
            spine.set_alpha(0.4)

    def _clear(self) -> None:
        if self._canvas is None:
            self._make()
        self._lasso = None
        self._canvas.figure.clear()
        self.axes = self._canvas.figure.add_subplot()

    def show_histogram(self, values: NDArray[Any], name: str) -> None:
        """Draw how a feature is spread."""
        self._clear()
        finite = values[np.isfinite(values)]
        if len(finite):
            self.axes.hist(finite, bins=min(_BINS, max(len(finite), 2)), color=_COLOURS[0])
        self._style(name, "objects")
        self._canvas.draw_idle()

    def show_scatter(
        self, x: NDArray[Any], y: NDArray[Any], titles: tuple[str, str], classes: NDArray[Any]
    ) -> None:
        """Draw two features against each other, a colour per class."""
        from matplotlib.widgets import LassoSelector

        self._clear()
        size = 12 if len(x) < 2000 else 3
        for name, colour in class_colours(classes).items():
            mine = classes == name
            if not mine.any():
                continue
            self.axes.scatter(
                x[mine], y[mine], s=size, c=colour, alpha=0.8, linewidths=0, label=name or "none"
            )
        self._style(*titles)
        if len(set(classes.tolist())) > 1:
            ink = self.palette().text().color().name()
            self.axes.legend(fontsize=7, frameon=False, labelcolor=ink)
        self._lasso = LassoSelector(self.axes, self._on_lasso, props={"color": "#ffb224"})
        self._canvas.draw_idle()

    def _on_lasso(self, corners: Any) -> None:
        if len(corners) > 4:
            self.outlined.emit(np.asarray(corners, float))

    def _on_click(self, event: Any) -> None:
        if event.inaxes is self.axes and event.xdata is not None:
            self.clicked.emit(float(event.xdata), float(event.ydata))
