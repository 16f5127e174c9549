"""The controls for how molecules are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from limelight.widgets.colour_bar import ColourBar
from limelight.widgets.controls import ChoiceBox, NumberBox
from limelight.widgets.filter_panel import number_columns, titled
from limelight.widgets.molecules_draw import MODES, Look, colours_of

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations
    from limelight.widgets.molecules_view import TableView

__all__ = ["CHANNELS", "LookForm"]

PLAIN = ("inferno", "magma", "viridis", "gray", "red", "green", "blue", "cyan", "magenta", "yellow")
"""Colour maps for the intensity; napari knows them all."""
VALUES = ("depth", "turbo", "hue", "viridis", "gray")
"""Colour maps for the values of a column."""
CHANNELS = ("inferno", "cyan", "magenta", "green", "yellow", "blue", "red")
"""What tables are shown in, one after the other."""

_WORDS = {
    "gaussian": "Gaussian (own precision)",
    "histogram": "Histogram (counts)",
    "blur": "Blur (one width)",
    "scatter": "Scatter (points)",
}
_FIRST = ("z", "frame", "photons")


class LookForm(QWidget):
    """Mode, blur, colours and contrast of one table.

    Signals
    -------
    changed : something was chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plain, self._values = PLAIN[0], VALUES[0]
        self._limits: tuple[float, float] | None = None
        self._held: float | None = None
        self._showing = False
        self._build()
        self._connect()
        self._show_maps()

    def _build(self) -> None:
        self.mode = ChoiceBox(self)
        for mode in MODES:
            self.mode.addItem(_WORDS[mode], mode)
        self.min_blur = NumberBox(0, 10_000, self)
        self.min_blur.setSuffix(" nm")
        self.blur = NumberBox(0, 10_000, self)
        self.blur.setSuffix(" nm")
        self.blur.setSpecialValueText("median precision")
        self.colour = ChoiceBox(self)
        self.colour.addItem("intensity", None)
        self.maps = ChoiceBox(self)
        self.maps.setIconSize(QSize(48, 12))
        self.contrast = ChoiceBox(self)
        self.contrast.addItem("set for each view", False)
        self.contrast.addItem("held while zooming", True)
        self.percent = NumberBox(50, 100, self)
        self.percent.setSuffix(" %")
        self.percent.setValue(99.7)
        rows: tuple[tuple[str, str, QWidget, str], ...] = (
            (
                "mode",
                "Draw as",
                self.mode,
                "What a molecule is drawn as. Scatter shows at most 30,000 of those in view.",
            ),
            (
                "min_blur",
                "Smallest blur",
                self.min_blur,
                "Smallest standard deviation that a molecule is drawn with, nm (0 to 10,000). "
                "Half a drawn pixel is the least.",
            ),
            (
                "blur",
                "Blur",
                self.blur,
                "Standard deviation that all molecules are drawn with, nm (0 to 10,000); "
                "0 takes the median precision of the table.",
            ),
            (
                "colour",
                "Colour by",
                self.colour,
                "Column whose mean over the molecules of a pixel chooses its colour; the number "
                "of molecules remains the brightness.",
            ),
            ("maps", "Colour map", self.maps, "Colours, from the lowest to the highest value"),
            (
                "contrast",
                "Contrast",
                self.contrast,
                "Brightness is molecules per µm². It is set anew for each view, or held, so that "
                "pictures can be compared.",
            ),
            (
                "percent",
                "Not saturated",
                self.percent,
                "Part of the lit pixels, %, that are not shown in the brightest colour (50 to 100)",
            ),
        )
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        self._labels = {}
        for name, text, widget, tip in rows:
            label = QLabel(text, self)
            label.setToolTip(tip)
            widget.setToolTip(tip)
            widget.setObjectName(name)
            form.addRow(label, widget)
            self._labels[name] = label
        self.bar = ColourBar(self)
        self.bar.setToolTip("Which colour stands for which value")
        self.low, self.high = NumberBox(None, None, self), NumberBox(None, None, self)
        self.auto = QPushButton("Auto", self)
        self.auto.setToolTip("From the values that nearly all molecules are within (1 % to 99 %)")
        self.auto.setObjectName("auto")
        ends = QHBoxLayout()
        ends.setSpacing(4)
        for box, word in ((self.low, "first"), (self.high, "last")):
            box.setObjectName(f"{word}_value")
            box.setToolTip(f"Value of the {word} colour, in the column's unit")
        ends.addWidget(self.low)
        ends.addWidget(self.auto)
        ends.addWidget(self.high)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addLayout(ends)

    def _connect(self) -> None:
        for box in (self.mode, self.contrast):
            box.currentIndexChanged.connect(self._on_change)
        for number in (self.min_blur, self.blur, self.percent):
            number.valueChanged.connect(self._on_change)
        self.colour.currentIndexChanged.connect(self._on_colour)
        self.maps.currentIndexChanged.connect(self._on_map)
        for number in (self.low, self.high):
            number.valueChanged.connect(self._on_limits)
        self.auto.clicked.connect(self._on_auto)

    # -- reading and writing --------------------------------------------------------------------
    @property
    def hold(self) -> bool:
        """Whether the contrast is held."""
        return bool(self.contrast.currentData())

    def look(self) -> Look:
        """Return what is chosen."""
        return Look(
            mode=self.mode.currentData(),
            min_blur_nm=float(self.min_blur.value()),
            blur_nm=float(self.blur.value()),
            colour=self.colour.currentData(),
            colours=self.maps.currentData(),
            percent=float(self.percent.value()),
            held=self._held if self.hold else None,
            limits=self._limits,
        )

    def show_look(self, look: Look, hold: bool, locs: Localizations | None) -> None:
        """Show how a table is shown."""
        self._showing = True
        try:
            columns = number_columns(locs) if locs is not None else []
            _fill(
                self.colour,
                [c for c in _FIRST if c in columns] + [c for c in columns if c not in _FIRST],
            )
            self._held, self._limits = look.held, look.limits
            if look.colour is None:
                self._plain = look.colours
            else:
                self._values = look.colours
            _choose(self.mode, look.mode)
            self.min_blur.setValue(look.min_blur_nm)
            self.blur.setValue(look.blur_nm)
            _choose(self.colour, look.colour)
            self._show_maps()
            _choose(self.contrast, hold)
            self.percent.setValue(look.percent)
        finally:
            self._showing = False
        self._enable()

    def show_result(self, view: TableView) -> None:
        """Show what came of it: the colours and their values."""
        newest = view.newest
        limits = getattr(newest, "limits", None)
        self._held = view.look.held
        if view.hold != self.hold or view.look.colours != self.maps.currentData():
            self.show_look(view.look, view.hold, view.locs)
        colours = colours_of(view.shown.colours)
        if view.shown.colour is not None and limits is not None:
            self.bar.show_colours(colours, titled(view.shown.colour), *limits)
            for box, value in zip((self.low, self.high), limits, strict=True):
                with QSignalBlocker(box):
                    box.setValue(float(f"{value:.4g}"))
        elif (high := getattr(newest, "high", None)) is not None:
            solid = newest is not None and not hasattr(newest, "pixel_nm")
            title = "molecules per voxel" if solid else "molecules per µm²"
            self.bar.show_colours(colours, title, 0, high)
        self._enable()

    # -- changes --------------------------------------------------------------------------------
    def _enable(self) -> None:
        mode, coloured = self.mode.currentData(), self.colour.currentData() is not None
        shown = {
            "min_blur": mode in ("gaussian", "blur"),
            "blur": mode == "blur",
            "contrast": mode != "scatter",
            "percent": mode != "scatter",
        }
        for name, visible in shown.items():
            self._labels[name].setVisible(visible)
            getattr(self, name).setVisible(visible)
        self.percent.setEnabled(not self.hold)
        for widget in (self.low, self.high, self.auto):
            widget.setVisible(coloured)
        self.bar.setVisible(coloured or mode != "scatter")

    def _on_change(self, *_: Any) -> None:
        if self._showing:
            return
        if not self.hold:
            self._held = None
        self._enable()
        self.changed.emit()

    def _on_colour(self, *_: Any) -> None:
        if self._showing:
            return
        self._limits = None
        self._show_maps()
        self._on_change()

    def _on_map(self, *_: Any) -> None:
        if self._showing:
            return
        if self.colour.currentData() is None:
            self._plain = self.maps.currentData()
        else:
            self._values = self.maps.currentData()
        self._on_change()

    def _on_limits(self, *_: Any) -> None:
        if self._showing:
            return
        low, high = float(self.low.value()), float(self.high.value())
        if low < high:
            self._limits = (low, high)
            self._on_change()

    def _on_auto(self) -> None:
        self._limits = None
        self._on_change()

    def _show_maps(self) -> None:
        plain = self.colour.currentData() is None
        names, chosen = (PLAIN, self._plain) if plain else (VALUES, self._values)
        with QSignalBlocker(self.maps):
            self.maps.clear()
            for name in dict.fromkeys((*names, chosen)):
                self.maps.addItem(_icon(name), name, name)
            _choose(self.maps, chosen)

    def state(self) -> dict[str, Any]:
        """Return what is to be remembered."""
        look = self.look()
        return {
            "mode": look.mode,
            "min_blur_nm": look.min_blur_nm,
            "blur_nm": look.blur_nm,
            "percent": look.percent,
            "hold": self.hold,
        }


