"""The Molecules dock: tables of localizations as pictures that follow the camera."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from limelight.core.errors import LimelightError
from limelight.widgets.layers import (
    RESULT_KEY,
    Placement,
    add_molecules,
    placement_of_table,
    table_layers,
)
from limelight.widgets.molecules_draw import Look
from limelight.widgets.molecules_form import CHANNELS, restored
from limelight.widgets.molecules_jobs import Opened, as_script, keep_job, open_job
from limelight.widgets.molecules_panel import MoleculesPanel
from limelight.widgets.molecules_view import PICTURE_KEY, TableView

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from limelight.core.localizations import Localizations

__all__ = ["MoleculesDock"]

_REDRAW_MS = 15


class MoleculesDock(MoleculesPanel):
    """Show tables of localizations as pictures.

    Parameters
    ----------
    napari_viewer : Viewer
        Tables among its layers are shown, and pictures are added to it.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.views: list[TableView] = []
        self.current: TableView | None = None
        self._hidden: list[Layer] = []
        self._seen: weakref.WeakSet[Localizations] = weakref.WeakSet()
        self._redraw_soon = _timer(self, _REDRAW_MS, self.redraw)
        self._look_soon = _timer(self, 0, self._adopt_all)
        self.export.restore(self.memory)
        self._connect()
        if self.memory.get("scale_bar") is not False:
            self.scale_bar.setChecked(True)
        self.choose(None)
        self._adopt_all()

    def _connect(self) -> None:
        on = self._listeners.on
        events = self.viewer.layers.events
        for emitter in (events.inserted, events.removed):
            on(emitter, self._on_layers)
        camera = self.viewer.scene.camera.events
        for emitter in (
            camera.zoom,
            camera.center,
            self.viewer.canvas.events.size,
            self.viewer.dims.events.order,
        ):
            on(emitter, self._on_camera)
        on(self.viewer.dims.events.ndisplay, self._on_ndisplay)
        on(self.viewer.canvas.overlays.scale_bar.events.visible, self._on_bar)
        self._listeners.at_end(partial(self.filters.mailbox.close, 0.0))
        self._listeners.at_end(self._close_mailboxes)
        self.tables.chosen.connect(self.choose)
        self.tables.ticked.connect(self._on_ticked)
        self.open.clicked.connect(self._on_open)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.remove.clicked.connect(self._on_remove)
        self.whole.clicked.connect(self.show_whole_field)
        self.solid.toggled.connect(self._on_solid)
        self.scale_bar.toggled.connect(self._on_scale_bar)
        self.look.changed.connect(self._on_look)
        self.filters.changed.connect(self._on_filters)
        self.filter_section.toggled.connect(self.filters.set_wanted)
        self.reset.clicked.connect(self.filters.reset)
        self.keep.clicked.connect(self._on_keep)
        self.copy.clicked.connect(self.copy_script)
        self.export.asked.connect(self._on_export)
        self.export.changed.connect(self.remember_soon)
        self.runner.finished.connect(self.deliver_job)

    # -- tables ---------------------------------------------------------------------------------
    def _tables_in_layers(self) -> list[Layer]:
        return table_layers(self.viewer, without=PICTURE_KEY)

    def _adopt_all(self) -> None:
        """Show the tables that came since; one that was taken away stays away."""
        for layer in self._tables_in_layers():
            if layer.metadata[RESULT_KEY] not in self._seen:
                self.show_layer(layer)

    def show_layer(self, layer: Layer) -> TableView:
        """Show the table that a layer carries as a picture, in place of the layer."""
        locs = layer.metadata[RESULT_KEY]
        placement = placement_of_table(layer)
        colours = {view.look.colours for view in self.views}
        look, hold = restored(self.memory, Look())
        free = next((c for c in CHANNELS if c not in colours), CHANNELS[0])
        view = TableView(
            self.viewer, locs, placement, _picture_name(layer), replace(look, colours=free), self
        )
        view.hold = hold
        view.ratio = float(self.devicePixelRatioF())
        view.drawn.connect(partial(self._on_drawn, view))
        view.failed.connect(self._on_failed)
        for other in list(self.viewer.layers):
            if other.metadata.get(RESULT_KEY) is not locs:
                continue
            if PICTURE_KEY in other.metadata:  # of a dock that was closed
                self.viewer.layers.remove(other)
            else:
                other.visible = False
        self._seen.add(locs)
        self.views.append(view)
        self.choose(view)
        if self.solid.isChecked():
            view.set_solid(True)
        view.redraw()
        return view

    def _fill_menu(self) -> None:
        menu = self.menu
        menu.clear()
        for layer in self._tables_in_layers():
            if not any(view.locs is layer.metadata[RESULT_KEY] for view in self.views):
                action = menu.addAction(str(layer.name))
                assert action is not None
                action.triggered.connect(partial(self._on_add, layer))
        if menu.isEmpty():
            action = menu.addAction("No other table is in the viewer")
            assert action is not None
            action.setEnabled(False)

    def _on_add(self, layer: Layer, *_: Any) -> None:
        if layer in self.viewer.layers:
            self.show_layer(layer)

    def _on_layers(self, event: Any) -> None:
        if event.type == "removed":
            for view in list(self.views):
                if event.value is view.layer:
                    self._drop(view)
        # the layers of one file come one after the other: look when all are there
        self._look_soon.start()

    def _on_remove(self) -> None:
        if self.current is not None:
            self._drop(self.current)

    def _drop(self, view: TableView) -> None:
        self.views.remove(view)
        view.close()
        view.deleteLater()
        self.choose(self.views[-1] if self.views else None)

    def choose(self, view: TableView | None) -> None:
        """Work on a table."""
        self.current = view
        self.tables.show_views(self.views, view)
        there = view is not None
        self._sections.setEnabled(there)
        for button in (self.remove, self.whole):
            button.setEnabled(there)
        self.solid.setEnabled(any(v.has_depth for v in self.views) or self.solid.isChecked())
        if view is None:
            self.message.tell(
                "Open a table, or drag one onto the viewer." if not self.views else ""
            )
            self.filters.show_table(None, {})
            self.found.setText("")
            return
        self.message.tell("")
        self.look.show_look(view.look, view.hold, view.locs)
        self.look.show_result(view)
        self.filters.show_table(view.locs, view.ranges)
        self._show_found(view)
        self.export.show_table(view.locs)

    # -- pictures -------------------------------------------------------------------------------
    def _on_camera(self, _: Any = None) -> None:
        if not self._redraw_soon.isActive():
            self._redraw_soon.start()

    def redraw(self) -> None:
        """Draw what is in view now."""
        for view in self.views:
            view.redraw()

    def _on_look(self) -> None:
        if self.current is not None:
            self.current.set_look(self.look.look(), self.look.hold)
            self.tables.show_views(self.views, self.current)
        self.remember_soon()

    def _on_filters(self) -> None:
        if self.current is not None:
            self.current.set_ranges(self.filters.ranges())

    def _on_drawn(self, view: TableView) -> None:
        if view in self.views:
            self.tables.show_views(self.views, self.current)
            if view is self.current:
                self.look.show_result(view)
                self._show_found(view)

    def _show_found(self, view: TableView) -> None:
        text = f"{view.kept:,} of {len(view.locs):,} molecules"
        total = getattr(view.newest, "total", None)
        if total is not None and view.newest is not None:
            shown = len(view.newest.positions)  # type: ignore[union-attr]
            if shown < total:
                text += f" ({shown:,} of {total:,} in view shown)"
        self.found.setText(text)

    def _on_failed(self, error: Exception) -> None:
        self.message.tell(str(error) or type(error).__name__, error=True)

    def _on_ticked(self, view: TableView, visible: bool) -> None:
        if view.layer is not None:
            view.layer.visible = visible

    def show_whole_field(self) -> None:
        """Move the camera so that the whole field is seen."""
        view = self.current
        if view is None:
            return
        height, width = view.locs.shape
        place, camera = view.placement, self.viewer.scene.camera
        middle = [
            t + s * (n - 1) / 2
            for t, s, n in zip(place.translate, place.scale, (height, width), strict=True)
        ]
        size = self.viewer.canvas.viewbox_size(self.viewer.layers)
        extent = [abs(s) * n for s, n in zip(place.scale, (height, width), strict=True)]
        camera.center = (*tuple(camera.center)[:-2], *middle)
        camera.zoom = 0.95 * min(float(a) / b for a, b in zip(size, extent, strict=True))

    def _on_solid(self, on: bool) -> None:
        if on:
            # films would be read as a whole to be shown as volumes
            own = {id(view.layer) for view in self.views}
            self._hidden = [
                layer
                for layer in self.viewer.layers
                if layer.visible and id(layer) not in own and layer.ndim > 2
            ]
            for layer in self._hidden:
                layer.visible = False
        for view in self.views:
            view.set_solid(on)
        self.viewer.dims.ndisplay = 3 if on else 2
        if not on:
            for layer in self._hidden:
                if layer in self.viewer.layers:
                    layer.visible = True
            self._hidden = []
            self.redraw()

    def _on_ndisplay(self, _: Any) -> None:
        """Follow napari's own button back to two dimensions."""
        if self.viewer.dims.ndisplay == 2 and self.solid.isChecked():
            self.solid.setChecked(False)
        self._on_camera()

    def _on_scale_bar(self, on: bool) -> None:
        self.viewer.canvas.overlays.scale_bar.visible = on
        self.remember_soon()

    def _on_bar(self, _: Any) -> None:
        self.scale_bar.setChecked(bool(self.viewer.canvas.overlays.scale_bar.visible))

    # -- what takes long ------------------------------------------------------------------------
    def enable_jobs(self, on: bool) -> None:
        """Enable what starts jobs."""
        for control in (self.open, self.keep, self.export.write):
            control.setEnabled(on)

    def _on_open(self) -> None:
        name = self.ask_file("Open a table of localizations")
        if name:
            self.open_table(name)

    def open_table(self, path: str) -> None:
        """Read a table and show it."""
        self.start_job(open_job(path), self._on_opened, "Reading…")

    def _on_opened(self, opened: Opened) -> str:
        um = opened.locs.pixel_size_nm / 1000
        placement = Placement((um, um), (0.0, 0.0), ("um", "um"))
        self._add_table(opened.locs, placement, opened.name)
        return f"{opened.name}: {len(opened.locs):,} molecules."

    def _add_table(self, locs: Localizations, placement: Placement, name: str) -> None:
        """Add a table to the viewer's layers, hidden behind its picture."""
        selected = self.viewer.layers.selection.active
        first = not len(self.viewer.layers)
        add_molecules(self.viewer, locs, placement, name=name)
        if selected is not None:
            self.viewer.layers.selection.active = selected
        self._look_soon.stop()
        self._adopt_all()
        if first:
            self.show_whole_field()

    def _on_keep(self) -> None:
        view = self.current
        if view is not None:
            name = f"{view.name.removesuffix(' picture')} filtered"
            deliver = partial(self._on_kept, view.placement, name)
            self.start_job(keep_job(view.locs, view.ranges), deliver, "Filtering…")

    def _on_kept(self, placement: Placement, name: str, locs: Localizations) -> str:
        self._add_table(locs, placement, name)
        return f"{name}: {len(locs):,} molecules."

    def copy_script(self) -> None:
        """Put the script that filters and draws what is seen on the clipboard."""
        view = self.current
        if view is None:
            return
        path = next(
            (
                layer.source.path
                for layer in self.viewer.layers
                if layer.metadata.get(RESULT_KEY) is view.locs and layer.source.path
            ),
            None,
        )
        self.copy_text(as_script(view, path))

    def _on_export(self) -> None:
        views = [view for view in self.views if view.visible]
        if not views:
            self.message.tell("No picture is visible: tick one in the list.", error=True)
            return
        try:
            job = self.export.job(self.viewer, self.current, views)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        if job is not None:
            self.remember()
            self.start_job(job, lambda path: f"Saved as {path}.", "Sorting the molecules…")

    # -- the end --------------------------------------------------------------------------------
    def _close_mailboxes(self) -> None:
        for view in self.views:
            view.mailbox.close(0.0)

    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        return {
            **self.look.state(),
            **self.export.state(),
            "scale_bar": bool(self.scale_bar.isChecked()),
        }


def _picture_name(layer: Layer) -> str:
    name = str(layer.name)
    for word in (" super-resolution", " molecules"):
        name = name.removesuffix(word)
    return f"{name.split(' (')[0].removesuffix('_locs')} picture"


def _timer(parent: QWidget, milliseconds: int, function: Callable[[], object]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(function)
    return timer
