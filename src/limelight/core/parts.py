"""Contributed parts: found by name, loaded on use.

A package contributes a part through an entry point, and Limelight's own parts are contributed in
the same way:

.. code-block:: toml

    [project.entry-points."limelight.fitters"]
    mle = "limelight.core.fit.fitters:MLE"

Names are listed without importing anything.  A part that fails to load is reported and skipped.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from limelight.core.errors import LimelightError, PartError, suggest
from limelight.core.remarks import remark
from limelight.core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from limelight.core.frame import Frame
    from limelight.core.movie import Block
    from limelight.core.spots import Candidates, Columns, Spots
    from limelight.core.stream import Output, Stream

__all__ = [
    "ROI",
    "CalibratedFitter",
    "Detector",
    "Fitter",
    "FrameFitter",
    "Processor",
    "Verdicts",
    "load",
    "load_all",
    "load_object",
    "make",
    "name_of",
    "names",
]

Group = Literal["detectors", "fitters", "modules", "processors", "recorders", "tools"]
ROI = tuple[int, int, int, int]
"""Region of interest in pixels: y0, x0, y1, x1 (stop excluded)."""


class Verdicts:
    """Every local maximum of a frame, and what the detector made of it.

    Parameters
    ----------
    y, x : 1D array of int32
        The maximum's pixel.
    score : 1D array of float32
        What the detector measured there; NaN where the box leaves the image.
    reason : list of str
        Empty where it was accepted, else why it was not, with the numbers.
    threshold : float
        The threshold in units of the score.
    """

    def __init__(
        self,
        y: NDArray[np.int32],
        x: NDArray[np.int32],
        score: NDArray[np.float32],
        reason: list[str],
        threshold: float,
    ) -> None:
        self.y, self.x, self.score, self.reason = y, x, score, reason
        self.threshold = threshold

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Which maxima became candidates."""
        return np.array([not r for r in self.reason], dtype=np.bool_)


