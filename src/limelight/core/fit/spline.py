"""Maximum likelihood fit of x, y and z with a measured point spread function (Li et al. 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.fit._arguments import as_spots, as_variance, check_number
from limelight.core.psf.spline import SplinePSF, sampling
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from limelight.core.spots import Columns, Spots

__all__ = ["Spline", "fit_spline"]

_STRIDE_NM = 90.0  # between the values of z that a fit may start from
_TAIL = 64  # numbers behind the last row that a load may touch


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A spline in the form that the kernel reads, for one size of box."""

    coefficients: NDArray[np.float32]
    plane: int
    row: int
    depth: int
    origin: NDArray[np.float64]
    planes: NDArray[np.float32]
    levels: NDArray[np.float64]
    centroids: NDArray[np.float64]
    sx: NDArray[np.float64]
    sy: NDArray[np.float64]


def _prepare(model: SplinePSF, box: int) -> _Prepared:
    kept: dict[int, _Prepared] = model.__dict__.setdefault("_prepared", {})
    if box not in kept:
        kept[box] = _prepared(model, box)
    return kept[box]


def _prepared(model: SplinePSF, box: int) -> _Prepared:
    from limelight.core.fit import _spline_fit as kernel
    from limelight.core.fit.lq import fit_lq

    if box > model.largest_box:
        raise ParameterError(
            f"A box of {box} px is larger than the {model.largest_box} px that the measured point "
            "spread function covers. Choose a smaller box, or make the calibration with a larger "
            "one."
        )
    # so that a molecule may be anywhere in the middle half of the box
    margin = math.ceil(0.5 * box) + 4
    solid = np.pad(model.coefficients, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    depth = model.shape[0] - 1
    _, height, width = solid.shape
    origin = np.array(
        [model.centre[0], model.centre[1] + margin, model.centre[2] + margin], np.float64
    )
    low, high = model.range_nm
    count = max(math.ceil((high - low) / _STRIDE_NM) + 1, 3)
    levels = np.linspace(low, high, count) / model.step_nm
    matrix = sampling(levels + model.centre[0], model.shape[0])
    planes = np.tensordot(matrix, solid, 1).astype(np.float32)
    z = levels * model.step_nm
    images = model.image(0.0, 0.0, z, box).astype(np.float32)
    centroids = np.empty((count, 2))
    chunks = (box + 15) // 16
    flat = np.zeros((box, 16 * chunks), np.float32)
    for s in range(count):
        flat[:, :box] = images[s]
        kernel._centroid(flat.ravel(), chunks, box, centroids[s])
    widths = fit_lq(1e4 * images + 10, sigma="separate")
    known = np.isfinite(widths["sx"])
    sx, sy = (
        np.interp(z, z[known], widths[c][known]) if known.any() else np.full(count, 0.25 * box)
        for c in ("sx", "sy")
    )

    def flattened(array: NDArray[Any]) -> NDArray[np.float32]:
        return np.concatenate([array.ravel(), np.zeros(_TAIL + 4 * width)]).astype(np.float32)

    return _Prepared(
        flattened(solid),
        height * width,
        width,
        depth,
        origin,
        flattened(planes),
        levels,
        centroids,
        sx,
        sy,
    )


def fit_spline(
    photons: ArrayLike,
    model: SplinePSF,
    *,
    variance: ArrayLike | None = None,
    excess: float = 1.0,
    starts: int = 3,
    max_iterations: int = 50,
    tolerance: float = 0.01,
) -> Columns:
    """Fit one molecule to each spot with a measured point spread function.

    The likelihood of Poisson noise is maximized by Levenberg-Marquardt steps with the Fisher
    information in place of the second derivatives (Li et al. 2018, *Nature Methods* 15, 367);
    with `variance` the noise of an sCMOS camera is taken into account (Huang et al. 2013, *Nature
    Methods* 10, 653).  The spot is first compared with the model at every 90 nm; fits start from
    the best of these places and from others that are nearly as good, and the most likely
    result counts, so that it does not depend on a guess of z.

    Parameters
    ----------
    photons : array (N, box, box)
        Photoelectrons; the box is odd, 5 to 31 pixels, and not larger than the model.
    model : SplinePSF
        The point spread function.
    variance : array (N, box, box), optional
        As for `fit_mle`.
    excess : float
        Factor on all variances, 1 to 10: 2 with EM gain.
    starts : int
        From how many places along z a spot is fitted at most.
    max_iterations : int
        A fit that needs more is given up.
    tolerance : float
        A fit ends with a step that is shorter than this, in standard errors.

    Returns
    -------
    dict of 1D arrays (N,)
        ``x``, ``y`` (pixels from the centre of the box), ``z`` (nm), ``photons`` (those within
        the model's field), ``bg`` (per pixel), ``sx``, ``sy`` (pixels: widths of the model at
        that z), the Cramér-Rao bounds ``lpx``, ``lpy`` (pixels), ``lpz`` (nm), ``photons_unc``,
        ``bg_unc``; ``log_likelihood`` (relative to the model that equals the data), all float32;
        ``iterations`` (int32).  NaN where the fit does not converge, or ends at the rim of the
        model's range of z.

    Raises
    ------
    ParameterError
        If an argument has the wrong shape or type, or is out of range.

    Notes
    -----
    What is returned for a spot depends on no other spot.  The interpreter lock is released: call it
    from several threads, each on its part.
    """
    from limelight.core.fit import _spline_fit as kernel

    spots = as_spots(photons)
    count, box = spots.shape[:2]
    if box < 5:
        raise ParameterError(f"The box of a spline fit must be at least 5 px, not {box}.")
    extra = as_variance(variance, spots)
    excess = check_number(excess, "excess", 1.0, 10.0)
    starts = int(check_number(starts, "starts", 1, 20))
    max_iterations = int(check_number(max_iterations, "max_iterations", 1, 1000))
    tolerance = check_number(tolerance, "tolerance", 1e-4, 0.5)
    ready = _prepare(model, box)
    result = np.full((kernel.RESULTS, count), np.nan)
    kernel.fit(
        spots.reshape(count, box * box),
        extra,
        ready.coefficients,
        ready.plane,
        ready.row,
        ready.depth,
        ready.origin,
        ready.planes,
        ready.levels,
        ready.centroids,
        box,
        starts,
        max_iterations,
        tolerance,
        result,
    )
    iterations = result[kernel.ITERATIONS].astype(np.int32)
    rim = 1e-3
    z = result[kernel.Z]
    with np.errstate(invalid="ignore"):
        lost = ~((z > -ready.origin[0] + rim) & (z < ready.depth - ready.origin[0] - rim))
    result[:, lost] = np.nan
    errors = result[kernel.ERRORS : kernel.LIKELIHOOD] * math.sqrt(excess)
    step = model.step_nm
    columns = {
        "x": result[kernel.X],
        "y": result[kernel.Y],
        "z": z * step,
        "photons": result[kernel.N],
        "bg": result[kernel.B],
        "sx": np.interp(z, ready.levels, ready.sx),
        "sy": np.interp(z, ready.levels, ready.sy),
        "lpx": errors[kernel.X],
        "lpy": errors[kernel.Y],
        "lpz": errors[kernel.Z] * step,
        "photons_unc": errors[kernel.N],
        "bg_unc": errors[kernel.B],
        "log_likelihood": result[kernel.LIKELIHOOD],
    }
    single: Columns = {name: values.astype(np.float32) for name, values in columns.items()}
    return single | {"iterations": iterations}


class Spline(Settings):
    """Maximum likelihood, measured point spread function as a cubic spline (Li et al. 2018)."""

    needs_calibration: ClassVar[bool] = True

    starts: int = setting(
        3, help="From how many places along z a spot is fitted at most.", low=1, high=20
    )
    max_iterations: int = setting(
        50, help="A spot that needs more iterations is given up.", low=1, high=1000, advanced=True
    )
    tolerance: float = setting(
        0.01,
        help="A fit ends with a step shorter than this, in standard errors of the result.",
        low=1e-4,
        high=0.5,
        advanced=True,
    )

    def fit_calibrated(self, spots: Spots, model: Any) -> Columns:
        """Fit every box with a model; columns as of `fit_spline`."""
        if not isinstance(model, SplinePSF):
            raise ParameterError(
                "The spline fit needs a measured point spread function, as `limelight psf spline "
                "STACK` makes it: give its file as calibration."
            )
        return fit_spline(
            spots.photons,
            model,
            variance=spots.variance,
            excess=spots.excess_noise,
            starts=self.starts,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
        )

    def fit(self, spots: Spots) -> Columns:
        """Say that a calibration is needed."""
        return self.fit_calibrated(spots, None)
