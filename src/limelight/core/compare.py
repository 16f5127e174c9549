"""Hold localizations against the truth: which are right, which are missing, how far off they are.

References
----------
.. [1] Sage et al., Nat. Methods 16, 387 (2019): the assessment of the SMLM Challenge 2016.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from limelight.core.errors import ParameterError

__all__ = ["Score", "challenge_score", "match", "score"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """Counts of right and wrong localizations, and the errors of the right ones.

    Attributes
    ----------
    true_positives, false_positives, false_negatives : int
        Matched molecules, localizations without a molecule, molecules without a localization.
    rmse, rmse_z : float
        Root mean square distance in the plane, sqrt(mean(dx^2 + dy^2)), and along z, in the units
        of the input; nan without a match (and for z without z).
    bias_x, bias_y : float
        Mean of localization minus truth.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    rmse: float
    rmse_z: float
    bias_x: float
    bias_y: float

    @property
    def jaccard(self) -> float:
        """TP / (TP + FP + FN), 0 to 1; nan when there is nothing to find and nothing found."""
        return _ratio(
            self.true_positives, self.true_positives + self.false_positives + self.false_negatives
        )

    @property
    def recall(self) -> float:
        """Share of the molecules that were found."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        """Share of the localizations that are right."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def efficiency(self) -> float:
        """Lateral efficiency E2D of the SMLM Challenge 2016, in percent; `rmse` must be in nm."""
        return self._efficiency(self.rmse**2)

    @property
    def efficiency_3d(self) -> float:
        """The same with half the axial error added, E3D, in percent; `rmse`, `rmse_z` in nm."""
        return self._efficiency(self.rmse**2 + (0.5 * self.rmse_z) ** 2)

    def _efficiency(self, square: float) -> float:
        return float(100 - np.sqrt((100 - 100 * self.jaccard) ** 2 + square))

    def as_dict(self) -> dict[str, float]:
        """All numbers, derived ones too, for a table or a JSON file."""
        return {
            **asdict(self),
            "jaccard": self.jaccard,
            "recall": self.recall,
            "precision": self.precision,
        }


def match(
    truth: dict[str, ArrayLike] | Any,
    found: dict[str, ArrayLike] | Any,
    *,
    tolerance: float = 1.0,
    tolerance_z: float | None = None,
    method: Literal["greedy", "optimal"] = "greedy",
) -> tuple[Integers, Integers]:
    """Pair localizations with molecules, frame by frame, each at most once.

    Parameters
    ----------
    truth, found : mapping or DataFrame
        Columns `frame`, `x`, `y` and, if `tolerance_z` is given, `z`.
    tolerance : float
        Greatest distance in the plane, in the units of x and y, > 0.
    tolerance_z : float, optional
        Greatest distance along z; None does not look at z.
    method : {"greedy", "optimal"}
        "greedy" takes the closest pair first, as the SMLM Challenge does; "optimal" makes as many
        pairs as possible, and among those solutions takes the least sum of squared distances.

    Returns
    -------
    truth_index, found_index : ndarray of int64, shape (pairs,)
        Rows of the two tables, in order of `truth_index`.
    """
    if not tolerance > 0:
        raise ParameterError(f"tolerance must be positive, not {tolerance}")
    if method not in ("greedy", "optimal"):
        raise ParameterError(f"unknown matching method {method!r}; use 'greedy' or 'optimal'")
    a, b, square = _close_pairs(truth, found, tolerance, tolerance_z)
    if method == "greedy":
        a, b = _greedy(a, b, square)
    else:
        a, b = _optimal(a, b, square, tolerance)
    order = np.argsort(a, kind="stable")
    return a[order], b[order]


def score(
    truth: dict[str, ArrayLike] | Any,
    found: dict[str, ArrayLike] | Any,
    *,
    shape: tuple[int, int] | None = None,
    rim: float = 8.0,
    tolerance: float = 1.0,
    tolerance_z: float | None = None,
    method: Literal["greedy", "optimal"] = "greedy",
    min_photons: float = 0.0,
) -> Score:
    """Count right and wrong localizations.

    Molecules near the border, and molecules too dim to be asked for, are matched like all others
    but count neither as found nor as missed; nor does a localization that belongs to one of them.
    An unmatched localization counts as wrong unless it lies in the rim.

    Parameters
    ----------
    truth, found : mapping or DataFrame
        Columns `frame`, `x`, `y` (pixels, pixel centres at integers), optionally `z`; `truth` also
        `photons` if `min_photons` is above 0.
    shape : tuple of int, optional
        Height and width of the frames in pixels; needed to leave out the rim. None keeps all.
    rim : float
        Width of the rim left out, in pixels.
    tolerance, tolerance_z, method
        As for `match`.
    min_photons : float
        Molecules with fewer photons in a frame are not asked for.

    Returns
    -------
    Score
        Counts and errors, in the units of the input.
    """
    ti, fi = match(truth, found, tolerance=tolerance, tolerance_z=tolerance_z, method=method)
    tx, ty = _column(truth, "x"), _column(truth, "y")
    fx, fy = _column(found, "x"), _column(found, "y")
    asked = np.ones(tx.size, dtype=bool)
    counted = np.ones(fx.size, dtype=bool)
    if shape is not None:
        asked &= _within(tx, ty, shape, rim)
        counted &= _within(fx, fy, shape, rim)
    if min_photons > 0:
        asked &= _column(truth, "photons") >= min_photons
    right = asked[ti]
    unmatched = counted.copy()
    unmatched[fi] = False
    hit_t, hit_f = ti[right], fi[right]
    dx, dy = fx[hit_f] - tx[hit_t], fy[hit_f] - ty[hit_t]
    rmse = rmse_z = bias_x = bias_y = float("nan")
    if dx.size:
        rmse = float(np.sqrt(np.mean(dx**2 + dy**2)))
        bias_x, bias_y = float(dx.mean()), float(dy.mean())
        if "z" in truth and "z" in found:
            dz = _column(found, "z")[hit_f] - _column(truth, "z")[hit_t]
            rmse_z = float(np.sqrt(np.mean(dz**2)))
    hits = int(right.sum())
    return Score(hits, int(unmatched.sum()), int(asked.sum()) - hits, rmse, rmse_z, bias_x, bias_y)