@runtime_checkable
class Detector(Protocol):
    """Finds where molecules may be; a `Settings` class with these methods."""

    score_name: str
    """Column of the table that keeps the score, such as ``net_gradient``."""
    threshold_name: str
    """The setting that is the threshold on the score, for the dock's slider."""

    def context(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """Return the range of frames that it has to see for frames start to stop - 1."""
        ...

    def detect(self, block: Block, box: int, roi: ROI | None = None) -> Candidates:
        """Return the candidates of the block's own frames.

        Parameters
        ----------
        block : Block
            Frames start to stop - 1, and the frames of `context` around them.
        box : int
            Side length of the box that will be fitted, odd, pixels; it lies within the image.
        roi : tuple of int, optional
            Only candidates with y0 <= y < y1 and x0 <= x < x1.
        """
        ...

    def explain(self, block: Block, box: int, roi: ROI | None = None) -> Verdicts:
        """Tell for the block's first own frame what was found and why the rest was rejected."""
        ...


@runtime_checkable
class Fitter(Protocol):
    """Fits boxes; a `Settings` class with this method.

    Returned are columns of equal length: ``x``, ``y`` (pixels, from the centre pixel of the
    box), ``photons``, ``bg`` (per pixel), ``sx``, ``sy``, ``lpx``, ``lpy`` (pixels), and others
    of `limelight.core.localizations.COLUMNS`.  A spot that cannot be fitted has NaN in ``x``.  A
    fitter that returns several molecules for a spot, or none, adds ``spot``: the index of the box
    for each row.
    """

    def fit(self, spots: Spots) -> Columns:
        """Fit every box."""
        ...


@runtime_checkable
class CalibratedFitter(Protocol):
    """Fits boxes with a measured model; a `Settings` class with this method beside ``fit``.

    The person names a calibration file in the settings of the localization; what
    `limelight.io.load_calibration` makes of it is handed on, so that a fitter knows no files.  It
    returns the columns of a `Fitter`, with ``z`` and ``lpz`` (nm).
    """

    needs_calibration: bool
    """True: without a calibration there is nothing to fit with."""

    def fit_calibrated(self, spots: Spots, model: Any) -> Columns:
        """Fit every box with a model; raise `ParameterError` if it is of another kind."""
        ...


@runtime_checkable
class FrameFitter(Protocol):
    """Fits whole frames, for molecules whose boxes overlap.

    Returned are the columns of a `Fitter`, except that ``x`` and ``y`` count from the image's
    first pixel; ``spot`` is the index of the nearest candidate, and ``frame`` the index among the
    block's own frames.
    """

    def fit_frames(
        self,
        photons: NDArray[np.float32],
        variance: NDArray[np.float32] | None,
        excess_noise: float,
        candidates: Candidates,
        box: int,
    ) -> Columns:
        """Fit all molecules of the frames.

        Parameters
        ----------
        photons : 3D array of float32 (T, Y, X)
            Photoelectrons (less a known background, if one was subtracted).
        variance : 2D array (Y, X) or 3D array (T, Y, X) of float32, optional
            As in `limelight.core.spots.Spots`.
        excess_noise : float
            Factor on all variances, 2 with EM gain.
        candidates : Candidates
            Where molecules may be; ``frame`` indexes ``photons``.
        box : int
            Side length of the region around a molecule that is fitted, pixels.
        """
        ...


@runtime_checkable
class Processor(Protocol):
    """Works on the frames of a running acquisition, or of a movie; a `Settings` class.

    `process` is a generator: it pulls frames, and yields what it makes of them.  What it has to
    remember lives in its local variables; what it wants to say at the end it says after its loop.

    >>> def process(self, frames, stream):
    ...     for frame in frames:
    ...         yield replace(frame, pixels=frame.pixels + 1)

    It runs in one thread of its own.  One that raises is switched off: the frame that it had
    pulled and those that follow pass as they are, and the person is told.
    """

    alters: bool
    """True if the frames that it yields take the place of those that it pulled, for what is shown
    and, where the acquisition saves processed frames, for what is saved.  False if it only looks:
    then it need not yield the frames again, and frames may be kept from it when it is too slow.

    One that has a method ``prepare()`` is called so before the camera starts: what takes long the
    first time, such as compiling, belongs there.

    One that has ``listens = True`` too gets, among the frames, every `Reading` that the processors
    before it give, in their order; none of them is kept from it.

    One that has ``requests = True`` may ask for events after the last frame, too: before an
    acquisition ends it is waited for until it has seen all frames."""

    def process(self, frames: Iterator[Frame], stream: Stream) -> Iterator[Output]:
        """Yield what becomes of the frames."""
        ...


@cache
def _registered(group: Group) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"limelight.{group}"):
        own = entry.value.startswith("limelight.")
        if entry.name in found and found[entry.name].value != entry.value:
            remark(
                f"Two packages contribute {entry.name!r} to limelight.{group}; "
                f"{found[entry.name].value} is used unless the other is Limelight's own.",
                stacklevel=3,
            )
            if not own:
                continue
        found[entry.name] = entry
    return found


def names(group: Group) -> list[str]:
    """List the parts of a group by name, without importing them."""
    return sorted(_registered(group))


def load_object(group: Group, name: str) -> Any:
    """Load what is registered under that name.

    Raises
    ------
    PartError
        If there is none of that name, or it cannot be imported.
    """
    known = _registered(group)
    if name not in known:
        raise PartError(f"There is no {name!r} among the {group}. {suggest(name, known)}")
    try:
        return known[name].load()
    except Exception as error:
        raise PartError(
            f"The part {name!r} ({known[name].value}) of limelight.{group} fails to load: {error}"
        ) from error


def load(group: Group, name: str) -> type[Settings]:
    """Load the part of that name, a class of settings.

    Raises
    ------
    PartError
        If there is none of that name, it cannot be imported, or it is something else.
    """
    part = load_object(group, name)
    if not (isinstance(part, type) and issubclass(part, Settings)):
        raise PartError(
            f"The part {name!r} ({_registered(group)[name].value}) of limelight.{group} is not a "
            "class of limelight.core.settings.Settings."
        )
    return part


def load_all(group: Group) -> dict[str, type[Settings]]:
    """Load every part of a group; one that fails is reported as a warning and left out."""
    parts: dict[str, type[Settings]] = {}
    for name in names(group):
        try:
            parts[name] = load(group, name)
        except LimelightError as error:
            remark(str(error), stacklevel=2)
    return parts


def make(group: Group, name: str, **settings: Any) -> Any:
    """Return a part of that name with these settings."""
    return load(group, name)(**settings)


def name_of(group: Group, part: object) -> str:
    """Return the name under which a part's class is registered, else the class' own name."""
    cls = type(part)
    for name, entry in _registered(group).items():
        if entry.value == f"{cls.__module__}:{cls.__qualname__}":
            return name
    return cls.__name__
