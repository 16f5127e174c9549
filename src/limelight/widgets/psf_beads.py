"""The beads' page of the PSF dock: what to do with them, what came out, and where in the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from limelight.reslice import BeadSettings, CalibrationSettings, SplineSettings
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import button, in_scroll_area
from limelight.widgets.objects_table import ObjectsTable
from limelight.widgets.psf_plots import TITLES, statistics
from limelight.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    import pandas as pd
    from napari.components import ViewerModel

    from limelight.core.psf.measure import FieldMap
    from limelight.core.settings import Settings
    from limelight.reslice.jobs import BeadResult

__all__ = ["AVERAGE", "CALIBRATE", "MEASURE", "BeadsPanel"]

MEASURE = "Measure beads"
CALIBRATE = "Calibrate z (astigmatism)"
AVERAGE = "Average beads, make a spline"
_TOOLS = {MEASURE: BeadSettings, CALIBRATE: CalibrationSettings, AVERAGE: SplineSettings}
_SHOWN = (
    "fwhm_lateral_um",
    "fwhm_z_um",
    "reason",
    "asymmetry",
    "tilt_deg",
    "signal_to_background",
    "x",
    "y",
    "z_um",
    "fwhm_x_um",
    "fwhm_y_um",
)
_MAP = "PSF field map"


class BeadsPanel(QWidget):
    """Tools for beads, their settings, the table of what they found.

    Parameters
    ----------
    viewer : ViewerModel
        Maps of the field are drawn in it.

    Signals
    -------
    picked : int
        Row of ``table`` that a person chooses.
    """

    picked = Signal(int)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.result: BeadResult | None = None
        self.table: pd.DataFrame | None = None
        self._um = 1.0
        self.tool = ChoiceBox(self)
        self.tool.setObjectName("tool")
        self.tool.setToolTip("What to do with the beads of the stack")
        for name in _TOOLS:
            self.tool.addItem(name, name)
        self.go = button(self, "go", "Run", "Do it with the stack that is looked at")
        self.save = button(
            self, "save", "Save…", "Save what came out: tables, pictures, calibration, PSF"
        )
        self.save.setEnabled(False)
        self.copy = button(self, "copy", "Copy as Python", "Copy a script that does the same")
        self.follow = QCheckBox("Trend: measure every live stack", self)
        self.follow.setObjectName("trend")
        self.follow.setToolTip("Curves of widths and asymmetry while you turn a correction collar")
        self.forms = {name: SettingsForm(cls, parent=self) for name, cls in _TOOLS.items()}
        self.shown = ChoiceBox(self)
        self.shown.setObjectName("shown")
        self.shown.setToolTip("A row per bead, or the statistics of the widths, beside the theory")
        self.shown.addItem("a row per bead", "beads")
        self.shown.addItem("statistics", "statistics")
        self.map = ChoiceBox(self)
        self.map.setObjectName("map")
        self.map.setToolTip("Draw over the XY view how a width varies over the field")
        self.view = ObjectsTable(self)
        self.view.setToolTip("Click a bead: the point goes there. Click a title to sort")
        self.view.setMinimumHeight(90)
        self._arrange()
        self._list_maps({})
        self.tool.currentIndexChanged.connect(lambda *_: self._on_tool())
        self.shown.currentIndexChanged.connect(lambda *_: self._fill())
        self.map.currentIndexChanged.connect(lambda *_: self._draw_map())
        self.view.picked.connect(self._on_row)
        self._on_tool()

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        inner = QWidget(self)
        stack = QVBoxLayout(inner)
        stack.setContentsMargins(0, 0, 0, 0)
        for form in self.forms.values():
            stack.addWidget(form)
        stack.addStretch(1)
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.tool, 1)
        first.addWidget(self.go)
        second.addWidget(self.follow, 1)
        second.addWidget(self.save)
        second.addWidget(self.copy)
        third.addWidget(self.shown, 1)
        third.addWidget(self.map, 1)
        column.addLayout(first)
        column.addWidget(in_scroll_area(inner, self), 1)
        column.addLayout(second)
        column.addLayout(third)
        column.addWidget(self.view, 1)

    # -- settings -------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """The tool that is chosen."""
        return str(self.tool.currentData())

    def settings(self, name: str = "") -> Settings:
        """Return the settings of a tool, by default the chosen one.

        Raises
        ------
        LimelightError
            If one is of no use.
        """
        return self.forms[name or self.name].settings()

    def _on_tool(self) -> None:
        for name, form in self.forms.items():
            form.setVisible(name == self.name)

    # -- results --------------------------------------------------------------------------------
    def show_result(self, result: BeadResult, pixel_um: float) -> None:
        """Show what a measurement found; a map that is chosen is drawn again."""
        self.result, self._um = result, pixel_um
        columns = [c for c in _SHOWN if c in result.table]
        self.table = result.table[columns]
        self._list_maps(result.maps)
        self._fill()
        self._draw_map()

    def _fill(self) -> None:
        if self.result is None or self.table is None:
            return
        rows = self.shown.currentData() == "beads"
        self.view.show_table(self.table if rows else statistics(self.result))

    def _on_row(self, row: int) -> None:
        if self.shown.currentData() == "beads":
            self.picked.emit(row)

    def _list_maps(self, maps: dict[str, FieldMap]) -> None:
        chosen = self.map.currentData()
        with QSignalBlocker(self.map):
            self.map.clear()
            self.map.addItem("no field map", "")
            for name in maps:
                self.map.addItem(f"map: {TITLES.get(name, name)}", name)
            self.map.setCurrentIndex(max(self.map.findData(chosen), 0))
        self.map.setEnabled(bool(maps))

    def _draw_map(self) -> None:
        """Lay the chosen map over the XY view."""
        old = [x for x in self._viewer.layers if x.name == _MAP]
        name = str(self.map.currentData() or "")
        found = self.result.maps.get(name) if self.result is not None else None
        if found is None or self.result is None:
            for one in old:
                self._viewer.layers.remove(one)
            return
        height, width = self.result.shape
        rows, columns = found.fitted.shape
        scale = (height / rows * self._um, width / columns * self._um)
        low, high = (float(v) for v in (np.min(found.fitted), np.max(found.fitted)))
        values: dict[str, Any] = {
            "data": found.fitted,
            "scale": scale,
            "translate": tuple(0.5 * (s - self._um) for s in scale),
            "contrast_limits": (low, high if high > low else low + 1e-6),
        }
        if old:
            layer: Any = old[0]
            for key, value in values.items():
                setattr(layer, key, value)
        else:
            layer = self._viewer.add_image(
                **values,
                name=_MAP,
                units=("um", "um"),
                colormap="viridis",
                opacity=0.6,
                metadata={"limelight_psf": True},
            )
        layer.metadata["quantity"] = TITLES.get(name, name)
        layer.colorbar.visible = True
