"""The Objects dock: features in a table and a plot that are linked to the picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError, ParameterError
from limelight.io.label_zarr import write_image
from limelight.segment.gating import (
    CLASS,
    classified,
    inside,
    limits_of,
    numeric_features,
    write_features,
)
from limelight.segment.places import ObjectPlaces, find_object, nearest_row
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import Dock, LayerChoice, button
from limelight.widgets.objects_plot import ObjectsPlot, class_colours
from limelight.widgets.objects_table import ObjectsTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Labels, Layer

__all__ = ["ObjectsDock"]

_MARK = "limelight_object_mark"
_RIM = 2
_OWN = "own colours"
_CLEAR: dict[int | None, Any] = {0: "transparent", None: "transparent"}


def _with_features(viewer: ViewerModel) -> list[Layer]:
    from napari.layers import Labels

    return [x for x in viewer.layers if isinstance(x, Labels) and len(x.features.columns)]


class ObjectsDock(Dock):
    """Look at the features of objects.

    Parameters
    ----------
    napari_viewer : Viewer
        Its layers of labels with features are offered.
    """

    name = "objects"
    unit = "objects"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.table = pd.DataFrame()
        self._mark: Labels | None = None
        self._places = ObjectPlaces()
        self._followed: Layer | None = None
        self._build()
        self._connect()
        self.layers.list_layers()
        self._on_layer(self.layers.layer)

    @property
    def layer(self) -> Any:
        """The layer whose objects are looked at."""
        return self.layers.layer

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.layers = LayerChoice(self.viewer, self._listeners, _with_features, parent=self)
        self.layers.setObjectName("layers")
        self.layers.setToolTip("The objects: a layer of labels with features")
        self.colour = ChoiceBox(self)
        self.colour.setObjectName("colour")
        self.colour.setToolTip("Colour the objects by a feature, or by their class")
        self.view = ObjectsTable(self)
        self.along_x, self.along_y = ChoiceBox(self), ChoiceBox(self)
        self.along_x.setObjectName("x")
        self.along_x.setToolTip("Feature along x")
        self.along_y.setObjectName("y")
        self.along_y.setToolTip("Feature along y; none: a histogram of the other")
        self.plot = ObjectsPlot(self)
        self.class_name = QLineEdit("A", self)
        self.class_name.setObjectName("class_name")
        self.class_name.setToolTip(
            "Class of the objects that are drawn around on the plot; empty takes them out"
        )
        self.export = button(
            self,
            "export",
            "Export…",
            "Save the table (CSV, TSV, Parquet), or image, labels and table (OME-Zarr)",
        )
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 4, 4)
        axes = QHBoxLayout()
        for title, box in (("x", self.along_x), ("y", self.along_y)):
            axes.addWidget(QLabel(title, page))
            axes.addWidget(box, 1)
        column.addLayout(axes)
        column.addWidget(self.plot, 1)
        gate = QHBoxLayout()
        gate.addWidget(QLabel("Draw around points: class", page))
        gate.addWidget(self.class_name, 1)
        column.addLayout(gate)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self.view, "Table")
        self.tabs.addTab(page, "Plot")
        top, colours = QHBoxLayout(), QHBoxLayout()
        top.addWidget(QLabel("Objects", self))
        top.addWidget(self.layers, 1)
        colours.addWidget(QLabel("Colour by", self))
        colours.addWidget(self.colour, 1)
        colours.addWidget(self.export)
        self.arrange(top, colours, self.tabs, self.message, stretch=2)

    def _connect(self) -> None:
        self.layers.chosen.connect(self._on_layer)
        self.colour.activated.connect(lambda *_: self.paint())
        self.view.picked.connect(self._on_row)
        for box in (self.along_x, self.along_y):
            box.activated.connect(lambda *_: self.draw())
        self.tabs.currentChanged.connect(lambda *_: self.draw())
        self.plot.outlined.connect(self.gate)
        self.plot.clicked.connect(self._on_plot)
        self.export.clicked.connect(self._on_export)
        self.viewer.mouse_drag_callbacks.append(self._on_mouse)
        self._listeners.at_end(self._let_go)

    def _let_go(self) -> None:
        if self._on_mouse in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._on_mouse)
        if self._mark is not None and self._mark in self.viewer.layers:
            self.viewer.layers.remove(self._mark)

    def _on_layer(self, layer: Layer | None) -> None:
        if layer is not None and layer is not self._followed:
            self._followed = layer
            self._listeners.on(layer.events.features, lambda *_: self._on_features(layer))
        self._take_table()

    def _on_features(self, layer: Layer) -> None:
        if layer is self.layer and layer.features is not self.table:
            self._take_table()

    def _take_table(self) -> None:
        layer = self.layer
        self.table = layer.features if layer is not None else pd.DataFrame()
        if layer is None:
            self.message.tell("Segment an image first, or open labels with features.")
        else:
            self.message.tell("")
        self.view.show_table(self.table)
        names = numeric_features(self.table)
        for box, first in ((self.along_x, []), (self.along_y, ["none"]), (self.colour, [_OWN])):
            before = box.currentText()
            box.clear()
            box.addItems([*first, *([CLASS] if box is self.colour else []), *names])
            box.setCurrentIndex(max(box.findText(before), 0))
        for widget in (self.colour, self.export, self.along_x, self.along_y):
            widget.setEnabled(layer is not None)
        self.draw()

    def labels(self) -> np.ndarray[Any, Any]:
        """Return the label of each row."""
        column = "index" if "index" in self.table else "label"
        if column in self.table:
            return self.table[column].to_numpy()
        return np.arange(len(self.table))

    # -- the table and the picture ----------------------------------------------------------------
    def _on_row(self, row: int) -> None:
        self.look_at(int(self.labels()[row]))

    def look_at(self, label: int) -> None:
        """Centre an object and outline it."""
        layer = self.layer
        data = layer.data[0] if layer.multiscale else np.asarray(layer.data)
        box = self._near(data, label) if layer.multiscale else self._places.box(data, label)
        if box is None:
            self.message.tell(f"Object {label} is not in the picture any more.")
            return
        low, high = box
        self._outline(layer, data, label, low, high)
        middle = layer.data_to_world((low + high - 1) / 2)
        self.viewer.scene.camera.center = (
            tuple(middle)[-3:] if layer.ndim > 2 else (0, *middle[-2:])
        )
        if layer.ndim > 2:
            self.viewer.dims.set_point(range(layer.ndim - 2), middle[:-2])
        self.message.tell("")

    def _near(self, data: Any, label: int) -> Any:
        """Return first and behind-last place of an object of a plate, around its centre."""
        rows = np.flatnonzero(self.labels() == label)
        if not len(rows) or not {"plate_y", "plate_x"} <= set(self.table):
            return None
        return find_object(data, label, self.table[["plate_y", "plate_x"]].to_numpy()[rows[0]])

    def _outline(
        self, layer: Any, data: Any, label: int, low: np.ndarray, high: np.ndarray
    ) -> None:
        start = np.maximum(low - _RIM, 0)
        cut = tuple(slice(a, b + _RIM) for a, b in zip(start, high, strict=True))
        mine = (data[cut] == label).astype(np.int32)
        active = self.viewer.layers.selection.active
        if self._mark is not None and self._mark in self.viewer.layers:
            self.viewer.layers.remove(self._mark)
        from napari.utils.colormaps import DirectLabelColormap

        self._mark = self.viewer.add_labels(
            mine,
            name="chosen object",
            scale=layer.scale,
            translate=np.asarray(layer.translate) + start * np.asarray(layer.scale),
            units=layer.units,
            opacity=1.0,
            metadata={_MARK: True},
            colormap=DirectLabelColormap(
                color_dict={1: "#ffffff", 0: "transparent", None: "transparent"}
            ),
        )
        self._mark.contour = 2
        if active in self.viewer.layers:
            self.viewer.layers.selection.active = active

    def _on_mouse(self, viewer: Any, event: Any) -> Iterator[None]:
        """Choose the row of the object that is clicked, where the mouse is not dragged."""
        layer = self.layer
        if layer is None or layer not in self.viewer.layers or not layer.visible:
            return
        if str(getattr(layer, "mode", "pan_zoom")) != "pan_zoom":
            return  # it is being painted on
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if moved:
            return
        value = layer.get_value(event.position, world=True)
        rows = np.flatnonzero(self.labels() == value) if value else np.zeros(0)
        if len(rows):
            self.view.choose(int(rows[0]))
            self.look_at_quietly(int(value))

    def look_at_quietly(self, label: int) -> None:
        """Outline an object without moving the picture."""
        centre = self.viewer.scene.camera.center
        self.look_at(label)
        self.viewer.scene.camera.center = centre

    # -- colours ----------------------------------------------------------------------------------
    def paint(self) -> None:
        """Colour the objects as is chosen."""
        layer, what = self.layer, str(self.colour.currentText())
        if layer is None:
            return
        from napari.utils.colormaps import DirectLabelColormap, ensure_colormap, label_colormap

        if what in (_OWN, ""):
            layer.colormap = label_colormap()
            layer.contour = 1
            return
        colours: dict[int | None, Any]
        if what == CLASS:
            colours = self._class_colours()
        else:
            values = self.table[what].to_numpy(np.float64)
            low, high = limits_of(values)
            scaled = np.nan_to_num((values - low) / (high - low)).clip(0, 1)
            rgba = ensure_colormap("viridis").map(scaled)
            rgba[~np.isfinite(values)] = (0.5, 0.5, 0.5, 0.5)
            colours = dict(zip(self.labels().tolist(), rgba, strict=True))
            self.message.tell(f"{what}: dark {low:.4g}, bright {high:.4g}")
        layer.colormap = DirectLabelColormap(color_dict={**_CLEAR, **colours})
        layer.contour = 0

    def _class_colours(self) -> dict[int | None, Any]:
        classes = self._classes()
        colour = class_colours(classes)
        return {
            int(label): colour[str(name)]
            for label, name in zip(self.labels(), classes, strict=True)
        }

    def _classes(self) -> np.ndarray[Any, Any]:
        if CLASS in self.table:
            return self.table[CLASS].astype(str).to_numpy(object)
        return np.full(len(self.table), "", object)

    # -- the plot ---------------------------------------------------------------------------------
    def draw(self) -> None:
        """Draw what is chosen, where it is seen."""
        if self.tabs.currentIndex() != 1 or self.layer is None or not self.along_x.currentText():
            return
        x, y = str(self.along_x.currentText()), str(self.along_y.currentText())
        values = self.table[x].to_numpy(np.float64)
        if y in ("none", ""):
            self.plot.show_histogram(values, x)
        else:
            other = self.table[y].to_numpy(np.float64)
            self.plot.show_scatter(values, other, (x, y), self._classes())

    def gate(self, corners: Any) -> None:
        """Put the objects inside an outline into the class that is named."""
        x, y = str(self.along_x.currentText()), str(self.along_y.currentText())
        try:
            chosen = inside(self.table[x], self.table[y], corners)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        name = str(self.class_name.text())
        self.table = classified(self.table, chosen, name)
        self.layer.features = self.table
        self.table = self.layer.features
        self._take_table()
        where = f"class {name}" if name else "no class"
        self.message.tell(f"{int(chosen.sum()):,} objects are in {where} now.")
        if str(self.colour.currentText()) in (CLASS, _OWN):
            self.colour.setCurrentIndex(self.colour.findText(CLASS))
            self.paint()

    def _on_plot(self, x: float, y: float) -> None:
        name, other = str(self.along_x.currentText()), str(self.along_y.currentText())
        if other in ("none", "") or not len(self.table) or self.plot.axes is None:
            return
        (x0, x1), (y0, y1) = self.plot.axes.get_xlim(), self.plot.axes.get_ylim()
        points = self.table[[name, other]].to_numpy(np.float64)
        row = nearest_row(points[:, 0], points[:, 1], (x, y), (x1 - x0, y1 - y0))
        if row is not None:
            self.view.choose(row)
            self.look_at(int(self.labels()[row]))

    def _on_export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Export objects",
            f"{self.layer.name}.csv",
            "Features (*.csv *.tsv *.parquet);;Image, labels and features (*.ome.zarr)",
        )
        if path:
            self.write(path)

    def write(self, path: str) -> None:
        """Save the table, or with the image and the labels; tells where to, or what is wrong."""
        try:
            if path.lower().endswith(".zarr"):
                written = self._write_zarr(Path(path))
            else:
                written = write_features(self.table, path)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.message.tell(f"{len(self.table):,} objects are saved as {written.name}.")

    def _write_zarr(self, path: Path) -> Path:
        """Write image, labels and features as OME-Zarr.

        Raises
        ------
        LimelightError
            If no image has the shape of the labels, or it cannot be written.
        """
        from napari.layers import Image

        layer = self.layer
        if layer.multiscale:
            raise ParameterError("These objects are in an OME-Zarr already; export their table.")
        labels = np.asarray(layer.data)
        images = {
            str(x.name): np.asarray(x.data)
            for x in self.viewer.layers
            if isinstance(x, Image) and x.data.shape == labels.shape and not x.rgb
            if x.metadata.get("limelight_step") is None
        }
        if not images:
            raise ParameterError(
                f"No image has the shape of the objects {labels.shape}; open theirs first."
            )
        dtype = np.result_type(*(x.dtype for x in images.values()))
        images = {name: x.astype(dtype, copy=False) for name, x in images.items()}
        units = [str(u) for u in layer.units[-2:]]
        z, y, x = (float(s) for s in (1.0, *layer.scale)[-3:])
        scale = (z, y, x) if "micro" in units[0] else None
        table = self.table.rename(columns={"index": "label"})
        texts = {c: table[c].astype(str) for c in table.columns if table[c].dtype == object}
        name = str(layer.name).replace("/", "-")
        return write_image(path, images, {name: labels}, {name: table.assign(**texts)}, scale=scale)
