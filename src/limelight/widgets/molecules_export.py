"""The controls for writing what is seen into a picture file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from limelight.core.errors import ParameterError
from limelight.io.picture import PictureChannel, picture_job
from limelight.widgets.controls import ChoiceBox, NumberBox
from limelight.widgets.molecules_draw import GAMMA, colours_of
from limelight.widgets.molecules_view import view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.widgets.molecules_view import TableView

__all__ = ["ExportForm"]

_FORMATS = {
    "TIFF, molecules per pixel (*.tif)": ".tif",
    "OME-TIFF, molecules per pixel (*.ome.tif)": ".ome.tif",
    "OME-Zarr, molecules per pixel (*.ome.zarr)": ".ome.zarr",
    "PNG, colours as shown (*.png)": ".png",
}


class ExportForm(QWidget):
    """Pixel size, part of the field, and where to.

    Signals
    -------
    asked : the button was pressed.
    changed : something was chosen.
    """

    asked = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._locs: Localizations | None = None
        self._folder = Path()
        self.pixel = NumberBox(0.1, 10_000, self)
        self.pixel.setObjectName("export_pixel")
        self.pixel.setSuffix(" nm")
        self.pixel.setValue(10)
        self.pixel.setToolTip("Size of a pixel of the file, nm (0.1 to 10,000)")
        self.part = ChoiceBox(self)
        self.part.setObjectName("export_part")
        self.part.addItem("whole field", False)
        self.part.addItem("what is in view", True)
        self.part.setToolTip("Which part of the field is written")
        self.extent = QLabel(self)
        self.extent.setToolTip("Height and width of the whole field's picture, pixels")
        self.write = QPushButton("Export…", self)
        self.write.setObjectName("export")
        self.write.setToolTip(
            "Write the visible tables as TIFF, OME-TIFF or OME-Zarr (molecules per pixel) or as "
            "PNG (as shown), tile by tile: pictures larger than the memory are possible"
        )
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        for text, widget in (("Pixel", self.pixel), ("Part", self.part), ("Size", self.extent)):
            label = QLabel(text, self)
            label.setToolTip(widget.toolTip())
            form.addRow(label, widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.write)
        self.pixel.valueChanged.connect(self._on_change)
        self.part.currentIndexChanged.connect(self._on_change)
        self.write.clicked.connect(self.asked)

    def show_table(self, locs: Localizations | None) -> None:
        """Show how large the picture of a table would be."""
        self._locs = locs
        self._show_size()

    def _on_change(self, *_: Any) -> None:
        self._show_size()
        self.changed.emit()

    def _show_size(self) -> None:
        if self._locs is None:
            self.extent.setText("")
            return
        zoom = self._locs.pixel_size_nm / float(self.pixel.value())
        height, width = (round(n * zoom) for n in self._locs.shape)
        self.extent.setText(f"{height:,} × {width:,} pixels (whole field)")

    def job(
        self, viewer: ViewerModel, current: TableView | None, views: Sequence[TableView]
    ) -> Job[Path] | None:
        """Ask for the file, and return the job that writes it; None: the person gave up.

        Raises
        ------
        ParameterError
            If there is nothing in view.
        """
        chosen = current if current in views else views[0]
        assert chosen is not None
        viewport = None
        if self.part.currentData():
            seen = view_of(viewer, chosen.placement)
            if seen is None or viewer.dims.ndisplay != 2:
                raise ParameterError("What is in view can be written in two dimensions only.")
            height, width = chosen.locs.shape
            y0, x0, y1, x1 = seen[0]
            viewport = (max(y0, -0.5), max(x0, -0.5), min(y1, height - 0.5), min(x1, width - 0.5))
            if viewport[0] >= viewport[2] or viewport[1] >= viewport[3]:
                raise ParameterError("The field is not in view.")
        path = self._ask_path(chosen.name)
        if path is None:
            return None
        channels = [_channel(view) for view in views]
        return picture_job(path, channels, float(self.pixel.value()), viewport=viewport)

    def _ask_path(self, name: str) -> Path | None:
        suggestion = str(self._folder / f"{name}.tif")
        text, kind = QFileDialog.getSaveFileName(
            self, "Export the picture", suggestion, ";;".join(_FORMATS)
        )
        if not text:
            return None
        path = Path(text)
        if not path.name.lower().endswith((".png", ".tif", ".tiff", ".zarr")):
            path = path.with_name(path.name + _FORMATS.get(kind, ".tif"))
        self._folder = path.parent
        return path

    def state(self) -> dict[str, Any]:
        """Return what is to be remembered."""
        return {"export_pixel_nm": float(self.pixel.value())}

    def restore(self, state: dict[str, Any]) -> None:
        """Show what was remembered."""
        value = state.get("export_pixel_nm")
        if isinstance(value, int | float) and 0.1 <= value <= 10_000:
            self.pixel.setValue(float(value))


def _channel(view: TableView) -> PictureChannel:
    """Return a table as it is shown."""
    look, newest = view.look, view.newest
    return PictureChannel(
        view.locs,
        dict(view.ranges),
        "histogram" if look.mode == "scatter" else look.mode,
        look.min_blur_nm,
        look.blur if look.mode == "blur" else None,
        look.colour,
        colours_of(look.colours),
        getattr(newest, "high", None) if hasattr(newest, "pixel_nm") else None,
        getattr(newest, "limits", None),
        GAMMA,
        view.name,
    )
