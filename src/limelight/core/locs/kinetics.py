"""How long molecules shine and how long they stay dark, from linked events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ExponentialFit", "bright_times", "dark_times", "fit_exponential"]


@dataclass(frozen=True, eq=False)
class ExponentialFit:
    """An exponential fitted to the cumulative distribution of times.

    Parameters
    ----------
    tau : float
        Time constant, in the unit of the times (frames).
    tau_error : float
        Standard error of ``tau``.
    amplitude, offset : float
        ``offset + amplitude * (1 - exp(-t / tau))`` is the fitted part of times <= t.
    times, fraction : 1D array
        The sorted times and the part of all that is not longer.
    """

    tau: float
    tau_error: float
    amplitude: float
    offset: float
    times: NDArray[np.float64]
    fraction: NDArray[np.float64]

    def __call__(self, times: NDArray[Any]) -> NDArray[np.float64]:
        """Return the fitted part of times that are not longer."""
        t = np.asarray(times, np.float64)
        result: NDArray[np.float64] = self.offset + self.amplitude * -np.expm1(-t / self.tau)
        return result


def bright_times(linked: Table) -> NDArray[np.int64]:
    """Return the bright time of each event, frames: from its first to its last, both included.

    Parameters
    ----------
    linked : Localizations or DataFrame
        Events, as `limelight.core.locs.link` returns them.

    Raises
    ------
    ParameterError
        If the table was not linked.
    """
    return _lengths(linked)


def _lengths(linked: Table) -> NDArray[np.int64]:
    locs = as_locs(linked)
    if "len" not in locs:
        raise ParameterError(
            "kinetics: the table has no column 'len'. Link the localizations first, with link()."
        )
    (length,) = checked(locs, "kinetics", "len", least=0)
    return length.astype(np.int64)


def dark_times(linked: Table) -> NDArray[np.int64]:
    """Return how long it was dark before each event, frames.

    Parameters
    ----------
    linked : Localizations or DataFrame
        Events; with a column ``group`` (a picked region, a cluster) each group is one site, else
        all events are of one site.

    Returns
    -------
    1D array of int64
        Frames without signal between the end of the nearest earlier event of the group and the
        event's first frame; -1 where there is no earlier one.

    Raises
    ------
    ParameterError
        If the table was not linked.
    """
    locs = as_locs(linked)
    length = _lengths(locs)
    first = frame_column(locs, "kinetics", least=0)
    last = first + length - 1
    dark = np.full(len(locs), -1, np.int64)
    if len(locs) == 0:
        return dark
    if "group" in locs:
        group = np.unique(locs["group"], return_inverse=True)[1].astype(np.int64)
    else:
        group = np.zeros(len(locs), np.int64)
    # Each group has its own stretch of one long time axis, so that one search serves all.
    stretch = int(last.max()) + 2
    ends = np.sort(group * stretch + last)
    before = np.searchsorted(ends, group * stretch + first, side="left") - 1
    found = before >= 0
    found[found] = ends[before[found]] >= group[found] * stretch
    dark[found] = group[found] * stretch + first[found] - ends[before[found]] - 1
    return dark


def fit_exponential(times: NDArray[Any]) -> ExponentialFit:
    """Fit an exponential to the cumulative distribution of bright or dark times.

    The empirical distribution function is fitted by least squares with
    ``offset + amplitude * (1 - exp(-t / tau))``, which is what DNA-PAINT uses for its kinetics
    (Jungmann et al. 2010, Schnitzbauer et al. 2017).  The offset takes up the shortest times,
    which a camera cannot resolve.

    Parameters
    ----------
    times : 1D array
        Times, > 0, in any unit; negative ones (no earlier event) are left out.

    Returns
    -------
    ExponentialFit
        Time constant and curve.

    Raises
    ------
    ParameterError
        If fewer than three different times are there.
    """
    from scipy.optimize import least_squares

    values = np.asarray(times, np.float64)
    values = np.sort(values[np.isfinite(values) & (values >= 0)])
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < 3:
        raise ParameterError(
            f"kinetics: {len(values)} times of {len(distinct)} different lengths are too few for "
            "an exponential; 3 lengths are needed. Take a longer movie or a larger region."
        )
    fraction = np.cumsum(counts) / len(values)
    mean = float(values.mean())

    # Weighted by how many times a step stands for, as if each time were a point.
    weight = np.sqrt(counts)

    def residual(p: NDArray[np.float64]) -> NDArray[np.float64]:
        tau, amplitude, offset = p
        model = offset + amplitude * -np.expm1(-distinct / tau)
        return np.asarray((model - fraction) * weight, np.float64)

    found = least_squares(
        residual,
        (mean, 1.0, 0.0),
        bounds=([1e-6 * mean, 0.0, -np.inf], [1e6 * mean, np.inf, np.inf]),
        x_scale=(mean, 1.0, 1.0),
        max_nfev=1000,
    )
    tau, amplitude, offset = (float(v) for v in found.x)
    if not found.success or tau > 1e3 * distinct[-1]:
        raise ParameterError(
            "kinetics: the times do not follow an exponential. Look at their histogram."
        )
    # Points of a cumulative distribution are not independent: each time adds its share to all
    # that are longer, and the spread of these shares is the error.
    pull = np.linalg.pinv(found.jac.T @ found.jac)[0] @ (found.jac * weight[:, None]).T
    share = np.cumsum(pull[::-1])[::-1]
    mean_share = np.average(share, weights=counts)
    spread = np.average((share - mean_share) ** 2, weights=counts)
    tau_error = float(np.sqrt(spread / len(values)))
    return ExponentialFit(tau, tau_error, amplitude, offset, distinct, fraction)
