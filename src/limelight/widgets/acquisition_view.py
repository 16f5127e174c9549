"""What is seen of an acquisition while it runs: images, molecules, objects, curves."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from limelight.acquire.live import contrast_of
from limelight.core.errors import LimelightError
from limelight.core.localizations import Localizations
from limelight.core.locs.result import Line, Plot
from limelight.core.readings import Readings
from limelight.core.render.live import LivePicture
from limelight.core.stream import Objects, Reading
from limelight.widgets.dataset_layers import DatasetLayers
from limelight.widgets.layers import Placement, add_molecules, show_picture
from limelight.widgets.live_layer import LIVE_KEY, LiveLayer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

    from limelight.acquire import Acquisition

__all__ = ["AcquisitionView", "warm_up"]

_IMAGE_MS = 33
_SLOW = 16  # image ticks between two looks at what changes slowly
_CURVES_S = 1.2  # seconds between two drawings of curves, at least
_CURVE = 4000  # frames of a curve
_ASIDE = 1.02  # of the width of a picture
_BRIGHT = 95  # percent of the lit pixels that are shown below full brightness
_DIVIDE = 2  # a camera pixel into so many drawn ones: what is seen while it grows


def warm_up() -> None:
    """Load what showing takes, before the camera runs: some seconds, the first time."""
    import dask.array as da
    import matplotlib.backends.backend_qtagg
    import matplotlib.figure  # noqa: F401

    ones: Any = da.ones
    ones(1).compute()


class AcquisitionView(QObject):
    """Shows an acquisition in a viewer; takes the newest of everything, and waits for nothing.

    Parameters
    ----------
    viewer : ViewerModel
        Where.

    Signals
    -------
    read : tuple of Plot
        Curves of what processors read, now and then.
    """

    read = Signal(tuple)

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.follow = True
        self.changing = False
        """Whether layers are being changed here: sliders that move then were not moved by hand."""
        self.acquisition: Acquisition | None = None
        self.newest: LiveLayer | None = None
        self.dataset = DatasetLayers(viewer)
        self.picture_layers: dict[str, Image] = {}
        self._objects_layers: dict[str, Labels] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_IMAGE_MS)
        self._timer.timeout.connect(self._look)
        self._tick = 0
        self.shown = 0
        self._reset()

    def _reset(self) -> None:
        self._index = -1
        self._fitted: tuple[Any, ...] | None = None
        self._curves_at = 0.0
        self._places: dict[str, tuple[float, ...]] = {}
        self._drawn: dict[str, int] = {}
        self._limits: tuple[float, float] | None = None
        self._lock = threading.Lock()
        self.readings: dict[str, Readings] = {}
        self._pictures: dict[str, LivePicture] = {}
        self._early: dict[str, list[Localizations]] = {}
        self._objects: dict[str, Objects] = {}
        self.dataset = DatasetLayers(self._viewer)
        self.picture_layers = {}
        self._objects_layers = {}
        self.shown = 0

    # -- what processors give, in their threads ---------------------------------------------------
    def take(self, name: str, output: Any) -> None:
        """Keep what a processor gave; called from its thread."""
        if isinstance(output, Reading):
            with self._lock:
                readings = self.readings.setdefault(name, Readings())
            readings.add(output)
        elif isinstance(output, Localizations):
            early = self._early.setdefault(name, [])
            early.append(output)
            picture = self._picture(name)
            if picture is not None:
                for locs in early:
                    picture.add(locs)
                early.clear()
        elif isinstance(output, Objects):
            self._objects[output.name] = output

    def _picture(self, name: str) -> LivePicture | None:
        found = self._pictures.get(name)
        stream = self.acquisition.stream if self.acquisition is not None else None
        if found is None and stream is not None:
            pixel_nm = stream.camera.pixel_size_nm
            found = LivePicture(stream.shape, pixel_nm, pixel_nm / _DIVIDE, "smooth")
            self._pictures[name] = found
        return found

    # -- showing ----------------------------------------------------------------------------------
    def expect(self) -> None:
        """Get ready for a new acquisition, before it is made."""
        self.acquisition = None
        self._reset()

    def begin(self, acquisition: Acquisition) -> None:
        """Show an acquisition from now on."""
        self.acquisition = acquisition
        for layer in self._viewer.layers:
            if layer.metadata.get(LIVE_KEY):  # nothing comes there meanwhile
                layer.visible = False
        self.newest = LiveLayer(self._viewer, acquisition.core, f"{acquisition.name} (newest)")
        self._timer.start()

    def end(self) -> None:
        """Show what there is in the end, in layers that stay."""
        self._timer.stop()
        acquisition = self.acquisition
        if acquisition is None:
            return
        self._look_at_image()
        self._look_slowly()
        newest = self.newest.layer if self.newest is not None else None
        if self.dataset.layers:
            self.dataset.finish(acquisition)
            self.dataset.set_visible(True)
            if newest is not None and newest in self._viewer.layers:
                self._viewer.layers.remove(newest)
            if self.follow:
                self._go_to_last()
        if self._fitted is not None and self._fitted == self._where():
            self._viewer.reset_view()  # pictures are over the images now; nobody has zoomed
        self._add_tables(acquisition)

    def _where(self) -> tuple[Any, ...]:
        camera = self._viewer.scene.camera
        return (camera.zoom, tuple(camera.center))

    def _fit_view(self) -> None:
        self._viewer.reset_view()
        self._fitted = self._where()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def set_follow(self, on: bool) -> None:
        """Show the newest image, or those before."""
        self.follow = on
        newest = self.newest.layer if self.newest is not None else None
        if newest is not None and newest in self._viewer.layers:
            newest.visible = on
            self.dataset.set_visible(not on)

    def _go_to_last(self) -> None:
        """Show the last image of time, as the newest one was shown until now."""
        dims = self._viewer.dims
        for axis, label in enumerate(dims.axis_labels):
            if label == "time":
                dims.set_current_step(axis, dims.nsteps[axis] - 1)

    def _look(self) -> None:
        self.changing = True
        try:
            self._look_at_image()
            self._tick += 1
            if self._tick % _SLOW == 0:
                self._look_slowly()
        except RuntimeError:  # the window is going
            self._timer.stop()
        finally:
            self.changing = False

    def _look_at_image(self) -> None:
        acquisition = self.acquisition
        frame = acquisition.latest if acquisition is not None else None
        if frame is None or frame.index == self._index or self.newest is None:
            return
        self._index = frame.index
        if self._limits is None or self.shown % 15 == 0:
            self._limits = contrast_of(frame.pixels)
        self.newest.show(frame.pixels, self._limits if self.shown % 15 == 0 else None)
        self.shown += 1
        layer = self.newest.layer
        if layer is not None and layer.visible != self.follow:
            layer.visible = self.follow

    def _look_slowly(self) -> None:
        acquisition = self.acquisition
        if acquisition is None:
            return
        self._show_dataset(acquisition)
        self._show_pictures(acquisition)
        self._show_objects()
        due = time.monotonic() - self._curves_at > _CURVES_S or not self._timer.isActive()
        if self.readings and due:
            self._curves_at = time.monotonic()
            self.read.emit(tuple(self.plots()))

    def _show_dataset(self, acquisition: Acquisition) -> None:
        before = self.dataset.layers
        step = tuple(self._viewer.dims.current_step)
        self.dataset.show(acquisition, not self.follow)
        for layer in self.dataset.layers:
            if layer not in before:
                self._below_newest(layer)
        if before and not self.follow and len(step) == self._viewer.dims.ndim:
            self._viewer.dims.current_step = step  # a person looks at it

    def _below_newest(self, layer: Layer) -> None:
        newest = self.newest.layer if self.newest is not None else None
        if newest is not None and newest in self._viewer.layers:
            layers = self._viewer.layers
            layers.move(layers.index(layer), layers.index(newest))

    def _placement(self, acquisition: Acquisition) -> tuple[Placement, float]:
        pixel_nm = acquisition.stream.camera.pixel_size_nm if acquisition.stream else 100.0
        um = pixel_nm / 1000
        return Placement((um, um), (0.0, 0.0), ("um", "um")), pixel_nm

    def _show_pictures(self, acquisition: Acquisition) -> None:
        for name, live in list(self._pictures.items()):
            ended = not self._timer.isActive()
            if live.molecules == self._drawn.get(name) and not ended:
                continue
            self._drawn[name] = live.molecules
            placement, pixel_nm = self._placement(acquisition)
            before = self.picture_layers.get(name)
            if before is not None and before not in self._viewer.layers:
                continue  # a person removed it
            picture = live.picture()
            layer = self.picture_layers[name] = show_picture(
                self._viewer,
                picture,
                placement,
                pixel_nm,
                name=f"{acquisition.name} super-resolution ({name})",
                layer=before,
            )
            if before is None:
                layer.blending = "additive"  # over the newest image
                self._places[name] = tuple(layer.translate)
            if self._timer.isActive():  # beside the image while it grows, so that both are seen
                y, x = self._places[name]
                layer.translate = (y, x + _ASIDE * picture.image.shape[1] * layer.scale[1])
                if before is None:
                    self._fit_view()
            else:
                layer.translate = self._places[name]
            lit = picture.image[picture.image > 0.01 * picture.image.max()]
            high = float(np.percentile(lit, _BRIGHT)) if lit.size else 1.0
            layer.contrast_limits = (0.0, max(high, 1e-3))

    def _show_objects(self) -> None:
        newest = self.newest.layer if self.newest is not None else None
        for name, found in list(self._objects.items()):
            if found.labels.ndim != 2:
                continue
            layer = self._objects_layers.get(name)
            features = found.features.reset_index(names="index")
            if layer is not None and layer in self._viewer.layers:
                layer.data = found.labels
            else:
                place = {"scale": newest.scale, "units": newest.units} if newest is not None else {}
                layer = self._viewer.add_labels(found.labels, name=name, **place)
                layer.contour = 1
                self._objects_layers[name] = layer
            layer.features = features

    def _add_tables(self, acquisition: Acquisition) -> None:
        for name in list(self._pictures):
            locs = acquisition.results.localizations(name)
            if locs is None or not len(locs):
                continue
            placement, _ = self._placement(acquisition)
            with suppress(LimelightError):
                add_molecules(
                    self._viewer, locs, placement, name=f"{acquisition.name} molecules ({name})"
                )

    def plots(self) -> list[Plot]:
        """Return a curve for every number that processors read."""
        found = []
        with self._lock:
            listed = list(self.readings.items())
        for part, readings in listed:
            for name in readings.names:
                frames, values = readings.curve(name, _CURVE)
                title = name if len(listed) == 1 else f"{part}: {name}"
                line = Line(name, np.asarray(frames, float), np.asarray(values, float))
                found.append(Plot(title, "frame", name, (line,)))
        return found
