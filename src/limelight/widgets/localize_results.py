"""What a run of the Localize dock leaves in the viewer and on the disk."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog, QWidget

from limelight.core.errors import LimelightError
from limelight.core.job import run
from limelight.core.report import report
from limelight.localize import results_path
from limelight.widgets.layers import (
    Placement,
    add_molecules,
    calibrate,
    show_picture,
)
from limelight.widgets.localize_run import Delivery, LocalizeRun
from limelight.widgets.worker import describe_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from limelight.core.camera import Camera
    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.locs.assess import Quality
    from limelight.core.locs.live_quality import LiveQuality
    from limelight.core.movie import Movie
    from limelight.core.render import Picture
    from limelight.core.report import RunRecord
    from limelight.localize import LocalizeSettings
    from limelight.widgets.worker import Outcome

__all__ = ["LocalizeResults"]

_REDRAW_MS = 500

Told = tuple[str, bool]
"""A message, and whether it tells of an error."""


@dataclass
class _Run:
    run: LocalizeRun
    placement: Placement
    name: str
    picture_layer: Image | None = None


class LocalizeResults(QObject):
    """Shows the picture while a run goes on, and its results at the end.

    A run is bound to the movie that it was started on: what happens to the layer meanwhile does
    not matter.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added.
    parent : QWidget
        The dock.
    """

    def __init__(self, viewer: ViewerModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._dock = parent
        self._run: _Run | None = None
        self.newest: Localizations | None = None
        self._record: RunRecord | None = None
        self._quality: Quality | None = None
        self._suggestion = Path("locs.hdf5")
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.timeout.connect(self._redraw)

    def saving(self, movie: Movie | None, frames: tuple[int, int] | None = None) -> tuple[str, str]:
        """Return the save box' text and tooltip: where a run's result will be saved."""
        if movie is None or movie.path is None:
            return "Save beside the movie", "This movie is in no file: use Save as… after the run"
        path = _target(movie, frames)
        again = " (replaces the one there)" if path.exists() else ""
        return f"Save {path.name}", f"Save the result as {path} and a .yaml beside it{again}"

    def prepare(
        self, movie: Movie, layer: Layer, settings: LocalizeSettings, camera: Camera, save: bool
    ) -> Job[Delivery]:
        """Return the job of a run on a movie, and get ready for what it finds."""
        path = _target(movie, settings.frames)
        target = path if save and movie.path is not None else None
        run = LocalizeRun(movie, settings, camera, target)
        if calibrate(layer, camera.pixel_size_nm):
            self._viewer.reset_view()
        self._run = _Run(run, Placement.of(layer), movie.name)
        self._suggestion = path
        self._timer.start()
        return run.job()

    @property
    def live(self) -> LiveQuality | None:
        """Quality of what the run that is under way has found so far."""
        return None if self._run is None else self._run.run.quality

    def _redraw(self) -> None:
        current = self._run
        if current is None:
            return
        if current.picture_layer is not None and current.picture_layer not in self._viewer.layers:
            return  # it was taken away: the person does not want to watch
        picture = current.run.take_picture()
        if picture is not None:
            with self._selection_kept():
                self._show(current, picture, "super-resolution (running)")

    def _show(
        self, current: _Run, picture: Picture, title: str, locs: Localizations | None = None
    ) -> None:
        current.picture_layer = show_picture(
            self._viewer,
            picture,
            current.placement,
            current.run.camera.pixel_size_nm,
            name=f"{current.name} {title}",
            layer=current.picture_layer,
            locs=locs,
        )

    def deliver(self, outcome: Outcome) -> Told:
        """Show how a run ended; return what to tell."""
        self._timer.stop()
        current, self._run = self._run, None
        if current is None:
            return "", False
        if outcome.state == "done":
            return self._deliver_all(current, outcome.result, outcome.seconds)
        why = "Cancelled." if outcome.state == "cancelled" else _say(outcome.error)
        return self._deliver_partial(current, why), outcome.state == "failed"

    def _deliver_all(self, current: _Run, delivery: Delivery, seconds: float) -> Told:
        locs = delivery.locs
        self._add(current, locs, delivery.picture, "")
        self._record = delivery.record
        start, stop = current.run.settings.frame_range(len(current.run.movie))
        text = (
            f"{len(locs):,} molecules in {stop - start:,} frames, {describe_time(seconds)}. "
            if len(locs)
            else "No molecules were found: lower the detection threshold. "
        )
        if delivery.problem is not None:
            told, failed = self.save_as(f"{delivery.problem} Choose another place.")
            return text + (told or f"{delivery.problem} Not saved yet: use Save as…"), (
                failed or not told
            )
        if delivery.path is not None:
            return f"{text}Saved as {delivery.path.name}.", False
        return text + "Not saved: use Save as… to keep them.", False

    def _deliver_partial(self, current: _Run, why: str) -> str:
        locs = current.run.found()
        if locs is None:
            if current.picture_layer is not None and current.picture_layer in self._viewer.layers:
                self._viewer.layers.remove(current.picture_layer)
            return f"{why} Nothing was found until then."
        self._add(current, locs, current.run.draw(locs), " (partial)")
        return f"{why} {len(locs):,} molecules of the first frames are kept as layers, not saved."

    @contextmanager
    def _selection_kept(self) -> Iterator[None]:
        """Keep the layer selected that was; napari selects what is added."""
        selected = self._viewer.layers.selection.active
        yield
        if selected is not None and selected in self._viewer.layers:
            self._viewer.layers.selection.active = selected

    def _add(self, current: _Run, locs: Localizations, picture: Picture, note: str) -> None:
        self.newest, self._record, self._quality = locs, None, None
        with self._selection_kept():
            self._show(current, picture, f"super-resolution{note}", locs)
            if len(locs):
                name = f"{current.name} molecules{note}"
                add_molecules(self._viewer, locs, current.placement, name=name)

    def note_quality(self, locs: Localizations, quality: Quality) -> None:
        """Add the quality to what is remembered of a result, if that is still the newest."""
        if locs is self.newest:
            self._quality = quality
            self._report_quality()

    def _report_quality(self) -> None:
        from limelight.localize.saving import with_quality

        if self._record is not None and self._quality is not None:
            report(with_quality(self._record, self._quality))

    # -- on disk --------------------------------------------------------------------------------
    def save_as(self, title: str = "Save localizations") -> Told:
        """Ask where to save the newest result, until it is saved or the person gives up."""
        from limelight.localize.saving import save_job

        if self.newest is None:
            return "", False
        while True:
            path = self._ask_path(title)
            if path is None:
                return "", False
            try:
                self._record = run(save_job(self.newest, path, quality=False))
                self._report_quality()
                return f"Saved as {path}.", False
            except (LimelightError, OSError) as error:
                title = f"{error} Choose another place."

    def _ask_path(self, title: str) -> Path | None:
        suggestion = self._suggestion
        with suppress(OSError):
            if not suggestion.parent.is_dir():
                suggestion = Path.home() / suggestion.name
        name, _ = QFileDialog.getSaveFileName(
            self._dock, title, str(suggestion), "Localizations (*.hdf5)"
        )
        if not name:
            return None
        path = Path(name)
        return path if path.suffix == ".hdf5" else path.with_name(path.name + ".hdf5")


def _say(error: Exception | None) -> str:
    if isinstance(error, LimelightError):
        return str(error)
    return f"The run failed: {type(error).__name__}: {error}."


def _target(movie: Movie, frames: tuple[int, int] | None) -> Path:
    """Where a run saves; a trial on some frames does not replace the result of all."""
    return results_path(movie, "_locs" if frames is None else f"_{frames[0]}-{frames[1]}_locs")
