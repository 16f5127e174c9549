"""The Localize dock: from a movie's layer to a super-resolution image and a table of molecules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from limelight.core.errors import LimelightError
from limelight.localize import as_script
from limelight.widgets.controls import Section
from limelight.widgets.dock import Dock, LayerChoice, button, in_scroll_area, say
from limelight.widgets.layers import frame_in_view, is_movie_layer, movie_of
from limelight.widgets.localize_form import LocalizeForm
from limelight.widgets.localize_results import LocalizeResults
from limelight.widgets.mailbox import NewestOnly
from limelight.widgets.preview import Look, Marks, look_at
from limelight.widgets.quality_panel import QualityPanel

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from limelight.core.movie import Movie

__all__ = ["LocalizeDock"]

_FOLLOW_MS = 2000  # in which the dock scrolls to new figures


class LocalizeDock(Dock):
    """Localize the molecules of a movie.

    Parameters
    ----------
    napari_viewer : Viewer
        Its images are offered, and results are added to it.
    """

    name = "localize"
    unit = "frames"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.layer: Layer | None = None
        self.movie: Movie | None = None
        self._look: Look | None = None
        self.mailbox = NewestOnly(self)
        self.preview_marks = Marks(self.viewer, "preview")
        self.test_marks = Marks(self.viewer, "test")
        self.results = LocalizeResults(self.viewer, self)
        self._build()
        self.form.restore(self.memory)
        self.save.setChecked(self.memory.get("save") is not False)
        self.quality.always.setChecked(self.memory.get("quality") is not False)
        self._connect()
        self.layers.list_layers()
        if self.layers.layer is None:
            self.choose(None)

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.layers = LayerChoice(
            self.viewer,
            self._listeners,
            lambda viewer: [layer for layer in viewer.layers if is_movie_layer(layer)],
            self._preferred,
            self,
        )
        self.layers.setObjectName("layers")
        self.layers.setToolTip("The movie to localize: an image layer of the viewer")
        self.form = LocalizeForm(self.viewer)
        self.quality = QualityPanel(self)
        self.quality_section = Section("Quality", self)
        self.quality_section.body.addWidget(self.quality)
        inner = QWidget(self)
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(2)
        body.addWidget(self.form)
        body.addWidget(self.quality_section)
        body.addStretch(1)
        self._scroll = in_scroll_area(inner, self)
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.setInterval(_FOLLOW_MS)
        bar = self._scroll.verticalScrollBar()
        assert bar is not None
        bar.rangeChanged.connect(self._on_range)
        self.localize = button(
            self, "localize", "Localize", "Find and fit the molecules of all chosen frames"
        )
        self.copy = button(
            self, "copy", "Copy as Python", "Copy the script that does what Localize does"
        )
        self.save_as = button(self, "save_as", "Save as…", "Save the newest result somewhere else")
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
        self.arrange(top, self._scroll, self.message, saving, self.bar, buttons, stretch=1)

    def _connect(self) -> None:
        on = self._listeners.on
        on(self.viewer.dims.events.point, self._on_point)
        self._listeners.at_end(self.form.roi.detach)
        self._listeners.at_end(self.quality.unfollow)
        self._listeners.at_end(self.quality.runner.cancel)
        self._listeners.at_end(partial(self.mailbox.close, 0.0))
        self.layers.chosen.connect(self.choose)
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
        self.quality.asked.connect(self.estimate_quality)
        self.quality.measured.connect(self.results.note_quality)
        self.quality.measured.connect(lambda *_: self._follow.start())
        self.quality.appeared.connect(self._follow.start)
        self.quality.always.toggled.connect(self.remember_soon)

    # -- the movie ------------------------------------------------------------------------------
    def _preferred(self, layers: list[Layer], new: Layer | None) -> Layer | None:
        """Follow a movie that was opened; choose a movie rather than a single image."""
        if new is not None and new in layers and new.ndim > 2 and not self.runner.running:
            return new
        if self.layer in layers or not layers:
            return None
        return ([layer for layer in layers if layer.ndim > 2] or layers)[-1]

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
            try:
                self.movie = movie_of(self.layer, self.viewer)  # another channel or position
            except LimelightError as error:  # such as where no image was taken
                self.message.tell(str(error), error=True)
                return
            self._on_save()
        self.look()

    def _on_settings(self) -> None:
        self.remember_soon()
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
        self.form.found.tell(say(error), error=True)

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
        self.quality.clear()
        self.localize.setEnabled(False)
        self.bar.begin(stop - start)
        self.runner.start(job)
        if self.quality.always.isChecked() and self.results.live is not None:
            self.quality_section.set_open(True)
            self.quality.follow(self.results.live)

    def _on_finished(self, outcome: Any) -> None:
        text, is_error = self.results.deliver(outcome)
        self.message.tell(text, error=is_error)
        self.localize.setEnabled(self.movie is not None)
        self.quality.unfollow()
        newest = self.results.newest
        self.save_as.setEnabled(newest is not None)
        self.quality.estimate.setEnabled(newest is not None and len(newest) > 0)
        self._on_save()
        if outcome.state == "done" and self.quality.always.isChecked():
            self.estimate_quality()

    def estimate_quality(self) -> None:
        """Measure the quality of the newest result."""
        newest = self.results.newest
        if newest is not None and len(newest):
            self.quality_section.set_open(True)
            self.quality.measure(newest)
            self._follow.start()

    def _on_range(self, *_: int) -> None:
        """Scroll to the figures when there is more to scroll because of them."""
        bar = self._scroll.verticalScrollBar()
        if bar is not None and self._follow.isActive():
            bar.setValue(self.quality_section.y())

    def _on_save(self) -> None:
        text, tip = self.results.saving(self.movie, self.form.frames.value())
        self.save.setText(text)
        self.save.setToolTip(tip)
        self.save.setEnabled(self.movie is not None and self.movie.path is not None)
        self.remember_soon()

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
        self.copy_text(script)

    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        return {
            **self.form.state(),
            "save": bool(self.save.isChecked()),
            "quality": bool(self.quality.always.isChecked()),
        }


def _what_is_wrong_with(movie: Movie) -> str:
    """Return what a person has to know of a damaged file."""
    problem = getattr(movie, "problem", None)
    return str(problem) if problem is not None else ""
