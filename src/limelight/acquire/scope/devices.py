"""The simulated devices: camera, stages, lasers, shutter, filter wheel, lens and sample.

They are Python devices of pymmcore-plus' unicore and run in the real Micro-Manager core.  What
they are set to goes to the `Bench` that they share.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.mmcore import (
    CameraDevice,
    Device,
    FocusDirection,
    GenericDevice,
    Keyword,
    ShutterDevice,
    StageDevice,
    StateDevice,
    XYStageDevice,
)
from limelight.acquire.scope.bench import (
    BASELINE,
    CHANNELS,
    READ_NOISE,
    SENSOR,
    SLIDES,
    current_bench,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike

    from limelight.acquire.scope.bench import Bench

__all__ = [
    "Activation",
    "Camera",
    "Cylinder",
    "FilterWheel",
    "Focus",
    "Laser561",
    "Laser647",
    "SampleStage",
    "SecondCamera",
    "Shutter",
    "SimulatedSample",
]

LONGEST_SEQUENCE = 65536


class _Choices(tuple[Any, ...]):
    """Allowed values that a text matches too, as configuration files give them."""

    def __contains__(self, value: object) -> bool:
        return any(str(value) == str(choice) for choice in self)


class _OnBench(Device):
    """What the devices have in common: the bench, a lock, and telling others of a change."""

    def __init__(self, *arguments: Any) -> None:
        self.bench = current_bench()
        super().__init__(*arguments)
        # a slot that hears of a change may ask the device about it
        self._lock = threading.RLock()  # type: ignore[assignment]

    def tell(self, name: str, value: object) -> None:
        """Say that a property has changed."""
        if self._core_proxy_ is not None:
            self.core.events.propertyChanged.emit(
                self.get_label(),
                name,
                str(value),
            )

    def number(
        self,
        name: str,
        get: Callable[[], float],
        put: Callable[[float], object],
        limits: tuple[float, float],
        *,
        whole: bool = False,
        sequence: bool = False,
    ) -> None:
        """Declare a property that is a number."""
        kind: type = int if whole else float
        steps = _Steps(lambda value: put(kind(value)), lambda: self.bench)

        def write(_: Any, value: Any) -> None:
            put(kind(value))
            self.tell(name, kind(value))

        self.register_property(
            name,
            getter=lambda _: kind(get()),
            setter=write,
            limits=limits,
            property_type=kind,
            sequence_max_length=LONGEST_SEQUENCE if sequence else 0,
            sequence_loader=(lambda _, values: steps.load(values)) if sequence else None,
            sequence_starter=(lambda _: steps.start()) if sequence else None,
            sequence_stopper=(lambda _: steps.stop()) if sequence else None,
        )


class _Steps:
    """A hardware sequence: the next value after every exposure of the camera, round and round."""

    def __init__(self, put: Callable[[Any], object], bench: Callable[[], Bench]) -> None:
        self._put, self._bench = put, bench
        self._values: list[Any] = []
        self._at = 0

    def load(self, values: Sequence[Any]) -> None:
        self._values = list(values)

    def start(self) -> None:
        if not self._values:
            return
        self._at = 0
        self._put(self._values[0])
        self._bench().triggered(self._next, True)

    def stop(self) -> None:
        self._bench().triggered(self._next, False)

    def _next(self) -> None:
        self._at = (self._at + 1) % len(self._values)
        self._put(self._values[self._at])


class Camera(_OnBench, CameraDevice):
    """Simulated sCMOS camera that sees a blinking sample."""

    _emission: int | None = None

    def __init__(self) -> None:
        self._exposure = 10.0
        self._binning = 1
        self._roi: tuple[int, int, int, int] = (0, 0, *SENSOR)
        self._fail = 0
        self._hang = 0.0
        self._pace = True
        super().__init__()
        self._exposures = _Steps(self._set_exposure, lambda: self.bench)
        self.set_property_sequence_max_length(Keyword.Exposure, LONGEST_SEQUENCE)
        self.set_property_limits(Keyword.Exposure, (0.05, 60_000.0))
        self.set_property_allowed_values(Keyword.Binning, _Choices((1, 2, 4)))
        for name, value in (
            ("Offset", BASELINE),
            ("Sensitivity_e_per_count", 1.0),
            ("ReadNoise_e", READ_NOISE),
        ):
            self.register_property(name, default_value=value, is_read_only=True)
        self.number(
            "RealTime",
            lambda: self._pace,
            lambda v: setattr(self, "_pace", bool(v)),
            (0, 1),
            whole=True,
        )
        self.number(
            "FailNext",
            lambda: self._fail,
            lambda v: setattr(self, "_fail", int(v)),
            (0, 1_000_000),
            whole=True,
        )
        self.number(
            "HangNext_ms",
            lambda: self._hang,
            lambda v: setattr(self, "_hang", float(v)),
            (0, 600_000),
        )

    # What a camera has to answer.

    def get_camera_name(self) -> str:
        """Return the name of the camera."""
        return "Simulated"

    def get_exposure(self) -> float:
        """Return the exposure, ms."""
        return self._exposure

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure, ms."""
        self._set_exposure(float(exposure))
        if self._core_proxy_ is not None:
            self.core.events.exposureChanged.emit(self.get_label(), self._exposure)
        self.tell("Exposure", self._exposure)

    def _set_exposure(self, exposure: float) -> None:
        if not 0.05 <= exposure <= 60_000.0:
            raise ValueError(f"The exposure must be 0.05 to 60000 ms, not {exposure}.")
        self._exposure = float(exposure)

    def load_exposure_sequence(self, values: Sequence[float]) -> None:
        """Take the exposures of a sequence."""
        self._exposures.load([float(v) for v in values])

    def start_exposure_sequence(self) -> None:
        """Change the exposure after every frame from now on."""
        self._exposures.start()

    def stop_exposure_sequence(self) -> None:
        """Keep the exposure."""
        self._exposures.stop()

    def get_binning(self) -> int:
        """Return the number of pixels along each axis that are read out as one."""
        return self._binning

    def set_binning(self, value: int | str) -> None:
        """Set the binning; the region of interest is the whole sensor again."""
        self._binning = int(value)
        self.clear_roi()
        self.tell("Binning", self._binning)

    def shape(self) -> tuple[int, int]:
        """Return height and width of a frame."""
        return self._roi[2] // self._binning, self._roi[3] // self._binning

    def dtype(self) -> DTypeLike:
        """Return the type of the counts."""
        return np.uint16

    def get_roi(self) -> tuple[int, int, int, int]:
        """Return x, y, width and height of the region of interest, binned pixels."""
        y, x, height, width = (v // self._binning for v in self._roi)
        return x, y, width, height

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Read out a part of the sensor only."""
        rows, columns = (n // self._binning for n in SENSOR)
        if not (0 <= x and 0 <= y and 0 < width <= columns - x and 0 < height <= rows - y):
            raise ValueError(
                f"The region x {x}, y {y}, {width} x {height} is not within the sensor's "
                f"{columns} x {rows} pixels."
            )
        b = self._binning
        self._roi = (y * b, x * b, height * b, width * b)

    def clear_roi(self) -> None:
        """Read out the whole sensor."""
        self._roi = (0, 0, *SENSOR)

    def start_sequence(
        self,
        n: int | None,
        get_buffer: Callable[[Sequence[int], DTypeLike], np.ndarray[Any, Any]],
    ) -> Iterator[Mapping[str, Any]]:
        """Take frames, each handed over when its exposure is over.

        One that is told to fail raises where a single image was asked for, and ends a sequence
        early, as cameras do that lose their connection.
        """
        sequence = n != 1
        bench, roi, shape = self.bench, self._roi, self.shape()
        due = time.perf_counter()
        while n is None or n > 0:
            n = None if n is None else n - 1
            exposure = self._exposure
            if self._hang:
                due += self._hang / 1000.0
                self._hang = 0.0
            due += exposure / 1000.0
            if self._fail:
                self._fail -= 1
                if sequence:
                    return
                raise RuntimeError(f"Camera {self.get_label()!r} did not deliver a frame.")
            frame = get_buffer(shape, np.uint16)
            number = bench.expose(
                exposure,
                roi,
                frame,
                binning=self._binning,
                emission=self._emission,
                trigger=sequence,
            )
            if self._pace:
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                elif not sequence or wait < -0.5:
                    due = time.perf_counter()  # a computer that is late does not catch up
            yield {
                "SampleFrame": str(number),
                "Exposure-ms": f"{exposure:g}",
                "HandedOver_s": f"{time.perf_counter():.6f}",
            }


class SecondCamera(Camera):
    """Simulated camera behind a dichroic mirror: it always sees the second dye."""

    _emission = 1


class Focus(_OnBench, StageDevice):
    """Simulated focus drive."""

    def __init__(self) -> None:
        super().__init__()
        self._refuse = 0
        self._origin = 0.0
        self._steps = _Steps(self._put, lambda: self.bench)
        self.number("Position", self.get_position_um, self.set_position_um, (-1000.0, 1000.0))
        self.number(
            "FailNextMove",
            lambda: self._refuse,
            lambda v: setattr(self, "_refuse", int(v)),
            (0, 1_000_000),
            whole=True,
        )

    def _put(self, value: float) -> None:
        self.bench.light.z_um = float(value) + self._origin

    def set_position_um(self, val: float) -> None:
        """Move to a position, µm."""
        if self._refuse:
            self._refuse -= 1
            raise RuntimeError(f"Stage {self.get_label()!r} did not move to {val} µm.")
        self._put(val)
        if self._core_proxy_ is not None:
            self.core.events.stagePositionChanged.emit(self.get_label(), float(val))

    def get_position_um(self) -> float:
        """Return the position, µm."""
        return self.bench.light.z_um - self._origin

    def get_focus_direction(self) -> FocusDirection:
        """Rising positions bring the objective towards the sample."""
        return FocusDirection.TowardSample

    def set_focus_direction(self, sign: int) -> None:
        """Take note; the direction is known."""

    def home(self) -> None:
        """Move to 0."""
        self.set_position_um(0.0)

    def stop(self) -> None:
        """Nothing to stop: moves are instantaneous."""

    def set_origin(self) -> None:
        """Call the current position 0."""
        self._origin = self.bench.light.z_um

    def get_sequence_max_length(self) -> int:
        """Return how many positions a sequence may have."""
        return LONGEST_SEQUENCE

    def send_sequence(self, sequence: tuple[float, ...]) -> None:
        """Take the positions of a sequence."""
        self._steps.load(sequence)

    def start_sequence(self) -> None:
        """Move on after every frame from now on."""
        self._steps.start()

    def stop_sequence(self) -> None:
        """Stay."""
        self._steps.stop()


class SampleStage(_OnBench, XYStageDevice):
    """Simulated xy stage; the sample repeats itself every 102.4 µm."""

    def __init__(self) -> None:
        super().__init__()
        self._refuse = 0
        self._origin = (0.0, 0.0)
        self._steps = _Steps(lambda v: self._put(*v), lambda: self.bench)
        self.number(
            "FailNextMove",
            lambda: self._refuse,
            lambda v: setattr(self, "_refuse", int(v)),
            (0, 1_000_000),
            whole=True,
        )

    def _put(self, x: float, y: float) -> None:
        light = self.bench.light
        light.x_um, light.y_um = float(x) + self._origin[0], float(y) + self._origin[1]

    def set_position_um(self, x: float, y: float) -> None:
        """Move to a position, µm."""
        if self._refuse:
            self._refuse -= 1
            raise RuntimeError(f"Stage {self.get_label()!r} did not move to {x}, {y} µm.")
        self._put(x, y)
        if self._core_proxy_ is not None:
            self.core.events.XYStagePositionChanged.emit(self.get_label(), float(x), float(y))

    def get_position_um(self) -> tuple[float, float]:
        """Return the position, µm."""
        light = self.bench.light
        return light.x_um - self._origin[0], light.y_um - self._origin[1]

    def set_origin_x(self) -> None:
        """Call the current x 0."""
        self._origin = (self.bench.light.x_um, self._origin[1])

    def set_origin_y(self) -> None:
        """Call the current y 0."""
        self._origin = (self._origin[0], self.bench.light.y_um)

    def home(self) -> None:
        """Move to 0, 0."""
        self.set_position_um(0.0, 0.0)

    def stop(self) -> None:
        """Nothing to stop: moves are instantaneous."""

    def get_sequence_max_length(self) -> int:
        """Return how many positions a sequence may have."""
        return LONGEST_SEQUENCE

    def send_sequence(self, sequence: tuple[tuple[float, float], ...]) -> None:
        """Take the positions of a sequence."""
        self._steps.load(sequence)

    def start_sequence(self) -> None:
        """Move on after every frame from now on."""
        self._steps.start()

    def stop_sequence(self) -> None:
        """Stay."""
        self._steps.stop()


class _Readout(_OnBench, GenericDevice):
    """A readout laser: more power, more photons, shorter blinks and more bleaching."""

    kind = 0

    def __init__(self) -> None:
        super().__init__()
        kind = self.kind

        def light() -> Any:
            return self.bench.light

        self.number(
            "Power_mW",
            lambda: light().readout_mw[kind],
            lambda v: light().readout_mw.__setitem__(kind, float(v)),
            (0.0, 500.0),
            sequence=True,
        )
        self.number(
            "On",
            lambda: light().readout_on[kind],
            lambda v: light().readout_on.__setitem__(kind, bool(v)),
            (0, 1),
            whole=True,
            sequence=True,
        )


class Laser647(_Readout):
    """Simulated readout laser of the far red dye."""

    kind = 0


class Laser561(_Readout):
    """Simulated readout laser of the orange dye."""

    kind = 1


class Activation(_OnBench, GenericDevice):
    """Simulated activation laser, 405 nm: more power, more molecules per frame."""

    def __init__(self) -> None:
        super().__init__()
        self.number(
            "Power_mW",
            lambda: self.bench.light.activation_mw,
            lambda v: setattr(self.bench.light, "activation_mw", float(v)),
            (0.0, 50.0),
            sequence=True,
        )
        self.number(
            "On",
            lambda: self.bench.light.activation_on,
            lambda v: setattr(self.bench.light, "activation_on", bool(v)),
            (0, 1),
            whole=True,
            sequence=True,
        )


class Shutter(_OnBench, ShutterDevice):
    """Simulated shutter in front of all lasers."""

    def __init__(self) -> None:
        super().__init__()
        self.number(
            "State",
            lambda: self.bench.light.shutter_open,
            lambda v: setattr(self.bench.light, "shutter_open", bool(v)),
            (0, 1),
            whole=True,
        )

    def get_open(self) -> bool:
        """Return whether light passes."""
        return self.bench.light.shutter_open

    def set_open(self, open: bool) -> None:
        """Open or close."""
        self.bench.light.shutter_open = bool(open)


class FilterWheel(_OnBench, StateDevice):
    """Simulated emission filters, one for each dye."""

    def __init__(self) -> None:
        super().__init__(dict(enumerate(CHANNELS)))

    def get_state(self) -> int:
        """Return which filter is in place."""
        return self.bench.light.emission

    def set_state(self, position: int) -> None:
        """Put a filter in place."""
        self.bench.light.emission = int(position)


class Cylinder(_OnBench, StateDevice):
    """Simulated cylindrical lens: in the beam, spots tell how far they are from focus."""

    def __init__(self) -> None:
        super().__init__({0: "Out", 1: "In"})

    def get_state(self) -> int:
        """Return 1 if the lens is in the beam."""
        return int(self.bench.light.cylinder)

    def set_state(self, position: int) -> None:
        """Put the lens into the beam (1) or take it out (0)."""
        self.bench.light.cylinder = bool(int(position))


class SimulatedSample(_OnBench, GenericDevice):
    """The sample: how much there is of it, how it drifts and bleaches."""

    def __init__(self) -> None:
        super().__init__()
        from dataclasses import replace

        def drift(name: str, label: str, limits: tuple[float, float]) -> None:
            self.number(
                label,
                lambda: getattr(self.bench.drift, name),
                lambda v: setattr(self.bench, "drift", replace(self.bench.drift, **{name: v})),
                limits,
            )

        for axis in "XYZ":
            drift(f"{axis.lower()}_nm_per_s", f"Drift{axis}_nm_per_s", (-1000.0, 1000.0))
        drift("walk_nm", "RandomDrift_nm", (0.0, 1000.0))
        self.number(
            "Bleaching",
            lambda: self.bench.bleach,
            lambda v: setattr(self.bench, "bleach", v),
            (0.0, 1.0),
        )
        self.number(
            "MoleculesPerFrame",
            lambda: self.bench.molecules,
            lambda v: setattr(self.bench, "molecules", v),
            (0.0, 5000.0),
        )
        self.number(
            "Background_per_ms",
            lambda: self.bench.background,
            lambda v: setattr(self.bench, "background", v),
            (0.0, 1000.0),
        )

        def put_slide(_: Any, value: str) -> None:
            self.bench.slide = str(value)
            self.tell("Slide", value)

        self.register_property(
            "Slide",
            getter=lambda _: self.bench.slide,
            setter=put_slide,
            allowed_values=SLIDES,
            property_type=str,
        )
        self.register_property("Bench", default_value=self.bench.name, is_read_only=True)
        self.number(
            "Seed",
            lambda: self.bench.seed,
            lambda v: self.bench.restart(int(v)),
            (0, 2**31 - 1),
            whole=True,
        )
