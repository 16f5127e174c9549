"""Photon conversion: the numbers of the camera, typed or taken from a camera configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget

from limelight.core.camera import Camera
from limelight.widgets.controls import NumberBox

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CameraForm"]

_ROWS: tuple[tuple[str, str, str, float, float], ...] = (
    (
        "pixel_size_nm",
        "Pixel size (nm)",
        "Size of a camera pixel in the sample: the camera's pixel divided by the magnification",
        0.01,
        1e6,
    ),
    ("baseline", "Baseline (counts)", "Mean count in the dark", -1e6, 1e6),
    (
        "sensitivity",
        "Sensitivity (e⁻/count)",
        "Photoelectrons per count, as the camera's data sheet says for the chosen read-out mode",
        1e-4,
        1e6,
    ),
    (
        "gain",
        "EM gain",
        "1 for conventional read-out; above 1 the excess noise of an EMCCD is taken into account",
        1.0,
        1e6,
    ),
    (
        "read_noise",
        "Read noise (e⁻)",
        "Standard deviation of the read noise in photoelectrons; 0 if it does not matter",
        0.0,
        1e6,
    ),
)


class CameraForm(QWidget):
    """The camera's numbers.

    A camera with per-pixel maps keeps them: a map is shown by its mean and cannot be typed over.

    Signals
    -------
    changed : after any change.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = Camera()
        self.boxes: dict[str, NumberBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        layout.addLayout(rows)
        for name, text, tip, low, high in _ROWS:
            box = NumberBox(low, high, self)
            box.setObjectName(name)
            label = QLabel(text, self)
            for widget in (box, label):
                widget.setToolTip(tip)
            rows.addRow(label, box)
            box.valueChanged.connect(lambda _: self.changed.emit())
            self.boxes[name] = box
        self.set_camera(self._base)

    def camera(self) -> Camera:
        """Return the camera."""
        typed = {name: box.value() for name, box in self.boxes.items() if box.isEnabled()}
        # what was not touched keeps all its digits
        changes = {n: v for n, v in typed.items() if v != round(getattr(self._base, n), 4)}
        return self._base.replace(**changes)

    def set_camera(self, camera: Camera) -> None:
        """Show a camera."""
        self._base = camera
        with QSignalBlocker(self):
            for name, box in self.boxes.items():
                value = getattr(camera, name)
                is_map = isinstance(value, np.ndarray)
                box.setEnabled(not is_map)
                box.setSuffix(" (map)" if is_map else "")
                box.setValue(float(np.mean(value)))
        self.changed.emit()

    def state(self) -> dict[str, float]:
        """Return the numbers, for `restored`."""
        return {name: float(box.value()) for name, box in self.boxes.items()}

    @staticmethod
    def restored(state: Mapping[str, Any], movie_camera: Camera) -> Camera:
        """Return what is known of a movie's camera, and where nothing is, what was typed last.

        Parameters
        ----------
        state : mapping
            From `state`; anything else in it is left out.
        movie_camera : Camera
            As the movie's file tells it.
        """
        unknown = Camera()
        known: dict[str, Any] = {}
        for name, _, _, low, high in _ROWS:
            value, default = getattr(movie_camera, name), getattr(unknown, name)
            if isinstance(value, np.ndarray) or value != default:
                continue
            typed = state.get(name)
            if isinstance(typed, int | float) and low <= typed <= high:
                known[name] = float(typed)
        return movie_camera.replace(**known)
