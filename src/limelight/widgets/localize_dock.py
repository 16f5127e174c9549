"""The Localize dock: from a movie's layer to a super-resolution image and a table of molecules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError
from limelight.localize import as_script
from limelight.widgets.controls import ChoiceBox, MessageLabel
from limelight.widgets.layers import frame_in_view, is_movie_layer, movie_of, unwrap
from limelight.widgets.listeners import Listeners
from limelight.widgets.localize_form import LocalizeForm
from limelight.widgets.localize_results import LocalizeResults
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.persistence import recall, remember
from limelight.widgets.preview import Look, Marks, look_at
from limelight.widgets.worker import JobRunner, RunBar

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from qtpy.QtGui import QHideEvent

    from limelight.core.movie import Movie

__all__ = ["LocalizeDock"]

_NAME = "localize"
_REMEMBER_MS = 1000


class LocalizeDock(QWidget):
    """Localize the molecules of a movie.

    Parameters
    ----------
    napari_viewer : Viewer
        Its images are offered, and results are added to it.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer: ViewerModel = unwrap(napari_viewer)
        self.layer: Layer | None = None
        self.movie: Movie | None = None
        self._known: list[Layer] = []
        self._look: Look | None = None
        self.runner = JobRunner(self)
        self.mailbox = NewestOnly(self)
        self.preview_marks = Marks(self.viewer, "preview")
        self.test_marks = Marks(self.viewer, "test")
        self.results = LocalizeResults(self.viewer, self)
        self._build()
        self._remember_later = QTimer(self)
        self._remember_later.setSingleShot(True)
        self._remember_later.setInterval(_REMEMBER_MS)
        self._remember_later.timeout.connect(self.remember)
        state = recall(_NAME)
        self.form.restore(state)
        self.save.setChecked(state.get("save") is not False)
        self._listeners = Listeners(self)
        self._connect()
        self._list_layers()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.setObjectName("limelight-localize")
        self.layers = ChoiceBox(self)
        self.layers.setObjectName("layers")
        self.layers.setToolTip("The movie to localize: an image layer of the viewer")
        self.form = LocalizeForm(self.viewer)
        scroll = QScrollArea(self)
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self.message = MessageLabel(self)
        self.bar = RunBar(self.runner, "frames", self)
        self.localize = QPushButton("Localize", self)
        self.localize.setObjectName("localize")
        self.localize.setToolTip("Find and fit the molecules of all chosen frames")
        self.copy = QPushButton("Copy as Python", self)
        self.copy.setObjectName("copy")
        self.copy.setToolTip("Copy the script that does what Localize does")
        self.save_as = QPushButton("Save as…", self)
        self.save_as.setObjectName("save_as")
        self.save_as.setToolTip("Save the newest result somewhere else")
        self.save_as.setEnabled(False)
        self.save = QCheckBox("Save beside the movie", self)
        self.save.setObjectName("save")
        top = QHBoxLayout()
        movie = QLabel("Movie", self)
        movie.setToolTip(self.layers.toolTip())
        top.addWidget(movie)
        top.addWidget(self.layers, 1)
        saving = QHBoxLayout()
        saving.addWidget(self.save, 1)
        saving.addWidget(self.save_as)
        buttons = QHBoxLayout()
        buttons.addWidget(self.localize, 1)
        buttons.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.message)
        layout.addLayout(saving)
        layout.addWidget(self.bar)
        layout.addLayout(buttons)
        self.setMinimumWidth(360)

    def _connect(self) -> None:
        on = self._listeners.on
        events = self.viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            on(emitter, self._on_layers)
        on(self.viewer.dims.events.point, self._on_point)
        self._listeners.at_end(self.form.roi.detach)
        self._listeners.at_end(self.runner.cancel)
        self._listeners.at_end(partial(self.mailbox.close, 0.0))
        self.layers.currentIndexChanged.connect(self._on_layer_chosen)
        self.form.changed.connect(self._on_settings)
        self.form.frames.changed.connect(self._on_save)
        self.form.preview.toggled.connect(self._on_preview)
        self.form.test.toggled.connect(self._on_test)
        self.form.table.picked.connect(self._on_picked)
        self.mailbox.answered.connect(self._on_look)
        self.mailbox.failed.connect(self._on_look_failed)
        self.localize.clicked.connect(self.start)
        self.copy.clicked.connect(self.copy_script)
        self.save_as.clicked.connect(self._on_save_as)
        self.save.toggled.connect(self._on_save)
        self.runner.finished.connect(self._on_finished)

    # -- the movie ------------------------------------------------------------------------------
    def _on_layers(self, event: Any) -> None:
        new = event.value if event.type == "inserted" else None
        follow = new is not None and new.ndim > 2 and is_movie_layer(new)
        self._list_layers(new if follow and not self.runner.running else None)

    def _list_layers(self, choose: Layer | None = None) -> None:
        layers = [layer for layer in self.viewer.layers if is_movie_layer(layer)]
        chosen = choose or (self.layer if self.layer in layers else None)
        if chosen is None and layers:
            movies = [layer for layer in layers if layer.ndim > 2]
            chosen = (movies or layers)[-1]
        self.layers.blockSignals(True)
        self.layers.clear()
        for layer in layers:
            self.layers.addItem(str(layer.name), layer)
            if layer not in self._known:
                self._listeners.on(layer.events.name, self._on_name)
        self._known = layers
        self.layers.setCurrentIndex(layers.index(chosen) if chosen is not None else -1)
        self.layers.blockSignals(False)
        self.layers.setEnabled(bool(layers))
        if chosen is not self.layer or chosen is None:
            self.choose(chosen)

    def _on_name(self, _: Any) -> None:
        for i in range(self.layers.count()):
            self.layers.setItemText(i, str(self.layers.itemData(i).name))

    def _on_layer_chosen(self, index: int) -> None:
        self.choose(self.layers.itemData(index) if index >= 0 else None)

    def choose(self, layer: Layer | None) -> None:
        """Work on a layer."""
        self._forget_look()
        self.layer, self.movie = layer, None
        if layer is None:
            self.message.tell("Open a movie: drag a file onto the viewer.")
        else:
            try:
                self.movie = movie_of(layer, self.viewer)
                self.message.tell(_what_is_wrong_with(self.movie))
            except LimelightError as error:
                self.message.tell(str(error), error=True)
        there = self.movie is not None
        self.form.setEnabled(there)
        self.copy.setEnabled(there)
        self.localize.setEnabled(there and not self.runner.running)
        self.form.show_movie(self.movie, layer)
        self._on_save()

    # -- the frame in view ----------------------------------------------------------------------
    def _on_point(self, _: Any) -> None:
        if self.layer is not None and self.movie is not None and self.layer.ndim > 3:
            self.movie = movie_of(self.layer, self.viewer)  # another channel or position
            self._on_save()
        self.look()

    def _on_settings(self) -> None:
        self._remember_later.start()
        self.look()

    def _on_preview(self, on: bool) -> None:
        if not on:
            self.preview_marks.remove()
        self.look()

    def _on_test(self, on: bool) -> None:
        self.form.table.setVisible(on)
        if not on:
            self.test_marks.remove()
            self.form.table.show_verdicts(None)
        self.look()

    def look(self) -> None:
        """Ask what is found on the frame in view; the newest question is answered."""
        if self.movie is None or self.layer is None:
            return
        try:
            settings, camera = self.form.settings(), self.form.camera.camera()
        except LimelightError as error:
            self.form.found.tell(str(error), error=True)
            return
        index = frame_in_view(self.layer, self.viewer)
        fit = bool(self.form.test.isChecked())
        tag = (self.layer, self.movie, index, fit)
        self.mailbox.request(tag, partial(look_at, self.movie, index, settings, camera, fit=fit))

    def _on_look(self, tag: tuple[Any, ...], look: Look) -> None:
        layer, movie, index, fit = tag
        if layer is not self.layer or movie is not self.movie or layer not in self.viewer.layers:
            return
        if index != frame_in_view(layer, self.viewer):
            return  # the slider has moved on
        self._look = look
        self.form.histogram.set_scores(look.verdicts.score)
        if self.form.preview.isChecked():
            self.preview_marks.show(layer, look.verdicts, look.box, rejected=False)
        if fit and self.form.test.isChecked():
            self.test_marks.show(layer, look.verdicts, look.box, rejected=True)
            self.form.table.show_verdicts(look.verdicts)
        self.form.found.tell(look.summary)

    def _on_look_failed(self, _: Any, error: Exception) -> None:
        self.form.found.tell(_say(error), error=True)

    def _forget_look(self) -> None:
        self.mailbox.forget()
        self._look = None
        self.preview_marks.remove()
        self.test_marks.remove()
        self.form.table.show_verdicts(None)
        self.form.histogram.set_scores([])
        self.form.found.tell("")

    def _on_picked(self, row: int) -> None:
        if self._look is not None and self.test_marks.shown:
            self.test_marks.point_out(row)
            self.form.found.tell(self._look.verdicts.reason[row] or "found")

    # -- the run --------------------------------------------------------------------------------
    def start(self) -> None:
        """Localize the movie."""
        if self.movie is None or self.layer is None or self.runner.running:
            return
        try:
            settings, camera = self.form.settings(), self.form.camera.camera()
            job = self.results.prepare(
                self.movie, self.layer, settings, camera, bool(self.save.isChecked())
            )
            start, stop = settings.frame_range(len(self.movie))
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.remember()
        self.message.tell("")
        self.localize.setEnabled(False)
        self.bar.begin(stop - start)
        self.runner.start(job)

    def _on_finished(self, outcome: Any) -> None:
        text, is_error = self.results.deliver(outcome)
        self.message.tell(text, error=is_error)
        self.localize.setEnabled(self.movie is not None)
        self.save_as.setEnabled(self.results.newest is not None)
        self._on_save()

    def _on_save(self) -> None:
        text, tip = self.results.saving(self.movie, self.form.frames.value())
        self.save.setText(text)
        self.save.setToolTip(tip)
        self.save.setEnabled(self.movie is not None and self.movie.path is not None)
        self._remember_later.start()

    def _on_save_as(self) -> None:
        text, is_error = self.results.save_as()
        if text:
            self.message.tell(text, error=is_error)

    def copy_script(self) -> None:
        """Put the script that repeats this localization on the clipboard."""
        if self.movie is None:
            return
        try:
            script = as_script(self.movie, self.form.settings(), self.form.camera.camera())
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(script)
        self.message.tell("The script is on the clipboard.")

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Keep the newest settings when the dock is closed, with napari or without."""
        if self._remember_later.isActive():
            self.remember()
        super().hideEvent(event)

    def remember(self) -> None:
        """Keep the settings for the next time."""
        self._remember_later.stop()
        remember(_NAME, {**self.form.state(), "save": bool(self.save.isChecked())})


def _what_is_wrong_with(movie: Movie) -> str:
    """Return what a person has to know of a damaged file."""
    problem = getattr(movie, "problem", None)
    return str(problem) if problem is not None else ""


def _say(error: Exception) -> str:
    if isinstance(error, LimelightError):
        return str(error)
    return f"{type(error).__name__}: {error}"
