"""All that is set in the Localize dock, as one `LocalizeSettings` and one `Camera`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core.settings import fields_of
from limelight.localize import LocalizeSettings
from limelight.localize.settings import (
    BOX_WITH_CALIBRATION,
    DEFAULT_DETECTOR,
    DEFAULT_FITTER,
    fitter_for,
)
from limelight.widgets.camera_config_form import CameraConfigForm
from limelight.widgets.camera_form import CameraForm
from limelight.widgets.controls import MessageLabel, Section
from limelight.widgets.frame_range import FrameRange
from limelight.widgets.part_form import PartForm
from limelight.widgets.roi import RoiControl
from limelight.widgets.settings_form import SettingsForm
from limelight.widgets.spot_table import SpotTable
from limelight.widgets.threshold_histogram import ThresholdHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie

__all__ = ["LocalizeForm"]

_ALL = {f.name for f in fields_of(LocalizeSettings)}


class LocalizeForm(QWidget):
    """The sections of the dock: where to look, the camera, how to fit.

    Signals
    -------
    changed : after any change of a setting.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._camera_state: dict[str, Any] = {}
        self.detector = PartForm(
            "Detector", "detectors", DEFAULT_DETECTOR, "How molecules are looked for in a frame"
        )
        self.finding = SettingsForm(LocalizeSettings, skip=_ALL - {"box"})
        self.histogram = ThresholdHistogram()
        self.roi = RoiControl(viewer)
        self.preview = QCheckBox("Preview")
        self.preview.setObjectName("preview")
        self.preview.setToolTip(
            "Mark the spots of the frame in view, live while frames or settings change"
        )
        self.test = QPushButton("Test")
        self.test.setObjectName("test")
        self.test.setCheckable(True)
        self.test.setToolTip(
            "Show what is found on the frame in view, and why every other local maximum is rejected"
        )
        self.found = MessageLabel()
        self.table = SpotTable()
        self.table.hide()
        self.camera = CameraForm()
        self.config = CameraConfigForm()
        self.fitter = PartForm("Method", "fitters", DEFAULT_FITTER, "How the molecules are fitted")
        self.fitting = SettingsForm(
            LocalizeSettings,
            skip={"box", "roi", "frames", "detector", "fitter"},
            more="More of the background",
        )
        self.frames = FrameRange()
        self.sections = [self._find_section(), self._camera_section(), self._fit_section()]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for section in self.sections:
            layout.addWidget(section)
        layout.addStretch(1)
        self._connect()

    def _find_section(self) -> Section:
        section = Section("Find spots")
        section.body.addWidget(self.detector)
        section.body.addWidget(self.histogram)
        section.body.addWidget(self.finding)
        rows = _rows()
        rows.addRow(_label("Region y0, x0, y1, x1 (px)", self.roi.line), self.roi)
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        section.body.addLayout(rows)
        row = QHBoxLayout()
        row.addWidget(self.preview)
        row.addWidget(self.found, 1)
        row.addWidget(self.test)
        section.body.addLayout(row)
        section.body.addWidget(self.table)
        return section

    def _camera_section(self) -> Section:
        section = Section("Photon conversion")
        section.body.addWidget(self.config)
        section.body.addWidget(self.camera)
        return section

    def _fit_section(self) -> Section:
        section = Section("Fit")
        section.body.addWidget(self.fitter)
        section.body.addWidget(self.fitting)
        rows = _rows()
        rows.addRow(_label("Frames", self.frames.first), self.frames)
        section.body.addLayout(rows)
        return section

    def _connect(self) -> None:
        for part in (self.detector, self.finding, self.roi, self.camera, self.fitter, self.fitting):
            part.changed.connect(self.changed)
        self.frames.changed.connect(self.changed)
        self.fitting.editors["calibration"].changed.connect(self._on_calibration)
        self.config.chosen.connect(self._on_config)
        self.detector.changed.connect(self._show_threshold)
        self.histogram.threshold_changed.connect(self._on_threshold)
        self._show_threshold()

    # -- the threshold: a number box of the detector's form, and the line in the histogram ------
    def _threshold_editor(self) -> Any:
        form = self.detector.form
        if form is None:
            return None
        return form.editors.get(getattr(form.settings_class, "threshold_name", ""))

    def _show_threshold(self) -> None:
        editor = self._threshold_editor()
        self.histogram.setVisible(editor is not None)
        if editor is None:
            return
        cls = self.detector.form.settings_class if self.detector.form else None
        self.histogram.set_name(str(getattr(cls, "score_name", "")))
        try:
            value = editor.get()
        except ValueError:
            return
        if isinstance(value, int | float):
            self.histogram.set_threshold(float(value))

    def _on_threshold(self, threshold: float) -> None:
        editor = self._threshold_editor()
        if editor is not None:
            low = -float("inf") if editor.field.low is None else editor.field.low
            high = float("inf") if editor.field.high is None else editor.field.high
            editor.set(min(max(threshold, low), high))

    # -- the calibration: it asks for a fit of its own ---------------------------------------------
    def _on_calibration(self, *_: Any) -> None:
        """Choose the fit and the box that a calibration wants, unless what is chosen will do."""
        path = str(self.fitting.editors["calibration"].get() or "")
        if not path or not Path(path).expanduser().is_file():
            return
        cls = self.fitter.form.settings_class if self.fitter.form else None
        wanted = fitter_for(path)
        spline = bool(getattr(cls, "needs_calibration", False))
        if spline != (wanted == "spline") or getattr(cls, "one_width", False):
            self.fitter.choose(wanted)
            box = self.finding.editors["box"]
            if box.get() == box.field.default:
                box.set(BOX_WITH_CALIBRATION)

    # -- the camera -----------------------------------------------------------------------------
    def _on_config(self, camera: Camera) -> None:
        self.camera.set_camera(camera)

    # -- values ---------------------------------------------------------------------------------
    def show_movie(self, movie: Movie | None, layer: Layer | None) -> None:
        """Offer the frames, the image and the camera of a movie."""
        self.frames.set_length(len(movie) if movie is not None else 0)
        self.roi.attach(layer, movie.shape[1:] if movie is not None else (0, 0))
        if movie is not None:
            camera = self.camera.restored(self._camera_state, movie.camera)
            self.camera.set_camera(camera)
            self.config.show_movie(movie)

    def settings(self) -> LocalizeSettings:
        """Return the settings.

        Raises
        ------
        LimelightError
            If a value is of no use.
        """
        return LocalizeSettings(
            detector=self.detector.part(),
            fitter=self.fitter.part(),
            roi=self.roi.value(),
            frames=self.frames.value(),
            **self.finding.values(),
            **self.fitting.values(),
        )

    def state(self) -> dict[str, Any]:
        """Return all that is worth remembering; the region and the frames belong to a movie."""
        self._camera_state = self.camera.state()
        state: dict[str, Any] = {
            "detector": self.detector.state(),
            "fitter": self.fitter.state(),
            "camera": self._camera_state,
            "config": self.config.state(),
            "open": {section.title: section.is_open for section in self.sections},
        }
        for name, form in (("finding", self.finding), ("fitting", self.fitting)):
            try:
                state[name] = form.values()
            except ValueError:
                continue
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what `state` returned; what no longer fits is left out."""

        def part(name: str) -> dict[str, Any]:
            value = state.get(name)
            return value if isinstance(value, dict) else {}

        with QSignalBlocker(self):
            self.detector.restore(part("detector"))
            self.fitter.restore(part("fitter"))
            self.finding.set_values(part("finding"))
            self.fitting.set_values(part("fitting"))
            self._camera_state = part("camera")
            self.camera.set_camera(self.camera.restored(self._camera_state, self.camera.camera()))
            self.config.restore(part("config"))
            for section in self.sections:
                section.set_open(bool(part("open").get(section.title, True)))
        self.changed.emit()


def _rows() -> QFormLayout:
    rows = QFormLayout()
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setVerticalSpacing(4)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return rows


def _label(text: str, control: QWidget) -> QLabel:
    label = QLabel(text)
    label.setToolTip(control.toolTip())
    return label
