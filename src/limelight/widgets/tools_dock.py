"""The Table tools dock: drift, links, clusters, regions, filters, precision, resolution."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.locs.expression import range_text
from limelight.core.locs.region_text import write_regions
from limelight.core.locs.tools.tool import Tool
from limelight.widgets.controls import ChoiceBox, Section
from limelight.widgets.dock import Dock, LayerChoice, button, in_scroll_area
from limelight.widgets.figures import FigureList
from limelight.widgets.filter_panel import FilterPanel
from limelight.widgets.frame_table import FrameTable
from limelight.widgets.layers import (
    RESULT_KEY,
    Placement,
    add_molecules,
    placement_of_table,
    show_picture,
    table_layers,
)
from limelight.widgets.molecules_jobs import Opened, open_job
from limelight.widgets.molecules_view import PICTURE_KEY
from limelight.widgets.part_form import PartForm
from limelight.widgets.plot_view import PlotView
from limelight.widgets.tools_history import StepHistory
from limelight.widgets.tools_jobs import Finished, as_script, save_job, tool_job
from limelight.widgets.tools_regions import is_shapes, regions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

    from limelight.core.localizations import Localizations

__all__ = ["ToolsDock"]


_EXAMPLES = {"where": "photons > 500 and lpx < 0.2", "regions": "circle 20 30 1.5; ..."}


class ToolsDock(Dock):
    """Work on tables of molecules.

    Parameters
    ----------
    napari_viewer : Viewer
        Tables among its layers are offered, and new tables are added to it.
    """

    name = "tools"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.history = StepHistory(self.viewer)
        self._adding = False
        self.finished: Finished | None = None
        self._build()
        self.tool.restore(self.memory.get("tool") or {})
        self._connect()
        self.layers.list_layers()
        self._on_layer(self.layers.layer)
        self._on_tool()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.layers = LayerChoice(
            self.viewer,
            self._listeners,
            table_layers,
            lambda layers, new: new if new in layers and not self._adding else None,
            self,
        )
        self.layers.setObjectName("layers")
        self.layers.setToolTip("The table to work on: a layer of molecules of the viewer")
        self.open = button(self, "open", "Open…", "Open a table of localizations (any format)")
        self.tool = PartForm("Tool", "tools", "undrift", "What to do with the table", self)
        self.regions = _RegionControl(self)
        self.filters = FilterPanel(self)
        self.filter_section = Section("Histograms", self)
        self.filter_section.body.addWidget(self.filters)
        self.figures = FigureList(self)
        self.plots = PlotView(self)
        self.groups = FrameTable(self)
        self.groups.setObjectName("groups")
        self.groups.setToolTip(
            "A row per cluster or region, positions in px; click a row to see it, a header to "
            "sort.\nCtrl+C copies the rows that are selected."
        )
        self.groups.hide()
        self.result_section = Section("Result", self)
        for part in (self.figures, self.plots, self.groups):
            self.result_section.body.addWidget(part)
        self.result_section.hide()
        inner = QWidget(self)
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(4)
        for widget in (self.tool, self.regions, self.filter_section, self.result_section):
            body.addWidget(widget)
        body.addStretch(1)
        top = QHBoxLayout()
        label = QLabel("Table", self)
        label.setToolTip(self.layers.toolTip())
        top.addWidget(label)
        top.addWidget(self.layers, 1)
        top.addWidget(self.open)
        self.start = button(self, "run", "Run", "Apply the tool to the table")
        self.undo = button(self, "undo", "Undo", "Nothing to undo")
        self.redo = button(self, "redo", "Redo", "Nothing to do again")
        self.copy = button(
            self, "copy", "Copy as Python", "Copy the script that repeats the steps and the tool"
        )
        self.save = button(
            self, "save_as", "Save…", "Save the new table, and its drift or clusters beside it"
        )
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.start, 1)
        first.addWidget(self.undo)
        first.addWidget(self.redo)
        second.addWidget(self.copy, 1)
        second.addWidget(self.save)
        self.bar.pause.hide()
        self.bar.cancel.setToolTip("End it; the table stays as it is")
        scroll = in_scroll_area(inner, self)
        self.arrange(top, scroll, self.message, self.bar, first, second, stretch=1)

    def _connect(self) -> None:
        self._listeners.at_end(self._close_filters)
        self.layers.chosen.connect(self._on_layer)
        self.tool.changed.connect(self._on_tool)
        self.tool.changed.connect(self.remember_soon)
        self.filters.changed.connect(self._on_ranges)
        self.filter_section.toggled.connect(self.filters.set_wanted)
        self.regions.draw.clicked.connect(self.draw_regions)
        self.groups.picked.connect(self._on_group)
        self.plots.told.connect(self.message.tell)
        self.open.clicked.connect(self._on_open)
        self.start.clicked.connect(self.run)
        self.undo.clicked.connect(self._on_undo)
        self.redo.clicked.connect(self._on_redo)
        self.copy.clicked.connect(self.copy_script)
        self.save.clicked.connect(self._on_save)
        self.runner.finished.connect(self.deliver_job)
        events = self.viewer.layers.events
        for emitter in (events.inserted, events.removed):
            self._listeners.on(emitter, self._list_shapes)
        self._list_shapes()

    def _close_filters(self) -> None:
        self.filters.mailbox.close(0.0)

    @property
    def locs(self) -> Localizations | None:
        """The table that is worked on."""
        layer = self.layers.layer
        return None if layer is None else layer.metadata.get(RESULT_KEY)

    def _on_layer(self, layer: Layer | None) -> None:
        if layer is None:
            self.message.tell("Open a table, or drag one onto the viewer.")
        elif not self.runner.running:
            self.message.tell("")
        self.filters.show_table(self.locs, {})
        self.enable_jobs(not self.runner.running)

    def _on_tool(self) -> None:
        name = self.tool.name
        editors = self.tool.form.editors if self.tool.form is not None else {}
        for field, example in _EXAMPLES.items():
            if field in editors:
                editors[field].widget.setPlaceholderText(example)  # type: ignore[attr-defined]
        self.regions.setVisible(name == "pick")
        self.filter_section.setVisible(name == "filter")
        self.filters.set_wanted(name == "filter" and self.filter_section.is_open)

    def enable_jobs(self, on: bool) -> None:
        """Enable what makes sense now."""
        there = self.locs is not None
        self.start.setEnabled(on and there)
        self.copy.setEnabled(there)
        self.open.setEnabled(on)
        newest = self.history.done[-1].title if self.history.done else ""
        undone = self.history.undone[-1].title if self.history.undone else ""
        self.undo.setEnabled(on and bool(newest))
        self.redo.setEnabled(on and bool(undone))
        self.undo.setToolTip(f"Take back: {newest}" if newest else "Nothing to undo")
        self.redo.setToolTip(f"Do again: {undone}" if undone else "Nothing to do again")
        result = self.finished.result if self.finished is not None else None
        self.save.setEnabled(on and result is not None and result.locs is not None)

    # -- the histograms and the regions ---------------------------------------------------------
    def _on_ranges(self) -> None:
        form = self.tool.form
        if form is not None and "where" in form.editors:
            form.set_values({"where": range_text(self.filters.ranges())})

    def _list_shapes(self, _: Any = None) -> None:
        self.regions.list_layers([layer for layer in self.viewer.layers if is_shapes(layer)])

    def draw_regions(self) -> None:
        """Add a layer to draw regions on the table, with the circle tool ready."""
        layer = self.layers.layer
        if layer is None:
            return
        shapes = self.viewer.add_shapes(
            ndim=2,
            name="regions",
            edge_color="#ffb224",
            face_color="#ffb22433",
            edge_width=0.2,
            **placement_of_table(layer).in_pixels(),
        )
        shapes.mode = "add_ellipse"
        self.regions.choose(shapes)
        self.message.tell(
            "Draw circles (Shift keeps them round), rectangles or polygons, then press Run."
        )

    def _on_group(self, row: int) -> None:
        """Move the camera to a cluster or a region."""
        result = self.finished.result if self.finished is not None else None
        layer = self.layers.layer
        if result is None or result.groups is None or layer is None:
            return
        group = result.groups.iloc[row]
        place, camera = placement_of_table(layer), self.viewer.scene.camera
        at = [
            t + s * float(group[axis])
            for t, s, axis in zip(place.translate, place.scale, ("y", "x"), strict=True)
        ]
        camera.center = (*tuple(camera.center)[:-2], *at)

    # -- running --------------------------------------------------------------------------------
    def current_tool(self) -> Tool:
        """Return the tool with its settings.

        Raises
        ------
        ParameterError
            If a setting is of no use.
        """
        tool = self.tool.part()
        if not isinstance(tool, Tool):
            raise ParameterError(f"{self.tool.name} is no table tool.")
        shapes, layer = self.regions.layer(), self.layers.layer
        if tool.name == "pick" and shapes is not None and layer is not None:
            regions, ignored = regions_of(shapes, placement_of_table(layer))
            if not regions:
                lines = " (lines and paths enclose nothing)" if ignored else ""
                raise ParameterError(
                    f"pick: the layer {shapes.name!r} has no regions{lines}. Draw a circle, a "
                    "rectangle or a polygon."
                )
            tool = tool.replace(regions=write_regions(regions))
        return tool

    def run(self) -> None:
        """Apply the tool to the table."""
        locs, layer = self.locs, self.layers.layer
        if locs is None or layer is None:
            return
        try:
            tool = self.current_tool()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.remember()
        draw = not any(PICTURE_KEY in other.metadata for other in self.viewer.layers)
        job = tool_job(tool, locs, draw)
        self.start_job(job, lambda finished: self._on_done(finished, layer), f"{tool.title}…")

    def _on_done(self, finished: Finished, layer: Layer) -> str:
        self.finished = finished
        result = finished.result
        told = f"{finished.tool.title}: done."
        if result.locs is not None:
            if layer in self.viewer.layers:
                with self._own_layers():
                    added = self.history.add(finished, layer)
                # clusters and regions are tried again on the same table, a drift is not
                self.layers.choose(added if finished.replaces else layer)
            told = f"{finished.tool.title}: {len(result.locs):,} molecules in a new layer."
        self._show(finished)
        self.enable_jobs(True)
        return told

    @contextmanager
    def _own_layers(self) -> Iterator[None]:
        """Do not choose the layers that are added meanwhile."""
        self._adding = True
        try:
            yield
        finally:
            self._adding = False

    def _show(self, finished: Finished | None) -> None:
        result = finished.result if finished is not None else None
        self.result_section.setVisible(result is not None)
        self.figures.show_measures(result.measures if result is not None else ())
        self.plots.show_plots(result.plots if result is not None else ())
        self.groups.show_table(result.groups if result is not None else None)

    def _on_undo(self) -> None:
        layer = self.history.undo()
        step = self.history.undone[-1]
        if layer is not None:
            self.layers.choose(layer)
        self.finished = self.history.done[-1].finished if self.history.done else None
        self._show(self.finished)
        self.enable_jobs(True)
        self.message.tell(f"Taken back: {step.title}.")

    def _on_redo(self) -> None:
        with self._own_layers():
            layer = self.history.redo()
        if layer is None:
            return
        self.finished = self.history.done[-1].finished
        if self.finished.replaces:
            self.layers.choose(layer)
        self._show(self.finished)
        self.enable_jobs(True)
        self.message.tell(f"Done again: {self.history.done[-1].title}.")

    # -- files and scripts ----------------------------------------------------------------------
    def _on_open(self) -> None:
        name = self.ask_file("Open a table of localizations")
        if name:
            self.open_table(name)

    def open_table(self, path: str) -> None:
        """Read a table and work on it."""
        self.start_job(
            open_job(path, draw=True), lambda opened: self._on_opened(opened, path), "Reading…"
        )

    def _on_opened(self, opened: Opened, path: str) -> str:
        um = opened.locs.pixel_size_nm / 1000
        placement = Placement((um, um), (0.0, 0.0), ("um", "um"))
        if opened.picture is not None:
            show_picture(
                self.viewer,
                opened.picture,
                placement,
                opened.locs.pixel_size_nm,
                name=f"{opened.name} super-resolution",
                locs=opened.locs,
            )
        layer = add_molecules(self.viewer, opened.locs, placement, name=f"{opened.name} molecules")
        layer.metadata["path"] = path
        self.layers.choose(layer)
        return f"{opened.name}: {len(opened.locs):,} molecules."

    def _path(self) -> str | None:
        """Return the file that the chosen table, or the one that it came from, is in."""
        locs = self.locs
        for step in reversed(self.history.done):
            if step.locs is locs:
                locs = step.finished.source
        for layer in self.viewer.layers:
            if locs is not None and layer.metadata.get(RESULT_KEY) is locs:
                path = layer.metadata.get("path") or layer.source.path
                if path:
                    return str(path)
        return None

    def copy_script(self) -> None:
        """Put the script that repeats the steps on the clipboard."""
        if self.locs is None:
            return
        try:
            self.copy_text(as_script(self.current_tool(), self.locs, self._path()))
        except LimelightError as error:
            self.message.tell(str(error), error=True)

    def _on_save(self) -> None:
        if self.finished is None or self.finished.result.locs is None:
            return
        finished, path = self.finished, self._path()
        base = Path(path).with_suffix("") if path else Path.home() / "molecules_locs"
        suggestion = f"{base}{finished.tool.suffix}.hdf5"
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the table", suggestion, "Tables (*.hdf5 *.csv *.parquet *.smlm *.txt)"
        )
        if name:
            target = Path(name) if Path(name).suffix else Path(name + ".hdf5")
            self.start_job(
                save_job(finished.result, target, finished.tool),
                lambda saved: f"Saved as {', '.join(p.name for p in saved)}.",
                "Writing…",
            )

    def state(self) -> dict[str, Any]:
        """Return what is worth remembering: the tools' settings."""
        kept = self.tool.state()
        values = {
            name: {k: v for k, v in one.items() if k not in ("where", "regions")}
            for name, one in kept["values"].items()
        }
        return {"tool": {"name": kept["name"], "values": values}}