def challenge_score(
    truth: dict[str, ArrayLike] | Any,
    found: dict[str, ArrayLike] | Any,
    *,
    size: tuple[float, float],
    axial: bool = False,
) -> Score:
    """Score by the rules of the SMLM Challenge 2016.

    Greedy matching within 250 nm in the plane, and 500 nm along z if `axial`; a rim of 450 nm is
    left out.

    Parameters
    ----------
    truth, found : mapping or DataFrame
        Columns `frame`, `x`, `y` and, if `axial`, `z`, all in nm, with 0 at the outer edge of the
        first pixel, as in the challenge's files.
    size : tuple of float
        Height and width of the field of view in nm.
    axial : bool
        Judge z as well.

    Returns
    -------
    Score
        `efficiency` and `efficiency_3d` are the challenge's figures of merit.
    """

    def shifted(table: Any) -> dict[str, Floats]:
        # `score` counts from the centre of the first unit.
        columns = {"frame": _column(table, "frame")}
        columns |= {name: _column(table, name) - 0.5 for name in ("x", "y")}
        if axial:
            columns["z"] = _column(table, "z")
        return columns

    return score(
        shifted(truth),
        shifted(found),
        shape=(round(size[0]), round(size[1])),
        rim=450.0,
        tolerance=250.0,
        tolerance_z=500.0 if axial else None,
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _column(table: Any, name: str) -> Floats:
    try:
        return np.asarray(table[name], dtype=np.float64).ravel()
    except KeyError:
        raise ParameterError(f"the table to compare has no column {name!r}") from None


def _within(x: Floats, y: Floats, shape: tuple[int, int], rim: float) -> NDArray[np.bool_]:
    height, width = shape
    return (x >= rim - 0.5) & (x < width - 0.5 - rim) & (y >= rim - 0.5) & (y < height - 0.5 - rim)


def _close_pairs(
    truth: Any, found: Any, tolerance: float, tolerance_z: float | None
) -> tuple[Integers, Integers, Floats]:
    """All pairs of one frame within the tolerance, with their squared distance in the plane."""
    from scipy.spatial import cKDTree

    none = np.empty(0, dtype=np.int64)
    frames = [_column(table, "frame") for table in (truth, found)]
    points = [
        np.column_stack((_column(table, "x"), _column(table, "y"))) for table in (truth, found)
    ]
    usable = [np.flatnonzero(np.isfinite(p).all(axis=1)) for p in points]
    if not usable[0].size or not usable[1].size:
        return none, none, np.empty(0)
    # Frames become a third coordinate, further apart than the tolerance: one tree serves them all.
    trees = [
        cKDTree(np.column_stack((p[u], f[u] * (4.0 * tolerance))))
        for p, f, u in zip(points, frames, usable, strict=True)
    ]
    pairs = trees[0].sparse_distance_matrix(trees[1], tolerance, output_type="ndarray")
    a, b = usable[0][pairs["i"]], usable[1][pairs["j"]]
    if tolerance_z is not None:
        near = np.abs(_column(truth, "z")[a] - _column(found, "z")[b]) <= tolerance_z
        a, b = a[near], b[near]
    square = ((points[0][a] - points[1][b]) ** 2).sum(axis=1)
    return a.astype(np.int64), b.astype(np.int64), square


def _greedy(a: Integers, b: Integers, square: Floats) -> tuple[Integers, Integers]:
    if not a.size:
        return a, b
    order = np.lexsort((b, a, square))
    a_free = np.ones(a.max() + 1, dtype=bool)
    b_free = np.ones(b.max() + 1, dtype=bool)
    taken = []
    for k in order.tolist():
        i, j = a[k], b[k]
        if a_free[i] and b_free[j]:
            a_free[i] = b_free[j] = False
            taken.append(k)
    return a[taken], b[taken]


def _optimal(
    a: Integers, b: Integers, square: Floats, tolerance: float
) -> tuple[Integers, Integers]:
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not a.size:
        return a, b
    # Pairs that compete hang together; each such cluster is a small problem of its own.
    n_a, n_b = int(a.max()) + 1, int(b.max()) + 1
    graph = coo_array((np.ones(a.size), (a, b + n_a)), shape=(n_a + n_b, n_a + n_b))
    _, label = connected_components(graph, directed=False)
    cluster = label[a]
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    taken: list[int] = []
    for members in np.split(order, starts[1:]):
        if members.size == 1:
            taken.append(int(members[0]))
            continue
        rows, i = np.unique(a[members], return_inverse=True)
        columns, j = np.unique(b[members], return_inverse=True)
        # One more pair always outweighs any saving in distance.
        prize = 2 * tolerance**2 * (min(rows.size, columns.size) + 1)
        cost = np.zeros((rows.size, columns.size))
        which = np.full(cost.shape, -1, dtype=np.int64)
        cost[i, j] = square[members] - prize
        which[i, j] = members
        chosen = which[linear_sum_assignment(cost)]
        taken.extend(chosen[chosen >= 0].tolist())
    index = np.sort(np.asarray(taken, dtype=np.int64))
    return a[index], b[index]
