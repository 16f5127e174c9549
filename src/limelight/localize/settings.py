"""The settings of a localization: where to look, what for, and how to fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from limelight.core import parts
from limelight.core.errors import ParameterError, suggest
from limelight.core.settings import Settings, fields_of, setting

__all__ = ["DEFAULT_DETECTOR", "DEFAULT_FITTER", "LocalizeSettings", "fitter_for"]

DEFAULT_DETECTOR = "snr"
DEFAULT_FITTER = "multi"
BOX_WITH_CALIBRATION = 13  # molecules out of focus are larger
_SPLINE, _WIDTHS = "spline", "mle-sigmaxy"


class LocalizeSettings(Settings):
    """What to do with a movie.

    The detector and the fitter are parts with settings of their own; `of` makes all from one
    flat list of names and values.
    """

    detector: Settings = setting(None, help="How molecules are found.")
    fitter: Settings = setting(None, help="How molecules are fitted.")
    box: int = setting(
        7,
        help="Side length of the box that is fitted, odd; about 6 sigma + 1.",
        unit="px",
        low=3,
        high=31,
    )
    roi: tuple | None = setting(  # type: ignore[type-arg]
        None,
        help="Region of interest y0, x0, y1, x1 (stop excluded); none: the whole frame.",
        unit="px",
    )
    frames: tuple | None = setting(  # type: ignore[type-arg]
        None, help="First frame and the one after the last, for a quick trial; none: all."
    )
    calibration: str | None = setting(
        None,
        help="3D calibration: a .yaml of widths along z (also Picasso's), or an .hdf5 with a "
        "measured point spread function; gives z. None: no z.",
        files="Calibrations (*.yaml *.yml *.hdf5 *.h5)",
    )
    magnification_factor: float | None = setting(
        None,
        help="z in the sample over z of the stage; none: as the calibration says.",
        low=0.01,
        high=10.0,
        advanced=True,
    )
    background: Literal["none", "mean", "median", "percentile"] = setting(
        "none", help="Temporal background that is subtracted before detection and fit."
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

    def __post_init__(self) -> None:
        if isinstance(self.calibration, Path):
            object.__setattr__(self, "calibration", str(self.calibration))
        if self.detector is None:
            object.__setattr__(self, "detector", parts.make("detectors", DEFAULT_DETECTOR))
        if self.fitter is None:
            name = DEFAULT_FITTER if not self.calibration else fitter_for(self.calibration)
            object.__setattr__(self, "fitter", parts.make("fitters", name))
        super().__post_init__()
        _check_calibration(self.fitter, self.calibration)
        if self.box % 2 == 0:
            raise ParameterError(
                f"The box needs a centre pixel: choose {self.box - 1} or {self.box + 1}, "
                f"not {self.box}."
            )
        _check_numbers("roi", self.roi, 4, "y0, x0, y1, x1 in pixels")
        _check_numbers("frames", self.frames, 2, "the first frame and the one after the last")
        _check_numbers("background_window", self.background_window, 2, "two numbers of frames")
        if self.roi is not None and (self.roi[0] >= self.roi[2] or self.roi[1] >= self.roi[3]):
            raise ParameterError(
                f"The region of interest {self.roi} is empty: it needs y0 < y1 and x0 < x1."
            )
        if self.background_window[0] >= self.background_window[1]:
            raise ParameterError(
                f"The background window {self.background_window} is empty: the first number "
                "must be the smaller one."
            )

    @classmethod
    def of(cls, detect: str | None = None, fit: str | None = None, **values: Any) -> Self:
        """Make settings from names and values.

        Parameters
        ----------
        detect, fit : str, optional
            Names of the detector and the fitter.  A setting that only one detector has (such as
            ``min_net_gradient``) chooses that detector, and a calibration chooses its fitter and a
            box of 13 px.
        **values
            Settings of the localization, of the detector and of the fitter.

        Raises
        ------
        ParameterError
            If a name belongs to none of them; says which one was perhaps meant.
        """
        detect = detect or _detector_with(values) or DEFAULT_DETECTOR
        if values.get("calibration"):
            fit = fit or fitter_for(values["calibration"])
            values = {"box": BOX_WITH_CALIBRATION} | values
        detector = parts.load("detectors", detect)
        fitter = parts.load("fitters", fit or DEFAULT_FITTER)
        takers: dict[str, dict[str, Any]] = {"own": {}, "detector": {}, "fitter": {}}
        own = {f.name for f in fields_of(cls)} - {"detector", "fitter"}
        homes = {
            "own": own,
            "detector": {f.name for f in fields_of(detector)},
            "fitter": {f.name for f in fields_of(fitter)},
        }
        for name, value in values.items():
            found = [home for home, known in homes.items() if name in known]
            if not found:
                known = set().union(*homes.values())
                raise ParameterError(
                    f"Neither the localization nor the detector {detect!r} nor the fitter "
                    f"{fit or DEFAULT_FITTER!r} has a setting {name!r}. {suggest(name, known)}"
                )
            for home in found:
                takers[home][name] = value
        return cls(
            detector=detector(**takers["detector"]),
            fitter=fitter(**takers["fitter"]),
            **takers["own"],
        )

    def frame_range(self, length: int) -> tuple[int, int]:
        """Return the first frame and the one after the last, within a movie of that length.

        Raises
        ------
        ParameterError
            If no frame is left.
        """
        start, stop = self.frames if self.frames is not None else (0, length)
        start, stop = max(start, 0), min(stop, length)
        if start >= stop:
            raise ParameterError(
                f"There is no frame to localize: frames {self.frames} of a movie of {length}."
            )
        return start, stop

    def to_record(self) -> dict[str, Any]:
        """Return all settings as plain values, for files."""
        record: dict[str, Any] = {
            "detect": parts.name_of("detectors", self.detector),
            "fit": parts.name_of("fitters", self.fitter),
        }
        for settings in (self, self.detector, self.fitter):
            for name, value in settings.to_dict().items():
                if not isinstance(value, Settings):
                    record[name] = list(value) if isinstance(value, tuple) else value
        return record


def fitter_for(calibration: str | Path) -> str:
    """Name the fitter that a calibration file is for: by its widths, or by the measured model."""
    return _SPLINE if Path(calibration).suffix.lower() in (".hdf5", ".h5") else _WIDTHS


def _check_calibration(fitter: Settings, calibration: str | None) -> None:
    """Raise if the fitter and the calibration cannot work together."""
    model = bool(calibration) and fitter_for(str(calibration)) == _SPLINE
    if getattr(fitter, "needs_calibration", False):
        if not model:
            raise ParameterError(
                "The spline fit needs a measured point spread function: choose the .hdf5 that "
                "`limelight psf spline STACK` wrote as calibration."
            )
    elif model:
        raise ParameterError(
            f"{Path(str(calibration)).name} is a measured point spread function: choose the fit "
            f"{_SPLINE!r} for it."
        )
    elif calibration and getattr(fitter, "one_width", False):
        raise ParameterError(
            "z comes from the widths along x and y, and this fit has one width only. Choose "
            "'mle-sigmaxy', 'lq-sigmaxy' or 'phasor-sigmaxy'."
        )


def _check_numbers(name: str, value: Any, count: int, what: str) -> None:
    if value is None:
        return
    if len(value) != count or not all(isinstance(v, int) for v in value):
        raise ParameterError(f"{name} must be {count} whole numbers ({what}), not {value}.")


def _detector_with(values: dict[str, Any]) -> str | None:
    """Name the detector that a value points to, unless it is the default's too."""
    if not values:
        return None
    default = {f.name for f in fields_of(parts.load("detectors", DEFAULT_DETECTOR))}
    own = {f.name for f in fields_of(LocalizeSettings)}
    unknown = set(values) - default - own
    if not unknown:
        return None
    for name, part in parts.load_all("detectors").items():
        if unknown & {f.name for f in fields_of(part)}:
            return name
    return None
