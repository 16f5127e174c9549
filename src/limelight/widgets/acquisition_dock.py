"""The Acquisition dock: axes, processors, storage; start, pause, cancel; watch it grow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTabWidget,
    QToolButton,
    QWidget,
)

from limelight.acquire import Acquisition, acquire_job, estimate
from limelight.acquire.script import as_script
from limelight.acquire.use import USE
from limelight.core.errors import LimelightError
from limelight.widgets.acquisition_view import AcquisitionView, warm_up
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import Dock, button, in_scroll_area, say
from limelight.widgets.icons import use_local_icons
from limelight.widgets.microscope_core import core_for_docks
from limelight.widgets.plot_view import PlotView
from limelight.widgets.processor_list import ProcessorList
from limelight.widgets.worker import describe_time

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from limelight.acquire import Status
    from limelight.core.job import Job, Progress
    from limelight.core.settings import Settings
    from limelight.widgets.worker import Outcome

__all__ = ["AcquisitionDock"]

_WAIT_MS = 300
_PAGE = 420
_PROCESSORS = 1  # index of their page
_SHORTER = {
    "Set AF Offset per Position": "AF offset",
    "Range Around (Symmetric)": "Symmetric",
    "Range Asymmetric": "Asymmetric",
    "Mark Bottom": "Bottom",
    "Mark Top": "Top",
}
_FORMATS = {
    "ndtiff": "NDTiff (Micro-Manager)",
    "ome-zarr": "OME-Zarr",
    "ome-tiff": "OME-TIFF",
    "ram": "memory only, nothing is saved",
}


class AcquisitionDock(Dock):
    """Acquire with the microscope.

    Parameters
    ----------
    napari_viewer : Viewer
        Images, molecules and objects are shown in it while they come.
    """

    name = "acquisition"
    unit = "images"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        use_local_icons()
        self.core: Any = core_for_docks()
        self.view = AcquisitionView(self.viewer, self)
        self.acquisition: Acquisition | None = None
        self._told = 0
        self._user = object()
        self._taken = self._starting = False
        self._build()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_WAIT_MS)
        self._later.timeout.connect(self._tell_estimate)
        self._restore()
        self._connect()
        self._on_configuration()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        from pymmcore_widgets import MDAWidget

        self.sequence = MDAWidget(parent=self, mmcore=self.core)
        # Where images go and what starts them is this dock's own.
        self.sequence.save_info.hide()
        self.sequence.control_btns.hide()
        for other in self.sequence.findChildren(QPushButton):
            if str(other.text()) in ("Save Settings", "Load Settings"):
                other.hide()
        _slim(self.sequence)
        self.processors = ProcessorList(self)
        self.plots = PlotView(self, together=True)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("parts")
        scroll = in_scroll_area(self.sequence, self)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.tabs.addTab(scroll, "Sequence")
        self.tabs.addTab(in_scroll_area(self.processors, self), "Processors")
        self.tabs.addTab(self._build_storage(), "Storage")
        self.estimate = QLabel("", self)
        self.estimate.setObjectName("estimate")
        self.estimate.setWordWrap(True)
        self.estimate.setToolTip("Images, size and duration of what is set; free room on the disk")
        self.follow = QCheckBox("Follow the newest image", self)
        self.follow.setObjectName("follow")
        self.follow.setChecked(True)
        self.follow.setToolTip(
            "Show the newest image; untick it, or move a slider, to look at those before"
        )
        self.start = button(self, "start", "Start", "Acquire what is set")
        self.elsewhere = button(
            self,
            "elsewhere",
            "Go on in another folder…",
            "The disk is full or the folder gone: choose another one, nothing is lost",
        )
        self.elsewhere.hide()
        self.open_button = button(self, "open", "Load…", "Load a sequence (useq YAML or JSON)")
        self.save_button = button(self, "save", "Save…", "Save the sequence as YAML or JSON")
        self.copy_button = button(self, "copy", "Copy as Python", "Copy the script of this")
        self.bar.pause.setToolTip("Hold the acquisition after the image or sequence under way")
        self.bar.cancel.setToolTip("End the acquisition; what was acquired is kept")
        buttons, files = QHBoxLayout(), QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.copy_button)
        files.addWidget(self.open_button)
        files.addWidget(self.save_button)
        files.addWidget(self.follow, 1)
        self.arrange(
            self.tabs,
            self.plots,
            self.estimate,
            self.message,
            self.elsewhere,
            files,
            self.bar,
            buttons,
            stretch=0,
        )

    def _build_storage(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.folder = QLineEdit(str(Path.home()), page)
        self.folder.setObjectName("folder")
        self.folder.setToolTip("Folder in which a folder is made for every acquisition")
        browse = QToolButton(page)
        browse.setText("…")
        browse.setToolTip("Choose the folder")
        browse.clicked.connect(self._on_browse)
        holder = QWidget(page)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        self.title = QLineEdit("acquisition", page)
        self.title.setObjectName("name")
        self.title.setToolTip("Name of the data set; a number is added to it")
        self.format = ChoiceBox(page)
        self.format.setObjectName("format")
        self.format.setToolTip("How images are saved")
        for name, words in _FORMATS.items():
            self.format.addItem(words, name)
        self.raw = QCheckBox("Save images as they come from the camera", page)
        self.raw.setObjectName("raw")
        self.raw.setToolTip(
            "Processors that change images then change only what is shown; else what they give "
            "is saved"
        )
        form.addRow("Folder", holder)
        form.addRow("Name", self.title)
        form.addRow("Format", self.format)
        form.addRow(self.raw)
        return page

    def _connect(self) -> None:
        self.sequence.valueChanged.connect(self._changed)
        self.processors.changed.connect(self._changed)
        for line in (self.folder, self.title):
            line.textChanged.connect(self._changed)
        self.format.currentIndexChanged.connect(self._changed)
        self.raw.toggled.connect(self._changed)
        self.start.clicked.connect(self.begin)
        self.elsewhere.clicked.connect(self._on_elsewhere)
        self.open_button.clicked.connect(self._on_open)
        self.save_button.clicked.connect(self._on_save)
        self.copy_button.clicked.connect(self.copy_script)
        self.follow.toggled.connect(self._on_follow)
        self.bar.pause.toggled.connect(self._on_pause)
        self.view.read.connect(self.plots.show_plots)
        self.plots.told.connect(self.message.tell)
        self.runner.progressed.connect(self._on_progress)
        self.runner.finished.connect(self._on_finished)
        on = self._listeners.on
        on(self.core.events.systemConfigurationLoaded, self._on_configuration)
        on(USE.taken, lambda core: self._on_use(core, True))
        on(USE.given_back, lambda core: self._on_use(core, False))
        on(self.core.events.roiSet, self._changed)
        on(self.viewer.dims.events.current_step, self._on_step)
        self._listeners.at_end(self.view.stop)
        user, core = self._user, self.core  # the acquisition itself uses it until it has ended
        self._listeners.at_end(lambda: USE.give_back(core, user))

    def _restore(self) -> None:
        memory = self.memory
        self.folder.setText(str(memory.get("folder") or Path.home()))
        self.title.setText(str(memory.get("name") or "acquisition"))
        self.format.setCurrentIndex(max(self.format.findData(memory.get("format")), 0))
        self.raw.setChecked(bool(memory.get("raw")))
        self.processors.restore(memory.get("processors") or [])

    def state(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            "folder": str(self.folder.text()),
            "name": str(self.title.text()),
            "format": self.format.currentData(),
            "raw": bool(self.raw.isChecked()),
            "processors": self.processors.entries(),
        }

    def _changed(self, *_: object) -> None:
        self._later.start()
        self.remember_soon()

    def _on_configuration(self, *_: object) -> None:
        there = len(self.core.getLoadedDevices()) > 1 and bool(self.core.getCameraDevice())
        self.start.setEnabled(there and not self.runner.running and not self._taken)
        if there:
            self.message.tell("")
            self._later.start()
        else:
            self.message.tell("Load a microscope with a camera first: the Microscope dock does it.")

    def _on_use(self, core: object, taken: bool) -> None:
        """Wait while another dock acquires."""
        if core is self.core and not self.runner.running:
            self._taken = (taken or USE.is_taken(core)) and not self._starting
            self._on_configuration()

    def _on_browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for data", self.folder.text())
        if folder:
            self.folder.setText(folder)

    # -- what it will take ----------------------------------------------------------------------
    def _tell_estimate(self) -> None:
        if len(self.core.getLoadedDevices()) < 2 or not self.core.getCameraDevice():
            self.estimate.setText("")
            return
        try:
            saved = self.format.currentData() != "ram"
            folder = str(self.folder.text()) if saved else None
            what = estimate(self.sequence.value(), self.core, folder)
        except Exception as error:  # what is being typed need not make sense yet
            self.estimate.setText(f"{say(error)}".splitlines()[0])
            return
        text = f"{what.images:,} image{'' if what.images == 1 else 's'}, {_bytes(what.size)}"
        text += f", at least {_seconds(what.seconds)}"
        if what.free is not None:
            text += f"; {_bytes(what.free)} free"
        if not what.fits:
            text += ". THIS DOES NOT FIT on the disk"
        self.estimate.setText(text)

    # -- sequences as files -----------------------------------------------------------------------
    def _on_open(self) -> None:
        path = self.ask_file("Load a sequence", "Sequences (*.yaml *.yml *.json)")
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> None:
        """Load a sequence; tells what is wrong with the file."""
        import useq

        try:
            self.sequence.setValue(useq.MDASequence.from_file(path))
        except Exception as error:  # the library raises whatever a wrong file leads to
            first = (str(error).splitlines() or [""])[0]
            self.message.tell(
                f"{path.name} is no sequence that can be read: {first}. It has to be useq's YAML "
                "or JSON.",
                error=True,
            )
            return
        self.message.tell(f"{path.name} is loaded.")

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the sequence", "sequence.yaml", "Sequences (*.yaml *.json)"
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Save the sequence."""
        path = path if path.suffix else path.with_suffix(".yaml")
        value = self.sequence.value()
        try:
            text = (
                value.model_dump_json(exclude_unset=True, indent=1)
                if path.suffix == ".json"
                else str(value.yaml(exclude_unset=True))
            )
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self.message.tell(f"{path} cannot be written: {error.strerror}.", error=True)
            return
        self.message.tell(f"Saved as {path.name}.")

    def copy_script(self) -> None:
        """Copy the script of what is set."""
        try:
            text = self._script()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.copy_text(text)

    def _script(self) -> str:
        saved = self.format.currentData() != "ram"
        loaded = self.core.systemConfigurationFile()
        return as_script(
            self.sequence.value(),
            configuration=str(loaded) if loaded else None,
            directory=str(self.folder.text()) if saved else None,
            name=str(self.title.text()),
            format=str(self.format.currentData()),
            save="raw" if self.raw.isChecked() else "processed",
            processors=self.processors.processors(),
        )

    # -- running ----------------------------------------------------------------------------------
    def begin(self) -> None:
        """Start acquiring."""
        if self.runner.running:
            return
        if self._taken:
            self.message.tell("The microscope is in use by an acquisition of another dock.", True)
            return
        try:
            sequence = self.sequence.value()
            processors = self.processors.processors()
        except Exception as error:
            self.message.tell(say(error), error=True)
            return
        self.remember()
        self._starting = True
        USE.take(self.core, self._user)
        self._starting = False
        if self.core.isSequenceRunning():  # live view gives way
            self.core.stopSequenceAcquisition()
        self.view.expect()
        self.acquisition = None
        self.processors.hold(True)
        self._told = 0
        self.message.tell("")
        self.elsewhere.hide()
        self.start.setEnabled(False)
        self.bar.begin(1, "")
        self.bar.text.setText("Starting…")
        self.runner.start(self._job(sequence, processors))

    def _job(self, sequence: Any, processors: list[Settings]) -> Job[Acquisition]:
        warm_up()
        saved = self.format.currentData() != "ram"
        acquisition = Acquisition(
            str(self.folder.text()) if saved else None,
            str(self.title.text()).strip() or "acquisition",
            show_display=False,
            core=self.core,
            format=self.format.currentData(),
            processors=processors,
            save="raw" if self.raw.isChecked() else "processed",
            on_storage_error="pause",
            on_output=self.view.take,
        )
        self.acquisition = self.view.acquisition = acquisition
        return (yield from acquire_job(acquisition, sequence))

    def _on_progress(self, step: Progress) -> None:
        acquisition = self.acquisition
        if acquisition is None:
            return
        if self.view.newest is None or not self.view._timer.isActive():
            self.view.begin(acquisition)
        status: Status = step.partial
        if self.tabs.currentIndex() == _PROCESSORS:
            self.processors.show_status(acquisition)
        words = [f"{status.acquired:,} images", f"{status.rate:.1f}/s"]
        if status.waiting:
            words.append(f"{status.waiting} waiting for the disk")
        if status.remaining_s == status.remaining_s:
            words.append(f"{describe_time(status.remaining_s)} left")
        for name, count in status.skipped.items():
            if count:
                words.append(f"{name} skipped {count}")
        if status.overflows:
            words.append(f"camera held {status.overflows} times")
        self.bar.text.setText(" · ".join(words))
        if status.said > self._told:
            self.message.tell(status.messages[-1], error=True)
            self._told = status.said
        stuck = status.phase == "paused" and bool(status.unsaved or status.waiting)
        self.elsewhere.setVisible(stuck and bool(status.messages))

    def _on_pause(self, hold: bool) -> None:
        if self.acquisition is not None and self.acquisition.is_running:
            self.acquisition.pause(hold)

    def _on_elsewhere(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Go on in", str(self.folder.text()))
        if not folder or self.acquisition is None:
            return
        try:
            self.acquisition.continue_in(folder)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.folder.setText(folder)
        self.elsewhere.hide()
        self.message.tell(f"Going on in {folder}.")

    def _on_finished(self, outcome: Outcome) -> None:
        self.elsewhere.hide()
        self.processors.hold(False)
        self.view.end()
        if self.acquisition is not None:
            self.processors.show_status(self.acquisition)
        USE.give_back(self.core, self._user)
        self._on_configuration()
        acquisition = self.acquisition
        if outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
            return
        if acquisition is None:
            return
        status = acquisition.status
        where = f" in {status.path}" if status.path is not None else ""
        text = f"{status.saved or status.acquired:,} images{where}."
        if outcome.state == "cancelled":
            text = f"Cancelled; {text} They are kept."
        if status.failed:
            text += f" {status.failed} could not be taken."
        if status.messages:
            text += " " + status.messages[-1]
        self.message.tell(text, error=bool(status.failed))

    # -- looking ----------------------------------------------------------------------------------
    def _on_follow(self, on: bool) -> None:
        self.view.set_follow(on)

    def _on_step(self, _: Any) -> None:
        # A slider that was moved by hand: look at what is before.
        by_hand = self.runner.running and not self.view.changing
        if by_hand and self.follow.isChecked() and self.view.dataset.layers:
            self.follow.setChecked(False)


def _slim(sequence: Any) -> None:
    """Let the pages of a sequence be as narrow as a dock; their tables scroll by themselves."""
    layout = sequence.layout()
    if layout is not None:
        layout.setContentsMargins(0, 4, 0, 0)
    tabs = sequence.tab_wdg
    for i in range(tabs.count()):
        page = tabs.widget(i)
        page.setMinimumWidth(_PAGE)
        inner = page.layout()
        if inner is not None:
            inner.setContentsMargins(2, 2, 2, 2)
    tabs.setUsesScrollButtons(True)
    for made in sequence.findChildren(QAbstractButton):
        long = str(made.text())
        if long in _SHORTER:
            made.setText(_SHORTER[long])
            made.setToolTip(made.toolTip() or long)
    told = getattr(sequence, "_duration_label", None)
    if told is not None:
        told.hide()  # the dock's own estimate knows the camera


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else describe_time(seconds)
