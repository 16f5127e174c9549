"""The Microscope dock: load it, look through it, set it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from limelight.acquire import load_configuration
from limelight.acquire.installations import find_installations
from limelight.acquire.live import LiveView, contrast_of, histogram_of, snap_job
from limelight.acquire.use import USE
from limelight.core.errors import LimelightError
from limelight.widgets.controls import ChoiceBox, NumberBox, Section
from limelight.widgets.dock import Dock, button, in_scroll_area, say
from limelight.widgets.live_layer import LiveLayer
from limelight.widgets.microscope_core import core_for_docks
from limelight.widgets.microscope_panels import Panels, show_properties
from limelight.widgets.range_histogram import RangeHistogram

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from limelight.core.frame import Frame
    from limelight.widgets.worker import Outcome

__all__ = ["MicroscopeDock"]

_LIVE_MS = 33
_STATUS_MS = 500
_BINS = 128
_RECENT = 6
_FILE, _FOLDER = "<file>", "<folder>"
_KNOWN = {
    "simulated": "Simulated single-molecule microscope",
    "demo": "Micro-Manager's demonstration devices",
}


class MicroscopeDock(Dock):
    """Control the microscope.

    Parameters
    ----------
    napari_viewer : Viewer
        Images are shown in it.
    """

    name = "microscope"
    unit = "images"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.core: Any = core_for_docks()
        self.view = LiveView(self.core)
        self.layer = LiveLayer(self.viewer, self.core)
        self.recent: list[str] = [str(p) for p in self.memory.get("recent", [])]
        self.installation = str(self.memory.get("installation") or "")
        self._counted = 0
        self._taken = False
        self._again = False
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(_LIVE_MS)
        self._timer.timeout.connect(self._look)
        self._status = QTimer(self)
        self._status.setInterval(_STATUS_MS)
        self._status.timeout.connect(self._tell_rate)
        self._connect()
        self._on_configuration()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.configuration = ChoiceBox(self)
        self.configuration.setObjectName("configuration")
        self.configuration.setToolTip(
            "The microscope to load: simulated, Micro-Manager's demonstration, or a configuration "
            "file of Micro-Manager"
        )
        self.load = button(self, "load", "Load", "Load the chosen configuration")
        self.snap = button(self, "snap", "Snap", "Take one image")
        self.live = button(self, "live", "Live", "Show what the camera sees; press again to stop")
        self.live.setCheckable(True)
        self.exposure = NumberBox(0.001, 1e6, self)
        self.exposure.setObjectName("exposure")
        self.exposure.setToolTip("Exposure of an image, ms")
        self.auto = QCheckBox("Auto contrast", self)
        self.auto.setObjectName("auto_contrast")
        self.auto.setToolTip("Follow the darkest and brightest pixels of every image")
        self.auto.setChecked(True)
        self.histogram = RangeHistogram(self)
        self.histogram.setToolTip(
            "Grey values of the image that is shown; drag the handles to set the contrast"
        )
        self.rates = QLabel("", self)
        self.rates.setObjectName("rates")
        self.rates.setToolTip(
            "Images that the camera delivers and that are shown. The newest one is always shown; "
            "those in between are passed over, none is lost for an acquisition"
        )
        self.rates.setWordWrap(True)
        self.properties = button(
            self, "properties", "Device properties…", "Browse and set every property of all devices"
        )
        row = QHBoxLayout()
        row.addWidget(self.configuration, 1)
        row.addWidget(self.load)
        buttons = QHBoxLayout()
        buttons.addWidget(self.snap)
        buttons.addWidget(self.live)
        label = QLabel("Exposure (ms)", self)
        label.setToolTip(self.exposure.toolTip())
        buttons.addWidget(label)
        buttons.addWidget(self.exposure, 1)
        inner = QWidget(self)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        camera = Section("Camera", inner)
        camera.body.addLayout(buttons)
        contrast = QHBoxLayout()
        contrast.addWidget(self.auto)
        contrast.addStretch(1)
        camera.body.addLayout(contrast)
        camera.body.addWidget(self.histogram)
        camera.body.addWidget(self.rates)
        column.addWidget(camera)
        self.panels = Panels(self.core, inner)
        column.addWidget(self.panels)
        column.addStretch(1)
        self.arrange(
            row,
            self.message,
            in_scroll_area(inner, self),
            self.properties,
            stretch=2,
        )
        self._list_configurations()

    def _connect(self) -> None:
        self.load.clicked.connect(self._on_load)
        self.configuration.activated.connect(self._on_activated)
        self.snap.clicked.connect(self.take)
        self.live.toggled.connect(self._on_live)
        self.exposure.valueChanged.connect(self._on_exposure)
        self.auto.toggled.connect(lambda *_: self._show_contrast())
        self.histogram.range_changed.connect(self._on_range)
        self.panels.trouble.connect(lambda text: self.message.tell(text, error=True))
        self.properties.clicked.connect(lambda: show_properties(self.core, self))
        on = self._listeners.on
        events = self.core.events
        on(events.systemConfigurationLoaded, self._on_configuration)
        on(events.exposureChanged, self._on_exposure_changed)
        on(events.sequenceAcquisitionStopped, self._on_stopped)
        on(USE.taken, self._on_taken)
        on(USE.given_back, self._on_given_back)
        self.runner.finished.connect(self._on_snapped)
        self._listeners.at_end(self.view.stop)
        if USE.is_taken(self.core):
            self._on_taken(self.core)

    def _list_configurations(self) -> None:
        current = self.memory.get("configuration", "simulated")
        self.configuration.clear()
        for name, title in _KNOWN.items():
            self.configuration.addItem(title, name)
        for path in [*self.recent, *self._installed()]:
            if self.configuration.findData(path) < 0:
                self.configuration.addItem(Path(path).name, path)
                self.configuration.setItemData(self.configuration.count() - 1, path, 3)
        self.configuration.addItem("Another configuration file…", _FILE)
        self.configuration.addItem("Folder of Micro-Manager…", _FOLDER)
        self.configuration.setCurrentIndex(max(self.configuration.findData(current), 0))

    def _installed(self) -> list[str]:
        """Return the configurations that lie in the folders of Micro-Manager."""
        folders = [self.installation] if self.installation else []
        found = (Path(folder) for folder in [*folders, *find_installations()])
        return [str(path) for folder in found for path in sorted(folder.glob("*.cfg"))]

    def state(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            "recent": self.recent,
            "configuration": self.configuration.currentData(),
            "installation": self.installation,
        }

    # -- the microscope -------------------------------------------------------------------------
    def _on_activated(self, index: int) -> None:
        wanted = self.configuration.itemData(index)
        if wanted == _FILE:
            path = self.ask_file("Open a configuration", "Micro-Manager (*.cfg);;All files (*)")
            if path:
                self.recent = [path, *(p for p in self.recent if p != path)][:_RECENT]
                self.memory["configuration"] = path
        elif wanted == _FOLDER:
            folder = QFileDialog.getExistingDirectory(self, "Folder of Micro-Manager")
            if folder:
                self.use_installation(folder)
        else:
            self.memory["configuration"] = wanted
            self.remember_soon()
            return
        self._list_configurations()
        self.remember_soon()

    def use_installation(self, folder: str) -> None:
        """Take device adapters and configurations from a folder of Micro-Manager."""
        self.installation = folder
        there = self._installed()
        self.message.tell(
            f"Device adapters are taken from {folder}."
            if there or any(Path(folder).glob("*mmgr_dal*"))
            else f"There are neither device adapters nor configurations in {folder}.",
            error=not there,
        )
        if there:
            self.memory["configuration"] = there[0]
        self._list_configurations()
        self.remember_soon()

    def _on_load(self) -> None:
        self.open(str(self.configuration.currentData()))

    def open(self, configuration: str) -> None:
        """Load a microscope; tells what is wrong where that fails."""
        self.stop()
        self.message.tell("Loading…")
        self.message.repaint()
        self.panels.clear()
        try:
            own = configuration not in _KNOWN and self.installation
            load_configuration(self.core, configuration, self.installation if own else None)
        except LimelightError as error:
            self.message.tell(
                f"{error} Micro-Manager's device adapters are found where Micro-Manager is "
                "installed, or with the command `mmcore install`.",
                error=True,
            )
            self.panels.rebuild()
            return
        self.message.tell(f"{_KNOWN.get(configuration, Path(configuration).name)} is loaded.")
        self.remember_soon()

    def _on_configuration(self, *_: object) -> None:
        there = len(self.core.getLoadedDevices()) > 1
        camera = bool(there and self.core.getCameraDevice())
        self._enable()
        if not there:
            self.message.tell("Choose a microscope and load it.")
        elif not camera:
            self.message.tell("There is no camera in this configuration.")
        if camera:
            self._on_exposure_changed("", self.core.getExposure())
        self.panels.rebuild()

    def _enable(self) -> None:
        there = len(self.core.getLoadedDevices()) > 1
        camera = bool(there and self.core.getCameraDevice())
        self.load.setEnabled(not self._taken)
        self.configuration.setEnabled(not self._taken)
        self.live.setEnabled(camera and not self._taken)
        self.exposure.setEnabled(camera and not self._taken)
        self.snap.setEnabled(camera and not self._taken and not self.live.isChecked())
        self.properties.setEnabled(there)

    def _on_taken(self, core: object) -> None:
        if core is not self.core or self._taken:
            return
        self._again = bool(self.live.isChecked())
        if self._again:
            self.stop()
        self._taken = True
        self._enable()
        self.rates.setText("An acquisition uses the camera.")

    def _on_given_back(self, core: object) -> None:
        if core is not self.core or not self._taken or USE.is_reserved(core):
            return  # or the next one has it already, or will in a moment
        self._taken = False
        self.rates.setText("")
        self._enable()
        if self._again and self.live.isEnabled():
            self._again = False
            self.live.setChecked(True)

    def _on_exposure(self, value: float) -> None:
        try:
            if abs(self.core.getExposure() - value) > 1e-9:
                self.core.setExposure(float(value))
        except RuntimeError as error:
            self.message.tell(f"The exposure cannot be set: {say(error)}", error=True)

    def _on_exposure_changed(self, _camera: str, value: float) -> None:
        with suppress(RuntimeError):
            self.exposure.blockSignals(True)
            self.exposure.setValue(float(value))
            self.exposure.blockSignals(False)

    # -- images ---------------------------------------------------------------------------------
    def take(self) -> None:
        """Take one image and show it."""
        if self.view.running or self.runner.running or self._taken:
            return
        self.message.tell("")
        for widget in (self.snap, self.live, self.load):
            widget.setEnabled(False)
        self.runner.start(snap_job(self.core))

    def _on_snapped(self, outcome: Outcome) -> None:
        self._enable()
        if outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
        elif outcome.result is not None:
            self.layer.reveal()
            self._show(outcome.result)

    def _on_live(self, on: bool) -> None:
        self.live.setText("Stop" if on else "Live")
        if not on:
            self.stop()
            return
        try:
            self.view.start()
        except LimelightError as error:
            self.live.setChecked(False)
            self.message.tell(str(error), error=True)
            return
        self.layer.reveal()
        self._enable()
        self.message.tell("")
        self._timer.start()
        self._status.start()

    def stop(self) -> None:
        """Stop the camera."""
        self._timer.stop()
        self._status.stop()
        self.view.stop()
        self.live.setChecked(False)
        self._enable()

    def _on_stopped(self, *_: object) -> None:
        if self.live.isChecked() and not self.view.running:
            self.live.setChecked(False)

    def _look(self) -> None:
        if USE.is_taken(self.core):
            return  # those are an acquisition's images; that it gives way is on its way
        try:
            frame = self.view.newest()
        except LimelightError as error:
            self.stop()
            self.message.tell(str(error), error=True)
            return
        if frame is not None:
            self._show(frame)

    def _show(self, frame: Frame) -> None:
        limits = contrast_of(frame.pixels) if self.auto.isChecked() else None
        try:
            self.layer.show(frame.pixels, limits)
        except RuntimeError:  # the window is going
            self.stop()
            return
        self._counted += 1
        if self._counted % 3 == 1 or not self.view.running:
            self._show_histogram(frame.pixels)

    def _show_histogram(self, pixels: Any) -> None:
        counts, low, high = histogram_of(pixels, _BINS)
        self.histogram.set_counts(counts, (low, high))
        self._show_contrast()

    def _show_contrast(self) -> None:
        limits = self.layer.contrast
        if limits is not None:
            self.histogram.set_range(limits)

    def _on_range(self, wanted: tuple[float | None, float | None]) -> None:
        self.auto.setChecked(False)
        low, high = self.histogram.ends
        self.layer.set_contrast(
            low if wanted[0] is None else wanted[0], high if wanted[1] is None else wanted[1]
        )
        self.histogram.set_range(wanted)

    def _tell_rate(self) -> None:
        status = self.view.status
        self.rates.setText(
            f"Camera {status.camera_rate:.1f} images/s · shown {status.shown_rate:.1f}/s · "
            f"passed over {status.passed_over:,}"
        )
