"""Fit of overlapping molecules: several pixel-integrated Gaussians together.

Most molecules of a frame stand alone. They get the ordinary maximum-likelihood fit, and three
tests on what it leaves over (`limelight.core.fit.significance`). Where boxes overlap, or a test
objects, up to five molecules are fitted jointly by maximum likelihood; molecules are added where
the residual asks for one and dropped where they explain nothing, both decided by the gain in
likelihood, measured against how well the model fits at its best. Molecules just outside a group are
held fixed while it is fitted, and groups are fitted again until nothing moves.

References
----------
.. [1] Smith et al., Nat. Methods 7, 373 (2010): the single fit.
.. [2] Huang F. et al., Biomed. Opt. Express 2, 1377 (2011): joint fits, order by likelihood.
.. [3] Holden et al., Nat. Methods 8, 279 (2011): molecules found in the residual.
.. [4] Huang F. et al., Nat. Methods 10, 653 (2013): noise of sCMOS cameras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from limelight.core.detect.cut import cut_map, cut_spots
from limelight.core.errors import ParameterError
from limelight.core.fit._arguments import check_number
from limelight.core.fit.mle import fit_mle
from limelight.core.fit.significance import SIGNIFICANT, examine, is_significant
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from limelight.core.spots import Candidates, Columns

__all__ = ["MultiEmitter", "fit_multi"]

# a spot that passes these is one molecule: chance to fail them 1 % and 0.3 %
_ROUND = 9.0
_NOTHING_LEFT = 3.5
# few spots that are only noisier than expected are above this: 2 %
_NOT_ROUND = 8.0
# and its width is not further than this from the others', relative
_LIKE_OTHERS = 0.25


def fit_multi(
    photons: ArrayLike,
    frame: ArrayLike,
    y: ArrayLike,
    x: ArrayLike,
    *,
    box: int = 7,
    sigma: float | None = None,
    sigma_spread: float = 0.1,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
    threshold: float = SIGNIFICANT,
) -> Columns:
    """Fit all molecules of whole frames, overlapping ones together.

    Parameters
    ----------
    photons : array (T, Y, X)
        Photoelectrons; negative values are allowed.
    frame, y, x : array of int (n,)
        Candidates: frame, row and column of pixels where a molecule may be, sorted by frame. Their
        boxes lie within the image. Molecules that the detection overlooked beside another one are
        found; those further from any candidate than half a box are not.
    box : int
        Side of the region around a molecule that is fitted, odd, 5 to 31 pixels.
    sigma : float, optional
        Width of the point spread function in pixels, 0.3 to 18. Without it, it is measured in each
        frame on the molecules that stand alone; 15 % off does little harm.
    sigma_spread : float
        Relative standard deviation of the widths about `sigma`, 0 to 1. Molecules that stand alone
        have a free width, those of a group a common one with this prior. 0 holds all widths at
        `sigma`, which has to be given then.
    variance : array (Y, X) or (T, Y, X), optional
        Variance of each pixel in photoelectrons squared that does not come from the light that
        is fitted, such as read noise.
    excess : float
        Factor on all variances, 1 to 10: 2 with EM gain.
    threshold : float
        Gain in log-likelihood that a molecule has to bring. Where the spots of a frame, most of
        them, are noisier or less noisy than the camera's numbers say, gains are measured against
        their noise.

    Returns
    -------
    dict of 1D arrays, a row per molecule, by frame and candidate
        ``frame`` and ``spot`` (the candidate that the molecule comes from; several may share one,
        some have none); ``x``, ``y`` (pixels from the centre of the image's first pixel, float64);
        the other columns of `limelight.core.fit.fit_mle`; and ``significance``, the gain in
        log-likelihood over no molecule (in a group: half the squared ratio of the photons to their
        error).

    Raises
    ------
    ParameterError
        If arrays do not fit each other or a value is out of range.

    Notes
    -----
    A frame's result depends on no other frame. The interpreter lock is released while it works.
    """
    from limelight.core.fit import _frames as kernel
    from limelight.core.fit._group import COLUMNS

    images, noise = _as_images(photons, variance)
    box = int(check_number(box, "box", 5, 31))
    excess = check_number(excess, "excess", 1.0, 10.0)
    threshold = check_number(threshold, "threshold", 0.0, 1e6)
    spread = check_number(sigma_spread, "sigma_spread", 0.0, 1.0)
    width = None if sigma is None else check_number(sigma, "sigma (pixels)", 0.3, 18.0)
    if spread == 0.0 and width is None:
        raise ParameterError("To hold the widths (sigma_spread 0), give sigma in pixels.")
    where = _as_candidates(frame, y, x, len(images))
    spots = cut_spots(images, *where, box)
    spot_noise = None if noise is None else cut_map(noise, *where, box)
    single = fit_mle(
        spots,
        sigma=width if width is not None and spread == 0.0 else "shared",
        start_sigma=width if spread > 0.0 else None,
        variance=spot_noise,
        excess=excess,
    )
    tests = examine(spots, single, variance=spot_noise, excess=excess)
    offsets = np.searchsorted(where[0], np.arange(len(images) + 1))
    factors = _noise_factors(single, where, offsets, box, excess)
    factor = np.repeat(factors, np.diff(offsets)).astype(np.float32)
    tests["significance"] /= factor
    tests["elongation"] /= factor
    tests["leftover"] /= np.sqrt(factor)
    single["significance"] = tests["significance"]
    significant = is_significant(tests, threshold)
    good = significant & (tests["elongation"] < _ROUND) & (tests["leftover"] < _NOTHING_LEFT)
    # spots that fit badly throughout: noise, or a point spread function that is no Gaussian?
    limit = np.where(factor > 1.0, min(_NOT_ROUND, 2.0 * threshold), 2.0 * threshold)
    strange = np.maximum(tests["elongation"], tests["leftover"] ** 2) > limit
    if width is None:
        priors, spreads = _widths(single, good, offsets, spread, box)
    else:
        priors, spreads = (np.full(len(images), v) for v in (width, spread * width))
    expected = np.repeat(priors, np.diff(offsets))
    good &= np.abs(single["sx"] - expected) < _LIKE_OTHERS * expected
    verdict = np.where(good, kernel.FINE, np.where(strange, kernel.STRANGE, kernel.SUSPECT))
    starts = np.empty((len(good), kernel.STARTS))
    starts[:, kernel.START_Y], starts[:, kernel.START_X] = where[1], where[2]
    starts[:, 2] = single["x"] + where[2].astype(np.float64)
    starts[:, 3] = single["y"] + where[1].astype(np.float64)
    for column, name in ((4, "photons"), (5, "bg"), (6, "sx")):
        starts[:, column] = single[name]
    noise_only = tests["significance"] < 0.5 * threshold
    failed = np.where(noise_only, kernel.NOISE, kernel.FAILED)
    starts[:, kernel.VERDICT] = np.where(significant, verdict, failed)
    table = np.empty((2 * len(good) + 32 * len(images), COLUMNS))
    rows = np.empty(len(table), np.int64)
    count = kernel.fit_frames(
        images,
        _as_stack(noise),
        starts,
        offsets,
        box // 2,
        priors,
        spreads,
        threshold,
        factors * excess,
        table,
        rows,
    )
    return _columns(single, table[:count], rows[:count], excess, factors)


def _noise_factors(
    single: Columns,
    where: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    offsets: NDArray[np.int64],
    box: int,
    excess: float,
) -> NDArray[np.float64]:
    """Factor on the variance for each frame: cameras are not always what they are said to be."""
    from limelight.core.fit._frames import noise_factors

    freedom = box * box - 5
    # lower quartile of chi-squared per degree of freedom (Wilson and Hilferty 1931)
    quartile = (1 - 2 / (9 * freedom) - 0.6745 * np.sqrt(2 / (9 * freedom))) ** 3
    deviance = single["log_likelihood"] * np.float32(-2 / freedom / excess)
    factors = np.empty(len(offsets) - 1)
    noise_factors(where[1], where[2], deviance, offsets, box, quartile, factors)
    return factors


def _widths(
    single: Columns, good: NDArray[np.bool_], offsets: NDArray[np.int64], spread: float, box: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width and its uncertainty for each frame, from that frame alone."""
    usable = np.flatnonzero(good & (single["sx_unc"] < 0.1 * single["sx"]))
    frame = np.searchsorted(offsets, usable, side="right") - 1
    widths = single["sx"][usable].astype(np.float64)
    widths = widths[np.lexsort((widths, frame))]
    count = np.bincount(frame, minlength=len(offsets) - 1)
    first = np.cumsum(count) - count
    # a few molecules leave the width uncertain, none leaves what the box was chosen for
    known = count > 2
    middle = np.minimum(first[known] + count[known] // 2, len(widths) - 1)
    priors = np.full(len(count), (box - 1) / 5)
    priors[known] = 0.5 * (widths[middle] + widths[middle - 1 + count[known] % 2])
    spreads = priors * np.maximum(spread, 0.3 / np.sqrt(np.maximum(count - 1, 1)))
    return priors, spreads


def _columns(
    single: Columns,
    table: NDArray[np.float64],
    frame: NDArray[np.int64],
    excess: float,
    factors: NDArray[np.float64],
) -> Columns:
    """Put single and joint results together."""
    from limelight.core.fit import _group as kernel

    spot = table[:, kernel.SPOT].astype(np.int64)
    joint = table[:, kernel.ITERATIONS] > 0
    result: dict[str, NDArray[Any]] = {"frame": frame.astype(np.int32), "spot": spot}
    result["x"], result["y"] = table[:, kernel.X].copy(), table[:, kernel.Y].copy()
    values = {"photons": kernel.N, "bg": kernel.BG, "sx": kernel.SIGMA, "sy": kernel.SIGMA}
    errors = {
        "lpx": kernel.VX,
        "lpy": kernel.VY,
        "photons_unc": kernel.VN,
        "bg_unc": kernel.VB,
        "sx_unc": kernel.VS,
        "sy_unc": kernel.VS,
    }
    others = {"log_likelihood": kernel.VALUE, "iterations": kernel.ITERATIONS}
    for name in (*values, *errors, *others, "significance"):
        column = single[name][spot]
        if name in values:
            column[joint] = table[joint, values[name]]
        elif name in errors:
            column[joint] = np.sqrt(table[joint, errors[name]] * excess)
        elif name in others:
            column[joint] = table[joint, others[name]]
        else:
            column[joint] = table[joint, kernel.GAIN] / (excess * factors[frame[joint]])
        result[name] = column
    return result


def _as_images(
    photons: ArrayLike, variance: ArrayLike | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    images = np.asarray(photons)
    if images.ndim != 3 or images.dtype.kind not in "iuf":
        raise ParameterError(
            f"photons must be frames of real numbers (T, Y, X), not of {images.dtype} and shape "
            f"{images.shape}. A single frame is photons[np.newaxis]."
        )
    images = np.ascontiguousarray(images, np.float32)
    if variance is None:
        return images, None
    noise = np.ascontiguousarray(variance, np.float32)
    if noise.shape not in (images.shape, images.shape[1:]):
        raise ParameterError(
            f"variance must have the shape of a frame, {images.shape[1:]}, or of all, "
            f"{images.shape}, not {noise.shape}."
        )
    if noise.size and not noise.min() >= 0.0:
        raise ParameterError("variance has negative or NaN values: it must be 0 or more.")
    return images, noise


def _as_stack(noise: NDArray[np.float32] | None) -> NDArray[np.float32]:
    if noise is None:
        return np.empty((0, 0, 0), np.float32)
    return noise if noise.ndim == 3 else noise[np.newaxis]


def _as_candidates(
    frame: ArrayLike, y: ArrayLike, x: ArrayLike, frames: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    columns = [np.atleast_1d(np.asarray(c)) for c in (frame, y, x)]
    if len({c.shape for c in columns}) > 1 or columns[0].ndim != 1:
        raise ParameterError(
            f"frame, y and x must be lists of one length, not {[c.shape for c in columns]}."
        )
    where = tuple(np.ascontiguousarray(c, np.int32) for c in columns)
    if (np.diff(where[0]) < 0).any():
        raise ParameterError("The candidates must be sorted by frame.")
    return where[0], where[1], where[2]


class MultiEmitter(Settings):
    """Maximum likelihood, overlapping molecules fitted together where there are any."""

    one_width: ClassVar[bool] = True

    sigma: float | None = setting(
        None,
        help="Width of the point spread function; none: measured in each frame.",
        unit="px",
        low=0.3,
        high=18.0,
    )
    sigma_spread: float = setting(
        0.1,
        help="How much widths differ from molecule to molecule, relative; 0 holds them at sigma.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    significance: float = setting(
        SIGNIFICANT,
        help="Gain in log-likelihood that a molecule has to bring to be believed.",
        low=0.0,
        high=1e6,
        advanced=True,
    )

    def fit_frames(
        self,
        photons: NDArray[np.float32],
        variance: NDArray[np.float32] | None,
        excess_noise: float,
        candidates: Candidates,
        box: int,
    ) -> Columns:
        """Fit all molecules of the frames; columns as of `fit_multi`."""
        return fit_multi(
            photons,
            candidates.frame,
            candidates.y,
            candidates.x,
            box=box,
            sigma=self.sigma,
            sigma_spread=self.sigma_spread,
            variance=variance,
            excess=excess_noise,
            threshold=self.significance,
        )
