"""Localization on the stream: molecules a few milliseconds after their frame.

Every frame goes through the same function as the blocks of a movie, so that the table is that of
the recorded file, row for row.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from limelight.core.camera import Camera
from limelight.core.chain import Selection
from limelight.core.detect import background_context, temporal_background
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.localizations import Localizations
from limelight.core.movie import Block
from limelight.core.settings import Settings, fields_of, setting
from limelight.core.stream import Reading, Stream
from limelight.localize.block import localize_block
from limelight.localize.record import provenance
from limelight.localize.settings import (
    DEFAULT_DETECTOR,
    DEFAULT_FITTER,
    LocalizeSettings,
    fitter_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.core.locs.result import Measure
    from limelight.core.parts import Detector
    from limelight.core.spots import Columns
    from limelight.core.stream import Output

__all__ = ["LiveLocalize", "readings_of"]

_ENDLESS = 2**40
"""Length of a movie whose end is not known yet."""
_STEP = 4  # frames of one block where a temporal background is taken off
_AT_ONCE = 8  # frames at most, where they wait
_KEYS = 10  # distance of the key frames of the median, as in `temporal_background`


class LiveLocalize(Settings):
    """Find and fit the molecules of every frame while it is acquired."""

    alters: ClassVar[bool] = False

    detect: str = setting(
        DEFAULT_DETECTOR, help="How molecules are found: name of a detector.", group="detectors"
    )
    fit: str = setting(
        DEFAULT_FITTER, help="How molecules are fitted: name of a fitter.", group="fitters"
    )
    box: int = setting(
        7,
        help="Side length of the box that is fitted, odd; about 6 sigma + 1.",
        unit="px",
        low=3,
        high=31,
    )
    calibration: str | None = setting(
        None,
        help="3D calibration that gives z: a .yaml of widths along z, or an .hdf5 with a measured "
        "point spread function; it chooses its fit where none is named. None: no z.",
        files="Calibrations (*.yaml *.yml *.hdf5 *.h5)",
    )
    magnification_factor: float | None = setting(
        None,
        help="z in the sample over z of the stage; none: as the calibration says.",
        low=0.01,
        high=10.0,
        advanced=True,
    )
    more: str = setting(
        "",
        help="Further settings of detector and fitter, such as 'min_snr=1.2 max_iterations=20'.",
    )
    only: str = setting(
        "", help="Which frames, by their axes, such as 'channel=A647 z=0'; empty: all."
    )
    roi: tuple | None = setting(  # type: ignore[type-arg]
        None,
        help="Region of interest y0, x0, y1, x1 (stop excluded); none: the whole frame.",
        unit="px",
        advanced=True,
    )
    background: Literal["none", "mean", "median", "percentile"] = setting(
        "none",
        help="Temporal background that is subtracted before detection and fit; the table comes a "
        "few frames later with it.",
        advanced=True,
    )
    background_window: tuple = setting(  # type: ignore[type-arg]
        (-30, 0),
        help="Frames that the temporal background is taken from, relative to each frame.",
        unit="frames",
        advanced=True,
    )
    background_in_fit: bool = setting(
        True,
        help="Subtract the temporal background before the fit too, not just for detection.",
        advanced=True,
    )
    quality: bool = setting(
        False,
        help="Measure the resolution (NeNA, FRC) too while molecules come, beside all else.",
        advanced=True,
    )
    baseline: float | None = setting(
        None,
        help="Mean count in the dark; none: what the camera says.",
        unit="counts",
        advanced=True,
    )
    sensitivity: float | None = setting(
        None,
        help="Photoelectrons per count; none: what the camera says.",
        low=1e-6,
        advanced=True,
    )
    gain: float | None = setting(
        None, help="EM gain, 1 for none; none: what the camera says.", low=1.0, advanced=True
    )
    pixel_size: float | None = setting(
        None,
        help="Size of a pixel in the sample; none: what the microscope says.",
        unit="nm",
        low=1e-3,
        advanced=True,
    )
    read_noise: float | None = setting(
        None, help="Read noise; none: what the camera says.", unit="e", low=0.0, advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings()  # a wrong name is told now, not when the camera runs
        Selection(self.only)

    @classmethod
    def of(cls, settings: LocalizeSettings, **others: Any) -> Self:
        """Make the processor from the settings of a localization.

        Parameters
        ----------
        settings : LocalizeSettings
            As for a movie; its range of frames is not used.
        **others
            Further settings of the processor, such as the photon conversion.
        """
        from limelight.core import parts

        words = []
        for part in (settings.detector, settings.fitter):
            for field in fields_of(type(part)):
                value = getattr(part, field.name)
                if value != field.default:
                    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
                    words.append(f"{field.name}={text}")
        own = {f.name for f in fields_of(cls)}
        shared = {k: v for k, v in settings.to_dict().items() if k in own}
        return cls(
            **{
                **shared,
                "detect": parts.name_of("detectors", settings.detector),
                "fit": parts.name_of("fitters", settings.fitter),
                "more": " ".join(dict.fromkeys(words)),
                **others,
            }
        )

    def settings(self) -> LocalizeSettings:
        """Return the settings of the localization.

        Raises
        ------
        ParameterError
            If a name or a value is of no use.
        """
        return LocalizeSettings.of(
            self.detect,
            self._fit,
            box=self.box,
            calibration=self.calibration,
            magnification_factor=self.magnification_factor,
            roi=self.roi,
            background=self.background,
            background_window=self.background_window,
            background_in_fit=self.background_in_fit,
            **self._further(),
        )

    @property
    def _fit(self) -> str:
        default = self.fit == DEFAULT_FITTER
        return fitter_for(self.calibration) if self.calibration and default else self.fit

    def _further(self) -> dict[str, Any]:
        from limelight.core import parts

        known = {
            f.name: f
            for group, name in (("detectors", self.detect), ("fitters", self._fit))
            for f in fields_of(parts.load(cast("parts.Group", group), name))
        }
        values = {}
        for word in self.more.split():
            name, equals, text = word.partition("=")
            if not equals:
                raise ParameterError(
                    f"Further settings are written as 'name=value name=value', not {self.more!r}."
                )
            # an unknown name is told with suggestions by LocalizeSettings.of
            values[name] = known[name].parse(text, "localize") if name in known else text
        return values

    def camera(self, camera: Camera) -> Camera:
        """Return the camera with the values that were given here."""
        values = {
            "baseline": self.baseline,
            "sensitivity": self.sensitivity,
            "gain": self.gain,
            "pixel_size_nm": self.pixel_size,
            "read_noise": self.read_noise,
        }
        return camera.replace(**{k: v for k, v in values.items() if v is not None})

    def prepare(self) -> None:
        """Compile and load what a frame needs, for cameras of 16 bits and less."""
        settings = self.settings()
        noisy = Camera(baseline=100.0, read_noise=1.0)
        for camera in (noisy, noisy.replace(read_noise=0.0)):
            _warm_up(settings, self.camera(camera), Stream((64, 64), np.dtype(np.uint16)))

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield the molecules of each frame, and what they say of the experiment.

        Readings are ``molecules``, and the medians ``photons``, ``sigma (nm)``,
        ``background (photons/px)`` and ``precision (nm)`` of the molecules of a frame.
        """
        settings, chosen = self.settings(), Selection(self.only)
        camera = self.camera(stream.camera)
        camera.check_shape(stream.shape)
        _warm_up(settings, camera, stream)
        source = _Source(stream, camera)
        record = provenance(source, settings, camera)  # type: ignore[arg-type]
        quality = _Quality(camera.pixel_size_nm) if self.quality else None
        wanted = (frame for frame in frames if frame.axes in chosen)
        # Of frames that wait, those that are not wanted would be waited for.
        waiting = (lambda: 0) if self.only else stream.waiting
        for block, taken in _blocks(wanted, settings, camera, waiting):
            columns = localize_block(block, settings)
            bounds = np.searchsorted(columns["frame"], np.arange(block.start, block.stop + 1))
            for k, frame in enumerate(taken):
                rows = {n: v[bounds[k] : bounds[k + 1]] for n, v in columns.items()}
                rows["frame"] = np.full(len(rows["x"]), frame.index)
                document = {**record[0], "Frames": max(stream.length or 0, frame.index + 1)}
                table = Localizations.from_columns(rows, [document, *record[1:]])
                yield table
                yield readings_of(rows, frame, camera.pixel_size_nm)
                if quality is not None:
                    yield from quality.after(table, frame)
        if quality is not None:
            yield from quality.last()


