"""A volume that is filled slice by slice while it is looked at: the live PSF viewer's memory.

One thread writes slices as the camera delivers them, others ask for views.  A slice costs one copy
and its two projections; nothing that is drawn is computed by the writer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.psf.views import Profile, Views, clip_point, line_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

__all__ = ["LiveVolume", "central_clip"]

Contrast = Literal["rolling", "fixed"]

_SAMPLES = 64  # contrast is taken from about this many rows and columns of a slice
_GROUP = 16  # slices whose common maximum is kept


@dataclass(frozen=True)
class _Limits:
    low: float
    high: float


def central_clip(shape: Sequence[int], clip: Sequence[int] | None) -> tuple[slice, slice]:
    """Return the rows and columns of a central field of (height, width); all without a clip."""
    height, width = shape
    rows, columns = (height, width) if clip is None else (int(clip[0]), int(clip[1]))
    if rows < 1 or columns < 1:
        raise ParameterError(f"The central field must have at least one pixel, not {clip}.")
    rows, columns = min(rows, height), min(columns, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)


class LiveVolume:
    """Stacks that are being filled, and views of what is there now.

    Safe to use from several threads: one puts slices, others look.  While a stack is being
    filled, planes that it has not reached yet show the stack before.

    Parameters
    ----------
    slices : int
        Slices of a stack.
    shape : tuple of int
        Height and width of a camera frame, pixels.
    dtype : dtype
        Type of the counts.
    channels : int
        Channels.
    scale_um : sequence of float
        Distance of two voxels along z, y, x, µm.
    clip : tuple of int, optional
        Height and width of the central field that is kept; all by default.
    stacks : int
        How many stacks are kept; with two or more, the last complete one can be measured while
        the next is being filled.
    contrast : {"rolling", "fixed"}
        How `limits` are found.
    percentiles : tuple of float
        Of a slice, for rolling contrast.

    Raises
    ------
    ParameterError
        If a size is below one, or the volume does not fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> live = LiveVolume(3, (4, 6), np.uint16, scale_um=(0.2, 0.1, 0.1))
    >>> for z in range(3):
    ...     live.put(np.full((4, 6), z, np.uint16), z)
    >>> live.views((2, 1, 1)).xz[:, 0].tolist()
    [0, 1, 2]
    """

    def __init__(
        self,
        slices: int,
        shape: tuple[int, int],
        dtype: DTypeLike = np.uint16,
        *,
        channels: int = 1,
        scale_um: Sequence[float] = (1.0, 1.0, 1.0),
        clip: tuple[int, int] | None = None,
        stacks: int = 1,
        contrast: Contrast = "rolling",
        percentiles: tuple[float, float] = (1.0, 99.9),
    ) -> None:
        for name, value in (("slices", slices), ("channels", channels), ("stacks", stacks)):
            if value < 1:
                raise ParameterError(f"A live volume needs at least one of {name}, not {value}.")
        scale = tuple(float(s) for s in scale_um)
        if len(scale) != 3 or not all(np.isfinite(s) and s > 0 for s in scale):
            raise ParameterError(f"scale_um must be three distances above 0 µm, not {scale_um}.")
        self.scale_um: tuple[float, float, float] = scale
        self.frame_shape = (int(shape[0]), int(shape[1]))
        self._rows, self._columns = central_clip(shape, clip)
        height = self._rows.stop - self._rows.start
        width = self._columns.stop - self._columns.start
        self.shape = (int(slices), height, width)
        self.channels, self.stacks = int(channels), int(stacks)
        kind = np.dtype(dtype)
        try:
            self._data: NDArray[Any] = np.empty((stacks, channels, *self.shape), kind)
            self._data.fill(0)  # touched now, so that the first stack is written as fast as others
        except MemoryError as error:
            size = stacks * channels * float(np.prod(self.shape)) * kind.itemsize
            raise ParameterError(
                f"{size / 1e9:.1f} GB do not fit into memory: choose fewer slices or a smaller "
                "central field."
            ) from error
        self._xz: NDArray[Any] = np.zeros((channels, slices, width), kind)
        self._yz: NDArray[Any] = np.zeros((channels, slices, height), kind)
        groups = -(-slices // _GROUP)
        self._top: NDArray[Any] = np.zeros((channels, groups, height, width), kind)
        self._stale = np.zeros((channels, groups), np.bool_)
        self._newest = np.full((channels, slices), -1, np.int64)  # the ring's stack; -1: none yet
        self._levels = np.full((channels, slices, 2), np.nan)
        self._contrast: Contrast = contrast
        self._percentiles = percentiles
        self._fixed: dict[int, _Limits] = {}
        self._lock = threading.Lock()
        self._stack = 0
        self._received = 0
        self._arrived = np.zeros((channels, slices), np.bool_)
        self._complete = -1

    # -- writing --------------------------------------------------------------------------------
    def put(self, pixels: NDArray[Any], z: int, channel: int = 0, stack: int | None = None) -> None:
        """Take a slice.

        Parameters
        ----------
        pixels : 2D array (Y, X)
            A camera frame; it is copied.
        z : int
            Index of the slice, from 0.
        channel : int
            Index of the channel, from 0.
        stack : int, optional
            Number of the stack, rising from 0.  Without it a new stack begins with the first
            slice that comes again.

        Raises
        ------
        ParameterError
            If the frame has another size, or there is no such slice or channel.
        """
        if pixels.shape != self.frame_shape:
            raise ParameterError(
                f"A slice of {pixels.shape} pixels does not fit a volume of frames of "
                f"{self.frame_shape} (Y, X). Start the stack again after changing the camera."
            )
        if not (0 <= z < self.shape[0] and 0 <= channel < self.channels):
            raise ParameterError(
                f"There is no slice {z} in channel {channel}: the volume has {self.shape[0]} "
                f"slices in {self.channels} channels."
            )
        field = pixels[self._rows, self._columns]
        side_x, side_y = field.max(axis=0), field.max(axis=1)
        levels = self._sample(field) if self._contrast == "rolling" else None
        with self._lock:
            begun = self._arrived[channel, z] if stack is None else stack > self._stack
            if begun:
                self._stack = self._stack + 1 if stack is None else stack
                self._arrived[:] = False
            place = self._stack % self.stacks
            self._data[place, channel, z] = field
            self._xz[channel, z] = side_x
            self._yz[channel, z] = side_y
            self._newest[channel, z] = place
            self._stale[channel, z // _GROUP] = True
            if levels is not None:
                self._levels[channel, z] = levels
            self._arrived[channel, z] = True
            self._received += 1
            if self._arrived.all():
                self._complete = self._stack

    def _sample(self, field: NDArray[Any]) -> NDArray[np.float64]:
        step = tuple(max(n // _SAMPLES, 1) for n in field.shape)
        sample = field[:: step[0], :: step[1]]
        levels: NDArray[np.float64] = np.percentile(sample, self._percentiles)
        return levels

    # -- what is there --------------------------------------------------------------------------
    @property
    def received(self) -> int:
        """Number of slices that were put."""
        return self._received

    @property
    def filled(self) -> float:
        """Part of the stack under way that is there, 0 to 1."""
        with self._lock:
            return float(self._arrived.mean())

    @property
    def completed(self) -> int:
        """Number of the newest stack that is complete; -1 before the first."""
        return self._complete

    def stack(self, channel: int = 0) -> NDArray[Any] | None:
        """Return a copy (Z, Y, X) of the newest complete stack that is still whole; else None."""
        with self._lock:
            if self._complete < 0:
                return None
            spoilt = self._stack != self._complete and self.stacks == 1
            if spoilt or self._stack - self._complete >= self.stacks:
                return None
            copy: NDArray[Any] = self._data[self._complete % self.stacks, channel].copy()
            return copy

    def volume(self, channel: int = 0) -> NDArray[Any]:
        """Return a copy (Z, Y, X) of the newest slices, of whatever stack they are."""
        with self._lock:
            places = np.maximum(self._newest[channel], 0)
            copy: NDArray[Any] = self._data[places, channel, np.arange(self.shape[0])]
            return copy

    # -- looking --------------------------------------------------------------------------------
    def views(
        self,
        point: Sequence[float],
        channel: int = 0,
        *,
        mode: Literal["slice", "max"] = "slice",
    ) -> Views:
        """Return the three views through a point, as copies of what is there now.

        Parameters
        ----------
        point : sequence of float
            z, y, x in voxels of the central field; one outside is moved to the rim.
        channel : int
            Index of the channel.
        mode : {"slice", "max"}
            The planes through the point, or the maximum along each line of sight.
        """
        z, y, x = clip_point(point, self.shape)
        if mode not in ("slice", "max"):
            raise ParameterError(f"mode must be 'slice' or 'max', not {mode!r}.")
        if mode == "max":
            xy = self._projection(channel)
            with self._lock:
                xz, yz = self._xz[channel].copy(), self._yz[channel].T.copy()
        else:
            every = np.arange(self.shape[0])
            with self._lock:
                places = np.maximum(self._newest[channel], 0)
                if self.stacks == 1:
                    solid = self._data[0, channel]
                    xy, xz, yz = solid[z].copy(), solid[:, y].copy(), solid[:, :, x].T.copy()
                else:
                    xy = self._data[places[z], channel, z].copy()
                    xz = self._data[places, channel, every, y]
                    yz = self._data[places, channel, every, :, x].T
        return Views(xy, xz, yz, (z, y, x), self.scale_um)

    def _projection(self, channel: int) -> NDArray[Any]:
        """Return the maximum along z; only groups with a new slice are looked through again."""
        for group in np.flatnonzero(self._stale[channel]).tolist():
            first = group * _GROUP
            last = min(first + _GROUP, self.shape[0])
            with self._lock:  # one group at a time, so that the writer never waits for long
                self._stale[channel, group] = False
                target = self._top[channel, group]
                places = np.maximum(self._newest[channel, first:last], 0)
                target[:] = self._data[places[0], channel, first]
                for z in range(first + 1, last):
                    np.maximum(target, self._data[places[z - first], channel, z], out=target)
        with self._lock:
            top: NDArray[Any] = self._top[channel].max(axis=0)
        return top

    def profile(
        self, point: Sequence[float], axis: Literal["x", "y", "z"], channel: int = 0
    ) -> Profile:
        """Return the profile along an axis through a point, with its width."""
        z, y, x = clip_point(point, self.shape)
        every = np.arange(self.shape[0])
        with self._lock:
            places = np.maximum(self._newest[channel], 0)
            if axis == "z":
                line = self._data[places, channel, every, y, x][:, None, None]
            elif axis == "y":
                line = self._data[places[z], channel, z, :, x].copy()[None, :, None]
            else:
                line = self._data[places[z], channel, z, y].copy()[None, None, :]
        return line_profile(line, (z, y, x), axis, scale_um=self.scale_um)

    # -- contrast -------------------------------------------------------------------------------
    def set_contrast(
        self, mode: Contrast, low: float | None = None, high: float | None = None, channel: int = 0
    ) -> None:
        """Choose how a channel's limits are found; fixed ones without values stay as they are.

        Raises
        ------
        ParameterError
            If the mode is unknown, or the limits are not in order.
        """
        if mode not in ("rolling", "fixed"):
            raise ParameterError(f"contrast must be 'rolling' or 'fixed', not {mode!r}.")
        if mode == "fixed":
            now = self.limits(channel)
            limits = (now[0] if low is None else float(low), now[1] if high is None else high)
            if not limits[0] < limits[1]:
                raise ParameterError(
                    f"The lower limit of the contrast must be below the upper one, not {limits}."
                )
            self._fixed[channel] = _Limits(*limits)
        self._contrast = mode

    def limits(self, channel: int = 0) -> tuple[float, float]:
        """Return what is shown black and white: fixed, or following the slices that are there."""
        if self._contrast == "fixed" and channel in self._fixed:
            limits = self._fixed[channel]
            return limits.low, limits.high
        with self._lock:
            levels = self._levels[channel]
            known = levels[np.isfinite(levels[:, 0])]
        if not len(known):
            return 0.0, 1.0
        low, high = float(known[:, 0].min()), float(known[:, 1].max())
        return low, high if high > low else low + 1.0
