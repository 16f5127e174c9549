"""The PSF dock: the point spread function from three sides, live or recorded; its beads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from limelight.acquire.scope import camera_of
from limelight.core.errors import LimelightError
from limelight.core.psf import Trend, profiles, reslice, stack_limits
from limelight.reslice import (
    Stack,
    calibrate_job,
    measure_job,
    save_average,
    save_beads,
    save_calibrated,
    save_psf_image,
    spline_job,
)
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import Dock, LayerChoice, button, in_scroll_area, say
from limelight.widgets.microscope_core import core_for_docks
from limelight.widgets.plot_view import PlotView
from limelight.widgets.psf_beads import AVERAGE, CALIBRATE, MEASURE, BeadsPanel
from limelight.widgets.psf_live_form import LiveForm
from limelight.widgets.psf_plots import (
    average_plots,
    bead_words,
    calibration_plots,
    profile_plots,
    script,
    trend_plots,
)
from limelight.widgets.psf_profiles import ProfileStrip
from limelight.widgets.psf_source import Source, layers_with_z, source_of_file, source_of_layer
from limelight.widgets.psf_stream import StackStream
from limelight.widgets.psf_views import PsfViews

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from limelight.core.locs.result import Plot
    from limelight.core.psf.views import Profile
    from limelight.reslice.live_volume import LiveVolume
    from limelight.widgets.worker import Outcome

__all__ = ["PsfDock"]

_LOOK_MS = 33
_WIDTHS_S = 0.25  # how often profiles are drawn while stacks come
_EXACT_S = 0.15  # rest before curves are drawn while the point is dragged
_SAVING: dict[str, Any] = {MEASURE: save_beads, CALIBRATE: save_calibrated, AVERAGE: save_average}
_IMAGES = (".tif", ".tiff", ".zarr")


class PsfDock(Dock):
    """See and measure the point spread function.

    Parameters
    ----------
    napari_viewer : Viewer
        Views are drawn in it; its stacks are offered.
    """

    name = "psf"
    unit = "beads"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.core: Any = core_for_docks()
        self.views = PsfViews(self.viewer, self)
        self.stream: StackStream | None = None
        self.volume: LiveVolume | None = None
        self.stack: NDArray[Any] | None = None
        self.point: tuple[float, float, float] | None = None
        self.trend = Trend()
        self.result: Any = None
        self._running: Any = None
        self._measured = -1
        self._begun = 0.0
        self._drawn = -1
        self._told = 0.0
        self._tool = ""
        self._result_plots: list[Plot] = []
        self._names: tuple[str, ...] = ()
        self._path: Path | None = None
        self._title = ""
        self._scale = (0.1, 0.1, 0.1)
        self._limits: tuple[Any, tuple[float, float]] | None = None
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._curves_later = QTimer(self)
        self._curves_later.setSingleShot(True)
        self._curves_later.setInterval(int(_EXACT_S * 1000))
        self._curves_later.timeout.connect(self._draw_profiles)
        self._connect()
        self.layers.list_layers()
        self._on_configuration()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.layers = LayerChoice(self.viewer, self._listeners, layers_with_z, parent=self)
        self.layers.setObjectName("layers")
        self.layers.setToolTip("A stack: an image layer with a z axis")
        self.show_layer = button(self, "show", "Look at it", "Show the layer from three sides")
        self.open_button = button(
            self, "open", "Open…", "Open a file with a z axis, and look at it"
        )
        self.start = button(self, "start", "Start live", "Take stacks until you press Stop")
        self.stop_button = button(
            self, "stop", "Stop", "Stop at once, and bring the stage back to where it was"
        )
        self.stop_button.setEnabled(False)
        self.mode = ChoiceBox(self)
        self.mode.setObjectName("mode")
        self.mode.addItem("single slice", "slice")
        self.mode.addItem("maximum intensity", "max")
        self.mode.setToolTip("What the views show: the plane through the point, or the maximum")
        self.channel = ChoiceBox(self)
        self.channel.setObjectName("channel")
        self.channel.setToolTip("Channel of the profiles and of the beads")
        self.channel.hide()
        self.fixed = QCheckBox("Fixed contrast", self)
        self.fixed.setObjectName("fixed")
        self.fixed.setToolTip("Keep the contrast as it is; else it follows the slices")
        self.rate = QLabel("", self)
        self.rate.setObjectName("rate")
        self.rate.setToolTip("Slices per second, and the stack that is being filled")
        self.profiles = ProfileStrip(self)
        self.plots = PlotView(self)
        self.live = LiveForm(self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(in_scroll_area(self.live, self), "Live stack")
        self.beads = BeadsPanel(self.viewer, self)
        self.tabs.addTab(self.beads, "Beads")
        self.curves = QWidget(self)
        column = QVBoxLayout(self.curves)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.plots)
        column.addStretch(1)
        self.tabs.addTab(self.curves, "Curves")
        pick, look, run = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        pick.addWidget(QLabel("Stack", self))
        pick.addWidget(self.layers, 1)
        pick.addWidget(self.show_layer)
        pick.addWidget(self.open_button)
        look.addWidget(self.mode, 1)
        look.addWidget(self.channel, 1)
        look.addWidget(self.fixed)
        run.addWidget(self.start, 1)
        run.addWidget(self.stop_button)
        self.arrange(
            pick,
            look,
            self.tabs,
            self.profiles,
            self.rate,
            self.message,
            self.bar,
            run,
            stretch=2,
        )

    def _connect(self) -> None:
        self.show_layer.clicked.connect(self.look_at_layer)
        self.start.clicked.connect(self.begin)
        self.stop_button.clicked.connect(self.stop)
        self.mode.currentIndexChanged.connect(lambda *_: self.draw())
        self.fixed.toggled.connect(self._on_fixed)
        self.channel.currentIndexChanged.connect(lambda *_: self._draw_profiles())
        self.tabs.currentChanged.connect(lambda *_: self._draw_profiles())
        self.open_button.clicked.connect(self._on_open)
        self.views.moved.connect(self._on_moved)
        self.beads.go.clicked.connect(self.run_tool)
        self.beads.save.clicked.connect(self._on_save)
        self.beads.copy.clicked.connect(self.copy_script)
        self.beads.picked.connect(self._on_bead)
        self.plots.told.connect(self.message.tell)
        self.runner.finished.connect(self._on_finished)
        self._listeners.on(self.core.events.systemConfigurationLoaded, self._on_configuration)
        self._listeners.at_end(self._let_go)
        self.live.restore(self.memory)
        for name, values in self.memory.get("beads", {}).items():
            if name in self.beads.forms:
                self.beads.forms[name].set_values(values)
        self.live.changed.connect(self.remember_soon)
        for form in self.beads.forms.values():
            form.changed.connect(self.remember_soon)

    def state(self) -> dict[str, Any]:
        """Return what is remembered."""
        forms = {name: form.values() for name, form in self.beads.forms.items()}
        return self.live.state() | {"beads": forms}

    def _let_go(self) -> None:
        self._timer.stop()
        self._curves_later.stop()
        if self.stream is not None:
            self.stream.stop()
            self.stream = None
        self.views.close()

    def _on_configuration(self, *_: object) -> None:
        there = len(self.core.getLoadedDevices()) > 1 and bool(self.core.getCameraDevice())
        self.start.setEnabled(there and self.stream is None)
        group = str(self.core.getChannelGroup()) if there else ""
        presets = tuple(map(str, self.core.getAvailableConfigs(group))) if group else ()
        self.live.list_channels(group, presets)

    # -- live -------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Take stacks."""
        if self.stream is not None:
            return
        try:
            self.stream = StackStream(self.core, self.live.plan())
        except (LimelightError, RuntimeError) as error:
            self.message.tell(say(error), error=True)
            return
        self.message.tell("")
        self.stack, self.volume, self.point = None, None, None
        self._names, self._path, self._title = self.stream.plan.channels, None, "live"
        self._result_plots = []
        self.plots.show_plots([])
        self._list_channels()
        self.trend = Trend()
        self._measured, self._drawn, self._begun = -1, -1, time.monotonic()
        self.start.setEnabled(False)
        self.stop_button.setEnabled(True)
        self._timer.start()

    def stop(self) -> None:
        """Stop at once; the stage goes back to where it was."""
        stream, self.stream = self.stream, None
        self._timer.stop()
        self.rate.setText("")
        self.stop_button.setEnabled(False)
        if stream is None:
            return
        stream.stop()
        self.volume = stream.volume
        self.draw(curves=False)
        self._curves_later.start()
        self._on_configuration()
        told = f"Stopped; {stream.volume.received if stream.volume else 0} slices."
        if not stream.plan.external:
            told += f" The stage is back at {stream.home_um:.2f} µm."
        self.message.tell(f"{told} {stream.trouble}".rstrip())

    def _look(self) -> None:
        stream = self.stream
        if stream is None:
            return
        self.volume = stream.volume
        if not stream.running:
            self.stop()
            self.message.tell(f"It ended by itself. {self.message.text()}", error=True)
            return
        if self.volume is None or self.volume.received == self._drawn:
            return
        self._drawn = self.volume.received
        now = time.monotonic()
        try:
            self.draw(curves=False)
            if now - self._told > _WIDTHS_S:
                self.profiles.show_profiles(self._profiles())
        except RuntimeError:  # the window is going
            self._timer.stop()
            return
        if now - self._told > _WIDTHS_S:
            self._told = now
            self.rate.setText(
                f"{stream.acquisition.status.rate:.0f} slices/s · "
                f"stack {self.volume.completed + 2} · {100 * self.volume.filled:.0f} % filled"
            )
        if self.beads.follow.isChecked():
            self._follow_trend()

    def _follow_trend(self) -> None:
        if self.volume is None or self.runner.running or self.volume.completed <= self._measured:
            return
        volume = self.volume.stack(self._chosen_channel())
        if volume is None:
            return
        self._measured = self.volume.completed
        try:
            settings: Any = self.beads.settings(MEASURE)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self._tool = "trend"
        self.runner.start(measure_job(self._stack_of(volume), settings))

    # -- a layer ----------------------------------------------------------------------------------
    def look_at_layer(self) -> None:
        """Show the chosen layer from three sides."""
        layer = self.layers.layer
        if layer is None:
            self.message.tell("Open a stack, or load a microscope and press Start live.")
            return
        try:
            source = source_of_layer(layer, self.viewer, float(self.live.step.value()))
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        layer.visible = False
        self._look_at(source)

    def _look_at(self, source: Source) -> None:
        if self.stream is not None:
            self.stop()
        self.stack, self.volume, self.point = source.volume, None, None
        self._scale, self._title, self._path = source.scale_um, source.name, source.path
        self._names, self._result_plots = (), []
        self.trend = Trend()
        self._list_channels()
        self.message.tell("")
        self.rate.setText("")
        self.draw()

    def _on_open(self) -> None:
        name = self.ask_file(
            "Open a stack", "Stacks (*.tif *.tiff *.zarr *.nd2 *.czi *.stk);;All (*)"
        )
        if name:
            self.open_file(name)

    def open_file(self, path: str | Path) -> None:
        """Look at a file with a z axis; tells what is wrong with one that cannot be used."""
        try:
            source = source_of_file(path, float(self.live.step.value()))
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self._look_at(source)
        if source.remark:
            self.message.tell(source.remark)

    # -- drawing ----------------------------------------------------------------------------------
    @property
    def scale_um(self) -> tuple[float, float, float]:
        """Distance of two voxels of what is looked at."""
        return self.volume.scale_um if self.volume is not None else self._scale

    def _on_moved(self, point: tuple[float, float, float]) -> None:
        self.point = point
        self.draw(curves=False)
        self.profiles.show_profiles(self._profiles())
        self._curves_later.start()

    def _on_fixed(self, on: bool) -> None:
        if self.volume is not None:
            for channel in range(self.volume.channels):
                self.volume.set_contrast("fixed" if on else "rolling", channel=channel)
        self.draw(curves=False)

    def _list_channels(self) -> None:
        """List the channels of what is looked at, if there are several."""
        with QSignalBlocker(self.channel):
            self.channel.clear()
            self.channel.addItems(self._names)
        self.channel.setVisible(len(self._names) > 1)

    def _chosen_channel(self) -> int:
        return max(self.channel.currentIndex(), 0)

    def draw(self, curves: bool = True) -> None:
        """Draw the views and, unless asked not to, the profiles through the point."""
        mode = self.mode.currentData()
        volume, stack = self.volume, self.stack
        if volume is not None:
            shape = volume.shape
        elif stack is not None:
            shape = (int(stack.shape[0]), int(stack.shape[1]), int(stack.shape[2]))
        else:
            return
        if self.point is None or any(p >= n for p, n in zip(self.point, shape, strict=True)):
            z, y, x = ((n - 1) / 2 for n in shape)
            self.point = (z, y, x)
        if volume is not None:
            shown = [volume.views(self.point, c, mode=mode) for c in range(volume.channels)]
            limits = [volume.limits(c) for c in range(volume.channels)]
        else:
            assert stack is not None
            shown = [reslice(stack, self.point, mode=mode, scale_um=self.scale_um)]
            low, high = self._stack_limits(stack)
            limits = [(low, high)]
        self.views.show(shown, limits, shape, self.point, self._names, keep=self.fixed.isChecked())
        if curves:
            self._draw_profiles()

    def _stack_limits(self, stack: NDArray[Any]) -> tuple[float, float]:
        if self._limits is None or self._limits[0] is not stack:
            self._limits = (stack, stack_limits(stack))
        return self._limits[1]

    def _profiles(self) -> dict[str, Profile]:
        if self.point is None:
            return {}
        if self.volume is not None:
            channel, volume = self._chosen_channel(), self.volume
            return {
                "x": volume.profile(self.point, "x", channel),
                "y": volume.profile(self.point, "y", channel),
                "z": volume.profile(self.point, "z", channel),
            }
        if self.stack is None:
            return {}
        found = profiles(self.stack, self.point, scale_um=self.scale_um)
        return {axis: found[axis] for axis in "xyz"}

    def _draw_profiles(self) -> None:
        found = self._profiles()
        if not found:
            return
        self.profiles.show_profiles(found)
        trend = trend_plots(self.trend) if len(self.trend) else []
        if self.tabs.currentWidget() is not self.curves:
            return  # drawn when they are looked at
        self.plots.show_plots([*self._result_plots, *trend, *profile_plots(found)])

    # -- beads ------------------------------------------------------------------------------------
    def _stack_of(self, volume: NDArray[Any]) -> Stack:
        step, pixel, _ = self.scale_um
        camera: dict[str, Any] = {}
        if self.volume is not None:
            camera = {"camera": camera_of(self.core)}
        return Stack(volume, step * 1000, pixel * 1000, name=self._title, path=self._path, **camera)

    def _newest(self) -> NDArray[Any] | None:
        if self.volume is not None:
            channel = self._chosen_channel()
            found = self.volume.stack(channel)
            return found if found is not None else self.volume.volume(channel)
        return self.stack

    def run_tool(self) -> None:
        """Do with the beads what is chosen."""
        volume = self._newest()
        if volume is None:
            self.message.tell("Look at a stack first: choose a layer, or start live.", error=True)
            return
        if self.runner.running:
            self.message.tell("A stack is being measured; try again in a moment.")
            return
        name = self.beads.name
        try:
            settings: Any = self.beads.settings()
            stack = self._stack_of(volume)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        job: Any = {MEASURE: measure_job, CALIBRATE: calibrate_job, AVERAGE: spline_job}[name]
        self._tool = name
        self._running = (name, stack, settings)
        self.beads.go.setEnabled(False)
        self.message.tell("")
        self.bar.begin(1)
        self.runner.start(job(stack, settings))

    def _on_finished(self, outcome: Outcome) -> None:
        self.beads.go.setEnabled(True)
        if outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
            return
        if outcome.state != "done":
            if self._tool != "trend":
                self.message.tell("Cancelled.")
            return
        result: Any = outcome.result
        if self._tool == "trend":
            self.trend.add(time.monotonic() - self._begun, result.table)
            self._draw_profiles()
            self.beads.show_result(result, self.scale_um[1])
            best = self.trend.best()
            if best is not None:
                self.message.tell(
                    f"Stack {len(self.trend)} of the trend: {len(result.good)} beads. Best "
                    f"axial FWHM so far: {best['fwhm_z_um']:.3f} µm, at {best['time']:.0f} s."
                )
            return
        name, stack, settings = self._running
        self.result = (name, stack, settings, result)
        self.beads.save.setEnabled(True)
        if name == MEASURE:
            self.beads.show_result(result, stack.pixel_nm / 1000)
            self._result_plots = []
            self.message.tell(bead_words(result))
        elif name == CALIBRATE:
            low, high = result.calibration.usable
            self._result_plots = calibration_plots(result)
            self.message.tell(
                f"{len(result.beads.good)} beads; usable from {low:.0f} to {high:.0f} nm, with "
                f"residuals of {result.rms_nm:.1f} nm (rms). Save it, and choose the file in the "
                "Localize dock."
            )
        else:
            self._result_plots = average_plots(result)
            self.message.tell(
                f"{int(result.averaged.used.sum())} of {len(result.chosen)} beads are averaged. "
                "Save the PSF: with its spline, or as an image alone (.ome.tif, .ome.zarr)."
            )
            self._add_average(result)
        if self._result_plots:
            self.tabs.setCurrentWidget(self.curves)
        self._draw_profiles()
        if self._result_plots:
            self.plots.choice.setCurrentIndex(0)

    def _on_bead(self, row: int) -> None:
        table = self.beads.table
        if table is None or self.point is None:
            return
        z = self.point[0]
        if "z_um" in table and np.isfinite(table["z_um"].iloc[row]):
            z = float(table["z_um"].iloc[row]) / self.scale_um[0]
        self.point = (z, float(table["y"].iloc[row]), float(table["x"].iloc[row]))
        self.draw()

    def _add_average(self, result: Any) -> None:
        model = result.model
        step, pixel = model.step_nm / 1000, model.pixel_nm / 1000
        self.viewer.add_image(
            model.volume(),
            name="averaged PSF",
            scale=(step, pixel, pixel),
            units=("um",) * 3,
            axis_labels=("z", "y", "x"),
            colormap="inferno",
            visible=False,
        )

    def copy_script(self) -> None:
        """Put a script that does the same on the clipboard."""
        volume = self._newest()
        try:
            settings = self.beads.settings()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        stack = Stack(np.zeros((2, 1, 1))) if volume is None else self._stack_of(volume)
        self.copy_text(script(self.beads.name, stack, settings))

    def _on_save(self) -> None:
        if self.result is None:
            return
        name, stack = self.result[:2]
        start = str((stack.path.parent if stack.path else Path.home()) / f"{stack.name}_psf")
        path, _ = QFileDialog.getSaveFileName(self, f"Save: {name}", start)
        if path:
            self.write(Path(path))

    def write(self, path: Path) -> None:
        """Save the newest result; tells where to, or what is wrong.

        Parameters
        ----------
        path : Path
            Name of the files, to which suffixes are added; for the averaged PSF, one that ends
            in ``.tif`` or ``.zarr`` saves the image alone.
        """
        name, stack, settings, result = self.result
        try:
            if name == AVERAGE and path.suffix.lower() in _IMAGES:
                written = [save_psf_image(result.model, path)]
            else:
                if path.suffix.lower() in (".csv", ".hdf5", ".yaml", ".png"):
                    path = path.with_suffix("")
                written = _SAVING[name](result, stack, settings, path)
        except (LimelightError, OSError) as error:
            self.message.tell(say(error), error=True)
            return
        self.message.tell(f"Saved: {', '.join(Path(f).name for f in written)}.")