def readings_of(columns: Columns, frame: Frame, pixel_nm: float) -> Reading:
    """Summarize the molecules of a frame."""
    count = len(columns["x"])
    values = {"molecules": float(count)}
    if count:
        wanted: dict[str, tuple[tuple[str, ...], float]] = {
            "photons": (("photons",), 1.0),
            "sigma (nm)": (("sx", "sy"), pixel_nm),
            "background (photons/px)": (("bg",), 1.0),
            "precision (nm)": (("lpx", "lpy"), pixel_nm),
        }
        for name, (parts, factor) in wanted.items():
            if all(part in columns for part in parts):
                mean = np.mean([np.asarray(columns[p], np.float64) for p in parts], axis=0)
                known = mean[np.isfinite(mean)]
                if len(known):
                    values[name] = float(np.median(known)) * factor
    return Reading(frame.index, values, frame.axes)


class _Quality:
    """Resolution of what there is so far, measured in a thread beside."""

    def __init__(self, pixel_nm: float) -> None:
        from limelight.core.locs.live_quality import LiveQuality

        self._live = LiveQuality(pixel_nm)
        self._thread: Thread | None = None
        self._found: tuple[Measure, ...] = ()
        self._frame: tuple[int, Mapping[str, int | str]] = (0, {})

    def after(self, table: Localizations, frame: Frame) -> Iterator[Reading]:
        """Take the molecules of a frame; yield a reading when a measurement is done."""
        self._live.add(table)
        self._frame = frame.index, frame.axes
        if self._thread is not None and not self._thread.is_alive():
            yield from self._tell()
        if self._thread is None and self._live.due():
            self._thread = Thread(target=self._measure, name="limelight-quality", daemon=True)
            self._thread.start()

    def last(self) -> Iterator[Reading]:
        """Wait for the measurement that is under way, if there is one, and tell it."""
        if self._thread is not None:
            self._thread.join()
            yield from self._tell()

    def _tell(self) -> Iterator[Reading]:
        self._thread = None
        values = {f"{m.title} ({m.unit})": m.value for m in self._found if m.reliable}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            yield Reading(self._frame[0], known, self._frame[1])

    def _measure(self) -> None:
        self._found = self._live.precise(threads=1)


