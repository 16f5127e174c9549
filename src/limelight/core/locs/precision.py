"""NeNA: the localization precision as the data show it, from molecules seen twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.locs._strips import Strips, strips
from limelight.core.locs._table import Table, as_locs, checked, frame_column
from limelight.core.pool import each, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["NeNA", "nena"]

_BINS = 250
_LEAST_PAIRS = 100  # repeated molecules below which no value is called reliable
_LEAST_SIGNIFICANCE = 5.0
_SLICES = 16  # fixed, so that the result does not depend on the number of threads


@dataclass(frozen=True, eq=False)
class NeNA:
    """What nearest neighbours in adjacent frames say of the precision.

    Parameters
    ----------
    sigma_px, sigma_nm : float
        Localization precision along one axis (standard deviation).
    sigma_error_px : float
        Standard error of the fit.
    reliable : bool
        Whether the value can be trusted; `notes` says why not.
    notes : tuple of str
        What a person should know.
    repeated : float
        Estimated number of molecules that were seen in two adjacent frames: pairs beyond those
        that frames far apart have by chance.
    significance : float
        ``repeated`` over its standard deviation.
    distance_px : 1D array
        Centres of the histogram's bins, px.
    counts, control, fit : 1D array
        Pairs per bin in adjacent frames, in frames far apart (scaled to as many chances), and the
        fitted curve.
    """

    sigma_px: float
    sigma_nm: float
    sigma_error_px: float
    reliable: bool
    notes: tuple[str, ...]
    repeated: float
    significance: float
    distance_px: NDArray[np.float64] = field(repr=False)
    counts: NDArray[np.float64] = field(repr=False)
    control: NDArray[np.float64] = field(repr=False)
    fit: NDArray[np.float64] = field(repr=False)


@njit(nogil=True, cache=True)
def _histogram_kernel(  # type: ignore[no-untyped-def]
    xs, ys, start, count, left, width, frames, f0, f1, lag, reach, bins, nearest
):
    histogram = np.zeros(bins, np.int64)
    scale, to_bin, limit = 1.0 / width, bins / reach, reach * reach
    chances = 0.0
    for f in range(f0, min(f1, frames - lag)):
        base = (f + lag) * count
        here = start[(f + 1) * count] - start[f * count]
        there = start[base + count] - start[base]
        chances += float(here) * float(there)
        if there == 0:
            continue
        for i in range(start[f * count], start[(f + 1) * count]):
            x, y = xs[i], ys[i]
            low = min(max(int((x - reach - left) * scale), 0), count - 1)
            high = min(max(int((x + reach - left) * scale), 0), count - 1) + 1
            least = limit
            for k in range(start[base + low], start[base + high]):
                dx, dy = xs[k] - x, ys[k] - y
                d2 = dx * dx + dy * dy
                if d2 < limit:
                    if nearest:
                        least = min(least, d2)
                    else:
                        histogram[min(int(np.sqrt(d2) * to_bin), bins - 1)] += 1
            if nearest and least < limit:
                histogram[min(int(np.sqrt(least) * to_bin), bins - 1)] += 1
    return histogram, chances


def _histogram(
    s: Strips, lag: int, reach: float, nearest: bool, threads: int | None, every: int = 1
) -> tuple[NDArray[np.float64], float]:
    """Count neighbours that many frames later by distance, and the chances that there were.

    ``every`` 2 looks at every second sixteenth of the movie only.
    """

    def part(run: tuple[int, int]) -> tuple[Any, float]:
        found: tuple[Any, float] = _histogram_kernel(
            s.x, s.y, s.start, s.count, s.left, s.width, s.frames, *run, lag, reach, _BINS, nearest
        )
        return found

    parts = each(part, runs(s.frames, _SLICES)[::every], threads)
    return sum(p[0] for p in parts).astype(np.float64), float(sum(p[1] for p in parts))


def nena(
    table: Table,
    max_distance: float = 1.0,
    pairs: Literal["all", "nearest"] = "all",
    *,
    threads: int | None = None,
) -> NeNA:
    """Measure the localization precision from molecules that shine in two adjacent frames.

    The distances from each molecule to its neighbours in the next frame are fitted with the model
    of Endesfelder et al. (Histochem. Cell Biol. 141, 629, 2014): the distances of two measurements
    of one molecule, ``A d / (2 s^2) exp(-d^2 / (4 s^2))``, a Gaussian for short
    distances between different molecules, and a line for those at random.

    Whether molecules were seen twice at all is told by a control: the same histogram between
    frames far apart.  Without more close pairs in adjacent frames than there, the value is
    marked as not reliable.

    Parameters
    ----------
    table : Localizations or DataFrame
        Molecules that were not linked, in any order.
    max_distance : float
        Largest distance that is looked at, px, > 0; at least five times the precision.
    pairs : {"all", "nearest"}
        All neighbours in reach, or the nearest only, as published.  Where many molecules are, a
        stranger is often nearer than the molecule itself, and the nearest alone make the
        precision look better than it is.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    NeNA
        The precision, and whether to believe it.

    Raises
    ------
    ParameterError
        If there are too few molecules or frames, a column is missing or not finite.
    """
    locs = as_locs(table)
    if not (np.isfinite(max_distance) and max_distance > 0):
        raise ParameterError(f"nena: max_distance must be more than 0 px, not {max_distance}.")
    if pairs not in ("nearest", "all"):
        raise ParameterError(f"nena: pairs must be 'nearest' or 'all', not {pairs!r}.")
    frame = frame_column(locs, "nena", least=2)
    x, y = checked(locs, "nena", "x", "y")
    s = strips(frame, x, y)
    if s.frames < 2:
        raise ParameterError(
            "nena: all molecules are in one frame; neighbours in adjacent frames need two or more. "
            "Localize more frames."
        )
    nearest = pairs == "nearest"
    counts, chances = _histogram(s, 1, max_distance, nearest, threads)
    control, noise = np.zeros(_BINS), np.zeros(_BINS)
    # Far enough that no molecule still shines; several, so that the control adds little noise.
    lags = (s.frames // 4, s.frames // 3) if s.frames > 20 else ()
    used = 0
    for lag in lags:
        far, far_chances = _histogram(s, lag, max_distance, nearest, threads, every=2)
        if far_chances > 0:
            control += far * (chances / far_chances)
            noise += far * (chances / far_chances) ** 2
            used += 1
    mean, variance = (
        v.astype(np.float64) for v in (control / max(used, 1), noise / max(used, 1) ** 2)
    )
    distance = ((np.arange(_BINS) + 0.5) * (max_distance / _BINS)).astype(np.float64)
    return _judge(locs, distance, counts, mean, variance if used else None, max_distance)


def _model(p: Any, d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of pairs at distance d; all parameters are positive."""
    single, sigma, short, centre, spread, line = p
    return np.asarray(
        single * d / (2 * sigma**2) * np.exp(-(d**2) / (4 * sigma**2))
        + short * np.exp(-0.5 * ((d - centre) / spread) ** 2)
        + line * d
    )


