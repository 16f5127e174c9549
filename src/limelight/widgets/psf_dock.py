"""The PSF dock: the point spread function from three sides, live or recorded; its beads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from limelight.acquire import find_core
from limelight.core.errors import LimelightError
from limelight.core.locs.result import Line, Plot
from limelight.core.psf import Trend, line_profile, reslice
from limelight.reslice import (
    BeadSettings,
    CalibrationSettings,
    SplineSettings,
    Stack,
    calibrate_job,
    measure_job,
    save_average,
    save_beads,
    save_calibrated,
    spline_job,
)
from limelight.widgets.controls import ChoiceBox, NumberBox, WholeBox
from limelight.widgets.dock import Dock, LayerChoice, button, in_scroll_area, say
from limelight.widgets.layers import pixel_size_nm, steps_in_view
from limelight.widgets.objects_table import ObjectsTable
from limelight.widgets.plot_view import PlotView
from limelight.widgets.psf_stream import StackPlan, StackStream
from limelight.widgets.psf_views import PsfViews
from limelight.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from limelight.reslice.live_volume import LiveVolume
    from limelight.widgets.worker import Outcome

__all__ = ["PsfDock"]

_LOOK_MS = 40
_SLOW = 6
_SHOWN = (
    "fwhm_x_um",
    "fwhm_y_um",
    "fwhm_z_um",
    "asymmetry",
    "tilt_deg",
    "snr",
    "x",
    "y",
    "z_um",
    "reason",
)
_TOOLS = {
    "Measure beads": BeadSettings,
    "Calibrate z (astigmatism)": CalibrationSettings,
    "Average beads, make a spline": SplineSettings,
}


def _with_z(viewer: ViewerModel) -> list[Layer]:
    from napari.layers import Image

    return [
        x
        for x in viewer.layers
        if isinstance(x, Image) and x.ndim >= 3 and not x.rgb and "limelight_psf" not in x.metadata
    ]


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
        self.core: Any = find_core(load=False)
        self.views = PsfViews(self.viewer, self)
        self.stream: StackStream | None = None
        self.volume: LiveVolume | None = None
        self.stack: NDArray[Any] | None = None
        self.point: tuple[float, float, float] | None = None
        self.trend = Trend()
        self.result: Any = None
        self._measured = -1
        self._begun = 0.0
        self._drawn = -1
        self._tick = 0
        self._tool = ""
        self._build()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._connect()
        self.layers.list_layers()
        self._on_configuration()

    # -- what is there --------------------------------------------------------------------------
    def _build(self) -> None:
        self.layers = LayerChoice(self.viewer, self._listeners, _with_z, parent=self)
        self.layers.setObjectName("layers")
        self.layers.setToolTip("A stack: an image layer with a z axis")
        self.show_layer = button(self, "show", "Look at it", "Show the layer from three sides")
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
        self.fixed = QCheckBox("Fixed contrast", self)
        self.fixed.setObjectName("fixed")
        self.fixed.setToolTip("Keep the contrast as it is now; else it follows the slices")
        self.rate = QLabel("", self)
        self.rate.setObjectName("rate")
        self.rate.setToolTip("Slices per second, and the stack that is being filled")
        self.widths = QLabel("Drag the point in a view.", self)
        self.widths.setObjectName("widths")
        self.widths.setWordWrap(True)
        self.widths.setToolTip("Full width at half maximum along lines through the point")
        self.plots = PlotView(self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(in_scroll_area(self._build_live(), self), "Live stack")
        self.tabs.addTab(self._build_beads(), "Beads")
        pick, look, run = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        pick.addWidget(QLabel("Stack", self))
        pick.addWidget(self.layers, 1)
        pick.addWidget(self.show_layer)
        look.addWidget(self.mode, 1)
        look.addWidget(self.fixed)
        run.addWidget(self.start, 1)
        run.addWidget(self.stop_button)
        self.arrange(
            pick,
            look,
            self.tabs,
            self.widths,
            self.plots,
            self.rate,
            self.message,
            self.bar,
            run,
            stretch=2,
        )

    def _build_live(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.low, self.high = NumberBox(-1e4, 1e4, page), NumberBox(-1e4, 1e4, page)
        self.step = NumberBox(0.001, 1e3, page)
        self.clip = WholeBox(0, 1e5, page)
        self.external = QCheckBox("The stage is moved by another controller", page)
        self.channels = ChoiceBox(page)
        for box, name, tip, value in (
            (self.low, "low", "First slice, relative to the focus now, µm", -2.0),
            (self.high, "high", "Last slice, relative to the focus now, µm", 2.0),
            (self.step, "step", "Distance of two slices, µm", 0.1),
            (self.clip, "clip", "Side of the central field that is shown, px; 0: all of it", 0),
        ):
            box.setObjectName(name)
            box.setToolTip(tip)
            box.setValue(value)  # type: ignore[arg-type]
        self.external.setObjectName("external")
        self.external.setToolTip(
            "The camera runs and takes a slice at every trigger; frames are counted"
        )
        self.channels.setObjectName("channels")
        self.channels.setToolTip("Channels of a stack, one after another")
        self.slices = QLabel(page)
        form.addRow("First slice (µm)", self.low)
        form.addRow("Last slice (µm)", self.high)
        form.addRow("Step (µm)", self.step)
        form.addRow("Central field (px)", self.clip)
        form.addRow("Channels", self.channels)
        form.addRow(self.external)
        form.addRow(self.slices)
        return page

    def _build_beads(self) -> QWidget:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 4, 4)
        self.tool = ChoiceBox(page)
        self.tool.setObjectName("tool")
        self.tool.setToolTip("What to do with the beads of the stack")
        for name in _TOOLS:
            self.tool.addItem(name, name)
        self.go = button(page, "go", "Run", "Do it with the stack that is looked at")
        self.save = button(page, "save", "Save…", "Save tables, pictures, calibration, PSF")
        self.save.setEnabled(False)
        self.follow = QCheckBox("Trend: measure every live stack", page)
        self.follow.setObjectName("trend")
        self.follow.setToolTip("Curves of widths and asymmetry while you turn a correction collar")
        self.forms = {name: SettingsForm(cls, parent=page) for name, cls in _TOOLS.items()}
        self.table = ObjectsTable(page)
        self.table.setToolTip("Click a bead: the point goes there. Click a title to sort")
        self.table.setMinimumHeight(110)
        inner = QWidget(page)
        stack = QVBoxLayout(inner)
        stack.setContentsMargins(0, 0, 0, 0)
        for form in self.forms.values():
            stack.addWidget(form)
        stack.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.tool, 1)
        row.addWidget(self.go)
        row.addWidget(self.save)
        column.addLayout(row)
        column.addWidget(in_scroll_area(inner, page), 1)
        column.addWidget(self.follow)
        column.addWidget(self.table, 1)
        return page

    def _connect(self) -> None:
        self.show_layer.clicked.connect(self.look_at_layer)
        self.start.clicked.connect(self.begin)
        self.stop_button.clicked.connect(self.stop)
        self.mode.currentIndexChanged.connect(lambda *_: self.draw())
        self.fixed.toggled.connect(self._on_fixed)
        self.views.moved.connect(self._on_moved)
        for number in (self.low, self.high, self.step):
            number.valueChanged.connect(lambda *_: self._tell_slices())
        self.tool.currentIndexChanged.connect(lambda *_: self._on_tool())
        self.go.clicked.connect(self.run_tool)
        self.save.clicked.connect(self._on_save)
        self.table.picked.connect(self._on_bead)
        self.plots.told.connect(self.message.tell)
        self.runner.finished.connect(self._on_finished)
        self._listeners.on(self.core.events.systemConfigurationLoaded, self._on_configuration)
        self._listeners.at_end(self._let_go)
        memory = self.memory
        for box in (self.low, self.high, self.step, self.clip):
            if isinstance(memory.get(box.objectName()), int | float):
                box.setValue(memory[box.objectName()])
        self._tell_slices()
        self._on_tool()

    def state(self) -> dict[str, Any]:
        """Return what is remembered."""
        return {
            str(box.objectName()): box.value()
            for box in (self.low, self.high, self.step, self.clip)
        }

    def _let_go(self) -> None:
        if self.stream is not None:
            self.stream.stop()
        self.views.close()

    def _on_configuration(self, *_: object) -> None:
        there = len(self.core.getLoadedDevices()) > 1 and bool(self.core.getCameraDevice())
        self.start.setEnabled(there and self.stream is None)
        self.channels.clear()
        self.channels.addItem("as it is set", ("", ()))
        if there and self.core.getChannelGroup():
            group = str(self.core.getChannelGroup())
            presets = tuple(map(str, self.core.getAvailableConfigs(group)))
            self.channels.addItem(f"all of {group}: {', '.join(presets)}", (group, presets))
            for preset in presets:
                self.channels.addItem(preset, (group, (preset,)))

    def plan(self) -> StackPlan:
        """Return what is set for live stacks."""
        group, presets = self.channels.currentData() or ("", ())
        return StackPlan(
            float(self.low.value()),
            float(self.high.value()),
            float(self.step.value()),
            group,
            tuple(presets),
            int(self.clip.value()) or None,
            bool(self.external.isChecked()),
        )

    def _tell_slices(self) -> None:
        try:
            plan = self.plan()
            plan.check()
            self.slices.setText(f"{plan.slices} slices")
        except (LimelightError, OverflowError) as error:
            self.slices.setText(str(error))
        self.remember_soon()

    # -- live -------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Take stacks."""
        try:
            self.stream = StackStream(self.core, self.plan())
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self.message.tell("")
        self.stack, self.volume, self.point = None, None, None
        self.trend = Trend()
        self._measured, self._drawn, self._begun = -1, -1, time.monotonic()
        self.start.setEnabled(False)
        self.stop_button.setEnabled(True)
        self._timer.start()

    def stop(self) -> None:
        """Stop at once; the stage goes back to where it was."""
        stream, self.stream = self.stream, None
        self._timer.stop()
        self.stop_button.setEnabled(False)
        if stream is None:
            return
        stream.stop()
        self.draw()
        self._on_configuration()
        told = f"Stopped; {stream.volume.received if stream.volume else 0} slices."
        if not stream.plan.external:
            told += f" The stage is back at {stream.home_um:.2f} µm."
        messages = stream.acquisition.status.messages
        self.message.tell(told + (f" {messages[-1]}" if messages else ""))

    def _look(self) -> None:
        stream = self.stream
        if stream is None:
            return
        self.volume = stream.volume
        if not stream.running:
            messages = stream.acquisition.status.messages
            self.stop()
            if messages:
                self.message.tell(messages[-1], error=True)
            return
        if self.volume is None or self.volume.received == self._drawn:
            return
        self._drawn = self.volume.received
        try:
            self.draw(profiles=self._tick % _SLOW == 0)
        except RuntimeError:  # the window is going
            self._timer.stop()
            return
        self._tick += 1
        status = stream.acquisition.status
        self.rate.setText(
            f"{status.rate:.0f} slices/s · stack {self.volume.completed + 2} · "
            f"{100 * self.volume.filled:.0f} % filled"
        )
        if self.follow.isChecked():
            self._follow_trend()

    def _follow_trend(self) -> None:
        if self.volume is None or self.runner.running or self.volume.completed <= self._measured:
            return
        volume = self.volume.stack()
        if volume is None:
            return
        self._measured = self.volume.completed
        try:
            settings = self.forms["Measure beads"].settings()
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
        if self.stream is not None:
            self.stop()
        axis = self._z_axis(layer)
        steps: list[Any] = list(steps_in_view(layer, self.viewer))
        steps[axis] = slice(None)
        self.stack = np.asarray(layer.data[tuple(steps)])
        if self.stack.ndim != 3:
            self.message.tell("This layer has no stack of planes.", error=True)
            return
        self.volume, self.point = None, None
        layer.visible = False
        self.message.tell("")
        self.draw()

    def _z_axis(self, layer: Any) -> int:
        labels = [str(a).lower() for a in layer.axis_labels[:-2]]
        return labels.index("z") if "z" in labels else len(labels) - 1

    def _layer_scale(self) -> tuple[float, float, float]:
        layer: Any = self.layers.layer
        pixel = (pixel_size_nm(layer) or 100.0) / 1000 if layer is not None else 0.1
        step = float(self.step.value())
        if layer is not None:
            axis = self._z_axis(layer)
            if str(layer.units[axis]) in ("micrometer", "um", "µm"):
                step = float(abs(layer.scale[axis])) or step
        return step, pixel, pixel

    # -- drawing ----------------------------------------------------------------------------------
    @property
    def scale_um(self) -> tuple[float, float, float]:
        """Distance of two voxels of what is looked at."""
        return self.volume.scale_um if self.volume is not None else self._layer_scale()

    def _on_moved(self, point: tuple[float, float, float]) -> None:
        self.point = point
        self.draw()

    def _on_fixed(self, on: bool) -> None:
        if self.volume is not None:
            for channel in range(self.volume.channels):
                self.volume.set_contrast("fixed" if on else "rolling", channel=channel)

    def draw(self, profiles: bool = True) -> None:
        """Draw the views and the profiles through the point."""
        mode = self.mode.currentData()
        volume, stack = self.volume, self.stack
        if volume is None and stack is None:
            return
        shape = volume.shape if volume is not None else stack.shape  # type: ignore[union-attr]
        if self.point is None or any(p >= n for p, n in zip(self.point, shape, strict=True)):
            self.point = tuple((n - 1) / 2 for n in shape)
        names = self.stream.plan.channels if self.stream is not None else ()
        if volume is not None:
            shown = [volume.views(self.point, c, mode=mode) for c in range(volume.channels)]
            limits = [volume.limits(c) for c in range(volume.channels)]
        else:
            assert stack is not None
            shown = [reslice(stack, self.point, mode=mode, scale_um=self.scale_um)]
            if self.fixed.isChecked() and self.views.layers:
                limits = [tuple(next(iter(self.views.layers.values())).contrast_limits)]
            else:
                low, high = np.percentile(stack[:: max(len(stack) // 40, 1)], (1, 99.9))
                limits = [(float(low), float(max(high, low + 1)))]
        self.views.show(shown, limits, tuple(shape), self.point, names)
        if profiles:
            self._draw_profiles()

    def _draw_profiles(self) -> None:
        assert self.point is not None
        plots, words = [], []
        for axis in ("x", "y", "z"):
            if self.volume is not None:
                line = self.volume.profile(self.point, axis)
            else:
                assert self.stack is not None
                line = line_profile(self.stack, self.point, axis, scale_um=self.scale_um)
            width = f"{line.fwhm_um:.3f}" if np.isfinite(line.fwhm_um) else "–"
            words.append(f"{axis} {width}")
            curve = Line(axis, line.position_um, np.asarray(line.value, float))
            plots.append(Plot(f"Profile along {axis}", f"{axis} (µm)", "counts", (curve,)))
        self.widths.setText(f"FWHM (µm): {', '.join(words)}")
        if len(self.trend):
            plots = [*self._trend_plots(), *plots]
        self.plots.show_plots(plots)

    def _trend_plots(self) -> list[Plot]:
        found = []
        for column, title in (
            ("fwhm_z_um", "axial FWHM (µm)"),
            ("fwhm_lateral_um", "lateral FWHM (µm)"),
            ("asymmetry", "asymmetry"),
        ):
            seconds, values = self.trend.curve(column)
            line = Line(title, np.asarray(seconds), np.asarray(values))
            found.append(Plot(f"Trend: {title}", "time (s)", title, (line,)))
        return found

    # -- beads ------------------------------------------------------------------------------------
    def _on_tool(self) -> None:
        for name, form in self.forms.items():
            form.setVisible(name == self.tool.currentData())

    def _stack_of(self, volume: NDArray[Any]) -> Stack:
        step, pixel, _ = self.scale_um
        layer = self.layers.layer
        path = (
            getattr(getattr(layer, "source", None), "path", None)
            if self.stack is not None
            else None
        )
        name = str(layer.name) if layer is not None and self.stack is not None else "live"
        return Stack(
            volume, step * 1000, pixel * 1000, name=name, path=Path(path) if path else None
        )

    def _newest(self) -> NDArray[Any] | None:
        if self.volume is not None:
            found = self.volume.stack()
            return found if found is not None else self.volume.volume()
        return self.stack

    def run_tool(self) -> None:
        """Do with the beads what is chosen."""
        volume = self._newest()
        if volume is None:
            self.message.tell("Look at a stack first: choose a layer, or start live.", error=True)
            return
        name = str(self.tool.currentData())
        try:
            settings: Any = self.forms[name].settings()
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        stack = self._stack_of(volume)
        job = {
            "Measure beads": lambda: measure_job(stack, settings),
            "Calibrate z (astigmatism)": lambda: calibrate_job(stack, settings),
            "Average beads, make a spline": lambda: spline_job(stack, settings),
        }[name]()
        self._tool = name
        self.result = (name, stack, settings, None)
        self.go.setEnabled(False)
        self.message.tell("")
        self.bar.begin(1)
        self.runner.start(job)

    def _on_finished(self, outcome: Outcome) -> None:
        self.go.setEnabled(True)
        if self._tool == "trend":
            if outcome.state == "done":
                self.trend.add(time.monotonic() - self._begun, outcome.result.table)
                self._show_table(outcome.result.table)
            elif outcome.error is not None:
                self.message.tell(say(outcome.error), error=True)
            return
        if outcome.error is not None:
            self.message.tell(say(outcome.error), error=True)
            return
        if outcome.state != "done":
            self.message.tell("Cancelled.")
            return
        name, stack, settings, _ = self.result
        result = outcome.result
        self.result = (name, stack, settings, result)
        self.save.setEnabled(True)
        if name == "Measure beads":
            self._show_table(result.table)
            self.message.tell(_bead_words(result))
        elif name.startswith("Calibrate"):
            self.message.tell(
                f"{len(np.unique(result.bead))} beads; residuals of {result.rms_nm:.1f} nm. "
                "Save it, and choose the file in the Localize dock."
            )
            self.plots.show_plots(_calibration_plots(result))
        else:
            self.message.tell(f"{len(result.chosen)} beads are averaged. Save the PSF.")
            self._add_average(result)

    def _show_table(self, table: Any) -> None:
        columns = [c for c in _SHOWN if c in table]
        self.table.show_table(table[columns])

    def _on_bead(self, row: int) -> None:
        table = self.table.features.table
        if {"x", "y"} <= set(table.columns):
            z = self.point[0] if self.point else 0.0
            if "z_um" in table and np.isfinite(table["z_um"].iloc[row]):
                z = float(table["z_um"].iloc[row]) / self.scale_um[0]
            self.point = (z, float(table["y"].iloc[row]), float(table["x"].iloc[row]))
            self.draw()

    def _add_average(self, result: Any) -> None:
        step, pixel, _ = self.scale_um
        self.viewer.add_image(
            result.model.volume(),
            name="averaged PSF",
            scale=(step, pixel, pixel),
            units=("um",) * 3,
            axis_labels=("z", "y", "x"),
            colormap="inferno",
            visible=False,
        )

    def _on_save(self) -> None:
        if self.result is None or self.result[3] is None:
            return
        name, stack, _settings, _result = self.result
        start = str((stack.path.parent if stack.path else Path.home()) / f"{stack.name}_psf")
        path, _ = QFileDialog.getSaveFileName(self, f"Save: {name}", start)
        if path:
            self.write(Path(path))

    def write(self, path: Path) -> None:
        """Save the newest result; tells where to, or what is wrong."""
        name, stack, settings, result = self.result
        saving: Any = {
            "Measure beads": save_beads,
            "Calibrate z (astigmatism)": save_calibrated,
            "Average beads, make a spline": save_average,
        }[name]
        try:
            written = saving(result, stack, settings, path)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        files = written if isinstance(written, list | tuple) else [written]
        self.message.tell(f"Saved: {', '.join(Path(f).name for f in files)}.")


def _bead_words(result: Any) -> str:
    good, summary = result.good, result.summary
    rejected = len(result.table) - len(good)

    def median(column: str) -> str:
        return f"{summary[column]['median']:.3f}" if column in summary else "–"

    text = (
        f"{len(good)} beads, {rejected} rejected. Median FWHM: lateral "
        f"{median('fwhm_lateral_um')} µm, axial {median('fwhm_z_um')} µm"
    )
    if result.theory_um is not None:
        text += f" (a perfect microscope: {result.theory_um[0]:.3f} and {result.theory_um[1]:.3f})"
    return text + "."


def _calibration_plots(result: Any) -> list[Plot]:
    report = result.report
    z = np.asarray(report.z_nm, float)
    wx, wy = result.calibration.widths(z)
    curves = Plot(
        "Calibration curves",
        "z (nm)",
        "width (px)",
        (
            Line("beads, x", z, np.asarray(report.mean_sx), "points"),
            Line("beads, y", z, np.asarray(report.mean_sy), "points"),
            Line("curve, x", z, np.asarray(wx)),
            Line("curve, y", z, np.asarray(wy)),
        ),
    )
    residuals = Line("residuals", z, np.asarray(report.rms_nm, float))
    return [curves, Plot("Residuals", "z (nm)", "root mean square (nm)", (residuals,))]
