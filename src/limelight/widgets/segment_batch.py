"""A dialog that runs a pipeline on a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError
from limelight.segment import Layout, batch_job, find_fields
from limelight.segment.wells import ORDERS
from limelight.widgets.controls import ChoiceBox, MessageLabel
from limelight.widgets.dock import button, say
from limelight.widgets.worker import JobRunner, RunBar

if TYPE_CHECKING:
    from qtpy.QtGui import QCloseEvent

    from limelight.core.job import Job
    from limelight.segment import BatchResult, Pipeline
    from limelight.widgets.worker import Outcome

__all__ = ["BatchDialog"]

_FORMS = {"TIFF": "tiff", "OME-Zarr": "ome-zarr", "OME-Zarr, in the images": "into-input"}


class BatchDialog(QDialog):
    """Ask for folders, run, show how every field went.

    Signals
    -------
    show_wanted : Path
        A plate of results that is to be seen in the viewer.

    Parameters
    ----------
    pipeline : Pipeline
        What to do.
    parent : QWidget, optional
        The dock.
    """

    show_wanted = Signal(object)

    def __init__(self, pipeline: Pipeline, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("segment_batch")
        self.setWindowTitle(f"Segment a folder: {pipeline.name}")
        self.pipeline = pipeline
        self.runner = JobRunner(self)
        self.bar = RunBar(self.runner, "fields", self)
        self.message = MessageLabel(self)
        self.input = self._folder("input", "Folder of images, or an OME-Zarr")
        self.output = self._folder("output", "Folder for label images, tables and logs")
        self.patterns = {
            c.name: QLineEdit(self) for c in pipeline.channels if len(pipeline.channels) > 1
        }
        self.format = ChoiceBox(self)
        self.format.setObjectName("format")
        self.format.setToolTip(
            "Label images as TIFF with tables beside them; OME-Zarr with image, labels and "
            "features, of a plate one image per well; or labels and features added to the "
            "OME-Zarr that the images come from"
        )
        self.layout_order = ChoiceBox(self)
        self.layout_order.setObjectName("layout")
        self.layout_order.setToolTip(
            "How the sites of a well lie, where the files do not say it: row by row or column by "
            "column; with zigzag every other one backwards"
        )
        for order in ORDERS:
            self.layout_order.addItem(order.replace("_", " "), order)
        self.columns = QSpinBox(self)
        self.columns.setObjectName("columns")
        self.columns.setRange(0, 1000)
        self.columns.setSpecialValueText("square")
        self.columns.setPrefix("columns: ")
        self.columns.setToolTip(
            "Sites of a well beside each other; square: as near to it as can be"
        )
        for title, form_name in _FORMS.items():
            self.format.addItem(title, form_name)
        form = QFormLayout()
        form.addRow("Images", self._with_browse(self.input, "Images to segment"))
        form.addRow("Results", self._with_browse(self.output, "Folder for the results"))
        form.addRow("Labels as", self.format)
        sites = QHBoxLayout()
        sites.addWidget(self.layout_order, 1)
        sites.addWidget(self.columns)
        form.addRow("Sites of wells", sites)
        for name, line in self.patterns.items():
            line.setObjectName(f"pattern_{name}")
            line.setPlaceholderText("found by itself, or such as *_w1.tif")
            line.setToolTip(f"File names of the channel {name}; * stands for what tells fields")
            form.addRow(f"Files of {name}", line)
        self.log = QPlainTextEdit(self)
        self.log.setReadOnly(True)
        self.log.setObjectName("log")
        self.log.setToolTip("How every field went")
        self.start = button(self, "start", "Start", "Segment all fields that are not done yet")
        self.show_button = button(
            self, "show", "Show the plate", "Show the wells with their objects in the viewer"
        )
        self.show_button.setEnabled(False)
        self.close_button = QPushButton("Close", self)
        self.close_button.setToolTip("Close this window")
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.show_button)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.log, 1)
        layout.addWidget(self.message)
        layout.addWidget(self.bar)
        layout.addLayout(buttons)
        self.resize(560, 420)
        self.start.clicked.connect(self.run)
        self.show_button.clicked.connect(self._on_show)
        self.close_button.clicked.connect(self.close)
        self.runner.finished.connect(self._on_finished)
        self.runner.progressed.connect(self._on_progress)
        self._plates: list[Path] = []
        self._lines: list[str] = []
        self._shown = 0

    def _folder(self, name: str, tip: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(name)
        line.setToolTip(tip)
        return line

    def _with_browse(self, line: QLineEdit, title: str) -> QWidget:
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        browse = QToolButton(holder)
        browse.setText("…")
        browse.setToolTip(title)
        browse.clicked.connect(lambda: self._browse(line, title))
        row.addWidget(line, 1)
        row.addWidget(browse)
        return holder

    def _browse(self, line: QLineEdit, title: str) -> None:
        folder = QFileDialog.getExistingDirectory(self, title, str(line.text()))
        if folder:
            line.setText(folder)

    def run(self) -> None:
        """Start, or tell what is missing."""
        source, folder = str(self.input.text()).strip(), str(self.output.text()).strip()
        if not source or not folder:
            self.message.tell("Choose the folder of the images and one for the results.", True)
            return
        given = {n: str(x.text()).strip() for n, x in self.patterns.items()}
        patterns = {n: text for n, text in given.items() if text}
        try:
            names = [c.name for c in self.pipeline.channels]
            layout = Layout(self.layout_order.currentData(), int(self.columns.value()) or None)
            fields = find_fields(source, names, patterns, layout)
            job = batch_job(self.pipeline, fields, Path(folder), form=self.format.currentData())
        except (LimelightError, OSError) as error:
            self.message.tell(say(error), error=True)
            return
        self.message.tell("")
        self.start.setEnabled(False)
        self.show_button.setEnabled(False)
        self._lines, self._shown = [], 0
        self.log.clear()
        self.bar.begin(len(fields))
        self.runner.start(self._told_of(job))

    def _told_of(self, job: Job[BatchResult]) -> Job[BatchResult]:
        """Keep a line per field; the run bar sees only the newest."""
        try:
            while True:
                step = next(job)
                if step.partial is not None:
                    status = step.partial
                    self._lines.append(f"{status.name}: {status.state}, {status.message}")
                yield step
        except StopIteration as stop:
            result: BatchResult = stop.value
            return result
        finally:
            job.close()

    def _on_progress(self, _: object) -> None:
        new, self._shown = self._lines[self._shown :], len(self._lines)
        for line in new:
            self.log.appendPlainText(line)

    def _on_finished(self, outcome: Outcome) -> None:
        self._on_progress(None)
        self.start.setEnabled(True)
        if outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
        elif outcome.state == "cancelled":
            self.message.tell("Cancelled; Start goes on where it was left.")
        else:
            result = outcome.result
            done = len(result.fields) - len(result.failed)
            self._plates = list(dict.fromkeys(p.parents[2] for p in result.wells.values()))
            self.show_button.setEnabled(bool(self._plates))
            self.message.tell(
                f"{done} of {len(result.fields)} fields are done, {len(result.failed)} failed. "
                f"Tables and labels are in {result.folder}."
            )

    def _on_show(self) -> None:
        for plate in self._plates:
            self.show_wanted.emit(plate)
        self.close()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End the run; what is done is kept."""
        self.runner.cancel()
        super().closeEvent(event)