class _Source:
    """What the record beside the table says of the stream, in the words of a movie."""

    path: Path | None = None
    name = "live"

    def __init__(self, stream: Stream, camera: Camera) -> None:
        self.shape = (stream.length or 0, *stream.shape)
        self.dtype: np.dtype[Any] = np.dtype(stream.dtype)
        self.camera = camera
        self.metadata: Mapping[str, Any] = {}


def _blocks(
    frames: Iterator[Frame],
    settings: LocalizeSettings,
    camera: Camera,
    waiting: Callable[[], int] = lambda: 0,
) -> Iterator[tuple[Block, list[Frame]]]:
    if _sees_one(settings):
        return _alone(frames, camera, waiting)
    return _around(frames, settings, camera)


def _sees_one(settings: LocalizeSettings) -> bool:
    """Whether a frame is localized from itself alone."""
    far = _ENDLESS // 2
    context = cast("Detector", settings.detector).context(far, far + 1, _ENDLESS)
    return settings.background == "none" and tuple(context) == (far, far + 1)


def _alone(
    frames: Iterator[Frame], camera: Camera, waiting: Callable[[], int]
) -> Iterator[tuple[Block, list[Frame]]]:
    """Take each frame as it comes; several at once where they wait, which costs less for each."""
    for frame in frames:
        taken = [frame]
        while len(taken) < _AT_ONCE and waiting():
            if (more := next(frames, None)) is None:
                break
            taken.append(more)
        pixels = frame.pixels[None] if len(taken) == 1 else np.stack([f.pixels for f in taken])
        first, stop = frame.index, frame.index + len(taken)
        yield Block(pixels, first, first, stop, stop, camera), taken


