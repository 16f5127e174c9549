"""How good is the result? Figures and curves in a few lines, measured on request or by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from limelight.core.locs.tools.measure import QualityTool, counts_plot
from limelight.core.watch import watched
from limelight.widgets.controls import MessageLabel
from limelight.widgets.dock import button, say
from limelight.widgets.figures import FigureList
from limelight.widgets.plot_view import PlotView
from limelight.widgets.worker import JobRunner, RunBar

if TYPE_CHECKING:
    from limelight.core.job import Progress
    from limelight.core.localizations import Localizations
    from limelight.core.locs.live_quality import LiveQuality
    from limelight.core.locs.result import Measure, ToolResult
    from limelight.widgets.worker import Outcome

__all__ = ["QualityPanel"]

_SHOWN = (
    "n_locs",
    "locs_per_frame",
    "nena_nm",
    "frc_nm",
    "drift_aim_x",
    "drift_aim_y",
    "bright_time",
    "median_photons",
    "median_bg",
    "median_sx",
    "median_lpx",
)
_LIVE_MS = 1000


class QualityPanel(QWidget):
    """Measures the quality of a table: on a sample of at most a million molecules.

    While a run is under way it shows that of what was found so far (`follow`).

    Signals
    -------
    measured : object, object
        The `Localizations` and the `Quality` that was found.
    asked : the button was pressed.
    appeared : the first figures of a run that is under way are about to be shown.
    """

    measured = Signal(object, object)
    appeared = Signal()
    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runner = JobRunner(self)
        self._locs: Localizations | None = None
        self._measures: list[Measure] = []
        self._waiting: Localizations | None = None
        self._live: LiveQuality | None = None
        self._seen = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LIVE_MS)
        self._timer.timeout.connect(self._on_time)
        self.estimate = button(
            self,
            "estimate",
            "Estimate quality",
            "Measure precision (NeNA), resolution (FRC), drift and bright time of the newest "
            "result,\non at most a million molecules",
        )
        self.always = QCheckBox("With each run", self)
        self.always.setObjectName("quality_always")
        self.always.setToolTip(
            "Show the quality of what was found so far while a run is under way,\n"
            "and measure that of the whole when it has ended"
        )
        self.always.setChecked(True)
        self.bar = RunBar(self.runner, "", self)
        self.bar.pause.hide()
        self.bar.cancel.setToolTip("End it; the figures so far stay")
        self.message = MessageLabel(self)
        self.figures = FigureList(self)
        self.plots = PlotView(self)
        row = QHBoxLayout()
        row.addWidget(self.estimate, 1)
        row.addWidget(self.always)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        for part in (self.bar, self.message, self.figures, self.plots):
            layout.addWidget(part)
        self.estimate.setEnabled(False)
        self.estimate.clicked.connect(self.asked)
        self.runner.progressed.connect(self._on_step)
        self.runner.finished.connect(self._on_finished)
        self.plots.told.connect(self.message.tell)

    def clear(self) -> None:
        """Show nothing, and end what is being measured."""
        self._waiting = None
        self.runner.cancel()
        self._locs = None
        self._show(())
        self.message.tell("")

    def follow(self, live: LiveQuality) -> None:
        """Show the quality of a run that is under way, once a second."""
        self.clear()
        self._live, self._seen = live, 0
        self._timer.start()

    def unfollow(self) -> None:
        """Look no more at a run; its last figures stay until others come."""
        if self._live is not None:
            self._timer.stop()
            self._live = None
            self.runner.cancel()

    def _on_time(self) -> None:
        live = self._live
        if live is None:
            return
        if live.due() and not self.runner.running:
            # one thread: the run itself needs the others
            self.runner.start(watched(lambda: live.precise(threads=1), "Precision so far"))
        if len(live) != self._seen:
            if not self._seen:
                self.appeared.emit()
            self._seen = len(live)
            self._show_live(live)

    def _show_live(self, live: LiveQuality) -> None:
        self._show((*live.current(), *live.measured), (counts_plot(live.locs_per_frame),))

    def measure(self, locs: Localizations) -> None:
        """Measure a table; what is being measured is ended."""
        if self.runner.running:
            self._waiting = locs
            self.runner.cancel()
            return
        self._locs, self._measures, self._waiting = locs, [], None
        self.message.tell("")
        self._show(())
        self.bar.begin(6)
        self.bar.text.setText("Counting…")
        self.estimate.setEnabled(False)
        self.runner.start(self._job(locs))

    def _job(self, locs: Localizations) -> Any:
        """Run the tool, and keep the figures of each step on the way."""
        job = QualityTool().run(locs)
        try:
            while True:
                step = next(job)
                self._measures += step.partial or ()
                yield step
        except StopIteration as stop:
            return stop.value
        finally:
            job.close()

    def _on_step(self, _: Progress) -> None:
        if self._locs is not None:
            self._show(tuple(self._measures))

    def _show(self, measures: tuple[Measure, ...], plots: Any = ()) -> None:
        self.figures.show_measures(measures, _SHOWN, quiet=True)
        self.plots.show_plots(plots)

    def _on_finished(self, outcome: Outcome) -> None:
        if self._live is not None:
            self._show_live(self._live)
            return
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.measure(waiting)
            return
        locs = self._locs
        if locs is None:
            return
        self.estimate.setEnabled(True)
        if outcome.state == "done":
            result: ToolResult = outcome.result
            self._show(result.measures, result.plots)
            self.measured.emit(locs, result.found)
        elif outcome.state == "cancelled":
            self._show(tuple(self._measures))
            self.message.tell("Cancelled; these are the figures so far.")
        elif outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
