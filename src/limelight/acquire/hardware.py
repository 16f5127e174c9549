"""Hardware: the microscope brought into the state that an event asks for."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.acquire.events import Event
    from limelight.acquire.sequencing import Plan
    from limelight.core.stream import Request

__all__ = ["Hardware", "Refusal", "first_line"]


class Refusal(Exception):
    """A device did not do what an event asks for."""


class Hardware:
    """Sets devices, as far as they are not set already, and waits for those that move.

    Parameters
    ----------
    core : pymmcore_plus.CMMCorePlus
        The microscope.
    say : callable
        Called with messages for a person.
    notify : callable
        Called with a milestone and the axes that it concerns.

    Attributes
    ----------
    base : dict
        Metadata that stay the same from image to image.
    """

    def __init__(
        self, core: Any, say: Callable[[str], None], notify: Callable[[str, Any], None]
    ) -> None:
        self.core, self._say, self._notify = core, say, notify
        self.base: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._z_correction: dict[Any, float] = {}
        self._autoshutter = False
        self._holds_shutter = False

    def begin(self) -> None:
        """Take over the microscope."""
        self._autoshutter = bool(self.core.getAutoShutter())
        self._refresh()

    def follow(self, request: Request) -> None:
        """Do what is asked for between two images."""
        for device, name, value in request.properties:
            try:
                self.core.setProperty(device, name, value)
            except (RuntimeError, ValueError) as error:
                self._say(f"{device}-{name} could not be set to {value}: {first_line(error)}")
            self._last.pop("config", None)
            self._last.pop("properties", None)
        if request.z is not None:
            try:
                self.core.setPosition(self.core.getFocusDevice(), request.z)
            except (RuntimeError, ValueError) as error:
                self._say(f"The focus drive did not move to {request.z} µm: {first_line(error)}")
            self._last.pop("z", None)
        if request.reason:
            self._say(request.reason)

    def set(self, event: Event, plan: Plan) -> None:
        """Bring the microscope into the event's state, and load the tables."""
        core, last = self.core, self._last
        touched: list[str] = []
        what = ""
        try:
            if event.camera and event.camera != last.get("camera"):
                what = f"camera {event.camera}"
                core.setCameraDevice(event.camera)
                last["camera"] = event.camera
                self._refresh()
            if event.roi is not None and event.roi != last.get("roi"):
                what = f"region {event.roi} of the camera"
                core.setROI(*event.roi)
                last["roi"] = event.roi
                self._refresh()
            if event.config is not None and event.config != last.get("config"):
                what = f"preset {event.config[1]} of {event.config[0]}"
                core.setConfig(*event.config)
                core.waitForConfig(*event.config)
                last["config"] = event.config
                self._refresh_optics()
            if event.properties and event.properties != last.get("properties"):
                for device, name, value in event.properties:
                    what = f"{device}-{name} = {value}"
                    core.setProperty(device, name, value)
                    touched.append(device)
                last["properties"] = event.properties
                self._refresh_optics()
            if event.exposure is not None and event.exposure != last.get("exposure"):
                what = f"exposure {event.exposure} ms"
                core.setExposure(event.exposure)
                last["exposure"] = event.exposure
                self.base["Exposure"] = event.exposure
            if event.slm is not None:
                what = "pattern of the light modulator"
                self._set_slm(event.slm)
            self._move(event, touched)
            for device in touched:
                what = f"{device} (waiting for it)"
                if device != "Core":
                    core.waitForDevice(device)
            what = "hardware sequence"
            self._load_tables(plan)
            what = "shutter"
            self._set_shutter(event)
        except (RuntimeError, ValueError) as error:
            last.clear()
            raise Refusal(f"{event.where()}: {what} was refused: {first_line(error)}") from None

    def _move(self, event: Event, touched: list[str]) -> None:
        core, last = self.core, self._last
        if event.x is not None or event.y is not None:
            xy = (event.x, event.y)
            if xy != last.get("xy"):
                stage = core.getXYStageDevice()
                if not stage:
                    raise RuntimeError("x or y is asked for, but there is no XY stage.")
                x = core.getXPosition(stage) if event.x is None else event.x
                y = core.getYPosition(stage) if event.y is None else event.y
                try:
                    core.setXYPosition(stage, x, y)
                except (RuntimeError, ValueError) as error:
                    raise RuntimeError(f"{stage} to ({x:g}, {y:g}) µm: {error}") from None
                last["xy"] = xy
                self.base["XPosition_um_Intended"] = x
                self.base["YPosition_um_Intended"] = y
                touched.append(stage)
        if event.z is not None:
            stage = core.getFocusDevice()
            if not stage:
                raise RuntimeError("z is asked for, but there is no focus drive.")
            place = (event.axes or {}).get("position")
            z = event.z + self._z_correction.get(place, 0.0)
            if z != last.get("z"):
                self._notify("pre_z_drive", [event.axes])
                try:
                    core.setPosition(stage, z)
                except (RuntimeError, ValueError) as error:
                    raise RuntimeError(f"{stage} to {z:g} µm: {error}") from None
                last["z"] = z
                touched.append(stage)
        for stage, position in event.stages:
            if last.get(stage) != position:
                core.setPosition(stage, position)
                last[stage] = position
                touched.append(stage)
                self.base[f"{stage}Position_um_Intended"] = position

    def _set_slm(self, pattern: Any) -> None:
        core = self.core
        device = core.getSLMDevice()
        if not device:
            raise RuntimeError("a pattern is asked for, but there is no light modulator.")
        image = np.asarray(pattern)
        if image.ndim == 0:
            core.setSLMPixelsTo(device, _level(image))
        elif image.ndim == 1 and image.size == 3:
            core.setSLMPixelsTo(device, *(int(v) for v in image))
        else:
            if image.dtype == bool:
                image = image.astype(np.uint8) * 255
            core.setSLMImage(device, np.ascontiguousarray(image, dtype=np.uint8))
        core.displaySLMImage(device)

    def _load_patterns(self, patterns: list[Any]) -> None:
        core, device = self.core, self.core.getSLMDevice()
        shape = core.getSLMHeight(device), core.getSLMWidth(device)
        table = []
        for pattern in patterns:
            image = np.asarray(pattern)
            if image.dtype == bool and image.ndim:
                image = image.astype(np.uint8) * 255
            if image.ndim == 1 and image.size == 3:
                image = image.mean()  # what a modulator without colours makes of them
            if image.ndim == 0:
                image = np.full(shape, _level(image))
            if image.shape != shape:
                raise ValueError(f"a pattern has shape {image.shape}, the modulator {shape}.")
            table.append(np.ascontiguousarray(image, np.uint8).tobytes())
        core.loadSLMSequence(device, table)
        core.startSLMSequence(device)

    def _set_shutter(self, event: Event) -> None:
        if event.keep_shutter_open and self._autoshutter and not self._holds_shutter:
            self.core.setAutoShutter(False)
            self.core.setShutterOpen(True)
            self._holds_shutter = True

    def release_shutter(self) -> None:
        """Close a shutter that was kept open; from now on it follows the camera again."""
        if self._holds_shutter:
            self._holds_shutter = False
            self.core.setShutterOpen(False)
            self.core.setAutoShutter(True)

    def _load_tables(self, plan: Plan) -> None:
        core = self.core
        if plan.exposures:
            core.loadExposureSequence(core.getCameraDevice(), plan.exposures)
            core.startExposureSequence(core.getCameraDevice())
        if plan.z:
            stage = core.getFocusDevice()
            core.loadStageSequence(stage, plan.z)
            core.startStageSequence(stage)
        if plan.xy:
            stage = core.getXYStageDevice()
            core.loadXYStageSequence(stage, [x for x, _ in plan.xy], [y for _, y in plan.xy])
            core.startXYStageSequence(stage)
        if plan.patterns:
            self._load_patterns(plan.patterns)
        for (device, name), values in plan.properties.items():
            core.loadPropertySequence(device, name, values)
            core.startPropertySequence(device, name)

    def stop_tables(self, plan: Plan) -> None:
        """End the tables that devices step through."""
        core, last = self.core, self._last
        with contextlib.suppress(RuntimeError):
            if plan.exposures:
                core.stopExposureSequence(core.getCameraDevice())
                last.pop("exposure", None)
            if plan.z:
                core.stopStageSequence(core.getFocusDevice())
                last.pop("z", None)
            if plan.xy:
                core.stopXYStageSequence(core.getXYStageDevice())
                last.pop("xy", None)
            if plan.patterns:
                core.stopSLMSequence(core.getSLMDevice())
            for device, name in plan.properties:
                core.stopPropertySequence(device, name)
                last.pop("config", None)
                last.pop("properties", None)

    def autofocus(self, event: Event) -> None:
        """Focus; what that moves the focus by is added to z at this position from then on."""
        core = self.core
        try:
            if not core.getAutoFocusDevice():
                raise RuntimeError("there is no autofocus device.")
            core.enableContinuousFocus(False)
            if not isinstance(event.autofocus, bool):
                core.setAutoFocusOffset(event.autofocus)
            before = core.getPosition()
            core.fullFocus()
            core.waitForSystem()
            place = (event.axes or {}).get("position")
            moved = core.getPosition() - before
            self._z_correction[place] = self._z_correction.get(place, 0.0) + moved
            self._last.pop("z", None)
        except RuntimeError as error:
            self._say(
                f"{event.where()}: autofocus failed: {first_line(error)}. "
                "The acquisition goes on without."
            )

    def _refresh(self) -> None:
        """Read what stays the same from frame to frame."""
        core, base = self.core, self.base
        camera = core.getCameraDevice()
        base["Core-Camera"] = base["Camera"] = camera
        for key, value in (
            ("Core-Focus", core.getFocusDevice()),
            ("Core-XYStage", core.getXYStageDevice()),
            ("Core-Shutter", core.getShutterDevice()),
            ("Core-Autofocus", core.getAutoFocusDevice()),
        ):
            base[key] = value
        if camera:
            with contextlib.suppress(RuntimeError, ValueError):
                base["Exposure"] = core.getExposure()
                base["BitDepth"] = core.getImageBitDepth()
                base["ROI"] = "-".join(str(v) for v in core.getROI())
            with contextlib.suppress(RuntimeError, ValueError):
                base["Binning"] = core.getProperty(camera, "Binning")
            depth, parts = core.getBytesPerPixel(), core.getNumberOfComponents()
            base["PixelType"] = f"RGB{8 * depth}" if parts > 1 else f"GRAY{8 * depth}"
        with contextlib.suppress(RuntimeError, ValueError):
            if stage := core.getXYStageDevice():
                base["XPosition_um_Intended"] = core.getXPosition(stage)
                base["YPosition_um_Intended"] = core.getYPosition(stage)
        with contextlib.suppress(RuntimeError, ValueError):
            if stage := core.getFocusDevice():
                base["ZPosition_um_Intended"] = core.getPosition(stage)
        self._refresh_optics()

    def _refresh_optics(self) -> None:
        with contextlib.suppress(RuntimeError, ValueError):
            self.base["PixelSize_um"] = self.core.getPixelSizeUm(True)


def _level(value: Any) -> int:
    return 255 if value.dtype == bool and value else int(value)


def first_line(error: Exception) -> str:
    """Return what an error of the core says, without its trace."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
