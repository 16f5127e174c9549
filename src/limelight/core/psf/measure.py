"""All beads of a stack: the table, its summary, how widths vary over the view, and in time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.job import Job, Progress, run
from limelight.core.pool import each
from limelight.core.psf.bead_fit import BEAD_COLUMNS, fit_bead
from limelight.core.psf.beads import Beads, as_stack, find_beads

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SUMMARY_COLUMNS",
    "FieldMap",
    "Trend",
    "bead_job",
    "field_map",
    "measure_beads",
    "summarize",
    "theoretical_fwhm",
]

SUMMARY_COLUMNS = (
    "fwhm_lateral_um",
    "fwhm_x_um",
    "fwhm_y_um",
    "fwhm_z_um",
    "asymmetry",
    "axial_asymmetry",
    "tilt_deg",
    "signal_to_background",
)
"""Columns that a summary is made of."""


def theoretical_fwhm(
    na: float,
    wavelength_nm: float,
    index: float = 1.0,
    mode: Literal["widefield", "confocal"] = "widefield",
) -> tuple[float, float]:
    """Return the lateral and axial full widths at half maximum of a perfect microscope, µm.

    Widefield: 0.51 lambda / NA, and 0.88 lambda / (n - sqrt(n^2 - NA^2)).  Confocal with a closed
    pinhole: 0.37 lambda / NA, and 0.64 lambda / (n - sqrt(n^2 - NA^2)).  Wilhelm et al., Confocal
    Laser Scanning Microscopy (Carl Zeiss, 2003), part 2; the widefield widths also in Cole,
    Jinadasa and Brown, *Nature Protocols* 6, 1929 (2011).

    Parameters
    ----------
    na : float
        Numerical aperture.
    wavelength_nm : float
        Emission wavelength (confocal: of the excitation), nm.
    index : float
        Refractive index of the immersion, above `na`.
    mode : {"widefield", "confocal"}
        Kind of microscope.

    Raises
    ------
    ParameterError
        If the aperture is not below the index, or a number is not above 0.

    Examples
    --------
    >>> lateral, axial = theoretical_fwhm(1.4, 600, 1.518)
    >>> round(lateral, 3), round(axial, 3)
    (0.219, 0.567)
    """
    if not (0 < na < index and wavelength_nm > 0):
        raise ParameterError(
            f"The theoretical width needs 0 < NA < refractive index and a wavelength above 0 nm, "
            f"not NA {na:g}, index {index:g}, {wavelength_nm:g} nm. Oil has 1.518, water 1.333."
        )
    if mode not in ("widefield", "confocal"):
        raise ParameterError(f"mode must be 'widefield' or 'confocal', not {mode!r}.")
    lateral, axial = (0.51, 0.88) if mode == "widefield" else (0.37, 0.64)
    wavelength = wavelength_nm / 1000
    return lateral * wavelength / na, axial * wavelength / (index - math.sqrt(index**2 - na**2))


def measure_beads(stack: ArrayLike, *, scale_um: Sequence[float], **values: Any) -> pd.DataFrame:
    """Find and fit the beads of a stack: `bead_job` without its progress."""
    return run(bead_job(stack, scale_um=scale_um, **values))


def bead_job(
    stack: ArrayLike,
    *,
    scale_um: Sequence[float],
    beads: Beads | None = None,
    box: int = 15,
    method: Literal["lq", "mle"] = "lq",
    baseline: ArrayLike = 0.0,
    bead_diameter_um: float = 0.0,
    threads: int | None = None,
    **finding: Any,
) -> Job[pd.DataFrame]:
    """Find and fit the beads of a stack.

    Parameters
    ----------
    stack : array (Z, Y, X)
        Counts; photons for ``method="mle"`` and a meaningful likelihood.
    scale_um : sequence of float
        Distance of two voxels along z, y, x, µm.
    beads : Beads, optional
        As `find_beads` returns them; found here if not given.
    box, method, bead_diameter_um
        As for `fit_bead`.
    baseline : float or array (Y, X)
        The camera's count in the dark: taken off, so that the background is light.
    threads : int, optional
        Number of threads; all cores if not given.
    **finding
        More arguments of `find_beads`.

    Yields
    ------
    Progress
        Beads that are done.

    Returns
    -------
    pandas.DataFrame
        A row per bead: ``bead`` (index), the columns of `BEAD_COLUMNS` and ``reason``: why it was
        rejected, empty for those that were measured.

    Raises
    ------
    ParameterError
        If the stack is no z-stack, or a number is of no use.
    """
    import pandas as pd

    volume = as_stack(stack)
    if not all(float(s) > 0 for s in scale_um) or len(scale_um) != 3:
        raise ParameterError(f"scale_um must be three distances above 0 µm, not {scale_um}.")
    found = find_beads(volume, box=box, **finding) if beads is None else beads
    dark = np.asarray(baseline, np.float64)
    light = volume if not dark.any() else volume - dark
    rows: list[dict[str, Any]] = []
    good = found.good.tolist()
    fits: dict[int, Any] = {}
    step = 16

    def fit(k: int) -> Any:
        return fit_bead(
            light,
            int(found.z[k]),
            int(found.y[k]),
            int(found.x[k]),
            box=box,
            scale_um=scale_um,
            method=method,
            bead_diameter_um=bead_diameter_um,
        )

    for first in range(0, len(good), step):
        part = good[first : first + step]
        fits.update(zip(part, each(fit, part, threads), strict=True))
        yield Progress(min(first + step, len(good)), len(good), "beads measured")
    for k in range(len(found)):
        values = dict.fromkeys(BEAD_COLUMNS, math.nan)
        values |= {"x": float(found.x[k]), "y": float(found.y[k]), "z": float(found.z[k])}
        for axis, scale in zip(("z", "y", "x"), scale_um, strict=True):
            values[f"{axis}_um"] = values[axis] * float(scale)
        reason = found.reason[k]
        if k in fits:
            values |= fits[k].values
            reason = fits[k].reason
        rows.append({"bead": k, **values, "reason": reason})
    return pd.DataFrame(rows, columns=["bead", *BEAD_COLUMNS, "reason"])


def summarize(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return number, mean, standard deviation, median, minimum and maximum of the widths.

    Parameters
    ----------
    table : pandas.DataFrame
        As `measure_beads` returns it; rejected beads do not count.
    """
    good = table[table["reason"] == ""]
    found: dict[str, dict[str, float]] = {}
    for name in SUMMARY_COLUMNS:
        values = good[name].to_numpy(np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        found[name] = {
            "count": float(len(values)),
            "mean": float(values.mean()),
            "std": float(values.std(ddof=1)) if len(values) > 1 else math.nan,
            "median": float(np.median(values)),
            "min": float(values.min()),
            "max": float(values.max()),
        }
    return found


@dataclass(frozen=True, eq=False)
class FieldMap:
    """How a quantity varies over the view.

    Parameters
    ----------
    column : str
        The quantity.
    degree : int
        Of the polynomial in x and y; the number of beads limits it.
    coefficients : 1D array of float64
        Of 1, x, y, x^2, x y, y^2, ... where x and y run from -1 to 1 over the view.
    fitted : 2D array of float64
        The polynomial on a grid over the view (Y, X).
    binned : 2D array of float64
        Medians of the beads in equal parts of the view (Y, X); NaN without any.
    counts : 2D array of int64
        Beads in each part.
    residual : float
        Standard deviation of the beads about the polynomial.
    """

    column: str
    degree: int
    coefficients: NDArray[np.float64]
    fitted: NDArray[np.float64]
    binned: NDArray[np.float64]
    counts: NDArray[np.int64]
    residual: float


def _terms(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    powers = [(n - k, k) for n in range(degree + 1) for k in range(n + 1)]
    return np.stack([x**i * y**j for i, j in powers], axis=-1)


def field_map(
    table: pd.DataFrame,
    shape: tuple[int, int],
    column: str = "fwhm_lateral_um",
    *,
    degree: int = 2,
    bins: int = 3,
    grid: int = 65,
) -> FieldMap | None:
    """Map a quantity over the view: a polynomial of low order, and medians of its parts.

    Parameters
    ----------
    table : pandas.DataFrame
        As `measure_beads` returns it.
    shape : tuple of int
        Height and width of the view, pixels.
    column : str
        The quantity.
    degree : int
        Highest degree of the polynomial; each coefficient asks for two beads.
    bins : int
        Parts along each side.
    grid : int
        Samples of the polynomial along the longer side.

    Returns
    -------
    FieldMap or None
        None without a bead.
    """
    if column not in table.columns:
        raise ParameterError(f"The table of beads has no column {column!r}.")
    good = table[(table["reason"] == "") & np.isfinite(table[column])]
    if not len(good):
        return None
    height, width = shape
    x = 2 * (good["x"].to_numpy(np.float64) + 0.5) / width - 1
    y = 2 * (good["y"].to_numpy(np.float64) + 0.5) / height - 1
    values = good[column].to_numpy(np.float64)
    while degree and (degree + 1) * (degree + 2) > len(values):
        degree -= 1
    terms = _terms(x, y, degree)
    coefficients = np.linalg.lstsq(terms, values, rcond=None)[0]
    left = values - terms @ coefficients
    free = len(values) - len(coefficients)
    rows = max(round(grid * height / max(shape)), 2)
    columns = max(round(grid * width / max(shape)), 2)
    gy, gx = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    binned = np.full((bins, bins), np.nan)
    counts = np.zeros((bins, bins), np.int64)
    place_y = np.clip(((y + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    place_x = np.clip(((x + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    for i in range(bins):
        for j in range(bins):
            here = values[(place_y == i) & (place_x == j)]
            counts[i, j] = len(here)
            if len(here):
                binned[i, j] = np.median(here)
    return FieldMap(
        column,
        degree,
        coefficients,
        _terms(gx, gy, degree) @ coefficients,
        binned,
        counts,
        float(np.sqrt(np.sum(left**2) / free)) if free > 0 else math.nan,
    )


class Trend:
    """Medians of stack after stack, while somebody turns a correction collar.

    Parameters
    ----------
    length : int
        Stacks that are remembered.

    Examples
    --------
    >>> import pandas as pd
    >>> trend = Trend()
    >>> trend.add(1.5, pd.DataFrame(columns=["reason", *SUMMARY_COLUMNS]))
    {'time': 1.5, 'beads': 0.0}
    """

    def __init__(self, length: int = 500) -> None:
        self._rows: deque[dict[str, float]] = deque(maxlen=length)

    def add(self, time: float, table: pd.DataFrame) -> dict[str, float]:
        """Take the table of a stack; return its medians, with ``time`` (s) and ``beads``."""
        summary = summarize(table)
        row = {"time": float(time), "beads": float((table["reason"] == "").sum())}
        row |= {name: values["median"] for name, values in summary.items()}
        self._rows.append(row)
        return row

    def __len__(self) -> int:
        return len(self._rows)

    def curve(self, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times and medians of a column; NaN for stacks without a bead."""
        rows = list(self._rows)
        time = np.array([r["time"] for r in rows], np.float64)
        return time, np.array([r.get(column, math.nan) for r in rows], np.float64)

    def best(self, column: str = "fwhm_z_um") -> dict[str, float] | None:
        """Return the row with the least value of a column; None if there is none."""
        rows = [r for r in list(self._rows) if math.isfinite(r.get(column, math.nan))]
        return min(rows, key=lambda r: r[column]) if rows else None
