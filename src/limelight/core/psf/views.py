"""A volume seen from three sides through a point, and line profiles with their widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Profile", "Views", "line_profile", "profiles", "reslice", "stack_limits", "width_of"]

Mode = Literal["slice", "max"]
Axis = Literal["x", "y", "z"]
AXES: tuple[Axis, ...] = ("z", "y", "x")

_FLOOR = 10.0  # percentile of a profile that is taken as its background
_FINE = 32  # steps per sample in which crossings are looked for


@dataclass(frozen=True, eq=False)
class Views:
    """Three views of a volume through one point.

    Parameters
    ----------
    xy : 2D array (Y, X)
        Seen along z.
    xz : 2D array (Z, X)
        Seen along y; shares its columns with `xy`.
    yz : 2D array (Y, Z)
        Seen along x; shares its rows with `xy`.
    point : tuple of int
        z, y, x, voxels.
    scale_um : tuple of float
        Distance of two voxels along z, y, x, µm.
    """

    xy: NDArray[Any]
    xz: NDArray[Any]
    yz: NDArray[Any]
    point: tuple[int, int, int]
    scale_um: tuple[float, float, float]

    @property
    def pixel_um(self) -> dict[str, tuple[float, float]]:
        """Height and width of a pixel of each view, µm: what draws them in true aspect."""
        z, y, x = self.scale_um
        return {"xy": (y, x), "xz": (z, x), "yz": (y, z)}


@dataclass(frozen=True, eq=False)
class Profile:
    """Brightness along a line, and how wide it is at half its height.

    Parameters
    ----------
    position_um : 1D array of float64
        Along the axis, from the first voxel, µm.
    value : 1D array of float64
        Brightness.
    background, peak : float
        Level far from the peak, and the highest value of the curve through the samples.
    centre_um : float
        Middle of the two half-height crossings, µm; NaN without them.
    fwhm_um : float
        Full width at half maximum above the background, µm; NaN where the line has no peak, or
        its half height is outside.
    """

    position_um: NDArray[np.float64]
    value: NDArray[np.float64]
    background: float
    peak: float
    centre_um: float
    fwhm_um: float


def _check(volume: Any, scale_um: Sequence[float]) -> tuple[float, float, float]:
    if len(volume.shape) != 3 or 0 in volume.shape:
        raise ParameterError(
            f"Views need a volume (Z, Y, X), not an array of shape {tuple(volume.shape)}. Choose "
            "one time point and one channel."
        )
    scale = tuple(float(s) for s in scale_um)
    if len(scale) != 3 or not all(np.isfinite(s) and s > 0 for s in scale):
        raise ParameterError(
            f"scale_um must be the distances of voxels along z, y and x, above 0 µm, not {scale}."
        )
    return scale


def clip_point(point: Sequence[float], shape: Sequence[int]) -> tuple[int, int, int]:
    """Return the voxel nearest to a point (z, y, x in voxels) within a volume."""
    z, y, x = (int(np.clip(round(float(p)), 0, n - 1)) for p, n in zip(point, shape, strict=True))
    return z, y, x


def reslice(
    volume: Any,
    point: Sequence[float],
    *,
    mode: Mode = "slice",
    scale_um: Sequence[float] = (1.0, 1.0, 1.0),
) -> Views:
    """Return the three views of a volume through a point.

    Parameters
    ----------
    volume : array (Z, Y, X)
        Anything that numpy-style slicing reads: numpy, dask, zarr, memory map.
    point : sequence of float
        z, y, x in voxels; one outside is moved to the rim.
    mode : {"slice", "max"}
        The planes through the point, or the maximum along each line of sight.
    scale_um : sequence of float
        Distance of two voxels along z, y, x, µm.

    Returns
    -------
    Views
        Slices of a numpy array are views of its memory, not copies.

    Raises
    ------
    ParameterError
        If it is no volume, or the mode or scale is of no use.
    """
    scale = _check(volume, scale_um)
    z, y, x = clip_point(point, volume.shape)
    if mode == "slice":
        xy, xz, yz = volume[z], volume[:, y, :], volume[:, :, x]
        planes = (np.asarray(xy), np.asarray(xz), np.asarray(yz).T)
    elif mode == "max":
        solid = np.asarray(volume)
        planes = (solid.max(axis=0), solid.max(axis=1), solid.max(axis=2).T)
    else:
        raise ParameterError(f"mode must be 'slice' or 'max', not {mode!r}.")
    return Views(*planes, (z, y, x), scale)


def width_of(
    position: ArrayLike, value: ArrayLike, *, background: float | None = None
) -> tuple[float, float, float, float]:
    """Measure the full width at half maximum of a peak, finer than the samples.

    A cubic spline is laid through the samples, and the half height between the background and the
    spline's maximum is looked for on both sides of it.

    Parameters
    ----------
    position : 1D array
        Where the samples are, rising, at equal distances; any unit.
    value : 1D array
        Samples, at least four.
    background : float, optional
        Level that counts as zero; by default the 10th percentile of the samples.

    Returns
    -------
    fwhm, centre, peak, background : float
        Width and middle in the unit of `position`, NaN where the peak is cut off or there is none;
        the maximum of the spline and the background in the unit of `value`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(21.0)
    >>> fwhm, centre, *_ = width_of(x, np.exp(-((x - 9.7) ** 2) / (2 * 2.0**2)), background=0)
    >>> round(fwhm, 2), round(centre, 2)
    (4.71, 9.7)
    """
    from scipy.ndimage import map_coordinates, spline_filter1d

    samples = np.asarray(value, np.float64)
    places = np.asarray(position, np.float64)
    if samples.ndim != 1 or samples.shape != places.shape:
        raise ParameterError(
            f"A profile needs as many positions as values, not {places.shape} and {samples.shape}."
        )
    missing = (float("nan"),) * 2
    if len(samples) < 4 or not np.isfinite(samples).all():
        return (*missing, float("nan"), float("nan"))
    floor = float(np.percentile(samples, _FLOOR)) if background is None else float(background)
    top = int(np.argmax(samples))
    if samples[top] <= floor:
        return (*missing, float(samples[top]), floor)
    half_guess = 0.5 * (samples[top] + floor)
    left = top - int(np.argmax(samples[top::-1] < half_guess)) - 2
    right = top + int(np.argmax(samples[top:] < half_guess)) + 2
    if not (samples[: top + 1] < half_guess).any():
        left = 0
    if not (samples[top:] < half_guess).any():
        right = len(samples) - 1
    left, right = max(left, 0), min(right, len(samples) - 1)
    fine = np.linspace(left, right, (right - left) * _FINE + 1)
    coefficients = spline_filter1d(samples, mode="mirror")
    curve = map_coordinates(coefficients, fine[None], mode="mirror", prefilter=False)
    summit = int(np.argmax(curve))
    peak = float(curve[summit])
    half = 0.5 * (peak + floor)
    below = curve < half
    before, after = np.flatnonzero(below[:summit]), np.flatnonzero(below[summit:])
    if not len(before) or not len(after):
        return (*missing, peak, floor)

    def crossing(low: int, high: int) -> float:
        share = (half - curve[low]) / (curve[high] - curve[low])
        return float(fine[low] + share * (fine[high] - fine[low]))

    start = crossing(int(before[-1]), int(before[-1]) + 1)
    stop = crossing(summit + int(after[0]), summit + int(after[0]) - 1)
    step = float(places[-1] - places[0]) / (len(places) - 1)
    origin = float(places[0])
    return (stop - start) * step, origin + 0.5 * (start + stop) * step, peak, floor


def line_profile(
    volume: Any,
    point: Sequence[float],
    axis: Axis,
    *,
    scale_um: Sequence[float] = (1.0, 1.0, 1.0),
    half_width: int = 0,
    reach: int | None = None,
    background: float | None = None,
) -> Profile:
    """Return the brightness along an axis through a point, and its width.

    Parameters
    ----------
    volume : array (Z, Y, X)
        As for `reslice`.
    point : sequence of float
        z, y, x in voxels.
    axis : {"x", "y", "z"}
        Direction of the line.
    scale_um : sequence of float
        Distance of two voxels along z, y, x, µm.
    half_width : int
        Voxels on either side of the line, across it, that are averaged.
    reach : int, optional
        Voxels on either side of the point that the line has; all by default.
    background : float, optional
        Level that counts as zero; by default the 10th percentile of the line.

    Raises
    ------
    ParameterError
        If it is no volume, or there is no such axis.
    """
    scale = _check(volume, scale_um)
    if axis not in AXES:
        raise ParameterError(f"axis must be 'x', 'y' or 'z', not {axis!r}.")
    along = AXES.index(axis)
    at = clip_point(point, volume.shape)
    key = []
    for k, n in enumerate(volume.shape):
        margin = half_width if k != along else (n if reach is None else reach)
        key.append(slice(max(at[k] - margin, 0), min(at[k] + margin + 1, n)))
    cut = np.asarray(volume[tuple(key)])
    value = cut.mean(axis=tuple(k for k in range(3) if k != along), dtype=np.float64)
    position: NDArray[np.float64] = (key[along].start + np.arange(float(len(value)))) * scale[along]
    fwhm, centre, peak, floor = width_of(position, value, background=background)
    return Profile(position, value, floor, peak, centre, fwhm)


def profiles(
    volume: Any,
    point: Sequence[float],
    *,
    scale_um: Sequence[float] = (1.0, 1.0, 1.0),
    half_width: int = 0,
    reach: int | None = None,
) -> dict[str, Profile]:
    """Return the profiles along z, y and x through a point; see `line_profile`."""
    return {
        axis: line_profile(
            volume, point, axis, scale_um=scale_um, half_width=half_width, reach=reach
        )
        for axis in AXES
    }


def stack_limits(
    volume: Any, percentiles: tuple[float, float] = (1.0, 99.9), most: int = 40
) -> tuple[float, float]:
    """Return the contrast limits that show a stack well.

    Parameters
    ----------
    volume : array (Z, Y, X)
        The stack.
    percentiles : (float, float)
        Of the finite values that are darkest and brightest.
    most : int
        About so many slices are looked at, evenly spaced.

    Returns
    -------
    (float, float)
        Low and high; high is above low, also where all values are the same or none is finite.
    """
    seen = np.asarray(volume[:: max(len(volume) // most, 1)])
    if seen.dtype.kind == "f":
        seen = seen[np.isfinite(seen)]
    if seen.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(seen, percentiles))
    return low, high if high > low else low + 1.0
