"""What all docks share: a run bar, a message, a memory, a choice of a layer, a clean end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import QApplication, QFileDialog, QPushButton, QScrollArea, QVBoxLayout, QWidget

from limelight.core.errors import LimelightError
from limelight.widgets.controls import ChoiceBox, MessageLabel
from limelight.widgets.layers import unwrap
from limelight.widgets.listeners import Listeners
from limelight.widgets.persistence import recall, remember
from limelight.widgets.worker import JobRunner, RunBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer
    from qtpy.QtGui import QHideEvent
    from qtpy.QtWidgets import QLayout

    from limelight.core.job import Job
    from limelight.widgets.worker import Outcome

__all__ = ["Dock", "LayerChoice", "button", "in_scroll_area", "say"]

_REMEMBER_MS = 1000
_WIDTH = 360


class Dock(QWidget):
    """Base of the docks.

    A dock builds its controls, connects what outlives it through ``_listeners``, starts jobs with
    `start_job`, and says in `state` what it wants to know the next time; that it finds in
    ``memory``.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer that it belongs to.
    """

    name = ""
    """Name of the dock's memory."""
    unit = ""
    """What the run bar counts."""
    remembers = True
    """Whether settings are kept for the next time."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.viewer: ViewerModel = unwrap(napari_viewer)
        self.setObjectName(f"limelight-{self.name}")
        self.setMinimumWidth(_WIDTH)
        self.memory: dict[str, Any] = recall(self.name)
        self.runner = JobRunner(self)
        self.message = MessageLabel(self)
        self.bar = RunBar(self.runner, self.unit, self)
        self._deliver: Callable[[Any], str] | None = None
        self._listeners = Listeners(self)
        self._listeners.at_end(self.runner.cancel)
        self._remember_later = QTimer(self)
        self._remember_later.setSingleShot(True)
        self._remember_later.setInterval(_REMEMBER_MS)
        self._remember_later.timeout.connect(self.remember)

    def arrange(self, *parts: QWidget | QLayout, stretch: int = -1) -> None:
        """Put the dock's parts below each other; the one of that index takes the free height."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        for i, part in enumerate(parts):
            if isinstance(part, QWidget):
                layout.addWidget(part, int(i == stretch))
            else:
                layout.addLayout(part, int(i == stretch))

    # -- jobs -----------------------------------------------------------------------------------
    def start_job(self, job: Job[Any], deliver: Callable[[Any], str], note: str = "") -> bool:
        """Start a job, unless one is running.

        Parameters
        ----------
        job : Job
            What to do.
        deliver : callable
            Given the job's result; returns what to tell.
        note : str
            Shown until the first step is done.

        Returns
        -------
        bool
            Whether it was started.
        """
        if self.runner.running:
            job.close()
            return False
        self._deliver = deliver
        self.message.tell("")
        self.bar.begin(1)
        if note:
            self.bar.text.setText(note)
        self.enable_jobs(False)
        self.runner.start(job)
        return True

    def deliver_job(self, outcome: Outcome) -> None:
        """Tell how a job of `start_job` ended; connect it to ``runner.finished``."""
        deliver, self._deliver = self._deliver, None
        self.enable_jobs(True)
        if outcome.state == "done" and deliver is not None:
            self.message.tell(deliver(outcome.result))
        elif outcome.state == "cancelled":
            self.message.tell("Cancelled; nothing was changed.")
        elif outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)

    def enable_jobs(self, on: bool) -> None:
        """Enable what starts jobs; a dock says here what that is."""

    # -- small things ---------------------------------------------------------------------------
    def copy_text(self, text: str, what: str = "The script") -> None:
        """Put a text on the clipboard, and say so."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
            self.message.tell(f"{what} is on the clipboard.")

    def ask_file(self, title: str, kinds: str = "*") -> str:
        """Ask for a file to open; empty where the person gives up."""
        return str(QFileDialog.getOpenFileName(self, title, "", kinds)[0])

    # -- memory ---------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Return what is worth remembering, as JSON can hold it."""
        return {}

    def remember_soon(self, *_: object) -> None:
        """Remember a little later, once for many changes."""
        self._remember_later.start()

    def remember(self) -> None:
        """Keep the settings for the next time."""
        self._remember_later.stop()
        if not self.remembers:
            return
        self.memory = self.state()
        remember(self.name, self.memory)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Keep the newest settings when the dock is closed, with napari or without."""
        if self._remember_later.isActive():
            self.remember()
        super().hideEvent(event)


class LayerChoice(ChoiceBox):
    """A drop-down of those layers of the viewer that serve a purpose; it follows the viewer.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    listeners : Listeners
        Of the dock: they end with it.
    which : callable
        Gives the layers that serve, of the viewer.
    prefer : callable, optional
        Given the layers and the one that was inserted (or None), says which to choose where
        nothing is chosen or something new came; None keeps what is chosen.

    Signals
    -------
    chosen : object
        The layer that is worked on now, or None; only when it is another one.
    """

    chosen = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        listeners: Listeners,
        which: Callable[[ViewerModel], list[Layer]],
        prefer: Callable[[list[Layer], Layer | None], Layer | None] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._listeners, self._which = viewer, listeners, which
        self._prefer = prefer or (lambda layers, new: new if new in layers else None)
        self._known: list[Layer] = []
        self.layer: Layer | None = None
        events = viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            listeners.on(emitter, self._on_layers)
        self.currentIndexChanged.connect(self._on_index)

    def _on_layers(self, event: Any) -> None:
        self.list_layers(event.value if event.type == "inserted" else None)

    def list_layers(self, new: Layer | None = None) -> None:
        """Look which layers there are."""
        layers = self._which(self._viewer)
        wanted = self._prefer(layers, new)
        if wanted is None:
            wanted = self.layer if self.layer in layers else (layers[-1] if layers else None)
        with QSignalBlocker(self):
            self.clear()
            for layer in layers:
                self.addItem(str(layer.name), layer)
                if layer not in self._known:
                    self._listeners.on(layer.events.name, self._on_name)
            self.setCurrentIndex(layers.index(wanted) if wanted is not None else -1)
        self._known = layers
        self.setEnabled(bool(layers))
        self._choose(wanted)

    def choose(self, layer: Layer | None) -> None:
        """Choose one of the layers that are listed."""
        if layer in self._known:
            self.setCurrentIndex(self._known.index(layer))

    def _on_name(self, _: Any) -> None:
        for i in range(self.count()):
            self.setItemText(i, str(self.itemData(i).name))

    def _on_index(self, index: int) -> None:
        self._choose(self.itemData(index) if index >= 0 else None)

    def _choose(self, layer: Layer | None) -> None:
        if layer is not self.layer:
            self.layer = layer
            self.chosen.emit(layer)


def button(parent: QWidget, name: str, text: str, tip: str) -> QPushButton:
    """Return a push button."""
    made = QPushButton(text, parent)
    made.setObjectName(name)
    made.setToolTip(tip)
    return made


def in_scroll_area(inner: QWidget, parent: QWidget) -> QScrollArea:
    """Return a scroll area around a widget that is as wide as the dock."""
    from qtpy.QtCore import Qt

    scroll = QScrollArea(parent)
    scroll.setWidget(inner)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return scroll


def say(error: Exception) -> str:
    """Return an error as people are told of it."""
    known = isinstance(error, LimelightError)
    return str(error) if known else f"{type(error).__name__}: {error}"
