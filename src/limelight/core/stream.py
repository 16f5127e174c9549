"""Stream: what flows through the processors of a running acquisition.

A processor takes frames and gives frames, tables of molecules, readings or requests, in any
number and order.  It is told once, by a `Stream`, what kind of frames will come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from limelight.core.camera import Camera
from limelight.core.frame import Frame
from limelight.core.localizations import Localizations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Objects", "Output", "Reading", "Request", "Stream"]


@dataclass(frozen=True)
class Stream:
    """What is known of the frames to come.

    Parameters
    ----------
    shape : tuple of int
        Height and width of a frame, pixels.
    dtype : numpy.dtype
        Type of the counts.
    camera : Camera
        What turns counts into photons; its pixel size is that in the sample.
    length : int, optional
        Number of frames, if it is known.
    exposure_ms : float, optional
        Exposure of a frame, milliseconds.
    sizes : mapping
        Number of positions on each axis, as far as they are known, such as
        ``{"time": 100, "z": 21, "channel": 2}``.
    metadata : mapping
        The summary metadata of the acquisition, or the metadata of the movie.
    waiting : callable
        Tells how many frames have come already and were not asked for, about: a processor that
        takes several at once when it has fallen behind catches up.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    camera: Camera = field(default_factory=Camera)
    length: int | None = None
    exposure_ms: float | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    waiting: Callable[[], int] = field(default=lambda: 0, compare=False, repr=False)


@dataclass(frozen=True)
class Reading:
    """Numbers measured on the stream, shown as live curves and kept with the data.

    Parameters
    ----------
    index : int
        Index of the frame that they belong to.
    values : mapping
        Number per name, the unit in brackets after the name: ``{"photons": 812.0}``,
        ``{"precision (nm)": 11.2}``.
    axes : mapping
        Axes of that frame.
    """

    index: int
    values: Mapping[str, float]
    axes: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What a processor asks of the microscope.

    Parameters
    ----------
    properties : sequence of (device, property, value)
        Device properties to set at once, between two frames.
    events : sequence
        Events (dictionaries as `limelight.multi_d_acquisition_events` makes, or useq events) to
        acquire after those that are queued.
    z : float, optional
        Position for the focus drive, micrometres.
    stop : bool
        Whether to end the acquisition after what is under way.
    reason : str
        Why; it is kept in the log of the acquisition.
    """

    properties: tuple[tuple[str, str, str | float], ...] = ()
    events: tuple[Any, ...] = ()
    z: float | None = None
    stop: bool = False
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects that were found in a frame, such as nuclei.

    Parameters
    ----------
    index : int
        Index of the frame that completed the field.
    name : str
        What they are.
    labels : array of int32 (Y, X) or (Z, Y, X)
        Zero is background; each object has its own number.
    features : DataFrame
        One row per object, indexed by its number.
    axes : mapping
        Axes of the field.
    save : bool
        Whether the labels are to be written beside the data set.
    """

    index: int
    name: str
    labels: NDArray[np.int32]
    features: pd.DataFrame
    axes: Mapping[str, int | str] = field(default_factory=dict)
    save: bool = True


Output = Frame | Localizations | Reading | Request | Objects
"""What a processor may yield."""
