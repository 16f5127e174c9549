"""The Segment dock: a pipeline built by clicking, seen at work on the image in view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError
from limelight.segment import (
    Cache,
    Channel,
    Pipeline,
    as_script,
    load_pipeline,
    pipeline_job,
    save_pipeline,
    shipped,
)
from limelight.segment.editing import History, objects_before, with_module
from limelight.widgets.channel_form import ChannelForm
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import Dock, button, in_scroll_area, say
from limelight.widgets.module_list import ModuleList
from limelight.widgets.plate_layers import plate_layers
from limelight.widgets.segment_batch import BatchDialog
from limelight.widgets.segment_figure import FigureWindow
from limelight.widgets.segment_layers import SegmentLayers
from limelight.widgets.segment_planes import PlanesInView
from limelight.widgets.step_form import StepForm
from limelight.widgets.step_list import StepList

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray
    from qtpy.QtGui import QResizeEvent

    from limelight.segment.running import PipelineResult, StepResult
    from limelight.widgets.worker import Outcome

__all__ = ["SegmentDock"]

_SIDE_BY_SIDE = 620  # px of width from which the three parts stand beside each other
_WAIT_MS = 150


class SegmentDock(Dock):
    """Segment the images of the viewer.

    Parameters
    ----------
    napari_viewer : Viewer
        Its images are the channels, and results are added to it.
    """

    name = "segment"
    unit = "steps"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.pipeline = Pipeline()
        self.result: PipelineResult | None = None
        self.steps: dict[str, StepResult] = {}
        self.failed: dict[str, str] = {}
        self.path: Path | None = None
        self.cache = Cache()
        self.shown = SegmentLayers(self.viewer)
        self.figure: FigureWindow | None = None
        self._history = History()
        self._again = False
        self._corrected: dict[str, Any] = {}
        self._planes = PlanesInView(self.viewer, self.cache)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_WAIT_MS)
        self._later.timeout.connect(self.run)
        self._build()
        self._connect()
        self._restore()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.title = QLineEdit(self)
        self.title.setObjectName("name")
        self.title.setToolTip("Name of the pipeline")
        self.files = ChoiceBox(self)
        self.files.setObjectName("files")
        self.files.setToolTip("Start from a pipeline that comes with Limelight, or from a file")
        self._list_files()
        self.undo_button = self._tool("undo", "↶", "Undo the last change (Ctrl+Z)")
        self.redo_button = self._tool("redo", "↷", "Do it again (Ctrl+Shift+Z)")
        self.save_button = button(
            self, "save", "Save…", "Save the pipeline as one file, or as a TissueMAPS project"
        )
        self.channels = ChannelForm(self.viewer, self._listeners, self)
        self.modules = ModuleList(self)
        self.list = StepList(self)
        self.form = StepForm(self)
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.channels)
        column.addWidget(self.list, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.splitter.setChildrenCollapsible(False)
        for part in (self.modules, middle, in_scroll_area(self.form, self)):
            self.splitter.addWidget(part)
        self.splitter.setSizes([150, 230, 230])
        self.auto = QCheckBox("Run as settings change", self)
        self.auto.setObjectName("auto")
        self.auto.setChecked(True)
        self.auto.setToolTip("Run what depends on a change at once; else with the Run button")
        self.stack = QCheckBox("Whole z stack", self)
        self.stack.setObjectName("stack")
        self.stack.setToolTip("Take all planes of a layer with a z axis, not only the one in view")
        self.run_button = button(self, "run", "Run", "Run the pipeline on the image in view")
        self.measure_button = button(
            self,
            "again",
            "Measure again",
            "Measure the objects as they are now, after you corrected them with napari's tools",
        )
        self.figure_button = button(self, "figure", "Figure", "Show what the chosen step did")
        self.batch_button = button(self, "batch", "Folder…", "Run the pipeline on many images")
        self.copy_button = button(self, "copy", "Copy as Python", "Copy plain function calls")
        top = QHBoxLayout()
        for widget, stretch in (
            (self.title, 1),
            (self.files, 1),
            (self.undo_button, 0),
            (self.redo_button, 0),
            (self.save_button, 0),
        ):
            top.addWidget(widget, stretch)
        checks = QHBoxLayout()
        checks.addWidget(self.auto)
        checks.addWidget(self.stack)
        checks.addStretch(1)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.run_button, 2)
        first.addWidget(self.measure_button, 1)
        first.addWidget(self.figure_button, 1)
        second.addWidget(self.batch_button, 1)
        second.addWidget(self.copy_button, 1)
        self.arrange(top, self.splitter, self.message, checks, self.bar, first, second, stretch=1)

    def _tool(self, name: str, text: str, tip: str) -> QToolButton:
        made = QToolButton(self)
        made.setObjectName(name)
        made.setText(text)
        made.setToolTip(tip)
        return made

    def _connect(self) -> None:
        self.title.editingFinished.connect(self._on_title)
        self.files.activated.connect(self._on_file)
        self.undo_button.clicked.connect(self.undo)
        self.redo_button.clicked.connect(self.redo)
        for keys, action in (("Ctrl+Z", self.undo), ("Ctrl+Shift+Z", self.redo)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)
        self.save_button.clicked.connect(self._on_save)
        self.modules.wanted.connect(self._on_wanted)
        self.channels.changed.connect(self.run_soon)
        self.channels.added.connect(self._on_channel)
        self.channels.renamed.connect(self._on_channel_name)
        self.channels.removed.connect(self._on_channel_out)
        steps = self.list
        steps.chosen.connect(self.choose)
        steps.dropped.connect(lambda module, at: self._add(module, at))
        steps.moved.connect(lambda name, to: self.edit(lambda p: p.move(name, to)))
        steps.renamed.connect(self._on_renamed)
        steps.activated_step.connect(lambda n, on: self.edit(lambda p: p.activate(n, on)))
        steps.removal_wanted.connect(lambda name: self.edit(lambda p: p.remove(name)))
        steps.copy_wanted.connect(lambda name: self.edit(lambda p: p.duplicate(name)))
        form = self.form
        form.connected.connect(
            lambda i, key: self.edit(lambda p: p.connect(self.list.current, **{i: key}))
        )
        form.configured.connect(
            lambda values: self.edit(lambda p: p.configure(self.list.current, **values))
        )
        form.named.connect(
            lambda o, key: self.edit(lambda p: p.name_output(self.list.current, o, key))
        )
        self.run_button.clicked.connect(self.run)
        self.measure_button.clicked.connect(self.measure_again)
        self.figure_button.clicked.connect(self.show_figure)
        self.batch_button.clicked.connect(self._on_batch)
        self.copy_button.clicked.connect(self.copy_script)
        self.stack.toggled.connect(self.run_soon)
        self.auto.toggled.connect(self._on_auto)
        self.runner.progressed.connect(self._on_progress)
        self.runner.finished.connect(self._on_finished)
        self._listeners.on(self.viewer.dims.events.current_step, self._on_place)

    def _restore(self) -> None:
        self.auto.setChecked(self.memory.get("auto") is not False)
        path = self.memory.get("path")
        if isinstance(path, str) and path:
            try:
                self.open(path, quiet=True)
                return
            except LimelightError:
                pass  # it has gone; an empty pipeline is a good start too
        self.show_pipeline()

    def state(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            "auto": bool(self.auto.isChecked()),
            "path": str(self.path) if self.path is not None else "",
        }

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Stand the parts beside each other where there is room."""
        super().resizeEvent(event)
        wide = self.width() >= _SIDE_BY_SIDE
        wanted = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.splitter.orientation() != wanted:
            self.splitter.setOrientation(wanted)
            self.splitter.setSizes([170, 260, 260] if wide else [150, 230, 230])

    # -- files ----------------------------------------------------------------------------------
    def _list_files(self) -> None:
        self.files.clear()
        self.files.addItem("Open…", "")
        for name, path in shipped().items():
            self.files.addItem(name, str(path))
        self.files.addItem("New", None)

    def _on_file(self, index: int) -> None:
        source = self.files.itemData(index)
        self.files.setCurrentIndex(0)
        if source == "":
            source = self.ask_file("Open a pipeline", "Pipelines (*.yaml *.yml);;All files (*)")
            if not source:
                return
        if source is None:
            self.path = None
            self.edit(lambda _: Pipeline())
            return
        try:
            self.open(source)
        except LimelightError as error:
            self.message.tell(str(error), error=True)

    def open(self, source: str | Path, quiet: bool = False) -> None:
        """Open a pipeline, as `limelight.segment.load_pipeline` does.

        Raises
        ------
        LimelightError
            If it cannot be read.
        """
        loaded = load_pipeline(source)
        self.path = Path(source)
        self.edit(lambda _: loaded)
        if not quiet:
            self.message.tell(loaded.description or f"Opened {loaded.name}.")
        self.remember_soon()

    def _on_save(self) -> None:
        start = str(self.path or f"{self.pipeline.name}.yaml")
        kinds = "Pipeline (*.yaml);;TissueMAPS project (pipeline.yaml)"
        path, kind = QFileDialog.getSaveFileName(self, "Save the pipeline", start, kinds)
        if path:
            as_project = "TissueMAPS" in kind
            self.save(Path(path).parent / "pipeline.yaml" if as_project else Path(path))

    def save(self, path: Path) -> None:
        """Save the pipeline; tells where to, or what is wrong."""
        path = path if path.suffix else path.with_suffix(".yaml")
        try:
            self.path = save_pipeline(self.pipeline, path)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.message.tell(f"Saved as {self.path.name}.")
        self.remember_soon()

    # -- edits ----------------------------------------------------------------------------------
    def edit(self, change: Callable[[Pipeline], Pipeline], choose: str | None = None) -> None:
        """Change the pipeline, so that it can be undone; tells what is wrong with the change."""
        try:
            new = change(self.pipeline)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            self.show_pipeline()
            return
        if new == self.pipeline:
            return
        self._history.changed(self.pipeline)
        self._take(new, choose)

    def undo(self) -> None:
        """Go back by one change."""
        before = self._history.undo(self.pipeline)
        if before is not None:
            self._take(before)

    def redo(self) -> None:
        """Go forward by one change."""
        after = self._history.redo(self.pipeline)
        if after is not None:
            self._take(after)

    def _take(self, pipeline: Pipeline, choose: str | None = None) -> None:
        before = {s.name for s in self.pipeline}
        at = self._row(self.list.current)
        self.pipeline = pipeline
        self.failed = {}
        self._corrected = {}
        names = [s.name for s in pipeline]
        new = [n for n in names if n not in before]
        wanted = choose or (new[0] if len(new) == 1 else self.list.current)
        if wanted not in names:
            wanted = names[min(at, len(names) - 1)] if names else ""
        self.message.tell("")
        self.show_pipeline(wanted)
        self.run_soon()

    def _row(self, name: str) -> int:
        names = [s.name for s in self.pipeline]
        return names.index(name) if name in names else 0

    def show_pipeline(self, current: str | None = None) -> None:
        """Show the pipeline as it is now."""
        current = self.list.current if current is None else current
        bad = {p.step: p.message for p in reversed(self.pipeline.problems()) if p.step}
        bad |= self.failed
        notes = {
            name: f"{1000 * r.seconds:.0f} ms" for name, r in self.steps.items() if name not in bad
        }
        self.channels.show_channels(self.pipeline.channels)
        self.list.show_pipeline(self.pipeline, notes, bad, current)
        if not self.title.hasFocus():
            self.title.setText(self.pipeline.name)
        self.undo_button.setEnabled(self._history.can_undo)
        self.redo_button.setEnabled(self._history.can_redo)
        self.choose(current if current in [s.name for s in self.pipeline] else "")

    def choose(self, name: str) -> None:
        """Look at a step."""
        self.form.show_step(self.pipeline, name)
        result = self.steps.get(name)
        problems = [p for p in self.pipeline.problems() if p.step == name and name]
        if name in self.failed:
            self.form.problem.tell(self.failed[name], error=True)
        elif problems:
            told = problems[0]
            where = f"{told.key}: " if told.key else ""
            self.form.problem.tell(f"{where}{told.message}", error=True)
        elif name:
            self.form.problem.tell("")
        self.form.log.setText("\n".join(result.log) if result is not None else "")
        self.figure_button.setEnabled(result is not None)
        if name and result is not None:
            self.shown.show_step(result, self._like())
        elif not name:
            self.shown.show_step(None, None)
        if self.figure is not None and self.figure.isVisible() and result is not None:
            self.show_figure()

    def _on_title(self) -> None:
        name = str(self.title.text()).strip() or "pipeline"
        self.edit(lambda p: replace(p, name=name))

    def _on_wanted(self, module: str) -> None:
        at = self._row(self.list.current) + 1 if self.list.current else None
        self._add(module, at)

    def _add(self, module: str, at: int | None) -> None:
        name = "DAPI"
        if not self.pipeline.channels:
            layers = self.channels._layers()
            name = str(layers[-1].name) if layers else name
            self.channels.chosen[name] = layers[-1] if layers else None
        self.edit(lambda p: with_module(p, module, at, name))

    def _on_renamed(self, old: str, new: str) -> None:
        self.edit(lambda p: p.rename(old, new), choose=new)

    def _on_channel(self, name: str) -> None:
        self.edit(lambda p: replace(p, channels=(*p.channels, Channel(name))))

    def _on_channel_name(self, old: str, new: str) -> None:
        self.edit(lambda p: p.rename_channel(old, new))

    def _on_channel_out(self, name: str) -> None:
        self.edit(lambda p: replace(p, channels=tuple(c for c in p.channels if c.name != name)))

    # -- running --------------------------------------------------------------------------------
    def _on_auto(self, on: bool) -> None:
        self.remember_soon()
        if on:
            self.run_soon()

    def _on_place(self, _: Any) -> None:
        if any(x is not None and x.ndim > 2 for x in self.channels.chosen.values()):
            self.run_soon()

    def run_soon(self, *_: object) -> None:
        """Run a little later, once for many changes, if that is wanted."""
        if self.auto.isChecked() and len(self.pipeline) and not self.pipeline.problems():
            self._later.start()

    def _like(self) -> Layer | None:
        return next((x for x in self.channels.chosen.values() if x is not None), None)

    def _images(self) -> dict[str, NDArray[Any]]:
        return {
            name: self._planes.plane(layer, self.stack.isChecked())
            for name, layer in self.channels.chosen.items()
            if layer is not None
        }

    def run(self) -> None:
        """Run the pipeline on the image in view; what did not change is not done again."""
        self._later.stop()
        if self.runner.running:
            self._again = True
            self.runner.cancel()
            return
        if not len(self.pipeline):
            self.message.tell("Add a module to the pipeline first.")
            return
        try:
            self.pipeline.check()
            job = pipeline_job(
                self.pipeline, self._images(), cache=self.cache, corrected=self._corrected
            )
        except (LimelightError, OSError) as error:
            self.message.tell(say(error), error=True)
            return
        self._again = False
        self.failed = {}
        self.message.tell("")
        self.bar.begin(len(self.pipeline))
        self.bar.cancel.setToolTip("End the run after the step that is under way")
        self.runner.start(_noting(job, self.steps))

    def measure_again(self) -> None:
        """Run what follows objects that were corrected by hand."""
        self._corrected = self.shown.corrected() or self._corrected
        if not self._corrected:
            self.message.tell(
                "Nothing was changed by hand. Correct the objects' layer with napari's tools "
                "(paint, fill, erase), then measure again."
            )
            return
        self.run()

    def _on_progress(self, _: Any) -> None:
        for name, result in list(self.steps.items()):
            self.list.note(name, f"{1000 * result.seconds:.0f} ms")

    def _on_finished(self, outcome: Outcome) -> None:
        if self._again:
            self.run()
            return
        if outcome.error is not None:
            step = getattr(outcome.error, "step", "")
            reason = getattr(outcome.error, "reason", say(outcome.error))
            if step in [s.name for s in self.pipeline]:
                self.failed = {step: reason}
                found = objects_before(self.pipeline, step, self.steps)
                self.shown.show_objects(found, self._like())
            self.message.tell(say(outcome.error), error=True)
        elif outcome.state == "done":
            self.result = outcome.result
            self.shown.show_objects(outcome.result.objects, self._like())
            self._tell(outcome.result)
        self.show_pipeline()

    def _tell(self, result: PipelineResult) -> None:
        counts = ", ".join(f"{len(o):,} {name}" for name, o in result.objects.items())
        ran = [s for s in result.steps.values() if not s.cached]
        took = 1000 * sum(s.seconds for s in ran)
        again = f"{len(ran)} of {len(result.steps)} steps ran in {took:.0f} ms"
        self.message.tell(f"{counts}; {again}." if counts else f"{again}.")

    # -- what else there is ---------------------------------------------------------------------
    def show_figure(self) -> None:
        """Show what the chosen step did, in a window of its own."""
        result = self.steps.get(self.list.current)
        if result is None:
            return
        if self.figure is None:
            self.figure = FigureWindow(self)
        values = self.result.values if self.result is not None else {}
        self.figure.show_step(result, {**self._images(), **values})

    def copy_script(self) -> None:
        """Copy the pipeline as plain function calls."""
        try:
            self.pipeline.check()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        files = {}
        for name, layer in self.channels.chosen.items():
            path = getattr(getattr(layer, "source", None), "path", None)
            if path:
                files[name] = str(path)
        self.copy_text(as_script(self.pipeline, files))

    def _on_batch(self) -> None:
        try:
            self.pipeline.check()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        dialog = BatchDialog(self.pipeline, self)
        dialog.show_wanted.connect(self._show_results)
        dialog.exec()

    def _show_results(self, path: Path) -> None:
        """Add a plate of results to the viewer."""
        try:
            for data, arguments, kind in plate_layers(path):
                getattr(self.viewer, f"add_{kind}")(data, **arguments)
        except LimelightError as error:
            self.message.tell(str(error), error=True)


def _noting(job: Any, steps: dict[str, StepResult]) -> Any:
    """Keep the result of every step as it comes, also of a run that fails later."""
    try:
        while True:
            step = next(job)
            if step.partial is not None:
                steps[step.partial.step.name] = step.partial
            yield step
    except StopIteration as stop:
        return stop.value
    finally:
        job.close()
