"""The controls of the Molecules dock, in their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from limelight.widgets.controls import Section
from limelight.widgets.dock import Dock, button, in_scroll_area
from limelight.widgets.filter_panel import FilterPanel
from limelight.widgets.molecules_export import ExportForm
from limelight.widgets.molecules_form import LookForm
from limelight.widgets.table_list import TableList

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["MoleculesPanel"]


class MoleculesPanel(Dock):
    """What a person sees of the dock; `MoleculesDock` makes it work."""

    name = "molecules"
    unit = "tiles"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.tables = TableList(self)
        self.tables.setObjectName("tables")
        self.open = button(self, "open", "Open…", "Open a table of localizations (any format)")
        self.add = button(self, "add", "Add", "Show a table that is in the viewer's layers")
        self.menu = QMenu(self.add)
        self.add.setMenu(self.menu)
        self.remove = button(
            self, "remove", "Remove", "Take the chosen table's picture away; the table stays"
        )
        self.whole = button(self, "whole", "Whole field", "Show the whole field of the camera")
        self.solid = button(
            self, "solid", "3D", "What is in view as a volume that can be turned (needs a column z)"
        )
        self.solid.setCheckable(True)
        self.scale_bar = QCheckBox("Scale bar", self)
        self.scale_bar.setObjectName("scale_bar")
        self.scale_bar.setToolTip("A bar of known length (µm) in the corner of the viewer")
        self.look = LookForm(self)
        self.filters = FilterPanel(self)
        self.found = QLabel(self)
        self.found.setObjectName("found")
        self.found.setWordWrap(True)
        self.found.setToolTip("Molecules within all ranges, of all in the table")
        self.reset = button(self, "reset", "Reset", "Show all molecules again")
        self.keep = button(
            self,
            "keep",
            "Keep as new table",
            "Make a table of the molecules within the ranges, which notes these in its history",
        )
        self.copy = button(
            self, "copy", "Copy as Python", "Copy the script that filters and draws what is seen"
        )
        self.export = ExportForm(self)
        self.bar.pause.hide()
        self.bar.cancel.setToolTip("End it; nothing is left of an unfinished file")

        top = QHBoxLayout()
        top.addWidget(self.open)
        top.addWidget(self.add)
        top.addWidget(self.remove)
        top.addStretch(1)
        seen = QHBoxLayout()
        seen.addWidget(self.whole)
        seen.addWidget(self.solid)
        seen.addWidget(self.scale_bar)
        seen.addStretch(1)
        self.picture_section = Section("Picture", self)
        self.picture_section.body.addWidget(self.look)
        self.filter_section = Section("Filter", self)
        row = QHBoxLayout()
        row.addWidget(self.found, 1)
        row.addWidget(self.reset)
        self.filter_section.body.addLayout(row)
        self.filter_section.body.addWidget(self.filters)
        row = QHBoxLayout()
        row.addWidget(self.keep, 1)
        row.addWidget(self.copy)
        self.filter_section.body.addLayout(row)
        self.export_section = Section("Export", self)
        self.export_section.body.addWidget(self.export)
        inner = QWidget(self)
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(2)
        for section in (self.picture_section, self.filter_section, self.export_section):
            body.addWidget(section)
        body.addStretch(1)
        self._sections = inner
        scroll = in_scroll_area(inner, self)
        self.arrange(top, self.tables, seen, scroll, self.message, self.bar, stretch=3)
        self.filter_section.set_open(False)
        self.export_section.set_open(False)
