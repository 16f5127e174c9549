"""What to show of a movie's file with channels, positions, planes or several resolutions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from limelight.io.plane_views import AxesView, time_of
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.persistence import recall, remember

if TYPE_CHECKING:
    from limelight.io.axes import Axis
    from limelight.io.planes import PlaneSource

__all__ = ["AxesDialog", "ask_axes", "has_choices"]

_NAME = "axes"
_SLIDER = "all, with a slider"
_LAYERS = "all, a layer each"
_WORDS = {"time": "time points", "z": "planes", "channel": "channels", "position": "positions"}


def has_choices(source: PlaneSource) -> bool:
    """Tell whether a file holds more than one movie."""
    time = time_of(source)
    longer = [a for a in source.axes if a.size > 1 and a.name != time]
    return bool(longer) or len(source.resolutions) > 1 or time not in (None, "time")


class AxesDialog(QDialog):
    """Asks which places of a file to show, and along which axis the frames follow each other.

    Parameters
    ----------
    source : PlaneSource
        The file.
    start : dict
        What was answered the last time: axis, and the text of its choice.
    parent : QWidget, optional
        The window.
    """

    def __init__(
        self,
        source: PlaneSource,
        start: dict[str, Any] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._source = source
        start = start or {}
        self.setWindowTitle(f"Axes of {source.path.name}")
        self.setObjectName("limelight-axes")
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("This file holds more than one movie. What shall be shown?", self))
        form = QFormLayout()
        layout.addLayout(form)
        self.places: dict[str, ChoiceBox] = {}
        for axis in source.axes:
            if axis.size > 1:
                self.places[axis.name] = self._place_box(axis, str(start.get(axis.name, "")))
                word = _WORDS.get(axis.name, axis.name)
                form.addRow(f"{axis.size:,} {word}", self.places[axis.name])
        self.resolution = self._box("Pixels of the image; fewer are shown faster")
        levels = source.resolutions or ((source.height, source.width),)
        for k, (height, width) in enumerate(levels):
            self.resolution.addItem(f"{width:,} x {height:,}" + (" (full)" if k == 0 else ""), k)
        self.resolution.setCurrentIndex(max(0, self.resolution.findData(start.get("resolution"))))
        if len(levels) > 1:
            form.addRow("Resolution (px)", self.resolution)
        else:
            self.resolution.hide()
        self.time = self._box("Along which axis the frames of a movie follow each other")
        form.addRow("Frames run along", self.time)
        self._offer_times(start.get("time") or time_of(source))
        self.summary = QLabel(self)
        self.summary.setWordWrap(True)
        layout.addWidget(self.summary)
        self.always = QCheckBox("Show every file with these axes so, without asking", self)
        self.always.setToolTip(
            "File > IO Utilities > Ask again how files are to be read makes it ask again"
        )
        layout.addWidget(self.always)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        for box in self.places.values():
            box.currentIndexChanged.connect(self._on_place)
        self.resolution.currentIndexChanged.connect(self._summarize)
        self.time.currentIndexChanged.connect(self._summarize)
        self._summarize()

    def _box(self, tip: str) -> ChoiceBox:
        box = ChoiceBox(self)
        box.setMinimumContentsLength(22)
        box.setToolTip(tip)
        return box

    def _place_box(self, axis: Axis, wanted: str) -> ChoiceBox:
        box = self._box(f"All places on the axis {axis.name}, or one of them")
        box.addItem(_SLIDER, -1)
        if axis.name == "channel":
            box.addItem(_LAYERS, -2)
        for k, label in enumerate(axis.choices[:1000]):
            box.addItem(f"only {label}", k)
        box.setCurrentIndex(max(0, box.findText(wanted)))
        return box

    def _offer_times(self, wanted: str | None) -> None:
        self.time.blockSignals(True)
        self.time.clear()
        for axis in self._source.axes:
            box = self.places.get(axis.name)
            if box is not None and box.currentData() == -1:
                self.time.addItem(axis.name, axis.name)
        if not self.time.count():
            self.time.addItem("none: a single frame", None)
        found = self.time.findData(wanted)
        self.time.setCurrentIndex(found if found >= 0 else self._likely())
        self.time.setEnabled(self.time.count() > 1)
        self.time.blockSignals(False)

    def _likely(self) -> int:
        """Return the row of the axis that is most likely time."""
        for name in ("time", "z"):
            if (row := self.time.findData(name)) >= 0:
                return int(row)
        return 0

    def _on_place(self, *_: object) -> None:
        self._offer_times(self.time.currentData())
        self._summarize()

    def _summarize(self, *_: object) -> None:
        height, width = self._source.height, self._source.width
        level = int(self.resolution.currentData() or 0)
        if self._source.resolutions:
            height, width = self._source.resolutions[level]
        shown = [
            a
            for a in self._source.axes
            if a.size > 1 and int(self.places[a.name].currentData()) < 0
        ]
        planes = math.prod(a.size for a in shown)
        size = planes * height * width * self._source.dtype.itemsize
        said = [f"{a.size:,} {_WORDS.get(a.name, a.name)}" for a in shown]
        time = self.time.currentData()
        localize = ""
        if time is not None:
            others = any(a.name != time for a in shown)
            where = ", at the place of the other sliders." if others else "."
            localize = f" Localize works along {time}{where}"
        self.summary.setText(
            f"{' x '.join([*said, f'{width:,} x {height:,} px'])}, {_bytes(size)}; "
            f"read as it is looked at.{localize}"
        )

    @property
    def view(self) -> AxesView:
        """What was answered."""
        places = {a: int(b.currentData()) for a, b in self.places.items()}
        return AxesView(
            self.time.currentData(),
            {a: k for a, k in places.items() if k >= 0},
            int(self.resolution.currentData() or 0),
            places.get("channel") == -2,
        )

    def state(self) -> dict[str, Any]:
        """Return the answers as they are remembered: by name, as other files have other places."""
        texts = {a: b.currentText() for a, b in self.places.items()}
        return {
            **texts,
            "time": self.time.currentData(),
            "resolution": int(self.resolution.currentData() or 0),
            "always": bool(self.always.isChecked()),
        }

    def fits(self, start: dict[str, Any]) -> bool:
        """Tell whether all that was answered the last time could be chosen here too."""
        mine = self.state()
        return all(start.get(k) == v for k, v in mine.items() if k != "always")


def _bytes(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def ask_axes(source: PlaneSource) -> AxesView | None:
    """Ask what to show of a file; an answer that is meant for all such files is not asked again.

    Parameters
    ----------
    source : PlaneSource
        The file.

    Returns
    -------
    AxesView or None
        None where the person cancels.
    """
    memory = recall(_NAME)
    key = " ".join(
        [*(a.name for a in source.axes if a.size > 1), f"{len(source.resolutions) or 1} levels"]
    )
    kept: Any = memory.get(key)
    kept = kept if isinstance(kept, dict) else {}
    dialog = AxesDialog(source, kept, QApplication.activeWindow())
    try:
        if kept.get("always") and dialog.fits(kept):
            return dialog.view
        if dialog.exec() != int(QDialog.DialogCode.Accepted):
            return None
        remember(_NAME, {**memory, key: dialog.state()})
        return dialog.view
    finally:
        dialog.deleteLater()


def forget_axes() -> None:
    """Ask again what to show of files with several axes; the last answers are offered."""
    kept = {k: {**v, "always": False} for k, v in recall(_NAME).items() if isinstance(v, dict)}
    remember(_NAME, kept)
