"""Run a Job on napari's thread worker, with a bar that shows it, pauses it and cancels it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Generator

    from limelight.core.job import Job, Progress

__all__ = ["JobRunner", "Outcome", "RunBar", "describe_time"]

_POLL_MS = 150
_HOLD_S = 0.02


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    state : str
        ``"done"``, ``"cancelled"`` or ``"failed"``.
    result : object
        What the job returned, if it is done.
    error : Exception, optional
        Why it failed.
    seconds : float
        Time that it took, pauses left out.
    """

    state: str
    result: Any = None
    error: Exception | None = None
    seconds: float = 0.0


class JobRunner(QObject):
    """Runs one job at a time.

    Progress does not travel through Qt's event queue: the worker leaves the newest, and a timer
    looks at it.

    Signals
    -------
    progressed : Progress
        A few times per second, while something happens.
    paused : bool
        Whether the job is held.
    finished : Outcome
        Once per job, always.
    """

    progressed = Signal(object)
    paused = Signal(bool)
    finished = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._run: _Run | None = None
        self._shown: Progress | None = None
        self._begun = 0.0
        self._held_since: float | None = None
        self._held = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a job is under way (also while it is held)."""
        return self._run is not None

    @property
    def is_paused(self) -> bool:
        """Whether the job is held, or about to be."""
        return self._held_since is not None

    @property
    def seconds(self) -> float:
        """How long the job has been running, pauses left out."""
        now = self._held_since if self._held_since is not None else time.monotonic()
        return max(now - self._begun - self._held, 0.0)

    def start(self, job: Job[Any]) -> None:
        """Start a job.

        Raises
        ------
        RuntimeError
            If one is running.
        """
        from napari.qt.threading import create_worker

        if self.running:
            raise RuntimeError("A job is running already.")
        run = self._run = _Run(job)
        self._shown = None
        self._begun, self._held, self._held_since = time.monotonic(), 0.0, None
        run.worker = create_worker(run.drive, _start_thread=False)
        run.worker.finished.connect(self._on_worker_finished)
        self._timer.start()
        run.worker.start()

    def pause(self, hold: bool = True) -> None:
        """Hold the job after its next step, or let it go on."""
        if self._run is None or hold == self.is_paused:
            return
        self._run.held = hold
        if hold:
            self._held_since = time.monotonic()
        else:
            self._held += time.monotonic() - (self._held_since or 0.0)
            self._held_since = None
        self.paused.emit(hold)

    def cancel(self) -> None:
        """End the job after its next step."""
        if self._run is not None:
            self._run.cancelled = True

    def _look(self) -> None:
        run = self._run
        if run is None:
            return
        ended, newest = run.ended, run.newest
        if newest is not None and newest is not self._shown:
            self._shown = newest
            self.progressed.emit(newest)
        if ended:
            self._finish(run)

    def _on_worker_finished(self) -> None:
        run = self._run
        if run is None:
            return
        if not run.ended and run.worker.abort_requested:
            run.job.close()  # napari ended it between two steps: let the job clean up
            run.ended = True
        self._look()

    def _finish(self, run: _Run) -> None:
        seconds = self.seconds
        self._timer.stop()
        self._run = self._held_since = None
        outcome = run.outcome or Outcome("cancelled")
        self.finished.emit(Outcome(outcome.state, outcome.result, outcome.error, seconds))


class _Run:
    """One job on its worker.

    A worker's own signal of its end can be lost: where an error of its signals reaches it, it
    gives no other. So the run says itself that it has ended, and the runner looks.
    """

    def __init__(self, job: Job[Any]) -> None:
        self.job = job
        self.worker: Any = None
        self.newest: Progress | None = None
        self.outcome: Outcome | None = None
        self.held = self.cancelled = self.ended = False

    def drive(self) -> Generator[None, None, None]:
        """Step through the job, on the worker's thread."""
        try:
            while not self.cancelled:
                self.newest = next(self.job)
                yield  # here the worker sees that napari quits
                while self.held and not self.cancelled:
                    time.sleep(_HOLD_S)
                    yield
        except StopIteration as stop:
            self.outcome = Outcome("done", stop.value)
        except Exception as error:
            self.outcome = Outcome("failed", error=error)
        finally:
            try:
                self.job.close()
            finally:
                self.ended = True


def describe_time(seconds: float) -> str:
    """Return a time for people: "12 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{max(whole, 1)} s" if seconds > 0 else "0 s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class RunBar(QWidget):
    """A progress bar with Pause and Cancel, for a `JobRunner`.

    Parameters
    ----------
    runner : JobRunner
        What it shows.
    unit : str
        What is counted, such as ``"frames"``; empty where it is of no interest.
    """

    def __init__(
        self, runner: JobRunner, unit: str = "frames", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._unit = unit
        self.note = ""
        self.bar = QProgressBar(self)
        self.bar.setToolTip(f"How many of the {unit or 'steps'} are done")
        self.bar.setTextVisible(True)
        self.pause = QPushButton("Pause", self)
        self.pause.setObjectName("pause")
        self.pause.setCheckable(True)
        self.pause.setToolTip("Hold the run; press again to go on")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setObjectName("cancel")
        self.cancel.setToolTip("End the run; what was found so far is kept as a layer")
        self.text = QLabel(self)
        self.text.setToolTip("Speed, time left, and what was found so far")
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.text)
        self.pause.toggled.connect(runner.pause)
        self.cancel.clicked.connect(self._on_cancel)
        runner.paused.connect(self._on_paused)
        runner.progressed.connect(self.show_progress)
        runner.finished.connect(self._on_finished)
        self.hide()

    def begin(self, total: int, note: str = "") -> None:
        """Show an empty bar."""
        self.note = note
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(0)
        self.bar.setFormat(f"0 / {total:,}")
        self.text.setText("Starting… (the very first run compiles its kernels)")
        self.pause.setChecked(False)
        self.pause.setEnabled(True)
        self.cancel.setEnabled(True)
        self.show()

    def show_progress(self, step: Progress) -> None:
        """Show how far the job is."""
        self.bar.setRange(0, max(step.total, 1))
        self.bar.setValue(step.done)
        self.bar.setFormat(f"{step.done:,} / {step.total:,}")
        seconds = self._runner.seconds
        rate = step.done / seconds if seconds > 0 else 0.0
        words = [step.message] if step.message else []
        if rate and self._unit and step.done < step.total:
            words += [f"{rate:,.0f} {self._unit}/s"]
            words += [f"{describe_time((step.total - step.done) / rate)} left"]
        self.text.setText(" · ".join(words))

    def _on_paused(self, hold: bool) -> None:
        self.pause.setText("Go on" if hold else "Pause")
        if hold:
            self.text.setText("Held. " + str(self.text.text()))

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.pause.setEnabled(False)
        self.text.setText("Ending…")
        self._runner.cancel()

    def _on_finished(self, _: Outcome) -> None:
        self.pause.setChecked(False)
        self.hide()