class _RegionControl(QWidget):
    """Which layer of shapes holds the regions, and a button that adds one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choice = ChoiceBox(self)
        self.choice.setObjectName("shapes")
        self.choice.setToolTip("Regions: a layer of shapes, or what is written above")
        self.draw = button(self, "draw", "Draw…", "Add a layer of shapes to draw regions on")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        label = QLabel("Drawn in", self)
        label.setToolTip(self.choice.toolTip())
        row.addWidget(label)
        row.addWidget(self.choice, 1)
        row.addWidget(self.draw)
        self.list_layers([])

    def list_layers(self, layers: list[Layer]) -> None:
        """Offer these layers; the one that was chosen stays so."""
        before = self.layer()
        with QSignalBlocker(self.choice):
            self.choice.clear()
            self.choice.addItem("as written above", None)
            for layer in layers:
                self.choice.addItem(str(layer.name), layer)
            self.choice.setCurrentIndex(layers.index(before) + 1 if before in layers else 0)

    def choose(self, layer: Layer) -> None:
        """Choose a layer of shapes."""
        for i in range(1, self.choice.count()):
            if self.choice.itemData(i) is layer:
                self.choice.setCurrentIndex(i)

    def layer(self) -> Layer | None:
        """Return the layer that is chosen."""
        return self.choice.currentData() if self.choice.count() else None