def restored(state: dict[str, Any], look: Look) -> tuple[Look, bool]:
    """Return the look that was remembered, and whether the contrast was held."""
    try:
        mode = state.get("mode", look.mode)
        numbers: dict[str, Any] = {
            name: float(state[name])
            for name, low, high in (
                ("min_blur_nm", 0, 10_000),
                ("blur_nm", 0, 10_000),
                ("percent", 50, 100),
            )
            if name in state and low <= float(state[name]) <= high
        }
        look = replace(look, mode=mode if mode in MODES else look.mode, **numbers)
    except (TypeError, ValueError):
        pass
    return look, state.get("hold") is True


def _fill(box: ChoiceBox, columns: list[str]) -> None:
    with QSignalBlocker(box):
        box.clear()
        box.addItem("intensity", None)
        for column in columns:
            box.addItem(titled(column), column)


def _choose(box: ChoiceBox, data: Any) -> None:
    index = next((i for i in range(box.count()) if box.itemData(i) == data), 0)
    box.setCurrentIndex(index)


def _icon(name: str) -> QIcon:
    colours = np.ascontiguousarray(colours_of(name))
    image = QImage(colours.tobytes(), 256, 1, 768, QImage.Format.Format_RGB888).copy()
    mode = Qt.AspectRatioMode.IgnoreAspectRatio
    return QIcon(QPixmap.fromImage(image).scaled(48, 12, mode))
