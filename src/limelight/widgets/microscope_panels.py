"""The panels of the microscope: presets, stages, shutters, camera region.

They are the widgets of pymmcore-widgets, made anew whenever another configuration is loaded.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QCoreApplication, QEvent, Qt, Signal
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from limelight.widgets.controls import Section
from limelight.widgets.icons import use_local_icons

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Panels", "show_properties"]

_TABLE_HEIGHT = 262


class Panels(QWidget):
    """Foldable panels for what the loaded microscope has.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.

    Signals
    -------
    trouble : str
        What a device said when it refused.
    """

    trouble = Signal(str)

    def __init__(self, core: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self.sections: dict[str, Section] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._open = {"Presets": True, "Stages": True}

    def clear(self) -> None:
        """Take all panels away, at once: they would follow every step of loading another one."""
        for title, section in self.sections.items():
            self._open[title] = section.is_open
            self._layout.removeWidget(section)
            section.hide()
            section.deleteLater()
            QCoreApplication.sendPostedEvents(section, int(QEvent.Type.DeferredDelete.value))
        self.sections = {}

    def rebuild(self) -> None:
        """Make the panels for the devices that there are now."""
        self.clear()
        if len(self._core.getLoadedDevices()) < 2:
            return
        use_local_icons()
        makers: dict[str, Callable[[Section], bool]] = {
            "Presets": self._presets,
            "Stages": self._stages,
            "Shutters": self._shutters,
            "Camera region": self._region,
        }
        for title, make in makers.items():
            section = Section(title, self)
            try:
                made = make(section)
            except Exception as error:  # a device that answers badly must not take the others along
                told = QLabel(f"{title} cannot be shown: {error}", section)
                told.setWordWrap(True)
                section.body.addWidget(told)
                made = True
            if not made:
                section.deleteLater()
                continue
            section.set_open(self._open.get(title, False))
            self._layout.addWidget(section)
            self.sections[title] = section

    def _presets(self, section: Section) -> bool:
        from pymmcore_widgets import GroupPresetTableWidget

        if not self._core.getAvailableConfigGroups():
            return False
        table = GroupPresetTableWidget(parent=section, mmcore=self._core)
        table.setFixedHeight(_TABLE_HEIGHT)
        section.body.addWidget(table)
        return True

    def _stages(self, section: Section) -> bool:
        from limelight.acquire.mmcore import DeviceType

        stage_widget = _stage_widget(self.trouble.emit)
        tabs = QTabWidget(section)
        for kind in (DeviceType.XYStage, DeviceType.Stage):
            for device in self._core.getLoadedDevicesOfType(kind):
                stage = stage_widget(
                    device, levels=2, absolute_positioning=True, parent=tabs, mmcore=self._core
                )
                tabs.addTab(stage, str(device))
        section.body.addWidget(tabs)
        return bool(tabs.count())

    def _shutters(self, section: Section) -> bool:
        from pymmcore_widgets import ShuttersWidget

        from limelight.acquire.mmcore import DeviceType

        shutters = self._core.getLoadedDevicesOfType(DeviceType.Shutter)
        if not shutters:
            return False
        for number, device in enumerate(shutters):
            row = QHBoxLayout()
            widget = ShuttersWidget(
                device,
                autoshutter=number == 0,
                button_text_open=f"{device} (open)",
                button_text_closed=f"{device} (closed)",
                parent=section,
                mmcore=self._core,
            )
            row.addWidget(widget)
            section.body.addLayout(row)
        return True

    def _region(self, section: Section) -> bool:
        from pymmcore_widgets import CameraRoiWidget

        if not self._core.getCameraDevice():
            return False
        section.body.addWidget(CameraRoiWidget(parent=section, mmcore=self._core))
        return True


def _stage_widget(tell: Callable[[str], object]) -> Any:
    """Return pymmcore-widgets' stage control: stages in Python too, and refusals are told."""
    from pymmcore_widgets import StageWidget

    class Stage(StageWidget):
        def _on_radiobutton_toggled(self, state: bool) -> None:
            # A core property cannot name a device in Python; the core's own functions can.
            if self._is_2axis:
                self._mmc.setXYStageDevice(self._device if state else "")
            else:
                self._mmc.setFocusDevice(self._device if state else "")

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            # What moves the stage keeps refusals to itself.
            mover = getattr(self._stage_controller, "_accum", None)
            if mover is not None:
                move = type(mover)._set_value

                def moved(value: Any) -> None:
                    try:
                        move(mover, value)
                    except Exception as error:
                        with suppress(RuntimeError):  # the dock is gone
                            self._refused(error)
                        raise

                mover._set_value = moved

        def _update_position_from_core(self) -> None:
            try:
                super()._update_position_from_core()
            except (RuntimeError, TimeoutError) as error:
                self._refused(error)

        def _refused(self, error: Exception) -> None:
            first = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            tell(f"{self._device} does not answer: {first}. Check the stage.")

    return Stage


def show_properties(core: Any, parent: QWidget) -> QDialog:
    """Open the browser of all properties of all devices."""
    use_local_icons()
    from pymmcore_widgets import PropertyBrowser

    window = QDialog(parent)
    window.setObjectName("properties_window")
    window.setWindowTitle("Device properties")
    layout = QVBoxLayout(window)
    layout.addWidget(PropertyBrowser(parent=window, mmcore=core))
    window.resize(760, 560)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.show()
    return window
