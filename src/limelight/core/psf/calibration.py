"""Astigmatism: the widths of a spot along z from beads, and z from the widths.

References
----------
.. [1] Huang B. et al., Science 319, 810 (2008): z from the widths behind a cylindrical lens.
.. [2] Kowalewski et al., Nat. Commun. (2026), doi:10.1038/s41467-026-70198-5: the precision of z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from limelight.core.spots import Columns

    Floats = NDArray[np.float64]

__all__ = ["CalibrationReport", "ZCalibration", "calibrate_z", "fit_z"]

DEGREE = 6
_FEW = 3  # with fewer widths in a slice there is no standard deviation to judge them by
_NO_ASTIGMATISM = (
    "The widths along x and y do not tell z anywhere. Is there a cylindrical lens in the light "
    "path, and was the stack taken through the focus?"
)
_ROUND = 0.14  # logarithm of the ratio of the widths that each end has to have at least
_FLAT = 0.15  # of the steepest: where the curves are flatter, z cannot be told from the widths
_AMBIGUOUS_NM = 5.0  # a width pair of the curve whose best z is further away than this


@dataclass(frozen=True)
class ZCalibration:
    """Widths of a spot as polynomials of z.

    ``w(z) = c[6] + c[5] z + ... + c[0] z^6`` in pixels, z in nm; at z = 0 the widths are equal.

    Parameters
    ----------
    x_coefficients, y_coefficients : tuple of float
        Seven numbers each, that of z^6 first.
    calibrated_nm : tuple of float
        Lowest and highest z of the beads' slices, nm.
    usable_nm : tuple of float, optional
        Range in which the widths tell z; found from the curves if not given.
    magnification : float
        z in the sample over z of the stage: below 1 for oil on water.
    step_nm : float
        Distance of the slices, nm.
    frames : int
        Number of slices.
    about : mapping
        What else the file says.

    Raises
    ------
    ParameterError
        If there are not seven finite coefficients, the range is empty or the widths are not
        positive in it.
    """

    x_coefficients: tuple[float, ...]
    y_coefficients: tuple[float, ...]
    calibrated_nm: tuple[float, float]
    usable_nm: tuple[float, float] | None = None
    magnification: float = 1.0
    step_nm: float = 0.0
    frames: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("x_coefficients", "y_coefficients"):
            values = tuple(float(v) for v in getattr(self, name))
            if len(values) != DEGREE + 1 or not np.isfinite(values).all():
                raise ParameterError(
                    f"A calibration needs {DEGREE + 1} finite {name.replace('_', ' ')}, "
                    f"not {values}."
                )
            object.__setattr__(self, name, values)
        low, high = (float(v) for v in self.calibrated_nm)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ParameterError(f"The range of a calibration is empty: {low:g} to {high:g} nm.")
        if not (math.isfinite(self.magnification) and self.magnification > 0):
            raise ParameterError(
                f"The magnification factor must be above 0, not {self.magnification}."
            )
        object.__setattr__(self, "calibrated_nm", (low, high))
        if self.usable_nm is None:
            object.__setattr__(self, "usable_nm", _usable_range(self))

    def widths(self, z_nm: ArrayLike) -> tuple[Floats, Floats]:
        """Return the widths along x and y, pixels, at stage positions (nm)."""
        z = np.asarray(z_nm, np.float64)
        found = [np.polyval(c, z) for c in (self.x_coefficients, self.y_coefficients)]
        return np.asarray(found[0], np.float64), np.asarray(found[1], np.float64)

    @property
    def usable(self) -> tuple[float, float]:
        """Range in which the widths tell z, nm of the stage."""
        return self.usable_nm or self.calibrated_nm


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """How well a calibration describes its beads.

    Parameters
    ----------
    z_nm : 1D array (S,)
        Stage position of each slice, from where the widths are equal, nm.
    mean_sx, mean_sy : 1D array (S,)
        Means after rejection, pixels; NaN for a slice without any.
    kept : 1D array of bool (N,)
        Spots that were not rejected.
    z_fit : 1D array (N,)
        z of every spot from its widths, nm.
    residual_nm : 1D array (N,)
        `z_fit` less the stage's z.
    rms_nm : 1D array (S,)
        Root mean square of the residuals of the kept spots of each slice; NaN without any.
    """

    z_nm: Floats
    mean_sx: Floats
    mean_sy: Floats
    kept: NDArray[np.bool_]
    z_fit: Floats
    residual_nm: Floats
    rms_nm: Floats

    def overall_nm(self, low: float, high: float, z_of_spot: Floats) -> float:
        """Return the root mean square of the kept residuals with z between two limits, nm."""
        inside = self.kept & (z_of_spot >= low) & (z_of_spot <= high)
        left = self.residual_nm[inside]
        return float(np.sqrt(np.mean(left**2))) if len(left) else math.nan


def _slice_means(index: NDArray[np.int64], values: Floats, slices: int) -> tuple[Floats, Floats]:
    """Mean and sample variance of the values of every slice; NaN where there are too few."""
    count = np.bincount(index, minlength=slices).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(index, values, slices) / count
        squares = np.bincount(index, (values - mean[index]) ** 2, slices)
        return mean, squares / (count - 1)


def _polynomial(z: Floats, w: Floats) -> tuple[float, ...]:
    """Coefficients of sixth degree, fitted over the range of -1 to 1 to keep the digits."""
    middle, reach = 0.5 * (z[0] + z[-1]), 0.5 * abs(z[-1] - z[0])
    scaled = np.polyfit((z - middle) / reach, w, DEGREE)
    inner = np.poly1d(np.array([1.0, -middle]) / reach)
    found = np.poly1d(scaled)(inner)
    coefficients = np.zeros(DEGREE + 1)
    coefficients[DEGREE + 1 - len(found.coeffs) :] = found.coeffs
    return tuple(coefficients.tolist())


def calibrate_z(
    index: ArrayLike,
    sx: ArrayLike,
    sy: ArrayLike,
    step_nm: float,
    slices: int,
    *,
    magnification: float = 1.0,
    about: Mapping[str, Any] | None = None,
) -> tuple[ZCalibration, CalibrationReport]:
    """Make a calibration from the widths of beads in the slices of a stack.

    For every slice the mean and the variance of both widths are calculated, spots that are not
    within one standard deviation of either mean are discarded, and a polynomial of sixth degree is
    fitted to the means of the rest [1]_.  z rises with the slices, and is 0 where the widths
    are equal.

    Parameters
    ----------
    index : array_like of int (N,)
        Slice of each spot, from 0.
    sx, sy : array_like (N,)
        Widths of each spot, pixels; those that are not finite are discarded.
    step_nm : float
        Distance of two slices, nm; negative if the stage went down.
    slices : int
        Number of slices.
    magnification : float
        z in the sample over z of the stage.
    about : mapping, optional
        Kept with the calibration.

    Returns
    -------
    ZCalibration
        The polynomials.
    CalibrationReport
        Means, residuals, and which spots were kept.

    Raises
    ------
    ParameterError
        If there are fewer than seven slices with spots, or the step is 0.
    """
    where = np.asarray(index, np.int64)
    width_x, width_y = np.asarray(sx, np.float64), np.asarray(sy, np.float64)
    if not (math.isfinite(step_nm) and step_nm):
        raise ParameterError(
            "A calibration needs the distance of the slices in nm: give step_nm (--step-nm 10)."
        )
    if not (where.shape == width_x.shape == width_y.shape) or where.ndim != 1:
        raise ParameterError("index, sx and sy must be columns of the same length.")
    if len(where) and not (where.min() >= 0 and where.max() < slices):
        raise ParameterError(f"The slices of the spots must be from 0 to {slices - 1}.")
    good = np.isfinite(width_x) & np.isfinite(width_y)
    kept = good.copy()
    for width in (width_x, width_y):
        mean, variance = _slice_means(where[good], width[good], slices)
        few = np.bincount(where[good], minlength=slices) < _FEW
        within = (width - mean[where]) ** 2 < variance[where]
        kept &= within | few[where]
    mean_x, _ = _slice_means(where[kept], width_x[kept], slices)
    mean_y, _ = _slice_means(where[kept], width_y[kept], slices)
    there = np.isfinite(mean_x) & np.isfinite(mean_y)
    if there.sum() <= DEGREE:
        raise ParameterError(
            f"Only {int(there.sum())} of {slices} slices have beads whose widths can be fitted; a "
            f"polynomial of sixth degree needs at least {DEGREE + 1}. Record smaller steps, or "
            "look whether the beads are found (a smaller threshold or box)."
        )
    ratio = np.log(mean_x[there] / mean_y[there])
    if not (ratio.max() > _ROUND and ratio.min() < -_ROUND):
        raise ParameterError(_NO_ASTIGMATISM)
    z: Floats = (np.arange(float(slices)) - 0.5 * (slices - 1)) * step_nm
    curves = [_polynomial(z[there], mean[there]) for mean in (mean_x, mean_y)]
    z = z - _crossing(curves, z[there])
    curves = [_polynomial(z[there], mean[there]) for mean in (mean_x, mean_y)]
    calibrated = (float(z[there].min()), float(z[there].max()))
    first = ZCalibration(
        curves[0],
        curves[1],
        calibrated,
        calibrated,
        magnification,
        abs(step_nm),
        slices,
        dict(about or {}),
    )
    fitted = fit_z(width_x, width_y, first, reject=False)["z"] / magnification
    residual = fitted - z[where]
    mean_square, _ = _slice_means(where[kept], residual[kept] ** 2, slices)
    rms = np.sqrt(mean_square)
    low, high = _usable_range(first)
    within = (z >= low) & (z <= high) & np.isfinite(rms)
    if within.any():  # the ends of a polynomial are its worst part
        # few beads make the scatter of one slice a matter of luck: that of seven is taken
        course = np.array(
            [
                np.sqrt(np.nanmean(rms[max(k - 3, 0) : k + 4] ** 2))
                if np.isfinite(rms[k])
                else np.nan
                for k in range(slices)
            ]
        )
        limit = 3 * float(np.median(course[within]))
        low, high = _around(z, np.isfinite(course) & (course <= limit), low, high)
    calibration = replace(first, usable_nm=(low, high))
    return calibration, CalibrationReport(z, mean_x, mean_y, kept, fitted, residual, rms)


def _crossing(curves: Sequence[tuple[float, ...]], z: Floats) -> float:
    """Return where both curves are equal, nearest to the middle of the range."""
    fine = np.linspace(z[0], z[-1], 10_000)
    difference = np.polyval(curves[0], fine) - np.polyval(curves[1], fine)
    turns = np.flatnonzero(np.signbit(difference[1:]) != np.signbit(difference[:-1]))
    if not len(turns):
        return float(fine[np.argmin(np.abs(difference))])
    at = fine[turns] - difference[turns] * np.diff(fine)[turns] / np.diff(difference)[turns]
    return float(at[np.argmin(np.abs(at - 0.5 * (z[0] + z[-1])))])


def _around(z: Floats, good: NDArray[np.bool_], low: float, high: float) -> tuple[float, float]:
    """Shrink a range to the run of good places around its middle."""
    inside = np.flatnonzero((z >= low) & (z <= high))
    if not len(inside) or not good[inside].any():
        return low, high
    middle = inside[good[inside]]
    start = stop = int(middle[np.argmin(np.abs(z[middle] - 0.5 * (low + high)))])
    allowed = set(inside.tolist())
    while start - 1 in allowed and good[start - 1]:
        start -= 1
    while stop + 1 in allowed and good[stop + 1]:
        stop += 1
    ends = sorted((float(z[start]), float(z[stop])))
    return max(low, ends[0]), min(high, ends[1])


def _usable_range(calibration: ZCalibration) -> tuple[float, float]:
    """Find the range around z = 0 in which a pair of widths belongs to one z only."""
    low, high = calibration.calibrated_nm
    z = np.linspace(low, high, 401)
    curves = [np.polyval(c, z) for c in (calibration.x_coefficients, calibration.y_coefficients)]
    positive = (curves[0] > 0.05) & (curves[1] > 0.05)
    roots = [np.sqrt(np.maximum(c, 1e-6)) for c in curves]
    slope = np.hypot(*(np.gradient(r, z) for r in roots))
    open_ended = ZCalibration(
        calibration.x_coefficients,
        calibration.y_coefficients,
        calibration.calibrated_nm,
        calibration.calibrated_nm,
    )
    back = fit_z(np.maximum(curves[0], 0.05), np.maximum(curves[1], 0.05), open_ended, reject=False)
    good = positive & (slope > _FLAT * np.median(slope))
    good &= np.abs(back["z"] - z) < _AMBIGUOUS_NM
    if not good.any():
        raise ParameterError(_NO_ASTIGMATISM)
    middle = np.flatnonzero(good)
    start = stop = int(middle[np.argmin(np.abs(z[middle]))])
    while start > 0 and good[start - 1]:
        start -= 1
    while stop < len(z) - 1 and good[stop + 1]:
        stop += 1
    if start == stop:
        raise ParameterError(_NO_ASTIGMATISM)
    return float(z[start]), float(z[stop])


def fit_z(
    sx: ArrayLike,
    sy: ArrayLike,
    calibration: ZCalibration,
    *,
    sx_unc: ArrayLike | None = None,
    sy_unc: ArrayLike | None = None,
    reject: bool = True,
) -> Columns:
    """Find z from the widths of spots.

    Minimizes ``D = (sqrt(sx) - sqrt(wx(z)))^2 + (sqrt(sy) - sqrt(wy(z)))^2`` over the calibrated
    range [1]_.  Every local minimum of D on a grid finer than the curves' features is followed, so
    that the lowest one is found, wherever it is.

    Parameters
    ----------
    sx, sy : array_like (N,)
        Widths, pixels.
    calibration : ZCalibration
        The curves.
    sx_unc, sy_unc : array_like (N,), optional
        Standard errors of the widths, pixels: give the precision of z [2]_.
    reject : bool
        Spots whose best z is not within the usable range get NaN.

    Returns
    -------
    dict of 1D arrays (N,)
        ``z`` (nm in the sample: times the magnification factor; float32), ``d_zcalib`` (root of D,
        square root of pixels), and ``lpz`` (nm) where the errors were given.

    Notes
    -----
    The interpreter lock is released while it works; a spot's result depends on no other.
    """
    from limelight.core.psf._z_kernel import minimize_distance, prepare

    width_x = np.ascontiguousarray(sx, np.float64)
    width_y = np.ascontiguousarray(sy, np.float64)
    if width_x.shape != width_y.shape or width_x.ndim != 1:
        raise ParameterError("sx and sy must be columns of the same length.")
    cx, cy = (np.array(c) for c in (calibration.x_coefficients, calibration.y_coefficients))
    low, high = calibration.calibrated_nm
    z, distance, spread = (np.full(len(width_x), np.nan) for _ in range(3))
    errors = [
        np.ascontiguousarray(e, np.float64) if e is not None else np.empty(0)
        for e in (sx_unc, sy_unc)
    ]
    if len(errors[0]) != len(errors[1]):
        raise ParameterError("Give the errors of both widths, or of none.")
    table = prepare(cx, cy, low, high)
    minimize_distance(width_x, width_y, *errors, cx, cy, low, high, table, z, distance, spread)
    if reject:
        first, last = calibration.usable
        rim = 1e-6 * (high - low)
        outside = (z < first) | (z > last) | (z <= low + rim) | (z >= high - rim)
        for column in (z, distance, spread):
            column[outside] = np.nan
    columns = {
        "z": (z * calibration.magnification).astype(np.float32),
        "d_zcalib": np.sqrt(distance).astype(np.float32),
    }
    if sx_unc is not None:
        columns["lpz"] = (spread * calibration.magnification).astype(np.float32)
    return columns
