"""Choose the camera and its read-out mode from a camera configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from limelight.core.camera import Camera
from limelight.core.errors import LimelightError
from limelight.core.remarks import collected
from limelight.io import find_camera_config, load_camera_config
from limelight.widgets.controls import ChoiceBox, MessageLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.core.movie import Movie
    from limelight.io import CameraConfig, CameraEntry

__all__ = ["CameraConfigForm"]

_TYPED = "typed below"


class CameraConfigForm(QWidget):
    """A drop-down of the cameras of a configuration, and one per sensitivity category.

    What a movie's metadata tell is chosen by itself; everything can be chosen by hand.

    Signals
    -------
    chosen : Camera
        Whenever a camera was chosen, by hand or by metadata.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config: CameraConfig | None = None
        self._movie: Movie | None = None
        self.cameras = ChoiceBox(self)
        self.cameras.setObjectName("cameras")
        self.open = QToolButton(self)
        self.open.setObjectName("open_config")
        self.open.setText("…")
        self.open.setToolTip("Choose a camera configuration (a YAML file as Picasso reads it)")
        self.categories: dict[str, ChoiceBox] = {}
        self._rows = QFormLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setVerticalSpacing(4)
        self._message = MessageLabel(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        self._label = QLabel("Camera", self)
        row.addWidget(self.cameras, 1)
        row.addWidget(self.open)
        self._rows.addRow(self._label, row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._rows)
        layout.addWidget(self._message)
        self.cameras.currentIndexChanged.connect(self._on_camera)
        self.open.clicked.connect(self._on_open)
        self._list_cameras()

    # -- the file -------------------------------------------------------------------------------
    def load(self, path: Path | None = None) -> bool:
        """Read a configuration; the one that is found where none is given.

        Returns
        -------
        bool
            Whether there is one now.
        """
        path = path or find_camera_config()
        if path is None:
            return False
        try:
            self._config = load_camera_config(path)
        except LimelightError as error:
            self._message.tell(str(error), error=True)
            return False
        self._message.tell("")
        self._list_cameras()
        self._match()
        return True

    def _on_open(self) -> None:
        name = self._ask_path()
        if name:
            self.load(Path(name))

    def _ask_path(self) -> str:
        name, _ = QFileDialog.getOpenFileName(
            self, "Camera configuration", "", "YAML (*.yaml *.yml)"
        )
        return str(name)

    def state(self) -> dict[str, Any]:
        """Return which file was chosen."""
        return {"path": str(self._config.path) if self._config is not None else ""}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Read the file of `state` again if it is still there, else one that is found."""
        path = Path(str(state.get("path") or ""))
        self.load(path if path.is_file() else None)

    # -- the camera -----------------------------------------------------------------------------
    def show_movie(self, movie: Movie) -> None:
        """Choose what a movie's metadata tell."""
        self._movie = movie
        self._match()

    def _list_cameras(self) -> None:
        with QSignalBlocker(self.cameras):
            self.cameras.clear()
            self.cameras.addItem(_TYPED, None)
            for name, entry in (self._config.cameras if self._config else {}).items():
                self.cameras.addItem(name or "default", entry)
        self._show_categories(None, {})
        where = str(self._config.path) if self._config else "none chosen"
        tip = f"Camera of the camera configuration ({where})"
        self.cameras.setToolTip(tip)
        self._label.setToolTip(tip)

    def _match(self) -> None:
        """Choose the camera and the read-out mode by the movie's metadata."""
        movie, config = self._movie, self._config
        if movie is None or config is None or _is_calibrated(movie.camera):
            return
        entry, choices = config.match(movie.metadata)
        with QSignalBlocker(self.cameras):
            self.cameras.setCurrentIndex(self.cameras.findText(entry.name or "default"))
        self._show_categories(entry, choices)
        with collected() as said:
            try:
                camera = config.camera_for(movie)
            except LimelightError as error:
                self._message.tell(str(error), error=True)
                return
        self._message.tell(" ".join(said))
        self.chosen.emit(camera)

    def _on_camera(self, _: int) -> None:
        entry = self.cameras.currentData()
        told = entry.choices_in(self._movie.metadata) if entry and self._movie else {}
        self._show_categories(entry, entry.complete(told) if entry else {})
        self._choose()

    def _show_categories(self, entry: CameraEntry | None, choices: Mapping[str, str]) -> None:
        for box in self.categories.values():
            self._rows.removeRow(box)
        self.categories = {}
        if entry is None:
            return
        for category, options in entry.options(choices).items():
            box = ChoiceBox(self)
            box.addItems(options)
            box.setCurrentText(choices.get(category, ""))
            box.setToolTip(f"Read-out mode of {entry.name or 'the camera'}: {category}")
            box.setObjectName(category)
            box.currentIndexChanged.connect(self._on_category)
            self.categories[category] = box
            label = QLabel(category, self)
            label.setToolTip(box.toolTip())
            self._rows.addRow(label, box)

    def _choices(self) -> dict[str, str]:
        return {category: str(box.currentText()) for category, box in self.categories.items()}

    def _on_category(self, _: int) -> None:
        entry: CameraEntry = self.cameras.currentData()
        choices = entry.complete(self._choices())
        for category, options in entry.options(choices).items():
            box = self.categories[category]
            with QSignalBlocker(box):
                box.clear()
                box.addItems(options)
                box.setCurrentText(choices[category])
        self._choose()

    def _choose(self) -> None:
        entry: CameraEntry | None = self.cameras.currentData()
        if entry is None:
            return
        movie = self._movie
        try:
            camera = entry.camera(
                self._choices(),
                movie.camera if movie else None,
                gain=entry.gain_in(movie.metadata) if movie else None,
            )
        except LimelightError as error:
            self._message.tell(str(error), error=True)
            return
        self._message.tell("")
        self.chosen.emit(camera)


def _is_calibrated(camera: Camera) -> bool:
    """Whether a movie knows by itself what its counts are worth."""
    plain = Camera()
    return camera.has_maps or (camera.baseline, camera.sensitivity, camera.gain) != (
        plain.baseline,
        plain.sensitivity,
        plain.gain,
    )
