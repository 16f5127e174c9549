"""A window with the figure of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QDialog, QVBoxLayout, QWidget

from limelight.segment.figure import draw_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.segment.running import StepResult

__all__ = ["FigureWindow"]


class FigureWindow(QDialog):
    """What a step took and gave, to be zoomed and saved with matplotlib's own tools.

    Parameters
    ----------
    parent : QWidget
        The dock; the window goes with it.
    """

    def __init__(self, parent: QWidget) -> None:
        from matplotlib.backends import backend_qtagg
        from matplotlib.figure import Figure

        backend: Any = backend_qtagg  # without types of its own

        super().__init__(parent)
        self.setObjectName("step_figure")
        self.setWindowTitle("What the step did")
        self.figure = Figure(layout="constrained")
        self.canvas: Any = backend.FigureCanvasQTAgg(self.figure)
        layout = QVBoxLayout(self)
        layout.addWidget(backend.NavigationToolbar2QT(self.canvas, self))
        layout.addWidget(self.canvas, 1)
        self.resize(900, 460)

    def show_step(self, result: StepResult, values: Mapping[str, Any]) -> None:
        """Draw a step and come to the front."""
        draw_step(result, values, self.figure)
        self.canvas.draw_idle()
        self.show()