def _slopes(p: Any, d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivatives of `_model` by its parameters, a column each."""
    single, sigma, short, centre, spread, _ = p
    peak = d / (2 * sigma**2) * np.exp(-(d**2) / (4 * sigma**2))
    u = (d - centre) / spread
    hill = np.exp(-0.5 * u**2)
    return np.column_stack(
        [
            peak,
            single * peak * (d**2 / (2 * sigma**3) - 2 / sigma),
            hill,
            short * hill * u / spread,
            short * hill * u**2 / spread,
            d,
        ]
    )


def _fit(
    distance: NDArray[np.float64], counts: NDArray[np.float64], reach: float, start: float
) -> tuple[NDArray[np.float64], float]:
    """Fit the histogram, weighted by its Poisson noise; return parameters and sigma's error.

    The Gaussian for short distances is left out unless the data ask for it (by the Bayesian
    information criterion): where it is not needed it only makes sigma uncertain.
    """
    from scipy.optimize import least_squares

    step = distance[1] - distance[0]
    density = counts / step
    weight = step / np.sqrt(counts + 1.0)
    area = max(counts.sum(), 1.0)
    tail = max(float(density[-_BINS // 5 :].mean()), area * 1e-6)
    lower = np.array([0.0, 0.5 * step, 0.0, 0.0, step, 0.0])
    upper = np.array([np.inf, reach, np.inf, reach, reach, np.inf])

    def best_of(used: list[int], starts: list[tuple[float, float]]) -> Any:

        best: Any = None
        for factor, short in starts:
            sigma = float(np.clip(factor * start, step, 0.5 * reach))
            p0 = [0.7 * area, sigma, short * area, min(3 * sigma, 0.7 * reach), 2 * sigma]
            full = np.clip([*p0, tail / reach], lower + 1e-9, upper - 1e-9)
            if len(used) < 6:
                full[2] = 0.0

            def whole(p: Any, full: Any = full) -> NDArray[np.float64]:
                q = full.copy()
                q[used] = p
                return np.asarray(q)

            found = least_squares(
                lambda p, whole=whole: (_model(whole(p), distance) - density) * weight,
                full[used],
                jac=lambda p, whole=whole: (_slopes(whole(p), distance) * weight[:, None])[:, used],
                bounds=(lower[used], upper[used]),
                x_scale=np.maximum(np.abs(full[used]), 1e-3),
                max_nfev=100,
            )
            found.x = whole(found.x)
            if best is None or found.cost < 0.999 * best.cost:
                best = found
        return best

    plain = best_of([0, 1, 5], [(1.0, 0.0), (2.0, 0.0)])
    best = best_of([0, 1, 2, 3, 4, 5], [(1.0, 0.05), (0.5, 0.3), (2.0, 0.3)])
    if 2 * (plain.cost - best.cost) < 3 * np.log(_BINS):
        best = plain
    error = float(np.sqrt(max(np.linalg.pinv(best.jac.T @ best.jac)[1, 1], 0.0)))
    return best.x, error


def _stated(locs: Localizations) -> float:
    """Return the median precision that the fit of the spots claims, px; 0 where it does not."""
    if "lpx" not in locs:
        return 0.0
    values = locs["lpx"][:: max(len(locs) // 100_000, 1)]  # enough to judge by
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else 0.0


def _judge(
    locs: Localizations,
    distance: NDArray[np.float64],
    counts: NDArray[np.float64],
    control: NDArray[np.float64],
    noise: NDArray[np.float64] | None,
    reach: float,
) -> NeNA:
    """Fit the histogram and decide whether molecules were seen twice.

    ``noise`` is the variance of the control, None where there is no control.
    """
    notes: list[str] = []
    # Where the histogram rises above chance most steeply tells the scale of the precision.
    excess = counts - control
    density = np.convolve(excess, np.ones(9) / 9, mode="same")
    start = float(distance[np.argmax(density[: _BINS * 4 // 5])]) / np.sqrt(2)
    parameters, error = _fit(distance, counts, reach, start)
    sigma = float(parameters[1])
    near = distance < max(4 * sigma, 3 * start)
    repeated = float(excess[near].sum())
    variance = float(counts[near].sum() + (0.0 if noise is None else noise[near].sum()))
    significance = repeated / np.sqrt(max(variance, 1.0))
    if counts.sum() < _LEAST_PAIRS:
        notes.append(
            f"Only {counts.sum():.0f} molecules have a neighbour within {reach:g} px in the next "
            "frame; that is too few."
        )
    elif noise is None:
        notes.append("There are too few frames to tell repeated molecules from neighbours.")
    elif significance < _LEAST_SIGNIFICANCE or repeated < _LEAST_PAIRS:
        notes.append(
            "Adjacent frames have no more close pairs than frames far apart: molecules shine in "
            "one frame only, so that nothing can be said about the precision."
        )
    if error > 0.1 * sigma:
        notes.append(f"The fit leaves sigma uncertain by {error / sigma:.0%}.")
    if sigma > 0.3 * reach:
        notes.append(
            f"The precision is not small against max_distance ({reach:g} px). Choose a larger one."
        )
    reliable = not notes
    stated = _stated(locs)
    if reliable and stated > 0 and not 0.5 < sigma / stated < 2.0:
        notes.append(
            f"The fit of the spots states a precision of {stated:.3g} px, NeNA finds "
            f"{sigma:.3g} px: drift, moving molecules or a wrong camera gain."
        )
    step = distance[1] - distance[0]
    return NeNA(
        sigma,
        sigma * locs.pixel_size_nm,
        error,
        reliable,
        tuple(notes),
        max(repeated, 0.0),
        float(significance),
        distance,
        counts,
        control,
        _model(parameters, distance) * step,
    )
