"""The drift curve: where the sample was in each frame, and how to take that out of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["Drift", "apply_drift", "interpolate", "undo_drift"]


@dataclass(frozen=True, eq=False)
class Drift:
    """Displacement of the sample in each frame.

    Parameters
    ----------
    dx, dy : 1D array of float64 (frames,)
        Displacement, px; their means are 0.  A molecule at x was seen at x + dx[frame].
    dz : 1D array of float64 (frames,), optional
        Displacement along the optical axis, nm; its mean is 0.
    method : str
        How it was found.
    settings : dict
        With which settings.
    time : 1D array of float64, optional
        Mean frame of each segment that was measured.
    error_px : float
        Error along one axis (standard deviation), px, as far as the measurements contradict each
        other: a lower bound, without what a curve between segments misses.  NaN where nothing is
        known.
    notes : tuple of str
        What a person should know.

    Raises
    ------
    ParameterError
        If the curves differ in length, are empty or not finite.
    """

    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    dz: NDArray[np.float64] | None = None
    method: str = ""
    settings: dict[str, Any] | None = None
    time: NDArray[np.float64] | None = None
    error_px: float = float("nan")
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        curves = [self.dx, self.dy] + ([] if self.dz is None else [self.dz])
        arrays = [np.asarray(c, np.float64) for c in curves]
        if any(a.ndim != 1 or len(a) != len(arrays[0]) or len(a) == 0 for a in arrays):
            raise ParameterError(
                "A drift needs one value per frame and axis, not arrays of the shapes "
                f"{[a.shape for a in arrays]}."
            )
        if not all(np.isfinite(a).all() for a in arrays):
            raise ParameterError("A drift must be a finite number in each frame.")
        for name, array in zip(("dx", "dy", "dz"), arrays, strict=False):
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.dx)

    @property
    def range_px(self) -> tuple[float, float]:
        """How far the sample moved along x and y in all, px."""
        return float(np.ptp(self.dx)), float(np.ptp(self.dy))

    @property
    def rms_px(self) -> float:
        """Root mean square distance from the mean position, px."""
        return float(np.sqrt(np.mean(self.dx**2 + self.dy**2)))

    def to_table(self) -> pd.DataFrame:
        """Return a row per frame with ``x`` and ``y`` (px) and, in 3D, ``z`` (nm)."""
        columns = {"x": self.dx, "y": self.dy} | ({} if self.dz is None else {"z": self.dz})
        return pd.DataFrame(columns)

    @classmethod
    def from_table(cls, table: pd.DataFrame, method: str = "file") -> Drift:
        """Make a drift from a table with a row per frame and columns x, y and perhaps z."""
        missing = [c for c in ("x", "y") if c not in table.columns]
        if missing:
            raise ParameterError(
                f"A drift table needs the columns x and y; {', '.join(missing)} is missing."
            )
        z = table["z"].to_numpy(np.float64) if "z" in table.columns else None
        return cls(table["x"].to_numpy(np.float64), table["y"].to_numpy(np.float64), z, method)


def interpolate(
    time: NDArray[np.float64], values: NDArray[np.float64], frames: int
) -> NDArray[np.float64]:
    """Return a curve through measured points for each frame, with mean 0.

    Parameters
    ----------
    time : 1D array (N,)
        Mean frames of the segments, rising.
    values : 1D array (N,)
        What was measured there.
    frames : int
        Length of the movie.

    Returns
    -------
    1D array of float64 (frames,)
        A natural cubic spline (with two points a line), and straight on beyond the first and the
        last point.
    """
    from scipy.interpolate import CubicSpline

    t = np.arange(frames, dtype=np.float64)
    if len(time) == 1:
        return np.zeros(frames)
    if len(time) == 2:
        slope = (values[1] - values[0]) / (time[1] - time[0])
        curve = values[0] + slope * (t - time[0])
    else:
        spline = CubicSpline(time, values, bc_type="natural")
        inside = np.clip(t, time[0], time[-1])
        ends = spline(time[[0, -1]], 1)
        curve = spline(inside)
        curve += np.minimum(t - time[0], 0) * ends[0] + np.maximum(t - time[-1], 0) * ends[1]
    result: NDArray[np.float64] = curve - curve.mean()
    return result


def apply_drift(table: Table, drift: Drift) -> Localizations:
    """Take the drift out of a table.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules as seen.
    drift : Drift
        How the sample moved.

    Returns
    -------
    Localizations
        Molecules with ``x - dx[frame]``, ``y - dy[frame]`` and, where both know of it,
        ``z - dz[frame]``; and a step that names method, settings and range.

    Raises
    ------
    ParameterError
        If the table has frames that the drift does not have.
    """
    step = {
        "Generated by": "Limelight Undrift",
        "Method": drift.method,
        **(drift.settings or {}),
        "Drift range x (px)": drift.range_px[0],
        "Drift range y (px)": drift.range_px[1],
    }
    return _moved(table, drift, -1.0, step)


def undo_drift(table: Table, drift: Drift) -> Localizations:
    """Put the drift that `apply_drift` took out back into the table.

    Positions are what they were but for the rounding of float32 (about 1e-5 px).

    Parameters
    ----------
    table : Localizations or DataFrame
        The corrected molecules.
    drift : Drift
        The drift that was applied.

    Raises
    ------
    ParameterError
        If the table has frames that the drift does not have.
    """
    return _moved(table, drift, 1.0, {"Generated by": "Limelight Undrift", "Undone": drift.method})


def _moved(table: Table, drift: Drift, sign: float, step: dict[str, Any]) -> Localizations:
    locs = as_locs(table)
    frame = frame_column(locs, "drift", least=0)
    if len(frame) and frame.max() >= len(drift):
        raise ParameterError(
            f"drift: the table has frames up to {frame.max()}, the drift only {len(drift)} frames. "
            "It belongs to another movie."
        )
    moved = locs.table.copy(deep=False)
    for axis, curve in (("x", drift.dx), ("y", drift.dy), ("z", drift.dz)):
        if curve is not None and axis in locs:
            (values,) = checked(locs, "drift", axis, least=0)
            dtype = values.dtype if values.dtype.kind == "f" else np.dtype(np.float32)
            moved[axis] = (values + sign * curve[frame]).astype(dtype)
    return locs.with_table(moved, step)