def _context(start: int, stop: int, length: int, settings: LocalizeSettings) -> tuple[int, int]:
    """Return the frames that have to be seen for a run of frames, as `read_block` does."""
    first, last = cast("Detector", settings.detector).context(start, stop, length)
    if settings.background != "none":
        before, after = background_context(
            start, stop, length, window=settings.background_window, method=settings.background
        )
        first, last = min(first, before), max(last, after)
    return max(min(first, start), 0), min(max(last, stop), length)


def _around(
    frames: Iterator[Frame], settings: LocalizeSettings, camera: Camera
) -> Iterator[tuple[Block, list[Frame]]]:
    """Hold frames back until all that they need has come, and keep those that are needed still.

    Frames count here in the order in which they came.  As long as the end is not known, the
    stream counts as endless: what is worked out then would be the same with the end known.
    """
    far = _ENDLESS // 2
    low, high = _context(far, far + 1, _ENDLESS, settings)
    span = high - low + _KEYS  # near the end, windows move back by up to their own length
    held: deque[Frame] = deque()
    first = done = seen = 0

    def block(stop: int, length: int) -> tuple[Block, list[Frame]]:
        low, high = _context(done, stop, length, settings)
        array: NDArray[Any] = np.stack([held[i - first].pixels for i in range(low, high)])
        found = Block(array, low, done, stop, length, camera)
        if settings.background != "none":
            taken_off = temporal_background(
                array,
                done,
                stop,
                first=low,
                length=length,
                window=settings.background_window,
                method=settings.background,
            )
            found = replace(found, background=taken_off)
        return found, [held[i - first] for i in range(done, stop)]

    for frame in frames:
        held.append(frame)
        seen += 1
        while (stop := done + _STEP) <= seen and _context(done, stop, _ENDLESS, settings)[
            1
        ] <= seen:
            yield block(stop, _ENDLESS)
            done = stop
        needed = min(_context(done, done + 1, _ENDLESS, settings)[0], seen - span)
        while first < needed:
            held.popleft()
            first += 1
    while done < seen:
        stop = min(done + _STEP, seen)
        yield block(stop, seen)
        done = stop


def _warm_up(settings: LocalizeSettings, camera: Camera, stream: Stream) -> None:
    """Compile and load all that a frame needs, before the first one comes."""
    height, width = (min(n, 64) for n in stream.shape)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    light = np.full((4, height, width), 20.0)
    for k, (cy, cx) in enumerate(((0.3, 0.3), (0.7, 0.4), (0.72, 0.44))):
        away = (y - cy * height) ** 2 + (x - cx * width) ** 2
        light[k % 4] += 200.0 * np.exp(-away / 3.0)
    photons = rng.poisson(light) / np.mean(camera.sensitivity) * camera.gain
    counts = photons + np.mean(camera.baseline)
    kind: np.dtype[Any] = np.dtype(stream.dtype)
    if kind.kind in "ui":
        counts = np.clip(counts, 0, np.iinfo(kind).max)
    part = camera
    for name in ("baseline", "sensitivity", "read_noise"):
        value = getattr(camera, name)
        if np.ndim(value):
            part = part.replace(**{name: value[:height, :width]})
    shown = (Frame(pixels, i) for i, pixels in enumerate(counts.astype(kind)))
    trial = settings.replace(roi=None)
    for block, _ in _blocks(shown, trial, part):
        localize_block(block, trial)
